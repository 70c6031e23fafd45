/*
 * index.h: places of elements.
 */
#ifndef SADDLE_TENSOR_INDEX_H
#define SADDLE_TENSOR_INDEX_H

#include "tensor/op.h"

/* (found, ndim) int64: the indices of the elements that are not 0, in order. */
struct tensor *nonzero(struct tensor *self);
/* t itself (one more reference), a zero-dim one as a row of one element. */
struct tensor *tensor_as_row(struct tensor *t);

#endif
