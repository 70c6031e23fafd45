/*
 * nn.Module: the object, its attributes and its call. Methods are in the other nn_*.c files.
 */
#include "python/nn_module.h"

#include "python/bind.h"
#include "python/module.h"
#include "python/nn_layers.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

PyTypeObject *nn_module_type;
struct nn_names nn_names;

/* __getattr__ and __getattribute__ as Module itself has them. */
static PyObject *own_getattr, *own_getattribute;

/* ---- state ---- */

int module_setup(PyObject *self)
{
    PyObject *const dicts[] = {
        nn_names._parameters,
        nn_names._buffers,
        nn_names._backward_hooks,
        nn_names._forward_hooks,
        nn_names._forward_pre_hooks,
        nn_names._state_dict_hooks,
        nn_names._load_state_dict_pre_hooks,
        nn_names._load_state_dict_post_hooks,
        nn_names._modules,
    };
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    PyObject *value = NULL;

    if (!dict || PyDict_SetItem(dict, nn_names.training, Py_True) < 0 ||
        PyDict_SetItem(dict, nn_names._is_full_backward_hook, Py_None) < 0)
        goto fail;
    for (size_t i = 0; i < sizeof(dicts) / sizeof(*dicts); i++) {
        value = PyODict_New();
        if (!value || PyDict_SetItem(dict, dicts[i], value) < 0)
            goto fail;
        Py_CLEAR(value);
    }
    value = PySet_New(NULL);
    if (!value || PyDict_SetItem(dict, nn_names._non_persistent_buffers_set, value) < 0)
        goto fail;
    Py_DECREF(value);
    Py_DECREF(dict);
    return 0;
fail:
    Py_XDECREF(value);
    Py_XDECREF(dict);
    return -1;
}

PyObject *module_part_or_null(PyObject *self, PyObject *name)
{
    PyObject *dict = ((ModuleObject *)self)->dict;

    return dict ? PyDict_GetItemWithError(dict, name) : NULL;
}

PyObject *module_part(PyObject *self, PyObject *name)
{
    PyObject *part = module_part_or_null(self, name);

    if (!part && !PyErr_Occurred())
        PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%U'",
                     _PyType_Name(Py_TYPE(self)), name);
    return part;
}

PyObject *type_name_of(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *module, *name, *full;

    if (tensor_check(object)) {
        const char *class = dtype_infos[tensor_of(object)->dtype].class_name;
        return PyUnicode_FromFormat("torch.%s", class);
    }
    name = PyType_Check(object) ? PyType_GetQualName((PyTypeObject *)object)
                                : PyUnicode_FromString(_PyType_Name(type));
    module = PyObject_GetAttrString(object, "__module__");
    if (!module)
        PyErr_Clear();
    if (!name || !module || !PyUnicode_Check(module) ||
        PyUnicode_CompareWithASCIIString(module, "builtins") == 0)
        full = Py_XNewRef(name);
    else
        full = PyUnicode_FromFormat("%U.%U", module, name);
    Py_XDECREF(module);
    Py_XDECREF(name);
    return full;
}

/* ---- attributes ---- */

/* A parameter, buffer or child by name, borrowed; NULL without an exception when there is none. */
static PyObject *registered(PyObject *self, PyObject *name)
{
    PyObject *const parts[] = {nn_names._parameters, nn_names._buffers, nn_names._modules};

    for (int i = 0; i < 3; i++) {
        PyObject *part = module_part_or_null(self, parts[i]);
        PyObject *found = part ? PyDict_GetItemWithError(part, name) : NULL;

        if (found || PyErr_Occurred())
            return found;
    }
    return NULL;
}

PyObject *module_lookup(PyObject *self, PyObject *name)
{
    /* The last argument asks for no exception where the attribute is missing: formatting one costs
     * more than the whole look-up, and every use of a registered child would pay for it. */
    PyObject *found = _PyObject_GenericGetAttrWithDict(self, name, NULL, 1);

    if (found || PyErr_Occurred())
        return found;
    return Py_XNewRef(registered(self, name));
}

static void *no_attribute(PyObject *self, PyObject *name)
{
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%U'",
                     _PyType_Name(Py_TYPE(self)), name);
    return NULL;
}

static PyObject *module_getattro(PyObject *self, PyObject *name)
{
    PyObject *found = module_lookup(self, name);

    return found ? found : no_attribute(self, name);
}

/* Module.__getattr__(name): what classes that override it call through super(). */
static PyObject *module_getattr(PyObject *self, PyObject *name)
{
    PyObject *found = registered(self, name);

    return found ? Py_NewRef(found) : no_attribute(self, name);
}

