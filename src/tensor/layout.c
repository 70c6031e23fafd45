/* The order of dimensions in memory, which results take over from operands. */
#include "base/error.h"
#include "tensor/tensor.h"

#include <string.h>

struct order {
    int ndim, count;
    const int64_t *shape;
    struct tensor *const *operands;
    int at[TENSOR_MAX_DIMS]; /* the dimensions, the innermost first */
};

/* The stride of dimension d of the result in an operand: 0 where the operand is broadcast. */
static int64_t stride_in(const struct order *o, const struct tensor *t, int d)
{
    int td = d - (o->ndim - t->ndim);

    return td < 0 || (t->shape[td] == 1 && o->shape[d] != 1) ? 0 : t->stride[td];
}

/* Whether dimension a lies outside (1) or inside (-1) of b, which it stands before; 0: no operand
 * tells. Of equal strides the smaller dimension is taken as the inner one. */
static int compare_dimensions(const struct order *o, int a, int b)
{
    for (int k = 0; k < o->count; k++) {
        int64_t outer = stride_in(o, o->operands[k], a), inner = stride_in(o, o->operands[k], b);

        if (outer == 0 || inner == 0)
            continue;
        if (outer != inner)
            return outer < inner ? -1 : 1;
        if (o->shape[a] > o->shape[b])
            return 1;
    }
    return 0;
}

/* PyTorch's own sort: what no operand decides stays, and what lies behind it is looked at further.
 */
static void sort_dimensions(struct order *o)
{
    for (int i = 0; i < o->ndim; i++)
        o->at[i] = o->ndim - 1 - i;
    for (int i = 1; i < o->ndim; i++) {
        for (int k = i - 1, moving = i; k >= 0; k--) {
            int order = compare_dimensions(o, o->at[k], o->at[moving]), d = o->at[k];

            if (order < 0)
                break;
            if (order == 0)
                continue;
            o->at[k] = o->at[moving];
            o->at[moving] = d;
            moving = k;
        }
    }
}

static bool all_contiguous(int count, struct tensor *const *operands)
{
    for (int k = 0; k < count; k++) {
        if (!tensor_is_contiguous(operands[k]))
            return false;
    }
    return true;
}

struct tensor *tensor_new_as(enum dtype dtype, int ndim, const int64_t *shape, int count,
                             struct tensor *const *operands)
{
    struct tensor *t = tensor_new(dtype, ndim, shape);
    struct order o = {.ndim = ndim, .count = count, .shape = shape, .operands = operands};
    int64_t step = 1;

    if (!t || ndim < 2 || t->numel == 0 || all_contiguous(count, operands))
        return t;
    sort_dimensions(&o);
    for (int i = 0; i < ndim; i++) {
        t->stride[o.at[i]] = step;
        step *= shape[o.at[i]];
    }
    return t;
}

bool tensor_is_dense(const struct tensor *t)
{
    int64_t step = 1;
    bool seen[TENSOR_MAX_DIMS] = {false}, found = true;

    if (tensor_is_contiguous(t))
        return true;
    while (found) { /* the dimension that lies next to what has been covered */
        found = false;
        for (int d = 0; d < t->ndim && !found; d++) {
            found = !seen[d] && t->shape[d] > 1 && t->stride[d] == step;
            if (found) {
                seen[d] = true;
                step *= t->shape[d];
            }
        }
    }
    return step == t->numel;
}

bool tensor_is_expanded(const struct tensor *t)
{
    for (int d = 0; d < t->ndim; d++) {
        if (t->stride[d] == 0 && t->shape[d] > 1)
            return t->numel > 0;
    }
    return false;
}

int tensor_check_expanded(const struct tensor *t)
{
    if (!tensor_is_expanded(t))
        return 0;
    return error_set(ERROR_RUNTIME,
                     "unsupported operation: more than one element of the written-to tensor "
                     "refers to a single memory location. Please clone() the tensor before "
                     "performing the operation.");
}

struct tensor *tensor_clone_as(struct tensor *t, enum dtype dtype)
{
    struct tensor *copy =
        tensor_new_as(dtype == DTYPE_NONE ? tensor_dtype(t) : dtype, t->ndim, t->shape, 1, &t);

    if (copy && tensor_copy(copy, t) < 0) {
        tensor_unref(copy);
        return NULL;
    }
    return copy;
}
