/* Solutions by factors, products and functions of matrices, made of recorded operations. */
#include "autograd/formula.h"
#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

static struct tensor *turned(struct tensor *x)
{
    return x ? d_transpose(x, -2, -1) : NULL;
}

static struct tensor *product(struct tensor *x, struct tensor *y)
{
    return x && y ? d_matmul(x, y) : NULL;
}

static struct tensor *turned_conjugate(struct tensor *x)
{
    return d_conjugate(turned(x));
}

static struct tensor *solve_triangular(struct tensor *a, struct tensor *b, bool upper, bool unit)
{
    return a && b ? D(linalg_solve_triangular, V_TENSOR(a), V_TENSOR(b), V_INT(upper), V_INT(true),
                      V_INT(unit))
                  : NULL;
}

/* Results from the pool into out[0..count-1]. */
static int leave(size_t mark, int count, struct tensor *const *results, struct tensor **out)
{
    int status = 0;

    for (int i = 0; i < count; i++)
        status |= results[i] ? 0 : -1;
    for (int i = 0; i < count && status == 0; i++)
        out[i] = tensor_ref(results[i]);
    pool_close(mark);
    return status;
}

/* ---- LU ---- */

/* LU, pivots and info in the pool. */
static bool factor(struct tensor *a, struct value pivot, bool check, struct tensor *results[3])
{
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};

    if (op_call(&ops[OP_linalg_lu_factor_ex], (struct value[]){V_TENSOR(a), pivot, V_INT(check)},
                out) < 0)
        return false;
    for (int i = 0; i < 3; i++)
        results[i] = pool_keep(out[i]);
    return true;
}

int linalg_lu_factor_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *results[3];
    size_t mark = pool_open();

    if (!factor(args[0].tensor, args[1], op->id == OP_linalg_lu_factor, results))
        return -1;
    return leave(mark, 2, results, out);
}

/* The permutation matrices (..., n, n) that exchanges of rows make of the unit matrix. */
static struct tensor *permutation(const struct tensor *pivots, int64_t n, enum dtype dtype)
{
    struct tensor *whole = pool_keep(tensor_contiguous((struct tensor *)pivots)), *p;
    int64_t shape[TENSOR_MAX_DIMS], k = pivots->shape[pivots->ndim - 1], count;
    int64_t *order = mem_array((size_t)n + 1, sizeof(*order));
    size_t size = dtype_size(dtype);

    memcpy(shape, pivots->shape, sizeof(shape));
    shape[pivots->ndim - 1] = shape[pivots->ndim] = n;
    count = shape_numel(pivots->ndim - 1, shape);
    p = order && whole ? pool_keep(tensor_zeros(dtype, pivots->ndim + 1, shape)) : NULL;
    for (int64_t b = 0; p && b < count; b++) {
        const int32_t *swaps = (const int32_t *)tensor_data(whole) + b * k;

        for (int64_t i = 0; i < n; i++)
            order[i] = i;
        for (int64_t i = 0; i < k; i++) {
            int64_t other = swaps[i] - 1, was = order[i];

            if (other < 0 || other >= n)
                continue;
            order[i] = order[other];
            order[other] = was;
        }
        for (int64_t i = 0; i < n; i++)
            dtype_store(dtype, tensor_data(p) + (size_t)((b * n + order[i]) * n + i) * size,
                        scalar_int(1));
    }
    mem_free(order);
    return p;
}

/* The unit matrix beside (..., n, n) matrices. */
static struct tensor *unit(int64_t n, enum dtype dtype)
{
    struct tensor *ones = pool_keep(tensor_full(dtype, 1, &n, scalar_int(1)));

    return ones ? D(diag_embed, V_TENSOR(ones)) : NULL;
}

static struct tensor *lower_of(struct tensor *lu)
{
    int64_t m = lu->shape[lu->ndim - 2], n = lu->shape[lu->ndim - 1], k = m < n ? m : n;
    struct tensor *l = D(tril, V_TENSOR(d_narrow(lu, -1, 0, k)), V_INT(-1)),
                  *ones = unit(m, tensor_dtype(lu));

    ones = ones ? d_narrow(ones, 1, 0, k) : NULL;
    return d_add(l, ones);
}

static struct tensor *upper_of(struct tensor *lu)
{
    int64_t m = lu->shape[lu->ndim - 2], n = lu->shape[lu->ndim - 1];

