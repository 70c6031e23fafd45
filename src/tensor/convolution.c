/* Convolution: the operations, what they check and which shapes they give. */
#include "base/error.h"
#include "tensor/convolve.h"
#include "tensor/op.h"

#include <stdio.h>
#include <string.h>

/* ---- checks and shapes ---- */

/* The names of C, as PyTorch has it in one of its messages. */
static const char *c_name(const struct tensor *t)
{
    enum dtype dtype = tensor_dtype(t);

    return dtype == DTYPE_f32 ? "float" : dtype == DTYPE_f64 ? "double" : dtype_short_name(dtype);
}

static int check_types(const struct op *op, const struct tensor *input, const struct tensor *weight,
                       const struct tensor *bias)
{
    if (!op_same_type(weight, input))
        return error_set(ERROR_RUNTIME, "expected scalar type %s but found %s",
                         dtype_short_name(op_given_type(input)),
                         dtype_short_name(op_given_type(weight)));
    if (bias && !op_same_type(bias, input))
        return error_set(ERROR_RUNTIME, "Input type (%s) and bias type (%s) should be the same",
                         c_name(input), c_name(bias));
    return op_check_float(op, input);
}

static int check_groups(const struct tensor *weight, int64_t groups)
{
    char text[128];

    shape_text(weight->ndim, weight->shape, text, sizeof(text));
    if (groups <= 0)
        return error_set(ERROR_RUNTIME, "non-positive groups is not supported");
    if (weight->shape[0] < groups)
        return error_set(ERROR_RUNTIME,
                         "Given groups=%lld, expected weight to be at least %lld at dimension 0, "
                         "but got weight of size %s instead",
                         (long long)groups, (long long)groups, text);
    if (weight->shape[0] % groups == 0)
        return 0;
    return error_set(ERROR_RUNTIME,
                     "Given groups=%lld, expected weight to be divisible by %lld at dimension 0, "
                     "but got weight of size %s instead",
                     (long long)groups, (long long)groups, text);
}

static int check_channels(const struct tensor *input, const struct tensor *weight, bool transposed,
                          int64_t groups)
{
    int64_t channels = transposed ? weight->shape[0] : weight->shape[1] * groups;
    char text[2][128], given[32];

    if (input->shape[1] == channels)
        return 0;
    shape_text(weight->ndim, weight->shape, text[0], sizeof(text[0]));
    shape_text(input->ndim, input->shape, text[1], sizeof(text[1]));
    snprintf(given, sizeof(given), transposed ? "transposed=%lld" : "groups=%lld",
             (long long)(transposed ? 1 : groups));
    return error_set(ERROR_RUNTIME,
                     "Given %s, weight of size %s, expected input%s to have %lld channels, but got "
                     "%lld channels instead",
                     given, text[0], text[1], (long long)channels, (long long)input->shape[1]);
}

static int check_bias(const struct tensor *weight, const struct tensor *bias, int64_t channels,
                      bool transposed)
{
    char text[2][128];

    if (!bias || (bias->ndim == 1 && bias->shape[0] == channels))
        return 0;
    shape_text(weight->ndim, weight->shape, text[0], sizeof(text[0]));
    shape_text(bias->ndim, bias->shape, text[1], sizeof(text[1]));
    return error_set(ERROR_RUNTIME,
                     "Given %sweight of size %s, expected bias to be 1-dimensional with %lld "
                     "elements, but got bias of size %s instead",
                     transposed ? "transposed=1, " : "", text[0], (long long)channels, text[1]);
}

static int check_numbers(int dims, const struct value *args)
{
    static const char *const names[] = {"stride", "padding", "dilation"};

    for (int k = 0; k < 3; k++) {
        if (args[3 + k].ints.count != dims)
            return error_set(ERROR_RUNTIME,
                             "expected %s to be a single integer value or a list of %d values to "
                             "match the convolution dimensions, but got %s of %d",
                             names[k], dims, names[k], args[3 + k].ints.count);
        for (int d = 0; d < dims; d++) {
            if (args[3 + k].ints.at[d] < (k == 1 ? 0 : 1))
                return error_set(ERROR_RUNTIME,
                                 k == 1 ? "negative %s is not supported"
                                        : "non-positive %s is not supported",
                                 names[k]);
        }
    }
    return 0;
}

/* " x " between the sizes, as PyTorch has it here. */
static const char *sizes_text(int dims, const int64_t *sizes, char *text, size_t size)
{
    size_t length = 0;

    for (int d = 0; d < dims && length < size; d++)
        length += (size_t)snprintf(text + length, size - length, d ? " x %lld" : "%lld",
                                   (long long)sizes[d]);
    return text;
}

