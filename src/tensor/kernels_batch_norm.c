/* The loops of batch normalisation (batch_norm.h), compiled once per instruction set. */
#include "tensor/batch_norm.h"
#include "tensor/lanes.h"
#include "tensor/vector_types.h"

#include <stdbool.h>
#include <string.h>

/* Each channel's sum is a chain of additions in order: this many chains run side by side. */
enum { CHAINS = 4, WHOLE = 2 };

#define CHANNEL_AT(l, n, c) (((n) * (l)->channels + (c)) * (l)->plane)

#define PLANE_FUNCTIONS(id, T)                                                                     \
    static inline void channel_moments_##id(const struct channels *l, int64_t c, const int count,  \
                                            const T *x, T *mean, T *squares)                       \
    {                                                                                              \
        const double n = (double)(l->batch * l->plane);                                            \
        const int64_t whole = l->plane / WHOLE * WHOLE;                                            \
        double sum[CHAINS] = {0}, square[CHAINS] = {0};                                            \
        for (int64_t s = 0; s < l->batch; s++) {                                                   \
            const T *from = x + CHANNEL_AT(l, s, c);                                               \
            for (int64_t i = 0; i < l->plane; i++) {                                               \
                for (int k = 0; k < count; k++)                                                    \
                    sum[k] += (double)from[k * l->plane + i];                                      \
            }                                                                                      \
        }                                                                                          \
        for (int k = 0; k < count; k++)                                                            \
            mean[c + k] = (T)(sum[k] / n);                                                         \
        for (int64_t s = 0; s < l->batch; s++) {                                                   \
            const T *from = x + CHANNEL_AT(l, s, c);                                               \
            for (int64_t i = 0; i < l->plane; i++) {                                               \
                const bool fused = i >= whole;                                                     \
                for (int k = 0; k < count; k++) {                                                  \
                    const T d = from[k * l->plane + i] - mean[c + k];                              \
                    square[k] = sizeof(T) == 8 && fused ? fma((double)d, (double)d, square[k])     \
                                                        : square[k] + (double)(d * d);             \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        for (int k = 0; k < count; k++)                                                            \
            squares[c + k] = (T)square[k];                                                         \
    }                                                                                              \
    static void moments_planes_##id(const struct channels *l, int64_t first, int64_t last,         \
                                    const T *x, T *mean, T *squares)                               \
    {                                                                                              \
        for (; first + CHAINS <= last; first += CHAINS)                                            \
            channel_moments_##id(l, first, CHAINS, x, mean, squares);                              \
        for (; first < last; first++)                                                              \
            channel_moments_##id(l, first, 1, x, mean, squares);                                   \
    }                                                                                              \
    static void transform_planes_##id(const struct channels *l, int64_t first, int64_t last,       \
                                      const T *x, const T *alpha, const T *beta, T *y)             \
    {                                                                                              \
        for (int64_t s = 0; s < l->batch; s++) {                                                   \
            for (int64_t c = first; c < last; c++) {                                               \
                const int64_t at = CHANNEL_AT(l, s, c);                                            \
                const T a = alpha[c], b = beta[c];                                                 \
                for (int64_t i = at; i < at + l->plane; i++)                                       \
                    y[i] = fused_##id(x[i], a, b);                                                 \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void channel_back_##id(const struct channels *l, int64_t c,                             \
                                  const struct batch_norm_back *b)                                 \
    {                                                                                              \
        const T *const g = b->g, *const x = b->x, *const weight = b->weight;                       \
        const T mean = ((const T *)b->mean)[c], invstd = ((const T *)b->invstd)[c];                \
        const T w = weight ? weight[c] : 1, n = (T)(l->batch * l->plane);                          \
        T *const gx = b->gx;                                                                       \
        double sum = 0, dot = 0;                                                                   \
        T slope, shift;                                                                            \
        for (int64_t s = 0; s < l->batch; s++) {                                                   \
            const int64_t at = CHANNEL_AT(l, s, c);                                                \
            sum += (double)row_sum_##id(l->plane, g + at);                                         \
            dot += (double)row_dot_from_##id(l->plane, x + at, mean, g + at);                      \
        }                                                                                          \
        slope = (T)dot * invstd * invstd / n;                                                      \
        shift = (T)(sum / (double)(l->batch * l->plane));                                          \
        for (int64_t s = 0; gx && s < l->batch; s++) {                                             \
            const int64_t at = CHANNEL_AT(l, s, c);                                                \
            if (b->training) {                                                                     \
                for (int64_t i = at; i < at + l->plane; i++)                                       \
                    gx[i] = fused_##id(-(x[i] - mean), slope, g[i] - shift) * invstd * w;          \
            } else {                                                                               \
                for (int64_t i = at; i < at + l->plane; i++)                                       \
                    gx[i] = g[i] * invstd * w;                                                     \
            }                                                                                      \
        }                                                                                          \
        ((T *)b->gweight)[c] = (T)(dot * (double)invstd);                                          \
        ((T *)b->gbias)[c] = (T)sum;                                                               \
    }

/* (N, C): a row has an element of each channel. */
#define ROW_FUNCTIONS(id, T)                                                                       \
    static void moments_rows_##id(const struct channels *l, int64_t first, int64_t last,           \
                                  const T *x, T *mean, T *squares)                                 \
    {                                                                                              \
        T sum[BATCH_NORM_TILE] = {0}, square[BATCH_NORM_TILE] = {0};                               \
        const int64_t count = last - first;                                                        \
        for (int64_t s = 0; s < l->batch; s++) {                                                   \
            const T *from = x + s * l->channels + first;                                           \
            for (int64_t k = 0; k < count; k++)                                                    \
                sum[k] += from[k];                                                                 \
        }                                                                                          \
        for (int64_t k = 0; k < count; k++)                                                        \
            sum[k] = mean[first + k] = (T)((double)sum[k] / (double)l->batch);                     \
        for (int64_t s = 0; s < l->batch; s++) {                                                   \
            const T *from = x + s * l->channels + first;                                           \
            for (int64_t k = 0; k < count; k++)                                                    \
                square[k] = fused_##id(from[k] - sum[k], from[k] - sum[k], square[k]);             \
        }                                                                                          \
        memcpy(squares + first, square, (size_t)count * sizeof(T));                                \
    }                                                                                              \
    static void transform_rows_##id(const struct channels *l, int64_t first, int64_t last,         \
                                    const T *x, const T *alpha, const T *beta, T *y)               \
    {                                                                                              \
        for (int64_t s = 0; s < l->batch; s++) {                                                   \
            const T *from = x + s * l->channels;                                                   \
            T *to = y + s * l->channels;                                                           \
            _Pragma("GCC ivdep") for (int64_t c = first; c < last; c++) to[c] =                    \
                fused_##id(from[c], alpha[c], beta[c]);                                            \
        }                                                                                          \
    }                                                                                              \
    static void back_rows_##id(const struct channels *l, int64_t first, int64_t last,              \
                               const struct batch_norm_back *b)                                    \
    {                                                                                              \
        T sum[BATCH_NORM_TILE] = {0}, dot[BATCH_NORM_TILE] = {0}, weight[BATCH_NORM_TILE];         \
        const T *mean = (const T *)b->mean + first, *invstd = (const T *)b->invstd + first;        \
        const T n = (T)l->batch;                                                                   \
        const int64_t count = last - first;                                                        \
        for (int64_t s = 0; s < l->batch; s++) {                                                   \
            const T *g = (const T *)b->g + s * l->channels + first;                                \
            const T *x = (const T *)b->x + s * l->channels + first;                                \
            for (int64_t k = 0; k < count; k++) {                                                  \
                sum[k] += g[k];                                                                    \
                dot[k] = fused_##id(x[k] - mean[k], g[k], dot[k]);                                 \
            }                                                                                      \
        }                                                                                          \
        memcpy((T *)b->gbias + first, sum, (size_t)count * sizeof(T));                             \
        for (int64_t k = 0; k < count; k++) {                                                      \
            ((T *)b->gweight)[first + k] = dot[k] * invstd[k];                                     \
            weight[k] = b->weight ? ((const T *)b->weight)[first + k] : 1;                         \
            dot[k] = dot[k] * invstd[k] * invstd[k] / n;                                           \
            sum[k] /= n;                                                                           \
        }                                                                                          \
        for (int64_t s = 0; b->gx && s < l->batch; s++) {                                          \
            const T *g = (const T *)b->g + s * l->channels + first;                                \
            const T *x = (const T *)b->x + s * l->channels + first;                                \
            T *gx = (T *)b->gx + s * l->channels + first;                                          \
            if (b->training) {                                                                     \
                const int64_t whole = sizeof(T) == 8 ? count / 4 * 4 : count;                      \
                _Pragma("GCC ivdep") for (int64_t k = 0; k < whole; k++) gx[k] =                   \
                    fused_##id(-(x[k] - mean[k]), dot[k], g[k] - sum[k]) * invstd[k] * weight[k];  \
                for (int64_t k = whole; k < count; k++)                                            \
                    gx[k] = (g[k] - sum[k] - (x[k] - mean[k]) * dot[k]) * invstd[k] * weight[k];   \
            } else {                                                                               \
                _Pragma("GCC ivdep") for (int64_t k = 0; k < count; k++) gx[k] =                   \
                    g[k] * invstd[k] * weight[k];                                                  \
            }                                                                                      \
        }                                                                                          \
    }

