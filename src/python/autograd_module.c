/* torch.autograd: backward, grad; no_grad and its relatives. */
#include "python/autograd.h"

#include "autograd/autograd.h"
#include "base/error.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_type.h"

#include <structmember.h>

/* ---- backward and grad ---- */

enum { MAX_TENSORS = 256 };

/* A tensor or a sequence of tensors (None allowed inside) into an array; the count, or -1. */
static int read_tensors(PyObject *object, const char *what, struct tensor **out)
{
    PyObject *fast;
    Py_ssize_t count;

    if (tensor_check(object)) {
        out[0] = tensor_of(object);
        return 1;
    }
    fast = PySequence_Fast(object, "expected a Tensor or a sequence of Tensors");
    if (!fast)
        return -1;
    count = PySequence_Fast_GET_SIZE(fast);
    if (count > MAX_TENSORS) {
        PyErr_Format(PyExc_ValueError, "at most %d %s are supported", MAX_TENSORS, what);
        count = -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(fast, i);

        if (!tensor_check(item) && item != Py_None) {
            PyErr_Format(PyExc_TypeError, "element %zd of %s tuple is not a Tensor: got %s", i,
                         what, Py_TYPE(item)->tp_name);
            count = -1;
            break;
        }
        out[i] = item == Py_None ? NULL : tensor_of(item);
    }
    Py_DECREF(fast);
    return (int)count;
}

static bool given(PyObject *object)
{
    return object && object != Py_None;
}

static int check_inputs(struct tensor *const *inputs, int count)
{
    for (int i = 0; i < count; i++) {
        if (inputs[i] && inputs[i]->requires_grad)
            continue;
        PyErr_SetString(PyExc_RuntimeError,
                        "One of the differentiated Tensors does not require grad");
        return -1;
    }
    return 0;
}

static PyObject *give_results(struct tensor **results, int count, bool allow_unused)
{
    PyObject *tuple = PyTuple_New(count);

    for (int i = 0; i < count; i++) {
        PyObject *item = NULL;

        if (!results[i] && !allow_unused && tuple) {
            PyErr_SetString(PyExc_RuntimeError,
                            "One of the differentiated Tensors appears to not have been used in "
                            "the graph. Set allow_unused=True if this is the desired behavior.");
            Py_CLEAR(tuple);
        }
        item = results[i] ? tensor_wrap(results[i]) : Py_NewRef(Py_None);
        if (tuple && item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_XDECREF(item);
    }
    return tuple;
}

PyObject *autograd_backward(struct tensor *root)
{
    if (backward(&(struct backward_request){.roots = &root, .root_count = 1}) < 0)
        return python_error();
    Py_RETURN_NONE;
}

PyObject *autograd_run(const struct autograd_call *call)
{
    struct tensor *roots[MAX_TENSORS], *grads[MAX_TENSORS] = {NULL}, *inputs[MAX_TENSORS];
    struct tensor *results[MAX_TENSORS] = {NULL};
    struct backward_request request = {.roots = roots, .grads = grads};
    int count;

    request.root_count = read_tensors(call->roots, "tensors", roots);
    if (request.root_count < 0)
        return NULL;
    count = given(call->grads) ? read_tensors(call->grads, "gradients", grads) : 0;
    if (count < 0)
        return NULL;
    if (count > 0 && count != request.root_count)
        return PyErr_Format(PyExc_RuntimeError, "got %d tensors and %d gradients",
                            request.root_count, count);
    if (given(call->inputs)) {
        request.inputs = inputs;
        request.input_count = read_tensors(call->inputs, "inputs", inputs);
        if (request.input_count < 0 || check_inputs(inputs, request.input_count) < 0)
            return NULL;
        if (request.input_count == 0)
            return PyErr_Format(PyExc_RuntimeError, "'inputs' argument to backward() cannot be "
                                                    "empty.");
        request.results = call->give ? results : NULL;
    }
    request.create_graph = given(call->create) && PyObject_IsTrue(call->create);
    request.retain = given(call->retain) ? PyObject_IsTrue(call->retain) : request.create_graph;
    if (backward(&request) < 0) {
        for (int i = 0; i < MAX_TENSORS && call->give; i++)
            tensor_unref(results[i]);
        return python_error();
    }
    if (!call->give)
        Py_RETURN_NONE;
    return give_results(results, request.input_count, call->allow_unused);
}

static PyObject *module_backward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {
        "tensors", "grad_tensors", "retain_graph", "create_graph", "grad_variables", "inputs",
        NULL};
    struct autograd_call call = {0};
    PyObject *old = NULL;

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOOOO:backward", names, &call.roots,
                                     &call.grads, &call.retain, &call.create, &old, &call.inputs))
        return NULL;
    return autograd_run(&call);
}

