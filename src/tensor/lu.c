/* What an LU factorisation gives: solutions, inverses, determinants. */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/complex_math.h"
#include "tensor/lapack.h"

#include <string.h>

/* PA = LU of a batch. A contiguous tensor is factored as it lies, which is transposed to LAPACK. */
struct lu {
    struct matrices m;
    struct tensor *factors;
    lapack_int *pivots, *info; /* rows a matrix; one a matrix: 0, or the place of a zero in U */
    char transposed;           /* 'T' or 'N' */
};

static void lu_release(struct lu *lu)
{
    tensor_unref(lu->factors);
    mem_free(lu->pivots);
    mem_free(lu->info);
}

static int lu_init(struct lu *lu, const char *name, const struct tensor *t)
{
    void *token;

    memset(lu, 0, sizeof(*lu));
    if (matrices_square(name, t, &lu->m) < 0)
        return -1;
    lu->transposed = tensor_is_contiguous(t) ? 'T' : 'N';
    lu->factors = lu->transposed == 'T' ? tensor_clone(t) : columns_of(t);
    lu->pivots = mem_zero((size_t)(lu->m.count * lu->m.rows), sizeof(*lu->pivots));
    lu->info = mem_zero((size_t)lu->m.count, sizeof(*lu->info));
    if (!lu->factors || !lu->pivots || !lu->info) {
        lu_release(lu);
        return -1;
    }
    token = lapack_begin((double)lu->m.count * pow(lu->m.rows, 3));
    for (int64_t i = 0; i < lu->m.count && lu->m.rows > 0; i++)
        lu->info[i] = LAPACK_CALL(&lu->m, getrf, lu->m.rows, lu->m.rows,
                                  batch_at(lu->factors, lu->m.count, i), lu->m.rows,
                                  lu->pivots + i * lu->m.rows);
    lapack_end(token);
    return 0;
}

/* The first matrix of the batch that is singular, or -1. */
static int64_t lu_singular(const struct lu *lu)
{
    for (int64_t i = 0; i < lu->m.count; i++) {
        if (lu->info[i] > 0)
            return i;
    }
    return -1;
}

/* Replaces the columns of b by solutions. */
static void lu_solve(const struct lu *lu, struct tensor *b, lapack_int columns)
{
    lapack_int n = lu->m.rows;
    void *token = lapack_begin((double)lu->m.count * n * n * columns);

    for (int64_t i = 0; i < lu->m.count && n > 0 && columns > 0; i++)
        LAPACK_CALL(&lu->m, getrs, lu->transposed, n, columns,
                    batch_at(lu->factors, lu->m.count, i), n, lu->pivots + i * n,
                    batch_at(b, lu->m.count, i), n);
    lapack_end(token);
}

static struct tensor *lu_info(const struct lu *lu, const struct tensor *like)
{
    struct tensor *info = batch_new(like, DTYPE_i32, -1);

    for (int64_t i = 0; info && i < lu->m.count; i++)
        ((int32_t *)tensor_data(info))[i] = lu->info[i];
    return info;
}

/* ---- inverse and solutions ---- */

int linalg_inv_ex_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *buffer, *results[2];
    char place[48];
    struct lu lu;
    int64_t bad;

    if (lu_init(&lu, "linalg.inv", self) < 0)
        return -1;
    bad = lu_singular(&lu);
    if (args[1].i && bad >= 0) {
        error_set(ERROR_LINALG,
                  "linalg.inv: %sThe diagonal element %d is zero, the inversion could not be "
                  "completed because the input matrix is singular.",
                  batch_place(self, bad, place, sizeof(place)), (int)lu.info[bad]);
        lu_release(&lu);
        return -1;
    }
    buffer = columns_new(self, lu.m.rows, lu.m.rows);
    if (buffer) {
        columns_unit(buffer);
        lu_solve(&lu, buffer, lu.m.rows);
    }
    results[0] = columns_turned(buffer);
    results[1] = lu_info(&lu, self);
    lu_release(&lu);
    return op_give_several(op, 2, results, out);
}

