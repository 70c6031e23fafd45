/* Derivatives of factors and solutions. */
#include "autograd/formula.h"

static struct tensor *turned(struct tensor *x)
{
    return x ? d_transpose(x, -2, -1) : NULL;
}

static struct tensor *turned_conjugate(struct tensor *x)
{
    return d_conjugate(turned(x));
}

static struct tensor *product(struct tensor *x, struct tensor *y)
{
    return x && y ? d_matmul(x, y) : NULL;
}

static struct tensor *solve(struct tensor *a, struct tensor *b, bool upper, bool left, bool ones)
{
    return a && b ? D(linalg_solve_triangular, V_TENSOR(a), V_TENSOR(b), V_INT(upper), V_INT(left),
                      V_INT(ones))
                  : NULL;
}

static struct tensor *below(struct tensor *x)
{
    return D(tril, V_TENSOR(x), V_INT(-1));
}

static struct tensor *above(struct tensor *x)
{
    return D(triu, V_TENSOR(x));
}

/* A X = B: gB solves the transposed equation, gA = -gB X^T in the triangle. */
void linalg_solve_triangular_rule(struct grad_call *c)
{
    struct tensor *a = c->args[0].tensor, *x = c->results[0], *g = c->g[0], *gb, *ga;
    bool upper = c->args[2].i, left = c->args[3].i, ones = c->args[4].i;

    if (!g)
        return;
    gb = solve(turned(a), g, !upper, left, ones);
    if (grad_wanted(c, 1))
        grad_store(c, 1, 1, gb);
    if (!grad_wanted(c, 0) || !gb)
        return;
    ga = d_neg(left ? product(gb, turned(x)) : product(turned(x), gb));
    ga = upper ? D(triu, V_TENSOR(ga), V_INT(ones)) : D(tril, V_TENSOR(ga), V_INT(-(int)ones));
    grad_store(c, 0, 0, ga);
}

/* A = P L U, both in one matrix. With the square parts L1, U1 and the rest L2 below or U2 beside:
 * gA1 = P L1^-T (tril(L1^T gL1 - gU2 U2^T, -1) + triu(gU1 U1^T - L2^T gL2)) U1^-T,
 * gA2 = P L1^-T gU2, or P gL2 U1^-T (linalg_lu_backward of PyTorch, FunctionsManual.cpp). */
void linalg_lu_factor_rule(struct grad_call *c)
{
    struct tensor *lu = c->results[0], *g = c->g[0], *square, *gs, *l, *u, *lower, *upper, *whole;
    struct tensor *parts[2] = {NULL, NULL}, *unpacked[OP_MAX_OUTPUTS] = {NULL};
    int64_t m, n, k;

    if (!g || !lu)
        return;
    m = lu->shape[lu->ndim - 2];
    n = lu->shape[lu->ndim - 1];
    k = m < n ? m : n;
    if (op_call(&ops[OP_lu_unpack],
                (struct value[]){V_TENSOR(lu), V_TENSOR(c->results[1]), V_INT(true), V_INT(true)},
                unpacked) < 0)
        return;
    for (int i = 0; i < 3; i++)
        pool_keep(unpacked[i]);
    square = d_narrow(d_narrow(lu, -2, 0, k), -1, 0, k);
    gs = d_narrow(d_narrow(g, -2, 0, k), -1, 0, k);
    l = d_narrow(unpacked[1], -2, 0, k);
    u = d_narrow(unpacked[2], -1, 0, k);
    lower = product(turned(l), below(gs));
    upper = product(above(gs), turned(u));
    if (n > k) {
        struct tensor *rest = d_narrow(g, -1, k, n - k);

        lower = d_sub(lower, product(rest, turned(d_narrow(lu, -1, k, n - k))));
        parts[1] = solve(turned(square), rest, true, true, true);
    } else if (m > k) {
        struct tensor *rest = d_narrow(g, -2, k, m - k);

        upper = d_sub(upper, product(turned(d_narrow(lu, -2, k, m - k)), rest));
        parts[1] = solve(turned(square), rest, false, false, false);
    }
    parts[0] = solve(turned(square), d_add(below(lower), above(upper)), true, true, true);
    parts[0] = solve(turned(square), parts[0], false, false, false);
    whole = parts[0];
    if (n > k || m > k)
        whole = parts[0] && parts[1] ? D(cat, V_TENSORS(parts, 2), V_INT(n > k ? -1 : -2)) : NULL;
    c->grads[0] = product(unpacked[0], whole);
}

/* -common L, or -U common: what a factor L gets of a function of L L^H whose gradient is `common`.
 */
static struct tensor *factor_gradient(struct tensor *factor, struct tensor *common, bool upper)
{
    return d_neg(upper ? product(factor, common) : product(common, factor));
}

/* With gA = gB X^H for B = self: common is gA + gA^H (cholesky_solve_backward of PyTorch, which
 * takes the factor to be triangular). */
void cholesky_solve_rule(struct grad_call *c)
{
    struct tensor *factor = d_conjugate(c->args[1].tensor), *x = c->results[0], *gb, *common;

    if (!c->g[0] || !factor)
        return;
    gb = D(cholesky_solve, V_TENSOR(c->g[0]), V_TENSOR(factor), c->args[2]);
    if (grad_wanted(c, 0))
        grad_store(c, 0, 0, gb);
    if (!grad_wanted(c, 1))
        return;
    common = product(gb, turned(x)); /* x is conjugated here */
    common = d_add(common, turned_conjugate(common));
    grad_store(c, 1, 1, factor_gradient(factor, common, c->args[2].i));
}

void cholesky_inverse_rule(struct grad_call *c)
{
    struct tensor *factor = d_conjugate(c->args[0].tensor), *inverse = d_conjugate(c->results[0]);
    struct tensor *common = d_add(c->g[0], turned_conjugate(c->g[0]));

    common = product(inverse, product(common, inverse));
    c->grads[0] = factor_gradient(factor, common, c->args[1].i);
}

/* X = A^+ B: the gradient of A is that of the pseudo-inverse (Golub and Pereyra 1973). */
void linalg_lstsq_rule(struct grad_call *c)
{
    struct tensor *a = d_conjugate(c->args[0].tensor), *b = d_conjugate(c->args[1].tensor);
    struct tensor *g = c->g[0], *inverse, *k, *h;
    struct tensor *parts[3];
    bool vector;

    if (!g || !a || !b)
        return;
    vector = b->ndim == a->ndim - 1 || b->ndim == 1;
    if (vector) {
        b = d_unsqueeze(b, -1);
        g = d_unsqueeze(g, -1);
    }
    inverse = D(linalg_pinv, V_TENSOR(a));
    if (grad_wanted(c, 1)) {
        struct tensor *gb = product(turned_conjugate(inverse), g);

        grad_store(c, 1, 1, vector && gb ? D(squeeze__dim, V_TENSOR(gb), V_INT(-1)) : gb);
    }
    if (!grad_wanted(c, 0))
        return;
    h = turned_conjugate(
        product(g, turned_conjugate(b))); /* the gradient of A^+, transposed: like A */
    k = product(h, inverse);
    parts[0] = d_neg(turned_conjugate(product(inverse, k)));
    parts[1] = product(k, turned_conjugate(inverse));
    parts[1] = d_sub(parts[1], product(product(a, inverse), parts[1]));
    parts[2] = product(product(turned_conjugate(inverse), inverse), d_sub(h, product(k, a)));
    grad_store(c, 0, 0, d_add(d_add(parts[0], parts[1]), parts[2]));
}
