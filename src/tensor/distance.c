/* Distances of points: the p-norms of the differences of rows. */
#include "base/error.h"
#include "tensor/op.h"

#include <math.h>
#include <string.h>

/* The p-norm of the difference of two rows of `length` numbers. */
#define DISTANCE(id, T)                                                                            \
    static double distance_##id(const char *first, const char *second, int64_t length, double p)   \
    {                                                                                              \
        const T *x = (const T *)first, *y = (const T *)second;                                     \
        double sum = 0;                                                                            \
        if (p == 2) {                                                                              \
            for (int64_t i = 0; i < length; i++)                                                   \
                sum += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);                              \
            return sqrt(sum);                                                                      \
        }                                                                                          \
        for (int64_t i = 0; i < length; i++) {                                                     \
            double size = fabs((double)x[i] - y[i]);                                               \
            if (isinf(p))                                                                          \
                sum = size > sum || size != size ? size : sum;                                     \
            else                                                                                   \
                sum += p == 1 ? size : p == 0 ? size != 0 : pow(size, p);                          \
        }                                                                                          \
        return p == 1 || p == 0 || isinf(p) ? sum : pow(sum, 1 / p);                               \
    }
DISTANCE(f32, float)
DISTANCE(f64, double)

typedef double distance_fn(const char *first, const char *second, int64_t length, double p);

static distance_fn *distance_of(enum dtype dtype)
{
    return dtype == DTYPE_f32 ? distance_f32 : distance_f64;
}

/* (B, n, k) and (B, m, k), contiguous, to (B, n, m). */
static void all_pairs(const struct tensor *x, const struct tensor *y, double p, struct tensor *to)
{
    enum dtype dtype = tensor_dtype(x);
    size_t size = dtype_size(dtype);
    int64_t n = x->shape[1], m = y->shape[1], k = x->shape[2];
    distance_fn *distance = distance_of(dtype);
    char *at = tensor_data(to);

    for (int64_t b = 0; b < x->shape[0]; b++) {
        for (int64_t i = 0; i < n; i++) {
            const char *row = tensor_data(x) + (size_t)((b * n + i) * k) * size;

            for (int64_t j = 0; j < m; j++, at += size)
                dtype_store(dtype, at,
                            scalar_float(distance(
                                row, tensor_data(y) + (size_t)((b * m + j) * k) * size, k, p)));
        }
    }
}

int cdist_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = tensor_contiguous(args[0].tensor), *y = tensor_contiguous(args[1].tensor);
    struct tensor *flat[2] = {NULL, NULL}, *result = NULL, *both[2] = {x, y};
    int64_t shape[TENSOR_MAX_DIMS], three[3], stride[3];
    int ndim = args[0].tensor->ndim;

    if (!x || !y)
        goto end;
    for (int k = 0; k < 2; k++) {
        three[0] = shape_numel(ndim - 2, x->shape);
        memcpy(three + 1, both[k]->shape + ndim - 2, 2 * sizeof(*three));
        shape_strides(3, three, stride);
        flat[k] = tensor_view(both[k], 3, three, stride, both[k]->offset);
    }
    memcpy(shape, x->shape, sizeof(shape));
    shape[ndim - 1] = y->shape[ndim - 2];
    if (flat[0] && flat[1])
        result = tensor_new(tensor_dtype(x), ndim, shape);
    if (result)
        all_pairs(flat[0], flat[1], args[2].d, result);
end:
    for (int k = 0; k < 2; k++) {
        tensor_unref(both[k]);
        tensor_unref(flat[k]);
    }
    return op_give(op, result, out);
}

int pdist_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *x, *result;
    enum dtype dtype = tensor_dtype(self);
    size_t size = dtype_size(dtype);
    int64_t n, k, count;
    char *at;

    if (self->ndim != 2)
        return error_set(ERROR_RUNTIME, "pdist only supports 2D tensors, got: %dD", self->ndim);
    if (!dtype_is_float(dtype))
        return error_set(ERROR_RUNTIME, "pdist only supports floating-point dtypes");
    if (!(args[1].d >= 0))
        return error_set(ERROR_RUNTIME, "pdist only supports non-negative p values");
    n = self->shape[0];
    k = self->shape[1];
    count = n * (n - 1) / 2;
    x = tensor_contiguous(self);
    result = x ? tensor_new(dtype, 1, &count) : NULL;
    at = result ? tensor_data(result) : NULL;
    for (int64_t i = 0; result && i < n; i++) {
        for (int64_t j = i + 1; j < n; j++, at += size)
            dtype_store(dtype, at,
                        scalar_float(distance_of(dtype)(tensor_data(x) + (size_t)(i * k) * size,
                                                        tensor_data(x) + (size_t)(j * k) * size, k,
                                                        args[1].d)));
    }
    tensor_unref(x);
    return op_give(op, result, out);
}
