/*
 * lines.h: walks tensors line by line along one dimension.
 *
 * What sums up, sorts, normalises or looks things up along a dimension is written for one line;
 * this hands it all lines, shared among threads when there is much to do.
 */
#ifndef SADDLE_TENSOR_LINES_H
#define SADDLE_TENSOR_LINES_H

#include "tensor/tensor.h"

enum { LINES_OPERANDS = 5 };

/* ptr[k] is the first element of operand k's line, step[k] the way to its next one in bytes. */
typedef void line_fn(char *const *ptr, const int64_t *step, void *context);

/* Runs `line` on every line along `dim`. All operands have the dimensions of operands[0], whose
 * shape, but for `dim`, says how many lines there are; the others may be longer. A zero-dim tensor
 * is one line. `work` is what a line costs, in elements. */
void lines_run(int count, const struct tensor *const *operands, int dim, int64_t work,
               line_fn *line, void *context);
/* The length of t along dim, 1 for a zero-dim tensor. */
int64_t line_length(const struct tensor *t, int dim);

#endif
