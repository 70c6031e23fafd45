/* Derivatives of reductions, of running sums and of what is chosen from a line. */
#include "autograd/formula.h"
#include "tensor/reduce.h"

#include <math.h>
#include <string.h>

static const struct value all_dims = {.given = false};

/* The gradient of a sum: repeated over what was summed. */
static struct tensor *spread(struct tensor *g, const struct tensor *self)
{
    return g ? d_to(d_expand(g, self->ndim, self->shape), tensor_dtype(self)) : NULL;
}

/* ---- sums and means ---- */

void sum_all_rule(struct grad_call *c)
{
    c->grads[0] = spread(c->g[0], c->args[0].tensor);
}

void sum_dim_rule(struct grad_call *c)
{
    c->grads[0] = spread(d_keep_dims(c->g[0], c->args[0].tensor, &c->args[1], c->args[2].i),
                         c->args[0].tensor);
}

static int64_t count_of(const struct tensor *self, const struct value *dims)
{
    uint32_t mask;

    reduce_dims(self->ndim, dims->given ? dims->ints.count : 0, dims->ints.at, &mask);
    return reduced_count(self, mask);
}

static struct tensor *divided(struct tensor *g, double by)
{
    return d_true_divide(g, d_number(scalar_float(by)));
}

void mean_all_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;

    c->grads[0] = spread(divided(c->g[0], (double)self->numel), self);
}

void mean_dim_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    struct tensor *g = d_keep_dims(c->g[0], self, &c->args[1], c->args[2].i);

    c->grads[0] = spread(divided(g, (double)count_of(self, &c->args[1])), self);
}

/* ---- products ---- */

static bool holds_zero(const struct tensor *t)
{
    struct tensor *truth = tensor_to((struct tensor *)t, DTYPE_b8), *least = NULL;
    struct scalar all = scalar_bool(true);
    uint32_t mask;

    reduce_dims(t->ndim, 0, NULL, &mask);
    if (truth && t->numel > 0)
        least = reduce(truth, mask, false, REDUCE_MIN, DTYPE_b8);
    if (least)
        tensor_item(least, &all);
    tensor_unref(truth);
    tensor_unref(least);
    return !all.i;
}

/* For each element along dim the product of those before it (1 for the first). */
static struct tensor *products_before(struct tensor *x, int dim)
{
    int64_t length = x->shape[dim];
    struct tensor *parts[2] = {d_ones(d_narrow(x, dim, 0, 1)), d_narrow(x, dim, 0, length - 1)};

    if (!parts[0] || !parts[1])
        return NULL;
    return D(cumprod, V_TENSOR(D(cat, V_TENSORS(parts, 2), V_INT(dim))), V_INT(dim));
}

/* The product of all others, for each element along dim: what is before times what is behind. */
static struct tensor *products_of_others(struct tensor *x, int dim)
{
    int64_t dims[1] = {dim};
    struct tensor *turned = D(flip, V_TENSOR(x), V_INTS(dims, 1));
    struct tensor *behind = turned ? products_before(turned, dim) : NULL;

    return d_mul(products_before(x, dim), D(flip, V_TENSOR(behind), V_INTS(dims, 1)));
}

void prod_all_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *g = c->g[0], *flat;

    if (self->numel == 0)
        c->grads[0] = d_zeros(self);
    else if (self->ndim == 0)
        grad_store(c, 0, 0, g);
    else if (!holds_zero(self))
        grad_store(c, 0, 0, d_true_divide(d_mul(g, c->results[0]), self));
    else {
        flat = d_reshape(self, 1, &self->numel);
        flat = flat ? products_of_others(flat, 0) : NULL;
        flat = flat ? d_reshape(flat, self->ndim, self->shape) : NULL;
        grad_store(c, 0, 0, d_mul(g, flat));
    }
}

/* A tensor from which one dim was reduced, with that dim again. */
static struct tensor *with_dim(struct tensor *t, const struct tensor *self, int64_t dim,
                               bool keepdim)
{
    return !t || keepdim || self->ndim == 0 ? t : d_unsqueeze(t, shape_dim(self->ndim, dim));
}

