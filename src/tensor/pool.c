/*
 * Pooling: each element of the result is the largest, or the mean, of a box of the input. Which
 * boxes is all that sliding and adaptive windows differ in; they are one table of spans for each
 * dimension. A missing depth is one of size 1.
 */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/kernels.h"
#include "tensor/op.h"
#include "tensor/pool_kernels.h"
#include "tensor/window.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* From this many elements on, planes are shared out among threads. */
enum { PARALLEL_FROM = 1 << 15 };

struct span {
    int64_t start, end, step;
    int64_t counted; /* how many elements a mean divides by */
};

struct pooling {
    int64_t planes, in[WINDOW_DIMS], out[WINDOW_DIMS];
    struct span *spans[WINDOW_DIMS]; /* spans[0] is the block of all */
    int64_t divisor;                 /* instead of what is counted; 0: none */
    /* Along a line windows slide: box i begins at i * stride - padding. No taps: they do not. */
    int64_t taps, stride, padding, dilation;
    const struct sliding *sliding; /* NULL: the boxes are adapted to the sizes of the result */
    int dims;                      /* spatial ones: the last of WINDOW_DIMS */
    int result_ndim;
    int64_t result_shape[TENSOR_MAX_DIMS];
};

/* What slides: the numbers of a call. */
struct sliding {
    const int64_t *kernel, *stride, *padding, *dilation;
    bool ceil, count_padding;
};

/* ---- boxes ---- */

static int64_t sliding_size(int64_t in, const struct sliding *s, int d)
{
    int64_t reach = s->dilation[d] * (s->kernel[d] - 1) + 1, stride = s->stride[d];
    int64_t free = in + 2 * s->padding[d] - reach + (s->ceil ? stride - 1 : 0);
    int64_t size = (free >= 0 ? free / stride : -((-free + stride - 1) / stride)) + 1;

    /* The last window must begin inside, or in the padding before. */
    if (s->ceil && (size - 1) * stride >= in + s->padding[d])
        size--;
    return size;
}

static struct span sliding_span(int64_t in, const struct sliding *s, int d, int64_t at)
{
    int64_t start = at * s->stride[d] - s->padding[d], step = s->dilation[d];
    int64_t end = start + (s->kernel[d] - 1) * step + 1;
    struct span span = {.step = step};

    span.counted = (end < in + s->padding[d] ? end : in + s->padding[d]) - start;
    span.start = start < 0 ? start + (-start + step - 1) / step * step : start;
    span.end = end < in ? end : in;
    if (!s->count_padding)
        span.counted = span.end - span.start;
    return span;
}

static struct span adaptive_span(int64_t in, int64_t out, int64_t at)
{
    struct span span = {.start = at * in / out, .end = ((at + 1) * in + out - 1) / out, .step = 1};

    span.counted = span.end - span.start;
    return span;
}

/* Sizes of input and result around `dims` spatial ones; the result has the spatial sizes `out`. */
static void pooling_init(struct pooling *p, int ndim, const int64_t *shape, int dims,
                         const int64_t *out, const struct sliding *s)
{
    int missing = WINDOW_DIMS - dims;

    *p = (struct pooling){.planes = 1, .sliding = s, .dims = dims, .result_ndim = ndim};
    for (int d = 0; d < ndim - dims; d++)
        p->planes *= p->result_shape[d] = shape[d];
    for (int d = 0; d < WINDOW_DIMS; d++) {
        p->in[d] = d < missing ? 1 : shape[ndim - WINDOW_DIMS + d];
        p->out[d] = d < missing ? 1 : out[d - missing];
        if (d >= missing)
            p->result_shape[ndim - WINDOW_DIMS + d] = p->out[d];
    }
    if (s) {
        p->taps = s->kernel[dims - 1];
        p->stride = s->stride[dims - 1];
        p->padding = s->padding[dims - 1];
        p->dilation = s->dilation[dims - 1];
    }
}

