/*
 * Reductions over dimensions.
 *
 * The dimensions of the input are walked in the order of its memory. When the innermost is reduced,
 * a kernel reduces a whole run at once; when it is kept, rows are folded into the row of results.
 */
#include "tensor/reduce.h"

#include "base/error.h"
#include "base/mem.h"
#include "tensor/iter.h"

#include <string.h>

int reduce_dims(int ndim, int count, const int64_t *dims, uint32_t *mask)
{
    *mask = 0;
    if (count == 0) {
        *mask = ndim ? (1u << ndim) - 1 : 0;
        return 0;
    }
    for (int i = 0; i < count; i++) {
        int d = shape_dim(ndim, dims[i]);

        if (d < 0)
            return -1;
        if (*mask >> d & 1)
            return error_set(ERROR_RUNTIME, "dim %d appears multiple times in the list of dims", d);
        *mask |= 1u << d;
    }
    if (ndim == 0)
        *mask = 0;
    return 0;
}

int reduced_shape(const struct tensor *self, uint32_t mask, bool keepdim, int64_t *shape)
{
    int ndim = 0;

    for (int d = 0; d < self->ndim; d++) {
        if (!(mask >> d & 1))
            shape[ndim++] = self->shape[d];
        else if (keepdim)
            shape[ndim++] = 1;
    }
    return ndim;
}

/* One dimension of the walk. Bytes; out_step is 0 for a reduced one. */
struct walk {
    int64_t size, in_step, out_step;
};

static int plan_walk(const struct tensor *in, const struct tensor *out, uint32_t mask, bool keepdim,
                     struct walk *walk)
{
    int64_t in_size = (int64_t)dtype_size(tensor_dtype(in));
    int64_t out_size = (int64_t)dtype_size(tensor_dtype(out));
    int count = 0, od = 0;

    for (int d = 0; d < in->ndim; d++) {
        bool reduced = mask >> d & 1;
        struct walk w = {in->shape[d], in->stride[d] * in_size,
                         reduced ? 0 : out->stride[od] * out_size};
        int at = count;

        od += !reduced || keepdim;
        if (w.size == 1)
            continue;
        for (; at > 0 && walk[at - 1].in_step < w.in_step; at--)
            walk[at] = walk[at - 1];
        walk[at] = w;
        count++;
    }
    for (int i = count - 1; i > 0; i--) { /* merge what lies behind one another */
        struct walk *outer = &walk[i - 1], *inner = &walk[i];

        if (outer->in_step != inner->in_step * inner->size ||
            outer->out_step != inner->out_step * inner->size)
            continue;
        inner->size *= outer->size;
        memmove(outer, inner, (size_t)(count - i) * sizeof(*walk));
        count--;
    }
    if (count == 0)
        walk[count++] = (struct walk){1, in_size, out_size};
    return count;
}

struct reducer {
    kernel_fn *reduce, *fold;
    size_t size; /* bytes of an element */
    const struct walk *inner;
    char *first; /* which results have a value already: one flag per result element */
    char *base;
};

/* Reduces or folds one run of the innermost dimension into the results at `out`. */
static void reduce_run(const struct reducer *r, char *out, char *in)
{
    int64_t steps[2] = {0, r->inner->in_step}, n = r->inner->size;
    char *seen = r->first + (out - r->base) / (int64_t)r->size;
    char partial[16];

    if (r->inner->out_step == 0) {
        char *target = *seen ? partial : out;

        r->reduce(n, (char *[]){target, in}, steps, NULL);
        if (*seen)
            r->fold(1, (char *[]){out, partial}, steps, NULL);
        *seen = 1;
        return;
    }
    if (r->inner->out_step == (int64_t)r->size && r->inner->in_step == (int64_t)r->size) {
        if (*seen)
            r->fold(n, (char *[]){out, in}, steps, NULL);
        else
            memcpy(out, in, (size_t)n * r->size);
        memset(seen, 1, (size_t)n);
        return;
    }
    for (int64_t i = 0; i < n; i++, out += r->inner->out_step, in += r->inner->in_step) {
        seen = r->first + (out - r->base) / (int64_t)r->size;
        if (*seen)
            r->fold(1, (char *[]){out, in}, steps, NULL);
        else
            memcpy(out, in, r->size);
        *seen = 1;
    }
}

/* All rows of a walk whose dimension 0 to count - 2 lie outside of r->inner. */
static void walk_rows(const struct reducer *r, const struct walk *walk, int count, char *out,
                      char *in)
{
    int64_t rows = 1;

    for (int d = 0; d < count - 1; d++)
        rows *= walk[d].size;
    for (int64_t row = 0; row < rows; row++) {
        char *to = out, *from = in;
        int64_t rest = row;

        for (int d = count - 2; d >= 0; d--) {
            to += rest % walk[d].size * walk[d].out_step;
            from += rest % walk[d].size * walk[d].in_step;
            rest /= walk[d].size;
        }
        reduce_run(r, to, from);
    }
}

