/*
 * Convolution as products of matrices.
 *
 * With the image unfolded into columns, map = weight @ columns; a transposed convolution makes the
 * image from the map instead, image = fold(weight.T @ map); and the gradient of the weight is map @
 * columns.T.
 */
#include "base/mem.h"
#include "tensor/convolve.h"
#include "tensor/tensor.h"
#include "tensor/threads.h"

#include <cblas.h>
#include <string.h>

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
    if (convolve_is_pointwise(c))
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
    bool direct = convolve_is_pointwise(c);

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

/* Does every image. Each thread has columns of its own and, for add_weight, a sum. */
typedef void image_job(const struct convolution *c, int64_t n, char *space, char *sum);
static int for_each_image(const struct convolution *c, image_job *job)
{
    bool large = convolve_work(c) >= CONVOLVE_PARALLEL;
    int64_t threads = large && tensor_threads() < c->batch ? tensor_threads()
                      : large                              ? c->batch
                                                           : 1;
    int64_t step = convolve_is_pointwise(c) ? 0 : columns_bytes(c);
    int64_t sum_step = job == add_weight ? weight_bytes(c) : 0;
    size_t bytes = (size_t)(threads * (step + sum_step));
    char *space = pool_alloc(bytes), *sums;
    void *token = NULL;
    int blas_threads = openblas_get_num_threads();

    if (!space)
        return -1;
    sums = space + threads * step;
    memset(sums, 0, (size_t)(threads * sum_step));
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
    if (sum_step)
        convolve_join(c, sums, threads, sum_step);
    if (token)
        tensor_long_end(token);
    pool_free(space, bytes);
    return 0;
}

int convolve_by_products(const struct convolution *c, enum convolve_result result)
{
    static image_job *const jobs[] = {
        [CONVOLVE_MAP] = make_map, [CONVOLVE_IMAGE] = make_image, [CONVOLVE_WEIGHT] = add_weight};

    return for_each_image(c, jobs[result]);
}
