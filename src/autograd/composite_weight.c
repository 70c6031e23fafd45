/* Weights as a direction and a length: w = v (g / |v|), for torch.nn.utils.weight_norm(). */
#include "autograd/formula.h"

/* The norm of each slice of x along `dim`, or of all of x for dim -1; the other dimensions have
 * size 1. */
static struct tensor *norm_of(struct tensor *x, int64_t power, int64_t dim)
{
    struct scalar p = scalar_int(power);
    int64_t shape[TENSOR_MAX_DIMS], flat[2], over;
    int ndim = x ? x->ndim : 0;
    bool last;

    if (!x)
        return NULL;
    if (dim == -1)
        return D(norm, V_TENSOR(x), V_SCALAR(p));
    dim = shape_dim(ndim, dim);
    if (dim < 0)
        return NULL;
    last = dim > 0 && dim == ndim - 1;
    if (dim > 0 && !last) {
        x = norm_of(d_transpose(x, 0, (int)dim), power, 0);
        return x ? d_transpose(x, 0, (int)dim) : NULL;
    }
    for (int d = 0; d < ndim; d++)
        shape[d] = d == dim ? x->shape[d] : 1;
    over = last ? 0 : 1;
    flat[1 - over] = shape[dim];
    flat[over] = shape[dim] ? x->numel / shape[dim] : 0;
    x = d_reshape(x, 2, flat);
    x = x ? D(norm, V_TENSOR(x), V_SCALAR(p), V_INTS(&over, 1)) : NULL;
    return x ? d_reshape(x, ndim, shape) : NULL;
}

int norm_except_dim_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, norm_of(args[0].tensor, args[1].i, args[2].i), out);
}

static struct tensor *weight_of(const struct value *args)
{
    struct tensor *norm = norm_of(args[0].tensor, 2, args[2].i);

    return d_mul(args[0].tensor, d_true_divide(args[1].tensor, norm));
}

int weight_norm_interface_forward(const struct op *op, const struct value *args,
                                  struct tensor **out)
{
    return formula_forward(op, args, out, weight_of);
}

void weight_norm_interface_rule(struct grad_call *c)
{
    struct tensor *v = c->args[0].tensor, *g = c->args[1].tensor, *up = c->g[0], *norm, *along;

    if (!up)
        return;
    norm = norm_of(v, 2, c->args[2].i);
    up = d_mul(up, v);
    up = up ? d_sum_to(up, g) : NULL;
    along = d_true_divide(up, norm);
    if (grad_wanted(c, 1))
        c->grads[1] = along;
    if (grad_wanted(c, 0))
        c->grads[0] =
            d_mul(d_true_divide(g, norm), d_sub(c->g[0], d_mul(d_true_divide(v, norm), along)));
}

/* One operation for the first or last dimension, as PyTorch has it. */
int weight_norm_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *v = args[0].tensor;
    size_t mark = pool_open();

    if (args[2].i == 0 || args[2].i == v->ndim - 1)
        return pool_leave(
            op, mark,
            D(_weight_norm_interface, V_TENSOR(v), V_TENSOR(args[1].tensor), V_INT(args[2].i)),
            out);
    return pool_leave(op, mark, weight_of(args), out);
}
