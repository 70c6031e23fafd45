/* Sorting along a dimension and what is read off a sorted line. */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/line_ops.h"
#include "tensor/reduce.h"

#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wtautological-compare"

/* ---- a stable merge sort of (value, index) pairs; NaN counts as the largest ---- */

#define SORT(id, T)                                                                                \
    struct pair_##id {                                                                             \
        T value;                                                                                   \
        int64_t index;                                                                             \
    };                                                                                             \
    static inline bool before_##id(T a, T b, bool descending)                                      \
    {                                                                                              \
        if (descending)                                                                            \
            return (a != a && b == b) || a > b;                                                    \
        return (a == a && b != b) || a < b;                                                        \
    }                                                                                              \
    static void insert_##id(struct pair_##id *p, int64_t n, bool descending)                       \
    {                                                                                              \
        for (int64_t i = 1; i < n; i++) {                                                          \
            struct pair_##id x = p[i];                                                             \
            int64_t k = i;                                                                         \
            for (; k > 0 && before_##id(x.value, p[k - 1].value, descending); k--)                 \
                p[k] = p[k - 1];                                                                   \
            p[k] = x;                                                                              \
        }                                                                                          \
    }                                                                                              \
    static void merge_##id(struct pair_##id *p, struct pair_##id *spare, int64_t n,                \
                           bool descending)                                                        \
    {                                                                                              \
        int64_t half = n / 2, i = 0, k = half, to = 0;                                             \
        if (n <= 24) {                                                                             \
            insert_##id(p, n, descending);                                                         \
            return;                                                                                \
        }                                                                                          \
        merge_##id(p, spare, half, descending);                                                    \
        merge_##id(p + half, spare, n - half, descending);                                         \
        memcpy(spare, p, (size_t)half * sizeof(*p));                                               \
        while (i < half && k < n)                                                                  \
            p[to++] = before_##id(p[k].value, spare[i].value, descending) ? p[k++] : spare[i++];   \
        memcpy(p + to, spare + i, (size_t)(half - i) * sizeof(*p));                                \
    }                                                                                              \
    /* Operands: values, indices, line. */                                                         \
    static void sort_line_##id(char *const *ptr, const int64_t *step, void *context)               \
    {                                                                                              \
        struct sorter *s = context;                                                                \
        struct pair_##id *p = s->scratch;                                                          \
        for (int64_t i = 0; i < s->count; i++)                                                     \
            p[i] = (struct pair_##id){LINE_AT(const T, 2, i), i};                                  \
        merge_##id(p, p + s->count, s->count, s->descending);                                      \
        for (int64_t i = 0; i < s->taken; i++) {                                                   \
            LINE_AT(T, 0, i) = p[s->first + i].value;                                              \
            LINE_AT(int64_t, 1, i) = p[s->first + i].index;                                        \
        }                                                                                          \
    }                                                                                              \
    /* The value that occurs most often, the smallest of several; its last place. */               \
    static void mode_line_##id(char *const *ptr, const int64_t *step, void *context)               \
    {                                                                                              \
        struct sorter *s = context;                                                                \
        struct pair_##id *p = s->scratch;                                                          \
        int64_t best = 0, run = 0;                                                                 \
        for (int64_t i = 0; i < s->count; i++)                                                     \
            p[i] = (struct pair_##id){LINE_AT(const T, 2, i), i};                                  \
        merge_##id(p, p + s->count, s->count, false);                                              \
        for (int64_t i = 0; i < s->count; i++) {                                                   \
            run = i > 0 && p[i].value == p[i - 1].value ? run + 1 : 1;                             \
            if (run > best) {                                                                      \
                best = run;                                                                        \
                *(T *)ptr[0] = p[i].value;                                                         \
                *(int64_t *)ptr[1] = p[i].index;                                                   \
            }                                                                                      \
        }                                                                                          \
    }
struct sorter {
    int64_t count, first, taken; /* of the sorted line, `taken` from `first` on are given */
    bool descending;
    void *scratch;
};
#define DTYPE(id, T, name, category, class) SORT(id, T)
#include "tensor/dtype.def"
#undef DTYPE

static line_fn *const sort_lines[DTYPE_COUNT] = {
#define DTYPE(id, T, name, category, class) [DTYPE_##id] = sort_line_##id,
#include "tensor/dtype.def"
#undef DTYPE
};
static line_fn *const mode_lines[DTYPE_COUNT] = {
#define DTYPE(id, T, name, category, class) [DTYPE_##id] = mode_line_##id,
#include "tensor/dtype.def"
#undef DTYPE
};

/* Lines share one scratch space, so one thread sorts them all. */
static int sorted_lines(struct tensor *self, int dim, struct sorter *s, line_fn *const *lines,
                        struct tensor **values, struct tensor **indices)
{
    int64_t shape[TENSOR_MAX_DIMS];

    memcpy(shape, self->shape, sizeof(shape));
    if (self->ndim)
        shape[dim] = s->taken;
    s->scratch = mem_alloc((size_t)s->count * 2 * 2 * sizeof(int64_t));
    *values = s->scratch ? tensor_new(tensor_dtype(self), self->ndim, shape) : NULL;
    *indices = *values ? tensor_new(DTYPE_i64, self->ndim, shape) : NULL;
    if (*indices)
        lines_run_serial(3, (const struct tensor *[]){*values, *indices, self}, dim,
                         lines[self->dtype], s);
    mem_free(s->scratch);
    if (*indices)
        return 0;
    tensor_unref(*values);
    *values = NULL;
    return -1;
}

int sort_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *values, *indices;
    int dim = tensor_dim(self, args[1].i);
    struct sorter s = {.descending = args[2].i};

    if (dim < 0)
        return -1;
    s.count = s.taken = line_length(self, dim);
    if (sorted_lines(self, dim, &s, sort_lines, &values, &indices) < 0)
        return -1;
    return give_indexed(op, values, indices, dim, true, out);
}

int topk_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *values, *indices;
    int dim = tensor_dim(self, args[2].i);
    struct sorter s = {.taken = args[1].i, .descending = args[3].i};

    if (dim < 0)
        return -1;
    s.count = line_length(self, dim);
    if (s.taken < 0 || s.taken > s.count)
        return error_set(ERROR_RUNTIME, "selected index k out of range");
    if (sorted_lines(self, dim, &s, sort_lines, &values, &indices) < 0)
        return -1;
    return give_indexed(op, values, indices, dim, true, out);
}

