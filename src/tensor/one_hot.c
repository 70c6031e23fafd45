/* one_hot: classes as rows with a single 1. */
#include "base/error.h"
#include "tensor/op.h"

#include <string.h>

/* How many classes there are at least; -1 with an error. */
static int64_t count_classes(const struct tensor *index, int64_t wanted)
{
    const int64_t *class = (const int64_t *)tensor_data(index);
    int64_t most = -1;

    for (int64_t i = 0; i < index->numel; i++) {
        if (class[i] < 0)
            return error_set(ERROR_RUNTIME, "Class values must be non-negative.");
        most = class[i] > most ? class[i] : most;
    }
    if (wanted == -1)
        return most + 1;
    if (wanted < 1 && index->numel == 0)
        return error_set(ERROR_RUNTIME, "Can not infer total number of classes from empty tensor.");
    if (most >= wanted)
        return error_set(ERROR_RUNTIME, "Class values must be smaller than num_classes.");
    return wanted;
}

int one_hot_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *index, *result = NULL;
    int64_t shape[TENSOR_MAX_DIMS + 1], classes;

    if (self->dtype != DTYPE_i64)
        return error_set(ERROR_RUNTIME, "one_hot is only applicable to index tensor.");
    if (self->numel == 0 && args[1].i < 1)
        return error_set(ERROR_RUNTIME, "Can not infer total number of classes from empty tensor.");
    index = tensor_contiguous(self);
    classes = index ? count_classes(index, args[1].i) : -1;
    if (classes >= 0) {
        memcpy(shape, self->shape, sizeof(self->shape));
        shape[self->ndim] = classes;
        result = tensor_zeros(DTYPE_i64, self->ndim + 1, shape);
    }
    for (int64_t i = 0; result && i < index->numel; i++)
        ((int64_t *)tensor_data(result))[i * classes + ((int64_t *)tensor_data(index))[i]] = 1;
    tensor_unref(index);
    return op_give(op, result, out);
}