/* Fills p->spans. Behind the making of the result: sizes beyond all memory have been refused. */
static int spans_init(struct pooling *p)
{
    int missing = WINDOW_DIMS - p->dims;
    struct span *at;

    at = mem_zero((size_t)(p->out[0] + p->out[1] + p->out[2] + 1), sizeof(*at));
    if (!at)
        return -1;
    for (int d = 0; d < WINDOW_DIMS; d++) {
        p->spans[d] = at;
        for (int64_t i = 0; i < p->out[d]; i++)
            *at++ = p->sliding && d >= missing ? sliding_span(p->in[d], p->sliding, d - missing, i)
                                               : adaptive_span(p->in[d], p->out[d], i);
    }
    return 0;
}

/* ---- one plane ---- */

/* A visit of each box: `box` is the index of the result, z, y and x its spans. */
#define EACH_BOX(p, box, z, y, x)                                                                  \
    for (int64_t box = 0, count_ = window_volume((p)->out); box < count_; box++)                   \
        for (struct span z = (p)->spans[0][box / ((p)->out[1] * (p)->out[2])],                     \
                         y = (p)->spans[1][box / (p)->out[2] % (p)->out[1]],                       \
                         x = (p)->spans[2][box % (p)->out[2]], *once_ = &z;                        \
             once_; once_ = NULL)
/* A visit of each element of the input in a box, at index `at`. */
#define EACH_ELEMENT(p, z, y, x, at)                                                               \
    for (int64_t z_ = z.start; z_ < z.end; z_ += z.step)                                           \
        for (int64_t y_ = y.start; y_ < y.end; y_ += y.step)                                       \
            for (int64_t line_ = (z_ * (p)->in[1] + y_) * (p)->in[2], at = line_ + x.start;        \
                 at < line_ + x.end; at += x.step)

typedef void plane_fn(const struct pooling *p, const void *from, void *to, int64_t *index);

#define PLANES(T, id)                                                                              \
    static void mean_plane_##id(const struct pooling *p, const void *from, void *to,               \
                                int64_t *unused)                                                   \
    {                                                                                              \
        const T *in = from;                                                                        \
        T *out = to;                                                                               \
                                                                                                   \
        (void)unused;                                                                              \
        EACH_BOX(p, box, z, y, x)                                                                  \
        {                                                                                          \
            int64_t count = p->divisor ? p->divisor : z.counted * y.counted * x.counted;           \
            T sum = 0;                                                                             \
                                                                                                   \
            EACH_ELEMENT(p, z, y, x, at)                                                           \
            sum += in[at];                                                                         \
            out[box] = sum / (T)count;                                                             \
        }                                                                                          \
    }                                                                                              \
    static void spread_plane_##id(const struct pooling *p, const void *from, void *to,             \
                                  int64_t *unused)                                                 \
    {                                                                                              \
        const T *g = from;                                                                         \
        T *out = to;                                                                               \
                                                                                                   \
        (void)unused;                                                                              \
        memset(out, 0, (size_t)window_volume(p->in) * sizeof(T));                                  \
        EACH_BOX(p, box, z, y, x)                                                                  \
        {                                                                                          \
            int64_t count = p->divisor ? p->divisor : z.counted * y.counted * x.counted;           \
            T share = g[box] / (T)count;                                                           \
                                                                                                   \
            EACH_ELEMENT(p, z, y, x, at)                                                           \
            out[at] += share;                                                                      \
        }                                                                                          \
    }
PLANES(float, f32)
PLANES(double, f64)

/* What a line of the input, which begins at `line`, gives the boxes of a row. Windows that slide
 * take it tap by tap, others box by box. */
static void largest_in_line(const struct pooling *p, largest_fn *largest, int64_t size,
                            const char *in, int64_t line, char *out, int64_t *index)
{
    const struct span *x = p->spans[2];
    const int64_t boxes = p->out[2];

    for (int64_t i = 0; !p->taps && i < boxes; i++)
        for (int64_t k = x[i].start; k < x[i].end; k++)
            largest(1, in, 1, line + k, out + i * size, index + i);
    for (int64_t tap = 0; tap < p->taps; tap++) {
        int64_t shift = tap * p->dilation - p->padding;
        int64_t low = shift < 0 ? (p->stride - 1 - shift) / p->stride : 0;
        int64_t high = p->in[2] > shift ? (p->in[2] - 1 - shift) / p->stride + 1 : 0;

        high = high < boxes ? high : boxes;
        if (low < high)
            largest(high - low, in, p->stride, line + low * p->stride + shift, out + low * size,
                    index + low);
    }
}

