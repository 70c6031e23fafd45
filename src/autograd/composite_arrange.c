/* Cutting, putting and arranging made of recorded operations, and forward functions written so. */
#include "autograd/formula.h"
#include "base/error.h"
#include "tensor/index.h"

#include <string.h>

/* ---- self with other elements in a part of it ---- */

/* A copy of self, of which `part` (a row that gives a view, with its arguments behind self) becomes
 * src. */
static struct tensor *with_part(enum op_id part, const struct value *args)
{
    struct value view[OP_MAX_ARGS], copy[3];
    struct tensor *whole = d_call1(OP_clone, d_call1(OP_contiguous, args[0].tensor)), *shown;
    char texts[2][128];

    memcpy(view, args + 1, sizeof(view) - sizeof(*view));
    view[0] = V_TENSOR(whole);
    shown = whole ? d_call(part, view) : NULL;
    if (!shown)
        return NULL;
    if (!tensor_same_shape(shown, args[1].tensor))
        return error_null(
            ERROR_RUNTIME,
            "expected src to have a size equal to the slice of self. src size = %s, "
            "slice size = %s",
            shape_text(args[1].tensor->ndim, args[1].tensor->shape, texts[0], sizeof(texts[0])),
            shape_text(shown->ndim, shown->shape, texts[1], sizeof(texts[1])));
    copy[0] = V_TENSOR(shown);
    copy[1] = args[1];
    op_defaults(&ops[OP_copy_], copy, 2);
    return op_call_inplace(&ops[OP_copy_], copy) < 0 ? NULL : whole;
}

/* The arguments of slice(), in the bounds of self. */
static int slice_arguments(const struct value *from, const struct tensor *self,
                           struct value slice[4])
{
    int dim = tensor_dim(self, from[0].i);
    int64_t size = dim < 0 || self->ndim == 0 ? 0 : self->shape[dim];
    int64_t start = from[1].given ? from[1].i : 0, end = from[2].given ? from[2].i : size;

    if (dim < 0)
        return -1;
    if (from[3].i <= 0)
        return error_set(ERROR_RUNTIME, "slice step must be positive");
    start += start < 0 ? size : 0;
    end += end < 0 ? size : 0;
    start = start < 0 ? 0 : start > size ? size : start;
    end = end < start ? start : end > size ? size : end;
    slice[0] = V_INT(dim);
    slice[1] = V_INT(start);
    slice[2] = V_INT(end);
    slice[3] = from[3];
    return 0;
}

static struct tensor *diagonal_scatter(const struct value *args)
{
    return with_part(OP_diagonal, args);
}

static struct tensor *select_scatter(const struct value *args)
{
    return with_part(OP_select, args);
}

static struct tensor *slice_scatter(const struct value *args)
{
    struct value call[OP_MAX_ARGS] = {args[0], args[1]};

    if (slice_arguments(args + 2, args[0].tensor, call + 2) < 0)
        return NULL;
    return with_part(OP_slice, call);
}

static struct tensor *as_strided_scatter(const struct value *args)
{
    return with_part(OP_as_strided, args);
}

/* The gradient of self is 0 in that part, that of src is what lies there. */
static void part_rule(struct grad_call *c, formula_fn *scatter, enum op_id part,
                      const struct value *view_arguments, int count)
{
    struct value call[OP_MAX_ARGS], view[OP_MAX_ARGS];
    struct tensor *src = c->args[1].tensor;

    if (!c->g[0])
        return;
    if (grad_wanted(c, 0)) {
        memcpy(call, c->args, (size_t)op_schema(c->op)->count * sizeof(*call));
        call[0] = V_TENSOR(c->g[0]);
        call[1] = V_TENSOR(pool_keep(tensor_zeros(tensor_dtype(c->g[0]), src->ndim, src->shape)));
        c->grads[0] = call[1].tensor ? D(clone, V_TENSOR(scatter(call))) : NULL;
    }
    if (grad_wanted(c, 1)) {
        view[0] = V_TENSOR(d_call1(OP_contiguous, c->g[0]));
        memcpy(view + 1, view_arguments, (size_t)count * sizeof(*view));
        grad_store(c, 1, 1, d_call(part, view));
    }
}

