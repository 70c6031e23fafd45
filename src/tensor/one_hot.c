/* one_hot: classes as rows with a single 1. */
#include "base/error.h"
#include "tensor/op.h"

#include <string.h>

/* How many classes there are, as wanted or at least. 0 or -1. */
static int count_classes(const struct tensor *index, int64_t wanted, int64_t *classes)
{
    const int64_t *class = (const int64_t *)tensor_data(index);
    int64_t most = -1;

    for (int64_t i = 0; i < index->numel; i++) {
        if (class[i] < 0)
            return error_set(ERROR_RUNTIME, "Class values must be non-negative.");
        most = class[i] > most ? class[i] : most;
    }
    *classes = wanted == -1 ? most + 1 : wanted; /* negative where it does not fit */
    if (wanted == -1)
        return 0;
    if (wanted < 1 && index->numel == 0)
        return error_set(ERROR_RUNTIME, "Can not infer total number of classes from empty tensor.");
    if (most >= wanted)
        return error_set(ERROR_RUNTIME, "Class values must be smaller than num_classes.");
    return 0;
}

int one_hot_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *index, *result = NULL;
    int64_t shape[TENSOR_MAX_DIMS + 1], classes = 0;

    if (self->dtype != DTYPE_i64)
        return error_set(ERROR_RUNTIME, "one_hot is only applicable to index tensor.");
    if (self->numel == 0 && args[1].i < 1)
        return error_set(ERROR_RUNTIME, "Can not infer total number of classes from empty tensor.");
    index = tensor_contiguous(self);
    if (index && count_classes(index, args[1].i, &classes) == 0) {
        memcpy(shape, self->shape, sizeof(self->shape));
        shape[self->ndim] = classes;
        result = tensor_zeros(DTYPE_i64, self->ndim + 1, shape);
    }
    for (int64_t i = 0; result && i < index->numel; i++)
        ((int64_t *)tensor_data(result))[i * classes + ((int64_t *)tensor_data(index))[i]] = 1;
    tensor_unref(index);
    return op_give(op, result, out);
}
