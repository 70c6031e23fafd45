/*
 * tensor.h: the tensor, a counted view on a counted storage.
 *
 * Ownership: inputs are borrowed, results are new references. Exceptions are marked.
 * Errors: NULL or -1, with the message in base/error.h, in PyTorch's wording.
 *
 * Shapes, strides and offsets count elements, not bytes. A stride may be 0 (expanded dimensions).
 * A tensor of no dimensions holds one element; one with a 0 in its shape holds none.
 *
 * The counts, the free lists and the tensors themselves are guarded by whoever owns the engine (the
 * GIL in the kernel). Kernels run without that guard and touch data only.
 */
#ifndef SADDLE_TENSOR_TENSOR_H
#define SADDLE_TENSOR_TENSOR_H

#include "tensor/dtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* STORAGE_INLINE: what a block of the pool (base/mem.h) has behind a storage. */
enum { TENSOR_MAX_DIMS = 16, STORAGE_INLINE = 1984 };

/* Bytes that tensors share. `version` counts the in-place changes, so that autograd notices one. */
struct storage {
    int refs;
    uint32_t version;
    bool inference; /* storage_inference was on when it was made */
    uint16_t room;  /* bytes of inline_data */
    size_t nbytes;
    char *data;
    void (*release)(void *owner); /* for memory of somebody else (a NumPy array), else NULL */
    void *owner;
    /* Small tensors live here: no second allocation. */
    char inline_data[] __attribute__((aligned(64)));
};

struct node;
struct tensor;

/* What autograd keeps for some tensors: gradient, hooks. NULL for most. */
struct autograd_meta;

struct tensor {
    int refs;
    uint8_t dtype; /* enum dtype */
    uint8_t ndim;
    bool requires_grad;  /* a leaf that wants a gradient, or the result of a recorded operation */
    bool wrapped_number; /* made from a Python number: weak in promotion */
    int64_t numel;
    int64_t offset;
    struct storage *storage; /* NULL: only shape and dtype are known */
    /* These are autograd's: the tensor layer only carries them, and lets go of them through
     * tensor_release_autograd. */
    struct node *grad_fn; /* what computed this, NULL for a leaf */
    uint32_t output_nr;   /* which output of grad_fn */
    uint32_t view_version;
    struct tensor *base; /* the tensor that this is a view of, NULL otherwise */
    struct autograd_meta *meta;
    void *python; /* the Python object that stands for this tensor, or NULL: it keeps this tensor,
                   * or this tensor keeps it (see python/tensor_type.h) */
    /* Of a zero-dim tensor, shape[0] and stride[0] are 1: tensor_dim() gives it a dimension 0. */
    int64_t shape[TENSOR_MAX_DIMS];
    int64_t stride[TENSOR_MAX_DIMS];
};

/* ---- storage ---- */

struct storage *storage_new(size_t nbytes); /* undefined content */
struct storage *storage_wrap(void *data, size_t nbytes, void (*release)(void *), void *owner);
/* Set by src/autograd: marks the storages that are made from now on. */
extern bool storage_inference;
void storage_ref(struct storage *s);
void storage_unref(struct storage *s);

/* ---- making tensors ---- */

/* What tensor_new() says of sizes: 0, or -1 for negative ones and those that overflow. */
int tensor_check_size(enum dtype dtype, int ndim, const int64_t *shape);
/* Checks a geometry that comes from outside, with PyTorch's errors, and gives the bytes of storage
 * up to the end of its last element, 0 when it has none. 0 or -1. */
int tensor_check_geometry(enum dtype dtype, int ndim, const int64_t *shape, const int64_t *stride,
                          int64_t offset, int64_t *nbytes);
/* The same, and that a storage of `limit` bytes holds it. */
int tensor_check_within(size_t limit, enum dtype dtype, int ndim, const int64_t *shape,
                        const int64_t *stride, int64_t offset);
/* Contiguous, undefined content. */
struct tensor *tensor_new(enum dtype dtype, int ndim, const int64_t *shape);
struct tensor *tensor_zeros(enum dtype dtype, int ndim, const int64_t *shape);
struct tensor *tensor_full(enum dtype dtype, int ndim, const int64_t *shape, struct scalar value);
/* Same shape; dtype DTYPE_NONE takes that of `like`. */
struct tensor *tensor_new_like(const struct tensor *like, enum dtype dtype);
/* As tensor_new(); the dimensions lie in memory in the order that those of the operands (broadcast
 * to shape) have, the first that tells deciding: what PyTorch does for results and calls
 * preserve_format. */
struct tensor *tensor_new_as(enum dtype dtype, int ndim, const int64_t *shape, int count,
                             struct tensor *const *operands);
