/* Extremes along a dimension with their places; running sums, products and extremes. */
#include "base/error.h"
#include "tensor/line_ops.h"
#include "tensor/reduce.h"

#include <string.h>

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wtautological-compare"

/* Removes dimension `dim`, of size 1, from a tensor that is taken over. */
static struct tensor *without_dim(struct tensor *t, int dim)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    struct tensor *view;
    int ndim = 0;

    if (!t || t->ndim == 0)
        return t;
    for (int d = 0; d < t->ndim; d++) {
        if (d == dim)
            continue;
        shape[ndim] = t->shape[d];
        stride[ndim++] = t->stride[d];
    }
    view = tensor_view(t, ndim, shape, stride, t->offset);
    tensor_unref(t);
    return view;
}

int give_indexed(const struct op *op, struct tensor *values, struct tensor *indices, int dim,
                 bool keepdim, struct tensor **out)
{
    struct tensor *given = out[0];

    if (!keepdim) {
        values = without_dim(values, dim);
        indices = without_dim(indices, dim);
    }
    if (!values || !indices) {
        tensor_unref(values);
        tensor_unref(indices);
        return -1;
    }
    if (op_give(op, values, &out[0]) < 0) {
        tensor_unref(indices);
        return -1;
    }
    if (op_give(op, indices, &out[1]) < 0) {
        if (!given) {
            tensor_unref(out[0]);
            out[0] = NULL;
        }
        return -1;
    }
    return 0;
}

/* ---- the place of an extreme ---- */

static int extreme_dim(const struct op *op, const struct value *args, bool largest,
                       struct tensor **out)
{
    struct tensor *self = args[0].tensor, *values = NULL, *indices = NULL;
    int dim = tensor_dim(self, args[1].i);

    if (dim < 0)
        return -1;
    if (line_length(self, dim) == 0)
        return error_set(ERROR_INDEX, "%s(): Expected reduction dim %d to have non-zero size.",
                         largest ? "max" : "min", dim);
    if (reduce_extremes(self, dim, largest ? REDUCE_MAX : REDUCE_MIN, &values, &indices) < 0) {
        tensor_unref(values);
        tensor_unref(indices);
        return -1;
    }
    return give_indexed(op, values, indices, dim, args[2].i, out);
}

int max_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return extreme_dim(op, args, true, out);
}

int min_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return extreme_dim(op, args, false, out);
}

/* All elements as one line. */
static struct tensor *flattened(struct tensor *self)
{
    struct tensor *whole = tensor_contiguous(self);
    struct tensor *flat =
        whole ? tensor_view(whole, 1, &self->numel, (int64_t[]){1}, whole->offset) : NULL;

    tensor_unref(whole);
    return flat;
}

static int place_of_extreme(const struct op *op, const struct value *args, bool largest,
                            struct tensor **out)
{
    struct tensor *self = args[0].tensor, *line, *values = NULL, *indices = NULL, *result = NULL;
    int dim = args[1].given ? tensor_dim(self, args[1].i) : 0;
    int64_t ones[TENSOR_MAX_DIMS], zeros[TENSOR_MAX_DIMS] = {0};

    if (dim < 0)
        return -1;
    if (args[1].given ? line_length(self, dim) == 0 : self->numel == 0)
        return error_set(ERROR_INDEX,
                         args[1].given
                             ? "%s(): Expected reduction dim %d to have non-zero size."
                             : "%s(): Expected reduction dim to be specified for input.numel() == "
                               "0.",
                         op->name, dim);
    if (op_check_number(op, self) < 0)
        return -1;
    line = args[1].given ? tensor_ref(self) : flattened(self);
    if (line &&
        reduce_extremes(line, dim, largest ? REDUCE_MAX : REDUCE_MIN, &values, &indices) == 0) {
        result = tensor_ref(indices);
        if (!args[2].i) {
            result = without_dim(result, dim);
        } else if (!args[1].given) {
            for (int d = 0; d < self->ndim; d++)
                ones[d] = 1;
            tensor_unref(result);
            result = tensor_view(indices, self->ndim, ones, zeros, 0);
        }
    }
    tensor_unref(line);
    tensor_unref(values);
    tensor_unref(indices);
    return op_give(op, result, out);
}

int argmax_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return place_of_extreme(op, args, true, out);
}

int argmin_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return place_of_extreme(op, args, false, out);
}

/* ---- running sums and products ---- */

/* In the wider type, as in PyTorch. */
#define RUNNING(name, id, T, wide, start, join)                                                    \
    static void name##_##id(char *const *ptr, const int64_t *step, void *context)                  \
    {                                                                                              \
        const int64_t count = *(const int64_t *)context, to_step = step[0], from_step = step[1];   \
        const char *from = ptr[1];                                                                 \
        char *to = ptr[0];                                                                         \
        wide total = start;                                                                        \
        for (int64_t i = 0; i < count; i++, to += to_step, from += from_step) {                    \
            total = total join * (const T *)from;                                                  \
            *(T *)to = (T)total;                                                                   \
        }                                                                                          \
    }
