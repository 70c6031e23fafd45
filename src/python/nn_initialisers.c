/*
 * torch.nn.init.
 */
#include "python/nn_layers.h"

#include "nn/init.h"
#include "python/errors.h"
#include "python/module.h"

#include <math.h>

/* How a row's numbers go to the engine; the tensor is values[0]. */
typedef int fill_function(struct tensor *t, const struct value *values);

static int fill_uniform(struct tensor *t, const struct value *v)
{
    return nn_uniform(t, v[1].d, v[2].d);
}

static int fill_normal(struct tensor *t, const struct value *v)
{
    return nn_normal(t, v[1].d, v[2].d);
}

static int fill_trunc_normal(struct tensor *t, const struct value *v)
{
    double mean = v[1].d, std = v[2].d;

    if ((mean < v[3].d - 2 * std || mean > v[4].d + 2 * std) &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The "
                     "distribution of values may be incorrect.",
                     2) < 0)
        return python_error_pending();
    return nn_trunc_normal(t, mean, std, v[3].d, v[4].d);
}

static int fill_constant(struct tensor *t, const struct value *v)
{
    return nn_constant(t, v[1].d);
}

static int fill_ones(struct tensor *t, const struct value *v)
{
    (void)v;
    return nn_constant(t, 1);
}

static int fill_zeros(struct tensor *t, const struct value *v)
{
    (void)v;
    return nn_constant(t, 0);
}

static int fill_eye(struct tensor *t, const struct value *v)
{
    (void)v;
    return nn_eye(t);
}

static int fill_dirac(struct tensor *t, const struct value *v)
{
    return nn_dirac(t, v[1].i);
}

static int fill_sparse(struct tensor *t, const struct value *v)
{
    return nn_sparse(t, v[1].d, v[2].d);
}

static int fill_orthogonal(struct tensor *t, const struct value *v)
{
    return nn_orthogonal(t, v[1].d);
}

static int fill_xavier_uniform(struct tensor *t, const struct value *v)
{
    return nn_xavier_uniform(t, v[1].d);
}

static int fill_xavier_normal(struct tensor *t, const struct value *v)
{
    return nn_xavier_normal(t, v[1].d);
}

/* PyTorch warns of tensors that hold nothing. */
static int warn_if_empty(const struct tensor *t)
{
    if (t->numel == 0 &&
        PyErr_WarnEx(PyExc_UserWarning, "Initializing zero-element tensors is a no-op", 2) < 0)
        return python_error_pending();
    return 0;
}

static int fill_kaiming_uniform(struct tensor *t, const struct value *v)
{
    return warn_if_empty(t) < 0 ? -1 : nn_kaiming_uniform(t, v[1].d, v[2].text, v[3].text);
}

static int fill_kaiming_normal(struct tensor *t, const struct value *v)
{
    return warn_if_empty(t) < 0 ? -1 : nn_kaiming_normal(t, v[1].d, v[2].text, v[3].text);
}

#define FUNCTIONS(X)                                                                               \
    X(uniform, "(Tensor tensor, float a=0.0, float b=1.0)", "Evenly from [a, b).")                 \
    X(normal, "(Tensor tensor, float mean=0.0, float std=1.0)", "From a normal distribution.")     \
    X(trunc_normal, "(Tensor tensor, float mean=0.0, float std=1.0, float a=-2.0, float b=2.0)",   \
      "From a normal distribution, drawn again outside [a, b].")                                   \
    X(constant, "(Tensor tensor, float val)", "The same number everywhere.")                       \
    X(ones, "(Tensor tensor)", "Ones.")                                                            \
    X(zeros, "(Tensor tensor)", "Zeros.")                                                          \
    X(eye, "(Tensor tensor)", "The identity matrix.")                                              \
    X(dirac, "(Tensor tensor, int groups=1)", "Kernels that pass their channels on.")              \
    X(sparse, "(Tensor tensor, float sparsity, float std=0.01)",                                   \
      "Normal, with that share of zeros in every column.")                                         \
    X(orthogonal, "(Tensor tensor, float gain=1)", "A random orthogonal matrix.")                  \
    X(xavier_uniform, "(Tensor tensor, float gain=1.0)",                                           \
      "Evenly, with the variance 2 / (fan_in + fan_out): for tanh and sigmoid.")                   \
    X(xavier_normal, "(Tensor tensor, float gain=1.0)",                                            \
      "Normal, with the variance 2 / (fan_in + fan_out).")                                         \
    X(kaiming_uniform,                                                                             \
      "(Tensor tensor, float a=0, str mode='fan_in', str nonlinearity='leaky_relu')",              \
      "Evenly, with the variance gain^2 / fan: for ReLU.")                                         \
    X(kaiming_normal,                                                                              \
      "(Tensor tensor, float a=0, str mode='fan_in', str nonlinearity='leaky_relu')",              \
      "Normal, with the variance gain^2 / fan.")

