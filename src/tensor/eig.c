/* Eigenvalues and eigenvectors of any square matrix: complex numbers, whatever the matrix holds. */
#include "base/error.h"
#include "tensor/complex_math.h"
#include "tensor/lapack.h"

/* Eigenvectors of a real matrix as LAPACK gives them: those of a pair a + bi, a - bi are two
 * columns, real and imaginary part. */
#define PAIRS(T, id)                                                                               \
    static void values_##id(lapack_int n, const T *re, const T *im, T _Complex *values)            \
    {                                                                                              \
        for (lapack_int j = 0; j < n; j++)                                                         \
            values[j] = __builtin_complex(re[j], im[j]);                                           \
    }                                                                                              \
    static void vectors_##id(lapack_int n, const T *im, const T *columns, T _Complex *vectors)     \
    {                                                                                              \
        for (lapack_int j = 0; j < n; j++) {                                                       \
            const T *x = columns + (int64_t)j * n, *y = x + n;                                     \
            T _Complex *v = vectors + (int64_t)j * n;                                              \
            bool pair = im[j] != 0 && j + 1 < n;                                                   \
            for (lapack_int i = 0; i < n; i++) {                                                   \
                v[i] = __builtin_complex(x[i], pair ? y[i] : (T)0);                                \
                if (pair)                                                                          \
                    v[n + i] = __builtin_complex(x[i], -y[i]);                                     \
            }                                                                                      \
            j += pair;                                                                             \
        }                                                                                          \
    }
PAIRS(float, f32)
PAIRS(double, f64)

struct eig {
    struct matrices m;
    struct tensor *a;       /* columns; destroyed */
    struct tensor *parts;   /* real input: real parts of the values, imaginary parts, vectors */
    struct tensor *values;  /* (..., n) */
    struct tensor *vectors; /* columns, or NULL */
};

static lapack_int real_matrix(struct eig *e, int64_t i)
{
    const lapack_int n = e->m.rows;
    char *re = tensor_data(e->parts), *at;
    const int64_t size = (int64_t)dtype_size(tensor_dtype(e->parts));
    char *im = re + n * size, *columns = im + n * size;
    lapack_int info;

    info = LAPACK_REAL(&e->m, geev, 'N', e->vectors ? 'V' : 'N', n, batch_at(e->a, e->m.count, i),
                       n, (void *)re, (void *)im, NULL, 1, e->vectors ? (void *)columns : NULL, n);
    if (info != 0)
        return info;
    at = batch_at(e->values, e->m.count, i);
    if (e->m.single)
        values_f32(n, (float *)re, (float *)im, (float _Complex *)at);
    else
        values_f64(n, (double *)re, (double *)im, (double _Complex *)at);
    if (!e->vectors)
        return 0;
    at = batch_at(e->vectors, e->m.count, i);
    if (e->m.single)
        vectors_f32(n, (float *)im, (float *)columns, (float _Complex *)at);
    else
        vectors_f64(n, (double *)im, (double *)columns, (double _Complex *)at);
    return 0;
}

static lapack_int complex_matrix(struct eig *e, int64_t i)
{
    const lapack_int n = e->m.rows;
    void *vectors = e->vectors ? batch_at(e->vectors, e->m.count, i) : NULL;
    void *a = batch_at(e->a, e->m.count, i), *values = batch_at(e->values, e->m.count, i);
    char wanted = e->vectors ? 'V' : 'N';

    if (e->m.single)
        return LAPACKE_cgeev(LAPACK_COL_MAJOR, 'N', wanted, n, a, n, values, NULL, 1, vectors, n);
    return LAPACKE_zgeev(LAPACK_COL_MAJOR, 'N', wanted, n, a, n, values, NULL, 1, vectors, n);
}

static int run(struct eig *e, const char *name)
{
    void *token = lapack_begin(10.0 * e->m.rows * e->m.rows * e->m.rows * (double)e->m.count);
    lapack_int info = 0;

    for (int64_t i = 0; i < e->m.count && e->m.rows > 0 && info == 0; i++)
        info = e->m.is_complex ? complex_matrix(e, i) : real_matrix(e, i);
    lapack_end(token);
    if (info > 0)
        return error_set(ERROR_LINALG,
                         "%s: The algorithm failed to converge because the input matrix is "
                         "ill-conditioned or has too many repeated eigenvalues (error code: %d).",
                         name, (int)info);
    return info < 0 ? error_set(ERROR_MEMORY, "out of memory in %s", name) : 0;
}

static int check_finite(const struct tensor *t, const char *name)
{
    const int64_t size = (int64_t)dtype_size(tensor_dtype(t));

    for (int64_t i = 0; i < t->numel; i++) { /* contiguous */
        struct scalar s = dtype_load(tensor_dtype(t), tensor_data(t) + i * size);

        if (!isfinite(s.d) || !isfinite(s.im))
            return error_set(ERROR_RUNTIME,
                             "torch.%s: input tensor should not contain infs or NaNs.", name);
    }
    return 0;
}

int linalg_eig_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *results[2] = {NULL};
    const char *name = args[1].i ? "linalg.eig" : "linalg.eigvals";
    enum dtype dtype = dtype_to_complex(tensor_dtype(self));
    struct eig e = {.a = NULL};
    int64_t n, shape[TENSOR_MAX_DIMS];
    int status = -1;

    if (matrices_square(name, self, &e.m) < 0)
        return -1;
    n = e.m.rows;
    for (int d = 0; d < self->ndim; d++)
        shape[d] = self->shape[d];
    e.a = columns_of(self);
    e.parts = tensor_new(dtype_infos[dtype].part, 2, (int64_t[]){n + 2, n});
    e.values = batch_new(self, dtype, n);
    e.vectors = args[1].i ? tensor_new(dtype, self->ndim, shape) : NULL;
    if (e.a && e.parts && e.values && (e.vectors || !args[1].i) && check_finite(e.a, name) == 0)
        status = run(&e, name);
    if (status == 0) {
        results[0] = e.values;
        results[1] = e.vectors ? columns_turned(e.vectors) : tensor_new(dtype, 1, (int64_t[]){0});
        e.values = e.vectors = NULL;
    }
    tensor_unref(e.a);
    tensor_unref(e.parts);
    tensor_unref(e.values);
    tensor_unref(e.vectors);
    return status < 0 ? -1 : op_give_several(op, 2, results, out);
}
