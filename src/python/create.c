/* Making tensors of a size: zeros, ones, full, rand and their relatives; what all makers share. */
#include "python/create.h"

#include "base/error.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/types.h"

#include <string.h>

/* ---- shared arguments ---- */

/* One of the options into *o; 0 as well when it is none of them. */
static int read_option(const char *name, PyObject *value, struct create_options *o)
{
    bool none = value == Py_None;

    if (strcmp(name, "dtype") == 0)
        return none || dtype_from_python(value, &o->dtype);
    if (strcmp(name, "requires_grad") == 0) {
        o->requires_grad = value == Py_True;
        return none || PyBool_Check(value);
    }
    if (strcmp(name, "device") == 0)
        return device_check(value) == 0 ? 1 : -1;
    if (strcmp(name, "generator") == 0) {
        o->generator =
            Py_IS_TYPE(value, generator_type) ? ((GeneratorObject *)value)->generator : NULL;
        return none || o->generator;
    }
    if (strcmp(name, "out") == 0) {
        o->out = tensor_check(value) ? tensor_of(value) : NULL;
        return none || o->out;
    }
    if (strcmp(name, "layout") == 0)
        return none || Py_IS_TYPE(value, layout_type);
    if (strcmp(name, "memory_format") == 0)
        return none || Py_IS_TYPE(value, memory_format_type);
    return strcmp(name, "pin_memory") == 0 && (none || PyBool_Check(value));
}

/* The dtype of out=, where it is given, is that of the call. */
static int settle_dtype(struct create_options *o)
{
    enum dtype dtype = o->out ? tensor_dtype(o->out) : o->dtype;

    if (o->dtype != DTYPE_NONE && o->dtype != dtype) {
        PyErr_Format(PyExc_RuntimeError, "dtype %s does not match dtype of out parameter (%s)",
                     dtype_short_name(o->dtype), dtype_short_name(dtype));
        return -1;
    }
    o->dtype = dtype;
    return 1;
}

/* Sorts the keywords: options into *o, others into the list by name. 1, 0 for a misfit, -1. */
static int read_keywords(const struct python_call *call, struct create_options *o,
                         const struct create_keyword *keywords, int count)
{
    Py_ssize_t given = call->names ? PyTuple_GET_SIZE(call->names) : 0;

    for (Py_ssize_t k = 0; k < given; k++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(call->names, k));
        PyObject *value = call->args[call->count + k];
        int status = -1, i = 0;

        while (name && i < count && strcmp(name, keywords[i].name) != 0)
            i++;
        if (name && i < count) {
            status = *keywords[i].value == NULL;
            *keywords[i].value = value;
        } else if (name) {
            status = read_option(name, value, o);
        }
        if (status <= 0)
            return status;
    }
    return settle_dtype(o);
}

void *create_refuse(const char *function, const struct python_call *call)
{
    return args_mismatch(function, NULL, 0, call, 0);
}

int create_read_call(const struct python_call *call, struct create_options *o,
                     const struct create_keyword *keywords, int count)
{
    if (call->count > count)
        return 0;
    for (Py_ssize_t i = 0; i < call->count; i++)
        *keywords[i].value = call->args[i];
    return call->names ? read_keywords(call, o, keywords, count) : 1;
}

bool create_read(const char *function, const struct python_call *call, struct create_options *o,
                 const struct create_keyword *keywords, int count)
{
    int status = create_read_call(call, o, keywords, count);

    if (status == 0)
        create_refuse(function, call);
    return status > 0;
}

int create_read_sizes(const struct python_call *call, struct create_options *o, int64_t *shape)
{
    PyObject *size = NULL;
    struct create_keyword keywords[] = {{"size", &size}};
    int status = call->names ? read_keywords(call, o, keywords, 1) : 1;

    if (status <= 0 || (size && call->count))
        return status < 0 ? SHAPE_ERROR : SHAPE_MISFIT;
    if (size)
        return PyLong_Check(size) ? SHAPE_MISFIT : shape_read(&size, 1, shape);
    return call->count ? shape_read(call->args, call->count, shape) : SHAPE_MISFIT;
}

/* Into the tensor of out=, which gets its shape; t is taken over. */
static PyObject *finish_out(struct tensor *t, struct tensor *out)
{
    int status = tensor_resize(out, t->ndim, t->shape);

    if (status == 0 && grad_enabled() && out->requires_grad)
        status = error_set(ERROR_RUNTIME, "a leaf Variable that requires grad is being used in an "
                                          "in-place operation.");
    if (status == 0)
        status = tensor_copy(out, t);
    tensor_unref(t);
    if (status < 0)
        return python_error();
    tensor_bump(out);
    return tensor_object(out);
}

