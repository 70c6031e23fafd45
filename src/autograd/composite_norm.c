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

/* The largest (or least) of numbers along a dim that keeps its place, size 1. */
static struct tensor *extreme(struct tensor *x, int dim, bool largest)
{
    int64_t dims[1] = {dim};

    if (!x)
        return NULL;
    return largest ? D(amax, V_TENSOR(x), V_INTS(dims, 1), V_INT(true))
                   : D(amin, V_TENSOR(x), V_INTS(dims, 1), V_INT(true));
}

/* Sums of absolute values over rows (columns), then the extreme over what is left. */
static struct tensor *sum_norm(struct tensor *x, int sum_dim, int other, bool largest)
{
    int64_t dims[1] = {sum_dim};

    return extreme(d_sum(d_abs(x), dims, 1, true), other, largest);
}

/* The largest, least (0: the sum) of the singular values, with both dims at size 1. */
static struct tensor *spectral_norm(struct tensor *x, const int *dims, int which)
{
    int64_t from[2] = {dims[0], dims[1]}, to[2] = {-2, -1}, last[1] = {-1};
    struct tensor *s = D(movedim, V_TENSOR(x), V_INTS(from, 2), V_INTS(to, 2));

    s = s ? D(linalg_svdvals, V_TENSOR(s)) : NULL;
    if (!s)
        return NULL;
    s = which == 0 ? d_sum(s, last, 1, true) : extreme(s, s->ndim - 1, which > 0);
    s = s ? d_unsqueeze(s, -1) : NULL;
    return s ? D(movedim, V_TENSOR(s), V_INTS(to, 2), V_INTS(from, 2)) : NULL;
}

/* Takes away dims of size 1 unless they are to be kept. */
static struct tensor *without_dims(struct tensor *x, const int *dims, bool keepdim)
{
    int low = dims[0] < dims[1] ? dims[0] : dims[1], high = dims[0] + dims[1] - low;

    if (!x || keepdim)
        return x;
    x = d_select(x, high, 0);
    return x ? d_select(x, low, 0) : NULL;
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
    x = to_dtype(x, n->dtype);
    if (!x)
        return NULL;
    if (size == 2)
        x = spectral_norm(x, dims, large ? 1 : -1);
    else if (size == 1)
        x = sum_norm(x, dims[0], dims[1], large);
    else
        x = sum_norm(x, dims[1], dims[0], large);
    return without_dims(x, dims, n->keepdim->i);
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
    return x ? without_dims(spectral_norm(x, dims, 0), dims, n->keepdim->i) : NULL;
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

int linalg_cond_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value none = {.given = false}, drop = {.given = true};
    struct norm n = {&none, &drop, &none};
    struct tensor *a = args[0].tensor, *high, *low;
    double p = args[1].given ? args[1].scalar.d : 2;
    size_t mark = pool_open();

    if (fabs(p) == 2) {
        high = matrix_norm(a, p, &n);
        low = matrix_norm(a, -p, &n);
        return pool_leave(op, mark, d_true_divide(high, low), out);
    }
    high = matrix_norm(a, p, &n);
    low = high ? D(linalg_inv, V_TENSOR(a)) : NULL;
    return pool_leave(op, mark, d_mul(high, low ? matrix_norm(low, p, &n) : NULL), out);
}