void prod_dim_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor;
    int dim = tensor_dim(self, c->args[1].i);
    struct tensor *g = with_dim(c->g[0], self, dim, c->args[2].i);
    struct tensor *result = with_dim(c->results[0], self, dim, c->args[2].i);

    if (self->ndim == 0)
        grad_store(c, 0, 0, g);
    else if (self->numel == 0)
        c->grads[0] = d_zeros(self);
    else if (!holds_zero(self))
        grad_store(c, 0, 0, d_true_divide(d_mul(g, result), self));
    else
        grad_store(c, 0, 0, d_mul(g, products_of_others(self, dim)));
}

/* ---- variance ---- */

/* 2 / (n - correction) * (self - mean) * g; for a standard deviation g / (2 result) first. */
static void variance_rule(struct grad_call *c, const struct value *dims, int64_t correction,
                          bool keepdim)
{
    struct tensor *self = d_conjugate(c->args[0].tensor), *g = c->g[0]; /* see record.c */
    struct tensor *mean = D(mean__dim, V_TENSOR(self), dims->given ? *dims : V_NONE, V_INT(true));
    double n = (double)(count_of(c->args[0].tensor, dims) - correction);
    struct tensor *result = c->results[0];

    if (!mean)
        return;
    if (result) {
        struct tensor *flat = d_eq(result, d_number(scalar_int(0)));

        g = d_where(d_logical_not(flat), d_true_divide(g, d_scale(result, scalar_float(2))));
    }
    g = d_scale(d_keep_dims(g, self, dims, keepdim), scalar_float(2 / n));
    c->grads[0] = d_mul(g, d_sub(self, mean));
}

void var_all_rule(struct grad_call *c)
{
    variance_rule(c, &all_dims, c->args[1].i, false);
}

void var_dim_rule(struct grad_call *c)
{
    variance_rule(c, &c->args[1], c->args[2].i, c->args[3].i);
}

void var_correction_rule(struct grad_call *c)
{
    variance_rule(c, &c->args[1], c->args[2].given ? c->args[2].i : 1, c->args[3].i);
}

/* ---- norms and logsumexp ---- */

static struct tensor *is_zero(struct tensor *x)
{
    return d_eq(x, d_number(scalar_int(0)));
}

void norm_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *result = c->results[0], *g, *mask, *size;
    double p = c->args[1].given ? c->args[1].scalar.d : 2;

    g = d_keep_dims(c->g[0], self, &c->args[2], c->args[3].i);
    result = d_keep_dims(result, self, &c->args[2], c->args[3].i);
    if (p == 0) {
        return; /* a count of elements: as in PyTorch no gradient at all */
    } else if (p == 1) {
        grad_store(c, 0, 0, d_mul(g, d_sign(self)));
    } else if (isinf(p)) { /* the gradient is shared by all extremes */
        mask = d_to(d_eq(d_abs(self), result), tensor_dtype(self));
        size = D(sum__dim, V_TENSOR(mask), c->args[2], V_INT(true));
        grad_store(c, 0, 0, d_mul(d_mul(d_sign(self), mask), d_true_divide(g, size)));
    } else if (p == 2) {
        g = d_where(d_logical_not(is_zero(result)), d_true_divide(g, result));
        grad_store(c, 0, 0, d_mul(self, g));
    } else {
        size = d_pow(d_true_divide(d_abs(self), result), d_number(scalar_float(p - 1)));
        size = d_where(d_logical_not(d_logical_or(is_zero(result), is_zero(self))), size);
        grad_store(c, 0, 0, d_mul(d_mul(g, d_sign(self)), size));
    }
}

void logsumexp_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor;
    struct tensor *g = d_keep_dims(c->g[0], self, &c->args[1], c->args[2].i);
    struct tensor *result = d_keep_dims(c->results[0], self, &c->args[1], c->args[2].i);

    grad_store(c, 0, 0, d_mul(g, d_exp(d_sub(self, result))));
}

/* ---- extremes ---- */

/* Where self is the result, or both are NaN: as numbers. */
static struct tensor *hits(struct tensor *self, struct tensor *result)
{
    struct tensor *both = d_logical_and(d_isnan(self), d_isnan(result));

    return self ? d_to(d_logical_or(d_eq(self, result), both), tensor_dtype(self)) : NULL;
}

/* max(), min() and median() of all: equal ones share the gradient. */
void extreme_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *mask = hits(self, c->results[0]);

    grad_store(c, 0, 0, d_mul(mask, d_true_divide(c->g[0], d_sum_all(mask))));
}

