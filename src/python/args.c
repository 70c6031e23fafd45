/* Python arguments by schema: the values. Errors are told in args_error.c. */
#include "python/args.h"

#include "base/error.h"
#include "base/mem.h"
#include "python/errors.h"
#include "python/nn_lazy.h"
#include "python/tensor_type.h"
#include "python/types.h"

#include <string.h>

/* ---- memory for the time of the call ---- */

static void *take_block(struct parsed_args *out, size_t bytes)
{
    const int words = (int)((bytes + sizeof(*out->space) - 1) / sizeof(*out->space));
    void *block = out->space + out->space_used;

    if (bytes <= sizeof(out->space) - (size_t)out->space_used * sizeof(*out->space)) {
        out->space_used += words;
        return block;
    }
    if (out->block_count == OP_MAX_ARGS)
        return NULL;
    block = mem_alloc(bytes);
    if (block)
        out->blocks[out->block_count++] = block;
    return block;
}

static int64_t *take_ints(struct parsed_args *out, Py_ssize_t count)
{
    return take_block(out, (size_t)count * sizeof(int64_t));
}

void args_release_all(struct parsed_args *args)
{
    for (int i = 0; i < args->owned_count; i++)
        tensor_unref(args->owned[i]);
    for (int i = 0; i < args->block_count; i++)
        mem_free(args->blocks[i]);
    args->owned_count = args->block_count = 0;
}

/* ---- one value: 1 it fits, 0 it does not, -1 an exception ---- */

static int read_tensor(PyObject *object, bool number_too, struct value *v, struct parsed_args *out)
{
    struct scalar s;

    if (tensor_check(object)) {
        v->tensor = tensor_of(object);
        return v->tensor->numel == 0 && lazy_refused(object) ? -1 : 1;
    }
    if (!number_too || !is_python_number(object))
        return 0;
    if (!scalar_from_python(object, &s))
        return -1;
    v->tensor = tensor_wrap_number(s);
    if (!v->tensor)
        return python_error(), -1;
    out->owned[out->owned_count++] = v->tensor;
    return 1;
}

static int read_int(PyObject *object, int64_t *out)
{
    struct scalar s;

    if (PyLong_CheckExact(object)) {
        *out = PyLong_AsLongLong(object);
        return *out == -1 && PyErr_Occurred() ? -1 : 1;
    }
    if (PyFloat_Check(object) || PyBool_Check(object))
        return 0;
    if (tensor_check(object)) {
        if (tensor_of(object)->numel != 1 ||
            dtype_is_differentiable(tensor_dtype(tensor_of(object))))
            return 0;
        tensor_item(tensor_of(object), &s);
        *out = s.i;
        return 1;
    }
    if (!PyIndex_Check(object))
        return 0;
    *out = PyNumber_AsSsize_t(object, PyExc_OverflowError);
    return *out == -1 && PyErr_Occurred() ? -1 : 1;
}

static int read_ints(const struct param *p, PyObject *object, struct value *v,
                     struct parsed_args *out)
{
    Py_ssize_t count = p->list_size;
    int64_t *ints, one;
    int status;

    if (p->list_size > 0 && (status = read_int(object, &one)) != 0) {
        ints = status > 0 ? take_ints(out, count) : NULL;
        for (Py_ssize_t i = 0; ints && i < count; i++)
            ints[i] = one;
    } else if (PyTuple_Check(object) || PyList_Check(object)) {
        count = PySequence_Fast_GET_SIZE(object);
        ints = take_ints(out, count);
        for (Py_ssize_t i = 0; ints && i < count; i++) {
            status = read_int(PySequence_Fast_GET_ITEM(object, i), &ints[i]);
            if (status <= 0)
                return status;
        }
    } else {
        return 0;
    }
    v->ints.at = ints;
    v->ints.count = (int)count;
    return ints ? 1 : -1;
}

static int read_floats(const struct param *p, PyObject *object, struct value *v,
                       struct parsed_args *out)
{
    Py_ssize_t count;
    double *floats;

