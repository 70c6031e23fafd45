/*
 * The gradients of softmax and log_softmax: of one contiguous row, and of neighbouring columns.
 * Compiled once per instruction set.
 *
 * Sums and fused products are those of PyTorch's AVX2 build (lanes.h), whatever the width of the
 * vectors here.
 */
#include "tensor/kernels.h"
#include "tensor/lanes.h"
#include "tensor/vector_math.h"

#include <string.h>

/* ptr: the gradient to be made, that of the result, the result. */
#define ROW_FUNCTIONS(id, T)                                                                       \
    static void softmax_back_##id(int64_t n, char *const *ptr, const int64_t *stride,              \
                                  const struct scalar *params)                                     \
    {                                                                                              \
        T *gx = (T *)ptr[0];                                                                       \
        const T *g = (const T *)ptr[1], *y = (const T *)ptr[2];                                    \
        const T sum = row_dot_##id(n, g, y);                                                       \
        (void)stride;                                                                              \
        (void)params;                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            gx[i] = (g[i] - sum) * y[i];                                                           \
    }                                                                                              \
    /* gx = g - exp(y) * sum of one vector; the sums are one number or a vector. */                \
    static inline vector_##id log_slope_##id(vector_##id g, vector_##id y, vector_##id sum)        \
    {                                                                                              \
        return m_fma(-m_exp(y), sum, g);                                                           \
    }                                                                                              \
    static void log_softmax_back_##id(int64_t n, char *const *ptr, const int64_t *stride,          \
                                      const struct scalar *params)                                 \
    {                                                                                              \
        T *gx = (T *)ptr[0];                                                                       \
        const T *g = (const T *)ptr[1], *y = (const T *)ptr[2];                                    \
        const vector_##id sum = (vector_##id){0} + row_sum_##id(n, g);                             \
        const int64_t lanes = VECTOR_BYTES / (int64_t)sizeof(T);                                   \
        int64_t i = 0;                                                                             \
        vector_##id v, w;                                                                          \
        (void)stride;                                                                              \
        (void)params;                                                                              \
        for (; i + lanes <= n; i += lanes) {                                                       \
            memcpy(&v, g + i, VECTOR_BYTES);                                                       \
            memcpy(&w, y + i, VECTOR_BYTES);                                                       \
            v = log_slope_##id(v, w, sum);                                                         \
            memcpy(gx + i, &v, VECTOR_BYTES);                                                      \
        }                                                                                          \
        if (i < n) {                                                                               \
            v = log_slope_##id(part_load_##id(g + i, n - i), part_load_##id(y + i, n - i), sum);   \
            part_store_##id(gx + i, v, n - i);                                                     \
        }                                                                                          \
    }

/* Columns: row after row, so that memory is read in its order. As in PyTorch, those that do not
 * fill its lanes take the C library's exp(). */
#define COLUMN_FUNCTIONS(id, T, exp_one)                                                           \
    static void softmax_columns_back_##id(const struct softmax_columns *c, char *out,              \
                                          const char *grad, const char *result)                    \
    {                                                                                              \
        T sum[SOFTMAX_COLUMNS] = {0};                                                              \
        for (int64_t row = 0; row < c->rows; row++) {                                              \
            const T *g = (const T *)(grad + row * c->row_step);                                    \
            const T *y = (const T *)(result + row * c->row_step);                                  \
            for (int64_t k = 0; k < c->columns; k++)                                               \
                sum[k] = fused_##id(g[k], y[k], sum[k]);                                           \
        }                                                                                          \
        for (int64_t row = 0; row < c->rows; row++) {                                              \
            const T *g = (const T *)(grad + row * c->row_step);                                    \
            const T *y = (const T *)(result + row * c->row_step);                                  \
            T *gx = (T *)(out + row * c->row_step);                                                \
            _Pragma("GCC ivdep") for (int64_t k = 0; k < c->columns; k++) gx[k] =                  \
                y[k] * (g[k] - sum[k]);                                                            \
        }                                                                                          \
    }                                                                                              \
    static void log_softmax_columns_back_##id(const struct softmax_columns *c, char *out,          \
                                              const char *grad, const char *result)                \
    {                                                                                              \
        const int64_t whole = c->columns / LANES_##id * LANES_##id;                                \
        const int64_t lanes = VECTOR_BYTES / (int64_t)sizeof(T);                                   \
        T sum[SOFTMAX_COLUMNS] = {0};                                                              \
        for (int64_t row = 0; row < c->rows; row++) {                                              \
            const T *g = (const T *)(grad + row * c->row_step);                                    \
            for (int64_t k = 0; k < c->columns; k++)                                               \
                sum[k] += g[k];                                                                    \
        }                                                                                          \
        for (int64_t row = 0; row < c->rows; row++) {                                              \
            const T *g = (const T *)(grad + row * c->row_step);                                    \
            const T *y = (const T *)(result + row * c->row_step);                                  \
            T *gx = (T *)(out + row * c->row_step);                                                \
            int64_t k = 0;                                                                         \
            vector_##id v, w, total;                                                               \
            for (; k + lanes <= whole; k += lanes) {                                               \
                memcpy(&v, g + k, VECTOR_BYTES);                                                   \
                memcpy(&w, y + k, VECTOR_BYTES);                                                   \
                memcpy(&total, sum + k, VECTOR_BYTES);                                             \
                v = log_slope_##id(v, w, total);                                                   \
                memcpy(gx + k, &v, VECTOR_BYTES);                                                  \
            }                                                                                      \
            if (k < whole) {                                                                       \
                total = part_load_##id(sum + k, whole - k);                                        \
                v = log_slope_##id(part_load_##id(g + k, whole - k),                               \
                                   part_load_##id(y + k, whole - k), total);                       \
                part_store_##id(gx + k, v, whole - k);                                             \
            }                                                                                      \
            for (k = whole; k < c->columns; k++)                                                   \
                gx[k] = fused_##id(-exp_one(y[k]), sum[k], g[k]);                                  \
        }                                                                                          \
    }

ROW_FUNCTIONS(f32, float)
ROW_FUNCTIONS(f64, double)
COLUMN_FUNCTIONS(f32, float, expf)
COLUMN_FUNCTIONS(f64, double, exp)

#define KERNELS ISA_PASTE(softmax_back_, KERNEL_ISA)

const struct softmax_back KERNELS = {
    .row =
        {[SOFTMAX_PLAIN] = {[DTYPE_f32] = softmax_back_f32, [DTYPE_f64] = softmax_back_f64},
         [SOFTMAX_LOG] = {[DTYPE_f32] = log_softmax_back_f32, [DTYPE_f64] = log_softmax_back_f64}},
    .columns =
        {[SOFTMAX_PLAIN] =
             {[DTYPE_f32] = softmax_columns_back_f32, [DTYPE_f64] = softmax_columns_back_f64},
         [SOFTMAX_LOG] = {[DTYPE_f32] = log_softmax_columns_back_f32,
                          [DTYPE_f64] = log_softmax_columns_back_f64}},
};
