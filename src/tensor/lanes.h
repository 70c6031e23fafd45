/*
 * lanes.h: sums over a contiguous row in the order of PyTorch's AVX2 build.
 *
 * A row is added up in as many lanes as 32 bytes hold, each product joining its lane in one fused
 * rounding; then the lanes are folded (float) or added in a row (double). The digits are the same
 * whatever the width of the vectors here. Included by kernel files alone.
 */
#ifndef SADDLE_TENSOR_LANES_H
#define SADDLE_TENSOR_LANES_H

#include <math.h>
#include <stdint.h>

enum { LANES_f32 = 8, LANES_f64 = 4 };

/* x * y + z, rounded once. */
static inline float fused_f32(float x, float y, float z)
{
    return fmaf(x, y, z);
}
static inline double fused_f64(double x, double y, double z)
{
    return fma(x, y, z);
}

static inline float lanes_fold_f32(const float lane[LANES_f32])
{
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}
static inline double lanes_fold_f64(const double lane[LANES_f64])
{
    return lane[0] + lane[1] + lane[2] + lane[3];
}

/* A function for the sum of `term`, an expression in i, over 0 <= i < n, n >= 1; `join` is that of
 * sum and term. A row shorter than the lanes is added up as it comes. */
#define ROW_SUM(name, id, T, parameters, term, join)                                               \
    static inline T name##_##id parameters                                                         \
    {                                                                                              \
        T lane[LANES_##id], sum;                                                                   \
        int64_t i = 0, at = LANES_##id;                                                            \
        if (n < LANES_##id) {                                                                      \
            sum = term;                                                                            \
            for (i = 1; i < n; i++)                                                                \
                sum += term;                                                                       \
            return sum;                                                                            \
        }                                                                                          \
        for (int k = 0; k < LANES_##id; k++) {                                                     \
            i = k;                                                                                 \
            lane[k] = term;                                                                        \
        }                                                                                          \
        for (; at + LANES_##id <= n; at += LANES_##id) {                                           \
            for (int k = 0; k < LANES_##id; k++) {                                                 \
                i = at + k;                                                                        \
                sum = lane[k];                                                                     \
                lane[k] = join;                                                                    \
            }                                                                                      \
        }                                                                                          \
        for (int k = 0; at + k < n; k++) {                                                         \
            i = at + k;                                                                            \
            sum = lane[k];                                                                         \
            lane[k] = join;                                                                        \
        }                                                                                          \
        return lanes_fold_##id(lane);                                                              \
    }

#define ROW_SUMS(id, T)                                                                            \
    ROW_SUM(row_sum, id, T, (int64_t n, const T *x), x[i], sum + x[i])                             \
    ROW_SUM(row_dot, id, T, (int64_t n, const T *x, const T *y), x[i] * y[i],                      \
            fused_##id(x[i], y[i], sum))                                                           \
    ROW_SUM(row_dot3, id, T, (int64_t n, const T *x, const T *y, const T *z), x[i] * y[i] * z[i],  \
            fused_##id(x[i] * y[i], z[i], sum))                                                    \
    /* Of (x - from) * y. */                                                                       \
    ROW_SUM(row_dot_from, id, T, (int64_t n, const T *x, T from, const T *y),                      \
            (x[i] - from) * y[i], fused_##id(x[i] - from, y[i], sum))
ROW_SUMS(f32, float)
ROW_SUMS(f64, double)
#undef ROW_SUMS

#endif
