/* torch.nn.utils.prune: putting a mask over a weight, and taking it off. */
#include "python/nn_prune.h"

#include "python/bind.h"
#include "python/law_formula.h"
#include "python/module.h"
#include "python/nn_reparametrize.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD PyObject *dict;
} MethodObject;

/* ---- hooks of a module ---- */

PyObject *prune_hook_of(PyObject *module, PyObject *name, PyObject **key)
{
    PyObject *hooks = module_part(module, nn_names._forward_pre_hooks), *at_key, *hook;
    Py_ssize_t at = 0;

    while (hooks && PyDict_Next(hooks, &at, &at_key, &hook)) {
        PyObject *its;
        int same;

        if (!PyObject_TypeCheck(hook, prune_base_type))
            continue;
        its = PyObject_GetAttrString(hook, "_tensor_name");
        same = its ? PyObject_RichCompareBool(its, name, Py_EQ) : -1;
        Py_XDECREF(its);
        if (key)
            *key = at_key;
        if (same)
            return same < 0 ? NULL : Py_NewRef(hook);
    }
    return NULL;
}

static int forget_hook(PyObject *module, PyObject *key)
{
    return PyObject_DelItem(module_part(module, nn_names._forward_pre_hooks), key);
}

static int drop_part(PyObject *module, PyObject *part, PyObject *name, const char *suffix)
{
    PyObject *dict = module_part(module, part), *full = PyUnicode_FromFormat("%U%s", name, suffix);
    int status = dict && full ? PyObject_DelItem(dict, full) : -1;

    Py_XDECREF(full);
    return status;
}

static PyObject *tensor_name(PyObject *self)
{
    PyObject *name = PyObject_GetAttrString(self, "_tensor_name");

    if (name && !PyUnicode_Check(name)) {
        PyErr_SetString(PyExc_TypeError, "_tensor_name must be a string");
        Py_CLEAR(name);
    }
    return name;
}

/* ---- methods of BasePruningMethod ---- */

/* mask * orig */
static PyObject *apply_mask(PyObject *self, PyObject *module)
{
    PyObject *name = tensor_name(self);
    PyObject *mask = name ? weight_part(module, name, "_mask") : NULL;
    PyObject *orig = mask ? weight_part(module, name, "_orig") : NULL;
    PyObject *locals = orig ? Py_BuildValue("{sOsO}", "mask", mask, "orig", orig) : NULL, *product;

    product = locals ? formula_value("mask.to(dtype=orig.dtype) * orig", NULL, locals) : NULL;
    Py_XDECREF(name);
    Py_XDECREF(mask);
    Py_XDECREF(orig);
    Py_XDECREF(locals);
    return product;
}

static int set_weight(PyObject *self, PyObject *module, PyObject *name)
{
    PyObject *weight = PyObject_CallMethod(self, "apply_mask", "O", module);
    int status = weight ? PyObject_SetAttr(module, name, weight) : -1;

    Py_XDECREF(weight);
    return status;
}

/* The hook: called before forward() with (module, inputs). */
static PyObject *method_call(PyObject *self, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *module, *inputs, *name;
    int status;

    if (!PyArg_ParseTuple(args, "O!O", nn_module_type, &module, &inputs))
        return NULL;
    name = tensor_name(self);
    status = name ? set_weight(self, module, name) : -1;
    Py_XDECREF(name);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* The new method, or, where the weight is pruned already, the container of it and those before. */
static PyObject *composite(PyObject *method, PyObject *module, PyObject *name)
{
    PyObject *key, *old = prune_hook_of(module, name, &key);

    if (!old)
        return PyErr_Occurred() ? NULL : Py_NewRef(method);
    if (forget_hook(module, key) < 0)
        Py_CLEAR(old);
    if (old && !PyObject_TypeCheck(old, prune_container_type))
        Py_SETREF(old, prune_container_of(old));
    if (old && prune_container_add(old, method) < 0)
        Py_CLEAR(old);
    return old;
}

/* The mask, computed from scores that need not be the weight; the weight as its product. */
static int cover(PyObject *method, PyObject *module, PyObject *name, PyObject *scores,
                 PyObject *before)
{
    PyObject *function = PyObject_GetAttrString(method, "compute_mask");
    PyObject *keywords = function ? Py_BuildValue("{sO}", "default_mask", before) : NULL;
    PyObject *args = keywords ? PyTuple_Pack(1, scores) : NULL;
    PyObject *mask = args ? PyObject_Call(function, args, keywords) : NULL;
    PyObject *full = mask ? PyUnicode_FromFormat("%U_mask", name) : NULL;
    int status = full ? module_register_buffer(module, full, mask, true) : -1;

    if (status == 0)
        status = set_weight(method, module, name);
    if (status == 0)
        status = weight_hook_add(module, nn_names._forward_pre_hooks, method);
    Py_XDECREF(function);
    Py_XDECREF(keywords);
    Py_XDECREF(args);
    Py_XDECREF(mask);
    Py_XDECREF(full);
    return status;
}

/* <name> becomes <name>_orig. */
static int hide(PyObject *module, PyObject *name, PyObject *orig)
{
    PyObject *full = PyUnicode_FromFormat("%U_orig", name);
    int status = full ? module_register_parameter(module, full, orig) : -1;

    Py_XDECREF(full);
    return status < 0 ? -1 : drop_part(module, nn_names._parameters, name, "");
}

/* After an error: as it was, the error kept. */
static void uncover(PyObject *module, PyObject *name, PyObject *orig)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    if (module_register_parameter(module, name, orig) < 0 ||
        drop_part(module, nn_names._parameters, name, "_orig") < 0)
        PyErr_Clear();
    PyErr_Restore(type, value, traceback);
}

