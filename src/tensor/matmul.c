/* Matrix products by OpenBLAS; whole numbers by loops. */
#include "base/error.h"
#include "tensor/op.h"

#include <cblas.h>
#include <string.h>

/* Products of more multiplications than this let others run meanwhile. */
enum { LONG_PRODUCT = 4 << 20 };

static int check_types(const struct op *op, const struct tensor *a, const struct tensor *b)
{
    if (op_same_type(a, b))
        return op_check_number(op, a);
    if (op->id == OP_addmm)
        return error_set(ERROR_RUNTIME, "mat1 and mat2 must have the same dtype");
    return error_set(ERROR_RUNTIME, "expected scalar type %s but found %s",
                     dtype_short_name(op_given_type(a)), dtype_short_name(op_given_type(b)));
}

/* A matrix as BLAS sees it: rows or columns lie behind one another. Otherwise a copy is made. */
struct blas_matrix {
    struct tensor *own;
    const void *data;
    CBLAS_TRANSPOSE transpose;
    blasint step;
};

static bool fits_blas(const int64_t *shape, const int64_t *stride)
{
    return (stride[1] == 1 || shape[1] == 1) && (stride[0] >= shape[1] || shape[0] == 1) &&
           stride[0] > 0;
}

static int blas_matrix(struct blas_matrix *m, struct tensor *t, const void *data,
                       const int64_t *shape, const int64_t *stride)
{
    int64_t turned_shape[2] = {shape[1], shape[0]}, turned[2] = {stride[1], stride[0]};
    struct tensor *view;

    m->own = NULL;
    m->data = data;
    if (fits_blas(shape, stride)) {
        m->transpose = CblasNoTrans;
        m->step = (blasint)(stride[0] > shape[1] ? stride[0] : shape[1]);
    } else if (fits_blas(turned_shape, turned)) {
        m->transpose = CblasTrans;
        m->step = (blasint)(stride[1] > shape[0] ? stride[1] : shape[0]);
    } else {
        view = tensor_view(t, 2, shape, stride,
                           ((const char *)data - t->storage->data) /
                               (int64_t)dtype_size(tensor_dtype(t)));
        m->own = view ? tensor_clone(view) : NULL;
        tensor_unref(view);
        if (!m->own)
            return -1;
        m->data = tensor_data(m->own);
        m->transpose = CblasNoTrans;
        m->step = (blasint)shape[1];
    }
    if (m->step < 1)
        m->step = 1;
    return 0;
}

/* c[i][j] += a[i][k] * b[k][j] for types that BLAS does not know; all contiguous or not, c
 * contiguous. */
#define WHOLE_PRODUCT(id, T)                                                                       \
    static void product_##id(int64_t n, int64_t k, int64_t m, const char *a, const int64_t *as,    \
                             const char *b, const int64_t *bs, char *c)                            \
    {                                                                                              \
        T *out = (T *)c;                                                                           \
        memset(out, 0, (size_t)(n * m) * sizeof(T));                                               \
        for (int64_t i = 0; i < n; i++) {                                                          \
            for (int64_t l = 0; l < k; l++) {                                                      \
                T x = ((const T *)a)[i * as[0] + l * as[1]];                                       \
                for (int64_t j = 0; j < m; j++)                                                    \
                    out[i * m + j] =                                                               \
                        (T)(out[i * m + j] + x * ((const T *)b)[l * bs[0] + j * bs[1]]);           \
            }                                                                                      \
        }                                                                                          \
    }
WHOLE_PRODUCT(u8, uint8_t)
WHOLE_PRODUCT(i8, int8_t)
WHOLE_PRODUCT(i16, int16_t)
WHOLE_PRODUCT(i32, int32_t)
WHOLE_PRODUCT(i64, int64_t)

static void whole_product(enum dtype dtype, int64_t n, int64_t k, int64_t m, const char *a,
                          const int64_t *as, const char *b, const int64_t *bs, char *c)
{
    static void (*const products[DTYPE_COUNT])(int64_t, int64_t, int64_t, const char *,
                                               const int64_t *, const char *, const int64_t *,
                                               char *) = {
        [DTYPE_u8] = product_u8,   [DTYPE_i8] = product_i8,   [DTYPE_i16] = product_i16,
        [DTYPE_i32] = product_i32, [DTYPE_i64] = product_i64,
    };

    products[dtype](n, k, m, a, as, b, bs, c);
}

