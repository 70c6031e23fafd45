#include "tensor/tensor.h"

#include "base/error.h"
#include "base/mem.h"
#include "tensor/iter.h"

#include <string.h>

void (*tensor_release_autograd)(struct tensor *t);
void (*tensor_release_python)(struct tensor *t);
int64_t tensor_live_count;
void *(*tensor_long_begin)(void);
void (*tensor_long_end)(void *token);

/* A tensor with the geometry still to be filled in. Takes over `storage`, also on failure. */
static struct tensor *tensor_header(enum dtype dtype, struct storage *storage)
{
    struct tensor *t = pool_alloc(sizeof(*t));

    if (!t) {
        storage_unref(storage);
        return NULL;
    }
    memset(t, 0, offsetof(struct tensor, shape));
    t->refs = 1;
    t->dtype = (uint8_t)dtype;
    t->storage = storage;
    t->shape[0] = t->stride[0] = 1;
    tensor_live_count++;
    return t;
}

static void set_contiguous(struct tensor *t, int ndim, const int64_t *shape, int64_t numel)
{
    int64_t step = 1;

    t->ndim = (uint8_t)ndim;
    t->numel = numel;
    for (int d = ndim - 1; d >= 0; d--) {
        t->shape[d] = shape[d];
        t->stride[d] = step;
        step *= shape[d] > 1 ? shape[d] : 1; /* beside a dimension of 0 it may wrap round */
    }
}

/* The bytes of so many elements; false where they are too many. */
static bool counts_bytes(enum dtype dtype, int64_t numel, size_t *nbytes)
{
    int64_t bytes;
    bool fits = !__builtin_mul_overflow(numel, (int64_t)dtype_size(dtype), &bytes);

    *nbytes = (size_t)bytes;
    return fits;
}

static int check_shape(int ndim, const int64_t *shape)
{
    char text[256];

    if (ndim > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "tensors have at most %d dimensions here, got %d",
                         TENSOR_MAX_DIMS, ndim);
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0)
            return error_set(ERROR_RUNTIME,
                             "Trying to create tensor with negative dimension %lld: %s",
                             (long long)shape[d], shape_text(ndim, shape, text, sizeof(text)));
    }
    return 0;
}

/* numel and bytes of a shape that comes from outside; -1 where it cannot be. */
static int checked_size(enum dtype dtype, int ndim, const int64_t *shape, int64_t *numel,
                        size_t *nbytes)
{
    char text[256];

    if (check_shape(ndim, shape) < 0)
        return -1;
    if (!shape_counts(ndim, shape, numel) || !counts_bytes(dtype, *numel, nbytes))
        return error_set(ERROR_RUNTIME, "Storage size calculation overflowed with sizes=%s",
                         shape_text(ndim, shape, text, sizeof(text)));
    return 0;
}

int tensor_check_size(enum dtype dtype, int ndim, const int64_t *shape)
{
    int64_t numel;
    size_t nbytes;

    return checked_size(dtype, ndim, shape, &numel, &nbytes);
}

int tensor_check_geometry(enum dtype dtype, int ndim, const int64_t *shape, const int64_t *stride,
                          int64_t offset, int64_t *nbytes)
{
    int64_t numel, end, step;
    bool overflow = __builtin_add_overflow(offset, 1, &end);
    char text[2][256];

    if (check_shape(ndim, shape) < 0)
        return -1;
    if (offset < 0)
        return error_set(ERROR_RUNTIME, "Tensor: invalid storage offset %lld", (long long)offset);
    if (!shape_counts(ndim, shape, &numel))
        return error_set(ERROR_RUNTIME, "numel: integer multiplication overflow");
    for (int d = 0; d < ndim && numel; d++) {
        overflow |= stride[d] < 0 || __builtin_mul_overflow(shape[d] - 1, stride[d], &step) ||
                    __builtin_add_overflow(end, step, &end);
    }
    if (overflow || __builtin_mul_overflow(end, (int64_t)dtype_size(dtype), nbytes))
        return error_set(ERROR_RUNTIME,
                         "Storage size calculation overflowed with sizes=%s and strides=%s",
                         shape_text(ndim, shape, text[0], sizeof(text[0])),
                         shape_text(ndim, stride, text[1], sizeof(text[1])));
    if (numel == 0)
        *nbytes = 0;
    return 0;
}

