/* Derivatives of ops_arrange.def. */
#include "autograd/formula.h"

#include <string.h>

/* ---- cutting by tensors ---- */

void clamp_tensors_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *g = c->g[0];
    struct tensor *low = c->args[1].given ? c->args[1].tensor : NULL;
    struct tensor *high = c->args[2].given ? c->args[2].tensor : NULL, *mask;

    if (grad_wanted(c, 0)) {
        mask = low ? d_ge(self, low) : NULL;
        if (high)
            mask = mask ? d_logical_and(mask, d_le(self, high)) : d_le(self, high);
        grad_store(c, 0, 0, d_where(mask, g));
    }
    if (low && grad_wanted(c, 1)) {
        mask = d_lt(self, low);
        grad_store(c, 1, 1, d_where(high ? d_logical_and(d_lt(low, high), mask) : mask, g));
    }
    if (high && grad_wanted(c, 2)) {
        mask = d_gt(self, high);
        grad_store(c, 2, 2, d_where(low ? d_logical_or(d_lt(high, low), mask) : mask, g));
    }
}

void clamp_end_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *end = c->args[1].tensor;
    bool least = c->op->id == OP_clamp_min__tensor;

    if (grad_wanted(c, 0))
        grad_store(c, 0, 0, d_where(least ? d_ge(self, end) : d_le(self, end), c->g[0]));
    if (grad_wanted(c, 1))
        grad_store(c, 1, 1, d_where(least ? d_lt(self, end) : d_gt(self, end), c->g[0]));
}

/* ---- strides ---- */

/* The storage element that each element of a geometry stands for, in one row. */
static struct tensor *storage_places(int ndim, const int64_t *shape, const int64_t *stride,
                                     int64_t offset, int64_t *last)
{
    int64_t at[TENSOR_MAX_DIMS] = {0}, count = shape_numel(ndim, shape), place = offset;
    struct tensor *places = pool_keep(tensor_new(DTYPE_i64, 1, &count));

    for (int64_t i = 0; places && i < count; i++) {
        ((int64_t *)tensor_data(places))[i] = place;
        *last = place > *last ? place : *last;
        for (int d = ndim - 1; d >= 0; d--) {
            place += stride[d];
            if (++at[d] < shape[d])
                break;
            place -= stride[d] * shape[d];
            at[d] = 0;
        }
    }
    return places;
}

/* The gradients are added up in a copy of the storage, which is then read in self's geometry. */
void as_strided_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    struct tensor *g = c->g[0], *places[2], *flat;
    int64_t last = -1, length;

    if (!g)
        return;
    places[0] = storage_places(g->ndim, g->shape, c->args[2].ints.at,
                               c->args[3].given ? c->args[3].i : self->offset, &last);
    places[1] = storage_places(self->ndim, self->shape, self->stride, self->offset, &last);
    length = last + 1;
    flat = pool_keep(tensor_zeros(tensor_dtype(g), 1, &length));
    flat = D(index_add, V_TENSOR(flat), V_INT(0), V_TENSOR(places[0]),
             V_TENSOR(d_reshape(g, 1, &g->numel)));
    flat = D(index_select, V_TENSOR(flat), V_INT(0), V_TENSOR(places[1]));
    c->grads[0] = d_reshape(flat, self->ndim, self->shape);
}

/* ---- scatter_reduce and index_reduce: self, dim, index, src, reduce, include_self ---- */

static struct tensor *gathered(struct grad_call *c, struct tensor *x, struct tensor *index)
{
    return D(gather, V_TENSOR(x), c->args[1], V_TENSOR(index));
}

static struct tensor *scattered(struct grad_call *c, struct tensor *to, struct tensor *index,
                                struct tensor *src)
{
    return D(scatter_add, V_TENSOR(to), c->args[1], V_TENSOR(index), V_TENSOR(src));
}

static struct tensor *is_zero(struct tensor *x)
{
    return d_eq(x, d_number(scalar_int(0)));
}

static struct tensor *ones_for_zeros(struct tensor *x)
{
    return d_call3(OP_where, is_zero(x), d_number(scalar_int(1)), x);
}

static struct tensor *products(struct grad_call *c, struct tensor *self, struct tensor *index,
                               struct tensor *src)
{
    return D(scatter_reduce, V_TENSOR(self), c->args[1], V_TENSOR(index), V_TENSOR(src),
             V_STRING("prod"), c->args[5]);
}

/* Of a product: that of all others, where there is one zero among them. */
static void product_rule(struct grad_call *c, struct tensor *src, struct tensor *index,
                         struct tensor *parts[2])
{
    struct tensor *self = c->args[0].tensor, *g = c->g[0];
    struct tensor *whole_self = ones_for_zeros(self), *whole_src = ones_for_zeros(src);
    struct tensor *zeros, *single, *others;