/* Products of a few numbers: a call of BLAS costs more than they do. Each sum is made in order, one
 * rounding for a multiplication and an addition, as BLAS makes it. */
#define SMALL_PRODUCT(name, T, multiply_add, attribute)                                            \
    attribute static void name(int64_t n, int64_t k, int64_t m, const T *a, const int64_t *as,     \
                               const T *b, const int64_t *bs, T *c, T alpha, T beta)               \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            for (int64_t j = 0; j < m; j++) {                                                      \
                T sum = 0;                                                                         \
                for (int64_t l = 0; l < k; l++)                                                    \
                    sum = multiply_add(a[i * as[0] + l * as[1]], b[l * bs[0] + j * bs[1]], sum);   \
                c[i * m + j] = alpha * sum + (beta == 0 ? 0 : beta * c[i * m + j]);                \
            }                                                                                      \
        }                                                                                          \
    }
enum { SMALL = 64 };
SMALL_PRODUCT(small_f32, float, __builtin_fmaf, )
SMALL_PRODUCT(small_f64, double, __builtin_fma, )
#ifdef __x86_64__ /* where the instruction is not certain to be there, fma() is a call */
SMALL_PRODUCT(small_f32_fma, float, __builtin_fmaf, __attribute__((target("fma"))))
SMALL_PRODUCT(small_f64_fma, double, __builtin_fma, __attribute__((target("fma"))))
#endif

/* PyTorch multiplies small matrices of a batch by a loop of its own, which rounds twice. */
enum { SMALL_OF_BATCH = 400 };
#define TWO_ROUNDINGS(x, y, sum) ((sum) + (x) * (y))
SMALL_PRODUCT(batch_f32, float, TWO_ROUNDINGS, )
SMALL_PRODUCT(batch_f64, double, TWO_ROUNDINGS, )

static void small_product(enum dtype dtype, int64_t n, int64_t k, int64_t m, const void *a,
                          const int64_t *as, const void *b, const int64_t *bs, void *c,
                          double alpha, double beta)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("fma")) {
        if (dtype == DTYPE_f32)
            small_f32_fma(n, k, m, a, as, b, bs, c, (float)alpha, (float)beta);
        else
            small_f64_fma(n, k, m, a, as, b, bs, c, alpha, beta);
        return;
    }
#endif
    if (dtype == DTYPE_f32)
        small_f32(n, k, m, a, as, b, bs, c, (float)alpha, (float)beta);
    else
        small_f64(n, k, m, a, as, b, bs, c, alpha, beta);
}

static void complex_product(enum dtype dtype, const struct blas_matrix *x,
                            const struct blas_matrix *y, char *c, int64_t n, int64_t k, int64_t m,
                            double alpha, double beta)
{
    float alpha_f32[2] = {(float)alpha, 0}, beta_f32[2] = {(float)beta, 0};
    double alpha_f64[2] = {alpha, 0}, beta_f64[2] = {beta, 0};

    if (dtype == DTYPE_c64)
        cblas_cgemm(CblasRowMajor, x->transpose, y->transpose, (blasint)n, (blasint)m, (blasint)k,
                    alpha_f32, x->data, x->step, y->data, y->step, beta_f32, c, (blasint)m);
    else
        cblas_zgemm(CblasRowMajor, x->transpose, y->transpose, (blasint)n, (blasint)m, (blasint)k,
                    alpha_f64, x->data, x->step, y->data, y->step, beta_f64, c, (blasint)m);
}

