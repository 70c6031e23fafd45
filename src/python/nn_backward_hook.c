#include "python/nn_backward_hook.h"

#include "base/mem.h"
#include "python/errors.h"
#include "python/nn_module.h"

struct backward_watch {
    int refs;
    PyObject *module, *hooks;
    Py_ssize_t input_count; /* arguments of the call */
    bool input_watched;
    PyObject *grad_output; /* a tuple, between the two nodes' turns; else NULL */
};

/* One of the tensors that pass: its place in the tuple, and its shape and dtype for a gradient of
 * zeros when none arrives. */
struct pass {
    Py_ssize_t place;
    struct tensor *shape;
};

/* Passes gradients on unchanged. Output i of the node, and edge i, are passes[i] of a tuple of
 * `size` values. */
struct pass_node {
    struct node base;
    struct backward_watch *watch;
    bool behind; /* the module, that is at its outputs */
    int count;
    Py_ssize_t size;
    struct pass *passes; /* one for each output */
    struct edge edges[];
};

struct backward_watch *backward_watch_new(PyObject *module, PyObject *hooks)
{
    struct backward_watch *watch = mem_zero(1, sizeof(*watch));

    if (!watch)
        return python_error();
    watch->refs = 1;
    watch->module = Py_NewRef(module);
    watch->hooks = Py_NewRef(hooks);
    return watch;
}

void backward_watch_unref(struct backward_watch *watch)
{
    if (!watch || --watch->refs > 0)
        return;
    Py_DECREF(watch->module);
    Py_DECREF(watch->hooks);
    Py_XDECREF(watch->grad_output);
    mem_free(watch);
}

/* ---- the nodes ---- */

static const char *pass_name(const struct node *node)
{
    (void)node;
    return "BackwardHookFunctionBackward";
}

static void pass_free(struct node *node)
{
    struct pass_node *self = (struct pass_node *)node;

    node_release_edges(node);
    backward_watch_unref(self->watch);
    for (int i = 0; i < self->count; i++)
        tensor_unref(self->passes[i].shape);
    mem_free(self->passes);
    mem_free(self);
}

/* The gradients as a tuple, None where there is none. */
static PyObject *gradient_tuple(const struct pass_node *self, struct tensor *const *g)
{
    PyObject *tuple = PyTuple_New(self->size);

    for (Py_ssize_t i = 0; tuple && i < self->size; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(Py_None));
    for (int i = 0; tuple && i < self->count; i++) {
        PyObject *gradient = tensor_object(g[i]);

        if (!gradient)
            Py_CLEAR(tuple);
        else
            PyTuple_SetItem(tuple, self->passes[i].place, gradient);
    }
    return tuple;
}

static bool all_none(PyObject *object)
{
    if (object == Py_None)
        return true;
    if (!PyTuple_Check(object))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); i++)
        if (PyTuple_GET_ITEM(object, i) != Py_None)
            return false;
    return true;
}

/* What a hook returned in place of the gradients: checked, as a tuple; takes over `result`. */
static PyObject *replaced(const struct backward_watch *watch, PyObject *gradients, PyObject *result)
{
    PyObject *tuple;

    if (!watch->input_watched) {
        bool nothing = all_none(result);

        Py_DECREF(result);
        if (nothing)
            return Py_NewRef(gradients);
        return PyErr_Format(PyExc_RuntimeError,
                            "Backward hook for Modules where no input requires gradient should "
                            "always return None or None for all gradients.");
    }
    tuple = tensor_check(result) ? PyTuple_Pack(1, result) : PySequence_Tuple(result);
    Py_DECREF(result);
    if (tuple && PyTuple_GET_SIZE(tuple) != PyTuple_GET_SIZE(gradients)) {
        PyErr_Format(
            PyExc_RuntimeError,
            "Backward hook returned an invalid number of grad_input, got %zd, but expected "
            "%zd",
            PyTuple_GET_SIZE(tuple), PyTuple_GET_SIZE(gradients));
        Py_CLEAR(tuple);
    }
    return tuple;
}

/* Runs the hooks; takes over `grad_input` and gives what they make of it. */
static PyObject *run_hooks(struct backward_watch *watch, PyObject *grad_input)
{
    PyObject *grad_output = watch->grad_output;

    watch->grad_output = NULL;
    for (Py_ssize_t i = 0; grad_input && i < PyList_GET_SIZE(watch->hooks); i++) {
        PyObject *result = PyObject_CallFunctionObjArgs(
            PyList_GET_ITEM(watch->hooks, i), watch->module, grad_input, grad_output, NULL);

        if (result == Py_None)
            Py_DECREF(result);
        else
            Py_SETREF(grad_input, result ? replaced(watch, grad_input, result) : NULL);
    }
    Py_XDECREF(grad_output);
    return grad_input;
}

/* Passes on what a tuple of the hooks holds. */
static int pass_tuple(const struct pass_node *self, PyObject *tuple, struct tensor **grads)
{
    for (int i = 0; i < self->count; i++) {
        PyObject *gradient = PyTuple_GET_ITEM(tuple, self->passes[i].place);

        if (gradient == Py_None)
            continue;
        if (!tensor_check(gradient)) {
            PyErr_Format(PyExc_TypeError, "Backward hook must return tensors or None, got %s",
                         _PyType_Name(Py_TYPE(gradient)));
            return python_error_pending();
        }
        grads[i] = tensor_ref(tensor_of(gradient));
    }
    return 0;
}

