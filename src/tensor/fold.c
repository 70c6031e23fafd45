/* unfold and fold of images: windows as columns of a matrix, and back. */
#include "base/error.h"
#include "tensor/op.h"
#include "tensor/window.h"

#include <string.h>

/* What slides, in the order of im2col's arguments. */
struct blocks {
    const int64_t *kernel, *dilation, *padding, *stride;
    int64_t map[2];
};

static int check_pair(const char *text, const char *name, const int64_t *pair, int64_t least)
{
    if (pair[0] >= least && pair[1] >= least)
        return 0;
    return error_set(ERROR_RUNTIME, "%s, but got %s_height: %lld %s_width: %lld", text, name,
                     (long long)pair[0], name, (long long)pair[1]);
}

/* args: kernel_size, dilation, padding, stride. */
static int blocks_init(struct blocks *b, const struct value *args, const int64_t *image)
{
    *b = (struct blocks){args[0].ints.at, args[1].ints.at, args[2].ints.at, args[3].ints.at, {0}};
    if (check_pair("kernel size should be greater than zero", "kernel", b->kernel, 1) < 0 ||
        check_pair("dilation should be greater than zero", "dilation", b->dilation, 1) < 0 ||
        check_pair("padding should be non-negative", "pad", b->padding, 0) < 0 ||
        check_pair("stride should be greater than zero", "stride", b->stride, 1) < 0)
        return -1;
    for (int d = 0; d < 2; d++) {
        int64_t room = image[d] + 2 * b->padding[d] - b->dilation[d] * (b->kernel[d] - 1) - 1;

        /* rounded down, as for windows that do not fit */
        b->map[d] =
            (room < 0 ? -((-room + b->stride[d] - 1) / b->stride[d]) : room / b->stride[d]) + 1;
    }
    return 0;
}

/* Images of `self` with or without a batch, `channels` of them each. */
static void move(const struct blocks *b, const int64_t *image, int64_t channels,
                 const struct tensor *from, struct tensor *to, bool fold)
{
    struct window w;
    int64_t size = (int64_t)dtype_size(tensor_dtype(from)), in, out, batch;

    window_init(&w, 2, image, b->map, b->kernel, b->stride, b->padding, b->dilation);
    in = channels * window_volume(w.image) * size;
    out = channels * window_volume(w.kernel) * window_volume(w.map) * size;
    batch = from->ndim == (fold ? 3 : 4) ? from->shape[0] : 1;
    for (int64_t i = 0; i < batch; i++) {
        if (fold)
            window_fold(&w, tensor_dtype(from), channels, tensor_data(from) + i * out,
                        tensor_data(to) + i * in);
        else
            window_unfold(&w, tensor_dtype(from), channels, tensor_data(from) + i * in,
                          tensor_data(to) + i * out);
    }
}

#define PAIR(p) (long long)(p)[0], (long long)(p)[1]

int im2col_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *from, *result = NULL;
    const int64_t *n = self->shape + self->ndim - 3;
    int64_t shape[3], taps;
    struct blocks b;
    char text[128];
    bool fits = self->ndim == 3 || self->ndim == 4;

    for (int d = 0; fits && d < 3; d++)
        fits = n[d] != 0;
    if (!fits)
        return error_set(ERROR_RUNTIME,
                         "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and "
                         "other non-zero dimensions for input, but got: %s",
                         shape_text(self->ndim, self->shape, text, sizeof(text)));
    if (op_check_float(op, self) < 0 || blocks_init(&b, args + 1, n + 1) < 0)
        return -1;
    if (b.map[0] < 1 || b.map[1] < 1)
        return error_set(ERROR_RUNTIME,
                         "Given input with spatial size (%lld, %lld), kernel_size=(%lld, %lld), "
                         "dilation=(%lld, %lld), padding=(%lld, %lld), calculated shape of the "
                         "array of sliding blocks as (%lld, %lld), but its components must be at "
                         "least one.",
                         PAIR(n + 1), PAIR(b.kernel), PAIR(b.dilation), PAIR(b.padding),
                         PAIR(b.map));
    taps = b.kernel[0] * b.kernel[1];
    shape[0] = self->shape[0];
    shape[1] = n[0] * taps;
    shape[2] = b.map[0] * b.map[1];
    from = tensor_contiguous(self);
    if (from)
        result = self->ndim == 4 ? tensor_new(tensor_dtype(self), 3, shape)
                                 : tensor_new(tensor_dtype(self), 2, shape + 1);
    if (result)
        move(&b, n + 1, n[0], from, result, false);
    tensor_unref(from);
    return op_give(op, result, out);
}

static int check_columns(const struct tensor *self, const struct blocks *b, const int64_t *image)
{
    int at = self->ndim - 2;
    int64_t taps = b->kernel[0] * b->kernel[1];

    if (self->shape[at] % taps)
        return error_set(ERROR_RUNTIME,
                         "Expected size of input's dimension 1 to be divisible by the product of "
                         "kernel_size, but got input.size(1)=%lld and kernel_size=(%lld, %lld).",
                         (long long)self->shape[at], PAIR(b->kernel));
    if (self->shape[at + 1] == b->map[0] * b->map[1] && b->map[0] > 0)
        return 0;
    return error_set(ERROR_RUNTIME,
                     "Given output_size=(%lld, %lld), kernel_size=(%lld, %lld), dilation=(%lld, "
                     "%lld), padding=(%lld, %lld), stride=(%lld, %lld), expected size of input's "
                     "dimension 2 to match the calculated number of sliding blocks %lld * %lld = "
                     "%lld, but got input.size(2)=%lld.",
                     PAIR(image), PAIR(b->kernel), PAIR(b->dilation), PAIR(b->padding),
                     PAIR(b->stride), PAIR(b->map), (long long)(b->map[0] * b->map[1]),
                     (long long)self->shape[at + 1]);
}

int col2im_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *from, *result = NULL;
    const int64_t *image = args[1].ints.at;
    int64_t shape[4], channels;
    struct blocks b;
    char text[128];

    if ((self->ndim != 2 && self->ndim != 3) || self->shape[self->ndim - 1] == 0 ||
        self->shape[self->ndim - 2] == 0)
        return error_set(ERROR_RUNTIME,
                         "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch "
                         "size and non-zero dimensions for input, but got: %s",
                         shape_text(self->ndim, self->shape, text, sizeof(text)));
    if (op_check_float(op, self) < 0 || blocks_init(&b, args + 2, image) < 0 ||
        check_columns(self, &b, image) < 0)
        return -1;
    channels = self->shape[self->ndim - 2] / (b.kernel[0] * b.kernel[1]);
    memcpy(shape, (int64_t[]){self->shape[0], channels, image[0], image[1]}, sizeof(shape));
    from = tensor_contiguous(self);
    if (from)
        result = self->ndim == 3 ? tensor_zeros(tensor_dtype(self), 4, shape)
                                 : tensor_zeros(tensor_dtype(self), 3, shape + 1);
    if (result)
        move(&b, image, channels, from, result, true);
    tensor_unref(from);
    return op_give(op, result, out);
}
