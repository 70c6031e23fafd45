/* Counting and comparing: histograms, different elements, places in a sorted row, equality. */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- histograms ---- */

static struct scalar scalar_at(const struct tensor *t, int64_t i)
{
    return dtype_load(tensor_dtype(t), tensor_data(t) + i * (int64_t)dtype_size(tensor_dtype(t)));
}

static double element(const struct tensor *t, int64_t i)
{
    return scalar_at(t, i).d;
}

static int64_t whole_element(const struct tensor *t, int64_t i)
{
    return scalar_at(t, i).i;
}

/* The least and the largest element, where there is one. */
static void range_of(const struct tensor *in, double *low, double *high)
{
    if (in->numel > 0)
        *low = *high = element(in, 0);
    for (int64_t i = 1; i < in->numel; i++) {
        *low = fmin(*low, element(in, i));
        *high = fmax(*high, element(in, i));
    }
}

/* An empty range is widened to both sides. */
static int check_range(const char *name, double *low, double *high, double margin)
{
    if (*low == *high) {
        *low -= margin;
        *high += margin;
    }
    if (!isfinite(*low) || !isfinite(*high))
        return error_set(ERROR_RUNTIME, "torch.%s: range of [%g, %g] is not finite", name, *low,
                         *high);
    return 0;
}

static int histc_range(const struct tensor *in, double *low, double *high)
{
    if (*low > *high)
        return error_set(ERROR_RUNTIME, "torch.histc: max must be larger than min");
    if (*low == *high)
        range_of(in, low, high);
    return check_range("histc", low, high, 1);
}

/* Without elements bins go from 0 to 1. */
static int histogram_range(const struct tensor *in, const struct value *range, double *low,
                           double *high)
{
    *low = 0;
    *high = in->numel > 0 ? 0 : 1;
    if (range->given && range->floats.count == 2) {
        *low = range->floats.at[0];
        *high = range->floats.at[1];
    } else {
        range_of(in, low, high);
    }
    return check_range("histogram", low, high, 0.5);
}

/* Counts, or weights summed up, of the elements of `in` by bins; in self's dtype. */
static struct tensor *histogram(const struct tensor *in, const struct tensor *weight, int64_t bins,
                                double low, double high)
{
    struct tensor *result = tensor_zeros(tensor_dtype(in), 1, &bins);

    for (int64_t i = 0; result && i < in->numel; i++) {
        double x = element(in, i), w = weight ? element(weight, i) : 1;
        int64_t bin;

        if (!(x >= low && x <= high))
            continue;
        bin = (int64_t)((x - low) / (high - low) * (double)bins);
        bin = bin < bins ? bin : bins - 1;
        if (in->dtype == DTYPE_f32)
            ((float *)tensor_data(result))[bin] += (float)w;
        else
            ((double *)tensor_data(result))[bin] += w;
    }
    return result;
}

static int check_histogram(const struct op *op, const struct tensor *self, int64_t bins)
{
    if (op_check_float(op, self) < 0)
        return -1;
    return bins > 0 ? 0
                    : error_set(ERROR_RUNTIME,
                                "torch.histogram(): bins must be > 0, but got %lld for dimension 0",
                                (long long)bins);
}

int histc_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *in, *result = NULL;
    double low = args[2].scalar.d, high = args[3].scalar.d;

    if (check_histogram(op, self, args[1].i) < 0)
        return -1;
    in = tensor_contiguous(self);
    if (in && histc_range(in, &low, &high) == 0)
        result = histogram(in, NULL, args[1].i, low, high);
    tensor_unref(in);
    return op_give(op, result, out);
}

/* Counts become a density: their sum times the bins' width is 1. */
static void make_density(struct tensor *counts, double width)
{
    double total = 0;

    for (int64_t i = 0; i < counts->numel; i++)
        total += element(counts, i);
    for (int64_t i = 0; i < counts->numel; i++)
        dtype_store(tensor_dtype(counts),
                    tensor_data(counts) + i * (int64_t)dtype_size(tensor_dtype(counts)),
                    scalar_float(element(counts, i) / total / width));
}

