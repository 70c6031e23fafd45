/* Joining tensors, and copies in another order: flip, roll, triangles, diagonals; windows. */
#include "base/error.h"
#include "tensor/iter.h"
#include "tensor/op.h"
#include "tensor/reduce.h"

#include <string.h>

/* ---- joining ---- */

/* Puts the elements of a contiguous tensor where, along dim, those of `to` from `start` on lie,
 * `length` of them: as many bytes at a time as are neighbours in both. */
static void put_rows(struct tensor *to, int dim, int64_t start, int64_t length,
                     const struct tensor *from)
{
    const int64_t unit = to->stride[dim] * (int64_t)dtype_size(tensor_dtype(to));
    const char *at = tensor_data(from);
    const char *end = at + from->numel * (int64_t)dtype_size(tensor_dtype(to));
    char *row = tensor_data(to) + start * unit;

    for (; at < end; at += length * unit, row += to->shape[dim] * unit)
        memcpy(row, at, (size_t)(length * unit));
}

/* Whether that is to be done of few elements, which need no iterator. */
static bool takes_rows(const struct tensor *to, const struct tensor *from)
{
    return from->dtype == to->dtype && to->numel <= ITER_GRAIN && tensor_is_contiguous(from);
}

/* The part of t from `start` on, `length` long, along dim. */
static struct tensor *part(struct tensor *t, int dim, int64_t start, int64_t length)
{
    int64_t shape[TENSOR_MAX_DIMS];

    memcpy(shape, t->shape, sizeof(shape));
    shape[dim] = length;
    return tensor_view(t, t->ndim, shape, t->stride, t->offset + start * t->stride[dim]);
}

static bool is_void(const struct tensor *t) /* old code joins these with anything */
{
    return t->ndim == 1 && t->shape[0] == 0;
}

/* The first tensor that counts, the length along dim, and whether all others fit. */
static int check_cat(int count, struct tensor *const *list, int dim, const struct tensor *like,
                     int64_t *length)
{
    *length = 0;
    for (int i = 0; i < count; i++) {
        const struct tensor *t = list[i];

        if (is_void(t) && like->ndim != 1)
            continue;
        if (t->ndim != like->ndim)
            return error_set(ERROR_RUNTIME,
                             "Tensors must have same number of dimensions: got %d and %d",
                             like->ndim, t->ndim);
        for (int d = 0; d < t->ndim; d++) {
            if (d != dim && t->shape[d] != like->shape[d])
                return error_set(ERROR_RUNTIME,
                                 "Sizes of tensors must match except in dimension %d. Expected "
                                 "size %lld but got size %lld for tensor number %d in the list.",
                                 dim, (long long)like->shape[d], (long long)t->shape[d], i);
        }
        if (__builtin_add_overflow(*length, t->shape[dim], length))
            return error_set(ERROR_RUNTIME, "Storage size calculation overflowed: the tensors are "
                                            "too long to be joined");
    }
    return 0;
}

static const struct tensor *first_that_counts(int count, struct tensor *const *list)
{
    for (int i = 0; i < count; i++) {
        if (!is_void(list[i]))
            return list[i];
    }
    return list[0];
}

int cat_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor **list = args[0].tensors.at, *result = NULL, *target;
    int count = args[0].tensors.count, dim, status = 0;
    int64_t shape[TENSOR_MAX_DIMS], start = 0;
    const struct tensor *like;

    if (count == 0)
        return error_set(ERROR_RUNTIME, "torch.cat(): expected a non-empty list of Tensors");
    for (int i = 0; i < count; i++) {
        if (list[i]->ndim == 0)
            return error_set(ERROR_RUNTIME,
                             "zero-dimensional tensor (at position %d) cannot be concatenated", i);
    }
    like = first_that_counts(count, list);
    dim = tensor_dim(like, args[1].i);
    memcpy(shape, like->shape, sizeof(shape));
    if (dim < 0 || check_cat(count, list, dim, like, &shape[dim]) < 0)
        return -1;
    result = tensor_new(op_result_type(count, list), like->ndim, shape);
    for (int i = 0; result && status == 0 && i < count; i++) {
        if (list[i]->numel == 0)
            continue;
        if (takes_rows(result, list[i])) {
            put_rows(result, dim, start, list[i]->shape[dim], list[i]);
        } else {
            target = part(result, dim, start, list[i]->shape[dim]);
            status = target ? tensor_copy(target, list[i]) : -1;
            tensor_unref(target);
        }
        start += list[i]->shape[dim];
    }
    if (status < 0) {
        tensor_unref(result);
        result = NULL;
    }
    return op_give(op, result, out);
}

