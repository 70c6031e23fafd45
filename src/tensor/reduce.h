/*
 * reduce.h: reductions over dimensions, for the operations built on them.
 */
#ifndef SADDLE_TENSOR_REDUCE_H
#define SADDLE_TENSOR_REDUCE_H

#include "tensor/kernels.h"

/* A list of dims as a bit mask; an empty list means all. PyTorch's errors. */
int reduce_dims(int ndim, int count, const int64_t *dims, uint32_t *mask);
/* The shape that is left, as which its number of dimensions is returned. */
int reduced_shape(const struct tensor *self, uint32_t mask, bool keepdim, int64_t *shape);
/* Reduces the dims of `mask` in the type `dtype`, which the reduction must have kernels for.
 * Nothing reduced gives 0, or 1 for a product; extremes of nothing must have been refused before.
 */
struct tensor *reduce(struct tensor *self, uint32_t mask, bool keepdim, enum reduction reduction,
                      enum dtype dtype);
/* Whole numbers are summed in int64 unless a dtype is asked for. */
enum dtype reduce_sum_dtype(const struct tensor *self, const struct value *wanted);
/* Hands a result (taken over; NULL: -1) to a forward function's `out`. */
int reduce_give(const struct op *op, struct tensor *result, struct tensor **out);

#endif
