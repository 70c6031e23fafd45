/* Variance, norms: reductions that read their elements more than once, or not just add them. */
#include "base/error.h"
#include "tensor/lines.h"
#include "tensor/reduce.h"

#include <math.h>

struct tensor *reduce_rows(struct tensor *self, uint32_t mask, enum dtype dtype)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    int64_t rows[2] = {1, reduced_count(self, mask)}, steps[2] = {rows[1], 1};
    struct tensor *turned, *typed, *whole, *result;
    int ndim = 0;

    for (int pass = 0; pass < 2; pass++) { /* kept dimensions first */
        for (int d = 0; d < self->ndim; d++) {
            if ((int)(mask >> d & 1) != pass)
                continue;
            rows[0] *= pass ? 1 : self->shape[d];
            shape[ndim] = self->shape[d];
            stride[ndim++] = self->stride[d];
        }
    }
    turned = tensor_view(self, ndim, shape, stride, self->offset);
    typed = turned ? tensor_to(turned, dtype) : NULL;
    whole = typed ? tensor_contiguous(typed) : NULL;
    result = whole ? tensor_view(whole, 2, rows, steps, whole->offset) : NULL;
    tensor_unref(turned);
    tensor_unref(typed);
    tensor_unref(whole);
    return result;
}

struct tensor *reduce_by_rows(struct tensor *self, uint32_t mask, bool keepdim, enum dtype dtype,
                              enum dtype result_dtype, line_fn *line, void *context)
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = reduced_shape(self, mask, keepdim, shape);
    struct tensor *rows = reduce_rows(self, mask, dtype);
    struct tensor *out = rows ? tensor_new(result_dtype, ndim, shape) : NULL, *column = NULL;

    if (out)
        column = tensor_view(out, 2, (int64_t[]){out->numel, 1}, (int64_t[]){1, 1}, 0);
    if (column)
        lines_run(2, (const struct tensor *[]){column, rows}, 1, rows->shape[1], line, context);
    else
        tensor_unref(out);
    tensor_unref(rows);
    if (!column)
        return NULL;
    tensor_unref(column);
    return out;
}

/* ---- variance and standard deviation ---- */

struct variance {
    int64_t count;
    double divisor;
    bool root, is_complex;
};

/* Two passes in double: the mean, then the squares of what differs from it. The variance of complex
 * numbers is the sum of those of their parts. */
#define VARIANCE(id, T)                                                                            \
    static double squares_##id(const T *in, int64_t count, int step)                               \
    {                                                                                              \
        double sum = 0, squares = 0, mean;                                                         \
        for (int64_t i = 0; i < count; i++)                                                        \
            sum += in[i * step];                                                                   \
        mean = sum / (double)count;                                                                \
        for (int64_t i = 0; i < count; i++)                                                        \
            squares += (in[i * step] - mean) * (in[i * step] - mean);                              \
        return squares;                                                                            \
    }                                                                                              \
    static void variance_##id(char *const *ptr, const int64_t *step, void *context)                \
    {                                                                                              \
        const struct variance *v = context;                                                        \
        const T *in = (const T *)ptr[1];                                                           \
        double squares = v->is_complex                                                             \
                             ? squares_##id(in, v->count, 2) + squares_##id(in + 1, v->count, 2)   \
                             : squares_##id(in, v->count, 1);                                      \
        (void)step;                                                                                \
        squares /= v->divisor > 0 ? v->divisor : 0;                                                \
        *(T *)ptr[0] = (T)(v->root ? sqrt(squares) : squares);                                     \
    }
VARIANCE(f32, float)
VARIANCE(f64, double)

static bool takes_root(const struct op *op)
{
    return op->id == OP_std || op->id == OP_std__dim || op->id == OP_std__correction;
}