void diagonal_scatter_rule(struct grad_call *c)
{
    part_rule(c, diagonal_scatter, OP_diagonal, c->args + 2, 3);
}

void select_scatter_rule(struct grad_call *c)
{
    part_rule(c, select_scatter, OP_select, c->args + 2, 2);
}

void slice_scatter_rule(struct grad_call *c)
{
    struct value slice[4];

    if (c->g[0] && slice_arguments(c->args + 2, c->g[0], slice) == 0)
        part_rule(c, slice_scatter, OP_slice, slice, 4);
}

void as_strided_scatter_rule(struct grad_call *c)
{
    part_rule(c, as_strided_scatter, OP_as_strided, c->args + 2, 3);
}

#define FORWARD(name)                                                                              \
    int name##_forward(const struct op *op, const struct value *args, struct tensor **out)         \
    {                                                                                              \
        return formula_forward(op, args, out, name);                                               \
    }
FORWARD(diagonal_scatter)
FORWARD(select_scatter)
FORWARD(slice_scatter)
FORWARD(as_strided_scatter)

void fill_diagonal_rule(struct grad_call *c)
{
    struct value fill[3] = {V_TENSOR(d_call1(OP_clone, c->g[0])), V_SCALAR(scalar_int(0)),
                            c->args[2]};

    if (fill[0].tensor && op_call_inplace(&ops[OP_fill_diagonal_], fill) == 0)
        c->grads[0] = fill[0].tensor;
}

/* ---- by index of the flattened tensor ---- */

static int check_index_type(const struct tensor *index)
{
    if (index->dtype == DTYPE_i64)
        return 0;
    return error_set(ERROR_RUNTIME, "take(): Expected a long tensor for index, but got %s",
                     dtype_short_name(tensor_dtype(index)));
}

/* Calls the formula, which finds the places that are out of range; they get words of their own. */
static int call_by_places(const struct op *op, const struct value *args, struct tensor **out,
                          formula_fn *formula)
{
    const int64_t n = args[0].tensor->numel;
    struct tensor *whole;
    int64_t wrong;

    if (formula_forward(op, args, out, formula) == 0)
        return 0;
    whole = tensor_contiguous(args[1].tensor);
    if (whole && index_outside(whole, -n, n - 1, &wrong)) {
        error_clear();
        error_set(ERROR_INDEX,
                  "out of range: tried to access index %lld on a tensor of %lld elements.",
                  (long long)wrong, (long long)n);
    }
    tensor_unref(whole);
    return -1;
}

static struct tensor *take(const struct value *args)
{
    struct tensor *flat = d_reshape(args[0].tensor, 1, &args[0].tensor->numel);
    struct tensor *list[1] = {args[1].tensor};

    return D(index, V_TENSOR(flat), V_TENSORS(list, 1));
}

int take_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    if (check_index_type(args[1].tensor) < 0)
        return -1;
    return call_by_places(op, args, out, take);
}

void take_rule(struct grad_call *c)
{
    struct tensor *self = c->args[0].tensor, *zeros = c->g[0] ? d_zeros(self) : NULL;

    c->grads[0] = D(put, V_TENSOR(zeros), c->args[1], V_TENSOR(c->g[0]), V_INT(true));
}

static struct tensor *put(const struct value *args)
{
    struct tensor *self = args[0].tensor, *list[1], *source;

    list[0] = d_reshape(args[1].tensor, 1, &args[1].tensor->numel);
    source = d_reshape(args[2].tensor, 1, &args[2].tensor->numel);
    if (!list[0])
        return NULL;
    source = D(index_put, V_TENSOR(d_reshape(self, 1, &self->numel)), V_TENSORS(list, 1),
               V_TENSOR(source), args[3]);
    return d_reshape(source, self->ndim, self->shape);
}

