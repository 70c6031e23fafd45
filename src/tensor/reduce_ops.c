/* The operations that sum up: over all elements or over some dimensions. */
#include "base/error.h"
#include "tensor/lines.h"
#include "tensor/reduce.h"

#include <math.h>

/* The dims argument of a call as a mask; -1 for `at`: all dims. */
static int dims_mask(const struct value *args, int at, uint32_t *mask)
{
    if (at < 0 || !args[at].given)
        return reduce_dims(args[0].tensor->ndim, 0, NULL, mask);
    return reduce_dims(args[0].tensor->ndim, args[at].ints.count, args[at].ints.at, mask);
}

static int dim_mask(const struct value *args, int at, uint32_t *mask)
{
    return reduce_dims(args[0].tensor->ndim, 1, &args[at].i, mask);
}

static struct tensor *converted(struct tensor *t, enum dtype dtype)
{
    struct tensor *result = t ? tensor_to(t, dtype) : NULL;

    tensor_unref(t);
    return result;
}

/* ---- sums, means, products ---- */

/* Kernels sum in int64, float or double; the result is converted when another was asked for. */
static struct tensor *reduce_arithmetic(struct tensor *self, uint32_t mask, bool keepdim,
                                        enum reduction reduction, enum dtype dtype)
{
    enum dtype working = dtype_is_differentiable(dtype) ? dtype : DTYPE_i64;

    return converted(reduce(self, mask, keepdim, reduction, working), dtype);
}

static int fold_all(const struct op *op, const struct value *args, enum reduction reduction,
                    struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    uint32_t mask;

    dims_mask(args, -1, &mask);
    return op_give(
        op, reduce_arithmetic(self, mask, false, reduction, reduce_sum_dtype(self, &args[1])), out);
}

int sum_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return fold_all(op, args, REDUCE_SUM, out);
}

int prod_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return fold_all(op, args, REDUCE_PROD, out);
}

static int fold_dims(const struct op *op, const struct value *args, uint32_t mask,
                     enum reduction reduction, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    enum dtype dtype = reduce_sum_dtype(self, &args[3]);

    return op_give(op, reduce_arithmetic(self, mask, args[2].i, reduction, dtype), out);
}

int sum_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    return dims_mask(args, 1, &mask) < 0 ? -1 : fold_dims(op, args, mask, REDUCE_SUM, out);
}

int prod_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    return dim_mask(args, 1, &mask) < 0 ? -1 : fold_dims(op, args, mask, REDUCE_PROD, out);
}

int64_t reduced_count(const struct tensor *self, uint32_t mask)
{
    int64_t count = 1;

    for (int d = 0; d < self->ndim; d++)
        count *= mask >> d & 1 ? self->shape[d] : 1;
    return count;
}

static void divide(struct tensor *t, int64_t by)
{
    float *f = (float *)tensor_data(t);
    double *d = (double *)tensor_data(t);
    enum dtype part = dtype_infos[t->dtype].part; /* complex numbers part by part */
    int64_t count = t->numel * (int64_t)(dtype_size(tensor_dtype(t)) / dtype_size(part));

    for (int64_t i = 0; i < count; i++) {
        if (part == DTYPE_f32)
            f[i] /= (float)by;
        else
            d[i] /= (double)by;
    }
}

/* The dtype of a mean, DTYPE_NONE with an error. */
static enum dtype mean_dtype(const struct tensor *self, const struct value *wanted)
{
    enum dtype dtype = wanted->given ? (enum dtype)wanted->i : tensor_dtype(self);

    if (dtype_is_differentiable(dtype))
        return dtype;
    error_set(ERROR_RUNTIME,
              "mean(): could not infer output dtype. %s must be either a floating point or complex "
              "dtype. Got: %s",
              wanted->given ? "Optional dtype" : "Input dtype", dtype_short_name(dtype));
    return DTYPE_NONE;
}

