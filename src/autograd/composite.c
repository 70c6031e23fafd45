/* Operations made of recorded ones: nothing is recorded for themselves. */
#include "autograd/arguments.h"
#include "autograd/formula.h"
#include "base/error.h"
#include "tensor/view.h"

#include <string.h>

int contiguous_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    if (tensor_is_contiguous(args[0].tensor)) {
        *out = tensor_ref(args[0].tensor);
        return 0;
    }
    return op_call(&ops[OP__contiguous], args, out);
}

int positive_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    if (args[0].tensor->dtype == DTYPE_b8)
        return error_set(ERROR_RUNTIME, "The `+` operator, on a bool tensor is not supported.");
    *out = tensor_ref(args[0].tensor);
    return 0;
}

int reshape_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    struct value view[] = {args[0], {.given = true, .ints = {shape, args[1].ints.count}}};
    size_t mark = pool_open();

    if (shape_infer(self->numel, args[1].ints.count, args[1].ints.at, shape) < 0)
        return -1;
    if (view_strides(self, args[1].ints.count, shape, stride))
        return pool_leave(op, mark, d_call(OP__reshape_alias, view), out);
    view[0].tensor = d_call1(OP__contiguous, self);
    if (!view[0].tensor)
        return -1;
    return pool_leave(op, mark, d_call(OP__unsafe_view, view), out);
}

int flatten_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int start = tensor_dim(self, args[1].i), end = start < 0 ? -1 : tensor_dim(self, args[2].i);
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = 0;
    size_t mark = pool_open();

    if (end < 0)
        return -1;
    if (start > end)
        return error_set(ERROR_RUNTIME, "flatten() has invalid args: start_dim cannot come after "
                                        "end_dim");
    if (self->ndim > 0 && start == end) {
        *out = tensor_ref(self);
        return 0;
    }
    for (int d = 0; d < (self->ndim ? self->ndim : 1); d++) {
        int64_t size = self->ndim ? self->shape[d] : 1;

        if (d > start && d <= end)
            shape[ndim - 1] *= size;
        else
            shape[ndim++] = size;
    }
    return pool_leave(op, mark, d_reshape(self, ndim, shape), out);
}

int narrow_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t start = args[2].i, length = args[3].i, size;
    int dim = tensor_dim(self, args[1].i);
    struct value slice[5] = {args[0]};

    (void)op;
    if (dim < 0)
        return -1;
    if (self->ndim == 0)
        return error_set(ERROR_RUNTIME, "narrow() cannot be applied to a 0-dim tensor.");
    size = self->shape[dim];
    if (length < 0)
        return error_set(ERROR_RUNTIME, "narrow(): length must be non-negative.");
    if (start < -size || start > size)
        return error_set(ERROR_INDEX,
                         "Dimension out of range (expected to be in range of [%lld, %lld], but got "
                         "%lld)",
                         -(long long)size, (long long)size - 1, (long long)start);
    if (start < 0)
        start += size;
    if (length > size - start)
        return error_set(ERROR_RUNTIME,
                         "start (%lld) + length (%lld) exceeds dimension size (%lld).",
                         (long long)start, (long long)length, (long long)size);
    slice[1] = (struct value){.given = true, .i = dim};
    slice[2] = (struct value){.given = true, .i = start};
    slice[3] = (struct value){.given = true, .i = start + length};
    slice[4] = (struct value){.given = true, .i = 1};
    return op_call(&ops[OP_slice], slice, out);
}

/* ---- matmul ---- */

static struct tensor *reshaped_product(struct tensor *product, int ndim, const int64_t *shape)
{
    return d_call(OP__unsafe_view, (struct value[]){{.given = true, .tensor = product},
                                                    {.given = true, .ints = {shape, ndim}}});
}

/* Both as batches of matrices (B, n, k) and (B, k, m), multiplied, and shaped back. */
static struct tensor *matmul_batches(struct tensor *a, struct tensor *b)
{
    int64_t batch[TENSOR_MAX_DIMS], shape[TENSOR_MAX_DIMS], count;
    int64_t n = a->shape[a->ndim - 2], k = a->shape[a->ndim - 1], m = b->shape[b->ndim - 1];
    int64_t k2 = b->shape[b->ndim - 2];
    int ndim = a->ndim - 2;

