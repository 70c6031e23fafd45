/*
 * Walks over a module and what lies below it: children, modules, parameters, buffers, and the
 * methods that do something to all of them.
 */
#include "python/nn_module.h"

#include "python/errors.h"

#include <string.h>

/* 1 when the object is in the set already, 0 when it has just been put there. */
static int seen(PyObject *set, PyObject *object)
{
    int there = PySet_Contains(set, object);

    return there == 0 && PySet_Add(set, object) < 0 ? -1 : there;
}

static PyObject *dotted(PyObject *prefix, PyObject *name)
{
    return PyUnicode_GET_LENGTH(prefix) ? PyUnicode_FromFormat("%U.%U", prefix, name)
                                        : Py_NewRef(name);
}

/* Appends object, or (name, object). */
static int append(PyObject *list, PyObject *name, PyObject *object, bool named)
{
    PyObject *item = named ? PyTuple_Pack(2, name, object) : Py_NewRef(object);
    int status = item ? PyList_Append(list, item) : -1;

    Py_XDECREF(item);
    return status;
}

PyObject *module_children(PyObject *self, bool named)
{
    PyObject *modules = module_part(self, nn_names._modules);
    PyObject *list = modules ? PyList_New(0) : NULL;
    PyObject *memo = list ? PySet_New(NULL) : NULL;
    PyObject *name, *module;
    Py_ssize_t at = 0;
    int old = memo ? 0 : -1;

    while (old >= 0 && PyDict_Next(modules, &at, &name, &module)) {
        if (module == Py_None)
            continue;
        old = seen(memo, module);
        if (old == 0)
            old = append(list, name, module, named);
    }
    Py_XDECREF(memo);
    if (old < 0)
        Py_CLEAR(list);
    return list;
}

static int add_tree(PyObject *self, PyObject *prefix, PyObject *memo, PyObject *list)
{
    PyObject *modules = module_part(self, nn_names._modules);
    PyObject *name, *module;
    Py_ssize_t at = 0;
    int status = memo ? seen(memo, self) : 0;

    if (!modules || status < 0)
        return -1;
    if (status)
        return 0;
    if (append(list, prefix, self, true) < 0 || Py_EnterRecursiveCall(" in a module tree"))
        return -1;
    while (status == 0 && PyDict_Next(modules, &at, &name, &module)) {
        PyObject *path;

        if (module == Py_None)
            continue;
        path = dotted(prefix, name);
        status = path ? add_tree(module, path, memo, list) : -1;
        Py_XDECREF(path);
    }
    Py_LeaveRecursiveCall();
    return status;
}

/* Without those that `memo` (a set) holds, which are added; NULL: with all. */
static PyObject *tree_with_memo(PyObject *self, PyObject *prefix, PyObject *memo)
{
    PyObject *list = PyList_New(0);

    if (list && add_tree(self, prefix, memo, list) < 0)
        Py_CLEAR(list);
    return list;
}

static PyObject *module_tree(PyObject *self, PyObject *prefix)
{
    PyObject *memo = PySet_New(NULL);
    PyObject *list = memo ? tree_with_memo(self, prefix, memo) : NULL;

    Py_XDECREF(memo);
    return list;
}

static int add_members(PyObject *module, PyObject *part_name, PyObject *prefix, PyObject *memo,
                       PyObject *list, bool named)
{
    PyObject *part = module_part(module, part_name);
    PyObject *name, *member;
    Py_ssize_t at = 0;
    int old = part ? 0 : -1;

    while (old >= 0 && PyDict_Next(part, &at, &name, &member)) {
        PyObject *path;

        if (member == Py_None)
            continue;
        old = seen(memo, member);
        if (old)
            continue;
        path = named ? dotted(prefix, name) : Py_NewRef(name);
        old = path ? append(list, path, member, named) : -1;
        Py_XDECREF(path);
    }
    return old < 0 ? -1 : 0;
}

PyObject *module_members(PyObject *self, PyObject *part, PyObject *prefix, bool recurse, bool named)
{
    bool ready = module_part(self, part) != NULL;
    PyObject *list = PyList_New(0), *memo = PySet_New(NULL);
    PyObject *tree = ready && recurse ? module_tree(self, prefix) : NULL;
    int status = ready && list && memo && (tree || !recurse) ? 0 : -1;

    if (!recurse && status == 0)
        status = add_members(self, part, prefix, memo, list, named);
    for (Py_ssize_t i = 0; status == 0 && recurse && i < PyList_GET_SIZE(tree); i++) {
        PyObject *entry = PyList_GET_ITEM(tree, i);

        status = add_members(PyTuple_GET_ITEM(entry, 1), part, PyTuple_GET_ITEM(entry, 0), memo,
                             list, named);
    }
    if (status < 0)
        Py_CLEAR(list);
    Py_XDECREF(memo);
    Py_XDECREF(tree);
    return list;
}

