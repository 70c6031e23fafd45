/*
 * torch.autograd.Function: operations whose forward and backward are written in Python.
 *
 * apply() makes a ctx, runs forward with recording off, and hangs a node on the results that holds
 * the ctx; the node's turn in a backward calls backward(ctx, *gradients).
 */
#include "autograd/autograd.h"
#include "base/error.h"
#include "base/mem.h"
#include "python/autograd.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_type.h"

#include <string.h>
#include <structmember.h>

/* ---- ctx ---- */

typedef struct {
    PyObject_HEAD PyObject *saved, *needs_input_grad, *dict, *non_differentiable;
    bool released;
    bool materialize;
} ContextObject;

static PyTypeObject *context_type, *function_type;

static PyObject *context_save(PyObject *object, PyObject *tensors)
{
    ContextObject *self = (ContextObject *)object;

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tensors); i++) {
        PyObject *item = PyTuple_GET_ITEM(tensors, i);

        if (!tensor_check(item) && item != Py_None)
            return PyErr_Format(PyExc_TypeError,
                                "save_for_backward can only save variables, but argument %zd is of "
                                "type %s",
                                i, Py_TYPE(item)->tp_name);
    }
    Py_XSETREF(self->saved, Py_NewRef(tensors));
    Py_RETURN_NONE;
}

static PyObject *context_saved_tensors(PyObject *object, void *unused)
{
    ContextObject *self = (ContextObject *)object;

    (void)unused;
    if (self->released)
        return PyErr_Format(PyExc_RuntimeError, "%s", graph_freed_text);
    return self->saved ? Py_NewRef(self->saved) : PyTuple_New(0);
}

static PyObject *context_ignore(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    Py_RETURN_NONE;
}

static PyObject *context_non_differentiable(PyObject *object, PyObject *tensors)
{
    Py_XSETREF(((ContextObject *)object)->non_differentiable, Py_NewRef(tensors));
    Py_RETURN_NONE;
}

static PyObject *context_materialize(PyObject *object, PyObject *on)
{
    ((ContextObject *)object)->materialize = PyObject_IsTrue(on);
    Py_RETURN_NONE;
}

static int context_traverse(PyObject *object, visitproc visit, void *arg)
{
    ContextObject *self = (ContextObject *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->saved);
    Py_VISIT(self->needs_input_grad);
    Py_VISIT(self->dict);
    Py_VISIT(self->non_differentiable);
    return 0;
}

static int context_clear(PyObject *object)
{
    ContextObject *self = (ContextObject *)object;

    Py_CLEAR(self->saved);
    Py_CLEAR(self->needs_input_grad);
    Py_CLEAR(self->dict);
    Py_CLEAR(self->non_differentiable);
    return 0;
}

