/*
 * Picking and putting elements by tensors of indices.
 *
 * All of it is one walk: the tensor is looked at through a view in which the indexed dimensions
 * stand still (stride 0), and a tensor of byte offsets, broadcast over the rest, says how far from
 * there each element lies. The iterator does the rest.
 */
#include "tensor/index_parts.h"
#include "tensor/overlap.h"

#include "base/error.h"
#include "tensor/iter.h"

#include <string.h>

/* ---- the indices of a call ---- */

void indices_release(struct indices *in)
{
    for (int i = 0; i < in->count; i++)
        tensor_unref(in->at[i]);
}

static int check_mask(const struct tensor *self, const struct tensor *mask, int dim)
{
    char text[2][256];

    for (int d = 0; d < mask->ndim; d++) {
        if (dim + d >= self->ndim || mask->shape[d] != self->shape[dim + d])
            return error_set(ERROR_INDEX,
                             "The shape of the mask %s at index %d does not match the shape of the "
                             "indexed tensor %s at index %d",
                             shape_text(mask->ndim, mask->shape, text[0], sizeof(text[0])), d,
                             shape_text(self->ndim, self->shape, text[1], sizeof(text[1])),
                             dim + d);
    }
    return 0;
}

/* A mask becomes the integer tensors of its true places, one for each of its dimensions. */
static int set_mask(struct indices *in, const struct tensor *self, struct tensor *mask, int dim)
{
    struct tensor *places;
    int status = 0;

    if (check_mask(self, mask, dim) < 0)
        return -1;
    places = nonzero(mask);
    for (int d = 0; places && status == 0 && d < mask->ndim; d++) {
        in->at[dim + d] =
            tensor_view(places, 1, &places->shape[0], &places->stride[0], d * places->stride[1]);
        status = in->at[dim + d] ? 0 : -1;
    }
    tensor_unref(places);
    return places ? status : -1;
}

int indices_init(struct indices *in, const struct tensor *self, const struct value *list)
{
    int status = 0;

    memset(in, 0, sizeof(*in));
    if (list->tensors.count > self->ndim)
        return error_set(ERROR_INDEX, "too many indices for tensor of dimension %d (got %d)",
                         self->ndim, list->tensors.count);
    in->count = self->ndim;
    for (int d = 0; d < list->tensors.count && status == 0; d++) {
        struct tensor *t = list->tensors.at[d];

        if (!t)
            continue;
        if (t->dtype == DTYPE_b8 || t->dtype == DTYPE_u8)
            status = set_mask(in, self, t, d);
        else if (t->dtype != DTYPE_i64 && t->dtype != DTYPE_i32)
            status = error_set(ERROR_INDEX,
                               "tensors used as indices must be long, byte or bool tensors");
        else if (!(in->at[d] = tensor_to(t, DTYPE_i64)))
            status = -1;
    }
    return status;
}

/* ---- the walk ---- */

/* What is walked: `view` shows the indexed tensor, its indexed dimensions standing still. An
 * element lies unit * (place + (place < 0 ? wrap : 0)) bytes further. */
struct walk {
    struct tensor *view, *places;
    struct tensor *outside; /* NULL: the places are checked */
    struct scalar params[PLACE_PARAMS];
};

static void walk_release(struct walk *w)
{
    tensor_unref(w->view);
    tensor_unref(w->places);
    tensor_unref(w->outside);
}

/* Leaves it to the kernels to check that the places are below `size`. */
static int walk_check(struct walk *w, int64_t size)
{
    w->params[PLACE_SIZE] = scalar_int(size);
    w->outside = tensor_zeros(DTYPE_i64, 0, NULL);
    return w->outside ? 0 : -1;
}

static bool walk_was_outside(const struct walk *w)
{
    return w->outside && *(const int64_t *)tensor_data(w->outside);
}

/* `first` and `second` are the operands before the places. Serial where elements may be written
 * twice. */
