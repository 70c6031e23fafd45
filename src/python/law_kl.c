/* kl_divergence(): a formula for each pair of distributions, or a function of the program's. */
#include "python/law.h"

#include "python/bind.h"
#include "python/law_formula.h"
#include "python/module.h"

#include <string.h>

static PyObject *registry; /* {(type_p, type_q): a function, or the number of a row} */

#define INFINITE(p, q, parameter)                                                                  \
    {                                                                                              \
        p, q, "full_like(p." parameter ", inf)"                                                    \
    }

/* How far p is from q. */
static const struct {
    const char *p, *q, *formula;
} rows[] = {
    {"Normal", "Normal",
     "ratio = (p.scale / q.scale).pow(2); apart = ((p.loc - q.loc) / q.scale).pow(2);"
     "0.5 * (ratio + apart - 1 - ratio.log())"},
    {"LogNormal", "LogNormal", "kl_divergence(p.base_dist, q.base_dist)"},
    {"HalfNormal", "HalfNormal", "kl_divergence(p.base_dist, q.base_dist)"},
    {"Bernoulli", "Bernoulli",
     "ones = p.probs * (softplus(-q.logits) - softplus(-p.logits));"
     "zeros = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits));"
     "ones.masked_fill(q.probs == 0, inf).masked_fill(p.probs == 0, 0) +"
     "zeros.masked_fill(q.probs == 1, inf).masked_fill(p.probs == 1, 0)"},
    {"Categorical", "Categorical",
     "t = p.probs * (p.logits - q.logits);"
     "t.masked_fill((q.probs == 0).expand_as(t), inf)"
     " .masked_fill((p.probs == 0).expand_as(t), 0).sum(-1)"},
    {"OneHotCategorical", "OneHotCategorical", "kl_divergence(p._categorical, q._categorical)"},
    {"Binomial", "Binomial",
     "t = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() -"
     "                     (-q.probs).log1p());"
     "t.masked_fill(p.total_count > q.total_count, inf)"},
    {"Geometric", "Geometric", "-p.entropy() - log1p(-q.probs) / p.probs - q.logits"},
    {"Poisson", "Poisson", "p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)"},
    {"Exponential", "Exponential", "ratio = q.rate / p.rate; -ratio.log() + ratio - 1"},
    {"Laplace", "Laplace",
     "ratio = p.scale / q.scale; apart = (p.loc - q.loc).abs();"
     "-ratio.log() + apart / q.scale + ratio * exp(-apart / p.scale) - 1"},
    {"Cauchy", "Cauchy",
     "((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()"},
    {"Gumbel", "Gumbel",
     "ratio = p.scale / q.scale; to = q.loc / q.scale; of = p.loc / q.scale;"
     "-ratio.log() - to + of + ratio * euler + exp(to + (1 + ratio).lgamma() - of) - (1 + euler)"},
    {"Uniform", "Uniform",
     "((q.high - q.low) / (p.high - p.low)).log()"
     ".masked_fill((q.low > p.low) | (q.high < p.high), inf)"},
    {"Gamma", "Gamma",
     "q.concentration * (p.rate / q.rate).log() +"
     "(lgamma(q.concentration) - lgamma(p.concentration)) +"
     "(p.concentration - q.concentration) * digamma(p.concentration) +"
     "(q.rate - p.rate) * (p.concentration / p.rate)"},
    {"Beta", "Beta",
     "a = p.concentration1; b = p.concentration0; c = q.concentration1; d = q.concentration0;"
     "ab = a + b; cd = c + d;"
     "c.lgamma() + d.lgamma() + ab.lgamma() - (a.lgamma() + b.lgamma() + cd.lgamma()) +"
     "(a - c) * digamma(a) + (b - d) * digamma(b) + (cd - ab) * digamma(ab)"},
    {"Dirichlet", "Dirichlet",
     "a = p.concentration; b = q.concentration; all = a.sum(-1);"
     "all.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1) +"
     "((a - b) * (a.digamma() - all.digamma().unsqueeze(-1))).sum(-1)"},
    {"MultivariateNormal", "MultivariateNormal",
     "a = p._unbroadcasted_scale_tril; b = q._unbroadcasted_scale_tril;"
     "n = p.event_shape.__getitem__(0);"
     "batch = broadcast_shapes(a.sum([-2, -1]).shape, b.sum([-2, -1]).shape);"
     "size = batch + Size([n, n]);"
     "solved = torch.linalg.solve_triangular(b.expand(size), a.expand(size), upper=False);"
     "b.diagonal(dim1=-2, dim2=-1).log().sum(-1) - a.diagonal(dim1=-2, dim2=-1).log().sum(-1) +"
     "0.5 * (solved.flatten(-2).pow(2).sum(-1) + _mahalanobis(b, q.loc - p.loc) - n)"},
    {"Bernoulli", "Poisson", "-p.entropy() - (p.probs * q.rate.log() - q.rate)"},
    {"Exponential", "Gamma",
     "ratio = q.rate / p.rate;"
     "-q.concentration * log(ratio) + ratio + q.concentration.lgamma() +"
     "q.concentration * euler - (1 + euler)"},
    {"Exponential", "Normal",
     "variance = q.scale.pow(2); square = p.rate.pow(2);"
     "0.5 * log(square * variance * 2 * pi) - 1 +"
     "(square.reciprocal() - q.loc / p.rate + q.loc.pow(2) * 0.5) / variance"},
    {"Gamma", "Exponential", "-p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate"},
    {"Laplace", "Normal",
     "variance = q.scale.pow(2); ratio = p.scale.pow(2) / variance;"
     "-(0.5 * log(2 * ratio / pi)) + ratio +"
     "(0.5 * p.loc.pow(2) - p.loc * q.loc + 0.5 * q.loc.pow(2)) / variance - 1"},
    {"Normal", "Laplace",
     "apart = p.loc - q.loc; far = apart / p.scale;"
     "-log(p.scale / q.scale) + (sqrt(2 / pi) * p.scale * exp(-0.5 * far.pow(2)) +"
     "    apart * erf(sqrt(0.5) * far)) / q.scale - (0.5 * (1 + log(0.5 * pi)))"},
    {"Uniform", "Exponential",
     "(q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log())"
     ".masked_fill(p.low < q.support.lower_bound, inf)"},
    {"Uniform", "Normal",
     "wide = p.high - p.low;"
     "(sqrt(pi * 2) * q.scale / wide).log() +"
     "0.5 * (wide.pow(2) / 12 + ((p.high + p.low - 2 * q.loc) / 2).pow(2)) / q.scale.pow(2)"},
    {"Independent", "Independent",
     "_sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)"},
    INFINITE("Exponential", "Beta", "rate"),
    INFINITE("Exponential", "Uniform", "rate"),
    INFINITE("Gamma", "Beta", "concentration"),
    INFINITE("Gamma", "Uniform", "concentration"),
    INFINITE("Laplace", "Beta", "loc"),
    INFINITE("Laplace", "Exponential", "loc"),
    INFINITE("Laplace", "Gamma", "loc"),
    INFINITE("Laplace", "Uniform", "loc"),
    INFINITE("Normal", "Beta", "loc"),
    INFINITE("Normal", "Exponential", "loc"),
    INFINITE("Normal", "Gamma", "loc"),
    INFINITE("Normal", "Uniform", "loc"),
    INFINITE("Poisson", "Bernoulli", "rate"),
    INFINITE("Poisson", "Binomial", "rate"),
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

/* The entry for the nearest bases of both types: a new reference, or NULL without an exception when
 * there is none. */
static PyObject *entry_for(PyTypeObject *type_p, PyTypeObject *type_q)
{
    PyObject *found = NULL;

    for (Py_ssize_t i = 0; !found && i < PyTuple_GET_SIZE(type_p->tp_mro); i++)
        for (Py_ssize_t j = 0; !found && j < PyTuple_GET_SIZE(type_q->tp_mro); j++) {
            PyObject *pair = PyTuple_Pack(2, PyTuple_GET_ITEM(type_p->tp_mro, i),
                                          PyTuple_GET_ITEM(type_q->tp_mro, j));

            if (!pair)
                return NULL;
            found = Py_XNewRef(PyDict_GetItemWithError(registry, pair));
            Py_DECREF(pair);
        }
    return found;
}

/* The condition that some rows have. */
static int check_pair(const char *name, PyObject *p, PyObject *q)
{
    const char *attribute = strcmp(name, "Independent") == 0          ? "reinterpreted_batch_ndims"
                            : strcmp(name, "MultivariateNormal") == 0 ? "event_shape"
                                                                      : NULL;
    PyObject *of_p, *of_q;
    int same;

    if (!attribute)
        return 0;
    of_p = PyObject_GetAttrString(p, attribute);
    of_q = of_p ? PyObject_GetAttrString(q, attribute) : NULL;
    same = of_q ? PyObject_RichCompareBool(of_p, of_q, Py_EQ) : -1;
    Py_XDECREF(of_p);
    Py_XDECREF(of_q);
    if (same == 0 && *name == 'I')
        PyErr_SetNone(PyExc_NotImplementedError);
    else if (same == 0)
        PyErr_SetString(PyExc_ValueError,
                        "KL-divergence between two Multivariate Normals with"
                        "                          different event shapes cannot be computed");
    return same > 0 ? 0 : -1;
}

static PyObject *row_value(long row, PyObject *p, PyObject *q)
{
    PyObject *locals, *result;

    if (check_pair(rows[row].p, p, q) < 0)
        return NULL;
    locals = Py_BuildValue("{sOsO}", "p", p, "q", q);
    result = locals ? formula_value(rows[row].formula, NULL, locals) : NULL;
    Py_XDECREF(locals);
    return result;
}

static PyObject *no_formula(PyObject *p, PyObject *q)
{
    PyObject *family = PyObject_GetAttrString(law_module, "ExponentialFamily");
    int both = !family ? -1 : PyObject_IsInstance(p, family) && PyObject_IsInstance(q, family);

    Py_XDECREF(family);
    if (both > 0)
        PyErr_SetString(PyExc_NotImplementedError,
                        "The cross KL-divergence between different exponential families cannot "
                        "                            be computed using Bregman divergences");
    else if (both == 0)
        PyErr_Format(PyExc_NotImplementedError,
                     "No KL(p || q) is implemented for p type %s and q type %s",
                     _PyType_Name(Py_TYPE(p)), _PyType_Name(Py_TYPE(q)));
    return NULL;
}

static PyObject *kl_divergence(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"p", "q"};
    static const struct binding binding = {"kl_divergence", names, 2, 2, 2, 0};
    PyObject *values[2], *entry, *result;

    if (binding_read(&binding, args, kwargs, values) < 0)
        return NULL;
    entry = entry_for(Py_TYPE(values[0]), Py_TYPE(values[1]));
    if (!entry)
        return PyErr_Occurred() ? NULL : no_formula(values[0], values[1]);
    result = PyLong_Check(entry) ? row_value(PyLong_AsLong(entry), values[0], values[1])
                                 : PyObject_CallFunctionObjArgs(entry, values[0], values[1], NULL);
    Py_DECREF(entry);
    return result;
}

