/*
 * Softmax of one contiguous row, and of neighbouring columns. Compiled once per instruction set.
 *
 * The sum runs in as many lanes as PyTorch's AVX2 build has, added in the same order, whatever the
 * width of the vectors here: the digits are the same everywhere.
 */
#include "tensor/kernels.h"
#include "tensor/lanes.h"
#include "tensor/vector_math.h"

#include <string.h>

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
        for (int half = LANES_##id / 2; half > 0; half /= 2) {                                     \
            for (int k = 0; k < half; k++)                                                         \
                lane[k] = lane[k + half] > lane[k] ? lane[k + half] : lane[k];                     \
        }                                                                                          \
        most = lane[0];                                                                            \
        for (; i < n; i++)                                                                         \
            most = in[i] > most ? in[i] : most;                                                    \
        return most;                                                                               \
    }                                                                                              \
    /* out = exp(in - most) */                                                                     \
    static void row_exp_##id(int64_t n, T *out, const T *in, T most)                               \
    {                                                                                              \
        for (int64_t i = 0; i < n; i += VECTOR_BYTES / (int64_t)sizeof(T))                         \
            vector_store_##id(out + i, m_exp(vector_load_##id(in + i, n - i) - most), n - i);      \
    }                                                                                              \
    static void row_log_##id(int64_t n, T *x)                                                      \
    {                                                                                              \
        for (int64_t i = 0; i < n; i += VECTOR_BYTES / (int64_t)sizeof(T))                         \
            vector_store_##id(x + i, m_log(vector_load_##id(x + i, n - i)), n - i);                \
    }                                                                                              \
    /* A row that one vector holds never leaves it: what a masked store has just written is slow   \
     * to be read again. */                                                                        \
    static inline void softmax_short_##id(int64_t n, T *out, const T *in)                          \
    {                                                                                              \
        T row[VECTOR_BYTES / sizeof(T)], most = in[0];                                             \
        vector_##id x;                                                                             \
        for (int64_t i = 1; i < n; i++)                                                            \
            most = in[i] > most ? in[i] : most;                                                    \
        x = m_exp(vector_load_##id(in, n) - most);                                                 \
        memcpy(row, &x, VECTOR_BYTES);                                                             \
        x *= 1 / row_sum_##id(n, row);                                                             \
        vector_store_##id(out, x, n);                                                              \
    }                                                                                              \
    static void softmax_##id(int64_t n, char *const *ptr, const int64_t *stride,                   \
                             const struct scalar *params)                                          \
    {                                                                                              \
        T *out = (T *)ptr[0], sum;                                                                 \
        const T *in = (const T *)ptr[1];                                                           \
        (void)stride;                                                                              \
        (void)params;                                                                              \
        if (n <= VECTOR_BYTES / (int64_t)sizeof(T)) {                                              \
            softmax_short_##id(n, out, in);                                                        \
            return;                                                                                \
        }                                                                                          \
        row_exp_##id(n, out, in, row_max_##id(n, in));                                             \
        sum = 1 / row_sum_##id(n, out);                                                            \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] *= sum;                                                                         \
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

/* Columns: row after row, so that memory is read in its order. As in PyTorch, the sums are plain
 * and the columns that do not fill its lanes take the C library's functions. */
#define COLUMN_FUNCTIONS(id, T, exp_one)                                                           \
    static void columns_max_##id(struct softmax_columns c, const char *in, T *most)                \
    {                                                                                              \
        memcpy(most, in, (size_t)c.columns * sizeof(T));                                           \
        for (int64_t row = 1; row < c.rows; row++) {                                               \
            const T *x = (const T *)(in + row * c.row_step);                                       \
            for (int64_t k = 0; k < c.columns; k++) {                                              \
                T larger = most[k] > x[k] ? most[k] : x[k];                                        \
                most[k] = most[k] != most[k] ? most[k] : larger;                                   \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    /* out = exp(in - most); sum adds it up. */                                                    \
    static void columns_exp_##id(struct softmax_columns c, char *out, const char *in,              \
                                 const T *most, T *sum)                                            \
    {                                                                                              \
        const int64_t whole = c.columns / LANES_##id * LANES_##id;                                 \
        memset(sum, 0, (size_t)c.columns * sizeof(T));                                             \
        for (int64_t row = 0; row < c.rows; row++) {                                               \
            const T *x = (const T *)(in + row * c.row_step);                                       \
            T *y = (T *)(out + row * c.out_step);                                                  \
            for (int64_t k = 0; k < c.columns; k++)                                                \
                y[k] = x[k] - most[k];                                                             \
            row_exp_##id(whole, y, y, 0);                                                          \
            for (int64_t k = whole; k < c.columns; k++)                                            \
                y[k] = exp_one(y[k]);                                                              \
            for (int64_t k = 0; k < c.columns; k++)                                                \
                sum[k] += y[k];                                                                    \
        }                                                                                          \
    }                                                                                              \
    static void softmax_columns_##id(const struct softmax_columns *c, char *out, const char *in)   \
    {                                                                                              \
        const int64_t n = c->columns;                                                              \
        T most[SOFTMAX_COLUMNS], sum[SOFTMAX_COLUMNS];                                             \
        columns_max_##id(*c, in, most);                                                            \
        columns_exp_##id(*c, out, in, most, sum);                                                  \
        for (int64_t row = 0; row < c->rows; row++) {                                              \
            T *y = (T *)(out + row * c->out_step);                                                 \
            for (int64_t k = 0; k < n; k++)                                                        \
                y[k] /= sum[k];                                                                    \
        }                                                                                          \
    }                                                                                              \
    static void log_softmax_columns_##id(const struct softmax_columns *c, char *out,               \
                                         const char *in)                                           \
    {                                                                                              \
        const int64_t n = c->columns;                                                              \
        T most[SOFTMAX_COLUMNS], sum[SOFTMAX_COLUMNS];                                             \
        columns_max_##id(*c, in, most);                                                            \
        columns_exp_##id(*c, out, in, most, sum);                                                  \
        row_log_##id(n, sum);                                                                      \
        for (int64_t row = 0; row < c->rows; row++) {                                              \
            const T *x = (const T *)(in + row * c->row_step);                                      \
            T *y = (T *)(out + row * c->out_step);                                                 \
            for (int64_t k = 0; k < n; k++)                                                        \
                y[k] = x[k] - most[k] - sum[k];                                                    \
        }                                                                                          \
    }

ROW_FUNCTIONS(f32, float)
ROW_FUNCTIONS(f64, double)
COLUMN_FUNCTIONS(f32, float, expf)
COLUMN_FUNCTIONS(f64, double, exp)

#define SOFTMAX_TABLE ISA_PASTE(softmax_, KERNEL_ISA)

const softmax_table SOFTMAX_TABLE = {
    [SOFTMAX_PLAIN] = {[DTYPE_f32] = softmax_f32, [DTYPE_f64] = softmax_f64},
    [SOFTMAX_LOG] = {[DTYPE_f32] = log_softmax_f32, [DTYPE_f64] = log_softmax_f64},
};

#define COLUMNS_TABLE ISA_PASTE(softmax_columns_, KERNEL_ISA)

const softmax_columns_table COLUMNS_TABLE = {
    [SOFTMAX_PLAIN] = {[DTYPE_f32] = softmax_columns_f32, [DTYPE_f64] = softmax_columns_f64},
    [SOFTMAX_LOG] = {[DTYPE_f32] = log_softmax_columns_f32, [DTYPE_f64] = log_softmax_columns_f64},
};
