/* max_unpool: elements put back to where max pooling has found them, 0 around them. */
#include "base/error.h"
#include "tensor/op.h"

#include <string.h>

/* Moves planes of `from` elements to planes of `to`. False: *bad is the last index that is none. */
#define UNPOOL(T, id)                                                                              \
    static bool unpool_##id(const T *in, const int64_t *index, int64_t planes, int64_t from,       \
                            int64_t to, T *out, int64_t *bad)                                      \
    {                                                                                              \
        bool fits = true;                                                                          \
                                                                                                   \
        for (int64_t i = 0; i < planes * from; i++) {                                              \
            if (index[i] >= 0 && index[i] < to) {                                                  \
                out[i / from * to + index[i]] = in[i];                                             \
            } else {                                                                               \
                *bad = index[i];                                                                   \
                fits = false;                                                                      \
            }                                                                                      \
        }                                                                                          \
        return fits;                                                                               \
    }
UNPOOL(float, f32)
UNPOOL(double, f64)

static int check_arguments(const struct op *op, const struct tensor *self,
                           const struct tensor *index, int dims)
{
    char text[2][128];

    if (index->dtype != DTYPE_i64)
        return error_set(ERROR_RUNTIME, "elements in indices should be type int64");
    if (self->ndim != dims + 1 && self->ndim != dims + 2)
        return error_set(ERROR_RUNTIME, "Input to max_unpooling%dd should be a %dd or %dd Tensor",
                         dims, dims + 1, dims + 2);
    if (!tensor_same_shape(self, index))
        return error_set(ERROR_RUNTIME,
                         "Expected shape of indices to be same as that of the input tensor (%s) "
                         "but got indices tensor with shape: %s",
                         shape_text(self->ndim, self->shape, text[0], sizeof(text[0])),
                         shape_text(index->ndim, index->shape, text[1], sizeof(text[1])));
    return op_check_float(op, self);
}

static int bad_index(int64_t index, int dims, const int64_t *size)
{
    if (dims == 2)
        return error_set(ERROR_RUNTIME,
                         "Found an invalid max index: %lld (output volumes are of size %lldx%lld",
                         (long long)index, (long long)size[0], (long long)size[1]);
    return error_set(ERROR_RUNTIME,
                     "Found an invalid max index: %lld (output volumes are of size %lldx%lldx%lld",
                     (long long)index, (long long)size[0], (long long)size[1], (long long)size[2]);
}

int max_unpool_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    const int64_t *size = args[2].ints.at;
    struct tensor *self = NULL, *index = NULL, *result = NULL;
    int dims = args[2].ints.count, lead = args[0].tensor->ndim - dims;
    int64_t shape[TENSOR_MAX_DIMS], planes = 1, from = 1, to = 1, bad = 0;
    bool fits = false;

    if (check_arguments(op, args[0].tensor, args[1].tensor, dims) < 0)
        return -1;
    self = tensor_contiguous(args[0].tensor);
    index = tensor_contiguous(args[1].tensor);
    if (!self || !index)
        goto done;
    memcpy(shape, self->shape, sizeof(shape));
    for (int d = 0; d < lead; d++)
        planes *= shape[d];
    for (int d = 0; d < dims; d++) {
        from *= shape[lead + d];
        shape[lead + d] = size[d];
        to *= size[d];
    }
    result = tensor_zeros(tensor_dtype(self), self->ndim, shape);
    if (!result)
        goto done;
    fits = self->dtype == DTYPE_f32
               ? unpool_f32((float *)tensor_data(self), (int64_t *)tensor_data(index), planes, from,
                            to, (float *)tensor_data(result), &bad)
               : unpool_f64((double *)tensor_data(self), (int64_t *)tensor_data(index), planes,
                            from, to, (double *)tensor_data(result), &bad);
    if (!fits) {
        bad_index(bad, dims, size);
        tensor_unref(result);
        result = NULL;
    }
done:
    tensor_unref(self);
    tensor_unref(index);
    return op_give(op, result, out);
}