PyObject *create_finish(struct tensor *t, const struct create_options *o)
{
    if (t && o->out)
        return finish_out(t, o->out);
    if (t && o->requires_grad && tensor_born_requires_grad(t, true) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return tensor_wrap(t);
}

/* What passes for a Number: one of Python's or NumPy's, a tensor of one element. */
static bool is_number(PyObject *object)
{
    return is_python_number(object) || PyIndex_Check(object) ||
           (tensor_check(object) && tensor_of(object)->ndim == 0);
}

int create_read_numbers(PyObject *const *objects, struct scalar *out, int count, bool *whole)
{
    *whole = true;
    for (int i = 0; i < count; i++) {
        if (!is_number(objects[i]))
            return 0;
        if (!scalar_from_python(objects[i], &out[i]))
            return -1;
        *whole &= out[i].kind != SCALAR_FLOAT;
    }
    return 1;
}

/* ---- by size: zeros(2, 3), rand((2, 3)) ---- */

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

PyObject *create_filled(struct tensor *t, enum filling filling, const struct create_options *o)
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
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = create_read_sizes(call, &o, shape);

    if (ndim < 0)
        return ndim == SHAPE_MISFIT ? create_refuse(name, call) : NULL;
    if (o.dtype == DTYPE_NONE)
        o.dtype = dtype_default();
    if (filling == FILL_EMPTY && o.out) /* nothing is written but the shape */
        return tensor_resize(o.out, ndim, shape) < 0 ? python_error() : tensor_object(o.out);
    return create_filled(tensor_new(o.dtype, ndim, shape), filling, &o);
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
        return create_refuse(name, call);
    like = tensor_of(input);
    return create_filled(tensor_new_as(o.dtype == DTYPE_NONE ? tensor_dtype(like) : o.dtype,
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

PyObject *create_full(enum dtype dtype, int ndim, const int64_t *shape, struct scalar value,
                      const struct create_options *o)
{
    if (o->dtype != DTYPE_NONE)
        dtype = o->dtype;
    if (scalar_check(value, dtype) < 0)
        return python_error();
    return create_finish(tensor_full(dtype, ndim, shape, value), o);
}

FASTCALL(full)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *size = NULL, *value = NULL;
    struct create_keyword keywords[] = {{"size", &size}, {"fill_value", &value}};
    int64_t shape[TENSOR_MAX_DIMS];
    struct scalar s;
    int ndim, status;
    bool whole;

    if (!create_read("full", call, &o, keywords, 2))
        return NULL;
    ndim = size && value ? shape_read_list(size, shape) : SHAPE_MISFIT;
    status = ndim < 0 ? ndim == SHAPE_ERROR ? -1 : 0 : create_read_numbers(&value, &s, 1, &whole);
    if (status <= 0)
        return status < 0 ? NULL : create_refuse("full", call);
    return create_full(scalar_dtype(s), ndim, shape, s, &o);
}

FASTCALL(full_like)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    struct tensor *like, *t;
    struct scalar s;
    PyObject *input = NULL, *value = NULL;
    struct create_keyword keywords[] = {{"input", &input}, {"fill_value", &value}};
    int status;
    bool whole;

    if (!create_read("full_like", call, &o, keywords, 2))
        return NULL;
    status = input && tensor_check(input) && value ? create_read_numbers(&value, &s, 1, &whole) : 0;
    if (status <= 0)
        return status < 0 ? NULL : create_refuse("full_like", call);
    like = tensor_of(input);
    t = tensor_new_as(o.dtype == DTYPE_NONE ? tensor_dtype(like) : o.dtype, like->ndim, like->shape,
                      1, &like);
    if (t && tensor_fill(t, s) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return create_finish(t, &o);
}

/* ---- with strides ---- */

struct tensor *create_strided(enum dtype dtype, PyObject *size, PyObject *stride, bool *fits)
{
    int64_t shape[TENSOR_MAX_DIMS], steps[TENSOR_MAX_DIMS], nbytes;
    int ndim = size ? shape_read_list(size, shape) : SHAPE_MISFIT;
    int count = ndim >= 0 && stride ? shape_read_list(stride, steps) : SHAPE_MISFIT;
    struct tensor *flat, *t;

    *fits = ndim != SHAPE_MISFIT && count != SHAPE_MISFIT;
    if (ndim < 0 || count < 0)
        return NULL;
    if (ndim != count)
        return error_null(ERROR_RUNTIME,
                          "dimensionality of sizes (%d) must match dimensionality of strides (%d)",
                          ndim, count);
    if (tensor_check_geometry(dtype, ndim, shape, steps, 0, &nbytes) < 0)
        return NULL;
    flat = tensor_new(dtype, 1, (int64_t[]){nbytes / (int64_t)dtype_size(dtype)});
    t = flat ? tensor_view(flat, ndim, shape, steps, 0) : NULL;
    tensor_unref(flat);
    return t;
}

FASTCALL(empty_strided)
{
    CALL;
    struct create_options o = {.dtype = dtype_default()};
    PyObject *size = NULL, *stride = NULL;
    struct create_keyword keywords[] = {{"size", &size}, {"stride", &stride}};
    struct tensor *t;
    bool fits;

    if (!create_read("empty_strided", call, &o, keywords, 2))
        return NULL;
    t = create_strided(o.dtype, size, stride, &fits);
    return fits ? create_finish(t, &o) : create_refuse("empty_strided", call);
}

static PyMethodDef size_methods[] = {MAKER(empty),         MAKER(empty_like),    MAKER(zeros),
                                     MAKER(zeros_like),    MAKER(ones),          MAKER(ones_like),
                                     MAKER(rand),          MAKER(rand_like),     MAKER(randn),
                                     MAKER(randn_like),    MAKER(full),          MAKER(full_like),
                                     MAKER(empty_strided), {NULL, NULL, 0, NULL}};

int create_init(PyObject *torch)
{
    PyMethodDef *const tables[] = {size_methods,           create_range_methods,
                                   create_random_methods,  create_data_methods,
                                   create_indices_methods, create_window_methods};

    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        if (PyModule_AddFunctions(torch, tables[i]) < 0)
            return -1;
    }
    return PyModule_AddFunctions(submodule(torch, "fft"), create_frequency_methods);
}
