/* Views by strides; rounding to decimals; cutting by tensors. */
#include "base/error.h"
#include "tensor/op.h"

#include <math.h>
#include <string.h>

/* ---- as_strided ---- */

int as_strided_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct tensor *self = args[0].tensor;
    const int64_t *shape = args[1].ints.at, *stride = args[2].ints.at;
    int ndim = args[1].ints.count;
    int64_t offset = args[3].given ? args[3].i : self->offset;
    char text[256];

    (void)op;
    if (ndim != args[2].ints.count)
        return error_set(ERROR_RUNTIME, "mismatch in length of strides and shape");
    for (int d = 0; d < ndim; d++) {
        if (stride[d] < 0)
            return error_set(ERROR_RUNTIME,
                             "as_strided: Negative strides are not supported at the moment, got "
                             "strides: %s",
                             shape_text(ndim, stride, text, sizeof(text)));
    }
    if (tensor_check_within(self->storage->nbytes, tensor_dtype(self), ndim, shape, stride,
                            offset) < 0)
        return -1;
    *out = tensor_view(self, ndim, shape, stride, offset);
    return *out ? 0 : -1;
}

/* ---- fill_diagonal_ ---- */

int fill_diagonal_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *diagonal;
    int64_t height = self->ndim ? self->shape[0] : 0, width, count, step = 0, again;

    (void)op;
    (void)out;
    if (self->ndim < 2)
        return error_set(ERROR_RUNTIME, "dimensions must larger than 1");
    width = self->shape[1];
    for (int d = 0; d < self->ndim; d++) {
        if (self->ndim > 2 && self->shape[d] != height)
            return error_set(ERROR_RUNTIME, "all dimensions of input must be of equal length");
        step += self->stride[d];
    }
    count = height < width ? height : width;
    diagonal = tensor_view(self, 1, &count, &step, self->offset);
    if (!diagonal || tensor_fill(diagonal, args[1].scalar) < 0) {
        tensor_unref(diagonal);
        return -1;
    }
    tensor_unref(diagonal);
    if (!args[2].i || self->ndim != 2 || height <= width + 1)
        return 0;
    /* A tall matrix: the diagonal begins again below a free row. */
    for (again = width + 1; again < height; again += width + 1) {
        count = height - again < width ? height - again : width;
        diagonal = tensor_view(self, 1, &count, &step, self->offset + again * self->stride[0]);
        if (!diagonal || tensor_fill(diagonal, args[1].scalar) < 0) {
            tensor_unref(diagonal);
            return -1;
        }
        tensor_unref(diagonal);
    }
    return 0;
}

/* ---- rounding and cutting ---- */

int round_decimals_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t decimals = args[1].i;
    struct scalar params[2] = {scalar_float(pow(10, (double)(decimals < 0 ? -decimals : decimals))),
                               scalar_int(0)};
    enum op_id id = decimals < 0   ? OP_round_before_each
                    : decimals > 0 ? OP_round_behind_each
                                   : OP_round;

    if (!dtype_is_float(tensor_dtype(self)))
        return op_refuse_kernel(op, id, tensor_dtype(self));
    return elementwise_run(op, id, &self, params, out);
}

/* In the common type of all that are given: max(self, min), then min(..., max). */
int clamp_tensors_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *all[3] = {args[0].tensor}, *in[2], *cut = NULL;
    struct scalar none[2] = {scalar_int(0), scalar_int(0)};
    int count = 1, status;

    for (int i = 1; i < 3; i++) {
        if (args[i].given)
            all[count++] = args[i].tensor;
    }
    if (count == 1)
        return error_set(ERROR_RUNTIME,
                         "torch.clamp: At least one of 'min' or 'max' must not be None");
    in[0] = tensor_to(all[0], op_result_type(count, all));
    if (!in[0])
        return -1;
    in[1] = args[1].tensor;
    if (count == 3) {
        status = elementwise_run(op, OP_maximum, in, none, &cut);
        tensor_unref(in[0]);
        if (status < 0)
            return -1;
        in[0] = cut;
    }
    if (args[2].given)
        in[1] = args[2].tensor;
    status = elementwise_run(op, args[2].given ? OP_minimum : OP_maximum, in, none, out);
    tensor_unref(in[0]);
    return status;
}

int clamp_end_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *in[2] = {args[0].tensor, args[1].tensor};
    struct scalar none[2] = {scalar_int(0), scalar_int(0)};
    bool least = op->id == OP_clamp_min__tensor;

    return elementwise_run(op, least ? OP_maximum : OP_minimum, in, none, out);
}
