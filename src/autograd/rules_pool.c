/* Derivatives of pooling. */
#include "autograd/formula.h"

/* The gradient goes to where the largest elements stood; boxes may share one. */
void max_pool_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    int dims = c->args[1].ints.count;

    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = D(max_pool_spread, V_TENSOR(c->g[0]), V_TENSOR(c->results[1]),
                        V_INTS(self->shape + self->ndim - dims, dims));
}

void max_pool_spread_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0], *index = c->args[1].tensor;
    int dims = c->args[2].ints.count;
    int64_t in[2] = {1, 1}, out[2] = {1, 1};

    if (!g || !grad_wanted(c, 0))
        return;
    for (int d = 0; d < g->ndim; d++) {
        in[d >= g->ndim - dims] *= g->shape[d];
        out[d >= g->ndim - dims] *= index->shape[d];
    }
    g = d_reshape(g, 2, in);
    index = d_reshape(index, 2, out);
    if (!g || !index)
        return;
    g = D(gather, V_TENSOR(g), V_INT(1), V_TENSOR(index));
    c->grads[0] = d_reshape(g, c->args[1].tensor->ndim, c->args[1].tensor->shape);
}

/* The means of a spread gradient's gradient, and the other way about. */
void avg_pool_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;

    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = D(avg_pool_spread, V_TENSOR(c->g[0]), c->args[1], c->args[2], c->args[3],
                        c->args[4], c->args[5], c->args[6], V_INTS(self->shape, self->ndim));
}

void avg_pool_spread_rule(struct grad_call *c)
{
    struct value args[7] = {V_MAYBE(c->g[0])};

    for (int i = 1; i < 7; i++)
        args[i] = c->args[i];
    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = d_call(args[1].ints.count == 2 ? OP_avg_pool2d : OP_avg_pool3d, args);
}

void adaptive_avg_pool_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;

    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = D(adaptive_avg_pool_spread, V_TENSOR(c->g[0]),
                        V_INTS(self->shape, self->ndim), V_INT(c->args[1].ints.count));
}

void adaptive_avg_pool_spread_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    int dims = (int)c->args[2].i;
    struct value sizes = V_INTS(self->shape + self->ndim - dims, dims);

    if (!c->g[0] || !grad_wanted(c, 0))
        return;
    c->grads[0] = dims == 2 ? D(_adaptive_avg_pool2d, V_TENSOR(c->g[0]), sizes)
                            : D(_adaptive_avg_pool3d, V_TENSOR(c->g[0]), sizes);
}
