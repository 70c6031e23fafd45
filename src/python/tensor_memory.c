/* Methods of Tensor about the memory behind it: another storage, another geometry, where it lies.
 */
#include "base/error.h"
#include "python/args.h"
#include "python/errors.h"
#include "python/serial.h"
#include "python/tensor_parts.h"
#include "python/types.h"

#include <string.h>

/* ---- another storage ---- */

static void take_storage(struct tensor *t, struct storage *storage)
{
    storage_ref(storage);
    storage_unref(t->storage);
    t->storage = storage;
}

/* set_(storage, offset, size, stride): the storage grows if it has to, as PyTorch's does. */
static int set_geometry(struct tensor *t, struct storage *storage, int64_t offset, int ndim,
                        const int64_t *shape, const int64_t *stride)
{
    enum dtype dtype = tensor_dtype(t);
    struct tensor *view;
    int64_t nbytes;

    if (tensor_check_geometry(dtype, ndim, shape, stride, offset, &nbytes) < 0)
        return -1;
    take_storage(t, storage);
    t->offset = 0;
    if (tensor_resize(t, 1, (int64_t[]){0}) < 0 || /* nothing, should the storage not grow */
        (nbytes && tensor_resize(t, 1, (int64_t[]){nbytes / (int64_t)dtype_size(dtype)}) < 0))
        return -1;
    view = tensor_view(t, ndim, shape, stride, offset);
    if (!view)
        return -1;
    tensor_take_geometry(t, view);
    tensor_unref(view);
    return 0;
}

/* The geometry behind set_(storage: all of the storage, or offset, size and stride. */
static bool set_from_storage(struct tensor *t, PyObject *const *args, Py_ssize_t count)
{
    struct storage *storage = ((StorageObject *)args[0])->storage;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS], offset = 0;
    int ndim = 1, strides;

    shape[0] = (int64_t)(storage->nbytes / dtype_size(tensor_dtype(t)));
    stride[0] = 1;
    if (count > 1) {
        offset = PyLong_AsLongLong(args[1]);
        ndim = PyErr_Occurred() || count < 3 ? SHAPE_MISFIT : shape_read_list(args[2], shape);
        if (ndim >= 0)
            shape_strides(ndim, shape, stride);
        strides = ndim >= 0 && count > 3 ? shape_read_list(args[3], stride) : ndim;
        if (ndim >= 0 && strides >= 0 && strides != ndim)
            PyErr_Format(PyExc_RuntimeError, "unequal size length (%d) and stride length (%d)",
                         ndim, strides);
        if (ndim < 0 || strides != ndim) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "set_() takes a storage, an offset, a size and "
                                                 "strides of the same length");
            return false;
        }
    }
    return set_geometry(t, storage, offset, ndim, shape, stride) == 0;
}

static PyObject *method_set_(PyObject *self, PyObject *args)
{
    PyObject *const *items = PySequence_Fast_ITEMS(args);
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    struct tensor *t = tensor_of(self), *from;

    if (count == 0) {
        if (tensor_resize(t, 1, (int64_t[]){0}) < 0)
            return python_error();
        return Py_NewRef(self);
    }
    if (storage_check(items[0]) && count <= 4)
        return set_from_storage(t, items, count) ? Py_NewRef(self) : python_error();
    if (count > 1 || !tensor_check(items[0]))
        return args_mismatch(
            "set_", NULL, 0,
            &(struct python_call){(PyObject *[]){self, items[0], count > 1 ? items[1] : NULL,
                                                 count > 2 ? items[2] : NULL,
                                                 count > 3 ? items[3] : NULL},
                                  count < 4 ? count + 1 : 5, NULL},
            ARGS_METHOD);
    from = tensor_of(items[0]);
    if (from->dtype != t->dtype)
        return PyErr_Format(PyExc_RuntimeError, "set_(): the source has dtype %s, the tensor %s",
                            dtype_name(tensor_dtype(from)), dtype_name(tensor_dtype(t)));
    take_storage(t, from->storage);
    tensor_take_geometry(t, from);
    return Py_NewRef(self);
}

/* ---- another geometry ---- */

static PyObject *method_resize_as_(PyObject *self, PyObject *other)
{
    if (!tensor_check(other))
        return PyErr_Format(PyExc_TypeError,
                            "resize_as_(): argument 'the_template' (position 1) must be Tensor, "
                            "not %s",
                            Py_TYPE(other)->tp_name);
    if (tensor_of(self)->requires_grad)
        return PyErr_Format(PyExc_RuntimeError, "cannot resize variables that require grad");
    return tensor_resize(tensor_of(self), tensor_of(other)->ndim, tensor_of(other)->shape) < 0
               ? python_error()
               : Py_NewRef(self);
}

