/* Pooling with any number of dimensions, by the rows for two and three. */
#include "autograd/formula.h"
#include "base/error.h"
#include "tensor/random.h"

#include <string.h>

/* max_pool2d -> 2 */
static int dims_of(const struct op *op)
{
    return op->name[strcspn(op->name, "123")] - '0';
}

/* The numbers of one dimension as those of two, of which the first is 1 high. */
static struct value widened(const struct value *v, int64_t first, int64_t *pair)
{
    if (!v->given)
        return V_NONE;
    pair[0] = first;
    pair[1] = v->ints.at[0];
    return V_INTS(pair, 2);
}

static int check_line(const struct op *op, const struct tensor *input)
{
    char text[128];

    if (input->ndim == 2 || input->ndim == 3)
        return 0;
    return error_set(ERROR_RUNTIME,
                     "%s: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
                     "input, but got:%s",
                     op->name, shape_text(input->ndim, input->shape, text, sizeof(text)));
}

static struct tensor *flattened(struct tensor *t)
{
    return D(squeeze__dim, V_TENSOR(t), V_INT(-2));
}

/* Without return_indices there is one result. */
int max_pool_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    static const enum op_id rows[] = {OP_max_pool2d_with_indices, OP_max_pool2d_with_indices,
                                      OP_max_pool3d_with_indices};
    int64_t pairs[4][2];
    struct value all[6];
    struct tensor *results[OP_MAX_OUTPUTS] = {NULL};
    int dims = dims_of(op), status = -1;
    size_t mark;

    memcpy(all, args, sizeof(all));
    if (dims == 1 && check_line(op, args[0].tensor) < 0)
        return -1;
    mark = pool_open();
    if (dims == 1) {
        struct tensor *tall = d_unsqueeze(args[0].tensor, -2);

        if (!tall)
            goto done;
        all[0] = V_TENSOR(tall);
        for (int i = 0; i < 4; i++)
            all[1 + i] = widened(&args[1 + i], i != 2, pairs[i]);
    }
    if (op_call(&ops[rows[dims - 1]], all, results) < 0)
        goto done;
    pool_keep(results[0]);
    pool_keep(results[1]);
    for (int i = 0; i < 1 + (int)args[6].i; i++) {
        if (dims == 1)
            results[i] = flattened(results[i]);
        if (!results[i])
            goto done;
    }
    out[0] = tensor_ref(results[0]);
    if (args[6].i)
        out[1] = tensor_ref(results[1]);
    status = 0;
done:
    pool_close(mark);
    return status;
}

int avg_pool1d_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    int64_t pairs[3][2];
    struct tensor *tall, *result = NULL;

    if (args[0].tensor->ndim != 2 && args[0].tensor->ndim != 3) {
        error_set(ERROR_RUNTIME,
                  "Expected 2 to 3 dimensions, but got %d-dimensional tensor for argument #1 "
                  "'self' (while checking arguments for avg_pool1d)",
                  args[0].tensor->ndim);
    } else if ((tall = d_unsqueeze(args[0].tensor, -2))) {
        result = D(avg_pool2d, V_TENSOR(tall), widened(&args[1], 1, pairs[0]),
                   widened(&args[2], 1, pairs[1]), widened(&args[3], 0, pairs[2]), args[4], args[5],
                   V_NONE);
        result = result ? flattened(result) : NULL;
    }
    return pool_leave(op, mark, result, out);
}

static int check_adaptive(const struct op *op, const struct tensor *input, int dims,
                          const struct value *size)
{
    char text[128];

    if (input->ndim != dims + 1 && input->ndim != dims + 2)
        return error_set(ERROR_RUNTIME, "%s(): Expected %dD or %dD tensor, but got %s", op->name,
                         dims + 1, dims + 2,
                         shape_text(input->ndim, input->shape, text, sizeof(text)));
    for (int d = 0; d < dims; d++)
        if (size->ints.at[d] < 0)
            return error_set(ERROR_RUNTIME,
                             "%s: elements of output_size must be greater than or equal to 0 but "
                             "received %lld",
                             op->name, (long long)size->ints.at[d]);
    return 0;
}

/* One window is the whole: then it is a mean, as in PyTorch. */
static struct tensor *adaptive_mean(struct tensor *input, int dims, const struct value *size)
{
    int64_t last[3] = {-1, -2, -3};
    bool whole = true;

    for (int d = 0; d < dims; d++)
        whole = whole && size->ints.at[d] == 1;
    if (whole)
        return D(mean__dim, V_TENSOR(input), V_INTS(last, dims), V_INT(true));
    return dims == 2 ? D(_adaptive_avg_pool2d, V_TENSOR(input), *size)
                     : D(_adaptive_avg_pool3d, V_TENSOR(input), *size);
}

