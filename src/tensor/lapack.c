/* Matrices laid out for LAPACK. */
#include "tensor/lapack.h"

#include "base/error.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

int matrices_of(const char *name, const struct tensor *t, struct matrices *m)
{
    enum dtype dtype = tensor_dtype(t);
    int64_t rows, cols;

    if (t->ndim < 2)
        return error_set(ERROR_RUNTIME, "%s: The input tensor A must have at least 2 dimensions.",
                         name);
    if (!dtype_is_differentiable(dtype))
        return error_set(ERROR_RUNTIME,
                         "%s: Expected a floating point or complex tensor as input. Got %s", name,
                         dtype_short_name(dtype));
    if (dtype_is_stored(dtype))
        return error_set(ERROR_RUNTIME, "%s: Low precision dtypes not supported. Got %s", name,
                         dtype_short_name(dtype));
    rows = t->shape[t->ndim - 2];
    cols = t->shape[t->ndim - 1];
    if (rows > INT_MAX / 8 || cols > INT_MAX / 8)
        return error_set(ERROR_RUNTIME, "%s: a matrix of %lld by %lld is too large for LAPACK",
                         name, (long long)rows, (long long)cols);
    *m = (struct matrices){.single = dtype_infos[dtype].part == DTYPE_f32,
                           .is_complex = dtype_is_complex(dtype),
                           .part = dtype_infos[dtype].part,
                           .size = dtype_size(dtype),
                           .count = shape_numel(t->ndim - 2, t->shape),
                           .rows = (lapack_int)rows,
                           .cols = (lapack_int)cols};
    return 0;
}

int matrices_square(const char *name, const struct tensor *t, struct matrices *m)
{
    if (t->ndim >= 2 && t->shape[t->ndim - 2] != t->shape[t->ndim - 1])
        return error_set(ERROR_RUNTIME,
                         "%s: A must be batches of square matrices, but they are %lld by %lld "
                         "matrices",
                         name, (long long)t->shape[t->ndim - 2], (long long)t->shape[t->ndim - 1]);
    return matrices_of(name, t, m);
}

struct tensor *columns_new(const struct tensor *like, int64_t rows, int64_t cols)
{
    int64_t shape[TENSOR_MAX_DIMS];

    for (int d = 0; d < like->ndim - 2; d++)
        shape[d] = like->shape[d];
    shape[like->ndim - 2] = cols;
    shape[like->ndim - 1] = rows;
    return tensor_new(tensor_dtype(like), like->ndim, shape);
}

static struct tensor *turned_view(const struct tensor *t)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    int last = t->ndim - 1;

    for (int d = 0; d < last - 1; d++) {
        shape[d] = t->shape[d];
        stride[d] = t->stride[d];
    }
    shape[last] = t->shape[last - 1];
    shape[last - 1] = t->shape[last];
    stride[last] = t->stride[last - 1];
    stride[last - 1] = t->stride[last];
    return tensor_view(t, t->ndim, shape, stride, t->offset);
}

/* to[j][i] = from[i][j], in tiles that stay in the cache. By one thread: a team of OpenMP that has
 * just worked still holds the processors when BLAS begins, and makes it wait. */
enum { TILE = 16 };
#define TURN(T)                                                                                    \
    for (int64_t i0 = 0; i0 < rows; i0 += TILE) {                                                  \
        for (int64_t j0 = 0; j0 < cols; j0 += TILE) {                                              \
            for (int64_t j = j0; j < cols && j < j0 + TILE; j++) {                                 \
                for (int64_t i = i0; i < rows && i < i0 + TILE; i++)                               \
                    ((T *)to)[j * rows + i] = ((const T *)from)[i * row_step + j];                 \
            }                                                                                      \
        }                                                                                          \
    }

static void turn(size_t size, int64_t rows, int64_t cols, int64_t row_step, char *to,
                 const char *from)
{
    if (size == sizeof(uint32_t))
        TURN(uint32_t)
    else if (size == sizeof(uint64_t))
        TURN(uint64_t)
    else
        TURN(double _Complex)
}

/* One matrix in rows, which most are. */
static bool is_rows(const struct tensor *t)
{
    return t->ndim == 2 && t->stride[1] == 1;
}

struct tensor *columns_of(const struct tensor *t)
{
    struct tensor *buffer = columns_new(t, t->shape[t->ndim - 2], t->shape[t->ndim - 1]), *view;
    int status = 0;

    if (buffer && is_rows(t)) {
        turn(dtype_size(tensor_dtype(t)), t->shape[0], t->shape[1], t->stride[0],
             tensor_data(buffer), tensor_data(t));
        return buffer;
    }
    view = turned_view(t);
    if (buffer)
        status = view ? tensor_copy(buffer, view) : -1;
    tensor_unref(view);
    if (status == 0)
        return buffer;
    tensor_unref(buffer);
    return NULL;
}

struct tensor *columns_turned(struct tensor *buffer)
{
    struct tensor *view = buffer ? turned_view(buffer) : NULL;

    tensor_unref(buffer);
    return view;
}

void columns_unit(struct tensor *t)
{
    enum dtype dtype = tensor_dtype(t);
    int64_t n = t->shape[t->ndim - 1], size = (int64_t)dtype_size(dtype);

    memset(tensor_data(t), 0, (size_t)(t->numel * size));
    for (int64_t i = 0; n > 0 && i < t->numel / n; i++)
        dtype_store(dtype, tensor_data(t) + (i * n + i % n) * size, scalar_float(1));
}

struct tensor *batch_new(const struct tensor *like, enum dtype dtype, int64_t length)
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = like->ndim - 2;

    for (int d = 0; d < ndim; d++)
        shape[d] = like->shape[d];
    if (length >= 0)
        shape[ndim++] = length;
    return tensor_new(dtype, ndim, shape);
}

void *batch_at(const struct tensor *t, int64_t count, int64_t i)
{
    return tensor_data(t) + t->numel / count * i * (int64_t)dtype_size(tensor_dtype(t));
}

void *lapack_begin(double work)
{
    LAPACKE_set_nancheck(0); /* a NaN goes the way that it goes in PyTorch */
    return work > 1 << 20 && tensor_long_begin ? tensor_long_begin() : NULL;
}

void lapack_end(void *token)
{
    if (token)
        tensor_long_end(token);
}

const char *batch_place(const struct tensor *t, int64_t i, char *buf, size_t size)
{
    buf[0] = '\0';
    if (t->ndim > 2)
        snprintf(buf, size, "(Batch element %lld): ", (long long)i);
    return buf;
}
