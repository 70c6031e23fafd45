/* Between tensors and Python's own values: numbers, nested lists, dtypes. */
#include "base/error.h"
#include "python/args.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/tensor_parts.h"
#include "python/types.h"

#include <string.h>

/* ---- numbers ---- */

/* The dtype of a NumPy scalar, DTYPE_NONE for others: np.float64 is a float of Python as well. */
static enum dtype numpy_scalar_dtype(PyObject *object)
{
    const char *name = Py_TYPE(object)->tp_name;

    if (strncmp(name, "numpy.", 6) != 0)
        return DTYPE_NONE;
    if (strcmp(name + 6, "bool_") == 0)
        return DTYPE_b8;
    for (int d = 0; d < DTYPE_COUNT; d++) {
        if (strcmp(name + 6, dtype_name((enum dtype)d)) == 0)
            return (enum dtype)d;
    }
    return DTYPE_NONE;
}

bool is_python_number(PyObject *object)
{
    return PyFloat_Check(object) || PyLong_Check(object) || PyComplex_Check(object) ||
           numpy_scalar_dtype(object) != DTYPE_NONE;
}

PyObject *scalar_to_python(struct scalar s)
{
    switch (s.kind) {
    case SCALAR_BOOL:
        return PyBool_FromLong(s.i != 0);
    case SCALAR_INT:
        return PyLong_FromLongLong(s.i);
    case SCALAR_COMPLEX:
        return PyComplex_FromDoubles(s.d, s.im);
    default:
        return PyFloat_FromDouble(s.d);
    }
}

bool scalar_from_python(PyObject *object, struct scalar *out)
{
    PyObject *index;

    if (PyFloat_Check(object)) {
        *out = scalar_float(PyFloat_AS_DOUBLE(object));
    } else if (PyComplex_Check(object)) {
        *out = scalar_complex(PyComplex_RealAsDouble(object), PyComplex_ImagAsDouble(object));
    } else if (PyBool_Check(object)) {
        *out = scalar_bool(object == Py_True);
    } else if (PyLong_Check(object)) {
        *out = scalar_int(PyLong_AsLongLong(object));
        if (PyErr_Occurred()) {
            PyErr_SetString(PyExc_RuntimeError, "Overflow when unpacking long");
            return false;
        }
    } else if (tensor_check(object)) {
        if (tensor_item(tensor_of(object), out) < 0)
            return python_error(), false;
    } else if (PyObject_HasAttrString((PyObject *)Py_TYPE(object), "__complex__") &&
               numpy_scalar_dtype(object) != DTYPE_NONE) {
        Py_complex z = PyComplex_AsCComplex(object);

        *out = scalar_complex(z.real, z.imag);
    } else if (PyIndex_Check(object)) {
        index = PyNumber_Index(object);
        *out = scalar_int(index ? PyLong_AsLongLong(index) : 0);
        Py_XDECREF(index);
    } else {
        *out = scalar_float(PyFloat_AsDouble(object));
    }
    return !PyErr_Occurred();
}

/* ---- nested lists to tensors ---- */

static bool has_length(PyObject *array)
{
    bool has = PySequence_Size(array) >= 0; /* an array without dimensions has none */

    PyErr_Clear();
    return has;
}

/* A string and a dict are sequences or mappings, but not data. */
static bool is_sequence(PyObject *object)
{
    return PyList_Check(object) || PyTuple_Check(object) ||
           (is_numpy_array(object) && has_length(object)) ||
           (PySequence_Check(object) && !PyUnicode_Check(object) && !PyBytes_Check(object) &&
            !PyDict_Check(object) && !tensor_check(object) && !PyIndex_Check(object) &&
            !is_python_number(object));
}

