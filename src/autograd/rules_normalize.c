/* Derivatives of normalisation and of embedding. */
#include "autograd/formula.h"

/* Sums of g over everything but the channels, as (1, C, 1, ...). */
static struct tensor *channel_sum(struct tensor *g)
{
    int64_t dims[TENSOR_MAX_DIMS] = {0};

    if (!g)
        return NULL;
    for (int d = 2; d < g->ndim; d++)
        dims[d - 1] = d;
    return d_sum(g, dims, g->ndim - 1, true);
}

/* A vector of channels as (1, C, 1, ...). */
static struct tensor *spread(struct tensor *vector, const struct tensor *like)
{
    int64_t shape[TENSOR_MAX_DIMS];

    for (int d = 0; d < like->ndim; d++)
        shape[d] = d == 1 ? like->shape[1] : 1;
    return vector ? d_reshape(vector, like->ndim, shape) : NULL;
}

static struct tensor *flat(struct tensor *sum)
{
    return sum ? d_reshape(sum, 1, &sum->shape[1]) : NULL;
}

/*
 * With y = (x - mean) * invstd, of n elements for each channel, the gradient of x is
 * weight * invstd * (g - sum(g) / n - y * sum(g * y) / n); constant statistics leave the first
 * term. Where a graph of this is wanted, mean and invstd must depend on x: they are made again.
 */
void native_batch_norm_rule(struct grad_call *c)
{
    struct tensor *x = c->args[0].tensor, *g = c->g[0], *mean, *invstd, *y, *scale;
    struct tensor *sum, *product, *gx;
    bool training = c->args[5].i;
    double n;

    if (!g)
        return;
    n = x->shape[1] ? (double)x->numel / (double)x->shape[1] : 1;
    mean = spread(c->results[1], x);
    invstd = spread(c->results[2], x);
    if (training && grad_enabled()) {
        mean = d_scale(channel_sum(x), scalar_float(1 / n));
        y = d_sub(x, mean);
        y = d_scale(channel_sum(d_mul(y, y)), scalar_float(1 / n));
        invstd = y ? d_rsqrt(d_shift(y, c->args[7].d)) : NULL;
    }
    y = d_mul(d_sub(x, mean), invstd);
    sum = channel_sum(g);
    product = channel_sum(d_mul(g, y));
    if (grad_wanted(c, 0)) {
        scale = c->args[1].given ? d_mul(invstd, spread(c->args[1].tensor, x)) : invstd;
        gx = g;
        if (training)
            gx = d_sub(gx, d_scale(d_add(sum, d_mul(y, product)), scalar_float(1 / n)));
        c->grads[0] = d_mul(gx, scale);
    }
    if (c->args[1].given && grad_wanted(c, 1))
        c->grads[1] = flat(product);
    if (c->args[2].given && grad_wanted(c, 2))
        c->grads[2] = flat(sum);
}

/* Each row of the result goes back to its row of the weight, but for that of padding_idx. */
void embedding_rule(struct grad_call *c)
{
    const struct tensor *weight = c->args[1].tensor;
    struct tensor *index = c->args[0].tensor, *g = c->g[0], *zeros, *kept;
    int64_t rows = index->numel, padding = c->args[2].i;

    if (!g || !grad_wanted(c, 1))
        return;
    index = d_reshape(index, 1, &rows);
    g = d_reshape(g, 2, (int64_t[]){rows, weight->shape[1]});
    if (c->args[2].given && index) {
        padding += padding < 0 ? weight->shape[0] : 0;
        kept = d_ne(index, d_number(scalar_int(padding)));
        g = kept ? d_where(d_unsqueeze(kept, 1), g) : NULL;
    }
    zeros = pool_keep(tensor_zeros(tensor_dtype(weight), 2, weight->shape));
    if (zeros && index && g)
        c->grads[1] = D(index_add, V_TENSOR(zeros), V_INT(0), V_TENSOR(index), V_TENSOR(g));
}