static int variance(const struct op *op, struct tensor *self, const struct value *dims,
                    int64_t correction, bool keepdim, struct tensor **out)
{
    enum dtype dtype = tensor_dtype(self), part = dtype_infos[dtype].part;
    struct variance v = {.root = takes_root(op), .is_complex = dtype_is_complex(dtype)};
    uint32_t mask;

    if (!dtype_is_differentiable(dtype))
        return error_set(ERROR_RUNTIME,
                         "std and var only support floating point and complex dtypes");
    if (reduce_dims(self->ndim, dims && dims->given ? dims->ints.count : 0,
                    dims ? dims->ints.at : NULL, &mask) < 0)
        return -1;
    v.count = reduced_count(self, mask);
    v.divisor = (double)(v.count - correction);
    return op_give(op,
                   reduce_by_rows(self, mask, keepdim, dtype, part,
                                  part == DTYPE_f32 ? variance_f32 : variance_f64, &v),
                   out);
}

int var_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return variance(op, args[0].tensor, NULL, args[1].i, false, out);
}

int var_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return variance(op, args[0].tensor, &args[1], args[2].i, args[3].i, out);
}

int var_correction_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return variance(op, args[0].tensor, &args[1], args[2].given ? args[2].i : 1, args[3].i, out);
}

/* ---- norms ---- */

struct norm {
    int64_t count;
    double p;
};

static double norm_extreme(double best, double x, bool largest)
{
    return best != best || (largest ? best > x : best < x) ? best : x;
}

/* |x| summed up by p; the root comes at the end. */
static double norm_join(double sum, double x, double p)
{
    if (p == 2)
        return sum + x * x;
    if (p == 1)
        return sum + x;
    if (p == 0)
        return sum + (x != 0);
    if (isinf(p))
        return norm_extreme(sum, x, p > 0);
    return sum + pow(x, p);
}

static double norm_finish(double sum, double p)
{
    if (p == 2)
        return sqrt(sum);
    return p == 0 || p == 1 || isinf(p) ? sum : pow(sum, 1 / p);
}

#define NORM(id, T)                                                                                \
    static void norm_##id(char *const *ptr, const int64_t *step, void *context)                    \
    {                                                                                              \
        const struct norm *norm = context;                                                         \
        const T *in = (const T *)ptr[1];                                                           \
        double sum = norm->p == -INFINITY ? INFINITY : 0;                                          \
        (void)step;                                                                                \
        if (norm->p == 2) {                                                                        \
            for (int64_t i = 0; i < norm->count; i++)                                              \
                sum += (double)in[i] * (double)in[i];                                              \
        } else {                                                                                   \
            for (int64_t i = 0; i < norm->count; i++)                                              \
                sum = norm_join(sum, fabs((double)in[i]), norm->p);                                \
        }                                                                                          \
        *(T *)ptr[0] = (T)norm_finish(sum, norm->p);                                               \
    }
NORM(f32, float)
NORM(f64, double)

int norm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    enum dtype dtype = args[4].given ? (enum dtype)args[4].i : tensor_dtype(self);
    struct norm norm = {.p = args[1].given ? args[1].scalar.d : 2};
    uint32_t mask;

    if (!dtype_is_float(dtype))
        return error_set(ERROR_RUNTIME,
                         "norm(): input dtype should be either floating point or complex. Got %s "
                         "instead.",
                         dtype_short_name(dtype));
    if (reduce_dims(self->ndim, args[2].given ? args[2].ints.count : 0, args[2].ints.at, &mask) < 0)
        return -1;
    norm.count = reduced_count(self, mask);
    if (norm.count == 0 && (norm.p < 0 || isinf(norm.p)))
        return error_set(ERROR_RUNTIME,
                         "linalg.vector_norm cannot compute the %g norm on an empty tensor because "
                         "the operation does not have an identity",
                         norm.p);
    return op_give(op,
                   reduce_by_rows(self, mask, args[3].i, dtype, dtype,
                                  dtype == DTYPE_f32 ? norm_f32 : norm_f64, &norm),
                   out);
}