/* The shape, from the first elements of each level; ndim or -1. */
static int infer_shape(PyObject *object, int64_t *shape)
{
    int ndim = 0;

    Py_INCREF(object);
    while (is_sequence(object) || (tensor_check(object) && tensor_of(object)->ndim > 0)) {
        Py_ssize_t length = PySequence_Size(object);
        PyObject *first = length > 0 ? PySequence_GetItem(object, 0) : NULL;

        Py_DECREF(object);
        object = first;
        if (length < 0 || (length > 0 && !first))
            return -1;
        if (ndim == TENSOR_MAX_DIMS) {
            Py_XDECREF(object);
            PyErr_SetString(PyExc_ValueError, "too many dimensions");
            return -1;
        }
        shape[ndim++] = length;
        if (length == 0)
            return ndim;
    }
    Py_DECREF(object);
    return ndim;
}

static int leaf_dtype(PyObject *object, enum dtype *dtype)
{
    enum dtype d = numpy_scalar_dtype(object);

    if (d != DTYPE_NONE)
        ;
    else if (PyBool_Check(object))
        d = DTYPE_b8;
    else if (PyLong_Check(object))
        d = DTYPE_i64;
    else if (PyFloat_Check(object))
        d = dtype_default();
    else if (PyComplex_Check(object))
        d = dtype_default_complex();
    else if (tensor_check(object))
        d = tensor_dtype(tensor_of(object));
    else if (PyIndex_Check(object))
        d = DTYPE_i64;
    else if (Py_TYPE(object)->tp_as_number && Py_TYPE(object)->tp_as_number->nb_float)
        d = dtype_default();
    else {
        if (PyUnicode_Check(object))
            PyErr_Format(PyExc_TypeError, "new(): invalid data type '%s'",
                         Py_TYPE(object)->tp_name);
        else
            PyErr_Format(PyExc_RuntimeError, "Could not infer dtype of %s",
                         Py_TYPE(object)->tp_name);
        return -1;
    }
    *dtype = *dtype == DTYPE_NONE ? d : dtype_promote(*dtype, d);
    return 0;
}

static int infer_dtype(PyObject *object, enum dtype *dtype)
{
    Py_ssize_t length;
    PyObject *fast;
    int status = 0;

    if (!is_sequence(object))
        return leaf_dtype(object, dtype);
    fast = PySequence_Fast(object, "not a sequence");
    if (!fast)
        return -1;
    length = PySequence_Fast_GET_SIZE(fast);
    for (Py_ssize_t i = 0; i < length && status == 0; i++)
        status = infer_dtype(PySequence_Fast_GET_ITEM(fast, i), dtype);
    Py_DECREF(fast);
    return status;
}

static int store_leaf(struct tensor *t, char *at, PyObject *object)
{
    struct scalar s;

    if (PyUnicode_Check(object) || is_sequence(object)) {
        PyErr_Format(PyExc_TypeError, "new(): invalid data type '%s'", Py_TYPE(object)->tp_name);
        return -1;
    }
    if (!scalar_from_python(object, &s))
        return -1;
    if (tensor_check(object) && tensor_of(object)->ndim > 0 &&
        (tensor_of(object)->numel != 1 || dtype_is_differentiable(tensor_dtype(t)))) {
        PyErr_SetString(PyExc_TypeError,
                        "only integer tensors of a single element can be converted to an index");
        return -1;
    }
    if (s.kind == SCALAR_COMPLEX && !dtype_is_complex(tensor_dtype(t))) {
        PyErr_SetString(PyExc_TypeError, "must be real number, not complex");
        return -1;
    }
    if (!dtype_is_differentiable(tensor_dtype(t)) && scalar_overflows(s, tensor_dtype(t))) {
        PyErr_Format(PyExc_RuntimeError, "value cannot be converted to type %s without overflow",
                     dtype_name(tensor_dtype(t)));
        return -1;
    }
    dtype_store(tensor_dtype(t), at, s);
    return 0;
}

