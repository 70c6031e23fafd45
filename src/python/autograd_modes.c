/*
 * no_grad, enable_grad, set_grad_enabled, inference_mode: each a context manager and a decorator of
 * functions and of generator functions.
 */
#include "python/autograd.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_type.h"

#include <structmember.h>

/* ---- context managers ---- */

/* What is to be set, and what was there when it was entered. */
struct mode {
    bool on, inference; /* inference: inference mode, else grad mode alone */
};

typedef struct {
    PyObject_HEAD struct mode mode;
    struct grad_mode before;
} ModeObject;

/* Sets a mode and returns what was set before. */
static struct grad_mode mode_set(struct mode mode)
{
    struct grad_mode before = grad_mode();

    if (mode.inference)
        grad_mode_set((struct grad_mode){.enabled = !mode.on, .inference = mode.on});
    else
        grad_set_enabled(mode.on);
    return before;
}

static PyObject *mode_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    ((ModeObject *)self)->before = mode_set(((ModeObject *)self)->mode);
    Py_RETURN_NONE;
}

static PyObject *mode_exit(PyObject *self, PyObject *unused)
{
    (void)unused;
    grad_mode_set(((ModeObject *)self)->before);
    Py_RETURN_FALSE;
}

/* set_grad_enabled acts at once, and can be left again. */
static PyObject *set_enter(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_NONE;
}

static PyObject *mode_new(PyTypeObject *type, struct mode mode)
{
    ModeObject *self = (ModeObject *)type->tp_alloc(type, 0);

    if (self) {
        self->mode = mode;
        self->before = grad_mode();
    }
    return (PyObject *)self;
}

/* The flag `mode`; `required` says whether it must be given, 0 parameters that there is none. */
static int read_flag(const char *function, int parameters, int required, PyObject *args,
                     PyObject *kwargs, bool *flag)
{
    static const char *const names[] = {"mode"};
    struct binding binding = {function, names, parameters, parameters, required, 1};
    PyObject *value = Py_True;
    int truth;

    if (binding_read(&binding, args, kwargs, &value) < 0)
        return -1;
    truth = PyObject_IsTrue(value);
    *flag = truth > 0;
    return truth < 0 ? -1 : 0;
}

static PyObject *no_grad_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    bool flag;

    if (read_flag("no_grad.__init__", 0, 0, args, kwargs, &flag) < 0)
        return NULL;
    return mode_new(type, (struct mode){.on = false});
}

static PyObject *enable_grad_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    bool flag;

    if (read_flag("enable_grad.__init__", 0, 0, args, kwargs, &flag) < 0)
        return NULL;
    return mode_new(type, (struct mode){.on = true});
}

static PyObject *inference_mode_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct mode mode = {.inference = true};

    if (read_flag("inference_mode.__init__", 1, 0, args, kwargs, &mode.on) < 0)
        return NULL;
    return mode_new(type, mode);
}

static PyObject *set_grad_enabled_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct mode mode = {0};
    PyObject *self;

    if (read_flag("set_grad_enabled.__init__", 1, 1, args, kwargs, &mode.on) < 0)
        return NULL;
    self = mode_new(type, mode);
    if (self)
        grad_set_enabled(mode.on);
    return self;
}

/* ---- decorated generators: every step of theirs runs in the mode ---- */

typedef struct {
    PyObject_HEAD PyObject *generator;
    struct mode mode;
} ModeGenerator;

static PyTypeObject *mode_generator_type;

static PyObject *generator_wrap(PyObject *generator, struct mode mode)
{
    ModeGenerator *self = generator ? PyObject_GC_New(ModeGenerator, mode_generator_type) : NULL;

    if (!self) {
        Py_XDECREF(generator);
        return NULL;
    }
    self->generator = generator;
    self->mode = mode;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static PyObject *generator_call(PyObject *object, const char *method, PyObject *args)
{
    ModeGenerator *self = (ModeGenerator *)object;
    PyObject *function = PyObject_GetAttrString(self->generator, method), *result;
    struct grad_mode before;

    if (!function)
        return NULL;
    before = mode_set(self->mode);
    result = PyObject_CallObject(function, args);
    grad_mode_set(before);
    Py_DECREF(function);
    return result;
}

static PyObject *generator_next(PyObject *self)
{
    return generator_call(self, "__next__", NULL);
}

static PyObject *generator_send(PyObject *self, PyObject *args)
{
    return generator_call(self, "send", args);
}

static PyObject *generator_throw(PyObject *self, PyObject *args)
{
    return generator_call(self, "throw", args);
}

static PyObject *generator_close(PyObject *self, PyObject *unused)
{
    (void)unused;
    return generator_call(self, "close", NULL);
}

static int generator_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((ModeGenerator *)object)->generator);
    return 0;
}

static int generator_clear(PyObject *object)
{
    Py_CLEAR(((ModeGenerator *)object)->generator);
    return 0;
}

static void generator_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    generator_clear(object);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

static PyMethodDef generator_methods[] = {{"send", generator_send, METH_VARARGS, NULL},
                                          {"throw", generator_throw, METH_VARARGS, NULL},
                                          {"close", generator_close, METH_NOARGS, NULL},
                                          {NULL, NULL, 0, NULL}};

