/*
 * torch.autograd.Function: operations whose forward and backward are written in Python.
 *
 * apply() makes a ctx, runs forward with recording off, and hangs a node on the results that holds
 * the ctx; the node's turn in a backward calls backward(ctx, *gradients).
 */
#include "autograd/formula.h"
#include "base/error.h"
#include "base/mem.h"
#include "python/autograd.h"
#include "python/errors.h"
#include "python/function_parts.h"
#include "python/module.h"
#include "python/tensor_type.h"

#include <string.h>

static PyTypeObject *function_type;

/* ---- the node ---- */

/* A tensor among the arguments of apply(). */
struct function_input {
    struct edge edge;
    int position;         /* among all arguments */
    struct tensor *shape; /* what its gradient looks like */
};

/* One block: the header, then edges, inputs, and the shapes of the outputs, for gradients that are
 * zero. */
struct function_node {
    struct node node;
    char name[64];
    PyObject *cls;
    ContextObject *ctx;
    size_t size;
    int argument_count;
    struct function_input *inputs;
    struct tensor **outputs;
    struct edge edges[];
};

static const char *function_name(const struct node *node)
{
    return ((const struct function_node *)node)->name;
}

static void function_release(struct node *node)
{
    struct function_node *self = (struct function_node *)node;

    Py_CLEAR(self->ctx->saved);
    packed_free(self->ctx->packed);
    self->ctx->packed = NULL;
    self->ctx->released = true;
}

static void function_free(struct node *node)
{
    struct function_node *self = (struct function_node *)node;

    node_release_edges(node);
    for (int k = 0; k < node->edge_count; k++)
        tensor_unref(self->inputs[k].shape);
    for (int i = 0; i < node->output_count; i++)
        tensor_unref(self->outputs[i]);
    Py_XDECREF(self->cls);
    Py_XDECREF(self->ctx);
    pool_free(self, self->size);
}

static PyObject *gradient_argument(struct function_node *self, int i, struct tensor *g)
{
    const struct tensor *like = self->outputs[i];

    if (g)
        return tensor_object(g);
    if (!self->ctx->materialize || !like)
        Py_RETURN_NONE;
    return tensor_wrap(tensor_zeros(tensor_dtype(like), like->ndim, like->shape));
}

static PyObject *call_backward(struct function_node *self, struct tensor *const *g)
{
    PyObject *method = PyObject_GetAttrString(self->cls, "backward"), *result = NULL;
    PyObject *args = method ? PyTuple_New(self->node.output_count + 1) : NULL;

    if (args)
        PyTuple_SET_ITEM(args, 0, Py_NewRef(self->ctx));
    for (int i = 0; args && i < self->node.output_count; i++) {
        PyObject *item = gradient_argument(self, i, g[i]);

        if (!item)
            Py_CLEAR(args);
        else
            PyTuple_SET_ITEM(args, i + 1, item);
    }
    if (args)
        result = PyObject_CallObject(method, args);
    Py_XDECREF(method);
    Py_XDECREF(args);
    return result;
}

/* Whether a tensor of this shape can be broadcast to the other one. */
static bool broadcasts_to(const struct tensor *t, const struct tensor *to)
{
    for (int d = 1; d <= t->ndim; d++) {
        if (d > to->ndim
                ? t->shape[t->ndim - d] != 1
                : t->shape[t->ndim - d] != to->shape[to->ndim - d] && to->shape[to->ndim - d] != 1)
            return false;
    }
    return t->ndim >= to->ndim;
}

/* The gradient of edge k as its input's dtype and shape want it: summed where it is larger. */
static struct tensor *fitting(struct function_node *self, int k, struct tensor *g)
{
    struct tensor *like = self->inputs[k].shape, *fitted;
    char text[2][256];
    size_t mark;

    if (tensor_same_shape(g, like) && g->dtype == like->dtype)
        return tensor_ref(g);
    if (!broadcasts_to(g, like)) {
        PyErr_Format(PyExc_RuntimeError,
                     "Function %s returned an invalid gradient at index %d - got %s but expected "
                     "shape compatible with %s",
                     self->name, k, shape_text(g->ndim, g->shape, text[0], sizeof(text[0])),
                     shape_text(like->ndim, like->shape, text[1], sizeof(text[1])));
        return NULL;
    }
    mark = pool_open();
    fitted = d_sum_to(g, like);
    if (fitted)
        tensor_ref(fitted);
    pool_close(mark);
    return fitted ? fitted : python_error();
}

static int read_gradient(struct function_node *self, int k, PyObject *item, struct tensor **grad)
{
    if (item != Py_None && !tensor_check(item)) {
        PyErr_Format(PyExc_RuntimeError, "expected Variable or None (got %s)",
                     Py_TYPE(item)->tp_name);
        return -1;
    }
    if (item == Py_None || !self->node.edges[k].node)
        return 0;
    *grad = fitting(self, k, tensor_of(item));
    return *grad ? 0 : -1;
}