/* Position `place` (from 0) of the sorted lines. */
static int pick_sorted(const struct op *op, struct tensor *self, int dim, int64_t place,
                       bool keepdim, struct tensor **out)
{
    struct sorter s = {.count = line_length(self, dim), .first = place, .taken = 1};
    struct tensor *values, *indices;

    if (sorted_lines(self, dim, &s, sort_lines, &values, &indices) < 0)
        return -1;
    return give_indexed(op, values, indices, dim, keepdim, out);
}

int kthvalue_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    int dim = tensor_dim(self, args[2].i);
    int64_t k = args[1].i;

    if (dim < 0)
        return -1;
    if (k < 1 || k > line_length(self, dim))
        return error_set(ERROR_RUNTIME,
                         "kthvalue(): selected number k out of range for dimension %d", dim);
    return pick_sorted(op, self, dim, k - 1, args[3].i, out);
}

/* A NaN is the median of the line that holds it: it sorts last, so the last place is looked at. */
#define FIRST_NAN(id, T)                                                                           \
    static void first_nan_##id(char *const *ptr, const int64_t *step, void *context)               \
    {                                                                                              \
        int64_t count = *(const int64_t *)context;                                                 \
        for (int64_t i = 0; i < count; i++) {                                                      \
            if (LINE_AT(const T, 2, i) != LINE_AT(const T, 2, i)) {                                \
                *(T *)ptr[0] = LINE_AT(const T, 2, i);                                             \
                *(int64_t *)ptr[1] = i;                                                            \
                return;                                                                            \
            }                                                                                      \
        }                                                                                          \
    }
FIRST_NAN(f32, float)
FIRST_NAN(f64, double)

int median_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *values, *indices;
    int dim = tensor_dim(self, args[1].i);
    struct sorter s = {.taken = 1};

    if (dim < 0)
        return -1;
    s.count = line_length(self, dim);
    if (s.count == 0)
        return error_set(ERROR_INDEX, "median(): Expected reduction dim %d to have non-zero size.",
                         dim);
    s.first = (s.count - 1) / 2;
    if (sorted_lines(self, dim, &s, sort_lines, &values, &indices) < 0)
        return -1;
    if (dtype_is_float(tensor_dtype(self)))
        lines_run_serial(3, (const struct tensor *[]){values, indices, self}, dim,
                         self->dtype == DTYPE_f32 ? first_nan_f32 : first_nan_f64, &s.count);
    return give_indexed(op, values, indices, dim, args[2].i, out);
}

int median_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *flat, *pair[2] = {NULL, NULL};
    struct value call[3] = {{.given = true}, {.given = true, .i = 0}, {.given = true, .i = 0}};
    uint32_t mask;
    int status;

    if (self->numel == 0) /* PyTorch gives NaN */
        return op_give(op, tensor_from_scalar(scalar_float(NAN), tensor_dtype(self)), out);
    reduce_dims(self->ndim, 0, NULL, &mask);
    flat = reduce_rows(self, mask, tensor_dtype(self));
    if (!flat)
        return -1;
    call[0].tensor = flat;
    call[1].i = 1;
    status = median_dim_forward(op, call, pair);
    tensor_unref(flat);
    if (status < 0)
        return -1;
    tensor_unref(pair[1]);
    flat = tensor_view(pair[0], 0, pair[0]->shape, pair[0]->stride, pair[0]->offset);
    tensor_unref(pair[0]);
    return op_give(op, flat, out);
}

int mode_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *values, *indices;
    int dim = tensor_dim(self, args[1].i);
    struct sorter s = {.taken = 1};

    if (dim < 0)
        return -1;
    s.count = line_length(self, dim);
    if (s.count == 0)
        return error_set(ERROR_INDEX, "mode(): Expected reduction dim %d to have non-zero size.",
                         dim);
    if (sorted_lines(self, dim, &s, mode_lines, &values, &indices) < 0)
        return -1;
    return give_indexed(op, values, indices, dim, args[2].i, out);
}
