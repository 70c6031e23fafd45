/* embedding: rows of a table, by their numbers. */
#include "base/error.h"
#include "tensor/op.h"

#include <math.h>
#include <string.h>

/* Scales a row down to the largest norm that is allowed. */
static void limit_row(enum dtype dtype, char *row, int64_t n, double most, double kind)
{
    const int64_t size = (int64_t)dtype_size(dtype);
    double sum = 0, norm;

    for (int64_t i = 0; i < n; i++)
        sum += pow(fabs(dtype_load(dtype, row + i * size).d), kind);
    norm = pow(sum, 1 / kind);
    for (int64_t i = 0; norm > most && i < n; i++) {
        double x = dtype_load(dtype, row + i * size).d;

        dtype_store(dtype, row + i * size, scalar_float(x * (most / (norm + 1e-7))));
    }
}

static int check_arguments(const struct value *args)
{
    const struct tensor *index = args[0].tensor, *weight = args[1].tensor;

    if (index->dtype != DTYPE_i64 && index->dtype != DTYPE_i32)
        return error_set(ERROR_RUNTIME,
                         "Expected tensor for argument #1 'indices' to have one of the following "
                         "scalar types: Long, Int; but got torch.%s instead (while checking "
                         "arguments for embedding)",
                         dtype_infos[index->dtype].class_name);
    if (weight->ndim != 2)
        return error_set(ERROR_RUNTIME, "'weight' must be 2-D");
    if (args[5].i)
        return error_set(ERROR_NOT_IMPLEMENTED, "embedding: scale_grad_by_freq is not supported");
    if (args[3].given && !tensor_is_contiguous(weight))
        return error_set(ERROR_RUNTIME, "embedding: max_norm needs a contiguous weight");
    return 0;
}

int embedding_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *index = NULL, *weight = NULL, *result = NULL;
    int64_t shape[TENSOR_MAX_DIMS + 1], row, bytes;

    if (check_arguments(args) < 0)
        return -1;
    index = tensor_to(args[0].tensor, DTYPE_i64);
    weight = tensor_contiguous(args[1].tensor);
    if (!index || !weight)
        goto fail;
    memcpy(shape, index->shape, sizeof(index->shape));
    shape[index->ndim] = weight->shape[1];
    bytes = weight->shape[1] * (int64_t)dtype_size(tensor_dtype(weight));
    result = tensor_contiguous(index);
    tensor_unref(index);
    index = result;
    result = index ? tensor_new(tensor_dtype(weight), index->ndim + 1, shape) : NULL;
    if (!result)
        goto fail;
    for (int64_t i = 0; i < index->numel; i++) {
        row = ((const int64_t *)tensor_data(index))[i];
        if (row < 0 || row >= weight->shape[0]) {
            error_set(ERROR_INDEX, "index out of range in self");
            goto fail;
        }
        if (args[3].given)
            limit_row(tensor_dtype(weight), tensor_data(weight) + row * bytes, weight->shape[1],
                      args[3].d, args[4].d);
        memcpy(tensor_data(result) + i * bytes, tensor_data(weight) + row * bytes, (size_t)bytes);
    }
    if (args[3].given)
        tensor_bump(weight);
    tensor_unref(index);
    tensor_unref(weight);
    return op_give(op, result, out);
fail:
    tensor_unref(index);
    tensor_unref(weight);
    tensor_unref(result);
    return -1;
}
