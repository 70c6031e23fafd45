/* Distributions of one number whose parameters are numbers. */
#include "python/law.h"

#include "python/law_formula.h"

/* A standard normal sample, in the dtype of the parameter p. */
#define NORMAL(p) "empty(shape, dtype=" p ".dtype).normal_()"

static const struct law_member normal[] = {
    {LAW_PROPERTY, "mean", "loc"},
    {LAW_PROPERTY, "mode", "loc"},
    {LAW_PROPERTY, "stddev", "scale"},
    {LAW_PROPERTY, "variance", "stddev.pow(2)"},
    {LAW_SAMPLE, "sample", "normal(loc.expand(shape), scale.expand(shape))"},
    {LAW_RSAMPLE, "rsample", "loc + " NORMAL("loc") " * scale"},
    {LAW_VALUE, "log_prob",
     "-(value - loc) ** 2 / (2 * scale ** 2) - scale.log() - log(sqrt(2 * pi))"},
    {LAW_VALUE, "cdf", "0.5 * (1 + erf((value - loc) * scale.reciprocal() / sqrt(2.0)))"},
    {LAW_UNCHECKED, "icdf", "loc + scale * erfinv(2 * value - 1) * sqrt(2.0)"},
    {LAW_PLAIN, "entropy", "0.5 + 0.5 * log(2 * pi) + log(scale)"},
    {0}};

static const struct law_member log_normal[] = {
    {LAW_PROPERTY, "loc", "base_dist.loc"},
    {LAW_PROPERTY, "scale", "base_dist.scale"},
    {LAW_PROPERTY, "mean", "(loc + scale.pow(2) / 2).exp()"},
    {LAW_PROPERTY, "mode", "(loc - scale.square()).exp()"},
    {LAW_PROPERTY, "variance", "(scale.pow(2).exp() - 1) * (2 * loc + scale.pow(2)).exp()"},
    {LAW_SAMPLE, "sample", "base_dist.sample(sample_shape).exp()"},
    {LAW_RSAMPLE, "rsample", "base_dist.rsample(sample_shape).exp()"},
    {LAW_VALUE, "log_prob", "x = value.log(); 0.0 - x + base_dist.log_prob(x)"},
    {LAW_VALUE, "cdf", "base_dist.cdf(value.log())"},
    {LAW_UNCHECKED, "icdf", "base_dist.icdf(value).exp()"},
    {LAW_PLAIN, "entropy", "base_dist.entropy() + loc"},
    {0}};

static const struct law_member half_normal[] = {
    {LAW_PROPERTY, "scale", "base_dist.scale"},
    {LAW_PROPERTY, "mean", "scale * sqrt(2 / pi)"},
    {LAW_PROPERTY, "mode", "zeros_like(scale)"},
    {LAW_PROPERTY, "variance", "scale.pow(2) * (1 - 2 / pi)"},
    {LAW_SAMPLE, "sample", "base_dist.sample(sample_shape).abs()"},
    {LAW_RSAMPLE, "rsample", "base_dist.rsample(sample_shape).abs()"},
    {LAW_VALUE, "log_prob", "where(value >= 0, base_dist.log_prob(value) + log(2.0), -inf)"},
    {LAW_VALUE, "cdf", "2 * base_dist.cdf(value) - 1"},
    {LAW_UNCHECKED, "icdf", "base_dist.icdf((value + 1) / 2)"},
    {LAW_PLAIN, "entropy", "base_dist.entropy() - log(2.0)"},
    {0}};

static const struct law_member uniform[] = {
    {LAW_PROPERTY, "mean", "(high + low) / 2"},
    {LAW_PROPERTY, "mode", "nan * high"},
    {LAW_PROPERTY, "stddev", "(high - low) / 12 ** 0.5"},
    {LAW_PROPERTY, "variance", "(high - low).pow(2) / 12"},
    {LAW_RSAMPLE, "rsample", "low + rand(shape, dtype=low.dtype) * (high - low)"},
    {LAW_VALUE, "log_prob",
     "log(low.le(value).type_as(low).mul(high.gt(value).type_as(low))) - log(high - low)"},
    {LAW_VALUE, "cdf", "((value - low) / (high - low)).clamp(min=0, max=1)"},
    {LAW_UNCHECKED, "icdf", "value * (high - low) + low"},
    {LAW_PLAIN, "entropy", "log(high - low)"},
    {0}};

