/* Making tensors of a size: zeros, ones, full, rand and their relatives; what all makers share. */
#include "python/create.h"

#include "python/errors.h"
#include "python/module.h"
#include "python/types.h"

#include <string.h>

/* ---- shared arguments ---- */

bool create_read_option(const char *name, PyObject *value, struct create_options *o, bool *known)
{
    *known = true;
    if (strcmp(name, "dtype") == 0) {
        if (value == Py_None || dtype_from_python(value, &o->dtype))
            return true;
        PyErr_Format(PyExc_TypeError, "argument 'dtype' must be torch.dtype, not %s",
                     Py_TYPE(value)->tp_name);
        return false;
    }
    if (strcmp(name, "requires_grad") == 0) {
        o->requires_grad = PyObject_IsTrue(value);
        return true;
    }
    if (strcmp(name, "device") == 0)
        return device_check(value) == 0;
    if (strcmp(name, "generator") == 0) {
        o->generator =
            Py_IS_TYPE(value, generator_type) ? ((GeneratorObject *)value)->generator : NULL;
        return true;
    }
    if (strcmp(name, "out") == 0) {
        o->out = tensor_check(value) ? tensor_of(value) : NULL;
        return true;
    }
    if (strcmp(name, "layout") == 0 || strcmp(name, "pin_memory") == 0 ||
        strcmp(name, "memory_format") == 0)
        return true;
    *known = false;
    return true;
}

/* Sorts the keywords: options into *o, others into the list by name. */
static bool read_keywords(const char *function, const struct python_call *call,
                          struct create_options *o, const struct create_keyword *keywords,
                          int count)
{
    Py_ssize_t given = call->names ? PyTuple_GET_SIZE(call->names) : 0;

    for (Py_ssize_t k = 0; k < given; k++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(call->names, k));
        PyObject *value = call->args[call->count + k];
        bool known;

        if (!name || !create_read_option(name, value, o, &known))
            return false;
        for (int i = 0; i < count && !known; i++) {
            if (strcmp(name, keywords[i].name) == 0) {
                *keywords[i].value = value;
                known = true;
            }
        }
        if (!known) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%s'", function,
                         name);
            return false;
        }
    }
    return true;
}

bool create_read(const char *function, const struct python_call *call, struct create_options *o,
                 const struct create_keyword *keywords, int count)
{
    if (call->count > count) {
        PyErr_Format(PyExc_TypeError, "%s() takes %d positional arguments but %zd were given",
                     function, count, call->count);
        return false;
    }
    for (Py_ssize_t i = 0; i < call->count; i++)
        *keywords[i].value = call->args[i];
    return read_keywords(function, call, o, keywords, count);
}

