/* Layer and group normalisation: rows of elements with mean 0 and variance 1 each. */
#include "base/error.h"
#include "tensor/kernels.h"
#include "tensor/op.h"
#include "tensor/row_norm.h"

/* From this many elements on, rows are shared out among threads. */
enum { PARALLEL_FROM = 1 << 15 };

static const struct row_norm_kernels *kernels_for(const struct tensor *x)
{
    return *KERNELS_PICK(row_norm) + (x->dtype == DTYPE_f64);
}

static int check_types(const struct tensor *x, const struct value *part)
{
    if (!part->given || part->tensor->dtype == x->dtype)
        return 0;
    return error_set(ERROR_RUNTIME, "expected scalar type %s but found %s",
                     dtype_short_name(tensor_dtype(x)),
                     dtype_short_name(tensor_dtype(part->tensor)));
}

/* A contiguous weight or bias as a new reference; *ok becomes false without memory. */
static struct tensor *part_of(const struct value *part, bool *ok)
{
    struct tensor *t = part->given ? tensor_contiguous(part->tensor) : NULL;

    *ok = *ok && (t || !part->given);
    return t;
}

static char *data_of(const struct tensor *t)
{
    return t ? tensor_data(t) : NULL;
}

static int leave(bool ok, struct tensor **out)
{
    for (int i = 0; !ok && i < 3; i++) {
        tensor_unref(out[i]);
        out[i] = NULL;
    }
    return ok ? 0 : -1;
}

/* out: the result, and for each row its mean and 1 / standard deviation, shaped `stat_shape`. */
static int normalize(const struct op *op, const struct rows *r, bool group, struct tensor *x,
                     const struct value *weight, const struct value *bias, int stat_ndim,
                     const int64_t *stat_shape, struct tensor **out)
{
    struct tensor *in, *w, *b;
    struct row_norm n;
    bool ok = true;

    if (op_check_float(op, x) < 0 || check_types(x, weight) < 0 || check_types(x, bias) < 0)
        return -1;
    in = tensor_contiguous(x);
    w = part_of(weight, &ok);
    b = part_of(bias, &ok);
    out[0] = in ? tensor_new_like(in, DTYPE_NONE) : NULL;
    for (int i = 1; i < 3; i++)
        out[i] = tensor_new(tensor_dtype(x), stat_ndim, stat_shape);
    ok = ok && in && out[0] && out[1] && out[2];
    if (ok) {
        n = (struct row_norm){tensor_data(in),     data_of(w),          data_of(b),
                              tensor_data(out[0]), tensor_data(out[1]), tensor_data(out[2])};
#pragma omp parallel for if (in->numel >= PARALLEL_FROM)
        for (int64_t row = 0; row < r->rows; row++)
            (group ? kernels_for(in)->group : kernels_for(in)->layer)(r, row, &n);
    }
    tensor_unref(in);
    tensor_unref(w);
    tensor_unref(b);
    return leave(ok, out);
}

/* The last `count` dimensions of x are a row. stat_shape: that of one number for each row. */
static struct rows layer_rows(const struct tensor *x, int count, int64_t *stat_shape)
{
    const int lead = x->ndim - count;
    struct rows r = {.rows = 1, .length = 1, .plane = 1};

    for (int d = 0; d < x->ndim; d++) {
        *(d < lead ? &r.rows : &r.length) *= x->shape[d];
        stat_shape[d] = d < lead ? x->shape[d] : 1;
    }
    r.channels = r.length;
    return r;
}

/* From the arguments N, C, HxW and group. */
static struct rows group_rows(const struct value *args)
{
    const int64_t channels = args[1].i, plane = args[2].i, groups = args[3].i;

    return (struct rows){.rows = args[0].i * groups,
                         .length = channels / groups * plane,
                         .plane = plane ? plane : 1,
                         .channels = channels ? channels : 1};
}

int native_layer_norm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor;
    int64_t shape[TENSOR_MAX_DIMS];
    struct rows r = layer_rows(x, args[1].ints.count, shape);

    r.eps = args[4].d;
    return normalize(op, &r, false, x, &args[2], &args[3], x->ndim, shape, out);
}

int native_group_norm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct rows r = group_rows(args + 3);

    r.eps = args[7].d;
    return normalize(op, &r, true, args[0].tensor, &args[1], &args[2], 2,
                     (int64_t[]){args[3].i, args[6].i}, out);
}

/* ---- the way back ---- */

static void layer_back(const struct rows *r, const struct row_norm_kernels *loops,
                       const struct row_norm_back *b, bool parallel)
{
#pragma omp parallel for if (parallel)
    for (int64_t row = 0; row < r->rows; row++)
        loops->layer_back(r, row, b);
#pragma omp parallel for if (parallel)
    for (int64_t first = 0; first < r->length; first += ROW_NORM_TILE) {
        const int64_t last = first + ROW_NORM_TILE;

        loops->layer_weights(r, first, last < r->length ? last : r->length, b);
    }
}

static void group_back(const struct rows *r, const struct row_norm_kernels *loops,
                       const struct row_norm_back *b, bool parallel)
{
#pragma omp parallel for if (parallel)
    for (int64_t row = 0; row < r->rows; row++) {
        loops->group_sums(r, row, b);
        loops->group_back(r, row, b);
    }
    loops->group_weights(r, b);
}

/* args: grad_out, input, mean, rstd, weight. out: the gradients of input, weight and bias, those of
 * the last two having `count` elements. */
static int back(const struct rows *r, bool group, const struct value *args, int64_t count,
                struct tensor **out)
{
    enum { GRAD, INPUT, MEAN, RSTD, WEIGHT, COUNT };
    const struct tensor *x = args[INPUT].tensor;
    const enum dtype dtype = tensor_dtype(x);
    const int64_t channels = group ? r->rows * (r->length / r->plane) : 0;
    struct tensor *in[COUNT], *work[2] = {NULL};
    struct row_norm_back b;
    bool ok = true;

    for (int i = 0; i < COUNT; i++)
        in[i] = part_of(&args[i], &ok);
    out[0] = tensor_new(dtype, x->ndim, x->shape);
    for (int i = 0; i < 2; i++) {
        out[1 + i] = tensor_new(dtype, 1, &count);
        work[i] = tensor_new(dtype, 1, &channels);
    }
    ok = ok && out[0] && out[1] && out[2] && work[0] && work[1];
    if (ok) {
        b = (struct row_norm_back){data_of(in[GRAD]), data_of(in[INPUT]),  data_of(in[MEAN]),
                                   data_of(in[RSTD]), data_of(in[WEIGHT]), data_of(out[0]),
                                   data_of(out[1]),   data_of(out[2]),     data_of(work[0]),
                                   data_of(work[1])};
        (group ? group_back : layer_back)(r, kernels_for(x), &b, x->numel >= PARALLEL_FROM);
    }
    for (int i = 0; i < COUNT; i++)
        tensor_unref(in[i]);
    tensor_unref(work[0]);
    tensor_unref(work[1]);
    return leave(ok, out);
}

int native_layer_norm_backward_forward(const struct op *op, const struct value *args,
                                       struct tensor **out)
{
    int64_t shape[TENSOR_MAX_DIMS];
    const struct rows r = layer_rows(args[1].tensor, args[5].ints.count, shape);

    (void)op;
    return back(&r, false, args, r.length, out);
}

int native_group_norm_backward_forward(const struct op *op, const struct value *args,
                                       struct tensor **out)
{
    const struct rows r = group_rows(args + 5);

    (void)op;
    return back(&r, true, args, args[6].i, out);
}
