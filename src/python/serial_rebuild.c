/* Tensors in pickles and copies: what __reduce_ex__() names, and __deepcopy__(). */
#include "python/serial.h"

#include "base/error.h"
#include "python/args.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_parts.h"

#include <string.h>

/* torch._utils._rebuild_tensor_v2 and so on, as pickles name them. */
static PyObject *rebuild_tensor_v2_function, *rebuild_parameter_function, *rebuild_type_function;

/* A tensor with this geometry on a storage (borrowed), once it is clear that it lies inside; NULL
 * with the engine's error. */
static struct tensor *tensor_on_storage(struct storage *storage, enum dtype dtype, int ndim,
                                        const int64_t *shape, const int64_t *stride, int64_t offset)
{
    struct tensor *t, *view;

    if (tensor_check_within(storage->nbytes, dtype, ndim, shape, stride, offset) < 0)
        return NULL;
    t = tensor_new(dtype, 1, (int64_t[]){0});
    if (!t)
        return NULL;
    storage_ref(storage);
    storage_unref(t->storage);
    t->storage = storage;
    view = tensor_view(t, ndim, shape, stride, offset);
    tensor_unref(t);
    return view;
}

/* ---- out of pickles ---- */

/* A tuple of ints, as pickles hold sizes and strides; their count or -1 with an exception. */
static int read_ints(PyObject *tuple, int64_t *out)
{
    Py_ssize_t count = PyTuple_Check(tuple) ? PyTuple_GET_SIZE(tuple) : -1;

    if (count < 0 || count > TENSOR_MAX_DIMS) {
        PyErr_Format(PyExc_RuntimeError,
                     "a saved tensor names its size as %.100R: a tuple of at most %d numbers was "
                     "expected",
                     tuple, TENSOR_MAX_DIMS);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        out[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(tuple, i));
        if (out[i] == -1 && PyErr_Occurred())
            return -1;
    }
    return (int)count;
}