/* ---- iterators for Python ---- */

/* Walks a list that is its own. PyTorch's are generators, and who prints model.parameters() is told
 * so. */
typedef struct {
    PyObject_HEAD PyObject *iterator;
    const char *method;
} WalkObject;

static PyTypeObject *walk_type;

static PyObject *iterate(PyObject *list, const char *method)
{
    WalkObject *walk = list ? PyObject_New(WalkObject, walk_type) : NULL;

    if (walk) {
        walk->method = method;
        walk->iterator = PyObject_GetIter(list);
        if (!walk->iterator)
            Py_CLEAR(walk);
    }
    Py_XDECREF(list);
    return (PyObject *)walk;
}

static PyObject *walk_next(PyObject *self)
{
    return PyIter_Next(((WalkObject *)self)->iterator);
}

static PyObject *walk_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<generator object Module.%s at %p>", ((WalkObject *)self)->method,
                                self);
}

static void walk_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    Py_XDECREF(((WalkObject *)self)->iterator);
    type->tp_free(self);
    Py_DECREF(type);
}

int walk_init(void)
{
    PyType_Slot slots[] = {{Py_tp_iter, PyObject_SelfIter},
                           {Py_tp_iternext, walk_next},
                           {Py_tp_repr, walk_repr},
                           {Py_tp_dealloc, walk_dealloc},
                           {0, NULL}};
    PyType_Spec spec = {"torch.nn.modules.module.generator", sizeof(WalkObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

    walk_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return walk_type ? 0 : -1;
}

static PyObject *children(PyObject *self, PyObject *Py_UNUSED(none))
{
    return iterate(module_children(self, false), "children");
}

static PyObject *named_children(PyObject *self, PyObject *Py_UNUSED(none))
{
    return iterate(module_children(self, true), "named_children");
}

static PyObject *modules(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *prefix = PyUnicode_FromString("");
    PyObject *tree = prefix ? module_tree(self, prefix) : NULL;

    for (Py_ssize_t i = 0; tree && i < PyList_GET_SIZE(tree); i++) {
        PyObject *entry = PyList_GET_ITEM(tree, i);

        PyList_SetItem(tree, i, Py_NewRef(PyTuple_GET_ITEM(entry, 1)));
    }
    Py_XDECREF(prefix);
    return iterate(tree, "modules");
}

static PyObject *named_modules(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"memo", "prefix", "remove_duplicate", NULL};
    PyObject *memo = Py_None, *prefix = NULL, *list = NULL;
    int unique = 1;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OUp:named_modules", names, &memo, &prefix,
                                     &unique))
        return NULL;
    if (memo != Py_None && !PySet_Check(memo))
        return PyErr_Format(PyExc_TypeError, "the memo of named_modules() is a set, not %s",
                            _PyType_Name(Py_TYPE(memo)));
    prefix = prefix ? Py_NewRef(prefix) : PyUnicode_FromString("");
    memo = memo != Py_None ? Py_NewRef(memo) : PySet_New(NULL);
    if (prefix && memo)
        list = tree_with_memo(self, prefix, unique ? memo : NULL);
    Py_XDECREF(memo);
    Py_XDECREF(prefix);
    return iterate(list, "named_modules");
}

/* `format`: "|p:" and the name of the method. */
static PyObject *unnamed(PyObject *self, PyObject *part, const char *format, PyObject *args,
                         PyObject *keywords)
{
    static char *names[] = {"recurse", NULL};
    PyObject *prefix, *list;
    int recurse = 1;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, format, names, &recurse))
        return NULL;
    prefix = PyUnicode_FromString("");
    list = prefix ? module_members(self, part, prefix, recurse, false) : NULL;
    Py_XDECREF(prefix);
    return iterate(list, strchr(format, ':') + 1);
}

static PyObject *named(PyObject *self, PyObject *part, const char *format, PyObject *args,
                       PyObject *keywords)
{
    static char *names[] = {"prefix", "recurse", NULL};
    PyObject *prefix = NULL, *list;
    int recurse = 1;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, format, names, &prefix, &recurse))
        return NULL;
    prefix = prefix ? Py_NewRef(prefix) : PyUnicode_FromString("");
    list = prefix ? module_members(self, part, prefix, recurse, true) : NULL;
    Py_XDECREF(prefix);
    return iterate(list, strchr(format, ':') + 1);
}

static PyObject *parameters(PyObject *self, PyObject *args, PyObject *keywords)
{
    return unnamed(self, nn_names._parameters, "|p:parameters", args, keywords);
}

