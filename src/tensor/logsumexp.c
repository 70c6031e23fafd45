/*
 * logsumexp: each row is taken in pieces through a small buffer, on which the kernels of exp and
 * sum work, so that no memory is needed.
 */
#include "base/error.h"
#include "tensor/line_ops.h"
#include "tensor/reduce.h"

#include <math.h>
#include <string.h>

enum { PIECE = 512 };

struct line {
    int64_t count;
};

#define LOGSUMEXP_LINE(id, T)                                                                      \
    static T largest_##id(const char *in, int64_t step, int64_t count)                             \
    {                                                                                              \
        T best = -INFINITY;                                                                        \
        kernels.reduce[REDUCE_MAX][DTYPE_##id](&(struct reduce_loop){count, 1, step, 0, 0, false}, \
                                               (char *)&best, in);                                 \
        return best;                                                                               \
    }                                                                                              \
    /* Sums exp(in - shift); stores the powers when `out` is given. */                             \
    static T sum_of_powers_##id(const char *in, int64_t step, int64_t count, T shift, char *out,   \
                                int64_t out_step)                                                  \
    {                                                                                              \
        static const int64_t steps[2] = {sizeof(T), sizeof(T)};                                    \
        static const struct scalar none[2];                                                        \
        T piece[PIECE], sum = 0;                                                                   \
        for (int64_t start = 0; start < count; start += PIECE) {                                   \
            int64_t n = count - start < PIECE ? count - start : PIECE;                             \
            for (int64_t i = 0; i < n; i++)                                                        \
                piece[i] = *(const T *)(in + (start + i) * step) - shift;                          \
            kernels.elementwise[OP_exp][DTYPE_##id](n, (char *[]){(char *)piece, (char *)piece},   \
                                                    steps, none);                                  \
            kernels.reduce[REDUCE_SUM][DTYPE_##id](                                                \
                &(struct reduce_loop){n, 1, sizeof(T), 0, 0, false}, (char *)&sum, (char *)piece); \
            for (int64_t i = 0; out && i < n; i++)                                                 \
                *(T *)(out + (start + i) * out_step) = piece[i];                                   \
        }                                                                                          \
        return sum;                                                                                \
    }                                                                                              \
    static void logsumexp_##id(char *const *ptr, const int64_t *step, void *context)               \
    {                                                                                              \
        int64_t count = ((const struct line *)context)->count;                                     \
        T shift = largest_##id(ptr[1], step[1], count);                                            \
        if (isinf(shift) || count == 0)                                                            \
            shift = 0;                                                                             \
        *(T *)ptr[0] =                                                                             \
            (T)log((double)sum_of_powers_##id(ptr[1], step[1], count, shift, NULL, 0)) + shift;    \
    }
LOGSUMEXP_LINE(f32, float)
LOGSUMEXP_LINE(f64, double)

int logsumexp_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    enum dtype dtype = dtype_is_float(tensor_dtype(self)) ? tensor_dtype(self) : dtype_default();
    struct line line;
    uint32_t mask;

    if (reduce_dims(self->ndim, args[1].ints.count, args[1].ints.at, &mask) < 0)
        return -1;
    line.count = reduced_count(self, mask);
    return op_give(op,
                   reduce_by_rows(self, mask, args[2].i, dtype, dtype,
                                  dtype == DTYPE_f32 ? logsumexp_f32 : logsumexp_f64, &line),
                   out);
}

/* ---- running ---- */

/* Adds up in double: log(exp(a) + exp(b)) by the larger of the two. */
static double log_add(double a, double b)
{
    double high = a > b ? a : b, low = a > b ? b : a;

    if (isnan(a) || isnan(b))
        return NAN;
    return high == low && isinf(high) ? high : high + log1p(exp(low - high));
}

#define RUNNING_LOGSUMEXP(id, T)                                                                   \
    static void logcumsumexp_##id(char *const *ptr, const int64_t *step, void *context)            \
    {                                                                                              \
        int64_t count = *(const int64_t *)context;                                                 \
        double total = -INFINITY;                                                                  \
        for (int64_t i = 0; i < count; i++) {                                                      \
            total = log_add(total, *(const T *)(ptr[1] + i * step[1]));                            \
            *(T *)(ptr[0] + i * step[0]) = (T)total;                                               \
        }                                                                                          \
    }
RUNNING_LOGSUMEXP(f32, float)
RUNNING_LOGSUMEXP(f64, double)

int logcumsumexp_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *result;
    int dim = tensor_dim(self, args[1].i);
    int64_t count;

    if (dim < 0)
        return -1;
    if (op_check_float(op, self) < 0)
        return -1;
    count = line_length(self, dim);
    result = tensor_new(tensor_dtype(self), self->ndim, self->shape);
    if (result)
        lines_run(2, (const struct tensor *[]){result, self}, dim, count,
                  self->dtype == DTYPE_f32 ? logcumsumexp_f32 : logcumsumexp_f64, &count);
    return op_give(op, result, out);
}