int adaptive_avg_pool_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    int dims = dims_of(op);
    struct tensor *input = args[0].tensor, *result = NULL;
    struct value size = args[1];
    int64_t pair[2];
    size_t mark;

    if (check_adaptive(op, input, dims, &size) < 0)
        return -1;
    mark = pool_open();
    if (dims == 1) {
        size = widened(&args[1], 1, pair);
        input = d_unsqueeze(input, -2);
        result = input ? adaptive_mean(input, 2, &size) : NULL;
        result = result ? flattened(result) : NULL;
    } else {
        result = adaptive_mean(input, dims, &size);
    }
    return pool_leave(op, mark, result, out);
}

/* The first results of an operation that gives an output and indices: both, or the output alone. */
static int leave_pair(size_t mark, struct tensor *const *results, bool indices, struct tensor **out)
{
    bool fits = results[0] && (!indices || results[1]);

    if (fits) {
        out[0] = tensor_ref(results[0]);
        if (indices)
            out[1] = tensor_ref(results[1]);
    }
    pool_close(mark);
    return fits ? 0 : -1;
}

int adaptive_max_pool_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    int dims = dims_of(op);
    struct tensor *input = args[0].tensor, *results[OP_MAX_OUTPUTS] = {NULL};
    int64_t pair[2];
    struct value call[] = {args[0], args[1]};
    size_t mark;

    if (check_adaptive(op, input, dims, &args[1]) < 0)
        return -1;
    mark = pool_open();
    if (dims == 1) {
        input = d_unsqueeze(input, -2);
        call[0] = V_MAYBE(input);
        call[1] = widened(&args[1], 1, pair);
    }
    if (input && op_call(&ops[dims == 3 ? OP__adaptive_max_pool3d : OP__adaptive_max_pool2d], call,
                         results) == 0) {
        for (int i = 0; i < 2; i++) {
            pool_keep(results[i]);
            if (dims == 1)
                results[i] = flattened(results[i]);
        }
    }
    return leave_pair(mark, results, args[2].i, out);
}

/* ---- fractional_max_pool ---- */

/* The sizes that are asked for, or that the ratio makes of the input's. */
static int fractional_size(const struct op *op, const struct value *args, int dims, int64_t *size)
{
    const struct tensor *input = args[0].tensor;

    if (!args[2].given && !args[3].given)
        return error_set(ERROR_VALUE,
                         "%s requires specifying either an output_size or an output_ratio",
                         op->name);
    if (input->ndim < dims + 1)
        return error_set(ERROR_INDEX,
                         "Dimension out of range (expected to be in range of [%d, %d], but got %d)",
                         -input->ndim, input->ndim - 1, -dims - 1);
    if (args[2].given ? args[2].ints.count != dims : args[3].floats.count != dims)
        return error_set(ERROR_RUNTIME,
                         "%s: output_size must either be a single Int or tuple of Ints", op->name);
    for (int d = 0; d < dims; d++)
        size[d] =
            args[2].given
                ? args[2].ints.at[d]
                : (int64_t)((double)input->shape[input->ndim - dims + d] * args[3].floats.at[d]);
    return 0;
}

int fractional_max_pool_composite(const struct op *op, const struct value *args,
                                  struct tensor **out)
{
    int dims = dims_of(op);
    struct tensor *input = args[0].tensor, *u = args[5].given ? args[5].tensor : NULL;
    struct tensor *results[OP_MAX_OUTPUTS] = {NULL};
    int64_t size[3];
    size_t mark;

    if (fractional_size(op, args, dims, size) < 0)
        return -1;
    mark = pool_open();
    if (!u) {
        int64_t shape[] = {input->ndim == dims + 1 ? 1 : input->shape[0],
                           input->shape[input->ndim - dims - 1], dims};

        u = pool_keep(tensor_new(tensor_dtype(input), 3, shape));
        if (u && random_uniform(u, 0, 1, NULL) < 0)
            u = NULL;
    }
    if (u &&
        op_call(&ops[dims == 3 ? OP__fractional_max_pool3d : OP__fractional_max_pool2d],
                (struct value[]){args[0], args[1], V_INTS(size, dims), V_TENSOR(u)}, results) == 0)
        for (int i = 0; i < 2; i++)
            pool_keep(results[i]);
    return leave_pair(mark, results, args[4].i, out);
}

/* ---- max_unpool ---- */