int put_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct tensor *self = args[0].tensor, *source = args[2].tensor;

    if (!op_same_type(source, self))
        return error_set(ERROR_RUNTIME,
                         "put_(): self and source expected to have the same dtype, but got "
                         "self.dtype = %s and source.dtype = %s",
                         dtype_short_name(op_given_type(self)),
                         dtype_short_name(op_given_type(source)));
    if (source->numel != args[1].tensor->numel)
        return error_set(ERROR_INDEX,
                         "put_(): Expected source and index to have the same number of elements, "
                         "but got source.numel() = %lld, index.numel() = %lld",
                         (long long)source->numel, (long long)args[1].tensor->numel);
    if (check_index_type(args[1].tensor) < 0)
        return -1;
    return call_by_places(op, args, out, put);
}

void put_rule(struct grad_call *c)
{
    struct tensor *source = c->args[2].tensor;

    if (grad_wanted(c, 0) && c->args[3].i)
        c->grads[0] = c->g[0];
    else if (grad_wanted(c, 0) && c->g[0])
        c->grads[0] = D(put, V_TENSOR(c->g[0]), c->args[1], V_TENSOR(d_zeros(source)));
    if (grad_wanted(c, 2) && c->g[0])
        c->grads[2] =
            d_reshape(D(take, V_TENSOR(c->g[0]), c->args[1]), source->ndim, source->shape);
}

/* ---- blocks, products, choices ---- */

int block_diag_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor **list = args[0].tensors.at, *result, *part;
    int64_t shape[2] = {0, 0}, at[2] = {0, 0};
    int status = 0;

    for (int i = 0; i < args[0].tensors.count; i++) {
        const struct tensor *t = list[i];

        if (t->ndim > 2)
            return error_set(ERROR_RUNTIME,
                             "torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                             "Input %d has %d dimensions",
                             i, t->ndim);
        shape[0] += t->ndim == 2 ? t->shape[0] : 1;
        shape[1] += t->ndim ? t->shape[t->ndim - 1] : 1;
    }
    if (args[0].tensors.count == 0)
        shape[0] = 1;
    result = tensor_zeros(args[0].tensors.count ? op_result_type(args[0].tensors.count, list)
                                                : dtype_default(),
                          2, shape);
    for (int i = 0; result && i < args[0].tensors.count && status == 0; i++) {
        const struct tensor *t = list[i];
        int64_t size[2] = {t->ndim == 2 ? t->shape[0] : 1, t->ndim ? t->shape[t->ndim - 1] : 1};

        part = tensor_view(result, 2, size, result->stride,
                           at[0] * result->stride[0] + at[1] * result->stride[1]);
        status = part ? tensor_copy(part, t) : -1;
        tensor_unref(part);
        at[0] += size[0];
        at[1] += size[1];
    }
    if (status == 0)
        return op_give(op, result, out);
    tensor_unref(result);
    return -1;
}

void block_diag_rule(struct grad_call *c)
{
    int64_t at[2] = {0, 0};

    for (int i = 0; c->g[0] && i < c->args[0].tensors.count; i++) {
        const struct tensor *t = c->args[0].tensors.at[i];
        int64_t rows = t->ndim == 2 ? t->shape[0] : 1, cols = t->ndim ? t->shape[t->ndim - 1] : 1;
        struct tensor *part = d_narrow(d_narrow(c->g[0], 0, at[0], rows), 1, at[1], cols);

        if (grad_wanted(c, i))
            c->grads[i] = d_to(d_reshape(part, t->ndim, t->shape), tensor_dtype(t));
        at[0] += rows;
        at[1] += cols;
    }
}

static int check_row(const struct tensor *t)
{
    char text[128];

    if (t->ndim == 1)
        return 0;
    return error_set(ERROR_RUNTIME, "Expect a 1D vector, but got shape %s",
                     shape_text(t->ndim, t->shape, text, sizeof(text)));
}