static void walk_run(const struct walk *w, const struct tensor *first, const struct tensor *second,
                     kernel_fn *kernel, bool serial)
{
    struct iter it;

    iter_init(&it, w->outside ? 4 : 3,
              (const struct tensor *[]){first, second, w->places, w->outside});
    if (serial)
        iter_run_serial(&it, kernel, w->params);
    else
        iter_run(&it, kernel, w->params);
}

/* `number` is what PyTorch's errors count: the indexed dimensions alone. */
static int check_places(const struct tensor *index, int64_t size, int number)
{
    struct tensor *whole = tensor_contiguous((struct tensor *)index);
    int64_t wrong;
    bool outside = whole && index_outside(whole, -size, size - 1, &wrong);

    tensor_unref(whole);
    if (outside)
        return error_set(ERROR_INDEX, "index %lld is out of bounds for dimension %d with size %lld",
                         (long long)wrong, number, (long long)size);
    return whole ? 0 : -1;
}

/* Adds index * step to each offset. `index` broadcasts to the shape of `offsets`, contiguous. */
static void add_offsets(struct tensor *offsets, const struct tensor *index, int64_t size,
                        int64_t step)
{
    int64_t *to = (int64_t *)tensor_data(offsets), at[TENSOR_MAX_DIMS] = {0};
    int lead = offsets->ndim - index->ndim;

    if (tensor_same_shape(offsets, index) && tensor_is_contiguous(index)) {
        const int64_t *from = (const int64_t *)tensor_data(index);

        for (int64_t i = 0; i < offsets->numel; i++)
            to[i] += (from[i] + (size & (from[i] >> 63))) * step;
        return;
    }
    for (int64_t i = 0; i < offsets->numel; i++) {
        const int64_t *from = (const int64_t *)tensor_data(index);

        for (int d = 0; d < index->ndim; d++)
            from += index->shape[d] == 1 ? 0 : at[lead + d] * index->stride[d];
        to[i] += (*from < 0 ? *from + size : *from) * step;
        for (int d = offsets->ndim - 1; d >= 0 && ++at[d] == offsets->shape[d]; d--)
            at[d] = 0;
    }
}

/* The common shape of the indices. */
static int index_shape(const struct indices *in, int *ndim, int64_t *shape)
{
    char text[2][256];

    *ndim = 0;
    for (int i = 0; i < in->count; i++) {
        const struct tensor *t = in->at[i];

        if (!t)
            continue;
        if (shape_broadcast(ndim, shape, t->ndim, t->shape) < 0) {
            error_clear();
            return error_set(ERROR_INDEX,
                             "shape mismatch: indexing tensors could not be broadcast together "
                             "with shapes %s, %s",
                             shape_text(*ndim, shape, text[0], sizeof(text[0])),
                             shape_text(t->ndim, t->shape, text[1], sizeof(text[1])));
        }
    }
    return 0;
}

/* Where the indices' dimensions stand in the result: in place of the indexed ones when these are
 * neighbours, else in front. */
static int index_place(const struct indices *in)
{
    int first = -1, last = -1, count = 0;

    for (int i = 0; i < in->count; i++) {
        if (!in->at[i])
            continue;
        first = first < 0 ? i : first;
        last = i;
        count++;
    }
    return count > 0 && last - first + 1 == count ? first : 0;
}

/* How many indices there are; the last of them. */
static int count_indices(const struct indices *in, int *last)
{
    int number = 0;

    for (int i = 0; i < in->count; i++) {
        if (in->at[i]) {
            number++;
            *last = i;
        }
    }
    return number;
}

static int check_indices(const struct tensor *self, const struct indices *in)
{
    int number = 0;

    for (int i = 0; i < in->count; i++) {
        if (in->at[i] && check_places(in->at[i], self->shape[i], number++) < 0)
            return -1;
    }
    return 0;
}

