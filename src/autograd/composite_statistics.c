/* Statistics made of recorded operations, and the forward functions of rows that are
 * written so. */
#include "autograd/formula.h"
#include "base/error.h"
#include "base/warn.h"

#include <math.h>
#include <string.h>

/* Takes results out of the pool into out[], with recording back as it was. */
static int leave_several(const struct op *op, size_t mark, bool recording, int count,
                         struct tensor **results, struct tensor **out)
{
    int status;

    grad_set_enabled(recording);
    for (int i = 0; i < count; i++)
        results[i] = results[i] ? tensor_ref(results[i]) : NULL;
    status = op_give_several(op, count, results, out);
    pool_close(mark);
    return status;
}

/* ---- extremes, means and deviations together ---- */

int aminmax_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *results[2];
    struct value dims = V_INTS(&args[1].i, args[1].given);
    int dim = args[1].given ? tensor_dim(self, args[1].i) : 0;
    size_t mark = pool_open();
    bool recording;

    if (dim < 0)
        return -1;
    if (!args[1].given && self->numel == 0)
        return error_set(ERROR_RUNTIME, "aminmax(): cannot compute aminmax over an empty dimension "
                                        "as the operation has no identity.");
    if (args[1].given && self->ndim && self->shape[dim] == 0)
        return error_set(ERROR_INDEX, "aminmax: Expected reduction dim %d to have non-zero size.",
                         dim);
    recording = grad_set_enabled(false);
    results[0] = D(amin, V_TENSOR(self), dims, args[2]);
    results[1] = D(amax, V_TENSOR(self), dims, args[2]);
    return leave_several(op, mark, recording, 2, results, out);
}

static int spread_mean(const struct op *op, struct tensor *self, struct value dims,
                       struct value correction, bool keepdim, struct tensor **out)
{
    bool root = op->name[0] == 's', recording;
    struct tensor *results[2];
    size_t mark = pool_open();

    if (!dtype_is_differentiable(tensor_dtype(self)))
        return error_set(ERROR_RUNTIME, "%s only support floating point and complex dtypes",
                         root ? "std_mean" : "var_mean");
    recording = grad_set_enabled(false);
    results[0] = root ? D(std__correction, V_TENSOR(self), dims, correction, V_INT(keepdim))
                      : D(var__correction, V_TENSOR(self), dims, correction, V_INT(keepdim));
    results[1] = D(mean__dim, V_TENSOR(self), dims, V_INT(keepdim));
    return leave_several(op, mark, recording, 2, results, out);
}

int spread_mean_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return spread_mean(op, args[0].tensor, V_NONE, args[1], false, out);
}

int spread_mean_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return spread_mean(op, args[0].tensor, args[1], args[2], args[3].i, out);
}

int spread_mean_correction_forward(const struct op *op, const struct value *args,
                                   struct tensor **out)
{
    return spread_mean(op, args[0].tensor, args[1], args[2], args[3].i, out);
}

/* ---- order ---- */

/* The place in each sorted line of the median of what is not NaN: (count - 1) / 2, 0 if none. */
static struct tensor *median_places(struct tensor *self, int64_t dim)
{
    struct tensor *there = d_logical_not(d_isnan(self)), *count;

    count = D(sum__dim, V_TENSOR(there), V_INTS(&dim, 1), V_INT(true));
    count = D(clamp_min, V_TENSOR(count), V_SCALAR(scalar_int(1)));
    count = d_sub(count, d_number(scalar_int(1)));
    return d_floor_divide(count, d_number(scalar_int(2)));
}

/* Values and indices with dim kept. */
static void nanmedian(struct tensor *self, int64_t dim, struct tensor *results[2])
{
    struct tensor *pair[OP_MAX_OUTPUTS] = {NULL}, *places = median_places(self, dim);
    struct value sort[4] = {V_TENSOR(self), V_INT(dim), V_INT(false), V_INT(true)};

    results[0] = results[1] = NULL;
    if (!places || op_call(&ops[OP_sort], sort, pair) < 0)
        return;
    for (int i = 0; i < 2; i++)
        results[i] = D(gather, V_TENSOR(pool_keep(pair[i])), V_INT(dim), V_TENSOR(places));
}

static struct tensor *nanmedian_all(const struct value *args)
{
    struct tensor *self = args[0].tensor, *results[2];

    if (self->numel == 0)
        return pool_keep(tensor_from_scalar(scalar_float(NAN), tensor_dtype(self)));
    nanmedian(d_reshape(self, 1, &self->numel), 0, results);
    return d_reshape(results[0], 0, NULL);
}

int nanmedian_all_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return op_check_number(op, args[0].tensor) < 0 ? -1
                                                   : formula_forward(op, args, out, nanmedian_all);
}

