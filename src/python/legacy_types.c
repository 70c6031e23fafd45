/*
 * torch.FloatTensor, torch.LongTensor and so on: the makers of tensors from before there were
 * dtypes. Each is an object of torch.tensortype: it can be called, asked for its dtype, and
 * isinstance(x, torch.FloatTensor) tells whether x has that dtype.
 */
#include "base/error.h"
#include "python/args.h"
#include "python/create.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/types.h"

#include <string.h>

typedef struct {
    PyObject_HEAD enum dtype dtype;
} LegacyObject;

static PyTypeObject *legacy_type;

static struct tensor *legacy_alias(enum dtype dtype, struct tensor *t)
{
    if (dtype == DTYPE_NONE || tensor_dtype(t) == dtype)
        return tensor_alias(t);
    return error_null(ERROR_TYPE, "expected torch.%s (got torch.%s)", dtype_infos[dtype].class_name,
                      dtype_infos[t->dtype].class_name);
}

struct tensor *tensor_legacy(enum dtype wanted, PyObject *args)
{
    enum dtype dtype = wanted == DTYPE_NONE ? dtype_default() : wanted;
    PyObject *const *items = PySequence_Fast_ITEMS(args);
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    int64_t shape[TENSOR_MAX_DIMS] = {0};
    int ndim = 1;

    if (count == 1 && tensor_check(items[0]))
        return legacy_alias(wanted, tensor_of(items[0]));
    if (count == 1 && PyFloat_Check(items[0]))
        return error_null(ERROR_TYPE, "new(): data must be a sequence (got %s)",
                          Py_TYPE(items[0])->tp_name);
    if (count == 1 && !PyLong_Check(items[0]) && !Py_IS_TYPE(items[0], size_type))
        return tensor_from_python(items[0], dtype);
    if (count)
        ndim = shape_read(items, count, shape);
    if (ndim == SHAPE_MISFIT)
        args_mismatch("new", NULL, 0, &(struct python_call){items, count, NULL}, 0);
    return ndim < 0 ? python_error_pending(), NULL : tensor_new(dtype, ndim, shape);
}

PyObject *tensor_legacy_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *device = kwargs ? PyDict_GetItemString(kwargs, "device") : NULL;

    if (device && device_check(device) < 0)
        return NULL;
    return tensor_wrap_as(type, tensor_legacy(DTYPE_NONE, args));
}

static PyObject *legacy_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)kwargs;
    return tensor_wrap(tensor_legacy(((LegacyObject *)self)->dtype, args));
}

static PyObject *legacy_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<class 'torch.%s'>",
                                dtype_infos[((LegacyObject *)self)->dtype].class_name);
}

static PyObject *legacy_instancecheck(PyObject *self, PyObject *object)
{
    return PyBool_FromLong(tensor_check(object) &&
                           tensor_dtype(tensor_of(object)) == ((LegacyObject *)self)->dtype);
}

static PyObject *legacy_dtype(PyObject *self, void *unused)
{
    (void)unused;
    return dtype_object(((LegacyObject *)self)->dtype);
}

static PyObject *legacy_name(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(dtype_infos[((LegacyObject *)self)->dtype].class_name);
}

static PyObject *legacy_module(PyObject *self, void *unused)
{
    (void)self;
    (void)unused;
    return PyUnicode_FromString("torch");
}

static PyObject *legacy_layout(PyObject *self, void *unused)
{
    (void)self;
    (void)unused;
    return layout_strided();
}

static PyObject *legacy_false(PyObject *self, void *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_FALSE;
}

/* For pickle: the name in torch. */
static PyObject *legacy_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return legacy_name(self, NULL);
}

static PyMethodDef legacy_methods[] = {{"__instancecheck__", legacy_instancecheck, METH_O, NULL},
                                       {"__reduce__", legacy_reduce, METH_NOARGS, NULL},
                                       {NULL, NULL, 0, NULL}};
static PyGetSetDef legacy_getset[] = {{"dtype", legacy_dtype, NULL, NULL, NULL},
                                      {"layout", legacy_layout, NULL, NULL, NULL},
                                      {"is_cuda", legacy_false, NULL, NULL, NULL},
                                      {"is_sparse", legacy_false, NULL, NULL, NULL},
                                      {"__name__", legacy_name, NULL, NULL, NULL},
                                      {"__module__", legacy_module, NULL, NULL, NULL},
                                      {NULL, NULL, NULL, NULL, NULL}};
static PyType_Spec legacy_spec = {.name = "torch.tensortype",
                                  .basicsize = sizeof(LegacyObject),
                                  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  .slots = (PyType_Slot[]){{Py_tp_repr, legacy_repr},
                                                           {Py_tp_call, legacy_call},
                                                           {Py_tp_methods, legacy_methods},
                                                           {Py_tp_getset, legacy_getset},
                                                           {0, NULL}}};

enum dtype legacy_type_dtype(PyObject *object)
{
    const char *text;

    if (Py_IS_TYPE(object, legacy_type))
        return ((LegacyObject *)object)->dtype;
    text = PyUnicode_Check(object) ? PyUnicode_AsUTF8(object) : NULL;
    for (int d = 0; text && strncmp(text, "torch.", 6) == 0 && d < DTYPE_COUNT; d++) {
        if (strcmp(text + 6, dtype_infos[d].class_name) == 0)
            return (enum dtype)d;
    }
    PyErr_Clear();
    return DTYPE_NONE;
}

static PyObject *set_default_tensor_type(PyObject *module, PyObject *type)
{
    enum dtype dtype = legacy_type_dtype(type);

    (void)module;
    if (dtype == DTYPE_NONE)
        return PyErr_Format(PyExc_TypeError, "invalid type object");
    if (!dtype_is_float(dtype))
        return PyErr_Format(PyExc_TypeError,
                            "only floating-point types are supported as the default type");
    dtype_set_default(dtype);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_default_tensor_type", set_default_tensor_type, METH_O,
     "set_default_dtype() by the name of a tensor type: 'torch.DoubleTensor'"},
    {NULL, NULL, 0, NULL}};

int legacy_types_init(PyObject *torch)
{
    PyObject *home = PyModule_New("torch"); /* the type itself is no name in torch */

    if (!home || module_add_type(home, &legacy_spec, NULL, &legacy_type) < 0)
        return -1;
    Py_DECREF(home);
    for (int d = 0; d < DTYPE_COUNT; d++) {
        LegacyObject *self = PyObject_New(LegacyObject, legacy_type);

        if (!self)
            return -1;
        self->dtype = (enum dtype)d;
        if (!dtype_is_complex(self->dtype) &&
            PyModule_AddObjectRef(torch, dtype_infos[d].class_name, (PyObject *)self) < 0)
            return -1;
        Py_DECREF(self);
    }
    return PyModule_AddFunctions(torch, methods);
}
