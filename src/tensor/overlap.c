/* Memory that an operation both reads and writes. */
#include "tensor/overlap.h"

#include "base/error.h"

#include <string.h>

enum overlap { OVERLAP_NONE, OVERLAP_PART, OVERLAP_FULL };

/* The bytes that a tensor reaches; strides are never negative. */
static void extent(const struct tensor *t, const char **first, const char **end)
{
    int64_t last = 0;

    for (int d = 0; d < t->ndim; d++)
        last += (t->shape[d] - 1) * t->stride[d];
    *first = tensor_data(t);
    *end = *first + (last + 1) * (int64_t)dtype_size(tensor_dtype(t));
}

/* Of memory that is shared element by element: all of it. */
static enum overlap overlap_of(const struct tensor *a, const struct tensor *b)
{
    const char *a_first, *a_end, *b_first, *b_end;

    if (a == b)
        return OVERLAP_FULL;
    if (a->storage != b->storage || !tensor_is_dense(a) || !tensor_is_dense(b) || a->numel == 0 ||
        b->numel == 0)
        return OVERLAP_NONE;
    extent(a, &a_first, &a_end);
    extent(b, &b_first, &b_end);
    if (a_first == b_first && a_end == b_end)
        return a->ndim == b->ndim &&
                       memcmp(a->stride, b->stride, (size_t)a->ndim * sizeof(*a->stride)) == 0
                   ? OVERLAP_FULL
                   : OVERLAP_PART;
    return a_first < b_end && b_first < a_end ? OVERLAP_PART : OVERLAP_NONE;
}

static int refuse_overlap(void)
{
    return error_set(ERROR_RUNTIME,
                     "unsupported operation: some elements of the input tensor and the "
                     "written-to tensor refer to a single memory location. Please clone() the "
                     "tensor before performing the operation.");
}

int tensor_check_overlap(const struct tensor *out, const struct tensor *in)
{
    return overlap_of(out, in) == OVERLAP_PART ? refuse_overlap() : 0;
}

static int tensor_check_apart(const struct tensor *out, const struct tensor *in)
{
    return overlap_of(out, in) != OVERLAP_NONE ? refuse_overlap() : 0;
}

int op_check_apart(const struct op *op, const struct value *args, const struct tensor *out)
{
    const struct schema *schema = op_schema(op);
    uint32_t tensors = schema->tensors;

    if (op->flags & (OP_MUTATES | OP_IN_PLACE_CALL))
        tensors &= ~1u;
    else if (tensor_check_expanded(out) < 0)
        return -1;
    for (; tensors; tensors &= tensors - 1) {
        const struct value *v = &args[__builtin_ctz(tensors)];

        if (v->given && tensor_check_apart(out, v->tensor) < 0)
            return -1;
    }
    for (uint32_t lists = schema->lists; lists; lists &= lists - 1) {
        const struct value *v = &args[__builtin_ctz(lists)];

        for (int j = 0; v->given && j < v->tensors.count; j++) {
            if (v->tensors.at[j] && tensor_check_apart(out, v->tensors.at[j]) < 0)
                return -1;
        }
    }
    return 0;
}