/* One gradient for each argument; more only if they are None. */
static int check_count(const struct function_node *self, PyObject *gradients)
{
    Py_ssize_t count = PyTuple_GET_SIZE(gradients);

    while (count > self->argument_count && PyTuple_GET_ITEM(gradients, count - 1) == Py_None)
        count--;
    if (count == self->argument_count)
        return 0;
    PyErr_Format(PyExc_RuntimeError,
                 "function %s returned an incorrect number of gradients (expected %d, got %zd)",
                 self->name, self->argument_count, PyTuple_GET_SIZE(gradients));
    return -1;
}

/* What is no tensor has no gradient. */
static int check_others(const struct function_node *self, PyObject *gradients)
{
    int edge = 0;

    for (int i = 0; i < self->argument_count; i++) {
        if (edge < self->node.edge_count && self->inputs[edge].position == i) {
            edge++;
        } else if (PyTuple_GET_ITEM(gradients, i) != Py_None) {
            PyErr_Format(PyExc_RuntimeError,
                         "function %s returned a gradient different from None at position %d, but "
                         "the corresponding forward input was not a Variable",
                         self->name, i + 1);
            return -1;
        }
    }
    return 0;
}

static int function_apply(struct node *node, struct tensor *const *g, struct tensor **grads)
{
    struct function_node *self = (struct function_node *)node;
    PyObject *result = call_backward(self, g), *tuple = NULL;
    int status = -1;

    if (result)
        tuple = PyTuple_Check(result) ? Py_NewRef(result) : PyTuple_Pack(1, result);
    if (tuple && check_count(self, tuple) == 0)
        status = check_others(self, tuple);
    for (int k = 0; k < node->edge_count && status == 0; k++)
        status =
            read_gradient(self, k, PyTuple_GET_ITEM(tuple, self->inputs[k].position), &grads[k]);
    Py_XDECREF(result);
    Py_XDECREF(tuple);
    if (status == 0)
        return 0;
    for (int k = 0; k < node->edge_count; k++) {
        tensor_unref(grads[k]);
        grads[k] = NULL;
    }
    return python_error_pending();
}

static const struct node_type function_node_type = {.apply = function_apply,
                                                    .name = function_name,
                                                    .release_saved = function_release,
                                                    .free = function_free};

PyObject *function_context(const struct node *node)
{
    return node->type == &function_node_type ? (PyObject *)((const struct function_node *)node)->ctx
                                             : NULL;
}

/* ---- apply ---- */

static int count_tensors(PyObject *args)
{
    int count = 0;

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++)
        count += tensor_check(PyTuple_GET_ITEM(args, i));
    return count;
}

static struct function_node *make_node(PyObject *cls, ContextObject *ctx, PyObject *args,
                                       int output_count)
{
    int edges = count_tensors(args), k = 0;
    size_t inputs_at = sizeof(struct function_node) + (size_t)edges * sizeof(struct edge);
    size_t outputs_at = inputs_at + (size_t)edges * sizeof(struct function_input);
    size_t size = outputs_at + (size_t)output_count * sizeof(struct tensor *);
    struct function_node *self = pool_alloc(size);

    if (!self)
        return python_error();
    memset(self, 0, size);
    node_init(&self->node, &function_node_type, self->edges, edges, output_count);
    snprintf(self->name, sizeof(self->name), "%sBackward", ((PyTypeObject *)cls)->tp_name);
    self->cls = Py_NewRef(cls);
    self->ctx = (ContextObject *)Py_NewRef((PyObject *)ctx);
    self->size = size;
    self->argument_count = (int)PyTuple_GET_SIZE(args);
    self->inputs = (struct function_input *)((char *)self + inputs_at);
    self->outputs = (struct tensor **)((char *)self + outputs_at);
    for (int i = 0; i < self->argument_count; i++) {
        PyObject *item = PyTuple_GET_ITEM(args, i);

        if (!tensor_check(item))
            continue;
        self->edges[k] = tensor_edge(tensor_of(item));
        self->inputs[k].position = i;
        self->inputs[k].shape = tensor_shape_only(tensor_of(item));
        if (!self->inputs[k++].shape) {
            node_unref(&self->node);
            return python_error();
        }
    }
    return self;
}

/* Inputs that forward() has changed become outputs of the node. */
static int note_dirty(PyObject *tensors)
{
    for (Py_ssize_t i = 0; tensors && i < PyTuple_GET_SIZE(tensors); i++) {
        PyObject *item = PyTuple_GET_ITEM(tensors, i);
        struct tensor *t = tensor_check(item) ? tensor_of(item) : NULL;

        if (t && t->requires_grad && !t->grad_fn) {
            PyErr_SetString(PyExc_RuntimeError,
                            "a leaf Variable that requires grad has been used in an in-place "
                            "operation.");
            return -1;
        }
        if (t)
            tensor_bump(t);
    }
    return 0;
}

