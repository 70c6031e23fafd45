/* Neural-network functions that are made of recorded operations. */
#include "autograd/arguments.h"
#include "autograd/formula_nn.h"
#include "base/error.h"
#include "base/warn.h"
#include "tensor/loss.h"

#include <string.h>

static struct tensor *divided(struct tensor *x, double by)
{
    struct value args[] = {arg_tensor(x), arg_scalar(scalar_float(by))};

    return x ? d_call(OP_div_number, args) : NULL;
}

/* ---- linear ---- */

/* A batch of sequences (N, L, C) is one tall matrix. */
static struct tensor *linear_folded(struct tensor *self, struct tensor *turned, struct tensor *bias)
{
    const int64_t *s = self->shape;
    struct tensor *flat = d_reshape(self, 2, (int64_t[]){s[0] * s[1], s[2]});
    struct tensor *product = d_call3(OP_addmm, bias, flat, turned);

    return product
               ? d_call(OP_view,
                        (struct value[]){arg_tensor(product),
                                         arg_ints(3, (int64_t[]){s[0], s[1], product->shape[1]})})
               : NULL;
}

int linear_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *bias = args[2].given ? args[2].tensor : NULL;
    size_t mark = pool_open();
    struct tensor *turned = d_call1(OP_t, args[1].tensor), *result;

    if (bias && self->ndim == 2) {
        result = d_call3(OP_addmm, bias, self, turned);
    } else if (bias && self->ndim == 3 && tensor_is_contiguous(self)) {
        result = linear_folded(self, turned, bias);
    } else {
        result = d_matmul(self, turned);
        if (bias)
            result = d_add(result, bias);
    }
    return pool_leave(op, mark, result, out);
}

/* ---- softmax ---- */

static struct tensor *softmax_along(enum op_id id, struct tensor *self, int64_t dim)
{
    struct value args[] = {arg_tensor(self), arg_int(dim)};

    return self ? d_call(id, args) : NULL;
}

/* The dtype argument converts before: that is where precision is won. */
static struct tensor *converted(struct tensor *self, const struct value *dtype)
{
    return dtype->given ? d_to(self, (enum dtype)dtype->i) : self;
}

int softmax_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    enum op_id id = op->id == OP_softmax ? OP__softmax : OP__log_softmax;
    size_t mark = pool_open();

    return pool_leave(op, mark, softmax_along(id, converted(args[0].tensor, &args[2]), args[1].i),
                      out);
}

/* Without a dim, torch.nn.functional chooses one by the number of dimensions. */
int softmax_nn_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    enum op_id id = op->id == OP_log_softmax__nn ? OP__log_softmax : OP__softmax;
    struct tensor *self = args[0].tensor;
    int64_t dim = args[1].given ? args[1].i : !(self->ndim <= 1 || self->ndim == 3);
    size_t mark;

    if (!args[1].given &&
        warn_user("Implicit dimension choice for %.*s has been deprecated. Change the call to "
                  "include dim=X as an argument.",
                  (int)(strcmp(op->name, "softmin") == 0 ? 7 : strlen(op->name) - 4), op->name) < 0)
        return -1;
    mark = pool_open();
    if (op->id == OP_softmin)
        self = d_neg(self);
    return pool_leave(op, mark, softmax_along(id, self ? converted(self, &args[3]) : NULL, dim),
                      out);
}

/* ---- losses over classes ---- */

/* The arguments that nll_loss and cross_entropy share, by name. */
struct class_loss {
    struct tensor *target, *weight; /* weight: NULL when there is none */
    const char *reduction_text;
    enum loss_reduction reduction;
    int64_t ignore_index;
    int class_dim;
    int64_t classes;
};

static int class_loss_init(struct class_loss *loss, const struct value *args)
{
    const struct tensor *self = args[0].tensor;
    int reduction = loss_reduction(args[6].text);

    if (reduction < 0)
        return -1;
    *loss = (struct class_loss){.target = args[1].tensor,
                                .weight = args[2].given ? args[2].tensor : NULL,
                                .reduction_text = args[6].text,
                                .reduction = (enum loss_reduction)reduction,
                                .ignore_index = args[4].i,
                                .class_dim = self->ndim > 1};
    loss->classes = self->ndim ? self->shape[loss->class_dim] : 1;
    return 0;
}

static int check_class_shapes(const struct tensor *self, const struct tensor *target)
{
    char text[2][128];
    int64_t wanted[TENSOR_MAX_DIMS];

    if (self->ndim < 1)
        return error_set(ERROR_VALUE, "Expected 1 or more dimensions (got 0)");
    if (self->ndim != 1 && (target->ndim == 0 || self->shape[0] != target->shape[0]))
        return error_set(
            ERROR_VALUE, "Expected input batch_size (%lld) to match target batch_size (%lld).",
            (long long)self->shape[0], target->ndim ? (long long)target->shape[0] : 0LL);
    if (self->ndim < 3)
        return 0; /* the operation itself looks at these */
    wanted[0] = self->shape[0];
    memcpy(wanted + 1, self->shape + 2, (size_t)(self->ndim - 2) * sizeof(*wanted));
    if (target->ndim == self->ndim - 1 &&
        memcmp(wanted, target->shape, (size_t)target->ndim * sizeof(*wanted)) == 0)
        return 0;
    return error_set(ERROR_RUNTIME, "Expected target size %s, got %s",
                     shape_text(self->ndim - 1, wanted, text[0], sizeof(text[0])),
                     shape_text(target->ndim, target->shape, text[1], sizeof(text[1])));
}

