/* Products of vectors and matrices made of recorded operations. */
#include "autograd/formula.h"
#include "base/error.h"

#include <string.h>

int outer_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor, *y = args[1].tensor;
    size_t mark = pool_open();

    if (x->ndim != 1 || y->ndim != 1)
        return error_set(ERROR_RUNTIME, "outer: Expected 1-D argument %s, but got %d-D",
                         x->ndim != 1 ? "self" : "vec2", x->ndim != 1 ? x->ndim : y->ndim);
    return pool_leave(op, mark, d_mul(d_reshape(x, 2, (int64_t[]){x->numel, 1}), y), out);
}

int vdot_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, d_call2(OP_dot, d_conjugate(args[0].tensor), args[1].tensor), out);
}

int inner_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor, *y = args[1].tensor;
    int64_t shape[2 * TENSOR_MAX_DIMS], k = x->ndim ? x->shape[x->ndim - 1] : 1;
    size_t mark = pool_open();
    char text[2][256];
    int ndim = 0;

    if (x->ndim == 0 || y->ndim == 0)
        return pool_leave(op, mark, d_mul(x, y), out);
    if (y->shape[y->ndim - 1] != k || x->ndim + y->ndim - 2 > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME,
                         "inner() the last dimension must match on both input tensors but got "
                         "shapes %s and %s",
                         shape_text(x->ndim, x->shape, text[0], sizeof(text[0])),
                         shape_text(y->ndim, y->shape, text[1], sizeof(text[1])));
    for (int d = 0; d < x->ndim - 1; d++)
        shape[ndim++] = x->shape[d];
    for (int d = 0; d < y->ndim - 1; d++)
        shape[ndim++] = y->shape[d];
    x = d_reshape(x, 2, (int64_t[]){k ? x->numel / k : 0, k});
    y = d_reshape(y, 2, (int64_t[]){k ? y->numel / k : 0, k});
    y = y ? d_transpose(y, 0, 1) : NULL;
    x = D(mm, V_TENSOR(x), V_TENSOR(y));
    return pool_leave(op, mark, x ? d_reshape(x, ndim, shape) : NULL, out);
}

int chain_matmul_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct tensor *product = args[0].tensors.count ? args[0].tensors.at[0] : NULL;

    if (!product)
        return error_set(ERROR_RUNTIME, "chain_matmul(): Expected one or more matrices");
    for (int i = 1; i < args[0].tensors.count && product; i++)
        product = D(mm, V_TENSOR(product), V_TENSOR(args[0].tensors.at[i]));
    return pool_leave(op, mark, product, out);
}

/* beta * self + alpha * product, where beta = 0 leaves self out whatever it holds. */
static int blend(const struct op *op, const struct value *args, size_t mark, struct tensor *product,
                 struct tensor **out)
{
    struct tensor *result = d_scale(product, args[4].scalar);

    if (args[3].scalar.d != 0)
        result = d_add(d_scale(args[0].tensor, args[3].scalar), result);
    return pool_leave(op, mark, result, out);
}

int addmv_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return blend(op, args, mark, D(mv, args[1], args[2]), out);
}

int addr_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return blend(op, args, mark, D(outer, args[1], args[2]), out);
}

int baddbmm_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return blend(op, args, mark, D(bmm, args[1], args[2]), out);
}

int addbmm_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct tensor *product = D(bmm, args[1], args[2]);

    return blend(op, args, mark, d_sum(product, (int64_t[]){0}, 1, false), out);
}

int trace_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    if (args[0].tensor->ndim != 2)
        return error_set(ERROR_RUNTIME, "trace: expected a matrix, but got tensor with dim %d",
                         args[0].tensor->ndim);
    return pool_leave(op, mark, d_sum_all(D(diagonal, args[0])), out);
}