    parts[0] = d_mul(g, d_true_divide(products(c, whole_self, index, src), whole_self));
    zeros = d_to(is_zero(src), tensor_dtype(self));
    single = gathered(c, scattered(c, d_zeros(self), index, zeros), index);
    single = d_logical_and(is_zero(src), d_eq(single, d_number(scalar_int(1))));
    others = gathered(c, d_mul(g, products(c, self, index, whole_src)), index);
    parts[1] = gathered(c, d_mul(g, c->results[0]), index);
    parts[1] = d_where(d_logical_not(is_zero(src)), d_true_divide(parts[1], whole_src));
    parts[1] = d_call3(OP_where, single, others, parts[1]);
}

static void mean_rule(struct grad_call *c, struct tensor *src, struct tensor *index,
                      struct tensor *parts[2])
{
    struct tensor *self = c->args[0].tensor;
    struct tensor *count = c->args[5].i ? d_ones(self) : d_zeros(self);

    count = scattered(c, count, index, d_ones(src));
    count = D(clamp_min, V_TENSOR(count), V_SCALAR(scalar_int(1)));
    parts[0] = d_true_divide(c->g[0], count);
    parts[1] = gathered(c, parts[0], index);
}

/* Equal ones share. */
static void extreme_rule_of(struct grad_call *c, struct tensor *src, struct tensor *index,
                            struct tensor *parts[2])
{
    struct tensor *self = c->args[0].tensor, *result = c->results[0];
    struct tensor *hit[2] = {d_to(d_eq(self, result), tensor_dtype(self)),
                             d_to(d_eq(src, gathered(c, result, index)), tensor_dtype(self))};
    struct tensor *share = d_true_divide(c->g[0], scattered(c, hit[0], index, hit[1]));

    parts[0] = d_mul(hit[0], share);
    parts[1] = d_mul(hit[1], gathered(c, share, index));
}

/* x with zeros behind it, in the shape of `like`. */
static struct tensor *padded(struct tensor *x, const struct tensor *like)
{
    for (int d = 0; x && d < like->ndim; d++) {
        int64_t shape[TENSOR_MAX_DIMS];
        struct tensor *parts[2] = {x, NULL};

        if (x->shape[d] == like->shape[d])
            continue;
        memcpy(shape, x->shape, sizeof(shape));
        shape[d] = like->shape[d] - x->shape[d];
        parts[1] = pool_keep(tensor_zeros(tensor_dtype(x), x->ndim, shape));
        x = parts[1] ? D(cat, V_TENSORS(parts, 2), V_INT(d)) : NULL;
    }
    return x;
}

/* The part of src that index covers. */
static struct tensor *covered(struct tensor *src, const struct tensor *index)
{
    for (int d = 0; src && d < index->ndim; d++) {
        if (src->shape[d] != index->shape[d])
            src = d_narrow(src, d, 0, index->shape[d]);
    }
    return src;
}

static void reduce_rule(struct grad_call *c, struct tensor *index)
{
    const char *mode = c->args[4].text;
    struct tensor *parts[2] = {c->g[0], NULL}, *src;

    if (!c->g[0] || !index)
        return;
    src = covered(c->args[3].tensor, index);
    if (!src)
        return;
    if (strcmp(mode, "sum") == 0)
        parts[1] = gathered(c, c->g[0], index);
    else if (strcmp(mode, "prod") == 0)
        product_rule(c, src, index, parts);
    else if (strcmp(mode, "mean") == 0)
        mean_rule(c, src, index, parts);
    else
        extreme_rule_of(c, src, index, parts);
    if (!c->args[5].i)
        parts[0] = D(scatter__value, V_TENSOR(parts[0]), c->args[1], V_TENSOR(index),
                     V_SCALAR(scalar_int(0)));
    if (grad_wanted(c, 0))
        grad_store(c, 0, 0, parts[0]);
    if (grad_wanted(c, 2))
        c->grads[2] = padded(parts[1], c->args[3].tensor);
}

void scatter_reduce_rule(struct grad_call *c)
{
    reduce_rule(c, c->args[2].tensor);
}

void index_reduce_rule(struct grad_call *c)
{
    const struct tensor *source = c->args[3].tensor;
    struct tensor *index = d_to(c->args[2].tensor, DTYPE_i64);
    int dim = tensor_dim(source, c->args[1].i);
    int64_t shape[TENSOR_MAX_DIMS];

    for (int d = 0; d < source->ndim; d++)
        shape[d] = d == dim ? source->shape[d] : 1;
    index = d_reshape(index, source->ndim, shape);
    reduce_rule(c, index ? d_expand(index, source->ndim, source->shape) : NULL);
}