static int fill_level(struct tensor *t, int dim, char *at, PyObject *object)
{
    int64_t step = t->stride[dim] * (int64_t)dtype_size(tensor_dtype(t));
    PyObject *fast;
    int status = 0;

    if (!is_sequence(object) && !tensor_check(object)) {
        PyErr_Format(PyExc_TypeError, "expected a sequence at dim %d, got %s", dim,
                     Py_TYPE(object)->tp_name);
        return -1;
    }
    fast = PySequence_Fast(object, "not a sequence");
    if (!fast)
        return -1;
    if (PySequence_Fast_GET_SIZE(fast) != t->shape[dim]) {
        PyErr_Format(PyExc_ValueError, "expected sequence of length %lld at dim %d (got %zd)",
                     (long long)t->shape[dim], dim, PySequence_Fast_GET_SIZE(fast));
        status = -1;
    }
    for (int64_t i = 0; i < t->shape[dim] && status == 0; i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(fast, i);

        status = dim == t->ndim - 1 ? store_leaf(t, at + i * step, item)
                                    : fill_level(t, dim + 1, at + i * step, item);
    }
    Py_DECREF(fast);
    return status;
}

struct tensor *tensor_from_python(PyObject *object, enum dtype dtype)
{
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *t, *converted;
    int ndim, status;

    if (tensor_check(object)) {
        t = tensor_clone(tensor_of(object));
    } else if (is_numpy_array(object)) {
        converted = tensor_from_buffer(object);
        t = converted ? tensor_clone(converted) : NULL;
        tensor_unref(converted);
    } else {
        ndim = infer_shape(object, shape);
        if (ndim < 0 || (dtype == DTYPE_NONE && infer_dtype(object, &dtype) < 0))
            return python_error_pending(), NULL;
        if (dtype == DTYPE_NONE)
            dtype = dtype_default(); /* an empty list */
        t = tensor_new(dtype, ndim, shape);
        if (!t)
            return NULL;
        status = ndim == 0  ? store_leaf(t, tensor_data(t), object)
                 : t->numel ? fill_level(t, 0, tensor_data(t), object)
                            : 0;
        if (status < 0) {
            tensor_unref(t);
            return python_error_pending(), NULL;
        }
        return t;
    }
    if (!t || dtype == DTYPE_NONE)
        return t;
    converted = tensor_to(t, dtype);
    tensor_unref(t);
    return converted;
}

/* ---- tensors to numbers and nested lists ---- */

/* An element as a Python number; the types that most tensors have go no further than this. */
static PyObject *element_to_python(enum dtype dtype, const void *at)
{
    if (dtype == DTYPE_f32)
        return PyFloat_FromDouble(*(const float *)at);
    if (dtype == DTYPE_i64)
        return PyLong_FromLongLong(*(const int64_t *)at);
    return scalar_to_python(dtype_load(dtype, at));
}

static PyObject *list_level(const struct tensor *t, int dim, const char *at)
{
    int64_t step;
    PyObject *list;

    if (dim == t->ndim)
        return element_to_python(tensor_dtype(t), at);
    step = t->stride[dim] * (int64_t)dtype_size(tensor_dtype(t));
    list = PyList_New(t->shape[dim]);
    for (int64_t i = 0; list && i < t->shape[dim]; i++) {
        PyObject *item = list_level(t, dim + 1, at + i * step);

        if (!item)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, item);
    }
    return list;
}

PyObject *tensor_tolist(const struct tensor *t)
{
    return list_level(t, 0, tensor_data(t));
}

static PyObject *method_tolist(PyObject *self, PyObject *unused)
{
    (void)unused;
    return tensor_tolist(tensor_of(self));
}

static PyObject *method_complex(PyObject *self, PyObject *unused)
{
    struct scalar s;

    (void)unused;
    return tensor_item(tensor_of(self), &s) < 0 ? python_error() : PyComplex_FromDoubles(s.d, s.im);
}

static PyObject *method_item(PyObject *self, PyObject *unused)
{
    const struct tensor *t = tensor_of(self);
    struct scalar s;

    (void)unused;
    if (t->numel == 1)
        return element_to_python(tensor_dtype(t), tensor_data(t));
    tensor_item(t, &s); /* says what is wrong */
    return python_error();
}

/* ---- other dtypes ---- */