/* What resize() and resize_as() were before the ones with an underscore: reshape(). */
static PyObject *resized(PyObject *self, const char *name, int ndim, const int64_t *shape)
{
    struct value args[] = {{.given = true, .tensor = tensor_of(self)},
                           {.given = true, .ints = {shape, ndim}}};
    struct tensor *out = NULL;

    if (PyErr_WarnFormat(PyExc_UserWarning, 1, "non-inplace %s is deprecated", name) < 0)
        return NULL;
    return op_call(&ops[OP_reshape], args, &out) < 0 ? python_error() : tensor_wrap(out);
}

static PyObject *method_resize(PyObject *self, PyObject *args)
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = shape_from_python(PySequence_Fast_ITEMS(args), PyTuple_GET_SIZE(args), shape);

    return ndim < 0 ? NULL : resized(self, "resize", ndim, shape);
}

static PyObject *method_resize_as(PyObject *self, PyObject *other)
{
    if (!tensor_check(other))
        return PyErr_Format(PyExc_TypeError, "resize_as() takes a tensor, not %s",
                            Py_TYPE(other)->tp_name);
    return resized(self, "resize_as", tensor_of(other)->ndim, tensor_of(other)->shape);
}

/* ---- what it is, and is not ---- */

static PyObject *method_is_same_size(PyObject *self, PyObject *other)
{
    if (!tensor_check(other))
        return PyErr_Format(PyExc_TypeError,
                            "is_same_size(): argument 'other' (position 1) must be Tensor, not %s",
                            Py_TYPE(other)->tp_name);
    return PyBool_FromLong(tensor_same_shape(tensor_of(self), tensor_of(other)));
}

static PyObject *method_is_set_to(PyObject *self, PyObject *other)
{
    const struct tensor *a = tensor_of(self), *b;
    bool same;

    if (!tensor_check(other))
        return PyErr_Format(PyExc_TypeError,
                            "is_set_to(): argument 'tensor' (position 1) must be Tensor, not %s",
                            Py_TYPE(other)->tp_name);
    b = tensor_of(other);
    same = a->storage == b->storage && a->offset == b->offset && tensor_same_shape(a, b);
    for (int d = 0; same && d < a->ndim; d++)
        same = a->stride[d] == b->stride[d];
    return PyBool_FromLong(same);
}

/* The CPU has no number. */
static PyObject *method_get_device(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyLong_FromLong(-1);
}

static PyObject *method_self(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(self);
}

static PyObject *method_false(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_FALSE;
}

static PyObject *method_storage_type(PyObject *self, PyObject *unused)
{
    (void)unused;
    return storage_class(tensor_dtype(tensor_of(self)));
}

/* The same elements as an object of a subclass. */
static PyObject *method_as_subclass(PyObject *self, PyObject *type)
{
    struct value args[] = {{.given = true, .tensor = tensor_of(self)}};
    struct tensor *out = NULL;

    if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, tensor_type))
        return PyErr_Format(PyExc_TypeError, "as_subclass() takes a subclass of torch.Tensor");
    if (op_call(&ops[OP_alias], args, &out) < 0)
        return python_error();
    return tensor_wrap_as((PyTypeObject *)type, out);
}

PyMethodDef tensor_memory_methods[] = {
    {"set_", method_set_, METH_VARARGS,
     "shows the elements of another tensor, or of a storage, from now on"},
    {"resize_as_", method_resize_as_, METH_O, "resize_() to the size of another tensor"},
    {"resize", method_resize, METH_VARARGS, NULL},
    {"resize_as", method_resize_as, METH_O, NULL},
    {"is_same_size", method_is_same_size, METH_O, NULL},
    {"is_set_to", method_is_set_to, METH_O, "whether both show the same memory in the same way"},
    {"get_device", method_get_device, METH_NOARGS, NULL},
    {"share_memory_", method_self, METH_NOARGS, NULL},
    {"is_shared", method_false, METH_NOARGS, NULL},
    {"is_pinned", method_false, METH_VARARGS, NULL},
    {"is_distributed", method_false, METH_NOARGS, NULL},
    {"storage_type", method_storage_type, METH_NOARGS, NULL},
    {"as_subclass", method_as_subclass, METH_O, NULL},
    {NULL, NULL, 0, NULL}};
