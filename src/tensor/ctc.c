/*
 * The connectionist temporal classification loss (Graves et al. 2006): minus the logarithm of the
 * probability that a sequence of symbols, once repeated ones are joined and blanks are left out, is
 * the target.
 *
 * All is in logarithms. With l the target with a blank around each symbol, 2 S + 1 places,
 * alpha(t, s) is the probability of having written l up to s at time t, beta(t, s) that of writing
 * the rest from there on.
 */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/op.h"

#include <math.h>

struct ctc {
    struct tensor *log_probs, *targets; /* (T, N, C), and (N, S) or (all targets): owned */
    const int64_t *input_lengths, *target_lengths;
    int64_t times, samples, classes, blank;
    int64_t longest; /* of the targets */
    bool joined;     /* the targets stand one after the other */
};

/* One sample of it. */
struct sample {
    const int64_t *target;
    int64_t index, times, length, blank;
};

static int64_t symbol(const struct sample *s, int64_t place)
{
    return place % 2 ? s->target[place / 2] : s->blank;
}

/* Whether a path may go from the symbol before, past the blank, to this place. */
static bool can_skip(const struct sample *s, int64_t place)
{
    return place >= 2 && symbol(s, place) != symbol(s, place - 2);
}

/* ---- checks ---- */

static const char *const checking = "(while checking arguments for ctc_loss_cpu)";

static int check_lengths(struct ctc *c, const struct value *inputs, const struct value *targets)
{
    if (inputs->ints.count != c->samples)
        return error_set(ERROR_RUNTIME, "input_lengths must be of size batch_size");
    if (targets->ints.count != c->samples)
        return error_set(ERROR_RUNTIME, "target_lengths must be of size batch_size");
    for (int64_t i = 0; i < c->samples; i++) {
        if (c->input_lengths[i] < 0 || c->target_lengths[i] < 0)
            return error_set(
                ERROR_RUNTIME, "lengths must be non-negative, but got %lld",
                (long long)(c->input_lengths[i] < 0 ? c->input_lengths[i] : c->target_lengths[i]));
        if (c->target_lengths[i] > c->longest)
            c->longest = c->target_lengths[i];
    }
    return 0;
}

static int check_targets(const struct ctc *c)
{
    const struct tensor *t = c->targets;
    int64_t rows = c->samples;

    if (c->joined) {
        rows = 0;
        for (int64_t i = 0; i < c->samples; i++)
            rows += c->target_lengths[i];
    }
    if (t->shape[0] != rows)
        return error_set(ERROR_RUNTIME,
                         "Expected tensor to have size %lld at dimension 0, but got size %lld for "
                         "argument #2 'targets' %s",
                         (long long)rows, (long long)t->shape[0], checking);
    if (!c->joined && t->shape[1] < c->longest)
        return error_set(ERROR_RUNTIME,
                         "Expected tensor to have size at least %lld at dimension 1, but got size "
                         "%lld for argument #2 'targets' %s",
                         (long long)c->longest, (long long)t->shape[1], checking);
    for (int64_t i = 0; i < c->samples; i++)
        if (c->input_lengths[i] > c->times)
            return error_set(ERROR_RUNTIME,
                             "Expected input_lengths to have value at most %lld, but got value "
                             "%lld %s",
                             (long long)c->times, (long long)c->input_lengths[i], checking);
    return 0;
}

static struct sample sample_of(const struct ctc *c, int64_t index)
{
    int64_t at = c->joined ? 0 : index * c->targets->shape[1];

    for (int64_t i = 0; c->joined && i < index; i++)
        at += c->target_lengths[i];
    return (struct sample){(const int64_t *)tensor_data(c->targets) + at, index,
                           c->input_lengths[index], c->target_lengths[index], c->blank};
}

static int check_symbols(const struct ctc *c)
{
    for (int64_t i = 0; i < c->samples; i++) {
        struct sample s = sample_of(c, i);

        for (int64_t k = 0; k < s.length; k++)
            if (s.target[k] < 0 || s.target[k] >= c->classes)
                return error_set(ERROR_RUNTIME,
                                 "target %lld is out of range: there are %lld classes",
                                 (long long)s.target[k], (long long)c->classes);
    }
    return 0;
}

