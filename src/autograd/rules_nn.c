/* Derivatives of neural-network functions. */
#include "autograd/arguments.h"
#include "autograd/formula_nn.h"
#include "tensor/loss.h"

/* ---- softmax ---- */

static struct tensor *sum_along(struct tensor *x, int64_t dim)
{
    return d_sum(x, &dim, 1, true);
}

static void softmax_grad(struct grad_call *c, enum op_id id)
{
    struct value args[] = {arg_tensor(c->g[0]), arg_tensor(c->results[0]), c->args[1]};

    if (c->g[0])
        c->grads[0] = d_call(id, args);
}

void softmax_rule(struct grad_call *c)
{
    softmax_grad(c, OP__softmax_backward_data);
}

void log_softmax_rule(struct grad_call *c)
{
    softmax_grad(c, OP__log_softmax_backward_data);
}

/* The derivatives of (g - sum(g * y)) * y. */
void softmax_backward_rule(struct grad_call *c)
{
    struct tensor *gg = c->g[0], *g = c->args[0].tensor, *y = c->args[1].tensor, *along;
    const int64_t dim = c->args[2].i;

    if (grad_wanted(c, 0) && gg)
        c->grads[0] = d_call(OP__softmax_backward_data,
                             (struct value[]){arg_tensor(gg), arg_tensor(y), c->args[2]});
    along = sum_along(d_mul(gg, y), dim);
    if (grad_wanted(c, 1))
        c->grads[1] =
            d_sub(d_sub(d_mul(gg, g), d_mul(gg, sum_along(d_mul(g, y), dim))), d_mul(g, along));
}

/* The derivatives of g - exp(y) * sum(g). */
void log_softmax_backward_rule(struct grad_call *c)
{
    struct tensor *gg = c->g[0], *y = d_exp(c->args[1].tensor);
    const int64_t dim = c->args[2].i;

    if (grad_wanted(c, 0))
        c->grads[0] = d_sub(gg, sum_along(d_mul(gg, y), dim));
    if (grad_wanted(c, 1))
        c->grads[1] = d_neg(d_mul(d_mul(gg, y), sum_along(c->args[0].tensor, dim)));
}

/* ---- losses over classes ---- */

void nll_loss_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    struct value args[] = {arg_tensor(c->g[0]), c->args[1], c->args[2],
                           c->args[3],          c->args[4], arg_ints(self->ndim, self->shape)};

    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = d_call(OP__nll_loss_backward, args);
}

void nll_loss_backward_rule(struct grad_call *c)
{
    struct value args[] = {arg_tensor(c->g[0]), c->args[1], c->args[2], c->args[3], c->args[4]};

    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = d_call(c->args[5].ints.count > 2 ? OP__nll_loss2d : OP__nll_loss, args);
}

/* ---- losses element by element ---- */

/* What the loss of one element counts: 1, or one part of the mean. */
static struct scalar share(struct grad_call *c, int reduction_arg, const struct tensor *each,
                           double factor)
{
    bool mean = loss_reduction(c->args[reduction_arg].text) == LOSS_MEAN;

    return scalar_float(mean && each ? factor / (double)each->numel : factor);
}

/* Gives self `slope`, target its opposite, as is right where only their difference counts. */
static void store_opposites(struct grad_call *c, struct tensor *slope)
{
    if (grad_wanted(c, 0))
        grad_store(c, 0, 0, slope);
    if (grad_wanted(c, 1))
        grad_store(c, 1, 1, d_neg(slope));
}

void mse_loss_rule(struct grad_call *c)
{
    struct tensor *difference = d_sub(c->args[0].tensor, c->args[1].tensor);

    store_opposites(c, d_mul(d_scale(difference, share(c, 4, difference, 2)), c->g[0]));
}

/* The difference of input and target, cut to +-limit; its sign where the limit is 0. */
static struct tensor *cut_difference(struct grad_call *c, double limit)
{
    struct tensor *difference = d_sub(c->args[0].tensor, c->args[1].tensor);
    struct value args[] = {arg_tensor(difference), arg_scalar(scalar_float(-limit)),
                           arg_scalar(scalar_float(limit))};

    if (limit == 0)
        return d_sign(difference);
    return difference ? d_call(OP_clamp_range, args) : NULL;
}