    if (p->list_size > 0 && is_python_number(object)) {
        floats = take_block(out, (size_t)p->list_size * sizeof(*floats));
        v->floats.at = floats;
        v->floats.count = p->list_size;
        for (int i = 0; floats && i < p->list_size; i++)
            floats[i] = PyFloat_AsDouble(object);
        return floats && !PyErr_Occurred() ? 1 : -1;
    }
    if (!PyTuple_Check(object) && !PyList_Check(object))
        return 0;
    count = PySequence_Fast_GET_SIZE(object);
    floats = take_block(out, (size_t)count * sizeof(*floats));
    for (Py_ssize_t i = 0; floats && i < count; i++) {
        floats[i] = PyFloat_AsDouble(PySequence_Fast_GET_ITEM(object, i));
        if (floats[i] == -1 && PyErr_Occurred()) {
            PyErr_Clear();
            return 0;
        }
    }
    v->floats.at = floats;
    v->floats.count = (int)count;
    return floats ? 1 : -1;
}

static int read_tensors(PyObject *object, struct value *v, struct parsed_args *out)
{
    Py_ssize_t count;
    struct tensor **at;

    if (!PyTuple_Check(object) && !PyList_Check(object))
        return 0;
    count = PySequence_Fast_GET_SIZE(object);
    at = take_block(out, (size_t)count * sizeof(struct tensor *));
    for (Py_ssize_t i = 0; at && i < count; i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(object, i);

        if (!tensor_check(item))
            return 0;
        at[i] = tensor_of(item);
    }
    v->tensors.at = at;
    v->tensors.count = (int)count;
    return at ? 1 : -1;
}

/* One entry for each dimension: behind a mask of n dimensions, n - 1 are empty. */
static int read_indices(PyObject *object, struct value *v, struct parsed_args *out)
{
    struct tensor **at = take_block(out, TENSOR_MAX_DIMS * sizeof(struct tensor *));
    int count = 0;

    if (!at)
        return -1;
    if (!PyTuple_Check(object) && !PyList_Check(object))
        return 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(object); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(object, i);
        struct tensor *t = tensor_check(item) ? tensor_of(item) : NULL;
        int covers = t && (t->dtype == DTYPE_b8 || t->dtype == DTYPE_u8) ? t->ndim : 1;

        if ((!t && item != Py_None) || count + covers > TENSOR_MAX_DIMS)
            return 0;
        for (int d = 0; d < covers; d++)
            at[count++] = d == 0 ? t : NULL;
    }
    v->tensors.at = at;
    v->tensors.count = count;
    return 1;
}

static int read_scalar(PyObject *object, struct scalar *out)
{
    if (!is_python_number(object) &&
        !(tensor_check(object) && tensor_of(object)->numel == 1 && tensor_of(object)->ndim == 0))
        return 0;
    return scalar_from_python(object, out) ? 1 : -1;
}

static int read_dtype(PyObject *object, struct value *v)
{
    enum dtype dtype;

    if (!dtype_from_python(object, &dtype))
        return 0;
    v->i = dtype;
    return 1;
}

static int read_float(PyObject *object, struct value *v)
{
    struct scalar s;
    int status = PyBool_Check(object) ? 0 : read_scalar(object, &s);

    if (status > 0)
        v->d = s.d;
    return status;
}

static int read_any(const struct param *p, bool number_too, PyObject *object, struct value *v,
                    struct parsed_args *out)
{
    if (object == Py_None && p->nullable) {
        v->given = false;
        return 1;
    }
    switch (p->type) {
    case VALUE_TENSOR:
        return read_tensor(object, number_too, v, out);
    case VALUE_TENSORS:
        return read_tensors(object, v, out);
    case VALUE_INDICES:
        return read_indices(object, v, out);
    case VALUE_SCALAR:
        return read_scalar(object, &v->scalar);
    case VALUE_INT:
        return read_int(object, &v->i);
    case VALUE_INTS:
        return read_ints(p, object, v, out);
    case VALUE_FLOAT:
        return read_float(object, v);
    case VALUE_FLOATS:
        return read_floats(p, object, v, out);
    case VALUE_BOOL:
        v->i = object == Py_True;
        return PyBool_Check(object);
    case VALUE_DTYPE:
        return read_dtype(object, v);
    case VALUE_DEVICE:
        return device_check(object) < 0 ? -1 : 1;
    case VALUE_GENERATOR:
        v->generator =
            Py_IS_TYPE(object, generator_type) ? ((GeneratorObject *)object)->generator : NULL;
        return v->generator != NULL;
    case VALUE_STRING:
    case VALUE_NAME:
    case VALUE_NAMES:
        v->text = PyUnicode_Check(object) ? PyUnicode_AsUTF8(object) : NULL;
        return v->text != NULL;
    default:
        return p->type == VALUE_OBJECT;
    }
}