RUNNING(cumsum, i64, int64_t, int64_t, 0, +)
RUNNING(cumsum, f32, float, double, 0, +)
RUNNING(cumsum, f64, double, double, 0, +)
RUNNING(cumprod, i64, int64_t, int64_t, 1, *)
RUNNING(cumprod, f32, float, double, 1, *)
RUNNING(cumprod, f64, double, double, 1, *)
RUNNING(cumsum, c64, float _Complex, double _Complex, 0, +)
RUNNING(cumsum, c128, double _Complex, double _Complex, 0, +)
RUNNING(cumprod, c64, float _Complex, double _Complex, 1, *)
RUNNING(cumprod, c128, double _Complex, double _Complex, 1, *)

#define RUNNING_LINES(name)                                                                        \
    {                                                                                              \
        [DTYPE_i64] = name##_i64, [DTYPE_f32] = name##_f32, [DTYPE_f64] = name##_f64,              \
        [DTYPE_c64] = name##_c64, [DTYPE_c128] = name##_c128                                       \
    }

static int running(const struct op *op, const struct value *args, line_fn *const *lines,
                   struct tensor **out)
{
    struct tensor *self = args[0].tensor, *in, *result = NULL;
    enum dtype wanted = reduce_sum_dtype(self, &args[2]);
    enum dtype dtype = dtype_is_differentiable(wanted) ? wanted : DTYPE_i64;
    int dim = tensor_dim(self, args[1].i);
    int64_t count;

    if (dim < 0)
        return -1;
    if (op->flags & OP_IN_PLACE_CALL)
        wanted = tensor_dtype(self);
    count = line_length(self, dim);
    in = tensor_to(self, dtype);
    if (in)
        result = tensor_new(dtype, self->ndim, self->shape);
    if (result)
        lines_run(2, (const struct tensor *[]){result, in}, dim, count, lines[dtype], &count);
    tensor_unref(in);
    if (result && wanted != dtype) {
        in = result;
        result = tensor_to(in, wanted);
        tensor_unref(in);
    }
    return op_give(op, result, out);
}

int cumsum_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    static line_fn *const lines[DTYPE_COUNT] = RUNNING_LINES(cumsum);

    return running(op, args, lines, out);
}

int cumprod_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    static line_fn *const lines[DTYPE_COUNT] = RUNNING_LINES(cumprod);

    return running(op, args, lines, out);
}

/* ---- running extremes ---- */

struct search {
    int64_t count;
    bool largest;
};

/* The last of equal ones is kept. Operands: values, indices, line. */
#define RUNNING_EXTREME(id, T)                                                                     \
    static void running_extreme_##id(char *const *ptr, const int64_t *step, void *context)         \
    {                                                                                              \
        const struct search *s = context;                                                          \
        T best = 0;                                                                                \
        int64_t at = 0;                                                                            \
        for (int64_t i = 0; i < s->count; i++) {                                                   \
            const T x = LINE_AT(T, 2, i);                                                          \
            if (i == 0 || x != x || (best == best && (s->largest ? x >= best : x <= best))) {      \
                best = x;                                                                          \
                at = i;                                                                            \
            }                                                                                      \
            LINE_AT(T, 0, i) = best;                                                               \
            LINE_AT(int64_t, 1, i) = at;                                                           \
        }                                                                                          \
    }
#define DTYPE(id, T, name, category, class) RUNNING_EXTREME(id, T)
#include "tensor/dtype.def"
#undef DTYPE

static int running_extreme(const struct op *op, const struct value *args, bool largest,
                           struct tensor **out)
{
    static line_fn *const lines[DTYPE_COUNT] = {
#define DTYPE(id, T, name, category, class) [DTYPE_##id] = running_extreme_##id,
#include "tensor/dtype.def"
#undef DTYPE
    };
    struct tensor *self = args[0].tensor, *values, *indices;
    int dim = tensor_dim(self, args[1].i);
    struct search search;

    if (dim < 0)
        return -1;
    search = (struct search){line_length(self, dim), largest};
    values = tensor_new(tensor_dtype(self), self->ndim, self->shape);
    indices = tensor_new(DTYPE_i64, self->ndim, self->shape);
    if (values && indices)
        lines_run(3, (const struct tensor *[]){values, indices, self}, dim, search.count,
                  lines[self->dtype], &search);
    return give_indexed(op, values, indices, dim, true, out);
}

int cummax_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return running_extreme(op, args, true, out);
}

int cummin_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return running_extreme(op, args, false, out);
}