int cartesian_prod_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *columns[TENSOR_MAX_DIMS];
    int count = args[0].tensors.count;
    int64_t total = 1, shape[TENSOR_MAX_DIMS];
    size_t mark = pool_open();

    if (count == 0 || count > TENSOR_MAX_DIMS)
        return error_set(ERROR_RUNTIME, "cartesian_prod() takes 1 to %d tensors here, got %d",
                         TENSOR_MAX_DIMS, count);
    for (int i = 0; i < count; i++) {
        if (check_row(args[0].tensors.at[i]) < 0)
            return -1;
        shape[i] = args[0].tensors.at[i]->shape[0];
        total *= shape[i];
    }
    if (count == 1)
        return pool_leave(op, mark, pool_keep(tensor_ref(args[0].tensors.at[0])), out);
    for (int i = 0; i < count; i++) {
        int64_t lone[TENSOR_MAX_DIMS];

        for (int d = 0; d < count; d++)
            lone[d] = d == i ? shape[d] : 1;
        columns[i] = d_expand(d_reshape(args[0].tensors.at[i], count, lone), count, shape);
        columns[i] = d_reshape(columns[i], 1, &total);
        if (!columns[i]) {
            pool_close(mark);
            return -1;
        }
    }
    return pool_leave(op, mark, D(stack, V_TENSORS(columns, count), V_INT(1)), out);
}

/* How many choices of r from n there are; -1: too many to count. */
static int64_t choices(int64_t n, int64_t r, bool again)
{
    int64_t count = 1;

    n = again && r > 0 ? n + r - 1 : n;
    for (int64_t i = 0; i < r; i++) {
        if (n - i <= 0)
            return 0;
        if (__builtin_mul_overflow(count, n - i, &count))
            return -1;
        count /= i + 1;
    }
    return count;
}

int combinations_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *places, *list[1];
    int64_t r = args[1].i, n = self->numel, shape[2], *row, count;
    bool again = args[2].i;
    size_t mark = pool_open();

    if (check_row(self) < 0)
        return -1;
    if (r < 0)
        return error_set(ERROR_RUNTIME, "Expect a non-negative number, but got %lld", (long long)r);
    if (r == 0)
        return op_give(op, tensor_new(tensor_dtype(self), 1, &r), out);
    count = choices(n, r, again);
    shape[0] = count;
    shape[1] = r;
    places = count < 0 ? error_null(ERROR_RUNTIME, "combinations(): too many of them")
                       : pool_keep(tensor_new(DTYPE_i64, 2, shape));
    row = places ? (int64_t *)tensor_data(places) : NULL;
    for (int64_t k = 0; places && k < count; k++, row += r) {
        int64_t i = r - 1;

        if (k == 0) {
            for (i = 0; i < r; i++)
                row[i] = again ? 0 : i;
            continue;
        }
        memcpy(row, row - r, (size_t)r * sizeof(*row));
        while (row[i] == (again ? n - 1 : n - r + i))
            i--;
        row[i]++;
        for (i++; i < r; i++)
            row[i] = row[i - 1] + !again;
    }
    list[0] = places;
    return pool_leave(op, mark, places ? D(index, V_TENSOR(self), V_TENSORS(list, 1)) : NULL, out);
}

/* ---- powers in columns ---- */

/* 1, x, x^2 ... behind x's dimensions. */
static struct tensor *powers(struct tensor *x, int64_t count)
{
    int64_t shape[TENSOR_MAX_DIMS + 1];
    struct tensor *parts[2];

    memcpy(shape, x->shape, sizeof(x->shape));
    shape[x->ndim] = count;
    if (tensor_check_size(tensor_dtype(x), x->ndim + 1, shape) < 0)
        return NULL;
    shape[x->ndim] = count > 0 ? 1 : 0;
    parts[0] = pool_keep(tensor_full(tensor_dtype(x), x->ndim + 1, shape, scalar_int(1)));
    if (!parts[0] || count <= 1)
        return parts[0];
    shape[x->ndim] = count - 1;
    parts[1] = d_expand(d_unsqueeze(x, -1), x->ndim + 1, shape);
    if (!parts[1])
        return NULL;
    return D(cumprod, V_TENSOR(D(cat, V_TENSORS(parts, 2), V_INT(-1))), V_INT(-1));
}

