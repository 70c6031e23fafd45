/*
 * Derivatives of normalisation and of embedding. Where no graph of the derivative is wanted, a
 * kernel computes it with PyTorch's digits; formulas in recorded operations serve the others.
 */
#include "autograd/arguments.h"
#include "autograd/formula.h"

/* The gradients of the first three edges, by the row `id`. */
static void grads_by(struct grad_call *c, enum op_id id, const struct value *args)
{
    struct tensor *results[OP_MAX_OUTPUTS] = {NULL};

    if (op_call(&ops[id], args, results) < 0)
        return;
    for (int i = 0; i < 3; i++) {
        pool_keep(results[i]);
        if (grad_wanted(c, i))
            c->grads[i] = results[i];
    }
}

/* Weight and bias have this shape. */
static void reshape_parts(struct grad_call *c, int ndim, const int64_t *shape)
{
    for (int i = 1; i < 3; i++)
        c->grads[i] = c->grads[i] ? d_reshape(c->grads[i], ndim, shape) : NULL;
}

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
    if (!grad_enabled()) {
        grads_by(c, OP_native_batch_norm_backward,
                 (struct value[]){arg_tensor(g), arg_tensor(x), c->args[1],
                                  arg_tensor(c->results[1]), arg_tensor(c->results[2]),
                                  c->args[5]});
        return;
    }
    n = x->shape[1] ? (double)x->numel / (double)x->shape[1] : 1;
    mean = spread(c->results[1], x);
    invstd = spread(c->results[2], x);
    if (training) {
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

/* ---- rows: layer and group normalisation ---- */

/* x as rows of elements. */
static struct tensor *as_rows(struct tensor *x, int64_t rows)
{
    return x ? d_reshape(x, 2, (int64_t[]){rows, rows ? x->numel / rows : 0}) : NULL;
}

static struct tensor *row_mean(struct tensor *x)
{
    int64_t last = 1;

    return x ? d_scale(d_sum(x, &last, 1, true), scalar_float(1 / (double)x->shape[1])) : NULL;
}

/* What a rule needs: the normalised rows, and 1 / standard deviation of each as a column. */
struct normal_rows {
    int64_t rows;
    struct tensor *y, *rstd;
};

static struct normal_rows normal_rows(struct grad_call *c, double eps)
{
    struct normal_rows r = {.rows = c->results[1] ? c->results[1]->numel : 0};
    struct tensor *x = as_rows(c->args[0].tensor, r.rows), *mean, *away;

    mean = row_mean(x);
    away = d_sub(x, mean);
    away = row_mean(d_mul(away, away));
    r.rstd = away ? d_rsqrt(d_shift(away, eps)) : NULL;
    r.y = d_mul(d_sub(x, mean), r.rstd);
    return r;
}

/* The gradient of x from that of its normalised rows. */
static struct tensor *rows_slope(const struct normal_rows *r, struct tensor *g,
                                 const struct tensor *x)
{
    struct tensor *along;

    g = as_rows(g, r->rows);
    along = d_mul(r->y, row_mean(d_mul(g, r->y)));
    g = d_mul(d_sub(d_sub(g, row_mean(g)), along), r->rstd);
    return g ? d_reshape(g, x->ndim, x->shape) : NULL;
}

void native_layer_norm_rule(struct grad_call *c)
{
    const struct tensor *x = c->args[0].tensor;
    struct tensor *g = c->g[0], *y;
    struct normal_rows r;

    if (!g || x->numel == 0)
        return;
    if (!grad_enabled()) {
        grads_by(c, OP_native_layer_norm_backward,
                 (struct value[]){arg_tensor(g), c->args[0], arg_tensor(c->results[1]),
                                  arg_tensor(c->results[2]), c->args[2], c->args[1]});
        reshape_parts(c, c->args[1].ints.count, c->args[1].ints.at);
        return;
    }
    r = normal_rows(c, c->args[4].d);
    if (grad_wanted(c, 0))
        c->grads[0] = rows_slope(&r, c->args[2].given ? d_mul(g, c->args[2].tensor) : g, x);
    if (c->args[2].given && grad_wanted(c, 1)) {
        y = r.y ? d_reshape(r.y, x->ndim, x->shape) : NULL;
        grad_store(c, 1, 2, d_mul(g, y));
    }
    if (c->args[3].given && grad_wanted(c, 2))
        grad_store(c, 2, 3, g);
}

void native_group_norm_rule(struct grad_call *c)
{
    const struct tensor *x = c->args[0].tensor;
    struct tensor *g = c->g[0], *y;
    struct normal_rows r;

    if (!g || x->numel == 0)
        return;
    if (!grad_enabled()) {
        grads_by(c, OP_native_group_norm_backward,
                 (struct value[]){arg_tensor(g), c->args[0], arg_tensor(c->results[1]),
                                  arg_tensor(c->results[2]), c->args[1], c->args[3], c->args[4],
                                  c->args[5], c->args[6]});
        return;
    }
    r = normal_rows(c, c->args[7].d);
    if (grad_wanted(c, 0))
        c->grads[0] =
            rows_slope(&r, c->args[1].given ? d_mul(g, spread(c->args[1].tensor, x)) : g, x);
    if (c->args[1].given && grad_wanted(c, 1)) {
        y = r.y ? d_reshape(r.y, x->ndim, x->shape) : NULL;
        c->grads[1] = flat(channel_sum(d_mul(g, y)));
    }
    if (c->args[2].given && grad_wanted(c, 2))
        c->grads[2] = flat(channel_sum(g));
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