int stack_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor **list = args[0].tensors.at, *result, *target;
    int count = args[0].tensors.count, dim, ndim, status = 0;
    int64_t shape[TENSOR_MAX_DIMS + 1], stride[TENSOR_MAX_DIMS];
    char text[2][256];

    if (count == 0)
        return error_set(ERROR_RUNTIME, "stack expects a non-empty TensorList");
    ndim = list[0]->ndim + 1;
    dim = shape_dim(ndim, args[1].i);
    if (dim < 0)
        return -1;
    for (int i = 1; i < count; i++) {
        if (!tensor_same_shape(list[0], list[i]))
            return error_set(ERROR_RUNTIME,
                             "stack expects each tensor to be equal size, but got %s at entry 0 "
                             "and %s at entry %d",
                             shape_text(ndim - 1, list[0]->shape, text[0], sizeof(text[0])),
                             shape_text(list[i]->ndim, list[i]->shape, text[1], sizeof(text[1])),
                             i);
    }
    for (int d = 0; d < ndim; d++)
        shape[d] = d < dim ? list[0]->shape[d] : d == dim ? count : list[0]->shape[d - 1];
    result = tensor_new(op_result_type(count, list), ndim, shape);
    for (int d = 0; result && d < ndim - 1; d++)
        stride[d] = result->stride[d < dim ? d : d + 1];
    for (int i = 0; result && status == 0 && i < count; i++) {
        if (takes_rows(result, list[i])) {
            put_rows(result, dim, i, 1, list[i]);
            continue;
        }
        target = tensor_view(result, ndim - 1, list[0]->shape, stride, i * result->stride[dim]);
        status = target ? tensor_copy(target, list[i]) : -1;
        tensor_unref(target);
    }
    if (status < 0) {
        tensor_unref(result);
        result = NULL;
    }
    return op_give(op, result, out);
}

/* ---- copies in another order ---- */

int repeat_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *result, *source, *target;
    int ndim = args[1].ints.count, lead = ndim - self->ndim, status;
    int64_t shape[TENSOR_MAX_DIMS] = {0}, wide[TENSOR_MAX_DIMS], from[TENSOR_MAX_DIMS],
            to[TENSOR_MAX_DIMS];

    if (lead < 0)
        return error_set(ERROR_RUNTIME, "Number of dimensions of repeat dims can not be smaller "
                                        "than number of dimensions of tensor");
    if (2 * ndim > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "repeat() takes at most %d dimensions here",
                         TENSOR_MAX_DIMS / 2);
    for (int d = 0; d < ndim; d++) {
        int64_t size = d < lead ? 1 : self->shape[d - lead];

        shape[d] = args[1].ints.at[d] * size;
    }
    result = tensor_new(tensor_dtype(self), ndim, shape);
    if (!result)
        return -1;
    /* (times, size) in place of each dimension: the result is self broadcast over the times. */
    for (int d = 0; d < ndim; d++) {
        wide[2 * d] = args[1].ints.at[d];
        wide[2 * d + 1] = d < lead ? 1 : self->shape[d - lead];
        from[2 * d] = 0;
        from[2 * d + 1] = d < lead ? 0 : self->stride[d - lead];
        to[2 * d] = result->stride[d] * wide[2 * d + 1];
        to[2 * d + 1] = result->stride[d];
    }
    source = tensor_view(self, 2 * ndim, wide, from, self->offset);
    target = tensor_view(result, 2 * ndim, wide, to, result->offset);
    status = source && target ? tensor_copy(target, source) : -1;
    tensor_unref(source);
    tensor_unref(target);
    if (status < 0) {
        tensor_unref(result);
        result = NULL;
    }
    return op_give(op, result, out);
}

