/* Distributions over a choice: one of two, one of many, how many times. */
#include "python/law.h"

#include "python/law_formula.h"
#include "python/tensor_type.h"

#define BINARY_PARAMS                                                                              \
    {LAW_LAZY, "logits", "probs_to_logits(probs, is_binary=True)"},                                \
    {                                                                                              \
        LAW_LAZY, "probs", "logits_to_probs(logits, is_binary=True)"                               \
    }
#define CROSS_ENTROPY "binary_cross_entropy_with_logits(logits, probs, reduction='none')"

static const struct law_member bernoulli[] = {
    BINARY_PARAMS,
    {LAW_PROPERTY, "mean", "probs"},
    {LAW_PROPERTY, "mode", "(probs >= 0.5).to(probs).masked_fill(probs == 0.5, nan)"},
    {LAW_PROPERTY, "variance", "probs * (1 - probs)"},
    {LAW_PROPERTY, "param_shape", "_param.size()"},
    {LAW_SAMPLE, "sample", "bernoulli(probs.expand(shape))"},
    {LAW_VALUE, "log_prob",
     "both = broadcast_all(logits, value);"
     "-binary_cross_entropy_with_logits(both.__getitem__(0), both.__getitem__(1),"
     "                                  reduction='none')"},
    {LAW_PLAIN, "entropy", CROSS_ENTROPY},
    {LAW_EXPANDED, "enumerate_support", "arange(2, dtype=_param.dtype)"},
    {0}};

static const struct law_member geometric[] = {
    BINARY_PARAMS,
    {LAW_PROPERTY, "mean", "1.0 / probs - 1.0"},
    {LAW_PROPERTY, "mode", "zeros_like(probs)"},
    {LAW_PROPERTY, "variance", "(1.0 / probs - 1.0) / probs"},
    {LAW_SAMPLE, "sample",
     "u = empty(shape, dtype=probs.dtype).uniform_(finfo(probs.dtype).tiny, 1);"
     "(u.log() / (-probs).log1p()).floor()"},
    {LAW_VALUE, "log_prob",
     "value * (-probs.masked_fill((probs == 1) & (value == 0), 0)).log1p() + probs.log()"},
    {LAW_PLAIN, "entropy", CROSS_ENTROPY " / probs"},
    {0}};

static const struct law_member binomial[] = {
    BINARY_PARAMS,
    {LAW_PROPERTY, "mean", "total_count * probs"},
    {LAW_PROPERTY, "mode", "((total_count + 1) * probs).floor().clamp(max=total_count)"},
    {LAW_PROPERTY, "variance", "total_count * probs * (1 - probs)"},
    {LAW_PROPERTY, "param_shape", "_param.size()"},
    {LAW_SAMPLE, "sample", "binomial(total_count.expand(shape), probs.expand(shape))"},
    {LAW_VALUE, "log_prob",
     "above = (logits.clamp(min=0) + logits - logits.clamp(max=0)) / 2;"
     "rest = total_count * above + total_count * log1p(exp(-abs(logits))) -"
     "       lgamma(total_count + 1);"
     "value * logits - lgamma(value + 1) - lgamma(total_count - value + 1) - rest"},
    {LAW_PLAIN, "entropy",

     "n = _one_count(total_count, 'entropy'); p = self.log_prob(self.enumerate_support(False));"
     "-(exp(p) * p).sum(0)"},
    {LAW_EXPANDED, "enumerate_support",

     "arange(1 + _one_count(total_count, 'enumerate_support'), dtype=_param.dtype)"},
    {0}};

static const struct law_member categorical[] = {
    {LAW_LAZY, "logits", "probs_to_logits(probs)"},
    {LAW_LAZY, "probs", "logits_to_probs(logits)"},
    {LAW_PROPERTY, "param_shape", "_param.size()"},
    {LAW_PROPERTY, "mean", "full(self._extended_shape(), nan, dtype=probs.dtype)"},
    {LAW_PROPERTY, "mode", "probs.argmax(axis=-1)"},
    {LAW_PROPERTY, "variance", "full(self._extended_shape(), nan, dtype=probs.dtype)"},
    {LAW_RSAMPLE, "sample",
     "multinomial(probs.reshape(-1, _num_events), sample_shape.numel(), True).T.reshape(shape)"},
    {LAW_VALUE, "log_prob",
     "both = broadcast_tensors(value.long().unsqueeze(-1), logits);"
     "both.__getitem__(1).gather(-1, both.__getitem__(0).narrow(-1, 0, 1)).squeeze(-1)"},
    {LAW_PLAIN, "entropy", "-(clamp(logits, min=finfo(logits.dtype).min) * probs).sum(-1)"},
    {LAW_EXPANDED, "enumerate_support", "arange(_num_events)"},
    {0}};