struct tensor *tensor_from_scalar(struct scalar value, enum dtype dtype); /* zero-dim */
/* As tensor_from_scalar with the scalar's own dtype, marked as a wrapped number. */
struct tensor *tensor_wrap_number(struct scalar value);
/* A new tensor on the same storage; autograd knows nothing of it (that is what detach() returns).
 */
struct tensor *tensor_alias(const struct tensor *t);
/* The same with another geometry, which must lie within the storage. Refuses sizes that overflow.
 */
struct tensor *tensor_view(const struct tensor *t, int ndim, const int64_t *shape,
                           const int64_t *stride, int64_t offset);
/* A complex tensor (...) as its parts (..., 2), on the same storage. */
struct tensor *tensor_parts(const struct tensor *t);
/* A tensor without data, to remember shape, strides and dtype by. */
struct tensor *tensor_shape_only(const struct tensor *t);

void tensor_free(struct tensor *t); /* called by tensor_unref() alone */
static inline struct tensor *tensor_ref(struct tensor *t)
{
    t->refs++;
    return t;
}
static inline void tensor_unref(struct tensor *t)
{
    if (t && --t->refs == 0)
        tensor_free(t);
}
/* Set by src/autograd: releases grad_fn and meta of a tensor that ends. */
extern void (*tensor_release_autograd)(struct tensor *t);
/* Set by src/python: ends the object in `python` that the tensor has kept, and the tensor. */
extern void (*tensor_release_python)(struct tensor *t);
/* How many tensors exist, for leak tests. */
extern int64_t tensor_live_count;

/* ---- looking at tensors ---- */

static inline char *tensor_data(const struct tensor *t)
{
    return t->storage->data + t->offset * (int64_t)dtype_size((enum dtype)t->dtype);
}
static inline enum dtype tensor_dtype(const struct tensor *t)
{
    return (enum dtype)t->dtype;
}
bool tensor_is_contiguous(const struct tensor *t);
bool tensor_same_shape(const struct tensor *a, const struct tensor *b);
/* Whether the elements fill a piece of memory without gaps and none is there twice, in any order of
 * the dimensions. */
bool tensor_is_dense(const struct tensor *t);
/* Whether one element stands in several places. */
bool tensor_is_expanded(const struct tensor *t);
/* Refuses to write to such a tensor. */
int tensor_check_expanded(const struct tensor *t);
/* The element of a one-element tensor; of others an error, as item() says it. */
int tensor_item(const struct tensor *t, struct scalar *out);
/* -ndim..ndim-1 to 0..ndim-1, or -1 with PyTorch's IndexError. A zero-dim tensor takes -1 and 0. */
int tensor_dim(const struct tensor *t, int64_t dim);
int shape_dim(int ndim, int64_t dim);
/* The same where a dimension must be there: a zero-dim tensor is an IndexError too. */
int tensor_dim_there(const struct tensor *t, int64_t dim);
/* "[2, 3]" into buf (cut to size), returned. */
const char *shape_text(int ndim, const int64_t *shape, char *buf, size_t size);
int64_t shape_numel(int ndim, const int64_t *shape);
/* The same for sizes that come from outside; false where the number does not fit. */
bool shape_counts(int ndim, const int64_t *shape, int64_t *numel);
/* Fills stride for a contiguous tensor. */
void shape_strides(int ndim, const int64_t *shape, int64_t *stride);
/* Broadcasts b into *ndim, shape (which hold a): PyTorch's error when they do not fit. */
int shape_broadcast(int *ndim, int64_t *shape, int b_ndim, const int64_t *b_shape);

/* ---- changing tensors in place ---- */

/* Copies with conversion and broadcasting; dst and src may overlap. */
int tensor_copy(struct tensor *dst, const struct tensor *src);
int tensor_fill(struct tensor *t, struct scalar value);
/* Gives t this shape, contiguous, unless it has the shape already; keeps the storage when it is
 * large enough, as resize_() does. */
int tensor_resize(struct tensor *t, int ndim, const int64_t *shape);
static inline void tensor_bump(struct tensor *t)
{
    t->storage->version++;
}

/* ---- common conversions: results share nothing or everything, as said ---- */

/* t itself (one more reference) when it is contiguous, else a copy. */
struct tensor *tensor_contiguous(struct tensor *t);
/* t itself (one more reference) when it has that dtype, else a converted copy. */
struct tensor *tensor_to(struct tensor *t, enum dtype dtype);
/* A contiguous copy. */
struct tensor *tensor_clone(const struct tensor *t);
/* A copy, converted unless dtype is DTYPE_NONE, with the dimensions in the same order in memory. */
struct tensor *tensor_clone_as(struct tensor *t, enum dtype dtype);

/* ---- long calls ---- */

/* Kernels that will run for long are bracketed by these, so that the owner of the engine can let
 * others run (release the GIL). NULL by default. */
extern void *(*tensor_long_begin)(void);
extern void (*tensor_long_end)(void *token);

#endif