#define LARGEST(T, id, which)                                                                      \
    static void max_plane_##id(const struct pooling *p, const void *from, void *to,                \
                               int64_t *index)                                                     \
    {                                                                                              \
        largest_fn *const largest = KERNELS_PICK(pool_kernels)->largest[which];                    \
        const int64_t width = p->out[2], rows = p->out[0] * p->out[1];                             \
        T *out = to;                                                                               \
                                                                                                   \
        for (int64_t row = 0; row < rows; row++, out += width, index += width) {                   \
            const struct span z = p->spans[0][row / p->out[1]], y = p->spans[1][row % p->out[1]];  \
                                                                                                   \
            for (int64_t i = 0; i < width; i++) {                                                  \
                out[i] = (T)-INFINITY;                                                             \
                index[i] = (z.start * p->in[1] + y.start) * p->in[2] + p->spans[2][i].start;       \
            }                                                                                      \
            for (int64_t a = z.start; a < z.end; a += z.step)                                      \
                for (int64_t b = y.start; b < y.end; b += y.step)                                  \
                    largest_in_line(p, largest, sizeof(T), from, (a * p->in[1] + b) * p->in[2],    \
                                    (char *)out, index);                                           \
        }                                                                                          \
    }
LARGEST(float, f32, 0)
LARGEST(double, f64, 1)

/* The planes of `from` are of `from_size` elements, those of the result of `to_size`; there is an
 * index for each box. */
static void each_plane(const struct pooling *p, plane_fn *plane, const struct tensor *from,
                       int64_t from_size, struct tensor *to, int64_t to_size, struct tensor *index)
{
    const int64_t size = (int64_t)dtype_size(tensor_dtype(from));
    char *in = tensor_data(from), *out = tensor_data(to);
    int64_t *indices = index ? (int64_t *)tensor_data(index) : NULL;

#pragma omp parallel for if (from->numel + to->numel >= PARALLEL_FROM)
    for (int64_t i = 0; i < p->planes; i++)
        plane(p, in + i * from_size * size, out + i * to_size * size,
              indices ? indices + i * window_volume(p->out) : NULL);
}

/* ---- checks ---- */

/* avg_pool2d -> 2 */
static int dims_of(const struct op *op)
{
    return op->name[strcspn(op->name, "23")] - '0';
}

static int check_tensor(const struct op *op, const struct tensor *self, int dims)
{
    bool empty = self->ndim < dims + 1 || self->ndim > dims + 2;

    for (int d = self->ndim == dims + 2; !empty && d < self->ndim; d++)
        empty = self->shape[d] == 0;
    if (empty)
        return error_set(ERROR_RUNTIME,
                         "non-empty %dD or %dD (batch mode) tensor expected for input", dims + 1,
                         dims + 2);
    return op_check_float(op, self);
}

static int check_sliding(const struct sliding *s, int dims)
{
    for (int d = 0; d < dims; d++) {
        if (s->stride[d] == 0)
            return error_set(ERROR_RUNTIME, "stride should not be zero");
        if (s->kernel[d] <= 0 || s->stride[d] < 0)
            return error_set(ERROR_RUNTIME, "%s should be greater than zero, but got %lld",
                             s->kernel[d] <= 0 ? "kernel size" : "stride",
                             (long long)(s->kernel[d] <= 0 ? s->kernel[d] : s->stride[d]));
        if (s->dilation[d] <= 0)
            return error_set(ERROR_RUNTIME, "dilation should be greater than zero, but got %lld",
                             (long long)s->dilation[d]);
        if (s->padding[d] < 0)
            return error_set(ERROR_RUNTIME, "pad must be non-negative, but got pad: %lld",
                             (long long)s->padding[d]);
        if (s->padding[d] > s->kernel[d] / 2)
            return error_set(
                ERROR_RUNTIME,
                "pad should be at most half of kernel size, but got pad=%lld and kernel_size=%lld",
                (long long)s->padding[d], (long long)s->kernel[d]);
    }
    return 0;
}