    return D(triu, V_TENSOR(d_narrow(lu, -2, 0, m < n ? m : n)));
}

static int unpack(size_t mark, struct tensor *lu, struct tensor *pivots, struct tensor **out)
{
    struct tensor *results[3] = {permutation(pivots, lu->shape[lu->ndim - 2], tensor_dtype(lu)),
                                 lower_of(lu), upper_of(lu)};

    return leave(mark, 3, results, out);
}

int linalg_lu_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *results[3];
    size_t mark = pool_open();

    (void)op;
    if (!factor(args[0].tensor, args[1], false, results))
        return -1;
    return unpack(mark, results[0], results[1], out);
}

int lu_unpack_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    if (args[0].tensor->ndim < 2 || args[1].tensor->ndim != args[0].tensor->ndim - 1)
        return error_set(ERROR_RUNTIME, "torch.lu_unpack: Expected tensor with 2 or more "
                                        "dimensions and pivots of one dimension less");
    if (args[1].tensor->dtype != DTYPE_i32)
        return error_set(ERROR_RUNTIME,
                         "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of "
                         "torch.int32 dtype.\nNote: this function is intended to be used with the "
                         "output produced by torch.linalg.lu_factor");
    return unpack(pool_open(), args[0].tensor, args[1].tensor, out);
}

/* A X = B is L U X = P^T B; the adjoint equation A^H X = B is U^H L^H P^T X = B. */
static struct tensor *lu_solve(struct tensor *lu, struct tensor *pivots, struct tensor *b,
                               bool adjoint)
{
    struct tensor *p = permutation(pivots, lu->shape[lu->ndim - 1], tensor_dtype(lu)), *x;

    if (!adjoint) {
        x = solve_triangular(lu, product(turned(p), b), false, true);
        return solve_triangular(lu, x, true, false);
    }
    x = solve_triangular(turned_conjugate(lu), b, false, false);
    return product(p, solve_triangular(turned_conjugate(lu), x, true, true));
}

static int check_pivots(const struct tensor *lu, const struct tensor *pivots)
{
    char text[256];
    bool same = pivots->ndim == lu->ndim - 1;

    if (tensor_dim_there(pivots, -1) < 0)
        return -1;
    if (pivots->shape[pivots->ndim - 1] != lu->shape[lu->ndim - 1])
        return error_set(ERROR_RUNTIME, "linalg.lu_solve: Number of pivots per batch should be "
                                        "same as the dimension of the matrix");
    for (int d = 0; same && d < pivots->ndim; d++)
        same = pivots->shape[d] == lu->shape[d];
    if (same)
        return 0;
    return error_set(ERROR_RUNTIME,
                     "linalg.lu_solve: Expected LU.shape[:-1] and pivots.shape to be the same, but "
                     "got pivots with shape %s instead",
                     shape_text(pivots->ndim, pivots->shape, text, sizeof(text)));
}

int linalg_lu_solve_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *b = args[2].tensor, *x;
    bool left = args[3].i;
    size_t mark = pool_open();

    if (args[0].tensor->ndim < 2 || b->ndim < 2)
        return error_set(ERROR_RUNTIME,
                         "linalg.lu_solve: The input tensor %s must have at least 2 "
                         "dimensions.",
                         b->ndim < 2 ? "B" : "LU");
    if (args[1].tensor->dtype != DTYPE_i32)
        return error_set(ERROR_RUNTIME, "linalg.lu_solve: pivots should be a Tensor of scalar type "
                                        "torch.int32");
    if (check_pivots(args[0].tensor, args[1].tensor) < 0)
        return -1;
    x = lu_solve(args[0].tensor, args[1].tensor, left ? b : turned_conjugate(b), args[4].i == left);
    return pool_leave(op, mark, left ? x : turned_conjugate(x), out);
}

int lu_solve_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value call[5] = {args[1], args[2], args[0], V_INT(true), V_INT(false)};

    return linalg_lu_solve_composite(op, call, out);
}

/* ---- triangular matrices, Cholesky factors ---- */

