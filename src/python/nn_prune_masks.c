/* Pruning methods: which entries of a tensor stay. */
#include "python/nn_prune.h"

#include "python/bind.h"
#include "python/law_formula.h"
#include "python/module.h"

#include <math.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD PyObject *dict;
} MethodObject;

PyTypeObject *prune_base_type, *prune_container_type;

enum { MAX_PARAMS = 3 };

/* The masks are formulas of t, mask (a copy of the one before), size (entries, or channels along
 * dim), k (how many of them go) and the method's own parameters. */
static const struct method_kind {
    const char *name, *type;
    const char *params[MAX_PARAMS];
    int required;
    const char *mask;
} kinds[] = {
    {.name = "Identity", .type = "unstructured", .mask = "mask"},
    {.name = "RandomUnstructured",
     .type = "unstructured",
     .params = {"amount"},
     .required = 1,
     .mask = "gone = topk(rand_like(t).view(-1), k=k).indices;"
             "flat = mask.view(-1).index_fill_(0, gone, 0); mask"},
    {.name = "L1Unstructured",
     .type = "unstructured",
     .params = {"amount"},
     .required = 1,
     .mask = "gone = topk(abs(t).view(-1), k=k, largest=False).indices;"
             "flat = mask.view(-1).index_fill_(0, gone, 0); mask"},
    {.name = "RandomStructured",
     .type = "structured",
     .params = {"amount", "dim"},
     .required = 1,
     .mask = "drawn = rand(size); stay = drawn > kthvalue(drawn, k=k).values;"
             "zeros_like(t).index_fill_(dim, stay.nonzero().view(-1), 1) * mask.to(dtype=t.dtype)"},
    {.name = "LnStructured",
     .type = "structured",
     .params = {"amount", "n", "dim"},
     .required = 2,
     .mask = "length = torch.norm(t.movedim(dim, 0).flatten(1), p=n, dim=1);"
             "stay = topk(length, k=size - k, largest=True).indices;"
             "zeros_like(t).index_fill_(dim, stay, 1) * mask.to(dtype=t.dtype)"},
    {.name = "CustomFromMask",
     .type = "global",
     .params = {"mask"},
     .required = 1,
     .mask = "before * mask.to(dtype=before.dtype)"},
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static PyTypeObject *types[KINDS];

static const struct method_kind *kind_of(PyObject *self)
{
    for (PyTypeObject *type = Py_TYPE(self); type; type = type->tp_base)
        for (int i = 0; i < KINDS; i++)
            if (types[i] == type)
                return &kinds[i];
    return NULL;
}

PyTypeObject *prune_class(const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return types[i];
    return prune_container_type;
}

/* ---- construction ---- */

/* A share from 0 to 1, or a number of entries. */
static int check_amount(PyObject *amount)
{
    double value;

    if (!PyLong_Check(amount) && !PyFloat_Check(amount)) {
        PyErr_Format(PyExc_TypeError, "Invalid type for amount: %S. Must be int or float.", amount);
        return -1;
    }
    value = PyFloat_AsDouble(amount);
    if (value == -1 && PyErr_Occurred())
        return -1;
    if (value >= 0 && (PyLong_Check(amount) || value <= 1))
        return 0;
    PyErr_Format(PyExc_ValueError,
                 "amount=%S should either be a float in the range [0, 1] or a non-negative integer",
                 amount);
    return -1;
}

static int method_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const struct method_kind *kind = kind_of(self);
    char function[64];
    struct binding binding = {function, kind->params, 0, 0, kind->required, 1};
    PyObject *values[MAX_PARAMS] = {NULL}, *last = PyLong_FromLong(-1);
    int status = last ? 0 : -1;

    snprintf(function, sizeof(function), "%s.__init__", kind->name);
    while (binding.count < MAX_PARAMS && kind->params[binding.count])
        binding.count = ++binding.positional;
    if (binding.count > kind->required)
        values[binding.count - 1] = last; /* dim */
    if (status == 0)
        status = binding_read(&binding, args, kwargs, values);
    if (status == 0 && binding.count && strcmp(kind->params[0], "amount") == 0)
        status = check_amount(values[0]);
    for (int i = 0; status == 0 && i < binding.count; i++)
        status = PyObject_SetAttrString(self, kind->params[i], values[i]);
    Py_XDECREF(last);
    return status;
}