/* Takes a name out of a dict or set of the module, if it is there. */
static int forget(PyObject *self, PyObject *part_name, PyObject *name)
{
    PyObject *part =
        part_name ? module_part_or_null(self, part_name) : ((ModuleObject *)self)->dict;
    int there;

    if (!part)
        return PyErr_Occurred() ? -1 : 0;
    if (PySet_Check(part))
        return PySet_Discard(part, name) < 0 ? -1 : 0;
    there = PyDict_Contains(part, name);
    return there > 0 ? PyObject_DelItem(part, name) : there;
}

static int set_parameter(PyObject *self, PyObject *name, PyObject *value)
{
    if (!module_part_or_null(self, nn_names._parameters)) {
        PyErr_SetString(PyExc_AttributeError,
                        "cannot assign parameters before Module.__init__() call");
        return -1;
    }
    if (forget(self, NULL, name) < 0 || forget(self, nn_names._buffers, name) < 0 ||
        forget(self, nn_names._modules, name) < 0 ||
        forget(self, nn_names._non_persistent_buffers_set, name) < 0)
        return -1;
    return module_register_parameter(self, name, value);
}

static int set_module(PyObject *self, PyObject *name, PyObject *value)
{
    PyObject *modules = module_part_or_null(self, nn_names._modules);

    if (!modules) {
        PyErr_SetString(PyExc_AttributeError, "cannot assign module before Module.__init__() call");
        return -1;
    }
    if (forget(self, NULL, name) < 0 || forget(self, nn_names._parameters, name) < 0 ||
        forget(self, nn_names._buffers, name) < 0 ||
        forget(self, nn_names._non_persistent_buffers_set, name) < 0)
        return -1;
    return PyObject_SetItem(modules, name, value);
}

/* TypeError: cannot assign 'int' as parameter 'weight' (... or None expected). -1 */
static int refuse(PyObject *name, PyObject *value, const char *role, const char *expected)
{
    PyObject *type = type_name_of(value);

    if (type)
        PyErr_Format(PyExc_TypeError, "cannot assign '%U' as %s '%U' (%s or None expected)", type,
                     role, name, expected);
    Py_XDECREF(type);
    return -1;
}

/* 1 when the dict `part` of the module has the name. */
static int has_registered(PyObject *self, PyObject *part_name, PyObject *name)
{
    PyObject *part = module_part_or_null(self, part_name);

    return part ? PyDict_Contains(part, name) : PyErr_Occurred() ? -1 : 0;
}

static int set_attribute(PyObject *self, PyObject *name, PyObject *value)
{
    int there;

    if (PyObject_TypeCheck(value, parameter_type))
        return set_parameter(self, name, value);
    there = has_registered(self, nn_names._parameters, name);
    if (there > 0)
        return value == Py_None ? module_register_parameter(self, name, value)
                                : refuse(name, value, "parameter", "torch.nn.Parameter");
    if (there == 0 && module_check(value))
        return set_module(self, name, value);
    if (there == 0)
        there = has_registered(self, nn_names._modules, name);
    if (there > 0)
        return value == Py_None
                   ? PyObject_SetItem(module_part(self, nn_names._modules), name, value)
                   : refuse(name, value, "child module", "torch.nn.Module");
    if (there == 0)
        there = has_registered(self, nn_names._buffers, name);
    if (there > 0)
        return value == Py_None || tensor_check(value)
                   ? PyObject_SetItem(module_part(self, nn_names._buffers), name, value)
                   : refuse(name, value, "buffer", "torch.Tensor");
    return there < 0 ? -1 : PyObject_GenericSetAttr(self, name, value);
}

static int delete_attribute(PyObject *self, PyObject *name)
{
    PyObject *const parts[] = {nn_names._parameters, nn_names._buffers, nn_names._modules};

    for (int i = 0; i < 3; i++) {
        int there = has_registered(self, parts[i], name);

        if (there < 0 || (there && forget(self, nn_names._non_persistent_buffers_set, name) < 0))
            return -1;
        if (there)
            return forget(self, parts[i], name);
    }
    return PyObject_GenericSetAttr(self, name, NULL);
}

static int module_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    return value ? set_attribute(self, name, value) : delete_attribute(self, name);
}

/* ---- the call ---- */

/* The function behind self.forward() that takes self first; NULL when forward is anything else,
 * such as an attribute of the object. Spares the bound method that looking it up would make. */