/* The part of a walk that has `size` of dimension `d` from `start` on. */
static void walk_part(const struct reducer *r, const struct walk *walk, int count, int d,
                      int64_t start, int64_t size, char *out, char *in)
{
    struct walk part[TENSOR_MAX_DIMS + 1];
    struct reducer own = *r;

    memcpy(part, walk, (size_t)count * sizeof(*walk));
    part[d].size = size;
    own.inner = &part[count - 1];
    walk_rows(&own, part, count, out + start * walk[d].out_step, in + start * walk[d].in_step);
}

/* Threads share a dimension that is kept: each result is made by one of them, in the order in which
 * one thread alone would make it. */
static void walk_parallel(const struct reducer *r, const struct walk *walk, int count, int d,
                          int64_t numel, char *out, char *in)
{
    int64_t chunk = walk[d].size * ITER_GRAIN / numel, least = 64 / (int64_t)r->size;

    if (chunk < least) /* no two threads in one cache line of results */
        chunk = least;
#pragma omp parallel for schedule(static)
    for (int64_t start = 0; start < walk[d].size; start += chunk)
        walk_part(r, walk, count, d, start,
                  start + chunk < walk[d].size ? chunk : walk[d].size - start, out, in);
}

/* One long run into one result: pieces of a fixed length, so that the digits do not depend on the
 * number of threads, and then the results of the pieces. */
static int reduce_long(const struct reducer *r, char *out, char *in)
{
    int64_t n = r->inner->size, step = r->inner->in_step, steps[2] = {0, step};
    int64_t pieces = (n + ITER_GRAIN - 1) / ITER_GRAIN;
    char *partial = mem_alloc((size_t)pieces * r->size);

    if (!partial)
        return -1;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < pieces; i++)
        r->reduce(i + 1 < pieces ? ITER_GRAIN : n - i * ITER_GRAIN,
                  (char *[]){partial + i * (int64_t)r->size, in + i * ITER_GRAIN * step}, steps,
                  NULL);
    steps[1] = (int64_t)r->size;
    r->reduce(pieces, (char *[]){out, partial}, steps, NULL);
    mem_free(partial);
    return 0;
}

static int walk_long(const struct reducer *r, const struct walk *walk, int count, int64_t numel,
                     char *out, char *in)
{
    void *token = numel >= ITER_LONG && tensor_long_begin ? tensor_long_begin() : NULL;
    int widest = -1, status = 0;

    for (int d = 0; d < count; d++) {
        if (walk[d].out_step != 0 && (widest < 0 || walk[d].size > walk[widest].size))
            widest = d;
    }
    if (widest >= 0)
        walk_parallel(r, walk, count, widest, numel, out, in);
    else if (count == 1)
        status = reduce_long(r, out, in);
    else
        walk_rows(r, walk, count, out, in);
    if (token)
        tensor_long_end(token);
    return status;
}

static int walk_all(const struct tensor *in, struct tensor *out, enum reduction reduction,
                    const struct walk *walk, int count)
{
    struct reducer r = {.reduce = kernels.reduce[reduction][in->dtype],
                        .fold = kernels.fold[reduction][in->dtype],
                        .size = dtype_size(tensor_dtype(in)),
                        .inner = &walk[count - 1],
                        .base = tensor_data(out)};
    char small[64] = {0}, *large = NULL;
    int status = 0;

    if (out->numel > (int64_t)sizeof(small) && !(large = mem_zero((size_t)out->numel, 1)))
        return -1;
    r.first = large ? large : small;
    if (in->numel >= 2 * ITER_GRAIN)
        status = walk_long(&r, walk, count, in->numel, tensor_data(out), tensor_data(in));
    else
        walk_rows(&r, walk, count, tensor_data(out), tensor_data(in));
    mem_free(large);
    return status;
}

struct tensor *reduce(struct tensor *self, uint32_t mask, bool keepdim, enum reduction reduction,
                      enum dtype dtype)
{
    struct walk walk[TENSOR_MAX_DIMS + 1];
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = reduced_shape(self, mask, keepdim, shape), count, status = 0;
    struct tensor *in = tensor_to(self, dtype), *out = tensor_new(dtype, ndim, shape);

    if (!in || !out) {
        status = -1;
    } else if (in->numel == 0) {
        status = tensor_fill(out, scalar_int(reduction == REDUCE_PROD));
    } else {
        count = plan_walk(in, out, mask, keepdim, walk);
        status = walk_all(in, out, reduction, walk, count);
    }
    tensor_unref(in);
    if (status < 0) {
        tensor_unref(out);
        return NULL;
    }
    return out;
}

enum dtype reduce_sum_dtype(const struct tensor *self, const struct value *wanted)
{
    if (wanted->given)
        return (enum dtype)wanted->i;
    return dtype_is_float(tensor_dtype(self)) ? tensor_dtype(self) : DTYPE_i64;
}