    memcpy(batch, a->shape, (size_t)ndim * sizeof(*batch));
    if (shape_broadcast(&ndim, batch, b->ndim - 2, b->shape) < 0)
        return NULL;
    count = shape_numel(ndim, batch);
    memcpy(shape, batch, sizeof(shape));
    shape[ndim] = n;
    shape[ndim + 1] = k;
    a = d_reshape(d_expand(a, ndim + 2, shape), 3, (int64_t[]){count, n, k});
    shape[ndim] = k2;
    shape[ndim + 1] = m;
    b = d_reshape(d_expand(b, ndim + 2, shape), 3, (int64_t[]){count, k2, m});
    shape[ndim] = n;
    return reshaped_product(d_call2(OP_bmm, a, b), ndim + 2, shape);
}

/* A batch of matrices times a matrix or a vector is one tall matrix times it. */
static struct tensor *matmul_folded(struct tensor *a, struct tensor *b)
{
    int64_t shape[TENSOR_MAX_DIMS], k = a->shape[a->ndim - 1];
    int ndim = a->ndim;
    struct tensor *flat, *product;

    memcpy(shape, a->shape, sizeof(shape));
    flat = d_reshape(a, 2, (int64_t[]){shape_numel(ndim - 1, shape), k});
    product = b->ndim == 1 ? d_call2(OP_mv, flat, b) : d_call2(OP_mm, flat, b);
    if (b->ndim == 2)
        shape[ndim - 1] = b->shape[1];
    return reshaped_product(product, b->ndim == 1 ? ndim - 1 : ndim, shape);
}

/* a @ batch as (batch.mT @ a.T).mT */
static struct tensor *matmul_folded_right(struct tensor *a, struct tensor *b)
{
    struct tensor *turned = d_transpose(b, b->ndim - 2, b->ndim - 1), *product;

    if (a->ndim == 2)
        a = d_call1(OP_t, a);
    product = turned && a ? matmul_folded(turned, a) : NULL;
    if (!product || a->ndim == 1)
        return product;
    product = d_transpose(product, product->ndim - 2, product->ndim - 1);
    return product ? d_call1(OP_contiguous, product) : NULL;
}

/* Whether a batch is folded into one matrix for the other operand: not where that would move data
 * because its matrices lie transposed in memory. */
static bool folds(const struct tensor *batch, const struct tensor *other)
{
    const int64_t *shape = batch->shape, *stride = batch->stride;

    if (batch->ndim < 3 || other->ndim > 2)
        return false;
    return batch->ndim > 3 || other->ndim == 1 || stride[2] == 1 ||
           stride[0] != shape[1] * shape[2];
}

static struct tensor *matmul(struct tensor *a, struct tensor *b)
{
    struct tensor *product;

    if (a->ndim == 0 || b->ndim == 0)
        return error_null(ERROR_RUNTIME,
                          "both arguments to matmul need to be at least 1D, but they are %dD and "
                          "%dD",
                          a->ndim, b->ndim);
    if (a->ndim == 1 && b->ndim == 1)
        return d_call2(OP_dot, a, b);
    if (a->ndim == 2 && b->ndim == 1)
        return d_call2(OP_mv, a, b);
    if (a->ndim == 2 && b->ndim == 2)
        return d_call2(OP_mm, a, b);
    if (a->ndim == 1 && b->ndim == 2) {
        product = d_call2(OP_mm, d_unsqueeze(a, 0), b);
        return product ? d_call(OP_squeeze__dim_in_place,
                                (struct value[]){arg_tensor(product), arg_int(0)})
                       : NULL;
    }
    if (folds(a, b))
        return matmul_folded(a, b);
    if (folds(b, a))
        return matmul_folded_right(a, b);
    return matmul_batches(a, b);
}

int matmul_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, matmul(args[0].tensor, args[1].tensor), out);
}