static PyType_Spec mode_generator_spec = {
    .name = "torch.autograd.grad_mode.generator",
    .basicsize = sizeof(ModeGenerator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = (PyType_Slot[]){{Py_tp_iter, PyObject_SelfIter},
                             {Py_tp_iternext, generator_next},
                             {Py_tp_methods, generator_methods},
                             {Py_tp_traverse, generator_traverse},
                             {Py_tp_clear, generator_clear},
                             {Py_tp_dealloc, generator_dealloc},
                             {0, NULL}}};

/* ---- decorated functions ---- */

typedef struct {
    PyObject_HEAD PyObject *function, *dict;
    struct mode mode;
    bool generates;
} ModeFunction;

static PyTypeObject *mode_function_type;

static bool is_generator_function(PyObject *function)
{
    PyObject *inner = PyMethod_Check(function) ? PyMethod_GET_FUNCTION(function) : function;

    return PyFunction_Check(inner) &&
           ((PyCodeObject *)PyFunction_GET_CODE(inner))->co_flags & CO_GENERATOR;
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
    wrapped->generates = is_generator_function(function);
    PyObject_GC_Track(wrapped);
    return (PyObject *)wrapped;
}

static PyObject *mode_function_call(PyObject *object, PyObject *args, PyObject *kwargs)
{
    ModeFunction *self = (ModeFunction *)object;
    struct grad_mode before = mode_set(self->mode);
    PyObject *result = PyObject_Call(self->function, args, kwargs);

    grad_mode_set(before);
    return self->generates ? generator_wrap(result, self->mode) : result;
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

    if (own == Py_None && PyUnicode_CompareWithASCIIString(name, "__doc__") == 0)
        Py_CLEAR(own); /* the type's, which has none */
    else if (own || !PyErr_ExceptionMatches(PyExc_AttributeError))
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
    .name = "torch.autograd.grad_mode.function",
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

/* ---- questions ---- */

static PyObject *is_grad_enabled(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyBool_FromLong(grad_mode().enabled);
}

static PyObject *is_inference_mode_enabled(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyBool_FromLong(grad_mode().inference);
}

static PyObject *is_inference(PyObject *self, PyObject *object)
{
    (void)self;
    if (!tensor_check(object))
        return PyErr_Format(PyExc_TypeError,
                            "is_inference(): argument 'input' (position 1) must be Tensor, not %s",
                            Py_TYPE(object)->tp_name);
    return PyBool_FromLong(tensor_is_inference(tensor_of(object)));
}

static PyMethodDef questions[] = {
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, NULL},
    {"is_inference_mode_enabled", is_inference_mode_enabled, METH_NOARGS, NULL},
    {"is_inference", is_inference, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

/* ---- the types ---- */

static PyMethodDef mode_methods[] = {{"__enter__", mode_enter, METH_NOARGS, NULL},
                                     {"__exit__", mode_exit, METH_VARARGS, NULL},
                                     {NULL, NULL, 0, NULL}};
static PyMethodDef set_methods[] = {{"__enter__", set_enter, METH_NOARGS, NULL},
                                    {"__exit__", mode_exit, METH_VARARGS, NULL},
                                    {NULL, NULL, 0, NULL}};

static const struct {
    const char *path, *name;
    newfunc make;
    PyMethodDef *methods;
} modes[] = {
    {"torch.autograd.grad_mode.no_grad", "no_grad", no_grad_new, mode_methods},
    {"torch.autograd.grad_mode.enable_grad", "enable_grad", enable_grad_new, mode_methods},
    {"torch.autograd.grad_mode.inference_mode", "inference_mode", inference_mode_new, mode_methods},
    {"torch.autograd.grad_mode.set_grad_enabled", "set_grad_enabled", set_grad_enabled_new,
     set_methods}};

int autograd_modes_init(PyObject *torch)
{
    PyObject *autograd = submodule(torch, "autograd");
    PyObject *module = submodule(torch, "autograd.grad_mode");

    if (!autograd || !module || PyModule_AddFunctions(torch, questions) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        PyType_Slot slots[] = {{Py_tp_new, (void *)modes[i].make},
                               {Py_tp_call, mode_call},
                               {Py_tp_methods, modes[i].methods},
                               {0, NULL}};
        PyType_Spec spec = {.name = modes[i].path,
                            .basicsize = sizeof(ModeObject),
                            .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                            .slots = slots};
        PyTypeObject *type;

        if (module_add_type(module, &spec, NULL, &type) < 0 ||
            PyModule_AddObjectRef(torch, modes[i].name, (PyObject *)type) < 0 ||
            PyModule_AddObjectRef(autograd, modes[i].name, (PyObject *)type) < 0)
            return -1;
    }
    mode_function_type = (PyTypeObject *)PyType_FromSpec(&mode_function_spec);
    mode_generator_type = (PyTypeObject *)PyType_FromSpec(&mode_generator_spec);
    return mode_function_type && mode_generator_type ? 0 : -1;
}