int nanmedian_dim_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *results[2];
    int dim = tensor_dim(self, args[1].i);
    size_t mark = pool_open();
    bool recording;

    if (dim < 0)
        return -1;
    if (self->ndim && self->shape[dim] == 0)
        return error_set(ERROR_INDEX, "median(): Expected reduction dim %d to have non-zero size.",
                         dim);
    if (op_check_number(op, self) < 0)
        return -1;
    recording = grad_set_enabled(false);
    nanmedian(self, dim, results);
    for (int i = 0; i < 2 && !args[2].i; i++)
        results[i] = results[i] ? D(squeeze__dim, V_TENSOR(results[i]), V_INT(dim)) : NULL;
    return leave_several(op, mark, recording, 2, results, out);
}

int msort_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, D(sort, args[0], V_INT(0)), out);
}

/* Each element is looked up among the sorted test elements. */
static struct tensor *isin(const struct value *args)
{
    struct tensor *both[2] = {args[0].tensor, args[1].tensor}, *sorted, *places, *found;
    enum dtype dtype = op_result_type(2, both);
    int64_t last = both[1]->numel - 1;

    if (both[1]->numel == 0)
        return pool_keep(
            tensor_full(DTYPE_b8, both[0]->ndim, both[0]->shape, scalar_bool(args[3].i)));
    sorted = D(sort, V_TENSOR(d_reshape(d_to(both[1], dtype), 1, &both[1]->numel)));
    both[0] = d_to(both[0], dtype);
    places = D(searchsorted, V_TENSOR(sorted), V_TENSOR(both[0]));
    places = D(clamp_max, V_TENSOR(places), V_SCALAR(scalar_int(last)));
    found = places ? D(take, V_TENSOR(sorted), V_TENSOR(places)) : NULL;
    return args[3].i ? d_ne(both[0], found) : d_eq(both[0], found);
}

int isin_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    for (int i = 0; i < 2; i++) {
        if (args[i].tensor->dtype == DTYPE_b8)
            return error_set(ERROR_RUNTIME, "Unsupported input type encountered for isin(): Bool");
    }
    return formula_forward(op, args, out, isin);
}

/* ---- covariance ---- */

static int check_weights(const char *name, const struct tensor *w, int64_t observations, bool whole)
{
    struct tensor *least;
    struct scalar s = scalar_int(0);

    if (w->ndim > 1)
        return error_set(ERROR_RUNTIME,
                         "cov(): expected %s to have one or fewer dimensions but got %s with %d "
                         "dimensions",
                         name, name, w->ndim);
    if (dtype_infos[w->dtype].category != (whole ? CATEGORY_INT : CATEGORY_FLOAT))
        return error_set(
            ERROR_RUNTIME, "cov(): expected %s to have %s dtype but got %s with %s dtype", name,
            whole ? "integral" : "floating point", name, dtype_short_name(tensor_dtype(w)));
    if (w->numel != observations)
        return error_set(ERROR_RUNTIME,
                         "cov(): expected %s to have the same numel as there are observations in "
                         "the input but got %lld != %lld",
                         name, (long long)w->numel, (long long)observations);
    least = w->numel ? D(min, V_TENSOR((struct tensor *)w)) : NULL;
    if (w->numel && (!least || tensor_item(least, &s) < 0))
        return -1;
    return s.d < 0 ? error_set(ERROR_RUNTIME, "cov(): %s cannot be negative", name) : 0;
}

/* What the sums of products are divided by: observations, or their weights, less the correction. */
static struct tensor *cov_norm(struct tensor *w, struct tensor *sum, const struct value *args,
                               int64_t observations)
{
    double correction = (double)args[1].i;
    struct tensor *norm;

    if (!w && observations <= args[1].i && warn_user("cov(): degrees of freedom is <= 0") < 0)
        return NULL;
    if (!w)
        return d_number(scalar_int(observations - args[1].i > 0 ? observations - args[1].i : 0));
    if (args[3].given && args[1].i != 0) {
        norm = d_true_divide(d_sum_all(d_mul(w, args[3].tensor)), sum);
        norm = d_sub(sum, d_scale(norm, scalar_float(correction)));
    } else {
        norm =
            d_sub(sum, d_number(args[3].given ? scalar_float(correction) : scalar_int(args[1].i)));
    }
    return D(clamp_min, V_TENSOR(norm), V_SCALAR(scalar_int(0)));
}

static struct tensor *cov(const struct value *args)
{
    struct tensor *in = args[0].tensor, *w = args[2].given ? args[2].tensor : NULL, *mean;
    struct tensor *sum = NULL, *weighed;
    int64_t columns[1] = {1}, observations;

