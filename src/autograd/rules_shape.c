/* Derivatives of copies, views and matrix products. */
#include "autograd/formula.h"
#include "tensor/view.h"

#include <string.h>

void same_rule(struct grad_call *c)
{
    grad_store(c, 0, 0, c->g[0]);
}

void zero_rule(struct grad_call *c)
{
    c->grads[0] = d_zeros(c->g[0]);
}

void normal_rule(struct grad_call *c)
{
    for (int k = 0; k < 2; k++)
        if (grad_wanted(c, k))
            grad_store(c, k, k, d_zeros(c->g[0]));
}

void copy_rule(struct grad_call *c)
{
    if (grad_wanted(c, 0))
        c->grads[0] = d_zeros(c->g[0]);
    if (grad_wanted(c, 1))
        grad_store(c, 1, 1, c->g[0]);
}

void fill_rule(struct grad_call *c)
{
    c->grads[0] = d_zeros(c->g[0]);
    if (grad_wanted(c, 1))
        grad_store(c, 1, 1, d_sum_all(c->g[0]));
}

void where_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0], *condition = c->args[0].tensor;

    if (grad_wanted(c, 1))
        grad_store(c, 1, 1, d_where(condition, g));
    if (grad_wanted(c, 2))
        grad_store(c, 2, 2, d_where(d_logical_not(condition), g));
}

void masked_fill_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0], *rest = d_logical_not(c->args[1].tensor); /* bools */

    if (grad_wanted(c, 0))
        grad_store(c, 0, 0, d_where(rest, g));
    if (grad_wanted(c, 2))
        grad_store(c, 2, 2, d_where(d_logical_not(rest), g));
}

/* ---- arithmetic with rows of their own ---- */

void div_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0], *self = c->args[0].tensor, *other = c->args[1].tensor;

    if (c->args[2].given) { /* a rounded quotient is flat */
        for (int k = 0; k < 2; k++)
            grad_store(c, k, k, d_zeros(g));
        return;
    }
    if (grad_wanted(c, 0))
        grad_store(c, 0, 0, d_true_divide(g, other));
    if (grad_wanted(c, 1))
        grad_store(c, 1, 1, d_neg(d_mul(g, d_true_divide(d_true_divide(self, other), other))));
}

void clamp_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0], *self = c->args[0].tensor;

    if (c->args[1].given)
        g = d_where(d_ge_scalar(self, c->args[1].scalar), g);
    if (c->args[2].given)
        g = d_where(d_le_scalar(self, c->args[2].scalar), g);
    grad_store(c, 0, 0, g);
}

/* ---- complex numbers and their parts ---- */

void view_as_real_rule(struct grad_call *c)
{
    c->grads[0] = d_call1(OP_view_as_complex, d_call1(OP_contiguous, c->g[0]));
}

void view_as_complex_rule(struct grad_call *c)
{
    c->grads[0] = d_call1(OP_view_as_real, c->g[0]);
}

void complex_rule(struct grad_call *c)
{
    for (int k = 0; k < 2; k++)
        grad_store(c, k, k, d_part(c->g[0], k));
}

/* d/d abs is the direction, d/d angle i times the result; c->results are conjugated. */
void polar_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0], *result = c->results[0];
    struct tensor *minus_i = d_number(scalar_complex(0, -1));

    grad_store(c, 0, 0, d_part(d_mul(g, d_sgn(result)), 0));
    grad_store(c, 1, 1, d_part(d_mul(g, d_mul(result, minus_i)), 0));
}

/* ---- views ---- */

void view_rule(struct grad_call *c)
{
    const struct tensor *self = c->args[0].tensor;

    c->grads[0] = d_reshape(c->g[0], self->ndim, self->shape);
}

void sum_to_rule(struct grad_call *c)
{
    grad_store(c, 0, 0, c->g[0]);
}

void transpose_rule(struct grad_call *c)
{
    c->grads[0] = d_transpose(c->g[0], (int)c->args[1].i, (int)c->args[2].i);
}

void t_rule(struct grad_call *c)
{
    c->grads[0] = c->g[0] ? d_call1(OP_t, c->g[0]) : NULL;
}

void permute_rule(struct grad_call *c)
{
    int ndim = c->args[0].tensor->ndim, order[TENSOR_MAX_DIMS];
    int64_t inverse[TENSOR_MAX_DIMS];
    struct value args[] = {{.given = true, .tensor = c->g[0]},
                           {.given = true, .ints = {inverse, ndim}}};

    dims_order(ndim, ndim, c->args[1].ints.at, order);
    for (int d = 0; d < ndim; d++)
        inverse[order[d]] = d;
    c->grads[0] = c->g[0] ? d_call(OP_permute, args) : NULL;
}

/* Zeros of self's shape with the gradient in the part that a view `id` of the same arguments shows.
 */
static struct tensor *scatter_back(struct grad_call *c, enum op_id id, int count)
{
    struct value args[OP_MAX_ARGS], copy[3];
    struct tensor *whole = d_zeros(c->args[0].tensor), *part;

    if (!whole || !c->g[0])
        return NULL;
    memcpy(args, c->args, (size_t)count * sizeof(*args));
    args[0].tensor = whole;
    part = d_call(id, args);
    if (!part)
        return NULL;
    copy[0] = (struct value){.given = true, .tensor = part};
    copy[1] = (struct value){.given = true, .tensor = c->g[0]};
    op_defaults(&ops[OP_copy_], copy, 2);
    return op_call_inplace(&ops[OP_copy_], copy) < 0 ? NULL : whole;
}

void select_rule(struct grad_call *c)
{
    c->grads[0] = scatter_back(c, OP_select, 3);
}

void slice_rule(struct grad_call *c)
{
    c->grads[0] = scatter_back(c, OP_slice, 5);
}

void diagonal_rule(struct grad_call *c)
{
    c->grads[0] = scatter_back(c, OP_diagonal, 4);
}

/* ---- matrix products ---- */

static struct tensor *turned(struct tensor *x)
{
    return x ? d_transpose(x, -2, -1) : NULL;
}

/* mm and bmm. */
void mm_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0];

    if (grad_wanted(c, 0))
        c->grads[0] = d_call2(c->op->id, g, turned(c->args[1].tensor));
    if (grad_wanted(c, 1))
        c->grads[1] = d_call2(c->op->id, turned(c->args[0].tensor), g);
}

void mv_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0], *matrix = c->args[0].tensor, *vector = c->args[1].tensor;

    if (grad_wanted(c, 0))
        c->grads[0] = d_mul(g ? d_unsqueeze(g, 1) : NULL, d_unsqueeze(vector, 0));
    if (grad_wanted(c, 1))
        c->grads[1] = d_call2(OP_mv, turned(matrix), g);
}

void dot_rule(struct grad_call *c)
{
    if (grad_wanted(c, 0))
        c->grads[0] = d_mul(c->g[0], c->args[1].tensor);
    if (grad_wanted(c, 1))
        c->grads[1] = d_mul(c->g[0], c->args[0].tensor);
}

void addmm_rule(struct grad_call *c)
{
    struct tensor *g = c->g[0];
    struct scalar beta = c->args[3].scalar, alpha = c->args[4].scalar;

    if (grad_wanted(c, 0))
        grad_store(c, 0, 0, g ? d_scale(g, beta) : NULL);
    if (!g)
        return;
    if (grad_wanted(c, 1))
        c->grads[1] = d_scale(d_call2(OP_mm, g, turned(c->args[2].tensor)), alpha);
    if (grad_wanted(c, 2))
        c->grads[2] = d_scale(d_call2(OP_mm, turned(c->args[1].tensor), g), alpha);
}
