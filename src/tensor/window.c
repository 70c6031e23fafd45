#include "tensor/window.h"

#include <string.h>

static void spread(int64_t *to, int dims, const int64_t *from, int64_t missing)
{
    for (int d = 0; d < WINDOW_DIMS; d++)
        to[d] = d < WINDOW_DIMS - dims ? missing : from[d - (WINDOW_DIMS - dims)];
}

void window_init(struct window *w, int dims, const int64_t *image, const int64_t *map,
                 const int64_t *kernel, const int64_t *stride, const int64_t *padding,
                 const int64_t *dilation)
{
    spread(w->image, dims, image, 1);
    spread(w->map, dims, map, 1);
    spread(w->kernel, dims, kernel, 1);
    spread(w->stride, dims, stride, 1);
    spread(w->padding, dims, padding, 0);
    spread(w->dilation, dims, dilation, 1);
}

int64_t window_volume(const int64_t *sizes)
{
    return sizes[0] * sizes[1] * sizes[2];
}

/* Where a tap reads: image position = position * stride + shift, inside for low <= position < high.
 */
struct reach {
    int64_t shift, low, high;
};

static struct reach reach_of(const struct window *w, int d, int64_t tap)
{
    int64_t shift = tap * w->dilation[d] - w->padding[d], stride = w->stride[d];
    int64_t low = shift < 0 ? (-shift + stride - 1) / stride : 0;
    int64_t high = w->image[d] > shift ? (w->image[d] - shift + stride - 1) / stride : 0;

    if (high > w->map[d])
        high = w->map[d];
    return (struct reach){shift, low < high ? low : high, high};
}

/* One row of columns, for one channel and one tap. */
#define ROWS(T, id)                                                                                \
    static void unfold_row_##id(const struct window *w, const struct reach *r, const T *image,     \
                                T *row)                                                            \
    {                                                                                              \
        const int64_t width = w->map[2], step = w->stride[2];                                      \
                                                                                                   \
        for (int64_t z = 0; z < w->map[0]; z++) {                                                  \
            for (int64_t y = 0; y < w->map[1]; y++, row += width) {                                \
                const T *from = image +                                                            \
                                ((z * w->stride[0] + r[0].shift) * w->image[1] +                   \
                                 y * w->stride[1] + r[1].shift) *                                  \
                                    w->image[2] +                                                  \
                                r[2].shift;                                                        \
                                                                                                   \
                if (z < r[0].low || z >= r[0].high || y < r[1].low || y >= r[1].high) {            \
                    memset(row, 0, (size_t)width * sizeof(T));                                     \
                    continue;                                                                      \
                }                                                                                  \
                for (int64_t x = 0; x < r[2].low; x++)                                             \
                    row[x] = 0;                                                                    \
                if (step == 1)                                                                     \
                    memcpy(row + r[2].low, from + r[2].low,                                        \
                           (size_t)(r[2].high - r[2].low) * sizeof(T));                            \
                else                                                                               \
                    for (int64_t x = r[2].low; x < r[2].high; x++)                                 \
                        row[x] = from[x * step];                                                   \
                for (int64_t x = r[2].high; x < width; x++)                                        \
                    row[x] = 0;                                                                    \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static void fold_row_##id(const struct window *w, const struct reach *r, const T *row,         \
                              T *image)                                                            \
    {                                                                                              \
        const int64_t step = w->stride[2];                                                         \
                                                                                                   \
        for (int64_t z = r[0].low; z < r[0].high; z++) {                                           \
            for (int64_t y = r[1].low; y < r[1].high; y++) {                                       \
                const T *from = row + (z * w->map[1] + y) * w->map[2];                             \
                T *to = image +                                                                    \
                        ((z * w->stride[0] + r[0].shift) * w->image[1] + y * w->stride[1] +        \
                         r[1].shift) *                                                             \
                            w->image[2] +                                                          \
                        r[2].shift;                                                                \
                                                                                                   \
                for (int64_t x = r[2].low; x < r[2].high; x++)                                     \
                    to[x * step] += from[x];                                                       \
            }                                                                                      \
        }                                                                                          \
    }
ROWS(float, f32)
ROWS(double, f64)

/* Goes through channels and taps; to_image: fold, else unfold. */
static void each_row(const struct window *w, enum dtype dtype, int64_t channels, char *image,
                     char *columns, bool to_image)
{
    const int64_t size = (int64_t)dtype_size(dtype);
    const int64_t plane = window_volume(w->image) * size, row = window_volume(w->map) * size;
    const int64_t taps = window_volume(w->kernel);

    for (int64_t i = 0; i < channels * taps; i++, columns += row) {
        char *channel = image + i / taps * plane;
        int64_t tap = i % taps;
        const struct reach r[WINDOW_DIMS] = {
            reach_of(w, 0, tap / (w->kernel[1] * w->kernel[2])),
            reach_of(w, 1, tap / w->kernel[2] % w->kernel[1]),
            reach_of(w, 2, tap % w->kernel[2]),
        };

        if (dtype == DTYPE_f32 && to_image)
            fold_row_f32(w, r, (float *)columns, (float *)channel);
        else if (dtype == DTYPE_f32)
            unfold_row_f32(w, r, (float *)channel, (float *)columns);
        else if (to_image)
            fold_row_f64(w, r, (double *)columns, (double *)channel);
        else
            unfold_row_f64(w, r, (double *)channel, (double *)columns);
    }
}

void window_unfold(const struct window *w, enum dtype dtype, int64_t channels, const void *image,
                   void *columns)
{
    each_row(w, dtype, channels, (char *)(uintptr_t)image, columns, false);
}

void window_fold(const struct window *w, enum dtype dtype, int64_t channels, const void *columns,
                 void *image)
{
    each_row(w, dtype, channels, image, (char *)(uintptr_t)columns, true);
}
