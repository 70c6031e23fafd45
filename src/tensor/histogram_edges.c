/* histogram() by given edges of bins. */
#include "base/error.h"
#include "tensor/op.h"

static double element(const struct tensor *t, int64_t i)
{
    return dtype_load(tensor_dtype(t), tensor_data(t) + i * (int64_t)dtype_size(tensor_dtype(t))).d;
}

/* The bin of x between rising edges, the last edge belonging to the last bin; -1: none. */
static int64_t bin_of(const struct tensor *edges, double x)
{
    int64_t low = 0, high = edges->numel;

    if (!(x >= element(edges, 0) && x <= element(edges, edges->numel - 1)))
        return -1;
    while (low < high) { /* the first edge above x */
        int64_t middle = low + (high - low) / 2;

        if (element(edges, middle) > x)
            high = middle;
        else
            low = middle + 1;
    }
    return low == edges->numel ? low - 2 : low - 1;
}

static int check(const struct op *op, const struct value *args)
{
    const struct tensor *self = args[0].tensor, *edges = args[1].tensor;
    const struct tensor *weight = args[2].given ? args[2].tensor : NULL;

    if (op_check_float(op, self) < 0)
        return -1;
    if (self->dtype != edges->dtype)
        return error_set(ERROR_RUNTIME,
                         "torch.histogram(): input tensor and bins tensors should have the same "
                         "dtype, but got input with dtype %s and bins with dtype %s",
                         dtype_short_name(tensor_dtype(self)),
                         dtype_short_name(tensor_dtype(edges)));
    if (edges->ndim != 1 || edges->numel < 1)
        return error_set(ERROR_RUNTIME,
                         edges->ndim != 1 ? "torch.histogram(): bins tensor should have one "
                                            "dimension, but got %d dimensions"
                                          : "torch.histogram(): bins tensor should have at least "
                                            "1 element, but got 0 elements",
                         edges->ndim);
    if (weight && (weight->dtype != self->dtype || !tensor_same_shape(weight, self)))
        return error_set(ERROR_RUNTIME, "torch.histogram(): if weight tensor is provided it should "
                                        "have the same shape as the input tensor");
    return 0;
}

/* Sums of weights by bins as doubles; a density when asked for. */
static void count(const struct tensor *in, const struct tensor *edges, const struct tensor *weight,
                  bool density, struct tensor *sums)
{
    double *sum = (double *)tensor_data(sums), total = 0;

    for (int64_t i = 0; i < in->numel; i++) {
        int64_t bin = bin_of(edges, element(in, i));

        if (bin >= 0)
            sum[bin] += weight ? element(weight, i) : 1;
    }
    for (int64_t i = 0; i < sums->numel && density; i++)
        total += sum[i];
    for (int64_t i = 0; i < sums->numel && density; i++)
        sum[i] /= total * (element(edges, i + 1) - element(edges, i));
}

int histogram_edges_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *in, *edges, *weight = NULL, *sums = NULL, *results[2] = {NULL, NULL};
    int64_t bins;

    if (check(op, args) < 0)
        return -1;
    in = tensor_contiguous(args[0].tensor);
    edges = tensor_clone(args[1].tensor);
    if (args[2].given)
        weight = tensor_contiguous(args[2].tensor);
    bins = args[1].tensor->numel - 1;
    if (in && edges && (weight || !args[2].given))
        sums = tensor_zeros(DTYPE_f64, 1, &bins);
    if (sums) {
        count(in, edges, weight, args[3].i, sums);
        results[0] = tensor_to(sums, tensor_dtype(in));
    }
    results[1] = edges;
    tensor_unref(in);
    tensor_unref(weight);
    tensor_unref(sums);
    return op_give_several(op, 2, results, out);
}
