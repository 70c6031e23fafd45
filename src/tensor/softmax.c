/* softmax and log_softmax: rows of the last dimension; another one is moved there and back. */
#include "base/error.h"
#include "tensor/kernels.h"

/* From this many elements on, rows are shared out among threads. */
enum { PARALLEL_FROM = 1 << 16 };

/* t with its dimension `from` moved to `to`. */
static struct tensor *move_dim(const struct tensor *t, int from, int to)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];

    for (int d = 0, source = 0; d < t->ndim; d++) {
        source += source == from;
        shape[d] = t->shape[d == to ? from : source];
        stride[d] = t->stride[d == to ? from : source];
        source += d != to;
    }
    return tensor_view(t, t->ndim, shape, stride, t->offset);
}

static void softmax_rows(kernel_fn *kernel, const struct tensor *in, struct tensor *out, int64_t n)
{
    const int64_t size = (int64_t)dtype_size(tensor_dtype(in)), stride[2] = {size, size};
    const int64_t rows = n ? in->numel / n : 0;
    char *from = tensor_data(in), *to = tensor_data(out);

#pragma omp parallel for if (in->numel >= PARALLEL_FROM)
    for (int64_t row = 0; row < rows; row++) {
        char *ptr[2] = {to + row * n * size, from + row * n * size};

        kernel(n, ptr, stride, NULL);
    }
}

static int check_float(const struct op *op, const struct tensor *self, bool last)
{
    if (dtype_is_float(tensor_dtype(self)))
        return 0;
    return error_set(ERROR_RUNTIME, "\"%s_%skernel_impl\" not implemented for '%s'", op->name + 1,
                     last ? "lastdim_" : "", dtype_short_name(tensor_dtype(self)));
}

int softmax_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *moved = NULL, *in = NULL, *result = NULL;
    enum softmax kind = op->id == OP__softmax ? SOFTMAX_PLAIN : SOFTMAX_LOG;
    int dim = tensor_dim(self, args[1].i);
    bool last = dim + 1 >= self->ndim;

    if (dim < 0 || check_float(op, self, last) < 0)
        return -1;
    moved = last ? tensor_ref(self) : move_dim(self, dim, self->ndim - 1);
    in = moved ? tensor_contiguous(moved) : NULL;
    result = in ? tensor_new_like(in, DTYPE_NONE) : NULL;
    if (result)
        softmax_rows(kernels.softmax[kind][self->dtype], in, result,
                     in->ndim ? in->shape[in->ndim - 1] : 1);
    tensor_unref(moved);
    tensor_unref(in);
    if (result && !last) {
        moved = move_dim(result, result->ndim - 1, dim);
        tensor_unref(result);
        result = moved ? tensor_contiguous(moved) : NULL;
        tensor_unref(moved);
    }
    *out = result;
    return result ? 0 : -1;
}
