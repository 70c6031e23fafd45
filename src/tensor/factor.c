/* Factorisations of matrices: eigenvalues, singular values, Cholesky, QR. */
#include "base/error.h"
#include "tensor/lapack.h"

#include <string.h>

static double cubed(const struct matrices *m)
{
    double longer = m->rows > m->cols ? m->rows : m->cols;

    return longer * longer * longer * (double)m->count;
}

/* An empty result, for what was not asked for. */
static struct tensor *nothing(const struct tensor *like)
{
    return tensor_new(tensor_dtype(like), 1, (int64_t[]){0});
}

static int no_memory(void)
{
    return error_set(ERROR_MEMORY, "there is not enough memory for LAPACK's work");
}

/* ---- symmetric matrices ---- */

int linalg_eigh_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *results[2], *vectors;
    char uplo = args[1].text[0], place[48];
    bool wanted = args[2].i;
    struct matrices m;
    lapack_int info = 0;
    int64_t i;
    void *token;

    if (matrices_square("linalg.eigh", self, &m) < 0)
        return -1;
    if (strlen(args[1].text) != 1 || !strchr("LUlu", uplo))
        return error_set(ERROR_RUNTIME, "Expected UPLO argument to be 'L' or 'U', but got %s",
                         args[1].text);
    results[0] = batch_new(self, m.part, m.rows);
    vectors = columns_of(self);
    if (!results[0] || !vectors) {
        tensor_unref(results[0]);
        tensor_unref(vectors);
        return -1;
    }
    token = lapack_begin(cubed(&m));
    for (i = 0; i < m.count && m.rows > 0 && info == 0; i++)
        info =
            LAPACK_CALL2(&m, syevd, heevd, wanted ? 'V' : 'N', uplo, m.rows,
                         batch_at(vectors, m.count, i), m.rows, batch_at(results[0], m.count, i));
    lapack_end(token);
    if (info != 0) {
        tensor_unref(results[0]);
        tensor_unref(vectors);
        if (info < 0)
            return no_memory();
        return error_set(ERROR_LINALG,
                         "linalg.eigh: %sThe algorithm failed to converge because the input matrix "
                         "is ill-conditioned or has too many repeated eigenvalues (error code: "
                         "%d).",
                         batch_place(self, i - 1, place, sizeof(place)), (int)info);
    }
    results[1] = columns_turned(vectors);
    if (!wanted) {
        tensor_unref(results[1]);
        results[1] = nothing(self);
    }
    return op_give_several(op, 2, results, out);
}

/* Zeros where potrf leaves what was there. */
static void clear_other_triangle(const struct matrices *m, char *matrix, bool upper)
{
    size_t size = m->size, n = (size_t)m->rows;

    for (size_t j = 0; j < n; j++) {
        if (upper)
            memset(matrix + size * (j * n + j + 1), 0, size * (n - j - 1));
        else
            memset(matrix + size * j * n, 0, size * j);
    }
}

int linalg_cholesky_ex_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *buffer, *results[2];
    bool upper = args[1].i, check = args[2].i;
    char place[48];
    struct matrices m;
    int64_t bad = -1;
    void *token;

    if (matrices_square("linalg.cholesky", self, &m) < 0)
        return -1;
    buffer = columns_of(self);
    results[1] = batch_new(self, DTYPE_i32, -1);
    token = lapack_begin(cubed(&m));
    for (int64_t i = 0; buffer && results[1] && i < m.count; i++) {
        int32_t *info = batch_at(results[1], m.count, i);

        *info = m.rows == 0 ? 0
                            : LAPACK_CALL(&m, potrf, upper ? 'U' : 'L', m.rows,
                                          batch_at(buffer, m.count, i), m.rows);
        clear_other_triangle(&m, batch_at(buffer, m.count, i), upper);
        if (*info != 0 && bad < 0)
            bad = i;
    }
    lapack_end(token);
    if (check && bad >= 0) {
        error_set(ERROR_LINALG,
                  "linalg.cholesky: %sThe factorization could not be completed because the input "
                  "is not positive-definite (the leading minor of order %d is not "
                  "positive-definite).",
                  batch_place(self, bad, place, sizeof(place)),
                  *(int32_t *)batch_at(results[1], m.count, bad));
        tensor_unref(buffer);
        tensor_unref(results[1]);
        return -1;
    }
    results[0] = columns_turned(buffer);
    return op_give_several(op, 2, results, out);
}

