/* Picking, joining and rearranging made of recorded operations. */
#include "autograd/formula.h"
#include "base/error.h"

#include <string.h>

/* ---- by index ---- */

int index_put_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct value put[4] = {V_TENSOR(d_call1(OP_clone, args[0].tensor)), args[1], args[2], args[3]};

    if (!put[0].tensor || op_call_inplace(&ops[OP_index_put_], put) < 0) {
        pool_close(mark);
        return -1;
    }
    return pool_leave(op, mark, put[0].tensor, out);
}

int masked_select_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *mask = args[1].tensor, *list[1];
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = mask->ndim; /* the mask is named first where they do not fit */
    size_t mark = pool_open();

    if (mask->dtype != DTYPE_b8 && mask->dtype != DTYPE_u8)
        return error_set(ERROR_RUNTIME, "masked_select: expected BoolTensor for mask");
    memcpy(shape, mask->shape, sizeof(shape));
    if (shape_broadcast(&ndim, shape, self->ndim, self->shape) < 0)
        return -1;
    if (ndim == 0) {
        ndim = 1;
        shape[0] = 1;
    }
    self = d_expand(self, ndim, shape);
    list[0] = d_expand(mask, ndim, shape);
    return pool_leave(op, mark, list[0] ? D(index, V_TENSOR(self), V_TENSORS(list, 1)) : NULL, out);
}

int take_along_dim_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *index = args[1].tensor;
    int64_t shape[2][TENSOR_MAX_DIMS], dims[1];
    int dim = args[2].given ? tensor_dim(self, args[2].i) : 0;
    size_t mark = pool_open();

    if (dim < 0)
        return -1;
    if (!args[2].given) {
        dims[0] = self->numel;
        self = d_reshape(self, 1, dims);
        return pool_leave(
            op, mark,
            D(gather, V_TENSOR(self), V_INT(0), V_TENSOR(d_reshape(index, 1, &index->numel))), out);
    }
    if (self->ndim != index->ndim)
        return error_set(ERROR_RUNTIME,
                         "torch.take_along_dim(): input and indices should have the same number "
                         "of dimensions, but got %d dimensions for input, and %d dimensions for "
                         "indices",
                         self->ndim, index->ndim);
    for (int d = 0; d < self->ndim; d++) {
        int64_t wide = self->shape[d] == 1 ? index->shape[d] : self->shape[d];

        shape[0][d] = d == dim ? self->shape[d] : wide;
        shape[1][d] = d == dim ? index->shape[d] : wide;
    }
    self = d_expand(self, self->ndim, shape[0]);
    index = d_expand(index, index->ndim, shape[1]);
    return pool_leave(op, mark, D(gather, V_TENSOR(self), V_INT(dim), V_TENSOR(index)), out);
}

/* ---- joining ---- */

int cat_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_cat], args, out);
}

/* At least `ndim` dimensions, as hstack() and its like bring them about. */
static struct tensor *at_least(struct tensor *t, int ndim)
{
    if (t && t->ndim == 0 && ndim > 0)
        t = d_unsqueeze(t, 0);
    if (t && t->ndim == 1 && ndim > 1)
        t = d_unsqueeze(t, 0);
    if (t && t->ndim == 2 && ndim > 2)
        t = d_unsqueeze(t, 2);
    return t;
}

enum { MAX_JOINED = 256 };

/* Brings all to `ndim` dimensions (a column when `columns`) and joins them along dim; -1: the
 * second, or the only one. */
static int join(const struct op *op, const struct value *args, int ndim, bool columns, int dim,
                struct tensor **out)
{
    struct tensor *list[MAX_JOINED];
    int count = args[0].tensors.count;
    size_t mark = pool_open();

    if (count == 0 || count > MAX_JOINED)
        return error_set(ERROR_RUNTIME, "%s expects 1 to %d tensors, got %d", op->name, MAX_JOINED,
                         count);
    for (int i = 0; i < count; i++) {
        struct tensor *t = args[0].tensors.at[i];

        if (columns && t->ndim < 2)
            list[i] = d_reshape(t, 2, (int64_t[]){t->numel, 1});
        else
            list[i] = at_least(t, ndim);
        if (!list[i]) {
            pool_close(mark);
            return -1;
        }
    }
    if (dim < 0)
        dim = list[0]->ndim == 1 ? 0 : 1;
    return pool_leave(op, mark, D(cat, V_TENSORS(list, count), V_INT(dim)), out);
}

int hstack_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return join(op, args, 1, false, -1, out);
}

int vstack_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return join(op, args, 2, false, 0, out);
}

int dstack_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return join(op, args, 3, false, 2, out);
}

int column_stack_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return join(op, args, 2, true, 1, out);
}

int atleast_1d_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, at_least(args[0].tensor, 1), out);
}

int atleast_2d_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, at_least(args[0].tensor, 2), out);
}

int atleast_3d_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, at_least(args[0].tensor, 3), out);
}

int atleast_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    size_t mark = pool_open();
    int status = 0, ndim = op->name[8] - '0'; /* atleast_2d */

    for (int i = 0; i < args[0].tensors.count && status == 0; i++)
        status = list_add(out, at_least(args[0].tensors.at[i], ndim));
    return list_leave(out, mark, status);
}

