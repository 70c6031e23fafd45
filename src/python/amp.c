/*
 * torch.amp: mixed precision as a machine without CUDA has it. autocast() for CUDA and GradScaler
 * warn and do nothing; what PyTorch can do on the CPU, products in bfloat16, is refused.
 */
#include "python/bind.h"
#include "python/module.h"
#include "python/types.h"

#include <stddef.h>
#include <structmember.h>

#define KEYWORDS(f) (PyCFunction)(void (*)(void))(f), METH_VARARGS | METH_KEYWORDS

/* ---- autocast ---- */

typedef struct {
    PyObject_HEAD PyObject *device, *dtype;
    char enabled;
} AutocastObject;

static PyTypeObject *autocast_type;
static PyObject *torch_module; /* borrowed: it lives as long as the process */

/* 0, or -1 with the exception that a warning has become. Nothing but a wish for bfloat16 on the CPU
 * is left switched on. */
static int settle(AutocastObject *self, bool enabled)
{
    bool cuda = PyUnicode_CompareWithASCIIString(self->device, "cuda") == 0;
    PyObject *bfloat16 = PyObject_GetAttrString(torch_module, "bfloat16");
    bool is_bfloat16 = bfloat16 == self->dtype;

    Py_XDECREF(bfloat16);
    if (!cuda && PyUnicode_CompareWithASCIIString(self->device, "cpu") != 0) {
        PyErr_SetString(PyExc_RuntimeError,
                        "User specified autocast device_type must be 'cuda' or 'cpu'");
        return -1;
    }
    if (cuda)
        return enabled ? PyErr_WarnEx(PyExc_UserWarning,
                                      "User provided device_type of 'cuda', but CUDA is not "
                                      "available. Disabling",
                                      1)
                       : 0;
    if (!is_bfloat16)
        return PyErr_WarnEx(PyExc_UserWarning,
                            "In CPU autocast, but the target dtype is not supported. Disabling "
                            "autocast.\nCPU Autocast only supports dtype of torch.bfloat16 "
                            "currently.",
                            1);
    self->enabled = enabled;
    return 0;
}

/* Arguments in the order device_type, dtype, enabled, cache_enabled; those not given are NULL. */
static PyObject *autocast_make(PyTypeObject *type, PyObject *device, const char *default_dtype,
                               PyObject *const *v)
{
    AutocastObject *self = (AutocastObject *)type->tp_alloc(type, 0);
    int enabled = v[1] ? PyObject_IsTrue(v[1]) : 1;

    if (!self)
        return NULL;
    self->device = PyUnicode_Check(device) ? Py_NewRef(device) : PyObject_Str(device);
    self->dtype = v[0] && v[0] != Py_None ? Py_NewRef(v[0])
                                          : PyObject_GetAttrString(torch_module, default_dtype);
    if (enabled < 0 || !self->device || !self->dtype || settle(self, enabled) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *autocast_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"device_type", "dtype", "enabled", "cache_enabled"};
    static const struct binding binding = {"autocast.__init__", names, 4, 4, 1, 1};
    PyObject *v[4] = {NULL, NULL, NULL, NULL};
    bool cuda;

    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    cuda = PyUnicode_Check(v[0]) && PyUnicode_CompareWithASCIIString(v[0], "cuda") == 0;
    return autocast_make(type, v[0], cuda ? "float16" : "bfloat16", &v[1]);
}

/* torch.cuda.amp.autocast and torch.cpu.amp.autocast: self is the name of the device. */
static PyObject *autocast_on(PyObject *device, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"enabled", "dtype", "cache_enabled"};
    static const struct binding binding = {"autocast.__init__", names, 3, 3, 0, 1};
    PyObject *v[3] = {NULL, NULL, NULL}, *turned[2];
    bool cuda = PyUnicode_CompareWithASCIIString(device, "cuda") == 0;

    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    turned[0] = v[1];
    turned[1] = v[0];
    return autocast_make(autocast_type, device, cuda ? "float16" : "bfloat16", turned);
}

static PyObject *autocast_enter(PyObject *self, PyObject *Py_UNUSED(unused))
{
    if (!((AutocastObject *)self)->enabled)
        Py_RETURN_NONE;
    PyErr_SetString(PyExc_NotImplementedError,
                    "autocast('cpu') is not in Saddle: operations run in the dtype that their "
                    "tensors have. Use enabled=False, or convert what is to be computed in "
                    "bfloat16 by .to(torch.bfloat16).");
    return NULL;
}

static PyObject *leave(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args))
{
    Py_RETURN_FALSE;
}

/* As a decorator of a function. */
static PyObject *autocast_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"func"};
    static const struct binding binding = {"autocast.__call__", names, 1, 1, 1, 1};
    PyObject *function, *entered;

    if (binding_read(&binding, args, kwargs, &function) < 0)
        return NULL;
    entered = autocast_enter(self, NULL);
    Py_XDECREF(entered);
    return entered ? Py_NewRef(function) : NULL;
}

static void autocast_dealloc(PyObject *object)
{
    AutocastObject *self = (AutocastObject *)object;
    PyTypeObject *type = Py_TYPE(object);

    Py_XDECREF(self->device);
    Py_XDECREF(self->dtype);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Spec autocast_spec = {
    .name = "torch.amp.autocast_mode.autocast",
    .basicsize = sizeof(AutocastObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_new, autocast_new},
        {Py_tp_call, autocast_call},
        {Py_tp_dealloc, autocast_dealloc},
        {Py_tp_members,
         (PyMemberDef[]){{"device", T_OBJECT, offsetof(AutocastObject, device), READONLY, NULL},
                         {"fast_dtype", T_OBJECT, offsetof(AutocastObject, dtype), READONLY, NULL},
                         {"_enabled", T_BOOL, offsetof(AutocastObject, enabled), READONLY, NULL},
                         {NULL, 0, 0, 0, NULL}}},
        {Py_tp_methods, (PyMethodDef[]){{"__enter__", autocast_enter, METH_NOARGS, NULL},
                                        {"__exit__", leave, METH_VARARGS, NULL},
                                        {NULL, NULL, 0, NULL}}},
        {0, NULL}}};

