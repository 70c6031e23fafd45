/* Masks: the places of what is true, picking and filling there. */
#include "base/error.h"
#include "tensor/index.h"
#include "tensor/iter.h"

#include <string.h>

/* Long masks are looked at in parts, by threads; first is told how many are true in each. */
enum { PARTS = 64 };

struct parts {
    int64_t size, length; /* of the mask and of a part, the last one may be shorter */
    int count;
    int64_t first[PARTS + 1]; /* how many are true before each part, and in all */
};

static int64_t part_end(const struct parts *p, int i)
{
    return (i + 1) * p->length < p->size ? (i + 1) * p->length : p->size;
}

static int64_t count_true(const uint8_t *mask, int64_t n)
{
    int64_t found = 0;

    for (int64_t i = 0; i < n; i++)
        found += mask[i] != 0;
    return found;
}

static void parts_init(struct parts *p, const uint8_t *mask, int64_t size)
{
    p->size = size;
    p->count = size >= 2 * ITER_GRAIN ? PARTS : 1;
    p->length = (size + p->count - 1) / p->count;
    p->first[0] = 0;
    if (p->count == 1) { /* without a team of threads, which would cost more than the work */
        p->first[1] = count_true(mask, size);
        return;
    }
#pragma omp parallel for schedule(static)
    for (int i = 0; i < p->count; i++)
        p->first[i + 1] = count_true(mask + i * p->length, part_end(p, i) - i * p->length);
    for (int i = 0; i < p->count; i++)
        p->first[i + 1] += p->first[i];
}

/* ---- places ---- */

/* The places of what is true from `begin` on as `count` rows from row `row` of a matrix by columns.
 * Each is written before it is known whether it stays, which spares the processor its guesses. */
static void write_places(const struct tensor *t, int64_t begin, struct tensor *matrix, int64_t row,
                         int64_t count)
{
    const uint8_t *mask = (const uint8_t *)tensor_data(t) + begin;
    const int ndim = t->ndim, last = ndim - 1;
    const int64_t length = t->shape[last], column = matrix->stride[1];
    int64_t at[TENSOR_MAX_DIMS], rest = begin, *to = (int64_t *)tensor_data(matrix) + row;
    const int64_t *end = to + count;

    for (int d = last; d >= 0; d--) {
        at[d] = rest % t->shape[d];
        rest /= t->shape[d];
    }
    while (to < end) {
        const int64_t outer = at[0];

        for (int64_t k = at[last]; k < length && to < end; k++) {
            if (ndim == 2) {
                to[0] = outer;
            } else {
                for (int d = 0; d < last; d++)
                    to[d * column] = at[d];
            }
            to[last * column] = k;
            to += *mask++ != 0;
        }
        at[last] = 0;
        for (int d = last - 1; d >= 0 && ++at[d] == t->shape[d]; d--)
            at[d] = 0;
    }
}

struct tensor *nonzero(struct tensor *self)
{
    struct tensor *truth = tensor_to(self, DTYPE_b8), *whole, *columns, *result = NULL;
    struct parts parts;
    int64_t found;

    whole = truth ? tensor_contiguous(truth) : NULL;
    tensor_unref(truth);
    if (!whole)
        return NULL;
    parts_init(&parts, (const uint8_t *)tensor_data(whole), whole->numel);
    found = parts.first[parts.count];
    columns = tensor_new(DTYPE_i64, 2, (int64_t[]){self->ndim, found});
    if (columns)
        result = tensor_view(columns, 2, (int64_t[]){found, self->ndim}, (int64_t[]){1, found}, 0);
    if (result && parts.count == 1 && result->numel > 0) {
        write_places(whole, 0, result, 0, found);
    } else if (result && result->numel > 0) {
#pragma omp parallel for schedule(static)
        for (int i = 0; i < parts.count; i++)
            write_places(whole, i * parts.length, result, parts.first[i],
                         parts.first[i + 1] - parts.first[i]);
    }
    tensor_unref(columns);
    tensor_unref(whole);
    return result;
}

int nonzero_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return op_give(op, nonzero(args[0].tensor), out);
}

