#include "autograd/formula_nn.h"

#include "autograd/arguments.h"

#include <math.h>
#include <string.h>

struct tensor *d_slope(enum op_id id, struct tensor *x, struct tensor *y,
                       const struct value *numbers)
{
    struct value args[OP_MAX_ARGS] = {arg_tensor(x), arg_tensor(y)};
    int count = op_schema(&ops[id])->count - 2;

    if (count > 0)
        memcpy(args + 2, numbers, (size_t)count * sizeof(*numbers));
    return x && y ? d_call(id, args) : NULL;
}

struct tensor *d_choose(struct tensor *mask, struct tensor *x, struct tensor *y)
{
    return d_call3(OP_where, mask, x, y);
}

static struct tensor *times(struct tensor *x, double by)
{
    return d_scale(x, scalar_float(by));
}

/* celu(x) is alpha * elu(x / alpha). */
struct tensor *d_celu_slope(struct tensor *g, struct tensor *x, struct scalar alpha)
{
    struct value numbers[] = {arg_scalar(scalar_int(1)), arg_scalar(scalar_int(1))};

    return d_slope(OP_elu_slope, g, times(x, 1 / alpha.d), numbers);
}

struct tensor *d_softplus_slope(struct tensor *g, struct tensor *x, struct scalar beta,
                                struct scalar threshold)
{
    struct tensor *scaled = d_scale(x, beta);

    return d_choose(d_le_scalar(scaled, threshold), d_mul(g, d_sigmoid(scaled)), g);
}

/* The normal distribution's cdf plus x times its density. */
struct tensor *d_gelu_slope(struct tensor *x)
{
    struct tensor *cdf = times(d_shift(d_erf(times(x, M_SQRT1_2)), 1), 0.5);
    struct tensor *density = times(d_exp(times(d_mul(x, x), -0.5)), M_2_SQRTPI * M_SQRT1_2 * 0.5);

    return d_add(cdf, d_mul(x, density));
}

/* (2 - x^2) times the density. */
struct tensor *d_gelu_curve(struct tensor *x)
{
    struct tensor *square = d_mul(x, x);
    struct tensor *density = times(d_exp(times(square, -0.5)), M_2_SQRTPI * M_SQRT1_2 * 0.5);

    return d_mul(density, d_shift(d_neg(square), 2));
}

struct tensor *d_gelu_tanh_slope(struct tensor *x)
{
    const double beta = M_SQRT2 * M_2_SQRTPI * 0.5, kappa = 0.044715;
    struct tensor *square = d_mul(x, x);
    struct tensor *inner = times(d_add(x, times(d_mul(square, x), kappa)), beta);
    struct tensor *t = d_tanh(inner);
    struct tensor *inner_slope = times(d_shift(times(square, 3 * kappa), 1), beta);
    struct tensor *right = d_mul(d_mul(x, d_one_minus_square(t)), inner_slope);

    return times(d_add(d_shift(t, 1), right), 0.5);
}

struct tensor *d_silu_slope(struct tensor *x)
{
    struct tensor *s = d_sigmoid(x);

    return d_mul(s, d_shift(d_mul(x, d_shift(d_neg(s), 1)), 1));
}

struct tensor *d_mish_slope(struct tensor *x)
{
    struct tensor *t = d_tanh(d_softplus(x));

    return d_add(t, d_mul(d_mul(x, d_sigmoid(x)), d_one_minus_square(t)));
}
