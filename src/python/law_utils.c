/* torch.distributions.utils: tensors of one shape, probabilities and their logarithms. */
#include "python/law.h"

#include "python/args.h"
#include "python/law_formula.h"
#include "python/module.h"
#include "python/tensor_type.h"
#include "python/types.h"

static PyObject *torch_module; /* borrowed: it lives as long as the process */

/* ---- sizes ---- */

PyObject *law_size(PyObject *sequence)
{
    if (PyObject_TypeCheck(sequence, size_type))
        return Py_NewRef(sequence);
    return PyObject_CallOneArg((PyObject *)size_type, sequence);
}

PyObject *law_size_none(void)
{
    return PyObject_CallNoArgs((PyObject *)size_type);
}

static PyObject *part_of_size(PyObject *size, Py_ssize_t from, Py_ssize_t to)
{
    PyObject *part = PySequence_GetSlice(size, from < 0 ? 0 : from, to < 0 ? 0 : to), *result;

    result = part ? law_size(part) : NULL;
    Py_XDECREF(part);
    return result;
}

PyObject *law_size_without(PyObject *size, Py_ssize_t count)
{
    return part_of_size(size, 0, PyTuple_GET_SIZE(size) - count);
}

PyObject *law_size_last(PyObject *size, Py_ssize_t count)
{
    Py_ssize_t length = PyTuple_GET_SIZE(size);

    return part_of_size(size, length - count, length);
}

/* ---- broadcasting ---- */

/* A number as a tensor of the dtype that the tensors beside it have. */
static PyObject *as_tensor(PyObject *value, PyObject *beside)
{
    enum dtype dtype = beside ? tensor_dtype(tensor_of(beside)) : dtype_default();

    return tensor_check(value) ? Py_NewRef(value) : tensor_wrap(tensor_from_python(value, dtype));
}

PyObject *law_broadcast(PyObject *const *values, Py_ssize_t count)
{
    PyObject *tensors = PyTuple_New(count), *beside = NULL, *function, *result = NULL;

    for (Py_ssize_t i = count; i-- > 0;)
        beside = tensor_check(values[i]) ? values[i] : beside;
    for (Py_ssize_t i = 0; tensors && i < count; i++) {
        PyObject *tensor = NULL;

        if (tensor_check(values[i]) || is_python_number(values[i]))
            tensor = as_tensor(values[i], beside);
        else
            PyErr_SetString(PyExc_ValueError,
                            "Input arguments must all be instances of numbers.Number, "
                            "torch.Tensor or objects implementing __torch_function__.");
        if (tensor)
            PyTuple_SET_ITEM(tensors, i, tensor);
        else
            Py_CLEAR(tensors);
    }
    function = tensors ? PyObject_GetAttrString(torch_module, "broadcast_tensors") : NULL;
    if (function)
        result = PyObject_CallObject(function, tensors);
    Py_XDECREF(tensors);
    Py_XDECREF(function);
    return result;
}

static PyObject *broadcast_all(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    return law_broadcast(args, count);
}

/* ---- functions that are formulas ---- */

static PyObject *of_value(const char *formula, PyObject *value)
{
    PyObject *locals = Py_BuildValue("{sO}", "x", value);
    PyObject *result = locals ? formula_value(formula, NULL, locals) : NULL;

    Py_XDECREF(locals);
    return result;
}

static PyObject *clamp_probs(PyObject *Py_UNUSED(module), PyObject *probs)
{
    return of_value("eps = finfo(x.dtype).eps; x.clamp(min=eps, max=1 - eps)", probs);
}

static PyObject *either(PyObject *args, PyObject *kwargs, char **names, const char *plain,
                        const char *binary)
{
    PyObject *value;
    int is_binary = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|p", names, &value, &is_binary))
        return NULL;
    return of_value(is_binary ? binary : plain, value);
}

static PyObject *logits_to_probs(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"logits", "is_binary", NULL};

    return either(args, kwargs, names, "softmax(x, dim=-1)", "sigmoid(x)");
}

static PyObject *probs_to_logits(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"probs", "is_binary", NULL};

    return either(args, kwargs, names, "log(clamp_probs(x))",
                  "p = clamp_probs(x); log(p) - log1p(-p)");
}