/* self when it has the dtype already (and no copy is asked for). */
static PyObject *converted(PyObject *self, enum dtype dtype, bool copy)
{
    struct value args[] = {{.given = true, .tensor = tensor_of(self)}, {.given = true, .i = dtype}};
    struct tensor *out = NULL;

    if (tensor_dtype(tensor_of(self)) == dtype && !copy)
        return Py_NewRef(self);
    return op_call(&ops[OP__to_copy], args, &out) < 0 ? python_error() : tensor_wrap(out);
}

#define CONVERSION(name, d)                                                                        \
    static PyObject *method_##name(PyObject *self, PyObject *unused)                               \
    {                                                                                              \
        (void)unused;                                                                              \
        return converted(self, d, false);                                                          \
    }
CONVERSION(float, DTYPE_f32)
CONVERSION(double, DTYPE_f64)
CONVERSION(int, DTYPE_i32)
CONVERSION(long, DTYPE_i64)
CONVERSION(short, DTYPE_i16)
CONVERSION(char, DTYPE_i8)
CONVERSION(byte, DTYPE_u8)
CONVERSION(bool, DTYPE_b8)
CONVERSION(half, DTYPE_f16)
CONVERSION(bfloat16, DTYPE_bf16)
CONVERSION(cfloat, DTYPE_c64)
CONVERSION(cdouble, DTYPE_c128)
CONVERSION(chalf, DTYPE_c32)

static PyObject *method_same(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(self);
}

static PyObject *method_cuda(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args),
                             PyObject *Py_UNUSED(kwargs))
{
    return device_refuse_cuda();
}

static PyObject *method_false(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    Py_RETURN_FALSE;
}

/* to(dtype), to(device), to(device, dtype), to(other), with keywords. */
static PyObject *method_to(PyObject *self, PyObject *args, PyObject *kwargs)
{
    enum dtype dtype = tensor_dtype(tensor_of(self));
    PyObject *copy = kwargs ? PyDict_GetItemString(kwargs, "copy") : NULL;
    PyObject *named[2] = {kwargs ? PyDict_GetItemString(kwargs, "dtype") : NULL,
                          kwargs ? PyDict_GetItemString(kwargs, "device") : NULL};

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args) + 2; i++) {
        PyObject *arg = i < PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, i)
                                                   : named[i - PyTuple_GET_SIZE(args)];

        if (!arg || arg == Py_None || PyBool_Check(arg))
            continue;
        if (tensor_check(arg))
            dtype = tensor_dtype(tensor_of(arg));
        else if (!dtype_from_python(arg, &dtype) && device_check(arg) < 0)
            return NULL;
    }
    return converted(self, dtype, copy && PyObject_IsTrue(copy));
}

/* type() names the type, type(dtype) converts. */
static PyObject *method_type(PyObject *self, PyObject *args)
{
    enum dtype dtype;
    PyObject *wanted = NULL;

    if (!PyArg_ParseTuple(args, "|O:type", &wanted))
        return NULL;
    if (!wanted)
        return PyUnicode_FromFormat("torch.%s", dtype_infos[tensor_of(self)->dtype].class_name);
    dtype = legacy_type_dtype(wanted);
    if (dtype != DTYPE_NONE)
        return converted(self, dtype, false);
    if (PyUnicode_Check(wanted))
        return PyErr_Format(PyExc_ValueError, "invalid type: '%U'", wanted);
    if (!dtype_from_python(wanted, &dtype))
        return PyErr_Format(PyExc_TypeError, "dtype must be a type, str, or dtype object");
    return converted(self, dtype, false);
}

static PyObject *method_type_as(PyObject *self, PyObject *other)
{
    if (!tensor_check(other))
        return PyErr_Format(PyExc_TypeError,
                            "type_as(): argument 'other' (position 1) must be Tensor, not %s",
                            Py_TYPE(other)->tp_name);
    return converted(self, tensor_dtype(tensor_of(other)), false);
}

static PyObject *as_numpy(PyObject *self, bool force)
{
    struct tensor *t = tensor_of(self);

    if (t->requires_grad && !force)
        return PyErr_Format(PyExc_RuntimeError, "Can't call numpy() on Tensor that requires grad. "
                                                "Use tensor.detach().numpy() instead.");
    return tensor_to_numpy(t);
}

