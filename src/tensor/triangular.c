/* LU factors, and solutions of equations with triangular matrices. */
#include "base/error.h"
#include "tensor/lapack.h"

#include <math.h>
#include <string.h>

/* ---- LU ---- */

int linalg_lu_factor_ex_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *factors, *pivots, *info, *results[3];
    struct matrices m;
    lapack_int least;
    char place[48];
    void *token;

    if (matrices_of("linalg.lu_factor", self, &m) < 0)
        return -1;
    if (!args[1].i)
        return error_set(ERROR_RUNTIME,
                         "linalg.lu_factor: LU without pivoting is not implemented on the CPU");
    least = m.rows < m.cols ? m.rows : m.cols;
    factors = columns_of(self);
    pivots = batch_new(self, DTYPE_i32, least);
    info = batch_new(self, DTYPE_i32, -1);
    token = lapack_begin((double)m.count * m.rows * m.cols * least);
    for (int64_t i = 0; factors && pivots && info && i < m.count; i++) {
        int32_t *status = (int32_t *)tensor_data(info) + i;

        *status =
            least ? (int32_t)LAPACK_CALL(&m, getrf, m.rows, m.cols, batch_at(factors, m.count, i),
                                         m.rows, (lapack_int *)batch_at(pivots, m.count, i))
                  : 0;
        if (args[2].i && *status > 0)
            error_set(ERROR_LINALG,
                      "torch.linalg.lu_factor_ex: %sU[%d,%d] is zero and using it on lu_solve "
                      "would result in a division by zero. If you still want to perform the "
                      "factorization, consider calling linalg.lu(A, pivot) or "
                      "linalg.lu_factor_ex(A, pivot)",
                      batch_place(self, i, place, sizeof(place)), *status, *status);
    }
    lapack_end(token);
    results[0] = error_pending() ? (tensor_unref(factors), NULL) : columns_turned(factors);
    results[1] = pivots;
    results[2] = info;
    return op_give_several(op, 3, results, out);
}

/* ---- triangular equations ---- */

static int check_equation(const struct tensor *a, const struct tensor *b, bool left)
{
    int64_t n, side;

    if (b->ndim < 2)
        return error_set(ERROR_RUNTIME, "linalg.solve_triangular: The input tensor B must have at "
                                        "least 2 dimensions.");
    if (a->dtype != b->dtype)
        return error_set(ERROR_RUNTIME,
                         "linalg.solve_triangular: Expected A and B to have the same dtype, but "
                         "found A of type %s and B of type %s instead",
                         dtype_short_name(tensor_dtype(a)), dtype_short_name(tensor_dtype(b)));
    n = a->shape[a->ndim - 1];
    side = b->shape[b->ndim - (left ? 2 : 1)];
    if (n != side)
        return error_set(ERROR_RUNTIME,
                         "linalg.solve_triangular: Incompatible shapes of A and B for the equation "
                         "%s (%lldx%lld and %lldx%lld)",
                         left ? "AX = B" : "XA = B", (long long)n, (long long)n,
                         (long long)b->shape[b->ndim - 2], (long long)b->shape[b->ndim - 1]);
    return 0;
}

/* A copy of t's matrices in columns, with t broadcast to the batch dimensions `batch`; turned: of
 * the transposed matrices. */
static struct tensor *batch_columns(const struct tensor *t, int count, const int64_t *batch,
                                    bool turned)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    int lead = count - (t->ndim - 2), last = t->ndim - 1;
    struct tensor *wide, *columns;

    for (int d = 0; d < count; d++) {
        bool there = d >= lead && t->shape[d - lead] != 1;

        shape[d] = batch[d];
        stride[d] = there ? t->stride[d - lead] : 0;
    }
    shape[count] = t->shape[turned ? last : last - 1];
    shape[count + 1] = t->shape[turned ? last - 1 : last];
    stride[count] = t->stride[turned ? last : last - 1];
    stride[count + 1] = t->stride[turned ? last - 1 : last];
    wide = tensor_view(t, count + 2, shape, stride, t->offset);
    columns = wide ? columns_of(wide) : NULL;
    tensor_unref(wide);
    return columns;
}

int linalg_solve_triangular_forward(const struct op *op, const struct value *args,
                                    struct tensor **out)
{
    struct tensor *self = args[0].tensor, *b = args[1].tensor, *a, *x;
    bool upper = args[2].i, left = args[3].i, unit = args[4].i;
    int64_t batch[TENSOR_MAX_DIMS], count;
    int ndim = self->ndim - 2;
    struct matrices m;
    lapack_int columns;

