/*
 * Hooks that compute a weight: their objects, and how a module gets and loses one.
 */
#include "python/nn_reparametrize.h"

#include "python/args.h"
#include "python/errors.h"
#include "python/module.h"

#include <stddef.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD PyObject *dict;
} HookObject;

/* ---- hook objects ---- */

static int hook_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((HookObject *)self)->dict);
    return 0;
}

static int hook_clear(PyObject *self)
{
    Py_CLEAR(((HookObject *)self)->dict);
    return 0;
}

static void hook_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    hook_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

int weight_hook_add_type(PyObject *torch, const char *home, const char *path, ternaryfunc call,
                         PyTypeObject **type)
{
    static PyMemberDef members[] = {
        {"__dictoffset__", T_PYSSIZET, offsetof(HookObject, dict), READONLY, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    static PyGetSetDef getset[] = {
        {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
        {NULL, NULL, NULL, NULL, NULL},
    };
    PyType_Slot slots[] = {{Py_tp_traverse, hook_traverse},
                           {Py_tp_clear, hook_clear},
                           {Py_tp_dealloc, hook_dealloc},
                           {Py_tp_members, members},
                           {Py_tp_getset, getset},
                           {Py_tp_call, call},
                           {0, NULL}};
    PyType_Spec spec = {path, sizeof(HookObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                        slots};
    PyObject *module = submodule(torch, home);

    return module ? module_add_type(module, &spec, NULL, type) : -1;
}

/* An object of a hook type with these attributes; takes the dict over. */
PyObject *weight_hook_new(PyTypeObject *type, PyObject *attributes)
{
    PyObject *self = attributes ? PyObject_CallNoArgs((PyObject *)type) : NULL;

    if (self)
        Py_XSETREF(((HookObject *)self)->dict, attributes); /* a new object may have a dict */
    else
        Py_XDECREF(attributes);
    return self;
}

PyObject *weight_hook_name(PyObject *hook)
{
    PyObject *name = PyObject_GetAttrString(hook, "name");

    if (name && !PyUnicode_Check(name)) {
        PyErr_SetString(PyExc_TypeError, "the name of a parameter must be a string");
        Py_CLEAR(name);
    }
    return name;
}

long weight_hook_number(PyObject *hook, const char *attribute)
{
    PyObject *value = PyObject_GetAttrString(hook, attribute);
    long number = value ? PyLong_AsLong(value) : -1;

    Py_XDECREF(value);
    return number;
}

/* module.<name><suffix>; NULL with an exception when it is missing or no tensor. */
PyObject *weight_part(PyObject *module, PyObject *name, const char *suffix)
{
    PyObject *full = PyUnicode_FromFormat("%U%s", name, suffix);
    PyObject *value = full ? PyObject_GetAttr(module, full) : NULL;

    if (value && !tensor_check(value)) {
        PyErr_Format(PyExc_TypeError, "'%U' must be a Tensor, not %s", full,
                     _PyType_Name(Py_TYPE(value)));
        Py_CLEAR(value);
    }
    Py_XDECREF(full);
    return value;
}

int weight_part_set(PyObject *module, PyObject *name, const char *suffix, PyObject *value)
{
    PyObject *full = PyUnicode_FromFormat("%U%s", name, suffix);
    int status = full ? PyObject_SetAttr(module, full, value) : -1;

    Py_XDECREF(full);
    return status;
}

/* register_parameter(name + suffix, Parameter(tensor without history)). */
int weight_part_register(PyObject *module, PyObject *name, const char *suffix, PyObject *tensor)
{
    PyObject *full = PyUnicode_FromFormat("%U%s", name, suffix);
    PyObject *data = full ? PyObject_GetAttr(tensor, nn_names.data) : NULL;
    PyObject *parameter = data ? PyObject_CallOneArg((PyObject *)parameter_type, data) : NULL;
    int status = parameter ? module_register_parameter(module, full, parameter) : -1;

    Py_XDECREF(full);
    Py_XDECREF(data);
    Py_XDECREF(parameter);
    return status;
}

/* Finds the hook of this type and name in a dict of hooks: 1 and its key (borrowed) and the hook (a
 * new reference), 0, or -1. `inside` names the attribute that holds the hook, if not itself. */
static int find_hook(PyObject *hooks, PyTypeObject *type, const char *inside, PyObject *name,
                     PyObject **key, PyObject **found)
{
    PyObject *hook;
    Py_ssize_t at = 0;

    while (hooks && PyDict_Next(hooks, &at, key, &hook)) {
        PyObject *owner, *its_name;
        int same;

        if (Py_TYPE(hook) != type)
            continue;
        owner = inside ? PyObject_GetAttrString(hook, inside) : Py_NewRef(hook);
        its_name = owner ? weight_hook_name(owner) : NULL;
        same = its_name ? PyObject_RichCompareBool(its_name, name, Py_EQ) : -1;
        Py_XDECREF(owner);
        Py_XDECREF(its_name);
        if (same == 0)
            continue;
        if (same > 0)
            *found = Py_NewRef(hook);
        return same;
    }
    return hooks ? 0 : -1;
}

/* Takes such a hook out of its dict. 1, 0 when there is none, or -1. */
int weight_hook_drop(PyObject *hooks, PyTypeObject *type, const char *inside, PyObject *name)
{
    PyObject *key, *hook = NULL;
    int there = find_hook(hooks, type, inside, name, &key, &hook);

    if (there > 0 && PyObject_DelItem(hooks, key) < 0)
        there = -1;
    Py_XDECREF(hook);
    return there;
}

/* The hook of the module, a new reference; NULL with PyTorch's ValueError when it has none. */
PyObject *weight_hook_of(PyObject *module, PyTypeObject *type, const char *kind, PyObject *name)
{
    PyObject *key, *hook = NULL;
    int there =
        find_hook(module_part(module, nn_names._forward_pre_hooks), type, NULL, name, &key, &hook);

    if (there == 0)
        PyErr_Format(PyExc_ValueError, "%s of '%U' not found in %S", kind, name, module);
    return hook;
}

/* 0, or -1 with an exception: a weight has one hook of a kind. */
int weight_hook_check(PyObject *module, PyTypeObject *type, const char *kind, PyObject *name)
{
    PyObject *key, *hook = NULL;
    int there =
        find_hook(module_part(module, nn_names._forward_pre_hooks), type, NULL, name, &key, &hook);

    if (there > 0)
        PyErr_Format(PyExc_RuntimeError, "Cannot register two %s hooks on the same parameter %U",
                     kind, name);
    Py_XDECREF(hook);
    return there ? -1 : 0;
}

int weight_hook_add(PyObject *module, PyObject *part, PyObject *hook)
{
    PyObject *hooks = module_part(module, part);
    PyObject *handle = hooks && hook ? hook_add(hooks, hook) : NULL;

    Py_XDECREF(handle);
    return handle ? 0 : -1;
}

/* Runs compute(hook, module) and puts the result in the weight's place: the call of a hook. */
PyObject *weight_hook_run(PyObject *hook, PyObject *args,
                          PyObject *(*compute)(PyObject *hook, PyObject *module, PyObject *name))
{
    PyObject *module, *inputs, *name, *weight;
    int status;

    if (!PyArg_ParseTuple(args, "O!O", nn_module_type, &module, &inputs))
        return NULL;
    name = weight_hook_name(hook);
    weight = name ? compute(hook, module, name) : NULL;
    status = weight ? PyObject_SetAttr(module, name, weight) : -1;
    Py_XDECREF(name);
    Py_XDECREF(weight);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

static int delete_all(PyObject *module, PyObject *name, const char *const *suffixes)
{
    for (; *suffixes; suffixes++)
        if (weight_part_set(module, name, *suffixes, NULL) < 0)
            return -1;
    return 0;
}

/* Takes a reparametrisation back: the weight as it is now becomes the parameter. */
int weight_hook_take_back(PyObject *module, PyObject *name, PyObject *weight,
                          const char *const *suffixes, PyTypeObject *type)
{
    if (!weight || delete_all(module, name, suffixes) < 0 ||
        weight_part_register(module, name, "", weight) < 0)
        return -1;
    return weight_hook_drop(module_part(module, nn_names._forward_pre_hooks), type, NULL, name);
}

int weight_hook_arguments(PyObject *args, PyObject *keywords, const char *format, PyObject **module,
                          PyObject **name)
{
    static char *names[] = {"module", "name", NULL};

    *name = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, format, names, nn_module_type, module, name))
        return -1;
    *name = *name ? Py_NewRef(*name) : PyUnicode_FromString("weight");
    return *name ? 0 : -1;
}
