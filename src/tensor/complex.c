/*
 * Complex numbers: the elementwise kernels of ops_complex.def, sums and products, and the
 * operations between complex tensors and their parts.
 */
#include "tensor/complex_math.h"

#include "base/error.h"
#include "tensor/element.h"
#include "tensor/iter.h"

#include <string.h>

/* ---- elementwise kernels ---- */

#define p(k) p##k
#define PARAM(T, k)                                                                                \
    ((T)__builtin_complex(params[k].d, params[k].kind == SCALAR_COMPLEX ? params[k].im : 0.0))

#define RESULT_SAME(T, P) T
#define RESULT_PART(T, P) P
#define RESULT_BOOL(T, P) bool

#define KERNEL(name, id, T, R, expr, ...)                                                          \
    static void name##_##id(int64_t n, char *const *ptr, const int64_t *stride,                    \
                            const struct scalar *params)                                           \
    {                                                                                              \
        const T p0 = params ? PARAM(T, 0) : 1;                                                     \
        (void)p0;                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                          \
            __VA_ARGS__                                                                            \
            *(R *)(ptr[0] + i * stride[0]) = (R)(expr);                                            \
        }                                                                                          \
    }
#define OPERAND(T, name, k) const T name = *(const T *)(ptr[k] + i * stride[k]);
#define BOTH(K, name, result, expr)                                                                \
    K(name, c64, float _Complex, RESULT_##result(float _Complex, float), expr)                     \
    K(name, c128, double _Complex, RESULT_##result(double _Complex, double), expr)

#define UNARY_KERNEL(name, id, T, R, expr) KERNEL(name, id, T, R, expr, OPERAND(T, x, 1))
#define BINARY_KERNEL(name, id, T, R, expr)                                                        \
    KERNEL(name, id, T, R, expr, OPERAND(T, x, 1) OPERAND(T, y, 2))
#define TERNARY_KERNEL(name, id, T, R, expr)                                                       \
    KERNEL(name, id, T, R, expr, OPERAND(T, x, 1) OPERAND(T, y, 2) OPERAND(T, z, 3))
#define UNARY_COMPLEX(name, result, expr)   BOTH(UNARY_KERNEL, name, result, expr)
#define BINARY_COMPLEX(name, result, expr)  BOTH(BINARY_KERNEL, name, result, expr)
#define TERNARY_COMPLEX(name, result, expr) BOTH(TERNARY_KERNEL, name, result, expr)
#include "tensor/ops_complex.def"

const elementwise_table elementwise_complex = {
#define ROW(name)                           [OP_##name] = {[DTYPE_c64] = name##_c64, [DTYPE_c128] = name##_c128},
#define UNARY_COMPLEX(name, result, expr)   ROW(name)
#define BINARY_COMPLEX(name, result, expr)  ROW(name)
#define TERNARY_COMPLEX(name, result, expr) ROW(name)
#include "tensor/ops_complex.def"
};

/* ---- reductions ---- */

/* Pairwise, like those of real numbers (kernels_reduce.c), in blocks of this many elements. */
enum { BLOCK = 32 };

#define REDUCE_COMPLEX(name, id, T, start, join)                                                   \
    static T name##_pairwise_##id(int64_t n, const char *in, int64_t step)                         \
    {                                                                                              \
        T total = start;                                                                           \
        if (n > BLOCK) {                                                                           \
            int64_t half = n / 2;                                                                  \
            const T a = name##_pairwise_##id(half, in, step);                                      \
            const T b = name##_pairwise_##id(n - half, in + half * step, step);                    \
            return join;                                                                           \
        }                                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const T a = total, b = *(const T *)(in + i * step);                                    \
            total = join;                                                                          \
        }                                                                                          \
        return total;                                                                              \
    }                                                                                              \
    static void name##_##id(const struct reduce_loop *loop, char *out, const char *in)             \
    {                                                                                              \
        for (int64_t i = 0; i < loop->results; i++) {                                              \
            T *result = (T *)(out + i * loop->out_step);                                           \
            const T a = *result;                                                                   \
            const T b =                                                                            \
                name##_pairwise_##id(loop->count, in + i * loop->next_step, loop->in_step);        \
            *result = join;                                                                        \
        }                                                                                          \
    }
REDUCE_COMPLEX(sum, c64, float _Complex, 0, a + b)
REDUCE_COMPLEX(sum, c128, double _Complex, 0, a + b)
REDUCE_COMPLEX(prod, c64, float _Complex, 1, c_mul(a, b))
REDUCE_COMPLEX(prod, c128, double _Complex, 1, c_mul(a, b))

const reduce_table reduce_complex = {
    [REDUCE_SUM] = {[DTYPE_c64] = sum_c64, [DTYPE_c128] = sum_c128},
    [REDUCE_PROD] = {[DTYPE_c64] = prod_c64, [DTYPE_c128] = prod_c128},
};

/* ---- complex tensors and their parts ---- */

struct tensor *tensor_parts(const struct tensor *t)
{
    int64_t shape[TENSOR_MAX_DIMS + 1], stride[TENSOR_MAX_DIMS + 1];
    struct tensor *view;

    for (int d = 0; d < t->ndim; d++) {
        shape[d] = t->shape[d];
        stride[d] = 2 * t->stride[d];
    }
    shape[t->ndim] = 2;
    stride[t->ndim] = 1;
    view = tensor_view(t, t->ndim + 1, shape, stride, 2 * t->offset);
    if (view)
        view->dtype = (uint8_t)dtype_infos[t->dtype].part;
    return view;
}

int view_as_real_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    if (!dtype_is_complex(tensor_dtype(args[0].tensor)))
        return error_set(ERROR_RUNTIME, "view_as_real is only supported for complex tensors");
    *out = tensor_parts(args[0].tensor);
    return *out ? 0 : -1;
}