/* An output gets the node as its history; an input that is returned as it was is shown through an
 * alias. */
static PyObject *with_history(struct function_node *node, PyObject *output, PyObject *args, int nr)
{
    bool dirty = tuple_holds(node->ctx->dirty, output);
    struct tensor *t;

    if (!tensor_check(output))
        return Py_NewRef(output);
    t = tensor_of(output);
    node->outputs[nr] = tensor_shape_only(t);
    if (tuple_holds(node->ctx->non_differentiable, output))
        return Py_NewRef(output);
    if (!dirty && (tuple_holds(args, output) || t->requires_grad))
        t = tensor_alias(t);
    else
        tensor_ref(t);
    if (!t)
        return python_error();
    if (dtype_is_differentiable(tensor_dtype(t)))
        tensor_set_history(t, &node->node, (uint32_t)nr);
    return tensor_wrap(t);
}

static PyObject *attach(struct function_node *node, PyObject *outputs, PyObject *args)
{
    PyObject *result;

    if (note_dirty(node->ctx->dirty) < 0 || context_seal(node->ctx, outputs) < 0)
        return NULL;
    if (!PyTuple_Check(outputs)) {
        result = with_history(node, outputs, args, 0);
    } else {
        result = PyTuple_New(PyTuple_GET_SIZE(outputs));
        for (Py_ssize_t i = 0; result && i < PyTuple_GET_SIZE(outputs); i++) {
            PyObject *item = with_history(node, PyTuple_GET_ITEM(outputs, i), args, (int)i);

            if (!item)
                Py_CLEAR(result);
            else
                PyTuple_SET_ITEM(result, i, item);
        }
    }
    return result;
}

static PyObject *call_forward(PyObject *cls, ContextObject *ctx, PyObject *args)
{
    PyObject *method = PyObject_GetAttrString(cls, "forward"), *result = NULL, *all, *first;
    bool before;

    first = PyTuple_Pack(1, ctx);
    all = first ? PySequence_Concat(first, args) : NULL;
    if (method && all) {
        before = grad_set_enabled(false);
        result = PyObject_CallObject(method, all);
        grad_set_enabled(before);
    }
    Py_XDECREF(method);
    Py_XDECREF(first);
    Py_XDECREF(all);
    return result;
}

static PyObject *function_apply_method(PyObject *cls, PyObject *args)
{
    bool wanted;
    ContextObject *ctx = context_new(args, &wanted);
    struct function_node *node = NULL;
    PyObject *outputs = ctx ? call_forward(cls, ctx, args) : NULL, *result = NULL;

    if (!outputs || !wanted || !grad_enabled()) {
        Py_XDECREF(ctx);
        return outputs;
    }
    node = make_node(cls, ctx, args, PyTuple_Check(outputs) ? (int)PyTuple_GET_SIZE(outputs) : 1);
    if (node) {
        result = attach(node, outputs, args);
        node_unref(&node->node);
    }
    Py_DECREF(ctx);
    Py_DECREF(outputs);
    return result;
}

/* ---- the class ---- */

static PyObject *no_forward(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    return PyErr_Format(PyExc_NotImplementedError,
                        "You must implement the forward function for custom autograd.Function.");
}

static PyObject *no_backward(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    return PyErr_Format(PyExc_NotImplementedError,
                        "You must implement either the backward or vjp method for your custom "
                        "autograd.Function to use it with backward mode AD.");
}

static PyObject *call_instance(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)self;
    (void)args;
    (void)kwargs;
    return PyErr_Format(PyExc_RuntimeError,
                        "Legacy autograd function with non-static forward method is deprecated. "
                        "Please use new-style autograd function with static forward method. "
                        "(Example: https://pytorch.org/docs/stable/autograd.html"
                        "#torch.autograd.Function)");
}

static PyMethodDef function_methods[] = {
    {"apply", function_apply_method, METH_VARARGS | METH_CLASS,
     "apply(*args)\n\nforward(ctx, *args), recorded so that backward(ctx, *gradients) will be "
     "called."},
    {"forward", no_forward, METH_VARARGS | METH_STATIC, NULL},
    {"backward", no_backward, METH_VARARGS | METH_STATIC, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Spec function_spec = {
    .name = "torch.autograd.function.Function",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots =
        (PyType_Slot[]){{Py_tp_methods, function_methods}, {Py_tp_call, call_instance}, {0, NULL}}};

int function_init(PyObject *torch)
{
    PyObject *autograd = submodule(torch, "autograd");
    PyObject *module = submodule(torch, "autograd.function");

    if (!autograd || !module || context_init(module) < 0 ||
        module_add_type(module, &function_spec, NULL, &function_type) < 0 ||
        PyModule_AddObjectRef(autograd, "Function", (PyObject *)function_type) < 0)
        return -1;
    return function_once_init(torch);
}