void amax_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor;
    struct tensor *g = d_keep_dims(c->g[0], self, &c->args[1], c->args[2].i);
    struct tensor *result = d_keep_dims(c->results[0], self, &c->args[1], c->args[2].i);
    struct tensor *mask = hits(self, result);

    grad_store(c, 0, 0,
               d_mul(mask, d_true_divide(g, D(sum__dim, V_TENSOR(mask), c->args[1], V_INT(true)))));
}

/* Zeros of self's shape with g put where `indices` says along dim. */
static struct tensor *put_back(struct tensor *g, const struct tensor *self, int64_t dim,
                               struct tensor *indices)
{
    struct tensor *zeros =
        g ? pool_keep(tensor_zeros(tensor_dtype(g), self->ndim, self->shape)) : NULL;

    return D(scatter_add, V_TENSOR(zeros), V_INT(dim), V_TENSOR(indices), V_TENSOR(g));
}

/* The rules of what gives values and indices: the gradient goes where the values came from. The
 * indices are recomputed by nobody: they are the saved second result. */
static void values_rule(struct grad_call *c, int64_t dim, bool keepdim)
{
    const struct tensor *self = c->args[0].tensor;

    c->grads[0] = put_back(with_dim(c->g[0], self, dim, keepdim), self, dim,
                           with_dim(c->results[1], self, dim, keepdim));
}

void indexed_rule(struct grad_call *c)
{
    values_rule(c, c->args[1].i, c->args[2].i);
}

void cumulated_rule(struct grad_call *c)
{
    values_rule(c, c->args[1].i, true);
}

void sort_rule(struct grad_call *c)
{
    values_rule(c, c->args[1].i, true);
}

void topk_rule(struct grad_call *c)
{
    values_rule(c, c->args[2].i, true);
}

void kthvalue_rule(struct grad_call *c)
{
    values_rule(c, c->args[2].i, c->args[3].i);
}

/* ---- running sums ---- */

/* Sums from each element to the end. */
static struct tensor *sums_behind(struct tensor *g, int64_t dim)
{
    int64_t dims[1] = {dim};
    struct tensor *turned = D(flip, V_TENSOR(g), V_INTS(dims, 1));

    return D(flip, V_TENSOR(D(cumsum, V_TENSOR(turned), V_INT(dim))), V_INTS(dims, 1));
}

void cumsum_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0];

    grad_store(c, 0, 0, g && g->ndim ? sums_behind(g, c->args[1].i) : g);
}

/* Without zeros: sums_behind(g * result) / self. With one, element k of the gradient is the sum
 * over i >= k of g[i] times the product of self[0..i] without self[k], made one k at a time. */
void cumprod_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *g = c->g[0], *sum;
    int dim = tensor_dim(self, c->args[1].i);
    int64_t length = line_length(self, dim), dims[1] = {dim};
    struct tensor *slices[2], *whole = NULL;

    if (self->ndim == 0 || self->numel == 0) {
        grad_store(c, 0, 0, g);
        return;
    }
    if (!holds_zero(self)) {
        sum = sums_behind(d_mul(g, c->results[0]), dim);
        grad_store(c, 0, 0, d_true_divide(sum, self));
        return;
    }
    for (int64_t k = 0; k < length && g; k++) {
        struct tensor *one = d_ones(d_narrow(self, dim, k, 1));
        struct tensor *before =
            k ? D(prod__dim, V_TENSOR(d_narrow(self, dim, 0, k)), V_INT(dim), V_INT(true)) : one;
        struct tensor *behind[2] = {one, d_narrow(self, dim, k + 1, length - k - 1)};
        struct tensor *factors;

        if (!behind[0] || !behind[1])
            return;
        factors = D(cumprod, V_TENSOR(D(cat, V_TENSORS(behind, 2), V_INT(dim))), V_INT(dim));
        factors = d_mul(d_narrow(g, dim, k, length - k), d_mul(before, factors));
        slices[0] = whole;
        slices[1] = D(sum__dim, V_TENSOR(factors), V_INTS(dims, 1), V_INT(true));
        if (!slices[1])
            return;
        whole = k ? D(cat, V_TENSORS(slices, 2), V_INT(dim)) : slices[1];
    }
    grad_store(c, 0, 0, whole);
}