static const struct law_member exponential[] = {
    {LAW_PROPERTY, "mean", "rate.reciprocal()"},
    {LAW_PROPERTY, "mode", "zeros_like(rate)"},
    {LAW_PROPERTY, "stddev", "rate.reciprocal()"},
    {LAW_PROPERTY, "variance", "rate.pow(-2)"},
    {LAW_RSAMPLE, "rsample", "empty(shape, dtype=rate.dtype).exponential_() / rate"},
    {LAW_VALUE, "log_prob", "rate.log() - rate * value"},
    {LAW_VALUE, "cdf", "1 - exp(-rate * value)"},
    {LAW_UNCHECKED, "icdf", "-log(1 - value) / rate"},
    {LAW_PLAIN, "entropy", "1.0 - log(rate)"},
    {0}};

static const struct law_member laplace[] = {
    {LAW_PROPERTY, "mean", "loc"},
    {LAW_PROPERTY, "mode", "loc"},
    {LAW_PROPERTY, "variance", "2 * scale.pow(2)"},
    {LAW_PROPERTY, "stddev", "2 ** 0.5 * scale"},
    {LAW_RSAMPLE, "rsample",
     "u = empty(shape, dtype=loc.dtype).uniform_(finfo(loc.dtype).eps - 1, 1);"
     "loc - scale * u.sign() * log1p(-u.abs())"},
    {LAW_VALUE, "log_prob", "-log(2 * scale) - abs(value - loc) / scale"},
    {LAW_VALUE, "cdf", "0.5 - 0.5 * (value - loc).sign() * expm1(-(value - loc).abs() / scale)"},
    {LAW_UNCHECKED, "icdf", "t = value - 0.5; loc - scale * t.sign() * log1p(-2 * t.abs())"},
    {LAW_PLAIN, "entropy", "1 + log(2 * scale)"},
    {0}};

static const struct law_member cauchy[] = {
    {LAW_PROPERTY, "mean", "full(self._extended_shape(), nan, dtype=loc.dtype)"},
    {LAW_PROPERTY, "mode", "loc"},
    {LAW_PROPERTY, "variance", "full(self._extended_shape(), inf, dtype=loc.dtype)"},
    {LAW_RSAMPLE, "rsample", "loc + empty(shape, dtype=loc.dtype).cauchy_() * scale"},
    {LAW_VALUE, "log_prob", "-log(pi) - scale.log() - (1 + ((value - loc) / scale) ** 2).log()"},
    {LAW_VALUE, "cdf", "atan((value - loc) / scale) / pi + 0.5"},
    {LAW_UNCHECKED, "icdf", "tan(pi * (value - 0.5)) * scale + loc"},
    {LAW_PLAIN, "entropy", "log(4 * pi) + scale.log()"},
    {0}};

/* A uniform number on its way to a Gumbel one, -log(-log(u)), and back. */
#define GUMBEL(u)  "loc + -scale * (0 + -ones_like(scale) * " u ".log()).log()"
#define UNIFORM(x) "(((" x " - loc) / -scale).exp() / -ones_like(scale)).exp()"

static const struct law_member gumbel[] = {
    {LAW_PROPERTY, "mean", "loc + scale * euler"},
    {LAW_PROPERTY, "mode", "loc"},
    {LAW_PROPERTY, "stddev", "pi / sqrt(6.0) * scale"},
    {LAW_PROPERTY, "variance", "stddev.pow(2)"},
    {LAW_RSAMPLE, "rsample", GUMBEL("base_dist.rsample(sample_shape)")},
    {LAW_VALUE, "log_prob", "y = (loc - value) / scale; y - y.exp() - scale.log()"},
    {LAW_VALUE, "cdf", "base_dist.cdf(" UNIFORM("value") ")"},
    {LAW_UNCHECKED, "icdf", GUMBEL("base_dist.icdf(value)")},
    {LAW_PLAIN, "entropy", "scale.log() + (1 + euler)"},
    {0}};

