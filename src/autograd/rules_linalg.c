/* Derivatives of matrix factorisations, after Giles, "Collected matrix derivative results for
 * forward and reverse mode algorithmic differentiation" (2008). */
#include "autograd/formula.h"
#include "base/error.h"

#include <string.h>

/* Transposed. Like all here, NULL of NULL. */
static struct tensor *mt(struct tensor *x)
{
    return x ? d_transpose(x, -2, -1) : NULL;
}

static struct tensor *product(struct tensor *x, struct tensor *y)
{
    return x && y ? d_matmul(x, y) : NULL;
}

/* Numbers along the rows (x[..., None, :]) or the columns of a matrix. */
static struct tensor *row(struct tensor *x)
{
    return x ? d_unsqueeze(x, -2) : NULL;
}

static struct tensor *column(struct tensor *x)
{
    return x ? d_unsqueeze(x, -1) : NULL;
}

static struct tensor *solve(struct tensor *a, struct tensor *b, bool vector)
{
    return a && b ? D(_linalg_solve_ex, V_TENSOR(a), V_TENSOR(b), V_INT(vector)) : NULL;
}

static struct tensor *inverse(struct tensor *a)
{
    return a ? D(linalg_inv_ex, V_TENSOR(a)) : NULL;
}

/* A sum in which a NULL is nothing. */
static struct tensor *plus(struct tensor *x, struct tensor *y)
{
    return x && y ? d_add(x, y) : x ? x : y;
}

static struct tensor *half(struct tensor *x)
{
    return x ? d_scale(x, scalar_float(0.5)) : NULL;
}

static struct tensor *below(struct tensor *x, int64_t diagonal)
{
    return x ? D(tril, V_TENSOR(x), V_INT(diagonal)) : NULL;
}

static struct tensor *diagonal_matrix(struct tensor *x)
{
    return x ? D(diag_embed, V_TENSOR(x)) : NULL;
}

/* x_j - x_i, with ones on the diagonal, where nothing is to be divided. */
static struct tensor *differences(struct tensor *x)
{
    struct tensor *ones = d_ones(x);

    return d_add(d_sub(row(x), column(x)), diagonal_matrix(ones));
}

static struct tensor *without_diagonal(struct tensor *x)
{
    return x ? d_sub(x, diagonal_matrix(D(diagonal, V_TENSOR(x), V_INT(0), V_INT(-2), V_INT(-1))))
             : NULL;
}

/* ---- inverse, solutions, determinants ---- */

void linalg_inv_rule(struct grad_call *c)
{
    struct tensor *turned = mt(c->results[0]);

    if (c->g[0])
        c->grads[0] = d_neg(product(turned, product(c->g[0], turned)));
}

void linalg_solve_rule(struct grad_call *c)
{
    bool vector = c->args[2].i;
    struct tensor *gb = solve(mt(c->args[0].tensor), c->g[0], vector), *x = c->results[0];

    if (!gb)
        return;
    if (grad_wanted(c, 0))
        c->grads[0] = d_neg(vector ? d_mul(column(gb), row(x)) : product(gb, mt(x)));
    if (grad_wanted(c, 1))
        c->grads[1] = gb;
}

/* The products of all but one of the numbers along the last dimension. */
static struct tensor *products_of_others(struct tensor *s)
{
    int64_t last = s->ndim - 1, n = s->shape[last];
    struct tensor *wide; /* rows of s in each of which one element is made 1 */

    wide = d_mul(row(s), d_sub(d_ones(diagonal_matrix(s)), diagonal_matrix(d_ones(s))));
    wide = d_add(wide, diagonal_matrix(d_ones(s)));
    return wide && n > 0 ? D(prod__dim, V_TENSOR(wide), V_INT(-1)) : s;
}

/* The cofactors of a matrix that may be singular, by its singular values. */
static struct tensor *cofactors(struct tensor *a)
{
    struct value args[3] = {V_TENSOR(a), V_INT(false), V_INT(true)};
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL}, *signs;

    if (op_call(&ops[OP__linalg_svd], args, out) < 0)
        return NULL;
    for (int i = 0; i < 3; i++)
        pool_keep(out[i]);
    signs = d_mul(d_call1(OP_linalg_det, out[0]), d_call1(OP_linalg_det, out[2]));
    return d_mul(product(d_mul(out[0], row(products_of_others(out[1]))), out[2]),
                 column(column(signs)));
}

