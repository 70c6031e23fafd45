/*
 * line_ops.h: what operations on lines share. Private to src/tensor.
 */
#ifndef SADDLE_TENSOR_LINE_OPS_H
#define SADDLE_TENSOR_LINE_OPS_H

#include "tensor/kernels.h"
#include "tensor/lines.h"

/* The element i of a line: AT(T, k, i) of operand k. */
#define LINE_AT(T, k, i) (*(T *)(ptr[k] + (i)*step[k]))

/* Gives out[0] and out[1] values and indices that were computed with dim kept: without it, unless
 * `keepdim`. Takes over both (NULL: -1). */
int give_indexed(const struct op *op, struct tensor *values, struct tensor *indices, int dim,
                 bool keepdim, struct tensor **out);

#endif
