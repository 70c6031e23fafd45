/* Derivatives of ops_statistics.def. */
#include "autograd/formula.h"
#include "base/error.h"
#include "tensor/reduce.h"

#include <math.h>

void aminmax_rule(struct grad_call *c)
{
    d_missing(c);
}

/* ---- deviation and mean ---- */

/* From the deviation 2 / (n - correction) * (self - mean), by 2 deviation for its root; from the
 * mean 1 / n. */
static void spread_mean(struct grad_call *c, const struct value *dims, int64_t correction,
                        bool keepdim)
{
    struct tensor *self = d_conjugate(c->args[0].tensor), *parts[2] = {c->g[0], c->g[1]};
    bool root = c->op->name[0] == 's';
    int64_t count;
    uint32_t mask;

    if (!self ||
        reduce_dims(self->ndim, dims->given ? dims->ints.count : 0, dims->ints.at, &mask) < 0)
        return;
    count = reduced_count(self, mask);
    if (parts[0]) {
        struct tensor *mean = d_keep_dims(d_conjugate(c->results[1]), self, dims, keepdim);

        if (root)
            parts[0] = d_where(d_ne(c->results[0], d_number(scalar_int(0))),
                               d_true_divide(parts[0], d_scale(c->results[0], scalar_float(2))));
        parts[0] = d_keep_dims(parts[0], self, dims, keepdim);
        parts[0] = d_mul(d_scale(parts[0], scalar_float(2.0 / (double)(count - correction))),
                         d_sub(self, mean));
    }
    if (parts[1])
        parts[1] = d_expand(
            d_scale(d_keep_dims(parts[1], self, dims, keepdim), scalar_float(1.0 / (double)count)),
            self->ndim, self->shape);
    c->grads[0] = parts[0] && parts[1] ? d_add(parts[0], parts[1]) : parts[0] ? parts[0] : parts[1];
}

void spread_mean_all_rule(struct grad_call *c)
{
    spread_mean(c, &(struct value){0}, c->args[1].i, false);
}

void spread_mean_dim_rule(struct grad_call *c)
{
    spread_mean(c, &c->args[1], c->args[2].i, c->args[3].i);
}

void spread_mean_correction_rule(struct grad_call *c)
{
    spread_mean(c, &c->args[1], c->args[2].given ? c->args[2].i : 1, c->args[3].i);
}

/* ---- logcumsumexp ---- */

/* logcumsumexp() from the end. */
static struct tensor *logs_behind(struct tensor *x, int64_t dim)
{
    int64_t dims[1] = {dim};

    x = D(logcumsumexp, V_TENSOR(D(flip, V_TENSOR(x), V_INTS(dims, 1))), V_INT(dim));
    return D(flip, V_TENSOR(x), V_INTS(dims, 1));
}

/* exp(self) * the sum of g * exp(-result) from here on, for the part of g that has this sign: by
 * logarithms, so that nothing overflows. */
static struct tensor *part_behind(struct grad_call *c, struct tensor *g)
{
    struct tensor *self = c->args[0].tensor, *lowest = d_number(scalar_float(-INFINITY));
    struct tensor *logs = d_call3(OP_where, d_gt(g, d_number(scalar_int(0))), d_log(g), lowest);

    logs = logs_behind(d_sub(logs, c->results[0]), c->args[1].i);
    return d_exp(d_add(logs, self));
}

/* The same without logarithms, which can be differentiated again where g is 0 but overflows when
 * the numbers of a line are far apart. */
static struct tensor *sums_behind(struct tensor *g, int64_t dim)
{
    int64_t dims[1] = {dim};

    g = D(cumsum, V_TENSOR(D(flip, V_TENSOR(g), V_INTS(dims, 1))), V_INT(dim));
    return D(flip, V_TENSOR(g), V_INTS(dims, 1));
}

static struct tensor *plain_slope(struct grad_call *c)
{
    int64_t dims[1] = {c->args[1].i};
    struct tensor *self = c->args[0].tensor,
                  *top = D(amax, V_TENSOR(self), V_INTS(dims, 1), V_INT(1));
    struct tensor *sum = d_mul(c->g[0], d_exp(d_sub(top, c->results[0])));

    return d_mul(d_exp(d_sub(self, top)), sums_behind(sum, dims[0]));
}

void logcumsumexp_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0];

    if (!g || g->ndim == 0 || g->numel == 0)
        grad_store(c, 0, 0, g);
    else if (grad_enabled())
        grad_store(c, 0, 0, plain_slope(c));
    else
        grad_store(c, 0, 0, d_sub(part_behind(c, g), part_behind(c, d_neg(g))));
}

/* ---- distances ---- */

static struct tensor *nonzero(struct tensor *x)
{
    return d_ne(x, d_number(scalar_int(0)));
}

/* d(norm)/d(x) for the p-norm `norm` of x, which may be complex, along the last dimension, where
 * norm has size 1. */
static struct tensor *norm_slope(struct tensor *x, struct tensor *norm, double p)
{
    struct tensor *size;

    if (p == 0)
        return d_zeros(x);
    if (p == 1)
        return d_sgn(x);
    if (p == 2)
        return d_where(nonzero(norm), d_true_divide(x, norm));
    if (isinf(p))
        return d_where(d_eq(d_abs(x), norm), d_sgn(x));
    size = d_pow(d_true_divide(d_abs(x), norm), d_number(scalar_float(p - 1)));
    return d_where(d_logical_and(nonzero(norm), nonzero(x)), d_mul(d_sgn(x), size));
}

