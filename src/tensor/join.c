/* Operations that put tensors together or repeat them: cat, stack, repeat, flip. */
#include "base/error.h"
#include "tensor/op.h"

#include <string.h>

/* ---- cat ---- */

/* A tensor of shape (0,) fits anything, as it always has. */
static bool skipped(const struct tensor *t)
{
    return t->ndim == 1 && t->numel == 0;
}

static int check_sizes(const struct tensor *first, const struct tensor *t, int dim, int number)
{
    if (t->ndim != first->ndim)
        return error_set(ERROR_RUNTIME,
                         "Tensors must have same number of dimensions: got %d and %d", first->ndim,
                         t->ndim);
    for (int d = 0; d < t->ndim; d++) {
        if (d != dim && t->shape[d] != first->shape[d])
            return error_set(ERROR_RUNTIME,
                             "Sizes of tensors must match except in dimension %d. Expected size "
                             "%lld but got size %lld for tensor number %d in the list.",
                             dim, (long long)first->shape[d], (long long)t->shape[d], number);
    }
    return 0;
}

static int copy_part(struct tensor *whole, int dim, int64_t start, const struct tensor *part)
{
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *view;
    int status;

    memcpy(shape, whole->shape, sizeof(shape));
    shape[dim] = part->shape[dim];
    view = tensor_view(whole, whole->ndim, shape, whole->stride,
                       whole->offset + start * whole->stride[dim]);
    status = view ? tensor_copy(view, part) : -1;
    tensor_unref(view);
    return status;
}

int cat_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *const *at = args[0].tensors.at, *first = NULL;
    int count = args[0].tensors.count, dim, status = 0;
    int64_t shape[TENSOR_MAX_DIMS], start = 0;

    if (count == 0)
        return error_set(ERROR_RUNTIME, "torch.cat(): expected a non-empty list of Tensors");
    for (int i = 0; i < count; i++) {
        if (at[i]->ndim == 0)
            return error_set(ERROR_RUNTIME,
                             "zero-dimensional tensor (at position %d) cannot be concatenated", i);
        if (!first && !skipped(at[i]))
            first = at[i];
    }
    first = first ? first : at[0];
    dim = tensor_dim(first, args[1].i);
    if (dim < 0)
        return -1;
    memcpy(shape, first->shape, sizeof(shape));
    shape[dim] = 0;
    for (int i = 0; i < count; i++) {
        if (skipped(at[i]))
            continue;
        if (check_sizes(first, at[i], dim, i) < 0)
            return -1;
        shape[dim] += at[i]->shape[dim];
    }
    if (op_output(op, out, op_result_type(count, at), first->ndim, shape) < 0)
        return -1;
    for (int i = 0; i < count && status == 0; i++) {
        if (skipped(at[i]))
            continue;
        status = copy_part(*out, dim, start, at[i]);
        start += at[i]->shape[dim];
    }
    return status;
}

int stack_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *const *at = args[0].tensors.at;
    int count = args[0].tensors.count, dim, ndim;
    int64_t shape[TENSOR_MAX_DIMS + 1], item_shape[TENSOR_MAX_DIMS + 1];
    char text[2][256];
    int status = 0;

    if (count == 0)
        return error_set(ERROR_RUNTIME, "stack expects a non-empty TensorList");
    ndim = at[0]->ndim + 1;
    dim = shape_dim(ndim, args[1].i);
    if (dim < 0)
        return -1;
    for (int i = 1; i < count; i++) {
        if (!tensor_same_shape(at[0], at[i]))
            return error_set(ERROR_RUNTIME,
                             "stack expects each tensor to be equal size, but got %s at entry 0 "
                             "and %s at entry %d",
                             shape_text(at[0]->ndim, at[0]->shape, text[0], sizeof(text[0])),
                             shape_text(at[i]->ndim, at[i]->shape, text[1], sizeof(text[1])), i);
    }
    for (int d = 0; d < ndim; d++)
        shape[d] = d == dim ? count : at[0]->shape[d - (d > dim)];
    memcpy(item_shape, shape, sizeof(shape));
    item_shape[dim] = 1;
    if (op_output(op, out, op_result_type(count, at), ndim, shape) < 0)
        return -1;
    for (int i = 0; i < count && status == 0; i++) {
        struct tensor *view = tensor_view(*out, ndim, item_shape, (*out)->stride,
                                          (*out)->offset + i * (*out)->stride[dim]);
        struct tensor *item = NULL;

        if (view) { /* without the new dimension, to copy into */
            int64_t item_stride[TENSOR_MAX_DIMS];

            for (int d = 0; d < ndim - 1; d++)
                item_stride[d] = (*out)->stride[d + (d >= dim)];
            item = tensor_view(view, ndim - 1, at[i]->shape, item_stride, view->offset);
        }
        status = item ? tensor_copy(item, at[i]) : -1;
        tensor_unref(view);
        tensor_unref(item);
    }
    return status;
}

