/* Views: other shapes and strides on the same memory. */
#include "tensor/view.h"
#include "base/error.h"
#include "tensor/op.h"

#include <string.h>

static int give(struct tensor **out, struct tensor *view)
{
    *out = view;
    return view ? 0 : -1;
}

/* ---- view and reshape ---- */

int shape_infer(int64_t numel, int ndim, const int64_t *wanted, int64_t *shape)
{
    int64_t known = 1;
    int unknown = -1;
    char text[256];

    if (ndim > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "tensors have at most %d dimensions here, got %d",
                         TENSOR_MAX_DIMS, ndim);
    for (int d = 0; d < ndim; d++) {
        if (wanted[d] == -1 && unknown >= 0)
            return error_set(ERROR_RUNTIME, "only one dimension can be inferred");
        if (wanted[d] < -1)
            return error_set(ERROR_RUNTIME, "invalid shape dimension %lld", (long long)wanted[d]);
        if (wanted[d] == -1)
            unknown = d;
        else
            known *= wanted[d];
        shape[d] = wanted[d];
    }
    if (unknown >= 0 && known == 0)
        return error_set(ERROR_RUNTIME,
                         "cannot reshape tensor of 0 elements into shape %s because the "
                         "unspecified dimension size -1 can be any value and is ambiguous",
                         shape_text(ndim, wanted, text, sizeof(text)));
    if (unknown >= 0 ? numel % known != 0 : known != numel)
        return error_set(ERROR_RUNTIME, "shape '%s' is invalid for input of size %lld",
                         shape_text(ndim, wanted, text, sizeof(text)), (long long)numel);
    if (unknown >= 0)
        shape[unknown] = numel / known;
    return 0;
}

/* Runs of dimensions that lie behind one another in memory are cut anew; a new dimension that would
 * cross two runs has no stride. */
bool view_strides(const struct tensor *t, int ndim, const int64_t *shape, int64_t *stride)
{
    int d = ndim - 1;
    int64_t run = 1, cut = 1, base;

    if (t->numel == 0 || t->ndim == 0) {
        shape_strides(ndim, shape, stride);
        return true;
    }
    base = t->stride[t->ndim - 1];
    for (int k = t->ndim - 1; k >= 0; k--) {
        run *= t->shape[k];
        if (k > 0 && (t->shape[k - 1] == 1 || t->stride[k - 1] == run * base))
            continue;
        while (d >= 0 && (cut < run || shape[d] == 1)) {
            stride[d] = cut * base;
            cut *= shape[d];
            d--;
        }
        if (cut != run)
            return false;
        if (k > 0) {
            base = t->stride[k - 1];
            run = cut = 1;
        }
    }
    return d < 0;
}

static int check_widening(const struct tensor *t, enum dtype dtype, int64_t ratio)
{
    const char *from = dtype_short_name(tensor_dtype(t)), *to = dtype_short_name(dtype);
    int last = t->ndim - 1;

    if (t->shape[last] % ratio != 0)
        return error_set(ERROR_RUNTIME,
                         "self.size(-1) must be divisible by %lld to view %s as %s (different "
                         "element sizes), but got %lld",
                         (long long)ratio, from, to, (long long)t->shape[last]);
    if (t->offset % ratio != 0)
        return error_set(ERROR_RUNTIME,
                         "self.storage_offset() must be divisible by %lld to view %s as %s "
                         "(different element sizes), but got %lld",
                         (long long)ratio, from, to, (long long)t->offset);
    for (int d = 0; d < last; d++) {
        if (t->stride[d] % ratio != 0)
            return error_set(ERROR_RUNTIME,
                             "self.stride(%d) must be divisible by %lld to view %s as %s "
                             "(different element sizes), but got %lld",
                             d, (long long)ratio, from, to, (long long)t->stride[d]);
    }
    return 0;
}

/* The last dimension grows or shrinks with the size of the elements. */
int view_dtype_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    enum dtype dtype = (enum dtype)args[1].i;
    const char *from = dtype_short_name(tensor_dtype(self)), *to = dtype_short_name(dtype);
    int64_t old = (int64_t)dtype_size(tensor_dtype(self)), size = (int64_t)dtype_size(dtype);
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    int last = self->ndim - 1;

    (void)op;
    memcpy(shape, self->shape, sizeof(shape));
    memcpy(stride, self->stride, sizeof(stride));
    if (old != size && self->ndim == 0)
        return error_set(ERROR_RUNTIME,
                         "self.dim() cannot be 0 to view %s as %s (different element sizes)", from,
                         to);
    if (old != size && stride[last] != 1)
        return error_set(ERROR_RUNTIME,
                         "self.stride(-1) must be 1 to view %s as %s (different element sizes), "
                         "but got %lld",
                         from, to, (long long)stride[last]);
    if (size > old && check_widening(self, dtype, size / old) < 0)
        return -1;
    for (int d = 0; d < last; d++)
        stride[d] = stride[d] * old / size;
    if (self->ndim)
        shape[last] = shape[last] * old / size;
    *out = tensor_view(self, self->ndim, shape, stride, self->offset * old / size);
    if (!*out)
        return -1;
    (*out)->dtype = (uint8_t)dtype;
    return 0;
}

