/*
 * loss.h: how a loss joins the values of its elements.
 */
#ifndef SADDLE_TENSOR_LOSS_H
#define SADDLE_TENSOR_LOSS_H

enum loss_reduction { LOSS_NONE, LOSS_MEAN, LOSS_SUM };

/* Warns, as PyTorch does, when input and target would be broadcast. -1: the warning is an error. */
struct tensor;
int loss_warn_size(const struct tensor *self, const struct tensor *target);

/* 'none', 'mean' or 'sum'; others are PyTorch's ValueError, and -1. */
int loss_reduction(const char *text);

#endif