static const struct law_member gamma_members[] = {
    {LAW_PROPERTY, "mean", "concentration / rate"},
    {LAW_PROPERTY, "mode", "((concentration - 1) / rate).clamp(min=0)"},
    {LAW_PROPERTY, "variance", "concentration / rate.pow(2)"},
    {LAW_RSAMPLE, "rsample",
     /* the slope of the quantiles takes the gradient through the sample */
     "c = concentration.expand(shape); shapes = c.detach();"
     "drawn = _standard_gamma(shapes);"
     "moving = drawn + (c - shapes) * _standard_gamma_grad(shapes, drawn);"
     "value = moving / rate.expand(shape);"
     "kept = value.detach().clamp_(min=finfo(value.dtype).tiny);"
     "value"},
    {LAW_VALUE, "log_prob",
     "xlogy(concentration, rate) + xlogy(concentration - 1, value) - rate * value -"
     "lgamma(concentration)"},
    {LAW_PLAIN, "entropy",
     "concentration - log(rate) + lgamma(concentration) +"
     "(1.0 - concentration) * digamma(concentration)"},
    {0}};

static const struct law_member chi2[] = {{LAW_PROPERTY, "df", "concentration * 2"}, {0}};

static const struct law_member student[] = {
    {LAW_PROPERTY, "mean", "loc.masked_fill(df <= 1, nan)"},
    {LAW_PROPERTY, "mode", "loc"},
    {LAW_PROPERTY, "variance",
     "where(df > 2, scale.pow(2) * df / (df - 2), where(df > 1, inf, nan).type_as(df))"},
    {LAW_RSAMPLE, "rsample",
     "x = " NORMAL("df") "; z = _chi2.rsample(sample_shape); loc + scale * (x * rsqrt(z / df))"},
    {LAW_VALUE, "log_prob",
     "y = (value - loc) / scale;"
     "z = scale.log() + 0.5 * df.log() + 0.5 * log(pi) + lgamma(0.5 * df) -"
     "    lgamma(0.5 * (df + 1.0));"
     "-0.5 * (df + 1.0) * log1p(y ** 2.0 / df) - z"},
    {LAW_PLAIN, "entropy",
     "lbeta = lgamma(0.5 * df) + lgamma(0.5) - lgamma(0.5 * (df + 1));"
     "scale.log() + 0.5 * (df + 1) * (digamma(0.5 * (df + 1)) - digamma(0.5 * df)) +"
     "0.5 * df.log() + lbeta"},
    {0}};

static const struct law_member poisson[] = {
    {LAW_PROPERTY, "mean", "rate"},
    {LAW_PROPERTY, "mode", "rate.floor()"},
    {LAW_PROPERTY, "variance", "rate"},
    {LAW_SAMPLE, "sample", "poisson(rate.expand(shape))"},
    {LAW_VALUE, "log_prob", "value.xlogy(rate) - rate - (value + 1).lgamma()"},
    {0}};

static int check_bounds(PyObject *self, PyObject *const *Py_UNUSED(args))
{
    PyObject *flag = PyObject_GetAttrString(self, "_validate_args");
    PyObject *ordered =
        flag == Py_True ? formula_value("(low < high).all()", self, NULL) : Py_XNewRef(flag);
    int fine = !ordered ? -1 : flag == Py_True ? PyObject_IsTrue(ordered) : 1;

    if (fine == 0)
        PyErr_SetString(PyExc_ValueError, "Uniform is not defined when low>= high");
    Py_XDECREF(flag);
    Py_XDECREF(ordered);
    return fine > 0 ? 0 : -1;
}