static PyObject *forward_function(PyObject *self)
{
    PyObject *function = _PyType_Lookup(Py_TYPE(self), nn_names.forward);
    PyObject *dict = ((ModuleObject *)self)->dict;

    if (!function || !PyType_HasFeature(Py_TYPE(function), Py_TPFLAGS_METHOD_DESCRIPTOR) ||
        (dict && PyDict_GetItemWithError(dict, nn_names.forward)))
        return NULL;
    return function;
}

static PyObject *call_attribute(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                PyObject *names)
{
    PyObject *forward = PyErr_Occurred() ? NULL : PyObject_GetAttr(self, nn_names.forward);
    PyObject *result = forward ? PyObject_Vectorcall(forward, args, (size_t)count, names) : NULL;

    Py_XDECREF(forward);
    return result;
}

/* self.forward(*args); args[-1] may be overwritten when nargsf says so. */
static PyObject *call_forward(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    enum { ON_STACK = 8 };
    Py_ssize_t positional = PyVectorcall_NARGS(nargsf);
    Py_ssize_t count = positional + (names ? PyTuple_GET_SIZE(names) : 0);
    PyObject *function = forward_function(self), *result, *before;
    PyObject *small[ON_STACK + 1], **call = small;

    if (!function)
        return call_attribute(self, args, positional, names);
    if (nargsf & PY_VECTORCALL_ARGUMENTS_OFFSET) {
        call = (PyObject **)(args - 1);
        before = *call;
        *call = self;
        result = PyObject_Vectorcall(function, call, (size_t)positional + 1, names);
        *call = before;
        return result;
    }
    if (count > ON_STACK && !(call = PyMem_New(PyObject *, count + 1)))
        return PyErr_NoMemory();
    call[0] = self;
    if (count)
        memcpy(call + 1, args, (size_t)count * sizeof(*args));
    result = PyObject_Vectorcall(function, call, (size_t)positional + 1, names);
    if (call != small)
        PyMem_Free(call);
    return result;
}

static PyObject *module_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf,
                                   PyObject *names)
{
    Py_ssize_t positional = PyVectorcall_NARGS(nargsf);
    PyObject *tuple, *keywords = NULL, *result = NULL;
    int hooked = module_hooked(self);

    if (hooked <= 0)
        return hooked < 0 ? NULL : call_forward(self, args, nargsf, names);
    tuple = PyTuple_New(positional);
    for (Py_ssize_t i = 0; tuple && i < positional; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    if (tuple && names)
        keywords = PyDict_New();
    for (Py_ssize_t i = 0; keywords && i < PyTuple_GET_SIZE(names); i++)
        if (PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), args[positional + i]) < 0)
            Py_CLEAR(keywords);
    if (tuple && (keywords || !names))
        result = module_call_hooked(self, tuple, keywords);
    Py_XDECREF(tuple);
    Py_XDECREF(keywords);
    return result;
}

static PyObject *module_call(PyObject *self, PyObject *args, PyObject *keywords)
{
    int hooked = module_hooked(self);
    PyObject *forward, *result;

    if (hooked)
        return hooked < 0 ? NULL : module_call_hooked(self, args, keywords);
    if (!keywords || PyDict_GET_SIZE(keywords) == 0)
        return call_forward(self, &PyTuple_GET_ITEM(args, 0), (size_t)PyTuple_GET_SIZE(args), NULL);
    forward = PyObject_GetAttr(self, nn_names.forward);
    result = forward ? PyObject_Call(forward, args, keywords) : NULL;
    Py_XDECREF(forward);
    return result;
}

PyObject *module_forward_missing(PyObject *self)
{
    return PyErr_Format(PyExc_NotImplementedError,
                        "Module [%s] is missing the required \"forward\" function",
                        _PyType_Name(Py_TYPE(self)));
}

static PyObject *module_forward(PyObject *self, PyObject *Py_UNUSED(args),
                                PyObject *Py_UNUSED(keywords))
{
    return module_forward_missing(self);
}

/* ---- life ---- */

static PyObject *module_new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                            PyObject *Py_UNUSED(keywords))
{
    ModuleObject *self = (ModuleObject *)type->tp_alloc(type, 0);

    if (!self)
        return NULL;
    self->vectorcall = module_vectorcall;
    self->layer = layer_type_of(type);
    /* Here and not in the constructor, which a pickle passes by. */
    if (self->layer && layer_prepare((struct layer_type *)self->layer) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int module_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    static const struct binding binding = {.function = "Module.__init__", .bound = 1};

    return binding_read(&binding, args, keywords, NULL) < 0 ? -1 : module_setup(self);
}

static int module_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((ModuleObject *)self)->dict);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static int module_clear(PyObject *self)
{
    Py_CLEAR(((ModuleObject *)self)->dict);
    return 0;
}

