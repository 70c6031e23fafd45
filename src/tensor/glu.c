/* glu: one half of a tensor times the sigmoid of the other. */
#include "base/error.h"
#include "tensor/op.h"

#include <string.h>

static struct tensor *half_of(const struct tensor *t, int dim, bool second)
{
    int64_t shape[TENSOR_MAX_DIMS], half = t->shape[dim] / 2;

    memcpy(shape, t->shape, sizeof(shape));
    shape[dim] = half;
    return tensor_view(t, t->ndim, shape, t->stride,
                       t->offset + (second ? half * t->stride[dim] : 0));
}

int glu_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct scalar none[2] = {scalar_int(0), scalar_int(0)};
    struct tensor *self = args[0].tensor, *in[2] = {NULL}, *gate = NULL;
    int dim = tensor_dim(self, args[1].i), status = -1;

    if (self->ndim == 0)
        return error_set(ERROR_RUNTIME, "glu does not support scalars because halving size "
                                        "must be even");
    if (dim < 0)
        return -1;
    if (self->shape[dim] % 2)
        return error_set(ERROR_RUNTIME,
                         "Halving dimension must be even, but dimension %d is size %lld", dim,
                         (long long)self->shape[dim]);
    if (op_check_float(op, self) < 0)
        return -1;
    in[0] = half_of(self, dim, false);
    in[1] = half_of(self, dim, true);
    if (in[0] && in[1] && elementwise_run(op, OP_sigmoid, &in[1], none, &gate) == 0)
        status = elementwise_run(op, OP_mul, (struct tensor *[]){in[0], gate}, none, out);
    tensor_unref(in[0]);
    tensor_unref(in[1]);
    tensor_unref(gate);
    return status;
}
