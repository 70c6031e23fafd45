/* torch.optim.Optimizer: groups of parameters and zero_grad(). */
#include "python/optim_parts.h"

#include "base/strbuf.h"
#include "base/vec.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/nn_module.h"

#include <structmember.h>

PyTypeObject *optimizer_type;
PyObject *optim_required;

static PyObject *defaultdict_type;

/* ---- small things ---- */

PyObject *dict_item(PyObject *dict, PyObject *key)
{
    PyObject *item = PyDict_GetItemWithError(dict, key);

    if (!item && !PyErr_Occurred())
        PyErr_SetObject(PyExc_KeyError, key);
    return item;
}

PyObject *optimizer_groups(OptimizerObject *self)
{
    PyObject *groups = self->param_groups;

    if (!groups) {
        PyErr_SetString(PyExc_AttributeError,
                        "the optimizer has no param_groups: Optimizer.__init__() was not called");
        return NULL;
    }
    if (!PyList_Check(groups)) {
        PyErr_Format(PyExc_TypeError, "param_groups must be a list, not %s",
                     Py_TYPE(groups)->tp_name);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(groups); i++) {
        if (!PyDict_Check(PyList_GET_ITEM(groups, i))) {
            PyErr_Format(PyExc_TypeError, "param_groups[%zd] must be a dict, not %s", i,
                         Py_TYPE(PyList_GET_ITEM(groups, i))->tp_name);
            return NULL;
        }
    }
    return groups;
}

PyObject *group_params(PyObject *group)
{
    PyObject *params = dict_item(group, optim_names.params);

    if (!params)
        return NULL;
    if (!PyList_Check(params)) {
        PyErr_Format(PyExc_TypeError, "a parameter group's 'params' must be a list, not %s",
                     Py_TYPE(params)->tp_name);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(params); i++) {
        if (!tensor_check(PyList_GET_ITEM(params, i))) {
            PyErr_Format(PyExc_TypeError, "a parameter group's 'params' holds a %s, not a Tensor",
                         Py_TYPE(PyList_GET_ITEM(params, i))->tp_name);
            return NULL;
        }
    }
    return params;
}

PyObject *optimizer_empty_state(void)
{
    return PyObject_CallOneArg(defaultdict_type, (PyObject *)&PyDict_Type);
}

PyObject *optimizer_state_of(OptimizerObject *self, PyObject *param)
{
    PyObject *entry;

    if (!self->state || !PyDict_Check(self->state)) {
        PyErr_SetString(PyExc_TypeError, "the optimizer's state must be a dict");
        return NULL;
    }
    entry = PyDict_GetItemWithError(self->state, param);
    if (!entry && !PyErr_Occurred()) {
        entry = PyDict_New();
        if (!entry || PyDict_SetItem(self->state, param, entry) < 0) {
            Py_XDECREF(entry);
            return NULL;
        }
        Py_DECREF(entry); /* the state keeps it */
    }
    if (entry && !PyDict_Check(entry)) {
        PyErr_Format(PyExc_TypeError, "the state of a parameter must be a dict, not %s",
                     Py_TYPE(entry)->tp_name);
        return NULL;
    }
    return entry;
}

PyObject *closure_call(PyObject *closure)
{
    bool before = grad_set_enabled(true);
    PyObject *loss = PyObject_CallNoArgs(closure);

    grad_set_enabled(before);
    return loss;
}

PyObject *step_closure(PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;

    if (count + named > 1) {
        PyErr_Format(PyExc_TypeError, "step() takes at most 1 argument, the closure (%zd given)",
                     count + named);
        return NULL;
    }
    if (named) {
        PyObject *name = PyTuple_GET_ITEM(names, 0);
        if (PyUnicode_Compare(name, optim_names.closure) != 0) {
            PyErr_Format(PyExc_TypeError, "step() got an unexpected keyword argument '%U'", name);
            return NULL;
        }
    }
    return count + named ? args[0] : Py_None;
}

