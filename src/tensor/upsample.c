/* Images of another size: tables of neighbours and weights for each dimension, then sums. */
#include "tensor/upsample.h"

#include "base/error.h"
#include "base/mem.h"
#include "tensor/window.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* From this many elements on, planes are shared out among threads. */
enum { PARALLEL_FROM = 1 << 14, TAPS = 4 };

static const enum op_id table[UPSAMPLE_KIND_COUNT][WINDOW_DIMS] = {
    [UPSAMPLE_NEAREST] = {OP_upsample_nearest1d__vec, OP_upsample_nearest2d__vec,
                          OP_upsample_nearest3d__vec},
    [UPSAMPLE_NEAREST_EXACT] = {OP__upsample_nearest_exact1d__vec,
                                OP__upsample_nearest_exact2d__vec,
                                OP__upsample_nearest_exact3d__vec},
    [UPSAMPLE_LINEAR] = {OP_upsample_linear1d__vec, OP_upsample_bilinear2d__vec,
                         OP_upsample_trilinear3d__vec},
    [UPSAMPLE_CUBIC] = {OP_COUNT, OP_upsample_bicubic2d__vec, OP_COUNT},
};

enum op_id upsample_row(enum upsample_kind kind, int dims)
{
    return table[kind][dims - 1];
}

enum upsample_kind upsample_kind_of(const struct op *op, int *dims)
{
    int i = 0;

    while (table[i / WINDOW_DIMS][i % WINDOW_DIMS] != op->id)
        i++;
    *dims = i % WINDOW_DIMS + 1;
    return (enum upsample_kind)(i / WINDOW_DIMS);
}

/* ---- tables ---- */

struct tap {
    int64_t at;
    double weight;
};
struct resampling {
    int64_t planes, in[WINDOW_DIMS], out[WINDOW_DIMS];
    int count[WINDOW_DIMS];        /* taps of each element */
    struct tap *taps[WINDOW_DIMS]; /* taps[0] is the block of all */
};

/* What is rounded to the tensor's type and what is not follows PyTorch, whose digits depend on it:
 * the scale and the weights are, the position is not. */
#define TAPS_OF(T, id)                                                                             \
    static T scale_##id(int64_t in, int64_t out, bool align, double factor)                        \
    {                                                                                              \
        if (align)                                                                                 \
            return out > 1 ? (T)(in - 1) / (T)(out - 1) : 0;                                       \
        return factor > 0 ? (T)(1 / factor) : (T)in / (T)out;                                      \
    }                                                                                              \
    static T near_##id(T x)                                                                        \
    {                                                                                              \
        const T a = (T)-0.75;                                                                      \
                                                                                                   \
        return ((a + 2) * x - (a + 3)) * x * x + 1;                                                \
    }                                                                                              \
    static T far_##id(T x)                                                                         \
    {                                                                                              \
        const T a = (T)-0.75;                                                                      \
                                                                                                   \
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;                                          \
    }                                                                                              \
    static void taps_##id(enum upsample_kind kind, int64_t in, double x, struct tap *taps)         \
    {                                                                                              \
        int64_t first = (int64_t)floor(x);                                                         \
        T rest;                                                                                    \
                                                                                                   \
        first = first < in - 1 ? first : in - 1;                                                   \
        rest = (T)(x - (double)first);                                                             \
        rest = rest < 0 ? 0 : rest > 1 ? 1 : rest;                                                 \
        if (kind == UPSAMPLE_LINEAR) {                                                             \
            taps[0] = (struct tap){first, 1 - rest};                                               \
            taps[1] = (struct tap){first + (first < in - 1), rest};                                \
            return;                                                                                \
        }                                                                                          \
        taps[0].weight = far_##id(rest + 1);                                                       \
        taps[1].weight = near_##id(rest);                                                          \
        taps[2].weight = near_##id(1 - rest);                                                      \
        taps[3].weight = far_##id(2 - rest);                                                       \
        for (int64_t k = 0; k < TAPS; k++) {                                                       \
            int64_t at = first - 1 + k;                                                            \
                                                                                                   \
            taps[k].at = at < 0 ? 0 : at < in ? at : in - 1;                                       \
        }                                                                                          \
    }
TAPS_OF(float, f32)
TAPS_OF(double, f64)

/* Where element i of the result stands in the input. */
static double position(enum upsample_kind kind, int64_t i, double scale, bool align)
{
    double x = align ? scale * (double)i : scale * ((double)i + 0.5) - 0.5;

    return x < 0 && kind == UPSAMPLE_LINEAR ? 0 : x;
}

static void nearest_tap(enum upsample_kind kind, int64_t in, int64_t i, float scale,
                        struct tap *tap)
{
    float x = (float)i + (kind == UPSAMPLE_NEAREST_EXACT ? 0.5f : 0.0f);
    int64_t at = (int64_t)floorf(x * scale);

    *tap = (struct tap){at < in ? at : in - 1, 1};
}

