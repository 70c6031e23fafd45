/*
 * One row of a recurrent cell, forward and back: formulas in recurrent.h, operands in kernels.h.
 * Compiled once per instruction set.
 */
#include "tensor/kernels.h"
#include "tensor/recurrent.h"
#include "tensor/vector_math.h"

#include <string.h>

#define SIGMOID(x) (1 / (1 + m_exp(-(x))))

/* A vector of elements i.. of a row of n; the last one may be shorter. */
#define ACCESS(id, T)                                                                              \
    static inline vector_##id load_##id(const T *row, int64_t i, int64_t n)                        \
    {                                                                                              \
        const int64_t lanes = VECTOR_BYTES / (int64_t)sizeof(T);                                   \
        vector_##id x = {0};                                                                       \
        if (n - i >= lanes)                                                                        \
            memcpy(&x, row + i, VECTOR_BYTES);                                                     \
        else                                                                                       \
            memcpy(&x, row + i, (size_t)(n - i) * sizeof(T));                                      \
        return x;                                                                                  \
    }                                                                                              \
    static inline void store_##id(T *row, int64_t i, int64_t n, vector_##id x)                     \
    {                                                                                              \
        const int64_t lanes = VECTOR_BYTES / (int64_t)sizeof(T);                                   \
        if (n - i >= lanes)                                                                        \
            memcpy(row + i, &x, VECTOR_BYTES);                                                     \
        else                                                                                       \
            memcpy(row + i, &x, (size_t)(n - i) * sizeof(T));                                      \
    }
ACCESS(f32, float)
ACCESS(f64, double)

/* A kernel of rows of n elements: `names` declares the operands, GET and PUT read and write element
 * i of a part, counted in units of n. */
#define ROW_KERNEL(name, id, T, names, body)                                                       \
    static void name##_##id(int64_t n, char *const *ptr, const int64_t *stride,                    \
                            const struct scalar *params)                                           \
    {                                                                                              \
        const int64_t lanes = VECTOR_BYTES / (int64_t)sizeof(T);                                   \
        typedef vector_##id vector;                                                                \
        names(T);                                                                                  \
        (void)stride;                                                                              \
        (void)params;                                                                              \
        for (int64_t i = 0; i < n; i += lanes)                                                     \
            body(id)                                                                               \
    }
#define GET(id, row, part)    load_##id((row) + (part)*n, i, n)
#define PUT(id, row, part, x) store_##id((row) + (part)*n, i, n, x)

#define FORWARD_OPERANDS(T)                                                                        \
    T *reserve = (T *)ptr[0], *h = (T *)ptr[3];                                                    \
    const T *from_h = (const T *)ptr[1], *bias = (const T *)ptr[2]
#define LSTM_FORWARD_OPERANDS(T)                                                                   \
    FORWARD_OPERANDS(T);                                                                           \
    T *c = (T *)ptr[4]
#define BACKWARD_OPERANDS(T)                                                                       \
    const T *reserve = (const T *)ptr[0], *g_out = (const T *)ptr[4];                              \
    T *g_sum = (T *)ptr[1], *g_h = (T *)ptr[3]
#define LSTM_BACKWARD_OPERANDS(T)                                                                  \
    BACKWARD_OPERANDS(T);                                                                          \
    const T *before = (const T *)ptr[5];                                                           \
    T *g_c = (T *)ptr[6]
#define GRU_BACKWARD_OPERANDS(T)                                                                   \
    BACKWARD_OPERANDS(T);                                                                          \
    T *g_from_h = (T *)ptr[2];                                                                     \
    const T *before = (const T *)ptr[5]

/* The sum of a gate: what the input gave, what the state gave, the bias. */
#define GATE(id, part) (GET(id, reserve, part) + GET(id, from_h, part) + GET(id, bias, part))

#define TANH_FORWARD(id)                                                                           \
    {                                                                                              \
        vector now = m_tanh(GATE(id, 0));                                                          \
        PUT(id, reserve, 0, now);                                                                  \
        PUT(id, h, 0, now);                                                                        \
    }
#define TANH_BACKWARD(id)                                                                          \
    {                                                                                              \
        vector now = GET(id, reserve, 0);                                                          \
        PUT(id, g_sum, 0, (GET(id, g_h, 0) + GET(id, g_out, 0)) * (1 - now * now));                \
    }

#define LSTM_FORWARD(id)                                                                           \
    {                                                                                              \
        vector in = SIGMOID(GATE(id, 0)), forget = SIGMOID(GATE(id, 1));                           \
        vector fresh = m_tanh(GATE(id, 2)), out = SIGMOID(GATE(id, 3));                            \
        vector state = forget * GET(id, c, 0) + in * fresh, shown = m_tanh(state);                 \
        PUT(id, reserve, 0, in);                                                                   \
        PUT(id, reserve, 1, forget);                                                               \
        PUT(id, reserve, 2, fresh);                                                                \
        PUT(id, reserve, 3, out);                                                                  \
        PUT(id, reserve, RESERVE_LSTM_C, state);                                                   \
        PUT(id, reserve, RESERVE_LSTM_TANH_C, shown);                                              \
        PUT(id, reserve, RESERVE_LSTM_H, out *shown);                                              \
        PUT(id, c, 0, state);                                                                      \
        PUT(id, h, 0, out *shown);                                                                 \
    }