/* Most of what there is to read is a tensor. */
static inline int read_value(const struct param *p, bool number_too, PyObject *object,
                             struct value *v, struct parsed_args *out)
{
    v->given = true;
    if (p->type == VALUE_TENSOR && Py_IS_TYPE(object, tensor_type) &&
        tensor_of(object)->numel > 0) {
        v->tensor = tensor_of(object);
        return 1;
    }
    return read_any(p, number_too, object, v, out);
}

/* ---- which value is meant ---- */

/* The names that NumPy's users know, and those of the notes. */
static const struct {
    const char *name, *alias;
} aliases[] = {{"dim", "axis"},
               {"keepdim", "keepdims"},
               {"other", "x2"},
               {"other", "exponent"},
               {"diagonal", "k"}};

static bool name_is(const struct param *p, const char *name)
{
    return strlen(name) == (size_t)p->name_length && memcmp(p->name, name, strlen(name)) == 0;
}

int args_find_name(const struct schema *schema, const char *name, const char *self_name)
{
    for (int i = 0; i < schema->count; i++) {
        const struct param *p = &schema->params[i];

        if (name_is(p, name))
            return i == 0 && self_name && name_is(p, "self") ? -1 : i;
        if (i == 0 && self_name && name_is(p, "self") && strcmp(name, self_name) == 0)
            return i;
    }
    for (size_t k = 0; k < sizeof(aliases) / sizeof(*aliases); k++) {
        for (int i = 0; i < schema->count && strcmp(name, aliases[k].alias) == 0; i++) {
            if (name_is(&schema->params[i], aliases[k].name))
                return i;
        }
    }
    return -1;
}

/* out=: a tensor, or a tuple of them. */
static int read_out(const struct schema *schema, PyObject *object, struct parsed_args *out)
{
    if (object == Py_None)
        return 1;
    if (schema->outputs == 1 && tensor_check(object)) {
        out->out[0] = tensor_of(object);
        return 1;
    }
    if (!PyTuple_Check(object) || schema->outputs == 1)
        return 0;
    if (PyTuple_GET_SIZE(object) != schema->outputs) {
        PyErr_Format(PyExc_TypeError, "expected tuple of %d elements but got %zd", schema->outputs,
                     PyTuple_GET_SIZE(object));
        return -1;
    }
    for (int i = 0; i < schema->outputs; i++) {
        if (!tensor_check(PyTuple_GET_ITEM(object, i)))
            return 0;
        out->out[i] = tensor_of(PyTuple_GET_ITEM(object, i));
    }
    return 1;
}

/* x.view(2, 3), torch.meshgrid(a, b): the last positional parameter, a list of ints or tensors,
 * takes all the arguments that are left. */
static bool takes_the_rest(const struct schema *schema, int i, PyObject *object)
{
    const struct param *p = &schema->params[i];

    if (i != schema->positional - 1)
        return false;
    if (p->type == VALUE_TENSORS)
        return tensor_check(object);
    return p->type == VALUE_INTS && p->list_size == 0 &&
           (PyLong_CheckExact(object) || tensor_check(object));
}

static int read_rest_tensors(const struct python_call *call, int from, struct value *v,
                             struct parsed_args *out)
{
    Py_ssize_t count = call->count - from;
    struct tensor **at = take_block(out, (size_t)count * sizeof(struct tensor *));

    for (Py_ssize_t i = 0; at && i < count; i++) {
        if (!tensor_check(call->args[from + i]))
            return 0;
        at[i] = tensor_of(call->args[from + i]);
    }
    *v = (struct value){.given = true, .tensors = {at, (int)count}};
    return at ? 1 : -1;
}

static int read_rest(const struct param *p, const struct python_call *call, int from,
                     struct value *v, struct parsed_args *out)
{
    Py_ssize_t count = call->count - from;
    int64_t *ints;