static void fill_taps(struct resampling *r, int d, enum upsample_kind kind, bool single, bool align,
                      double factor)
{
    int64_t in = r->in[d], out = r->out[d];

    for (int64_t i = 0; i < out; i++) {
        struct tap *taps = r->taps[d] + i * r->count[d];

        if (kind <= UPSAMPLE_NEAREST_EXACT) {
            nearest_tap(kind, in, i, scale_f32(in, out, false, factor), taps);
        } else if (in == out && kind == UPSAMPLE_LINEAR) {
            taps[0] = (struct tap){i, 1};
            taps[1] = (struct tap){i, 0};
        } else if (single) {
            taps_f32(kind, in, position(kind, i, scale_f32(in, out, align, factor), align), taps);
        } else {
            taps_f64(kind, in, position(kind, i, scale_f64(in, out, align, factor), align), taps);
        }
    }
}

/* From `in` to `out`, both of `dims` spatial sizes; factors: NULL or the given scale factors. */
static int resampling_init(struct resampling *r, enum upsample_kind kind, int dims,
                           const int64_t *in, const int64_t *out, bool single, bool align,
                           const struct value *factors)
{
    static const int taps_of[] = {1, 1, 2, TAPS};
    int missing = WINDOW_DIMS - dims;
    int64_t total = 0;

    for (int d = 0; d < WINDOW_DIMS; d++) {
        r->in[d] = d < missing ? 1 : in[d - missing];
        r->out[d] = d < missing ? 1 : out[d - missing];
        r->count[d] = d < missing ? 1 : taps_of[kind];
        total += r->out[d] * r->count[d];
    }
    r->taps[0] = mem_zero((size_t)total + 1, sizeof(struct tap));
    if (!r->taps[0])
        return -1;
    for (int d = 0; d < WINDOW_DIMS; d++) {
        if (d > 0)
            r->taps[d] = r->taps[d - 1] + r->out[d - 1] * r->count[d - 1];
        if (d < missing)
            r->taps[d][0] = (struct tap){0, 1};
        else
            fill_taps(r, d, kind, single, align,
                      factors->given ? factors->floats.at[d - missing] : 0);
    }
    return 0;
}

/* ---- planes ---- */

/* The sum of x[k] * w[k]. Of floats, each product but the second goes into the sum without being
 * rounded, as PyTorch's kernels do it by the processor's instruction for that. */
#define FUSED_f32(x, weight, sum) ((float)((double)(sum) + (double)(x) * (weight)))
#define FUSED_f64(x, weight, sum) ((sum) + (x) * (weight))
#define WEIGHED(T, id, sum, taps, count, k, x)                                                     \
    do {                                                                                           \
        int k = (count) > 1;                                                                       \
                                                                                                   \
        (sum) = (x) * (T)(taps)[k].weight;                                                         \
        if (k == 1) {                                                                              \
            k = 0;                                                                                 \
            (sum) = FUSED_##id(x, (taps)[0].weight, sum);                                          \
        }                                                                                          \
        for (k = 2; k < (count); k++)                                                              \
            (sum) = FUSED_##id(x, (taps)[k].weight, sum);                                          \
    } while (0)

