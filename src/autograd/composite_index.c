/* Composite operations that take tensors apart. */
#include "autograd/formula.h"
#include "base/error.h"
#include "base/vec.h"

#include <string.h>

static struct value tensor_value(struct tensor *t)
{
    return (struct value){.given = true, .tensor = t};
}

int masked_select_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *mask = args[1].tensor, *indices[1];
    struct value call[2];
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = self->ndim;
    size_t mark = pool_open();

    (void)op;
    if (mask->dtype != DTYPE_b8 && mask->dtype != DTYPE_u8)
        return error_set(ERROR_RUNTIME,
                         "masked_select: expected BoolTensor or ByteTensor for mask");
    memcpy(shape, self->shape, sizeof(shape));
    if (shape_broadcast(&ndim, shape, mask->ndim, mask->shape) < 0)
        return -1;
    indices[0] = d_reshape(d_expand(mask, ndim, shape), 1, (int64_t[]){-1});
    call[0] = tensor_value(d_reshape(d_expand(self, ndim, shape), 1, (int64_t[]){-1}));
    call[1] = (struct value){.given = true, .tensors = {indices, 1}};
    if (indices[0] && call[0].tensor)
        *out = d_call(OP_index, call);
    if (*out)
        tensor_ref(*out);
    pool_close(mark);
    return *out ? 0 : -1;
}

int expand_as_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct tensor *other = args[1].tensor;
    struct value call[3] = {args[0], {.given = true, .ints = {other->shape, other->ndim}}};

    (void)op;
    op_defaults(&ops[OP_expand], call, 2);
    return op_call(&ops[OP_expand], call, out);
}

int reshape_as_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct tensor *other = args[1].tensor;
    struct value call[2] = {args[0], {.given = true, .ints = {other->shape, other->ndim}}};

    return op_call(&ops[op->id == OP_view_as ? OP_view : OP_reshape], call, out);
}

/* ---- lists ---- */

static int fail(struct tensor_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        tensor_unref(list->at[i]);
    list->count = 0;
    return -1;
}

/* Takes a pooled tensor into the list. */
static bool add_part(struct tensor_list *list, struct tensor *t)
{
    return t && vec_push(list, tensor_ref(t));
}

int unbind_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    struct tensor *self = args[0].tensor;
    int dim = tensor_dim(self, args[1].i);
    size_t mark = pool_open();

    (void)op;
    if (dim < 0)
        return -1;
    if (self->ndim == 0)
        return error_set(ERROR_RUNTIME, "Dimension specified as 0 but tensor has no dimensions");
    for (int64_t i = 0; i < self->shape[dim]; i++) {
        if (!add_part(out, d_select(self, dim, i)))
            return fail(out);
    }
    pool_close(mark);
    return 0;
}

/* Parts of `size` along dim; one empty part of an empty dimension. */
static int parts_of(struct tensor *self, int dim, int64_t size, struct tensor_list *out)
{
    size_t mark = pool_open();
    int64_t start = 0, length = self->shape[dim];

    do {
        if (!add_part(out,
                      d_narrow(self, dim, start, start + size < length ? size : length - start)))
            return fail(out);
        start += size;
    } while (start < length);
    pool_close(mark);
    return 0;
}

int chunk_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    struct tensor *self = args[0].tensor;
    int dim = tensor_dim(self, args[2].i);
    int64_t size;

    (void)op;
    if (dim < 0)
        return -1;
    if (self->ndim == 0)
        return error_set(ERROR_RUNTIME, "chunk expects at least a 1-dimensional tensor");
    if (args[1].i <= 0)
        return error_set(ERROR_RUNTIME, "chunk expects `chunks` to be greater than 0, got: %lld",
                         (long long)args[1].i);
    size = (self->shape[dim] + args[1].i - 1) / args[1].i;
    return parts_of(self, dim, size > 0 ? size : 1, out);
}

int split_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    struct tensor *self = args[0].tensor;
    int dim = tensor_dim(self, args[2].i);

    (void)op;
    if (dim < 0)
        return -1;
    if (self->ndim == 0)
        return error_set(ERROR_RUNTIME, "split expects at least a 1-dimensional tensor");
    if (args[1].i <= 0)
        return error_set(ERROR_RUNTIME,
                         "split expects split_size be non-negative, but got split_size=%lld",
                         (long long)args[1].i);
    return parts_of(self, dim, args[1].i, out);
}

int split_sizes_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    struct tensor *self = args[0].tensor;
    int dim = tensor_dim(self, args[2].i);
    int64_t start = 0, sum = 0;
    size_t mark = pool_open();
    char text[256];

    (void)op;
    if (dim < 0)
        return -1;
    for (int i = 0; i < args[1].ints.count; i++)
        sum += args[1].ints.at[i];
    if (self->ndim == 0 || sum != self->shape[dim])
        return error_set(ERROR_RUNTIME,
                         "split_with_sizes expects split_sizes to sum exactly to %lld (input "
                         "tensor's size at dimension %d), but got split_sizes=%s",
                         self->ndim ? (long long)self->shape[dim] : 0LL, dim,
                         shape_text(args[1].ints.count, args[1].ints.at, text, sizeof(text)));
    for (int i = 0; i < args[1].ints.count; i++) {
        if (!add_part(out, d_narrow(self, dim, start, args[1].ints.at[i])))
            return fail(out);
        start += args[1].ints.at[i];
    }
    pool_close(mark);
    return 0;
}
