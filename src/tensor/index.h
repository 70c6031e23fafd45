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
/* The elements of self that `index`, int64 and checked, names along dim; in the shape of index,
 * which is nowhere longer than self but along dim. */
struct tensor *pick_along(struct tensor *self, int dim, struct tensor *index);
/* Whether an element of `index`, int64 and contiguous, is outside of low to high: the first one. */
bool index_outside(const struct tensor *index, int64_t low, int64_t high, int64_t *wrong);
/* t itself (one more reference), a zero-dim one as a row of one element. */
struct tensor *tensor_as_row(struct tensor *t);

/* Kernels that pick, put and add. Operands: of pick result, element, place; of the others element,
 * value, place. The element is where place 0 would be; params are unit and wrap: that which is
 * meant lies unit * (place + (place < 0 ? wrap : 0)) bytes further. The first two by size of an
 * element. */
extern kernel_fn *const pick_kernels[17], *const put_kernels[17], *const add_kernels[DTYPE_COUNT];

#endif
