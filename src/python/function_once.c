/* torch.autograd.function.once_differentiable: a backward() that has no derivative of its own. */
#include "autograd/autograd.h"
#include "base/error.h"
#include "base/mem.h"
#include "python/autograd.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/module.h"
#include "python/tensor_type.h"

/* ---- the node of its results: a backward through them is an error ---- */

static int refuse_apply(struct node *node, struct tensor *const *g, struct tensor **grads)
{
    (void)node;
    (void)g;
    (void)grads;
    return error_set(ERROR_RUNTIME, "trying to differentiate twice a function that was marked with "
                                    "@once_differentiable");
}

static const char *refuse_name(const struct node *node)
{
    (void)node;
    return "torch::autograd::Error";
}

static void refuse_free(struct node *node)
{
    pool_free(node, sizeof(*node));
}

static const struct node_type refuse_type = {
    .apply = refuse_apply, .name = refuse_name, .free = refuse_free};

static PyObject *refusing(PyObject *output)
{
    struct node *node;
    struct tensor *t;

    if (!tensor_check(output))
        return Py_NewRef(output);
    node = pool_alloc(sizeof(*node));
    t = node ? tensor_detach(tensor_of(output)) : NULL;
    if (!node)
        return python_error();
    node_init(node, &refuse_type, NULL, 0, 1);
    if (t)
        tensor_set_history(t, node, 0);
    node_unref(node);
    return tensor_wrap(t);
}

static PyObject *all_refusing(PyObject *outputs)
{
    PyObject *tuple;

    if (!PyTuple_Check(outputs))
        return refusing(outputs);
    tuple = PyTuple_New(PyTuple_GET_SIZE(outputs));
    for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *item = refusing(PyTuple_GET_ITEM(outputs, i));

        if (!item)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, item);
    }
    return tuple;
}

/* ---- the decorator ---- */

static bool any_requires_grad(PyObject *args)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) {
        PyObject *item = PyTuple_GET_ITEM(args, i);

        if (tensor_check(item) && tensor_of(item)->requires_grad)
            return true;
    }
    return false;
}

/* Calls the function, which is `self` of this builtin, with recording off. */
static PyObject *call_once(PyObject *function, PyObject *args, PyObject *kwargs)
{
    bool before = grad_set_enabled(false);
    PyObject *outputs = PyObject_Call(function, args, kwargs), *result;

    grad_set_enabled(before);
    if (!outputs || !grad_enabled() || !any_requires_grad(args))
        return outputs;
    result = all_refusing(outputs);
    Py_DECREF(outputs);
    return result;
}

static PyObject *once_differentiable(PyObject *module, PyObject *function)
{
    static PyMethodDef wrapper = {"backward", WITH_KEYWORDS(call_once), NULL};

    (void)module;
    return PyCFunction_New(&wrapper, function);
}

static PyMethodDef methods[] = {
    {"once_differentiable", once_differentiable, METH_O,
     "once_differentiable(backward)\n\nA backward() that may use what has no derivative: going "
     "backward through it is an error."},
    {NULL, NULL, 0, NULL}};

int function_once_init(PyObject *torch)
{
    PyObject *module = submodule(torch, "autograd.function");

    return module ? PyModule_AddFunctions(module, methods) : -1;
}
