/* Channels made into pixels, pixels into channels, and channels shuffled: copies of turned views.
 */
#include "base/error.h"
#include "tensor/op.h"

#include <string.h>

/* Dimensions of the view that is copied, and the shape that its copy is seen in. */
struct turned {
    int count;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    int ndim;
    int64_t result[TENSOR_MAX_DIMS];
};

static void add(struct turned *v, int64_t size, int64_t stride)
{
    v->shape[v->count] = size;
    v->stride[v->count++] = stride;
}

static struct tensor *copy_turned(const struct tensor *self, const struct turned *v)
{
    struct tensor *view = tensor_view(self, v->count, v->shape, v->stride, self->offset);
    struct tensor *copy = view ? tensor_new(tensor_dtype(self), v->count, v->shape) : NULL;
    struct tensor *result = NULL;
    int64_t stride[TENSOR_MAX_DIMS];

    if (copy && tensor_copy(copy, view) == 0) {
        shape_strides(v->ndim, v->result, stride);
        result = tensor_view(copy, v->ndim, v->result, stride, copy->offset);
    }
    tensor_unref(view);
    tensor_unref(copy);
    return result;
}

/* The dimensions in front of the last three, as they are. */
static int begin(const struct op *op, const struct tensor *self, int64_t factor, struct turned *v)
{
    bool down = strcmp(op->name, "pixel_unshuffle") == 0;

    *v = (struct turned){0};
    if (self->ndim < 3)
        return error_set(ERROR_RUNTIME,
                         "%s expects input to have at least 3 dimensions, but got input with %d "
                         "dimension(s)",
                         op->name, self->ndim);
    if (factor <= 0)
        return error_set(ERROR_RUNTIME, "%s expects a positive %s, but got %lld", op->name,
                         down ? "downscale_factor" : "upscale_factor", (long long)factor);
    if (self->ndim > TENSOR_MAX_DIMS - 2)
        return error_set(ERROR_RUNTIME, "%s: too many dimensions", op->name);
    for (int d = 0; d < self->ndim - 3; d++) {
        add(v, self->shape[d], self->stride[d]);
        v->result[v->ndim++] = self->shape[d];
    }
    return 0;
}

int pixel_shuffle_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t r = args[1].i, square, channels;
    const int64_t *n, *s;
    struct turned v;

    if (begin(op, self, r, &v) < 0)
        return -1;
    n = self->shape + self->ndim - 3;
    s = self->stride + self->ndim - 3;
    if (__builtin_mul_overflow(r, r, &square) || n[0] % square)
        return error_set(ERROR_RUNTIME,
                         "pixel_shuffle expects its input's 'channel' dimension to be divisible by "
                         "the square of upscale_factor, but input.size(-3)=%lld is not divisible "
                         "by %lld",
                         (long long)n[0], (long long)square);
    channels = n[0] / square;
    add(&v, channels, s[0] * square);
    add(&v, n[1], s[1]);
    add(&v, r, s[0] * r);
    add(&v, n[2], s[2]);
    add(&v, r, s[0]);
    v.result[v.ndim++] = channels;
    v.result[v.ndim++] = n[1] * r;
    v.result[v.ndim++] = n[2] * r;
    return op_give(op, copy_turned(self, &v), out);
}

int pixel_unshuffle_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t r = args[1].i;
    const int64_t *n, *s;
    struct turned v;

    if (begin(op, self, r, &v) < 0)
        return -1;
    n = self->shape + self->ndim - 3;
    s = self->stride + self->ndim - 3;
    for (int d = 1; d < 3; d++)
        if (n[d] % r)
            return error_set(ERROR_RUNTIME,
                             "pixel_unshuffle expects %s to be divisible by downscale_factor, but "
                             "input.size(%d)=%lld is not divisible by %lld",
                             d == 1 ? "height" : "width", d - 3, (long long)n[d], (long long)r);
    add(&v, n[0], s[0]);
    add(&v, r, s[1]);
    add(&v, r, s[2]);
    add(&v, n[1] / r, s[1] * r);
    add(&v, n[2] / r, s[2] * r);
    v.result[v.ndim++] = n[0] * r * r;
    v.result[v.ndim++] = n[1] / r;
    v.result[v.ndim++] = n[2] / r;
    return op_give(op, copy_turned(self, &v), out);
}

int channel_shuffle_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int64_t groups = args[1].i, channels;
    struct turned v = {0};

    if (self->ndim < 3 || self->ndim == TENSOR_MAX_DIMS) {
        char text[128];

        return error_set(ERROR_RUNTIME,
                         "channel_shuffle expects input with > 2 dims, but got input with sizes %s",
                         shape_text(self->ndim, self->shape, text, sizeof(text)));
    }
    channels = self->shape[1];
    if (groups <= 0)
        return error_set(ERROR_RUNTIME,
                         "Number of groups to divide channels in must be positive. Value of groups:"
                         "%lld",
                         (long long)groups);
    if (channels % groups)
        return error_set(ERROR_RUNTIME,
                         "Number of channels must be divisible by groups. Got %lld channels and "
                         "%lld groups.",
                         (long long)channels, (long long)groups);
    add(&v, self->shape[0], self->stride[0]);
    add(&v, channels / groups, self->stride[1]);
    add(&v, groups, self->stride[1] * (channels / groups));
    for (int d = 2; d < self->ndim; d++)
        add(&v, self->shape[d], self->stride[d]);
    v.ndim = self->ndim;
    memcpy(v.result, self->shape, sizeof(v.result));
    return op_give(op, copy_turned(self, &v), out);
}
