/* torch.nn.modules.lazy.LazyModuleMixin: what modules do that find out shapes from their input. */
#include "python/nn_lazy.h"

#include "python/bind.h"
#include "python/errors.h"
#include "python/module.h"

PyTypeObject *lazy_mixin_type;

/* ---- becoming lazy ---- */

/* self.<attribute> = self.<registrar>(self.<hook>) */
static int add_hook(PyObject *self, const char *attribute, const char *registrar, const char *hook)
{
    PyObject *method = PyObject_GetAttrString(self, hook);
    PyObject *handle = method ? PyObject_CallMethod(self, registrar, "O", method) : NULL;
    int status = handle ? PyObject_SetAttrString(self, attribute, handle) : -1;

    Py_XDECREF(method);
    Py_XDECREF(handle);
    return status;
}

int lazy_prepare(PyObject *self)
{
    if (add_hook(self, "_load_hook", "_register_load_state_dict_pre_hook", "_lazy_load_hook") < 0 ||
        add_hook(self, "_initialize_hook", "register_forward_pre_hook", "_infer_parameters") < 0)
        return -1;
    return PyErr_WarnEx(PyExc_UserWarning,
                        "Lazy modules are a new feature under heavy development so changes to the "
                        "API or functionality can happen at any moment.",
                        1);
}

/* For classes of the user: super().__init__(*args, **kwargs), then lazy. */
static int mixin_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *super = PyObject_CallFunction((PyObject *)&PySuper_Type, "OO", lazy_mixin_type, self);
    PyObject *init = super ? PyObject_GetAttrString(super, "__init__") : NULL;
    PyObject *done = init ? PyObject_Call(init, args, kwargs) : NULL;

    Py_XDECREF(super);
    Py_XDECREF(init);
    Py_XDECREF(done);
    return done ? lazy_prepare(self) : -1;
}

/* ---- what waits for a shape ---- */

/* [(name, parameter or buffer)]; a new list. */
static PyObject *tensors_of(PyObject *self)
{
    PyObject *parameters = module_part(self, nn_names._parameters);
    PyObject *buffers = parameters ? module_part(self, nn_names._buffers) : NULL;
    PyObject *list = buffers ? PyDict_Items(parameters) : NULL;
    PyObject *more = list ? PyDict_Items(buffers) : NULL;

    if (!more || PyList_SetSlice(list, PyList_GET_SIZE(list), PyList_GET_SIZE(list), more) < 0)
        Py_CLEAR(list);
    Py_XDECREF(more);
    return list;
}

int lazy_waits(PyObject *self)
{
    PyObject *list = tensors_of(self);
    int waits = list ? 0 : -1;

    for (Py_ssize_t i = 0; waits == 0 && i < PyList_GET_SIZE(list); i++)
        waits = is_lazy(PyTuple_GET_ITEM(PyList_GET_ITEM(list, i), 1));
    Py_XDECREF(list);
    return waits;
}

static PyObject *has_uninitialized(PyObject *self, PyObject *Py_UNUSED(none))
{
    int waits = lazy_waits(self);

    return waits < 0 ? NULL : PyBool_FromLong(waits);
}

static PyObject *initialize(PyObject *self, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    return PyErr_Format(PyExc_NotImplementedError,
                        "initialize_parameters is not implemented for %s",
                        _PyType_Name(Py_TYPE(self)));
}

/* ---- hooks ---- */

static int remove_hook(PyObject *self, const char *attribute)
{
    PyObject *handle = PyObject_GetAttrString(self, attribute);
    PyObject *done = handle ? PyObject_CallMethod(handle, "remove", NULL) : NULL;

    Py_XDECREF(handle);
    Py_XDECREF(done);
    return done ? PyObject_SetAttrString(self, attribute, NULL) : -1;
}

/* The layer that a lazy one becomes; None for those that stay what they are. */
static int change_class(PyObject *self)
{
    PyObject *type = PyObject_GetAttrString(self, "cls_to_become");
    int status = type ? 0 : -1;

    if (type && type != Py_None)
        status = PyObject_SetAttrString(self, "__class__", type);
    Py_XDECREF(type);
    return status;
}

/* The hook before the first call: _infer_parameters(module, input). */
static PyObject *infer(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *module, *input, *method, *done = NULL;
    int waits;

    if (!PyArg_ParseTuple(args, "OO!:_infer_parameters", &module, &PyTuple_Type, &input))
        return NULL;
    method = PyObject_GetAttrString(module, "initialize_parameters");
    done = method ? PyObject_Call(method, input, NULL) : NULL;
    Py_XDECREF(method);
    Py_XDECREF(done);
    waits = done ? lazy_waits(module) : -1;
    if (waits > 0)
        PyErr_Format(PyExc_RuntimeError, "module %s has not been fully initialized",
                     _PyType_Name(Py_TYPE(module)));
    if (waits || remove_hook(module, "_initialize_hook") < 0 ||
        remove_hook(module, "_load_hook") < 0 || change_class(module) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* Gives one tensor the shape of what will be loaded into it. */
static int take_shape(PyObject *object, PyObject *from)
{
    const struct tensor *t = from && tensor_check(from) && !is_lazy(from) ? tensor_of(from) : NULL;

    if (!t || !is_lazy(object))
        return 0;
    return lazy_materialize(object, tensor_dtype(tensor_of(object)), t->ndim, t->shape);
}

/* The hook before loading: _lazy_load_hook(state_dict, prefix, ...). */
static PyObject *before_load(PyObject *self, PyObject *args)
{
    PyObject *state = PyTuple_GET_SIZE(args) > 1 ? PyTuple_GET_ITEM(args, 0) : NULL, *list;
    int status;

    if (!state || !PyDict_Check(state) || !PyUnicode_Check(PyTuple_GET_ITEM(args, 1)))
        return PyErr_Format(PyExc_TypeError,
                            "_lazy_load_hook() takes a dict, a prefix and five more arguments");
    list = tensors_of(self);
    status = list ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *item = PyList_GET_ITEM(list, i);
        PyObject *key = PyUnicode_Concat(PyTuple_GET_ITEM(args, 1), PyTuple_GET_ITEM(item, 0));

        status =
            key ? take_shape(PyTuple_GET_ITEM(item, 1), PyDict_GetItemWithError(state, key)) : -1;
        Py_XDECREF(key);
    }
    Py_XDECREF(list);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

int lazy_mixin_init(PyObject *torch)
{
    static PyMethodDef methods[] = {
        {"has_uninitialized_params", has_uninitialized, METH_NOARGS,
         "Whether a parameter or buffer has no shape yet."},
        {"initialize_parameters", WITH_KEYWORDS(initialize),
         "initialize_parameters(*input): for classes of one's own to define."},
        {"_infer_parameters", infer, METH_VARARGS, NULL},
        {"_lazy_load_hook", before_load, METH_VARARGS, NULL},
        {NULL, NULL, 0, NULL},
    };
    PyType_Slot slots[] = {
        {Py_tp_doc, "A base beside Module for modules that find out shapes from their first "
                    "input."},
        {Py_tp_init, mixin_init},
        {Py_tp_methods, methods},
        {0, NULL},
    };
    PyType_Spec spec = {"torch.nn.modules.lazy.LazyModuleMixin", sizeof(PyObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    PyObject *home = submodule(torch, "nn.modules.lazy");

    if (!home || module_add_type(home, &spec, NULL, &lazy_mixin_type) < 0)
        return -1;
    return PyObject_SetAttrString((PyObject *)lazy_mixin_type, "cls_to_become", Py_None);
}