/* ---- register_kl() ---- */

/* The decorator: its self is the pair of types. */
static PyObject *keep_function(PyObject *pair, PyObject *function)
{
    return PyDict_SetItem(registry, pair, function) < 0 ? NULL : Py_NewRef(function);
}

static PyObject *register_kl(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static PyMethodDef decorator = {"decorator", keep_function, METH_O, NULL};
    static const char *const names[] = {"type_p", "type_q"};
    static const struct binding binding = {"register_kl", names, 2, 2, 2, 0};
    PyObject *values[2], *pair, *made;

    if (binding_read(&binding, args, kwargs, values) < 0)
        return NULL;
    for (int i = 0; i < 2; i++)
        if (!PyType_Check(values[i]))
            return PyErr_Format(PyExc_TypeError,
                                "Expected %s to be a Distribution subclass but got %S", names[i],
                                values[i]);
    pair = PyTuple_Pack(2, values[0], values[1]);
    made = pair ? PyCFunction_New(&decorator, pair) : NULL;
    Py_XDECREF(pair);
    return made;
}

static int add_row(int row)
{
    PyObject *p = PyObject_GetAttrString(law_module, rows[row].p);
    PyObject *q = p ? PyObject_GetAttrString(law_module, rows[row].q) : NULL;
    PyObject *pair = q ? PyTuple_Pack(2, p, q) : NULL, *number = PyLong_FromLong(row);
    int status = pair && number ? PyDict_SetItem(registry, pair, number) : -1;

    Py_XDECREF(p);
    Py_XDECREF(q);
    Py_XDECREF(pair);
    Py_XDECREF(number);
    return status;
}

int law_kl_init(PyObject *torch)
{
    static PyMethodDef functions[] = {
        {"kl_divergence", (PyCFunction)(void (*)(void))kl_divergence, METH_VARARGS | METH_KEYWORDS,
         "kl_divergence(p, q): how far p is from q, in nats, batch by batch."},
        {"register_kl", (PyCFunction)(void (*)(void))register_kl, METH_VARARGS | METH_KEYWORDS,
         "@register_kl(P, Q): the function computes kl_divergence() of those classes."},
        {NULL, NULL, 0, NULL}};
    PyObject *home = submodule(torch, "distributions.kl");

    registry = PyDict_New();
    if (!home || !registry || PyModule_AddFunctions(home, functions) < 0 ||
        PyModule_AddFunctions(law_module, functions) < 0)
        return -1;
    for (int i = 0; i < ROWS; i++)
        if (add_row(i) < 0)
            return -1;
    return 0;
}
