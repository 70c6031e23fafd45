/*
 * summary.h: what the panes show of a tensor, as JSON (one variable of EVENT_TENSORS, protocol/
 * client.h, without "name" and the "changed" members, which are the sender's).
 */
#ifndef SADDLE_PYTHON_SUMMARY_H
#define SADDLE_PYTHON_SUMMARY_H

#include "tensor/tensor.h"

#include <jansson.h>

enum { SUMMARY_VALUES = 64 };

/* A number; JSON knows neither NaN nor infinity, they travel as "nan", "inf" and "-inf". */
json_t *summary_number(double value);

/* Shape, dtype, minimum, maximum, mean and at most SUMMARY_VALUES values: all of them, row by row,
 * or of a larger tensor as many at even distances. Reading every element takes time: `*budget` is
 * the number of elements that may still be read, and is lowered; a tensor beyond it has null for
 * minimum, maximum and mean. A NaN anywhere makes all three "nan". Of complex numbers these are
 * the real parts. */
json_t *summary_values(const struct tensor *t, int64_t *budget);

/* The same and what autograd knows: leaf, requires_grad, grad_fn, and the gradient's values. */
json_t *summary_tensor(struct tensor *t, int64_t *budget);

#endif