static const struct law_member one_hot[] = {
    {LAW_PROPERTY, "_param", "_categorical._param"},
    {LAW_PROPERTY, "probs", "_categorical.probs"},
    {LAW_PROPERTY, "logits", "_categorical.logits"},
    {LAW_PROPERTY, "param_shape", "_categorical.param_shape"},
    {LAW_PROPERTY, "mean", "probs"},
    {LAW_PROPERTY, "mode", "one_hot(probs.argmax(axis=-1), num_classes=probs.size(-1)).to(probs)"},
    {LAW_PROPERTY, "variance", "probs * (1 - probs)"},
    {LAW_RSAMPLE, "sample",
     "one_hot(_categorical.sample(sample_shape), _categorical._num_events).to(probs)"},
    {LAW_VALUE, "log_prob", "_categorical.log_prob(value.max(-1).indices)"},
    {LAW_PLAIN, "entropy", "_categorical.entropy()"},
    {LAW_EXPANDED, "enumerate_support", "eye(_event_shape.__getitem__(0), dtype=_param.dtype)"},
    {0}};

/* The gradient of a sample is taken to be that of the probabilities. */
static const struct law_member straight_through[] = {
    {LAW_RSAMPLE, "rsample", "self.sample(sample_shape) + (probs - probs.detach())"}, {0}};

static const struct law_member multinomial[] = {
    {LAW_PROPERTY, "probs", "_categorical.probs"},
    {LAW_PROPERTY, "logits", "_categorical.logits"},
    {LAW_PROPERTY, "param_shape", "_categorical.param_shape"},
    {LAW_PROPERTY, "mean", "probs * total_count"},
    {LAW_PROPERTY, "variance", "total_count * probs * (1 - probs)"},
    {LAW_RSAMPLE, "sample",
     "drawn = _categorical.sample(Size([total_count]) + sample_shape).movedim(0, -1);"
     "zeros(shape, dtype=drawn.dtype).scatter_add_(-1, drawn, ones_like(drawn)).type_as(probs)"},
    {LAW_VALUE, "log_prob",
     "kept = logits.masked_fill((value == 0) & (logits == -inf), 0);"
     "lgamma(value.sum(-1) + 1) - lgamma(value + 1).sum(-1) + (kept * value).sum(-1)"},
    {LAW_PLAIN, "entropy",
     "n = tensor(total_count); binomial = Binomial(total_count, probs);"
     "counts = binomial.enumerate_support(expand=False).narrow(0, 1, total_count);"
     "n * _categorical.entropy() - lgamma(n + 1) +"
     "(exp(binomial.log_prob(counts)) * lgamma(counts + 1)).sum([0, -1])"},
    {0}};

/* ---- constructors ---- */

static int one_of_two(PyObject *probs, PyObject *logits)
{
    if ((probs == Py_None) != (logits == Py_None))
        return 0;
    PyErr_SetString(PyExc_ValueError,
                    "Either `probs` or `logits` must be specified, but not both.");
    return -1;
}

/* Stores the one that is given under its name and as _param. */
static int set_param(PyObject *self, bool is_probs, PyObject *value)
{
    if (!value || PyObject_SetAttrString(self, is_probs ? "probs" : "logits", value) < 0)
        return -1;
    return PyObject_SetAttrString(self, "_param", value);
}

static int setup_binary(PyObject *self, PyObject *const *args, PyObject **Py_UNUSED(batch),
                        PyObject **Py_UNUSED(event))
{
    bool is_probs = args[0] != Py_None;
    PyObject *tensors, *value;
    int status;

    if (one_of_two(args[0], args[1]) < 0)
        return -1;
    tensors = law_broadcast(&args[is_probs ? 0 : 1], 1);
    value = tensors ? PySequence_GetItem(tensors, 0) : NULL;
    status = set_param(self, is_probs, value);
    Py_XDECREF(tensors);
    Py_XDECREF(value);
    return status;
}

/* Probabilities are normalised, logits made logarithms of them. */
static int setup_categorical(PyObject *self, PyObject *const *args, PyObject **Py_UNUSED(batch),
                             PyObject **Py_UNUSED(event))
{
    bool is_probs = args[0] != Py_None;
    PyObject *given = args[is_probs ? 0 : 1], *locals, *value, *count = NULL;
    int status;

    if (one_of_two(args[0], args[1]) < 0)
        return -1;
    if (!tensor_check(given)) {
        PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'dim'",
                     _PyType_Name(Py_TYPE(given)));
        return -1;
    }
    if (tensor_of(given)->ndim < 1) {
        PyErr_Format(PyExc_ValueError, "`%s` parameter must be at least one-dimensional.",
                     is_probs ? "probs" : "logits");
        return -1;
    }
    locals = Py_BuildValue("{sO}", "x", given);
    value = locals ? formula_value(is_probs ? "x / x.sum(-1, keepdim=True)"
                                            : "x - x.logsumexp(dim=-1, keepdim=True)",
                                   NULL, locals)
                   : NULL;
    status = set_param(self, is_probs, value);
    if (status == 0)
        count = PyObject_CallMethod(value, "size", "i", -1);
    if (status == 0)
        status = count ? PyObject_SetAttrString(self, "_num_events", count) : -1;
    Py_XDECREF(locals);
    Py_XDECREF(value);
    Py_XDECREF(count);
    return status;
}