static int ctc_init(struct ctc *c, struct tensor *log_probs, struct tensor *targets,
                    const struct value *input_lengths, const struct value *target_lengths,
                    int64_t blank)
{
    *c = (struct ctc){.input_lengths = input_lengths->ints.at,
                      .target_lengths = target_lengths->ints.at,
                      .blank = blank,
                      .joined = targets->ndim == 1};
    if (log_probs->dtype != DTYPE_f32 && log_probs->dtype != DTYPE_f64)
        return dtype_refuse("ctc_loss_cpu", tensor_dtype(log_probs));
    if (log_probs->ndim != 3)
        return error_set(ERROR_RUNTIME,
                         "Expected 3-dimensional tensor, but got %d-dimensional tensor for "
                         "argument #1 'log_probs' %s",
                         log_probs->ndim, checking);
    if (targets->ndim != 1 && targets->ndim != 2)
        return error_set(ERROR_RUNTIME,
                         "Expected 1 to 2 dimensions, but got %d-dimensional tensor for argument "
                         "#2 'targets' %s",
                         targets->ndim, checking);
    c->times = log_probs->shape[0];
    c->samples = log_probs->shape[1];
    c->classes = log_probs->shape[2];
    if (blank < 0 || blank >= c->classes)
        return error_set(ERROR_RUNTIME, "blank must be in label range");
    if (check_lengths(c, input_lengths, target_lengths) < 0)
        return -1;
    c->log_probs = tensor_contiguous(log_probs);
    c->targets = tensor_contiguous(targets);
    return c->log_probs && c->targets && check_targets(c) == 0 ? check_symbols(c) : -1;
}

static void ctc_release(struct ctc *c)
{
    tensor_unref(c->log_probs);
    tensor_unref(c->targets);
}

/* ---- the recursions ---- */

/* log(e^a + e^b + e^c) */
#define CTC(T, id, EXP, LOG)                                                                       \
    static T log_sum_##id(T a, T b, T c)                                                           \
    {                                                                                              \
        T most = a > b ? a : b;                                                                    \
                                                                                                   \
        most = c > most ? c : most;                                                                \
        if (most == -(T)INFINITY)                                                                  \
            most = 0;                                                                              \
        return LOG(EXP(a - most) + EXP(b - most) + EXP(c - most)) + most;                          \
    }                                                                                              \
    static const T *probs_at_##id(const struct ctc *c, const struct sample *s, int64_t time)       \
    {                                                                                              \
        return (const T *)tensor_data(c->log_probs) + (time * c->samples + s->index) * c->classes; \
    }                                                                                              \
    /* alpha: (times, places), all -inf; the loss. */                                              \
    static T forward_##id(const struct ctc *c, const struct sample *s, T *alpha)                   \
    {                                                                                              \
        const int64_t width = 2 * c->longest + 1, places = 2 * s->length + 1;                      \
        const T nothing = -(T)INFINITY;                                                            \
                                                                                                   \
        if (s->times == 0)                                                                         \
            return s->length == 0 ? 0 : (T)INFINITY;                                               \
        for (int64_t p = 0; p < places && p < 2; p++)                                              \
            alpha[p] = probs_at_##id(c, s, 0)[symbol(s, p)];                                       \
        for (int64_t t = 1; t < s->times; t++) {                                                   \
            const T *before = alpha + (t - 1) * width, *probs = probs_at_##id(c, s, t);            \
                                                                                                   \
            for (int64_t p = 0; p < places; p++)                                                   \
                alpha[t * width + p] = log_sum_##id(before[p], p > 0 ? before[p - 1] : nothing,    \
                                                    can_skip(s, p) ? before[p - 2] : nothing) +    \
                                       probs[symbol(s, p)];                                        \
        }                                                                                          \
        alpha += (s->times - 1) * width + places - 1;                                              \
        return -(places > 1 ? log_sum_##id(alpha[0], alpha[-1], nothing) : alpha[0]);              \
    }                                                                                              \
    /* beta at the time before, from that of the next one, in place. */                            \
    static void step_back_##id(const struct sample *s, const T *probs, T *beta)                    \
    {                                                                                              \
        const int64_t places = 2 * s->length + 1;                                                  \
        const T nothing = -(T)INFINITY;                                                            \
                                                                                                   \
        for (int64_t p = 0; p < places; p++)                                                       \
            beta[p] = log_sum_##id(beta[p], p + 1 < places ? beta[p + 1] : nothing,                \
                                   p + 2 < places && can_skip(s, p + 2) ? beta[p + 2] : nothing) + \
                      probs[symbol(s, p)];                                                         \
    }                                                                                              \
    /* The gradient of one sample, (times, ., classes) in g; beta is room for the places. As in    \
     * PyTorch it is what belongs to log_probs that are a log_softmax(). */                        \
    static void backward_##id(const struct ctc *c, const struct sample *s, const T *alpha, T loss, \
                              T scale, T *beta, T *g)                                              \
    {                                                                                              \
        const int64_t width = 2 * c->longest + 1, places = 2 * s->length + 1;                      \
        const T nothing = -(T)INFINITY;                                                            \
                                                                                                   \
        for (int64_t t = s->times - 1; t >= 0; t--) {                                              \
            const T *probs = probs_at_##id(c, s, t);                                               \
            T *row = g + (t * c->samples + s->index) * c->classes;                                 \
                                                                                                   \
            for (int64_t k = 0; k < c->classes; k++)                                               \
                row[k] = nothing;                                                                  \
            for (int64_t p = 0; t == s->times - 1 && p < places; p++)                              \
                beta[p] = p >= places - 2 ? probs[symbol(s, p)] : nothing;                         \
            if (t < s->times - 1)                                                                  \
                step_back_##id(s, probs, beta);                                                    \
            for (int64_t p = places - 1; p >= 0; p--) {                                            \
                T *sum = &row[symbol(s, p)], both = alpha[t * width + p] + beta[p];                \
                                                                                                   \
                *sum = *sum == nothing ? both : log_sum_##id(*sum, both, nothing);                 \
            }                                                                                      \
            for (int64_t k = 0; k < c->classes; k++)                                               \
                row[k] = (EXP(probs[k]) - EXP(row[k] + loss - probs[k])) * scale;                  \
        }                                                                                          \
    }