static PyObject *method_numpy(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"force"};
    static const struct binding binding = {"numpy", names, 1, 0, 0, 0};
    PyObject *force = Py_False;

    if (binding_read(&binding, args, kwargs, &force) < 0)
        return NULL;
    if (!PyBool_Check(force))
        return PyErr_Format(PyExc_TypeError, "numpy(): argument 'force' must be bool, not %s",
                            Py_TYPE(force)->tp_name);
    return as_numpy(self, force == Py_True);
}

static PyObject *method_array(PyObject *self, PyObject *args)
{
    PyObject *dtype = NULL, *array, *result;

    if (!PyArg_ParseTuple(args, "|O:__array__", &dtype))
        return NULL;
    array = as_numpy(self, false);
    if (!array || !dtype || dtype == Py_None)
        return array;
    result = PyObject_CallMethod(array, "astype", "O", dtype);
    Py_DECREF(array);
    return result;
}

/* What NumPy has made of a tensor (np.sin(x)) becomes a tensor again. */
static PyObject *method_array_wrap(PyObject *self, PyObject *args)
{
    PyObject *array = PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : NULL;
    struct tensor *t = array && is_numpy_array(array) ? tensor_from_buffer(array) : NULL;

    (void)self;
    if (!t)
        return PyErr_Occurred() ? NULL : Py_XNewRef(array);
    return tensor_wrap(t);
}

/* f"{x:.3f}": a zero-dim tensor formats as its number. */
static PyObject *method_format(PyObject *self, PyObject *spec)
{
    struct tensor *t = tensor_of(self);
    PyObject *number, *text;

    if (t->ndim > 0)
        return PyObject_CallMethod((PyObject *)&PyBaseObject_Type, "__format__", "OO", self, spec);
    if (t->ndim == 0 && PyUnicode_GetLength(spec) == 0 && t->requires_grad)
        return PyObject_Str(self);
    number = method_item(self, NULL);
    text = number ? PyObject_Format(number, spec) : NULL;
    Py_XDECREF(number);
    return text;
}

PyMethodDef tensor_convert_methods[] = {
    {"tolist", method_tolist, METH_NOARGS, "nested lists of Python numbers"},
    {"item", method_item, METH_NOARGS, "the one element as a Python number"},
    {"numpy", WITH_KEYWORDS(method_numpy), "a NumPy array that shares the memory"},
    {"__array__", method_array, METH_VARARGS, NULL},
    {"__array_wrap__", method_array_wrap, METH_VARARGS, NULL},
    {"__format__", method_format, METH_O, NULL},
    {"to", WITH_KEYWORDS(method_to), "with another dtype or device; self when it is so already"},
    {"type", method_type, METH_VARARGS, NULL},
    {"type_as", method_type_as, METH_O, NULL},
    {"float", method_float, METH_NOARGS, NULL},
    {"double", method_double, METH_NOARGS, NULL},
    {"int", method_int, METH_NOARGS, NULL},
    {"long", method_long, METH_NOARGS, NULL},
    {"short", method_short, METH_NOARGS, NULL},
    {"char", method_char, METH_NOARGS, NULL},
    {"byte", method_byte, METH_NOARGS, NULL},
    {"__complex__", method_complex, METH_NOARGS, NULL},
    {"half", method_half, METH_NOARGS, NULL},
    {"bfloat16", method_bfloat16, METH_NOARGS, NULL},
    {"cfloat", method_cfloat, METH_NOARGS, NULL},
    {"cdouble", method_cdouble, METH_NOARGS, NULL},
    {"chalf", method_chalf, METH_NOARGS, NULL},
    {"bool", method_bool, METH_NOARGS, NULL},
    {"cpu", method_same, METH_NOARGS, NULL},
    {"cuda", WITH_KEYWORDS(method_cuda), NULL},
    {"pin_memory", WITH_KEYWORDS(method_cuda), NULL},
    {"is_pinned", method_false, METH_NOARGS, NULL},
    {"is_shared", method_false, METH_NOARGS, NULL},
    {"share_memory_", method_same, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};
