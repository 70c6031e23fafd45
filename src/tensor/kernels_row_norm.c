/* The loops of layer and group normalisation (row_norm.h), compiled once per instruction set. */
#include "tensor/lanes.h"
#include "tensor/row_norm.h"
#include "tensor/vector_types.h"

#include <string.h>

/*
 * Mean and sum of squared distances by Welford's steps, lane by lane in chunks of CHUNK vectors. As
 * in a binary counter, chunks are joined to pairs, pairs to fours and so on, up to as many levels
 * as the row needs; then the lanes are joined to what the vectors have left over.
 */
enum { CHUNK = 16, LEVELS = 60 };

static int levels_of(int64_t chunks)
{
    int levels = 1;

    while (chunks > (int64_t)1 << levels)
        levels++;
    return levels;
}

#define MOMENTS(id, T)                                                                             \
    struct lanes_##id {                                                                            \
        int64_t count;                                                                             \
        T mean[LANES_##id], squares[LANES_##id];                                                   \
    };                                                                                             \
    /* Joins `more` elements of these moments to *count of those. */                               \
    static inline void join_##id(int lanes, int64_t more, const T *mean, const T *squares,         \
                                 int64_t *count, T *to_mean, T *to_squares)                        \
    {                                                                                              \
        const int64_t n = *count + more;                                                           \
        const T share = n == 0 ? 0 : (T)more / (T)n, before = (T)*count;                           \
        for (int k = 0; k < lanes; k++) {                                                          \
            const T delta = mean[k] - to_mean[k];                                                  \
            to_mean[k] += share * delta;                                                           \
            to_squares[k] += squares[k] + delta * delta * share * before;                          \
        }                                                                                          \
        *count = n;                                                                                \
    }                                                                                              \
    static inline void chunk_moments_##id(const T *x, int vectors, struct lanes_##id *m)           \
    {                                                                                              \
        T mean[LANES_##id] = {0}, squares[LANES_##id] = {0};                                       \
        for (int j = 0; j < vectors; j++, x += LANES_##id) {                                       \
            const T share = (T)1 / (T)(j + 1);                                                     \
            for (int k = 0; k < LANES_##id; k++) {                                                 \
                const T delta = x[k] - mean[k];                                                    \
                mean[k] += delta * share;                                                          \
                squares[k] += delta * (x[k] - mean[k]);                                            \
            }                                                                                      \
        }                                                                                          \
        m->count = vectors;                                                                        \
        memcpy(m->mean, mean, sizeof(mean));                                                       \
        memcpy(m->squares, squares, sizeof(squares));                                              \
    }                                                                                              \
    static inline void join_lanes_##id(const struct lanes_##id *m, struct lanes_##id *to)          \
    {                                                                                              \
        join_##id(LANES_##id, m->count, m->mean, m->squares, &to->count, to->mean, to->squares);   \
    }                                                                                              \
    static void lane_moments_##id(const T *x, int64_t vectors, struct lanes_##id *total)           \
    {                                                                                              \
        struct lanes_##id level[LEVELS], chunk;                                                    \
        const int64_t chunks = (vectors + CHUNK - 1) / CHUNK;                                      \
        const int levels = levels_of(chunks);                                                      \
        memset(level, 0, (size_t)levels * sizeof(*level));                                         \
        for (int64_t i = 0; i < chunks; i++) {                                                     \
            const int64_t left = vectors - i * CHUNK;                                              \
            chunk_moments_##id(x + i * CHUNK * LANES_##id, left < CHUNK ? (int)left : CHUNK,       \
                               &chunk);                                                            \
            join_lanes_##id(&chunk, &level[0]);                                                    \
            for (int j = 1; j < levels && (i + 1) % ((int64_t)1 << j) == 0; j++) {                 \
                join_lanes_##id(&level[j - 1], &level[j]);                                         \
                memset(&level[j - 1], 0, sizeof(*level));                                          \
            }                                                                                      \
        }                                                                                          \
        for (int j = 1; j < levels; j++)                                                           \
            join_lanes_##id(&level[j], &level[0]);                                                 \
        *total = level[0];                                                                         \
    }                                                                                              \
    /* Mean and variance of n elements. */                                                         \
    static void moments_##id(int64_t n, const T *x, T *mean, T *variance)                          \
    {                                                                                              \
        const int64_t vectors = n / LANES_##id;                                                    \
        struct lanes_##id lanes;                                                                   \
        int64_t count = 0;                                                                         \
        T m = 0, squares = 0;                                                                      \
        for (int64_t i = vectors * LANES_##id; i < n; i++) {                                       \
            const T delta = x[i] - m;                                                              \
            m += delta / (T)++count;                                                               \
            squares += delta * (x[i] - m);                                                         \
        }                                                                                          \
        if (vectors > 0) {                                                                         \
            lane_moments_##id(x, vectors, &lanes);                                                 \
            for (int k = 0; k < LANES_##id; k++)                                                   \
                join_##id(1, vectors, &lanes.mean[k], &lanes.squares[k], &count, &m, &squares);    \
        }                                                                                          \
        *mean = m;                                                                                 \
        *variance = squares / (T)n;                                                                \
    }

#define LAYER(id, T, root)                                                                         \
    static void layer_##id(const struct rows *r, int64_t row, const struct row_norm *n)            \
    {                                                                                              \
        const T *x = (const T *)n->x + row * r->length, *weight = n->weight, *bias = n->bias;      \
        T *y = (T *)n->y + row * r->length, mean, variance, scale, shift;                          \
        moments_##id(r->length, x, &mean, &variance);                                              \
        scale = 1 / root(variance + (T)r->eps);                                                    \
        shift = -scale * mean;                                                                     \
        ((T *)n->mean)[row] = mean;                                                                \
        ((T *)n->rstd)[row] = scale;                                                               \
        if (weight && bias) {                                                                      \
            _Pragma("GCC ivdep") for (int64_t i = 0; i < r->length; i++)                           \
            {                                                                                      \
                y[i] = fused_##id(fused_##id(x[i], scale, shift), weight[i], bias[i]);             \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < r->length; i++)                                                    \
            y[i] = fused_##id(x[i], scale, shift);                                                 \
        for (int64_t i = 0; (weight || bias) && i < r->length; i++)                                \
            y[i] = weight ? y[i] * weight[i] : y[i] + bias[i];                                     \
    }                                                                                              \
    static void layer_back_##id(const struct rows *r, int64_t row, const struct row_norm_back *b)  \
    {                                                                                              \
        const int64_t n = r->length, at = row * n;                                                 \
        const T *g = (const T *)b->g + at, *x = (const T *)b->x + at, *weight = b->weight;         \
        const T mean = ((const T *)b->mean)[row], rstd = ((const T *)b->rstd)[row];                \
        const T scale = (T)1 / (T)n;                                                               \
        const T slope = weight ? row_dot3_##id(n, g, x, weight) : row_dot_##id(n, g, x);           \
        const T sum = weight ? row_dot_##id(n, g, weight) : row_sum_##id(n, g);                    \
        const T back = fused_##id(sum, mean, -slope) * rstd * rstd * rstd * scale;                 \
        const T shift = fused_##id(-back, mean, -(sum * rstd * scale));                            \
        T *gx = (T *)b->gx + at;                                                                   \
        if (weight) {                                                                              \
            _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)                                   \
            {                                                                                      \
                gx[i] = fused_##id(back, x[i], rstd * g[i] * weight[i]) + shift;                   \
            }                                                                                      \
        } else {                                                                                   \
            _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)                                   \
            {                                                                                      \
                gx[i] = fused_##id(back, x[i], rstd * g[i]) + shift;                               \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void layer_weights_##id(const struct rows *r, int64_t first, int64_t last,              \
                                   const struct row_norm_back *b)                                  \
    {                                                                                              \
        T slope[ROW_NORM_TILE] = {0}, sum[ROW_NORM_TILE] = {0};                                    \
        const int64_t count = last - first;                                                        \
        for (int64_t row = 0; row < r->rows; row++) {                                              \
            const T *g = (const T *)b->g + row * r->length + first;                                \
            const T *x = (const T *)b->x + row * r->length + first;                                \
            const T rstd = ((const T *)b->rstd)[row];                                              \
            const T shift = -rstd * ((const T *)b->mean)[row];                                     \
            for (int64_t k = 0; k < count; k++) {                                                  \
                slope[k] = fused_##id(g[k], fused_##id(rstd, x[k], shift), slope[k]);              \
                sum[k] += g[k];                                                                    \
            }                                                                                      \
        }                                                                                          \
        memcpy((T *)b->gweight + first, slope, (size_t)count * sizeof(T));                         \
        memcpy((T *)b->gbias + first, sum, (size_t)count * sizeof(T));                             \
    }

/* Where a row's channels begin. */
#define FIRST_CHANNEL(r, row) ((row) * ((r)->length / (r)->plane) % (r)->channels)

/* How PyTorch's compiler grouped the last products of the sums over a group's channels. */
enum { APART_f32 = 4, APART_f64 = 2 };

#define GROUP(id, T, root)                                                                         \
    static void group_##id(const struct rows *r, int64_t row, const struct row_norm *n)            \
    {                                                                                              \
        const int64_t plane = r->plane, count = r->length / plane;                                 \
        const int64_t first = FIRST_CHANNEL(r, row);                                               \
        const T *x = (const T *)n->x + row * r->length, *weight = n->weight, *bias = n->bias;      \
        T *y = (T *)n->y + row * r->length, mean, variance, rstd;                                  \
        moments_##id(r->length, x, &mean, &variance);                                              \
        rstd = 1 / root((variance > 0 ? variance : variance * 0) + (T)r->eps);                     \
        ((T *)n->mean)[row] = mean;                                                                \
        ((T *)n->rstd)[row] = rstd;                                                                \
        for (int64_t i = 0; !weight && !bias && i < r->length; i++)                                \
            y[i] = (x[i] - mean) * rstd;                                                           \
        for (int64_t c = 0; (weight || bias) && c < count; c++) {                                  \
            const T scale = rstd * (weight ? weight[first + c] : 1);                               \
            const T shift = -scale * mean + (bias ? bias[first + c] : 0);                          \
            for (int64_t i = c * plane; i < (c + 1) * plane; i++)                                  \
                y[i] = fused_##id(scale, x[i], shift);                                             \
        }                                                                                          \
    }                                                                                              \
    /* Lanes from 0 on, added in a row, then what they leave over: as many groups of `apart`       \
     * products as there are by two roundings, the others by one. */                               \
    static inline T dot_in_order_##id(int64_t n, const T *x, const T *y, const int apart)          \
    {                                                                                              \
        T lane[LANES_##id] = {0}, sum = 0;                                                         \
        int64_t i = 0;                                                                             \
        for (; i + LANES_##id <= n; i += LANES_##id) {                                             \
            for (int k = 0; k < LANES_##id; k++)                                                   \
                lane[k] = fused_##id(x[i + k], y ? y[i + k] : 1, lane[k]);                         \
        }                                                                                          \
        for (int k = 0; k < LANES_##id; k++)                                                       \
            sum += lane[k];                                                                        \
        for (const int64_t to = i + (n - i) / apart * apart; i < to; i++)                          \
            sum += x[i] * (y ? y[i] : 1);                                                          \
        for (; i < n; i++)                                                                         \
            sum = fused_##id(x[i], y ? y[i] : 1, sum);                                             \
        return sum;                                                                                \
    }                                                                                              \
    static void group_sums_##id(const struct rows *r, int64_t row, const struct row_norm_back *b)  \
    {                                                                                              \
        const int64_t plane = r->plane, count = r->length / plane;                                 \
        const T *g = (const T *)b->g + row * r->length, *x = (const T *)b->x + row * r->length;    \
        T *slope = (T *)b->slopes + row * count, *sum = (T *)b->sums + row * count;                \
        for (int64_t c = 0; c < count; c++) {                                                      \
            slope[c] = dot_in_order_##id(plane, g + c * plane, x + c * plane, 4);                  \
            sum[c] = dot_in_order_##id(plane, g + c * plane, NULL, 4);                             \
        }                                                                                          \
    }                                                                                              \
    static void group_back_##id(const struct rows *r, int64_t row, const struct row_norm_back *b)  \
    {                                                                                              \
        const int64_t plane = r->plane, count = r->length / plane;                                 \
        const T *weight = b->weight ? (const T *)b->weight + FIRST_CHANNEL(r, row) : NULL;         \
        const T slope =                                                                            \
            dot_in_order_##id(count, (const T *)b->slopes + row * count, weight, APART_##id);      \
        const T sum =                                                                              \
            dot_in_order_##id(count, (const T *)b->sums + row * count, weight, APART_##id);        \
        const T mean = ((const T *)b->mean)[row], rstd = ((const T *)b->rstd)[row];                \
        const T scale = (T)1 / (T)r->length;                                                       \
        const T back = fused_##id(sum, mean, -slope) * rstd * rstd * rstd * scale;                 \
        const T shift = fused_##id(-back, mean, -(sum * rstd * scale));                            \
        for (int64_t c = 0; c < count; c++) {                                                      \
            const int64_t at = row * r->length + c * plane;                                        \
            const T *g = (const T *)b->g + at, *x = (const T *)b->x + at;                          \
            const T factor = rstd * (weight ? weight[c] : 1);                                      \
            T *gx = (T *)b->gx + at;                                                               \
            _Pragma("GCC ivdep") for (int64_t i = 0; i < plane; i++)                               \
            {                                                                                      \
                gx[i] = fused_##id(factor, g[i], back * x[i]) + shift;                             \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void group_weights_##id(const struct rows *r, const struct row_norm_back *b)            \
    {                                                                                              \
        const int64_t count = r->length / r->plane;                                                \
        memset(b->gweight, 0, (size_t)r->channels * sizeof(T));                                    \
        memset(b->gbias, 0, (size_t)r->channels * sizeof(T));                                      \
        for (int64_t row = 0; row < r->rows; row++) {                                              \
            T *gweight = (T *)b->gweight + FIRST_CHANNEL(r, row);                                  \
            T *gbias = (T *)b->gbias + FIRST_CHANNEL(r, row);                                      \
            const T *slope = (const T *)b->slopes + row * count;                                   \
            const T *sum = (const T *)b->sums + row * count;                                       \
            const T mean = ((const T *)b->mean)[row], rstd = ((const T *)b->rstd)[row];            \
            for (int64_t c = 0; c < count; c++) {                                                  \
                gweight[c] = fused_##id(fused_##id(-sum[c], mean, slope[c]), rstd, gweight[c]);    \
                gbias[c] += sum[c];                                                                \
            }                                                                                      \
        }                                                                                          \
    }

MOMENTS(f32, float)
MOMENTS(f64, double)
LAYER(f32, float, sqrtf)
LAYER(f64, double, sqrt)
GROUP(f32, float, sqrtf)
GROUP(f64, double, sqrt)

#define TABLE ISA_PASTE(row_norm_, KERNEL_ISA)
#define KERNELS(id)                                                                                \
    {                                                                                              \
        layer_##id, group_##id, layer_back_##id, group_back_##id, layer_weights_##id,              \
            group_sums_##id, group_weights_##id                                                    \
    }

const struct row_norm_kernels TABLE[2] = {KERNELS(f32), KERNELS(f64)};
