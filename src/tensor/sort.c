/* Sorting along a dimension and what is read off a sorted line. */
#include "tensor/sorted.h"
#include "tensor/unstable.h"

#include "base/error.h"
#include "base/mem.h"
#include "tensor/line_ops.h"
#include "tensor/reduce.h"
#include "tensor/threads.h"

#include <math.h>
#include <string.h>

enum { FEW = 64 };

/* Lines shorter than this may be printed whole, so that people see where equal elements are. In
 * longer ones these keep their order: that is several times faster than PyTorch's way. */
enum { SHOWN = 1000 };

/* What is done to each line, and what of it is given. */
struct task {
    int64_t count, first, taken; /* of the sorted line, `taken` from `first` on are given */
    bool descending;
    bool stable;    /* equal elements keep their order; else they go where PyTorch has them */
    bool unordered; /* as a selection leaves them */
    const struct keys *keys;
    char *scratch; /* of all threads, `room` bytes each */
    size_t room;
};

static void *own_scratch(const struct task *t)
{
    return t->scratch + t->room * (size_t)tensor_team_member();
}

/* Writes what lies at place `from` of the line as element `to` of the result. */
static inline void give(const struct task *t, char *const *ptr, const int64_t *step, int64_t to,
                        int64_t from)
{
    char *into = ptr[0] + to * step[0];
    const char *element = ptr[2] + from * step[2];

    if (t->keys->size == sizeof(uint32_t)) /* a copy of known size is one instruction */
        memcpy(into, element, sizeof(uint32_t));
    else if (t->keys->size == sizeof(uint64_t))
        memcpy(into, element, sizeof(uint64_t));
    else
        memcpy(into, element, t->keys->size);
    *(int64_t *)(ptr[1] + to * step[1]) = from;
}

/* The three ways to read a line, for both widths of keys. Operands: values, indices, line. */
#define LINES(bits)                                                                                \
    static struct key##bits *sorted_line_##bits(const struct task *t, const char *line,            \
                                                int64_t step)                                      \
    {                                                                                              \
        struct key##bits *k = own_scratch(t), *sorted;                                             \
        t->keys->load(line, step, t->count, t->descending, k);                                     \
        sorted = keys_sort##bits(k, k + t->count, t->count);                                       \
        if (t->stable || keys_differ##bits(sorted, t->count))                                      \
            return sorted;                                                                         \
        t->keys->load(line, step, t->count, t->descending, k);                                     \
        unstable_sort##bits(k, t->count);                                                          \
        return k;                                                                                  \
    }                                                                                              \
    static void sort_line_##bits(char *const *ptr, const int64_t *step, void *context)             \
    {                                                                                              \
        const struct task *t = context;                                                            \
        const struct key##bits *sorted = sorted_line_##bits(t, ptr[2], step[2]);                   \
        for (int64_t i = 0; i < t->taken; i++)                                                     \
            give(t, ptr, step, i, sorted[i].place);                                                \
    }                                                                                              \
    /* Only one element of the sorted line. */                                                     \
    static void pick_line_##bits(char *const *ptr, const int64_t *step, void *context)             \
    {                                                                                              \
        const struct task *t = context;                                                            \
        struct key##bits *k = own_scratch(t), found;                                               \
        bool alone;                                                                                \
        t->keys->load(ptr[2], step[2], t->count, false, k);                                        \
        found = keys_select##bits(k, k + t->count, t->count, t->first, &alone);                    \
        if (!alone && !t->stable) {                                                                \
            t->keys->load(ptr[2], step[2], t->count, false, k);                                    \
            found = unstable_kth##bits(k, t->count, t->first);                                     \
        }                                                                                          \
        give(t, ptr, step, 0, found.place);                                                        \
    }                                                                                              \
    /* The first ones of the sorted line in a way that is quick for so many. NULL if one has       \
     * equals, so that the way shows. */                                                           \
    static struct key##bits *quick_top_##bits(const struct task *t, struct key##bits *k,           \
                                              const char *line, int64_t step)                      \
    {                                                                                              \
        bool alone;                                                                                \
        t->keys->load(line, step, t->count, t->descending, k);                                     \
        if (t->taken <= FEW) {                                                                     \
            alone = keys_few##bits(k, t->count, t->taken);                                         \
        } else if (t->taken * 4 > t->count) {                                                      \
            k = keys_sort##bits(k, k + t->count, t->count);                                        \
            alone = t->taken == t->count || k[t->taken].key != k[t->taken - 1].key;                \
        } else {                                                                                   \
            const struct key##bits last =                                                          \
                keys_select##bits(k, k + t->count, t->count, t->taken - 1, &alone);                \
            t->keys->load(line, step, t->count, t->descending, k);                                 \
            k = keys_sort##bits(k, k + t->count, keys_until##bits(k, t->count, last));             \
        }                                                                                          \
        return t->stable || (alone && keys_differ##bits(k, t->taken)) ? k : NULL;                  \
    }                                                                                              \
    static void top_line_##bits(char *const *ptr, const int64_t *step, void *context)              \
    {                                                                                              \
        const struct task *t = context;                                                            \
        struct key##bits *all = own_scratch(t),                                                    \
                         *k = t->unordered ? NULL : quick_top_##bits(t, all, ptr[2], step[2]);     \
        if (!k) {                                                                                  \
            k = all;                                                                               \
            t->keys->load(ptr[2], step[2], t->count, t->descending, k);                            \
            unstable_top##bits(k, t->count, t->taken, !t->unordered);                              \
        }                                                                                          \
        for (int64_t i = 0; i < t->taken; i++)                                                     \
            give(t, ptr, step, i, k[i].place);                                                     \
    }                                                                                              \
    /* The value that occurs most often, the smallest of several; its last place. */               \
    static void mode_line_##bits(char *const *ptr, const int64_t *step, void *context)             \
    {                                                                                              \
        const struct task *t = context;                                                            \
        const struct key##bits *sorted = sorted_line_##bits(t, ptr[2], step[2]);                   \
        int64_t best = 0, run = 0, place = 0;                                                      \
        for (int64_t i = 0; i < t->count; i++) {                                                   \
            run = i > 0 && sorted[i].key == sorted[i - 1].key ? run + 1 : 1;                       \
            if (run > best) {                                                                      \
                best = run;                                                                        \
                place = sorted[i].place;                                                           \
            }                                                                                      \
        }                                                                                          \
        give(t, ptr, step, 0, place);                                                              \
    }
LINES(32)
LINES(64)

enum way { WAY_SORT, WAY_PICK, WAY_TOP, WAY_MODE };

/* Runs a way over all lines along dim; values and indices have `taken` elements there. */
static int sorted_lines(struct tensor *self, int dim, struct task *t, enum way way,
                        struct tensor **values, struct tensor **indices)
{
    static line_fn *const lines[][2] = {
        [WAY_SORT] = {sort_line_32, sort_line_64},
        [WAY_PICK] = {pick_line_32, pick_line_64},
        [WAY_TOP] = {top_line_32, top_line_64},
        [WAY_MODE] = {mode_line_32, mode_line_64},
    };
    int64_t shape[TENSOR_MAX_DIMS];

    memcpy(shape, self->shape, sizeof(shape));
    if (self->ndim)
        shape[dim] = t->taken;
    *indices = NULL;
    t->keys = &keys_of[self->dtype];
    t->stable |= t->count >= SHOWN;
    if (!t->keys->wide && t->count > UINT32_MAX)
        return error_set(ERROR_RUNTIME, "a line of %lld elements is too long to be sorted",
                         (long long)t->count);
    t->room = 2 * (size_t)t->count * (t->keys->wide ? sizeof(struct key64) : sizeof(struct key32));
    t->room = (t->room + 127) / 64 * 64; /* no two threads in one cache line */
    t->scratch = mem_alloc(t->room * (size_t)tensor_team_size());
    *values = t->scratch ? tensor_new(tensor_dtype(self), self->ndim, shape) : NULL;
    *indices = *values ? tensor_new(DTYPE_i64, self->ndim, shape) : NULL;
    if (*indices && self->numel > 0)
        lines_run(3, (const struct tensor *[]){*values, *indices, self}, dim, 8 * t->count,
                  lines[way][t->keys->wide], t);
    mem_free(t->scratch);
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
    struct task s = {.descending = args[2].i, .stable = args[3].i};

    if (dim < 0)
        return -1;
    s.count = s.taken = line_length(self, dim);
    if (sorted_lines(self, dim, &s, WAY_SORT, &values, &indices) < 0)
        return -1;
    return give_indexed(op, values, indices, dim, true, out);
}

int topk_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *values, *indices;
    int dim = tensor_dim(self, args[2].i);
    struct task s = {.taken = args[1].i, .descending = args[3].i, .unordered = !args[4].i};

    if (dim < 0)
        return -1;
    s.count = line_length(self, dim);
    if (s.taken < 0 || s.taken > s.count)
        return error_set(ERROR_RUNTIME, "selected index k out of range");
    if (op_check_number(op, self) < 0)
        return -1;
    if (self->ndim == 0) /* one element, whatever k is */
        s.taken = 1;
    if (sorted_lines(self, dim, &s, WAY_TOP, &values, &indices) < 0)
        return -1;
    return give_indexed(op, values, indices, dim, true, out);
}