/* ---- GradScaler, which never scales ---- */

static int scaler_init(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"init_scale", "growth_factor", "backoff_factor",
                                        "growth_interval", "enabled"};
    static const struct binding binding = {"GradScaler.__init__", names, 5, 5, 0, 1};
    PyObject *v[5] = {NULL, NULL, NULL, NULL, Py_True};
    int enabled;

    if (binding_read(&binding, args, kwargs, v) < 0)
        return -1;
    enabled = PyObject_IsTrue(v[4]);
    return enabled > 0 ? PyErr_WarnEx(PyExc_UserWarning,
                                      "torch.cuda.amp.GradScaler is enabled, but CUDA is not "
                                      "available.  Disabling.",
                                      1)
                       : enabled;
}

static PyObject *scaler_scale(PyObject *Py_UNUSED(self), PyObject *outputs)
{
    return Py_NewRef(outputs);
}

/* step(optimizer, *args, **kwargs): the optimizer's own. */
static PyObject *scaler_step(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    PyObject *step, *rest, *result = NULL;

    if (PyTuple_GET_SIZE(args) < 1) {
        PyErr_SetString(PyExc_TypeError, "GradScaler.step() missing 1 required positional "
                                         "argument: 'optimizer'");
        return NULL;
    }
    step = PyObject_GetAttrString(PyTuple_GET_ITEM(args, 0), "step");
    rest = step ? PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args)) : NULL;
    if (rest)
        result = PyObject_Call(step, rest, kwargs);
    Py_XDECREF(step);
    Py_XDECREF(rest);
    return result;
}

static PyObject *scaler_nothing(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args),
                                PyObject *Py_UNUSED(kwargs))
{
    Py_RETURN_NONE;
}

static PyObject *scaler_get_scale(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    return PyFloat_FromDouble(1);
}

static PyObject *scaler_state(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    return PyDict_New();
}

static PyObject *no(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    Py_RETURN_FALSE;
}

static PyType_Spec scaler_spec = {
    .name = "torch.cuda.amp.grad_scaler.GradScaler",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_init, scaler_init},
        {Py_tp_methods,
         (PyMethodDef[]){
             {"scale", scaler_scale, METH_O, "scale(outputs): the outputs."},
             {"unscale_", KEYWORDS(scaler_nothing), "unscale_(optimizer)"},
             {"step", KEYWORDS(scaler_step), "step(optimizer): optimizer.step()."},
             {"update", KEYWORDS(scaler_nothing), "update(new_scale=None)"},
             {"get_scale", scaler_get_scale, METH_NOARGS, "1.0"},
             {"is_enabled", no, METH_NOARGS, "False"},
             {"state_dict", scaler_state, METH_NOARGS, "{}"},
             {"load_state_dict", KEYWORDS(scaler_nothing), "load_state_dict(state_dict)"},
             {NULL, NULL, 0, NULL}}},
        {0, NULL}}};

/* ---- the modules ---- */

static PyObject *yes(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    Py_RETURN_TRUE;
}

static PyMethodDef torch_functions[] = {
    {"is_autocast_enabled", no, METH_NOARGS, "False: there is no CUDA."},
    {"is_autocast_cpu_enabled", no, METH_NOARGS, "False."},
    {"is_autocast_cache_enabled", yes, METH_NOARGS, "True, which PyTorch begins with."},
    {"clear_autocast_cache", KEYWORDS(scaler_nothing), "There is none."},
    {NULL, NULL, 0, NULL}};

/* torch.<device>.amp.autocast, a function that remembers the device. */
static int add_for_device(PyObject *torch, const char *device)
{
    static PyMethodDef function = {
        "autocast", KEYWORDS(autocast_on),
        "autocast(enabled=True, dtype=..., cache_enabled=True): torch.autocast of this device."};
    PyObject *name = PyUnicode_FromString(device), *made = NULL;
    PyObject *home = NULL;
    char path[32];

    snprintf(path, sizeof(path), "%s.amp", device);
    home = submodule(torch, path);
    if (home && name)
        made = PyCFunction_New(&function, name);
    Py_XDECREF(name);
    return made ? PyModule_AddObject(home, "autocast", made) : -1;
}

int amp_init(PyObject *torch)
{
    PyObject *mode = submodule(torch, "amp.autocast_mode"), *amp = submodule(torch, "amp");
    PyObject *home = submodule(torch, "cuda.amp.grad_scaler"), *cuda = submodule(torch, "cuda.amp");
    PyTypeObject *scaler;

    torch_module = torch;
    if (!mode || !amp || !home || !cuda ||
        module_add_type(mode, &autocast_spec, NULL, &autocast_type) < 0 ||
        PyModule_AddObjectRef(amp, "autocast", (PyObject *)autocast_type) < 0 ||
        PyModule_AddObjectRef(torch, "autocast", (PyObject *)autocast_type) < 0 ||
        module_add_type(home, &scaler_spec, NULL, &scaler) < 0 ||
        PyModule_AddObjectRef(cuda, "GradScaler", (PyObject *)scaler) < 0 ||
        PyModule_AddFunctions(torch, torch_functions) < 0)
        return -1;
    return add_for_device(torch, "cuda") < 0 ? -1 : add_for_device(torch, "cpu");
}
