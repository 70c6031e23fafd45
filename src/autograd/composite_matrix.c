/* torch.linalg made of recorded operations: the names that people call, norms, powers, rank. */
#include "autograd/formula.h"
#include "base/error.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const struct value yes = {.given = true, .i = true}, no = {.given = true};

/* Calls a row of several results; `kept` of them stay in out[], the others are let go. */
static int call_first(enum op_id id, const struct value *args, int kept, struct tensor **out)
{
    struct tensor *results[OP_MAX_OUTPUTS] = {NULL};

    if (op_call(&ops[id], args, results) < 0)
        return -1;
    for (int i = 0; i < ops[id].outputs; i++) {
        if (i < kept)
            out[i] = results[i];
        else
            tensor_unref(results[i]);
    }
    return 0;
}

/* Lets go of the results of a call that fails. -1. */
static int give_up(struct tensor **out, int count)
{
    for (int k = 0; k < count; k++) {
        tensor_unref(out[k]);
        out[k] = NULL;
    }
    return -1;
}

/* ---- eigenvalues and singular values ---- */

int linalg_eig_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return call_first(OP__linalg_eig, (struct value[]){args[0], yes}, 2, out);
}

int linalg_eigvals_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    bool recorded = args[0].tensor->requires_grad && grad_enabled();

    (void)op; /* the derivative needs the vectors */
    return call_first(OP__linalg_eig, (struct value[]){args[0], recorded ? yes : no}, 1, out);
}

int linalg_eigh_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return call_first(OP__linalg_eigh, (struct value[]){args[0], args[1], yes}, 2, out);
}

int linalg_eigvalsh_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    bool recorded = args[0].tensor->requires_grad && grad_enabled();

    (void)op; /* the derivative needs the vectors */
    return call_first(OP__linalg_eigh, (struct value[]){args[0], args[1], recorded ? yes : no}, 1,
                      out);
}

int symeig_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value side = V_STRING(args[2].i ? "U" : "L");
    int64_t none[1] = {0};

    if (args[1].i)
        return linalg_eigh_composite(op, (struct value[]){args[0], side}, out);
    if (linalg_eigvalsh_composite(op, (struct value[]){args[0], side}, out) < 0)
        return -1;
    out[1] = tensor_new(tensor_dtype(args[0].tensor), 1, none);
    return out[1] ? 0 : give_up(out, 1);
}

int linalg_svd_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return call_first(OP__linalg_svd, (struct value[]){args[0], args[1], yes}, 3, out);
}

/* The singular values, in the pool. */
static struct tensor *singular_values(struct tensor *a)
{
    bool recorded = a->requires_grad && grad_enabled();
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};

    if (op_call(&ops[OP__linalg_svd], (struct value[]){V_TENSOR(a), no, recorded ? yes : no}, out) <
        0)
        return NULL;
    tensor_unref(out[0]);
    tensor_unref(out[2]);
    return pool_keep(out[1]);
}

int linalg_svdvals_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, singular_values(args[0].tensor), out);
}

/* Zeros in place of the vectors that were not asked for. */
static int svd_values_only(struct tensor *a, struct tensor **out)
{
    int64_t shape[TENSOR_MAX_DIMS];
    size_t mark = pool_open();

    memcpy(shape, a->shape, sizeof(shape));
    out[1] = singular_values(a);
    if (!out[1]) {
        pool_close(mark);
        return -1;
    }
    tensor_ref(out[1]);
    for (int k = 0; k < 2; k++) {
        shape[a->ndim - 1] = shape[a->ndim - 2] = a->shape[a->ndim - 2 + k];
        out[2 * k] = tensor_zeros(tensor_dtype(a), a->ndim, shape);
    }
    if (out[2] && dtype_is_complex(tensor_dtype(a))) { /* V is the conjugate of what is computed */
        out[2] = d_conjugate(pool_keep(out[2]));
        out[2] = out[2] ? tensor_ref(out[2]) : NULL;
    }
    pool_close(mark);
    return out[0] && out[2] ? 0 : give_up(out, 3);
}

int svd_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark;
    struct tensor *v;

    (void)op;
    if (!args[2].i)
        return svd_values_only(args[0].tensor, out);
    if (call_first(OP__linalg_svd, (struct value[]){args[0], args[1].i ? no : yes, yes}, 3, out) <
        0)
        return -1;
    mark = pool_open();
    v = d_conjugate(d_transpose(pool_keep(out[2]), -2, -1));
    out[2] = v ? tensor_ref(v) : NULL;
    pool_close(mark);
    return v ? 0 : give_up(out, 3);
}

/* ---- inverse, solutions, determinants ---- */