/* ---- repeating ---- */

/* As repeat(), with ones in front of too short a list. */
int tile_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int given = args[1].ints.count, lead = self->ndim > given ? self->ndim - given : 0;
    int64_t repeats[2 * TENSOR_MAX_DIMS];
    size_t mark = pool_open();

    if (given > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "tile() takes at most %d dimensions here", TENSOR_MAX_DIMS);
    for (int d = 0; d < lead + given; d++)
        repeats[d] = d < lead ? 1 : args[1].ints.at[d - lead];
    return pool_leave(op, mark, D(repeat, V_TENSOR(self), V_INTS(repeats, lead + given)), out);
}

/* For each element along a line of `length` its number, repeated. */
static struct tensor *repeated_numbers(struct tensor *repeats, int64_t length)
{
    struct tensor *typed, *numbers;
    const int64_t *times;
    int64_t total = 0, at = 0;

    if (repeats->ndim > 1 || (repeats->numel != 1 && repeats->numel != length))
        return error_null(ERROR_RUNTIME,
                          "repeats must have the same size as input along dim, but got "
                          "repeats.size(0) = %lld and input.size(0) = %lld",
                          (long long)repeats->numel, (long long)length);
    typed = d_to(repeats, DTYPE_i64);
    typed = typed ? d_call1(OP_contiguous, typed) : NULL;
    if (!typed)
        return NULL;
    times = (const int64_t *)tensor_data(typed);
    for (int64_t i = 0; i < length; i++) {
        int64_t n = times[repeats->numel == 1 ? 0 : i];

        if (n < 0)
            return error_null(ERROR_RUNTIME, "repeats can not be negative");
        if (__builtin_add_overflow(total, n, &total))
            return error_null(ERROR_RUNTIME, "the sum of repeats does not fit into 64 bits");
    }
    numbers = pool_keep(tensor_new(DTYPE_i64, 1, &total));
    for (int64_t i = 0; numbers && i < length; i++) {
        for (int64_t k = times[repeats->numel == 1 ? 0 : i]; k > 0; k--)
            ((int64_t *)tensor_data(numbers))[at++] = i;
    }
    return numbers;
}

int repeat_interleave_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *numbers;
    int dim = args[2].given ? tensor_dim(self, args[2].i) : 0;
    size_t mark = pool_open();

    if (dim < 0)
        return -1;
    if (!args[2].given || self->ndim == 0)
        self = d_reshape(self, 1, &self->numel);
    numbers = self ? repeated_numbers(args[1].tensor, self->shape[dim]) : NULL;
    return pool_leave(op, mark, D(index_select, V_TENSOR(self), V_INT(dim), V_TENSOR(numbers)),
                      out);
}

/* ---- turning ---- */

static int flip_dim(const struct op *op, const struct value *args, int dim, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t dims[1] = {dim};
    struct value flip[2] = {args[0], V_INTS(dims, 1)};

    if (self->ndim <= dim)
        return error_set(ERROR_RUNTIME, "Input must be >= %d-d.", dim + 1);
    (void)op;
    return op_call(&ops[OP_flip], flip, out);
}

int fliplr_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return flip_dim(op, args, 1, out);
}

int flipud_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return flip_dim(op, args, 0, out);
}

int rot90_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *t = self;
    int k = (int)(((args[1].i % 4) + 4) % 4), a, b;
    int64_t dims[2];
    size_t mark = pool_open();

    if (args[2].ints.count != 2)
        return error_set(ERROR_RUNTIME, "expected total rotation dims == 2, but got dims = %d",
                         args[2].ints.count);
    if (self->ndim < 2)
        return error_set(ERROR_RUNTIME, "expected total dims >= 2, but got total dims = %d",
                         self->ndim);
    a = tensor_dim(self, args[2].ints.at[0]);
    b = a < 0 ? -1 : tensor_dim(self, args[2].ints.at[1]);
    if (b < 0)
        return -1;
    if (a == b)
        return error_set(ERROR_RUNTIME,
                         "expected rotation dims to be different, but got dim0 = "
                         "%d and dim1 = %d",
                         a, b);
    dims[0] = k == 3 ? a : b;
    dims[1] = a;
    if (k != 0)
        t = D(flip, V_TENSOR(self), V_INTS(dims, k == 2 ? 2 : 1));
    else
        t = D(clone, V_TENSOR(self));
    if (t && k % 2)
        t = d_transpose(t, a, b);
    return pool_leave(op, mark, t, out);
}

/* ---- diagonals ---- */

int diag_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *t;
    size_t mark = pool_open();

    if (self->ndim == 0 || self->ndim > 2)
        return error_set(ERROR_RUNTIME, "matrix or a vector expected");
    t = self->ndim == 1 ? D(diag_embed, V_TENSOR(self), args[1])
                        : D(clone, V_TENSOR(D(diagonal, V_TENSOR(self), args[1])));
    return pool_leave(op, mark, t, out);
}

int diagflat_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct tensor *flat = d_reshape(args[0].tensor, 1, &args[0].tensor->numel);

    return pool_leave(op, mark, D(diag_embed, V_TENSOR(flat), args[1]), out);
}