/* "1x28x28": channels and spatial sizes. */
static const char *sizes_text(int64_t channels, int dims, const int64_t *sizes, char *text,
                              size_t size)
{
    size_t length = (size_t)snprintf(text, size, "%lld", (long long)channels);

    for (int d = 0; d < dims && length < size; d++)
        length += (size_t)snprintf(text + length, size - length, "x%lld", (long long)sizes[d]);
    return text;
}

/* The spatial sizes of the result. */
static int sliding_sizes(const struct tensor *self, int dims, const struct sliding *s,
                         int64_t *sizes)
{
    const int64_t *in = self->shape + self->ndim - dims;
    char text[2][96];
    bool fits = true;

    for (int d = 0; d < dims; d++) {
        sizes[d] = sliding_size(in[d], s, d);
        fits = fits && sizes[d] >= 1;
    }
    if (fits)
        return 0;
    return error_set(ERROR_RUNTIME,
                     "Given input size: (%s). Calculated output size: (%s). Output size is too "
                     "small",
                     sizes_text(in[-1], dims, in, text[0], sizeof(text[0])),
                     sizes_text(in[-1], dims, sizes, text[1], sizeof(text[1])));
}

/* ---- the operations ---- */

/* Windows that slide over self, its first argument: all checks, and the sizes. */
static int sliding_init(const struct op *op, struct tensor *self, const struct sliding *s,
                        struct pooling *p)
{
    int dims = dims_of(op);
    int64_t sizes[WINDOW_DIMS];

    if (check_tensor(op, self, dims) < 0 || check_sliding(s, dims) < 0 ||
        sliding_sizes(self, dims, s, sizes) < 0)
        return -1;
    pooling_init(p, self->ndim, self->shape, dims, sizes, s);
    return 0;
}

/* The same for boxes that divide self into args[1] parts. */
static int adaptive_init(const struct op *op, const struct value *args, struct pooling *p)
{
    struct tensor *self = args[0].tensor;
    int dims = dims_of(op);

    if (check_tensor(op, self, dims) < 0)
        return -1;
    pooling_init(p, self->ndim, self->shape, dims, args[1].ints.at, NULL);
    return 0;
}

/* The largest element of each box of p, and its index. */
static int run_largest(struct pooling *p, struct tensor *self, struct tensor **out)
{
    struct tensor *in = tensor_contiguous(self);
    struct tensor *result = tensor_new(tensor_dtype(self), p->result_ndim, p->result_shape);
    struct tensor *indices = tensor_new(DTYPE_i64, p->result_ndim, p->result_shape);
    bool ready = in && result && indices && spans_init(p) == 0;

    if (ready)
        each_plane(p, self->dtype == DTYPE_f32 ? max_plane_f32 : max_plane_f64, in,
                   window_volume(p->in), result, window_volume(p->out), indices);
    tensor_unref(in);
    mem_free(p->spans[0]);
    if (ready) {
        out[0] = result;
        out[1] = indices;
        return 0;
    }
    tensor_unref(result);
    tensor_unref(indices);
    return -1;
}

int max_pool_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    struct sliding s = {args[1].ints.at, args[2].given ? args[2].ints.at : args[1].ints.at,
                        args[3].ints.at, args[4].ints.at,
                        args[5].i,       false};
    struct pooling p;

    return sliding_init(op, self, &s, &p) < 0 ? -1 : run_largest(&p, self, out);
}

int adaptive_max_pool_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct pooling p;

    return adaptive_init(op, args, &p) < 0 ? -1 : run_largest(&p, args[0].tensor, out);
}

/* Adds elements to where index says, plane by plane. */
#define SPREAD(T, id)                                                                              \
    static void spread_largest_##id(const struct pooling *p, const void *from, void *to,           \
                                    int64_t *index)                                                \
    {                                                                                              \
        const T *g = from;                                                                         \
        T *out = to;                                                                               \
                                                                                                   \
        memset(out, 0, (size_t)window_volume(p->in) * sizeof(T));                                  \
        for (int64_t i = 0; i < window_volume(p->out); i++)                                        \
            out[index[i]] += g[i];                                                                 \
    }
