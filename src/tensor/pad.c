/*
 * Padding. The numbers of a call are pairs, before and after, from the last dimension on; negative
 * ones cut off.
 */
#include "tensor/pad.h"

#include "base/error.h"
#include "base/mem.h"
#include "tensor/window.h"

#include <stdio.h>
#include <string.h>

/* ---- with a number ---- */

/* What padding makes of a shape; -1 with an error. */
static int padded_shape(const struct tensor *self, const struct value *pad, int64_t *shape)
{
    int count = pad->ints.count;
    int64_t both;

    if (count % 2)
        return error_set(ERROR_RUNTIME, "Length of pad must be even but instead it equals %d",
                         count);
    if (count > 2 * self->ndim)
        return error_set(ERROR_RUNTIME,
                         "Length of pad should be no more than twice the number of dimensions of "
                         "the input. Pad length is %d while the input has %d dimensions.",
                         count, self->ndim);
    memcpy(shape, self->shape, (size_t)self->ndim * sizeof(*shape));
    for (int i = 0; i < count / 2; i++) {
        const int64_t *p = pad->ints.at + 2 * i;
        int d = self->ndim - 1 - i;

        if (__builtin_add_overflow(p[0], p[1], &both) ||
            __builtin_add_overflow(shape[d], both, &shape[d]))
            return error_set(ERROR_RUNTIME, "the padded size of dimension %d overflows", d);
        if (shape[d] < 0)
            return error_set(ERROR_RUNTIME,
                             "The input size %lld, plus negative padding %lld and %lld resulted in "
                             "a negative output size, which is invalid. Check dimension %d of your "
                             "input.",
                             (long long)self->shape[d], (long long)p[0], (long long)p[1], d);
    }
    return 0;
}

/* The part of t that keeps `count` elements of each padded dimension behind `skip` of them. */
static struct tensor *cut(const struct tensor *t, const struct value *pad, bool inner)
{
    int64_t shape[TENSOR_MAX_DIMS], offset = t->offset;

    memcpy(shape, t->shape, sizeof(shape));
    for (int i = 0; i < pad->ints.count / 2; i++) {
        int d = t->ndim - 1 - i;
        int64_t before = pad->ints.at[2 * i], after = pad->ints.at[2 * i + 1];

        /* In the result, padding stands around what is kept; in the input, what is cut off does. */
        before = inner ? (before > 0 ? before : 0) : (before < 0 ? -before : 0);
        after = inner ? (after > 0 ? after : 0) : (after < 0 ? -after : 0);
        shape[d] -= before + after;
        if (shape[d] < 0)
            shape[d] = 0;
        else
            offset += before * t->stride[d];
    }
    return tensor_view(t, t->ndim, shape, t->stride, offset);
}

int constant_pad_nd_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *result, *from = NULL, *to = NULL;
    int64_t shape[TENSOR_MAX_DIMS];
    int status = -1;

    if (padded_shape(self, &args[1], shape) < 0)
        return -1;
    result = tensor_full(tensor_dtype(self), self->ndim, shape, args[2].scalar);
    if (result) {
        from = cut(self, &args[1], false);
        to = cut(result, &args[1], true);
    }
    if (from && to)
        status = from->numel && to->numel ? tensor_copy(to, from) : 0;
    tensor_unref(from);
    tensor_unref(to);
    if (status < 0) {
        tensor_unref(result);
        return -1;
    }
    return op_give(op, result, out);
}

/* ---- with elements of the tensor ---- */

enum pad_mode pad_mode_of(const struct op *op)
{
    if (op->name[0] == '_')
        return PAD_CIRCULAR;
    return strncmp(op->name, "reflection", 10) == 0 ? PAD_REFLECT : PAD_REPLICATE;
}

/* Which of n elements stands at position i of the result. What repeats is what negative padding has
 * left. */
static int64_t source(enum pad_mode mode, int64_t i, const int64_t *pad, int64_t n)
{
    int64_t cut = pad[0] < 0 ? -pad[0] : 0, kept = n - cut + (pad[1] < 0 ? pad[1] : 0);

    if (mode == PAD_CIRCULAR) {
        i -= pad[0] > 0 ? pad[0] : 0;
        return kept > 0 ? (i % kept + kept) % kept + cut : 0;
    }
    i -= pad[0];
    if (mode == PAD_REPLICATE)
        return i < 0 ? 0 : i < n ? i : n - 1;
    i = i < 0 ? -i : i;
    return i < n ? i : 2 * (n - 1) - i;
}

