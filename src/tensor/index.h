/*
 * index.h: advanced indexing: which elements x[i, j, mask] means.
 */
#ifndef SADDLE_TENSOR_INDEX_H
#define SADDLE_TENSOR_INDEX_H

#include "tensor/op.h"

/*
 * An index resolved: the result has `ndim` dimensions `shape`; for each element of `index_shape`
 * the indexed dimensions contribute offsets[i] (elements of self), the others their stride as
 * before. The index dimensions stand at `at` of the result (where the indexed ones stood when they
 * are neighbours, else in front).
 */
struct index_plan {
    int ndim, at, index_ndim;
    int64_t shape[TENSOR_MAX_DIMS];
    int64_t index_count;
    int64_t *offsets; /* index_count of them, mem_free() */
    int kept;         /* the dimensions that are not indexed */
    int64_t kept_shape[TENSOR_MAX_DIMS], kept_stride[TENSOR_MAX_DIMS];
};

/* indices as in the schema: one entry per leading dimension of self, NULL where it is not indexed;
 * a bool mask of n dimensions covers n of them (the entries behind it are NULL). */
int index_plan(const struct tensor *self, const struct value *indices, struct index_plan *plan);
void index_plan_release(struct index_plan *plan);

/* The positions of non-zero elements as int64 (count, ndim). */
struct tensor *tensor_nonzero(const struct tensor *t);

#endif
