/* Attention in recorded operations. */
#include "autograd/attention.h"
#include "base/error.h"

#include <math.h>

static struct tensor *linear(struct tensor *x, struct tensor *weight, struct tensor *bias)
{
    return x && weight ? D(linear, V_TENSOR(x), V_TENSOR(weight), V_MAYBE(bias)) : NULL;
}

static struct tensor *joined(struct tensor *a, struct tensor *b, int dim)
{
    struct tensor *both[] = {a, b};

    return a && b ? D(cat, V_TENSORS(both, 2), V_INT(dim)) : NULL;
}

static struct tensor *viewed(struct tensor *x, int ndim, const int64_t *shape)
{
    return x ? D(view, V_TENSOR(x), V_INTS(shape, ndim)) : NULL;
}

static struct tensor *softmax_of(struct tensor *scores)
{
    return scores ? D(softmax, V_TENSOR(scores), V_INT(-1)) : NULL;
}

static struct tensor *dropped(struct tensor *x, double p)
{
    return x && p > 0 ? D(dropout, V_TENSOR(x), V_FLOAT(p), V_INT(true)) : x;
}

/* -inf where a bool mask is true, 0 elsewhere; other masks as they are. */
static struct tensor *additive(struct tensor *mask, enum dtype dtype)
{
    struct tensor *zeros;

    if (!mask || mask->dtype != DTYPE_b8)
        return mask;
    zeros = pool_keep(tensor_zeros(dtype, mask->ndim, mask->shape));
    return zeros ? D(masked_fill, V_TENSOR(zeros), V_TENSOR(mask),
                     V_TENSOR(d_number(scalar_float(-INFINITY))))
                 : NULL;
}

/* ---- the parts of multi-head attention ---- */

/* Queries, keys and values behind their linear maps. */
static bool project(const struct attention *a, struct tensor *out[3])
{
    struct tensor *const x[3] = {a->query, a->key, a->value}, *all;
    int64_t size = a->size;

    if (a->in_weight && a->query == a->key && a->key == a->value) {
        all = linear(a->query, a->in_weight, a->in_bias);
        for (int i = 0; i < 3; i++)
            out[i] = all ? d_narrow(all, -1, i * size, size) : NULL;
    } else {
        for (int i = 0; i < 3; i++) {
            struct tensor *bias = a->in_bias ? d_narrow(a->in_bias, 0, i * size, size) : NULL;

            if (a->in_bias && !bias)
                return false;
            out[i] = linear(
                x[i], a->in_weight ? d_narrow(a->in_weight, 0, i * size, size) : a->weights[i],
                bias);
        }
    }
    return out[0] && out[1] && out[2];
}

/* (L, N, E) to (N heads, L, D). */
static struct tensor *split_heads(const struct attention *a, struct tensor *x)
{
    int64_t shape[3];

    if (!x)
        return NULL;
    shape[0] = x->shape[0];
    shape[1] = x->shape[1] * a->heads;
    shape[2] = x->shape[2] / a->heads;
    x = d_reshape(x, 3, shape);
    return x ? d_transpose(x, 0, 1) : NULL;
}

/* A mask with a column more, for a key that all may see. */
static struct tensor *widened(struct tensor *mask)
{
    int64_t shape[TENSOR_MAX_DIMS];

    if (!mask)
        return NULL;
    for (int d = 0; d < mask->ndim; d++)
        shape[d] = d < mask->ndim - 1 ? mask->shape[d] : 1;
    return joined(mask, pool_keep(tensor_zeros(tensor_dtype(mask), mask->ndim, shape)), -1);
}

/* x with what stands in `more` (1, 1, E) behind each sequence. */
static struct tensor *with_bias(struct tensor *x, struct tensor *more)
{
    more = d_expand(more, 3, (int64_t[]){1, x->shape[1], x->shape[2]});
    return joined(x, more, 0);
}

static struct tensor *with_zero(struct tensor *x)
{
    int64_t shape[3] = {x->shape[0], 1, x->shape[2]};

    return joined(x, pool_keep(tensor_zeros(tensor_dtype(x), 3, shape)), 1);
}

/* Both masks as one of (1 or N heads, L or 1, S), in the form that is added. *ok tells an error
 * from no mask. */
static struct tensor *merged_mask(const struct attention *a, struct tensor *mask,
                                  struct tensor *padding, enum dtype dtype, bool *ok)
{
    struct tensor *merged = mask;

    if (padding) {
        int64_t n = padding->shape[0], keys = padding->shape[1];

        padding = d_reshape(padding, 4, (int64_t[]){n, 1, 1, keys});
        padding = padding ? d_expand(padding, 4, (int64_t[]){n, a->heads, 1, keys}) : NULL;
        padding = padding ? d_reshape(padding, 3, (int64_t[]){n * a->heads, 1, keys}) : NULL;
        if (!mask || !padding)
            merged = padding;
        else if (mask->dtype == DTYPE_b8)
            merged = D(logical_or, V_TENSOR(mask), V_TENSOR(padding));
        else
            merged = D(masked_fill, V_TENSOR(mask), V_TENSOR(padding),
                       V_TENSOR(d_number(scalar_float(-INFINITY))));
        *ok = merged != NULL;
    }
    merged = additive(merged, dtype);
    *ok = *ok && !error_pending();
    return merged;
}