int kthvalue_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *values, *indices;
    int dim = tensor_dim(self, args[2].i);
    int64_t k = args[1].i;
    struct task s = {.first = k - 1, .taken = 1};

    if (dim < 0)
        return -1;
    if (self->numel == 0 && line_length(self, dim) == 0)
        return error_set(ERROR_INDEX,
                         "kthvalue(): Expected reduction dim %d to have non-zero size.", dim);
    if (k < 1 || k > line_length(self, dim))
        return error_set(ERROR_RUNTIME,
                         "kthvalue(): selected number k out of range for dimension %d", dim);
    if (op_check_number(op, self) < 0)
        return -1;
    s.count = line_length(self, dim);
    if (sorted_lines(self, dim, &s, WAY_PICK, &values, &indices) < 0)
        return -1;
    return give_indexed(op, values, indices, dim, args[3].i, out);
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
    struct task s = {.taken = 1, .stable = true};

    if (dim < 0)
        return -1;
    s.count = line_length(self, dim);
    if (s.count == 0)
        return error_set(ERROR_INDEX, "median(): Expected reduction dim %d to have non-zero size.",
                         dim);
    if (op_check_number(op, self) < 0)
        return -1;
    s.first = (s.count - 1) / 2;
    if (sorted_lines(self, dim, &s, WAY_PICK, &values, &indices) < 0)
        return -1;
    if (dtype_is_float(tensor_dtype(self)))
        lines_run(3, (const struct tensor *[]){values, indices, self}, dim, s.count,
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
    struct task s = {.taken = 1};

    if (dim < 0)
        return -1;
    s.count = line_length(self, dim);
    if (s.count == 0)
        return error_set(ERROR_INDEX, "mode(): Expected reduction dim %d to have non-zero size.",
                         dim);
    if (sorted_lines(self, dim, &s, WAY_MODE, &values, &indices) < 0)
        return -1;
    return give_indexed(op, values, indices, dim, args[2].i, out);
}