int linalg_inv_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return call_first(OP_linalg_inv_ex, (struct value[]){args[0], yes}, 1, out);
}

int det_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_linalg_det], args, out);
}

int slogdet_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_linalg_slogdet], args, out);
}

/* NaN where the determinant is negative; with the angle of a complex one. */
int logdet_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *pair[2] = {NULL};
    size_t mark = pool_open();

    if (call_first(OP_linalg_slogdet, args, 2, pair) < 0)
        return -1;
    pool_keep(pair[0]);
    pool_keep(pair[1]);
    if (dtype_is_complex(tensor_dtype(pair[0])))
        return pool_leave(op, mark, d_add(d_log(pair[0]), pair[1]), out);
    pair[0] = d_eq(pair[0], d_number(scalar_int(-1)));
    pair[1] = D(where, V_TENSOR(pair[0]), V_TENSOR(d_number(scalar_float(NAN))), V_TENSOR(pair[1]));
    return pool_leave(op, mark, pair[1], out);
}

int linalg_cholesky_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return call_first(OP_linalg_cholesky_ex, (struct value[]){args[0], args[1], yes}, 1, out);
}

int qr_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return call_first(OP_linalg_qr,
                      (struct value[]){args[0], V_STRING(args[1].i ? "reduced" : "complete")}, 2,
                      out);
}

/* B is a vector for each matrix: one vector, or vectors behind A's own batch dimensions. */
static bool is_vector(const struct tensor *a, const struct tensor *b)
{
    return b->ndim == 1 || (a->ndim == b->ndim + 1 &&
                            memcmp(a->shape, b->shape, (size_t)b->ndim * sizeof(*b->shape)) == 0);
}

static int solve_check(const struct tensor *a, const struct tensor *b, bool left, bool vector)
{
    int64_t rows, cols, n;

    if (a->ndim < 2)
        return error_set(ERROR_RUNTIME,
                         "linalg.solve: The input tensor A must have at least 2 dimensions.");
    if (a->dtype != b->dtype)
        return error_set(ERROR_RUNTIME,
                         "linalg.solve: Expected A and B to have the same dtype, but found A of "
                         "type %s and B of type %s instead",
                         dtype_short_name(tensor_dtype(a)), dtype_short_name(tensor_dtype(b)));
    if (b->ndim == 0)
        return error_set(ERROR_RUNTIME, "linalg.solve: The input tensor B must have at least 2 "
                                        "dimensions.");
    n = a->shape[a->ndim - 1];
    rows = vector ? b->shape[b->ndim - 1] : b->shape[b->ndim - 2];
    cols = vector ? 1 : b->shape[b->ndim - 1];
    if (n == a->shape[a->ndim - 2] && (left ? rows : cols) != n)
        return error_set(ERROR_RUNTIME,
                         "linalg.solve: Incompatible shapes of A and B for the equation %s "
                         "(%lldx%lld and %lldx%lld)",
                         left ? "AX = B" : "XA = B", (long long)a->shape[a->ndim - 2], (long long)n,
                         (long long)rows, (long long)cols);
    return 0;
}

/* t with the batch dimensions `batch` before its last `keep` ones. */
static struct tensor *with_batch(struct tensor *t, int count, const int64_t *batch, int keep)
{
    int64_t shape[TENSOR_MAX_DIMS];

    memcpy(shape, batch, (size_t)count * sizeof(*batch));
    memcpy(shape + count, t->shape + t->ndim - keep, (size_t)keep * sizeof(*shape));
    if (count + keep == t->ndim && memcmp(shape, t->shape, (size_t)t->ndim * sizeof(*shape)) == 0)
        return t;
    return d_expand(t, count + keep, shape);
}

int linalg_solve_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[0].tensor, *b = args[1].tensor, *x;
    bool left = args[2].i, vector = is_vector(a, b);
    int64_t batch[TENSOR_MAX_DIMS];
    int count = a->ndim - 2, last = vector ? 1 : 2;
    size_t mark = pool_open();

    if (solve_check(a, b, left, vector) < 0)
        return -1;
    memcpy(batch, a->shape, sizeof(batch));
    if (shape_broadcast(&count, batch, b->ndim - last, b->shape) < 0)
        return -1;
    a = with_batch(a, count, batch, 2);
    b = with_batch(b, count, batch, last);
    if (!left && a && b) { /* X A = B is A^T X^T = B^T */
        a = d_transpose(a, -2, -1);
        b = vector ? b : d_transpose(b, -2, -1);
    }
    x = a && b ? D(_linalg_solve_ex, V_TENSOR(a), V_TENSOR(b), V_INT(vector)) : NULL;
    if (x && !left && !vector)
        x = d_transpose(x, -2, -1);
    return pool_leave(op, mark, x, out);
}