/* ---- picking and filling ---- */

/* Rows of elements that stand behind one another: where the mask is true, from `from` to `to`. */
#define SQUEEZE(T)                                                                                 \
    for (int64_t i = 0, row = 0; row < count; i++) {                                               \
        ((T *)to)[row] = ((const T *)from)[i];                                                     \
        row += mask[i] != 0;                                                                       \
    }
static void squeeze(size_t size, const uint8_t *mask, char *to, const char *from, int64_t count)
{
    if (size == sizeof(uint32_t)) {
        SQUEEZE(uint32_t)
    } else if (size == sizeof(uint64_t)) {
        SQUEEZE(uint64_t)
    } else if (size == sizeof(uint8_t)) {
        SQUEEZE(uint8_t)
    } else {
        for (int64_t i = 0, row = 0; row < count; i++) {
            if (mask[i])
                memcpy(to + size * (size_t)row++, from + size * (size_t)i, size);
        }
    }
}

struct tensor *mask_pick(struct tensor *self, const struct tensor *mask)
{
    const uint8_t *truth = (const uint8_t *)tensor_data(mask);
    const int64_t row = self->numel && mask->numel ? self->numel / mask->numel : 0;
    const size_t size = (size_t)row * dtype_size(tensor_dtype(self));
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = 1 + self->ndim - mask->ndim;
    struct parts parts;
    struct tensor *result;

    parts_init(&parts, truth, mask->numel);
    memcpy(shape + 1, self->shape + mask->ndim, (size_t)(ndim - 1) * sizeof(*shape));
    shape[0] = parts.first[parts.count];
    result = tensor_new(tensor_dtype(self), ndim, shape);
    if (result && parts.count == 1) {
        squeeze(size, truth, tensor_data(result), tensor_data(self), size ? shape[0] : 0);
    } else if (result && size > 0) {
#pragma omp parallel for schedule(static)
        for (int i = 0; i < parts.count; i++)
            squeeze(size, truth + i * parts.length,
                    tensor_data(result) + size * (size_t)parts.first[i],
                    tensor_data(self) + size * (size_t)(i * parts.length),
                    parts.first[i + 1] - parts.first[i]);
    }
    return result;
}

/* Every element is written, the old one where nothing changes: no guesses again. */
#define FILL(T)                                                                                    \
    {                                                                                              \
        const T x = *(const T *)value;                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const T keep = (T)((T)(mask[i] != 0) - 1);                                             \
            ((T *)to)[i] = (((T *)to)[i] & keep) | (x & (T)~keep);                                 \
        }                                                                                          \
    }
static void fill(size_t size, int64_t row, int64_t n, const uint8_t *mask, char *to,
                 const char *value)
{
    if (row == 1 && size == sizeof(uint32_t)) {
        FILL(uint32_t)
    } else if (row == 1 && size == sizeof(uint64_t)) {
        FILL(uint64_t)
    } else {
        for (int64_t i = 0; i < n; i++) {
            if (mask[i])
                copy_run(size, row, to + (size_t)(i * row) * size, value, 0);
        }
    }
}

int mask_fill(struct tensor *self, const struct tensor *mask, const struct tensor *value)
{
    const uint8_t *truth = (const uint8_t *)tensor_data(mask);
    const size_t size = dtype_size(tensor_dtype(self));
    const int64_t row = self->numel && mask->numel ? self->numel / mask->numel : 0;
    struct tensor *typed = tensor_to((struct tensor *)value, tensor_dtype(self));

    if (!typed)
        return -1;
    if (mask->numel < 2 * ITER_GRAIN) {
        fill(size, row, mask->numel, truth, tensor_data(self), tensor_data(typed));
        tensor_unref(typed);
        return 0;
    }
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < mask->numel; i += ITER_GRAIN)
        fill(size, row, mask->numel - i < ITER_GRAIN ? mask->numel - i : ITER_GRAIN, truth + i,
             tensor_data(self) + (size_t)(i * row) * size, tensor_data(typed));
    tensor_unref(typed);
    return 0;
}
