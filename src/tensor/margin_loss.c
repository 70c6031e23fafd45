/* Losses that ask each right class to lead the others by a margin. */
#include "base/error.h"
#include "tensor/loss.h"
#include "tensor/op.h"

#include <stdio.h>
#include <string.h>

/* (N, C) scores, or (C) of one sample. */
struct scores {
    struct tensor *self, *target; /* contiguous, owned */
    int64_t samples, classes;
    enum loss_reduction reduction;
};

static double score(const struct scores *s, int64_t sample, int64_t class)
{
    enum dtype dtype = tensor_dtype(s->self);

    return dtype_load(dtype, tensor_data(s->self) +
                                 (sample * s->classes + class) * (int64_t)dtype_size(dtype))
        .d;
}

static int scores_init(struct scores *s, const struct op *op, struct tensor *self,
                       struct tensor *target, const char *reduction_text)
{
    int reduction = loss_reduction(reduction_text);
    char text[128];

    *s = (struct scores){.samples = self->ndim == 2 ? self->shape[0] : 1,
                         .classes = self->ndim ? self->shape[self->ndim - 1] : 1,
                         .reduction = (enum loss_reduction)reduction};
    if (reduction < 0)
        return -1;
    if (self->ndim > 2 || s->classes == 0)
        return error_set(ERROR_RUNTIME,
                         "Expected non-empty vector or matrix with optional 0-dim batch size, but "
                         "got: %s",
                         shape_text(self->ndim, self->shape, text, sizeof(text)));
    if (op_check_float(op, self) < 0)
        return -1;
    if (target->dtype != DTYPE_i64)
        return error_set(ERROR_RUNTIME, "expected scalar type Long but found %s",
                         dtype_short_name(tensor_dtype(target)));
    s->self = tensor_contiguous(self);
    s->target = tensor_contiguous(target);
    return s->self && s->target ? 0 : -1;
}

static void scores_release(struct scores *s)
{
    tensor_unref(s->self);
    tensor_unref(s->target);
}

/* Takes the loss of a sample, or adds it to that of all. */
static void join(const struct scores *s, struct tensor *result, int64_t sample, double loss,
                 double *sum)
{
    enum dtype dtype = tensor_dtype(result);
    bool each = s->reduction == LOSS_NONE;

    *sum += loss;
    loss = s->reduction == LOSS_MEAN ? *sum / (double)s->samples : *sum;
    dtype_store(dtype, tensor_data(result) + (each ? sample : 0) * (int64_t)dtype_size(dtype),
                scalar_float(loss));
    if (each)
        *sum = 0;
}

static struct tensor *new_result(const struct scores *s)
{
    bool each = s->reduction == LOSS_NONE && s->self->ndim == 2;

    return tensor_zeros(tensor_dtype(s->self), each ? 1 : 0, &s->samples);
}

/* ---- one right class ---- */

enum { SELF, TARGET, P, MARGIN, WEIGHT, REDUCTION = 7 };

static double weight_of(const struct tensor *weight, int64_t class)
{
    int64_t size = (int64_t)dtype_size(tensor_dtype(weight));

    return dtype_load(tensor_dtype(weight), tensor_data(weight) + class * weight->stride[0] * size)
        .d;
}

static int check_multi_margin(const struct scores *s, const struct value *args)
{
    const struct tensor *weight = args[WEIGHT].tensor;
    const int64_t *target = (const int64_t *)tensor_data(s->target);
    char text[128];

    if (args[P].i != 1 && args[P].i != 2)
        return error_set(ERROR_VALUE, "only p == 1 and p == 2 supported");
    if (s->target->ndim > 1 || s->target->numel != s->samples)
        return error_set(ERROR_RUNTIME, "inconsistent target size, got: %s",
                         shape_text(s->target->ndim, s->target->shape, text, sizeof(text)));
    if (args[WEIGHT].given && (weight->ndim != 1 || weight->numel != s->classes))
        return error_set(ERROR_RUNTIME, "inconsistent weight size, got: %s",
                         shape_text(weight->ndim, weight->shape, text, sizeof(text)));
    for (int64_t i = 0; i < s->samples; i++)
        if (target[i] < 0 || target[i] >= s->classes)
            return error_set(ERROR_RUNTIME, "target out of range");
    return 0;
}

