/* Batch normalisation: statistics of each channel, and what is made of them. */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/op.h"

#include <math.h>

/* From this many elements on, channels are shared out among threads. */
enum { PARALLEL_FROM = 1 << 15 };

/* (N, C, ...): element i of channel c of batch n stands at (n * channels + c) * plane + i. */
struct layout {
    int64_t batch, channels, plane;
};

/* Sums are gathered in double, the deviations around the mean in a second pass. */
#define CHANNEL(T, id)                                                                             \
    static void moments_##id(const struct layout *l, const void *data, int64_t c, double *mean,    \
                             double *variance)                                                     \
    {                                                                                              \
        const T *x = data;                                                                         \
        double sum = 0, squares = 0, count = (double)(l->batch * l->plane);                        \
                                                                                                   \
        for (int64_t n = 0; n < l->batch; n++)                                                     \
            for (int64_t i = 0; i < l->plane; i++)                                                 \
                sum += (double)x[(n * l->channels + c) * l->plane + i];                            \
        *mean = sum / count;                                                                       \
        for (int64_t n = 0; n < l->batch; n++) {                                                   \
            for (int64_t i = 0; i < l->plane; i++) {                                               \
                double away = (double)x[(n * l->channels + c) * l->plane + i] - *mean;             \
                                                                                                   \
                squares += away * away;                                                            \
            }                                                                                      \
        }                                                                                          \
        *variance = squares / count;                                                               \
    }                                                                                              \
    static void transform_##id(const struct layout *l, const void *data, int64_t c, double factor, \
                               double shift, void *to)                                             \
    {                                                                                              \
        const T *x = data, a = (T)factor, b = (T)shift;                                            \
        T *y = to;                                                                                 \
                                                                                                   \
        for (int64_t n = 0; n < l->batch; n++) {                                                   \
            int64_t at = (n * l->channels + c) * l->plane;                                         \
                                                                                                   \
            for (int64_t i = at; i < at + l->plane; i++)                                           \
                y[i] = x[i] * a + b;                                                               \
        }                                                                                          \
    }
CHANNEL(float, f32)
CHANNEL(double, f64)

/* Element c of a vector of channels; `missing` without one. */
static double vector_at(const struct value *vector, int64_t c, double missing)
{
    const struct tensor *t = vector->tensor;

    if (!vector->given)
        return missing;
    return dtype_load(tensor_dtype(t),
                      tensor_data(t) + c * t->stride[0] * (int64_t)dtype_size(tensor_dtype(t)))
        .d;
}

static void vector_set(const struct tensor *t, int64_t c, double x)
{
    dtype_store(tensor_dtype(t),
                tensor_data(t) + c * t->stride[0] * (int64_t)dtype_size(tensor_dtype(t)),
                scalar_float(x));
}

/* The running statistics follow the batch's. As in PyTorch this is no change that autograd sees. */
static void follow(const struct value *running, int64_t c, double now, double momentum)
{
    if (running->given)
        vector_set(running->tensor, c, momentum * now + (1 - momentum) * vector_at(running, c, 0));
}

enum { INPUT, WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR, TRAINING, MOMENTUM, EPS };

static void normalize_channel(const struct layout *l, const struct tensor *in,
                              const struct value *args, int64_t c, struct tensor *const *out)
{
    bool single = in->dtype == DTYPE_f32;
    double mean, variance, invstd, factor, count = (double)(l->batch * l->plane);

    if (args[TRAINING].i) {
        (single ? moments_f32 : moments_f64)(l, tensor_data(in), c, &mean, &variance);
        follow(&args[RUNNING_MEAN], c, mean, args[MOMENTUM].d);
        follow(&args[RUNNING_VAR], c, variance * count / (count - 1), args[MOMENTUM].d);
    } else {
        mean = vector_at(&args[RUNNING_MEAN], c, 0);
        variance = vector_at(&args[RUNNING_VAR], c, 1);
    }
    invstd = 1 / sqrt(variance + args[EPS].d);
    vector_set(out[1], c, mean);
    vector_set(out[2], c, invstd);
    factor = invstd * vector_at(&args[WEIGHT], c, 1);
    (single ? transform_f32 : transform_f64)(l, tensor_data(in), c, factor,
                                             vector_at(&args[BIAS], c, 0) - mean * factor,
                                             tensor_data(out[0]));
}

/* ---- the operation ---- */

static int check_vector(const char *name, const struct value *vector, const struct tensor *input,
                        int64_t channels)
{
    const struct tensor *t = vector->tensor;

    if (!vector->given)
        return 0;
    if (t->ndim != 1 || t->shape[0] != channels)
        return error_set(ERROR_RUNTIME, "%s should contain %lld elements not %lld", name,
                         (long long)channels, (long long)t->numel);
    if (t->dtype == input->dtype)
        return 0;
    return error_set(ERROR_RUNTIME, "expected scalar type %s but found %s",
                     dtype_short_name(tensor_dtype(input)), dtype_short_name(tensor_dtype(t)));
}

static int check_arguments(const struct op *op, const struct value *args)
{
    static const char *const names[] = {
        [WEIGHT] = "weight",
        [BIAS] = "bias",
        [RUNNING_MEAN] = "running_mean",
        [RUNNING_VAR] = "running_var",
    };
    static const int order[] = {RUNNING_MEAN, RUNNING_VAR, WEIGHT, BIAS};
    const struct tensor *input = args[INPUT].tensor;

    if (input->ndim < 2)
        return error_set(ERROR_RUNTIME, "batch_norm: expected at least 2 dimensions, but got %d",
                         input->ndim);
    for (int i = 0; i < 2; i++)
        if (!args[TRAINING].i && !args[order[i]].given)
            return error_set(ERROR_RUNTIME, "%s must be defined in evaluation mode",
                             names[order[i]]);
    if (op_check_float(op, input) < 0)
        return -1;
    for (int i = 0; i < 4; i++)
        if (check_vector(names[order[i]], &args[order[i]], input, input->shape[1]) < 0)
            return -1;
    return 0;
}

int native_batch_norm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *in;
    struct layout l = {.plane = 1};

    (void)op;
    if (check_arguments(op, args) < 0)
        return -1;
    in = tensor_contiguous(args[INPUT].tensor);
    if (!in)
        return -1;
    l.batch = in->shape[0];
    l.channels = in->shape[1];
    for (int d = 2; d < in->ndim; d++)
        l.plane *= in->shape[d];
    out[0] = tensor_new_like(in, DTYPE_NONE);
    for (int i = 1; i < 3; i++)
        out[i] = tensor_new(tensor_dtype(in), 1, &l.channels);
    if (out[0] && out[1] && out[2]) {
#pragma omp parallel for if (in->numel >= PARALLEL_FROM)
        for (int64_t c = 0; c < l.channels; c++)
            normalize_channel(&l, in, args, c, out);
        tensor_unref(in);
        return 0;
    }
    tensor_unref(in);
    for (int i = 0; i < 3; i++) {
        tensor_unref(out[i]);
        out[i] = NULL;
    }
    return -1;
}