static void context_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    context_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Spec context_spec = {
    .name = "torch.autograd.function.FunctionCtx",
    .basicsize = sizeof(ContextObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = (PyType_Slot[]){
        {Py_tp_traverse, context_traverse},
        {Py_tp_clear, context_clear},
        {Py_tp_dealloc, context_dealloc},
        {Py_tp_methods,
         (PyMethodDef[]){
             {"save_for_backward", context_save, METH_VARARGS, NULL},
             {"mark_dirty", context_ignore, METH_VARARGS, NULL},
             {"mark_non_differentiable", context_non_differentiable, METH_VARARGS, NULL},
             {"set_materialize_grads", context_materialize, METH_O, NULL},
             {NULL, NULL, 0, NULL}}},
        {Py_tp_getset, (PyGetSetDef[]){{"saved_tensors", context_saved_tensors, NULL, NULL, NULL},
                                       {NULL, NULL, NULL, NULL, NULL}}},
        {Py_tp_members, (PyMemberDef[]){{"needs_input_grad", T_OBJECT,
                                         offsetof(ContextObject, needs_input_grad), READONLY, NULL},
                                        {"__dictoffset__", T_PYSSIZET,
                                         offsetof(ContextObject, dict), READONLY, NULL},
                                        {NULL, 0, 0, 0, NULL}}},
        {0, NULL}}};

/* ---- the node ---- */

struct function_node {
    struct node node;
    char name[64];
    PyObject *cls;
    ContextObject *ctx;
    struct tensor *outputs[OP_MAX_OUTPUTS]; /* shapes, for gradients that are zero */
    struct edge edges[OP_MAX_ARGS];         /* one per argument of apply(); NULL for other values */
};

static const char *function_name(const struct node *node)
{
    return ((const struct function_node *)node)->name;
}

static void function_release(struct node *node)
{
    struct function_node *self = (struct function_node *)node;

    Py_CLEAR(self->ctx->saved);
    self->ctx->released = true;
}

static void function_free(struct node *node)
{
    struct function_node *self = (struct function_node *)node;

    node_release_edges(node);
    for (int i = 0; i < OP_MAX_OUTPUTS; i++)
        tensor_unref(self->outputs[i]);
    Py_XDECREF(self->cls);
    Py_XDECREF(self->ctx);
    pool_free(self, sizeof(*self));
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

static int read_gradient(struct function_node *self, int k, PyObject *item, struct tensor **grad)
{
    if (item == Py_None || !self->node.edges[k].node)
        return 0;
    if (!tensor_check(item)) {
        PyErr_Format(PyExc_TypeError,
                     "function %s returned an incorrect gradient: expected a "
                     "Tensor or None, got %s",
                     self->name, Py_TYPE(item)->tp_name);
        return -1;
    }
    *grad = tensor_ref(tensor_of(item));
    return 0;
}

static int function_apply(struct node *node, struct tensor *const *g, struct tensor **grads)
{
    struct function_node *self = (struct function_node *)node;
    PyObject *result = call_backward(self, g), *fast = NULL;
    int status = -1;

    if (result && PyTuple_Check(result))
        fast = Py_NewRef(result);
    else if (result)
        fast = PyTuple_Pack(1, result);
    if (fast && PyTuple_GET_SIZE(fast) < node->edge_count) {
        PyErr_Format(PyExc_RuntimeError,
                     "function %s returned an incorrect number of gradients (expected %d, got %zd)",
                     self->name, node->edge_count, PyTuple_GET_SIZE(fast));
    } else if (fast) {
        status = 0;
        for (int k = 0; k < node->edge_count && status == 0; k++)
            status = read_gradient(self, k, PyTuple_GET_ITEM(fast, k), &grads[k]);
    }
    Py_XDECREF(result);
    Py_XDECREF(fast);
    return status < 0 ? python_error_pending() : 0;
}

static const struct node_type function_node_type = {.apply = function_apply,
                                                    .name = function_name,
                                                    .release_saved = function_release,
                                                    .free = function_free};

/* ---- apply ---- */

static struct function_node *make_node(PyObject *cls, ContextObject *ctx, PyObject *args)
{
    struct function_node *self = pool_alloc(sizeof(*self));
    int count = (int)PyTuple_GET_SIZE(args);

    if (!self)
        return python_error();
    memset(self, 0, sizeof(*self));
    node_init(&self->node, &function_node_type, self->edges, count, 0);
    snprintf(self->name, sizeof(self->name), "%sBackward", ((PyTypeObject *)cls)->tp_name);
    self->cls = Py_NewRef(cls);
    self->ctx = (ContextObject *)Py_NewRef((PyObject *)ctx);
    for (int k = 0; k < count; k++) {
        if (tensor_check(PyTuple_GET_ITEM(args, k)))
            self->edges[k] = tensor_edge(tensor_of(PyTuple_GET_ITEM(args, k)));
    }
    return self;
}

/* `in` compares with ==, which tensors answer element by element: identity is meant here. */
static bool holds(PyObject *tuple, PyObject *object)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        if (PyTuple_GET_ITEM(tuple, i) == object)
            return true;
    }
    return false;
}

/* An output gets the node as its history; an input that is returned is shown through an alias. */
static PyObject *with_history(struct function_node *node, PyObject *output, PyObject *args, int nr)
{
    struct tensor *t;

    if (!tensor_check(output) ||
        (node->ctx->non_differentiable && holds(node->ctx->non_differentiable, output)))
        return Py_NewRef(output);
    t = tensor_of(output);
    if (holds(args, output) || t->requires_grad)
        t = tensor_alias(t);
    else
        tensor_ref(t);
    if (!t)
        return python_error();
    node->outputs[nr] = tensor_shape_only(t);
    if (dtype_is_differentiable(tensor_dtype(t)))
        tensor_set_history(t, &node->node, (uint32_t)nr);
    return tensor_wrap(t);
}

