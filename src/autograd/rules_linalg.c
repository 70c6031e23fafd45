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

/* Transposed and conjugated. */
static struct tensor *mh(struct tensor *x)
{
    return d_conjugate(mt(x));
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

static struct tensor *diagonal_of(struct tensor *x)
{
    return x ? D(diagonal, V_TENSOR(x), V_INT(0), V_INT(-2), V_INT(-1)) : NULL;
}

static struct tensor *without_diagonal(struct tensor *x)
{
    return x ? d_sub(x, diagonal_matrix(diagonal_of(x))) : NULL;
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

/* The cofactors of a matrix that may be singular, by its singular values. With A = U S V^H they are
 * those of the three multiplied, which of U are det(U) conj(U). */
static struct tensor *cofactors(struct tensor *a)
{
    struct value args[3] = {V_TENSOR(a), V_INT(false), V_INT(true)};
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL}, *signs;

    if (op_call(&ops[OP__linalg_svd], args, out) < 0)
        return NULL;
    for (int i = 0; i < 3; i++)
        pool_keep(out[i]);
    signs = d_mul(d_call1(OP_linalg_det, out[0]), d_call1(OP_linalg_det, out[2]));
    return d_mul(
        product(d_mul(d_conjugate(out[0]), row(products_of_others(out[1]))), d_conjugate(out[2])),
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

/* (glogabs + i Im(gsign conj(sign))) A^-H: a real sign stays as it is. */
void linalg_slogdet_rule(struct grad_call *c)
{
    struct tensor *g = c->g[1], *sign = c->results[0];

    if (dtype_is_complex(tensor_dtype(c->args[0].tensor))) {
        struct tensor *turn = d_part(d_mul(c->g[0], sign), 1);

        if (turn)
            turn = d_mul(turn, d_number(scalar_complex(0, 1)));
        g = plus(g, turn);
    }
    if (g)
        c->grads[0] = d_mul(column(column(g)), mt(inverse(c->args[0].tensor)));
}

/* ---- factorisations. What they give is no holomorphic function: the rules below see it as it
 * is. ---- */

static struct tensor *triangular(struct tensor *a, struct tensor *b, bool upper, bool left)
{
    return a && b ? D(linalg_solve_triangular, V_TENSOR(a), V_TENSOR(b), V_INT(upper), V_INT(left))
                  : NULL;
}

/* L^-H S L^-1, where S mirrors the lower triangle of L^H gL, halved, upwards. */
void linalg_cholesky_rule(struct grad_call *c)
{
    bool upper = c->args[1].i;
    struct tensor *result = d_conjugate(c->results[0]), *l = upper ? mh(result) : result;
    struct tensor *g = upper ? mh(c->g[0]) : c->g[0], *s;

    if (!g)
        return;
    s = product(mh(l), g);
    s = half(plus(below(s, 0), mh(below(s, -1))));
    s = triangular(mh(l), s, true, true);
    c->grads[0] = triangular(l, s, false, false);
}

/* Complex vectors are known up to a factor e^(i phi): a loss that depends on it, which shows in
 * imaginary parts on the diagonal, has no gradient. */
static bool check_phase(const char *name, const char *what, const char *end,
                        struct tensor *diagonal)
{
    struct scalar largest = scalar_float(0);
    struct tensor *size;

    if (!diagonal || !dtype_is_complex(tensor_dtype(diagonal)) || diagonal->numel == 0)
        return true;
    size = d_abs(d_part(diagonal, 1));
    size = size ? d_call1(OP_max, size) : NULL;
    if (!size || tensor_item(size, &largest) < 0 || largest.d <= 1e-2)
        return !error_pending();
    error_set(ERROR_RUNTIME,
              "%s: The %s in the complex case are specified up to multiplication by e^{i phi}. The "
              "specified loss function depends on this %s ill-defined.",
              name, what, end);
    return false;
}

/* V^-H (diag(gL) + (V^H gV - V^H V diag(Re(V^H gV))) / conj(E)) V^H with E_ij = L_j - L_i; the real
 * part of it for a real matrix. */
void linalg_eig_rule(struct grad_call *c)
{
    struct tensor *values = c->results[0], *vh = mt(c->results[1]), *inner, *along;

    if (!vh)
        return;
    inner = c->g[0] ? diagonal_matrix(c->g[0]) : NULL;
    if (c->g[1]) {
        struct tensor *turned = product(vh, c->g[1]);

        along = diagonal_of(turned);
        if (!check_phase("linalg_eig_backward", "eigenvectors", "quantity, so it is", along))
            return;
        along = d_part(along, 0);
        turned = d_sub(turned, product(vh, d_mul(d_conjugate(c->results[1]), row(along))));
        inner = plus(inner, without_diagonal(d_true_divide(turned, differences(values))));
    }
    grad_store(c, 0, 0, D(linalg_solve, V_TENSOR(vh), V_TENSOR(product(inner, vh))));
}

static struct tensor *skew(struct tensor *x)
{
    return x ? d_sub(x, mh(x)) : NULL;
}

/* V (diag(gL) + skew(V^H gV) / 2 / (L_j - L_i)) V^H. */
void linalg_eigh_rule(struct grad_call *c)
{
    struct tensor *values = c->results[0], *v = d_conjugate(c->results[1]), *inner;

    if (!c->args[2].i) {
        error_set(ERROR_RUNTIME, "eigvalsh: the eigenvectors that its derivative needs were not "
                                 "computed");
        return;
    }
    if (!c->g[1]) {
        c->grads[0] = c->g[0] ? product(d_mul(v, row(c->g[0])), mh(v)) : NULL;
        return;
    }
    inner = product(mh(v), c->g[1]);
    if (!check_phase("linalg_eigh_backward", "eigenvectors", "quantity, so it is",
                     diagonal_of(inner)))
        return;
    inner = half(skew(inner)); /* along which unitary matrices can change */
    inner = without_diagonal(d_true_divide(inner, differences(values)));
    inner = plus(inner, diagonal_matrix(c->g[0]));
    c->grads[0] = product(v, product(inner, mh(v)));
}

/* The first `count` columns (dim -1) or rows (dim -2). */
static struct tensor *first(struct tensor *x, int dim, int64_t count)
{
    return !x || x->shape[x->ndim + dim] == count ? x : d_narrow(x, dim, 0, count);
}

/* What is left of x when its part along the orthonormal columns of u is taken away. */
static struct tensor *beside(struct tensor *x, struct tensor *u)
{
    return x ? d_sub(x, product(u, product(mh(u), x))) : NULL;
}

/* The part of svd's gradient between U and V^H that comes from those of U and V. */
static struct tensor *svd_inner(struct tensor *gu, struct tensor *gv, struct tensor *u,
                                struct tensor *s, struct tensor *vh)
{
    struct tensor *e = differences(d_mul(s, s)), *from_u = gu ? skew(product(mh(u), gu)) : NULL,
                  *from_v = gv ? skew(product(vh, gv)) : NULL, *inner = NULL;

    if (!check_phase("svd_backward", "singular vectors", "phase term, making it",
                     plus(diagonal_of(from_u), diagonal_of(from_v))))
        return NULL;
    if (from_u)
        inner = d_mul(d_true_divide(from_u, e), row(s));
    if (from_v)
        inner = plus(inner, d_mul(column(s), d_true_divide(from_v, e)));
    if (from_u && from_v && dtype_is_complex(tensor_dtype(u))) {
        struct tensor *phase = d_true_divide(diagonal_of(from_u), d_scale(s, scalar_float(2)));

        inner = plus(without_diagonal(inner), diagonal_matrix(phase));
    }
    return inner;
}

/* U (diag(gS) + (skew(U^H gU) / E) S + S (skew(V^H gV) / E)) V^H with E_ij = S_j^2 - S_i^2, and
 * what the gradients of U and V have beside the columns of U and V. */
void linalg_svd_rule(struct grad_call *c)
{
    struct tensor *s = c->results[1], *inner, *gu, *gv, *u, *vh, *grad;
    int64_t k;

    if (!s) /* memory ran out when the results were taken up again */
        return;
    k = s->shape[s->ndim - 1];
    u = d_conjugate(first(c->results[0], -1, k));
    vh = d_conjugate(first(c->results[2], -2, k));
    gu = first(c->g[0], -1, k);
    gv = mh(first(c->g[2], -2, k));
    if (!gu && !gv) {
        c->grads[0] = c->g[1] ? product(d_mul(u, row(c->g[1])), vh) : NULL;
        return;
    }
    inner = svd_inner(gu, gv, u, s, vh);
    if (!inner)
        return;
    grad = product(u, product(plus(inner, diagonal_matrix(c->g[1])), vh));
    if (gu && u->shape[u->ndim - 2] > k)
        grad = plus(grad, product(d_true_divide(beside(gu, u), row(s)), vh));
    if (gv && vh->shape[vh->ndim - 1] > k)
        grad = plus(grad, product(u, mh(d_true_divide(beside(gv, mh(vh)), row(s)))));
    c->grads[0] = grad;
}

/* The lower triangle mirrored upwards, with the real parts of the diagonal. */
static struct tensor *mirrored(struct tensor *x)
{
    struct tensor *lower = below(x, 0), *diagonal = diagonal_of(x);

    if (diagonal && dtype_is_complex(tensor_dtype(diagonal)))
        lower = d_sub(lower, half(diagonal_matrix(d_sub(diagonal, d_conjugate(diagonal)))));
    return plus(lower, mh(below(x, -1)));
}

/* (gQ + Q mirrored(R gR^H - gQ^H Q)) R^-H. */
static struct tensor *qr_gradient(struct tensor *q, struct tensor *r, struct tensor *gq,
                                  struct tensor *gr)
{
    struct tensor *m = product(r, mh(gr));

    if (gq)
        m = plus(m, d_neg(product(mh(gq), q)));
    return triangular(mh(r), plus(gq, product(q, mirrored(m))), false, false);
}

/* Of a wide A = [X Y] the square X = Q U is factored, and R = [U V] with V = Q^H Y. */
static struct tensor *qr_wide_gradient(struct tensor *q, struct tensor *r, struct tensor *gq,
                                       struct tensor *gr)
{
    int64_t k = q->shape[q->ndim - 1], rest = r->shape[r->ndim - 1] - k;
    struct tensor *parts[2], *v = d_narrow(r, -1, k, rest), *gu = NULL, *gv = d_zeros(v);

    if (gr) {
        gu = d_narrow(gr, -1, 0, k);
        gv = d_narrow(gr, -1, k, rest);
        gq = plus(gq, product(q, product(v, mh(gv))));
    }
    parts[0] = qr_gradient(q, d_narrow(r, -1, 0, k), gq, gu);
    parts[1] = product(q, gv);
    return parts[0] && parts[1] ? D(cat, V_TENSORS(parts, 2), V_INT(-1)) : NULL;
}

void linalg_qr_rule(struct grad_call *c)
{
    struct tensor *q = d_conjugate(c->results[0]), *r = d_conjugate(c->results[1]);
    const struct tensor *a = c->args[0].tensor;
    const char *mode = c->args[1].text;
    int64_t rows = a->shape[a->ndim - 2], cols = a->shape[a->ndim - 1];

    if (!q || !r)
        return;
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