#define LOC_SCALE                                                                                  \
    {                                                                                              \
        {"loc", "real", NULL},                                                                     \
        {                                                                                          \
            "scale", "positive", NULL                                                              \
        }                                                                                          \
    }
#define FAMILY "ExponentialFamily"

const struct law laws_simple[] = {
    {.name = "Normal",
     .file = "normal",
     .base = FAMILY,
     .support = "real",
     .flags = LAW_HAS_RSAMPLE,
     .params = LOC_SCALE,
     .members = normal},
    {.name = "LogNormal",
     .file = "log_normal",
     .base = "Distribution",
     .support = "positive",
     .flags = LAW_HAS_RSAMPLE | LAW_NOT_STORED,
     .params = LOC_SCALE,
     .members = log_normal,
     .prepare = "base_dist = Normal(loc, scale); base_dist.batch_shape"},
    {.name = "HalfNormal",
     .file = "half_normal",
     .base = "Distribution",
     .support = "nonnegative",
     .flags = LAW_HAS_RSAMPLE | LAW_NOT_STORED,
     .params = {{"scale", "positive", NULL}},
     .members = half_normal,
     .prepare = "base_dist = Normal(0, scale, False); base_dist.batch_shape"},
    {.name = "Uniform",
     .file = "uniform",
     .base = "Distribution",
     .support = "interval(low, high)",
     .flags = LAW_HAS_RSAMPLE | LAW_SUPPORT_VARIES,
     .params = {{"low", "dependent", NULL}, {"high", "dependent", NULL}},
     .members = uniform,
     .finish = check_bounds},
    {.name = "Exponential",
     .file = "exponential",
     .base = FAMILY,
     .support = "nonnegative",
     .flags = LAW_HAS_RSAMPLE,
     .params = {{"rate", "positive", NULL}},
     .members = exponential},
    {.name = "Laplace",
     .file = "laplace",
     .base = "Distribution",
     .support = "real",
     .flags = LAW_HAS_RSAMPLE,
     .params = LOC_SCALE,
     .members = laplace},
    {.name = "Cauchy",
     .file = "cauchy",
     .base = "Distribution",
     .support = "real",
     .flags = LAW_HAS_RSAMPLE,
     .params = LOC_SCALE,
     .members = cauchy},
    {.name = "Gumbel",
     .file = "gumbel",
     .base = "Distribution",
     .support = "real",
     .flags = LAW_HAS_RSAMPLE,
     .params = LOC_SCALE,
     .members = gumbel,
     .prepare = "base_dist = Uniform(full_like(loc, finfo(loc.dtype).tiny),"
                "                    full_like(loc, 1 - finfo(loc.dtype).eps));"
                "loc.size()"},
    {.name = "Gamma",
     .file = "gamma",
     .base = FAMILY,
     .support = "nonnegative",
     .flags = LAW_HAS_RSAMPLE,
     .params = {{"concentration", "positive", NULL}, {"rate", "positive", NULL}},
     .members = gamma_members},
    {.name = "Chi2",
     .file = "chi2",
     .base = "Gamma",
     .support = "nonnegative",
     .flags = LAW_HAS_RSAMPLE | LAW_NOT_STORED,
     .params = {{"df", "positive", NULL}},
     .members = chi2,
     .prepare = "concentration = broadcast_all(0.5 * df).__getitem__(0);"
                "rate = broadcast_all(concentration, 0.5).__getitem__(1); concentration.size()"},
    {.name = "StudentT",
     .file = "studentT",
     .base = "Distribution",
     .support = "real",
     .flags = LAW_HAS_RSAMPLE,
     .params = {{"df", "positive", NULL}, {"loc", "real", "0.0"}, {"scale", "positive", "1.0"}},
     .members = student,
     .prepare = "_chi2 = Chi2(df); df.size()"},
    {.name = "Poisson",
     .file = "poisson",
     .base = FAMILY,
     .support = "nonnegative_integer",
     .params = {{"rate", "nonnegative", NULL}},
     .members = poisson},
    {.name = NULL},
};
