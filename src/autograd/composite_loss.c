/* Losses that are made of recorded operations. */
#include "autograd/arguments.h"
#include "autograd/formula_nn.h"
#include "base/error.h"
#include "base/warn.h"
#include "tensor/loss.h"

#include <math.h>
#include <string.h>

struct tensor *d_joined(struct tensor *each, const char *reduction_text)
{
    int reduction = loss_reduction(reduction_text);

    if (reduction < 0 || !each)
        return NULL;
    if (reduction == LOSS_NONE)
        return each;
    return reduction == LOSS_SUM ? d_sum_all(each) : d_call1(OP_mean, each);
}

static struct tensor *at_least(struct tensor *x, double limit)
{
    struct value args[] = {arg_tensor(x), arg_scalar(scalar_float(limit))};

    return x ? d_call(OP_clamp_min, args) : NULL;
}

int l1_loss_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark;

    if (loss_warn_size(args[0].tensor, args[1].tensor) < 0)
        return -1;
    mark = pool_open();
    return pool_leave(op, mark,
                      d_joined(d_abs(d_sub(args[0].tensor, args[1].tensor)), args[4].text), out);
}

/* 'batchmean' divides the sum by the size of the batch, as the mathematical definition has it. */
int kl_div_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *target = args[1].tensor, *each, *result;
    bool batchmean = strcmp(args[4].text, "batchmean") == 0;
    size_t mark;

    if (strcmp(args[4].text, "mean") == 0 &&
        warn_user("reduction: 'mean' divides the total loss by both the batch size and the support "
                  "size.'batchmean' divides only by the batch size, and aligns with the KL div "
                  "math definition.'mean' will be changed to behave the same as 'batchmean' in the "
                  "next major release.") < 0)
        return -1;
    mark = pool_open();
    if (args[5].i)
        each = d_mul(d_exp(target), d_sub(target, self));
    else
        each = d_sub(d_entropy(target), d_mul(target, self));
    result = d_joined(each, batchmean ? "sum" : args[4].text);
    if (batchmean && self->ndim > 0)
        result = d_true_divide(result, d_number(scalar_int(self->shape[0])));
    return pool_leave(op, mark, result, out);
}

/* Stirling's approximation of log(target!), 0 where target is at most 1. */
static struct tensor *stirling(struct tensor *target)
{
    struct tensor *half_log =
        d_scale(d_log(d_scale(target, scalar_float(2 * M_PI))), scalar_float(0.5));
    struct tensor *sum = d_add(d_sub(d_mul(target, d_log(target)), target), half_log);

    return d_where(d_gt(target, d_number(scalar_int(1))), sum);
}

int poisson_nll_loss_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *target = args[1].tensor, *each;
    size_t mark = pool_open();

    if (args[2].i)
        each = d_sub(d_exp(self), d_mul(target, self));
    else
        each = d_sub(self, d_mul(target, d_log(d_shift(self, args[5].d))));
    if (args[3].i)
        each = d_add(each, stirling(target));
    return pool_leave(op, mark, d_joined(each, args[7].text), out);
}

/* var of self's shape, or with 1, or nothing, as its last dimension. NULL with an error. */
static struct tensor *fit_variance(const struct tensor *self, struct tensor *var)
{
    size_t lead = self->ndim ? (size_t)(self->ndim - 1) * sizeof(*self->shape) : 0;
    bool begins = self->ndim > 0 && memcmp(var->shape, self->shape, lead) == 0;

    if (tensor_same_shape(self, var) ||
        (begins && var->ndim == self->ndim && var->shape[var->ndim - 1] == 1))
        return var;
    if (begins && var->ndim == self->ndim - 1)
        return d_unsqueeze(var, -1);
    return error_null(ERROR_VALUE, "var is of incorrect size");
}

static int check_variance(struct tensor *var)
{
    struct tensor *count;
    struct scalar negative = scalar_int(0);
    bool before = grad_set_enabled(false);

    count = d_sum_all(d_lt(var, d_number(scalar_int(0))));
    grad_set_enabled(before);
    if (!count || tensor_item(count, &negative) < 0)
        return -1;
    return negative.i ? error_set(ERROR_VALUE, "var has negative entry/entries") : 0;
}

/* A variance below eps counts as eps; its gradient flows as if it did not. */
static struct tensor *stable_variance(struct tensor *var, double eps)
{
    struct tensor *missing;
    bool before = grad_set_enabled(false);

    missing = d_sub(at_least(var, eps), var);
    grad_set_enabled(before);
    return d_add(var, missing);
}

int gaussian_nll_loss_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *var, *each, *difference;
    size_t mark = pool_open();

    var = fit_variance(self, args[2].tensor);
    if (!var || check_variance(var) < 0)
        return pool_leave(op, mark, NULL, out);
    var = stable_variance(var, args[4].d);
    difference = d_sub(self, args[1].tensor);
    each = d_add(d_log(var), d_true_divide(d_mul(difference, difference), var));
    each = d_scale(each, scalar_float(0.5));
    if (args[3].i)
        each = d_shift(each, 0.5 * log(2 * M_PI));
    return pool_leave(op, mark, d_joined(each, args[5].text), out);
}

int hinge_embedding_loss_composite(const struct op *op, const struct value *args,
                                   struct tensor **out)
{
    struct tensor *self = args[0].tensor, *target = args[1].tensor, *far, *near;
    size_t mark = pool_open();

    far = at_least(d_shift(d_neg(self), args[2].d), 0);
    far = d_where(d_ne(target, d_number(scalar_int(1))), far);
    near = d_where(d_ne(target, d_number(scalar_int(-1))), self);
    return pool_leave(op, mark, d_joined(d_add(far, near), args[5].text), out);
}

int margin_ranking_loss_composite(const struct op *op, const struct value *args,
                                  struct tensor **out)
{
    struct tensor *a = args[0].tensor, *b = args[1].tensor, *target = args[2].tensor, *each;
    char text[3][128];
    size_t mark = pool_open();

    if (a->ndim != b->ndim || a->ndim != target->ndim)
        return error_set(ERROR_RUNTIME,
                         "margin_ranking_loss : All input tensors should have same dimension but "
                         "got sizes: input1: torch.Size(%s), input2: torch.Size(%s), target: "
                         "torch.Size(%s) ",
                         shape_text(a->ndim, a->shape, text[0], sizeof(text[0])),
                         shape_text(b->ndim, b->shape, text[1], sizeof(text[1])),
                         shape_text(target->ndim, target->shape, text[2], sizeof(text[2])));
    each = d_mul(d_neg(target), d_sub(a, b));
    if (args[3].d != 0)
        each = d_shift(each, args[3].d);
    return pool_leave(op, mark, d_joined(at_least(each, 0), args[6].text), out);
}
