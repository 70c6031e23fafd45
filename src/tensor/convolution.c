/*
 * Convolution as products of matrices.
 *
 * An "image" is what the kernel slides over, a "map" has an element per position of it. With the
 * image unfolded into columns, map = weight @ columns; a transposed convolution makes the image
 * from the map instead, image = fold(weight.T @ map); and the gradient of the weight is map @
 * columns.T.
 */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/op.h"
#include "tensor/threads.h"
#include "tensor/window.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

/* From this many multiplications on, the batch is shared out among threads. */
enum { PARALLEL_FROM = 1 << 18 };

struct convolution {
    struct window window;
    enum dtype dtype;
    int64_t batch, groups;
    int64_t image_channels, map_channels; /* of one group */
    char *image, *map, *weight;
    const char *bias; /* of the result's channels, or NULL */
};

/* c (n, m) = a (n, k) @ b (k, m) + beta * c; turned matrices lie transposed in memory. */
static void product(enum dtype dtype, bool turn_a, bool turn_b, int64_t n, int64_t m, int64_t k,
                    const void *a, const void *b, double beta, void *c)
{
    CBLAS_TRANSPOSE ta = turn_a ? CblasTrans : CblasNoTrans;
    CBLAS_TRANSPOSE tb = turn_b ? CblasTrans : CblasNoTrans;
    blasint a_step = (blasint)(turn_a ? n : k), b_step = (blasint)(turn_b ? k : m);

    if (dtype == DTYPE_f32)
        cblas_sgemm(CblasRowMajor, ta, tb, (blasint)n, (blasint)m, (blasint)k, 1, a, a_step, b,
                    b_step, (float)beta, c, (blasint)m);
    else
        cblas_dgemm(CblasRowMajor, ta, tb, (blasint)n, (blasint)m, (blasint)k, 1, a, a_step, b,
                    b_step, beta, c, (blasint)m);
}

/* Fills `channels` planes with a bias each, or with 0. */
static void begin_result(enum dtype dtype, char *result, int64_t channels, int64_t plane,
                         const char *bias)
{
    const int64_t size = (int64_t)dtype_size(dtype);

    if (!bias) {
        memset(result, 0, (size_t)(channels * plane * size));
        return;
    }
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < plane; i++)
            memcpy(result + (c * plane + i) * size, bias + c * size, (size_t)size);
}

/* A kernel of one tap that stands everywhere: the image is its own columns. */
static bool is_pointwise(const struct window *w)
{
    return window_volume(w->kernel) == 1 && memcmp(w->image, w->map, sizeof(w->image)) == 0 &&
           window_volume(w->stride) == 1 && !w->padding[0] && !w->padding[1] && !w->padding[2];
}

/* ---- one image of the batch ---- */

/* Sizes and addresses of group g of image n. */
struct part {
    int64_t depth, image_plane, map_plane; /* depth: channels and taps of the columns */
    char *image, *map, *weight;
    const char *bias;
};

static struct part part_of(const struct convolution *c, int64_t n, int64_t g, bool bias_of_map)
{
    const int64_t size = (int64_t)dtype_size(c->dtype), at = n * c->groups + g;
    struct part p = {.depth = c->image_channels * window_volume(c->window.kernel),
                     .image_plane = window_volume(c->window.image),
                     .map_plane = window_volume(c->window.map)};

    p.image = c->image + at * c->image_channels * p.image_plane * size;
    p.map = c->map + at * c->map_channels * p.map_plane * size;
    p.weight = c->weight + g * c->map_channels * p.depth * size;
    if (c->bias)
        p.bias = c->bias + g * (bias_of_map ? c->map_channels : c->image_channels) * size;
    return p;
}

static const char *columns_of(const struct convolution *c, const struct part *p, char *space)
{
    if (is_pointwise(&c->window))
        return p->image;
    window_unfold(&c->window, c->dtype, c->image_channels, p->image, space);
    return space;
}

static void make_map(const struct convolution *c, int64_t n, char *space, char *unused)
{
    (void)unused;
    for (int64_t g = 0; g < c->groups; g++) {
        struct part p = part_of(c, n, g, true);

        if (p.bias)
            begin_result(c->dtype, p.map, c->map_channels, p.map_plane, p.bias);
        product(c->dtype, false, false, c->map_channels, p.map_plane, p.depth, p.weight,
                columns_of(c, &p, space), p.bias ? 1 : 0, p.map);
    }
}

static void make_image(const struct convolution *c, int64_t n, char *space, char *unused)
{
    bool direct = is_pointwise(&c->window);

    (void)unused;
    for (int64_t g = 0; g < c->groups; g++) {
        struct part p = part_of(c, n, g, false);

        begin_result(c->dtype, p.image, c->image_channels, p.image_plane, p.bias);
        product(c->dtype, true, false, p.depth, p.map_plane, c->map_channels, p.weight, p.map,
                direct ? 1 : 0, direct ? p.image : space);
        if (!direct)
            window_fold(&c->window, c->dtype, c->image_channels, space, p.image);
    }
}

/* Adds to `sum`, which is like the weight. */
static void add_weight(const struct convolution *c, int64_t n, char *space, char *sum)
{
    for (int64_t g = 0; g < c->groups; g++) {
        struct part p = part_of(c, n, g, true);

        product(c->dtype, false, true, c->map_channels, p.depth, p.map_plane, p.map,
                columns_of(c, &p, space), 1, sum + (p.weight - c->weight));
    }
}

/* ---- the batch ---- */