static PyObject *rebuild(PyObject *storage, long long offset, PyObject *size, PyObject *stride,
                         bool requires_grad)
{
    int64_t shape[TENSOR_MAX_DIMS], strides[TENSOR_MAX_DIMS];
    int ndim = read_ints(size, shape), stride_count = ndim < 0 ? -1 : read_ints(stride, strides);
    StorageObject *s = (StorageObject *)storage;
    struct tensor *t;

    if (stride_count < 0)
        return NULL;
    if (ndim != stride_count || !storage_check(storage))
        return PyErr_Format(PyExc_RuntimeError,
                            "a saved tensor needs a storage and as many strides as sizes");
    t = tensor_on_storage(s->storage, s->dtype, ndim, shape, strides, offset);
    if (t && requires_grad && tensor_set_requires_grad(t, true) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return tensor_wrap(t);
}

static PyObject *rebuild_tensor(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *storage, *size, *stride;
    long long offset;

    if (!PyArg_ParseTuple(args, "OLOO:_rebuild_tensor", &storage, &offset, &size, &stride))
        return NULL;
    return rebuild(storage, offset, size, stride, false);
}

/* `metadata` says since PyTorch 2 whether the bytes are to be read as conjugate or negative. */
static PyObject *rebuild_tensor_v2(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *storage, *size, *stride, *hooks, *metadata = Py_None;
    long long offset;
    int requires_grad;

    if (!PyArg_ParseTuple(args, "OLOOpO|O:_rebuild_tensor_v2", &storage, &offset, &size, &stride,
                          &requires_grad, &hooks, &metadata))
        return NULL;
    if (PyDict_Check(metadata) && PyDict_GET_SIZE(metadata) > 0)
        return PyErr_Format(PyExc_RuntimeError,
                            "a saved tensor has metadata that is not known here: %.100R", metadata);
    return rebuild(storage, offset, size, stride, requires_grad);
}

static PyObject *new_parameter(PyObject *data, int requires_grad)
{
    return PyObject_CallFunction((PyObject *)parameter_type, "Oi", data, requires_grad);
}

static PyObject *rebuild_parameter(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *data, *hooks;
    int requires_grad;

    if (!PyArg_ParseTuple(args, "OpO:_rebuild_parameter", &data, &requires_grad, &hooks))
        return NULL;
    return new_parameter(data, requires_grad);
}

/* Attributes that were set on a tensor. They go into the __dict__ and nowhere else: setattr() would
 * reach what the class defines. */
static int restore_attributes(PyObject *object, PyObject *state)
{
    PyObject *dict = PyObject_GenericGetDict(object, NULL);
    int status = dict ? PyDict_Update(dict, state) : -1;

    Py_XDECREF(dict);
    return status;
}

static PyObject *rebuild_parameter_with_state(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *data, *hooks, *state, *parameter;
    int requires_grad;

    if (!PyArg_ParseTuple(args, "OpOO!:_rebuild_parameter_with_state", &data, &requires_grad,
                          &hooks, &PyDict_Type, &state))
        return NULL;
    parameter = new_parameter(data, requires_grad);
    if (parameter && restore_attributes(parameter, state) < 0)
        Py_CLEAR(parameter);
    return parameter;
}

/* (function, subclass of Tensor, its arguments, __dict__) */
static PyObject *rebuild_from_type(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *function, *type, *arguments, *state, *plain, *object = NULL;

    if (!PyArg_ParseTuple(args, "OO!O!O!:_rebuild_from_type_v2", &function, &PyType_Type, &type,
                          &PyTuple_Type, &arguments, &PyDict_Type, &state))
        return NULL;
    if (!PyType_IsSubtype((PyTypeObject *)type, tensor_type))
        return PyErr_Format(PyExc_TypeError, "%.100R is no class of tensors", type);
    plain = PyObject_Call(function, arguments, NULL);
    if (plain && tensor_check(plain)) {
        object = tensor_wrap_as((PyTypeObject *)type, tensor_alias(tensor_of(plain)));
        if (object)
            tensor_of(object)->requires_grad = tensor_of(plain)->requires_grad;
    } else if (plain) {
        PyErr_Format(PyExc_TypeError, "%.100R did not make a tensor", function);
    }
    if (object && restore_attributes(object, state) < 0)
        Py_CLEAR(object);
    Py_XDECREF(plain);
    return object;
}

/* ---- into pickles ---- */

static PyObject *tensor_storage(PyObject *self, PyObject *Py_UNUSED(none))
{
    struct tensor *t = tensor_of(self);

    return storage_object(typed_storage_type, t->storage, tensor_dtype(t));
}

static PyObject *tensor_untyped_storage(PyObject *self, PyObject *Py_UNUSED(none))
{
    return storage_object(untyped_storage_type, tensor_of(self)->storage, DTYPE_u8);
}

/* Hooks are functions of the running program: PyTorch leaves them out and says so. */
static int warn_of_hooks(struct tensor *t)
{
    for (struct hook *h = t->meta ? t->meta->hooks : NULL; h; h = h->next) {
        PyObject *callable = hook_callable(h);

        if (callable && !PyObject_HasAttrString(callable, "__torch_unserializable__") &&
            PyErr_WarnFormat(PyExc_UserWarning, 1,
                             "backward hook %R on tensor will not be serialized.  If this is "
                             "expected, you can decorate the function with "
                             "@torch.utils.hooks.unserializable_hook to suppress this warning",
                             callable) < 0)
            return -1;
    }
    return 0;
}

static PyObject *reduce_parameter(struct tensor *t)
{
    PyObject *data = tensor_wrap(tensor_detach(t)), *hooks = PyODict_New(), *reduced = NULL;

    if (data && hooks)
        reduced = Py_BuildValue("O(OOO)", rebuild_parameter_function, data,
                                t->requires_grad ? Py_True : Py_False, hooks);
    Py_XDECREF(data);
    Py_XDECREF(hooks);
    return reduced;
}

/* (_rebuild_tensor_v2, arguments) */
static PyObject *reduce_tensor(PyObject *self)
{
    struct tensor *t = tensor_of(self);
    PyObject *storage = tensor_storage(self, NULL), *hooks = PyODict_New();
    PyObject *size = PyTuple_New(t->ndim), *stride = PyTuple_New(t->ndim), *reduced = NULL;

    for (int d = 0; size && stride && d < t->ndim; d++) {
        PyTuple_SET_ITEM(size, d, PyLong_FromLongLong(t->shape[d]));
        PyTuple_SET_ITEM(stride, d, PyLong_FromLongLong(t->stride[d]));
    }
    tensor_grad_fn(t); /* a view may have got a history through its base */
    if (storage && hooks && size && stride && !PyErr_Occurred() && warn_of_hooks(t) == 0)
        reduced =
            Py_BuildValue("O(OLOOOO)", rebuild_tensor_v2_function, storage, (long long)t->offset,
                          size, stride, t->requires_grad ? Py_True : Py_False, hooks);
    Py_XDECREF(storage);
    Py_XDECREF(hooks);
    Py_XDECREF(size);
    Py_XDECREF(stride);
    return reduced;
}

static PyObject *tensor_reduce(PyObject *self, PyObject *Py_UNUSED(protocol))
{
    PyObject *reduced, *dict, *result = NULL;

    if (PyObject_TypeCheck(self, parameter_type))
        return reduce_parameter(tensor_of(self));
    reduced = reduce_tensor(self);
    if (!reduced || Py_IS_TYPE(self, tensor_type))
        return reduced;
    dict = PyObject_GenericGetDict(self, NULL);
    if (dict)
        result = Py_BuildValue("O(OOOO)", rebuild_type_function, PyTuple_GET_ITEM(reduced, 0),
                               Py_TYPE(self), PyTuple_GET_ITEM(reduced, 1), dict);
    Py_XDECREF(dict);
    Py_DECREF(reduced);
    return result;
}

/* ---- copy.deepcopy() ---- */

/* The copied storage seen as the original is, with a copy of its gradient. */
static struct tensor *copy_on_storage(struct tensor *t, PyObject *memo)
{
    struct storage *storage = storage_deepcopy(t->storage, memo);
    struct tensor *copy = NULL, *grad;

    if (!storage)
        return NULL;
    copy = tensor_on_storage(storage, tensor_dtype(t), t->ndim, t->shape, t->stride, t->offset);
    storage_unref(storage);
    if (!copy)
        return NULL;
    copy->requires_grad = t->requires_grad;
    if (tensor_grad(t)) {
        grad = copy_on_storage(tensor_grad(t), memo);
        if (!grad || tensor_set_grad(copy, grad) < 0) {
            tensor_unref(copy);
            copy = NULL;
        }
        tensor_unref(grad);
    }
    return copy;
}

/* The copied __dict__ becomes the copy's. */
static int copy_attributes(PyObject *copy, PyObject *self, PyObject *memo)
{
    PyObject *dict = ((TensorObject *)self)->dict, *module, *copied;
    int status;

    if (!dict || PyDict_GET_SIZE(dict) == 0)
        return 0;
    module = PyImport_ImportModule("copy");
    copied = module ? PyObject_CallMethod(module, "deepcopy", "OO", dict, memo) : NULL;
    status = copied ? PyObject_GenericSetDict(copy, copied, NULL) : -1;
    Py_XDECREF(module);
    Py_XDECREF(copied);
    return status;
}

/* A Parameter's copy is a tensor of its own without gradient, as PyTorch makes it. */
static PyObject *copied_object(PyObject *self, PyObject *memo)
{
    struct tensor *t = tensor_of(self), *copy;
    PyObject *object;

    if (PyObject_TypeCheck(self, parameter_type)) {
        copy = tensor_clone(t);
        if (copy)
            copy->requires_grad = t->requires_grad;
        return tensor_wrap_as(Py_TYPE(self), copy);
    }
    copy = copy_on_storage(t, memo);
    if (!copy)
        return python_error();
    object = tensor_wrap_as(Py_TYPE(self), copy);
    if (object && copy_attributes(object, self, memo) < 0)
        Py_CLEAR(object);
    return object;
}

static PyObject *tensor_deepcopy(PyObject *self, PyObject *memo)
{
    PyObject *key, *copy = NULL;

    if (!PyDict_Check(memo))
        return PyErr_Format(PyExc_TypeError, "the memo of __deepcopy__() must be a dict");
    if (tensor_grad_fn(tensor_of(self)))
        return PyErr_Format(PyExc_RuntimeError,
                            "Only Tensors created explicitly by the user (graph leaves) support "
                            "the deepcopy protocol at the moment");
    key = PyLong_FromVoidPtr(self);
    if (!key)
        return NULL;
    copy = Py_XNewRef(PyDict_GetItemWithError(memo, key));
    if (!copy && !PyErr_Occurred()) {
        copy = copied_object(self, memo);
        if (copy && PyDict_SetItem(memo, key, copy) < 0)
            Py_CLEAR(copy);
    }
    Py_DECREF(key);
    return copy;
}

PyMethodDef tensor_serial_methods[] = {
    {"__reduce_ex__", tensor_reduce, METH_O, NULL},
    {"__deepcopy__", tensor_deepcopy, METH_O, NULL},
    {"storage", tensor_storage, METH_NOARGS, "the elements below the tensor, which views share"},
    {"untyped_storage", tensor_untyped_storage, METH_NOARGS, "the same as bytes"},
    {"_storage", tensor_untyped_storage, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int rebuild_init(PyObject *torch)
{
    static PyMethodDef utils[] = {
        {"_rebuild_tensor", rebuild_tensor, METH_VARARGS, NULL},
        {"_rebuild_tensor_v2", rebuild_tensor_v2, METH_VARARGS, NULL},
        {"_rebuild_parameter", rebuild_parameter, METH_VARARGS, NULL},
        {"_rebuild_parameter_with_state", rebuild_parameter_with_state, METH_VARARGS, NULL},
        {NULL, NULL, 0, NULL},
    };
    static PyMethodDef types[] = {{"_rebuild_from_type_v2", rebuild_from_type, METH_VARARGS, NULL},
                                  {NULL, NULL, 0, NULL}};
    PyObject *home = submodule(torch, "_utils"), *tensor_home = submodule(torch, "_tensor");

    if (!home || !tensor_home || PyModule_AddFunctions(home, utils) < 0 ||
        PyModule_AddFunctions(tensor_home, types) < 0)
        return -1;
    rebuild_tensor_v2_function = PyObject_GetAttrString(home, "_rebuild_tensor_v2");
    rebuild_parameter_function = PyObject_GetAttrString(home, "_rebuild_parameter");
    rebuild_type_function = PyObject_GetAttrString(tensor_home, "_rebuild_from_type_v2");
    return rebuild_tensor_v2_function && rebuild_parameter_function && rebuild_type_function ? 0
                                                                                             : -1;
}