/* c (n, m), contiguous, = alpha * a (n, k) @ b (k, m) + beta * c. Strides in elements. */
static int product(struct tensor *a, const char *a_data, const int64_t *as, struct tensor *b,
                   const char *b_data, const int64_t *bs, char *c, int64_t n, int64_t k, int64_t m,
                   double alpha, double beta)
{
    enum dtype dtype = tensor_dtype(a);
    int64_t a_shape[2] = {n, k}, b_shape[2] = {k, m};
    struct blas_matrix x, y;
    void *token = NULL;

    if (n == 0 || m == 0)
        return 0;
    if (!dtype_is_differentiable(dtype)) {
        whole_product(dtype, n, k, m, a_data, as, b_data, bs, c);
        return 0;
    }
    if (n * k * m <= SMALL && !dtype_is_complex(dtype)) {
        small_product(dtype, n, k, m, a_data, as, b_data, bs, c, alpha, beta);
        return 0;
    }
    if (blas_matrix(&x, a, a_data, a_shape, as) < 0)
        return -1;
    if (blas_matrix(&y, b, b_data, b_shape, bs) < 0) {
        tensor_unref(x.own);
        return -1;
    }
    if (n * k * m > LONG_PRODUCT && tensor_long_begin)
        token = tensor_long_begin();
    if (dtype_is_complex(dtype))
        complex_product(dtype, &x, &y, c, n, k, m, alpha, beta);
    else if (dtype == DTYPE_f32)
        cblas_sgemm(CblasRowMajor, x.transpose, y.transpose, (blasint)n, (blasint)m, (blasint)k,
                    (float)alpha, x.data, x.step, y.data, y.step, (float)beta, (float *)c,
                    (blasint)m);
    else
        cblas_dgemm(CblasRowMajor, x.transpose, y.transpose, (blasint)n, (blasint)m, (blasint)k,
                    alpha, x.data, x.step, y.data, y.step, beta, (double *)c, (blasint)m);
    if (token)
        tensor_long_end(token);
    tensor_unref(x.own);
    tensor_unref(y.own);
    return 0;
}

/* Whether two matrices can be multiplied. */
static int check_inner(const struct tensor *a, const struct tensor *b)
{
    if (a->shape[1] == b->shape[0])
        return 0;
    return error_set(ERROR_RUNTIME,
                     "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)",
                     (long long)a->shape[0], (long long)a->shape[1], (long long)b->shape[0],
                     (long long)b->shape[1]);
}

int mm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[0].tensor, *b = args[1].tensor, *c;

    if (a->ndim != 2)
        return error_set(ERROR_RUNTIME, "self must be a matrix");
    if (b->ndim != 2)
        return error_set(ERROR_RUNTIME, "mat2 must be a matrix");
    if (check_inner(a, b) < 0)
        return -1;
    if (check_types(op, a, b) < 0)
        return -1;
    c = tensor_new(tensor_dtype(a), 2, (int64_t[]){a->shape[0], b->shape[1]});
    if (!c)
        return -1;
    if (product(a, tensor_data(a), a->stride, b, tensor_data(b), b->stride, tensor_data(c),
                a->shape[0], a->shape[1], b->shape[1], 1, 0) < 0) {
        tensor_unref(c);
        return -1;
    }
    return op_give(op, c, out);
}

/* c[i] = a[i] @ b[i] for tensors of three dimensions, c contiguous. */
static int product_of_batch(struct tensor *a, struct tensor *b, struct tensor *c, int64_t i)
{
    const int64_t size = (int64_t)dtype_size(tensor_dtype(a));
    const int64_t n = a->shape[1], k = a->shape[2], m = b->shape[2];
    char *x = tensor_data(a) + i * a->stride[0] * size;
    char *y = tensor_data(b) + i * b->stride[0] * size;
    char *z = tensor_data(c) + i * c->stride[0] * size;

    if (n * k * m >= SMALL_OF_BATCH || (a->dtype != DTYPE_f32 && a->dtype != DTYPE_f64))
        return product(a, x, a->stride + 1, b, y, b->stride + 1, z, n, k, m, 1, 0);
    if (a->dtype == DTYPE_f32)
        batch_f32(n, k, m, (float *)x, a->stride + 1, (float *)y, b->stride + 1, (float *)z, 1, 0);
    else
        batch_f64(n, k, m, (double *)x, a->stride + 1, (double *)y, b->stride + 1, (double *)z, 1,
                  0);
    return 0;
}

