/* Advanced indexing: index, index_put_, nonzero, masked_select. */
#include "tensor/index.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "tensor/reduce.h"

#include <string.h>

/* ---- nonzero ---- */

static bool is_true(enum dtype d, const char *at)
{
    struct scalar s = dtype_load(d, at);

    return s.kind == SCALAR_FLOAT ? s.d != 0 : s.i != 0;
}

static int64_t count_true(const struct tensor *t)
{
    size_t size = dtype_size(tensor_dtype(t));
    int64_t count = 0;

    for (int64_t i = 0; i < t->numel; i++)
        count += is_true(tensor_dtype(t), tensor_data(t) + i * (int64_t)size);
    return count;
}

struct tensor *tensor_nonzero(const struct tensor *t)
{
    struct tensor *flat = tensor_contiguous((struct tensor *)t), *found;
    int64_t *out, size = (int64_t)dtype_size(tensor_dtype(t));

    if (!flat)
        return NULL;
    found = tensor_new(DTYPE_i64, 2, (int64_t[]){count_true(flat), t->ndim});
    out = found ? (int64_t *)tensor_data(found) : NULL;
    for (int64_t i = 0; found && i < flat->numel; i++) {
        int64_t rest = i;

        if (!is_true(tensor_dtype(flat), tensor_data(flat) + i * size))
            continue;
        for (int d = t->ndim - 1; d >= 0; d--) {
            out[d] = rest % t->shape[d];
            rest /= t->shape[d];
        }
        out += t->ndim;
    }
    tensor_unref(flat);
    return found;
}

int nonzero_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return reduce_give(op, tensor_nonzero(args[0].tensor), out);
}

/* ---- masks become positions ---- */

/* The indices without masks: one int64 tensor (owned) or NULL per dimension of self. */
struct positions {
    struct tensor *at[TENSOR_MAX_DIMS];
};

static void release_positions(struct positions *p)
{
    for (int d = 0; d < TENSOR_MAX_DIMS; d++)
        tensor_unref(p->at[d]);
}

static int expand_mask(const struct tensor *self, const struct tensor *mask, int dim,
                       struct positions *p)
{
    struct tensor *found;
    char text[2][256];

    for (int d = 0; d < mask->ndim; d++) {
        if (dim + d >= self->ndim || mask->shape[d] != self->shape[dim + d])
            return error_set(
                ERROR_INDEX,
                "The shape of the mask %s at index %d does not match the shape of the indexed "
                "tensor %s at index %d",
                shape_text(mask->ndim, mask->shape, text[0], sizeof(text[0])), d,
                shape_text(self->ndim, self->shape, text[1], sizeof(text[1])), dim + d);
    }
    found = tensor_nonzero(mask);
    if (!found)
        return -1;
    for (int d = 0; d < mask->ndim; d++) {
        p->at[dim + d] = tensor_view(found, 1, &found->shape[0], &found->stride[0], d);
        if (!p->at[dim + d])
            break;
    }
    tensor_unref(found);
    return error_pending() ? -1 : 0;
}

static int resolve(const struct tensor *self, const struct value *indices, struct positions *p)
{
    memset(p, 0, sizeof(*p));
    if (indices->tensors.count > self->ndim)
        return error_set(ERROR_INDEX, "too many indices for tensor of dimension %d (got %d)",
                         self->ndim, indices->tensors.count);
    for (int d = 0; d < indices->tensors.count; d++) {
        struct tensor *index = indices->tensors.at[d];
        int status = 0;

        if (!index)
            continue;
        if (index->dtype == DTYPE_b8 || index->dtype == DTYPE_u8)
            status = expand_mask(self, index, d, p);
        else if (index->dtype == DTYPE_i64 || index->dtype == DTYPE_i32)
            p->at[d] = tensor_to(index, DTYPE_i64);
        else
            status = error_set(ERROR_INDEX,
                               "tensors used as indices must be long, byte or bool tensors");
        if (status < 0 || (!p->at[d] && error_pending()))
            return -1;
    }
    return 0;
}

/* ---- the plan ---- */

static int broadcast_positions(const struct positions *p, int ndim, int64_t *shape)
{
    int index_ndim = 0;
    char text[256];
    struct strbuf shapes = STRBUF_INIT;
    int status = 0;

    for (int d = 0; d < ndim && status == 0; d++) {
        if (p->at[d])
            status = shape_broadcast(&index_ndim, shape, p->at[d]->ndim, p->at[d]->shape);
    }
    if (status == 0)
        return index_ndim;
    error_clear();
    for (int d = 0; d < ndim; d++) {
        if (p->at[d])
            strbuf_addf(&shapes, "%s%s", shapes.length ? ", " : "",
                        shape_text(p->at[d]->ndim, p->at[d]->shape, text, sizeof(text)));
    }
    error_set(ERROR_INDEX,
              "shape mismatch: indexing tensors could not be broadcast together with shapes %s",
              shapes.text);
    strbuf_release(&shapes);
    return -1;
}