static int check_scores(PyObject *scores, PyObject *orig, PyObject *module, PyObject *name)
{
    if (tensor_check(scores) && tensor_of(scores)->ndim == tensor_of(orig)->ndim &&
        memcmp(tensor_of(scores)->shape, tensor_of(orig)->shape,
               (size_t)tensor_of(orig)->ndim * sizeof(int64_t)) == 0)
        return 0;
    PyErr_Format(
        PyExc_AssertionError,
        "importance_scores should have the same shape as parameter                 %U of %S", name,
        module);
    return -1;
}

static int apply_method(PyObject *method, PyObject *module, PyObject *name, PyObject *scores)
{
    bool again = PyObject_TypeCheck(method, prune_container_type);
    PyObject *orig = weight_part(module, name, ""), *before = NULL;
    int status =
        orig && (scores == Py_None || check_scores(scores, orig, module, name) == 0) ? 0 : -1;

    if (status == 0 && !again)
        status = hide(module, name, orig);
    if (status == 0) {
        PyObject *like = again ? weight_part(module, name, "_mask") : Py_NewRef(orig);
        PyObject *locals = like ? Py_BuildValue("{sO}", "like", like) : NULL;

        before = locals ? formula_value(again ? "like.detach().clone()" : "ones_like(like)", NULL,
                                        locals)
                        : NULL;
        Py_XDECREF(like);
        Py_XDECREF(locals);
        status =
            before ? cover(method, module, name, scores == Py_None ? orig : scores, before) : -1;
        if (status < 0 && !again)
            uncover(module, name, orig);
    }
    Py_XDECREF(orig);
    Py_XDECREF(before);
    return status;
}

/* cls.apply(module, name, *args, importance_scores=None, **kwargs): prunes by cls(*args, **kwargs).
 */
static PyObject *method_apply(PyObject *class, PyObject *args, PyObject *kwargs)
{
    PyObject *module, *name, *scores = Py_None, *rest, *others, *method = NULL;

    if (PyTuple_GET_SIZE(args) < 2 ||
        !PyObject_TypeCheck(PyTuple_GET_ITEM(args, 0), nn_module_type) ||
        !PyUnicode_Check(PyTuple_GET_ITEM(args, 1))) {
        PyErr_SetString(PyExc_TypeError, "apply() takes a module and the name of its parameter");
        return NULL;
    }
    module = PyTuple_GET_ITEM(args, 0);
    name = PyTuple_GET_ITEM(args, 1);
    rest = PyTuple_GetSlice(args, 2, PyTuple_GET_SIZE(args));
    others = kwargs ? PyDict_Copy(kwargs) : PyDict_New();
    if (rest && others) {
        PyObject *given = PyDict_GetItemString(others, "importance_scores");

        scores = Py_NewRef(given ? given : Py_None);
        if (!given || PyDict_DelItemString(others, "importance_scores") == 0)
            method = PyObject_Call(class, rest, others);
        if (method && PyObject_SetAttrString(method, "_tensor_name", name) < 0)
            Py_CLEAR(method);
        if (method)
            Py_SETREF(method, composite(method, module, name));
        if (method && apply_method(method, module, name, scores) < 0)
            Py_CLEAR(method);
        Py_DECREF(scores);
    }
    Py_XDECREF(rest);
    Py_XDECREF(others);
    return method;
}