/* ---- singular values ---- */

struct svd {
    struct matrices m;
    char job;
    struct tensor *a, *u, *s, *vh; /* columns, but for s */
};

static lapack_int svd_run(struct svd *svd)
{
    const struct matrices *m = &svd->m;
    lapack_int least = m->rows < m->cols ? m->rows : m->cols, info = 0;
    lapack_int vh_rows = svd->job == 'A' ? m->cols : least;

    if (least == 0) {
        if (svd->job == 'A') { /* nothing to span: any orthogonal matrices do */
            columns_unit(svd->u);
            columns_unit(svd->vh);
        }
        return 0;
    }
    for (int64_t i = 0; i < m->count && info == 0; i++)
        info = LAPACK_CALL(m, gesdd, svd->job, m->rows, m->cols, batch_at(svd->a, m->count, i),
                           m->rows, batch_at(svd->s, m->count, i), batch_at(svd->u, m->count, i),
                           m->rows, batch_at(svd->vh, m->count, i), vh_rows);
    return info;
}

int linalg_svd_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *results[3];
    bool full = args[1].i, wanted = args[2].i;
    struct svd svd;
    int64_t least;
    lapack_int info = 0;
    void *token;

    if (matrices_of("linalg.svd", self, &svd.m) < 0)
        return -1;
    least = svd.m.rows < svd.m.cols ? svd.m.rows : svd.m.cols;
    svd.job = !wanted ? 'N' : full ? 'A' : 'S';
    svd.a = columns_of(self);
    svd.u = columns_new(self, svd.m.rows, full ? svd.m.rows : least);
    svd.vh = columns_new(self, full ? svd.m.cols : least, svd.m.cols);
    svd.s = batch_new(self, svd.m.part, least);
    token = lapack_begin(cubed(&svd.m));
    if (svd.a && svd.u && svd.vh && svd.s)
        info = svd_run(&svd);
    lapack_end(token);
    if (info > 0)
        error_set(ERROR_LINALG,
                  "linalg.svd: The algorithm failed to converge because the input matrix is "
                  "ill-conditioned or has too many repeated singular values (error code: %d).",
                  (int)info);
    else if (info == -5)
        error_set(ERROR_LINALG, "linalg.svd: The algorithm failed to converge because the input "
                                "matrix contained non-finite values.");
    else if (info < 0)
        no_memory();
    if (!svd.a || info != 0) {
        tensor_unref(svd.s);
        svd.s = NULL;
    }
    tensor_unref(svd.a);
    results[0] = wanted ? columns_turned(svd.u) : nothing(self);
    results[1] = svd.s;
    results[2] = wanted ? columns_turned(svd.vh) : nothing(self);
    if (!wanted) {
        tensor_unref(svd.u);
        tensor_unref(svd.vh);
    }
    return op_give_several(op, 3, results, out);
}

/* ---- QR ---- */

/* The upper triangle of the first `rows` rows of a factored matrix. */
static void take_r(const struct matrices *m, const struct tensor *factored, int64_t i,
                   lapack_int rows, void *r)
{
    size_t size = m->size;
    const char *from = batch_at(factored, m->count, i);

    memset(r, 0, size * (size_t)rows * (size_t)m->cols);
    for (lapack_int j = 0; j < m->cols; j++)
        memcpy((char *)r + size * (size_t)j * (size_t)rows,
               from + size * (size_t)j * (size_t)m->rows,
               size * (size_t)(j + 1 < rows ? j + 1 : rows));
}

/* Factors in place; Q of q_cols columns goes to q (NULL: not wanted), R of r_rows rows to r. */
static lapack_int qr_run(const struct matrices *m, struct tensor *a, struct tensor *tau,
                         struct tensor *q, lapack_int q_cols, struct tensor *r, lapack_int r_rows)
{
    size_t size = m->size;
    lapack_int least = m->rows < m->cols ? m->rows : m->cols, info = 0;