int triangular_solve_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[1].tensor, *results[2];
    bool upper = args[2].i, transposed = args[3].i;
    size_t mark = pool_open();

    (void)op;
    if (a->ndim < 2 || args[0].tensor->ndim < 2)
        return error_set(ERROR_RUNTIME,
                         "torch.triangular_solve: Expected %s to have at least 2 dimensions, but "
                         "it has %d dimensions instead",
                         a->ndim < 2 ? "A" : "b", a->ndim < 2 ? a->ndim : args[0].tensor->ndim);
    results[0] = solve_triangular(transposed ? turned(a) : a, args[0].tensor, upper != transposed,
                                  args[4].i);
    results[1] = results[0] ? d_call1(OP_clone, a) : NULL;
    return leave(mark, 2, results, out);
}

int linalg_solve_ex_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *factors[3], *results[2], *b = args[1].tensor;
    bool left = args[2].i, vector = b->ndim == 1;
    size_t mark = pool_open();

    (void)op;
    if (!factor(args[0].tensor, V_INT(true), args[3].i, factors))
        return -1;
    b = vector ? d_unsqueeze(b, -1) : left ? b : turned_conjugate(b);
    results[0] = b ? lu_solve(factors[0], factors[1], b, !left) : NULL;
    if (results[0])
        results[0] = vector ? D(squeeze__dim, V_TENSOR(results[0]), V_INT(-1))
                     : left ? results[0]
                            : turned_conjugate(results[0]);
    results[1] = factors[2];
    return leave(mark, 2, results, out);
}

/* ---- products ---- */

enum { MAX_FACTORS = 64 };

/* The cheapest order of multiplying the matrices i..j, sizes[i] by sizes[i + 1] and so on: cost
 * and place of the last product, for all i and j (Cormen et al., "Matrix-chain multiplication"). */
static void chain_order(int count, const int64_t *sizes, int last[MAX_FACTORS][MAX_FACTORS])
{
    double cost[MAX_FACTORS][MAX_FACTORS];

    for (int i = 0; i < count; i++)
        cost[i][i] = 0;
    for (int length = 1; length < count; length++) {
        for (int i = 0; i + length < count; i++) {
            int j = i + length;

            cost[i][j] = INFINITY;
            for (int k = i; k < j; k++) {
                double c = cost[i][k] + cost[k + 1][j] +
                           (double)sizes[i] * (double)sizes[k + 1] * (double)sizes[j + 1];

                if (c < cost[i][j]) {
                    cost[i][j] = c;
                    last[i][j] = k;
                }
            }
        }
    }
}

static struct tensor *chain(struct tensor *const *list, int last[MAX_FACTORS][MAX_FACTORS], int i,
                            int j)
{
    struct tensor *parts[2];

    if (i == j)
        return list[i];
    parts[0] = chain(list, last, i, last[i][j]);
    parts[1] = chain(list, last, last[i][j] + 1, j);
    return parts[0] && parts[1] ? d_call2(OP_mm, parts[0], parts[1]) : NULL;
}

int multi_dot_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *list[MAX_FACTORS], *result, *first, *end;
    int count = args[0].tensors.count, last[MAX_FACTORS][MAX_FACTORS];
    int64_t sizes[MAX_FACTORS + 1], shape[2];
    char texts[2][64];
    size_t mark = pool_open();

    if (count < 2 || count > MAX_FACTORS)
        return error_set(ERROR_RUNTIME, "multi_dot(): expected at least 2 tensors but got %d",
                         count);
    first = args[0].tensors.at[0];
    end = args[0].tensors.at[count - 1];
    for (int i = 0; i < count; i++) {
        struct tensor *t = args[0].tensors.at[i];
        bool edge = i == 0 || i == count - 1;

        if (t->ndim != 2 && !(edge && t->ndim == 1))
            return error_set(ERROR_RUNTIME,
                             edge ? "multi_dot(): the %s tensor must be 1D or 2D but got %dD"
                                  : "multi_dot(): tensor %s must be 2D but got %dD",
                             i == 0 ? "first"
                             : edge ? "last"
                                    : "in between",
                             t->ndim);
        list[i] = t->ndim == 2 ? t : d_unsqueeze(t, i == 0 ? 0 : 1);
        if (!list[i])
            return -1;
        if (i > 0 && list[i - 1]->shape[1] != list[i]->shape[0])
            return error_set(ERROR_RUNTIME,
                             "multi_dot(): tensors %d and %d with shapes %s and %s cannot be "
                             "multiplied",
                             i - 1, i,
                             shape_text(2, list[i - 1]->shape, texts[0], sizeof(texts[0])),
                             shape_text(2, list[i]->shape, texts[1], sizeof(texts[1])));
        sizes[i] = list[i]->shape[0];
        sizes[i + 1] = list[i]->shape[1];
    }
    chain_order(count, sizes, last);
    result = chain(list, last, 0, count - 1);
    shape[0] = sizes[0];
    shape[first->ndim != 1] = sizes[count];
    result = D(view, V_TENSOR(result), V_INTS(shape, (first->ndim != 1) + (end->ndim != 1)));
    return pool_leave(op, mark, result, out);
}

