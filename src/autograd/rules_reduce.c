/* Derivatives of reductions. */
#include "autograd/formula.h"
#include "tensor/reduce.h"

#include <string.h>

static struct tensor *spread(struct tensor *g, const struct tensor *self)
{
    g = d_expand(g, self->ndim, self->shape);
    return g ? d_to(g, tensor_dtype(self)) : NULL;
}

/* Elements that were reduced into one. */
static int64_t reduced_count(const struct tensor *self, const struct value *dims)
{
    uint32_t mask = 0;
    int64_t n = 1;

    reduce_dims(self->ndim, dims && dims->given ? dims->ints.count : 0,
                dims && dims->given ? dims->ints.at : NULL, &mask);
    for (int d = 0; d < self->ndim; d++)
        n *= mask >> d & 1 ? self->shape[d] : 1;
    return n;
}

static struct tensor *divided(struct tensor *x, int64_t by)
{
    return d_true_divide(x, d_number(scalar_int(by)));
}

/* ---- mean and prod ---- */

void mean_all_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor;

    c->grads[0] = divided(spread(c->g[0], self), self->numel);
}

void mean_dim_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor;
    struct tensor *g = d_keep_dims(c->g[0], self, &c->args[1], c->args[2].i);

    c->grads[0] = divided(spread(g, self), reduced_count(self, &c->args[1]));
}

/*
 * The product of all other elements along a dimension. Without a zero that is product / x. Where
 * zeros are, they are replaced by 1 (that is `rest`, the product of the elements that are not 0): a
 * zero that is alone gets the rest, everything else beside it 0, and with two zeros all get 0.
 */
static struct tensor *product_of_others(struct tensor *self, const int64_t *dims, int count)
{
    struct tensor *is_zero = d_eq(self, d_number(scalar_int(0)));
    struct tensor *filled = d_call3(OP_where, is_zero, d_number(scalar_int(1)), self);
    struct tensor *zeros, *rest;
    struct value prod[4] = {
        {.given = true, .tensor = filled}, {0}, {.given = true, .i = true}, {0}};

    if (!filled)
        return NULL;
    zeros = d_sum(d_to(is_zero, tensor_dtype(self)), dims, count, true);
    rest = filled;
    for (int i = 0; i < count && rest; i++) {
        prod[0].tensor = rest;
        prod[1] = (struct value){.given = true, .i = dims[i]};
        rest = d_call(OP_prod__dim, prod);
    }
    return d_where(
        d_le(d_sub(zeros, d_to(is_zero, tensor_dtype(self))), d_number(scalar_float(0.5))),
        d_true_divide(rest, filled));
}

static void product_rule(struct grad_call *c, struct tensor *g, const int64_t *dims, int count)
{
    c->grads[0] = d_mul(g, product_of_others(c->args[0].tensor, dims, count));
}

void prod_all_rule(struct grad_call *c)
{
    int64_t dims[TENSOR_MAX_DIMS];

    for (int d = 0; d < c->args[0].tensor->ndim; d++)
        dims[d] = d;
    product_rule(c, c->g[0], dims, c->args[0].tensor->ndim);
}

void prod_dim_rule(struct grad_call *c)
{
    struct value dims = {.given = true, .ints = {&c->args[1].i, 1}};

    product_rule(c, d_keep_dims(c->g[0], c->args[0].tensor, &dims, c->args[2].i), dims.ints.at,
                 c->args[0].tensor->ndim ? 1 : 0);
}

/* ---- extremes ---- */

/* The gradient is shared evenly by all elements that are equal to the extreme. */
static struct tensor *shared(struct tensor *g, struct tensor *self, struct tensor *result,
                             const struct value *dims)
{
    struct tensor *mask = d_to(d_eq(self, result), tensor_dtype(self)), *count;

    if (!mask)
        return NULL;
    count = dims && dims->given && dims->ints.count
                ? d_sum(mask, dims->ints.at, dims->ints.count, true)
                : d_sum_all(mask);
    return d_mul(d_true_divide(mask, count), g);
}

void extreme_rule(struct grad_call *c)
{
    c->grads[0] = shared(c->g[0], c->args[0].tensor, c->results[0], NULL);
}

void extreme_dims_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor;
    bool keep = c->args[2].i;

    c->grads[0] = shared(d_keep_dims(c->g[0], self, &c->args[1], keep), self,
                         d_keep_dims(c->results[0], self, &c->args[1], keep), &c->args[1]);
}

/* 0, 1, 2 ... along dim. */
static struct tensor *counting(int ndim, int dim, int64_t size)
{
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *t;

    for (int d = 0; d < ndim; d++)
        shape[d] = d == dim ? size : 1;
    t = pool_keep(tensor_new(DTYPE_i64, ndim, shape));
    for (int64_t i = 0; t && i < size; i++)
        ((int64_t *)tensor_data(t))[i] = i;
    return t;
}

/* values, indices along a dim: the gradient goes to the elements that were chosen. */
void chosen_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *g = c->g[0], *indices = c->results[1];
    struct value dims = {.given = true, .ints = {&c->args[1].i, 1}};
    int dim = tensor_dim(self, c->args[1].i);

    if (!g)
        return;
    if (self->ndim == 0) {
        c->grads[0] = g;
        return;
    }
    g = d_keep_dims(g, self, &dims, c->args[2].i);
    indices = d_keep_dims(indices, self, &dims, c->args[2].i);
    c->grads[0] = d_where(d_eq(counting(self->ndim, dim, self->shape[dim]), indices), g);
}

/* ---- variance ---- */

/* d var = 2 (x - mean) / (n - 1), d std = d var / (2 std). */
static void variance_rule(struct grad_call *c, const struct value *dims, bool unbiased, bool keep)
{
    struct tensor *self = c->args[0].tensor, *g, *mean, *slope;
    int64_t n = reduced_count(self, dims), all[TENSOR_MAX_DIMS];
    const int64_t *list = dims && dims->given && dims->ints.count ? dims->ints.at : all;
    int count = list == all ? self->ndim : dims->ints.count;

    for (int d = 0; d < self->ndim; d++)
        all[d] = d;
    g = dims ? d_keep_dims(c->g[0], self, dims, keep) : c->g[0];
    mean = divided(d_sum(self, list, count, true), n);
    slope = d_scale(d_sub(self, mean), scalar_float(2.0 / (double)(n - unbiased)));
    if (c->results[0]) { /* std */
        struct tensor *std = dims ? d_keep_dims(c->results[0], self, dims, keep) : c->results[0];

        g = d_true_divide(g, d_scale(std, scalar_int(2)));
        if (g) /* a deviation of 0 passes nothing on */
            g = d_call3(OP_where, d_eq(std, d_number(scalar_int(0))), d_number(scalar_int(0)), g);
    }
    c->grads[0] = d_mul(slope, g);
}

void var_rule(struct grad_call *c)
{
    variance_rule(c, NULL, c->args[1].i, false);
}

void var_dim_rule(struct grad_call *c)
{
    variance_rule(c, &c->args[1], c->args[2].i, c->args[3].i);
}