/* ---- repeat and flip ---- */

int repeat_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *source, *target;
    int ndim = args[1].ints.count, lead = ndim - self->ndim, status;
    int64_t shape[TENSOR_MAX_DIMS] = {0}, wide[TENSOR_MAX_DIMS], from[TENSOR_MAX_DIMS],
        to[TENSOR_MAX_DIMS];

    (void)op;
    if (lead < 0)
        return error_set(ERROR_RUNTIME, "Number of dimensions of repeat dims can not be smaller "
                                        "than number of dimensions of tensor");
    if (2 * ndim > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "repeat() takes at most %d dimensions here",
                         TENSOR_MAX_DIMS / 2);
    for (int d = 0; d < ndim; d++) {
        int64_t size = d < lead ? 1 : self->shape[d - lead];

        if (args[1].ints.at[d] < 0)
            return error_set(
                ERROR_RUNTIME, "Trying to create tensor with negative dimension %lld: [%lld]",
                (long long)(args[1].ints.at[d] * size), (long long)(args[1].ints.at[d] * size));
        shape[d] = args[1].ints.at[d] * size;
    }
    *out = tensor_new(tensor_dtype(self), ndim, shape);
    if (!*out)
        return -1;
    /* (times, size) in place of each dimension: the result is self broadcast over the times. */
    for (int d = 0; d < ndim; d++) {
        wide[2 * d] = args[1].ints.at[d];
        wide[2 * d + 1] = d < lead ? 1 : self->shape[d - lead];
        from[2 * d] = 0;
        from[2 * d + 1] = d < lead ? 0 : self->stride[d - lead];
        to[2 * d] = (*out)->stride[d] * wide[2 * d + 1];
        to[2 * d + 1] = (*out)->stride[d];
    }
    source = tensor_view(self, 2 * ndim, wide, from, self->offset);
    target = tensor_view(*out, 2 * ndim, wide, to, (*out)->offset);
    status = source && target ? tensor_copy(target, source) : -1;
    tensor_unref(source);
    tensor_unref(target);
    return status;
}

/* Elements from the last to the first along the dims of a mask. */
int flip_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    bool turned[TENSOR_MAX_DIMS] = {false};
    int64_t size = (int64_t)dtype_size(tensor_dtype(self));

    (void)op;
    for (int i = 0; i < args[1].ints.count; i++) {
        int d = tensor_dim(self, args[1].ints.at[i]);

        if (d < 0)
            return -1;
        if (turned[d])
            return error_set(ERROR_RUNTIME, "dim %d appears multiple times in the list of dims", d);
        turned[d] = true;
    }
    *out = tensor_new_like(self, DTYPE_NONE);
    for (int64_t i = 0; *out && i < self->numel; i++) {
        int64_t rest = i, from = 0;

        for (int d = self->ndim - 1; d >= 0; d--) {
            int64_t digit = rest % self->shape[d];

            rest /= self->shape[d];
            from += (turned[d] ? self->shape[d] - 1 - digit : digit) * self->stride[d];
        }
        memcpy(tensor_data(*out) + i * size, tensor_data(self) + from * size, (size_t)size);
    }
    return *out ? 0 : -1;
}