/* total_count and the parameter broadcast, the count in its dtype. */
static int setup_binomial(PyObject *self, PyObject *const *args, PyObject **Py_UNUSED(batch),
                          PyObject **Py_UNUSED(event))
{
    bool is_probs = args[1] != Py_None;
    PyObject *pair[2] = {args[0], args[is_probs ? 1 : 2]}, *tensors, *value, *count;
    int status;

    if (one_of_two(args[1], args[2]) < 0)
        return -1;
    tensors = law_broadcast(pair, 2);
    value = tensors ? PySequence_GetItem(tensors, 1) : NULL;
    status = set_param(self, is_probs, value);
    count = status == 0 ? PySequence_GetItem(tensors, 0) : NULL;
    if (count)
        Py_SETREF(count, PyObject_CallMethod(count, "type_as", "O", value));
    status = count ? PyObject_SetAttrString(self, "total_count", count) : -1;
    Py_XDECREF(tensors);
    Py_XDECREF(value);
    Py_XDECREF(count);
    return status;
}

static int setup_multinomial(PyObject *self, PyObject *const *args, PyObject **batch,
                             PyObject **event)
{
    PyObject *type, *inner;
    int status;

    if (!PyLong_Check(args[0])) {
        PyErr_SetString(PyExc_NotImplementedError, "inhomogeneous total_count is not supported");
        return -1;
    }
    type = PyObject_GetAttrString(law_module, "Categorical");
    inner = type ? PyObject_CallFunctionObjArgs(type, args[1], args[2], NULL) : NULL;
    status = inner ? PyObject_SetAttrString(self, "_categorical", inner) : -1;
    if (status == 0)
        status = PyObject_SetAttrString(self, "total_count", args[0]);
    if (status == 0)
        *batch = PyObject_GetAttrString(inner, "batch_shape");
    if (*batch)
        *event = formula_value("Size([_categorical._num_events])", self, NULL);
    Py_XDECREF(type);
    Py_XDECREF(inner);
    return *event ? 0 : -1;
}

#define PROBS_OR_LOGITS                                                                            \
    {                                                                                              \
        {"probs", "unit_interval", "None"},                                                        \
        {                                                                                          \
            "logits", "real", "None"                                                               \
        }                                                                                          \
    }
#define PROBS_OR_LOGITS_LAST                                                                       \
    {                                                                                              \
        {"probs", "simplex", "None"},                                                              \
        {                                                                                          \
            "logits", "real_vector", "None"                                                        \
        }                                                                                          \
    }

const struct law laws_counts[] = {
    {.name = "Bernoulli",
     .file = "bernoulli",
     .base = "ExponentialFamily",
     .support = "boolean",
     .flags = LAW_HAS_SUPPORT_LIST,
     .params = PROBS_OR_LOGITS,
     .members = bernoulli,
     .setup = setup_binary},
    {.name = "Geometric",
     .file = "geometric",
     .base = "Distribution",
     .support = "nonnegative_integer",
     .params = PROBS_OR_LOGITS,
     .members = geometric,
     .setup = setup_binary},
    {.name = "Binomial",
     .file = "binomial",
     .base = "Distribution",
     .support = "integer_interval(0, total_count)",
     .flags = LAW_HAS_SUPPORT_LIST | LAW_SUPPORT_VARIES,
     .params = {{"total_count", "nonnegative_integer", "1"},
                {"probs", "unit_interval", "None"},
                {"logits", "real", "None"}},
     .members = binomial,
     .setup = setup_binomial},
    {.name = "Categorical",
     .file = "categorical",
     .base = "Distribution",
     .support = "integer_interval(0, _num_events - 1)",
     .flags = LAW_HAS_SUPPORT_LIST | LAW_SUPPORT_VARIES,
     .params = PROBS_OR_LOGITS_LAST,
     .members = categorical,
     .setup = setup_categorical},
    {.name = "OneHotCategorical",
     .file = "one_hot_categorical",
     .base = "Distribution",
     .support = "one_hot",
     .flags = LAW_HAS_SUPPORT_LIST | LAW_NOT_STORED,
     .params = PROBS_OR_LOGITS_LAST,
     .members = one_hot,
     .prepare = "_categorical = Categorical(probs, logits);"
                "event_shape = Size([_categorical._num_events]); _categorical.batch_shape"},
    {.name = "OneHotCategoricalStraightThrough",
     .file = "one_hot_categorical",
     .base = "OneHotCategorical",
     .support = "one_hot",
     .flags = LAW_HAS_RSAMPLE | LAW_HAS_SUPPORT_LIST | LAW_NOT_STORED,
     .params = PROBS_OR_LOGITS_LAST,
     .members = straight_through,
     .prepare = "_categorical = Categorical(probs, logits);"
                "event_shape = Size([_categorical._num_events]); _categorical.batch_shape"},
    {.name = "Multinomial",
     .file = "multinomial",
     .base = "Distribution",
     .support = "_Multinomial(total_count)",
     .flags = LAW_SUPPORT_VARIES,
     .params = {{"total_count", NULL, "1"},
                {"probs", "simplex", "None"},
                {"logits", "real_vector", "None"}},
     .members = multinomial,
     .setup = setup_multinomial},
    {.name = NULL},
};
