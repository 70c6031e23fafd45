/* The inner loop of max pooling, compiled once per instruction set. */
#include "tensor/pool_kernels.h"
#include "tensor/vector_math.h"

#include <string.h>

/* `lanes` windows at a time. With a step of 2 every other element of two vectors is taken; the
 * second begins one before the end of the first, so that none is read beyond the last window. NaN
 * counts as the largest, as in max(). */
#define BLOCK(T, I, id, lanes, first, ...)                                                         \
    typedef T values_##id##_##lanes __attribute__((vector_size(lanes * sizeof(T))));               \
    typedef I mask_##id##_##lanes __attribute__((vector_size(lanes * sizeof(T))));                 \
    typedef int64_t places_##id##_##lanes __attribute__((vector_size(lanes * sizeof(int64_t))));   \
    static inline __attribute__((always_inline)) void block_##id##_##lanes(                        \
        const T *in, const int64_t step, int64_t at, T *largest, int64_t *index)                   \
    {                                                                                              \
        values_##id##_##lanes x, next, most;                                                       \
        places_##id##_##lanes old, place = first, wide;                                            \
        mask_##id##_##lanes better;                                                                \
                                                                                                   \
        memcpy(&x, in, sizeof(x));                                                                 \
        if (step == 2) {                                                                           \
            memcpy(&next, in + lanes - 1, sizeof(next));                                           \
            x = VECTOR_PICK(mask_##id##_##lanes, x, next, __VA_ARGS__);                            \
        }                                                                                          \
        memcpy(&most, largest, sizeof(most));                                                      \
        memcpy(&old, index, sizeof(old));                                                          \
        better = (mask_##id##_##lanes)(x > most) | (mask_##id##_##lanes)(x != x);                  \
        wide = __builtin_convertvector(better, places_##id##_##lanes);                             \
        most = (values_##id##_##lanes)((better & (mask_##id##_##lanes)x) |                         \
                                       (~better & (mask_##id##_##lanes)most));                     \
        old = (wide & (place * step + at)) | (~wide & old);                                        \
        memcpy(largest, &most, sizeof(most));                                                      \
        memcpy(index, &old, sizeof(old));                                                          \
    }                                                                                              \
    /* Rows are short: the last block goes back over windows that are done, which stay as they     \
     * are. */                                                                                     \
    static inline void blocks_##id##_##lanes(int64_t n, const T *in, int64_t step, int64_t at,     \
                                             T *largest, int64_t *index)                           \
    {                                                                                              \
        for (int64_t i = 0; i < n; i += lanes) {                                                   \
            int64_t k = i + lanes <= n ? i : n - lanes;                                            \
                                                                                                   \
            if (step == 1)                                                                         \
                block_##id##_##lanes(in + k, 1, at + k, largest + k, index + k);                   \
            else                                                                                   \
                block_##id##_##lanes(in + k * 2, 2, at + k * 2, largest + k, index + k);           \
        }                                                                                          \
    }

#define FIRST_4                                                                                    \
    {                                                                                              \
        0, 1, 2, 3                                                                                 \
    }
#define FIRST_8                                                                                    \
    {                                                                                              \
        0, 1, 2, 3, 4, 5, 6, 7                                                                     \
    }
#define LARGEST(T, I, id)                                                                          \
    BLOCK(T, I, id, 4, FIRST_4, 0, 2, 5, 7)                                                        \
    BLOCK(T, I, id, 8, FIRST_8, 0, 2, 4, 6, 9, 11, 13, 15)                                         \
    static void largest_##id(int64_t n, const void *from, int64_t step, int64_t at, void *to,      \
                             int64_t *index)                                                       \
    {                                                                                              \
        const T *in = (const T *)from + at;                                                        \
        T *largest = to;                                                                           \
                                                                                                   \
        if (n >= 8 && step <= 2) {                                                                 \
            blocks_##id##_8(n, in, step, at, largest, index);                                      \
        } else if (n >= 4 && step <= 2) {                                                          \
            blocks_##id##_4(n, in, step, at, largest, index);                                      \
        } else {                                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const T x = in[i * step], most = largest[i];                                       \
                const bool better = (x > most) | (x != x);                                         \
                                                                                                   \
                largest[i] = better ? x : most;                                                    \
                index[i] = better ? at + i * step : index[i];                                      \
            }                                                                                      \
        }                                                                                          \
    }
LARGEST(float, int32_t, f32)
LARGEST(double, int64_t, f64)

const struct pool_kernels ISA_PASTE(pool_kernels_, KERNEL_ISA) = {{largest_f32, largest_f64}};