/* The dims of mask looked at from their far end: strides are negative, for tensor_copy() alone. */
static struct tensor *backwards(struct tensor *t, uint32_t mask)
{
    int64_t stride[TENSOR_MAX_DIMS], offset = t->offset;

    for (int d = 0; d < t->ndim; d++) {
        bool turned = mask >> d & 1 && t->shape[d] > 0;

        stride[d] = turned ? -t->stride[d] : t->stride[d];
        offset += turned ? (t->shape[d] - 1) * t->stride[d] : 0;
    }
    return tensor_view(t, t->ndim, t->shape, stride, t->numel ? offset : t->offset);
}

int flip_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *result, *view;
    uint32_t mask = 0;

    if (args[1].ints.count > 0 &&
        reduce_dims(self->ndim, args[1].ints.count, args[1].ints.at, &mask) < 0)
        return -1;
    view = backwards(self, mask);
    result = view ? tensor_new_as(tensor_dtype(self), self->ndim, self->shape, 1, &self) : NULL;
    if (result && tensor_copy(result, view) < 0) {
        tensor_unref(result);
        result = NULL;
    }
    tensor_unref(view);
    return op_give(op, result, out);
}

/* One dimension rolled: two pieces change places. */
static struct tensor *rolled(struct tensor *in, int dim, int64_t shift)
{
    struct tensor *result = tensor_new_like(in, DTYPE_NONE), *to, *from;
    int64_t size = in->shape[dim], cut;
    int status = 0;

    if (!result || in->numel == 0)
        return result;
    cut = ((shift % size) + size) % size;
    for (int k = 0; k < 2 && status == 0; k++) {
        int64_t length = k ? cut : size - cut;

        to = part(result, dim, k ? 0 : cut, length);
        from = part(in, dim, k ? size - cut : 0, length);
        status = to && from ? tensor_copy(to, from) : -1;
        tensor_unref(to);
        tensor_unref(from);
    }
    if (status == 0)
        return result;
    tensor_unref(result);
    return NULL;
}

/* Without dims the flattened tensor is rolled. */
static struct tensor *rolled_flat(struct tensor *self, int64_t shift)
{
    struct tensor *whole = tensor_contiguous(self), *flat, *turned, *result;

    flat = whole ? tensor_view(whole, 1, &self->numel, (int64_t[]){1}, whole->offset) : NULL;
    turned = flat ? rolled(flat, 0, shift) : NULL;
    tensor_unref(flat);
    result = turned ? tensor_view(turned, self->ndim, self->shape, whole->stride, 0) : NULL;
    tensor_unref(whole);
    tensor_unref(turned);
    return result;
}

int roll_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *result, *next;
    int shifts = args[1].ints.count, dims = args[2].ints.count;

    if (shifts == 0)
        return error_set(ERROR_RUNTIME, "`shifts` required");
    if (dims == 0 && shifts == 1)
        return op_give(op, rolled_flat(self, args[1].ints.at[0]), out);
    if (shifts != dims)
        return error_set(ERROR_RUNTIME, "shifts and dimensions must align. shifts: %d, dims:%d",
                         shifts, dims);
    result = tensor_ref(self);
    for (int i = 0; i < dims && result; i++) {
        int dim = tensor_dim_there(self, args[2].ints.at[i]);

        next = dim < 0 ? NULL : rolled(result, dim, args[1].ints.at[i]);
        tensor_unref(result);
        result = next;
    }
    return op_give(op, result, out);
}

