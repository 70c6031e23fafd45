/* scatter_reduce() and index_reduce(): elements gathered at the places that an index names. */
#include "base/error.h"
#include "base/warn.h"
#include "tensor/op.h"

#include <math.h>
#include <string.h>

static const char *const modes[] = {"sum", "prod", "mean", "amax", "amin"};
enum mode { MODE_SUM, MODE_PROD, MODE_MEAN, MODE_AMAX, MODE_AMIN, MODE_COUNT };

static int read_mode(const char *text, bool with_sum)
{
    for (int i = with_sum ? MODE_SUM : MODE_PROD; i < MODE_COUNT; i++) {
        if (strcmp(text, modes[i]) == 0)
            return i;
    }
    return error_set(ERROR_RUNTIME,
                     with_sum ? "reduce argument must be either sum, prod, mean, amax or amin."
                              : "index_reduce(): Expected reduce to be one of prod, mean, amax or "
                                "amin but got %s.",
                     text);
}

/* Once for each of the two. */
static int warn_beta(const char *name, bool *warned)
{
    if (*warned)
        return 0;
    *warned = true;
    return warn_user("%s() is in beta and the API may change at any time.", name);
}

static struct scalar number(enum dtype dtype, double d, int64_t i)
{
    return dtype_is_float(dtype) ? scalar_float(d) : scalar_int(i);
}

static bool greater(struct scalar a, struct scalar b)
{
    return a.kind == SCALAR_FLOAT ? a.d > b.d : a.i > b.i;
}

static struct scalar join(enum mode mode, enum dtype dtype, struct scalar a, struct scalar b)
{
    switch (mode) {
    case MODE_PROD:
        return number(dtype, a.d * b.d, (int64_t)((uint64_t)a.i * (uint64_t)b.i));
    case MODE_AMAX:
        return a.d != a.d || greater(a, b) ? a : b;
    case MODE_AMIN:
        return a.d != a.d || greater(b, a) ? a : b;
    default:
        return number(dtype, a.d + b.d, (int64_t)((uint64_t)a.i + (uint64_t)b.i));
    }
}

/* Walks the elements of index; `place` is where each points in a contiguous target, `from` where
 * its element of src is. */
struct walk {
    const struct tensor *index, *src, *target;
    int dim;
    int64_t at[TENSOR_MAX_DIMS];
};

static int step(struct walk *w, int64_t *place, int64_t *from)
{
    const struct tensor *index = w->index;
    int64_t offset = index->offset, which;

    *place = 0;
    *from = w->src->offset;
    for (int d = 0; d < index->ndim; d++) {
        offset += w->at[d] * index->stride[d];
        *from += w->at[d] * w->src->stride[d];
        if (d != w->dim)
            *place += w->at[d] * w->target->stride[d];
    }
    which = ((const int64_t *)index->storage->data)[offset];
    if (which < 0 || which >= (w->target->ndim ? w->target->shape[w->dim] : 1))
        return error_set(
            ERROR_RUNTIME, "index %lld is out of bounds for dimension %d with size %lld",
            (long long)which, w->dim, (long long)(w->target->ndim ? w->target->shape[w->dim] : 1));
    if (w->target->ndim)
        *place += which * w->target->stride[w->dim];
    for (int d = index->ndim - 1; d >= 0; d--) {
        if (++w->at[d] < index->shape[d])
            break;
        w->at[d] = 0;
    }
    return 0;
}

/* Gathers into target (contiguous), which holds self; counts[i] says how much went to place i. */
static int gather_into(struct tensor *target, int64_t *counts, struct walk w, enum mode mode,
                       bool include_self)
{
    enum dtype dtype = tensor_dtype(target);
    size_t size = dtype_size(dtype);
    char *data = tensor_data(target);
    const char *src = w.src->storage->data;
    int64_t place, from;

    for (int64_t i = 0; i < w.index->numel; i++) {
        struct scalar x, before;

        if (step(&w, &place, &from) < 0)
            return -1;
        x = dtype_load(dtype, src + (size_t)from * size);
        before = dtype_load(dtype, data + (size_t)place * size);
        if (counts[place]++ > 0 || include_self)
            x = join(mode, dtype, before, x);
        dtype_store(dtype, data + (size_t)place * size, x);
    }
    for (int64_t i = 0; mode == MODE_MEAN && i < target->numel; i++) {
        int64_t n = counts[i] + include_self;
        struct scalar sum = dtype_load(dtype, data + (size_t)i * size);

        if (counts[i] > 0 && n > 1)
            dtype_store(
                dtype, data + (size_t)i * size,
                number(dtype, sum.d / (double)n, sum.i / n - (sum.i % n != 0 && sum.i < 0)));
    }
    return 0;
}