/* Adds what one index contributes to the offsets; negative positions count from the end. */
static int add_offsets(const struct tensor *self, int dim, const struct tensor *index,
                       int index_ndim, const int64_t *index_shape, struct index_plan *plan)
{
    int lead = index_ndim - index->ndim;

    for (int64_t i = 0; i < plan->index_count; i++) {
        int64_t rest = i, at = 0, position;

        for (int d = index_ndim - 1; d >= 0; d--) {
            int64_t digit = rest % index_shape[d];

            rest /= index_shape[d];
            if (d >= lead && index->shape[d - lead] != 1)
                at += digit * index->stride[d - lead];
        }
        position = ((const int64_t *)tensor_data(index))[at];
        if (position < -self->shape[dim] || position >= self->shape[dim])
            return error_set(ERROR_INDEX,
                             "index %lld is out of bounds for dimension %d with size %lld",
                             (long long)position, dim, (long long)self->shape[dim]);
        plan->offsets[i] +=
            (position < 0 ? position + self->shape[dim] : position) * self->stride[dim];
    }
    return 0;
}

/* Where the index dimensions stand in the result: in place of the indexed ones, when these are
 * neighbours. */
static int place_of(const struct positions *p, int ndim)
{
    int first = -1, last = -1, count = 0;

    for (int d = 0; d < ndim; d++) {
        if (!p->at[d])
            continue;
        first = first < 0 ? d : first;
        last = d;
        count++;
    }
    return count > 0 && last - first + 1 == count ? first : 0;
}

static void lay_out(const struct tensor *self, const struct positions *p, int index_ndim,
                    const int64_t *index_shape, struct index_plan *plan)
{
    int out = 0;

    plan->at = place_of(p, self->ndim);
    for (int d = 0; d < self->ndim; d++) {
        if (p->at[d])
            continue;
        plan->kept_shape[plan->kept] = self->shape[d];
        plan->kept_stride[plan->kept++] = self->stride[d];
    }
    for (int k = 0; k <= plan->kept; k++) {
        for (int i = 0; k == plan->at && i < index_ndim; i++)
            plan->shape[out++] = index_shape[i];
        if (k < plan->kept)
            plan->shape[out++] = plan->kept_shape[k];
    }
    plan->ndim = out;
    plan->index_ndim = index_ndim;
}

int index_plan(const struct tensor *self, const struct value *indices, struct index_plan *plan)
{
    struct positions p;
    int64_t index_shape[TENSOR_MAX_DIMS];
    int index_ndim, status = -1;

    memset(plan, 0, sizeof(*plan));
    if (resolve(self, indices, &p) < 0)
        goto end;
    index_ndim = broadcast_positions(&p, self->ndim, index_shape);
    if (index_ndim < 0)
        goto end;
    plan->index_count = shape_numel(index_ndim, index_shape);
    plan->offsets = mem_zero((size_t)plan->index_count, sizeof(*plan->offsets));
    if (!plan->offsets)
        goto end;
    status = 0;
    for (int d = 0; d < self->ndim && status == 0; d++) {
        if (p.at[d])
            status = add_offsets(self, d, p.at[d], index_ndim, index_shape, plan);
    }
    lay_out(self, &p, index_ndim, index_shape, plan);
    if (plan->ndim > TENSOR_MAX_DIMS && status == 0)
        status =
            error_set(ERROR_RUNTIME, "tensors have at most %d dimensions here", TENSOR_MAX_DIMS);
end:
    release_positions(&p);
    if (status < 0)
        index_plan_release(plan);
    return status;
}

void index_plan_release(struct index_plan *plan)
{
    mem_free(plan->offsets);
    plan->offsets = NULL;
}

/* ---- the walk ---- */

/* Elements before, at and behind the index dimensions: result = (before, index, behind). */
struct index_walk {
    int64_t before, behind;
};

static struct index_walk walk_of(const struct index_plan *plan)
{
    return (struct index_walk){shape_numel(plan->at, plan->kept_shape),
                               shape_numel(plan->kept - plan->at, plan->kept_shape + plan->at)};
}

