/*
 * elementwise_check.h: what PyTorch refuses before an elementwise kernel runs, beyond types and
 * shapes.
 */
#ifndef SADDLE_TENSOR_ELEMENTWISE_CHECK_H
#define SADDLE_TENSOR_ELEMENTWISE_CHECK_H

#include "tensor/op.h"

/* Whether the row `id` takes these operands, and may write into `out` (NULL: a new tensor): one
 * that is expanded, or overlaps with an operand, is refused. */
int elementwise_check(enum op_id id, int count, struct tensor *const *in, const struct tensor *out);

#endif
