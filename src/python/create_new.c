/* x.new_zeros(2, 3) and its relatives: tensors of x's dtype unless another is named. */
#include "python/create.h"
#include "python/errors.h"

#include <string.h>

#define METHOD_FASTCALL(name)                                                                      \
    static PyObject *method_##name(PyObject *self, PyObject *const *args, Py_ssize_t count,        \
                                   PyObject *names)
#define METHOD_CALL                                                                                \
    struct python_call call_data = {args, count, names}, *call = &call_data;                       \
    struct create_options o = {.dtype = tensor_dtype(tensor_of(self))}

/* As create_refuse(), of a method. */
static void *refuse(const char *name, PyObject *self, const struct python_call *call)
{
    Py_ssize_t count = call->count + (call->names ? PyTuple_GET_SIZE(call->names) : 0);
    PyObject **all = PyMem_New(PyObject *, count + 1);
    struct python_call whole = {all, call->count + 1, call->names};

    if (!all)
        return PyErr_NoMemory();
    all[0] = self;
    if (count)
        memcpy(all + 1, call->args, (size_t)count * sizeof(*all));
    args_mismatch(name, NULL, 0, &whole, ARGS_METHOD);
    PyMem_Free(all);
    return NULL;
}

static PyObject *new_filled(const char *name, PyObject *self, const struct python_call *call,
                            struct create_options *o, enum filling filling)
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = create_read_sizes(call, o, shape);

    if (ndim < 0)
        return ndim == SHAPE_MISFIT ? refuse(name, self, call) : NULL;
    return create_filled(tensor_new(o->dtype, ndim, shape), filling, o);
}

#define NEW_FILLED(name, filling)                                                                  \
    METHOD_FASTCALL(name)                                                                          \
    {                                                                                              \
        METHOD_CALL;                                                                               \
        return new_filled(#name, self, call, &o, filling);                                         \
    }
NEW_FILLED(new_empty, FILL_EMPTY)
NEW_FILLED(new_zeros, FILL_ZEROS)
NEW_FILLED(new_ones, FILL_ONES)

METHOD_FASTCALL(new_full)
{
    METHOD_CALL;
    PyObject *size = NULL, *value = NULL;
    struct create_keyword keywords[] = {{"size", &size}, {"fill_value", &value}};
    int status = create_read_call(call, &o, keywords, 2), ndim = SHAPE_MISFIT;
    int64_t shape[TENSOR_MAX_DIMS];
    struct scalar s;
    bool whole;

    if (status > 0 && size && value)
        ndim = shape_read_list(size, shape);
    if (ndim >= 0)
        status = create_read_numbers(&value, &s, 1, &whole);
    if (status < 0 || ndim == SHAPE_ERROR)
        return NULL;
    return status == 0 || ndim < 0 ? refuse("new_full", self, call)
                                   : create_full(o.dtype, ndim, shape, s, &o);
}

METHOD_FASTCALL(new_empty_strided)
{
    METHOD_CALL;
    PyObject *size = NULL, *stride = NULL;
    struct create_keyword keywords[] = {{"size", &size}, {"stride", &stride}};
    int status = create_read_call(call, &o, keywords, 2);
    struct tensor *t;
    bool fits = false;

    if (status < 0)
        return NULL;
    t = status > 0 ? create_strided(o.dtype, size, stride, &fits) : NULL;
    return fits ? create_finish(t, &o) : refuse("new_empty_strided", self, call);
}

METHOD_FASTCALL(new_tensor)
{
    METHOD_CALL;
    PyObject *data = NULL;
    struct create_keyword keywords[] = {{"data", &data}};
    int status = create_read_call(call, &o, keywords, 1);

    if (status < 0)
        return NULL;
    if (status == 0 || !data)
        return refuse("new_tensor", self, call);
    if (tensor_check(data) && create_warn_copy("new_tensor") < 0)
        return NULL;
    return create_finish(tensor_from_python(data, o.dtype), &o);
}

/* x.new(2, 3), x.new([1, 2]): the old way. */
static PyObject *method_new(PyObject *self, PyObject *args)
{
    return tensor_wrap(tensor_legacy(tensor_dtype(tensor_of(self)), args));
}

#define METHOD(name)                                                                               \
    {                                                                                              \
#name, WITH_FASTCALL(method_##name), NULL                                                  \
    }
PyMethodDef tensor_new_methods[] = {METHOD(new_empty),
                                    METHOD(new_zeros),
                                    METHOD(new_ones),
                                    METHOD(new_full),
                                    METHOD(new_empty_strided),
                                    METHOD(new_tensor),
                                    {"new", method_new, METH_VARARGS, NULL},
                                    {NULL, NULL, 0, NULL}};
