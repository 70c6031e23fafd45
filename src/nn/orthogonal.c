/* Orthogonal initialisation: the Q of a random matrix. */
#include "base/error.h"
#include "base/mem.h"
#include "nn/init.h"
#include "tensor/random.h"

#include <lapacke.h>
#include <math.h>

/* Replaces the (rows, cols) matrix, rows >= cols, by the Q of its QR factorisation, with signs such
 * that the diagonal of R is positive: then Q is drawn evenly from all orthogonal matrices. */
static int make_orthogonal(double *m, int rows, int cols)
{
    double *tau = mem_alloc((size_t)cols * sizeof(*tau));
    double *signs = mem_alloc((size_t)cols * sizeof(*signs));
    int info = -1;

    if (tau && signs) {
        info = LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, rows, cols, m, cols, tau);
        for (int i = 0; i < cols; i++)
            signs[i] = m[(size_t)i * (size_t)cols + (size_t)i] < 0 ? -1 : 1;
        if (info == 0)
            info = LAPACKE_dorgqr(LAPACK_ROW_MAJOR, rows, cols, cols, m, cols, tau);
        for (int i = 0; i < rows * cols; i++)
            m[i] *= signs[i % cols];
        if (info != 0)
            error_set(ERROR_RUNTIME, "orthogonal_: the QR factorisation failed");
    }
    mem_free(tau);
    mem_free(signs);
    return info == 0 ? 0 : -1;
}

int nn_orthogonal(struct tensor *t, double gain)
{
    int64_t rows, cols, longer, shorter;
    struct tensor *drawn;
    double *m;
    int status;

    if (t->ndim < 2)
        return error_set(ERROR_VALUE, "Only tensors with 2 or more dimensions are supported");
    if (t->numel == 0)
        return 0;
    rows = t->shape[0];
    cols = t->numel / rows;
    longer = rows > cols ? rows : cols;
    shorter = rows > cols ? cols : rows;
    drawn = tensor_new_like(t, DTYPE_NONE);
    m = mem_alloc((size_t)t->numel * sizeof(*m));
    status = drawn && m ? random_normal(drawn, 0, 1, NULL) : -1;
    /* The numbers are drawn row by row; a wide matrix is factored lying on its side. */
    for (int64_t i = 0; status == 0 && i < t->numel; i++) {
        int64_t at = rows >= cols ? i : i % cols * shorter + i / cols;
        const char *from = tensor_data(drawn) + i * (int64_t)dtype_size(tensor_dtype(t));

        m[at] = dtype_load(tensor_dtype(t), from).d;
    }
    if (status == 0)
        status = make_orthogonal(m, (int)longer, (int)shorter);
    for (int64_t i = 0; status == 0 && i < t->numel; i++) {
        int64_t at = rows >= cols ? i : i % cols * shorter + i / cols;
        char *to = tensor_data(drawn) + i * (int64_t)dtype_size(tensor_dtype(t));

        dtype_store(tensor_dtype(t), to, scalar_float(m[at] * gain));
    }
    if (status == 0 && (status = tensor_copy(t, drawn)) == 0)
        tensor_bump(t);
    tensor_unref(drawn);
    mem_free(m);
    return status;
}