/* Saved outputs would keep their node, and it them: ctx keeps them without history. */
static void cut_cycles(ContextObject *ctx, PyObject *outputs)
{
    Py_ssize_t count = ctx->saved ? PyTuple_GET_SIZE(ctx->saved) : 0;
    PyObject *saved = PyTuple_New(count);

    for (Py_ssize_t i = 0; saved && i < count; i++) {
        PyObject *item = PyTuple_GET_ITEM(ctx->saved, i);
        bool output = item == outputs || (PyTuple_Check(outputs) && holds(outputs, item));
        PyObject *kept = output && tensor_check(item) ? tensor_wrap(tensor_detach(tensor_of(item)))
                                                      : Py_NewRef(item);

        PyTuple_SET_ITEM(saved, i, kept);
    }
    if (saved)
        Py_XSETREF(ctx->saved, saved);
}

static PyObject *attach(struct function_node *node, PyObject *outputs, PyObject *args)
{
    Py_ssize_t count = PyTuple_Check(outputs) ? PyTuple_GET_SIZE(outputs) : 1;
    PyObject *result;

    if (count > OP_MAX_OUTPUTS)
        return PyErr_Format(PyExc_RuntimeError, "a Function gives at most %d outputs here",
                            OP_MAX_OUTPUTS);
    node->node.output_count = (int)count;
    cut_cycles(node->ctx, outputs);
    if (!PyTuple_Check(outputs))
        return with_history(node, outputs, args, 0);
    result = PyTuple_New(count);
    for (Py_ssize_t i = 0; result && i < count; i++) {
        PyObject *item = with_history(node, PyTuple_GET_ITEM(outputs, i), args, (int)i);

        if (!item)
            Py_CLEAR(result);
        else
            PyTuple_SET_ITEM(result, i, item);
    }
    return result;
}

static ContextObject *make_context(PyObject *args, bool *wanted)
{
    ContextObject *ctx = (ContextObject *)context_type->tp_alloc(context_type, 0);

    *wanted = false;
    if (!ctx)
        return NULL;
    ctx->materialize = true;
    ctx->needs_input_grad = PyTuple_New(PyTuple_GET_SIZE(args));
    for (Py_ssize_t i = 0; ctx->needs_input_grad && i < PyTuple_GET_SIZE(args); i++) {
        PyObject *item = PyTuple_GET_ITEM(args, i);
        bool needs = tensor_check(item) && tensor_of(item)->requires_grad;

        *wanted |= needs;
        PyTuple_SET_ITEM(ctx->needs_input_grad, i, PyBool_FromLong(needs));
    }
    return ctx;
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
    ContextObject *ctx;
    struct function_node *node;
    PyObject *outputs, *result;

    if (PyTuple_GET_SIZE(args) > OP_MAX_ARGS)
        return PyErr_Format(PyExc_TypeError, "a Function takes at most %d arguments here",
                            OP_MAX_ARGS);
    ctx = make_context(args, &wanted);
    outputs = ctx ? call_forward(cls, ctx, args) : NULL;
    if (!outputs || !wanted || !grad_enabled()) {
        Py_XDECREF(ctx);
        return outputs;
    }
    node = make_node(cls, ctx, args);
    result = node ? attach(node, outputs, args) : NULL;
    if (node)
        node_unref(&node->node);
    Py_DECREF(ctx);
    Py_DECREF(outputs);
    return result;
}

static PyType_Spec function_spec = {
    .name = "torch.autograd.Function",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){{Py_tp_methods, (PyMethodDef[]){{"apply", function_apply_method,
                                                              METH_VARARGS | METH_CLASS, NULL},
                                                             {NULL, NULL, 0, NULL}}},
                             {0, NULL}}};

int function_init(PyObject *torch)
{
    context_type = (PyTypeObject *)PyType_FromSpec(&context_spec);
    if (!context_type)
        return -1;
    return module_add_type(submodule(torch, "autograd"), &function_spec, NULL, &function_type);
}
