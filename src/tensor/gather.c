/* gather() and scatter(): along one dimension each element has an index of its own. */
#include "base/error.h"
#include "tensor/bounds.h"
#include "tensor/index.h"
#include "tensor/iter.h"
#include "tensor/line_ops.h"

#include <string.h>

enum scatter_mode { SCATTER_SET, SCATTER_ADD, SCATTER_MULTIPLY };

struct places {
    int64_t count, size;
    enum scatter_mode mode;
    bool outside; /* an index was; written by any thread, read after all */
};

/* A line is seen to in blocks, whose indices are checked and then, still at hand, used. */
enum { BLOCK = 512 };

static bool check_block(struct places *p, const char *place, int64_t step, int64_t n)
{
    bool outside = false;

    if (step == sizeof(int64_t)) {
        outside = BOUNDS_OUTSIDE((const int64_t *)place, n, 0, p->size - 1);
    } else {
        for (int64_t i = 0; i < n; i++)
            outside |= (uint64_t) * (const int64_t *)(place + i * step) >= (uint64_t)p->size;
    }
    if (outside)
        __atomic_store_n(&p->outside, true, __ATOMIC_RELAXED);
    return !outside;
}

/* Stores are made in order: one that waits for its cache line holds up all behind it. So a short
 * line that will be written all over is fetched before. */
static void fetch_line(const struct places *p, const char *line, int64_t step, int64_t size)
{
    enum { CACHE_LINE = 64, SHORT = 16384 };

    if (step != size || p->size * size > SHORT || p->count < p->size / 4)
        return;
    for (int64_t i = 0; i < p->size * size; i += CACHE_LINE)
        __builtin_prefetch(line + i, 1);
}

/* Operands: index, result, source. */
#define SCATTER(id, T)                                                                             \
    static void set_##id(int64_t n, const int64_t *place, char *to, int64_t step, const T *from)   \
    {                                                                                              \
        if (step == sizeof(T)) {                                                                   \
            for (int64_t i = 0; i < n; i++)                                                        \
                ((T *)to)[place[i]] = from[i];                                                     \
        } else {                                                                                   \
            for (int64_t i = 0; i < n; i++)                                                        \
                *(T *)(to + place[i] * step) = from[i];                                            \
        }                                                                                          \
    }                                                                                              \
    static void scatter_##id(char *const *line, const int64_t *step, void *context)                \
    {                                                                                              \
        struct places *p = context;                                                                \
        fetch_line(p, line[1], step[1], sizeof(T));                                                \
        for (int64_t start = 0; start < p->count; start += BLOCK) {                                \
            const int64_t n = p->count - start < BLOCK ? p->count - start : BLOCK;                 \
            char *const ptr[] = {line[0] + start * step[0], line[1], line[2] + start * step[2]};   \
            if (!check_block(p, ptr[0], step[0], n))                                               \
                return;                                                                            \
            if (p->mode == SCATTER_SET && step[0] == sizeof(int64_t) && step[2] == sizeof(T)) {    \
                set_##id(n, (const int64_t *)ptr[0], ptr[1], step[1], (const T *)ptr[2]);          \
                continue;                                                                          \
            }                                                                                      \
            for (int64_t i = 0; i < n; i++) {                                                      \
                T *to = &LINE_AT(T, 1, LINE_AT(const int64_t, 0, i));                              \
                const T x = LINE_AT(const T, 2, i);                                                \
                *to = p->mode == SCATTER_SET   ? x                                                 \
                      : p->mode == SCATTER_ADD ? (T)(*to + x)                                      \
                                               : (T)(*to * x);                                     \
            }                                                                                      \
        }                                                                                          \
    }
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"
#define DTYPE(id, T, name, category, class)               SCATTER(id, T)
#define DTYPE_COMPLEX(id, T, name, category, class, part) SCATTER(id, T)
#include "tensor/dtype.def"

bool index_outside(const struct tensor *index, int64_t low, int64_t high, int64_t *wrong)
{
    bounds_fn *const is_outside = BOUNDS_OUTSIDE;
    const int64_t *at = (const int64_t *)tensor_data(index), n = index->numel;
    bool found = false;

    if (n < ITER_LONG) {
        found = is_outside(at, n, low, high);
    } else {
#pragma omp parallel for schedule(static) reduction(|| : found)
        for (int64_t i = 0; i < n; i += ITER_GRAIN)
            found = found || is_outside(at + i, n - i < ITER_GRAIN ? n - i : ITER_GRAIN, low, high);
    }
    for (int64_t i = 0; found; i++) {
        if (at[i] < low || at[i] > high) {
            *wrong = at[i];
            return true;
        }
    }
    return false;
}

/* No dimension of the index may be longer than that of `t`, but for `except`. */
static bool fits(const struct tensor *index, const struct tensor *t, int except)
{
    for (int d = 0; d < index->ndim && index->ndim == t->ndim; d++) {
        if (d != except && index->shape[d] > t->shape[d])
            return false;
    }
    return index->ndim == t->ndim;
}