static struct tensor *nll(struct tensor *self, const struct class_loss *loss)
{
    struct value args[] = {arg_tensor(self), arg_tensor(loss->target), arg_tensor(loss->weight),
                           arg_text(loss->reduction_text), arg_int(loss->ignore_index)};
    struct tensor *result;

    if (!self || check_class_shapes(self, loss->target) < 0)
        return NULL;
    result = d_call(self->ndim > 2 ? OP__nll_loss2d : OP__nll_loss, args);
    /* PyTorch computes these as images and views the result. */
    if (result && loss->reduction == LOSS_NONE && self->ndim > 2 && self->ndim != 4)
        result = D(view, V_TENSOR(result), V_INTS(result->shape, result->ndim));
    return result;
}

int nll_loss_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct class_loss loss;

    if (class_loss_init(&loss, args) < 0)
        return -1;
    return pool_leave(op, mark, nll(args[0].tensor, &loss), out);
}

/* weight as (C), or as (1, C, 1, ...) for log-probabilities with a batch. */
static struct tensor *spread_weight(const struct tensor *self, const struct class_loss *loss)
{
    int64_t shape[TENSOR_MAX_DIMS];

    for (int d = 0; d < self->ndim; d++)
        shape[d] = d == loss->class_dim ? loss->classes : 1;
    return d_reshape(loss->weight, self->ndim, shape);
}

static struct tensor *sum_classes(struct tensor *x, const struct class_loss *loss)
{
    int64_t dim = loss->class_dim;

    return d_sum(x, &dim, 1, false);
}

/* What the uniform part of the smoothed targets adds, before it is scaled. */
static struct tensor *smooth_part(struct tensor *log_p, const struct class_loss *loss)
{
    struct tensor *kept = d_ne(loss->target, d_number(scalar_int(loss->ignore_index)));
    struct tensor *each, *count, *ones;

    each = loss->weight ? d_mul(log_p, spread_weight(log_p, loss)) : log_p;
    each = d_where(kept, d_neg(sum_classes(each, loss)));
    if (loss->reduction == LOSS_NONE)
        return each;
    if (loss->reduction == LOSS_SUM)
        return d_sum_all(each);
    /* The mean counts what nll_loss counts: -1 for each log-probability makes that its sum. */
    ones = d_neg(d_ones(log_p));
    count = nll(ones, &(struct class_loss){.target = loss->target,
                                           .weight = loss->weight,
                                           .reduction_text = "sum",
                                           .ignore_index = loss->ignore_index});
    return d_true_divide(d_sum_all(each), count);
}

static struct tensor *smoothed(struct tensor *log_p, const struct class_loss *loss, double amount)
{
    struct tensor *sharp = nll(log_p, loss);
    struct tensor *smooth = sharp ? smooth_part(log_p, loss) : NULL;

    if (!smooth)
        return NULL;
    return d_add(d_mul(sharp, d_number(scalar_float(1 - amount))),
                 d_mul(smooth, d_number(scalar_float(amount / (double)loss->classes))));
}

/* Targets that are probabilities, shaped like the input. */
static struct tensor *against_probabilities(struct tensor *log_p, const struct class_loss *loss,
                                            double amount)
{
    struct tensor *target = loss->target, *product;
    double batch = (double)log_p->numel / (double)loss->classes;

    if (amount > 0)
        target = d_shift(d_scale(target, scalar_float(1 - amount)), amount / (double)loss->classes);
    product = d_mul(log_p, target);
    if (loss->weight)
        product = d_mul(product, spread_weight(log_p, loss));
    if (loss->reduction == LOSS_NONE)
        return d_neg(sum_classes(product, loss));
    product = d_neg(d_sum_all(product));
    return loss->reduction == LOSS_SUM ? product : divided(product, batch);
}

static int check_probabilities(const struct class_loss *loss)
{
    if (!dtype_is_float(tensor_dtype(loss->target)))
        return error_set(ERROR_RUNTIME,
                         "Expected floating point type for target with class probabilities, got "
                         "%s",
                         dtype_short_name(tensor_dtype(loss->target)));
    if (loss->ignore_index >= 0)
        return error_set(ERROR_RUNTIME, "ignore_index is not supported for floating point target");
    return 0;
}

static int check_cross_entropy(const struct class_loss *loss, double smoothing)
{
    char text[128];

    if (smoothing > 1)
        return error_set(ERROR_RUNTIME, "label_smoothing must be between 0.0 and 1.0. Got: %g",
                         smoothing);
    if (!loss->weight || (loss->weight->ndim == 1 && loss->weight->numel == loss->classes))
        return 0;
    return error_set(ERROR_RUNTIME,
                     "weight tensor should be defined either for all %lld classes or no classes "
                     "but got weight tensor of shape: %s",
                     (long long)loss->classes,
                     shape_text(loss->weight->ndim, loss->weight->shape, text, sizeof(text)));
}

int cross_entropy_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *log_p, *result;
    struct class_loss loss;
    double smoothing = args[7].d;
    bool probabilities = tensor_same_shape(self, args[1].tensor);
    size_t mark = pool_open();

    if (class_loss_init(&loss, args) < 0 || check_cross_entropy(&loss, smoothing) < 0 ||
        (probabilities ? check_probabilities(&loss) : check_class_shapes(self, loss.target)) < 0)
        return -1;
    log_p = softmax_along(OP__log_softmax, self, loss.class_dim);
    if (!log_p)
        result = NULL;
    else if (probabilities)
        result = against_probabilities(log_p, &loss, smoothing);
    else
        result = smoothing > 0 ? smoothed(log_p, &loss, smoothing) : nll(log_p, &loss);
    return pool_leave(op, mark, result, out);
}
