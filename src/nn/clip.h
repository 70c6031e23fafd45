/*
 * clip.h: gradients kept within bounds.
 */
#ifndef SADDLE_NN_CLIP_H
#define SADDLE_NN_CLIP_H

#include "tensor/tensor.h"

/* The norm of order p (INFINITY: the largest size) of all tensors together. 0 or -1. */
int nn_total_norm(struct tensor *const *tensors, int count, double p, double *norm);
/* Scales all tensors by max_norm / norm where that is less than 1. 0 or -1. */
int nn_clip_to_norm(struct tensor *const *tensors, int count, double norm, double max_norm);

#endif