static PyObject *fill(const char *name, struct schema *schema, const char *text,
                      fill_function *function, const struct python_call *call)
{
    const struct schema *schemas[] = {schema};
    struct parsed_args args;
    PyObject *result;
    int fits;

    if (schema->count == 0)
        schema_parse(schema, text);
    fits = args_parse(schema, call, false, NULL, &args);
    if (fits <= 0)
        return fits < 0 ? NULL : args_mismatch(name, schemas, 1, call, 0);
    if (function(args.values[0].tensor, args.values) < 0)
        result = python_error();
    else
        result = tensor_object(args.values[0].tensor);
    args_release(&args);
    return result;
}

#define X(name, schema_text, help)                                                                 \
    static PyObject *py_##name(PyObject *module, PyObject *const *args, Py_ssize_t count,          \
                               PyObject *names)                                                    \
    {                                                                                              \
        static struct schema schema;                                                               \
                                                                                                   \
        (void)module;                                                                              \
        return fill(#name "_", &schema, schema_text, fill_##name,                                  \
                    &(struct python_call){args, count, names});                                    \
    }
FUNCTIONS(X)
#undef X

/* ---- old names ---- */

#define OLD_NAMES(X)                                                                               \
    X(uniform)                                                                                     \
    X(normal)                                                                                      \
    X(constant)                                                                                    \
    X(eye)                                                                                         \
    X(dirac)                                                                                       \
    X(xavier_uniform)                                                                              \
    X(xavier_normal)                                                                               \
    X(kaiming_uniform)                                                                             \
    X(kaiming_normal)                                                                              \
    X(orthogonal)                                                                                  \
    X(sparse)

#define X(name)                                                                                    \
    static PyObject *old_##name(PyObject *module, PyObject *const *args, Py_ssize_t count,         \
                                PyObject *names)                                                   \
    {                                                                                              \
        return PyErr_WarnEx(PyExc_UserWarning,                                                     \
                            "nn.init." #name " is now deprecated in favor of nn.init." #name "_.", \
                            1) < 0                                                                 \
                   ? NULL                                                                          \
                   : py_##name(module, args, count, names);                                        \
    }
OLD_NAMES(X)
#undef X

/* ---- gains ---- */

static PyObject *calculate_gain(PyObject *Py_UNUSED(module), PyObject *args, PyObject *keywords)
{
    static char *names[] = {"nonlinearity", "param", NULL};
    const char *nonlinearity;
    PyObject *param = Py_None;
    double slope = 0.01, gain;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "s|O:calculate_gain", names, &nonlinearity,
                                     &param))
        return NULL;
    if (param != Py_None && (PyBool_Check(param) || !is_python_number(param)))
        return PyErr_Format(PyExc_ValueError, "negative_slope %S not a valid number", param);
    if (param != Py_None)
        slope = PyFloat_AsDouble(param);
    if (nn_gain(nonlinearity, slope, &gain) < 0)
        return python_error();
    return gain == 1 ? PyLong_FromLong(1) : PyFloat_FromDouble(gain);
}

static PyObject *calculate_fans(PyObject *Py_UNUSED(module), PyObject *tensor)
{
    int64_t fan_in, fan_out;

    if (!tensor_check(tensor))
        return PyErr_Format(PyExc_TypeError, "expected a Tensor, not %s",
                            _PyType_Name(Py_TYPE(tensor)));
    if (nn_fans(tensor_of(tensor), &fan_in, &fan_out) < 0)
        return python_error();
    return Py_BuildValue("LL", (long long)fan_in, (long long)fan_out);
}

int initialisers_init(PyObject *torch)
{
    static PyMethodDef functions[] = {
#define X(name, schema, help) {#name "_", WITH_FASTCALL(py_##name), help},
        FUNCTIONS(X)
#undef X
#define X(name) {#name, WITH_FASTCALL(old_##name), "The old name of " #name "_()."},
            OLD_NAMES(X)
#undef X
                {"calculate_gain", WITH_KEYWORDS(calculate_gain),
                 "The factor that a nonlinearity asks of the initial spread."},
        {"_calculate_fan_in_and_fan_out", calculate_fans, METH_O, NULL},
        {NULL, NULL, 0, NULL},
    };
    PyObject *home = submodule(torch, "nn.init");

    return home ? PyModule_AddFunctions(home, functions) : -1;
}