int vander_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor, *result;
    int64_t last[1] = {1};
    size_t mark = pool_open();

    if (x->ndim != 1)
        return error_set(ERROR_RUNTIME, "x must be a one-dimensional tensor.");
    if (args[1].given && args[1].i < 0)
        return error_set(ERROR_RUNTIME, "N must be non-negative.");
    result = powers(x, args[1].given ? args[1].i : x->shape[0]);
    if (!args[2].i && result)
        result = D(flip, V_TENSOR(result), V_INTS(last, 1));
    return pool_leave(op, mark, result, out);
}

int linalg_vander_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor;
    size_t mark = pool_open();

    if (x->dtype == DTYPE_b8)
        return error_set(ERROR_RUNTIME, "linalg.vander: x must be a floating point, complex or "
                                        "integral tensor");
    if (args[1].given && args[1].i <= 1)
        return error_set(ERROR_RUNTIME, "N must be greater than 1.");
    return pool_leave(op, mark,
                      powers(x, args[1].given ? args[1].i
                                : x->ndim     ? x->shape[x->ndim - 1]
                                              : 1),
                      out);
}

/* ---- cutting ---- */

int split_along_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    struct tensor *self = args[0].tensor;
    int least = op->name[0] == 'h' ? 1 : op->name[0] == 'v' ? 2 : 3;
    int dim = op->name[0] == 'v' ? 0 : op->name[0] == 'd' ? 2 : self->ndim > 1;
    bool indices = op_schema(op)->params[1].type == VALUE_INTS;
    struct value split[3] = {args[0], args[1], V_INT(dim)};

    if (self->ndim < least)
        return error_set(ERROR_RUNTIME,
                         "torch.%.6s requires a tensor with at least %d dimension, but got a "
                         "tensor with %d dimensions!",
                         op->name, least, self->ndim);
    if (!indices && (args[1].i <= 0 || self->shape[dim] % args[1].i != 0))
        return error_set(ERROR_RUNTIME,
                         "torch.%.6s attempted to split along dimension %d, but the size of the "
                         "dimension %lld is not divisible by the split_size %lld!",
                         op->name, dim, (long long)self->shape[dim], (long long)args[1].i);
    return indices ? tensor_split_indices_list(&ops[OP_tensor_split__indices], split, out)
                   : tensor_split_list(&ops[OP_tensor_split], split, out);
}

int narrow_copy_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, d_call1(OP_clone, d_call(OP_narrow, args)), out);
}

int sum_to_size_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, like = {.dtype = self->dtype};
    int lead = self->ndim - args[1].ints.count;
    bool fits = lead >= 0;
    char texts[2][128];
    size_t mark = pool_open();

    for (int d = 0; d < args[1].ints.count && fits; d++) {
        like.shape[d] = args[1].ints.at[d];
        fits = like.shape[d] == 1 || like.shape[d] == self->shape[d + lead];
    }
    if (!fits)
        return error_set(
            ERROR_RUNTIME, "size {%s} is not expandable to size {%s}.",
            shape_text(args[1].ints.count, args[1].ints.at, texts[0], sizeof(texts[0])),
            shape_text(self->ndim, self->shape, texts[1], sizeof(texts[1])));
    like.ndim = (uint8_t)args[1].ints.count;
    return pool_leave(op, mark, d_sum_to(self, &like), out);
}

int repeat_interleave_counts_composite(const struct op *op, const struct value *args,
                                       struct tensor **out)
{
    struct tensor *repeats = args[0].tensor, *numbers;
    size_t mark = pool_open();

    if (repeats->ndim != 1)
        return error_set(ERROR_RUNTIME, "repeat_interleave only accept 1D vector as repeat");
    if (repeats->dtype != DTYPE_i64 && repeats->dtype != DTYPE_i32)
        return error_set(ERROR_RUNTIME, "repeats has to be Long or Int tensor");
    numbers = pool_keep(tensor_new(DTYPE_i64, 1, &repeats->numel));
    for (int64_t i = 0; numbers && i < numbers->numel; i++)
        ((int64_t *)tensor_data(numbers))[i] = i;
    numbers = D(repeat_interleave, V_TENSOR(numbers), V_TENSOR(repeats), V_INT(0));
    return pool_leave(op, mark, numbers, out);
}
