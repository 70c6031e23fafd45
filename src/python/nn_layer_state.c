/*
 * Parameters and buffers of layers, from the state column of layers.def.
 */
#include "python/nn_layers.h"

#include "base/error.h"
#include "nn/init.h"
#include "python/errors.h"
#include "python/nn_lazy.h"

#include <assert.h>
#include <string.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

static PyObject *read_name(const char **text)
{
    size_t length = strspn(*text, letters);
    PyObject *name = PyUnicode_FromStringAndSize(*text, (Py_ssize_t)length);

    *text += length;
    if (name)
        PyUnicode_InternInPlace(&name);
    return name;
}

/* "weight?affine[n]=ones" and what follows its semicolon. */
static const char *read_entry(const char *text, struct state_entry *entry)
{
    memset(entry, 0, sizeof(*entry));
    text += strspn(text, " ;");
    entry->buffer = strncmp(text, "buffer ", 7) == 0;
    if (entry->buffer)
        text += 7;
    entry->name = read_name(&text);
    if (*text == '?') {
        text++;
        entry->condition = *text == '[' ? Py_XNewRef(entry->name) : read_name(&text);
    }
    if (*text == '[') {
        entry->shape = text + 1;
        text = strchr(text, ']') + 1;
        assert(*text == '=');
        entry->rule = text + 1;
        entry->rule_length = strcspn(entry->rule, ";");
        text = entry->rule + entry->rule_length;
    }
    return *text == ';' ? text + 1 : text;
}

int layer_prepare_state(struct layer_type *layer)
{
    const char *text = layer->state;

    while (*text) {
        assert(layer->entry_count < STATE_MAX);
        text = read_entry(text, &layer->entries[layer->entry_count]);
        if (!layer->entries[layer->entry_count++].name)
            return -1;
    }
    return 0;
}

/* ---- shapes ---- */

static int size_of(const struct layer_type *layer, const char *name, PyObject *object,
                   int64_t *size)
{
    PyObject *whole = PyNumber_Index(object);

    if (!whole) {
        PyObject *text = PyUnicode_FromStringAndSize(name, (Py_ssize_t)strspn(name, letters));

        if (text)
            PyErr_Format(PyExc_TypeError, "%s(): '%U' must be an int, not %s", layer->name, text,
                         _PyType_Name(Py_TYPE(object)));
        Py_XDECREF(text);
        return -1;
    }
    *size = PyLong_AsLongLong(whole);
    Py_DECREF(whole);
    return *size == -1 && PyErr_Occurred() ? -1 : 0;
}

/* A number, or the attribute of that name as a new reference. */
static PyObject *size_object_of(PyObject *self, const char **text)
{
    PyObject *name = read_name(text), *found;

    if (!name)
        return NULL;
    found = Py_UNICODE_ISDIGIT(PyUnicode_READ_CHAR(name, 0)) ? PyLong_FromUnicodeObject(name, 10)
                                                             : PyObject_GetAttr(self, name);
    Py_DECREF(name);
    return found;
}

static int append_tuple(const struct layer_type *layer, const char *name, PyObject *tuple,
                        int64_t *shape, int *ndim)
{
    PyObject *items = PySequence_Fast(tuple, "a size must be a sequence of ints");
    int status = items ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PySequence_Fast_GET_SIZE(items); i++) {
        if (*ndim == TENSOR_MAX_DIMS) {
            PyErr_Format(PyExc_ValueError, "%s(): too many dimensions", layer->name);
            status = -1;
        } else {
            status = size_of(layer, name, PySequence_Fast_GET_ITEM(items, i), &shape[*ndim]);
            (*ndim)++;
        }
    }
    Py_XDECREF(items);
    return status;
}

/* "out_features, in_channels/groups, *kernel_size]". The number of dimensions, or -1. */
static int read_shape(PyObject *self, const struct layer_type *layer, const char *text,
                      int64_t *shape)
{
    int ndim = 0, status = 0;

    while (status == 0 && *(text += strspn(text, " ,")) != ']') {
        bool tuple = *text == '*';
        const char *name = text += tuple;
        PyObject *size = size_object_of(self, &text);

        if (!size)
            status = -1;
        else if (tuple)
            status = append_tuple(layer, name, size, shape, &ndim);
        else
            status = size_of(layer, name, size, &shape[ndim++]);
        Py_XDECREF(size);
        if (status == 0 && *text == '/') {
            int64_t divisor = 0;

            name = ++text;
            size = size_object_of(self, &text);
            status = size ? size_of(layer, name, size, &divisor) : -1;
            Py_XDECREF(size);
            if (status == 0)
                shape[ndim - 1] = divisor ? shape[ndim - 1] / divisor : 0;
        }
    }
    return status < 0 ? -1 : ndim;
}

