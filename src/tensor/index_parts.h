/*
 * index_parts.h: what operations on indices share. Private to src/tensor.
 */
#ifndef SADDLE_TENSOR_INDEX_PARTS_H
#define SADDLE_TENSOR_INDEX_PARTS_H

#include "tensor/index.h"

/* One integer tensor for each indexed dimension, NULL for those that are taken whole. In a call,
 * too, each entry stands for a dimension: behind a mask of n dimensions n - 1 entries are NULL. */
struct indices {
    struct tensor *at[TENSOR_MAX_DIMS];
    int count;
    bool plain; /* seen to be in range and none below 0 */
};

/* From the list that a call to index() or index_put() has; -1 with PyTorch's error. To be released
 * in any case. */
int indices_init(struct indices *in, const struct tensor *self, const struct value *list);
void indices_release(struct indices *in);
/* What they name of self, a new tensor. */
struct tensor *indices_pick(struct tensor *self, const struct indices *in);
/* Puts values, which broadcast to what the indices name, there, or adds them. */
int indices_put(struct tensor *self, const struct indices *in, struct tensor *values, bool add);

/* What an operation on a copy of self changes: *out itself when that is self, else a copy. */
struct tensor *index_changed(struct tensor *self, struct tensor **out);
/* Gives the changed tensor, which it takes over; when it is *out already nothing is left to do. */
int index_give_changed(const struct op *op, int status, struct tensor *target, struct tensor **out);

#endif
