/*
 * Softmax of one contiguous row. Compiled once per instruction set.
 *
 * The sum runs in as many lanes as PyTorch's AVX2 build has, added in the same order, whatever the
 * width of the vectors here: the digits are the same everywhere.
 */
#include "tensor/kernels.h"
#include "tensor/vector_math.h"

#include <string.h>

enum { LANES_f32 = 8, LANES_f64 = 4 };

#define ROW_FUNCTIONS(id, T)                                                                       \
    static T row_max_##id(int64_t n, const T *in)                                                  \
    {                                                                                              \
        T lane[LANES_##id], most = in[0];                                                          \
        int64_t i = 0;                                                                             \
        for (int k = 0; k < LANES_##id; k++)                                                       \
            lane[k] = most;                                                                        \
        for (; i + LANES_##id <= n; i += LANES_##id) {                                             \
            for (int k = 0; k < LANES_##id; k++)                                                   \
                lane[k] = in[i + k] > lane[k] ? in[i + k] : lane[k];                               \
        }                                                                                          \
        for (int k = 0; k < LANES_##id; k++)                                                       \
            most = lane[k] > most ? lane[k] : most;                                                \
        for (; i < n; i++)                                                                         \
            most = in[i] > most ? in[i] : most;                                                    \
        return most;                                                                               \
    }                                                                                              \
    static T row_sum_##id(int64_t n, const T *in)                                                  \
    {                                                                                              \
        T lane[LANES_##id], sum = in[0];                                                           \
        int64_t i = LANES_##id;                                                                    \
        if (n < LANES_##id) {                                                                      \
            for (i = 1; i < n; i++)                                                                \
                sum += in[i];                                                                      \
            return sum;                                                                            \
        }                                                                                          \
        memcpy(lane, in, sizeof(lane));                                                            \
        for (; i + LANES_##id <= n; i += LANES_##id) {                                             \
            for (int k = 0; k < LANES_##id; k++)                                                   \
                lane[k] += in[i + k];                                                              \
        }                                                                                          \
        for (int k = 0; i + k < n; k++)                                                            \
            lane[k] += in[i + k];                                                                  \
        for (int half = LANES_##id / 2; half > 0; half /= 2) {                                     \
            for (int k = 0; k < half; k++)                                                         \
                lane[k] += lane[k + half];                                                         \
        }                                                                                          \
        return lane[0];                                                                            \
    }                                                                                              \
    /* out = exp(in - most) */                                                                     \
    static void row_exp_##id(int64_t n, T *out, const T *in, T most)                               \
    {                                                                                              \
        const int64_t lanes = VECTOR_BYTES / (int64_t)sizeof(T);                                   \
        int64_t i = 0;                                                                             \
        vector_##id x;                                                                             \
        for (; i + lanes <= n; i += lanes) {                                                       \
            memcpy(&x, in + i, VECTOR_BYTES);                                                      \
            x = m_exp(x - most);                                                                   \
            memcpy(out + i, &x, VECTOR_BYTES);                                                     \
        }                                                                                          \
        if (i < n) {                                                                               \
            x = (vector_##id){0};                                                                  \
            memcpy(&x, in + i, (size_t)(n - i) * sizeof(T));                                       \
            x = m_exp(x - most);                                                                   \
            memcpy(out + i, &x, (size_t)(n - i) * sizeof(T));                                      \
        }                                                                                          \
    }                                                                                              \
    static void softmax_##id(int64_t n, char *const *ptr, const int64_t *stride,                   \
                             const struct scalar *params)                                          \
    {                                                                                              \
        T *out = (T *)ptr[0], sum;                                                                 \
        const T *in = (const T *)ptr[1];                                                           \
        (void)stride;                                                                              \
        (void)params;                                                                              \
        row_exp_##id(n, out, in, row_max_##id(n, in));                                             \
        sum = row_sum_##id(n, out);                                                                \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] /= sum;                                                                         \
    }                                                                                              \
    static void log_softmax_##id(int64_t n, char *const *ptr, const int64_t *stride,               \
                                 const struct scalar *params)                                      \
    {                                                                                              \
        T *out = (T *)ptr[0];                                                                      \
        const T *in = (const T *)ptr[1], most = row_max_##id(n, in);                               \
        vector_##id sum = {0};                                                                     \
        T log_sum;                                                                                 \
        (void)stride;                                                                              \
        (void)params;                                                                              \
        row_exp_##id(n, out, in, most);                                                            \
        sum = m_log(sum + row_sum_##id(n, out));                                                   \
        log_sum = sum[0];                                                                          \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = in[i] - most - log_sum;                                                       \
    }

ROW_FUNCTIONS(f32, float)
ROW_FUNCTIONS(f64, double)

#define SOFTMAX_TABLE ISA_PASTE(softmax_, KERNEL_ISA)

const softmax_table SOFTMAX_TABLE = {
    [SOFTMAX_PLAIN] = {[DTYPE_f32] = softmax_f32, [DTYPE_f64] = softmax_f64},
    [SOFTMAX_LOG] = {[DTYPE_f32] = log_softmax_f32, [DTYPE_f64] = log_softmax_f64},
};
