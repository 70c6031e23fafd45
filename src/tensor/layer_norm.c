/* Layer and group normalisation: rows of elements with mean 0 and variance 1 each. */
#include "base/error.h"
#include "tensor/op.h"

#include <math.h>
#include <string.h>

/* From this many elements on, rows are shared out among threads. */
enum { PARALLEL_FROM = 1 << 15 };

/* (rows, length) elements. A row is made of channels of `plane` elements each, and weight and bias
 * have `channels` elements, of which those of consecutive rows are taken in turn. */
struct rows {
    int64_t rows, length, plane, channels;
    double eps;
};

/* The first channel of a row. */
static int64_t channel_of(const struct rows *r, int64_t row)
{
    int64_t each = r->length / r->plane;

    return r->channels ? row * each % r->channels : 0;
}

/* x * a + b, rounded once for floats, as PyTorch's kernels do by the processor's instruction. */
#define FUSED_f32(x, a, b) ((float)((double)(x) * (double)(a) + (double)(b)))
#define FUSED_f64(x, a, b) ((x) * (a) + (b))

#define ROW(T, id)                                                                                 \
    static void moments_##id(const struct rows *r, const T *x, T *mean, T *rstd)                   \
    {                                                                                              \
        double sum = 0, squares = 0, center;                                                       \
                                                                                                   \
        for (int64_t i = 0; i < r->length; i++)                                                    \
            sum += (double)x[i];                                                                   \
        center = sum / (double)r->length;                                                          \
        for (int64_t i = 0; i < r->length; i++)                                                    \
            squares += ((double)x[i] - center) * ((double)x[i] - center);                          \
        *mean = (T)center;                                                                         \
        *rstd = (T)(1 / sqrt(squares / (double)r->length + r->eps));                               \
    }                                                                                              \
    /* Layer normalisation: weight and bias element by element. */                                 \
    static void layer_row_##id(const struct rows *r, int64_t row, const T *x, const T *weight,     \
                               const T *bias, T *y, T *mean, T *rstd)                              \
    {                                                                                              \
        T scale, shift;                                                                            \
                                                                                                   \
        x += row * r->length;                                                                      \
        y += row * r->length;                                                                      \
        moments_##id(r, x, &mean[row], &rstd[row]);                                                \
        scale = rstd[row];                                                                         \
        shift = -scale * mean[row];                                                                \
        for (int64_t i = 0; i < r->length; i++)                                                    \
            y[i] = FUSED_##id(x[i], scale, shift);                                                 \
        for (int64_t i = 0; (weight || bias) && i < r->length; i++)                                \
            y[i] = FUSED_##id(y[i], weight ? weight[i] : 1, bias ? bias[i] : 0);                   \
    }                                                                                              \
    /* Group normalisation: a scale and a shift for each channel. */                               \
    static void group_row_##id(const struct rows *r, int64_t row, const T *x, const T *weight,     \
                               const T *bias, T *y, T *mean, T *rstd)                              \
    {                                                                                              \
        const int64_t first = channel_of(r, row), count = r->length / r->plane;                    \
                                                                                                   \
        x += row * r->length;                                                                      \
        y += row * r->length;                                                                      \
        moments_##id(r, x, &mean[row], &rstd[row]);                                                \
        for (int64_t i = 0; !weight && !bias && i < r->length; i++)                                \
            y[i] = (x[i] - mean[row]) * rstd[row];                                                 \
        for (int64_t c = 0; (weight || bias) && c < count; c++) {                                  \
            T scale = rstd[row] * (weight ? weight[first + c] : 1);                                \
            T shift = FUSED_##id(-scale, mean[row], bias ? bias[first + c] : 0);                   \
                                                                                                   \
            for (int64_t i = c * r->plane; i < (c + 1) * r->plane; i++)                            \
                y[i] = FUSED_##id(x[i], scale, shift);                                             \
        }                                                                                          \
    }
