/*
 * overlap.h: what PyTorch refuses because a tensor that is written to shares memory with what is
 * read. Tensors with gaps are not looked at.
 */
#ifndef SADDLE_TENSOR_OVERLAP_H
#define SADDLE_TENSOR_OVERLAP_H

#include "tensor/op.h"

/* Refuses an `in` that shares a part of out's memory otherwise than element by element: -1. */
int tensor_check_overlap(const struct tensor *out, const struct tensor *in);
/* Refuses a tensor of a call, but for the self that an in-place call changes, that shares any of
 * out's memory, and an out= with one element in several places: -1. What rows with OP_APART ask
 * for. */
int op_check_apart(const struct op *op, const struct value *args, const struct tensor *out);

#endif