int histogram_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *in, *weight = NULL, *counts = NULL, *edges = NULL;
    int64_t bins = args[1].i, length = bins + 1;
    double low, high;

    if (args[2].given && !dtype_is_float(tensor_dtype(self)))
        return dtype_refuse("histogram_cpu", tensor_dtype(self)); /* no search for the range */
    if (check_histogram(op, self, bins) < 0)
        return -1;
    if (args[3].given && args[3].tensor->numel != self->numel)
        return error_set(ERROR_RUNTIME, "torch.histogram(): if weight tensor is provided it should "
                                        "have the same shape as the input tensor");
    in = tensor_contiguous(self);
    if (in && args[3].given)
        weight = tensor_contiguous(args[3].tensor);
    if (in && (weight || !args[3].given) && histogram_range(in, &args[2], &low, &high) == 0)
        counts = histogram(in, weight, bins, low, high);
    if (counts && args[4].i)
        make_density(counts, (high - low) / (double)bins);
    edges = counts ? tensor_new(tensor_dtype(in), 1, &length) : NULL;
    for (int64_t i = 0; edges && i < length; i++)
        dtype_store(tensor_dtype(edges),
                    tensor_data(edges) + i * (int64_t)dtype_size(tensor_dtype(edges)),
                    scalar_float(low + (high - low) * (double)i / (double)bins));
    tensor_unref(in);
    tensor_unref(weight);
    if (!edges) {
        tensor_unref(counts);
        return -1;
    }
    out[0] = counts;
    out[1] = edges;
    return 0;
}

static int bincount_check(const struct op *op, const struct tensor *self,
                          const struct tensor *weights, int64_t length)
{
    if (dtype_is_float(tensor_dtype(self)) || self->dtype == DTYPE_b8)
        return op_refuse_type(op, tensor_dtype(self));
    if (self->ndim != 1)
        return error_set(ERROR_RUNTIME, "bincount only supports 1-d non-negative integral inputs.");
    if (length < 0)
        return error_set(ERROR_RUNTIME, "minlength should be >= 0");
    if (weights && (weights->ndim != 1 || weights->shape[0] != self->shape[0]))
        return error_set(ERROR_RUNTIME, "weights should be 1-d and have the same length as input");
    return 0;
}

int bincount_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *weights = args[1].given ? args[1].tensor : NULL;
    struct tensor *in = NULL, *w = NULL, *result = NULL;
    int64_t length = args[2].i, last = -1;
    enum dtype dtype = !weights ? DTYPE_i64 : weights->dtype == DTYPE_f32 ? DTYPE_f32 : DTYPE_f64;

    if (bincount_check(op, self, weights, length) < 0)
        return -1;
    in = tensor_contiguous(self);
    if (!in || (weights && !(w = tensor_to(weights, DTYPE_f64))))
        goto end;
    for (int64_t i = 0; i < in->numel; i++) {
        int64_t x = whole_element(in, i);

        if (x < 0) {
            error_set(ERROR_RUNTIME, "bincount only supports 1-d non-negative integral inputs.");
            goto end;
        }
        last = x > last ? x : last;
    }
    if (last >= length)
        length = last + 1; /* negative, and refused, where that does not fit */
    result = tensor_zeros(weights ? DTYPE_f64 : DTYPE_i64, 1, &length);
    for (int64_t i = 0; result && i < in->numel; i++) {
        if (w)
            ((double *)tensor_data(result))[whole_element(in, i)] +=
                ((double *)tensor_data(w))[i * w->stride[0]];
        else
            ((int64_t *)tensor_data(result))[whole_element(in, i)]++;
    }
    if (result && result->dtype != dtype) {
        struct tensor *narrow = tensor_to(result, dtype);

        tensor_unref(result);
        result = narrow;
    }
end:
    tensor_unref(in);
    tensor_unref(w);
    return op_give(op, result, out);
}

/* ---- different elements: rows along a dimension, or single elements ---- */

struct rows {
    const char *data;
    size_t size; /* bytes of a row */
    int64_t width;
    enum dtype dtype;
};