/* Both have the same batch dimensions already; `vector`: B has one dimension less than A. */
int linalg_solve_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[0].tensor, *b = args[1].tensor, *buffer, *results[2];
    bool vector = args[2].i;
    char place[48];
    struct lu lu;
    int64_t bad;

    if (lu_init(&lu, "linalg.solve", a) < 0)
        return -1;
    bad = lu_singular(&lu);
    if (bad >= 0) {
        lu_release(&lu);
        return error_set(ERROR_LINALG,
                         "torch.linalg.solve: %sThe solver failed because the input matrix is "
                         "singular.",
                         batch_place(a, bad, place, sizeof(place)));
    }
    if (vector) {
        results[0] = tensor_new_like(b, DTYPE_NONE);
        if (results[0] && tensor_copy(results[0], b) == 0)
            lu_solve(&lu, results[0], 1);
    } else {
        buffer = columns_of(b);
        if (buffer)
            lu_solve(&lu, buffer, (lapack_int)b->shape[b->ndim - 1]);
        results[0] = columns_turned(buffer);
    }
    results[1] = lu_info(&lu, a);
    lu_release(&lu);
    return op_give_several(op, 2, results, out);
}

/* ---- determinants ---- */

/* Element k of the diagonal; of real numbers its imaginary part is 0. */
static double _Complex diagonal_at(const struct lu *lu, int64_t i, int64_t k)
{
    const char *matrix = batch_at(lu->factors, lu->m.count, i);
    struct scalar x =
        dtype_load(tensor_dtype(lu->factors), matrix + (size_t)(k * (lu->m.rows + 1)) * lu->m.size);

    return __builtin_complex(x.d, x.im);
}

/* -1 when the rows were exchanged an odd number of times. */
static int pivot_sign(const struct lu *lu, int64_t i)
{
    int sign = 1;

    for (lapack_int k = 0; k < lu->m.rows; k++) {
        if (lu->pivots[i * lu->m.rows + k] != k + 1)
            sign = -sign;
    }
    return sign;
}

static void store(struct tensor *t, int64_t i, double _Complex x)
{
    dtype_store(tensor_dtype(t), batch_at(t, t->numel, i), scalar_complex(creal(x), cimag(x)));
}

/* A product as the dtype rounds it. */
static double _Complex times(const struct lu *lu, double _Complex x, double _Complex y)
{
    return lu->m.single ? c_mul((float _Complex)x, (float _Complex)y) : c_mul(x, y);
}

int linalg_det_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *result;
    struct lu lu;

    if (lu_init(&lu, "linalg.det", self) < 0)
        return -1;
    result = batch_new(self, tensor_dtype(self), -1);
    for (int64_t i = 0; result && i < lu.m.count; i++) {
        double _Complex det = 1;

        for (lapack_int k = 0; k < lu.m.rows; k++)
            det = times(&lu, det, diagonal_at(&lu, i, k));
        store(result, i, det * pivot_sign(&lu, i));
    }
    lu_release(&lu);
    return op_give(op, result, out);
}

/* x / |x|, and 0 of 0. */
static double _Complex direction(double _Complex x)
{
    if (cimag(x) == 0 && creal(x) == creal(x))
        return (creal(x) > 0) - (creal(x) < 0);
    return x / cabs(x);
}

int linalg_slogdet_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *results[2];
    struct lu lu;

    if (lu_init(&lu, "linalg.slogdet", self) < 0)
        return -1;
    results[0] = batch_new(self, tensor_dtype(self), -1);
    results[1] = batch_new(self, lu.m.part, -1);
    for (int64_t i = 0; results[0] && results[1] && i < lu.m.count; i++) {
        double _Complex sign = pivot_sign(&lu, i);
        double sum = 0;

        for (lapack_int k = 0; k < lu.m.rows; k++) {
            double _Complex x = diagonal_at(&lu, i, k);

            sign = c_mul(sign, direction(x));
            sum += log(cabs(x));
        }
        store(results[0], i, sign);
        store(results[1], i, sum);
    }
    lu_release(&lu);
    return op_give_several(op, 2, results, out);
}
