/* The inner loop of max pooling, compiled once per instruction set. */
#include "tensor/pool_kernels.h"
#include "tensor/vector_math.h"

#include <string.h>

/* Eight windows at a time: rows are short, and the last eight go back over windows that are done,
 * which stay as they are. NaN counts as the largest, as in max(). */
enum { LANES = 8 };
typedef int64_t places __attribute__((vector_size(LANES * sizeof(int64_t))));

#define LARGEST(T, I, id)                                                                          \
    typedef T values_##id __attribute__((vector_size(LANES * sizeof(T))));                         \
    typedef I mask_##id __attribute__((vector_size(LANES * sizeof(T))));                           \
    static inline __attribute__((always_inline)) void eight_##id(                                  \
        const T *in, const int64_t step, int64_t at, T *largest, int64_t *index)                   \
    {                                                                                              \
        values_##id x, next, most;                                                                 \
        places old, place = {0, 1, 2, 3, 4, 5, 6, 7};                                              \
        mask_##id better;                                                                          \
                                                                                                   \
        memcpy(&x, in, sizeof(x));                                                                 \
        if (step == 2) { /* the seven elements between do not reach beyond the last */             \
            memcpy(&next, in + 7, sizeof(next));                                                   \
            x = __builtin_shufflevector(x, next, 0, 2, 4, 6, 9, 11, 13, 15);                       \
        }                                                                                          \
        memcpy(&most, largest, sizeof(most));                                                      \
        memcpy(&old, index, sizeof(old));                                                          \
        better = (mask_##id)(x > most) | (mask_##id)(x != x);                                      \
        most = (values_##id)((better & (mask_##id)x) | (~better & (mask_##id)most));               \
        place = (place * step + at) & __builtin_convertvector(better, places);                     \
        old = place | (~__builtin_convertvector(better, places) & old);                            \
        memcpy(largest, &most, sizeof(most));                                                      \
        memcpy(index, &old, sizeof(old));                                                          \
    }                                                                                              \
    static void largest_##id(int64_t n, const void *from, int64_t step, int64_t at, void *to,      \
                             int64_t *index)                                                       \
    {                                                                                              \
        const T *in = (const T *)from + at;                                                        \
        T *largest = to;                                                                           \
                                                                                                   \
        if (n < LANES || step > 2) {                                                               \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const T x = in[i * step], most = largest[i];                                       \
                const bool better = (x > most) | (x != x);                                         \
                                                                                                   \
                largest[i] = better ? x : most;                                                    \
                index[i] = better ? at + i * step : index[i];                                      \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < n; i += LANES) {                                                   \
            int64_t k = i + LANES <= n ? i : n - LANES;                                            \
                                                                                                   \
            if (step == 1)                                                                         \
                eight_##id(in + k, 1, at + k, largest + k, index + k);                             \
            else                                                                                   \
                eight_##id(in + k * 2, 2, at + k * 2, largest + k, index + k);                     \
        }                                                                                          \
    }
LARGEST(float, int32_t, f32)
LARGEST(double, int64_t, f64)

const struct pool_kernels ISA_PASTE(pool_kernels_, KERNEL_ISA) = {{largest_f32, largest_f64}};
