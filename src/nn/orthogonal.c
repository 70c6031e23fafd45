/* Orthogonal initialisation: the Q of a random matrix. */
#include "base/error.h"
#include "base/mem.h"
#include "nn/init.h"
#include "tensor/random.h"

#include <math.h>

/* One column minus its parts along the columns before it. */
static void remove_earlier(double *m, int64_t rows, int64_t cols, int64_t column)
{
    for (int64_t k = 0; k < column; k++) {
        double along = 0;

        for (int64_t i = 0; i < rows; i++)
            along += m[i * cols + k] * m[i * cols + column];
        for (int64_t i = 0; i < rows; i++)
            m[i * cols + column] -= along * m[i * cols + k];
    }
}

/* Replaces the (rows, cols) matrix, rows >= cols, by the Q of its QR factorisation whose R has a
 * positive diagonal: then Q is drawn evenly from all orthogonal matrices. That Q is what
 * Gram-Schmidt gives; done twice it is orthogonal to the last digit. */
static void make_orthogonal(double *m, int64_t rows, int64_t cols)
{
    for (int64_t column = 0; column < cols; column++) {
        double norm = 0;

        remove_earlier(m, rows, cols, column);
        remove_earlier(m, rows, cols, column);
        for (int64_t i = 0; i < rows; i++)
            norm += m[i * cols + column] * m[i * cols + column];
        norm = sqrt(norm);
        for (int64_t i = 0; norm > 0 && i < rows; i++)
            m[i * cols + column] /= norm;
    }
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
    m = mem_array((size_t)t->numel, sizeof(*m));
    status = drawn && m ? random_normal(drawn, 0, 1, NULL) : -1;
    /* The numbers are drawn row by row; a wide matrix is factored lying on its side. */
    for (int64_t i = 0; status == 0 && i < t->numel; i++) {
        int64_t at = rows >= cols ? i : i % cols * shorter + i / cols;
        const char *from = tensor_data(drawn) + i * (int64_t)dtype_size(tensor_dtype(t));

        m[at] = dtype_load(tensor_dtype(t), from).d;
    }
    if (status == 0)
        make_orthogonal(m, longer, shorter);
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