static PyObject *module_grad(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"outputs",      "inputs",           "grad_outputs",
                            "retain_graph", "create_graph",     "only_inputs",
                            "allow_unused", "is_grads_batched", NULL};
    struct autograd_call call = {.give = true};
    int only_inputs = 1, allow_unused = 0, batched = 0;

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OOOppp:grad", names, &call.roots,
                                     &call.inputs, &call.grads, &call.retain, &call.create,
                                     &only_inputs, &allow_unused, &batched))
        return NULL;
    call.allow_unused = allow_unused;
    return autograd_run(&call);
}

/* ---- grad mode ---- */

/* no_grad, enable_grad, inference_mode, set_grad_enabled: each a context manager and a decorator.
 */
typedef struct {
    PyObject_HEAD bool mode, before;
} ModeObject;

/* A function that runs in a grad mode. */
typedef struct {
    PyObject_HEAD PyObject *function, *dict;
    bool mode;
} ModeFunction;

static PyTypeObject *mode_function_type;

static PyObject *mode_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    ((ModeObject *)self)->before = grad_set_enabled(((ModeObject *)self)->mode);
    Py_RETURN_NONE;
}

static PyObject *mode_exit(PyObject *self, PyObject *unused)
{
    (void)unused;
    grad_set_enabled(((ModeObject *)self)->before);
    Py_RETURN_FALSE;
}

/* set_grad_enabled acts at once, and can be left again. */
static PyObject *set_enter(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_NONE;
}

static PyObject *mode_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    ModeFunction *wrapped;
    PyObject *function;

    if (kwargs || !PyArg_ParseTuple(args, "O", &function))
        return NULL;
    wrapped = PyObject_GC_New(ModeFunction, mode_function_type);
    if (!wrapped)
        return NULL;
    wrapped->function = Py_NewRef(function);
    wrapped->dict = NULL;
    wrapped->mode = ((ModeObject *)self)->mode;
    PyObject_GC_Track(wrapped);
    return (PyObject *)wrapped;
}

static PyObject *mode_new(PyTypeObject *type, bool mode)
{
    ModeObject *self = (ModeObject *)type->tp_alloc(type, 0);

    if (self) {
        self->mode = mode;
        self->before = grad_enabled();
    }
    return (PyObject *)self;
}

static PyObject *no_grad_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    if (kwargs || !PyArg_ParseTuple(args, ":no_grad"))
        return NULL;
    return mode_new(type, false);
}

static PyObject *enable_grad_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    if (kwargs || !PyArg_ParseTuple(args, ":enable_grad"))
        return NULL;
    return mode_new(type, true);
}

static PyObject *inference_mode_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mode", NULL};
    int mode = 1;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p:inference_mode", names, &mode))
        return NULL;
    return mode_new(type, !mode);
}

static PyObject *set_grad_enabled_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mode", NULL};
    PyObject *self;
    int mode;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "p:set_grad_enabled", names, &mode))
        return NULL;
    self = mode_new(type, mode);
    if (self)
        grad_set_enabled(mode);
    return self;
}

static PyMethodDef mode_methods[] = {{"__enter__", mode_enter, METH_NOARGS, NULL},
                                     {"__exit__", mode_exit, METH_VARARGS, NULL},
                                     {NULL, NULL, 0, NULL}};
static PyMethodDef set_methods[] = {{"__enter__", set_enter, METH_NOARGS, NULL},
                                    {"__exit__", mode_exit, METH_VARARGS, NULL},
                                    {NULL, NULL, 0, NULL}};

