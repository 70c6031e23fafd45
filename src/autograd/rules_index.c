/* Derivatives of indexing and joining. */
#include "autograd/formula.h"
#include "base/error.h"

#include <string.h>

static struct value tensor_value(struct tensor *t)
{
    return (struct value){.given = true, .tensor = t};
}

static struct value int_value(int64_t i)
{
    return (struct value){.given = true, .i = i};
}

/* x[i] += g into zeros: what index read, once or more often. */
void index_rule(struct grad_call *c)
{
    struct tensor *whole = d_zeros(c->args[0].tensor);
    struct value args[4] = {tensor_value(whole), c->args[1], tensor_value(c->g[0]),
                            int_value(true)};

    if (whole && c->g[0] && op_call_inplace(&ops[OP_index_put_], args) == 0)
        c->grads[0] = whole;
}

void index_put_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0], *kept;
    struct value args[4] = {tensor_value(g), c->args[1], {0}, int_value(false)};
    int last = c->args[1].tensors.count + 1; /* self, the indices, then the values */

    if (grad_wanted(c, 0) && !c->args[3].i) {
        kept = d_call1(OP_clone, g);
        args[0] = tensor_value(kept);
        args[2] = tensor_value(pool_keep(tensor_from_scalar(scalar_int(0), tensor_dtype(g))));
        if (kept && args[2].tensor && op_call_inplace(&ops[OP_index_put_], args) == 0)
            c->grads[0] = kept;
    } else if (grad_wanted(c, 0)) {
        c->grads[0] = g;
    }
    args[0] = tensor_value(g);
    if (grad_wanted(c, last))
        grad_store(c, last, 2, d_call(OP_index, args));
}

void cat_rule(struct grad_call *c)
{
    const struct value *list = &c->args[0];
    int ndim = c->g[0]->ndim, dim = shape_dim(ndim, c->args[1].i);
    int64_t start = 0;

    for (int k = 0; k < list->tensors.count; k++) {
        const struct tensor *part = list->tensors.at[k];

        if (part->ndim == 1 && part->numel == 0) {
            c->grads[k] = d_zeros((struct tensor *)part);
            continue;
        }
        if (grad_wanted(c, k < 63 ? k : 63))
            c->grads[k] = d_to(d_narrow(c->g[0], dim, start, part->shape[dim]), tensor_dtype(part));
        start += part->shape[dim];
    }
}

void stack_rule(struct grad_call *c)
{
    const struct value *list = &c->args[0];
    int dim = shape_dim(c->g[0]->ndim, c->args[1].i);

    for (int k = 0; k < list->tensors.count; k++)
        c->grads[k] = d_to(d_select(c->g[0], dim, k), tensor_dtype(list->tensors.at[k]));
}

/* (times, size) in place of each dimension, summed over the times. */
void repeat_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;
    int ndim = c->args[1].ints.count, lead = ndim - self->ndim;
    int64_t wide[TENSOR_MAX_DIMS], dims[TENSOR_MAX_DIMS];
    struct tensor *sum;

    for (int d = 0; d < ndim; d++) {
        wide[2 * d] = c->args[1].ints.at[d];
        wide[2 * d + 1] = d < lead ? 1 : self->shape[d - lead];
        dims[d] = 2 * d;
    }
    sum = ndim ? d_sum(d_reshape(c->g[0], 2 * ndim, wide), dims, ndim, false) : c->g[0];
    c->grads[0] = d_reshape(sum, self->ndim, self->shape);
}

void flip_rule(struct grad_call *c)
{
    struct value args[2] = {tensor_value(c->g[0]), c->args[1]};

    c->grads[0] = d_call(OP_flip, args);
}