static int64_t weight_bytes(const struct convolution *c)
{
    return c->groups * c->map_channels * c->image_channels * window_volume(c->window.kernel) *
           (int64_t)dtype_size(c->dtype);
}

static int64_t columns_bytes(const struct convolution *c)
{
    return c->image_channels * window_volume(c->window.kernel) * window_volume(c->window.map) *
           (int64_t)dtype_size(c->dtype);
}

static int64_t work_of(const struct convolution *c)
{
    return c->batch * weight_bytes(c) / (int64_t)dtype_size(c->dtype) *
           window_volume(c->window.map);
}

/* The sums of all threads into the first, always in the same order. */
static void join_sums(const struct convolution *c, char *sums, int64_t count)
{
    const int64_t bytes = weight_bytes(c), n = bytes / (int64_t)dtype_size(c->dtype);

    for (int64_t t = 1; t < count; t++) {
        const void *from = sums + t * bytes;

        for (int64_t i = 0; i < n; i++) {
            if (c->dtype == DTYPE_f32)
                ((float *)sums)[i] += ((const float *)from)[i];
            else
                ((double *)sums)[i] += ((const double *)from)[i];
        }
    }
}

/* Does every image. Each thread has columns of its own and, for add_weight, a sum. */
typedef void image_job(const struct convolution *c, int64_t n, char *space, char *sum);
static int for_each_image(const struct convolution *c, image_job *job)
{
    bool large = work_of(c) >= PARALLEL_FROM;
    int64_t threads = large && tensor_threads() < c->batch ? tensor_threads()
                      : large                              ? c->batch
                                                           : 1;
    int64_t step = columns_bytes(c), sum_step = job == add_weight ? weight_bytes(c) : 0;
    char *space, *sums;
    void *token = NULL;
    int blas_threads = openblas_get_num_threads();

    threads = threads < 1 ? 1 : threads;
    space = mem_alloc_aligned((size_t)(threads * step));
    sums = space ? mem_zero((size_t)threads, (size_t)sum_step) : NULL;
    if (!sums) {
        mem_free(space);
        return -1;
    }
    if (large && tensor_long_begin)
        token = tensor_long_begin();
    if (threads > 1)
        openblas_set_num_threads(1);
#pragma omp parallel for num_threads((int)threads) schedule(static, 1) if (threads > 1)
    for (int64_t t = 0; t < threads; t++)
        for (int64_t n = c->batch * t / threads; n < c->batch * (t + 1) / threads; n++)
            job(c, n, space + t * step, sums + t * sum_step);
    if (threads > 1)
        openblas_set_num_threads(blas_threads);
    if (sum_step) {
        join_sums(c, sums, threads);
        memcpy(c->weight, sums, (size_t)sum_step);
    }
    if (token)
        tensor_long_end(token);
    mem_free(space);
    mem_free(sums);
    return 0;
}

/* ---- checks and shapes ---- */

/* The names of C, as PyTorch has it in one of its messages. */
static const char *c_name(const struct tensor *t)
{
    enum dtype dtype = tensor_dtype(t);

    return dtype == DTYPE_f32 ? "float" : dtype == DTYPE_f64 ? "double" : dtype_short_name(dtype);
}

static int check_types(const struct tensor *input, const struct tensor *weight,
                       const struct tensor *bias)
{
    if (weight->dtype != input->dtype)
        return error_set(ERROR_RUNTIME, "expected scalar type %s but found %s",
                         dtype_short_name(tensor_dtype(input)),
                         dtype_short_name(tensor_dtype(weight)));
    if (bias && bias->dtype != input->dtype)
        return error_set(ERROR_RUNTIME, "Input type (%s) and bias type (%s) should be the same",
                         c_name(input), c_name(bias));
    if (input->dtype == DTYPE_f32 || input->dtype == DTYPE_f64)
        return 0;
    return error_set(ERROR_RUNTIME, "\"slow_conv2d_cpu\" not implemented for '%s'",
                     dtype_short_name(tensor_dtype(input)));
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
            fits = fits && sizes[d] >= 0;
        } else {
            fits = fits && padded[d] >= reach[d];
            sizes[d] = (padded[d] - reach[d]) / stride[d] + 1;
        }
    }
    if (fits)
        return 0;
    if (args[6].i)
        return error_set(ERROR_RUNTIME,
                         "Given input size per channel: (%s). Calculated output size per channel: "
                         "(%s). Output size is too small",
                         sizes_text(dims, input->shape + 2, text[0], sizeof(text[0])),
                         sizes_text(dims, sizes, text[1], sizeof(text[1])));
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
                   const int64_t *padding, const int64_t *dilation, image_job *job)
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
    return for_each_image(&c, job);
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
        check_types(args[0].tensor, args[1].tensor, bias) < 0)
        return -1;
    input = tensor_contiguous(args[0].tensor);
    weight = tensor_contiguous(args[1].tensor);
    bias = bias ? tensor_contiguous(bias) : NULL;
    result = tensor_new(tensor_dtype(args[0].tensor), dims + 2, shape);
    if (input && weight && result && (bias || !args[2].given))
        status = compute(transposed ? result : input, transposed ? input : result, weight, bias,
                         groups, args[3].ints.at, args[4].ints.at, args[5].ints.at,
                         transposed ? make_image : make_map);
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
                         args[5].ints.at, add_weight);
    tensor_unref(image);
    tensor_unref(map);
    if (status < 0) {
        tensor_unref(result);
        return -1;
    }
    return op_give(op, result, out);
}