static const struct {
    const char *name;
    newfunc make;
    PyMethodDef *methods;
} modes[] = {{"torch.no_grad", no_grad_new, mode_methods},
             {"torch.enable_grad", enable_grad_new, mode_methods},
             {"torch.inference_mode", inference_mode_new, mode_methods},
             {"torch.set_grad_enabled", set_grad_enabled_new, set_methods}};

/* ---- decorated functions ---- */

static PyObject *mode_function_call(PyObject *object, PyObject *args, PyObject *kwargs)
{
    ModeFunction *self = (ModeFunction *)object;
    bool before = grad_set_enabled(self->mode);
    PyObject *result = PyObject_Call(self->function, args, kwargs);

    grad_set_enabled(before);
    return result;
}

static PyObject *mode_function_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    return object && object != Py_None ? PyMethod_New(self, object) : Py_NewRef(self);
}

/* __name__, __doc__ and whatever else the function has. */
static PyObject *mode_function_getattr(PyObject *object, PyObject *name)
{
    PyObject *own = PyObject_GenericGetAttr(object, name);

    if (own || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return own;
    PyErr_Clear();
    return PyObject_GetAttr(((ModeFunction *)object)->function, name);
}

static int mode_function_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((ModeFunction *)object)->function);
    Py_VISIT(((ModeFunction *)object)->dict);
    return 0;
}

static int mode_function_clear(PyObject *object)
{
    Py_CLEAR(((ModeFunction *)object)->function);
    Py_CLEAR(((ModeFunction *)object)->dict);
    return 0;
}

static void mode_function_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    mode_function_clear(object);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

static PyMemberDef mode_function_members[] = {
    {"__wrapped__", T_OBJECT, offsetof(ModeFunction, function), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(ModeFunction, dict), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyType_Spec mode_function_spec = {
    .name = "torch._GradModeFunction",
    .basicsize = sizeof(ModeFunction),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = (PyType_Slot[]){{Py_tp_call, mode_function_call},
                             {Py_tp_descr_get, mode_function_get},
                             {Py_tp_getattro, mode_function_getattr},
                             {Py_tp_traverse, mode_function_traverse},
                             {Py_tp_clear, mode_function_clear},
                             {Py_tp_dealloc, mode_function_dealloc},
                             {Py_tp_members, mode_function_members},
                             {0, NULL}}};

static PyObject *is_grad_enabled(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyBool_FromLong(grad_enabled());
}

/* ---- the modules ---- */

static PyMethodDef autograd_methods[] = {
    {"backward", (PyCFunction)(void (*)(void))module_backward, METH_VARARGS | METH_KEYWORDS, NULL},
    {"grad", (PyCFunction)(void (*)(void))module_grad, METH_VARARGS | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL}};
static PyMethodDef torch_methods[] = {{"is_grad_enabled", is_grad_enabled, METH_NOARGS, NULL},
                                      {NULL, NULL, 0, NULL}};

static int add_modes(PyObject *torch, PyObject *autograd)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        PyType_Slot slots[] = {{Py_tp_new, (void *)modes[i].make},
                               {Py_tp_call, mode_call},
                               {Py_tp_methods, modes[i].methods},
                               {0, NULL}};
        PyType_Spec spec = {.name = modes[i].name,
                            .basicsize = sizeof(ModeObject),
                            .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                            .slots = slots};
        PyTypeObject *type;

        if (module_add_type(torch, &spec, NULL, &type) < 0 ||
            PyModule_AddObjectRef(autograd, modes[i].name + 6, (PyObject *)type) < 0)
            return -1;
    }
    mode_function_type = (PyTypeObject *)PyType_FromSpec(&mode_function_spec);
    return mode_function_type ? 0 : -1;
}

int autograd_module_init(PyObject *torch)
{
    PyObject *autograd = submodule(torch, "autograd");

    if (!autograd || PyModule_AddFunctions(autograd, autograd_methods) < 0 ||
        PyModule_AddFunctions(torch, torch_methods) < 0 || add_modes(torch, autograd) < 0 ||
        PyModule_AddObjectRef(autograd, "Variable", (PyObject *)tensor_type) < 0)
        return -1;
    return function_init(torch) < 0 ? -1 : functional_init(torch);
}