int view_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    int ndim = args[1].ints.count;

    (void)op;
    if (shape_infer(self->numel, ndim, args[1].ints.at, shape) < 0)
        return -1;
    if (!view_strides(self, ndim, shape, stride))
        return error_set(ERROR_RUNTIME,
                         "view size is not compatible with input tensor's size and stride (at "
                         "least one dimension spans across two contiguous subspaces). Use "
                         ".reshape(...) instead.");
    return give(out, tensor_view(self, ndim, shape, stride, self->offset));
}

int alias_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return give(out, tensor_alias(args[0].tensor));
}

int expand_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    int ndim = args[1].ints.count, lead = ndim - self->ndim;
    char text[2][256];

    (void)op;
    if (lead < 0 || ndim > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME,
                         "expand(torch.%s{%s}, size=%s): the number of sizes provided (%d) must be "
                         "greater or equal to the number of dimensions in the tensor (%d)",
                         dtype_infos[self->dtype].class_name,
                         shape_text(self->ndim, self->shape, text[0], sizeof(text[0])),
                         shape_text(ndim, args[1].ints.at, text[1], sizeof(text[1])), ndim,
                         self->ndim);
    for (int d = ndim - 1; d >= 0; d--) {
        int64_t size = args[1].ints.at[d], old = d < lead ? 1 : self->shape[d - lead];

        if (size == -1 && d < lead)
            return error_set(ERROR_RUNTIME,
                             "The expanded size of the tensor (-1) isn't allowed in a leading, "
                             "non-existing dimension %d",
                             d);
        if (size == -1)
            size = old;
        if (size != old && old != 1)
            return error_set(ERROR_RUNTIME,
                             "The expanded size of the tensor (%lld) must match the existing size "
                             "(%lld) at non-singleton dimension %d.  Target sizes: %s.  Tensor "
                             "sizes: %s",
                             (long long)size, (long long)old, d,
                             shape_text(ndim, args[1].ints.at, text[0], sizeof(text[0])),
                             shape_text(self->ndim, self->shape, text[1], sizeof(text[1])));
        shape[d] = size;
        stride[d] = d < lead || old != size ? 0 : self->stride[d - lead];
    }
    return give(out, tensor_view(self, ndim, shape, stride, self->offset));
}

/* ---- the order of dimensions ---- */

static struct tensor *permuted(struct tensor *self, const int *order)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];

    for (int d = 0; d < self->ndim; d++) {
        shape[d] = self->shape[order[d]];
        stride[d] = self->stride[order[d]];
    }
    return tensor_view(self, self->ndim, shape, stride, self->offset);
}

static struct tensor *swapped(struct tensor *self, int64_t dim0, int64_t dim1)
{
    int a = tensor_dim(self, dim0), b = a < 0 ? -1 : tensor_dim(self, dim1);
    int order[TENSOR_MAX_DIMS];

    if (b < 0)
        return NULL;
    for (int d = 0; d < self->ndim; d++)
        order[d] = d == a ? b : d == b ? a : d;
    return permuted(self, order);
}

int transpose_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return give(out, swapped(args[0].tensor, args[1].i, args[2].i));
}

int t_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;

    (void)op;
    if (self->ndim > 2)
        return error_set(ERROR_RUNTIME,
                         "t() expects a tensor with <= 2 dimensions, but self is %dD", self->ndim);
    return give(out, self->ndim < 2 ? tensor_alias(self) : swapped(self, 0, 1));
}

int dims_order(int ndim, int count, const int64_t *dims, int *order)
{
    bool seen[TENSOR_MAX_DIMS] = {false};

    if (count != ndim)
        return error_set(ERROR_RUNTIME,
                         "permute(sparse_coo): number of dimensions in the tensor input does not "
                         "match the length of the desired ordering of dimensions i.e. input.dim() "
                         "= %d is not equal to len(dims) = %d",
                         ndim, count);
    for (int d = 0; d < ndim; d++) {
        order[d] = shape_dim(ndim, dims[d]);
        if (order[d] < 0)
            return -1;
        if (seen[order[d]])
            return error_set(ERROR_RUNTIME, "permute(): duplicate dims are not allowed.");
        seen[order[d]] = true;
    }
    return 0;
}