/* What the indices come to: the one that there is, or the sum of all as byte offsets. */
static struct tensor *places_of(const struct tensor *self, const struct indices *in, int ndim,
                                const int64_t *shape, struct scalar *params)
{
    const int64_t size = (int64_t)dtype_size(tensor_dtype(self));
    struct tensor *offsets = NULL;
    int last = 0;

    params[PLACE_UNIT] = scalar_int(1);
    params[PLACE_WRAP] = scalar_int(0);
    params[PLACE_SIZE] = scalar_int(PLACE_CHECKED);
    if (count_indices(in, &last) == 1) {
        params[PLACE_UNIT] = scalar_int(self->stride[last] * size);
        params[PLACE_WRAP] = scalar_int(in->plain ? 0 : self->shape[last]);
        return tensor_ref(in->at[last]);
    }
    offsets = tensor_zeros(DTYPE_i64, ndim, shape);
    for (int i = 0; offsets && i < in->count; i++) {
        if (in->at[i])
            add_offsets(offsets, in->at[i], self->shape[i], self->stride[i] * size);
    }
    return offsets;
}

static int walk_init(struct walk *w, struct tensor *self, const struct indices *in)
{
    int64_t index[TENSOR_MAX_DIMS], shape[2 * TENSOR_MAX_DIMS], stride[2 * TENSOR_MAX_DIMS];
    int64_t place_stride[2 * TENSOR_MAX_DIMS] = {0};
    int index_ndim, place = index_place(in), ndim = 0, last = 0;
    const bool alone = count_indices(in, &last) == 1;
    struct tensor *places;

    w->view = w->places = w->outside = NULL;
    if (index_shape(in, &index_ndim, index) < 0)
        return -1;
    if (index_ndim + self->ndim > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "tensors have at most %d dimensions here", TENSOR_MAX_DIMS);
    if (!in->plain && !(alone && self->ndim == 1) && check_indices(self, in) < 0)
        return -1;
    places = places_of(self, in, index_ndim, index, w->params);
    if (!places)
        return -1;
    for (int d = 0; d <= self->ndim; d++) {
        for (int k = 0; d == place && k < index_ndim; k++) {
            shape[ndim] = index[k];
            stride[ndim] = 0;
            place_stride[ndim++] = places->stride[k];
        }
        if (d == self->ndim || (d < in->count && in->at[d]))
            continue;
        shape[ndim] = self->shape[d];
        stride[ndim++] = self->stride[d];
    }
    w->view = tensor_view(self, ndim, shape, stride, self->offset);
    w->places = tensor_view(places, ndim, shape, place_stride, places->offset);
    tensor_unref(places);
    /* a place that is used once is checked on its way */
    if (w->view && w->places &&
        (in->plain || self->ndim > 1 || !alone || walk_check(w, self->shape[0]) == 0))
        return 0;
    walk_release(w);
    return -1;
}

static struct tensor *pick_walked(const struct walk *w)
{
    struct tensor *result = tensor_new(tensor_dtype(w->view), w->view->ndim, w->view->shape);

    if (result)
        walk_run(w, result, w->view, pick_kernels[dtype_size(tensor_dtype(w->view))], false);
    return result;
}

struct tensor *pick_along(struct tensor *self, int dim, struct tensor *index, bool *outside)
{
    const int64_t size = (int64_t)dtype_size(tensor_dtype(self));
    struct walk w = {.places = tensor_ref(index),
                     .params = {scalar_int(self->stride[dim] * size), scalar_int(0)}};
    int64_t stride[TENSOR_MAX_DIMS];
    struct tensor *result = NULL;

    memcpy(stride, self->stride, sizeof(stride));
    stride[dim] = 0;
    w.view = tensor_view(self, index->ndim, index->shape, stride, self->offset);
    if (w.view && walk_check(&w, self->shape[dim]) == 0)
        result = pick_walked(&w);
    *outside = walk_was_outside(&w);
    walk_release(&w);
    return result;
}

struct tensor *indices_pick(struct tensor *self, const struct indices *in)
{
    struct tensor *result;
    struct walk walk;

    if (walk_init(&walk, self, in) < 0)
        return NULL;
    result = pick_walked(&walk);
    if (walk_was_outside(&walk)) {
        tensor_unref(result);
        result = NULL;
        check_indices(self, in);
    }
    walk_release(&walk);
    return result;
}

