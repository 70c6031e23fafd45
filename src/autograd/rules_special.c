/* Derivatives of special functions, and the pieces that ops_special.def names. */
#include "autograd/formula.h"

struct tensor *d_log_counts(struct tensor *x, struct tensor *y, double zero)
{
    struct tensor *nothing = d_eq(x, d_number(scalar_int(0)));

    return d_logical_not(d_logical_and(nothing, d_le_scalar(y, scalar_float(zero))));
}

struct tensor *d_off_zero(struct tensor *x)
{
    struct tensor *zero = d_to(d_eq(x, d_number(scalar_int(0))), tensor_dtype(x));

    return d_add(x, d_scale(zero, scalar_float(1e-30)));
}

/* d/dx of the regularized incomplete gamma function: x^(a-1) e^-x / gamma(a). */
struct tensor *d_gamma_density(struct tensor *a, struct tensor *x)
{
    struct tensor *power = d_mul(d_shift(a, -1), d_log(x));

    return d_exp(d_sub(d_sub(power, x), d_lgamma(a)));
}

void heaviside_rule(struct grad_call *c)
{
    d_missing(c);
}

void nan_to_num_rule(struct grad_call *c)
{
    grad_store(c, 0, 0, d_where(d_isfinite(c->args[0].tensor), c->g[0]));
}

void frexp_rule(struct grad_call *c)
{
    struct tensor *exponent = c->results[1];

    if (c->g[0])
        grad_store(c, 0, 0, d_true_divide(c->g[0], d_exp2(d_to(exponent, tensor_dtype(c->g[0])))));
}

static struct tensor *polygamma_slope(struct grad_call *c, int64_t n, struct tensor *self)
{
    return d_mul(c->g[0], D(polygamma, V_INT(n + 1), V_TENSOR(self)));
}

void polygamma_rule(struct grad_call *c)
{
    grad_store(c, 0, 1, polygamma_slope(c, c->args[0].i, c->args[1].tensor));
}

void polygamma_method_rule(struct grad_call *c)
{
    grad_store(c, 0, 0, polygamma_slope(c, c->args[1].i, c->args[0].tensor));
}

/* 1 / (x (1 - x)); 0 where x was cut, NaN beyond 0 and 1 when nothing is. */
void logit_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *slope;
    bool cut = c->args[1].given && c->args[1].d >= 0;
    double eps = cut ? c->args[1].d : 0;
    struct tensor *inside = d_logical_and(d_ge_scalar(self, scalar_float(eps)),
                                          d_le_scalar(self, scalar_float(1 - eps)));

    slope = d_true_divide(c->g[0], d_mul(self, d_shift(d_neg(self), 1)));
    if (cut)
        grad_store(c, 0, 0, d_where(inside, slope));
    else
        grad_store(c, 0, 0,
                   d_call3(OP_where, inside, slope, d_number(scalar_float(__builtin_nan("")))));
}
