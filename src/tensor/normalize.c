/* Batch normalisation: statistics of each channel, and what is made of them. */
#include "base/error.h"
#include "tensor/batch_norm.h"
#include "tensor/kernels.h"
#include "tensor/op.h"

#include <math.h>

/* From this many elements on, channels are shared out among threads. */
enum { PARALLEL_FROM = 1 << 15 };

static const struct batch_norm_kernels *kernels_for(const struct tensor *x)
{
    return *KERNELS_PICK(batch_norm) + (x->dtype == DTYPE_f64);
}

static struct channels channels_of(const struct tensor *x)
{
    struct channels l = {x->shape[0], x->shape[1], 1};

    for (int d = 2; d < x->ndim; d++)
        l.plane *= x->shape[d];
    if (l.plane == 0)
        l.batch = 0;
    return l;
}

/* ---- the numbers of each channel ---- */

/* Element c of a vector of channels; `missing` without one. */
static double vector_at(const struct tensor *t, int64_t c, double missing)
{
    if (!t)
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

/* x as a number of the tensors' type has it. */
static double rounded(const struct tensor *like, double x)
{
    return like->dtype == DTYPE_f32 ? (double)(float)x : x;
}

/* The running statistic becomes `share`, which is momentum * that of the batch, and the rest of
 * itself. As in PyTorch this is no change that autograd sees. */
static void follow(const struct value *running, int64_t c, double share, double momentum)
{
    struct tensor *t = running->tensor;

    if (running->given)
        vector_set(t, c, share + rounded(t, rounded(t, 1 - momentum) * vector_at(t, c, 0)));
}

enum { INPUT, WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR, TRAINING, MOMENTUM, EPS };

/*
 * Each step is rounded where PyTorch's are. In training *alpha has the sum of squares, *beta the
 * mean on entry. out[2] is what the way back multiplies by: in evaluation it is rounded once there
 * and twice here.
 */
static void prepare_channel(const struct value *args, struct tensor *const *out, int64_t count,
                            int64_t c, const struct tensor *alpha, const struct tensor *beta)
{
    const struct tensor *x = args[INPUT].tensor;
    double mean, variance, invstd, factor, sum, eps = args[EPS].d;
    double momentum = rounded(x, args[MOMENTUM].d);

    if (args[TRAINING].i) {
        mean = vector_at(beta, c, 0);
        sum = vector_at(alpha, c, 0);
        variance = rounded(x, sum / rounded(x, (double)count));
        invstd = variance != 0 || eps != 0 ? 1 / sqrt(variance + eps) : 0;
        follow(&args[RUNNING_MEAN], c, rounded(x, momentum * mean), momentum);
        variance = rounded(x, sum / rounded(x, (double)(count - 1)));
        follow(&args[RUNNING_VAR], c, momentum * variance, momentum);
        vector_set(out[2], c, invstd);
        invstd = rounded(x, invstd);
    } else {
        mean = vector_at(args[RUNNING_MEAN].tensor, c, 0);
        variance = vector_at(args[RUNNING_VAR].tensor, c, 1);
        vector_set(out[2], c, 1 / sqrt(variance + eps));
        invstd = rounded(x, sqrt(rounded(x, variance + rounded(x, eps))));
        invstd = rounded(x, 1 / invstd);
    }
    vector_set(out[1], c, mean);
    factor = rounded(x, invstd * vector_at(args[WEIGHT].given ? args[WEIGHT].tensor : NULL, c, 1));
    vector_set(alpha, c, factor);
    vector_set(beta, c,
               fma(-mean, factor, vector_at(args[BIAS].given ? args[BIAS].tensor : NULL, c, 0)));
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

/* The channels from `first` on that a loop takes at once. */
static int64_t tile_end(const struct channels *l, int64_t first, int64_t step)
{
    return first + step < l->channels ? first + step : l->channels;
}

static int64_t tile_step(const struct channels *l)
{
    return l->plane == 1 ? BATCH_NORM_TILE : 4;
}

/* alpha and beta are vectors of channels to work with. */
static void normalize(const struct tensor *in, const struct value *args, struct tensor *const *out,
                      const struct tensor *alpha, const struct tensor *beta)
{
    const struct batch_norm_kernels *loops = kernels_for(in);
    const struct channels l = channels_of(in);
    const int64_t step = tile_step(&l);

#pragma omp parallel for if (in->numel >= PARALLEL_FROM)
    for (int64_t first = 0; first < l.channels; first += step) {
        const int64_t last = tile_end(&l, first, step);

        if (args[TRAINING].i)
            loops->moments(&l, first, last, tensor_data(in), tensor_data(beta), tensor_data(alpha));
        for (int64_t c = first; c < last; c++)
            prepare_channel(args, out, l.batch * l.plane, c, alpha, beta);
        loops->transform(&l, first, last, tensor_data(in), tensor_data(alpha), tensor_data(beta),
                         tensor_data(out[0]));
    }
}

static int leave(int status, struct tensor **out)
{
    for (int i = 0; status < 0 && i < 3; i++) {
        tensor_unref(out[i]);
        out[i] = NULL;
    }
    return status;
}

int native_batch_norm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *in, *work[2] = {NULL};
    bool ok;

    if (check_arguments(op, args) < 0)
        return -1;
    in = tensor_contiguous(args[INPUT].tensor);
    if (!in)
        return -1;
    out[0] = tensor_new_like(in, DTYPE_NONE);
    for (int i = 0; i < 2; i++) {
        out[1 + i] = tensor_new(tensor_dtype(in), 1, &in->shape[1]);
        work[i] = tensor_new(tensor_dtype(in), 1, &in->shape[1]);
    }
    ok = out[0] && out[1] && out[2] && work[0] && work[1];
    if (ok)
        normalize(in, args, out, work[0], work[1]);
    tensor_unref(work[0]);
    tensor_unref(work[1]);
    tensor_unref(in);
    return leave(ok ? 0 : -1, out);
}

/* ---- the way back ---- */

int native_batch_norm_backward_forward(const struct op *op, const struct value *args,
                                       struct tensor **out)
{
    enum { GRAD, IN, FACTOR, MEAN, INVSTD, TRAIN, COUNT = 5 };
    struct tensor *in[COUNT] = {NULL};
    struct batch_norm_back b;
    struct channels l;
    bool ok = true;

    (void)op;
    for (int i = 0; i < COUNT; i++) {
        in[i] = args[i].given ? tensor_contiguous(args[i].tensor) : NULL;
        ok = ok && (in[i] || !args[i].given);
    }
    if (ok) {
        out[0] = tensor_new_like(in[IN], DTYPE_NONE);
        for (int i = 1; i < 3; i++)
            out[i] = tensor_new(tensor_dtype(in[IN]), 1, &in[IN]->shape[1]);
    }
    ok = ok && out[0] && out[1] && out[2];
    if (ok) {
        b = (struct batch_norm_back){
            .g = tensor_data(in[GRAD]),
            .x = tensor_data(in[IN]),
            .mean = tensor_data(in[MEAN]),
            .invstd = tensor_data(in[INVSTD]),
            .weight = in[FACTOR] ? tensor_data(in[FACTOR]) : NULL,
            .gx = tensor_data(out[0]),
            .gweight = tensor_data(out[1]),
            .gbias = tensor_data(out[2]),
            .training = args[TRAIN].i != 0,
        };
        l = channels_of(in[IN]);
#pragma omp parallel for if (in[IN]->numel >= PARALLEL_FROM)
        for (int64_t first = 0; first < l.channels; first += tile_step(&l))
            kernels_for(in[IN])->back(&l, first, tile_end(&l, first, tile_step(&l)), &b);
    }
    for (int i = 0; i < COUNT; i++)
        tensor_unref(in[i]);
    return leave(ok ? 0 : -1, out);
}
