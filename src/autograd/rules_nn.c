/* Derivatives of neural-network functions. */
#include "autograd/arguments.h"
#include "autograd/formula.h"
#include "tensor/loss.h"

/* ---- softmax ---- */

static struct tensor *sum_along(struct tensor *x, int64_t dim)
{
    return d_sum(x, &dim, 1, true);
}

void softmax_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0], *y = c->results[0];

    c->grads[0] = d_mul(y, d_sub(g, sum_along(d_mul(g, y), c->args[1].i)));
}

void log_softmax_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0], *y = c->results[0];

    c->grads[0] = d_sub(g, d_mul(d_exp(y), sum_along(g, c->args[1].i)));
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