void optimizer_observed(OptimizerObject *self, const char *name)
{
    VEC(struct tensor *) all = {0};
    PyObject *groups = self->param_groups;

    if (!observer || !observer->step)
        return;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(groups); i++) {
        PyObject *params = PyDict_GetItem(PyList_GET_ITEM(groups, i), optim_names.params);
        for (Py_ssize_t j = 0; params && j < PyList_GET_SIZE(params); j++)
            (void)vec_push(&all, tensor_of(PyList_GET_ITEM(params, j)));
    }
    observer->step(observer->data, name, all.at, (int)all.count);
    vec_release(&all);
}

/* ---- life ---- */

static int optimizer_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"params", "defaults", NULL};
    PyObject *params, *defaults;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:Optimizer", names, &params, &defaults))
        return -1;
    return optimizer_setup((OptimizerObject *)self, params, defaults);
}

static PyObject *optimizer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    OptimizerObject *self = (OptimizerObject *)type->tp_alloc(type, 0);

    (void)args;
    (void)kwargs;
    if (self)
        self->row = optimizer_class_of(type);
    return (PyObject *)self;
}

static int optimizer_traverse(PyObject *object, visitproc visit, void *arg)
{
    OptimizerObject *self = (OptimizerObject *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->dict);
    Py_VISIT(self->defaults);
    Py_VISIT(self->state);
    Py_VISIT(self->param_groups);
    return 0;
}

static int optimizer_clear(PyObject *object)
{
    OptimizerObject *self = (OptimizerObject *)object;

    Py_CLEAR(self->dict);
    Py_CLEAR(self->defaults);
    Py_CLEAR(self->state);
    Py_CLEAR(self->param_groups);
    return 0;
}

static void optimizer_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    if (((OptimizerObject *)object)->weakrefs)
        PyObject_ClearWeakRefs(object);
    optimizer_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

/* ---- methods ---- */

static PyObject *optimizer_step(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)self;
    (void)args;
    (void)kwargs;
    PyErr_SetNone(PyExc_NotImplementedError);
    return NULL;
}

static int zero_group(PyObject *group, bool to_none)
{
    PyObject *params = group_params(group);

    if (!params)
        return -1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(params); i++) {
        struct tensor *t = tensor_of(PyList_GET_ITEM(params, i));

        if ((to_none ? tensor_set_grad(t, NULL) : tensor_zero_grad(t)) < 0)
            return python_error(), -1;
    }
    return 0;
}

static PyObject *zero_grad(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *groups = optimizer_groups((OptimizerObject *)self);
    Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
    int to_none = 0;

    if (count + named > 1) {
        PyErr_Format(PyExc_TypeError, "zero_grad() takes at most 1 argument (%zd given)",
                     count + named);
        return NULL;
    }
    if (named && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "set_to_none") != 0) {
        PyErr_Format(PyExc_TypeError, "zero_grad() got an unexpected keyword argument '%U'",
                     PyTuple_GET_ITEM(names, 0));
        return NULL;
    }
    if (count + named)
        to_none = PyObject_IsTrue(args[0]);
    if (!groups || to_none < 0)
        return NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(groups); i++)
        if (zero_group(PyList_GET_ITEM(groups, i), to_none) < 0)
            return NULL;
    Py_RETURN_NONE;
}

/* The lines of one group, its options in alphabetical order. */
static int describe_group(PyObject *group, struct strbuf *out)
{
    PyObject *keys = PyDict_Keys(group);
    int status = keys ? PyList_Sort(keys) : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(keys); i++) {
        PyObject *key = PyList_GET_ITEM(keys, i), *line;
        const char *text;

        if (PyObject_RichCompareBool(key, optim_names.params, Py_EQ) == 1)
            continue;
        line = PyUnicode_FromFormat("    %S: %S\n", key, PyDict_GetItem(group, key));
        text = line ? PyUnicode_AsUTF8(line) : NULL;
        if (text)
            strbuf_adds(out, text);
        else
            status = -1;
        Py_XDECREF(line);
    }
    Py_XDECREF(keys);
    return status;
}

