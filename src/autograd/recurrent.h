/*
 * recurrent.h: recurrent cells and layers in recorded operations: for one step, for derivatives of
 * derivatives, and for what the fast way of tensor/recurrent.h does not take.
 */
#ifndef SADDLE_AUTOGRAD_RECURRENT_H
#define SADDLE_AUTOGRAD_RECURRENT_H

#include "autograd/formula.h"
#include "tensor/recurrent.h"

/* The outputs of all steps, the last h and, of LSTM, the last c. False on error. */
bool d_recurrent(const struct recurrent *r, struct tensor *out[3]);

/* The rows of a packed sequence as (length, batch, ...), with `padding` behind the shorter ones.
 * sizes: those of its steps, contiguous and fitting. */
struct tensor *d_pad_packed(struct tensor *data, const struct tensor *sizes, int64_t batch,
                            int64_t length, struct scalar padding);

#endif