/* ---- powers ---- */

int linalg_matrix_power_composite(const struct op *op, const struct value *args,
                                  struct tensor **out)
{
    struct tensor *a = args[0].tensor, *power = NULL;
    int64_t n = args[1].i;
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    size_t mark = pool_open();

    if (a->ndim < 2)
        return error_set(ERROR_RUNTIME, "linalg.matrix_power: The input tensor A must have at "
                                        "least 2 dimensions.");
    if (a->shape[a->ndim - 2] != a->shape[a->ndim - 1])
        return error_set(ERROR_RUNTIME,
                         "linalg.matrix_power: A must be batches of square matrices, but they are "
                         "%lld by %lld matrices",
                         (long long)a->shape[a->ndim - 2], (long long)a->shape[a->ndim - 1]);
    if (n < 0)
        a = D(linalg_inv, V_TENSOR(a));
    if (n == 0) {
        power = d_select(a, -1, 0);
        power = power ? D(diag_embed, V_TENSOR(d_ones(power))) : NULL;
    }
    for (; rest && a; rest >>= 1) { /* by squares */
        if (rest & 1)
            power = power ? d_matmul(power, a) : a;
        if (rest > 1)
            a = d_matmul(a, a);
    }
    if (a && power == args[0].tensor)
        power = d_call1(OP_clone, power);
    return pool_leave(op, mark, a ? power : NULL, out);
}

/* ---- rank and pseudo-inverse ---- */

/* What counts as zero: max(atol, rtol * largest), of shape (..., 1). */
static struct tensor *threshold(const struct tensor *a, struct tensor *s, const struct value *atol,
                                const struct value *rtol)
{
    int64_t rows = a->shape[a->ndim - 2], cols = a->shape[a->ndim - 1], last[1] = {-1};
    double eps = dtype_infos[a->dtype].part == DTYPE_f32 ? FLT_EPSILON : DBL_EPSILON;
    double relative = rtol->given                  ? rtol->d
                      : atol->given && atol->d > 0 ? 0
                                                   : eps * (double)(rows > cols ? rows : cols);
    struct tensor *largest = D(amax, V_TENSOR(s), V_INTS(last, 1), V_INT(true));

    largest = d_scale(largest, scalar_float(relative));
    return D(clamp_min, V_TENSOR(largest), V_SCALAR(scalar_float(atol->given ? atol->d : 0)));
}

/* The absolute eigenvalues of a symmetric matrix, else the singular values. */
static struct tensor *magnitudes(struct tensor *a, bool symmetric)
{
    if (!symmetric)
        return singular_values(a);
    return d_abs(D(linalg_eigvalsh, V_TENSOR(a)));
}

int linalg_matrix_rank_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[0].tensor, *s;
    int64_t last[1] = {-1};
    const struct value *atol = args[1].given ? &args[1] : &args[3];
    size_t mark = pool_open();

    s = magnitudes(a, args[2].i);
    if (s && s->shape[s->ndim - 1] == 0)
        s = D(sum__dim, V_TENSOR(s), V_INTS(last, 1), V_INT(false), V_INT(DTYPE_i64));
    else if (s)
        s = D(sum__dim, V_TENSOR(d_gt(s, threshold(a, s, atol, &args[4]))), V_INTS(last, 1));
    return pool_leave(op, mark, s, out);
}

/* V diag(1 / S) U^T with 0 for what counts as zero. */
static struct tensor *pinv(struct tensor *a, const struct value *atol, const struct value *rtol)
{
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL}, *s, *seen;

    if (op_call(&ops[OP__linalg_svd], (struct value[]){V_TENSOR(a), no, yes}, out) < 0)
        return NULL;
    for (int i = 0; i < 3; i++)
        pool_keep(out[i]);
    if (a->numel == 0)
        return d_zeros(d_transpose(a, -2, -1));
    s = out[1];
    seen = d_gt(s, threshold(a, s, atol, rtol));
    s = d_where(seen, d_reciprocal(s));
    if (!s)
        return NULL;
    s = d_mul(d_conjugate(d_transpose(out[2], -2, -1)), d_unsqueeze(s, -2));
    return s ? d_matmul(s, d_conjugate(d_transpose(out[0], -2, -1))) : NULL;
}

int linalg_pinv_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, pinv(args[0].tensor, &args[3], args[1].given ? &args[1] : &args[4]),
                      out);
}

int pinverse_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, pinv(args[0].tensor, &no, &args[1]), out);
}