static int check_pairs(const struct tensor *self)
{
    int last = self->ndim - 1;

    if (tensor_dtype(self) != DTYPE_f16 && tensor_dtype(self) != DTYPE_f32 &&
        tensor_dtype(self) != DTYPE_f64)
        return error_set(ERROR_RUNTIME,
                         "view_as_complex is only supported for half, float and double tensors, "
                         "but got a tensor of scalar type: %s",
                         dtype_short_name(tensor_dtype(self)));
    if (self->ndim == 0)
        return error_set(ERROR_RUNTIME, "Input tensor must have one or more dimensions");
    if (self->shape[last] != 2)
        return error_set(ERROR_RUNTIME, "Tensor must have a last dimension of size 2");
    if (self->stride[last] != 1)
        return error_set(ERROR_RUNTIME, "Tensor must have a last dimension with stride 1");
    for (int d = 0; d < last; d++) {
        if (self->stride[d] % 2 != 0)
            return error_set(ERROR_RUNTIME,
                             "Tensor must have a stride divisible by 2 for all but last dimension");
    }
    if (self->offset % 2 != 0)
        return error_set(ERROR_RUNTIME, "Tensor must have a storage_offset divisible by 2");
    return 0;
}

int view_as_complex_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *view;
    int64_t stride[TENSOR_MAX_DIMS];

    (void)op;
    if (check_pairs(self) < 0)
        return -1;
    for (int d = 0; d < self->ndim - 1; d++)
        stride[d] = self->stride[d] / 2;
    view = tensor_view(self, self->ndim - 1, self->shape, stride, self->offset / 2);
    if (!view)
        return -1;
    view->dtype = (uint8_t)dtype_to_complex(tensor_dtype(self));
    *out = view;
    return 0;
}

/* Two real tensors of one type and shape (broadcast) put together: expr of the pair (x, y). */
#define JOIN(name, id, P, first, second)                                                           \
    static void name##_##id(int64_t n, char *const *ptr, const int64_t *stride,                    \
                            const struct scalar *params)                                           \
    {                                                                                              \
        (void)params;                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const P x = *(const P *)(ptr[1] + i * stride[1]);                                      \
            const P y = *(const P *)(ptr[2] + i * stride[2]);                                      \
            *(P _Complex *)(ptr[0] + i * stride[0]) = __builtin_complex((P)(first), (P)(second));  \
        }                                                                                          \
    }
JOIN(join, f32, float, x, y)
JOIN(join, f64, double, x, y)
JOIN(polar, f32, float, x *cosf(y), x *sinf(y))
JOIN(polar, f64, double, x *cos(y), x *sin(y))

static int check_parts(const struct tensor *a, const struct tensor *b)
{
    if (a->dtype != b->dtype)
        return error_set(ERROR_RUNTIME,
                         "Expected object of scalar type %s but got scalar type %s for second "
                         "argument",
                         dtype_short_name(tensor_dtype(a)), dtype_short_name(tensor_dtype(b)));
    if (!dtype_is_float(tensor_dtype(a)) || a->dtype == DTYPE_bf16)
        return error_set(ERROR_RUNTIME,
                         "Expected both inputs to be Half, Float or Double tensors but got %s and "
                         "%s",
                         dtype_short_name(tensor_dtype(a)), dtype_short_name(tensor_dtype(b)));
    return 0;
}

/* complex(real, imag) and polar(abs, angle). */
int complex_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *parts[2] = {args[0].tensor, args[1].tensor};
    int64_t shape[TENSOR_MAX_DIMS];
    const struct tensor *operands[3];
    struct tensor *result;
    enum dtype dtype = tensor_dtype(parts[0]);
    int ndim = parts[0]->ndim;
    bool single = dtype == DTYPE_f32;
    struct iter it;

    memcpy(shape, parts[0]->shape, (size_t)ndim * sizeof(*shape));
    if (check_parts(parts[0], parts[1]) < 0 ||
        shape_broadcast(&ndim, shape, parts[1]->ndim, parts[1]->shape) < 0)
        return -1;
    result = tensor_new(dtype_to_complex(dtype), ndim, shape);
    if (!result)
        return -1;
    operands[0] = result;
    operands[1] = parts[0];
    operands[2] = parts[1];
    iter_init(&it, 3, operands);
    if (op->id == OP_polar)
        iter_run(&it, single ? polar_f32 : polar_f64, NULL);
    else
        iter_run(&it, single ? join_f32 : join_f64, NULL);
    return op_give(op, result, out);
}
