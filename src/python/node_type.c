/* x.grad_fn as Python sees it. */
#include "base/error.h"
#include "python/autograd.h"
#include "python/errors.h"
#include "python/tensor_parts.h"

#include <string.h>

/* ---- nodes ---- */

typedef struct {
    PyObject_HEAD struct node *node;
} NodeObject;

static PyTypeObject *node_type;
static PyObject *node_types; /* name -> a type of that name, as PyTorch has one per operation */

static void node_dealloc(PyObject *object)
{
    NodeObject *self = (NodeObject *)object;
    PyTypeObject *type = Py_TYPE(object);

    self->node->python = NULL;
    node_unref(self->node);
    type->tp_free(object);
    Py_DECREF(type);
}

/* AccumulateGrad is shown without its namespace where a type is named. */
static const char *short_name(const struct node *node)
{
    const char *name = node_name(node), *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static PyObject *node_repr(PyObject *self)
{
    const struct node *node = ((NodeObject *)self)->node;

    return PyUnicode_FromFormat("<%s%s object at %p>",
                                function_context(node) ? "torch.autograd.function." : "",
                                short_name(node), self);
}

/* The node of a Function has what its ctx has: saved_tensors, and what forward() has put there. */
static PyObject *node_getattr(PyObject *self, PyObject *name)
{
    PyObject *own = PyObject_GenericGetAttr(self, name), *ctx;

    if (own || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return own;
    ctx = function_context(((NodeObject *)self)->node);
    if (!ctx)
        return NULL;
    PyErr_Clear();
    return PyObject_GetAttr(ctx, name);
}

static PyObject *node_get_name(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyUnicode_FromString(node_name(((NodeObject *)self)->node));
}

static void release_hook(void *data)
{
    Py_DECREF((PyObject *)data);
}

/* The metadata of a node hangs on it as a hook that lets gradients pass: few nodes have any. */
static struct tensor *pass_gradient(void *data, struct tensor *grad)
{
    (void)data;
    return tensor_ref(grad);
}

PyObject *node_metadata(struct node *node)
{
    struct hook hook = {.call = pass_gradient, .release = release_hook};

    for (struct hook *at = node->hooks; at; at = at->next) {
        if (at->call == pass_gradient)
            return at->data;
    }
    hook.data = PyDict_New();
    if (hook.data && node_add_hook(node, hook) < 0) {
        Py_CLEAR(hook.data);
        python_error();
    }
    return hook.data;
}

static PyObject *node_get_metadata(PyObject *self, void *unused)
{
    (void)unused;
    return Py_XNewRef(node_metadata(((NodeObject *)self)->node));
}

struct node *node_of_object(PyObject *object)
{
    return PyObject_TypeCheck(object, node_type) ? ((NodeObject *)object)->node : NULL;
}

/* A tuple of (node, output number), as PyTorch gives it. */
static PyObject *node_next_functions(PyObject *self, void *unused)
{
    struct node *node = ((NodeObject *)self)->node;
    PyObject *list = PyList_New(0), *tuple;

    (void)unused;
    for (int k = 0; list && k < node->edge_count; k++) {
        PyObject *next, *pair;

        if (node->type->shows && !node->type->shows(node, k))
            continue;
        next = node_object(node->edges[k].node);
        pair = next ? Py_BuildValue("(NI)", next, node->edges[k].output_nr) : NULL;
        if (!pair || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    tuple = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

/* What has a node has a gradient. */
static PyObject *node_requires_grad(PyObject *Py_UNUSED(self), void *Py_UNUSED(unused))
{
    Py_RETURN_TRUE;
}

static PyObject *node_get_variable(PyObject *self, void *unused)
{
    struct tensor *leaf = node_variable(((NodeObject *)self)->node);

    (void)unused;
    if (leaf)
        return tensor_object(leaf);
    return PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'",
                        short_name(((NodeObject *)self)->node));
}

static PyType_Spec node_spec = {
    .name = "torch.autograd.Node",
    .basicsize = sizeof(NodeObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = (PyType_Slot[]){
        {Py_tp_dealloc, node_dealloc},
        {Py_tp_repr, node_repr},
        {Py_tp_getattro, node_getattr},
        {Py_tp_methods,
         (PyMethodDef[]){
             {"name", node_get_name, METH_NOARGS, NULL},
             {"register_hook", node_register_hook, METH_O,
              "hook(grad_inputs, grad_outputs) runs when the node has; what it returns, if not "
              "None, "
              "replaces grad_inputs"},
             {"register_prehook", node_register_prehook, METH_O,
              "hook(grad_outputs) runs before the node; what it returns, if not None, replaces "
              "grad_outputs"},
             {NULL, NULL, 0, NULL}}},
        {Py_tp_getset, (PyGetSetDef[]){{"next_functions", node_next_functions, NULL, NULL, NULL},
                                       {"metadata", node_get_metadata, NULL, NULL, NULL},
                                       {"requires_grad", node_requires_grad, NULL, NULL, NULL},
                                       {"variable", node_get_variable, NULL, NULL, NULL},
                                       {NULL, NULL, NULL, NULL, NULL}}},
        {0, NULL}}};

static PyTypeObject *type_of_node(const struct node *node)
{
    const char *name = short_name(node);
    PyObject *type = PyDict_GetItemString(node_types, name), *bases;
    char full[96];
    PyType_Spec spec = {.name = full,
                        .basicsize = sizeof(NodeObject),
                        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                        .slots = (PyType_Slot[]){{0, NULL}}};

    if (type)
        return (PyTypeObject *)type;
    snprintf(full, sizeof(full), "torch.autograd.%s", name);
    bases = PyTuple_Pack(1, node_type);
    type = bases ? PyType_FromSpecWithBases(&spec, bases) : NULL;
    Py_XDECREF(bases);
    if (!type || PyDict_SetItemString(node_types, name, type) < 0)
        return NULL;
    PyDict_DelItemString(((PyTypeObject *)type)->tp_dict,
                         "__module__"); /* <class 'AddBackward0'> */
    PyType_Modified((PyTypeObject *)type);
    ((PyTypeObject *)type)->tp_name = strrchr(((PyTypeObject *)type)->tp_name, '.') + 1;
    Py_DECREF(type); /* the dict keeps it */
    return (PyTypeObject *)type;
}

PyObject *node_object(struct node *node)
{
    PyTypeObject *type;
    NodeObject *self;

    if (!node)
        Py_RETURN_NONE;
    if (node->python)
        return Py_NewRef((PyObject *)node->python);
    type = type_of_node(node);
    self = type ? PyObject_New(NodeObject, type) : NULL;
    if (self) {
        self->node = node_ref(node);
        node->python = self;
    }
    return (PyObject *)self;
}

int node_types_init(PyObject *torch)
{
    (void)torch;
    node_types = PyDict_New();
    node_type = (PyTypeObject *)PyType_FromSpec(&node_spec);
    return node_types && node_type ? node_hooks_init() : -1;
}
