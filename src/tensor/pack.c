/* Packed sequences: the elements of sequences of different lengths, step by step. */
#include "base/error.h"
#include "tensor/op.h"
#include "tensor/recurrent.h"

#include <string.h>

/* Lengths that do not grow; the first is the number of steps. */
static int check_lengths(const struct tensor *input, const struct tensor *lengths, int64_t batch,
                         int64_t steps)
{
    const int64_t *at = (const int64_t *)tensor_data(lengths);

    if (input->numel == 0)
        return error_set(ERROR_RUNTIME, "Cannot pack empty tensors.");
    if (lengths->numel != batch)
        return error_set(ERROR_RUNTIME,
                         "Expected `len(lengths)` to be equal to batch_size, but got %lld "
                         "(batch_size=%lld)",
                         (long long)lengths->numel, (long long)batch);
    if (at[batch - 1] <= 0)
        return error_set(ERROR_RUNTIME, "Length of all samples has to be greater than 0, but found "
                                        "an element in 'lengths' that is <= 0");
    for (int64_t i = 1; i < batch; i++)
        if (at[i] > at[i - 1])
            return error_set(ERROR_RUNTIME,
                             "`lengths` array must be sorted in decreasing order when "
                             "`enforce_sorted` is True. You can pass `enforce_sorted=False` to "
                             "pack_padded_sequence and/or pack_sequence to sidestep this "
                             "requirement if you do not need ONNX exportability.");
    if (at[0] > steps)
        return error_set(ERROR_RUNTIME,
                         "Expected lengths of at most %lld, the padded length, but "
                         "got %lld",
                         (long long)steps, (long long)at[0]);
    return 0;
}

struct tensor *packed_counts(const struct tensor *falling)
{
    const int64_t *at = (const int64_t *)tensor_data(falling);
    struct tensor *counts = tensor_new(DTYPE_i64, 1, &at[0]);
    int64_t left = falling->numel;

    for (int64_t i = 0; counts && i < at[0]; i++) {
        while (at[left - 1] <= i)
            left--;
        ((int64_t *)tensor_data(counts))[i] = left;
    }
    return counts;
}

/* The first sizes[t] rows of each step of x, (L, N, ...), one behind the other. */
static struct tensor *gather_steps(struct tensor *x, const struct tensor *sizes)
{
    size_t row = dtype_size(tensor_dtype(x)), done = 0;
    int64_t shape[TENSOR_MAX_DIMS];
    const int64_t *at = (const int64_t *)tensor_data(sizes);
    struct tensor *data;

    shape[0] = 0;
    for (int64_t t = 0; t < sizes->numel; t++)
        shape[0] += at[t];
    for (int d = 2; d < x->ndim; d++) {
        shape[d - 1] = x->shape[d];
        row *= (size_t)x->shape[d];
    }
    data = tensor_new(tensor_dtype(x), x->ndim - 1, shape);
    for (int64_t t = 0; data && t < sizes->numel; t++) {
        size_t bytes = (size_t)at[t] * row;

        memcpy(tensor_data(data) + done, tensor_data(x) + (size_t)(t * x->shape[1]) * row, bytes);
        done += bytes;
    }
    return data;
}

/* x with its first two dimensions exchanged, and contiguous. */
static struct tensor *steps_first(struct tensor *x, bool batch_first)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    struct tensor *view, *copy;

    if (!batch_first)
        return tensor_contiguous(x);
    memcpy(shape, x->shape, sizeof(shape));
    memcpy(stride, x->stride, sizeof(stride));
    shape[0] = x->shape[1];
    shape[1] = x->shape[0];
    stride[0] = x->stride[1];
    stride[1] = x->stride[0];
    view = tensor_view(x, x->ndim, shape, stride, x->offset);
    copy = view ? tensor_contiguous(view) : NULL;
    tensor_unref(view);
    return copy;
}

int pack_padded_sequence_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *input = args[0].tensor, *lengths = args[1].tensor, *x = NULL;
    bool batch_first = args[2].i;

    (void)op;
    if (tensor_dim_there(input, !batch_first) < 0 || tensor_dim_there(input, batch_first) < 0)
        return -1;
    if (lengths->dtype != DTYPE_i64 || lengths->ndim != 1)
        return error_set(ERROR_RUNTIME,
                         "'lengths' argument should be a 1D CPU int64 tensor, but "
                         "got %dD CPU %s tensor",
                         lengths->ndim, dtype_short_name(tensor_dtype(lengths)));
    lengths = tensor_contiguous(lengths);
    if (!lengths)
        return -1;
    if (check_lengths(input, lengths, input->shape[!batch_first], input->shape[batch_first]) == 0)
        x = steps_first(input, batch_first);
    out[1] = x ? packed_counts(lengths) : NULL;
    out[0] = out[1] ? gather_steps(x, out[1]) : NULL;
    tensor_unref(lengths);
    tensor_unref(x);
    if (out[0])
        return 0;
    tensor_unref(out[1]);
    out[1] = NULL;
    return -1;
}
