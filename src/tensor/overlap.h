/*
 * overlap.h: what PyTorch refuses because a tensor that is written to shares memory with what is
 * read. Tensors with gaps are not looked at.
 */
#ifndef SADDLE_TENSOR_OVERLAP_H
#define SADDLE_TENSOR_OVERLAP_H

#include "tensor/op.h"

/* Refuses an `in` that shares a part of out's memory otherwise than element by element: -1. */
int tensor_check_overlap(const struct tensor *out, const struct tensor *in);
/* Refuses an `in` that shares any of out's memory, out itself too: -1. */
int tensor_check_apart(const struct tensor *out, const struct tensor *in);
/* The latter for every tensor of a call but self, which an in-place call changes; an `out` with one
 * element in several places is refused as well. What rows with OP_APART ask for. */
int op_check_apart(const struct op *op, const struct value *args, const struct tensor *out);

#endif