static int mean(const struct op *op, struct tensor *self, uint32_t mask, bool keepdim,
                const struct value *wanted, struct tensor **out)
{
    enum dtype dtype = mean_dtype(self, wanted);
    struct tensor *result;

    if (dtype == DTYPE_NONE)
        return -1;
    result = reduce(self, mask, keepdim, REDUCE_SUM, dtype);
    if (result)
        divide(result, reduced_count(self, mask));
    return op_give(op, result, out);
}

int mean_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    dims_mask(args, -1, &mask);
    return mean(op, args[0].tensor, mask, false, &args[1], out);
}

int mean_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    if (mean_dtype(args[0].tensor, &args[3]) == DTYPE_NONE || dims_mask(args, 1, &mask) < 0)
        return -1;
    return mean(op, args[0].tensor, mask, args[2].i, &args[3], out);
}

/* ---- truth ---- */

int count_nonzero_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *truth = tensor_to(args[0].tensor, DTYPE_b8), *result = NULL;
    uint32_t mask;

    if (truth && dims_mask(args, 1, &mask) == 0)
        result = reduce(truth, mask, false, REDUCE_SUM, DTYPE_i64);
    tensor_unref(truth);
    return op_give(op, result, out);
}

/* any() is the maximum of truth values, all() the minimum; bytes stay bytes. */
static int any_or_all(const struct op *op, struct tensor *self, uint32_t mask, bool keepdim,
                      bool all, struct tensor **out)
{
    enum dtype dtype = self->dtype == DTYPE_u8 ? DTYPE_u8 : DTYPE_b8;
    struct tensor *truth = tensor_to(self, DTYPE_b8), *result;

    if (!truth)
        return -1;
    result = reduce(truth, mask, keepdim, all ? REDUCE_MIN : REDUCE_MAX, DTYPE_b8);
    tensor_unref(truth);
    if (result && self->numel == 0 && tensor_fill(result, scalar_bool(all)) < 0) {
        tensor_unref(result);
        return -1;
    }
    return op_give(op, converted(result, dtype), out);
}

int any_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    dims_mask(args, -1, &mask);
    return any_or_all(op, args[0].tensor, mask, false, false, out);
}

int any_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    return dim_mask(args, 1, &mask) < 0
               ? -1
               : any_or_all(op, args[0].tensor, mask, args[2].i, false, out);
}

int all_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    dims_mask(args, -1, &mask);
    return any_or_all(op, args[0].tensor, mask, false, true, out);
}

int all_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    return dim_mask(args, 1, &mask) < 0
               ? -1
               : any_or_all(op, args[0].tensor, mask, args[2].i, true, out);
}

/* ---- extremes without their place ---- */

static int extreme_all(const struct op *op, const struct value *args, enum reduction reduction,
                       struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    uint32_t mask;

    if (self->numel == 0)
        return error_set(ERROR_RUNTIME,
                         "%s(): Expected reduction dim to be specified for input.numel() == 0. "
                         "Specify the reduction dim with the 'dim' argument.",
                         op->name);
    dims_mask(args, -1, &mask);
    return op_give(op, reduce(self, mask, false, reduction, tensor_dtype(self)), out);
}

int max_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return extreme_all(op, args, REDUCE_MAX, out);
}

int min_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return extreme_all(op, args, REDUCE_MIN, out);
}

static int extreme_dims(const struct op *op, const struct value *args, enum reduction reduction,
                        struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    uint32_t mask;

    if (dims_mask(args, 1, &mask) < 0)
        return -1;
    if (self->numel == 0 && (!args[1].given || args[1].ints.count == 0))
        return error_set(ERROR_RUNTIME,
                         "%s(): Expected reduction dim to be specified for input.numel() == 0. "
                         "Specify the reduction dim with the 'dim' argument.",
                         op->name);
    for (int d = 0; d < self->ndim; d++) {
        if (mask >> d & 1 && self->shape[d] == 0)
            return error_set(ERROR_INDEX, "%s(): Expected reduction dim %d to have non-zero size.",
                             op->name, d);
    }
    return op_give(op, reduce(self, mask, args[2].i, reduction, tensor_dtype(self)), out);
}

int amax_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return extreme_dims(op, args, REDUCE_MAX, out);
}

int amin_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return extreme_dims(op, args, REDUCE_MIN, out);
}
