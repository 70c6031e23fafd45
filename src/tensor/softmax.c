/* softmax and log_softmax: of rows along the last dimension, of columns along another one. */
#include "base/error.h"
#include "tensor/iter.h"

/* From this many elements on, rows are shared out among threads. */
enum { PARALLEL_FROM = 1 << 16 };

/* A pass over contiguous tensors of one shape: at[0] from at[1] and, on the way back, at[2]. Along
 * a dimension of `rows` elements with `inner` ones behind it. */
struct pass {
    enum dtype dtype;
    char *at[3];
    int64_t numel, rows, inner;
    kernel_fn *row; /* of the last dimension, else one of these */
    softmax_columns_fn *columns;
    softmax_columns_back_fn *columns_back;
};

static int64_t tiles_of(const struct pass *p)
{
    return p->row ? 1 : (p->inner + SOFTMAX_COLUMNS - 1) / SOFTMAX_COLUMNS;
}

static void run_columns(const struct pass *p, int64_t i)
{
    const int64_t size = (int64_t)dtype_size(p->dtype), tiles = tiles_of(p);
    const int64_t first = i % tiles * SOFTMAX_COLUMNS, left = p->inner - first;
    const int64_t at = (i / tiles * p->rows * p->inner + first) * size;
    const struct softmax_columns part = {left < SOFTMAX_COLUMNS ? left : SOFTMAX_COLUMNS, p->rows,
                                         p->inner * size, p->inner * size};

    if (p->columns_back)
        p->columns_back(&part, p->at[0] + at, p->at[1] + at, p->at[2] + at);
    else
        p->columns(&part, p->at[0] + at, p->at[1] + at);
}

/* Row or tile of columns i. */
static inline void run_part(const struct pass *p, int64_t i)
{
    const int64_t size = (int64_t)dtype_size(p->dtype), at = i * p->rows * size;

    if (p->row)
        p->row(p->rows, (char *[]){p->at[0] + at, p->at[1] + at, p->at[2] + at},
               (int64_t[]){size, size, size}, NULL);
    else
        run_columns(p, i);
}

static void run(const struct pass *p)
{
    const int64_t count = p->numel ? p->numel / (p->rows * p->inner) * tiles_of(p) : 0;
    void *token;

    if (p->numel < PARALLEL_FROM) {
        for (int64_t i = 0; i < count; i++)
            run_part(p, i);
        return;
    }
    token = p->numel >= ITER_LONG && tensor_long_begin ? tensor_long_begin() : NULL;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++)
        run_part(p, i);
    if (token)
        tensor_long_end(token);
}

/* to from in[0], and on the way back in[1]. */
static void run_along(int dim, enum softmax kind, const struct tensor *to, struct tensor *const *in,
                      bool back)
{
    const struct softmax_back *b = KERNELS_PICK(softmax_back);
    const enum dtype dtype = tensor_dtype(to);
    struct pass p = {.dtype = dtype,
                     .at = {tensor_data(to), tensor_data(in[0]), tensor_data(in[back])},
                     .numel = to->numel,
                     .rows = to->ndim ? to->shape[dim] : 1,
                     .inner = to->ndim ? to->stride[dim] : 1};

    if (dim + 1 >= to->ndim) {
        p.inner = 1;
        p.row = back ? b->row[kind][dtype] : kernels.softmax[kind][dtype];
    } else if (back) {
        p.columns_back = b->columns[kind][dtype];
    } else {
        p.columns = kernels.softmax_columns[kind][dtype];
    }
    run(&p);
}

static int check_float(const struct op *op, const struct tensor *self, bool last)
{
    enum dtype dtype = tensor_dtype(self);

    if (!last || dtype_is_float(dtype))
        return op_check_float(op, self);
    return dtype_refuse(op->id == OP__softmax ? "softmax_lastdim_kernel_impl"
                                              : "log_softmax_lastdim_kernel_impl",
                        dtype);
}

int softmax_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *in;
    int dim = tensor_dim(self, args[1].i);

    if (dim < 0 || check_float(op, self, dim + 1 >= self->ndim) < 0)
        return -1;
    in = tensor_contiguous(self);
    *out = in ? tensor_new_like(in, DTYPE_NONE) : NULL;
    if (*out)
        run_along(dim, op->id == OP__softmax ? SOFTMAX_PLAIN : SOFTMAX_LOG, *out, &in, false);
    tensor_unref(in);
    return *out ? 0 : -1;
}

int softmax_backward_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    enum softmax kind = op->id == OP__softmax_backward_data ? SOFTMAX_PLAIN : SOFTMAX_LOG;
    struct tensor *y = tensor_contiguous(args[1].tensor);
    struct tensor *in[2] = {tensor_contiguous(args[0].tensor), y};

    *out = in[0] && y ? tensor_new_like(y, DTYPE_NONE) : NULL;
    if (*out)
        run_along(tensor_dim(y, args[2].i), kind, *out, in, true);
    tensor_unref(in[0]);
    tensor_unref(y);
    return *out ? 0 : -1;
}