int vecdot_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor;
    size_t mark = pool_open();

    if (!dtype_is_differentiable(tensor_dtype(x)))
        return error_set(ERROR_RUNTIME,
                         "linalg.vecdot: Expected a floating point or complex tensor as input. Got "
                         "%s",
                         dtype_short_name(tensor_dtype(x)));
    if (x->ndim == 1 && args[1].tensor->ndim == 1)
        return pool_leave(op, mark, D(vdot, args[0], args[1]), out);
    return pool_leave(op, mark, d_sum(d_mul(d_conjugate(x), args[1].tensor), &args[2].i, 1, false),
                      out);
}

/* ---- tensors as matrices ---- */

int tensorinv_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *inverse;
    int64_t ind = args[1].i, shape[TENSOR_MAX_DIMS], rows, cols;
    size_t mark = pool_open();

    if (ind <= 0)
        return error_set(ERROR_RUNTIME, "Expected a strictly positive integer for 'ind'");
    if (ind > self->ndim)
        ind = self->ndim;
    rows = shape_numel((int)ind, self->shape);
    cols = shape_numel(self->ndim - (int)ind, self->shape + ind);
    if (rows != cols)
        return error_set(ERROR_RUNTIME,
                         "Expected self to satisfy the requirement "
                         "prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
                         "%lld != %lld",
                         (long long)cols, (long long)rows);
    for (int d = 0; d < self->ndim; d++)
        shape[d] = self->shape[(d + ind) % self->ndim];
    inverse = D(linalg_inv, V_TENSOR(d_reshape(self, 2, (int64_t[]){rows, cols})));
    return pool_leave(op, mark, d_reshape(inverse, self->ndim, shape), out);
}

int tensorsolve_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *other = args[1].tensor, *x;
    int64_t shape[TENSOR_MAX_DIMS], order[TENSOR_MAX_DIMS], rows = other->numel, cols;
    int ndim = 0;
    uint32_t moved = 0;
    size_t mark = pool_open();

    if (args[2].given) { /* these dimensions go to the end */
        for (int i = 0; i < args[2].ints.count; i++) {
            int dim = tensor_dim(self, args[2].ints.at[i]);

            if (dim < 0)
                return -1;
            moved |= 1u << dim;
        }
        for (int d = 0; d < self->ndim; d++) {
            if (!(moved >> d & 1))
                order[ndim++] = d;
        }
        for (int i = 0; i < args[2].ints.count; i++)
            order[ndim++] = tensor_dim(self, args[2].ints.at[i]);
        self = D(permute, V_TENSOR(self), V_INTS(order, ndim));
        if (!self)
            return -1;
    }
    if (other->ndim > self->ndim)
        return error_set(ERROR_RUNTIME, "Expected self to have at least as many dimensions as "
                                        "other");
    ndim = self->ndim - other->ndim;
    memcpy(shape, self->shape + other->ndim, (size_t)ndim * sizeof(*shape));
    cols = shape_numel(ndim, shape);
    if (rows != cols || self->numel != rows * cols)
        return error_set(ERROR_RUNTIME,
                         "Expected self to satisfy the requirement "
                         "prod(self.shape[other.ndim:]) == "
                         "prod(self.shape[:other.ndim]), but got %lld != %lld",
                         (long long)cols, (long long)rows);
    self = d_reshape(self, 2, (int64_t[]){rows, cols});
    x = self ? D(linalg_solve, V_TENSOR(self), V_TENSOR(d_reshape(other, 1, &rows))) : NULL;
    return pool_leave(op, mark, d_reshape(x, ndim, shape), out);
}

/* ---- matrix functions ---- */

/* The numerator of the Pade approximation of degree 8 of exp(x): even and odd powers apart (Higham,
 * "The scaling and squaring method for the matrix exponential revisited", 2005). */