#define PLANES(T, id)                                                                              \
    static T line_##id(const struct resampling *r, const T *row, const struct tap *taps)           \
    {                                                                                              \
        T sum;                                                                                     \
                                                                                                   \
        WEIGHED(T, id, sum, taps, r->count[2], k, row[taps[k].at]);                                \
        return sum;                                                                                \
    }                                                                                              \
    static T plane_##id(const struct resampling *r, const T *plane, const struct tap *ty,          \
                        const struct tap *tx)                                                      \
    {                                                                                              \
        T sum;                                                                                     \
                                                                                                   \
        WEIGHED(T, id, sum, ty, r->count[1], j, line_##id(r, plane + ty[j].at * r->in[2], tx));    \
        return sum;                                                                                \
    }                                                                                              \
    static void gather_##id(const struct resampling *r, const T *in, T *out)                       \
    {                                                                                              \
        const int64_t size = r->in[1] * r->in[2];                                                  \
                                                                                                   \
        for (int64_t z = 0; z < r->out[0]; z++)                                                    \
            for (int64_t y = 0; y < r->out[1]; y++)                                                \
                for (int64_t x = 0; x < r->out[2]; x++, out++) {                                   \
                    const struct tap *tz = r->taps[0] + z * r->count[0];                           \
                    const struct tap *ty = r->taps[1] + y * r->count[1];                           \
                    const struct tap *tx = r->taps[2] + x * r->count[2];                           \
                                                                                                   \
                    WEIGHED(T, id, *out, tz, r->count[0], i,                                       \
                            plane_##id(r, in + tz[i].at * size, ty, tx));                          \
                }                                                                                  \
    }                                                                                              \
    static void spread_##id(const struct resampling *r, const T *g, T *out)                        \
    {                                                                                              \
        memset(out, 0, (size_t)window_volume(r->in) * sizeof(T));                                  \
        for (int64_t z = 0; z < r->out[0]; z++)                                                    \
            for (int64_t y = 0; y < r->out[1]; y++)                                                \
                for (int64_t x = 0; x < r->out[2]; x++, g++) {                                     \
                    const struct tap *tz = r->taps[0] + z * r->count[0];                           \
                    const struct tap *ty = r->taps[1] + y * r->count[1];                           \
                    const struct tap *tx = r->taps[2] + x * r->count[2];                           \
                                                                                                   \
                    for (int i = 0; i < r->count[0]; i++)                                          \
                        for (int j = 0; j < r->count[1]; j++) {                                    \
                            T *row = out + (tz[i].at * r->in[1] + ty[j].at) * r->in[2];            \
                            T share = *g * (T)tz[i].weight * (T)ty[j].weight;                      \
                                                                                                   \
                            for (int k = 0; k < r->count[2]; k++)                                  \
                                row[tx[k].at] += share * (T)tx[k].weight;                          \
                        }                                                                          \
                }                                                                                  \
    }
PLANES(float, f32)
PLANES(double, f64)

static void each_plane(const struct resampling *r, const struct tensor *from, struct tensor *to,
                       bool spread)
{
    int64_t in = window_volume(spread ? r->out : r->in);
    int64_t out = window_volume(spread ? r->in : r->out);
    char *a = tensor_data(from), *b = tensor_data(to);

#pragma omp parallel for if (from->numel + to->numel >= PARALLEL_FROM)
    for (int64_t i = 0; i < r->planes; i++) {
        if (from->dtype == DTYPE_f32)
            (spread ? spread_f32 : gather_f32)(r, (float *)a + i * in, (float *)b + i * out);
        else
            (spread ? spread_f64 : gather_f64)(r, (double *)a + i * in, (double *)b + i * out);
    }
}

/* ---- the operations ---- */

/* Resamples self (N, C, in...) to `out`, or spreads a gradient of the result back. */
static struct tensor *run(struct tensor *self, enum upsample_kind kind, int dims, const int64_t *in,
                          const int64_t *out, bool align, const struct value *factors, bool spread)
{
    struct resampling r = {.planes = self->shape[0] * self->shape[1]};
    struct tensor *from, *result;
    int64_t shape[2 + WINDOW_DIMS];

    memcpy(shape, self->shape, 2 * sizeof(*shape));
    memcpy(shape + 2, spread ? in : out, (size_t)dims * sizeof(*shape));
    from = tensor_contiguous(self);
    result = from ? tensor_new(tensor_dtype(self), 2 + dims, shape) : NULL;
    /* the taps behind the result: sizes beyond all memory have been refused */
    if (result &&
        resampling_init(&r, kind, dims, in, out, self->dtype == DTYPE_f32, align, factors) < 0) {
        tensor_unref(result);
        result = NULL;
    }
    if (result)
        each_plane(&r, from, result, spread);
    tensor_unref(from);
    mem_free(r.taps[0]);
    return result;
}

/* "(H: 4, W: 5)" */
static const char *sizes_text(int dims, const int64_t *sizes, char *text, size_t size)
{
    size_t length = 0;

    for (int d = 0; d < dims && length < size; d++)
        length += (size_t)snprintf(text + length, size - length, "%s%c: %lld", d ? ", " : "(",
                                   "DHW"[WINDOW_DIMS - dims + d], (long long)sizes[d]);
    if (length < size)
        snprintf(text + length, size - length, ")");
    return text;
}

static int check_input(const struct tensor *self, const char *kernel, int dims, const int64_t *out)
{
    char text[2][128];

    if (self->ndim != dims + 2)
        return error_set(ERROR_RUNTIME, "It is expected input_size equals to %d, but got size %d",
                         dims + 2, self->ndim);
    for (int d = 0; d < dims; d++)
        if (self->shape[2 + d] <= 0 || out[d] <= 0)
            return error_set(ERROR_RUNTIME,
                             "Input and output sizes should be greater than 0, but got input %s "
                             "%soutput %s",
                             sizes_text(dims, self->shape + 2, text[0], sizeof(text[0])),
                             dims == 1 ? "and " : "",
                             sizes_text(dims, out, text[1], sizeof(text[1])));
    return dtype_is_float(tensor_dtype(self)) ? 0 : dtype_refuse(kernel, tensor_dtype(self));
}

int upsample_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    static const char *const kernels[] = {
        "compute_indices_weights_nearest", "compute_indices_weights_nearest",
        "compute_indices_weights_linear", "compute_indices_weights_cubic"};
    struct tensor *self = args[0].tensor;
    int dims;
    enum upsample_kind kind = upsample_kind_of(op, &dims);
    int64_t sizes[WINDOW_DIMS];

    for (int d = 0; d < dims; d++)
        sizes[d] =
            args[1].given
                ? args[1].ints.at[d]
                : (int64_t)((double)self->shape[self->ndim - dims + d] * args[3].floats.at[d]);
    if (check_input(self, kernels[kind], dims, sizes) < 0)
        return -1;
    return op_give(
        op, run(self, kind, dims, self->shape + 2, sizes, args[2].i != 0, &args[3], false), out);
}

int upsample_spread_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int dims = self->ndim - 2;

    return op_give(op,
                   run(self, (enum upsample_kind)args[1].i, dims, args[2].ints.at + 2,
                       self->shape + 2, args[3].i != 0, &args[4], true),
                   out);
}
