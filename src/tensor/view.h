/*
 * view.h: geometry that views, reshape() and their derivatives share.
 */
#ifndef SADDLE_TENSOR_VIEW_H
#define SADDLE_TENSOR_VIEW_H

#include "tensor/tensor.h"

/* Fills in a -1 and checks the element count; PyTorch's errors. */
int shape_infer(int64_t numel, int ndim, const int64_t *wanted, int64_t *shape);
/* The strides that give t's elements this shape without a copy; false when there are none. */
bool view_strides(const struct tensor *t, int ndim, const int64_t *shape, int64_t *stride);
/* A permutation as permute() takes it, negative dims resolved. */
int dims_order(int ndim, int count, const int64_t *dims, int *order);

#endif