static bool any_zero(const struct tensor *t)
{
    struct scalar truth = scalar_bool(false);
    struct tensor *zero = d_eq((struct tensor *)t, d_number(scalar_int(0)));

    zero = zero ? d_call1(OP_any, zero) : NULL;
    if (zero)
        tensor_item(zero, &truth);
    return truth.i;
}

void linalg_det_rule(struct grad_call *c)
{
    struct tensor *a = c->args[0].tensor, *det = c->results[0];

    if (any_zero(det))
        c->grads[0] = d_mul(column(column(c->g[0])), cofactors(a));
    else
        c->grads[0] = d_mul(column(column(d_mul(c->g[0], det))), mt(inverse(a)));
}

void linalg_slogdet_rule(struct grad_call *c)
{
    if (c->g[1])
        c->grads[0] = d_mul(column(column(c->g[1])), mt(inverse(c->args[0].tensor)));
}

/* ---- factorisations ---- */

/* With A = L L^T and F = L^T gL: the symmetric part of L^-T (F below its halved diagonal) L^-1. */
void linalg_cholesky_rule(struct grad_call *c)
{
    bool upper = c->args[1].i;
    struct tensor *l = upper ? mt(c->results[0]) : c->results[0];
    struct tensor *g = upper ? mt(c->g[0]) : c->g[0], *f, *inverted;

    if (!g)
        return;
    f = product(mt(l), g);
    f = half(plus(below(f, 0), below(f, -1)));
    inverted = inverse(l);
    f = product(mt(inverted), product(f, inverted));
    c->grads[0] = half(d_add(f, mt(f)));
}

/* V^-H (diag(gL) + (V^H gV - V^H V diag(Re(V^H gV))) / conj(E)) V^H with E_ij = L_j - L_i; the real
 * part of it for a real matrix. The results are conjugated here (record.c). */
void linalg_eig_rule(struct grad_call *c)
{
    struct tensor *values = c->results[0], *vh = mt(c->results[1]), *inner, *along;

    if (!vh)
        return;
    inner = c->g[0] ? diagonal_matrix(c->g[0]) : NULL;
    if (c->g[1]) {
        struct tensor *turned = product(vh, c->g[1]);

        along = d_part(D(diagonal, V_TENSOR(turned), V_INT(0), V_INT(-2), V_INT(-1)), 0);
        turned = d_sub(turned, product(vh, d_mul(d_conjugate(c->results[1]), row(along))));
        inner = plus(inner, without_diagonal(d_true_divide(turned, differences(values))));
    }
    grad_store(c, 0, 0, D(linalg_solve, V_TENSOR(vh), V_TENSOR(product(inner, vh))));
}

/* V (diag(gL) + (V^T gV) / (L_j - L_i)) V^T. */
void linalg_eigh_rule(struct grad_call *c)
{
    struct tensor *values = c->results[0], *v = c->results[1], *inner;

    if (!c->args[2].i) {
        error_set(ERROR_RUNTIME, "eigvalsh: the eigenvectors that its derivative needs were not "
                                 "computed");
        return;
    }
    if (!c->g[1]) {
        c->grads[0] = c->g[0] ? product(d_mul(v, row(c->g[0])), mt(v)) : NULL;
        return;
    }
    inner = without_diagonal(d_true_divide(product(mt(v), c->g[1]), differences(values)));
    inner = plus(inner, diagonal_matrix(c->g[0]));
    c->grads[0] = product(v, product(inner, mt(v)));
}

static struct tensor *skew(struct tensor *x)
{
    return x ? d_sub(x, mt(x)) : NULL;
}

/* The first `count` columns (dim -1) or rows (dim -2). */
static struct tensor *first(struct tensor *x, int dim, int64_t count)
{
    return !x || x->shape[x->ndim + dim] == count ? x : d_narrow(x, dim, 0, count);
}