struct padding {
    int64_t planes, in[WINDOW_DIMS], out[WINDOW_DIMS];
    int64_t *source[WINDOW_DIMS]; /* source[0] is the block of all */
};

/* For an input of `shape`, padded in its last dimensions. */
static void padding_init(struct padding *p, int ndim, const int64_t *shape, const struct value *pad)
{
    int dims = pad->ints.count / 2;

    *p = (struct padding){.planes = 1};
    for (int d = 0; d < ndim - dims; d++)
        p->planes *= shape[d];
    for (int d = 0; d < WINDOW_DIMS; d++) {
        int back = WINDOW_DIMS - 1 - d; /* how many dimensions follow */

        p->in[d] = back < dims ? shape[ndim - 1 - back] : 1;
        p->out[d] =
            p->in[d] + (back < dims ? pad->ints.at[2 * back] + pad->ints.at[2 * back + 1] : 0);
    }
}

/* Fills p->source. Behind the making of the result: sizes beyond all memory have been refused. */
static int sources_init(struct padding *p, const struct value *pad, enum pad_mode mode)
{
    int dims = pad->ints.count / 2;
    int64_t *at;

    at = mem_array((size_t)(p->out[0] + p->out[1] + p->out[2] + 1), sizeof(*at));
    if (!at)
        return -1;
    for (int d = 0; d < WINDOW_DIMS; d++) {
        int back = WINDOW_DIMS - 1 - d;

        p->source[d] = at;
        for (int64_t i = 0; i < p->out[d]; i++)
            *at++ = back < dims ? source(mode, i, pad->ints.at + 2 * back, p->in[d]) : i;
    }
    return 0;
}

/* Visits the elements of the padded plane: `to` counts them, `from` is where each comes from. */
#define EACH_PADDED(p, from, to)                                                                   \
    for (int64_t to = 0, z_ = 0; z_ < (p)->out[0]; z_++)                                           \
        for (int64_t y_ = 0; y_ < (p)->out[1]; y_++)                                               \
            for (int64_t x_ = 0, from = 0,                                                         \
                         row_ =                                                                    \
                             ((p)->source[0][z_] * (p)->in[1] + (p)->source[1][y_]) * (p)->in[2];  \
                 x_ < (p)->out[2] && (from = row_ + (p)->source[2][x_], true); x_++, to++)

/* Elements are moved as they are, by their size; gradients are added up. */
#define PAD_PLANE(T, id)                                                                           \
    static void pad_plane_##id(const struct padding *p, const void *from_, void *to_)              \
    {                                                                                              \
        const T *in = from_;                                                                       \
        T *out = to_;                                                                              \
                                                                                                   \
        EACH_PADDED(p, from, to)                                                                   \
        out[to] = in[from];                                                                        \
    }
PAD_PLANE(uint8_t, 1)
PAD_PLANE(uint16_t, 2)
PAD_PLANE(uint32_t, 4)
PAD_PLANE(uint64_t, 8)

#define FOLD_PLANE(T, id)                                                                          \
    static void fold_plane_##id(const struct padding *p, const void *from_, void *to_)             \
    {                                                                                              \
        const T *g = from_;                                                                        \
        T *out = to_;                                                                              \
                                                                                                   \
        memset(out, 0, (size_t)window_volume(p->in) * sizeof(T));                                  \
        EACH_PADDED(p, from, to)                                                                   \
        out[from] += g[to];                                                                        \
    }
FOLD_PLANE(float, f32)
FOLD_PLANE(double, f64)

typedef void plane_fn(const struct padding *p, const void *from, void *to);

static plane_fn *plane_of(size_t size, bool fold)
{
    switch (size) {
    case 1:
        return pad_plane_1;
    case 2:
        return pad_plane_2;
    case 4:
        return fold ? fold_plane_f32 : pad_plane_4;
    default:
        return fold ? fold_plane_f64 : pad_plane_8;
    }
}

static void each_plane(const struct padding *p, const struct tensor *from, struct tensor *to,
                       bool fold)
{
    int64_t size = (int64_t)dtype_size(tensor_dtype(from));
    int64_t in = window_volume(fold ? p->out : p->in) * size;
    int64_t out = window_volume(fold ? p->in : p->out) * size;
    plane_fn *plane = plane_of((size_t)size, fold);

    for (int64_t i = 0; i < p->planes; i++)
        plane(p, tensor_data(from) + i * in, tensor_data(to) + i * out);
}

