/* Pruning several weights together: the smallest entries of all of them. */
#include "python/nn_prune.h"

#include "python/law_formula.h"
#include "python/nn_reparametrize.h"

/* module.<name>_mask, or ones where there is none yet. */
static PyObject *mask_or_ones(PyObject *module, PyObject *name)
{
    PyObject *hook = prune_hook_of(module, name, NULL), *weight, *locals, *ones;

    Py_XDECREF(hook);
    if (hook || PyErr_Occurred())
        return hook ? weight_part(module, name, "_mask") : NULL;
    weight = weight_part(module, name, "");
    locals = weight ? Py_BuildValue("{sO}", "x", weight) : NULL;
    ones = locals ? formula_value("ones_like(x)", NULL, locals) : NULL;
    Py_XDECREF(weight);
    Py_XDECREF(locals);
    return ones;
}

/* The score of a pair (module, name): what the dict says, or the weight. */
static PyObject *score_of(PyObject *pair, PyObject *module, PyObject *name, PyObject *scores)
{
    PyObject *given = scores == Py_None ? NULL : PyDict_GetItemWithError(scores, pair);

    if (given || PyErr_Occurred())
        return Py_XNewRef(given);
    return weight_part(module, name, "");
}

/* One vector of all scores, or with NULL of all masks. */
static PyObject *joined(PyObject *pairs, PyObject *scores)
{
    PyObject *list = PyList_New(0), *utils = PyImport_ImportModule("torch.nn.utils");
    PyObject *vector = NULL;
    int status = list && utils ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(pairs); i++) {
        PyObject *pair = PyList_GET_ITEM(pairs, i), *module, *name, *value = NULL;

        if (PyArg_ParseTuple(pair, "O!U", nn_module_type, &module, &name))
            value = scores ? score_of(pair, module, name, scores) : mask_or_ones(module, name);
        status = value ? PyList_Append(list, value) : -1;
        Py_XDECREF(value);
    }
    if (status == 0)
        vector = PyObject_CallMethod(utils, "parameters_to_vector", "O", list);
    Py_XDECREF(list);
    Py_XDECREF(utils);
    return vector;
}

/* The method that prunes all of them, made from the keywords. */
static PyObject *global_method(PyObject *class, PyObject *keywords, PyObject *name)
{
    PyObject *none = PyTuple_New(0), *method = NULL, *type = NULL;

    if (none)
        method = PyObject_Call(class, none, keywords);
    Py_XDECREF(none);
    if (method && PyObject_SetAttrString(method, "_tensor_name", name) == 0)
        type = PyObject_GetAttrString(method, "PRUNING_TYPE");
    if (type &&
        (!PyUnicode_Check(type) || PyUnicode_CompareWithASCIIString(type, "unstructured") != 0)) {
        PyErr_Format(PyExc_TypeError,
                     "Only \"unstructured\" PRUNING_TYPE supported for the `pruning_method`. "
                     "Found method %S of type %S",
                     class, type);
        Py_CLEAR(type);
    }
    if (!type)
        Py_CLEAR(method);
    Py_XDECREF(type);
    return method;
}

/* Each weight gets its part of the mask. */
static int share_mask(PyObject *pairs, PyObject *mask)
{
    Py_ssize_t start = 0;

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(pairs); i++) {
        PyObject *module, *name, *weight, *locals = NULL, *part = NULL, *args = NULL, *done = NULL;

        if (!PyArg_ParseTuple(PyList_GET_ITEM(pairs, i), "OO", &module, &name))
            return -1;
        weight = weight_part(module, name, "");
        if (weight)
            locals = Py_BuildValue("{sOsOsn}", "mask", mask, "w", weight, "start", start);
        if (locals)
            part = formula_value("mask.narrow(0, start, w.numel()).view_as(w)", NULL, locals);
        if (part)
            args = PyTuple_Pack(3, module, name, part);
        if (args)
            done = prune_apply("CustomFromMask", args, NULL);
        start += weight ? (Py_ssize_t)tensor_of(weight)->numel : 0;
        Py_XDECREF(weight);
        Py_XDECREF(locals);
        Py_XDECREF(part);
        Py_XDECREF(args);
        Py_XDECREF(done);
        if (!done)
            return -1;
    }
    return 0;
}

static int prune_together(PyObject *pairs, PyObject *class, PyObject *scores, PyObject *keywords)
{
    PyObject *name = PyUnicode_FromString("temp"), *container = NULL, *method = NULL;
    PyObject *all = joined(pairs, scores), *mask = all ? joined(pairs, NULL) : NULL;
    PyObject *locals = NULL, *final = NULL;
    int status = -1;

    if (name && mask)
        method = global_method(class, keywords, name);
    container = method ? prune_container_of(method) : NULL;
    if (container)
        locals = Py_BuildValue("{sOsO}", "scores", all, "mask", mask);
    if (locals)
        final = formula_value("self.compute_mask(scores, mask)", container, locals);
    if (final)
        status = share_mask(pairs, final);
    Py_XDECREF(name);
    Py_XDECREF(container);
    Py_XDECREF(method);
    Py_XDECREF(all);
    Py_XDECREF(mask);
    Py_XDECREF(locals);
    Py_XDECREF(final);
    return status;
}

/* global_unstructured(parameters, pruning_method, importance_scores=None, **kwargs) */
PyObject *prune_global_unstructured(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"parameters", "pruning_method", "importance_scores"};
    PyObject *v[3] = {NULL, NULL, Py_None}, *others = kwargs ? PyDict_Copy(kwargs) : PyDict_New();
    PyObject *pairs = NULL;
    int status = others ? 0 : -1;

    for (int i = 0; status == 0 && i < 3; i++) {
        if (i < PyTuple_GET_SIZE(args))
            v[i] = PyTuple_GET_ITEM(args, i);
        else if (PyDict_GetItemString(others, names[i])) {
            v[i] = PyDict_GetItemString(kwargs, names[i]);
            status = PyDict_DelItemString(others, names[i]);
        }
    }
    if (status == 0 && (!v[0] || !v[1]))
        PyErr_SetString(PyExc_TypeError, "global_unstructured() takes parameters and a "
                                         "pruning_method");
    else if (status == 0 && v[2] != Py_None && !PyDict_Check(v[2]))
        PyErr_SetString(PyExc_TypeError,
                        "global_unstructured(): importance_scores must be of type dict");
    else if (status == 0)
        pairs = PySequence_List(v[0]);
    if (!pairs && PyErr_ExceptionMatches(PyExc_TypeError) && v[0] && !Py_TYPE(v[0])->tp_iter)
        PyErr_SetString(PyExc_TypeError, "global_unstructured(): parameters is not an Iterable");
    status = pairs ? prune_together(pairs, v[1], v[2], others) : -1;
    Py_XDECREF(others);
    Py_XDECREF(pairs);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}