static int compare_rows(const struct rows *r, int64_t a, int64_t b)
{
    size_t size = dtype_size(r->dtype);

    for (int64_t i = 0; i < r->width; i++) {
        const char *at = r->data + (size_t)i * size;
        struct scalar x = dtype_load(r->dtype, at + (size_t)a * r->size);
        struct scalar y = dtype_load(r->dtype, at + (size_t)b * r->size);

        if (x.kind == SCALAR_FLOAT ? x.d != y.d : x.i != y.i)
            return (x.kind == SCALAR_FLOAT ? x.d < y.d || y.d != y.d : x.i < y.i) ? -1 : 1;
    }
    return 0;
}

static const struct rows *sorted_rows; /* for qsort(); the engine's owner is one thread */

static int compare_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    int order = compare_rows(sorted_rows, x, y);

    return order ? order : (x > y) - (x < y);
}

/* self as a contiguous matrix whose rows are compared, and how many there are. */
static struct tensor *comparable(struct tensor *self, int dim, struct rows *rows, int64_t *count)
{
    struct tensor *turned, *whole;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];

    memcpy(shape, self->shape, sizeof(shape));
    memcpy(stride, self->stride, sizeof(stride));
    for (int d = dim; d > 0; d--) { /* dim becomes the first */
        shape[d] = self->shape[d - 1];
        stride[d] = self->stride[d - 1];
    }
    if (dim >= 0 && self->ndim) {
        shape[0] = self->shape[dim];
        stride[0] = self->stride[dim];
    }
    turned = tensor_view(self, self->ndim, shape, stride, self->offset);
    whole = turned ? tensor_contiguous(turned) : NULL;
    tensor_unref(turned);
    if (!whole)
        return NULL;
    *count = dim < 0 ? self->numel : (whole->ndim ? whole->shape[0] : 1);
    rows->width = dim < 0 || *count == 0 ? 1 : self->numel / *count;
    rows->dtype = tensor_dtype(self);
    rows->size = (size_t)rows->width * dtype_size(rows->dtype);
    rows->data = tensor_data(whole);
    return whole;
}

/* Groups equal neighbours of `order`; fills which group each row is in, and each group's first row
 * and size. Returns the number of groups. */
static int64_t group_rows(const struct rows *rows, int64_t count, const int64_t *order,
                          int64_t *inverse, int64_t *first, int64_t *sizes)
{
    int64_t groups = 0;

    for (int64_t i = 0; i < count; i++) {
        if (i == 0 || compare_rows(rows, order[i - 1], order[i]) != 0) {
            first[groups] = order[i];
            sizes[groups++] = 0;
        }
        sizes[groups - 1]++;
        inverse[order[i]] = groups - 1;
    }
    return groups;
}

/* The chosen rows of `whole` in the order of first[], the dimension back in its place. */
static struct tensor *take_rows(const struct tensor *whole, const struct rows *rows, int dim,
                                int64_t groups, const int64_t *first)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS], moved[2][TENSOR_MAX_DIMS];
    int ndim = dim < 0 ? 1 : whole->ndim;
    struct tensor *taken, *turned, *result;

    memcpy(shape, whole->shape, sizeof(shape));
    shape[0] = groups;
    taken = tensor_new(rows->dtype, ndim, shape);
    if (!taken)
        return NULL;
    for (int64_t i = 0; i < groups; i++)
        memcpy(tensor_data(taken) + (size_t)i * rows->size,
               rows->data + (size_t)first[i] * rows->size, rows->size);
    if (dim <= 0)
        return taken;
    shape_strides(ndim, shape, stride);
    for (int d = 0; d < ndim; d++) {
        int from = d < dim ? d + 1 : d == dim ? 0 : d;

        moved[0][d] = shape[from];
        moved[1][d] = stride[from];
    }
    turned = tensor_view(taken, ndim, moved[0], moved[1], 0);
    result = turned ? tensor_clone(turned) : NULL;
    tensor_unref(turned);
    tensor_unref(taken);
    return result;
}

static struct tensor *whole_numbers(const int64_t *from, int ndim, const int64_t *shape)
{
    struct tensor *t = tensor_new(DTYPE_i64, ndim, shape);

    if (t)
        memcpy(tensor_data(t), from, (size_t)t->numel * sizeof(*from));
    return t;
}