void smooth_l1_loss_rule(struct grad_call *c)
{
    double beta = c->args[5].d;
    struct tensor *slope = cut_difference(c, beta);

    slope = d_scale(slope, share(c, 4, slope, beta > 0 ? 1 / beta : 1));
    store_opposites(c, d_mul(slope, c->g[0]));
}

void huber_loss_rule(struct grad_call *c)
{
    struct tensor *slope = cut_difference(c, c->args[3].d);

    store_opposites(c, d_mul(d_scale(slope, share(c, 2, slope, 1)), c->g[0]));
}

/* d log(1 + exp(-x y)) / d(x y) is -sigmoid(-x y). */
void soft_margin_loss_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *target = c->args[1].tensor;
    struct tensor *slope = d_neg(d_sigmoid(d_neg(d_mul(self, target))));

    slope = d_mul(d_scale(slope, share(c, 4, slope, 1)), c->g[0]);
    if (grad_wanted(c, 0))
        grad_store(c, 0, 0, d_mul(slope, target));
    if (grad_wanted(c, 1))
        grad_store(c, 1, 1, d_mul(slope, self));
}

/* ---- cross entropy of two classes ---- */

/* The gradient of each element's loss, before its slope. */
static struct tensor *weighed_share(struct grad_call *c)
{
    struct tensor *g = c->g[0];

    g = d_scale(g, share(c, 5, c->args[0].tensor, 1));
    return c->args[2].given ? d_mul(g, c->args[2].tensor) : g;
}

static struct tensor *at_least(struct tensor *x, double limit)
{
    struct value args[] = {arg_tensor(x), arg_scalar(scalar_float(limit))};

    return x ? d_call(OP_clamp_min, args) : NULL;
}

void binary_cross_entropy_rule(struct grad_call *c)
{
    struct tensor *x = c->args[0].tensor, *y = c->args[1].tensor, *g = weighed_share(c);
    struct tensor *spread, *minus_x = d_neg(x);

    if (grad_wanted(c, 0)) {
        spread = at_least(d_mul(d_shift(minus_x, 1), x), 1e-12);
        grad_store(c, 0, 0, d_true_divide(d_mul(g, d_sub(x, y)), spread));
    }
    if (grad_wanted(c, 1))
        grad_store(c, 1, 1,
                   d_mul(g, d_sub(at_least(d_log1p(minus_x), -100), at_least(d_log(x), -100))));
}

/* With w the pos_weight: (1 - y + w y) sigmoid(x) - w y for the input, and for the target
 * -x + (w - 1) log(1 + exp(-x)). */
void binary_cross_entropy_with_logits_rule(struct grad_call *c)
{
    struct tensor *x = c->args[0].tensor, *y = c->args[1].tensor, *g = weighed_share(c);
    struct tensor *w = c->args[6].given ? c->args[6].tensor : NULL, *slope, *wy;

    if (grad_wanted(c, 0)) {
        slope = d_sub(d_sigmoid(x), y);
        if (w) {
            wy = d_mul(w, y);
            slope = d_sub(d_mul(d_shift(d_sub(wy, y), 1), d_sigmoid(x)), wy);
        }
        grad_store(c, 0, 0, d_mul(g, slope));
    }
    if (grad_wanted(c, 1)) {
        slope = d_neg(x);
        if (w)
            slope = d_sub(slope, d_mul(d_shift(w, -1), d_logsigmoid(x)));
        grad_store(c, 1, 1, d_mul(g, slope));
    }
}

/* ---- glu ---- */

void glu_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *g = c->g[0], *a, *s, *parts[2];
    int dim = tensor_dim(self, c->args[1].i);
    int64_t half = self->shape[dim] / 2;
    struct value args[] = {{.given = true, .tensors = {parts, 2}}, arg_int(dim)};

    a = d_narrow(self, dim, 0, half);
    s = d_sigmoid(d_narrow(self, dim, half, half));
    parts[0] = d_mul(g, s);
    parts[1] = d_mul(d_mul(g, a), d_mul(s, d_shift(d_neg(s), 1)));
    if (parts[0] && parts[1])
        c->grads[0] = d_call(OP_cat, args);
}
