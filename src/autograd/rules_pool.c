/* Derivatives of pooling. */
#include "autograd/formula.h"

/* The gradient goes to where the largest elements stood; boxes may share one. */
void max_pool_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    struct tensor *g = c->g[0], *index = c->results[1], *zeros;
    int dims = c->args[1].ints.count;
    int64_t in[2] = {1, 1}, out[2];

    if (!g || !grad_wanted(c, 0))
        return;
    for (int d = 0; d < self->ndim; d++)
        in[d >= self->ndim - dims] *= self->shape[d];
    out[0] = in[0];
    out[1] = in[0] ? g->numel / in[0] : 0;
    zeros = pool_keep(tensor_zeros(tensor_dtype(g), 2, in));
    g = d_reshape(g, 2, out);
    index = d_reshape(index, 2, out);
    if (!zeros || !g || !index)
        return;
    g = D(scatter_add, V_TENSOR(zeros), V_INT(1), V_TENSOR(index), V_TENSOR(g));
    c->grads[0] = d_reshape(g, self->ndim, self->shape);
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