/* Sizes of what was pooled: those asked for, if pooling can have led from them to here. */
static int unpooled_size(const struct tensor *input, int dims, const struct value *args,
                         int64_t *size)
{
    const int64_t *kernel = args[2].ints.at, *stride = args[3].given ? args[3].ints.at : kernel;
    const int64_t *padding = args[4].ints.at, *wanted = args[5].ints.at;
    int count = args[5].given ? args[5].ints.count : dims;
    char text[128];

    if (count != dims && count != dims + 2)
        return error_set(ERROR_VALUE,
                         "output_size should be a sequence containing %d or %d elements, but it "
                         "has a length of '%d'",
                         dims, dims + 2, count);
    if (input->ndim < dims + 1 || input->ndim > dims + 2)
        return error_set(ERROR_RUNTIME, "Input to max_unpooling%dd should be a %dd or %dd Tensor",
                         dims, dims + 1, dims + 2);
    for (int d = 0; d < dims; d++) {
        int64_t usual =
            (input->shape[input->ndim - dims + d] - 1) * stride[d] + kernel[d] - 2 * padding[d];

        size[d] = args[5].given ? wanted[count - dims + d] : usual;
        if (!args[5].given)
            continue;
        if (size[d] <= usual - stride[d] || size[d] >= usual + stride[d])
            return error_set(ERROR_VALUE,
                             "invalid output_size \"%s\" (dim %d must be between %lld and %lld)",
                             shape_text(dims, wanted + count - dims, text, sizeof(text)), d,
                             (long long)(usual - stride[d]), (long long)(usual + stride[d]));
    }
    return 0;
}

int max_unpool_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *input = args[0].tensor, *indices = args[1].tensor, *result;
    int dims = dims_of(op);
    int64_t size[3] = {1, 1, 1};
    size_t mark;

    if (unpooled_size(input, dims, args, size) < 0)
        return -1;
    mark = pool_open();
    if (dims == 3) {
        result = D(_max_unpool3d, args[0], args[1], V_INTS(size, 3));
    } else {
        input = dims == 1 ? d_unsqueeze(input, -1) : input;
        indices = dims == 1 ? d_unsqueeze(indices, -1) : indices;
        result = input && indices
                     ? D(_max_unpool2d, V_TENSOR(input), V_TENSOR(indices), V_INTS(size, 2))
                     : NULL;
        if (result && dims == 1)
            result = D(squeeze__dim, V_TENSOR(result), V_INT(-1));
    }
    return pool_leave(op, mark, result, out);
}

/* ---- windows by norms ---- */

int lp_pool_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    int dims = dims_of(op);
    int64_t taps = 1;
    double norm = args[1].d;
    size_t mark = pool_open();
    struct tensor *x = d_pow(args[0].tensor, d_number(scalar_float(norm)));
    struct value call[] = {V_MAYBE(x), args[2],     args[3], V_INTS(((int64_t[]){0, 0}), dims),
                           args[4],    V_INT(true), V_NONE};

    for (int d = 0; d < dims; d++)
        taps *= args[2].ints.at[d];
    x = x ? d_call(dims == 1 ? OP_avg_pool1d : OP_avg_pool2d, call) : NULL;
    x = d_mul(d_sign(x), d_relu(d_abs(x)));
    x = d_pow(d_scale(x, scalar_int(taps)), d_number(scalar_float(1 / norm)));
    return pool_leave(op, mark, x, out);
}

/* Means of squares over `size` neighbouring channels. (N, C, ...) is seen as (N, 1, C, L). */
static struct tensor *channel_means(struct tensor *x, int64_t size)
{
    int64_t rest = 1, pad[4] = {0, 0, size / 2, (size - 1) / 2}, one[2] = {1, 1};
    struct tensor *squares = d_mul(x, x);

    for (int d = 2; d < x->ndim; d++)
        rest *= x->shape[d];
    squares =
        squares ? d_reshape(squares, 4, (int64_t[]){x->shape[0], 1, x->shape[1], rest}) : NULL;
    squares = squares ? D(constant_pad_nd, V_TENSOR(squares), V_INTS(pad, 4)) : NULL;
    squares = squares ? D(avg_pool2d, V_TENSOR(squares), V_INTS(((int64_t[]){size, 1}), 2),
                          V_INTS(one, 2))
                      : NULL;
    return squares ? d_reshape(squares, x->ndim, x->shape) : NULL;
}

int local_response_norm_composite(const struct op *op, const struct value *args,
                                  struct tensor **out)
{
    struct tensor *x = args[0].tensor, *divisor;
    size_t mark;

    if (x->ndim < 3)
        return error_set(ERROR_VALUE,
                         "Expected 3D or higher dimensionality                          input "
                         "(got %d dimensions)",
                         x->ndim);
    mark = pool_open();
    if (x->numel == 0)
        return pool_leave(op, mark, pool_keep(tensor_ref(x)), out);
    divisor = d_scale(channel_means(x, args[1].i), scalar_float(args[2].d));
    divisor = d_pow(d_shift(divisor, args[4].d), d_number(scalar_float(args[3].d)));
    return pool_leave(op, mark, d_true_divide(x, divisor), out);
}
