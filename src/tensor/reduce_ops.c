/* Reductions that are more than one kernel: means, extremes and where they are, variances. */
#include "base/error.h"
#include "tensor/reduce.h"

#include <math.h>
#include <string.h>

/* ---- mean and prod ---- */

static int mean(const struct op *op, struct tensor *self, uint32_t mask, bool keepdim,
                const struct value *wanted, struct tensor **out)
{
    enum dtype dtype = wanted->given ? (enum dtype)wanted->i : tensor_dtype(self);
    struct tensor *sum, *count, *quotient = NULL;
    struct scalar none[2] = {scalar_int(0), scalar_int(0)};
    int64_t n = 1;

    if (!dtype_is_float(dtype))
        return error_set(ERROR_RUNTIME,
                         "mean(): could not infer output dtype. Input dtype must be either a "
                         "floating point or complex dtype. Got: %s",
                         dtype_short_name(dtype));
    for (int d = 0; d < self->ndim; d++)
        n *= mask >> d & 1 ? self->shape[d] : 1;
    sum = reduce(self, mask, keepdim, REDUCE_SUM, dtype);
    count = tensor_from_scalar(scalar_float((double)n), dtype);
    if (sum && count)
        elementwise_run(op, OP_true_divide, (struct tensor *[]){sum, count}, none, &quotient);
    tensor_unref(sum);
    tensor_unref(count);
    return reduce_give(op, quotient, out);
}

static uint32_t all_dims(const struct tensor *t)
{
    uint32_t mask;

    reduce_dims(t->ndim, 0, NULL, &mask);
    return mask;
}

static int dims_of(const struct tensor *self, const struct value *dims, uint32_t *mask)
{
    return reduce_dims(self->ndim, dims->given ? dims->ints.count : 0, dims->ints.at, mask);
}

int mean_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return mean(op, args[0].tensor, all_dims(args[0].tensor), false, &args[1], out);
}

int mean_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    if (dims_of(args[0].tensor, &args[1], &mask) < 0)
        return -1;
    return mean(op, args[0].tensor, mask, args[2].i, &args[3], out);
}

static int prod(const struct op *op, struct tensor *self, uint32_t mask, bool keepdim,
                const struct value *wanted, struct tensor **out)
{
    enum dtype dtype = reduce_sum_dtype(self, wanted);
    enum dtype working = dtype_is_float(dtype) ? dtype : DTYPE_i64;
    struct tensor *result = reduce(self, mask, keepdim, REDUCE_PROD, working);
    struct tensor *converted = result ? tensor_to(result, dtype) : NULL;

    tensor_unref(result);
    return reduce_give(op, converted, out);
}

int prod_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return prod(op, args[0].tensor, all_dims(args[0].tensor), false, &args[1], out);
}

int prod_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    if (reduce_dims(args[0].tensor->ndim, 1, &args[1].i, &mask) < 0)
        return -1;
    return prod(op, args[0].tensor, mask, args[2].i, &args[3], out);
}

/* ---- extremes ---- */

static bool wants_max(const struct op *op)
{
    return op->id == OP_max || op->id == OP_max__dim || op->id == OP_amax || op->id == OP_argmax;
}

static struct tensor *extreme(const struct op *op, struct tensor *self, uint32_t mask, bool keepdim)
{
    for (int d = 0; d < self->ndim; d++) {
        if (mask >> d & 1 && self->shape[d] == 0)
            return error_null(ERROR_INDEX, "%s(): Expected reduction dim %d to have non-zero size.",
                              op->name, d);
    }
    return reduce(self, mask, keepdim, wants_max(op) ? REDUCE_MAX : REDUCE_MIN, tensor_dtype(self));
}

int extreme_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;

    if (self->numel == 0)
        return error_set(ERROR_RUNTIME,
                         "%s(): Expected reduction dim to be specified for input.numel() == 0. "
                         "Specify the reduction dim with the 'dim' argument.",
                         op->name);
    return reduce_give(op, extreme(op, self, all_dims(self), false), out);
}

int extreme_dims_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    if (dims_of(args[0].tensor, &args[1], &mask) < 0)
        return -1;
    return reduce_give(op, extreme(op, args[0].tensor, mask, args[2].i), out);
}

/* ---- where the extremes are ---- */

/* The first largest (or smallest) of n elements; the first NaN wins over all. */
#define POSITION(id, T)                                                                            \
    static int64_t position_##id(const char *in, int64_t n, int64_t step, bool largest)            \
    {                                                                                              \
        int64_t best = 0;                                                                          \
        T value = *(const T *)in;                                                                  \
        for (int64_t i = 1; i < n && value == value; i++) {                                        \
            T x = *(const T *)(in + i * step);                                                     \
            if (x != x || (largest ? x > value : x < value)) {                                     \
                value = x;                                                                         \
                best = i;                                                                          \
            }                                                                                      \
        }                                                                                          \
        return best;                                                                               \
    }