/* ---- making and filling ---- */

/* "@init": every element is the number that the argument of that name gave. */
static int fill_from_attribute(PyObject *self, const struct state_entry *entry, struct tensor *t)
{
    PyObject *name =
        PyUnicode_FromStringAndSize(entry->rule + 1, (Py_ssize_t)entry->rule_length - 1);
    PyObject *value = name ? PyObject_GetAttr(self, name) : NULL;
    double number = value ? PyFloat_AsDouble(value) : -1;
    int status = PyErr_Occurred() ? -1 : 0;

    Py_XDECREF(name);
    Py_XDECREF(value);
    if (status == 0 && nn_constant(t, number) < 0)
        status = python_error() ? 0 : -1;
    return status;
}

/* "except padding_idx": the row of that number, if the attribute is one, is 0. */
static int zero_row(PyObject *self, const char *text, struct tensor *t)
{
    PyObject *name = read_name(&text);
    PyObject *value = name ? PyObject_GetAttr(self, name) : NULL;
    int64_t row = value && value != Py_None ? PyLong_AsLongLong(value) : 0;
    struct tensor *part = NULL;
    struct value args[] = {
        {.given = true, .tensor = t}, {.given = true, .i = 0}, {.given = true, .i = row}};
    int status = PyErr_Occurred() ? -1 : 0;

    if (status == 0 && value != Py_None) {
        bool was = grad_set_enabled(false);

        status = op_call(&ops[OP_select], args, &part);
        if (status == 0)
            status = tensor_fill(part, scalar_int(0));
        grad_set_enabled(was);
        tensor_unref(part);
        if (status < 0)
            python_error();
    }
    Py_XDECREF(name);
    Py_XDECREF(value);
    return status;
}

/* `first` is the layer's first tensor, which some rules look at. */
static int fill_entry(PyObject *self, const struct state_entry *entry, struct tensor *t,
                      const struct tensor *first)
{
    nn_init_rule *rule;
    const char *except;

    if (*entry->rule == '@')
        return fill_from_attribute(self, entry, t);
    rule = nn_find_init_rule(entry->rule, strcspn(entry->rule, " ;"));
    assert(rule);
    if (rule(t, first) < 0)
        return python_error() ? 0 : -1;
    except = strstr(entry->rule, " except ");
    return except ? zero_row(self, except + strlen(" except "), t) : 0;
}

/* The dtype= argument of the constructor, or the default. */
static int wanted_dtype(const struct layer_type *layer, PyObject *const *args, enum dtype *dtype)
{
    int i = schema_find(&layer->takes, "dtype", 5);

    *dtype = dtype_default();
    if (i < 0 || !args[i] || args[i] == Py_None)
        return 0;
    return dtype_from_python(args[i], dtype) ? 0 : -1;
}

/* Registers the object under its name; NULL passes on an exception. Takes over the reference. */
static int set_entry(PyObject *self, const struct state_entry *entry, PyObject *object)
{
    int status = -1;

    if (object)
        status = entry->buffer ? module_register_buffer(self, entry->name, object, true)
                               : module_register_parameter(self, entry->name, object);
    Py_XDECREF(object);
    return status;
}

static bool entry_exists(const struct layer_type *layer, const struct state_entry *entry,
                         PyObject *const *args)
{
    Py_ssize_t length;
    const char *name;
    int i;

    if (!entry->condition)
        return true;
    name = PyUnicode_AsUTF8AndSize(entry->condition, &length);
    i = name ? schema_find(&layer->takes, name, (size_t)length) : -1;
    assert(i >= 0);
    return PyObject_IsTrue(args[i]) > 0;
}

static PyObject *make_entry(PyObject *self, const struct layer_type *layer,
                            const struct state_entry *entry, enum dtype dtype)
{
    int64_t shape[TENSOR_MAX_DIMS + 1];
    int ndim = read_shape(self, layer, entry->shape, shape);
    PyObject *tensor, *parameter;

    if (ndim < 0)
        return NULL;
    tensor = tensor_wrap(tensor_new(ndim ? dtype : DTYPE_i64, ndim, shape));
    if (!tensor || entry->buffer)
        return tensor;
    parameter = PyObject_CallOneArg((PyObject *)parameter_type, tensor);
    Py_DECREF(tensor);
    return parameter;
}