static int check_index(const struct op *op, const struct tensor *self, const struct tensor *index,
                       const struct tensor *source, int dim)
{
    char text[2][256];

    if (index->dtype != DTYPE_i64)
        return error_set(ERROR_RUNTIME, "%s(): Expected dtype int64 for index", op->name);
    if (index->numel == 0)
        return 0;
    if (index->ndim != self->ndim || (source && source->ndim != index->ndim))
        return error_set(ERROR_RUNTIME,
                         source ? "Index tensor must have the same number of dimensions as src "
                                  "tensor"
                                : "Index tensor must have the same number of dimensions as input "
                                  "tensor");
    if (!fits(index, self, dim) || (source && !fits(index, source, -1)))
        return error_set(ERROR_RUNTIME,
                         "Size does not match at dimension %d expected index %s to be smaller than "
                         "self %s apart from dimension %d",
                         dim, shape_text(index->ndim, index->shape, text[0], sizeof(text[0])),
                         shape_text(self->ndim, self->shape, text[1], sizeof(text[1])), dim);
    return 0;
}

/* The error of an index that was seen to be out of range. */
static int refuse_index(struct tensor *index, int dim, int64_t size)
{
    struct tensor *whole = tensor_contiguous(index);
    int64_t wrong;

    if (whole && index_outside(whole, 0, size - 1, &wrong))
        error_set(ERROR_RUNTIME, "index %lld is out of bounds for dimension %d with size %lld",
                  (long long)wrong, dim, (long long)size);
    tensor_unref(whole);
    return -1;
}

int gather_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = tensor_as_row(args[0].tensor), *index = tensor_as_row(args[2].tensor);
    struct tensor *rows = NULL, *result = NULL;
    int dim = tensor_dim(args[0].tensor, args[1].i);
    bool outside = false;

    if (dim < 0 || !self || !index || check_index(op, self, index, NULL, dim) < 0)
        goto end;
    if (index->numel > 0)
        rows = pick_along(self, dim, index, &outside);
    else
        rows = tensor_new(tensor_dtype(self), index->ndim, index->shape);
    if (outside)
        refuse_index(index, dim, line_length(self, dim));
    else if (rows)
        result = tensor_view(rows, args[2].tensor->ndim, rows->shape, rows->stride, 0);
end:
    tensor_unref(rows);
    tensor_unref(self);
    tensor_unref(index);
    return op_give(op, result, out);
}

static int scatter(const struct op *op, const struct value *args, struct tensor *source,
                   enum scatter_mode mode, struct tensor **out)
{
    static line_fn *const lines[DTYPE_COUNT] = {
#define DTYPE(id, T, name, category, class)               [DTYPE_##id] = scatter_##id,
#define DTYPE_COMPLEX(id, T, name, category, class, part) [DTYPE_##id] = scatter_##id,
#include "tensor/dtype.def"
    };
    struct tensor *self = args[0].tensor, *index = tensor_as_row(args[2].tensor),
                  *src = tensor_as_row(source);
    struct tensor *target = *out == self ? tensor_ref(self) : tensor_clone(self);
    struct tensor *rows = target ? tensor_as_row(target) : NULL, *own = NULL;
    int dim = tensor_dim(self, args[1].i), status = -1;
    struct places p = {.mode = mode};

    if (dim < 0 || !index || !src || !rows)
        goto end;
    if (!op_same_type(src, self)) {
        error_set(ERROR_RUNTIME, "scatter(): Expected self.dtype to be equal to src.dtype");
        goto end;
    }
    if (check_index(op, rows, index, src, dim) < 0)
        goto end;
    if (src->storage == rows->storage && !(own = tensor_clone(src)))
        goto end;
    p.count = line_length(index, dim);
    p.size = line_length(rows, dim);
    if (index->numel > 0)
        lines_run(3, (const struct tensor *[]){index, rows, own ? own : src}, dim, p.count,
                  lines[self->dtype], &p);
    status = p.outside ? refuse_index(index, dim, p.size) : 0;
end:
    tensor_unref(own);
    tensor_unref(rows);
    tensor_unref(index);
    tensor_unref(src);
    if (status == 0 && target != *out)
        return op_give(op, target, out);
    tensor_unref(target);
    return status;
}

/* 'add' or 'multiply', or nothing. */
static int read_mode(const struct op *op, const struct value *text)
{
    if (op->id == OP_scatter_add)
        return SCATTER_ADD;
    if (!text->given)
        return SCATTER_SET;
    if (strcmp(text->text, "add") == 0)
        return SCATTER_ADD;
    if (strcmp(text->text, "multiply") == 0)
        return SCATTER_MULTIPLY;
    return error_set(ERROR_RUNTIME, "reduce argument must be either add or multiply.");
}

int scatter_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    int mode = read_mode(op, op->id == OP_scatter_add ? NULL : &args[4]);

    return mode < 0 ? -1 : scatter(op, args, args[3].tensor, (enum scatter_mode)mode, out);
}

int scatter_value_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *index = args[2].tensor, *one, *wide = NULL;
    int64_t still[TENSOR_MAX_DIMS] = {0};
    int mode = read_mode(op, &args[4]), status = -1;

    if (mode < 0)
        return -1;
    one = tensor_from_scalar(args[3].scalar, tensor_dtype(self));
    wide = one ? tensor_view(one, index->ndim, index->shape, still, one->offset) : NULL;
    if (wide)
        status = scatter(op, args, wide, (enum scatter_mode)mode, out);
    tensor_unref(one);
    tensor_unref(wide);
    return status;
}