#define DTYPE(id, ctype, name, category, class) POSITION(id, ctype)
#include "tensor/dtype.def"
#undef DTYPE

typedef int64_t position_fn(const char *in, int64_t n, int64_t step, bool largest);
static position_fn *const position_functions[DTYPE_COUNT] = {
#define DTYPE(id, ctype, name, category, class) position_##id,
#include "tensor/dtype.def"
#undef DTYPE
};

/* Calls for every run along `dim`: the i-th run starts at the address given. */
static char *run_start(const struct tensor *t, int dim, int64_t run)
{
    int64_t offset = 0;

    for (int d = t->ndim - 1; d >= 0; d--) {
        if (d == dim)
            continue;
        offset += run % t->shape[d] * t->stride[d];
        run /= t->shape[d];
    }
    return tensor_data(t) + offset * (int64_t)dtype_size(tensor_dtype(t));
}

/* int64 positions along dim, contiguous, with dim of size 1 or without it. */
static struct tensor *positions(const struct op *op, const struct tensor *self, int dim,
                                bool keepdim)
{
    int64_t shape[TENSOR_MAX_DIMS], n = self->ndim ? self->shape[dim] : 1;
    int64_t step = self->ndim ? self->stride[dim] * (int64_t)dtype_size(tensor_dtype(self)) : 0;
    struct tensor *out;
    int ndim = reduced_shape(self, self->ndim ? 1u << dim : 0, keepdim, shape);

    if (n == 0)
        return error_null(ERROR_INDEX, "%.3s(): Expected reduction dim %d to have non-zero size.",
                          op->name, dim);
    out = tensor_new(DTYPE_i64, ndim, shape);
    for (int64_t i = 0; out && i < out->numel; i++)
        ((int64_t *)tensor_data(out))[i] = position_functions[self->dtype](
            run_start(self, self->ndim ? dim : -1, i), n, step, wants_max(op));
    return out;
}

int extreme_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *values, *indices;
    int dim = tensor_dim(self, args[1].i);
    size_t size = dtype_size(tensor_dtype(self));
    int64_t step;

    if (dim < 0)
        return -1;
    indices = positions(op, self, dim, args[2].i);
    if (!indices)
        return -1;
    values = tensor_new(tensor_dtype(self), indices->ndim, indices->shape);
    step = self->ndim ? self->stride[dim] * (int64_t)size : 0;
    for (int64_t i = 0; values && i < values->numel; i++)
        memcpy(tensor_data(values) + i * (int64_t)size,
               run_start(self, self->ndim ? dim : -1, i) +
                   ((const int64_t *)tensor_data(indices))[i] * step,
               size);
    if (reduce_give(op, values, &out[0]) < 0) {
        tensor_unref(indices);
        return -1;
    }
    return reduce_give(op, indices, &out[1]);
}

int arg_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *flat, *result;
    int dim;

    if (args[1].given) {
        dim = tensor_dim(self, args[1].i);
        return dim < 0 ? -1 : reduce_give(op, positions(op, self, dim, args[2].i), out);
    }
    if (self->numel == 0)
        return error_set(ERROR_INDEX,
                         "%s(): Expected reduction dim to be specified for input.numel() == 0. "
                         "Specify the reduction dim with the 'dim' argument.",
                         op->name);
    flat = tensor_contiguous(self);
    if (!flat)
        return -1;
    result = tensor_from_scalar(scalar_int(position_functions[flat->dtype](
                                    tensor_data(flat), flat->numel,
                                    (int64_t)dtype_size(tensor_dtype(flat)), wants_max(op))),
                                DTYPE_i64);
    tensor_unref(flat);
    return reduce_give(op, result, out);
}

/* ---- all and any ---- */

int truth_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    bool every = op->id == OP_all || op->id == OP_all__dim;
    bool along = op->id == OP_all__dim || op->id == OP_any__dim;
    struct tensor *self = args[0].tensor, *truth = tensor_to(self, DTYPE_b8), *result = NULL;
    int64_t shape[TENSOR_MAX_DIMS];
    uint32_t mask = all_dims(self);
    int ndim;

    if (!truth || (along && reduce_dims(self->ndim, 1, &args[1].i, &mask) < 0)) {
        tensor_unref(truth);
        return -1;
    }
    ndim = reduced_shape(self, mask, along && args[2].i, shape);
    if (self->numel == 0)
        result = tensor_full(DTYPE_b8, ndim, shape, scalar_bool(every));
    else
        result = reduce(truth, mask, along && args[2].i, every ? REDUCE_MIN : REDUCE_MAX, DTYPE_b8);
    tensor_unref(truth);
    return reduce_give(op, result, out);
}

/* ---- variance ---- */