int tensor_check_within(size_t limit, enum dtype dtype, int ndim, const int64_t *shape,
                        const int64_t *stride, int64_t offset)
{
    char text[2][256];
    int64_t nbytes;

    if (tensor_check_geometry(dtype, ndim, shape, stride, offset, &nbytes) < 0)
        return -1;
    if ((size_t)nbytes <= limit)
        return 0;
    return error_set(ERROR_RUNTIME,
                     "setStorage: sizes %s, strides %s, storage offset %lld, and itemsize %zu "
                     "requiring a storage size of %lld are out of bounds for storage of size %zu",
                     shape_text(ndim, shape, text[0], sizeof(text[0])),
                     shape_text(ndim, stride, text[1], sizeof(text[1])), (long long)offset,
                     dtype_size(dtype), (long long)nbytes, limit);
}

struct tensor *tensor_new(enum dtype dtype, int ndim, const int64_t *shape)
{
    struct storage *storage;
    struct tensor *t;
    int64_t numel;
    size_t nbytes;

    if (checked_size(dtype, ndim, shape, &numel, &nbytes) < 0)
        return NULL;
    storage = storage_new(nbytes);
    if (!storage)
        return NULL;
    t = tensor_header(dtype, storage);
    if (t)
        set_contiguous(t, ndim, shape, numel);
    return t;
}

struct tensor *tensor_zeros(enum dtype dtype, int ndim, const int64_t *shape)
{
    struct tensor *t = tensor_new(dtype, ndim, shape);

    if (t)
        memset(t->storage->data, 0, t->storage->nbytes);
    return t;
}

struct tensor *tensor_full(enum dtype dtype, int ndim, const int64_t *shape, struct scalar value)
{
    struct tensor *t = tensor_new(dtype, ndim, shape);

    if (t)
        tensor_fill(t, value);
    return t;
}

struct tensor *tensor_new_like(const struct tensor *like, enum dtype dtype)
{
    struct storage *storage;
    struct tensor *t;
    size_t nbytes;

    if (dtype == DTYPE_NONE)
        dtype = tensor_dtype(like);
    if (!counts_bytes(dtype, like->numel, &nbytes)) { /* it is expanded */
        tensor_check_size(dtype, like->ndim, like->shape);
        return NULL;
    }
    storage = storage_new(nbytes);
    if (!storage)
        return NULL;
    t = tensor_header(dtype, storage);
    if (t)
        set_contiguous(t, like->ndim, like->shape, like->numel);
    return t;
}

struct tensor *tensor_from_scalar(struct scalar value, enum dtype dtype)
{
    struct tensor *t = tensor_new(dtype, 0, NULL);

    if (t)
        dtype_store(dtype, t->storage->data, value);
    return t;
}

struct tensor *tensor_wrap_number(struct scalar value)
{
    struct tensor *t =
        tensor_from_scalar(value, value.kind == SCALAR_COMPLEX ? DTYPE_c128
                                  : value.kind == SCALAR_FLOAT ? DTYPE_f64
                                                               : scalar_dtype(value));

    if (t)
        t->wrapped_number = true;
    return t;
}

struct tensor *tensor_alias(const struct tensor *t)
{
    return tensor_view(t, t->ndim, t->shape, t->stride, t->offset);
}

struct tensor *tensor_view(const struct tensor *t, int ndim, const int64_t *shape,
                           const int64_t *stride, int64_t offset)
{
    struct tensor *view;
    int64_t numel;

    if (ndim > TENSOR_MAX_DIMS)
        return error_null(ERROR_RUNTIME, "tensors have at most %d dimensions here, got %d",
                          TENSOR_MAX_DIMS, ndim);
    if (!shape_counts(ndim, shape, &numel))
        return error_null(ERROR_RUNTIME, "numel: integer multiplication overflow");
    if (t->storage)
        storage_ref(t->storage);
    view = tensor_header(tensor_dtype(t), t->storage);
    if (!view)
        return NULL;
    view->ndim = (uint8_t)ndim;
    view->offset = offset;
    memcpy(view->shape, shape, (size_t)ndim * sizeof(*shape));
    memcpy(view->stride, stride, (size_t)ndim * sizeof(*stride));
    view->numel = numel;
    return view;
}

