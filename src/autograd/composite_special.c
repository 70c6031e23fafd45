/* Special functions made of others. */
#include "autograd/formula.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

int ldexp_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct tensor *power = d_pow(d_number(scalar_float(2)), args[1].tensor);

    return pool_leave(op, mark, d_mul(args[0].tensor, power), out);
}

/* Python numbers stay such: they do not decide the type. */
static struct tensor *in_double(struct tensor *t, enum dtype dtype)
{
    return t->wrapped_number ? t : d_to(t, dtype);
}

int float_power_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *base = args[0].tensor, *exponent = args[1].tensor;
    enum dtype dtype = DTYPE_f64;
    size_t mark = pool_open();

    if (dtype_is_complex(tensor_dtype(base)) || dtype_is_complex(tensor_dtype(exponent)))
        dtype = DTYPE_c128;
    if (base->wrapped_number)
        base = pool_keep(tensor_to(base, dtype));
    base = base ? d_pow(in_double(base, dtype), in_double(exponent, dtype)) : NULL;
    return pool_leave(op, mark, base, out);
}

int ndtr_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct tensor *erf = d_erf(d_scale(args[0].tensor, scalar_float(M_SQRT1_2)));

    return pool_leave(op, mark, d_scale(d_shift(erf, 1), scalar_float(0.5)), out);
}

/* ---- the multivariate gamma function: a sum over gamma at self, self - 1/2, ... ---- */

static struct tensor *mvlgamma(const struct value *args)
{
    struct tensor *self = args[0].tensor, *sum = d_lgamma(self);
    double p = (double)args[1].i;

    for (int64_t k = 1; k < args[1].i; k++)
        sum = d_add(sum, d_lgamma(d_shift(self, -0.5 * (double)k)));
    return d_shift(sum, p * (p - 1) / 4 * log(M_PI));
}

int mvlgamma_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    if (args[1].i < 1)
        return error_set(ERROR_RUNTIME, "p has to be greater than or equal to 1");
    return formula_forward(op, args, out, mvlgamma);
}

void mvlgamma_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *sum = d_digamma(self);

    for (int64_t k = 1; k < c->args[1].i; k++)
        sum = d_add(sum, d_digamma(d_shift(self, -0.5 * (double)k)));
    grad_store(c, 0, 0, d_mul(c->g[0], sum));
}
