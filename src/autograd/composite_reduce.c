/* Reductions and orders made of recorded operations. */
#include "autograd/formula.h"
#include "base/error.h"
#include "tensor/reduce.h"

#include <math.h>
#include <string.h>

int maximum_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_maximum], args, out);
}

int minimum_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_minimum], args, out);
}

/* self with 0 for NaN. */
static struct tensor *without_nan(struct tensor *self)
{
    return dtype_is_float(tensor_dtype(self)) ? d_where(d_logical_not(d_isnan(self)), self) : self;
}

int nansum_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct value sum[4] = {V_TENSOR(without_nan(args[0].tensor)), args[1], args[2], args[3]};

    return pool_leave(op, mark, d_call(OP_sum__dim, sum), out);
}

int nanmean_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct value sum[4] = {V_TENSOR(without_nan(args[0].tensor)), args[1], args[2], args[3]};
    struct tensor *there = d_logical_not(d_isnan(args[0].tensor));
    struct tensor *count = D(sum__dim, V_TENSOR(there), args[1], args[2]);

    if (!dtype_is_float(tensor_dtype(args[0].tensor))) {
        pool_close(mark);
        return error_set(ERROR_RUNTIME,
                         "nanmean(): expected input to have floating point dtype "
                         "but got %s",
                         dtype_short_name(tensor_dtype(args[0].tensor)));
    }
    return pool_leave(op, mark, d_true_divide(d_call(OP_sum__dim, sum), count), out);
}

int norm_text_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value norm[5] = {args[0], V_SCALAR(scalar_int(2)), args[2], args[3], args[4]};

    if (strcmp(args[1].text, "fro") != 0)
        return error_set(ERROR_RUNTIME, "%s(): p is a number or 'fro' here, got '%s'", op->name,
                         args[1].text);
    return op_call(&ops[OP_norm], norm, out);
}

int dist_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct tensor *difference = d_sub(args[0].tensor, args[1].tensor);

    return pool_leave(op, mark, D(norm, V_TENSOR(difference), args[2]), out);
}

/* ---- order ---- */

int argsort_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *pair[OP_MAX_OUTPUTS] = {NULL};

    if (ops[OP_sort].forward(&ops[OP_sort], args, pair) < 0)
        return -1;
    tensor_unref(pair[0]);
    return op_give(op, pair[1], out);
}

int bucketize_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value search[5] = {args[1], args[0], args[2], args[3], V_NONE};

    if (args[1].tensor->ndim != 1)
        return error_set(ERROR_RUNTIME,
                         "torch.searchsorted(): boundaries tensor must be 1 dimension, but got "
                         "dim(%d)",
                         args[1].tensor->ndim);
    (void)op;
    return op_call(&ops[OP_searchsorted], search, out);
}

/* ---- quantiles ---- */

enum interpolation { LINEAR, LOWER, HIGHER, MIDPOINT, NEAREST, INTERPOLATION_COUNT };

static int read_interpolation(const char *text)
{
    static const char *const names[] = {"linear", "lower", "higher", "midpoint", "nearest"};

    for (int i = 0; i < INTERPOLATION_COUNT; i++) {
        if (strcmp(names[i], text) == 0)
            return i;
    }
    return error_set(ERROR_RUNTIME,
                     "quantile() interpolation must be one of linear, lower, higher, midpoint or "
                     "nearest, but got %s",
                     text);
}

/* Between which elements of a sorted line of n a quantile lies, and how far from the first. */
static double place(double q, int64_t n, enum interpolation how, int64_t *low, int64_t *high)
{
    double at = q * (double)(n - 1), below = floor(at), part = at - below;

    if (how == NEAREST)
        below = rint(at);
    *low = (int64_t)below;
    *high = how == NEAREST ? *low : (int64_t)ceil(at);
    return how == LOWER || how == NEAREST ? 0 : how == HIGHER ? 1 : how == MIDPOINT ? 0.5 : part;
}

/* The quantiles along `dim` of a sorted tensor, one behind the other along dim. */
static struct tensor *interpolate(struct tensor *sorted, int dim, struct tensor *q,
                                  enum interpolation how)
{
    int64_t n = sorted->shape[dim], count = q->numel, shape[TENSOR_MAX_DIMS];
    struct tensor *low = pool_keep(tensor_new(DTYPE_i64, 1, &count));
    struct tensor *high = pool_keep(tensor_new(DTYPE_i64, 1, &count));
    struct tensor *whole = pool_keep(tensor_contiguous(q)), *weight;

    for (int d = 0; d < sorted->ndim; d++)
        shape[d] = d == dim ? count : 1;
    weight = pool_keep(tensor_new(tensor_dtype(sorted), sorted->ndim, shape));
    if (!low || !high || !weight || !whole)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        size_t size = dtype_size(tensor_dtype(whole)), wide = dtype_size(tensor_dtype(weight));
        double x = dtype_load(tensor_dtype(whole), tensor_data(whole) + (size_t)i * size).d;

        if (!(x >= 0 && x <= 1))
            return error_null(ERROR_RUNTIME, "quantile() q values must be in the range [0, 1]");
        x = place(x, n, how, &((int64_t *)tensor_data(low))[i], &((int64_t *)tensor_data(high))[i]);
        dtype_store(tensor_dtype(weight), tensor_data(weight) + (size_t)i * wide, scalar_float(x));
    }
    return d_lerp(D(index_select, V_TENSOR(sorted), V_INT(dim), V_TENSOR(low)),
                  D(index_select, V_TENSOR(sorted), V_INT(dim), V_TENSOR(high)), weight);
}

static struct tensor *quantile(struct tensor *self, struct tensor *q, const struct value *dim_value,
                               bool keepdim, int how)
{
    struct tensor *line = self, *result;
    int dim = dim_value->given ? tensor_dim(self, dim_value->i) : 0;
    int64_t shape[TENSOR_MAX_DIMS];

    if (dim < 0 || how < 0)
        return NULL;
    if (self->numel == 0)
        return error_null(ERROR_RUNTIME, "quantile() input tensor must be non-empty");
    if (!dim_value->given || self->ndim == 0)
        line = d_reshape(self, 1, &self->numel);
    line = D(sort, V_TENSOR(line), V_INT(dim));
    result = line ? interpolate(line, dim, q, (enum interpolation)how) : NULL;
    if (!result)
        return NULL;
    /* (..., Q, ...) to (Q, ..., 1, ...) */
    result = D(movedim, V_TENSOR(result), V_INTS((int64_t[]){dim}, 1), V_INTS((int64_t[]){0}, 1));
    if (!result || (!keepdim && q->ndim > 0))
        return result;
    shape[0] = q->numel;
    for (int d = 0; d < self->ndim; d++)
        shape[d + 1] = !dim_value->given || d == dim ? 1 : self->shape[d];
    if (keepdim)
        result = d_reshape(result, self->ndim + 1, shape);
    return result && q->ndim == 0 ? d_select(result, 0, 0) : result;
}

int quantile_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *q = args[1].tensor;
    size_t mark = pool_open();

    if (!dtype_is_float(tensor_dtype(self)))
        return error_set(ERROR_RUNTIME,
                         "quantile() input tensor must be either float or double dtype");
    if (q->ndim > 1)
        return error_set(ERROR_RUNTIME, "quantile() q must be a scalar or 1D tensor");
    return pool_leave(
        op, mark, quantile(self, q, &args[2], args[3].i, read_interpolation(args[4].text)), out);
}