/* ---- masks ---- */

static long number_of(PyObject *self, const char *name)
{
    PyObject *value = PyObject_GetAttrString(self, name);
    long number = value ? PyLong_AsLong(value) : -1;

    Py_XDECREF(value);
    return number;
}

/* How many entries or channels there are to choose from; -1 with an exception. */
static long size_for(PyObject *self, const struct method_kind *kind, struct tensor *t)
{
    long dim;

    if (*kind->type != 's')
        return (long)t->numel;
    if (t->ndim <= 1) {
        PyObject *wrapped = tensor_object(t), *shape;

        shape = wrapped ? PyObject_GetAttrString(wrapped, "shape") : NULL;
        if (shape)
            PyErr_Format(PyExc_ValueError,
                         "Structured pruning can only be applied to multidimensional tensors. "
                         "Found tensor of shape %S with %d dims",
                         shape, t->ndim);
        Py_XDECREF(wrapped);
        Py_XDECREF(shape);
        return -1;
    }
    dim = number_of(self, "dim");
    if (PyErr_Occurred())
        return -1;
    if (dim >= t->ndim || dim < -t->ndim) {
        PyErr_Format(PyExc_IndexError, "Invalid index %ld for tensor of size %d", dim, t->ndim);
        return -1;
    }
    return (long)t->shape[dim < 0 ? dim + t->ndim : dim];
}

/* The number that go, of `size`; -1 with an exception. */
static long count_for(PyObject *self, long size)
{
    PyObject *amount = PyObject_GetAttrString(self, "amount");
    double value = amount ? PyFloat_AsDouble(amount) : -1;
    long count = amount && PyFloat_Check(amount) ? (long)rint(value * (double)size) : (long)value;

    if (amount && !PyErr_Occurred() && count > size) {
        PyErr_Format(PyExc_ValueError,
                     "amount=%ld should be smaller than the number of parameters to prune=%ld",
                     count, size);
        count = -1;
    }
    Py_XDECREF(amount);
    return count;
}

/* The mask after this method alone. */
static PyObject *mask_of(PyObject *self, PyObject *t, PyObject *before)
{
    const struct method_kind *kind = kind_of(self);
    bool counted = kind->params[0] && strcmp(kind->params[0], "amount") == 0;
    long size = size_for(self, kind, tensor_of(t));
    long count = size < 0 ? -1 : counted ? count_for(self, size) : 1;
    PyObject *mask, *locals, *result = NULL;

    if (count < 0)
        return NULL;
    mask = PyObject_CallMethod(before, "clone", NULL);
    if (!mask || count == 0)
        return mask;
    locals = Py_BuildValue("{sOsOslsl}", "t", t, "before", before, "k", count, "size", size);
    if (locals &&
        (!counted && kind->params[0] ? 0 : PyDict_SetItemString(locals, "mask", mask)) == 0)
        result = formula_value(kind->mask, self, locals);
    Py_DECREF(mask);
    Py_XDECREF(locals);
    return result;
}

static int mask_arguments(const char *function, PyObject *args, PyObject *kwargs, PyObject **t,
                          PyObject **mask)
{
    static const char *const names[] = {"t", "default_mask"};
    struct binding binding = {function, names, 2, 2, 2, 1};
    PyObject *values[2];

    if (binding_read(&binding, args, kwargs, values) < 0)
        return -1;
    for (int i = 0; i < 2; i++)
        if (!tensor_check(values[i])) {
            PyErr_Format(PyExc_TypeError, "%s(): '%s' must be a Tensor, not %s", function, names[i],
                         _PyType_Name(Py_TYPE(values[i])));
            return -1;
        }
    *t = values[0];
    *mask = values[1];
    return 0;
}

