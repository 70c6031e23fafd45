/*
 * Registering and finding the parts of a module: parameters, buffers, submodules.
 */
#include "python/nn_module.h"

/* What the three register functions check of a name. 0, or -1 with PyTorch's exception. */
static int check_name(PyObject *self, PyObject *part_name, PyObject *name, const char *role,
                      const char *plural)
{
    PyObject *part = module_part_or_null(self, part_name);
    PyObject *found;
    int there;

    if (!part) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_AttributeError, "cannot assign %s before Module.__init__() call",
                         plural);
        return -1;
    }
    if (!PyUnicode_Check(name)) {
        PyObject *type = type_name_of(name);

        if (type)
            PyErr_Format(PyExc_TypeError, "%s name should be a string. Got %U", role, type);
        Py_XDECREF(type);
        return -1;
    }
    if (PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1) >= 0) {
        if (part_name == nn_names._modules)
            PyErr_Format(PyExc_KeyError, "module name can't contain \".\", got: %U", name);
        else
            PyErr_Format(PyExc_KeyError, "%s name can't contain \".\"", role);
        return -1;
    }
    if (PyUnicode_GET_LENGTH(name) == 0) {
        PyErr_Format(PyExc_KeyError, "%s name can't be empty string \"\"", role);
        return -1;
    }
    there = PyDict_Contains(part, name);
    if (there)
        return there < 0 ? -1 : 0;
    found = module_lookup(self, name);
    if (found)
        PyErr_Format(PyExc_KeyError, "attribute '%U' already exists", name);
    Py_XDECREF(found);
    return PyErr_Occurred() ? -1 : 0;
}

static int wrong_type(PyObject *value, const char *role, PyObject *name, const char *expected)
{
    PyObject *type = type_name_of(value);

    if (type)
        PyErr_Format(PyExc_TypeError, "cannot assign '%U' object to %s '%U' (%s or None required)",
                     type, role, name, expected);
    Py_XDECREF(type);
    return -1;
}

int module_register_parameter(PyObject *self, PyObject *name, PyObject *param)
{
    if (check_name(self, nn_names._parameters, name, "parameter", "parameter") < 0)
        return -1;
    if (param != Py_None && !PyObject_TypeCheck(param, parameter_type))
        return wrong_type(param, "parameter", name, "torch.nn.Parameter");
    if (param != Py_None && tensor_of(param)->grad_fn) {
        PyErr_Format(PyExc_ValueError,
                     "Cannot assign non-leaf Tensor to parameter '%U'. Model parameters must be "
                     "created explicitly. To express '%U' as a function of another Tensor, compute "
                     "the value in the forward() method.",
                     name, name);
        return -1;
    }
    return PyObject_SetItem(module_part(self, nn_names._parameters), name, param);
}

int module_register_buffer(PyObject *self, PyObject *name, PyObject *tensor, bool persistent)
{
    PyObject *temporary;

    if (check_name(self, nn_names._buffers, name, "buffer", "buffer") < 0)
        return -1;
    if (tensor != Py_None && !tensor_check(tensor))
        return wrong_type(tensor, "buffer", name, "torch Tensor");
    if (PyObject_SetItem(module_part(self, nn_names._buffers), name, tensor) < 0)
        return -1;
    temporary = module_part(self, nn_names._non_persistent_buffers_set);
    if (!temporary)
        return -1;
    return persistent ? (PySet_Discard(temporary, name) < 0 ? -1 : 0) : PySet_Add(temporary, name);
}

int module_add(PyObject *self, PyObject *name, PyObject *module)
{
    PyObject *modules;

    if (module != Py_None && !module_check(module)) {
        PyObject *type = type_name_of(module);

        if (type)
            PyErr_Format(PyExc_TypeError, "%U is not a Module subclass", type);
        Py_XDECREF(type);
        return -1;
    }
    modules = module_part(self, nn_names._modules);
    if (!modules || check_name(self, nn_names._modules, name, "module", "module") < 0)
        return -1;
    return PyObject_SetItem(modules, name, module);
}

static PyObject *none_or_null(int status)
{
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *py_register_parameter(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"name", "param", NULL};
    PyObject *name, *param;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:register_parameter", names, &name, &param))
        return NULL;
    return none_or_null(module_register_parameter(self, name, param));
}

static PyObject *py_register_buffer(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"name", "tensor", "persistent", NULL};
    PyObject *name, *tensor;
    int persistent = 1;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|p:register_buffer", names, &name, &tensor,
                                     &persistent))
        return NULL;
    return none_or_null(module_register_buffer(self, name, tensor, persistent));
}