static void module_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (((ModuleObject *)self)->weakrefs)
        PyObject_ClearWeakRefs(self);
    module_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Python gives a subclass whose base has a __getattr__ method a getattr slot that first raises and
 * then catches an AttributeError for each registered name. A class that overrides neither method
 * gets ours back. */
static PyObject *module_init_subclass(PyObject *class, PyObject *Py_UNUSED(none))
{
    PyObject *getattr = PyObject_GetAttr(class, nn_names.__getattr__);
    PyObject *getattribute = PyObject_GetAttr(class, nn_names.__getattribute__);

    if (getattr && getattribute && getattr == own_getattr && getattribute == own_getattribute)
        ((PyTypeObject *)class)->tp_getattro = module_getattro;
    Py_XDECREF(getattr);
    Py_XDECREF(getattribute);
    return getattr && getattribute ? Py_NewRef(Py_None) : NULL;
}

/* The state of a copy or a pickle is the __dict__; PyTorch's pickles of modules fit. */
static PyObject *module_getstate(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    PyObject *copy = dict ? PyDict_Copy(dict) : NULL;

    Py_XDECREF(dict);
    return copy;
}

static PyObject *module_setstate(PyObject *self, PyObject *state)
{
    PyObject *dict;
    int status;

    if (!PyDict_Check(state)) {
        PyErr_Format(PyExc_TypeError, "the state of a Module is a dict, not %s",
                     _PyType_Name(Py_TYPE(state)));
        return NULL;
    }
    dict = PyObject_GenericGetDict(self, NULL);
    status = dict ? module_setup(self) : -1;
    if (status == 0)
        status = PyDict_Update(dict, state);
    Py_XDECREF(dict);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef core_methods[] = {
    {"forward", WITH_KEYWORDS(module_forward), "Computes the output; every subclass says how."},
    {"__getattr__", module_getattr, METH_O, NULL},
    {"__getstate__", module_getstate, METH_NOARGS, NULL},
    {"__setstate__", module_setstate, METH_O, NULL},
    {"__init_subclass__", module_init_subclass, METH_NOARGS | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef module_members_def[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(ModuleObject, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ModuleObject, weakrefs), READONLY, NULL},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(ModuleObject, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef module_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* All the methods of Module, from its files. */
static PyMethodDef *all_methods(void)
{
    static PyMethodDef methods[96];
    PyMethodDef *const groups[] = {
        core_methods,         module_registry_methods, module_walk_methods, module_convert_methods,
        module_state_methods, module_hook_methods,     module_repr_methods};
    size_t count = 0;

    for (size_t g = 0; g < sizeof(groups) / sizeof(*groups); g++)
        for (PyMethodDef *m = groups[g]; m->ml_name; m++)
            if (count + 1 < sizeof(methods) / sizeof(*methods))
                methods[count++] = *m;
    return methods;
}

int module_type_init(PyObject *torch)
{
    PyType_Slot slots[] = {
        {Py_tp_doc, "Module()\n--\n\nThe base of all networks: a subclass sets its layers as "
                    "attributes and defines forward()."},
        {Py_tp_new, module_new},
        {Py_tp_init, module_init},
        {Py_tp_dealloc, module_dealloc},
        {Py_tp_traverse, module_traverse},
        {Py_tp_clear, module_clear},
        {Py_tp_getattro, module_getattro},
        {Py_tp_setattro, module_setattro},
        {Py_tp_call, module_call},
        {Py_tp_repr, module_repr},
        {Py_tp_methods, all_methods()},
        {Py_tp_members, module_members_def},
        {Py_tp_getset, module_getset},
        {0, NULL},
    };
    PyType_Spec spec = {"torch.nn.modules.module.Module", sizeof(ModuleObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
                            Py_TPFLAGS_HAVE_VECTORCALL,
                        slots};
    PyObject *home = submodule(torch, "nn.modules.module");
    PyObject *version = PyLong_FromLong(1);
    int status = -1;

#define X(name)                                                                                    \
    if (!(nn_names.name = PyUnicode_InternFromString(#name)))                                      \
        return -1;
    NN_NAMES(X)
#undef X
    if (home && version && module_add_type(home, &spec, NULL, &nn_module_type) == 0) {
        PyObject *type = (PyObject *)nn_module_type;

        own_getattr = PyObject_GetAttr(type, nn_names.__getattr__);
        own_getattribute = PyObject_GetAttr(type, nn_names.__getattribute__);
        status = own_getattr && own_getattribute
                     ? PyObject_SetAttr(type, nn_names._version, version)
                     : -1;
    }
    Py_XDECREF(version);
    return status;
}