/* Both with each dimension doubled: (s0, 1, s1, 1) times (1, t0, 1, t1). */
int kron_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor, *y = args[1].tensor;
    int ndim = x->ndim > y->ndim ? x->ndim : y->ndim;
    int64_t left[TENSOR_MAX_DIMS], right[TENSOR_MAX_DIMS], whole[TENSOR_MAX_DIMS];
    size_t mark = pool_open();

    if (2 * ndim > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "kron() takes at most %d dimensions here",
                         TENSOR_MAX_DIMS / 2);
    for (int d = 0; d < ndim; d++) {
        int a = d - (ndim - x->ndim), b = d - (ndim - y->ndim);

        left[2 * d] = a < 0 ? 1 : x->shape[a];
        right[2 * d + 1] = b < 0 ? 1 : y->shape[b];
        left[2 * d + 1] = right[2 * d] = 1;
        whole[d] = left[2 * d] * right[2 * d + 1];
    }
    x = d_mul(d_reshape(x, 2 * ndim, left), d_reshape(y, 2 * ndim, right));
    return pool_leave(op, mark, x ? d_reshape(x, ndim, whole) : NULL, out);
}

/* x rolled by one and by two against y rolled the other way. */
int cross_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor, *y = args[1].tensor, *result;
    int dim = args[2].given ? tensor_dim(x, args[2].i) : 0;
    int64_t dims[1], one[1] = {1}, two[1] = {2};
    size_t mark = pool_open();

    if (dim < 0)
        return -1;
    while (!args[2].given && dim < x->ndim && x->shape[dim] != 3)
        dim++;
    if (dim >= x->ndim || x->shape[dim] != 3 || y->ndim != x->ndim || y->shape[dim] != 3)
        return error_set(ERROR_RUNTIME,
                         args[2].given ? "linalg.cross: inputs dimension %d must have length 3."
                                       : "no dimension of size 3 in input",
                         dim);
    dims[0] = dim;
    result = d_mul(D(roll, V_TENSOR(x), V_INTS(two, 1), V_INTS(dims, 1)),
                   D(roll, V_TENSOR(y), V_INTS(one, 1), V_INTS(dims, 1)));
    result = d_sub(result, d_mul(D(roll, V_TENSOR(x), V_INTS(one, 1), V_INTS(dims, 1)),
                                 D(roll, V_TENSOR(y), V_INTS(two, 1), V_INTS(dims, 1))));
    return pool_leave(op, mark, result, out);
}

int tensordot_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor, *y = args[1].tensor;
    int64_t dims = args[2].i, shape[2 * TENSOR_MAX_DIMS], inner = 1;
    int ndim = 0;
    size_t mark = pool_open();

    if (dims < 0 || dims > x->ndim || dims > y->ndim)
        return error_set(ERROR_RUNTIME,
                         "tensordot expects dims >= 0 and at most the number of "
                         "dimensions, but got dims=%lld",
                         (long long)dims);
    for (int d = 0; d < dims; d++) {
        if (x->shape[x->ndim - dims + d] != y->shape[d])
            return error_set(ERROR_RUNTIME,
                             "contracted dimensions need to match, but first has size %lld in dim "
                             "%d and second has size %lld in dim %d",
                             (long long)x->shape[x->ndim - dims + d], (int)(d - dims),
                             (long long)y->shape[d], d);
        inner *= y->shape[d];
    }
    if (x->ndim + y->ndim - 2 * dims > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "tensors have at most %d dimensions here", TENSOR_MAX_DIMS);
    for (int d = 0; d < x->ndim - dims; d++)
        shape[ndim++] = x->shape[d];
    for (int d = (int)dims; d < y->ndim; d++)
        shape[ndim++] = y->shape[d];
    x = d_reshape(x, 2, (int64_t[]){inner ? x->numel / inner : 0, inner});
    y = d_reshape(y, 2, (int64_t[]){inner, inner ? y->numel / inner : 0});
    x = D(mm, V_TENSOR(x), V_TENSOR(y));
    return pool_leave(op, mark, x ? d_reshape(x, ndim, shape) : NULL, out);
}