int multi_margin_loss_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *result = NULL;
    struct scores s;
    double total = 0;

    if (scores_init(&s, op, args[SELF].tensor, args[TARGET].tensor, args[REDUCTION].text) == 0 &&
        check_multi_margin(&s, args) == 0)
        result = new_result(&s);
    for (int64_t i = 0; result && i < s.samples; i++) {
        int64_t right = ((const int64_t *)tensor_data(s.target))[i];
        double sum = 0;

        for (int64_t c = 0; c < s.classes; c++) {
            double z = args[MARGIN].d - score(&s, i, right) + score(&s, i, c);

            if (c != right && z > 0)
                sum += args[P].i == 1 ? z : z * z;
        }
        if (args[WEIGHT].given)
            sum *= weight_of(args[WEIGHT].tensor, right);
        join(&s, result, i, sum / (double)s.classes, &total);
    }
    scores_release(&s);
    return op_give(op, result, out);
}

/* ---- several right classes ---- */

static int check_multilabel(const struct scores *s)
{
    const int64_t *target = (const int64_t *)tensor_data(s->target);
    char text[128];

    if (!tensor_same_shape(s->self, s->target) &&
        !(s->self->ndim < 2 && s->target->ndim < 2 && s->self->numel == s->target->numel))
        return error_set(ERROR_RUNTIME, "inconsistent size %s for argument #2 'target'",
                         shape_text(s->target->ndim, s->target->shape, text, sizeof(text)));
    for (int64_t i = 0; i < s->target->numel; i++)
        if (target[i] < -1 || target[i] >= s->classes)
            return error_set(ERROR_RUNTIME, "argument #2 'target' is out of range");
    return 0;
}

/* Marks the right classes of a sample and gives its loss. */
static double multilabel_sample(const struct scores *s, int64_t sample, char *marks)
{
    const int64_t *target = (const int64_t *)tensor_data(s->target) + sample * s->classes;
    int64_t size = (int64_t)dtype_size(tensor_dtype(s->self));
    double sum = 0;
    int64_t count = 0;

    while (count < s->classes && target[count] >= 0)
        dtype_store(tensor_dtype(s->self), marks + target[count++] * size, scalar_int(1));
    for (int64_t t = 0; t < count; t++)
        for (int64_t c = 0; c < s->classes; c++) {
            double z = 1 - score(s, sample, target[t]) + score(s, sample, c);

            if (z > 0 && dtype_load(tensor_dtype(s->self), marks + c * size).d == 0)
                sum += z;
        }
    return sum / (double)s->classes;
}

int multilabel_margin_loss_forward(const struct op *op, const struct value *args,
                                   struct tensor **out)
{
    struct tensor *result = NULL, *marks = NULL;
    struct scores s;
    double total = 0;

    if (scores_init(&s, op, args[0].tensor, args[1].tensor, args[2].text) == 0 &&
        check_multilabel(&s) == 0) {
        result = new_result(&s);
        marks = tensor_zeros(tensor_dtype(s.self), s.self->ndim, s.self->shape);
    }
    for (int64_t i = 0; result && marks && i < s.samples; i++)
        join(&s, result, i,
             multilabel_sample(&s, i,
                               tensor_data(marks) +
                                   i * s.classes * (int64_t)dtype_size(tensor_dtype(marks))),
             &total);
    scores_release(&s);
    if (!result || !marks) {
        tensor_unref(result);
        tensor_unref(marks);
        return -1;
    }
    out[0] = result;
    out[1] = marks;
    return 0;
}