    if (p->type == VALUE_TENSORS)
        return read_rest_tensors(call, from, v, out);
    ints = take_ints(out, count);
    for (Py_ssize_t i = 0; ints && i < count; i++) {
        int status = read_int(call->args[from + i], &ints[i]);

        if (status <= 0)
            return status;
    }
    *v = (struct value){.given = true, .ints = {ints, (int)count}};
    return ints ? 1 : -1;
}

static int read_positional(const struct schema *schema, const struct python_call *call,
                           uint32_t *seen, struct parsed_args *out)
{
    for (int i = 0; i < call->count; i++) {
        const struct param *p = &schema->params[i];
        int status;

        if (i >= schema->positional)
            return 0;
        *seen |= 1u << i;
        if (takes_the_rest(schema, i, call->args[i]))
            return read_rest(p, call, i, &out->values[i], out);
        status = read_value(p, i > 0 ? schema->numbers : schema->number_first, call->args[i],
                            &out->values[i], out);
        if (status <= 0)
            return status;
    }
    return 1;
}

static int read_keywords(const struct schema *schema, const struct python_call *call,
                         bool takes_out, const char *self_name, uint32_t *seen,
                         struct parsed_args *out)
{
    Py_ssize_t count = call->names ? PyTuple_GET_SIZE(call->names) : 0;

    for (Py_ssize_t k = 0; k < count; k++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(call->names, k));
        PyObject *object = call->args[call->count + k];
        int i = name ? args_find_name(schema, name, self_name) : -1, status;

        if (i < 0 && takes_out && name && strcmp(name, "out") == 0) {
            status = read_out(schema, object, out);
        } else if (i < 0 || *seen >> i & 1) {
            return 0;
        } else {
            *seen |= 1u << i;
            status = read_value(&schema->params[i], i > 0 ? schema->numbers : schema->number_first,
                                object, &out->values[i], out);
        }
        if (status <= 0)
            return status;
    }
    return 1;
}

int args_parse(const struct schema *schema, const struct python_call *call, bool takes_out,
               const char *self_name, struct parsed_args *out)
{
    uint32_t seen = 0, left;
    int status;

    out->owned_count = out->block_count = out->space_used = 0;
    memset(out->out, 0, sizeof(out->out));
    status = read_positional(schema, call, &seen, out);
    if (status > 0 && call->names)
        status = read_keywords(schema, call, takes_out, self_name, &seen, out);
    left = ((1u << schema->count) - 1) & ~seen;
    if (status > 0 && !(left & ~schema->defaults)) {
        for (; left; left &= left - 1)
            out->values[__builtin_ctz(left)] = schema->params[__builtin_ctz(left)].value;
        return 1;
    }
    args_release(out);
    if (status < 0 && !PyErr_Occurred())
        python_error();
    return status < 0 ? -1 : 0;
}

int shape_read(PyObject *const *args, Py_ssize_t count, int64_t *shape)
{
    if (count == 1 && (PyTuple_Check(args[0]) || PyList_Check(args[0]))) {
        PyObject *sequence = args[0];

        count = PySequence_Fast_GET_SIZE(sequence);
        args = PySequence_Fast_ITEMS(sequence);
    }
    if (count > TENSOR_MAX_DIMS) {
        PyErr_Format(PyExc_RuntimeError, "tensors have at most %d dimensions here, got %zd",
                     TENSOR_MAX_DIMS, count);
        return SHAPE_ERROR;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        int status = read_int(args[i], &shape[i]);

        if (status <= 0)
            return status < 0 ? SHAPE_ERROR : SHAPE_MISFIT;
    }
    return (int)count;
}

int shape_read_list(PyObject *list, int64_t *shape)
{
    return PyTuple_Check(list) || PyList_Check(list) ? shape_read(&list, 1, shape) : SHAPE_MISFIT;
}

int shape_from_python(PyObject *const *args, Py_ssize_t count, int64_t *shape)
{
    int ndim = shape_read(args, count, shape);

    if (ndim == SHAPE_MISFIT)
        PyErr_SetString(PyExc_TypeError, "size must be a tuple of ints");
    return ndim < 0 ? -1 : ndim;
}