static struct tensor *scores_of(struct tensor *q, struct tensor *k, struct tensor *mask)
{
    q = d_true_divide(q, d_number(scalar_float(sqrt((double)q->shape[2]))));
    k = d_transpose(k, -2, -1);
    if (!q || !k)
        return NULL;
    return mask ? D(baddbmm, V_TENSOR(mask), V_TENSOR(q), V_TENSOR(k)) : d_call2(OP_bmm, q, k);
}

/* (N heads, L, D) to (L, N, E), through the last linear map. */
static struct tensor *join_heads(const struct attention *a, struct tensor *x)
{
    const int64_t *shape = a->query->shape;

    x = x ? d_transpose(x, 0, 1) : NULL;
    x = x ? d_reshape(x, 2, (int64_t[]){shape[0] * shape[1], a->size}) : NULL;
    x = linear(x, a->out_weight, a->out_bias);
    return viewed(x, 3, (int64_t[]){shape[0], shape[1], a->out_weight->shape[0]});
}

static struct tensor *shown_weights(const struct attention *a, struct tensor *weights)
{
    int64_t shape[4] = {a->query->shape[1], a->heads, weights->shape[1], weights->shape[2]};
    const int64_t heads = 1;

    weights = viewed(weights, 4, shape);
    if (weights && a->average)
        weights = d_true_divide(d_sum(weights, &heads, 1, false), d_number(scalar_int(a->heads)));
    return weights;
}

struct tensor *d_attention(const struct attention *a, struct tensor **weights)
{
    struct tensor *part[3], *mask = a->mask, *padding = a->padding, *w;
    bool ok = true;

    if (!project(a, part))
        return NULL;
    if (mask && mask->ndim == 2)
        mask = d_unsqueeze(mask, 0);
    if (a->bias_k) {
        part[1] = with_bias(part[1], a->bias_k);
        part[2] = with_bias(part[2], a->bias_v);
        mask = widened(mask);
        padding = widened(padding);
    }
    part[0] = split_heads(a, part[0]);
    part[1] = a->static_k ? a->static_k : split_heads(a, part[1]);
    part[2] = a->static_v ? a->static_v : split_heads(a, part[2]);
    if (!part[0] || !part[1] || !part[2])
        return NULL;
    if (a->add_zero) {
        part[1] = with_zero(part[1]);
        part[2] = with_zero(part[2]);
        mask = widened(mask);
        padding = widened(padding);
    }
    if (!part[1] || !part[2])
        return NULL;
    mask = merged_mask(a, mask, padding, tensor_dtype(part[0]), &ok);
    w = ok ? dropped(softmax_of(scores_of(part[0], part[1], mask)), a->dropout) : NULL;
    if (!w)
        return NULL;
    if (weights)
        *weights = shown_weights(a, w);
    return weights && !*weights ? NULL : join_heads(a, d_call2(OP_bmm, w, part[2]));
}

/* ---- scaled_dot_product_attention ---- */

/* What is added to the scores: of a mask of bool, true where a key may be seen. *ok tells an error
 * from no mask. */
static struct tensor *score_mask(const struct value *args, bool *ok)
{
    struct tensor *q = args[0].tensor, *mask = NULL;
    int64_t shape[2] = {q->shape[q->ndim - 2], args[1].tensor->shape[args[1].tensor->ndim - 2]};

    if (args[5].i) {
        mask = pool_keep(tensor_full(DTYPE_b8, 2, shape, scalar_bool(true)));
        mask = mask ? D(triu, V_TENSOR(mask), V_INT(1)) : NULL;
    } else if (args[3].given) {
        mask = args[3].tensor;
        if (mask->dtype == DTYPE_b8)
            mask = d_call1(OP_logical_not, mask);
    } else {
        return NULL;
    }
    mask = additive(mask, tensor_dtype(q));
    *ok = mask != NULL;
    return mask;
}

int scaled_dot_product_attention_composite(const struct op *op, const struct value *args,
                                           struct tensor **out)
{
    struct tensor *q = args[0].tensor, *k = args[1].tensor, *mask, *scores;
    size_t mark;
    bool ok = true;
    double scale;

    if (q->ndim < 2 || k->ndim < 2 || args[2].tensor->ndim < 2)
        return error_set(ERROR_RUNTIME,
                         "%s: query, key and value must have at least 2 dimensions, but got %d, "
                         "%d and %d",
                         op->name, q->ndim, k->ndim, args[2].tensor->ndim);
    if (args[5].i && args[3].given)
        return error_set(ERROR_RUNTIME,
                         "%s: Explicit attn_mask should not be set when "
                         "is_causal=True",
                         op->name);
    scale = args[6].given ? args[6].d : 1 / sqrt((double)q->shape[q->ndim - 1]);
    mark = pool_open();
    mask = score_mask(args, &ok);
    k = ok ? d_transpose(k, -2, -1) : NULL;
    scores = k ? d_matmul(d_scale(q, scalar_float(scale)), k) : NULL;
    if (mask)
        scores = d_add(scores, mask);
    scores = dropped(softmax_of(scores), args[4].d);
    return pool_leave(op, mark, scores ? d_matmul(scores, args[2].tensor) : NULL, out);
}