int bmm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[0].tensor, *b = args[1].tensor, *c;
    int status = 0;

    if (a->ndim != 3 || b->ndim != 3)
        return error_set(ERROR_RUNTIME, "batch%d must be a 3D tensor", a->ndim != 3 ? 1 : 2);
    if (a->shape[0] != b->shape[0] || a->shape[2] != b->shape[1])
        return error_set(ERROR_RUNTIME,
                         "Expected size for first two dimensions of batch2 tensor to be: [%lld, "
                         "%lld] but got: [%lld, %lld].",
                         (long long)a->shape[0], (long long)a->shape[2], (long long)b->shape[0],
                         (long long)b->shape[1]);
    if (check_types(op, a, b) < 0)
        return -1;
    c = tensor_new(tensor_dtype(a), 3, (int64_t[]){a->shape[0], a->shape[1], b->shape[2]});
    if (!c)
        return -1;
    for (int64_t i = 0; i < a->shape[0] && status == 0; i++)
        status = product_of_batch(a, b, c, i);
    if (status < 0) {
        tensor_unref(c);
        return -1;
    }
    return op_give(op, c, out);
}

/* A vector that BLAS takes. A stride below 0 would count from the other end. */
static bool is_blas_vector(const struct tensor *x)
{
    bool real = x->dtype == DTYPE_f32 || x->dtype == DTYPE_f64;

    return real && x->stride[0] > 0 && x->numel <= INT32_MAX && x->stride[0] <= INT32_MAX;
}

/* y = a @ x; BLAS sums up such a product in another order than that of matrices. */
static int blas_mv(struct tensor *a, const struct tensor *x, struct tensor *y)
{
    const int64_t n = a->shape[0], k = a->shape[1];
    struct blas_matrix m;
    blasint rows, cols, step = (blasint)x->stride[0];
    void *token;

    if (n == 0 || k == 0)
        return tensor_fill(y, scalar_int(0));
    if (blas_matrix(&m, a, tensor_data(a), a->shape, a->stride) < 0)
        return -1;
    rows = (blasint)(m.transpose == CblasTrans ? k : n);
    cols = (blasint)(m.transpose == CblasTrans ? n : k);
    token = n * k > LONG_PRODUCT && tensor_long_begin ? tensor_long_begin() : NULL;
    if (a->dtype == DTYPE_f32)
        cblas_sgemv(CblasRowMajor, m.transpose, rows, cols, 1, m.data, m.step,
                    (float *)tensor_data(x), step, 0, (float *)tensor_data(y), 1);
    else
        cblas_dgemv(CblasRowMajor, m.transpose, rows, cols, 1, m.data, m.step,
                    (double *)tensor_data(x), step, 0, (double *)tensor_data(y), 1);
    if (token)
        tensor_long_end(token);
    tensor_unref(m.own);
    return 0;
}

int mv_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[0].tensor, *x = args[1].tensor, *y;
    int64_t stride[2] = {x->stride[0], 1};

    if (a->ndim == 0)
        return tensor_dim_there(a, 0);
    if (a->ndim != 2 || x->ndim != 1)
        return error_set(ERROR_RUNTIME, "vector + matrix @ vector expected, got 1, %d, %d", a->ndim,
                         x->ndim);
    if (a->shape[1] != x->shape[0])
        return error_set(ERROR_RUNTIME, "size mismatch, got %lld, %lldx%lld,%lld",
                         (long long)a->shape[0], (long long)a->shape[0], (long long)a->shape[1],
                         (long long)x->shape[0]);
    if (check_types(op, a, x) < 0)
        return -1;
    y = tensor_new(tensor_dtype(a), 1, a->shape);
    if (!y)
        return -1;
    if ((is_blas_vector(x) ? blas_mv(a, x, y)
                           : product(a, tensor_data(a), a->stride, x, tensor_data(x), stride,
                                     tensor_data(y), a->shape[0], a->shape[1], 1, 1, 0)) < 0) {
        tensor_unref(y);
        return -1;
    }
    return op_give(op, y, out);
}

/* BLAS has a product of two vectors whose sum is more exact than that of a matrix product. */
static void blas_dot(const struct tensor *x, const struct tensor *y, struct tensor *out)
{
    blasint n = (blasint)x->numel, step[2] = {(blasint)x->stride[0], (blasint)y->stride[0]};
    const void *a = tensor_data(x), *b = tensor_data(y);
    bool single = x->dtype == DTYPE_f32;
    double sum =
        single ? cblas_sdot(n, a, step[0], b, step[1]) : cblas_ddot(n, a, step[0], b, step[1]);

    dtype_store(tensor_dtype(out), tensor_data(out), scalar_float(sum));
}