SPREAD(float, f32)
SPREAD(double, f64)

int max_pool_spread_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *g = tensor_contiguous(args[0].tensor), *result = NULL;
    struct tensor *index = tensor_contiguous(args[1].tensor);
    const int dims = args[2].ints.count, outer = args[0].tensor->ndim - dims;
    struct pooling p = {.planes = 1, .in = {1, 1, 1}, .out = {1, 1, 1}};
    int64_t shape[TENSOR_MAX_DIMS];

    for (int d = 0; d < outer; d++)
        p.planes *= shape[d] = args[0].tensor->shape[d];
    for (int d = 0; d < dims; d++) {
        p.in[d] = shape[outer + d] = args[2].ints.at[d];
        p.out[d] = args[0].tensor->shape[outer + d];
    }
    if (g && index)
        result = tensor_new(tensor_dtype(g), outer + dims, shape);
    if (result)
        each_plane(&p, g->dtype == DTYPE_f32 ? spread_largest_f32 : spread_largest_f64, g,
                   window_volume(p.out), result, window_volume(p.in), index);
    tensor_unref(g);
    tensor_unref(index);
    return op_give(op, result, out);
}

/* Means over the boxes of p, or with `spread` their gradient: then self is like the result of the
 * means, and the given tensor's last sizes those of their input. */
static int run_means(const struct op *op, struct pooling *p, struct tensor *self, bool spread,
                     const int64_t *shape, struct tensor **out)
{
    bool single = self->dtype == DTYPE_f32;
    int64_t in = window_volume(p->in), boxes = window_volume(p->out);
    struct tensor *from = tensor_contiguous(self);
    struct tensor *result =
        from ? tensor_new(tensor_dtype(self), p->result_ndim, spread ? shape : p->result_shape)
             : NULL;

    if (result && spans_init(p) < 0) {
        tensor_unref(result);
        result = NULL;
    }
    if (result && spread)
        each_plane(p, single ? spread_plane_f32 : spread_plane_f64, from, boxes, result, in, NULL);
    else if (result)
        each_plane(p, single ? mean_plane_f32 : mean_plane_f64, from, in, result, boxes, NULL);
    tensor_unref(from);
    mem_free(p->spans[0]);
    return op_give(op, result, out);
}

static struct sliding mean_numbers(const struct value *args)
{
    static const int64_t ones[WINDOW_DIMS] = {1, 1, 1};

    return (struct sliding){args[1].ints.at, args[2].given ? args[2].ints.at : args[1].ints.at,
                            args[3].ints.at, ones,
                            args[4].i,       args[5].i};
}

int avg_pool_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    struct sliding s = mean_numbers(args);
    struct pooling p;

    if (args[6].given && args[6].i == 0)
        return error_set(ERROR_RUNTIME, "divisor must be not zero");
    if (sliding_init(op, self, &s, &p) < 0)
        return -1;
    p.divisor = args[6].given ? args[6].i : 0;
    return run_means(op, &p, self, false, NULL, out);
}

int avg_pool_spread_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    struct sliding s = mean_numbers(args);
    int dims = args[1].ints.count;
    struct pooling p;

    pooling_init(&p, self->ndim, args[7].ints.at, dims, self->shape + self->ndim - dims, &s);
    p.divisor = args[6].given ? args[6].i : 0;
    return run_means(op, &p, self, true, args[7].ints.at, out);
}

int adaptive_avg_pool_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct pooling p;

    return adaptive_init(op, args, &p) < 0 ? -1
                                           : run_means(op, &p, args[0].tensor, false, NULL, out);
}

int adaptive_avg_pool_spread_forward(const struct op *op, const struct value *args,
                                     struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int dims = (int)args[2].i;
    struct pooling p;

    pooling_init(&p, self->ndim, args[1].ints.at, dims, self->shape + self->ndim - dims, NULL);
    return run_means(op, &p, self, true, args[1].ints.at, out);
}