/* The spatial sizes of the result; -1 where the kernel does not fit. */
static int result_sizes(const struct tensor *input, const struct tensor *weight,
                        const struct value *args, int64_t *sizes)
{
    int dims = input->ndim - 2;
    const int64_t *stride = args[3].ints.at, *padding = args[4].ints.at,
                  *kernel = weight->shape + 2;
    int64_t padded[WINDOW_DIMS], reach[WINDOW_DIMS];
    char text[2][96];
    bool fits = true;

    for (int d = 0; d < dims; d++) {
        reach[d] = args[5].ints.at[d] * (kernel[d] - 1) + 1;
        padded[d] = input->shape[2 + d] + 2 * padding[d];
        if (args[6].i) {
            sizes[d] = (input->shape[2 + d] - 1) * stride[d] - 2 * padding[d] + reach[d] +
                       args[7].ints.at[d];
            fits = fits && sizes[d] >= 1;
        } else {
            fits = fits && padded[d] >= reach[d];
            sizes[d] = (padded[d] - reach[d]) / stride[d] + 1;
        }
    }
    if (fits)
        return 0;
    if (args[6].i) /* a single dimension is shown as two */
        return error_set(
            ERROR_RUNTIME,
            "Given input size per channel: (%s%s). Calculated output size per channel: "
            "(%s%s). Output size is too small",
            dims == 1 ? "1 x " : "", sizes_text(dims, input->shape + 2, text[0], sizeof(text[0])),
            dims == 1 ? "1 x " : "", sizes_text(dims, sizes, text[1], sizeof(text[1])));
    return error_set(ERROR_RUNTIME,
                     "Calculated padded input size per channel: (%s). Kernel size: (%s). Kernel "
                     "size can't be greater than actual input size",
                     sizes_text(dims, padded, text[0], sizeof(text[0])),
                     sizes_text(dims, reach, text[1], sizeof(text[1])));
}

/* ---- the operations ---- */

/* All with contiguous tensors; the result is one of the three. */
static int compute(struct tensor *image, struct tensor *map, struct tensor *weight,
                   const struct tensor *bias, int64_t groups, const int64_t *stride,
                   const int64_t *padding, const int64_t *dilation, enum convolve_result which)
{
    struct convolution c = {
        .dtype = tensor_dtype(image),
        .batch = image->shape[0],
        .groups = groups,
        .image_channels = image->shape[1] / groups,
        .map_channels = map->shape[1] / groups,
        .image = tensor_data(image),
        .map = tensor_data(map),
        .weight = tensor_data(weight),
        .bias = bias ? tensor_data(bias) : NULL,
    };

    window_init(&c.window, image->ndim - 2, image->shape + 2, map->shape + 2, weight->shape + 2,
                stride, padding, dilation);
    return convolve(&c, which);
}

int convolution_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *bias = args[2].given ? args[2].tensor : NULL, *result = NULL;
    struct tensor *input = NULL, *weight = NULL;
    int64_t groups = args[8].i, shape[TENSOR_MAX_DIMS];
    bool transposed = args[6].i;
    int dims = args[0].tensor->ndim - 2, status = -1;

    if (dims < 1 || dims > WINDOW_DIMS || args[1].tensor->ndim != dims + 2)
        return error_set(ERROR_RUNTIME,
                         "Expected %d-dimensional input for %d-dimensional weight, but got "
                         "%d-dimensional input instead",
                         args[1].tensor->ndim, args[1].tensor->ndim, dims + 2);
    shape[0] = args[0].tensor->shape[0];
    shape[1] = transposed ? args[1].tensor->shape[1] * groups : args[1].tensor->shape[0];
    if (check_numbers(dims, args) < 0 || check_groups(args[1].tensor, groups) < 0 ||
        check_channels(args[0].tensor, args[1].tensor, transposed, groups) < 0 ||
        check_bias(args[1].tensor, bias, shape[1], transposed) < 0 ||
        result_sizes(args[0].tensor, args[1].tensor, args, shape + 2) < 0 ||
        check_types(op, args[0].tensor, args[1].tensor, bias) < 0)
        return -1;
    input = tensor_contiguous(args[0].tensor);
    weight = tensor_contiguous(args[1].tensor);
    bias = bias ? tensor_contiguous(bias) : NULL;
    result = tensor_new(tensor_dtype(args[0].tensor), dims + 2, shape);
    if (input && weight && result && (bias || !args[2].given))
        status = compute(transposed ? result : input, transposed ? input : result, weight, bias,
                         groups, args[3].ints.at, args[4].ints.at, args[5].ints.at,
                         transposed ? CONVOLVE_IMAGE : CONVOLVE_MAP);
    tensor_unref(input);
    tensor_unref(weight);
    tensor_unref(bias);
    if (status < 0) {
        tensor_unref(result);
        return -1;
    }
    return op_give(op, result, out);
}

int convolution_weight_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *image = tensor_contiguous(args[0].tensor);
    struct tensor *map = tensor_contiguous(args[1].tensor), *result = NULL;
    int64_t shape[TENSOR_MAX_DIMS], groups = args[6].i;
    int dims = args[0].tensor->ndim - 2, status = -1;

    shape[0] = args[1].tensor->shape[1];
    shape[1] = args[0].tensor->shape[1] / groups;
    memcpy(shape + 2, args[2].ints.at, (size_t)dims * sizeof(*shape));
    if (image && map)
        result = tensor_new(tensor_dtype(image), dims + 2, shape);
    if (result)
        status = compute(image, map, result, NULL, groups, args[3].ints.at, args[4].ints.at,
                         args[5].ints.at, CONVOLVE_WEIGHT);
    tensor_unref(image);
    tensor_unref(map);
    if (status < 0) {
        tensor_unref(result);
        return -1;
    }
    return op_give(op, result, out);
}