static struct tensor *pade_exp(struct tensor *a, struct tensor *one)
{
    static const double c[] = {1,          1.0 / 2,      7.0 / 60,      1.0 / 60,       1.0 / 624,
                               1.0 / 9360, 1.0 / 205920, 1.0 / 7207200, 1.0 / 518918400};
    struct tensor *square = product(a, a), *power = one, *even = NULL, *odd = NULL;

    for (int k = 0; k <= 8; k += 2) {
        struct tensor *term = d_scale(power, scalar_float(c[k]));

        even = even ? d_add(even, term) : term;
        if (k < 8) {
            term = d_scale(power, scalar_float(c[k + 1]));
            odd = odd ? d_add(odd, term) : term;
            power = product(power, square);
        }
    }
    odd = product(a, odd);
    return D(linalg_solve, V_TENSOR(d_sub(even, odd)), V_TENSOR(d_add(even, odd)));
}

/* exp(A) = exp(A / 2^s)^(2^s). */
int matrix_exp_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[0].tensor, *size, *result;
    struct scalar largest = scalar_float(0);
    int squarings = 0;
    bool before;
    size_t mark = pool_open();

    if (a->ndim < 2 || a->shape[a->ndim - 1] != a->shape[a->ndim - 2])
        return error_set(ERROR_RUNTIME,
                         a->ndim < 2 ? "linalg.matrix_exp: The input tensor A must have at least 2 "
                                       "dimensions."
                                     : "linalg.matrix_exp: A must be batches of square matrices");
    if (a->numel == 0)
        return pool_leave(op, mark, d_call1(OP_clone, a), out);
    before = grad_set_enabled(false);
    size = D(sum__dim, V_TENSOR(d_abs(a)), V_INTS((int64_t[]){-1}, 1));
    size = size ? d_call1(OP_max, size) : NULL;
    grad_set_enabled(before);
    if (!size || tensor_item(size, &largest) < 0) {
        pool_close(mark);
        return -1;
    }
    if (largest.d > 0.5 && isfinite(largest.d))
        squarings = (int)ceil(log2(largest.d / 0.5));
    result = pade_exp(d_scale(a, scalar_float(ldexp(1, -squarings))),
                      unit(a->shape[a->ndim - 1], tensor_dtype(a)));
    for (int i = 0; i < squarings; i++)
        result = product(result, result);
    return pool_leave(op, mark, result, out);
}

/* The first columns of (1 - tau_0 v_0 v_0^H) (1 - tau_1 v_1 v_1^H) ..., v_i below the diagonal. */
int householder_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[0].tensor, *tau = args[1].tensor, *vectors, *result;
    int64_t m, n, k;
    size_t mark = pool_open();

    if (a->ndim < 2 || a->shape[a->ndim - 2] < a->shape[a->ndim - 1])
        return error_set(ERROR_RUNTIME,
                         a->ndim < 2 ? "torch.linalg.householder_product: input must have at least "
                                       "2 dimensions."
                                     : "torch.linalg.householder_product: input.shape[-2] must be "
                                       "greater than or equal to input.shape[-1]");
    m = a->shape[a->ndim - 2];
    n = a->shape[a->ndim - 1];
    k = tau->ndim ? tau->shape[tau->ndim - 1] : 0;
    if (tau->ndim != a->ndim - 1 || k > n)
        return error_set(ERROR_RUNTIME, "torch.linalg.householder_product: input.shape[-1] must be "
                                        "greater than or equal to tau.shape[-1]");
    result = unit(m, tensor_dtype(a));
    vectors = D(tril, V_TENSOR(a), V_INT(-1));
    vectors = result ? d_add(vectors, d_narrow(result, 1, 0, n)) : NULL;
    for (int64_t i = k - 1; i >= 0 && result && vectors; i--) {
        struct tensor *v = d_narrow(vectors, -1, i, 1), *t = d_narrow(tau, -1, i, 1);

        t = t ? d_unsqueeze(t, -1) : NULL;
        result = d_sub(result, d_mul(t, product(v, product(turned_conjugate(v), result))));
    }
    return pool_leave(op, mark, result ? d_narrow(result, -1, 0, n) : NULL, out);
}

/* ---- other names ---- */

int linalg_diagonal_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_diagonal], args, out);
}

int linalg_cross_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_cross], args, out);
}
