/*
 * index.h: places of elements.
 */
#ifndef SADDLE_TENSOR_INDEX_H
#define SADDLE_TENSOR_INDEX_H

#include "tensor/kernels.h"

/* (found, ndim) int64: the indices of the elements that are not 0, in order; by columns in memory,
 * as PyTorch's own. */
struct tensor *nonzero(struct tensor *self);
/* What a mask over the first dimensions of self picks, and filling that with the one element of
 * `value`. Both are contiguous, the mask fits, as has been seen to. */
struct tensor *mask_pick(struct tensor *self, const struct tensor *mask);
int mask_fill(struct tensor *self, const struct tensor *mask, const struct tensor *value);
/* The elements of self that `index`, int64, names along dim; in the shape of index, which is
 * nowhere longer than self but along dim. Where an index is out of range (one below 0 is), *outside
 * is made true and the result is of no use. */
struct tensor *pick_along(struct tensor *self, int dim, struct tensor *index, bool *outside);
/* Whether an element of `index`, int64 and contiguous, is outside of low to high: the first one. */
bool index_outside(const struct tensor *index, int64_t low, int64_t high, int64_t *wrong);
/* t itself (one more reference), a zero-dim one as a row of one element. */
struct tensor *tensor_as_row(struct tensor *t);

/* Kernels that pick, put and add. Operands: of pick result, element, place; of the others element,
 * value, place. The element is where place 0 would be; that which is meant lies
 * unit * (place + (place < 0 ? wrap : 0)) bytes further. The size is PLACE_CHECKED, or else that of
 * the dimension: then a place that is not in -wrap to size - 1 is not used, and the int64 that is
 * the fourth operand, standing still, becomes 1. The first two by size of an element. */
enum { PLACE_UNIT, PLACE_WRAP, PLACE_SIZE, PLACE_PARAMS };
enum { PLACE_CHECKED = -1 };
extern kernel_fn *const pick_kernels[17], *const put_kernels[17], *const add_kernels[DTYPE_COUNT];

#endif