CTC(float, f32, expf, logf)
CTC(double, f64, exp, log)

static void run_forward(const struct ctc *c, struct tensor *losses, struct tensor *alphas)
{
    const int64_t each = c->times * (2 * c->longest + 1);

    for (int64_t i = 0; i < c->samples; i++) {
        struct sample s = sample_of(c, i);

        if (losses->dtype == DTYPE_f32)
            ((float *)tensor_data(losses))[i] =
                forward_f32(c, &s, (float *)tensor_data(alphas) + i * each);
        else
            ((double *)tensor_data(losses))[i] =
                forward_f64(c, &s, (double *)tensor_data(alphas) + i * each);
    }
}

int ctc_loss_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    enum dtype dtype = tensor_dtype(args[0].tensor);
    struct tensor *results[2] = {NULL};
    struct ctc c;

    if (ctc_init(&c, args[0].tensor, args[1].tensor, &args[2], &args[3], args[4].i) == 0) {
        results[0] = tensor_new(dtype, 1, &c.samples);
        results[1] = tensor_full(dtype, 3, (int64_t[]){c.samples, c.times, 2 * c.longest + 1},
                                 scalar_float(-INFINITY));
    }
    if (results[0] && results[1])
        run_forward(&c, results[0], results[1]);
    ctc_release(&c);
    return op_give_several(op, 2, results, out);
}

/* ---- the way back ---- */

enum { GRAD, LOG_PROBS, TARGETS, INPUT_LENGTHS, TARGET_LENGTHS, LOSSES, ALPHAS, BLANK, ZERO };

static void run_backward(const struct ctc *c, const struct value *args, char *beta,
                         struct tensor *result)
{
    const struct tensor *grad = args[GRAD].tensor, *losses = args[LOSSES].tensor;
    const struct tensor *alphas = args[ALPHAS].tensor;
    const int64_t each = c->times * (2 * c->longest + 1), size = dtype_size(tensor_dtype(result));

    for (int64_t i = 0; i < c->samples; i++) {
        struct sample s = sample_of(c, i);
        double scale =
            dtype_load(tensor_dtype(grad), tensor_data(grad) + i * grad->stride[0] * size).d;
        double loss = dtype_load(tensor_dtype(losses), tensor_data(losses) + i * size).d;

        if (args[ZERO].i && loss == INFINITY)
            continue;
        if (size == sizeof(float))
            backward_f32(c, &s, (const float *)tensor_data(alphas) + i * each, (float)loss,
                         (float)scale, (float *)beta, (float *)tensor_data(result));
        else
            backward_f64(c, &s, (const double *)tensor_data(alphas) + i * each, loss, scale,
                         (double *)beta, (double *)tensor_data(result));
    }
}

int ctc_loss_backward_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct tensor *log_probs = args[LOG_PROBS].tensor;
    struct tensor *result = NULL;
    char *beta = NULL;
    struct ctc c;

    if (ctc_init(&c, args[LOG_PROBS].tensor, args[TARGETS].tensor, &args[INPUT_LENGTHS],
                 &args[TARGET_LENGTHS], args[BLANK].i) == 0)
        beta = mem_zero((size_t)(2 * c.longest + 1), sizeof(double));
    if (beta)
        result = tensor_zeros(tensor_dtype(log_probs), 3, log_probs->shape);
    if (result)
        run_backward(&c, args, beta, result);
    mem_free(beta);
    ctc_release(&c);
    return op_give(op, result, out);
}