static PyObject *buffers(PyObject *self, PyObject *args, PyObject *keywords)
{
    return unnamed(self, nn_names._buffers, "|p:buffers", args, keywords);
}

static PyObject *named_parameters(PyObject *self, PyObject *args, PyObject *keywords)
{
    return named(self, nn_names._parameters, "|Up:named_parameters", args, keywords);
}

static PyObject *named_buffers(PyObject *self, PyObject *args, PyObject *keywords)
{
    return named(self, nn_names._buffers, "|Up:named_buffers", args, keywords);
}

/* ---- for all of them ---- */

/* Calls child.method(argument) on the children; subclasses may have their own. 0 or -1. */
static int for_children(PyObject *self, PyObject *method, PyObject *argument)
{
    PyObject *list = module_children(self, false);
    int status = list ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *done = PyObject_CallMethodOneArg(PyList_GET_ITEM(list, i), method, argument);

        status = done ? 0 : -1;
        Py_XDECREF(done);
    }
    Py_XDECREF(list);
    return status;
}

static PyObject *train(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"mode", NULL};
    PyObject *mode = Py_True;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:train", names, &mode))
        return NULL;
    if (!PyBool_Check(mode)) {
        PyErr_SetString(PyExc_ValueError, "training mode is expected to be boolean");
        return NULL;
    }
    if (PyObject_SetAttr(self, nn_names.training, mode) < 0 ||
        for_children(self, nn_names.train, mode) < 0)
        return NULL;
    return Py_NewRef(self);
}

static PyObject *eval(PyObject *self, PyObject *Py_UNUSED(none))
{
    return PyObject_CallMethodOneArg(self, nn_names.train, Py_False);
}

static PyObject *apply(PyObject *self, PyObject *function)
{
    PyObject *done = NULL;

    if (for_children(self, nn_names.apply, function) == 0)
        done = PyObject_CallOneArg(function, self);
    Py_XDECREF(done);
    return done ? Py_NewRef(self) : NULL;
}

static PyObject *all_parameters(PyObject *self)
{
    PyObject *prefix = PyUnicode_FromString("");
    PyObject *list =
        prefix ? module_members(self, nn_names._parameters, prefix, true, false) : NULL;

    Py_XDECREF(prefix);
    return list;
}

static PyObject *requires_grad_(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"requires_grad", NULL};
    PyObject *list;
    int on = 1;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|p:requires_grad_", names, &on))
        return NULL;
    list = all_parameters(self);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++)
        if (tensor_set_requires_grad(tensor_of(PyList_GET_ITEM(list, i)), on) < 0) {
            Py_DECREF(list);
            return python_error();
        }
    Py_XDECREF(list);
    return list ? Py_NewRef(self) : NULL;
}

static PyObject *zero_grad(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"set_to_none", NULL};
    PyObject *list;
    int none = 0;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|p:zero_grad", names, &none))
        return NULL;
    list = all_parameters(self);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        struct tensor *param = tensor_of(PyList_GET_ITEM(list, i));

        if ((none ? tensor_set_grad(param, NULL) : tensor_zero_grad(param)) < 0) {
            Py_DECREF(list);
            return python_error();
        }
    }
    Py_XDECREF(list);
    return list ? Py_NewRef(Py_None) : NULL;
}

PyMethodDef module_walk_methods[] = {
    {"children", children, METH_NOARGS, "Iterates over the direct submodules."},
    {"named_children", named_children, METH_NOARGS, "The same with names."},
    {"modules", modules, METH_NOARGS, "Iterates over the module and all below it."},
    {"named_modules", WITH_KEYWORDS(named_modules), "The same with names such as 'body.0'."},
    {"parameters", WITH_KEYWORDS(parameters),
     "parameters(recurse=True): iterates over what is trained; an optimizer takes this."},
    {"named_parameters", WITH_KEYWORDS(named_parameters), "The same with names such as 'fc.bias'."},
    {"buffers", WITH_KEYWORDS(buffers), "Iterates over the state that is not trained."},
    {"named_buffers", WITH_KEYWORDS(named_buffers), "The same with names."},
    {"train", WITH_KEYWORDS(train),
     "train(mode=True): training mode, in which dropout drops and batch norm gathers statistics."},
    {"eval", eval, METH_NOARGS, "The same as train(False)."},
    {"apply", apply, METH_O, "apply(function): function(module) for each module, children first."},
    {"requires_grad_", WITH_KEYWORDS(requires_grad_),
     "requires_grad_(requires_grad=True): False freezes all parameters."},
    {"zero_grad", WITH_KEYWORDS(zero_grad),
     "zero_grad(set_to_none=False): sets the gradients of all parameters to zero."},
    {NULL, NULL, 0, NULL},
};
