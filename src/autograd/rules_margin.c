/* Derivatives of losses by margins. */
#include "autograd/formula.h"
#include "tensor/loss.h"

static struct tensor *is_positive(struct tensor *x)
{
    return d_gt(x, d_number(scalar_int(0)));
}

/* The gradient of each sample's loss as (N, 1), or (1) of one sample: what a mean leaves of it. */
static struct tensor *sample_share(struct grad_call *c, const char *reduction, int64_t classes)
{
    const struct tensor *self = c->args[0].tensor;
    int64_t samples = self->ndim == 2 ? self->shape[0] : 1;
    bool mean = loss_reduction(reduction) == LOSS_MEAN;
    double part = 1 / (double)classes / (mean ? (double)samples : 1);

    return d_scale(c->g[0]->ndim ? d_unsqueeze(c->g[0], 1) : c->g[0], scalar_float(part));
}

void multi_margin_loss_rule(struct grad_call *c)
{
    struct tensor *x = c->args[0].tensor, *target = c->args[1].tensor, *zeros, *right, *z, *each;
    int64_t last = -1, classes = x->ndim ? x->shape[x->ndim - 1] : 1;
    struct value dim = V_INT(-1);

    if (!c->g[0] || !grad_wanted(c, 0))
        return;
    if (x->ndim == 0) { /* one class, which is right */
        c->grads[0] = d_zeros(x);
        return;
    }
    target = x->ndim == 2 ? d_reshape(target, 2, (int64_t[]){x->shape[0], 1})
                          : d_reshape(target, 1, (int64_t[]){1});
    zeros = pool_keep(tensor_zeros(tensor_dtype(x), x->ndim, x->shape));
    if (!target || !zeros)
        return;
    right = D(scatter__value, V_TENSOR(zeros), dim, V_TENSOR(target), V_SCALAR(scalar_int(1)));
    z = D(gather, V_TENSOR(x), dim, V_TENSOR(target));
    z = d_shift(d_sub(x, z), c->args[3].d);
    each = c->args[2].i == 1 ? d_ones(z) : d_scale(z, scalar_int(2));
    each = d_where(is_positive(z), each);
    each = d_mul(each, d_shift(d_neg(right), 1));
    if (c->args[4].given && each)
        each = d_mul(each, d_reshape(D(index_select, V_TENSOR(c->args[4].tensor), V_INT(0),
                                       V_TENSOR(d_reshape(target, 1, &target->numel))),
                                     target->ndim, target->shape));
    each = d_sub(each, d_mul(right, each ? d_sum(each, &last, 1, true) : NULL));
    c->grads[0] = d_mul(each, sample_share(c, c->args[7].text, classes));
}

/* The numbers of target up to the first -1 as they are, those behind as 0, and which is which. */
static bool read_targets(struct tensor *target, int64_t samples, int64_t classes, enum dtype dtype,
                         struct tensor **index, struct tensor **valid)
{
    int64_t shape[2] = {samples, classes};
    struct tensor *flat = pool_keep(tensor_contiguous(target));

    *index = pool_keep(tensor_zeros(DTYPE_i64, 2, shape));
    *valid = pool_keep(tensor_zeros(dtype, 2, shape));
    if (!flat || !*index || !*valid)
        return false;
    for (int64_t i = 0; i < samples * classes; i++) {
        int64_t class = ((const int64_t *)tensor_data(flat))[i];

        if (class < 0) { /* the rest of the sample's numbers mean nothing */
            i += classes - 1 - i % classes;
            continue;
        }
        ((int64_t *)tensor_data(*index))[i] = class;
        dtype_store(dtype, tensor_data(*valid) + i * (int64_t)dtype_size(dtype), scalar_int(1));
    }
    return true;
}

/* With z(t, c) = 1 - x(t) + x(c) for right classes t and others c, each positive z adds 1 to the
 * slope at c and takes 1 from that at t. */
void multilabel_margin_loss_rule(struct grad_call *c)
{
    struct tensor *x = c->args[0].tensor, *marks = c->results[1], *index, *valid, *z, *at, *each;
    int64_t classes = x->ndim ? x->shape[x->ndim - 1] : 1, shape[2], rows = 1, others = 2;

    shape[0] = x->numel / classes;
    shape[1] = classes;
    if (!c->g[0] || !grad_wanted(c, 0) ||
        !read_targets(c->args[1].tensor, shape[0], classes, tensor_dtype(x), &index, &valid))
        return;
    x = d_reshape(x, 2, shape);
    marks = d_reshape(marks, 2, shape);
    if (!x || !marks)
        return;
    at = D(gather, V_TENSOR(x), V_INT(1), V_TENSOR(index));
    at = at ? d_unsqueeze(at, 2) : NULL;
    z = d_shift(d_sub(d_unsqueeze(x, 1), at), 1);
    each = d_where(is_positive(z), d_ones(z));
    each = d_mul(d_mul(each, d_unsqueeze(valid, 2)), d_unsqueeze(d_shift(d_neg(marks), 1), 1));
    if (!each)
        return;
    at = d_neg(d_sum(each, &others, 1, false));
    each = d_sum(each, &rows, 1, false);
    each =
        at && each ? D(scatter_add, V_TENSOR(each), V_INT(1), V_TENSOR(index), V_TENSOR(at)) : NULL;
    each = d_mul(each, sample_share(c, c->args[2].text, classes));
    if (each)
        c->grads[0] = d_reshape(each, c->args[0].tensor->ndim, c->args[0].tensor->shape);
}
