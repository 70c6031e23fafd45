/* Max pooling with windows at random places (Graham 2014), which make any size of any other. */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/op.h"
#include "tensor/window.h"

#include <math.h>
#include <string.h>

/* Planes of `in` to planes of `out`, by windows of `kernel`; of fewer dimensions the first are 1.
 * starts: room for the places of a plane's windows, those of each dimension one after the other. */
struct fractional {
    int dims;
    int64_t samples, channels, in[WINDOW_DIMS], out[WINDOW_DIMS], kernel[WINDOW_DIMS];
    int64_t *starts[WINDOW_DIMS];
};

/* The windows begin at multiples of a step that is no whole number, moved by u in 0..1 and rounded;
 * the last ends where the input does. */
#define PLANES(T, id)                                                                              \
    static void place_##id(const struct fractional *f, int d, T u)                                 \
    {                                                                                              \
        const int64_t room = f->in[d] - f->kernel[d], count = f->out[d];                           \
        const T step = count > 1 ? (T)room / (T)(count - 1) : 0;                                   \
                                                                                                   \
        for (int64_t i = 0; i < count - 1; i++)                                                    \
            f->starts[d][i] = (int64_t)(((T)i + u) * step) - (int64_t)(u * step);                  \
        f->starts[d][count - 1] = room;                                                            \
    }                                                                                              \
    static void window_##id(const struct fractional *f, const T *in, const int64_t *start, T *out, \
                            int64_t *index)                                                        \
    {                                                                                              \
        *index = (start[0] * f->in[1] + start[1]) * f->in[2] + start[2];                           \
        *out = -(T)INFINITY;                                                                       \
        for (int64_t z = start[0]; z < start[0] + f->kernel[0]; z++)                               \
            for (int64_t y = start[1]; y < start[1] + f->kernel[1]; y++)                           \
                for (int64_t x = start[2]; x < start[2] + f->kernel[2]; x++) {                     \
                    int64_t at = (z * f->in[1] + y) * f->in[2] + x;                                \
                                                                                                   \
                    if (in[at] > *out || isnan(in[at])) {                                          \
                        *out = in[at];                                                             \
                        *index = at;                                                               \
                    }                                                                              \
                }                                                                                  \
    }                                                                                              \
    /* u: a number for each dimension, the last one first in 2 dimensions and last in 3, as in     \
     * PyTorch. */                                                                                 \
    static void plane_##id(const struct fractional *f, const T *in, const T *u, T *out,            \
                           int64_t *index)                                                         \
    {                                                                                              \
        for (int d = 0; d < WINDOW_DIMS; d++) {                                                    \
            int k = d - (WINDOW_DIMS - f->dims);                                                   \
                                                                                                   \
            place_##id(f, d, k < 0 ? 0 : u[f->dims == 2 ? 1 - k : k]);                             \
        }                                                                                          \
        for (int64_t z = 0; z < f->out[0]; z++)                                                    \
            for (int64_t y = 0; y < f->out[1]; y++)                                                \
                for (int64_t x = 0; x < f->out[2]; x++, out++, index++)                            \
                    window_##id(f, in,                                                             \
                                (int64_t[]){f->starts[0][z], f->starts[1][y], f->starts[2][x]},    \
                                out, index);                                                       \
    }
PLANES(float, f32)
PLANES(double, f64)

static int check_sizes(const struct fractional *f, const struct tensor *self)
{
    static const char *const names[] = {"time", "height", "width"};

    for (int d = WINDOW_DIMS - f->dims; d < WINDOW_DIMS; d++) {
        if (f->out[d] <= 0 || f->kernel[d] <= 0)
            return error_set(ERROR_RUNTIME,
                             "fractional_max_pool%dd(): kernel_size and output_size must be "
                             "positive",
                             f->dims);
        if (f->out[d] + f->kernel[d] - 1 > f->in[d])
            return error_set(ERROR_RUNTIME,
                             "fractional_max_pool%dd(): pool %s %lld too large relative to input "
                             "%s %lld",
                             f->dims, names[d], (long long)f->kernel[d], names[d],
                             (long long)f->in[d]);
    }
    if (self->dtype == DTYPE_f32 || self->dtype == DTYPE_f64)
        return 0;
    return error_set(ERROR_RUNTIME, "\"fractional_max_pool%dd_out_frame\" not implemented for '%s'",
                     f->dims, dtype_short_name(tensor_dtype(self)));
}

