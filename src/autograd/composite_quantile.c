/* Quantiles: places in sorted lines, and between them. */
#include "autograd/formula.h"
#include "base/error.h"

#include <string.h>

static const char *const interpolations[] = {"linear", "lower", "higher", "midpoint", "nearest"};

static int check(const struct tensor *self, const struct tensor *q, const char *interpolation)
{
    bool known = false;

    for (size_t i = 0; i < sizeof(interpolations) / sizeof(*interpolations); i++)
        known |= strcmp(interpolation, interpolations[i]) == 0;
    if (!known)
        return error_set(ERROR_RUNTIME,
                         "quantile() interpolation must be one of linear, lower, higher, midpoint "
                         "or nearest, but got %s",
                         interpolation);
    if (self->numel == 0)
        return error_set(ERROR_RUNTIME, "quantile() input tensor must be non-empty");
    if (q->ndim > 1)
        return error_set(ERROR_RUNTIME,
                         "quantile() q must be a scalar or 1D tensor, but got a %dD tensor",
                         q->ndim);
    if (self->dtype != DTYPE_f32 && self->dtype != DTYPE_f64)
        return error_set(ERROR_RUNTIME,
                         "quantile() input tensor must be either float or double dtype");
    if (q->dtype != self->dtype)
        return error_set(ERROR_RUNTIME,
                         "quantile() q tensor must be same dtype as the input tensor");
    return 0;
}

static int check_range(struct tensor *q)
{
    struct scalar low = scalar_int(0), high = scalar_int(0);
    bool before = grad_set_enabled(false);
    struct tensor *least = q->numel ? d_call1(OP_min, q) : NULL;
    struct tensor *most = q->numel ? d_call1(OP_max, q) : NULL;

    grad_set_enabled(before);
    if (q->numel &&
        (!least || !most || tensor_item(least, &low) < 0 || tensor_item(most, &high) < 0))
        return -1;
    if (!(low.d >= 0 && high.d <= 1))
        return error_set(ERROR_RUNTIME, "quantile() q values must be in the range [0, 1]");
    return 0;
}

/* Where in each sorted line (..., n) the quantiles lie: (..., Q). A line with a NaN gives its last
 * element, which is NaN; or NaNs are left out. */
static struct tensor *places(struct tensor *sorted, struct tensor *q, bool without_nan)
{
    int64_t last[1] = {-1}, n = sorted->shape[sorted->ndim - 1];
    enum dtype dtype = tensor_dtype(sorted);
    struct tensor *nan = d_isnan(sorted), *count, *any;

    if (!without_nan) {
        any = D(any__dim, V_TENSOR(nan), V_INT(-1), V_INT(true));
        return d_call3(OP_where, any, d_number(scalar_float((double)(n - 1))),
                       d_scale(q, scalar_float((double)(n - 1))));
    }
    count = D(sum__dim, V_TENSOR(d_logical_not(nan)), V_INTS(last, 1), V_INT(true));
    count = d_to(d_sub(count, d_number(scalar_int(1))), dtype);
    return D(clamp_min, V_TENSOR(d_mul(q, count)), V_SCALAR(scalar_int(0)));
}

/* The quantiles of sorted lines (..., n) at places (..., Q). */
static struct tensor *between(struct tensor *sorted, struct tensor *at, const char *how)
{
    struct tensor *low, *high, *weight;

    if (strcmp(how, "lower") == 0)
        at = d_floor(at);
    else if (strcmp(how, "higher") == 0)
        at = d_ceil(at);
    else if (strcmp(how, "nearest") == 0)
        at = d_round(at);
    low = d_to(at, DTYPE_i64);
    high = d_to(d_ceil(at), DTYPE_i64);
    weight = low ? d_sub(at, d_to(low, tensor_dtype(sorted))) : NULL;
    low = D(gather, V_TENSOR(sorted), V_INT(-1), V_TENSOR(low));
    if (strcmp(how, "midpoint") == 0)
        weight = d_call3(OP_where, d_ne(weight, d_number(scalar_int(0))),
                         d_number(scalar_float(0.5)), d_zeros(weight));
    else if (strcmp(how, "linear") != 0)
        return low;
    high = D(gather, V_TENSOR(sorted), V_INT(-1), V_TENSOR(high));
    return d_lerp(low, high, weight);
}

/* self with the lines to be looked at as the last dimension, sorted. */
static struct tensor *sorted_lines(struct tensor *self, bool all, int dim)
{
    if (all || self->ndim == 0)
        self = d_reshape(self, 1, &self->numel);
    else
        self = d_transpose(d_unsqueeze(self, -1), dim, -1);
    return self ? D(sort, V_TENSOR(self)) : NULL;
}

static struct tensor *quantile(struct tensor *self, struct tensor *q, const struct value *dim_value,
                               bool keepdim, const char *how, bool without_nan)
{
    bool all = !dim_value->given;
    int dim = all ? 0 : tensor_dim(self, dim_value->i);
    int64_t shape[TENSOR_MAX_DIMS + 1];
    struct tensor *lines, *result;

    if (dim < 0 || check(self, q, how) < 0 || check_range(q) < 0)
        return NULL;
    lines = sorted_lines(self, all, dim);
    result = lines ? places(lines, d_reshape(q, 1, &q->numel), without_nan) : NULL;
    if (!result)
        return NULL;
    if (result->ndim < lines->ndim ||
        result->numel < q->numel * (lines->numel / lines->shape[lines->ndim - 1])) {
        memcpy(shape, lines->shape, sizeof(lines->shape));
        shape[lines->ndim - 1] = q->numel;
        result = d_expand(result, lines->ndim, shape);
    }
    result = result ? between(lines, result, how) : NULL;
    if (!result)
        return NULL;
    if (all || self->ndim == 0) { /* (Q) */
        for (int d = 0; d < self->ndim; d++)
            shape[d + 1] = 1;
        shape[0] = q->numel;
        result = keepdim ? d_reshape(result, self->ndim + 1, shape) : result;
    } else { /* (..., 1, ..., Q) */
        int64_t from[1] = {-1}, to[1] = {0};

        result = D(movedim, V_TENSOR(result), V_INTS(from, 1), V_INTS(to, 1));
        if (!keepdim)
            result = D(squeeze__dim, V_TENSOR(result), V_INT(dim + 1));
    }
    if (q->ndim == 0 && result)
        result = D(squeeze__dim, V_TENSOR(result), V_INT(0));
    return d_renamed(result, "SqueezeBackward3");
}

/* A number as q, in the dtype of self. */
static struct tensor *number_quantile(struct tensor *q, enum dtype dtype)
{
    struct scalar s = scalar_int(0);

    if (tensor_item(q, &s) < 0)
        return NULL;
    if (!(s.d >= 0 && s.d <= 1))
        return error_null(ERROR_RUNTIME, "quantile() q must be in the range [0, 1] but got %g",
                          s.d);
    return pool_keep(tensor_from_scalar(s, dtype));
}

int quantile_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *q = args[1].tensor;
    bool without_nan = op->name[0] == 'n';
    size_t mark = pool_open();

    if (q->wrapped_number)
        q = number_quantile(q, tensor_dtype(self));
    return pool_leave(op, mark,
                      q ? quantile(self, q, &args[2], args[3].i, args[4].text, without_nan) : NULL,
                      out);
}
