/* index_select() and its like, which index one dimension; masked_scatter(). */
#include "base/error.h"
#include "tensor/index_parts.h"

#include <string.h>

/* The index argument of index_select() and its like, for dim. */
static int dim_index(struct indices *in, const struct op *op, const struct value *args, int *dim)
{
    struct tensor *self = args[0].tensor, *index = args[2].tensor, *whole;
    int64_t wrong;

    memset(in, 0, sizeof(*in));
    *dim = tensor_dim(self, args[1].i);
    if (*dim < 0)
        return -1;
    if (index->ndim > 1)
        return error_set(ERROR_INDEX, "%s(): Index is supposed to be a vector", op->name);
    if (index->dtype != DTYPE_i64 && index->dtype != DTYPE_i32)
        return error_set(ERROR_RUNTIME, "%s(): Expected dtype int32 or int64 for index", op->name);
    in->count = *dim + 1;
    in->at[*dim] = tensor_to(index, DTYPE_i64);
    if (!in->at[*dim])
        return -1;
    if (op->id == OP_index_fill)
        return 0;
    whole = tensor_contiguous(in->at[*dim]);
    if (whole && index_outside(whole, 0, self->ndim ? self->shape[*dim] - 1 : 0, &wrong))
        op->id == OP_index_copy
            ? error_set(
                  ERROR_INDEX,
                  "index_copy_(): index %lld is out of bounds for dimension %d with size %lld",
                  (long long)wrong, *dim, (long long)self->shape[*dim])
            : error_set(ERROR_INDEX, "index out of range in self");
    else if (whole)
        in->plain = true;
    tensor_unref(whole);
    return in->plain ? 0 : -1;
}

struct tensor *tensor_as_row(struct tensor *t)
{
    return t->ndim ? tensor_ref(t) : tensor_view(t, 1, (int64_t[]){1}, (int64_t[]){1}, t->offset);
}

/* The three tensors of a call with zero-dim ones as rows. */
struct row_call {
    struct value args[3];
    bool flat; /* self was zero-dim */
};

static int row_call_init(struct row_call *call, const struct value *args)
{
    memcpy(call->args, args, sizeof(call->args));
    call->flat = args[0].tensor->ndim == 0;
    call->args[0].tensor = tensor_as_row(args[0].tensor);
    call->args[2].tensor = tensor_as_row(args[2].tensor);
    return call->args[0].tensor && call->args[2].tensor ? 0 : -1;
}

static void row_call_release(struct row_call *call)
{
    tensor_unref(call->args[0].tensor);
    tensor_unref(call->args[2].tensor);
}

int index_select_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *result = NULL, *flat;
    struct indices in = {.count = 0};
    struct row_call call;
    int dim;

    if (row_call_init(&call, args) == 0 && dim_index(&in, op, call.args, &dim) == 0)
        result = indices_pick(call.args[0].tensor, &in);
    if (result && call.flat) {
        flat = tensor_view(result, 0, result->shape, result->stride, 0);
        tensor_unref(result);
        result = flat;
    }
    indices_release(&in);
    row_call_release(&call);
    return op_give(op, result, out);
}

/* self with `source` put into, or added to, the slices that the index names. */
static int put_slices(const struct op *op, const struct value *args, struct tensor *source,
                      bool add, struct tensor **out)
{
    struct tensor *target = index_changed(args[0].tensor, out);
    struct value changed_args[3] = {{.given = true, .tensor = target}, args[1], args[2]};
    struct indices in = {.count = 0};
    struct row_call call = {.flat = false};
    int dim, status = -1;

    if (target && row_call_init(&call, changed_args) == 0 &&
        dim_index(&in, op, call.args, &dim) == 0) {
        if (source->ndim > 0 &&
            (source->ndim != call.args[0].tensor->ndim || source->shape[dim] != in.at[dim]->numel))
            error_set(add ? ERROR_RUNTIME : ERROR_INDEX,
                      add ? "index_add_(): Number of indices (%lld) should be equal to "
                            "source.size(dim): (%lld), for dim: %d"
                          : "index_copy_(): Number of indices (%lld) should be equal to "
                            "source.size(dim) (%lld)",
                      (long long)in.at[dim]->numel,
                      (long long)(dim < source->ndim ? source->shape[dim] : 1), dim);
        else
            status = indices_put(call.args[0].tensor, &in, source, add);
    }
    indices_release(&in);
    if (target)
        row_call_release(&call);
    return index_give_changed(op, status, target, out);
}