static PyObject *py_add_module(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"name", "module", NULL};
    PyObject *name, *module;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:add_module", names, &name, &module))
        return NULL;
    return none_or_null(module_add(self, name, module));
}

/* ---- by path ---- */

/* self.name, or AttributeError: Net has no attribute `name`. */
static PyObject *step_into(PyObject *self, PyObject *name)
{
    PyObject *found = PyObject_GetAttr(self, name);
    PyObject *type;

    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return found;
    PyErr_Clear();
    type = PyObject_CallMethodNoArgs(self, nn_names._get_name);
    if (type)
        PyErr_Format(PyExc_AttributeError, "%S has no attribute `%U`", type, name);
    Py_XDECREF(type);
    return NULL;
}

static PyObject *get_submodule(PyObject *self, PyObject *target)
{
    PyObject *dot, *path, *at = Py_NewRef(self);

    if (!PyUnicode_Check(target) || PyUnicode_GET_LENGTH(target) == 0) {
        if (PyUnicode_Check(target))
            return at;
        Py_DECREF(at);
        return PyErr_Format(PyExc_TypeError, "the path of a module is a string, not %s",
                            _PyType_Name(Py_TYPE(target)));
    }
    dot = PyUnicode_FromString(".");
    path = dot ? PyUnicode_Split(target, dot, -1) : NULL;
    Py_XDECREF(dot);
    for (Py_ssize_t i = 0; path && at && i < PyList_GET_SIZE(path); i++) {
        PyObject *next = step_into(at, PyList_GET_ITEM(path, i));

        Py_SETREF(at, next);
        if (at && !module_check(at)) {
            PyErr_Format(PyExc_AttributeError, "`%U` is not an nn.Module",
                         PyList_GET_ITEM(path, i));
            Py_CLEAR(at);
        }
    }
    if (!path)
        Py_CLEAR(at);
    Py_XDECREF(path);
    return at;
}

/* The module that the part before the last dot names, and in *name what follows. */
static PyObject *get_owner(PyObject *self, PyObject *target, PyObject **name)
{
    PyObject *dot = PyUnicode_FromString(".");
    PyObject *parts = dot ? PyUnicode_RPartition(target, dot) : NULL;
    PyObject *owner = parts ? get_submodule(self, PyTuple_GET_ITEM(parts, 0)) : NULL;

    *name = owner ? Py_NewRef(PyTuple_GET_ITEM(parts, 2)) : NULL;
    Py_XDECREF(dot);
    Py_XDECREF(parts);
    return owner;
}

static PyObject *get_parameter(PyObject *self, PyObject *target)
{
    PyObject *name, *owner = get_owner(self, target, &name);
    PyObject *found = owner ? step_into(owner, name) : NULL;

    if (found && !PyObject_TypeCheck(found, parameter_type)) {
        PyErr_Format(PyExc_AttributeError, "`%U` is not an nn.Parameter", name);
        Py_CLEAR(found);
    }
    Py_XDECREF(owner);
    Py_XDECREF(name);
    return found;
}

static PyObject *get_buffer(PyObject *self, PyObject *target)
{
    PyObject *name, *owner = get_owner(self, target, &name);
    PyObject *found = owner ? step_into(owner, name) : NULL;
    PyObject *buffers = found ? module_part(owner, nn_names._buffers) : NULL;

    if (found && !(buffers && PyDict_Contains(buffers, name) > 0)) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_AttributeError, "`%U` is not a buffer", name);
        Py_CLEAR(found);
    }
    Py_XDECREF(owner);
    Py_XDECREF(name);
    return found;
}

PyMethodDef module_registry_methods[] = {
    {"register_parameter", WITH_KEYWORDS(py_register_parameter),
     "register_parameter(name, param): a Parameter, or None."},
    {"register_buffer", WITH_KEYWORDS(py_register_buffer),
     "register_buffer(name, tensor, persistent=True): state that is not trained; a persistent one "
     "is part of state_dict()."},
    {"add_module", WITH_KEYWORDS(py_add_module),
     "add_module(name, module): as self.name = module."},
    {"register_module", WITH_KEYWORDS(py_add_module), "Another name of add_module()."},
    {"get_submodule", get_submodule, METH_O, "The module at a path such as 'body.0.fc'."},
    {"get_parameter", get_parameter, METH_O, "The parameter at a path such as 'fc.weight'."},
    {"get_buffer", get_buffer, METH_O, "The buffer at a path such as 'bn.running_mean'."},
    {NULL, NULL, 0, NULL},
};
