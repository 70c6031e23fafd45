/* torch.random: the seeds again, and fork_rng(), which leaves the generator as it was. */
#include "python/method.h"
#include "python/module.h"
#include "python/types.h"

typedef struct {
    PyObject_HEAD struct generator kept;
    bool enabled;
} ForkObject;

static PyTypeObject *fork_type;

static PyObject *fork_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    ((ForkObject *)self)->kept = *generator_default();
    Py_RETURN_NONE;
}

static PyObject *fork_exit(PyObject *self, PyObject *args)
{
    (void)args;
    if (((ForkObject *)self)->enabled)
        *generator_default() = ((ForkObject *)self)->kept;
    Py_RETURN_FALSE;
}

static ForkObject *fork_new(bool enabled)
{
    ForkObject *self = PyObject_New(ForkObject, fork_type);

    if (self) {
        self->kept = *generator_default();
        self->enabled = enabled;
    }
    return self;
}

/* Each call of a decorated function has a fork of its own. */
static PyObject *fork_again(PyObject *self, PyObject *unused)
{
    (void)unused;
    return (PyObject *)fork_new(((ForkObject *)self)->enabled);
}

/* @fork_rng(): what contextlib makes of a context manager. */
static PyObject *fork_decorate(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *contextlib = PyImport_ImportModule("contextlib"), *type, *decorated = NULL, *function;

    type = contextlib ? PyObject_GetAttrString(contextlib, "ContextDecorator") : NULL;
    if (type && !kwargs && PyArg_ParseTuple(args, "O:fork_rng", &function))
        decorated = PyObject_CallMethod(type, "__call__", "OO", self, function);
    Py_XDECREF(type);
    Py_XDECREF(contextlib);
    return decorated;
}

static void fork_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_Free(self);
    Py_DECREF(type);
}

static PyType_Spec fork_spec = {
    .name = "torch.random._Fork",
    .basicsize = sizeof(ForkObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = (PyType_Slot[]){
        {Py_tp_methods, (PyMethodDef[]){{"__enter__", fork_enter, METH_NOARGS, NULL},
                                        {"__exit__", fork_exit, METH_VARARGS, NULL},
                                        {"_recreate_cm", fork_again, METH_NOARGS, NULL},
                                        {NULL, NULL, 0, NULL}}},
        {Py_tp_call, fork_decorate},
        {Py_tp_dealloc, fork_dealloc},
        {0, NULL}}};

static PyObject *fork_rng(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"devices", "enabled", NULL};
    PyObject *devices = Py_None;
    int enabled = 1;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Op:fork_rng", names, &devices, &enabled))
        return NULL;
    return (PyObject *)fork_new(enabled);
}

static PyMethodDef random_methods[] = {{"fork_rng", WITH_KEYWORDS(fork_rng), NULL},
                                       {NULL, NULL, 0, NULL}};

int random_module_init(PyObject *torch)
{
    static const char *const shared[] = {"manual_seed",   "initial_seed",  "seed",
                                         "get_rng_state", "set_rng_state", "default_generator",
                                         "Generator"};
    PyObject *random = submodule(torch, "random");

    if (!random || PyModule_AddFunctions(random, random_methods) < 0 ||
        module_add_type(random, &fork_spec, NULL, &fork_type) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(shared) / sizeof(*shared); i++) {
        PyObject *value = PyObject_GetAttrString(torch, shared[i]);
        int status = value ? PyModule_AddObjectRef(random, shared[i], value) : -1;

        Py_XDECREF(value);
        if (status < 0)
            return -1;
    }
    return 0;
}
