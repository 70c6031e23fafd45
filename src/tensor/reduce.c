/* Reductions over dimensions. */
#include "tensor/reduce.h"

#include "base/error.h"
#include "tensor/iter.h"
#include "tensor/threads.h"

#include <math.h>
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

/* ---- the walk ---- */

/* One dimension of the walk. Bytes; out_step is 0 for a reduced one. */
struct dimension {
    int64_t size, in_step, out_step;
};

/* The dimensions from the innermost on: reduced ones first, each kind by its steps; as PyTorch
 * walks, since the order shows in the digits of a sum. There are at least two, and the first is a
 * reduced one. */
struct walk {
    int count;
    struct dimension dims[TENSOR_MAX_DIMS + 2];
    reduce_fn *kernel;
    /* Instead, where the places of extremes are wanted as well; both tensors have one geometry. */
    place_fn *place;
    const struct tensor *values, *places;
};

static void run_loop(const struct walk *w, const struct reduce_loop *loop, char *out,
                     const char *in)
{
    if (w->place)
        w->place(loop, out,
                 (int64_t *)tensor_data(w->places) +
                     (out - tensor_data(w->values)) / (int64_t)dtype_size(tensor_dtype(w->values)),
                 in);
    else
        w->kernel(loop, out, in);
}

static bool lies_inside(const struct dimension *a, const struct dimension *b)
{
    if ((a->out_step == 0) != (b->out_step == 0))
        return a->out_step == 0;
    if (a->out_step != b->out_step)
        return a->out_step < b->out_step;
    return a->in_step != 0 && b->in_step != 0 && a->in_step < b->in_step;
}

static bool merges(const struct dimension *inner, const struct dimension *outer)
{
    return outer->in_step == inner->in_step * inner->size &&
           outer->out_step == inner->out_step * inner->size;
}

static void plan_walk(struct walk *w, const struct tensor *in, const struct tensor *out,
                      uint32_t mask, bool keepdim)
{
    const int64_t size = (int64_t)dtype_size(tensor_dtype(in));
    struct dimension *dims = w->dims;
    int od = out->ndim - 1, count = 0, merged = 0;

    for (int d = in->ndim - 1; d >= 0; d--) {
        bool reduced = mask >> d & 1;
        struct dimension one = {in->shape[d], in->stride[d] * size,
                                reduced ? 0 : out->stride[od] * size};
        int at = count;

        od -= !reduced || keepdim;
        if (one.size == 1)
            continue;
        for (; at > 0 && lies_inside(&one, &dims[at - 1]); at--)
            dims[at] = dims[at - 1];
        dims[at] = one;
        count++;
    }
    for (int d = 1; d < count; d++) {
        if (merges(&dims[merged], &dims[d]))
            dims[merged].size *= dims[d].size;
        else
            dims[++merged] = dims[d];
    }
    count = count ? merged + 1 : 0;
    if (count == 0 || dims[0].out_step != 0) { /* nothing is reduced but single elements */
        memmove(dims + 1, dims, (size_t)count * sizeof(*dims));
        dims[0] = (struct dimension){1, 0, 0};
        count++;
    }
    if (count == 1)
        dims[count++] = (struct dimension){1, 0, 0};
    w->count = count;
}

static struct reduce_loop inner_loop(const struct dimension *dims)
{
    return (struct reduce_loop){dims[0].size,    dims[1].size,     dims[0].in_step,
                                dims[1].in_step, dims[1].out_step, false};
}

static void walk_serial(const struct walk *w, char *out, const char *in)
{
    const struct reduce_loop loop = inner_loop(w->dims);
    int64_t loops = 1;

    for (int d = 2; d < w->count; d++)
        loops *= w->dims[d].size;
    for (int64_t i = 0; i < loops; i++) {
        const char *from = in;
        char *to = out;
        int64_t rest = i;

        for (int d = 2; d < w->count; d++) {
            from += rest % w->dims[d].size * w->dims[d].in_step;
            to += rest % w->dims[d].size * w->dims[d].out_step;
            rest /= w->dims[d].size;
        }
        run_loop(w, &loop, to, from);
    }
}

/* Threads share out results along dimension `d`: the digits stay the same. Neighbours in memory
 * stay together by `multiple`, so that each thread has whole cache lines, and kernels their lanes.
 */
static void walk_parallel(const struct walk *w, int d, char *out, const char *in, int64_t multiple)
{
    const int64_t size = w->dims[d].size, threads = tensor_threads();
    const int64_t part = (size + threads * multiple - 1) / (threads * multiple) * multiple;

#pragma omp parallel for schedule(static)
    for (int64_t start = 0; start < size; start += part) {
        struct walk own = *w;

        own.dims[d].size = size - start < part ? size - start : part;
        walk_serial(&own, out + start * w->dims[d].out_step, in + start * w->dims[d].in_step);
    }
}

