/* Derivatives of picking, putting, joining and rearranging. */
#include "autograd/formula.h"
#include "base/error.h"
#include "tensor/reduce.h"

#include <string.h>

static struct tensor *zero(void)
{
    return d_number(scalar_int(0));
}

/* Zeros like argument 0, to put gradients into. */
static struct tensor *blank(const struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;

    return c->g[0] ? pool_keep(tensor_zeros(tensor_dtype(self), self->ndim, self->shape)) : NULL;
}

/* Runs the in-place form of a row on `target`, fresh from blank(). */
static struct tensor *put_into(struct tensor *target, enum op_id id, int count,
                               const struct value *args)
{
    struct value all[OP_MAX_ARGS];

    if (!target)
        return NULL;
    memcpy(all, args, (size_t)count * sizeof(*args));
    all[0] = V_TENSOR(target);
    op_defaults(&ops[id], all, count);
    return op_call_inplace(ops[id].flags & OP_MUTATES ? &ops[id] : &ops_inplace[id], all) < 0
               ? NULL
               : target;
}

/* ---- index and index_put ---- */

void index_rule(struct grad_call *c)
{
    struct value put[] = {V_NONE, c->args[1], V_TENSOR(c->g[0]), V_INT(true)};

    c->grads[0] = put_into(blank(c), OP_index_put_, 4, put);
}

void index_put_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0];
    int values = 1 + c->args[1].tensors.count;

    if (grad_wanted(c, 0))
        c->grads[0] = c->args[3].i ? g : D(index_put, V_TENSOR(g), c->args[1], V_TENSOR(zero()));
    if (grad_wanted(c, values))
        grad_store(c, values, 2, D(index, V_TENSOR(g), c->args[1]));
}

/* ---- slices along a dim: self, dim, index, source ---- */

void index_select_rule(struct grad_call *c)
{
    struct value add[] = {V_NONE, c->args[1], c->args[2], V_TENSOR(c->g[0])};

    c->grads[0] = put_into(blank(c), OP_index_add, 4, add);
}

static struct tensor *chosen_slices(struct grad_call *c)
{
    return D(index_select, V_TENSOR(c->g[0]), c->args[1], c->args[2]);
}

static struct tensor *cleared_slices(struct grad_call *c)
{
    return D(index_fill, V_TENSOR(c->g[0]), c->args[1], c->args[2], V_TENSOR(zero()));
}

void index_add_rule(struct grad_call *c)
{
    if (grad_wanted(c, 0))
        c->grads[0] = c->g[0];
    if (grad_wanted(c, 2))
        grad_store(c, 2, 3, d_scale(chosen_slices(c), c->args[4].scalar));
}

void index_copy_rule(struct grad_call *c)
{
    if (grad_wanted(c, 0))
        c->grads[0] = cleared_slices(c);
    if (grad_wanted(c, 2))
        grad_store(c, 2, 3, chosen_slices(c));
}

void index_fill_rule(struct grad_call *c)
{
    index_copy_rule(c);
}

/* ---- gather and scatter: self, dim, index, src ---- */

static struct tensor *gathered(struct grad_call *c)
{
    return D(gather, V_TENSOR(c->g[0]), c->args[1], c->args[2]);
}

void gather_rule(struct grad_call *c)
{
    struct value add[] = {V_NONE, c->args[1], c->args[2], V_TENSOR(c->g[0])};

    c->grads[0] = put_into(blank(c), OP_scatter_add, 4, add);
}

static struct tensor *cleared_places(struct grad_call *c)
{
    return D(scatter__value, V_TENSOR(c->g[0]), c->args[1], c->args[2], V_SCALAR(scalar_int(0)));
}

static bool refuse_reduce(const struct value *reduce)
{
    if (reduce->given)
        error_set(ERROR_RUNTIME, "derivative for aten::scatter is not implemented");
    return reduce->given;
}

void scatter_rule(struct grad_call *c)
{
    if (refuse_reduce(&c->args[4]))
        return;
    if (grad_wanted(c, 0))
        c->grads[0] = cleared_places(c);
    if (grad_wanted(c, 2))
        c->grads[2] = gathered(c);
}

void scatter_value_rule(struct grad_call *c)
{
    if (!refuse_reduce(&c->args[4]))
        c->grads[0] = cleared_places(c);
}

void scatter_add_rule(struct grad_call *c)
{
    if (grad_wanted(c, 0))
        c->grads[0] = c->g[0];
    if (grad_wanted(c, 2))
        c->grads[2] = gathered(c);
}