static int unique(const struct value *args, int dim_at, bool sorts, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *whole = NULL;
    int dim = args[dim_at].given ? tensor_dim(self, args[dim_at].i) : -1;
    int64_t count = 0, groups, *order = NULL;
    struct rows rows;

    if (args[dim_at].given && dim < 0)
        return -1;
    whole = comparable(self, dim, &rows, &count);
    order = whole ? mem_array((size_t)count, 4 * sizeof(*order)) : NULL;
    if (!order)
        goto end;
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
    sorted_rows = &rows;
    if (sorts)
        qsort(order, (size_t)count, sizeof(*order), compare_order);
    groups = group_rows(&rows, count, order, order + count, order + 2 * count, order + 3 * count);
    out[0] = take_rows(whole, &rows, dim, groups, order + 2 * count);
    out[1] = whole_numbers(order + count, dim < 0 ? self->ndim : 1, dim < 0 ? self->shape : &count);
    out[2] = whole_numbers(order + 3 * count, 1, &groups);
end:
    mem_free(order);
    tensor_unref(whole);
    if (out[0] && out[1] && out[2])
        return 0;
    for (int i = 0; i < 3; i++) {
        tensor_unref(out[i]);
        out[i] = NULL;
    }
    return -1;
}

int unique_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return unique(args, 2, true, out);
}

int unique_consecutive_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return unique(args, 1, false, out);
}

/* ---- places in a sorted row ---- */

