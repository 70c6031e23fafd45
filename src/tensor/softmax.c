/* softmax and log_softmax: of rows along the last dimension, of columns along another one. */
#include "base/error.h"
#include "tensor/iter.h"

/* From this many elements on, rows are shared out among threads. */
enum { PARALLEL_FROM = 1 << 16 };

static void softmax_rows(kernel_fn *kernel, const struct tensor *in, struct tensor *out, int64_t n)
{
    const int64_t size = (int64_t)dtype_size(tensor_dtype(in)), stride[2] = {size, size};
    const int64_t rows = n ? in->numel / n : 0;
    char *from = tensor_data(in), *to = tensor_data(out);

    if (in->numel < PARALLEL_FROM) {
        for (int64_t at = 0; at < rows * n * size; at += n * size)
            kernel(n, (char *[]){to + at, from + at}, stride, NULL);
        return;
    }
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++)
        kernel(n, (char *[]){to + row * n * size, from + row * n * size}, stride, NULL);
}

/* Tile `i` of contiguous tensors, whose dimension of `rows` elements has `inner` ones behind it. */
static void softmax_tile(softmax_columns_fn *kernel, const struct tensor *in, struct tensor *out,
                         int64_t rows, int64_t inner, int64_t i)
{
    const int64_t size = (int64_t)dtype_size(tensor_dtype(in));
    const int64_t tiles = (inner + SOFTMAX_COLUMNS - 1) / SOFTMAX_COLUMNS;
    const int64_t first = i % tiles * SOFTMAX_COLUMNS, left = inner - first;
    const int64_t at = (i / tiles * rows * inner + first) * size;
    const struct softmax_columns part = {left < SOFTMAX_COLUMNS ? left : SOFTMAX_COLUMNS, rows,
                                         inner * size, inner * size};

    kernel(&part, tensor_data(out) + at, tensor_data(in) + at);
}

static void softmax_columns(softmax_columns_fn *kernel, const struct tensor *in, struct tensor *out,
                            int64_t rows, int64_t inner)
{
    const int64_t tiles = (inner + SOFTMAX_COLUMNS - 1) / SOFTMAX_COLUMNS;
    const int64_t count = in->numel ? in->numel / (rows * inner) * tiles : 0;

    if (in->numel < PARALLEL_FROM) {
        for (int64_t i = 0; i < count; i++)
            softmax_tile(kernel, in, out, rows, inner, i);
        return;
    }
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++)
        softmax_tile(kernel, in, out, rows, inner, i);
}

static int check_float(const struct op *op, const struct tensor *self, bool last)
{
    enum dtype dtype = tensor_dtype(self);

    if (!last || dtype_is_float(dtype))
        return op_check_float(op, self);
    return dtype_refuse(op->id == OP__softmax ? "softmax_lastdim_kernel_impl"
                                              : "log_softmax_lastdim_kernel_impl",
                        dtype);
}

int softmax_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *in, *result;
    enum softmax kind = op->id == OP__softmax ? SOFTMAX_PLAIN : SOFTMAX_LOG;
    int dim = tensor_dim(self, args[1].i);
    bool last = dim + 1 >= self->ndim;
    void *token;

    if (dim < 0 || check_float(op, self, last) < 0)
        return -1;
    in = tensor_contiguous(self);
    result = in ? tensor_new_like(in, DTYPE_NONE) : NULL;
    if (result) {
        token = in->numel >= ITER_LONG && tensor_long_begin ? tensor_long_begin() : NULL;
        if (last)
            softmax_rows(kernels.softmax[kind][self->dtype], in, result,
                         in->ndim ? in->shape[dim] : 1);
        else
            softmax_columns(kernels.softmax_columns[kind][self->dtype], in, result, in->shape[dim],
                            in->stride[dim]);
        if (token)
            tensor_long_end(token);
    }
    tensor_unref(in);
    *out = result;
    return result ? 0 : -1;
}
