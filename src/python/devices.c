/* What programs ask of devices and libraries: torch.cuda, torch.backends, torch.version and the
 * switches between fast and reproducible. Programs written for both kinds of machine run here as
 * they do on a PyTorch without CUDA. */
#include "python/method.h"
#include "python/module.h"
#include "python/types.h"

#include <string.h>

/* ---- torch.cuda without CUDA: what is harmless does nothing, what needs a device says so ---- */

static PyObject *gives_false(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args),
                             PyObject *Py_UNUSED(kwargs))
{
    Py_RETURN_FALSE;
}

static PyObject *gives_zero(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args),
                            PyObject *Py_UNUSED(kwargs))
{
    return PyLong_FromLong(0);
}

static PyObject *gives_none(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args),
                            PyObject *Py_UNUSED(kwargs))
{
    Py_RETURN_NONE;
}

static PyObject *gives_refusal(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args),
                               PyObject *Py_UNUSED(kwargs))
{
    return device_refuse_cuda();
}

#define ANSWER(name, how)                                                                          \
    {                                                                                              \
        name, WITH_KEYWORDS(how), NULL                                                             \
    }

static PyMethodDef cuda_methods[] = {ANSWER("is_available", gives_false),
                                     ANSWER("is_initialized", gives_false),
                                     ANSWER("device_count", gives_zero),
                                     ANSWER("memory_allocated", gives_zero),
                                     ANSWER("max_memory_allocated", gives_zero),
                                     ANSWER("memory_reserved", gives_zero),
                                     ANSWER("max_memory_reserved", gives_zero),
                                     ANSWER("empty_cache", gives_none),
                                     ANSWER("manual_seed", gives_none),
                                     ANSWER("manual_seed_all", gives_none),
                                     ANSWER("seed", gives_none),
                                     ANSWER("seed_all", gives_none),
                                     ANSWER("init", gives_refusal),
                                     ANSWER("synchronize", gives_refusal),
                                     ANSWER("current_device", gives_refusal),
                                     ANSWER("set_device", gives_refusal),
                                     ANSWER("device", gives_refusal),
                                     ANSWER("get_device_name", gives_refusal),
                                     ANSWER("get_device_capability", gives_refusal),
                                     ANSWER("get_device_properties", gives_refusal),
                                     ANSWER("initial_seed", gives_refusal),
                                     ANSWER("get_rng_state", gives_refusal),
                                     {NULL, NULL, 0, NULL}};

/* ---- torch.backends and torch.version ---- */

static PyObject *has_openmp(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args),
                            PyObject *Py_UNUSED(kwargs))
{
#ifdef _OPENMP
    Py_RETURN_TRUE;
#else
    Py_RETURN_FALSE;
#endif
}

/* Modules whose attributes programs set and read. The values are those of a PyTorch built without
 * the library. */
static const struct {
    const char *module, *attribute;
    const char *value; /* "True", "False", "None", or text */
} attributes[] = {{"backends.cudnn", "enabled", "True"},
                  {"backends.cudnn", "benchmark", "False"},
                  {"backends.cudnn", "deterministic", "False"},
                  {"backends.cudnn", "allow_tf32", "True"},
                  {"backends.cuda.matmul", "allow_tf32", "False"},
                  {"version", "__version__", "1.13.1"},
                  {"version", "cuda", "None"},
                  {"version", "hip", "None"},
                  {"version", "debug", "False"}};

static PyMethodDef absent_methods[] = {ANSWER("is_available", gives_false), {NULL, NULL, 0, NULL}};
static PyMethodDef unbuilt_methods[] = {ANSWER("is_built", gives_false), {NULL, NULL, 0, NULL}};
static PyMethodDef cudnn_methods[] = {ANSWER("version", gives_none), {NULL, NULL, 0, NULL}};
static PyMethodDef openmp_methods[] = {ANSWER("is_available", has_openmp), {NULL, NULL, 0, NULL}};

static const struct {
    const char *module;
    PyMethodDef *methods;
} functions[] = {
    {"cuda", cuda_methods},
    {"backends.cudnn", absent_methods},
    {"backends.cudnn", cudnn_methods},
    {"backends.cuda", unbuilt_methods},
    {"backends.mps", absent_methods},
    {"backends.mps", unbuilt_methods},
    {"backends.mkl", absent_methods},
    {"backends.mkldnn", absent_methods},
    {"backends.openmp", openmp_methods},
};

static PyObject *constant(const char *value)
{
    if (strcmp(value, "None") == 0)
        return Py_NewRef(Py_None);
    if (strcmp(value, "True") == 0 || strcmp(value, "False") == 0)
        return PyBool_FromLong(*value == 'T');
    return PyUnicode_FromString(value);
}

static int add_constants(PyObject *torch)
{
    for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
        PyObject *module = submodule(torch, attributes[i].module);

        if (!module ||
            PyModule_AddObject(module, attributes[i].attribute, constant(attributes[i].value)) < 0)
            return -1;
    }
    return 0;
}

/* ---- fast or reproducible: every kernel here is reproducible, so these only remember ---- */

static bool deterministic, warn_only;
static const char *matmul_precision = "highest";

static PyObject *use_deterministic(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mode", "warn_only", NULL};
    int mode, warn = 0;

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "p|$p:use_deterministic_algorithms", names,
                                     &mode, &warn))
        return NULL;
    deterministic = mode;
    warn_only = warn;
    Py_RETURN_NONE;
}

static PyObject *are_deterministic(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    return PyBool_FromLong(deterministic);
}

static PyObject *is_warn_only(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    return PyBool_FromLong(warn_only);
}

static PyObject *set_matmul_precision(PyObject *Py_UNUSED(self), PyObject *name)
{
    static const char *const known[] = {"highest", "high", "medium"};

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, known[i]) == 0) {
            matmul_precision = known[i];
            Py_RETURN_NONE;
        }
    }
    return PyErr_Format(PyExc_RuntimeError,
                        "%S is not one of 'highest', 'high', or 'medium'; the "
                        "current setForFloat32MatmulPrecision call has no "
                        "effect.",
                        name);
}

static PyObject *get_matmul_precision(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    return PyUnicode_FromString(matmul_precision);
}

static PyMethodDef torch_methods[] = {
    {"use_deterministic_algorithms", WITH_KEYWORDS(use_deterministic),
     "use_deterministic_algorithms(mode, *, warn_only=False)\n\nRemembered; all operations here "
     "give the same digits in every run."},
    {"are_deterministic_algorithms_enabled", are_deterministic, METH_NOARGS, NULL},
    {"is_deterministic_algorithms_warn_only_enabled", is_warn_only, METH_NOARGS, NULL},
    {"set_float32_matmul_precision", set_matmul_precision, METH_O,
     "'highest', 'high' or 'medium'. Remembered; products here have full precision always."},
    {"get_float32_matmul_precision", get_matmul_precision, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

int devices_init(PyObject *torch)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        PyObject *module = submodule(torch, functions[i].module);

        if (!module || PyModule_AddFunctions(module, functions[i].methods) < 0)
            return -1;
    }
    if (PyModule_AddFunctions(torch, torch_methods) < 0 ||
        PyModule_AddObject(torch, "has_cuda", Py_NewRef(Py_False)) < 0)
        return -1;
    return add_constants(torch);
}