int dot_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor, *y = args[1].tensor, *z;
    int64_t row[2] = {0, x->stride[0]}, column[2] = {y->stride[0], 1};

    if (x->ndim != 1 || y->ndim != 1)
        return error_set(ERROR_RUNTIME, "1D tensors expected, but got %dD and %dD tensors", x->ndim,
                         y->ndim);
    if (!op_same_type(x, y))
        return error_set(ERROR_RUNTIME,
                         "dot : expected both vectors to have same dtype, but found %s and %s",
                         dtype_short_name(op_given_type(x)), dtype_short_name(op_given_type(y)));
    if (x->numel != y->numel)
        return error_set(ERROR_RUNTIME,
                         "inconsistent tensor size, expected tensor [%lld] and src [%lld] to have "
                         "the same number of elements, but got %lld and %lld elements respectively",
                         (long long)x->numel, (long long)y->numel, (long long)x->numel,
                         (long long)y->numel);
    if (op_check_number(op, x) < 0)
        return -1;
    z = tensor_new(tensor_dtype(x), 0, NULL);
    if (!z)
        return -1;
    if (is_blas_vector(x) && is_blas_vector(y)) {
        blas_dot(x, y, z);
        return op_give(op, z, out);
    }
    row[0] = x->numel * x->stride[0];
    if (product(x, tensor_data(x), row, y, tensor_data(y), column, tensor_data(z), 1, x->numel, 1,
                1, 0) < 0) {
        tensor_unref(z);
        return -1;
    }
    return op_give(op, z, out);
}

/* What addmm() adds to, as the matrix that the result will be: a new reference. */
static struct tensor *addend(const struct op *op, struct tensor *self, const int64_t *shape)
{
    struct value args[2] = {{.given = true, .tensor = self},
                            {.given = true, .ints = {.at = shape, .count = 2}}};
    struct tensor *wide = NULL;

    return expand_forward(op, args, &wide) < 0 ? NULL : wide;
}

static int check_addmm_inplace(const struct tensor *self, const int64_t *shape)
{
    char text[2][256];

    if (self->ndim == 2 && self->shape[0] == shape[0] && self->shape[1] == shape[1])
        return 0;
    return error_set(ERROR_RUNTIME,
                     "Bad in-place call: input tensor size %s and output tensor size %s should "
                     "match",
                     shape_text(self->ndim, self->shape, text[0], sizeof(text[0])),
                     shape_text(2, shape, text[1], sizeof(text[1])));
}

int addmm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *a = args[1].tensor, *b = args[2].tensor, *c, *wide;
    double beta = args[3].scalar.d, alpha = args[4].scalar.d;
    int64_t shape[2];
    int status;

    if (a->ndim != 2 || b->ndim != 2)
        return error_set(ERROR_RUNTIME, "mat1 must be a matrix, got %d-D tensor", a->ndim);
    if (check_inner(a, b) < 0)
        return -1;
    shape[0] = a->shape[0];
    shape[1] = b->shape[1];
    if (!op_same_type(self, b))
        return error_set(ERROR_RUNTIME, "self and mat2 must have the same dtype");
    if (check_types(op, a, b) < 0)
        return -1;
    if (!dtype_is_differentiable(tensor_dtype(a)))
        return op_refuse_type(op, tensor_dtype(a));
    if (op->flags & OP_IN_PLACE_CALL && check_addmm_inplace(self, shape) < 0)
        return -1;
    wide = addend(op, self, shape);
    c = wide ? tensor_new(tensor_dtype(a), 2, shape) : NULL;
    status = c ? 0 : -1;
    if (c && beta != 0)
        status = tensor_copy(c, wide);
    tensor_unref(wide);
    if (status == 0)
        status = product(a, tensor_data(a), a->stride, b, tensor_data(b), b->stride, tensor_data(c),
                         a->shape[0], a->shape[1], b->shape[1], alpha, beta);
    if (status < 0) {
        tensor_unref(c);
        return -1;
    }
    return op_give(op, c, out);
}