static void walk_long(const struct walk *w, char *out, const char *in, size_t size)
{
    struct reduce_loop loop = inner_loop(w->dims);
    int d = w->count - 1;

    for (int k = d; k >= 0 && w->dims[k].out_step != 0; k--) { /* the outermost that is enough */
        if (w->dims[d].size < tensor_threads() && w->dims[k].size > w->dims[d].size)
            d = k;
    }
    if (w->dims[d].out_step != 0) {
        walk_parallel(w, d, out, in, w->dims[d].in_step == (int64_t)size ? 128 / (int64_t)size : 1);
    } else if (w->count == 2 && loop.results == 1 && loop.in_step == (int64_t)size) {
        loop.shared = true;
        run_loop(w, &loop, out, in);
    } else {
        walk_serial(w, out, in);
    }
}

static void walk_all(const struct walk *w, const struct tensor *in, struct tensor *out)
{
    void *token;

    if (in->numel < ITER_GRAIN) {
        walk_serial(w, tensor_data(out), tensor_data(in));
        return;
    }
    token = in->numel >= ITER_LONG && tensor_long_begin ? tensor_long_begin() : NULL;
    walk_long(w, tensor_data(out), tensor_data(in), dtype_size(tensor_dtype(in)));
    if (token)
        tensor_long_end(token);
}

/* The number that does not change what it is joined to. */
static struct scalar neutral(enum reduction reduction, enum dtype dtype)
{
    int64_t most, least;

    switch (reduction) {
    case REDUCE_SUM:
        return scalar_int(0);
    case REDUCE_PROD:
        return scalar_int(1);
    default:
        break;
    }
    if (dtype_is_float(dtype))
        return scalar_float(reduction == REDUCE_MAX ? -INFINITY : INFINITY);
    most = INT64_MAX >> (64 - 8 * (int)dtype_size(dtype));
    least = -most - 1;
    if (dtype == DTYPE_b8 || dtype == DTYPE_u8) {
        least = 0;
        most = dtype == DTYPE_b8 ? 1 : UINT8_MAX;
    }
    return scalar_int(reduction == REDUCE_MAX ? least : most);
}

static void fill_neutral(struct tensor *out, enum reduction reduction)
{
    const size_t size = dtype_size(tensor_dtype(out)), all = size * (size_t)out->numel;
    char *to = tensor_data(out);

    if (all > 0)
        dtype_store(tensor_dtype(out), to, neutral(reduction, tensor_dtype(out)));
    for (size_t done = size; done < all; done *= 2)
        memcpy(to + done, to, done < all - done ? done : all - done);
}

struct tensor *reduce(struct tensor *self, uint32_t mask, bool keepdim, enum reduction reduction,
                      enum dtype dtype)
{
    struct walk w = {.kernel = kernels.reduce[reduction][dtype]};
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = reduced_shape(self, mask, keepdim, shape);
    struct tensor *in = tensor_to(self, dtype), *out = tensor_new(dtype, ndim, shape);

    if (!in || !out) {
        tensor_unref(in);
        tensor_unref(out);
        return NULL;
    }
    fill_neutral(out, reduction);
    if (in->numel > 0) {
        plan_walk(&w, in, out, mask, keepdim);
        walk_all(&w, in, out);
    }
    tensor_unref(in);
    return out;
}

int reduce_extremes(struct tensor *self, int dim, enum reduction reduction, struct tensor **values,
                    struct tensor **places)
{
    const uint32_t mask = self->ndim ? 1u << dim : 0;
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = reduced_shape(self, mask, true, shape);
    struct walk w = {.place = kernels.place[reduction][self->dtype]};

    *values = tensor_new(tensor_dtype(self), ndim, shape);
    *places = *values ? tensor_new(DTYPE_i64, ndim, shape) : NULL;
    if (!*places)
        return -1;
    w.values = *values;
    w.places = *places;
    if (self->numel > 0) {
        plan_walk(&w, self, *values, mask, true);
        walk_all(&w, self, *values);
    }
    return 0;
}

enum dtype reduce_sum_dtype(const struct tensor *self, const struct value *wanted)
{
    if (wanted->given)
        return (enum dtype)wanted->i;
    return dtype_is_differentiable(tensor_dtype(self)) ? tensor_dtype(self) : DTYPE_i64;
}