struct tensor *tensor_shape_only(const struct tensor *t)
{
    struct tensor *copy = tensor_header(tensor_dtype(t), NULL);

    if (copy) {
        set_contiguous(copy, t->ndim, t->shape, t->numel);
        memcpy(copy->stride, t->stride, sizeof(*t->stride) * t->ndim);
        copy->offset = t->offset;
    }
    return copy;
}

void tensor_free(struct tensor *t)
{
    struct tensor *base = t->base;

    if (__builtin_expect(t->python != NULL, 0)) {
        tensor_release_python(t); /* and comes back here without it */
        return;
    }
    if (t->grad_fn || t->meta)
        tensor_release_autograd(t);
    storage_unref(t->storage);
    pool_free(t, sizeof(*t));
    tensor_live_count--;
    tensor_unref(base);
}

bool tensor_is_contiguous(const struct tensor *t)
{
    int64_t step = 1;

    if (t->numel == 0)
        return true;
    for (int d = t->ndim - 1; d >= 0; d--) {
        if (t->shape[d] != 1 && t->stride[d] != step)
            return false;
        step *= t->shape[d];
    }
    return true;
}

bool tensor_same_shape(const struct tensor *a, const struct tensor *b)
{
    if (a->ndim != b->ndim)
        return false;
    for (int d = 0; d < a->ndim; d++) {
        if (a->shape[d] != b->shape[d])
            return false;
    }
    return true;
}

int tensor_item(const struct tensor *t, struct scalar *out)
{
    if (t->numel != 1)
        return error_set(ERROR_VALUE,
                         "only one element tensors can be converted to Python scalars");
    *out = dtype_load(tensor_dtype(t), tensor_data(t));
    return 0;
}

int tensor_dim(const struct tensor *t, int64_t dim)
{
    return shape_dim(t->ndim, dim);
}

int tensor_dim_there(const struct tensor *t, int64_t dim)
{
    if (t->ndim == 0)
        return error_set(ERROR_INDEX, "Dimension specified as %lld but tensor has no dimensions",
                         (long long)dim);
    return tensor_dim(t, dim);
}

int tensor_resize(struct tensor *t, int ndim, const int64_t *shape)
{
    struct storage *grown;
    int64_t numel;
    size_t nbytes, offset = (size_t)t->offset * dtype_size(tensor_dtype(t));
    size_t old = t->storage->nbytes;

    if (t->ndim == ndim && memcmp(t->shape, shape, (size_t)ndim * sizeof(*shape)) == 0)
        return 0;
    if (!shape_counts(ndim, shape, &numel))
        return error_set(ERROR_RUNTIME, "numel: integer multiplication overflow");
    if (checked_size(tensor_dtype(t), ndim, shape, &numel, &nbytes) < 0)
        return -1;
    if (nbytes + offset > old) {
        if (t->storage->release)
            return error_set(ERROR_RUNTIME, "Trying to resize storage that is not resizable");
        grown = storage_new(nbytes);
        if (!grown)
            return -1;
        if (old > offset) /* an empty tensor may lie anywhere */
            memcpy(grown->data, t->storage->data + offset, old - offset);
        grown->version = t->storage->version;
        storage_unref(t->storage);
        t->storage = grown;
        t->offset = 0;
    }
    set_contiguous(t, ndim, shape, numel);
    return 0;
}

struct tensor *tensor_clone(const struct tensor *t)
{
    struct tensor *copy = tensor_new_like(t, DTYPE_NONE);

    if (copy)
        tensor_copy(copy, t);
    return copy;
}

struct tensor *tensor_contiguous(struct tensor *t)
{
    return tensor_is_contiguous(t) ? tensor_ref(t) : tensor_clone(t);
}

struct tensor *tensor_to(struct tensor *t, enum dtype dtype)
{
    struct tensor *copy;

    if (tensor_dtype(t) == dtype)
        return tensor_ref(t);
    copy = tensor_new_like(t, dtype);
    if (copy)
        tensor_copy(copy, t);
    return copy;
}