/* The number that all entries are, for the function of that name. */
static PyObject *one_count(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *counts, *most, *least;
    const char *function;
    int same;

    if (!PyArg_ParseTuple(args, "O!s", tensor_type, &counts, &function))
        return NULL;
    most = of_value("x.max().long().item()", counts);
    least = most ? of_value("x.min().long().item()", counts) : NULL;
    same = least ? PyObject_RichCompareBool(most, least, Py_EQ) : -1;
    Py_XDECREF(least);
    if (same == 0)
        PyErr_Format(PyExc_NotImplementedError, "Inhomogeneous total count not supported by `%s`.",
                     function);
    if (same <= 0)
        Py_CLEAR(most);
    return most;
}

/* Shares of these concentrations, which have no gradient here. */
static PyObject *dirichlet_sample(PyObject *Py_UNUSED(module), PyObject *concentration)
{
    if (grad_enabled() && tensor_check(concentration) && tensor_of(concentration)->requires_grad) {
        PyErr_SetString(PyExc_NotImplementedError,
                        "Saddle has no gradient through samples of Dirichlet and Beta: use "
                        "sample() and log_prob(), or detach the concentration.");
        return NULL;
    }
    return of_value("_sample_dirichlet(x.contiguous())", concentration);
}

/* |L^-1 x|^2, where x has batches before those of L. */
static PyObject *mahalanobis(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *factor, *x, *locals, *result;
    const char *formula;

    if (!PyArg_ParseTuple(args, "O!O!", tensor_type, &factor, tensor_type, &x))
        return NULL;
    formula = tensor_of(factor)->ndim > 2
                  ? "torch.linalg.solve_triangular(f, x.unsqueeze(-1), upper=False).pow(2)"
                    ".sum([-2, -1])"
                  : "n = x.size(-1);"
                    "torch.linalg.solve_triangular(f.reshape(-1, n, n),"
                    "    x.reshape(-1, 1, n).permute(1, 2, 0), upper=False).pow(2).sum(-2).t()"
                    ".reshape(x.shape.__getitem__(slice(-1)))";
    locals = Py_BuildValue("{sOsO}", "f", factor, "x", x);
    result = locals ? formula_value(formula, NULL, locals) : NULL;
    Py_XDECREF(locals);
    return result;
}

static PyObject *sum_rightmost(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *value, *flat, *result;
    int count;

    if (!PyArg_ParseTuple(args, "O!i", tensor_type, &value, &count))
        return NULL;
    if (count == 0)
        return Py_NewRef(value);
    flat = PyObject_CallMethod(value, "flatten", "i", -count);
    result = flat ? PyObject_CallMethod(flat, "sum", "i", -1) : NULL;
    Py_XDECREF(flat);
    return result;
}

#define KEYWORDS(f) (PyCFunction)(void (*)(void))(f), METH_VARARGS | METH_KEYWORDS

int law_utils_init(PyObject *torch)
{
    static PyMethodDef functions[] = {
        {"broadcast_all", (PyCFunction)(void (*)(void))broadcast_all, METH_FASTCALL,
         "broadcast_all(*values): tensors of one shape; numbers become tensors."},
        {"clamp_probs", clamp_probs, METH_O, "clamp_probs(probs): away from 0 and 1 by eps."},
        {"logits_to_probs", KEYWORDS(logits_to_probs),
         "logits_to_probs(logits, is_binary=False): softmax, or sigmoid."},
        {"probs_to_logits", KEYWORDS(probs_to_logits),
         "probs_to_logits(probs, is_binary=False): log(p), or log(p / (1 - p))."},
        {"_dirichlet_sample", dirichlet_sample, METH_O, "Shares of these concentrations."},
        {"_one_count", one_count, METH_VARARGS, "_one_count(counts, function): their one value."},
        {"_mahalanobis", mahalanobis, METH_VARARGS, "_mahalanobis(L, x): |L^-1 x|^2."},
        {"_sum_rightmost", sum_rightmost, METH_VARARGS, "Sums the last dimensions."},
        {NULL, NULL, 0, NULL}};
    PyObject *module = submodule(torch, "distributions.utils");

    torch_module = torch;
    return module ? PyModule_AddFunctions(module, functions) : -1;
}