static int64_t search_row(const struct tensor *row, int64_t start, int64_t length, double x,
                          bool right)
{
    int64_t low = 0, high = length;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        double y = element(row, start + middle);

        if (right ? !(y > x) : !(y >= x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int searchsorted_check(const struct op *op, const struct tensor *row,
                              const struct tensor *self, const struct value *side)
{
    bool fits = row->ndim == 1 || row->ndim == self->ndim;
    char text[2][256];

    for (int d = 0; fits && row->ndim > 1 && d < row->ndim - 1; d++)
        fits = row->shape[d] == self->shape[d];
    if (self->ndim == 0 && row->ndim != 1)
        return error_set(ERROR_RUNTIME,
                         "torch.searchsorted(): input value can be a scalar only when boundaries "
                         "tensor dimension is 1, but we got boundaries tensor dim(%d) and input "
                         "value's dim(0) numel(1)",
                         row->ndim);
    if (row->ndim == 0)
        return error_set(ERROR_RUNTIME, "torch.searchsorted(): boundaries tensor should have "
                                        "positive dimension, but got 0 dimension");
    if (!fits)
        return error_set(ERROR_RUNTIME,
                         "torch.searchsorted(): boundaries tensor should be 1 dimension or the "
                         "first N-1 dimensions of boundaries tensor and input value tensor must "
                         "match, but we got boundaries tensor %s and input value tensor %s",
                         shape_text(row->ndim, row->shape, text[0], sizeof(text[0])),
                         shape_text(self->ndim, self->shape, text[1], sizeof(text[1])));
    if (side->given && strcmp(side->text, "left") != 0 && strcmp(side->text, "right") != 0)
        return error_set(ERROR_RUNTIME,
                         "torch.searchsorted(): side can only be 'left' or 'right' but got %s",
                         side->text);
    return op_check_number(op, row);
}

int searchsorted_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *row = NULL, *in = NULL, *result = NULL;
    bool right = args[3].i || (args[4].given && strcmp(args[4].text, "right") == 0);
    int64_t length, width;

    if (searchsorted_check(op, args[0].tensor, args[1].tensor, &args[4]) < 0)
        return -1;
    row = tensor_contiguous(args[0].tensor);
    in = row ? tensor_contiguous(args[1].tensor) : NULL;
    result = in ? tensor_new(args[2].i ? DTYPE_i32 : DTYPE_i64, in->ndim, in->shape) : NULL;
    if (result) {
        length = row->shape[row->ndim - 1];
        width = row->ndim > 1 ? in->shape[in->ndim - 1] : in->numel + 1;
        for (int64_t i = 0; i < in->numel; i++)
            dtype_store(
                tensor_dtype(result),
                tensor_data(result) + i * (int64_t)dtype_size(tensor_dtype(result)),
                scalar_int(search_row(row, i / width * length, length, element(in, i), right)));
    }
    tensor_unref(row);
    tensor_unref(in);
    return op_give(op, result, out);
}

/* ---- equality ---- */

static struct tensor *contiguous_as(struct tensor *t, enum dtype dtype)
{
    struct tensor *typed = tensor_to(t, dtype), *whole = typed ? tensor_contiguous(typed) : NULL;

    tensor_unref(typed);
    return whole;
}

int equal_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *a = args[0].tensor, *b = args[1].tensor, *x, *y;
    bool same = tensor_same_shape(a, b);
    enum dtype dtype = op_result_type(2, (struct tensor *[]){a, b});

    x = same ? contiguous_as(a, dtype) : NULL;
    y = x ? contiguous_as(b, dtype) : NULL;
    if (same && !y) {
        tensor_unref(x);
        return -1;
    }
    for (int64_t i = 0; same && i < x->numel; i++) {
        struct scalar p = scalar_at(x, i), q = scalar_at(y, i);

        same = dtype_is_differentiable(tensor_dtype(x)) ? p.d == q.d && p.im == q.im : p.i == q.i;
    }
    tensor_unref(x);
    tensor_unref(y);
    return op_give(op, tensor_from_scalar(scalar_bool(same), DTYPE_b8), out);
}

static bool is_close(struct scalar x, struct scalar y, double rtol, double atol, bool equal_nan)
{
    double apart = hypot(x.d - y.d, x.im - y.im);

    if (x.d == y.d && x.im == y.im)
        return true;
    if (equal_nan && (isnan(x.d) || isnan(x.im)) && (isnan(y.d) || isnan(y.im)))
        return true;
    return isfinite(apart) && apart <= atol + fabs(rtol) * hypot(y.d, y.im);
}

static struct tensor *broadcast(struct tensor *t, int ndim, const int64_t *shape)
{
    int64_t stride[TENSOR_MAX_DIMS];
    struct tensor *view, *whole;
    int lead = ndim - t->ndim;

    for (int d = 0; d < ndim; d++)
        stride[d] = d < lead || t->shape[d - lead] == 1 ? 0 : t->stride[d - lead];
    view = tensor_view(t, ndim, shape, stride, t->offset);
    whole = view ? tensor_contiguous(view) : NULL;
    tensor_unref(view);
    return whole;
}

static struct tensor *close_elements(const struct value *args)
{
    struct tensor *a = args[0].tensor, *b = args[1].tensor, *x, *y = NULL, *result = NULL;
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = a->ndim;

    if (a->dtype != b->dtype)
        return error_null(ERROR_RUNTIME, "%s did not match %s", dtype_short_name(tensor_dtype(a)),
                          dtype_short_name(tensor_dtype(b)));
    for (int k = 0; k < 2; k++) {
        if (args[2 + k].d < 0)
            return error_null(ERROR_RUNTIME, "%s must be greater than or equal to zero, but got %g",
                              k ? "atol" : "rtol", args[2 + k].d);
    }
    memcpy(shape, a->shape, sizeof(shape));
    if (shape_broadcast(&ndim, shape, b->ndim, b->shape) < 0)
        return NULL;
    x = broadcast(a, ndim, shape);
    y = x ? broadcast(b, ndim, shape) : NULL;
    result = y ? tensor_new(DTYPE_b8, ndim, shape) : NULL;
    for (int64_t i = 0; result && i < result->numel; i++)
        ((bool *)tensor_data(result))[i] =
            is_close(scalar_at(x, i), scalar_at(y, i), args[2].d, args[3].d, args[4].i);
    tensor_unref(x);
    tensor_unref(y);
    return result;
}

int isclose_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return op_give(op, close_elements(args), out);
}

int allclose_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *close = close_elements(args);
    bool all = true;

    if (!close)
        return -1;
    for (int64_t i = 0; i < close->numel && all; i++)
        all = ((bool *)tensor_data(close))[i];
    tensor_unref(close);
    return op_give(op, tensor_from_scalar(scalar_bool(all), DTYPE_b8), out);
}
