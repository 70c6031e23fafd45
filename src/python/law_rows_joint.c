/* Distributions over several numbers together. */
#include "python/law.h"

#include "python/law_formula.h"
#include "python/tensor_type.h"

static const struct law_member dirichlet[] = {
    {LAW_PROPERTY, "mean", "concentration / concentration.sum(-1, True)"},
    {LAW_PROPERTY, "mode",
     "less = (concentration - 1).clamp(min=0.0); peak = less / less.sum(-1, True);"
     "where((concentration < 1).all(axis=-1, keepdim=True),"
     "      one_hot(peak.argmax(axis=-1), less.size(-1)).to(peak), peak)"},
    {LAW_PROPERTY, "variance",
     "total = concentration.sum(-1, True);"
     "concentration * (total - concentration) / (total.pow(2) * (total + 1))"},
    {LAW_RSAMPLE, "rsample", "_dirichlet_sample(concentration.expand(shape))"},
    {LAW_VALUE, "log_prob",
     "(log(value) * (concentration - 1.0)).sum(-1) + lgamma(concentration.sum(-1)) -"
     "lgamma(concentration).sum(-1)"},
    {LAW_PLAIN, "entropy",
     "k = concentration.size(-1); total = concentration.sum(-1);"
     "lgamma(concentration).sum(-1) - lgamma(total) - (k - total) * digamma(total) -"
     "((concentration - 1.0) * digamma(concentration)).sum(-1)"},
    {0}};

static const struct law_member beta[] = {
    {LAW_PROPERTY, "concentration1", "_dirichlet.concentration.select(-1, 0)"},
    {LAW_PROPERTY, "concentration0", "_dirichlet.concentration.select(-1, 1)"},
    {LAW_PROPERTY, "mean", "concentration1 / (concentration1 + concentration0)"},
    {LAW_PROPERTY, "mode", "_dirichlet.mode.select(-1, 0)"},
    {LAW_PROPERTY, "variance",
     "total = concentration1 + concentration0;"
     "concentration1 * concentration0 / (total.pow(2) * (total + 1))"},
    {LAW_RSAMPLE, "rsample", "_dirichlet.rsample(sample_shape).select(-1, 0)"},
    {LAW_VALUE, "log_prob", "_dirichlet.log_prob(stack([value, 1.0 - value], -1))"},
    {LAW_PLAIN, "entropy", "_dirichlet.entropy()"},
    {0}};

/* L: the lower triangle, the factor of the covariance, in the shape that it was given. */
#define L            "_unbroadcasted_scale_tril"
#define HALF_LOG_DET L ".diagonal(dim1=-2, dim2=-1).log().sum(-1)"
#define SQUARE_SHAPE "_batch_shape + _event_shape + _event_shape"

static const struct law_member multivariate_normal[] = {
    {LAW_LAZY, "scale_tril", L ".expand(" SQUARE_SHAPE ")"},
    {LAW_LAZY, "covariance_matrix", "matmul(" L ", " L ".mT).expand(" SQUARE_SHAPE ")"},
    {LAW_LAZY, "precision_matrix", "cholesky_inverse(" L ").expand(" SQUARE_SHAPE ")"},
    {LAW_PROPERTY, "mean", "loc"},
    {LAW_PROPERTY, "mode", "loc"},
    {LAW_PROPERTY, "variance", L ".pow(2).sum(-1).expand(_batch_shape + _event_shape)"},
    {LAW_RSAMPLE, "rsample",
     "loc + matmul(" L ", empty(shape, dtype=loc.dtype).normal_().unsqueeze(-1)).squeeze(-1)"},
    {LAW_VALUE, "log_prob",
     "-0.5 * (_event_shape.__getitem__(0) * log(2 * pi) + _mahalanobis(" L
     ", value - loc)) -" HALF_LOG_DET},
    {LAW_PLAIN, "entropy",
     "(0.5 * _event_shape.__getitem__(0) * (1.0 + log(2 * pi)) + " HALF_LOG_DET
     ").expand(_batch_shape)"},
    {0}};