static PyObject *optimizer_repr(PyObject *object)
{
    PyObject *groups = optimizer_groups((OptimizerObject *)object), *result = NULL;
    PyObject *name = groups ? PyType_GetName(Py_TYPE(object)) : NULL;
    struct strbuf text = STRBUF_INIT;
    int status = name ? 0 : -1;

    if (name)
        strbuf_addf(&text, "%s (", PyUnicode_AsUTF8(name));
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(groups); i++) {
        strbuf_addf(&text, "\nParameter Group %zd\n", i);
        status = describe_group(PyList_GET_ITEM(groups, i), &text);
    }
    strbuf_addch(&text, ')');
    if (status == 0)
        result = PyUnicode_FromStringAndSize(text.text, (Py_ssize_t)text.length);
    strbuf_release(&text);
    Py_XDECREF(name);
    return result;
}

static PyMethodDef optimizer_methods[] = {
    {"step", WITH_KEYWORDS(optimizer_step), "Each kind of optimizer has its own."},
    {"zero_grad", WITH_FASTCALL(zero_grad),
     "zero_grad(set_to_none=False)\n\nFills the gradients of all parameters with 0; or takes them "
     "away."},
    {"add_param_group", optimizer_add_group, METH_O,
     "add_param_group(param_group)\n\nA dict with 'params' and the options that differ for them."},
    {"state_dict", optimizer_state_dict, METH_NOARGS,
     "state_dict()\n\nWhat is kept, and the groups, with numbers in place of parameters."},
    {"load_state_dict", optimizer_load_state_dict, METH_O,
     "load_state_dict(state_dict)\n\nCopies what state_dict() gave, here or elsewhere."},
    {"__getstate__", optimizer_getstate, METH_NOARGS, NULL},
    {"__setstate__", optimizer_setstate, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

static PyMemberDef optimizer_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(OptimizerObject, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(OptimizerObject, weakrefs), READONLY, NULL},
    {"defaults", T_OBJECT_EX, offsetof(OptimizerObject, defaults), 0, "options of new groups"},
    {"state", T_OBJECT_EX, offsetof(OptimizerObject, state), 0, "what is kept for parameters"},
    {"param_groups", T_OBJECT_EX, offsetof(OptimizerObject, param_groups), 0, NULL},
    {"_step_count", T_PYSSIZET, offsetof(OptimizerObject, step_count), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef optimizer_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Spec optimizer_spec = {
    .name = "torch.optim.optimizer.Optimizer",
    .basicsize = sizeof(OptimizerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = (PyType_Slot[]){{Py_tp_new, optimizer_new},
                             {Py_tp_init, optimizer_init},
                             {Py_tp_dealloc, optimizer_dealloc},
                             {Py_tp_traverse, optimizer_traverse},
                             {Py_tp_clear, optimizer_clear},
                             {Py_tp_repr, optimizer_repr},
                             {Py_tp_methods, optimizer_methods},
                             {Py_tp_members, optimizer_members},
                             {Py_tp_getset, optimizer_getset},
                             {Py_tp_doc, "Optimizer(params, defaults)\n--\n\nThe base of all "
                                         "optimizers: parameters in groups, and what is kept for "
                                         "each. A subclass writes step()."},
                             {0, NULL}}};

/* ---- `required` ---- */

static PyObject *required_repr(PyObject *self)
{
    (void)self;
    return PyUnicode_FromString("<required parameter>");
}

static PyType_Spec required_spec = {.name = "torch.optim.optimizer._RequiredParameter",
                                    .basicsize = sizeof(PyObject),
                                    .flags = Py_TPFLAGS_DEFAULT,
                                    .slots =
                                        (PyType_Slot[]){{Py_tp_repr, required_repr}, {0, NULL}}};

int optimizer_type_init(PyObject *torch)
{
    PyObject *collections = PyImport_ImportModule("_collections"), *file;
    PyTypeObject *required_type;

    defaultdict_type = collections ? PyObject_GetAttrString(collections, "defaultdict") : NULL;
    Py_XDECREF(collections);
    if (!defaultdict_type ||
        optim_add_type(torch, "optimizer", &optimizer_spec, NULL, &optimizer_type) < 0)
        return -1;
    file = submodule(torch, "optim.optimizer");
    if (!file || module_add_type(file, &required_spec, NULL, &required_type) < 0)
        return -1;
    optim_required = PyObject_CallNoArgs((PyObject *)required_type);
    return optim_required ? PyModule_AddObjectRef(file, "required", optim_required) : -1;
}