int triangle_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *result;
    int64_t rows, columns, diagonal = args[1].i;
    size_t size = dtype_size(tensor_dtype(self));

    if (self->ndim < 2 && (self->ndim == 0 || self->numel > 0))
        return tensor_dim_there(self, -2);
    result = tensor_clone(self);
    if (self->ndim < 2)
        return op_give(op, result, out);
    rows = self->shape[self->ndim - 2];
    columns = self->shape[self->ndim - 1];
    if (result && !tensor_is_contiguous(result)) {
        struct tensor *whole = tensor_contiguous(result);

        tensor_unref(result);
        result = whole;
    }
    for (int64_t i = 0; result && result->numel > 0 && i < result->numel / columns; i++) {
        int64_t edge = i % rows + diagonal + (op->id == OP_tril ? 1 : 0);
        char *row = tensor_data(result) + (size_t)(i * columns) * size;

        edge = edge < 0 ? 0 : edge > columns ? columns : edge;
        if (op->id == OP_tril)
            memset(row + (size_t)edge * size, 0, (size_t)(columns - edge) * size);
        else
            memset(row, 0, (size_t)edge * size);
    }
    return op_give(op, result, out);
}

int diag_embed_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *result, *view = NULL;
    int64_t shape[TENSOR_MAX_DIMS + 1], stride[TENSOR_MAX_DIMS + 1];
    int64_t offset = args[1].i, size, start;
    int ndim = self->ndim + 1, a = shape_dim(ndim, args[2].i), b, k = 0;

    if (self->ndim == 0)
        return error_set(ERROR_RUNTIME, "diag_embed(): self needs at least one dimension");
    b = a < 0 ? -1 : shape_dim(ndim, args[3].i);
    if (b < 0)
        return -1;
    if (a == b)
        return error_set(ERROR_RUNTIME, "diagonal dimensions cannot be identical %lld, %lld",
                         (long long)args[2].i, (long long)args[3].i);
    size = self->shape[self->ndim - 1] + (offset < 0 ? -offset : offset);
    for (int d = 0; d < ndim; d++)
        shape[d] = d == a || d == b ? size : self->shape[k++];
    result = tensor_zeros(tensor_dtype(self), ndim, shape);
    if (!result)
        return -1;
    k = 0;
    for (int d = 0; d < ndim; d++) {
        if (d != a && d != b)
            stride[k++] = result->stride[d];
    }
    stride[k] = result->stride[a] + result->stride[b];
    start = offset < 0 ? -offset * result->stride[a] : offset * result->stride[b];
    view = tensor_view(result, self->ndim, self->shape, stride, self->numel ? start : 0);
    if (!view || tensor_copy(view, self) < 0) {
        tensor_unref(result);
        result = NULL;
    }
    tensor_unref(view);
    return op_give(op, result, out);
}

/* ---- windows ---- */

int unfold_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int dim = tensor_dim(self, args[1].i);
    int64_t shape[TENSOR_MAX_DIMS + 1], stride[TENSOR_MAX_DIMS + 1];
    int64_t size = args[2].i, step = args[3].i, length;

    (void)op;
    if (dim < 0)
        return -1;
    length = self->ndim ? self->shape[dim] : 1;
    if (size < 0 || size > length)
        return error_set(ERROR_RUNTIME,
                         "maximum size for tensor at dimension %d is %lld but size is %lld", dim,
                         (long long)length, (long long)size);
    if (step <= 0)
        return error_set(ERROR_RUNTIME, "step is %lld but must be > 0", (long long)step);
    memcpy(shape, self->shape, sizeof(self->shape));
    memcpy(stride, self->stride, sizeof(self->stride));
    if (self->ndim > 0) {
        shape[dim] = (length - size) / step + 1;
        stride[dim] *= step;
    }
    shape[self->ndim] = size;
    stride[self->ndim] = self->ndim ? self->stride[dim] : 1;
    *out = tensor_view(self, self->ndim + 1, shape, stride, self->offset);
    return *out ? 0 : -1;
}
