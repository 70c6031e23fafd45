/*
 * The reduction kernels. Compiled once per instruction set.
 *
 * Sums of floats run in LANES independent sums over blocks of BLOCK elements, whose results are
 * then added pairwise: the error grows with the logarithm of the length, and the loops are vector
 * code.
 */
#include "tensor/kernels.h"
#include "tensor/vector_math.h"

#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"
#pragma GCC diagnostic ignored "-Wtautological-compare"

enum { LANES = 32, BLOCK = 1024 };

#define IN(T, i) (*(const T *)(in + (i)*step))

/* join(a, b) must be associative up to rounding; `start` is its neutral element. */
#define REDUCE_KERNEL(name, id, T, start, join)                                                    \
    static T name##_block_##id(int64_t n, const char *in, int64_t step)                            \
    {                                                                                              \
        T lane[LANES], total = start;                                                              \
        int64_t i = 0;                                                                             \
        if (step == sizeof(T) && n >= 2 * LANES) {                                                 \
            for (int k = 0; k < LANES; k++)                                                        \
                lane[k] = ((const T *)in)[k];                                                      \
            for (i = LANES; i + LANES <= n; i += LANES) {                                          \
                for (int k = 0; k < LANES; k++) {                                                  \
                    const T a = lane[k], b = ((const T *)in)[i + k];                               \
                    lane[k] = (T)(join);                                                           \
                }                                                                                  \
            }                                                                                      \
            for (int half = LANES / 2; half > 0; half /= 2) {                                      \
                for (int k = 0; k < half; k++) {                                                   \
                    const T a = lane[k], b = lane[k + half];                                       \
                    lane[k] = (T)(join);                                                           \
                }                                                                                  \
            }                                                                                      \
            total = lane[0];                                                                       \
        }                                                                                          \
        for (; i < n; i++) {                                                                       \
            const T a = total, b = IN(T, i);                                                       \
            total = (T)(join);                                                                     \
        }                                                                                          \
        return total;                                                                              \
    }                                                                                              \
    static T name##_pairwise_##id(int64_t n, const char *in, int64_t step)                         \
    {                                                                                              \
        int64_t half;                                                                              \
        if (n <= BLOCK)                                                                            \
            return name##_block_##id(n, in, step);                                                 \
        half = (n / 2 + BLOCK - 1) / BLOCK * BLOCK;                                                \
        {                                                                                          \
            const T a = name##_pairwise_##id(half, in, step);                                      \
            const T b = name##_pairwise_##id(n - half, in + half * step, step);                    \
            return (T)(join);                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void name##_##id(int64_t n, char *const *ptr, const int64_t *stride,                    \
                            const struct scalar *params)                                           \
    {                                                                                              \
        (void)params;                                                                              \
        *(T *)ptr[0] = name##_pairwise_##id(n, ptr[1], stride[1]);                                 \
    }                                                                                              \
    static void name##_fold_##id(int64_t n, char *const *ptr, const int64_t *stride,               \
                                 const struct scalar *params)                                      \
    {                                                                                              \
        T *out = (T *)ptr[0];                                                                      \
        const T *in = (const T *)ptr[1];                                                           \
        (void)params;                                                                              \
        (void)stride;                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const T a = out[i], b = in[i];                                                         \
            out[i] = (T)(join);                                                                    \
        }                                                                                          \
    }

#define ARITHMETIC(id, T)                                                                          \
    REDUCE_KERNEL(sum, id, T, 0, a + b)                                                            \
    REDUCE_KERNEL(prod, id, T, 1, a *b)
/* max and min start from the first element (the caller refuses none) and keep a NaN. */
#define EXTREMES(id, T)                                                                            \
    REDUCE_KERNEL(max, id, T, n > 0 ? *(const T *)in : 0, m_maximum(a, b))                         \
    REDUCE_KERNEL(min, id, T, n > 0 ? *(const T *)in : 0, m_minimum(a, b))

/* Sums and products are made in int64, float or double: other types are converted before. */
ARITHMETIC(i64, int64_t)
ARITHMETIC(f32, float)
ARITHMETIC(f64, double)
#define DTYPE(id, ctype, name, category, class) EXTREMES(id, ctype)
#include "tensor/dtype.def"
#undef DTYPE

#define SUMS(name)                                                                                 \
    {                                                                                              \
        [DTYPE_i64] = name##_i64, [DTYPE_f32] = name##_f32, [DTYPE_f64] = name##_f64               \
    }

#define REDUCE_TABLE ISA_PASTE(reduce_, KERNEL_ISA)
#define FOLD_TABLE   ISA_PASTE(fold_, KERNEL_ISA)

#define DTYPE(id, ctype, name, category, class) [DTYPE_##id] = max_##id,
const reduce_table REDUCE_TABLE = {
    [REDUCE_SUM] = SUMS(sum),
    [REDUCE_PROD] = SUMS(prod),
    [REDUCE_MAX] =
        {
#include "tensor/dtype.def"
#undef DTYPE
#define DTYPE(id, ctype, name, category, class) [DTYPE_##id] = min_##id,
        },
    [REDUCE_MIN] =
        {
#include "tensor/dtype.def"
#undef DTYPE
#define DTYPE(id, ctype, name, category, class) [DTYPE_##id] = max_fold_##id,
        },
};

const reduce_table FOLD_TABLE = {
    [REDUCE_SUM] = SUMS(sum_fold),
    [REDUCE_PROD] = SUMS(prod_fold),
    [REDUCE_MAX] =
        {
#include "tensor/dtype.def"
#undef DTYPE
#define DTYPE(id, ctype, name, category, class) [DTYPE_##id] = min_fold_##id,
        },
    [REDUCE_MIN] =
        {
#include "tensor/dtype.def"
#undef DTYPE
        },
};
