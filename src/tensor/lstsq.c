/* Least squares by LAPACK's drivers. */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/lapack.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum driver { GELS, GELSY, GELSD, GELSS, DRIVER_COUNT };

static int read_driver(const struct value *text)
{
    static const char *const names[] = {"gels", "gelsy", "gelsd", "gelss"};

    if (!text->given)
        return GELSY;
    for (int i = 0; i < DRIVER_COUNT; i++) {
        if (strcmp(names[i], text->text) == 0)
            return i;
    }
    return error_set(ERROR_RUNTIME, "torch.linalg.lstsq: parameter `driver` should be one of "
                                    "(gels, gelsy, gelsd, gelss)");
}

/* One call of a batch: `x` holds B above and gets the solution; `values` is NULL or min(m, n). */
struct problem {
    struct matrices m;
    enum driver driver;
    lapack_int columns, height; /* of x: height max(m, n) */
    double rcond;
    lapack_int *pivots; /* of gelsy */
};

static lapack_int solve(const struct problem *p, void *a, void *x, void *values, lapack_int *rank)
{
    lapack_int m = p->m.rows, n = p->m.cols, k = p->columns, h = p->height;

    if (p->driver == GELS)
        return LAPACK_CALL(&p->m, gels, 'N', m, n, k, a, m, x, h);
    if (p->driver == GELSY) {
        memset(p->pivots, 0, (size_t)n * sizeof(*p->pivots));
        return LAPACK_CALL(&p->m, gelsy, m, n, k, a, m, x, h, p->pivots, p->rcond, rank);
    }
    if (p->driver == GELSD)
        return LAPACK_CALL(&p->m, gelsd, m, n, k, a, m, x, h, values, p->rcond, rank);
    return LAPACK_CALL(&p->m, gelss, m, n, k, a, m, x, h, values, p->rcond, rank);
}

/* Rows from..to of x (batch, columns, height), as (batch, to - from, columns). */
static struct tensor *rows_of(const struct tensor *x, int64_t from, int64_t to)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    int last = x->ndim - 1;

    memcpy(shape, x->shape, sizeof(shape));
    memcpy(stride, x->stride, sizeof(stride));
    shape[last - 1] = to - from;
    stride[last - 1] = x->stride[last];
    shape[last] = x->shape[last - 1];
    stride[last] = x->stride[last - 1];
    return tensor_view(x, x->ndim, shape, stride, x->offset + from * x->stride[last]);
}

/* Sums of squares of the rows below n, one for each column; nothing unless all ranks are full. */
static struct tensor *residuals_of(const struct problem *p, const struct tensor *x,
                                   const struct tensor *rank)
{
    int64_t shape[TENSOR_MAX_DIMS], none = 0, count = p->m.count;
    struct tensor *sums;
    bool full = p->m.rows > p->m.cols && p->driver != GELSY;
    enum dtype dtype = tensor_dtype(x);

    for (int64_t i = 0; p->driver != GELS && i < rank->numel; i++)
        full &= ((const int64_t *)tensor_data(rank))[i] == p->m.cols;
    if (!full)
        return tensor_new(p->m.part, 1, &none);
    memcpy(shape, x->shape, sizeof(shape));
    sums = tensor_new(p->m.part, x->ndim - 1, shape);
    for (int64_t i = 0; sums && i < count * p->columns; i++) {
        double sum = 0;

        for (int64_t r = p->m.cols; r < p->m.rows; r++) {
            struct scalar rest =
                dtype_load(dtype, tensor_data(x) + (size_t)(i * p->height + r) * p->m.size);
            sum += rest.d * rest.d + rest.im * rest.im;
        }
        dtype_store(p->m.part, batch_at(sums, sums->numel, i), scalar_float(sum));
    }
    return sums;
}

/* The columns of b in a buffer that is high enough for the solution; b's batch is a's. */
static struct tensor *solution_buffer(const struct tensor *a, const struct tensor *b,
                                      const struct problem *p)
{
    struct tensor *x = columns_new(a, p->height, p->columns), *top;

    top = x ? rows_of(x, 0, p->m.rows) : NULL;
    if (top) {
        memset(tensor_data(x), 0, (size_t)x->numel * dtype_size(tensor_dtype(x)));
        if (tensor_copy(top, b) == 0) {
            tensor_unref(top);
            return x;
        }
    }
    tensor_unref(top);
    tensor_unref(x);
    return NULL;
}