static int64_t kept_offset(const struct index_plan *plan, int from, int to, int64_t i)
{
    int64_t offset = 0;

    for (int d = to - 1; d >= from; d--) {
        offset += i % plan->kept_shape[d] * plan->kept_stride[d];
        i /= plan->kept_shape[d];
    }
    return offset;
}

static bool behind_is_contiguous(const struct index_plan *plan)
{
    int64_t step = 1;

    for (int d = plan->kept - 1; d >= plan->at; d--) {
        if (plan->kept_shape[d] != 1 && plan->kept_stride[d] != step)
            return false;
        step *= plan->kept_shape[d];
    }
    return true;
}

/* Calls `move(self element, result element, bytes)` for every run that lies together in both. */
typedef void move_fn(char *self, char *result, size_t bytes, enum dtype dtype);

static void walk_index(const struct index_plan *plan, char *self, char *result, enum dtype dtype,
                       move_fn *move)
{
    struct index_walk w = walk_of(plan);
    int64_t size = (int64_t)dtype_size(dtype);
    int64_t run = behind_is_contiguous(plan) ? w.behind : 1;

    for (int64_t b = 0; b < w.before; b++) {
        int64_t start = kept_offset(plan, 0, plan->at, b);

        for (int64_t i = 0; i < plan->index_count; i++) {
            for (int64_t k = 0; k < w.behind; k += run) {
                int64_t offset = start + plan->offsets[i];

                if (run == 1)
                    offset += kept_offset(plan, plan->at, plan->kept, k);
                move(self + offset * size, result, (size_t)(run * size), dtype);
                result += run * size;
            }
        }
    }
}

static void take(char *self, char *result, size_t bytes, enum dtype dtype)
{
    (void)dtype;
    memcpy(result, self, bytes);
}

static void put(char *self, char *result, size_t bytes, enum dtype dtype)
{
    (void)dtype;
    memcpy(self, result, bytes);
}

static void accumulate(char *self, char *result, size_t bytes, enum dtype dtype)
{
    size_t size = dtype_size(dtype);

    for (size_t at = 0; at < bytes; at += size) {
        struct scalar a = dtype_load(dtype, self + at), b = dtype_load(dtype, result + at);

        if (dtype == DTYPE_f32)
            *(float *)(self + at) += *(const float *)(result + at);
        else
            dtype_store(dtype, self + at,
                        a.kind == SCALAR_FLOAT ? scalar_float(a.d + b.d) : scalar_int(a.i + b.i));
    }
}

/* ---- operations ---- */

int index_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    struct index_plan plan;

    (void)op;
    if (index_plan(self, &args[1], &plan) < 0)
        return -1;
    *out = tensor_new(tensor_dtype(self), plan.ndim, plan.shape);
    if (*out && (*out)->numel > 0)
        walk_index(&plan, tensor_data(self), tensor_data(*out), tensor_dtype(self), take);
    index_plan_release(&plan);
    return *out ? 0 : -1;
}

/* The values broadcast to the indexed shape, contiguous, in self's dtype. */
static struct tensor *spread_values(const struct tensor *self, const struct tensor *values,
                                    const struct index_plan *plan)
{
    struct tensor *spread;
    char text[2][256];

    if (values->dtype != self->dtype)
        return error_null(ERROR_RUNTIME,
                          "Index put requires the source and destination dtypes match, got %s for "
                          "the destination and %s for the source.",
                          dtype_short_name(tensor_dtype(self)),
                          dtype_short_name(tensor_dtype(values)));
    spread = tensor_new(tensor_dtype(self), plan->ndim, plan->shape);
    if (!spread || tensor_copy(spread, values) == 0)
        return spread;
    tensor_unref(spread);
    error_clear();
    return error_null(ERROR_RUNTIME,
                      "shape mismatch: value tensor of shape %s cannot be broadcast to indexing "
                      "result of shape %s",
                      shape_text(values->ndim, values->shape, text[0], sizeof(text[0])),
                      shape_text(plan->ndim, plan->shape, text[1], sizeof(text[1])));
}

int index_put_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = out[0], *spread;
    struct index_plan plan;

    (void)op;
    if (index_plan(self, &args[1], &plan) < 0)
        return -1;
    spread = spread_values(self, args[2].tensor, &plan);
    if (spread && spread->numel > 0)
        walk_index(&plan, tensor_data(self), tensor_data(spread), tensor_dtype(self),
                   args[3].i ? accumulate : put);
    index_plan_release(&plan);
    tensor_unref(spread);
    return spread ? 0 : -1;
}