PyObject *create_finish(struct tensor *t, const struct create_options *o)
{
    if (t && o->out) {
        if (tensor_resize(o->out, t->ndim, t->shape) < 0 || tensor_copy(o->out, t) < 0) {
            tensor_unref(t);
            return python_error();
        }
        tensor_bump(o->out);
        tensor_unref(t);
        return tensor_object(o->out);
    }
    if (t && o->requires_grad && tensor_born_requires_grad(t, true) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return tensor_wrap(t);
}

bool create_read_numbers(PyObject *const *objects, struct scalar *out, int count, bool *whole)
{
    *whole = true;
    for (int i = 0; i < count; i++) {
        if (!scalar_from_python(objects[i], &out[i]))
            return false;
        *whole &= out[i].kind != SCALAR_FLOAT;
    }
    return true;
}

/* ---- by size: zeros(2, 3), rand((2, 3)) ---- */

enum filling { FILL_EMPTY, FILL_ZEROS, FILL_ONES, FILL_UNIFORM, FILL_NORMAL };

static int fill(struct tensor *t, enum filling filling, struct generator *g)
{
    switch (filling) {
    case FILL_ZEROS:
        return tensor_fill(t, scalar_int(0));
    case FILL_ONES:
        return tensor_fill(t, scalar_int(1));
    case FILL_UNIFORM:
        return random_uniform(t, 0, 1, g);
    case FILL_NORMAL:
        return random_normal(t, 0, 1, g);
    default:
        return 0;
    }
}

static PyObject *make_filled(struct tensor *t, enum filling filling, const struct create_options *o)
{
    if (t && fill(t, filling, o->generator) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return create_finish(t, o);
}

static PyObject *by_size(const char *name, const struct python_call *call, enum filling filling)
{
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *size = NULL, *names = NULL;
    struct create_keyword keywords[] = {{"size", &size}, {"names", &names}};
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim;

    if (!read_keywords(name, call, &o, keywords, 2))
        return NULL;
    ndim = size ? shape_from_python(&size, 1, shape)
                : shape_from_python(call->args, call->count, shape);
    if (ndim < 0)
        return NULL;
    if (o.dtype == DTYPE_NONE)
        o.dtype = o.out ? tensor_dtype(o.out) : dtype_default();
    return make_filled(tensor_new(o.dtype, ndim, shape), filling, &o);
}

static PyObject *by_example(const char *name, const struct python_call *call, enum filling filling)
{
    PyObject *input = NULL;
    struct create_keyword keywords[] = {{"input", &input}};
    struct create_options o = {.dtype = DTYPE_NONE};
    struct tensor *like;

    if (!create_read(name, call, &o, keywords, 1))
        return NULL;
    if (!input || !tensor_check(input))
        return PyErr_Format(PyExc_TypeError,
                            "%s(): argument 'input' (position 1) must be Tensor, "
                            "not %s",
                            name, input ? Py_TYPE(input)->tp_name : "nothing");
    like = tensor_of(input);
    return make_filled(tensor_new_as(o.dtype == DTYPE_NONE ? tensor_dtype(like) : o.dtype,
                                     like->ndim, like->shape, 1, &like),
                       filling, &o);
}

#define BY_SIZE(name, filling)                                                                     \
    FASTCALL(name)                                                                                 \
    {                                                                                              \
        CALL;                                                                                      \
        return by_size(#name, call, filling);                                                      \
    }                                                                                              \
    FASTCALL(name##_like)                                                                          \
    {                                                                                              \
        CALL;                                                                                      \
        return by_example(#name "_like", call, filling);                                           \
    }
BY_SIZE(empty, FILL_EMPTY)
BY_SIZE(zeros, FILL_ZEROS)
BY_SIZE(ones, FILL_ONES)
BY_SIZE(rand, FILL_UNIFORM)
BY_SIZE(randn, FILL_NORMAL)

/* ---- full ---- */

static PyObject *full(int ndim, const int64_t *shape, PyObject *value, struct create_options *o)
{
    struct scalar s;

    if (!value)
        return PyErr_Format(PyExc_TypeError, "full() missing 1 required positional arguments: "
                                             "\"fill_value\"");
    if (!scalar_from_python(value, &s))
        return NULL;
    return create_finish(
        tensor_full(o->dtype == DTYPE_NONE ? scalar_dtype(s) : o->dtype, ndim, shape, s), o);
}

FASTCALL(full)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *size = NULL, *value = NULL;
    struct create_keyword keywords[] = {{"size", &size}, {"fill_value", &value}};
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim;

    if (!create_read("full", call, &o, keywords, 2))
        return NULL;
    if (!size)
        return PyErr_Format(PyExc_TypeError, "full() missing 2 required positional arguments: "
                                             "\"size\", \"fill_value\"");
    ndim = shape_from_python(&size, 1, shape);
    return ndim < 0 ? NULL : full(ndim, shape, value, &o);
}

FASTCALL(full_like)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    struct tensor *like, *t;
    struct scalar s;
    PyObject *input = NULL, *value = NULL;
    struct create_keyword keywords[] = {{"input", &input}, {"fill_value", &value}};

    if (!create_read("full_like", call, &o, keywords, 2))
        return NULL;
    if (!input || !tensor_check(input))
        return PyErr_Format(PyExc_TypeError,
                            "full_like(): argument 'input' (position 1) must be Tensor");
    if (o.dtype == DTYPE_NONE)
        o.dtype = tensor_dtype(tensor_of(input));
    if (!value)
        return PyErr_Format(PyExc_TypeError, "full_like() missing 1 required positional arguments: "
                                             "\"fill_value\"");
    if (!scalar_from_python(value, &s))
        return NULL;
    like = tensor_of(input);
    t = tensor_new_as(o.dtype, like->ndim, like->shape, 1, &like);
    if (t && tensor_fill(t, s) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return create_finish(t, &o);
}

/* ---- x.new_zeros(2, 3) ---- */

static PyObject *new_filled(PyObject *self, PyObject *args, PyObject *kwargs, enum filling filling)
{
    struct create_options o = {.dtype = tensor_dtype(tensor_of(self))};
    PyObject *const *items = PySequence_Fast_ITEMS(args);
    int64_t shape[TENSOR_MAX_DIMS];
    PyObject *key, *value;
    Py_ssize_t at = 0;
    bool known;
    int ndim;

    while (kwargs && PyDict_Next(kwargs, &at, &key, &value)) {
        if (!create_read_option(PyUnicode_AsUTF8(key), value, &o, &known))
            return NULL;
    }
    ndim = shape_from_python(items, PyTuple_GET_SIZE(args), shape);
    return ndim < 0 ? NULL : make_filled(tensor_new(o.dtype, ndim, shape), filling, &o);
}

static PyObject *method_new_empty(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return new_filled(self, args, kwargs, FILL_EMPTY);
}

static PyObject *method_new_zeros(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return new_filled(self, args, kwargs, FILL_ZEROS);
}

static PyObject *method_new_ones(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return new_filled(self, args, kwargs, FILL_ONES);
}

static PyObject *method_new_tensor(PyObject *self, PyObject *data)
{
    return tensor_wrap(tensor_from_python(data, tensor_dtype(tensor_of(self))));
}

#define WITH_KEYWORDS(function)                                                                    \
    (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS
PyMethodDef tensor_fill_methods[] = {{"new_empty", WITH_KEYWORDS(method_new_empty), NULL},
                                     {"new_zeros", WITH_KEYWORDS(method_new_zeros), NULL},
                                     {"new_ones", WITH_KEYWORDS(method_new_ones), NULL},
                                     {"new_tensor", method_new_tensor, METH_O, NULL},
                                     {NULL, NULL, 0, NULL}};

static PyMethodDef size_methods[] = {
    MAKER(empty),     MAKER(empty_like), MAKER(zeros),         MAKER(zeros_like), MAKER(ones),
    MAKER(ones_like), MAKER(rand),       MAKER(rand_like),     MAKER(randn),      MAKER(randn_like),
    MAKER(full),      MAKER(full_like),  {NULL, NULL, 0, NULL}};

int create_init(PyObject *torch)
{
    PyMethodDef *const tables[] = {size_methods, create_range_methods, create_random_methods,
                                   create_data_methods};

    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        if (PyModule_AddFunctions(torch, tables[i]) < 0)
            return -1;
    }
    return 0;
}
