/* Similarities, distances and the losses made of them. */
#include "autograd/formula.h"
#include "autograd/formula_nn.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

/* x, raised to `limit` without a gradient of its own: what flows back does so as if it were x. */
static struct tensor *raised(struct tensor *x, double limit)
{
    struct tensor *missing;
    bool before = grad_set_enabled(false);

    missing = x ? d_sub(D(clamp_min, V_TENSOR(x), V_SCALAR(scalar_float(limit))), x) : NULL;
    grad_set_enabled(before);
    return d_add(x, missing);
}

static struct tensor *squares_along(struct tensor *x, int64_t dim)
{
    x = d_pow(x, d_number(scalar_int(2)));
    return x ? d_sum(x, &dim, 1, true) : NULL;
}

int normalize_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor, *norm;
    int64_t dim = args[2].i;
    size_t mark = pool_open();

    norm = D(norm, V_TENSOR(x), V_SCALAR(scalar_float(args[1].d)), V_INTS(&dim, 1), V_INT(true));
    norm = norm ? D(clamp_min, V_TENSOR(norm), V_SCALAR(scalar_float(args[3].d))) : NULL;
    return pool_leave(op, mark, d_true_divide(x, norm), out);
}

/* Both vectors are divided by their norms first: products of large numbers would overflow. */
int cosine_similarity_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor, *y = args[1].tensor, *product;
    int64_t shape[TENSOR_MAX_DIMS], dim;
    double least = args[3].d * args[3].d;
    int ndim = x->ndim;
    size_t mark;

    memcpy(shape, x->shape, sizeof(shape));
    if (shape_broadcast(&ndim, shape, y->ndim, y->shape) < 0)
        return -1;
    dim = shape_dim(ndim, args[2].i);
    if (dim < 0)
        return -1;
    mark = pool_open();
    x = d_expand(x, ndim, shape);
    y = d_expand(y, ndim, shape);
    product = x && y ? d_mul(d_true_divide(x, d_sqrt(raised(squares_along(x, dim), least))),
                             d_true_divide(y, d_sqrt(raised(squares_along(y, dim), least))))
                     : NULL;
    return pool_leave(op, mark, product ? d_sum(product, &dim, 1, false) : NULL, out);
}

static struct tensor *distance_of(struct tensor *x, struct tensor *y, double p, double eps,
                                  bool keepdim)
{
    struct tensor *difference = d_shift(d_sub(x, y), eps);
    int64_t last = -1;

    return difference ? D(norm, V_TENSOR(difference), V_SCALAR(scalar_float(p)), V_INTS(&last, 1),
                          V_INT(keepdim))
                      : NULL;
}

int pairwise_distance_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(
        op, mark, distance_of(args[0].tensor, args[1].tensor, args[2].d, args[3].d, args[4].i != 0),
        out);
}

/* ---- losses ---- */

static struct tensor *not_below(struct tensor *x, double limit)
{
    return x ? D(clamp_min, V_TENSOR(x), V_SCALAR(scalar_float(limit))) : NULL;
}

static int check_cosine(const struct tensor *x, const struct tensor *y, const struct tensor *target)
{
    char text[2][128];

    if (target->ndim > 1)
        return error_set(ERROR_RUNTIME,
                         "0D or 1D target tensor expected, multi-target not supported");
    if (x->ndim == target->ndim + 1 && y->ndim == target->ndim + 1)
        return 0;
    return error_set(ERROR_RUNTIME,
                     "%dD target tensor expects %dD input tensors, but found inputs with sizes %s "
                     "and %s.",
                     target->ndim, target->ndim + 1,
                     shape_text(x->ndim, x->shape, text[0], sizeof(text[0])),
                     shape_text(y->ndim, y->shape, text[1], sizeof(text[1])));
}

int cosine_embedding_loss_composite(const struct op *op, const struct value *args,
                                    struct tensor **out)
{
    const double tiny = 1e-12;
    struct tensor *x = args[0].tensor, *y = args[1].tensor, *target = args[2].tensor, *cosine,
                  *near;
    struct tensor *far, *xx, *yy;
    int64_t dim = target->ndim;
    size_t mark;

    if (check_cosine(x, y, target) < 0)
        return -1;
    mark = pool_open();
    xx = d_shift(d_sum(d_mul(x, x), &dim, 1, false), tiny);
    yy = d_shift(d_sum(d_mul(y, y), &dim, 1, false), tiny);
    cosine = d_true_divide(d_sum(d_mul(x, y), &dim, 1, false), d_sqrt(d_mul(xx, yy)));
    near = d_where(d_eq(target, d_number(scalar_int(1))), d_shift(d_neg(cosine), 1));
    far =
        d_where(d_eq(target, d_number(scalar_int(-1))), not_below(d_shift(cosine, -args[3].d), 0));
    return pool_leave(op, mark, d_joined(d_add(near, far), args[6].text), out);
}

int triplet_margin_loss_composite(const struct op *op, const struct value *args,
                                  struct tensor **out)
{
    struct tensor *anchor = args[0].tensor, *positive = args[1].tensor, *near, *far;
    struct tensor *negative = args[2].tensor;
    double p = args[4].d, eps = args[5].d;
    size_t mark;

    if (anchor->ndim != positive->ndim || anchor->ndim != negative->ndim)
        return error_set(ERROR_RUNTIME,
                         "All inputs should have same dimension but got %dD, %dD and %dD inputs.",
                         anchor->ndim, positive->ndim, negative->ndim);
    mark = pool_open();
    near = distance_of(anchor, positive, p, eps, false);
    far = distance_of(anchor, negative, p, eps, false);
    if (args[6].i)
        far = d_minimum(far, distance_of(positive, negative, p, eps, false));
    near = d_sub(d_shift(near, args[3].d), far);
    return pool_leave(op, mark, d_joined(not_below(near, 0), args[9].text), out);
}

int multilabel_margin_loss_composite(const struct op *op, const struct value *args,
                                     struct tensor **out)
{
    struct value call[] = {args[0], args[1], args[4]};
    struct tensor *results[OP_MAX_OUTPUTS] = {NULL};
    size_t mark = pool_open();

    if (op_call(&ops[OP__multilabel_margin_loss], call, results) == 0)
        pool_keep(results[1]);
    return pool_leave(op, mark, pool_keep(results[0]), out);
}

int multilabel_soft_margin_loss_composite(const struct op *op, const struct value *args,
                                          struct tensor **out)
{
    struct tensor *x = args[0].tensor, *y = args[1].tensor, *each;
    int64_t last = -1;
    size_t mark = pool_open();

    each = d_add(d_mul(y, d_logsigmoid(x)), d_mul(d_shift(d_neg(y), 1), d_logsigmoid(d_neg(x))));
    each = d_neg(each);
    if (args[2].given)
        each = d_mul(each, args[2].tensor);
    if (each && x->ndim) {
        each = d_sum(each, &last, 1, false);
        each = d_true_divide(each, d_number(scalar_int(x->shape[x->ndim - 1])));
    }
    return pool_leave(op, mark, d_joined(each, args[5].text), out);
}
