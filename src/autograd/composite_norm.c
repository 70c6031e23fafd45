/* Norms of vectors and matrices, made of recorded operations. */
#include "autograd/formula.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

/* What the rows of norms have behind `ord`. */
struct norm {
    const struct value *dim, *keepdim, *dtype;
};

static struct tensor *vector_norm(struct tensor *x, double ord, const struct norm *n)
{
    return D(linalg_vector_norm, V_TENSOR(x), V_SCALAR(scalar_float(ord)), *n->dim, *n->keepdim,
             *n->dtype);
}

/* The two dimensions of the matrices: -2 and -1 unless given. */
static int matrix_dims(const struct tensor *x, const struct value *dim, int *dims)
{
    int64_t rows = -2, cols = -1;

    if (x->ndim < 2)
        return error_set(ERROR_RUNTIME,
                         "linalg.matrix_norm: The input tensor A must have at least 2 dimensions.");
    if (dim->given && dim->ints.count != 2)
        return error_set(ERROR_RUNTIME, "linalg.matrix_norm: dim must be a 2-tuple of ints");
    if (dim->given) {
        rows = dim->ints.at[0];
        cols = dim->ints.at[1];
    }
    dims[0] = tensor_dim(x, rows);
    dims[1] = dims[0] < 0 ? -1 : tensor_dim(x, cols);
    if (dims[1] < 0)
        return -1;
    if (dims[0] == dims[1])
        return error_set(ERROR_RUNTIME,
                         "linalg.matrix_norm: dims must be different. Got (%lld, "
                         "%lld)",
                         (long long)rows, (long long)cols);
    return 0;
}

static struct tensor *to_dtype(struct tensor *x, const struct value *dtype)
{
    return dtype->given ? d_to(x, (enum dtype)dtype->i) : x;
}

/* The largest (or least) of numbers along a dim. */
static struct tensor *extreme(struct tensor *x, int dim, bool largest, bool keepdim)
{
    int64_t dims[1] = {dim};

    if (!x)
        return NULL;
    return largest ? D(amax, V_TENSOR(x), V_INTS(dims, 1), V_INT(keepdim))
                   : D(amin, V_TENSOR(x), V_INTS(dims, 1), V_INT(keepdim));
}

/* Sums of absolute values over rows (columns), then the extreme over what is left. */
static struct tensor *sum_norm(struct tensor *x, int sum_dim, int other, bool largest,
                               const struct norm *n)
{
    int64_t dims[1] = {sum_dim};
    struct value dim = V_INTS(dims, 1);
    struct norm sums = {&dim, n->keepdim, n->dtype};

    x = vector_norm(x, 1, &sums);
    return extreme(x, other - (!n->keepdim->i && sum_dim < other), largest, n->keepdim->i);
}

/* The largest, least (0: the sum) of the singular values. */
static struct tensor *spectral_norm(struct tensor *x, const int *dims, int which, bool keepdim)
{
    int64_t from[2] = {dims[0], dims[1]}, to[2] = {-2, -1}, last[1] = {-1};
    struct tensor *s = D(movedim, V_TENSOR(x), V_INTS(from, 2), V_INTS(to, 2));

    s = s ? D(linalg_svdvals, V_TENSOR(s)) : NULL;
    if (!s)
        return NULL;
    s = which == 0 ? d_sum(s, last, 1, keepdim) : extreme(s, s->ndim - 1, which > 0, keepdim);
    if (!keepdim)
        return s;
    s = d_unsqueeze(s, -1);
    return s ? D(movedim, V_TENSOR(s), V_INTS(to, 2), V_INTS(from, 2)) : NULL;
}

static struct tensor *matrix_norm(struct tensor *x, double ord, const struct norm *n)
{
    bool large = ord > 0;
    double size = fabs(ord);
    int dims[2];

    if (matrix_dims(x, n->dim, dims) < 0)
        return NULL;
    if (size != 1 && size != 2 && !isinf(size))
        return error_null(ERROR_RUNTIME, "linalg.matrix_norm: Order %g not supported.", ord);
    if (size == 2) {
        x = to_dtype(x, n->dtype);
        return x ? spectral_norm(x, dims, large ? 1 : -1, n->keepdim->i) : NULL;
    }
    if (size == 1)
        return sum_norm(x, dims[0], dims[1], large, n);
    return sum_norm(x, dims[1], dims[0], large, n);
}

static struct tensor *named_norm(struct tensor *x, const char *ord, const struct norm *n)
{
    int64_t both[2];
    int dims[2];
    struct value dim = V_INTS(both, 2);
    struct norm plain = {&dim, n->keepdim, n->dtype};

    if (matrix_dims(x, n->dim, dims) < 0)
        return NULL;
    both[0] = dims[0];
    both[1] = dims[1];
    if (strcmp(ord, "fro") == 0)
        return vector_norm(x, 2, &plain);
    if (strcmp(ord, "nuc") != 0)
        return error_null(ERROR_RUNTIME, "linalg.matrix_norm: Order %s not supported.", ord);
    x = to_dtype(x, n->dtype);
    return x ? spectral_norm(x, dims, 0, n->keepdim->i) : NULL;
}

/* ---- rows ---- */

