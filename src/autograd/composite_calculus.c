/* Differences, slopes and integrals of samples along a dimension. */
#include "autograd/formula.h"
#include "base/error.h"

#include <math.h>

/* ---- differences ---- */

int diff_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *t = args[0].tensor, *joined[3];
    int dim = tensor_dim(t, args[2].i), count = 0;
    size_t mark = pool_open();

    if (dim < 0)
        return -1;
    if (t->ndim == 0)
        return error_set(ERROR_RUNTIME, "diff expects input to be at least one-dimensional");
    if (args[3].given)
        joined[count++] = args[3].tensor;
    joined[count++] = t;
    if (args[4].given)
        joined[count++] = args[4].tensor;
    if (count > 1)
        t = D(cat, V_TENSORS(joined, count), V_INT(dim));
    for (int64_t i = 0; i < args[1].i && t; i++) {
        int64_t rest = t->shape[dim] > 0 ? t->shape[dim] - 1 : 0;
        struct tensor *behind = d_narrow(t, dim, t->shape[dim] - rest, rest);

        t = t->dtype == DTYPE_b8 ? d_logical_xor(behind, d_narrow(t, dim, 0, rest))
                                 : d_sub(behind, d_narrow(t, dim, 0, rest));
    }
    return pool_leave(op, mark, t, out);
}

/* ---- slopes ---- */

/* Three neighbours along dim from `start` on, `length` of each: a x[0] + b x[1] + c x[2]. */
static struct tensor *three(struct tensor *x, int dim, int64_t start, int64_t length,
                            struct tensor *const weights[3])
{
    struct tensor *sum = NULL;

    for (int k = 0; k < 3; k++) {
        struct tensor *term = d_mul(d_narrow(x, dim, start + k, length), weights[k]);

        sum = k ? d_add(sum, term) : term;
    }
    return sum;
}

/* A slope at an edge by two points, `from` and the next. */
static struct tensor *edge(struct tensor *x, int dim, int64_t from, struct tensor *gap)
{
    return d_true_divide(d_sub(d_narrow(x, dim, from + 1, 1), d_narrow(x, dim, from, 1)), gap);
}

/* Weights of the parabola through three points that are f and s apart, for its slope at the first,
 * the middle or the last of them (at 0, 1, 2). */
static void parabola(struct tensor *f, struct tensor *s, int at, struct tensor *weights[3])
{
    struct tensor *both = d_add(f, s), *first = d_mul(f, both), *middle = d_mul(f, s);
    struct tensor *last = d_mul(s, both);
    struct tensor *tops[3];

    if (at == 0) {
        tops[0] = d_neg(d_add(f, both));
        tops[1] = both;
        tops[2] = d_neg(f);
    } else if (at == 1) {
        tops[0] = d_neg(s);
        tops[1] = d_sub(s, f);
        tops[2] = f;
    } else {
        tops[0] = s;
        tops[1] = d_neg(both);
        tops[2] = d_add(s, both);
    }
    weights[0] = d_true_divide(tops[0], first);
    weights[1] = d_true_divide(tops[1], middle);
    weights[2] = d_true_divide(tops[2], last);
}

/* Along dim, by gaps shaped to stand beside x (length - 1 of them, or one for all). */
static struct tensor *slopes(struct tensor *x, int dim, struct tensor *gaps, bool parabolic)
{
    int64_t n = x->shape[dim];
    bool equal = gaps->numel == 1;
    struct tensor *parts[3], *weights[3], *low, *high;

    if (parabolic) {
        for (int end = 0; end < 2; end++) {
            low = equal ? gaps : d_narrow(gaps, dim, end ? n - 3 : 0, 1);
            high = equal ? gaps : d_narrow(gaps, dim, end ? n - 2 : 1, 1);
            parabola(low, high, 2 * end, weights);
            parts[2 * end] = three(x, dim, end ? n - 3 : 0, 1, weights);
        }
    } else {
        parts[0] = edge(x, dim, 0, equal ? gaps : d_narrow(gaps, dim, 0, 1));
        parts[2] = edge(x, dim, n - 2, equal ? gaps : d_narrow(gaps, dim, n - 2, 1));
    }
    if (equal) {
        parts[1] = d_sub(d_narrow(x, dim, 2, n - 2), d_narrow(x, dim, 0, n - 2));
        parts[1] = d_true_divide(parts[1], d_scale(gaps, scalar_int(2)));
    } else {
        parabola(d_narrow(gaps, dim, 0, n - 2), d_narrow(gaps, dim, 1, n - 2), 1, weights);
        parts[1] = three(x, dim, 0, n - 2, weights);
    }
    if (!parts[0] || !parts[1] || !parts[2])
        return NULL;
    return D(cat, V_TENSORS(parts, 3), V_INT(dim));
}

/* The gaps between the places along dim, shaped (1, ..., n - 1, ..., 1). */
static struct tensor *place_gaps(struct tensor *places, const struct tensor *self, int dim)
{
    int64_t shape[TENSOR_MAX_DIMS], rest;
    struct tensor *gaps;

    if (places->ndim != 1 || places->shape[0] != self->shape[dim])
        return error_null(ERROR_RUNTIME,
                          "torch.gradient expected each dimension of the coordinates to have as "
                          "many places as the input");
    rest = places->shape[0] - 1;
    gaps = d_sub(d_narrow(places, 0, 1, rest), d_narrow(places, 0, 0, rest));
    for (int d = 0; d < self->ndim; d++)
        shape[d] = d == dim ? rest : 1;
    return d_reshape(gaps, self->ndim, shape);
}

/* spacing(k) is that of the k-th dimension of the call: one number, a list, or places. */
struct spacing {
    struct scalar number;
    const struct value *numbers, *places;
};

