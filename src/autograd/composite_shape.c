/* Views under other names. */
#include "autograd/formula.h"
#include "base/error.h"
#include "tensor/view.h"

#include <string.h>

int movedim_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int count = args[1].ints.count, from[TENSOR_MAX_DIMS], next = 0;
    int64_t order[TENSOR_MAX_DIMS];
    bool taken[TENSOR_MAX_DIMS] = {false}, moved[TENSOR_MAX_DIMS] = {false};
    struct value permute[2] = {args[0], V_INTS(order, self->ndim)};
    char text[256];

    if (count != args[2].ints.count)
        return error_set(ERROR_RUNTIME,
                         "movedim: Invalid source or destination dims: source (%d dims) should "
                         "contain the same number of dims as destination (%d dims)",
                         count, args[2].ints.count);
    for (int i = 0; i < count; i++) {
        int a = tensor_dim(self, args[1].ints.at[i]);
        int b = a < 0 ? -1 : tensor_dim(self, args[2].ints.at[i]);

        if (b < 0)
            return -1;
        if (moved[a] || taken[b])
            return error_set(ERROR_RUNTIME, "movedim: repeated dim in `%s` (%s)",
                             moved[a] ? "source" : "destination",
                             shape_text(count, args[moved[a] ? 1 : 2].ints.at, text, sizeof(text)));
        moved[a] = taken[b] = true;
        from[b] = a;
    }
    for (int d = 0; d < self->ndim; d++) {
        while (!taken[d] && moved[next])
            next++;
        order[d] = taken[d] ? from[d] : next++;
    }
    (void)op;
    return op_call(&ops[OP_permute], permute, out);
}

int swap_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_transpose], args, out);
}

int adjoint_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    if (args[0].tensor->ndim < 2)
        return error_set(ERROR_RUNTIME,
                         "tensor.%s() is only supported on matrices or batches of matrices. Got "
                         "%d-D tensor.",
                         op->name, args[0].tensor->ndim);
    return pool_leave(op, mark, d_conjugate(d_transpose(args[0].tensor, -2, -1)), out);
}

int unflatten_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int dim = tensor_dim_there(self, args[1].i), count = args[2].ints.count;
    int64_t sizes[TENSOR_MAX_DIMS], shape[2 * TENSOR_MAX_DIMS];
    struct value view[2] = {args[0], V_INTS(shape, self->ndim + count - 1)};
    char text[256];

    (void)op;
    if (dim < 0)
        return -1;
    if (count == 0)
        return error_set(ERROR_RUNTIME, "unflatten: sizes must be non-empty");
    if (self->ndim + count - 1 > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "tensors have at most %d dimensions here", TENSOR_MAX_DIMS);
    if (shape_infer(self->shape[dim], count, args[2].ints.at, sizes) < 0) {
        error_clear();
        return error_set(ERROR_RUNTIME,
                         "unflatten: Provided sizes %s don't multiply up to the size of dim %d "
                         "(%lld) in the input tensor",
                         shape_text(count, args[2].ints.at, text, sizeof(text)), dim,
                         (long long)self->shape[dim]);
    }
    memcpy(shape, self->shape, (size_t)dim * sizeof(*shape));
    memcpy(shape + dim, sizes, (size_t)count * sizeof(*shape));
    memcpy(shape + dim + count, self->shape + dim + 1,
           (size_t)(self->ndim - dim - 1) * sizeof(*shape));
    return op_call(&ops[OP_view], view, out);
}

int ravel_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    size_t mark = pool_open();

    return pool_leave(
        op, mark, D(view, V_TENSOR(d_call1(OP_contiguous, self)), V_INTS(&self->numel, 1)), out);
}

/* A view row with the shape of `other`. */
static int in_shape_of(enum op_id id, const struct value *args, struct tensor **out)
{
    const struct tensor *other = args[1].tensor;
    struct value call[3] = {args[0], V_INTS(other->shape, other->ndim), V_INT(false)};

    return op_call(&ops[id], call, out);
}

int expand_as_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return in_shape_of(OP_expand, args, out);
}

int view_as_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return in_shape_of(OP_view, args, out);
}

int reshape_as_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return in_shape_of(OP_reshape, args, out);
}

int broadcast_to_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value call[3] = {args[0], args[1], V_INT(false)};

    (void)op;
    return op_call(&ops[OP_expand], call, out);
}