/* g with zeros for what is missing, as PyTorch fills it in. New references. */
static int fill_in(const struct pass_node *self, struct tensor *const *g, struct tensor **filled)
{
    for (int i = 0; i < self->count; i++) {
        const struct tensor *like = self->passes[i].shape;

        filled[i] =
            g[i] ? tensor_ref(g[i]) : tensor_zeros(tensor_dtype(like), like->ndim, like->shape);
        if (!filled[i])
            return -1;
    }
    return 0;
}

/* The hooks' turn, before the module. */
static int apply_before(const struct pass_node *self, struct tensor *const *g,
                        struct tensor **grads)
{
    PyObject *tuple;
    int status = fill_in(self, g, grads);

    if (status < 0 || !self->watch->grad_output)
        return status;
    tuple = gradient_tuple(self, grads);
    for (int i = 0; i < self->count; i++) {
        tensor_unref(grads[i]);
        grads[i] = NULL;
    }
    tuple = run_hooks(self->watch, tuple);
    status = tuple ? pass_tuple(self, tuple, grads) : python_error_pending();
    Py_XDECREF(tuple);
    return status;
}

static int pass_apply(struct node *node, struct tensor *const *g, struct tensor **grads)
{
    struct pass_node *self = (struct pass_node *)node;
    struct backward_watch *watch = self->watch;
    PyObject *tuple;

    if (!self->behind)
        return apply_before(self, g, grads);
    tuple = gradient_tuple(self, g);
    Py_XSETREF(watch->grad_output, tuple);
    if (tuple && !watch->input_watched) {
        PyObject *nothing = PyTuple_New(watch->input_count);

        for (Py_ssize_t i = 0; nothing && i < watch->input_count; i++)
            PyTuple_SET_ITEM(nothing, i, Py_NewRef(Py_None));
        tuple = run_hooks(watch, nothing);
        Py_XDECREF(tuple);
    }
    return tuple ? fill_in(self, g, grads) : python_error_pending();
}

static const struct node_type pass_type = {
    .apply = pass_apply, .name = pass_name, .free = pass_free};

/* ---- putting them in ---- */

static struct pass_node *new_pass_node(struct backward_watch *watch, bool behind, PyObject *values,
                                       int count)
{
    struct pass_node *self = mem_zero(1, sizeof(*self) + (size_t)count * sizeof(*self->edges));
    struct pass *passes = mem_zero((size_t)count, sizeof(*passes));

    if (!self || !passes) {
        mem_free(self);
        mem_free(passes);
        return python_error();
    }
    node_init(&self->base, &pass_type, self->edges, count, count);
    self->watch = watch;
    watch->refs++;
    self->behind = behind;
    self->passes = passes;
    self->size = PyTuple_GET_SIZE(values);
    for (Py_ssize_t i = 0; i < self->size; i++) {
        PyObject *value = PyTuple_GET_ITEM(values, i);

        if (!tensor_check(value))
            continue;
        self->passes[self->count].place = i;
        self->passes[self->count].shape = tensor_shape_only(tensor_of(value));
        self->edges[self->count++] = tensor_edge(tensor_of(value));
    }
    return self;
}

/* The tuple with its tensors as outputs of a new node; those that want no gradient stay apart. */
static PyObject *watch_tuple(struct backward_watch *watch, bool behind, PyObject *values)
{
    struct pass_node *node;
    PyObject *made;
    int count = 0;
    bool wanted = false;

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(values); i++) {
        PyObject *value = PyTuple_GET_ITEM(values, i);

        count += tensor_check(value);
        wanted |= tensor_check(value) && tensor_of(value)->requires_grad;
    }
    if (!wanted || !grad_enabled())
        return Py_NewRef(values);
    node = new_pass_node(watch, behind, values, count);
    made = node ? PyTuple_New(PyTuple_GET_SIZE(values)) : NULL;
    for (Py_ssize_t i = 0; made && i < PyTuple_GET_SIZE(values); i++)
        PyTuple_SET_ITEM(made, i, Py_NewRef(PyTuple_GET_ITEM(values, i)));
    for (int i = 0; made && i < count; i++) {
        struct tensor *from = tensor_of(PyTuple_GET_ITEM(made, node->passes[i].place));
        struct tensor *alias = tensor_alias(from);
        PyObject *object;

        if (alias && from->requires_grad)
            tensor_set_history(alias, &node->base, (uint32_t)i);
        object = tensor_wrap(alias);
        if (object)
            PyTuple_SetItem(made, node->passes[i].place, object);
        else
            Py_CLEAR(made);
    }
    if (made && !behind)
        watch->input_watched = true;
    if (node)
        node_unref(&node->base);
    return made;
}

PyObject *backward_watch_input(struct backward_watch *watch, PyObject *args)
{
    watch->input_count = PyTuple_GET_SIZE(args);
    return watch_tuple(watch, false, args);
}

PyObject *backward_watch_output(struct backward_watch *watch, PyObject *output)
{
    PyObject *tuple, *watched, *result;

    if (PyTuple_Check(output))
        return watch_tuple(watch, true, output);
    tuple = PyTuple_Pack(1, output);
    watched = tuple ? watch_tuple(watch, true, tuple) : NULL;
    result = watched ? Py_NewRef(PyTuple_GET_ITEM(watched, 0)) : NULL;
    Py_XDECREF(tuple);
    Py_XDECREF(watched);
    return result;
}