static const struct law_member independent[] = {
    {LAW_PROPERTY, "has_rsample", "base_dist.has_rsample"},
    {LAW_PROPERTY, "has_enumerate_support",
     "(reinterpreted_batch_ndims == 0) & base_dist.has_enumerate_support"},
    {LAW_PROPERTY, "mean", "base_dist.mean"},
    {LAW_PROPERTY, "mode", "base_dist.mode"},
    {LAW_PROPERTY, "variance", "base_dist.variance"},
    {LAW_RSAMPLE, "sample", "base_dist.sample(sample_shape)"},
    {LAW_RSAMPLE, "rsample", "base_dist.rsample(sample_shape)"},
    {LAW_UNCHECKED, "log_prob",
     "_sum_rightmost(base_dist.log_prob(value), reinterpreted_batch_ndims)"},
    {LAW_PLAIN, "entropy", "_sum_rightmost(base_dist.entropy(), reinterpreted_batch_ndims)"},
    {LAW_PLAIN, "__repr__",
     "'{}({}, {})'.format(self.__class__.__name__, base_dist, reinterpreted_batch_ndims)"},
    {0}};

/* ---- constructors ---- */

static int fail_value(const char *message)
{
    PyErr_SetString(PyExc_ValueError, message);
    return -1;
}

static int ndim_of(PyObject *object)
{
    if (tensor_check(object))
        return tensor_of(object)->ndim;
    PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'dim'",
                 _PyType_Name(Py_TYPE(object)));
    return -1;
}

static int setup_dirichlet(PyObject *self, PyObject *const *args, PyObject **Py_UNUSED(batch),
                           PyObject **Py_UNUSED(event))
{
    int ndim = ndim_of(args[0]);

    if (ndim < 0)
        return -1;
    if (ndim < 1)
        return fail_value("`concentration` parameter must be at least one-dimensional.");
    return PyObject_SetAttrString(self, "concentration", args[0]);
}

/* Two numbers make one event, whatever torch's default type says of either. */
static int setup_beta(PyObject *self, PyObject *const *args, PyObject **batch,
                      PyObject **Py_UNUSED(event))
{
    PyObject *pair = law_broadcast(args, 2);
    PyObject *locals = pair ? Py_BuildValue("{sO}", "pair", pair) : NULL;
    PyObject *inner = locals ? formula_value("Dirichlet(stack(pair, -1))", NULL, locals) : NULL;
    int status = inner ? PyObject_SetAttrString(self, "_dirichlet", inner) : -1;

    if (status == 0)
        *batch = PyObject_GetAttrString(inner, "batch_shape");
    Py_XDECREF(pair);
    Py_XDECREF(locals);
    Py_XDECREF(inner);
    return *batch ? 0 : -1;
}

/* The matrix that is given, one of three: its place among the arguments, or -1. */
static int which_matrix(PyObject *const *args)
{
    int which = -1;

    for (int i = 1; i <= 3; i++) {
        if (args[i] == Py_None)
            continue;
        if (which >= 0)
            return -1;
        which = i;
    }
    return which;
}

static const struct {
    const char *name, *called, *factor; /* its parameter, in errors, L as a formula of it */
} matrices[] = {
    {"covariance_matrix", "covariance_matrix", "torch.linalg.cholesky(m)"},
    {"precision_matrix", "precision_matrix",
     "turned = torch.linalg.cholesky(flip(m, [-2, -1]));"
     "torch.linalg.solve_triangular(transpose(flip(turned, [-2, -1]), -2, -1),"
     "                              eye(m.size(-1), dtype=m.dtype), upper=False)"},
    {"scale_tril", "scale_tril matrix", "m"},
};

/* self.<name> = a formula of the locals */
static int set_formula(PyObject *self, const char *name, const char *formula, PyObject *locals)
{
    PyObject *value = formula_value(formula, NULL, locals);
    int status = value ? PyObject_SetAttrString(self, name, value) : -1;

    Py_XDECREF(value);
    return status;
}

static int check_multivariate(PyObject *const *args, int which)
{
    int ndim = ndim_of(args[0]);

    if (ndim < 1)
        return ndim < 0 ? -1 : fail_value("loc must be at least one-dimensional.");
    if (which < 0)
        return fail_value("Exactly one of covariance_matrix or precision_matrix or scale_tril may "
                          "be specified.");
    ndim = ndim_of(args[which]);
    if (ndim >= 0 && ndim < 2)
        PyErr_Format(PyExc_ValueError,
                     "%s must be at least two-dimensional, with optional leading batch dimensions",
                     matrices[which - 1].called);
    return ndim < 2 ? -1 : 0;
}