int index_add_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *source = args[3].tensor, *scaled, *factor = NULL, *in[2];
    static const struct scalar none[2];
    int status = 0;

    if (!op_same_type(self, source))
        return error_set(
            ERROR_RUNTIME, "index_add_(): self (%s) and source (%s) must have the same scalar type",
            dtype_short_name(op_given_type(self)), dtype_short_name(op_given_type(source)));
    scaled = tensor_ref(source);
    if (args[4].scalar.d != 1) {
        tensor_unref(scaled);
        scaled = NULL;
        factor = tensor_wrap_number(args[4].scalar);
        in[0] = args[3].tensor;
        in[1] = factor;
        status = factor ? elementwise_run(op, OP_mul, in, none, &scaled) : -1;
    }
    if (status == 0)
        status = put_slices(op, args, scaled, true, out);
    tensor_unref(factor);
    tensor_unref(scaled);
    return status;
}

int index_copy_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *source = args[3].tensor;

    if (!op_same_type(self, source))
        return error_set(ERROR_RUNTIME,
                         "index_copy_(): self and source expected to have the same dtype, but got "
                         "(self) %s and (source) %s",
                         dtype_short_name(op_given_type(self)),
                         dtype_short_name(op_given_type(source)));
    return put_slices(op, args, source, false, out);
}

int index_fill_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    if (args[3].tensor->ndim != 0)
        return error_set(ERROR_RUNTIME,
                         "index_fill_ only supports a 0-dimensional value tensor, but got tensor "
                         "with %d dimension(s).",
                         args[3].tensor->ndim);
    return put_slices(op, args, args[3].tensor, false, out);
}

/* self and mask in the shape that both broadcast to; in place that is self's own. */
static int expand_both(const struct op *op, const struct value *args, struct tensor **self,
                       struct tensor **mask)
{
    const bool in_place = op->flags & OP_IN_PLACE_CALL;
    const struct tensor *first = args[in_place ? 0 : 1].tensor;
    struct value sizes = {.given = true};
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = first->ndim;

    memcpy(shape, first->shape, sizeof(shape));
    if (!in_place && shape_broadcast(&ndim, shape, args[0].tensor->ndim, args[0].tensor->shape) < 0)
        return -1;
    sizes.ints.count = ndim;
    sizes.ints.at = shape;
    if (expand_forward(op, (struct value[]){args[1], sizes}, mask) < 0)
        return -1;
    return expand_forward(op, (struct value[]){args[0], sizes}, self);
}

int masked_scatter_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *source = args[2].tensor, *target = NULL, *flat = NULL, *list[1];
    struct tensor *self = NULL, *wide = NULL;
    struct indices in = {.count = 0};
    int64_t count;
    int status = -1;

    if (!op_same_type(source, args[0].tensor))
        return error_set(ERROR_RUNTIME,
                         "masked_scatter: expected self and source to have same dtypes but got%s "
                         "and %s",
                         dtype_short_name(op_given_type(args[0].tensor)),
                         dtype_short_name(op_given_type(source)));
    if (expand_both(op, args, &self, &wide) == 0) {
        target = index_changed(op->flags & OP_IN_PLACE_CALL ? args[0].tensor : self, out);
        flat = tensor_contiguous(source);
    }
    list[0] = wide;
    if (target && wide && flat &&
        indices_init(&in, self, &(struct value){.given = true, .tensors = {list, 1}}) == 0) {
        count = in.count ? in.at[0]->numel : 0;
        if (flat->numel < count) {
            error_set(ERROR_RUNTIME, "Number of elements of source < number of ones in mask");
        } else {
            struct tensor *part = tensor_view(flat, 1, &count, (int64_t[]){1}, flat->offset);

            status = part ? indices_put(target, &in, part, false) : -1;
            tensor_unref(part);
        }
    }
    indices_release(&in);
    tensor_unref(self);
    tensor_unref(wide);
    tensor_unref(flat);
    return index_give_changed(op, status, target, out);
}