int permute_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    int order[TENSOR_MAX_DIMS];

    (void)op;
    if (dims_order(args[0].tensor->ndim, args[1].ints.count, args[1].ints.at, order) < 0)
        return -1;
    return give(out, permuted(args[0].tensor, order));
}

/* ---- dimensions of size 1 ---- */

int squeeze_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    int ndim = 0, only = -1;

    if (op->id == OP_squeeze__dim && (only = tensor_dim(self, args[1].i)) < 0)
        return -1;
    for (int d = 0; d < self->ndim; d++) {
        if (self->shape[d] == 1 && (only < 0 || only == d))
            continue;
        shape[ndim] = self->shape[d];
        stride[ndim++] = self->stride[d];
    }
    return give(out, tensor_view(self, ndim, shape, stride, self->offset));
}

int unsqueeze_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t shape[TENSOR_MAX_DIMS + 1], stride[TENSOR_MAX_DIMS + 1];
    int at = shape_dim(self->ndim + 1, args[1].i);

    (void)op;
    if (at < 0)
        return -1;
    for (int d = 0; d < self->ndim; d++) {
        shape[d + (d >= at)] = self->shape[d];
        stride[d + (d >= at)] = self->stride[d];
    }
    shape[at] = 1;
    stride[at] = at < self->ndim ? self->shape[at] * self->stride[at] : 1;
    return give(out, tensor_view(self, self->ndim + 1, shape, stride, self->offset));
}

/* ---- parts ---- */

int select_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS], index = args[2].i;
    int dim, ndim = 0;
    char text[256];

    (void)op;
    if (self->ndim == 0)
        return error_set(ERROR_INDEX, "select() cannot be applied to a 0-dim tensor.");
    dim = tensor_dim(self, args[1].i);
    if (dim < 0)
        return -1;
    if (index < -self->shape[dim] || index >= self->shape[dim])
        return error_set(
            ERROR_INDEX, "select(): index %lld out of range for tensor of size %s at dimension %d",
            (long long)index, shape_text(self->ndim, self->shape, text, sizeof(text)), dim);
    if (index < 0)
        index += self->shape[dim];
    for (int d = 0; d < self->ndim; d++) {
        if (d == dim)
            continue;
        shape[ndim] = self->shape[d];
        stride[ndim++] = self->stride[d];
    }
    return give(out,
                tensor_view(self, ndim, shape, stride, self->offset + index * self->stride[dim]));
}

static int64_t clip_index(int64_t index, int64_t size)
{
    if (index < 0)
        index += size;
    return index < 0 ? 0 : index > size ? size : index;
}

int slice_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS], start, end, step = args[4].i;
    int dim;

    (void)op;
    if (self->ndim == 0)
        return error_set(ERROR_RUNTIME, "slice() cannot be applied to a 0-dim tensor.");
    dim = tensor_dim(self, args[1].i);
    if (dim < 0)
        return -1;
    if (step <= 0)
        return error_set(ERROR_VALUE, "step must be greater than zero");
    start = clip_index(args[2].i, self->shape[dim]);
    end = clip_index(args[3].i, self->shape[dim]);
    memcpy(shape, self->shape, sizeof(shape));
    memcpy(stride, self->stride, sizeof(stride));
    shape[dim] = end > start ? (end - start + step - 1) / step : 0;
    stride[dim] *= step;
    return give(out, tensor_view(self, self->ndim, shape, stride,
                                 self->offset + start * self->stride[dim]));
}

int diagonal_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS], offset = args[1].i, rows, columns;
    int a = tensor_dim(self, args[2].i), b = a < 0 ? -1 : tensor_dim(self, args[3].i), ndim = 0;

    (void)op;
    if (b < 0)
        return -1;
    if (a == b)
        return error_set(ERROR_RUNTIME, "diagonal dimensions cannot be identical %lld, %lld",
                         (long long)args[2].i, (long long)args[3].i);
    for (int d = 0; d < self->ndim; d++) {
        if (d == a || d == b)
            continue;
        shape[ndim] = self->shape[d];
        stride[ndim++] = self->stride[d];
    }
    rows = self->shape[a] + (offset < 0 ? offset : 0);
    columns = self->shape[b] - (offset > 0 ? offset : 0);
    shape[ndim] = rows < columns ? rows : columns;
    if (shape[ndim] < 0)
        shape[ndim] = 0;
    stride[ndim] = self->stride[a] + self->stride[b];
    return give(out, tensor_view(self, ndim + 1, shape, stride,
                                 self->offset + (shape[ndim] == 0 ? 0
                                                 : offset < 0     ? -offset * self->stride[a]
                                                                  : offset * self->stride[b])));
}