int linalg_matrix_norm_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct norm n = {&args[2], &args[3], &args[4]};
    size_t mark = pool_open();

    return pool_leave(op, mark, matrix_norm(args[0].tensor, args[1].scalar.d, &n), out);
}

int linalg_matrix_norm_text_composite(const struct op *op, const struct value *args,
                                      struct tensor **out)
{
    struct norm n = {&args[2], &args[3], &args[4]};
    size_t mark = pool_open();

    return pool_leave(op, mark, named_norm(args[0].tensor, args[1].text, &n), out);
}

/* An ord without dim is for a vector or a matrix alone. */
static int check_dims(const struct tensor *x, const struct value *dim)
{
    if (dim->given && dim->ints.count != 1 && dim->ints.count != 2)
        return error_set(ERROR_RUNTIME,
                         "linalg.norm: If dim is specified, it must be of length 1 or 2. Got "
                         "length %d",
                         dim->ints.count);
    if (!dim->given && x->ndim != 1 && x->ndim != 2)
        return error_set(ERROR_RUNTIME,
                         "linalg.norm: If dim is not specified but ord is, the input must be 1D "
                         "or 2D. Got %dD.",
                         x->ndim);
    return 0;
}

int linalg_norm_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor;
    struct norm n = {&args[2], &args[3], &args[4]};
    size_t mark = pool_open();

    if (!args[1].given)
        return pool_leave(op, mark, vector_norm(x, 2, &n), out);
    if (check_dims(x, n.dim) < 0)
        return -1;
    if (n.dim->given ? n.dim->ints.count == 2 : x->ndim == 2)
        return pool_leave(op, mark, matrix_norm(x, args[1].scalar.d, &n), out);
    return pool_leave(op, mark, vector_norm(x, args[1].scalar.d, &n), out);
}

int linalg_norm_text_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct norm n = {&args[2], &args[3], &args[4]};
    size_t mark = pool_open();

    if (check_dims(args[0].tensor, n.dim) < 0)
        return -1;
    return pool_leave(op, mark, named_norm(args[0].tensor, args[1].text, &n), out);
}

static const struct value none = {.given = false}, drop = {.given = true};
static const struct norm plain_norm = {&none, &drop, &none};

/* 0 times infinity is infinity, as NumPy has it. */
static struct tensor *condition(struct tensor *norm, struct tensor *inverse_norm)
{
    return D(nan_to_num, V_TENSOR(d_mul(norm, inverse_norm)), V_FLOAT(INFINITY), V_FLOAT(INFINITY),
             V_FLOAT(-INFINITY));
}

/* The inverses of a batch of matrices, infinite where there is none. */
static struct tensor *inverses(struct tensor *a)
{
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL}, *bad;

    if (op_call(&ops[OP_linalg_inv_ex], (struct value[]){V_TENSOR(a), V_INT(false)}, out) < 0)
        return NULL;
    pool_keep(out[0]);
    bad = d_gt(pool_keep(out[1]), d_number(scalar_int(0)));
    bad = bad ? d_unsqueeze(d_unsqueeze(bad, -1), -1) : NULL;
    return D(masked_fill, V_TENSOR(out[0]), V_TENSOR(bad),
             V_TENSOR(d_number(scalar_float(INFINITY))));
}

/* The quotient of the extreme singular values; for p < 0 the other way round. */
static struct tensor *spectral_condition(struct tensor *a, bool turned)
{
    struct tensor *s = D(linalg_svdvals, V_TENSOR(a)), *high, *low;
    int64_t count = s ? s->shape[s->ndim - 1] : 0;

    if (s && count == 0)
        return pool_keep(tensor_zeros(tensor_dtype(s), s->ndim - 1, s->shape));
    high = d_narrow(s, -1, 0, 1);
    low = d_narrow(s, -1, count - 1, 1);
    s = turned ? d_true_divide(low, high) : d_true_divide(high, low);
    return s ? D(squeeze__dim, V_TENSOR(s), V_INT(-1)) : NULL;
}

int linalg_cond_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[0].tensor, *inverse;
    double p = args[1].given ? args[1].scalar.d : 2;
    size_t mark = pool_open();

    if (a->ndim < 2)
        return error_set(ERROR_RUNTIME, "linalg.cond: The input tensor A must have at least 2 "
                                        "dimensions.");
    if (fabs(p) == 2)
        return pool_leave(op, mark, spectral_condition(a, p < 0), out);
    inverse = inverses(a);
    inverse = inverse ? matrix_norm(inverse, p, &plain_norm) : NULL;
    return pool_leave(op, mark, condition(inverse ? matrix_norm(a, p, &plain_norm) : NULL, inverse),
                      out);
}

int linalg_cond_text_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[0].tensor, *inverse;
    size_t mark = pool_open();

    if (strcmp(args[1].text, "fro") != 0 && strcmp(args[1].text, "nuc") != 0)
        return error_set(ERROR_RUNTIME,
                         "linalg.cond got an invalid norm type: %s. Valid options are 'fro' and "
                         "'nuc'",
                         args[1].text);
    inverse = inverses(a);
    inverse = inverse ? named_norm(inverse, args[1].text, &plain_norm) : NULL;
    return pool_leave(op, mark,
                      condition(inverse ? named_norm(a, args[1].text, &plain_norm) : NULL, inverse),
                      out);
}
