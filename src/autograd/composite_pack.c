/* From packed sequences and lists of sequences to padded ones. */
#include "autograd/recurrent.h"
#include "base/error.h"

#include <string.h>

/* Writes `from` over a part of a tensor. */
static bool put(struct tensor *part, struct tensor *from)
{
    struct value args[3] = {V_TENSOR(part), V_TENSOR(from)};

    if (!part || !from)
        return false;
    op_defaults(&ops[OP_copy_], args, 2);
    return op_call_inplace(&ops[OP_copy_], args) == 0;
}

struct tensor *d_pad_packed(struct tensor *data, const struct tensor *sizes, int64_t batch,
                            int64_t length, struct scalar padding)
{
    const int64_t *at = (const int64_t *)tensor_data(sizes);
    int64_t shape[TENSOR_MAX_DIMS] = {length, batch}, first = 0;
    struct tensor *padded;

    memcpy(shape + 2, data->shape + 1, (size_t)(data->ndim - 1) * sizeof(*shape));
    padded = pool_keep(tensor_full(tensor_dtype(data), data->ndim + 1, shape, padding));
    /* Steps of the same size are one block. */
    for (int64_t t = 0, end; padded && t < sizes->numel; t = end) {
        struct tensor *from, *to;

        for (end = t; end < sizes->numel && at[end] == at[t];)
            end++;
        shape[0] = end - t;
        shape[1] = at[t];
        from = d_narrow(data, 0, first, shape[0] * shape[1]);
        from = from ? d_reshape(from, padded->ndim, shape) : NULL;
        to = d_narrow(d_narrow(padded, 0, t, shape[0]), 1, 0, shape[1]);
        if (!put(to, from))
            return NULL;
        first += shape[0] * shape[1];
    }
    return padded;
}

static int check_sizes(const struct tensor *data, const struct tensor *sizes, int64_t length)
{
    const int64_t *at = (const int64_t *)tensor_data(sizes);
    int64_t rows = 0;

    if (sizes->dtype != DTYPE_i64 || sizes->ndim != 1 || sizes->numel == 0 || data->ndim < 1)
        return error_set(ERROR_RUNTIME, "batch_sizes should always be a 1D tensor of int64");
    for (int64_t t = 0; t < sizes->numel; t++) {
        if (at[t] < 1 || (t > 0 && at[t] > at[t - 1]))
            return error_set(ERROR_RUNTIME, "batch_sizes must be positive and must not grow");
        rows += at[t];
    }
    if (rows != data->shape[0])
        return error_set(ERROR_RUNTIME, "batch_sizes do not fit data of %lld rows",
                         (long long)data->shape[0]);
    if (length > 0 && length < sizes->numel)
        return error_set(ERROR_RUNTIME,
                         "Expected total_length to be at least the length of the longest sequence "
                         "in input, but got total_length=%lld and max sequence length being %lld",
                         (long long)length, (long long)sizes->numel);
    return 0;
}

int pad_packed_sequence_composite(const struct op *op, const struct value *args,
                                  struct tensor **out)
{
    struct tensor *data = args[0].tensor, *padded = NULL, *sizes;
    int64_t length = args[4].i;
    size_t mark = pool_open();

    (void)op;
    sizes = pool_keep(tensor_contiguous(args[1].tensor));
    if (sizes && check_sizes(data, sizes, length) == 0) {
        length = length > 0 ? length : sizes->numel;
        padded =
            d_pad_packed(data, sizes, *(const int64_t *)tensor_data(sizes), length, args[3].scalar);
    }
    if (padded && args[2].i)
        padded = d_transpose(padded, 0, 1);
    out[1] = padded ? packed_counts(sizes) : NULL;
    out[0] = out[1] ? tensor_ref(padded) : NULL;
    pool_close(mark);
    return out[0] ? 0 : -1;
}

int pad_sequence_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *const *list = args[0].tensors.at, *padded;
    int count = args[0].tensors.count;
    int64_t shape[TENSOR_MAX_DIMS] = {0};
    int batch = args[1].i ? 0 : 1, length = 1 - batch;
    size_t mark = pool_open();

    if (count == 0)
        return error_set(ERROR_RUNTIME, "received an empty list of sequences");
    for (int i = 0; i < count; i++) {
        if (list[i]->ndim == 0)
            return tensor_dim_there(list[i], 0);
        if (list[i]->shape[0] > shape[length])
            shape[length] = list[i]->shape[0];
    }
    if (list[0]->ndim == TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "a tensor has at most %d dimensions", TENSOR_MAX_DIMS);
    shape[batch] = count;
    memcpy(shape + 2, list[0]->shape + 1, (size_t)(list[0]->ndim - 1) * sizeof(*shape));
    padded = pool_keep(
        tensor_full(tensor_dtype(list[0]), list[0]->ndim + 1, shape, scalar_float(args[2].d)));
    for (int i = 0; padded && i < count; i++) {
        struct tensor *line = d_select(padded, batch, i);

        if (!put(line ? d_narrow(line, 0, 0, list[i]->shape[0]) : NULL, list[i]))
            padded = NULL;
    }
    return pool_leave(op, mark, padded, out);
}