/* What is left of x when its part along the orthonormal columns of u is taken away. */
static struct tensor *beside(struct tensor *x, struct tensor *u)
{
    return x ? d_sub(x, product(u, product(mt(u), x))) : NULL;
}

/* U (diag(gS) + (skew(U^T gU) / E) S + S (skew(V^T gV) / E)) V^T with E_ij = S_j^2 - S_i^2, and
 * what the gradients of U and V have beside the columns of U and V. */
void linalg_svd_rule(struct grad_call *c)
{
    struct tensor *s = c->results[1], *inner, *gu, *gv, *u, *vh, *e, *grad;
    int64_t k;

    if (!s) /* memory ran out when the results were taken up again */
        return;
    k = s->shape[s->ndim - 1];
    u = first(c->results[0], -1, k);
    vh = first(c->results[2], -2, k);
    gu = first(c->g[0], -1, k);
    gv = mt(first(c->g[2], -2, k));
    inner = diagonal_matrix(c->g[1]);
    if (gu || gv) {
        e = differences(d_mul(s, s));
        if (gu)
            inner = plus(inner, d_mul(d_true_divide(skew(product(mt(u), gu)), e), row(s)));
        if (gv)
            inner = plus(inner, d_mul(column(s), d_true_divide(skew(product(vh, gv)), e)));
    }
    grad = product(u, product(inner, vh));
    if (gu && u->shape[u->ndim - 2] > k)
        grad = plus(grad, product(d_true_divide(beside(gu, u), row(s)), vh));
    if (gv && vh->shape[vh->ndim - 1] > k)
        grad = plus(grad, product(u, mt(d_true_divide(beside(gv, mt(vh)), row(s)))));
    c->grads[0] = grad;
}

/* (gQ + Q copyltu(R gR^T - gQ^T Q)) R^-T, where copyltu mirrors the lower triangle upwards. */
static struct tensor *qr_gradient(struct tensor *q, struct tensor *r, struct tensor *gq,
                                  struct tensor *gr)
{
    struct tensor *m = product(r, mt(gr));

    if (gq)
        m = plus(m, d_neg(product(mt(gq), q)));
    m = plus(below(m, 0), mt(below(m, -1)));
    return mt(solve(r, mt(plus(gq, product(q, m))), false));
}

/* Of a wide A = [X Y] the square X = Q U is factored, and R = [U V] with V = Q^T Y. */
static struct tensor *qr_wide_gradient(struct tensor *q, struct tensor *r, struct tensor *gq,
                                       struct tensor *gr)
{
    int64_t k = q->shape[q->ndim - 1], rest = r->shape[r->ndim - 1] - k;
    struct tensor *parts[2], *v = d_narrow(r, -1, k, rest), *gu = NULL, *gv = d_zeros(v);

    if (gr) {
        gu = d_narrow(gr, -1, 0, k);
        gv = d_narrow(gr, -1, k, rest);
        gq = plus(gq, product(q, product(v, mt(gv))));
    }
    parts[0] = qr_gradient(q, d_narrow(r, -1, 0, k), gq, gu);
    parts[1] = product(q, gv);
    return parts[0] && parts[1] ? D(cat, V_TENSORS(parts, 2), V_INT(-1)) : NULL;
}

void linalg_qr_rule(struct grad_call *c)
{
    struct tensor *q = c->results[0], *r = c->results[1];
    const struct tensor *a = c->args[0].tensor;
    const char *mode = c->args[1].text;
    int64_t rows = a->shape[a->ndim - 2], cols = a->shape[a->ndim - 1];

    if (strcmp(mode, "r") == 0)
        error_set(ERROR_RUNTIME,
                  "The derivative of linalg.qr depends on Q, which is not computed when "
                  "mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to "
                  "differentiate through linalg.qr.");
    else if (strcmp(mode, "complete") == 0 && rows > cols)
        error_set(ERROR_RUNTIME, "The QR decomposition is not differentiable when "
                                 "mode='complete' and nrows > ncols.");
    else if (rows < cols)
        c->grads[0] = qr_wide_gradient(q, r, c->g[0], c->g[1]);
    else
        c->grads[0] = qr_gradient(q, r, c->g[0], c->g[1]);
}