static PyObject *compute_mask(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *t, *mask;

    return mask_arguments("compute_mask", args, kwargs, &t, &mask) < 0 ? NULL
                                                                       : mask_of(self, t, mask);
}

/* ---- containers: several methods, one after the other ---- */

int prune_container_add(PyObject *container, PyObject *method)
{
    PyObject *name, *its, *methods, *single = NULL;
    int same, status = -1;

    if (!PyObject_TypeCheck(method, prune_base_type)) {
        PyErr_Format(PyExc_TypeError, "%R is not a BasePruningMethod subclass", Py_TYPE(method));
        return -1;
    }
    name = PyObject_GetAttrString(container, "_tensor_name");
    its = name ? PyObject_GetAttrString(method, "_tensor_name") : NULL;
    same = its ? PyObject_RichCompareBool(name, its, Py_EQ) : -1;
    methods = same > 0 ? PyObject_GetAttrString(container, "_pruning_methods") : NULL;
    single = methods ? PyTuple_Pack(1, method) : NULL;
    if (single)
        Py_SETREF(methods, PySequence_Concat(methods, single));
    if (same == 0)
        PyErr_Format(PyExc_ValueError,
                     "Can only add pruning methods acting on the parameter named '%S' to "
                     "PruningContainer %R. Found '%S'",
                     name, container, its);
    if (single && methods)
        status = PyObject_SetAttrString(container, "_pruning_methods", methods);
    Py_XDECREF(name);
    Py_XDECREF(its);
    Py_XDECREF(methods);
    Py_XDECREF(single);
    return status;
}

static int container_init(PyObject *self, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *none = PyTuple_New(0), *name = NULL;
    int status = none ? PyObject_SetAttrString(self, "_pruning_methods", none) : -1;

    Py_XDECREF(none);
    if (status == 0 && PyTuple_GET_SIZE(args) == 1) {
        name = PyObject_GetAttrString(PyTuple_GET_ITEM(args, 0), "_tensor_name");
        status = name ? PyObject_SetAttrString(self, "_tensor_name", name) : -1;
        Py_XDECREF(name);
    }
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(args); i++)
        status = prune_container_add(self, PyTuple_GET_ITEM(args, i));
    return status;
}

PyObject *prune_container_of(PyObject *method)
{
    return method ? PyObject_CallOneArg((PyObject *)prune_container_type, method)
                  : PyObject_CallNoArgs((PyObject *)prune_container_type);
}