/* The reduced dimensions behind the kept ones, as doubles, contiguous: rows of n numbers. */
static struct tensor *as_rows(struct tensor *self, uint32_t mask, int64_t *n)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    struct tensor *view, *wide, *rows;
    int at = 0;

    *n = 1;
    for (int pass = 0; pass < 2; pass++) {
        for (int d = 0; d < self->ndim; d++) {
            if ((int)(mask >> d & 1) != pass)
                continue;
            shape[at] = self->shape[d];
            stride[at++] = self->stride[d];
            *n *= pass ? self->shape[d] : 1;
        }
    }
    view = tensor_view(self, self->ndim, shape, stride, self->offset);
    wide = view ? tensor_to(view, DTYPE_f64) : NULL;
    rows = wide ? tensor_contiguous(wide) : NULL;
    tensor_unref(view);
    tensor_unref(wide);
    return rows;
}

static double variance(const double *x, int64_t n, bool unbiased)
{
    double sum = 0, squares = 0;

    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - sum / (double)n) * (x[i] - sum / (double)n);
    return squares / (double)(n - unbiased);
}

static int var(const struct op *op, struct tensor *self, uint32_t mask, bool unbiased, bool keepdim,
               struct tensor **out)
{
    bool root = op->id == OP_std || op->id == OP_std__dim;
    struct tensor *rows, *result;
    int64_t shape[TENSOR_MAX_DIMS], n;
    int ndim = reduced_shape(self, mask, keepdim, shape);

    if (!dtype_is_float(tensor_dtype(self)))
        return error_set(ERROR_RUNTIME,
                         "std and var only support floating point and complex dtypes");
    rows = as_rows(self, mask, &n);
    result = rows ? tensor_new(tensor_dtype(self), ndim, shape) : NULL;
    for (int64_t i = 0; result && i < result->numel; i++) {
        double v = variance((const double *)tensor_data(rows) + i * n, n, unbiased);

        dtype_store(tensor_dtype(result),
                    tensor_data(result) + i * (int64_t)dtype_size(tensor_dtype(result)),
                    scalar_float(root ? sqrt(v) : v));
    }
    tensor_unref(rows);
    return reduce_give(op, result, out);
}

int var_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return var(op, args[0].tensor, all_dims(args[0].tensor), args[1].i, false, out);
}

int var_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    uint32_t mask;

    if (dims_of(args[0].tensor, &args[1], &mask) < 0)
        return -1;
    return var(op, args[0].tensor, mask, args[2].i, args[3].i, out);
}

/* ---- comparisons of whole tensors ---- */

static double element(const struct tensor *t, int64_t i)
{
    struct scalar s =
        dtype_load(tensor_dtype(t), tensor_data(t) + i * (int64_t)dtype_size(tensor_dtype(t)));

    return s.d;
}

int equal_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = tensor_contiguous(args[0].tensor), *b = tensor_contiguous(args[1].tensor);
    bool same = a && b && tensor_same_shape(a, b);

    if (a && b && a->dtype != b->dtype) {
        error_set(ERROR_RUNTIME,
                  "Expected object of data type %s but got data type %s for argument "
                  "'other' in call to equal",
                  dtype_name(tensor_dtype(a)), dtype_name(tensor_dtype(b)));
        same = false;
    }
    for (int64_t i = 0; same && i < a->numel; i++)
        same = element(a, i) == element(b, i);
    tensor_unref(a);
    tensor_unref(b);
    return error_pending() ? -1
                           : reduce_give(op, tensor_from_scalar(scalar_bool(same), DTYPE_b8), out);
}

static bool close_to(double x, double y, double rtol, double atol, bool equal_nan)
{
    if (isnan(x) || isnan(y))
        return equal_nan && isnan(x) && isnan(y);
    return x == y || (isfinite(x) && isfinite(y) && fabs(x - y) <= atol + fabs(rtol * y));
}

static struct tensor *compare(const struct value *args)
{
    struct tensor *in[2] = {args[0].tensor, args[1].tensor}, *wide[2] = {NULL}, *out = NULL;
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = in[0]->ndim;

    memcpy(shape, in[0]->shape, sizeof(shape));
    if (shape_broadcast(&ndim, shape, in[1]->ndim, in[1]->shape) < 0)
        return NULL;
    for (int k = 0; k < 2; k++) {
        wide[k] = tensor_new(DTYPE_f64, ndim, shape);
        if (!wide[k] || tensor_copy(wide[k], in[k]) < 0)
            goto end;
    }
    out = tensor_new(DTYPE_b8, ndim, shape);
    for (int64_t i = 0; out && i < out->numel; i++)
        ((bool *)tensor_data(out))[i] =
            close_to(element(wide[0], i), element(wide[1], i), args[2].d, args[3].d, args[4].i);
end:
    tensor_unref(wide[0]);
    tensor_unref(wide[1]);
    return out;
}

int isclose_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return reduce_give(op, compare(args), out);
}

int allclose_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *close = compare(args);
    bool all = true;

    if (!close)
        return -1;
    for (int64_t i = 0; i < close->numel; i++)
        all &= ((const bool *)tensor_data(close))[i];
    tensor_unref(close);
    return reduce_give(op, tensor_from_scalar(scalar_bool(all), DTYPE_b8), out);
}