/* The argument "_weight" of a parameter "weight": a tensor to start from, borrowed; else NULL. */
static PyObject *given_tensor(const struct layer_type *layer, const struct state_entry *entry,
                              PyObject *const *args)
{
    const char *name = PyUnicode_AsUTF8(entry->name);

    for (int i = 0; name && i < layer->takes.count; i++) {
        const struct param *p = &layer->takes.params[i];

        if (*p->name == '_' && (size_t)p->name_length == strlen(name) + 1 &&
            memcmp(p->name + 1, name, strlen(name)) == 0)
            return args[i] == Py_None ? NULL : args[i];
    }
    return NULL;
}

int layer_make_state(PyObject *self, const struct layer_type *layer, PyObject *const *args)
{
    enum dtype dtype;
    bool filled = false;

    if (layer->entry_count == 0)
        return 0;
    if (wanted_dtype(layer, args, &dtype) < 0)
        return -1;
    for (int i = 0; i < layer->entry_count; i++) {
        const struct state_entry *entry = &layer->entries[i];
        PyObject *object, *start = given_tensor(layer, entry, args);

        if (start)
            object = PyObject_CallOneArg((PyObject *)parameter_type, start);
        else if (!entry->shape)
            object = Py_NewRef(args[schema_find(&layer->takes, PyUnicode_AsUTF8(entry->name),
                                                (size_t)PyUnicode_GET_LENGTH(entry->name))]);
        else if (!entry_exists(layer, entry, args))
            object = Py_NewRef(Py_None);
        else
            object = make_entry(self, layer, entry, dtype);
        if (set_entry(self, entry, object) < 0)
            return -1;
        filled |= start != NULL;
    }
    return filled ? 0 : layer_reset(self, layer);
}

int layer_make_lazy_state(PyObject *self, const struct layer_type *layer, PyObject *const *args)
{
    enum dtype dtype;

    if (wanted_dtype(layer, args, &dtype) < 0)
        return -1;
    for (int i = 0; i < layer->entry_count; i++) {
        const struct state_entry *entry = &layer->entries[i];
        bool counts = *entry->shape == ']'; /* of no dimensions: nothing to wait for */
        PyObject *object;

        if (!entry_exists(layer, entry, args))
            object = Py_NewRef(Py_None);
        else if (counts)
            object = tensor_wrap(tensor_zeros(DTYPE_i64, 0, NULL));
        else
            object = lazy_tensor(entry->buffer, dtype);
        if (set_entry(self, entry, object) < 0)
            return -1;
    }
    return 0;
}

int layer_materialize(PyObject *self, const struct layer_type *layer)
{
    for (int i = 0; i < layer->entry_count; i++) {
        const struct state_entry *entry = &layer->entries[i];
        PyObject *object = PyObject_GetAttr(self, entry->name);
        int64_t shape[TENSOR_MAX_DIMS + 1];
        int ndim = object && is_lazy(object) ? read_shape(self, layer, entry->shape, shape) : 0;
        int status = object && ndim >= 0 ? 0 : -1;

        if (status == 0 && is_lazy(object))
            status = lazy_materialize(object, tensor_dtype(tensor_of(object)), ndim, shape);
        Py_XDECREF(object);
        if (status < 0)
            return -1;
    }
    return layer_reset(self, layer);
}

int layer_reset(PyObject *self, const struct layer_type *layer)
{
    PyObject *first = NULL;
    int status = 0;

    for (int i = 0; status == 0 && i < layer->entry_count; i++) {
        const struct state_entry *entry = &layer->entries[i];
        PyObject *tensor = entry->shape ? PyObject_GetAttr(self, entry->name) : NULL;

        if (!entry->shape)
            continue;
        if (tensor && tensor_check(tensor)) {
            if (!first)
                first = Py_NewRef(tensor);
            status = fill_entry(self, entry, tensor_of(tensor), tensor_of(first));
        } else if (tensor != Py_None) {
            if (tensor)
                PyErr_Format(PyExc_TypeError, "'%U' is no Tensor", entry->name);
            status = -1;
        }
        Py_XDECREF(tensor);
    }
    Py_XDECREF(first);
    return status;
}
