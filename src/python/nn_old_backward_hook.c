/*
 * Hooks of register_backward_hook(), the old kind: they see the gradients of the last operation of
 * a module alone. A node takes the place of that operation's node, lets it work, and runs the
 * hooks.
 */
#include "python/nn_backward_hook.h"

#include "base/mem.h"
#include "python/errors.h"
#include "python/nn_module.h"

struct watched_node {
    struct node base;
    struct node *inner; /* the operation's */
    PyObject *module, *hooks;
    struct edge edges[];
};

static const char *watched_name(const struct node *node)
{
    return node_name(((const struct watched_node *)node)->inner);
}

static void watched_release_saved(struct node *node)
{
    struct node *inner = ((struct watched_node *)node)->inner;

    if (inner->type->release_saved)
        inner->type->release_saved(inner);
}

static void watched_free(struct node *node)
{
    struct watched_node *self = (struct watched_node *)node;

    node_release_edges(node);
    node_unref(self->inner);
    Py_DECREF(self->module);
    Py_DECREF(self->hooks);
    mem_free(self);
}

/* Gradients as a tuple; those that nothing waits for are None. */
static PyObject *tuple_of(struct tensor *const *grads, int count, const struct edge *wanted)
{
    PyObject *tuple = PyTuple_New(count);

    for (int i = 0; tuple && i < count; i++) {
        PyObject *object = tensor_object(!wanted || wanted[i].node ? grads[i] : NULL);

        if (object)
            PyTuple_SET_ITEM(tuple, i, object);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* hook 'name' has returned an incorrect number of values. -1 */
static int wrong_count(PyObject *hook, Py_ssize_t got, int expected)
{
    PyObject *name = PyObject_GetAttrString(hook, "__name__");

    if (!name) {
        PyErr_Clear();
        name = type_name_of(hook);
    }
    if (name)
        PyErr_Format(PyExc_RuntimeError,
                     "hook '%S' has returned an incorrect number of values (got %zd, but expected "
                     "%d)",
                     name, got, expected);
    Py_XDECREF(name);
    return -1;
}

/* Puts what a hook returned in the place of the gradients; takes over `result`. */
static int replace(struct tensor **grads, int count, PyObject *hook, PyObject *result)
{
    PyObject *tuple = tensor_check(result) ? PyTuple_Pack(1, result) : PySequence_Tuple(result);
    int status = tuple ? 0 : -1;

    Py_DECREF(result);
    if (tuple && PyTuple_GET_SIZE(tuple) != count)
        status = wrong_count(hook, PyTuple_GET_SIZE(tuple), count);
    for (int i = 0; status == 0 && i < count; i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i);

        if (item != Py_None && !tensor_check(item)) {
            PyErr_Format(PyExc_TypeError, "hooks must return tensors or None, got %s",
                         _PyType_Name(Py_TYPE(item)));
            status = -1;
        } else {
            tensor_unref(grads[i]);
            grads[i] = item == Py_None ? NULL : tensor_ref(tensor_of(item));
        }
    }
    Py_XDECREF(tuple);
    return status;
}

static int run_hooks(const struct watched_node *self, struct tensor *const *g,
                     struct tensor **grads)
{
    PyObject *outputs = tuple_of(g, self->base.output_count, NULL);
    int status = outputs ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(self->hooks); i++) {
        PyObject *hook = PyList_GET_ITEM(self->hooks, i);
        PyObject *inputs = tuple_of(grads, self->base.edge_count, self->edges);
        PyObject *result =
            inputs ? PyObject_CallFunctionObjArgs(hook, self->module, inputs, outputs, NULL) : NULL;

        if (!result || result == Py_None) {
            status = result ? 0 : -1;
            Py_XDECREF(result);
        } else {
            status = replace(grads, self->base.edge_count, hook, result);
        }
        Py_XDECREF(inputs);
    }
    Py_XDECREF(outputs);
    return status < 0 ? python_error_pending() : 0;
}

static int watched_apply(struct node *node, struct tensor *const *g, struct tensor **grads)
{
    struct watched_node *self = (struct watched_node *)node;
    int status = self->inner->type->apply(self->inner, g, grads);

    if (status < 0 || (status = run_hooks(self, g, grads)) == 0)
        return status;
    for (int i = 0; i < node->edge_count; i++) {
        tensor_unref(grads[i]);
        grads[i] = NULL;
    }
    return status;
}

static const struct node_type watched_type = {.apply = watched_apply,
                                              .name = watched_name,
                                              .release_saved = watched_release_saved,
                                              .free = watched_free};

/* Whether the operation's edges lead to just what computed the module's inputs. */
static bool is_whole_module(const struct node *node, PyObject *inputs)
{
    for (int i = 0; i < node->edge_count; i++) {
        bool found = false;

        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(inputs); k++) {
            PyObject *input = PyTuple_GET_ITEM(inputs, k);

            found |= node->edges[i].node && tensor_check(input) &&
                     tensor_of(input)->grad_fn == node->edges[i].node;
        }
        if (!found)
            return false;
    }
    return true;
}

int backward_watch_last(PyObject *module, PyObject *hooks, PyObject *inputs, PyObject *output)
{
    PyObject *first =
        PyTuple_Check(output) && PyTuple_GET_SIZE(output) ? PyTuple_GET_ITEM(output, 0) : output;
    struct node *inner = tensor_check(first) ? tensor_grad_fn(tensor_of(first)) : NULL;
    struct watched_node *self;

    if (!inner || inner->output_count != 1)
        return 0;
    if (!is_whole_module(inner, inputs) &&
        PyErr_WarnEx(
            PyExc_UserWarning,
            "Using a non-full backward hook when the forward contains multiple autograd "
            "Nodes is deprecated and will be removed in future versions. This hook will be "
            "missing some grad_input. Please use register_full_backward_hook to get the "
            "documented behavior.",
            1) < 0)
        return -1;
    self = mem_zero(1, sizeof(*self) + (size_t)inner->edge_count * sizeof(*self->edges));
    if (!self)
        return python_error() ? 0 : -1;
    node_init(&self->base, &watched_type, self->edges, inner->edge_count, 1);
    for (int i = 0; i < inner->edge_count; i++) {
        self->edges[i] = inner->edges[i];
        if (self->edges[i].node)
            node_ref(self->edges[i].node);
    }
    self->inner = node_ref(inner);
    self->module = Py_NewRef(module);
    self->hooks = Py_NewRef(hooks);
    tensor_set_history(tensor_of(first), &self->base, 0);
    node_unref(&self->base);
    return 0;
}
