/* gather() and scatter(): along one dimension each element has an index of its own. */
#include "base/error.h"
#include "tensor/index.h"
#include "tensor/line_ops.h"

#include <string.h>

enum scatter_mode { SCATTER_SET, SCATTER_ADD, SCATTER_MULTIPLY };

struct places {
    int64_t count, size;
    enum scatter_mode mode;
    int64_t wrong; /* an index out of range, with `failed` */
    bool failed;
};

/* Operands: index, result, self. */
#define GATHER(bytes, T)                                                                           \
    static void gather_##bytes(char *const *ptr, const int64_t *step, void *context)               \
    {                                                                                              \
        struct places *p = context;                                                                \
        for (int64_t i = 0; i < p->count; i++)                                                     \
            LINE_AT(T, 1, i) = LINE_AT(const T, 2, LINE_AT(const int64_t, 0, i));                  \
    }
GATHER(1, uint8_t)
GATHER(2, uint16_t)
GATHER(4, uint32_t)
GATHER(8, uint64_t)
GATHER(16, double _Complex)

/* Operands: index, result, source. */
#define SCATTER(id, T)                                                                             \
    static void scatter_##id(char *const *ptr, const int64_t *step, void *context)                 \
    {                                                                                              \
        struct places *p = context;                                                                \
        for (int64_t i = 0; i < p->count; i++) {                                                   \
            T *to = &LINE_AT(T, 1, LINE_AT(const int64_t, 0, i));                                  \
            const T x = LINE_AT(const T, 2, i);                                                    \
            *to = p->mode == SCATTER_SET   ? x                                                     \
                  : p->mode == SCATTER_ADD ? (T)(*to + x)                                          \
                                           : (T)(*to * x);                                         \
        }                                                                                          \
    }
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wint-in-bool-context"
#define DTYPE(id, T, name, category, class)               SCATTER(id, T)
#define DTYPE_COMPLEX(id, T, name, category, class, part) SCATTER(id, T)
#include "tensor/dtype.def"

static void check_line(char *const *ptr, const int64_t *step, void *context)
{
    struct places *p = context;

    for (int64_t i = 0; i < p->count; i++) {
        int64_t index = LINE_AT(const int64_t, 0, i);

        if (index >= 0 && index < p->size)
            continue;
        p->wrong = index;
        p->failed = true;
    }
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
    struct places p = {.count = line_length(index, dim), .size = line_length(self, dim)};
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
    lines_run_serial(1, &index, dim, check_line, &p);
    if (p.failed)
        return error_set(ERROR_RUNTIME,
                         "index %lld is out of bounds for dimension %d with size %lld",
                         (long long)p.wrong, dim, (long long)p.size);
    return 0;
}

int gather_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    static line_fn *const lines[17] = {
        [1] = gather_1, [2] = gather_2, [4] = gather_4, [8] = gather_8, [16] = gather_16};
    struct tensor *self = tensor_as_row(args[0].tensor), *index = tensor_as_row(args[2].tensor),
                  *result = NULL;
    struct tensor *rows = NULL;
    int dim = tensor_dim(args[0].tensor, args[1].i);
    struct places p = {0};

    if (dim < 0 || !self || !index || check_index(op, self, index, NULL, dim) < 0)
        goto end;
    result = tensor_new(tensor_dtype(self), args[2].tensor->ndim, args[2].tensor->shape);
    rows = result ? tensor_as_row(result) : NULL;
    p.count = line_length(index, dim < index->ndim ? dim : 0);
    if (rows && index->numel > 0)
        lines_run(3, (const struct tensor *[]){index, rows, self}, dim, p.count,
                  lines[dtype_size(tensor_dtype(self))], &p);
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
    if (src->dtype != self->dtype) {
        error_set(ERROR_RUNTIME, "%s(): Expected self.dtype to be equal to src.dtype", op->name);
        goto end;
    }
    if (check_index(op, rows, index, src, dim) < 0)
        goto end;
    if (src->storage == rows->storage && !(own = tensor_clone(src)))
        goto end;
    p.count = line_length(index, dim);
    if (index->numel > 0)
        lines_run(3, (const struct tensor *[]){index, rows, own ? own : src}, dim, p.count,
                  lines[self->dtype], &p);
    status = 0;
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