ROW(float, f32)
ROW(double, f64)

static int check_types(const struct tensor *x, const struct value *part)
{
    if (!part->given || part->tensor->dtype == x->dtype)
        return 0;
    return error_set(ERROR_RUNTIME, "expected scalar type %s but found %s",
                     dtype_short_name(tensor_dtype(x)),
                     dtype_short_name(tensor_dtype(part->tensor)));
}

/* A contiguous weight or bias as a new reference; *ok becomes false without memory. */
static struct tensor *part_of(const struct value *part, bool *ok)
{
    struct tensor *t = part->given ? tensor_contiguous(part->tensor) : NULL;

    *ok = *ok && (t || !part->given);
    return t;
}

/* out: the result, and for each row its mean and 1 / standard deviation, shaped `stat_shape`. */
static int normalize(const struct op *op, const struct rows *r, bool group, struct tensor *x,
                     const struct value *weight, const struct value *bias, int stat_ndim,
                     const int64_t *stat_shape, struct tensor **out)
{
    struct tensor *in, *w, *b;
    bool ok = true;
    char *at[6];

    if (op_check_float(op, x) < 0 || check_types(x, weight) < 0 || check_types(x, bias) < 0)
        return -1;
    in = tensor_contiguous(x);
    w = part_of(weight, &ok);
    b = part_of(bias, &ok);
    out[0] = in ? tensor_new_like(in, DTYPE_NONE) : NULL;
    for (int i = 1; i < 3; i++)
        out[i] = tensor_new(tensor_dtype(x), stat_ndim, stat_shape);
    ok = ok && in && out[0] && out[1] && out[2];
    if (ok) {
        at[0] = tensor_data(in);
        at[1] = w ? tensor_data(w) : NULL;
        at[2] = b ? tensor_data(b) : NULL;
        for (int i = 0; i < 3; i++)
            at[3 + i] = tensor_data(out[i]);
#pragma omp parallel for if (in->numel >= PARALLEL_FROM)
        for (int64_t row = 0; row < r->rows; row++) {
            if (in->dtype == DTYPE_f32)
                (group ? group_row_f32 : layer_row_f32)(r, row, (float *)at[0], (float *)at[1],
                                                        (float *)at[2], (float *)at[3],
                                                        (float *)at[4], (float *)at[5]);
            else
                (group ? group_row_f64 : layer_row_f64)(r, row, (double *)at[0], (double *)at[1],
                                                        (double *)at[2], (double *)at[3],
                                                        (double *)at[4], (double *)at[5]);
        }
    }
    tensor_unref(in);
    tensor_unref(w);
    tensor_unref(b);
    for (int i = 0; !ok && i < 3; i++) {
        tensor_unref(out[i]);
        out[i] = NULL;
    }
    return ok ? 0 : -1;
}

int native_layer_norm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor;
    int lead = x->ndim - args[1].ints.count;
    struct rows r = {.rows = 1, .length = 1, .plane = 1, .eps = args[4].d};
    int64_t shape[TENSOR_MAX_DIMS];

    (void)op;
    for (int d = 0; d < x->ndim; d++) {
        *(d < lead ? &r.rows : &r.length) *= x->shape[d];
        shape[d] = d < lead ? x->shape[d] : 1;
    }
    r.channels = r.length;
    return normalize(op, &r, false, x, &args[2], &args[3], x->ndim, shape, out);
}

int native_group_norm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor;
    int64_t samples = args[3].i, channels = args[4].i, groups = args[6].i;
    int64_t shape[2] = {samples, groups};
    struct rows r = {.rows = samples * groups,
                     .length = channels / groups * args[5].i,
                     .plane = args[5].i ? args[5].i : 1,
                     .channels = channels,
                     .eps = args[7].d};

    (void)op;
    return normalize(op, &r, true, x, &args[1], &args[2], 2, shape, out);
}
