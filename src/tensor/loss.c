/* Losses that compare element by element: an elementwise row, then its sum or mean. */
#include "tensor/loss.h"

#include "base/error.h"
#include "base/warn.h"
#include "tensor/reduce.h"

#include <string.h>

int loss_reduction(const char *text)
{
    static const char *const names[] = {
        [LOSS_NONE] = "none", [LOSS_MEAN] = "mean", [LOSS_SUM] = "sum"};

    for (int i = 0; i < (int)(sizeof(names) / sizeof(*names)); i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    return error_set(ERROR_VALUE, "%s is not a valid value for reduction", text);
}

int loss_warn_size(const struct tensor *self, const struct tensor *target)
{
    char text[2][128];

    if (tensor_same_shape(self, target))
        return 0;
    return warn_user("Using a target size (torch.Size(%s)) that is different to the input size "
                     "(torch.Size(%s)). This will likely lead to incorrect results due to "
                     "broadcasting. Please ensure they have the same size.",
                     shape_text(target->ndim, target->shape, text[0], sizeof(text[0])),
                     shape_text(self->ndim, self->shape, text[1], sizeof(text[1])));
}

/* The loss of each element (taken over; NULL: -1) made into the loss. */
static int join_elements(struct tensor *each, enum loss_reduction reduction, struct tensor **out)
{
    struct tensor *sum;
    struct scalar value;
    uint32_t all;

    *out = each;
    if (!each || reduction == LOSS_NONE)
        return each ? 0 : -1;
    reduce_dims(each->ndim, 0, NULL, &all);
    sum = reduce(each, all, false, REDUCE_SUM, tensor_dtype(each));
    if (sum && reduction == LOSS_MEAN) {
        value = dtype_load(tensor_dtype(sum), tensor_data(sum));
        dtype_store(tensor_dtype(sum), tensor_data(sum),
                    scalar_float(value.d / (double)each->numel));
    }
    tensor_unref(each);
    *out = sum;
    return sum ? 0 : -1;
}

/* Which elementwise row a loss is made of, what PyTorch calls its kernel, where its reduction and
 * its number (-1: none) stand among the arguments. */
static const struct pointwise {
    enum op_id loss, each;
    const char *kernel;
    int reduction, number;
    bool positive; /* the number must not be 0 either */
} pointwise[] = {
    {OP_mse_loss, OP_mse_each, "mse", 4, -1, false},
    {OP_soft_margin_loss, OP_soft_margin_each, "exp", 4, -1, false},
    {OP_smooth_l1_loss, OP_smooth_l1_each, "smooth_l1", 4, 5, false},
    {OP_huber_loss, OP_huber_each, "huber", 2, 3, true},
};

static int check_number(const struct op *op, const struct pointwise *p, double number)
{
    if (number > 0 || (number == 0 && !p->positive))
        return 0;
    return error_set(ERROR_RUNTIME, "%s does not support %s values for %s.", op->name,
                     p->positive ? "non-positive" : "negative", p->positive ? "delta" : "beta");
}

/* soft_margin_loss() takes no target that is larger than its input, nor one that learns. */
static int check_soft_margin(const struct tensor *self, const struct tensor *target)
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = self->ndim;
    char text[2][128];

    if (target->requires_grad)
        return error_set(ERROR_RUNTIME,
                         "The function 'soft_margin_loss' is not differentiable with respect to "
                         "argument 'target'. This input cannot have requires_grad True.");
    memcpy(shape, self->shape, sizeof(shape));
    if (shape_broadcast(&ndim, shape, target->ndim, target->shape) < 0)
        return -1;
    if (ndim == self->ndim && memcmp(shape, self->shape, (size_t)ndim * sizeof(*shape)) == 0)
        return 0;
    return error_set(ERROR_RUNTIME, "output with shape %s doesn't match the broadcast shape %s",
                     shape_text(self->ndim, self->shape, text[0], sizeof(text[0])),
                     shape_text(ndim, shape, text[1], sizeof(text[1])));
}