void masked_scatter_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0], *mask = c->args[1].tensor, *parts[2];
    const struct tensor *source = c->args[2].tensor;

    if (grad_wanted(c, 0))
        c->grads[0] = d_sum_to(d_call3(OP_masked_fill, g, mask, zero()), c->args[0].tensor);
    if (!grad_wanted(c, 2))
        return;
    parts[0] = d_call2(OP_masked_select, g, mask);
    if (!parts[0])
        return;
    parts[1] =
        pool_keep(tensor_zeros(tensor_dtype(g), 1, (int64_t[]){source->numel - parts[0]->numel}));
    if (parts[1])
        c->grads[2] = d_reshape(D(cat, V_TENSORS(parts, 2)), source->ndim, source->shape);
}

/* ---- joining ---- */

void cat_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0];
    int64_t start = 0;
    int dim = g ? tensor_dim(g, c->args[1].i) : 0;

    for (int k = 0; g && k < c->args[0].tensors.count; k++) {
        const struct tensor *t = c->args[0].tensors.at[k];

        if (t->ndim != g->ndim) { /* an empty row: joined with anything */
            c->grads[k] = pool_keep(tensor_zeros(tensor_dtype(t), t->ndim, t->shape));
            continue;
        }
        if (grad_wanted(c, k))
            c->grads[k] = d_to(d_narrow(g, dim, start, t->shape[dim]), tensor_dtype(t));
        start += t->shape[dim];
    }
}

void stack_rule(struct grad_call *c)
{
    for (int k = 0; c->g[0] && k < c->args[0].tensors.count; k++) {
        if (grad_wanted(c, k))
            c->grads[k] = d_to(d_select(c->g[0], (int)c->args[1].i, k),
                               tensor_dtype(c->args[0].tensors.at[k]));
    }
}

/* ---- another order ---- */

/* (times, size) in place of each dimension, summed over the times. */
void repeat_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    int ndim = c->args[1].ints.count, lead = ndim - self->ndim;
    int64_t wide[TENSOR_MAX_DIMS], dims[TENSOR_MAX_DIMS];
    struct tensor *sum = c->g[0];

    for (int d = 0; d < ndim; d++) {
        wide[2 * d] = c->args[1].ints.at[d];
        wide[2 * d + 1] = d < lead ? 1 : self->shape[d - lead];
        dims[d] = 2 * d;
    }
    if (ndim)
        sum = d_sum(d_reshape(sum, 2 * ndim, wide), dims, ndim, false);
    c->grads[0] = d_reshape(sum, self->ndim, self->shape);
}

void flip_rule(struct grad_call *c)
{
    c->grads[0] = D(flip, V_TENSOR(c->g[0]), c->args[1]);
}

void roll_rule(struct grad_call *c)
{
    int64_t back[TENSOR_MAX_DIMS];
    int count = c->args[1].ints.count;

    for (int i = 0; i < count; i++)
        back[i] = -c->args[1].ints.at[i];
    c->grads[0] = D(roll, V_TENSOR(c->g[0]), V_INTS(back, count), c->args[2]);
}

void triangle_rule(struct grad_call *c)
{
    struct value args[] = {V_TENSOR(c->g[0]), c->args[1]};

    c->grads[0] = d_call(c->op->id, args);
}

void diag_embed_rule(struct grad_call *c)
{
    c->grads[0] = D(diagonal, V_TENSOR(c->g[0]), c->args[1], c->args[2], c->args[3]);
}

/* Each window's gradient goes back to the elements it shows: found by unfolding their numbers. */
void unfold_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    struct tensor *numbers = pool_keep(tensor_new(DTYPE_i64, self->ndim, self->shape));
    struct tensor *flat = pool_keep(tensor_zeros(tensor_dtype(self), 1, &self->numel)), *windows;

    if (!numbers || !flat || !c->g[0])
        return;
    for (int64_t i = 0; i < self->numel; i++)
        ((int64_t *)tensor_data(numbers))[i] = i;
    windows = D(unfold, V_TENSOR(numbers), c->args[1], c->args[2], c->args[3]);
    windows = windows ? d_reshape(windows, 1, &windows->numel) : NULL;
    flat = D(index_add, V_TENSOR(flat), V_INT(0), V_TENSOR(windows),
             V_TENSOR(d_reshape(c->g[0], 1, &c->g[0]->numel)));
    c->grads[0] = flat ? d_reshape(flat, self->ndim, self->shape) : NULL;
}