static int scatter_reduced(const struct op *op, const struct value *args, struct tensor *index,
                           enum mode mode, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *src = args[3].tensor, *target = NULL, *counts = NULL;
    int dim = tensor_dim(self, args[1].i), status = -1;
    struct walk w;

    if (dim < 0)
        return -1;
    if (!op_same_type(src, self))
        return op->id == OP_scatter_reduce
                   ? error_set(ERROR_RUNTIME,
                               "scatter(): Expected self.dtype to be equal to src.dtype")
                   : error_set(ERROR_RUNTIME,
                               "index_reduce_(): self (%s) and source (%s) must have the same "
                               "scalar type",
                               dtype_short_name(op_given_type(self)),
                               dtype_short_name(op_given_type(src)));
    if (index->numel > 0 && (index->ndim > src->ndim || index->ndim != self->ndim))
        return error_set(ERROR_RUNTIME, "Index tensor must have the same number of dimensions as "
                                        "self tensor");
    for (int d = 0; d < index->ndim && index->numel > 0; d++) {
        if (index->shape[d] > src->shape[d] || (d != dim && index->shape[d] > self->shape[d])) {
            char texts[3][128];

            return error_set(ERROR_RUNTIME,
                             "Expected index %s to be smaller than self %s apart from dimension %d "
                             "and to be smaller size than src %s",
                             shape_text(index->ndim, index->shape, texts[0], sizeof(texts[0])),
                             shape_text(self->ndim, self->shape, texts[1], sizeof(texts[1])), dim,
                             shape_text(src->ndim, src->shape, texts[2], sizeof(texts[2])));
        }
    }
    target = tensor_new(tensor_dtype(self), self->ndim, self->shape);
    counts = tensor_zeros(DTYPE_i64, self->ndim, self->shape);
    w = (struct walk){.index = index, .src = src, .target = target, .dim = dim};
    if (target && counts && tensor_copy(target, self) == 0)
        status = gather_into(target, (int64_t *)tensor_data(counts), w, mode, args[5].i);
    tensor_unref(counts);
    if (status == 0)
        return op_give(op, target, out);
    tensor_unref(target);
    return -1;
}

int scatter_reduce_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    int mode = read_mode(args[4].text, true);
    static bool warned;

    if (mode < 0 || warn_beta("scatter_reduce", &warned) < 0)
        return -1;
    if (args[2].tensor->dtype != DTYPE_i64)
        return error_set(ERROR_RUNTIME, "scatter(): Expected dtype int64 for index");
    return scatter_reduced(op, args, args[2].tensor, (enum mode)mode, out);
}

/* The index of slices, seen with the shape of source. */
int index_reduce_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *index = args[2].tensor, *source = args[3].tensor, *typed, *wide;
    int mode = read_mode(args[4].text, false), dim = tensor_dim(args[0].tensor, args[1].i), status;
    int64_t stride[TENSOR_MAX_DIMS] = {0};
    static bool warned;

    if (mode < 0 || dim < 0 || warn_beta("index_reduce", &warned) < 0)
        return -1;
    if (index->ndim > 1 || (index->dtype != DTYPE_i64 && index->dtype != DTYPE_i32))
        return error_set(ERROR_RUNTIME, index->ndim > 1
                                            ? "index_reduce_(): Index is supposed to be a vector"
                                            : "index_reduce_(): Expected dtype int32/int64 for "
                                              "index");
    if (source->ndim != args[0].tensor->ndim ||
        (source->ndim && source->shape[dim] != index->numel))
        return error_set(ERROR_RUNTIME,
                         "index_reduce_(): Number of indices (%lld) should be equal to "
                         "source.size(dim): (%lld), for dim: %d",
                         (long long)index->numel,
                         (long long)(source->ndim ? source->shape[dim] : 1), dim);
    typed = tensor_to(index, DTYPE_i64);
    if (typed && source->ndim && index->ndim)
        stride[dim] = typed->stride[0];
    wide = typed ? tensor_view(typed, source->ndim, source->shape, stride, typed->offset) : NULL;
    status = wide ? scatter_reduced(op, args, wide, (enum mode)mode, out) : -1;
    tensor_unref(typed);
    tensor_unref(wide);
    return status;
}