    if (in->ndim < 2)
        in = d_reshape(in, 2, (int64_t[]){1, in->numel});
    if (!in)
        return NULL;
    observations = in->shape[1];
    if ((args[2].given && check_weights("fweights", args[2].tensor, observations, true) < 0) ||
        (args[3].given && check_weights("aweights", args[3].tensor, observations, false) < 0))
        return NULL;
    if (args[3].given)
        w = w ? d_mul(w, args[3].tensor) : args[3].tensor;
    sum = w ? d_sum_all(w) : NULL;
    mean = d_sum(w ? d_mul(in, w) : in, columns, 1, false);
    mean = d_true_divide(mean, w ? sum : d_number(scalar_int(observations)));
    in = mean ? d_sub(in, d_unsqueeze(mean, 1)) : NULL;
    weighed = w ? d_mul(in, w) : in;
    in = weighed ? d_call2(OP_mm, in, d_conjugate(D(t, V_TENSOR(weighed)))) : NULL;
    in = d_true_divide(in, cov_norm(w, sum, args, observations));
    return in ? d_call1(OP_squeeze, in) : NULL;
}

static int check_table(const char *name, const struct tensor *self)
{
    if (self->ndim > 2)
        return error_set(ERROR_RUNTIME,
                         "%s(): expected input to have two or fewer dimensions but got an input "
                         "with %d dimensions",
                         name, self->ndim);
    if (self->dtype == DTYPE_b8)
        return error_set(ERROR_RUNTIME, "cov(): bool dtype is not supported for input");
    return 0;
}

int cov_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    if (check_table("cov", args[0].tensor) < 0)
        return -1;
    return pool_leave(op, mark, cov(args), out);
}

static struct tensor *within_one(struct tensor *x)
{
    return x ? D(clamp, V_TENSOR(x), V_SCALAR(scalar_int(-1)), V_SCALAR(scalar_int(1))) : NULL;
}

int corrcoef_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value defaults[4] = {args[0], V_INT(1), V_NONE, V_NONE};
    struct tensor *c, *deviation;
    size_t mark = pool_open();

    if (check_table("corrcoef", args[0].tensor) < 0)
        return -1;
    c = cov(defaults);
    if (c && c->ndim == 0)
        return pool_leave(op, mark, d_true_divide(c, c), out);
    deviation = c ? d_sqrt(d_part(D(diag, V_TENSOR(c)), 0)) : NULL;
    if (c && deviation) {
        c = d_true_divide(c, d_unsqueeze(deviation, 1));
        c = d_true_divide(c, d_unsqueeze(deviation, 0));
    }
    if (c && deviation)
        c = dtype_is_complex(tensor_dtype(c))
                ? d_call2(OP_complex, within_one(d_part(c, 0)), within_one(d_part(c, 1)))
                : within_one(c);
    return pool_leave(op, mark, deviation ? c : NULL, out);
}

/* ---- distances ---- */

int cdist_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    static const char *const modes[] = {"use_mm_for_euclid_dist_if_necessary",
                                        "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"};
    struct tensor *points[2] = {args[0].tensor, args[1].tensor};
    int64_t batch[TENSOR_MAX_DIMS], shape[TENSOR_MAX_DIMS];
    int count = points[0]->ndim - 2;
    size_t mark = pool_open();
    bool known = !args[3].given;

    for (int i = 0; i < 3 && !known; i++)
        known = strcmp(args[3].text, modes[i]) == 0;
    if (!known)
        return error_set(ERROR_VALUE, "%s is not a valid value for compute_mode", args[3].text);
    for (int k = 0; k < 2; k++) {
        if (points[k]->ndim < 2)
            return error_set(ERROR_RUNTIME, "cdist only supports at least 2D tensors, X%d got: %dD",
                             k + 1, points[k]->ndim);
        if (!dtype_is_float(tensor_dtype(points[k])))
            return error_set(ERROR_RUNTIME,
                             "cdist only supports floating-point dtypes, X%d got: %s", k + 1,
                             dtype_short_name(tensor_dtype(points[k])));
    }
    if (points[0]->shape[points[0]->ndim - 1] != points[1]->shape[points[1]->ndim - 1])
        return error_set(ERROR_RUNTIME,
                         "X1 and X2 must have the same number of columns. X1: %lld X2: %lld",
                         (long long)points[0]->shape[points[0]->ndim - 1],
                         (long long)points[1]->shape[points[1]->ndim - 1]);
    if (!(args[2].d >= 0))
        return error_set(ERROR_RUNTIME, "cdist only supports non-negative p values");
    memcpy(batch, points[0]->shape, sizeof(batch));
    if (shape_broadcast(&count, batch, points[1]->ndim - 2, points[1]->shape) < 0)
        return -1;
    for (int k = 0; k < 2; k++) {
        memcpy(shape, batch, sizeof(shape));
        memcpy(shape + count, points[k]->shape + points[k]->ndim - 2, 2 * sizeof(*shape));
        if (points[k]->ndim != count + 2 ||
            memcmp(shape, points[k]->shape, (size_t)(count + 2) * sizeof(*shape)) != 0)
            points[k] = d_expand(points[k], count + 2, shape);
        points[k] =
            d_to(points[k], op_result_type(2, (struct tensor *[]){args[0].tensor, args[1].tensor}));
    }
    return pool_leave(op, mark,
                      D(_cdist_forward, V_TENSOR(points[0]), V_TENSOR(points[1]), args[2]), out);
}