/* prune(t, default_mask=None, importance_scores=None): t times the mask, without a module. */
static PyObject *method_prune(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"t", "default_mask", "importance_scores"};
    static const struct binding binding = {"prune", names, 3, 3, 1, 1};
    PyObject *v[3] = {NULL, Py_None, Py_None}, *locals, *result = NULL;

    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    locals =
        Py_BuildValue("{sOsOsO}", "t", v[0], "mask", v[1], "scores", v[2] == Py_None ? v[0] : v[2]);
    if (locals)
        result = formula_value(v[1] == Py_None
                                   ? "t * self.compute_mask(scores, default_mask=ones_like(t))"
                                   : "t * self.compute_mask(scores, default_mask=mask)",
                               self, locals);
    Py_XDECREF(locals);
    return result;
}

/* The weight as it is now becomes a plain parameter, the object that <name>_orig was. */
static PyObject *method_remove(PyObject *self, PyObject *module)
{
    PyObject *name = tensor_name(self), *weight = NULL, *data = NULL, *orig = NULL;
    int status = -1;

    weight = name ? PyObject_CallMethod(self, "apply_mask", "O", module) : NULL;
    data = weight ? PyObject_GetAttr(weight, nn_names.data) : NULL;
    orig = data ? weight_part(module, name, "_orig") : NULL;
    if (orig && PyObject_SetAttr(module, name, NULL) == 0 &&
        PyObject_SetAttr(orig, nn_names.data, data) == 0 &&
        drop_part(module, nn_names._parameters, name, "_orig") == 0 &&
        drop_part(module, nn_names._buffers, name, "_mask") == 0)
        status = PyObject_SetAttr(module, name, orig);
    Py_XDECREF(name);
    Py_XDECREF(weight);
    Py_XDECREF(data);
    Py_XDECREF(orig);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *no_mask(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args),
                         PyObject *Py_UNUSED(kwargs))
{
    PyErr_SetString(PyExc_NotImplementedError, "a pruning method must define compute_mask()");
    return NULL;
}

static int method_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((MethodObject *)self)->dict);
    return 0;
}

static int method_clear(PyObject *self)
{
    Py_CLEAR(((MethodObject *)self)->dict);
    return 0;
}

static void method_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    method_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- functions ---- */

PyObject *prune_apply(const char *class, PyObject *args, PyObject *kwargs)
{
    PyObject *method = method_apply((PyObject *)prune_class(class), args, kwargs);
    PyObject *module = method ? Py_NewRef(PyTuple_GET_ITEM(args, 0)) : NULL;

    Py_XDECREF(method);
    return module;
}

/* Reads (module, name, ...) by name and passes all of it on. */
static PyObject *apply_named(const char *class, const struct binding *binding, PyObject *args,
                             PyObject *kwargs)
{
    PyObject *v[6] = {NULL}, *positional, *result;
    int scores = strcmp(binding->names[binding->count - 1], "importance_scores") == 0;
    PyObject *others = NULL;

    if (binding_read(binding, args, kwargs, v) < 0)
        return NULL;
    positional = PyTuple_New(binding->count - scores);
    for (int i = 0; positional && i < binding->count - scores; i++)
        PyTuple_SET_ITEM(positional, i, Py_NewRef(v[i]));
    if (scores && v[binding->count - 1])
        others = Py_BuildValue("{sO}", "importance_scores", v[binding->count - 1]);
    result = positional && !PyErr_Occurred() ? prune_apply(class, positional, others) : NULL;
    Py_XDECREF(positional);
    Py_XDECREF(others);
    return result;
}