    for (int64_t i = 0; i < m->count && info == 0; i++) {
        void *matrix = batch_at(a, m->count, i), *t = batch_at(tau, m->count, i), *into;

        if (least > 0)
            info = LAPACK_CALL(m, geqrf, m->rows, m->cols, matrix, m->rows, t);
        take_r(m, a, i, r_rows, batch_at(r, m->count, i));
        if (!q || q_cols == 0 || info != 0)
            continue;
        into = batch_at(q, m->count, i);
        memset(into, 0, size * (size_t)m->rows * (size_t)q_cols);
        memcpy(into, matrix,
               size * (size_t)m->rows * (size_t)(q_cols < m->cols ? q_cols : m->cols));
        info = LAPACK_CALL2(m, orgqr, ungqr, m->rows, q_cols, least, into, m->rows, t);
    }
    return info;
}

int linalg_qr_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *a, *tau, *q, *r, *results[2];
    const char *mode = args[1].text;
    bool complete = strcmp(mode, "complete") == 0, only_r = strcmp(mode, "r") == 0;
    struct matrices m;
    lapack_int least, cols, info = 0;
    void *token;

    if (!complete && !only_r && strcmp(mode, "reduced") != 0)
        return error_set(ERROR_RUNTIME,
                         "qr received unrecognized mode '%s' but expected one of 'reduced' "
                         "(default), 'r', or 'complete'",
                         mode);
    if (matrices_of("linalg.qr", self, &m) < 0)
        return -1;
    least = m.rows < m.cols ? m.rows : m.cols;
    cols = complete ? m.rows : least;
    a = columns_of(self);
    tau = batch_new(self, tensor_dtype(self), least);
    q = only_r ? nothing(self) : columns_new(self, m.rows, cols);
    r = columns_new(self, cols, m.cols);
    token = lapack_begin(cubed(&m));
    if (a && tau && q && r)
        info = qr_run(&m, a, tau, only_r ? NULL : q, cols, r, cols);
    lapack_end(token);
    if (!a || !tau || info != 0) {
        if (info != 0)
            no_memory();
        tensor_unref(r);
        r = NULL;
    }
    tensor_unref(a);
    tensor_unref(tau);
    results[0] = only_r ? q : columns_turned(q);
    results[1] = columns_turned(r);
    return op_give_several(op, 2, results, out);
}

/* ---- any square matrix ---- */

/* geev gives the vectors of a pair a + bi, a - bi as two columns, real and imaginary part. */
int eig_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *a, *values, *vectors, *results[2];
    bool wanted = args[1].i;
    struct matrices m;
    lapack_int info = 0;
    void *token;

    if (self->ndim != 2)
        return error_set(ERROR_RUNTIME, "eig: expected a matrix, but got a tensor of %d dimensions",
                         self->ndim);
    if (matrices_square("eig", self, &m) < 0)
        return -1;
    a = columns_of(self);
    values = columns_new(self, m.rows, 2);
    vectors = columns_new(self, wanted ? m.rows : 1, wanted ? m.rows : 0);
    token = lapack_begin(cubed(&m));
    if (a && values && vectors && m.rows > 0)
        info = LAPACK_REAL(&m, geev, 'N', wanted ? 'V' : 'N', m.rows, batch_at(a, 1, 0), m.rows,
                           batch_at(values, 2, 0), batch_at(values, 2, 1), NULL, 1,
                           batch_at(vectors, 1, 0), m.rows);
    lapack_end(token);
    if (info > 0)
        error_set(ERROR_LINALG,
                  "eig: the off-diagonal elements of a part of the matrix did not "
                  "converge to zero (error code: %d)",
                  (int)info);
    else if (info < 0)
        no_memory();
    if (!a || info != 0) {
        tensor_unref(values);
        values = NULL;
    }
    tensor_unref(a);
    results[0] = columns_turned(values);
    results[1] = columns_turned(vectors);
    if (!wanted) {
        tensor_unref(results[1]);
        results[1] = nothing(self);
    }
    return op_give_several(op, 2, results, out);
}