    if (matrices_square("linalg.solve_triangular", self, &m) < 0 ||
        check_equation(self, b, left) < 0)
        return -1;
    memcpy(batch, self->shape, sizeof(batch));
    if (shape_broadcast(&ndim, batch, b->ndim - 2, b->shape) < 0)
        return -1;
    count = shape_numel(ndim, batch);
    a = batch_columns(self, ndim, batch, !left); /* X A = B is A^T X^T = B^T */
    x = a ? batch_columns(b, ndim, batch, !left) : NULL;
    columns = x ? (lapack_int)x->shape[x->ndim - 2] : 0;
    for (int64_t i = 0; x && i < count && m.rows > 0 && columns > 0; i++)
        LAPACK_CALL(&m, trtrs, upper == left ? 'U' : 'L', 'N', unit ? 'U' : 'N', m.rows, columns,
                    batch_at(a, count, i), m.rows, batch_at(x, count, i), m.rows);
    tensor_unref(a);
    if (left || !x)
        return op_give(op, columns_turned(x), out);
    /* The buffer's rows are the columns of X^T: as it lies, it is X. */
    return op_give(op, x, out);
}

/* ---- by Cholesky factors: A = L L^H, or U^H U ---- */

int cholesky_solve_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *b = args[0].tensor, *factor = args[1].tensor, *a, *x;
    int64_t batch[TENSOR_MAX_DIMS], count;
    int ndim = factor->ndim - 2;
    struct matrices m;
    lapack_int columns;

    if (b->ndim < 2 || factor->ndim < 2)
        return error_set(ERROR_RUNTIME,
                         "%s should have at least 2 dimensions, but has %d dimensions instead",
                         b->ndim < 2 ? "b" : "u", b->ndim < 2 ? b->ndim : factor->ndim);
    if (matrices_square("cholesky_solve", factor, &m) < 0)
        return -1;
    if (b->dtype != factor->dtype)
        return error_set(ERROR_RUNTIME,
                         "Expected b and A to have the same dtype, but found b of type %s and A of "
                         "type %s instead",
                         dtype_short_name(tensor_dtype(b)), dtype_short_name(tensor_dtype(factor)));
    if (b->shape[b->ndim - 2] != m.rows)
        return error_set(ERROR_RUNTIME,
                         "Incompatible matrix sizes for cholesky_solve: each A matrix is %d by %d "
                         "but each b matrix is %lld by %lld",
                         (int)m.rows, (int)m.rows, (long long)b->shape[b->ndim - 2],
                         (long long)b->shape[b->ndim - 1]);
    memcpy(batch, factor->shape, sizeof(batch));
    if (shape_broadcast(&ndim, batch, b->ndim - 2, b->shape) < 0)
        return -1;
    count = shape_numel(ndim, batch);
    a = batch_columns(factor, ndim, batch, false);
    x = a ? batch_columns(b, ndim, batch, false) : NULL;
    columns = (lapack_int)b->shape[b->ndim - 1];
    for (int64_t i = 0; x && i < count && m.rows > 0 && columns > 0; i++)
        LAPACK_CALL(&m, potrs, args[2].i ? 'U' : 'L', m.rows, columns, batch_at(a, count, i),
                    m.rows, batch_at(x, count, i), m.rows);
    tensor_unref(a);
    return op_give(op, columns_turned(x), out);
}

/* potri leaves one triangle: the other is its conjugate. */
static void mirror(const struct matrices *m, enum dtype dtype, char *matrix, bool upper)
{
    for (int64_t j = 0; j < m->rows; j++) {
        for (int64_t i = j + 1; i < m->rows; i++) {
            char *low = matrix + (size_t)(j * m->rows + i) * m->size;
            char *high = matrix + (size_t)(i * m->rows + j) * m->size;
            struct scalar s = dtype_load(dtype, upper ? high : low);

            s.im = -s.im;
            dtype_store(dtype, upper ? low : high, s);
        }
    }
}

int cholesky_inverse_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *buffer;
    bool upper = args[1].i;
    char place[48];
    struct matrices m;
    lapack_int info = 0;
    int64_t i;

    if (matrices_square("cholesky_inverse", self, &m) < 0)
        return -1;
    buffer = columns_of(self);
    for (i = 0; buffer && i < m.count && m.rows > 0 && info == 0; i++) {
        info =
            LAPACK_CALL(&m, potri, upper ? 'U' : 'L', m.rows, batch_at(buffer, m.count, i), m.rows);
        mirror(&m, tensor_dtype(self), batch_at(buffer, m.count, i), upper);
    }
    if (info > 0) {
        tensor_unref(buffer);
        return error_set(ERROR_LINALG,
                         "cholesky_inverse: %sThe diagonal element %d is zero, the inversion could "
                         "not be completed because the input matrix is singular.",
                         batch_place(self, i - 1, place, sizeof(place)), (int)info);
    }
    return op_give(op, columns_turned(buffer), out);
}
