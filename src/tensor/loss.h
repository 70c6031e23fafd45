/*
 * loss.h: how a loss joins the values of its elements.
 */
#ifndef SADDLE_TENSOR_LOSS_H
#define SADDLE_TENSOR_LOSS_H

enum loss_reduction { LOSS_NONE, LOSS_MEAN, LOSS_SUM };

/* 'none', 'mean' or 'sum'; others are PyTorch's ValueError, and -1. */
int loss_reduction(const char *text);

#endif