void cdist_rule(struct grad_call *c)
{
    struct tensor *x = d_unsqueeze(c->args[0].tensor, -2), *y = d_unsqueeze(c->args[1].tensor, -3);
    struct tensor *norm = d_unsqueeze(c->results[0], -1), *all;

    if (!c->g[0] || !x || !y)
        return;
    all = d_mul(norm_slope(d_sub(x, y), norm, c->args[2].d), d_unsqueeze(c->g[0], -1));
    if (grad_wanted(c, 0))
        grad_store(c, 0, 0, d_sum(all, (int64_t[]){-2}, 1, false));
    if (grad_wanted(c, 1))
        grad_store(c, 1, 1, d_neg(d_sum(all, (int64_t[]){-3}, 1, false)));
}

/* The rows of each pair (i, j), i < j, in the order of pdist()'s result. */
static bool pair_rows(int64_t n, struct tensor *rows[2])
{
    int64_t count = n * (n - 1) / 2, at = 0;

    for (int k = 0; k < 2; k++)
        rows[k] = pool_keep(tensor_new(DTYPE_i64, 1, &count));
    for (int64_t i = 0; rows[0] && rows[1] && i < n; i++) {
        for (int64_t j = i + 1; j < n; j++, at++) {
            ((int64_t *)tensor_data(rows[0]))[at] = i;
            ((int64_t *)tensor_data(rows[1]))[at] = j;
        }
    }
    return rows[0] && rows[1];
}

void pdist_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *rows[2], *slope, *first;

    if (!c->g[0] || !pair_rows(self->shape[0], rows))
        return;
    slope = d_sub(D(index_select, V_TENSOR(self), V_INT(0), V_TENSOR(rows[0])),
                  D(index_select, V_TENSOR(self), V_INT(0), V_TENSOR(rows[1])));
    slope = d_mul(norm_slope(slope, d_unsqueeze(c->results[0], -1), c->args[1].d),
                  d_unsqueeze(c->g[0], -1));
    first = D(index_add, V_TENSOR(d_zeros(self)), V_INT(0), V_TENSOR(rows[0]), V_TENSOR(slope));
    c->grads[0] =
        D(index_add, V_TENSOR(first), V_INT(0), V_TENSOR(rows[1]), V_TENSOR(d_neg(slope)));
}

/* ---- renorm: self * f(norm), f = maxnorm / (norm + 1e-7) above maxnorm ---- */

/* Slices along `dim` as rows. */
static struct tensor *as_rows(struct tensor *x, int64_t dim)
{
    int64_t to[1] = {0};
    struct tensor *turned = !x ? NULL : D(movedim, V_TENSOR(x), V_INTS(&dim, 1), V_INTS(to, 1));

    return turned ? D(flatten, V_TENSOR(turned), V_INT(1)) : NULL;
}

static struct tensor *row_norms(struct tensor *rows, const struct value *p)
{
    return D(norm, V_TENSOR(rows), *p, V_INTS((int64_t[]){1}, 1), V_INT(true));
}

/* Rows (n, m) back to the layout of `like`. */
static struct tensor *from_rows(struct tensor *rows, const struct tensor *like, int64_t dim)
{
    int64_t shape[TENSOR_MAX_DIMS], from[1] = {0};
    int at = tensor_dim(like, dim), ndim = 1;

    shape[0] = like->shape[at];
    for (int d = 0; d < like->ndim; d++) {
        if (d != at)
            shape[ndim++] = like->shape[d];
    }
    rows = d_reshape(rows, ndim, shape);
    return D(movedim, V_TENSOR(rows), V_INTS(from, 1), V_INTS(&dim, 1));
}

static struct tensor *renorm(const struct value *args)
{
    struct tensor *rows = as_rows(args[0].tensor, args[2].i), *norm, *factor, *limit, *longer;

    if (!rows)
        return NULL;
    limit = d_number(scalar_float(args[3].scalar.d));
    norm = row_norms(rows, &args[1]);
    factor = d_true_divide(limit, d_shift(norm, 1e-7));
    longer = d_gt(norm, limit);
    factor = d_call3(OP_where, longer, factor, d_ones(norm));
    rows = from_rows(d_mul(rows, factor), args[0].tensor, args[2].i);
    return rows ? d_call1(OP_contiguous, rows) : NULL;
}

int renorm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    if (!(args[1].scalar.d > 0))
        return error_set(ERROR_RUNTIME, "renorm: non-positive-norm not supported");
    if (!(args[3].scalar.d >= 0))
        return error_set(ERROR_RUNTIME, "renorm: expected maxnorm to be >= 0 but got %g",
                         args[3].scalar.d);
    if (args[0].tensor->ndim < 2)
        return error_set(ERROR_RUNTIME,
                         "renorm: input needs at least 2 dimensions, got %d dimensions",
                         args[0].tensor->ndim);
    return formula_forward(op, args, out, renorm);
}

void renorm_rule(struct grad_call *c)
{
    int64_t dim = c->args[2].i;
    struct tensor *rows = as_rows(d_conjugate(c->args[0].tensor), dim), *g = as_rows(c->g[0], dim);
    struct tensor *norm, *above, *limit, *change, *along, *scaled;

    if (!rows || !g)
        return;
    limit = d_number(scalar_float(c->args[3].scalar.d));
    norm = row_norms(rows, &c->args[1]);
    along = d_part(d_mul(g, d_conjugate(rows)), 0);
    above = d_shift(norm, 1e-7);
    /* f' = -maxnorm / (norm + 1e-7)^2, times the sum of g * self */
    change = d_neg(d_true_divide(d_sum(along, (int64_t[]){1}, 1, true), above));
    change = d_mul(change, norm_slope(rows, norm, c->args[1].scalar.d));
    scaled = d_mul(d_true_divide(limit, above), d_add(g, change));
    scaled = d_call3(OP_where, d_gt(norm, limit), scaled, g);
    c->grads[0] = from_rows(scaled, c->args[0].tensor, dim);
}