#define BATCH_NORM(id, T)                                                                          \
    PLANE_FUNCTIONS(id, T)                                                                         \
    ROW_FUNCTIONS(id, T)                                                                           \
    static void moments_##id(const struct channels *l, int64_t first, int64_t last, const void *x, \
                             void *mean, void *squares)                                            \
    {                                                                                              \
        (l->plane == 1 ? moments_rows_##id : moments_planes_##id)(l, first, last, x, mean,         \
                                                                  squares);                        \
    }                                                                                              \
    static void transform_##id(const struct channels *l, int64_t first, int64_t last,              \
                               const void *x, const void *alpha, const void *beta, void *y)        \
    {                                                                                              \
        (l->plane == 1 ? transform_rows_##id : transform_planes_##id)(l, first, last, x, alpha,    \
                                                                      beta, y);                    \
    }                                                                                              \
    static void back_##id(const struct channels *l, int64_t first, int64_t last,                   \
                          const struct batch_norm_back *b)                                         \
    {                                                                                              \
        if (l->plane == 1)                                                                         \
            back_rows_##id(l, first, last, b);                                                     \
        for (int64_t c = first; l->plane != 1 && c < last; c++)                                    \
            channel_back_##id(l, c, b);                                                            \
    }
BATCH_NORM(f32, float)
BATCH_NORM(f64, double)

#define TABLE ISA_PASTE(batch_norm_, KERNEL_ISA)

const struct batch_norm_kernels TABLE[2] = {
    {moments_f32, transform_f32, back_f32},
    {moments_f64, transform_f64, back_f64},
};