int pointwise_loss_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct pointwise *p = pointwise;
    struct tensor *in[2] = {args[0].tensor, args[1].tensor}, *each = NULL;
    struct scalar params[2] = {scalar_int(0), scalar_int(0)};
    struct op named = *op;
    int reduction;

    while (p->loss != op->id)
        p++;
    reduction = loss_reduction(args[p->reduction].text);
    if (p->number >= 0)
        params[0] = scalar_float(args[p->number].d);
    if (reduction < 0 || (p->number >= 0 && check_number(op, p, params[0].d) < 0))
        return -1;
    if (op->id == OP_soft_margin_loss ? check_soft_margin(in[0], in[1]) < 0
                                      : loss_warn_size(in[0], in[1]) < 0)
        return -1;
    named.name = p->kernel;
    if (elementwise_run(&named, p->each, in, params, &each) < 0)
        return -1;
    return join_elements(each, (enum loss_reduction)reduction, out);
}

/* ---- cross entropy of two classes ---- */

static int check_size(const struct tensor *self, const struct tensor *target, const char *format)
{
    char text[2][128];

    if (tensor_same_shape(self, target))
        return 0;
    shape_text(self->ndim, self->shape, text[0], sizeof(text[0]));
    shape_text(target->ndim, target->shape, text[1], sizeof(text[1]));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return error_set(ERROR_VALUE, format, text[1], text[0]);
#pragma GCC diagnostic pop
}

static int check_probabilities(const struct tensor *self)
{
    struct tensor *flat = tensor_contiguous((struct tensor *)self);
    bool fits = true;

    for (int64_t i = 0; flat && i < flat->numel; i++) {
        double p = dtype_load(tensor_dtype(flat),
                              tensor_data(flat) + i * (int64_t)dtype_size(tensor_dtype(flat)))
                       .d;

        fits = fits && p >= 0 && p <= 1;
    }
    tensor_unref(flat);
    if (flat && !fits)
        return error_set(ERROR_RUNTIME, "all elements of input should be between 0 and 1");
    return flat ? 0 : -1;
}

/* PyTorch refuses whole numbers as targets here: so that what runs here runs there. */
static int check_target(const struct op *op, const struct tensor *self, const struct tensor *target)
{
    const char *from = dtype_short_name(tensor_dtype(self));
    const char *to = dtype_short_name(tensor_dtype(target));

    if (op->id == OP_binary_cross_entropy && target->dtype != self->dtype)
        return error_set(ERROR_RUNTIME, "Found dtype %s but expected %s", to, from);
    if (!dtype_is_float(tensor_dtype(target)))
        return error_set(ERROR_RUNTIME,
                         "result type %s can't be cast to the desired output type %s", from, to);
    return 0;
}

/* Weighs the elements, when there is a weight, and joins them. */
static int weigh_and_join(const struct op *op, struct tensor *each, const struct value *weight,
                          const struct value *reduction_text, struct tensor **out)
{
    const struct scalar none[2] = {scalar_int(0), scalar_int(0)};
    struct tensor *weighed = NULL;
    int reduction = loss_reduction(reduction_text->text);

    if (reduction >= 0 && weight->given &&
        elementwise_run(op, OP_mul, (struct tensor *[]){each, weight->tensor}, none, &weighed) < 0)
        reduction = -1;
    if (reduction < 0 || weighed) {
        tensor_unref(each);
        each = weighed;
    }
    return reduction < 0 ? -1 : join_elements(each, (enum loss_reduction)reduction, out);
}

int binary_cross_entropy_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct scalar none[2] = {scalar_int(0), scalar_int(0)};
    struct tensor *in[2] = {args[0].tensor, args[1].tensor}, *each = NULL;

    if (check_size(in[0], in[1],
                   "Using a target size (torch.Size(%s)) that is different to the input size "
                   "(torch.Size(%s)) is deprecated. Please ensure they have the same size.") < 0 ||
        check_target(op, in[0], in[1]) < 0 || check_probabilities(in[0]) < 0 ||
        elementwise_run(op, OP_bce_each, in, none, &each) < 0)
        return -1;
    return weigh_and_join(op, each, &args[2], &args[5], out);
}

int binary_cross_entropy_with_logits_forward(const struct op *op, const struct value *args,
                                             struct tensor **out)
{
    const struct scalar none[2] = {scalar_int(0), scalar_int(0)};
    struct tensor *in[3] = {args[0].tensor, args[1].tensor, args[6].tensor}, *each = NULL;
    enum op_id row = args[6].given ? OP_bce_logits_weighed_each : OP_bce_logits_each;

    if (check_size(in[0], in[1],
                   "Target size (torch.Size(%s)) must be the same as input size (torch.Size(%s))") <
            0 ||
        check_target(op, in[0], in[1]) < 0 || elementwise_run(op, row, in, none, &each) < 0)
        return -1;
    return weigh_and_join(op, each, &args[2], &args[5], out);
}