static PyObject *container_add(PyObject *self, PyObject *method)
{
    return prune_container_add(self, method) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *methods_of(PyObject *self)
{
    PyObject *methods = PyObject_GetAttrString(self, "_pruning_methods");

    if (methods && !PyTuple_Check(methods)) {
        PyErr_SetString(PyExc_TypeError, "_pruning_methods must be a tuple");
        Py_CLEAR(methods);
    }
    return methods;
}

/* The last method decides about the part that the mask before it leaves. `put` writes what it says
 * into `fresh`, a copy of the mask. */
static PyObject *combine(PyObject *method, PyObject *t, PyObject *mask, const char *part,
                         const char *put)
{
    PyObject *locals = Py_BuildValue("{sOsOsO}", "t", t, "mask", mask, "method", method);
    PyObject *result = NULL, *chosen;

    chosen = locals ? formula_value(part, method, locals) : NULL;
    if (chosen)
        result = formula_value(put, method, locals);
    Py_XDECREF(locals);
    Py_XDECREF(chosen);
    return result;
}

static PyObject *container_mask(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const struct {
        const char *type, *part, *put;
    } ways[] = {
        {"unstructured",
         "fresh = mask.to(dtype=t.dtype, copy=True); left = mask == 1;"
         "said = method.compute_mask(t.__getitem__(left), default_mask=mask.__getitem__(left)); "
         "said",
         "fresh.masked_scatter_(left, said.to(dtype=fresh.dtype))"},
        {"structured",
         "fresh = mask.to(dtype=t.dtype, copy=True); dim = method.dim;"
         "left = (mask.movedim(dim, 0).flatten(1).sum(1) == 0).logical_not().nonzero().view(-1);"
         "said = method.compute_mask(t.index_select(dim, left),"
         "                           default_mask=mask.index_select(dim, left)); said",
         "fresh.index_copy_(dim, left, said.to(dtype=fresh.dtype))"},
        {"global", "said = method.compute_mask(t, default_mask=mask); said",
         "said.to(dtype=t.dtype)"},
    };
    PyObject *t, *mask, *methods, *method, *type, *result = NULL;
    size_t way = 0;

    if (mask_arguments("compute_mask", args, kwargs, &t, &mask) < 0)
        return NULL;
    methods = methods_of(self);
    method = methods ? PySequence_GetItem(methods, -1) : NULL;
    type = method ? PyObject_GetAttrString(method, "PRUNING_TYPE") : NULL;
    while (type && way < 3 &&
           !(PyUnicode_Check(type) && PyUnicode_CompareWithASCIIString(type, ways[way].type) == 0))
        way++;
    if (type && way < 3)
        result = combine(method, t, mask, ways[way].part, ways[way].put);
    else if (type)
        PyErr_Format(PyExc_ValueError, "Unrecognized PRUNING_TYPE %S", type);
    Py_XDECREF(methods);
    Py_XDECREF(method);
    Py_XDECREF(type);
    return result;
}

static Py_ssize_t container_length(PyObject *self)
{
    PyObject *methods = methods_of(self);
    Py_ssize_t length = methods ? PyTuple_GET_SIZE(methods) : -1;

    Py_XDECREF(methods);
    return length;
}

static PyObject *container_item(PyObject *self, PyObject *index)
{
    PyObject *methods = methods_of(self);
    PyObject *item = methods ? PyObject_GetItem(methods, index) : NULL;

    Py_XDECREF(methods);
    return item;
}

static PyObject *container_iter(PyObject *self)
{
    PyObject *methods = methods_of(self);
    PyObject *iterator = methods ? PyObject_GetIter(methods) : NULL;

    Py_XDECREF(methods);
    return iterator;
}

/* ---- classes ---- */

#define COMPUTE_MASK                                                                               \
    "compute_mask(t, default_mask): ones where t stays, given the mask that it had before."

static int add_kind(PyObject *home, int index)
{
    static PyMethodDef methods[] = {{"compute_mask", WITH_KEYWORDS(compute_mask), COMPUTE_MASK},
                                    {NULL, NULL, 0, NULL}};
    static char paths[KINDS][64];
    PyType_Slot slots[] = {{Py_tp_methods, methods},
                           {kinds[index].params[0] ? Py_tp_init : 0, method_init},
                           {0, NULL}};
    PyType_Spec spec = {paths[index], sizeof(MethodObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    PyObject *type;
    int status;

    snprintf(paths[index], sizeof(paths[index]), "torch.nn.utils.prune.%s", kinds[index].name);
    if (module_add_type(home, &spec, (PyObject *)prune_base_type, &types[index]) < 0)
        return -1;
    type = PyUnicode_FromString(kinds[index].type);
    status = type ? PyObject_SetAttrString((PyObject *)types[index], "PRUNING_TYPE", type) : -1;
    Py_XDECREF(type);
    return status;
}

int prune_classes_init(PyObject *home)
{
    static PyMethodDef methods[] = {{"compute_mask", WITH_KEYWORDS(container_mask), COMPUTE_MASK},
                                    {"add_pruning_method", container_add, METH_O,
                                     "add_pruning_method(method): prunes further, by this method."},
                                    {NULL, NULL, 0, NULL}};
    static PyType_Slot slots[] = {
        {Py_tp_init, container_init},      {Py_tp_methods, methods},
        {Py_tp_iter, container_iter},      {Py_mp_length, container_length},
        {Py_mp_subscript, container_item}, {0, NULL}};
    PyType_Spec spec = {"torch.nn.utils.prune.PruningContainer", sizeof(MethodObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

    for (int i = 0; i < KINDS; i++)
        if (add_kind(home, i) < 0)
            return -1;
    return module_add_type(home, &spec, (PyObject *)prune_base_type, &prune_container_type);
}