static int gradient(const struct value *args, const struct spacing *spacing,
                    struct tensor_list *out)
{
    struct tensor *self = args[0].tensor;
    int64_t order = args[3].i;
    int count = args[2].given ? args[2].ints.count : self->ndim, status = 0;
    int given = spacing->numbers  ? spacing->numbers->floats.count
                : spacing->places ? spacing->places->tensors.count
                                  : count;
    uint32_t seen = 0;
    size_t mark = pool_open();

    if (order != 1 && order != 2)
        return error_set(ERROR_RUNTIME,
                         "torch.gradient only supports edge_order=1 and edge_order=2.");
    if (given != count)
        return error_set(ERROR_RUNTIME,
                         "torch.gradient expected spacing to be unspecified, a scalar or a list of "
                         "length %d but got a list of length %d",
                         count, given);
    for (int k = 0; k < count && status == 0; k++) {
        int dim = tensor_dim(self, args[2].given ? args[2].ints.at[k] : k);
        struct tensor *gaps;

        if (dim < 0)
            return list_leave(out, mark, -1);
        if (seen >> dim & 1)
            return list_leave(
                out, mark,
                error_set(ERROR_RUNTIME, "dim %d appears multiple times in the list of dims", dim));
        seen |= 1u << dim;
        if (self->ndim == 0 || self->shape[dim] < order + 1)
            return list_leave(out, mark,
                              error_set(ERROR_RUNTIME, "torch.gradient expected each dimension "
                                                       "size to be at least edge_order+1"));
        gaps = spacing->places    ? place_gaps(spacing->places->tensors.at[k], self, dim)
               : spacing->numbers ? d_number(scalar_float(spacing->numbers->floats.at[k]))
                                  : d_number(spacing->number);
        status = list_add(out, gaps ? slopes(self, dim, gaps, order == 2) : NULL);
    }
    return list_leave(out, mark, status);
}

int gradient_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    struct spacing spacing = {.number = args[1].given ? args[1].scalar : scalar_int(1)};

    (void)op;
    return gradient(args, &spacing, out);
}

int gradient_spacings_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    (void)op;
    return gradient(args, &(struct spacing){.numbers = &args[1]}, out);
}

int gradient_places_list(const struct op *op, const struct value *args, struct tensor_list *out)
{
    (void)op;
    return gradient(args, &(struct spacing){.places = &args[1]}, out);
}

/* ---- integrals ---- */

/* Neighbours along dim: all but the last, all but the first. */
static void neighbours(struct tensor *t, int dim, struct tensor *pair[2])
{
    int64_t rest = t->shape[dim] > 0 ? t->shape[dim] - 1 : 0;

    pair[0] = d_narrow(t, dim, 0, rest);
    pair[1] = d_narrow(t, dim, t->shape[dim] - rest, rest);
}

static int integral_dim(const struct op *op, const struct tensor *y, int64_t dim)
{
    if (y->dtype == DTYPE_b8)
        return error_set(ERROR_RUNTIME,
                         "%s: received a bool input for `y`, but bool is not supported",
                         op->name[0] == 'c' ? "cumulative_trapezoid" : "trapezoid");
    return tensor_dim_there(y, dim);
}

/* The areas below each two neighbours, summed up along dim or at its end. */
static struct tensor *integral(const struct op *op, struct tensor *areas, int64_t dim)
{
    if (!areas)
        return NULL;
    return op->name[0] == 'c' ? D(cumsum, V_TENSOR(areas), V_INT(dim))
                              : d_sum(areas, &dim, 1, false);
}

/* The distances between places, shaped to stand beside y: NumPy's rules, which PyTorch has. */
static struct tensor *gaps(struct tensor *x, const struct tensor *y, int dim)
{
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *pair[2];

    if (x->ndim == 0)
        return error_null(ERROR_RUNTIME, "trapezoid: Expected `x` to be a tensor with dimensions");
    if (x->ndim == 1 && x->shape[0] != y->shape[dim])
        return error_null(ERROR_RUNTIME,
                          "trapezoid: There must be one `x` value for each sample point");
    if (x->ndim < y->ndim) {
        for (int d = 0; d < y->ndim; d++) {
            int from = d - (y->ndim - x->ndim);

            shape[d] = x->ndim == 1 ? (d == dim ? x->shape[0] : 1) : from < 0 ? 1 : x->shape[from];
        }
        x = d_reshape(x, y->ndim, shape);
    }
    if (!x)
        return NULL;
    neighbours(x, dim, pair);
    return d_sub(pair[1], pair[0]);
}

/* Areas between places, or at equal distances, as args[1] says. */
static int integrate(const struct op *op, const struct value *args, bool places,
                     struct tensor **out)
{
    struct tensor *y = args[0].tensor, *pair[2], *heights, *result;
    int dim = integral_dim(op, y, args[2].i);
    size_t mark = pool_open();

    if (dim < 0)
        return -1;
    neighbours(y, dim, pair);
    heights = d_add(pair[0], pair[1]);
    if (places)
        result = integral(
            op,
            d_true_divide(d_mul(heights, gaps(args[1].tensor, y, dim)), d_number(scalar_int(2))),
            dim);
    else if (op->name[0] == 'c')
        result = integral(op, d_scale(d_scale(heights, scalar_float(0.5)), args[1].scalar), dim);
    else
        result =
            d_mul(integral(op, d_scale(heights, scalar_float(0.5)), dim), d_number(args[1].scalar));
    return pool_leave(op, mark, result, out);
}

int trapezoid_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return integrate(op, args, false, out);
}

int trapezoid_x_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return integrate(op, args, true, out);
}