static int check(const struct tensor *a, const struct tensor *b, bool vector)
{
    if (a->ndim < 2)
        return error_set(ERROR_RUNTIME,
                         "torch.linalg.lstsq: input must have at least 2 dimensions.");
    if (b->ndim < 1)
        return error_set(ERROR_RUNTIME,
                         "torch.linalg.lstsq: other must have at least 1 dimension.");
    if (a->dtype != b->dtype)
        return error_set(ERROR_RUNTIME,
                         "torch.linalg.lstsq: Expected input and other to have the same dtype, but "
                         "got input's dtype %s and other's dtype %s",
                         dtype_short_name(tensor_dtype(a)), dtype_short_name(tensor_dtype(b)));
    if (b->shape[b->ndim - (vector ? 1 : 2)] != a->shape[a->ndim - 2])
        return error_set(ERROR_RUNTIME, vector ? "torch.linalg.lstsq: input.size(-2) should match "
                                                 "other.size(-1)"
                                               : "torch.linalg.lstsq: input.size(-2) should match "
                                                 "other.size(-2)");
    return 0;
}

/* Solves all; the results without shape for a vector. 0 or -1. */
static int run(struct problem *p, const struct tensor *self, const struct tensor *b,
               struct tensor *results[4])
{
    lapack_int least = p->m.rows < p->m.cols ? p->m.rows : p->m.cols, info = 0;
    int64_t none = 0;
    bool ranks = p->driver != GELS, spectrum = p->driver == GELSD || p->driver == GELSS;
    struct tensor *a = columns_of(self), *x = solution_buffer(self, b, p), *rank, *values;
    void *token;

    rank = ranks ? batch_new(self, DTYPE_i64, -1) : tensor_new(DTYPE_i64, 1, &none);
    values = spectrum ? batch_new(self, p->m.part, least) : tensor_new(p->m.part, 1, &none);
    p->pivots = mem_zero((size_t)p->m.cols + 1, sizeof(*p->pivots));
    token = lapack_begin((double)p->m.count * p->m.rows * p->m.cols * least);
    for (int64_t i = 0; a && x && rank && values && p->pivots && i < p->m.count && info == 0; i++) {
        lapack_int r = 0;

        if (least > 0)
            info = solve(p, batch_at(a, p->m.count, i), batch_at(x, p->m.count, i),
                         spectrum ? batch_at(values, p->m.count, i) : NULL, &r);
        if (ranks)
            ((int64_t *)tensor_data(rank))[i] = r;
    }
    lapack_end(token);
    if (info < 0)
        error_set(ERROR_RUNTIME, "torch.linalg.lstsq: Argument %d has illegal value.", -(int)info);
    if (info > 0)
        error_set(
            ERROR_LINALG,
            "torch.linalg.lstsq: The least squares solution could not be computed because the "
            "input matrix does not have full rank (error code: %d).",
            (int)info);
    mem_free(p->pivots);
    results[0] = a && x && info == 0 ? rows_of(x, 0, p->m.cols) : NULL;
    results[1] = results[0] && rank ? residuals_of(p, x, rank) : NULL;
    results[2] = rank;
    results[3] = values;
    tensor_unref(a);
    tensor_unref(x);
    return results[0] ? 0 : -1;
}

int linalg_lstsq_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *b = args[1].tensor, *results[4] = {NULL}, *column = NULL;
    bool vector =
        b->ndim == 1 || (self->ndim == b->ndim + 1 &&
                         memcmp(self->shape, b->shape, (size_t)b->ndim * sizeof(*b->shape)) == 0);
    int64_t shape[TENSOR_MAX_DIMS + 1], stride[TENSOR_MAX_DIMS + 1];
    int driver = read_driver(&args[3]);
    struct problem p = {.driver = (enum driver)driver};

    if (driver < 0 || check(self, b, vector) < 0 ||
        matrices_of("torch.linalg.lstsq", self, &p.m) < 0)
        return -1;
    p.height = p.m.rows > p.m.cols ? p.m.rows : p.m.cols;
    p.columns = vector ? 1 : (lapack_int)b->shape[b->ndim - 1];
    p.rcond =
        args[2].given ? args[2].d : (p.m.single ? FLT_EPSILON : DBL_EPSILON) * (double)p.height;
    memcpy(shape, b->shape, sizeof(b->shape));
    memcpy(stride, b->stride, sizeof(b->stride));
    shape[b->ndim] = 1;
    stride[b->ndim] = 0;
    column = tensor_view(b, b->ndim + vector, shape, stride, b->offset);
    if (column)
        run(&p, self, column, results);
    tensor_unref(column);
    if (results[0] && vector) {
        column = tensor_view(results[0], results[0]->ndim - 1, results[0]->shape,
                             results[0]->stride, results[0]->offset);
        tensor_unref(results[0]);
        results[0] = column;
    }
    return op_give_several(op, 4, results, out);
}