static int fractional_init(struct fractional *f, const struct value *args)
{
    const struct tensor *self = args[0].tensor, *u = args[3].tensor;
    int64_t places = 0;

    *f = (struct fractional){
        .dims = args[1].ints.count, .in = {1, 1, 1}, .out = {1, 1, 1}, .kernel = {1, 1, 1}};
    if (self->ndim != f->dims + 1 && self->ndim != f->dims + 2)
        return error_set(ERROR_RUNTIME,
                         "fractional_max_pool%dd(): Expected %dD or %dD tensor, but got %dD",
                         f->dims, f->dims + 1, f->dims + 2, self->ndim);
    f->samples = self->ndim == f->dims + 2 ? self->shape[0] : 1;
    f->channels = self->shape[self->ndim - f->dims - 1];
    for (int d = 0; d < f->dims; d++) {
        int at = WINDOW_DIMS - f->dims + d;

        f->in[at] = self->shape[self->ndim - f->dims + d];
        f->kernel[at] = args[1].ints.at[d];
        f->out[at] = args[2].ints.at[d];
    }
    if (check_sizes(f, self) < 0)
        return -1;
    if (u->ndim != 3 || u->shape[0] != f->samples || u->shape[1] != f->channels ||
        u->shape[2] != f->dims || u->dtype != self->dtype)
        return error_set(ERROR_RUNTIME,
                         "Expect _random_samples of the input's type and of shape [%lld, %lld, %d]",
                         (long long)f->samples, (long long)f->channels, f->dims);
    for (int d = 0; d < WINDOW_DIMS; d++)
        places += f->out[d];
    f->starts[0] = mem_zero((size_t)places, sizeof(int64_t));
    f->starts[1] = f->starts[0] ? f->starts[0] + f->out[0] : NULL;
    f->starts[2] = f->starts[0] ? f->starts[1] + f->out[1] : NULL;
    return f->starts[0] ? 0 : -1;
}

int fractional_max_pool_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = NULL, *u = NULL, *results[2] = {NULL};
    int64_t shape[TENSOR_MAX_DIMS], in, each;
    struct fractional f;

    if (fractional_init(&f, args) < 0)
        return -1;
    in = window_volume(f.in);
    each = window_volume(f.out);
    self = tensor_contiguous(args[0].tensor);
    u = tensor_contiguous(args[3].tensor);
    if (self && u) {
        memcpy(shape, self->shape, (size_t)self->ndim * sizeof(*shape));
        memcpy(shape + self->ndim - f.dims, args[2].ints.at, (size_t)f.dims * sizeof(*shape));
        results[0] = tensor_new(tensor_dtype(self), self->ndim, shape);
        results[1] = tensor_new(DTYPE_i64, self->ndim, shape);
    }
    for (int64_t p = 0; results[0] && results[1] && p < f.samples * f.channels; p++) {
        int64_t *index = (int64_t *)tensor_data(results[1]) + p * each;

        if (self->dtype == DTYPE_f32)
            plane_f32(&f, (const float *)tensor_data(self) + p * in,
                      (const float *)tensor_data(u) + p * f.dims,
                      (float *)tensor_data(results[0]) + p * each, index);
        else
            plane_f64(&f, (const double *)tensor_data(self) + p * in,
                      (const double *)tensor_data(u) + p * f.dims,
                      (double *)tensor_data(results[0]) + p * each, index);
    }
    tensor_unref(self);
    tensor_unref(u);
    mem_free(f.starts[0]);
    return op_give_several(op, 2, results, out);
}
