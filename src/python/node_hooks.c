/*
 * Hooks that are Python callables: on the gradient of a tensor, and on a whole node.
 */
#include "base/error.h"
#include "python/autograd.h"
#include "python/errors.h"
#include "python/tensor_parts.h"

static void release_hook(void *data)
{
    Py_DECREF((PyObject *)data);
}

/* ---- handles ---- */

static PyTypeObject *handle_type;

/* Of a hook on a tensor or on a node, whichever is not NULL. */
typedef struct {
    PyObject_HEAD struct tensor *tensor;
    struct node *node;
    int id;
} HandleObject;

static PyObject *handle_remove(PyObject *object, PyObject *Py_UNUSED(unused))
{
    HandleObject *self = (HandleObject *)object;

    if (self->tensor)
        tensor_remove_hook(self->tensor, self->id);
    else
        node_remove_whole_hook(self->node, self->id);
    Py_RETURN_NONE;
}

static PyObject *handle_enter(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return Py_NewRef(self);
}

static void handle_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    tensor_unref(((HandleObject *)object)->tensor);
    node_unref(((HandleObject *)object)->node);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Spec handle_spec = {
    .name = "torch.utils.hooks.RemovableHandle",
    .basicsize = sizeof(HandleObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = (PyType_Slot[]){
        {Py_tp_dealloc, handle_dealloc},
        {Py_tp_methods, (PyMethodDef[]){{"remove", handle_remove, METH_NOARGS, NULL},
                                        {"__enter__", handle_enter, METH_NOARGS, NULL},
                                        {"__exit__", handle_remove, METH_VARARGS, NULL},
                                        {NULL, NULL, 0, NULL}}},
        {0, NULL}}};

static PyObject *new_handle(struct tensor *t, struct node *node, int id)
{
    HandleObject *self = PyObject_New(HandleObject, handle_type);

    if (self) {
        self->tensor = t ? tensor_ref(t) : NULL;
        self->node = node ? node_ref(node) : NULL;
        self->id = id;
    }
    return (PyObject *)self;
}

PyObject *hook_handle(struct tensor *t, int id)
{
    return new_handle(t, NULL, id);
}

int node_hooks_init(void)
{
    handle_type = (PyTypeObject *)PyType_FromSpec(&handle_spec);
    return handle_type ? 0 : -1;
}

/* ---- on a tensor ---- */

static const char *callable_name(PyObject *callable, PyObject **owner)
{
    *owner = PyObject_GetAttrString(callable, "__name__");
    if (!*owner)
        PyErr_Clear();
    return *owner && PyUnicode_Check(*owner) ? PyUnicode_AsUTF8(*owner) : "<unknown>";
}

/* What a hook returns takes the gradient's place, so it must be like it. */
static bool may_replace(PyObject *callable, const struct tensor *result, const struct tensor *grad)
{
    PyObject *owner = NULL;

    if (result->dtype != grad->dtype)
        PyErr_Format(PyExc_RuntimeError,
                     "hook '%s' has changed the type of value (was torch.%s got torch.%s)",
                     callable_name(callable, &owner), dtype_infos[grad->dtype].class_name,
                     dtype_infos[result->dtype].class_name);
    else if (!tensor_same_shape(result, grad))
        PyErr_Format(PyExc_RuntimeError, "hook '%s' has changed the size of value",
                     callable_name(callable, &owner));
    Py_XDECREF(owner);
    return !PyErr_Occurred();
}

/* The callable may return None (nothing changes) or a new gradient. */
static struct tensor *call_hook(void *data, struct tensor *grad)
{
    PyObject *argument = tensor_object(grad);
    PyObject *result = argument ? PyObject_CallOneArg(data, argument) : NULL;
    struct tensor *changed = NULL;

    Py_XDECREF(argument);
    if (result == Py_None)
        changed = tensor_ref(grad);
    else if (result && !tensor_check(result))
        PyErr_Format(PyExc_TypeError, "expected Variable, but hook returned '%s'",
                     Py_TYPE(result)->tp_name);
    else if (result && may_replace(data, tensor_of(result), grad))
        changed = tensor_ref(tensor_of(result));
    Py_XDECREF(result);
    if (!changed)
        python_error_pending();
    return changed;
}

struct hook hook_from_callable(PyObject *callable)
{
    return (struct hook){.call = call_hook, .release = release_hook, .data = Py_NewRef(callable)};
}

PyObject *hook_callable(const struct hook *hook)
{
    return hook->call == call_hook ? hook->data : NULL;
}

/* ---- on a node ---- */

/* Gradients as a tuple; those that nothing waits for are None. */
static PyObject *gradient_tuple(struct tensor *const *grads, int count, const struct edge *edges)
{
    PyObject *tuple = PyTuple_New(count);

    for (int i = 0; tuple && i < count; i++) {
        PyObject *object = tensor_object(!edges || edges[i].node ? grads[i] : NULL);

        if (object)
            PyTuple_SET_ITEM(tuple, i, object);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* Whether `item` may take the place of a gradient, which is None in the tuple that the hook saw. */
static bool fits(PyObject *callable, PyObject *item, PyObject *before)
{
    if (item == Py_None)
        return true;
    if (before == Py_None)
        PyErr_SetString(PyExc_RuntimeError, "can't replace a None gradient with a non-None value");
    else if (!tensor_check(item))
        PyErr_Format(PyExc_TypeError, "expected Variable, but hook returned '%s'",
                     Py_TYPE(item)->tp_name);
    else
        return may_replace(callable, tensor_of(item), tensor_of(before));
    return false;
}

/* Puts what a hook returned in the place of the gradients it saw. */
static int replace(PyObject *callable, PyObject *result, PyObject *seen, struct tensor **grads)
{
    Py_ssize_t count = PyTuple_GET_SIZE(seen);

    if (!PyTuple_Check(result)) {
        PyErr_Format(PyExc_TypeError, "expected tuple, but hook returned '%s'",
                     Py_TYPE(result)->tp_name);
        return -1;
    }
    if (PyTuple_GET_SIZE(result) != count) {
        PyObject *owner;

        PyErr_Format(PyExc_RuntimeError,
                     "hook '%s' has returned an incorrect number of values (got %zd, but expected "
                     "%zd)",
                     callable_name(callable, &owner), PyTuple_GET_SIZE(result), count);
        Py_XDECREF(owner);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PyTuple_GET_ITEM(result, i);

        if (!fits(callable, item, PyTuple_GET_ITEM(seen, i)))
            return -1;
        tensor_unref(grads[i]);
        grads[i] = item == Py_None ? NULL : tensor_ref(tensor_of(item));
    }
    return 0;
}

/* hook(grad_outputs) before the node, hook(grad_inputs, grad_outputs) after it. */
static int call_whole_hook(void *data, const struct node *node, struct tensor **g,
                           struct tensor **grads)
{
    PyObject *outputs = gradient_tuple(g, node->output_count, NULL);
    PyObject *inputs = grads ? gradient_tuple(grads, node->edge_count, node->edges) : NULL;
    PyObject *seen = grads ? inputs : outputs, *result = NULL;
    int status = -1;

    if (outputs && seen)
        result = PyObject_CallFunctionObjArgs(data, seen, grads ? outputs : NULL, NULL);
    if (result)
        status = result == Py_None ? 0 : replace(data, result, seen, grads ? grads : g);
    Py_XDECREF(outputs);
    Py_XDECREF(inputs);
    Py_XDECREF(result);
    return status < 0 ? python_error_pending() : 0;
}

int node_add_callable(struct node *node, PyObject *callable, bool after)
{
    struct node_hook hook = {.call = call_whole_hook,
                             .release = release_hook,
                             .data = Py_NewRef(callable),
                             .after = after};
    int id = node_add_whole_hook(node, hook);

    if (id < 0) {
        Py_DECREF(callable);
        python_error();
    }
    return id;
}

static PyObject *register_whole(PyObject *object, PyObject *callable, bool after)
{
    struct node *node = node_of_object(object);
    int id = node_add_callable(node, callable, after);

    return id < 0 ? NULL : new_handle(NULL, node, id);
}

PyObject *node_register_hook(PyObject *self, PyObject *callable)
{
    return register_whole(self, callable, true);
}

PyObject *node_register_prehook(PyObject *self, PyObject *callable)
{
    return register_whole(self, callable, false);
}