int indices_put(struct tensor *self, const struct indices *in, struct tensor *values, bool add)
{
    struct tensor *typed = NULL;
    int64_t shape[TENSOR_MAX_DIMS];
    char text[2][256];
    struct walk walk;
    int ndim, status = -1;

    if (walk_init(&walk, self, in) < 0)
        return -1;
    ndim = walk.view->ndim;
    memcpy(shape, walk.view->shape, sizeof(shape));
    if (shape_broadcast(&ndim, shape, values->ndim, values->shape) < 0 || ndim != walk.view->ndim ||
        memcmp(shape, walk.view->shape, (size_t)ndim * sizeof(*shape)) != 0) {
        error_clear();
        error_set(ERROR_RUNTIME,
                  "shape mismatch: value tensor of shape %s cannot be broadcast to indexing result "
                  "of shape %s",
                  shape_text(values->ndim, values->shape, text[0], sizeof(text[0])),
                  shape_text(walk.view->ndim, walk.view->shape, text[1], sizeof(text[1])));
        goto end;
    }
    typed = values->storage == self->storage ? tensor_clone(values)
                                             : tensor_to(values, tensor_dtype(self));
    if (!typed)
        goto end;
    walk_run(&walk, walk.view, typed,
             add ? add_kernels[self->dtype] : put_kernels[dtype_size(tensor_dtype(self))], true);
    status = walk_was_outside(&walk) ? check_indices(self, in) : 0;
end:
    tensor_unref(typed);
    walk_release(&walk);
    return status;
}

/* ---- operations ---- */

/* Whether a mask alone, over the first dimensions, picks from a tensor whose elements lie in its
 * order. */
static bool is_masked(const struct tensor *self, const struct value *list)
{
    const struct tensor *mask = list->tensors.count > 0 ? list->tensors.at[0] : NULL;

    for (int i = 1; i < list->tensors.count; i++) {
        if (list->tensors.at[i])
            return false;
    }
    return mask && (mask->dtype == DTYPE_b8 || mask->dtype == DTYPE_u8) && mask->ndim > 0 &&
           mask->ndim <= self->ndim &&
           memcmp(mask->shape, self->shape, (size_t)mask->ndim * sizeof(*mask->shape)) == 0 &&
           tensor_is_contiguous(mask) && tensor_is_contiguous(self);
}

int index_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct indices in;
    struct tensor *result = NULL;

    if (is_masked(args[0].tensor, &args[1]))
        return op_give(op, mask_pick(args[0].tensor, args[1].tensors.at[0]), out);
    if (indices_init(&in, args[0].tensor, &args[1]) == 0)
        result = indices_pick(args[0].tensor, &in);
    indices_release(&in);
    return op_give(op, result, out);
}

struct tensor *index_changed(struct tensor *self, struct tensor **out)
{
    return *out == self ? tensor_ref(self) : tensor_clone(self);
}

int index_give_changed(const struct op *op, int status, struct tensor *target, struct tensor **out)
{
    if (status < 0 || !target || target == *out) {
        tensor_unref(target);
        return target ? status : -1;
    }
    return op_give(op, target, out);
}

int index_put_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = out[0], *values = args[2].tensor;
    struct indices in;
    int status = -1;

    if (values->numel == 1 && !args[3].i && is_masked(self, &args[1]))
        return mask_fill(self, args[1].tensors.at[0], values);
    if (op_check_apart(op, args, self) < 0)
        return -1;
    if (!op_same_type(values, self) && !values->wrapped_number)
        return error_set(ERROR_RUNTIME,
                         "Index put requires the source and destination dtypes match, got %s for "
                         "the destination and %s for the source.",
                         dtype_short_name(op_given_type(self)),
                         dtype_short_name(op_given_type(values)));
    if (indices_init(&in, self, &args[1]) == 0)
        status = indices_put(self, &in, values, args[3].i);
    indices_release(&in);
    return status;
}