static int setup_multivariate(PyObject *self, PyObject *const *args, PyObject **batch,
                              PyObject **event)
{
    int which = which_matrix(args), status = -1;
    PyObject *locals;

    if (check_multivariate(args, which) < 0)
        return -1;
    locals = Py_BuildValue("{sOsO}", "m", args[which], "loc", args[0]);
    if (locals)
        *batch = formula_value("b = broadcast_shapes(m.sum([-2, -1]).shape, loc.sum(-1).shape); b",
                               NULL, locals);
    if (*batch &&
        set_formula(self, matrices[which - 1].name, "m.expand(b + Size([-1, -1]))", locals) == 0)
        status = set_formula(self, "loc", "loc.expand(b + Size([-1]))", locals);
    if (status == 0)
        *event = formula_value("Size([loc.size(-1)])", NULL, locals);
    Py_XDECREF(locals);
    return *event ? 0 : -1;
}

/* L, once the matrix is known to be what it should. */
static int factor_multivariate(PyObject *self, PyObject *const *args)
{
    int which = which_matrix(args);
    PyObject *locals = Py_BuildValue("{sO}", "m", args[which]);
    int status = locals ? set_formula(self, L, matrices[which - 1].factor, locals) : -1;

    Py_XDECREF(locals);
    return status;
}

/* The last dimensions of each batch become part of the event. */
static int setup_independent(PyObject *self, PyObject *const *args, PyObject **batch,
                             PyObject **event)
{
    PyObject *inner = PyObject_GetAttrString(args[0], "batch_shape");
    PyObject *last = inner ? PyObject_GetAttrString(args[0], "event_shape") : NULL;
    PyObject *whole = last ? PySequence_Concat(inner, last) : NULL;
    long count = whole ? PyLong_AsLong(args[1]) : -1;
    int status = count == -1 && PyErr_Occurred() ? -1 : 0;

    if (status == 0 && count > PyTuple_GET_SIZE(inner)) {
        PyErr_Format(PyExc_ValueError,
                     "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), "
                     "actual %ld vs %zd",
                     count, PyTuple_GET_SIZE(inner));
        status = -1;
    }
    if (status == 0) {
        *event = law_size_last(whole, count + PyTuple_GET_SIZE(last));
        *batch = *event ? law_size_without(whole, count + PyTuple_GET_SIZE(last)) : NULL;
        status = *batch ? PyObject_SetAttrString(self, "base_dist", args[0]) : -1;
    }
    if (status == 0)
        status = PyObject_SetAttrString(self, "reinterpreted_batch_ndims", args[1]);
    Py_XDECREF(inner);
    Py_XDECREF(last);
    Py_XDECREF(whole);
    return status;
}

const struct law laws_joint[] = {
    {.name = "Dirichlet",
     .file = "dirichlet",
     .base = "ExponentialFamily",
     .support = "simplex",
     .flags = LAW_HAS_RSAMPLE | LAW_ONE_EVENT,
     .params = {{"concentration", "_positive_vector", NULL}},
     .members = dirichlet,
     .setup = setup_dirichlet},
    {.name = "Beta",
     .file = "beta",
     .base = "ExponentialFamily",
     .support = "unit_interval",
     .flags = LAW_HAS_RSAMPLE,
     .params = {{"concentration1", "positive", NULL}, {"concentration0", "positive", NULL}},
     .members = beta,
     .setup = setup_beta},
    {.name = "MultivariateNormal",
     .file = "multivariate_normal",
     .base = "Distribution",
     .support = "real_vector",
     .flags = LAW_HAS_RSAMPLE,
     .params = {{"loc", "real_vector", NULL},
                {"covariance_matrix", "positive_definite", "None"},
                {"precision_matrix", "positive_definite", "None"},
                {"scale_tril", "lower_cholesky", "None"}},
     .members = multivariate_normal,
     .setup = setup_multivariate,
     .finish = factor_multivariate},
    {.name = "Independent",
     .file = "independent",
     .base = "Distribution",
     .support = "independent(base_dist.support, reinterpreted_batch_ndims)",
     .flags = LAW_SUPPORT_VARIES,
     .params = {{"base_distribution", NULL, NULL}, {"reinterpreted_batch_ndims", NULL, NULL}},
     .members = independent,
     .setup = setup_independent,
     .inner = "value.expand(batch + _event_shape.__getitem__("
              "    slice(None, reinterpreted_batch_ndims)))"},
    {.name = NULL},
};
