/*
 * reduce.h: reductions over dimensions, for the operations built on them.
 */
#ifndef SADDLE_TENSOR_REDUCE_H
#define SADDLE_TENSOR_REDUCE_H

#include "tensor/kernels.h"
#include "tensor/lines.h"

/* A list of dims as a bit mask; an empty list means all. PyTorch's errors. */
int reduce_dims(int ndim, int count, const int64_t *dims, uint32_t *mask);
/* The shape that is left, as which its number of dimensions is returned. */
int reduced_shape(const struct tensor *self, uint32_t mask, bool keepdim, int64_t *shape);
/* Reduces the dims of `mask` in the type `dtype`, which the reduction must have kernels for.
 * Nothing reduced gives 0, or 1 for a product; extremes of nothing must have been refused before.
 */
struct tensor *reduce(struct tensor *self, uint32_t mask, bool keepdim, enum reduction reduction,
                      enum dtype dtype);
/* The extremes along dim, which is kept with size 1, and their places in int64: the first of equal
 * ones, or the first NaN. Lines must not be empty. -1 on an error; the caller releases what is
 * there.
 */
int reduce_extremes(struct tensor *self, int dim, enum reduction reduction, struct tensor **values,
                    struct tensor **places);
/* Whole numbers are summed in int64 unless a dtype is asked for. */
enum dtype reduce_sum_dtype(const struct tensor *self, const struct value *wanted);
/* How many elements make one result. */
int64_t reduced_count(const struct tensor *self, uint32_t mask);
/* self as a contiguous matrix (results, elements of each) of that dtype; a copy only if need be. */
struct tensor *reduce_rows(struct tensor *self, uint32_t mask, enum dtype dtype);
/* Runs `line` on each row of that matrix: operand 0 is its one result, operand 1 the row. */
struct tensor *reduce_by_rows(struct tensor *self, uint32_t mask, bool keepdim, enum dtype dtype,
                              enum dtype result_dtype, line_fn *line, void *context);

#endif