#define FUNCTION(function, class, count, required, ...)                                            \
    static PyObject *function(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)         \
    {                                                                                              \
        static const char *const names[] = {"module", "name", __VA_ARGS__};                        \
        static const struct binding binding = {#function, names, count, count, required, 0};       \
                                                                                                   \
        return apply_named(#class, &binding, args, kwargs);                                        \
    }
FUNCTION(identity, Identity, 2, 2, NULL)
FUNCTION(random_unstructured, RandomUnstructured, 3, 3, "amount")
FUNCTION(l1_unstructured, L1Unstructured, 4, 3, "amount", "importance_scores")
FUNCTION(random_structured, RandomStructured, 4, 4, "amount", "dim")
FUNCTION(ln_structured, LnStructured, 6, 5, "amount", "n", "dim", "importance_scores")
FUNCTION(custom_from_mask, CustomFromMask, 3, 3, "mask")

static PyObject *remove_pruning(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"module", "name"};
    static const struct binding binding = {"remove", names, 2, 2, 2, 0};
    PyObject *v[2], *key, *hook, *done;

    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    hook = module_check(v[0]) ? prune_hook_of(v[0], v[1], &key) : NULL;
    if (!hook)
        return PyErr_Occurred()
                   ? NULL
                   : PyErr_Format(PyExc_ValueError,
                                  "Parameter '%S' of module %S has to be pruned before pruning can "
                                  "be removed",
                                  v[1], v[0]);
    done = PyObject_CallMethod(hook, "remove", "O", v[0]);
    Py_DECREF(hook);
    if (!done || forget_hook(v[0], key) < 0)
        Py_CLEAR(done);
    Py_XDECREF(done);
    return done ? Py_NewRef(v[0]) : NULL;
}

static PyObject *is_pruned(PyObject *Py_UNUSED(self), PyObject *module)
{
    PyObject *modules = PyObject_CallMethod(module, "modules", NULL), *list;
    bool found = false;

    list = modules ? PySequence_List(modules) : NULL;
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        PyObject *hooks = module_part(PyList_GET_ITEM(list, i), nn_names._forward_pre_hooks), *hook;
        Py_ssize_t at = 0;

        while (hooks && PyDict_Next(hooks, &at, NULL, &hook))
            found |= PyObject_TypeCheck(hook, prune_base_type);
    }
    Py_XDECREF(modules);
    Py_XDECREF(list);
    return list ? PyBool_FromLong(found) : NULL;
}

/* ---- the module ---- */

int prune_init(PyObject *torch)
{
    static PyMethodDef methods[] = {
        {"apply", (PyCFunction)(void (*)(void))method_apply,
         METH_VARARGS | METH_KEYWORDS | METH_CLASS,
         "apply(module, name, *args, importance_scores=None): prunes that parameter."},
        {"apply_mask", apply_mask, METH_O, "apply_mask(module): the weight times its mask."},
        {"compute_mask", WITH_KEYWORDS(no_mask), "compute_mask(t, default_mask): for subclasses."},
        {"prune", WITH_KEYWORDS(method_prune),
         "prune(t, default_mask=None, importance_scores=None): t times its mask."},
        {"remove", method_remove, METH_O,
         "remove(module): the pruned weight is a parameter again."},
        {NULL, NULL, 0, NULL}};
    static PyMethodDef functions[] = {
        {"identity", WITH_KEYWORDS(identity), "identity(module, name): a mask of ones."},
        {"random_unstructured", WITH_KEYWORDS(random_unstructured),
         "random_unstructured(module, name, amount): entries chosen at random."},
        {"l1_unstructured", WITH_KEYWORDS(l1_unstructured),
         "l1_unstructured(module, name, amount): the smallest entries."},
        {"random_structured", WITH_KEYWORDS(random_structured),
         "random_structured(module, name, amount, dim): channels chosen at random."},
        {"ln_structured", WITH_KEYWORDS(ln_structured),
         "ln_structured(module, name, amount, n, dim): the channels of smallest norm."},
        {"custom_from_mask", WITH_KEYWORDS(custom_from_mask),
         "custom_from_mask(module, name, mask): by a mask of yours."},
        {"global_unstructured", WITH_KEYWORDS(prune_global_unstructured),
         "global_unstructured(parameters, pruning_method, **kwargs): the smallest of all."},
        {"remove", WITH_KEYWORDS(remove_pruning),
         "remove(module, name): the pruned weight is a parameter again."},
        {"is_pruned", is_pruned, METH_O, "Whether any weight of the module is pruned."},
        {NULL, NULL, 0, NULL}};
    static PyMemberDef members[] = {
        {"__dictoffset__", T_PYSSIZET, offsetof(MethodObject, dict), READONLY, NULL},
        {NULL, 0, 0, 0, NULL}};
    static PyGetSetDef getset[] = {
        {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
        {NULL, NULL, NULL, NULL, NULL}};
    static PyType_Slot slots[] = {{Py_tp_call, method_call},         {Py_tp_methods, methods},
                                  {Py_tp_members, members},          {Py_tp_getset, getset},
                                  {Py_tp_traverse, method_traverse}, {Py_tp_clear, method_clear},
                                  {Py_tp_dealloc, method_dealloc},   {0, NULL}};
    PyType_Spec spec = {"torch.nn.utils.prune.BasePruningMethod", sizeof(MethodObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
    PyObject *home = submodule(torch, "nn.utils.prune");

    if (!home || module_add_type(home, &spec, NULL, &prune_base_type) < 0 ||
        prune_classes_init(home) < 0)
        return -1;
    return PyModule_AddFunctions(home, functions);
}