static int empty_image(const struct tensor *self, int dims, enum pad_mode mode)
{
    char text[128];

    shape_text(self->ndim, self->shape, text, sizeof(text));
    if (mode == PAD_REPLICATE || dims == 3)
        return error_set(ERROR_RUNTIME,
                         "Expected %dD or %dD (batch mode) tensor with possibly 0 batch size and "
                         "other non-zero dimensions for input, but got: %s",
                         dims + 1, dims + 2, text);
    for (char *c = text, *at = text; (*at = *c) != '\0'; c++)
        at += *c != ' ';
    return error_set(ERROR_RUNTIME,
                     "%dD or %dD (batch mode) tensor expected for input, but got: [ torch.%s{%.*s} "
                     "]",
                     dims + 1, dims + 2, dtype_infos[self->dtype].class_name, (int)strlen(text) - 2,
                     text + 1);
}

/* Batches may be empty, images not. */
static int check_input(const struct op *op, const struct tensor *self, int dims, enum pad_mode mode)
{
    for (int d = self->ndim == dims + 2; mode != PAD_CIRCULAR && d < self->ndim; d++)
        if (self->shape[d] == 0)
            return empty_image(self, dims, mode);
    if (mode == PAD_CIRCULAR && dtype_size(tensor_dtype(self)) <= sizeof(uint64_t))
        return 0;
    return op_check_float(op, self);
}

static int check_reflection(const struct tensor *self, int back, const int64_t *pad, int dims)
{
    char text[128];

    if (pad[0] < self->shape[self->ndim - 1 - back] && pad[1] < self->shape[self->ndim - 1 - back])
        return 0;
    if (dims == 2)
        snprintf(text, sizeof(text), "%d", self->ndim);
    else
        shape_text(self->ndim, self->shape, text, sizeof(text));
    return error_set(ERROR_RUNTIME,
                     "Argument #%d: Padding size should be less than the corresponding input "
                     "dimension, but got: padding (%lld, %lld) at dimension %d of input %s",
                     4 + 2 * back, (long long)pad[0], (long long)pad[1], self->ndim - 1 - back,
                     text);
}

static int check_edges(const struct op *op, const struct tensor *self, const struct value *pad,
                       enum pad_mode mode)
{
    int dims = pad->ints.count / 2;

    if (check_input(op, self, dims, mode) < 0)
        return -1;
    for (int back = 0; back < dims; back++) {
        const int64_t *p = pad->ints.at + 2 * back;
        int64_t n = self->shape[self->ndim - 1 - back];

        if (mode == PAD_CIRCULAR && (p[0] > n || p[1] > n))
            return error_set(ERROR_RUNTIME, "Padding value causes wrapping around more than once.");
        if (mode == PAD_CIRCULAR && n + p[0] + p[1] < 0)
            return error_set(ERROR_RUNTIME,
                             "Negative padding value is resulting in an empty dimension");
        if (mode == PAD_REFLECT && check_reflection(self, back, p, dims) < 0)
            return -1;
        if (n + p[0] + p[1] < 0)
            return error_set(ERROR_RUNTIME,
                             "input (size: %lld) with padding (%lld, %lld) at dimension %d is too "
                             "small",
                             (long long)n, (long long)p[0], (long long)p[1], self->ndim - 1 - back);
    }
    return 0;
}

/* Pads `self`, or folds a gradient of the padded shape back to `shape`. */
static struct tensor *run(struct tensor *self, const struct value *pad, enum pad_mode mode,
                          const int64_t *shape, bool fold)
{
    struct padding p;
    struct tensor *from, *result = NULL;
    int64_t sizes[TENSOR_MAX_DIMS];

    padding_init(&p, self->ndim, shape, pad);
    memcpy(sizes, shape, (size_t)self->ndim * sizeof(*sizes));
    for (int i = 0; !fold && i < pad->ints.count / 2; i++)
        sizes[self->ndim - 1 - i] = p.out[WINDOW_DIMS - 1 - i];
    from = tensor_contiguous(self);
    result = from ? tensor_new(tensor_dtype(self), self->ndim, sizes) : NULL;
    if (result && sources_init(&p, pad, mode) < 0) {
        tensor_unref(result);
        result = NULL;
    }
    if (result)
        each_plane(&p, from, result, fold);
    tensor_unref(from);
    mem_free(p.source[0]);
    return result;
}

int edge_pad_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    enum pad_mode mode = pad_mode_of(op);

    if (check_edges(op, self, &args[1], mode) < 0)
        return -1;
    return op_give(op, run(self, &args[1], mode, self->shape, false), out);
}

int edge_pad_fold_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return op_give(
        op, run(args[0].tensor, &args[1], (enum pad_mode)args[2].i, args[3].ints.at, true), out);
}
