/*
 * recurrent.h: one direction of one layer of an RNN, a GRU or an LSTM over a whole sequence,
 * forward and back.
 *
 * The input of all steps meets its weight in one product, the hidden state in one product for each
 * step. What the way back needs of a step lies in one row of `reserve`: (rows, columns of the
 * cell). Rows are the elements of the sequences, step by step: (L, N) of them, or those of a packed
 * sequence, whose step t has sizes[t] <= sizes[t - 1] rows.
 *
 * With x the row's input, h and c the states before, s() the sigmoid and * elementwise:
 *
 *   tanh, relu   h' = f(W_ih x + b_ih + W_hh h + b_hh)
 *   LSTM         i, f, g, o = the four parts of the same sum, through s, s, tanh, s
 *                c' = f * c + i * g, h' = o * tanh(c'), or W_hr (o * tanh(c'))
 *                (Hochreiter and Schmidhuber 1997; Gers et al. 2000; Sak et al. 2014 for W_hr)
 *   GRU          r, z = s of two parts; n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
 *                h' = (1 - z) * n + z * h (Cho et al. 2014)
 */
#ifndef SADDLE_TENSOR_RECURRENT_H
#define SADDLE_TENSOR_RECURRENT_H

#include "tensor/op.h"

enum cell { CELL_TANH, CELL_RELU, CELL_LSTM, CELL_GRU, CELL_COUNT };

/* What the columns of a reserve's row hold, in units of the hidden size. */
enum reserve_columns {
    RESERVE_RNN_H = 0,
    RESERVE_LSTM_C = 4, /* behind i, f, g, o */
    RESERVE_LSTM_TANH_C,
    RESERVE_LSTM_H,     /* before W_hr */
    RESERVE_GRU_HN = 3, /* W_hn h + b_hn, behind r, z, n */
    RESERVE_GRU_H
};

/* Of each cell: parts of the sum, columns of the reserve, and which of these is the output. */
struct cell_info {
    int gates, columns, h;
};
extern const struct cell_info cell_infos[CELL_COUNT];

/* The tensors of a layer as arguments of the rows, and their gradients below. */
enum recurrent_input { IN_X, IN_H, IN_C, IN_W_IH, IN_W_HH, IN_B_IH, IN_B_HH, IN_W_HR, IN_COUNT };

/* The tensors of a layer, all of one float dtype and fitting one another. */
struct recurrent {
    enum cell cell;
    struct tensor *x;           /* (L, N, input), or (rows, input) with sizes */
    struct tensor *h, *c;       /* (N, output) and (N, hidden); c of LSTM alone */
    struct tensor *w_ih, *w_hh; /* (gates * hidden, input), (gates * hidden, output) */
    struct tensor *b_ih, *b_hh; /* (gates * hidden), or both NULL */
    struct tensor *w_hr;        /* (output, hidden), or NULL: output is hidden */
    const int64_t *sizes;       /* or NULL */
    int64_t steps;              /* of sizes */
    bool reverse;               /* from the last step to the first */
};

/* The layer that the arguments of the rows `recurrent` and `recurrent_packed` describe. */
struct recurrent recurrent_of(const struct op *op, const struct value *args);
/* Whether the tensors fit one another and the passes below take their dtype (float32, float64). */
bool recurrent_fits(const struct recurrent *r);

/* out: the outputs of all steps, the last h, the last c (NULL without one), the reserve. 0 or -1.
 */
int recurrent_forward_pass(const struct recurrent *r, struct tensor **out);

/* From the gradients g of the outputs, the last h and the last c (NULL: zero) those of the inputs
 * whose bit is set in `need`: new references in grads, the others NULL. 0 or -1. */
int recurrent_backward_pass(const struct recurrent *r, struct tensor *reserve,
                            struct tensor *const g[3], unsigned need,
                            struct tensor *grads[IN_COUNT]);

/* For numbers that fall, all above 0: how many are above i, for each i below the first. Makes the
 * sizes of a packed sequence's steps of the lengths of its sequences, and the lengths of the sizes.
 */
struct tensor *packed_counts(const struct tensor *falling);

#endif
