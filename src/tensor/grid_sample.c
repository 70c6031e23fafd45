/* Images sampled at the points of a grid (spatial transformers, Jaderberg et al. 2015). */
#include "base/error.h"
#include "tensor/op.h"
#include "tensor/threads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum mode { BILINEAR, NEAREST, BICUBIC };
enum padding { ZEROS, BORDER, REFLECTION };
/* From this many sampled elements on, samples are shared out among threads. */
enum { DIMS = 3, TAPS = 16, PARALLEL_FROM = 1 << 14 };

/* input (N, C, D, H, W) and grid (N, D', H', W', 2 or 3), D being 1 for images; contiguous. */
struct sampling {
    enum mode mode;
    enum padding padding;
    bool align;
    int dims;
    int64_t samples, channels, size[DIMS], volume, points;
};

/* ---- points ---- */

/*
 * axis: the taps of one coordinate, their weights and the slopes of these with respect to it; a tap
 * outside counts as 0, its place is -1. taps: those of a point, the products of its axes'.
 * The lines that say how a coordinate becomes a place round as PyTorch does, so that the same
 * pixels are found at the edges.
 */
#define POINTS(T, id, FLOOR, RINT, FMOD, FABS)                                                     \
    struct axis_##id {                                                                             \
        int count;                                                                                 \
        int64_t at[4];                                                                             \
        T weight[4], slope[4];                                                                     \
    };                                                                                             \
    struct taps_##id {                                                                             \
        int count;                                                                                 \
        int64_t at[TAPS];                                                                          \
        T weight[TAPS], slope[DIMS][TAPS];                                                         \
    };                                                                                             \
    /* Between low / 2 and high / 2, there and back. *slope: 1 or -1. */                           \
    static T reflect_##id(T x, int64_t low, int64_t high, T *slope)                                \
    {                                                                                              \
        T least = (T)low / 2, span = (T)(high - low) / 2, rest;                                    \
                                                                                                   \
        if (low == high) {                                                                         \
            *slope = 0;                                                                            \
            return 0;                                                                              \
        }                                                                                          \
        *slope = x < least ? -1 : 1;                                                               \
        x = FABS(x - least);                                                                       \
        rest = FMOD(x, span);                                                                      \
        if (FMOD(FLOOR(x / span), 2) == 0)                                                         \
            return rest + least;                                                                   \
        *slope = -*slope;                                                                          \
        return span - rest + least;                                                                \
    }                                                                                              \
    /* A place inside, for the paddings that have one. */                                          \
    static T inside_##id(const struct sampling *s, T x, int64_t size, T *slope)                    \
    {                                                                                              \
        *slope = 1;                                                                                \
        if (s->padding == ZEROS)                                                                   \
            return x;                                                                              \
        if (s->padding == REFLECTION)                                                              \
            x = reflect_##id(x, s->align ? 0 : -1, 2 * size - (s->align ? 2 : 1), slope);          \
        if (x > 0 && x < (T)(size - 1))                                                            \
            return x;                                                                              \
        *slope = 0;                                                                                \
        return x > 0 ? (T)(size - 1) : 0;                                                          \
    }                                                                                              \
    static int64_t place_##id(T x, int64_t size)                                                   \
    {                                                                                              \
        return x >= 0 && x < (T)size ? (int64_t)x : -1;                                            \
    }                                                                                              \
    /* Cubic convolution (Keys 1981) with a = -3/4, of a distance up to 1 and up to 2. */          \
    static T near_##id(T x, T *slope)                                                              \
    {                                                                                              \
        const T a = (T)-0.75;                                                                      \
                                                                                                   \
        *slope = (3 * (a + 2) * x - 2 * (a + 3)) * x;                                              \
        return ((a + 2) * x - (a + 3)) * x * x + 1;                                                \
    }                                                                                              \
    static T far_##id(T x, T *slope)                                                               \
    {                                                                                              \
        const T a = (T)-0.75;                                                                      \
                                                                                                   \
        *slope = (3 * a * x - 10 * a) * x + 8 * a;                                                 \
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;                                          \
    }                                                                                              \
    static void cubic_##id(const struct sampling *s, T x, int64_t size, T scale,                   \
                           struct axis_##id *axis)                                                 \
    {                                                                                              \
        T first = FLOOR(x), rest = x - first, unused;                                              \
                                                                                                   \
        axis->count = 4;                                                                           \
        axis->weight[0] = far_##id(rest + 1, &axis->slope[0]);                                     \
        axis->weight[1] = near_##id(rest, &axis->slope[1]);                                        \
        axis->weight[2] = near_##id(1 - rest, &axis->slope[2]);                                    \
        axis->weight[3] = far_##id(2 - rest, &axis->slope[3]);                                     \
        for (int k = 0; k < 4; k++) {                                                              \
            axis->slope[k] *= k < 2 ? scale : -scale;                                              \
            axis->at[k] = place_##id(inside_##id(s, first + (T)(k - 1), size, &unused), size);     \
        }                                                                                          \
    }                                                                                              \
    static void axis_of_##id(const struct sampling *s, T coordinate, int64_t size,                 \
                             struct axis_##id *axis)                                               \
    {                                                                                              \
        T scale = (T)(s->align ? size - 1 : size) / 2, first, slope;                               \
        T x = s->align ? (coordinate + 1) / 2 * (T)(size - 1)                                      \
                       : ((coordinate + 1) * (T)size - 1) / 2;                                     \
                                                                                                   \
        if (s->mode == BICUBIC) {                                                                  \
            cubic_##id(s, x, size, scale, axis);                                                   \
            return;                                                                                \
        }                                                                                          \
        x = inside_##id(s, x, size, &slope);                                                       \
        if (s->mode == NEAREST) {                                                                  \
            *axis = (struct axis_##id){1, {place_##id(RINT(x), size)}, {1}, {0}};                  \
            return;                                                                                \
        }                                                                                          \
        first = FLOOR(x);                                                                          \
        *axis = (struct axis_##id){2,                                                              \
                                   {place_##id(first, size), place_##id(first + 1, size)},         \
                                   {first + 1 - x, x - first},                                     \
                                   {-scale * slope, scale * slope}};                               \
    }                                                                                              \
    static void taps_of_##id(const struct sampling *s, const T *point, struct taps_##id *taps)     \
    {                                                                                              \
        struct axis_##id axis[DIMS] = {{1, {0}, {1}, {0}}};                                        \
        int n = 0;                                                                                 \
                                                                                                   \
        for (int d = DIMS - s->dims; d < DIMS; d++)                                                \
            axis_of_##id(s, point[DIMS - 1 - d], s->size[d], &axis[d]);                            \
        for (int i = 0; i < axis[0].count; i++)                                                    \
            for (int j = 0; j < axis[1].count; j++)                                                \
                for (int k = 0; k < axis[2].count; k++, n++) {                                     \
                    const int64_t z = axis[0].at[i], y = axis[1].at[j], x = axis[2].at[k];         \
                    const T wz = axis[0].weight[i], wy = axis[1].weight[j];                        \
                    const T wx = axis[2].weight[k];                                                \
                    bool out = z < 0 || y < 0 || x < 0;                                            \
                                                                                                   \
                    taps->at[n] = out ? -1 : (z * s->size[1] + y) * s->size[2] + x;                \
                    taps->weight[n] = wx * wy * wz;                                                \
                    taps->slope[0][n] = axis[2].slope[k] * wy * wz;                                \
                    taps->slope[1][n] = wx * axis[1].slope[j] * wz;                                \
                    taps->slope[2][n] = wx * wy * axis[0].slope[i];                                \
                }                                                                                  \
        taps->count = n;                                                                           \
    }

/* ---- samples ---- */

/* Sample n of (N, ..): its image, its grid, what comes out; going back, the gradients. */
#define SAMPLES(T, id)                                                                             \
    static void gather_##id(const struct sampling *s, const T *in, const T *grid, T *out)          \
    {                                                                                              \
        for (int64_t p = 0; p < s->points; p++) {                                                  \
            struct taps_##id taps;                                                                 \
                                                                                                   \
            taps_of_##id(s, grid + p * s->dims, &taps);                                            \
            for (int64_t c = 0; c < s->channels; c++) {                                            \
                const T *plane = in + c * s->volume;                                               \
                T sum = 0;                                                                         \
                                                                                                   \
                for (int k = 0; k < taps.count; k++)                                               \
                    sum += taps.weight[k] * (taps.at[k] < 0 ? 0 : plane[taps.at[k]]);              \
                out[c * s->points + p] = sum;                                                      \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void spread_##id(const struct sampling *s, const T *in, const T *grid, const T *g,      \
                            T *g_in, T *g_grid)                                                    \
    {                                                                                              \
        for (int64_t p = 0; p < s->points; p++) {                                                  \
            struct taps_##id taps;                                                                 \
            T sums[DIMS] = {0};                                                                    \
                                                                                                   \
            taps_of_##id(s, grid + p * s->dims, &taps);                                            \
            for (int64_t c = 0; c < s->channels; c++) {                                            \
                const T *plane = in + c * s->volume, share = g[c * s->points + p];                 \
                                                                                                   \
                for (int k = 0; k < taps.count; k++) {                                             \
                    if (taps.at[k] < 0)                                                            \
                        continue;                                                                  \
                    g_in[c * s->volume + taps.at[k]] += share * taps.weight[k];                    \
                    for (int d = 0; d < s->dims; d++)                                              \
                        sums[d] += share * plane[taps.at[k]] * taps.slope[d][k];                   \
                }                                                                                  \
            }                                                                                      \
            memcpy(g_grid + p * s->dims, sums, (size_t)s->dims * sizeof(T));                       \
        }                                                                                          \
    }
POINTS(float, f32, floorf, rintf, fmodf, fabsf)
POINTS(double, f64, floor, rint, fmod, fabs)
SAMPLES(float, f32)
SAMPLES(double, f64)

/* ---- checks ---- */

static int refuse_sizes(const char *format, const struct tensor *input, const struct tensor *grid)
{
    char text[2][96];

    return error_set(ERROR_RUNTIME, format,
                     shape_text(input->ndim, input->shape, text[0], sizeof(text[0])),
                     shape_text(grid->ndim, grid->shape, text[1], sizeof(text[1])));
}

static int check_sizes(const struct tensor *input, const struct tensor *grid, enum mode mode)
{
    char text[96];

    if (input->shape[0] != grid->shape[0])
        return refuse_sizes("grid_sampler(): expected grid and input to have same batch size, but "
                            "got input with sizes %s and grid with sizes %s",
                            input, grid);
    if (grid->shape[grid->ndim - 1] != input->ndim - 2)
        return error_set(ERROR_RUNTIME,
                         "grid_sampler(): expected grid to have size %d in last dimension, but got "
                         "grid with sizes %s",
                         input->ndim - 2, shape_text(grid->ndim, grid->shape, text, sizeof(text)));
    for (int d = 2; d < input->ndim; d++)
        if (input->shape[d] == 0)
            return error_set(ERROR_RUNTIME,
                             "grid_sampler(): expected input to have non-empty spatial dimensions, "
                             "but input has sizes %s with dimension %d being empty",
                             shape_text(input->ndim, input->shape, text, sizeof(text)), d);
    if ((input->ndim != 4 && input->ndim != 5) || input->ndim != grid->ndim)
        return refuse_sizes("grid_sampler(): expected 4D or 5D input and grid with same number of "
                            "dimensions, but got input with sizes %s and grid with sizes %s",
                            input, grid);
    if (input->ndim == 5 && mode == BICUBIC)
        return error_set(ERROR_RUNTIME,
                         "grid_sampler(): bicubic interpolation only supports 4D input");
    return 0;
}

static int sampling_init(struct sampling *s, const struct tensor *input, const struct tensor *grid,
                         const struct value *how)
{
    *s = (struct sampling){.mode = (enum mode)how[0].i,
                           .padding = (enum padding)how[1].i,
                           .align = how[2].i,
                           .size = {1, 1, 1},
                           .points = 1};
    if (input->ndim < 2 || grid->ndim < 2)
        return refuse_sizes("grid_sampler(): expected 4D or 5D input and grid with same number of "
                            "dimensions, but got input with sizes %s and grid with sizes %s",
                            input, grid);
    if (check_sizes(input, grid, s->mode) < 0)
        return -1;
    s->dims = input->ndim - 2;
    if (input->dtype != DTYPE_f32 && input->dtype != DTYPE_f64)
        return error_set(ERROR_RUNTIME, "grid_sampler_%dd_cpu not implemented for %s", s->dims,
                         dtype_short_name(tensor_dtype(input)));
    if (input->dtype != grid->dtype)
        return error_set(ERROR_RUNTIME, "expected scalar type %s but found %s",
                         dtype_short_name(tensor_dtype(input)),
                         dtype_short_name(tensor_dtype(grid)));
    s->samples = input->shape[0];
    s->channels = input->shape[1];
    for (int d = 0; d < s->dims; d++) {
        s->size[DIMS - s->dims + d] = input->shape[2 + d];
        s->points *= grid->shape[1 + d];
    }
    s->volume = s->size[0] * s->size[1] * s->size[2];
    return 0;
}

/* ---- the rows ---- */

static char *part(const struct tensor *t, int64_t sample, int64_t each)
{
    return tensor_data(t) + sample * each * (int64_t)dtype_size(tensor_dtype(t));
}

static void sample_all(const struct sampling *s, const struct tensor *input,
                       const struct tensor *grid, struct tensor *result)
{
    const bool single = input->dtype == DTYPE_f32;
    const int64_t from = s->channels * s->volume, at = s->points * s->dims;
    const int64_t to = s->channels * s->points;

#pragma omp parallel for num_threads(tensor_threads()) if (s->samples * to >= PARALLEL_FROM)
    for (int64_t n = 0; n < s->samples; n++) {
        char *in = part(input, n, from), *points = part(grid, n, at), *out = part(result, n, to);

        if (single)
            gather_f32(s, (const float *)in, (const float *)points, (float *)out);
        else
            gather_f64(s, (const double *)in, (const double *)points, (double *)out);
    }
}

int grid_sampler_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *input = NULL, *grid = NULL, *result = NULL;
    struct sampling s;

    if (sampling_init(&s, args[0].tensor, args[1].tensor, args + 2) < 0)
        return -1;
    input = tensor_contiguous(args[0].tensor);
    grid = tensor_contiguous(args[1].tensor);
    if (input && grid) {
        int64_t shape[DIMS + 2] = {s.samples, s.channels};

        memcpy(shape + 2, grid->shape + 1, (size_t)s.dims * sizeof(*shape));
        result = tensor_new(tensor_dtype(input), s.dims + 2, shape);
    }
    if (result)
        sample_all(&s, input, grid, result);
    tensor_unref(input);
    tensor_unref(grid);
    return op_give(op, result, out);
}

static void spread_all(const struct sampling *s, struct tensor *const *from,
                       struct tensor *const *results)
{
    const bool single = results[0]->dtype == DTYPE_f32;
    const int64_t image = s->channels * s->volume, at = s->points * s->dims;
    const int64_t sampled = s->channels * s->points;

#pragma omp parallel for num_threads(tensor_threads()) if (s->samples * sampled >= PARALLEL_FROM)
    for (int64_t n = 0; n < s->samples; n++) {
        char *g = part(from[0], n, sampled), *in = part(from[1], n, image);
        char *points = part(from[2], n, at);
        char *g_in = part(results[0], n, image), *g_grid = part(results[1], n, at);

        if (single)
            spread_f32(s, (const float *)in, (const float *)points, (const float *)g, (float *)g_in,
                       (float *)g_grid);
        else
            spread_f64(s, (const double *)in, (const double *)points, (const double *)g,
                       (double *)g_in, (double *)g_grid);
    }
}

int grid_sampler_backward_forward(const struct op *op, const struct value *args,
                                  struct tensor **out)
{
    struct tensor *from[3] = {NULL}, *results[2] = {NULL};
    struct sampling s;
    bool ready = true;

    if (sampling_init(&s, args[1].tensor, args[2].tensor, args + 3) < 0)
        return -1;
    for (int i = 0; ready && i < 3; i++)
        ready = (from[i] = tensor_contiguous(args[i].tensor)) != NULL;
    for (int i = 0; ready && i < 2; i++) {
        struct tensor *like = from[i + 1];

        results[i] = tensor_zeros(tensor_dtype(like), like->ndim, like->shape);
        ready = results[i] != NULL;
    }
    if (ready)
        spread_all(&s, from, results);
    for (int i = 0; i < 3; i++)
        tensor_unref(from[i]);
    return op_give_several(op, 2, results, out);
}