#define LSTM_BACKWARD(id)                                                                          \
    {                                                                                              \
        vector in = GET(id, reserve, 0), forget = GET(id, reserve, 1);                             \
        vector fresh = GET(id, reserve, 2), out = GET(id, reserve, 3);                             \
        vector shown = GET(id, reserve, RESERVE_LSTM_TANH_C);                                      \
        vector g = GET(id, g_h, 0) + GET(id, g_out, 0);                                            \
        vector g_state = GET(id, g_c, 0) + g * out * (1 - shown * shown);                          \
        PUT(id, g_sum, 0, g_state *fresh *in *(1 - in));                                           \
        PUT(id, g_sum, 1, g_state *GET(id, before, 0) * forget * (1 - forget));                    \
        PUT(id, g_sum, 2, g_state *in *(1 - fresh * fresh));                                       \
        PUT(id, g_sum, 3, g *shown *out *(1 - out));                                               \
        PUT(id, g_c, 0, g_state *forget);                                                          \
    }

/* The bias is that of the input, with the state's added for r and z, then the state's for n. */
#define GRU_FORWARD(id)                                                                            \
    {                                                                                              \
        vector reset = SIGMOID(GATE(id, 0)), keep = SIGMOID(GATE(id, 1));                          \
        vector of_h = GET(id, from_h, 2) + GET(id, bias, 3);                                       \
        vector fresh = m_tanh(GET(id, reserve, 2) + GET(id, bias, 2) + reset * of_h);              \
        vector now = fresh + keep * (GET(id, h, 0) - fresh);                                       \
        PUT(id, reserve, 0, reset);                                                                \
        PUT(id, reserve, 1, keep);                                                                 \
        PUT(id, reserve, 2, fresh);                                                                \
        PUT(id, reserve, RESERVE_GRU_HN, of_h);                                                    \
        PUT(id, reserve, RESERVE_GRU_H, now);                                                      \
        PUT(id, h, 0, now);                                                                        \
    }
/* What reaches h directly stays in g_h; the product with W_hh is added to it. */
#define GRU_BACKWARD(id)                                                                           \
    {                                                                                              \
        vector reset = GET(id, reserve, 0), keep = GET(id, reserve, 1),                            \
               fresh = GET(id, reserve, 2);                                                        \
        vector g = GET(id, g_h, 0) + GET(id, g_out, 0);                                            \
        vector g_new = g * (1 - keep) * (1 - fresh * fresh);                                       \
        vector g_reset = g_new * GET(id, reserve, RESERVE_GRU_HN) * reset * (1 - reset);           \
        vector g_keep = g * (GET(id, before, 0) - fresh) * keep * (1 - keep);                      \
        PUT(id, g_sum, 0, g_reset);                                                                \
        PUT(id, g_sum, 1, g_keep);                                                                 \
        PUT(id, g_sum, 2, g_new);                                                                  \
        PUT(id, g_from_h, 0, g_reset);                                                             \
        PUT(id, g_from_h, 1, g_keep);                                                              \
        PUT(id, g_from_h, 2, g_new *reset);                                                        \
        PUT(id, g_h, 0, g *keep);                                                                  \
    }

/* Comparisons of vectors do not mix with numbers: relu goes element by element. */
#define RELU(id, T)                                                                                \
    static void relu_forward_##id(int64_t n, char *const *ptr, const int64_t *stride,              \
                                  const struct scalar *params)                                     \
    {                                                                                              \
        FORWARD_OPERANDS(T);                                                                       \
        (void)stride;                                                                              \
        (void)params;                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            T now = reserve[i] + from_h[i] + bias[i];                                              \
            reserve[i] = h[i] = now < 0 ? 0 : now;                                                 \
        }                                                                                          \
    }                                                                                              \
    static void relu_backward_##id(int64_t n, char *const *ptr, const int64_t *stride,             \
                                   const struct scalar *params)                                    \
    {                                                                                              \
        BACKWARD_OPERANDS(T);                                                                      \
        (void)stride;                                                                              \
        (void)params;                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            g_sum[i] = reserve[i] <= 0 ? 0 : g_h[i] + g_out[i];                                    \
    }

#define CELLS(id, T)                                                                               \
    ROW_KERNEL(tanh_forward, id, T, FORWARD_OPERANDS, TANH_FORWARD)                                \
    ROW_KERNEL(tanh_backward, id, T, BACKWARD_OPERANDS, TANH_BACKWARD)                             \
    ROW_KERNEL(lstm_forward, id, T, LSTM_FORWARD_OPERANDS, LSTM_FORWARD)                           \
    ROW_KERNEL(lstm_backward, id, T, LSTM_BACKWARD_OPERANDS, LSTM_BACKWARD)                        \
    ROW_KERNEL(gru_forward, id, T, FORWARD_OPERANDS, GRU_FORWARD)                                  \
    ROW_KERNEL(gru_backward, id, T, GRU_BACKWARD_OPERANDS, GRU_BACKWARD)                           \
    RELU(id, T)
CELLS(f32, float)
CELLS(f64, double)

#define RECURRENT_TABLE ISA_PASTE(recurrent_, KERNEL_ISA)
#define BOTH(name)                                                                                 \
    {                                                                                              \
        [DTYPE_f32] = name##_f32, [DTYPE_f64] = name##_f64                                         \
    }

const recurrent_table RECURRENT_TABLE = {
    {[CELL_TANH] = BOTH(tanh_forward),
     [CELL_RELU] = BOTH(relu_forward),
     [CELL_LSTM] = BOTH(lstm_forward),
     [CELL_GRU] = BOTH(gru_forward)},
    {[CELL_TANH] = BOTH(tanh_backward),
     [CELL_RELU] = BOTH(relu_backward),
     [CELL_LSTM] = BOTH(lstm_backward),
     [CELL_GRU] = BOTH(gru_backward)},
};
