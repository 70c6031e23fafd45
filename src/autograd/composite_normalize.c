/* batch_norm, layer_norm, group_norm and bilinear, made of recorded operations. */
#include "autograd/formula.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* The output alone of native_batch_norm. */
static struct tensor *normalized(const struct value *args)
{
    struct tensor *results[OP_MAX_OUTPUTS] = {NULL};

    if (op_call(&ops[OP_native_batch_norm], args, results) < 0)
        return NULL;
    for (int i = 0; i < 3; i++)
        pool_keep(results[i]);
    return results[0];
}

/* "[4, 1]" without its brackets, in torch.Size([...]). */
static int check_count(const struct tensor *input)
{
    char text[128];

    if (input->ndim < 2 || input->numel != input->shape[1])
        return 0;
    return error_set(ERROR_VALUE,
                     "Expected more than 1 value per channel when training, got input size "
                     "torch.Size(%s)",
                     shape_text(input->ndim, input->shape, text, sizeof(text)));
}

int batch_norm_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value all[] = {args[0], args[3], args[4], args[1], args[2], args[5], args[6], args[7]};
    size_t mark;

    if (args[5].i && check_count(args[0].tensor) < 0)
        return -1;
    mark = pool_open();
    return pool_leave(op, mark, normalized(all), out);
}

/* A vector of channels `times` times over; NULL without one. */
static struct tensor *repeated(const struct value *vector, int64_t times)
{
    return vector->given ? D(repeat, V_TENSOR(vector->tensor), V_INTS(&times, 1)) : NULL;
}

/* The running statistic becomes the mean over the samples of what it has become for each. */
static int mean_over_samples(const struct value *running, struct tensor *each, int64_t samples)
{
    int64_t shape[2], first = 0;
    struct tensor *mean;
    bool before;
    int status;

    if (!running->given)
        return 0;
    shape[0] = samples;
    shape[1] = running->tensor->numel;
    before = grad_set_enabled(false);
    mean = d_reshape(each, 2, shape);
    mean = mean ? D(mean__dim, V_TENSOR(mean), V_INTS(&first, 1)) : NULL;
    status = mean ? tensor_copy(running->tensor, mean) : -1;
    grad_set_enabled(before);
    return status;
}

/* Each sample's channels are channels of one large sample. */
int instance_norm_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor, *mean, *var, *weight, *bias, *flat, *result;
    int64_t shape[TENSOR_MAX_DIMS], samples, inner = 1;
    char text[128];
    size_t mark;

    for (int d = 2; d < x->ndim; d++)
        inner *= x->shape[d];
    if (args[5].i && inner == 1)
        return error_set(ERROR_VALUE,
                         "Expected more than 1 spatial element when training, got input size "
                         "torch.Size(%s)",
                         shape_text(x->ndim, x->shape, text, sizeof(text)));
    if (x->ndim < 2)
        return error_set(ERROR_RUNTIME, "instance_norm: expected at least 2 dimensions, but got %d",
                         x->ndim);
    mark = pool_open();
    samples = x->shape[0];
    memcpy(shape, x->shape, sizeof(shape));
    shape[0] = 1;
    shape[1] = samples * x->shape[1];
    flat = D(contiguous, V_TENSOR(x));
    flat = flat ? D(view, V_TENSOR(flat), V_INTS(shape, x->ndim)) : NULL;
    mean = repeated(&args[1], samples);
    var = repeated(&args[2], samples);
    weight = repeated(&args[3], samples);
    bias = repeated(&args[4], samples);
    result =
        flat && !error_pending()
            ? normalized((struct value[]){V_TENSOR(flat), V_MAYBE(weight), V_MAYBE(bias),
                                          V_MAYBE(mean), V_MAYBE(var), args[5], args[6], args[7]})
            : NULL;
    if (result && (mean_over_samples(&args[1], mean, samples) < 0 ||
                   mean_over_samples(&args[2], var, samples) < 0))
        result = NULL;
    if (result)
        result = D(view, V_TENSOR(result), V_INTS(x->shape, x->ndim));
    return pool_leave(op, mark, result, out);
}

static int check_part(const char *name, const struct value *part, const struct value *shape)
{
    const struct tensor *t = part->tensor;
    char text[2][128];

    if (!part->given ||
        (t->ndim == shape->ints.count &&
         memcmp(t->shape, shape->ints.at, (size_t)t->ndim * sizeof(*t->shape)) == 0))
        return 0;
    return error_set(ERROR_RUNTIME,
                     "Expected %s to be of same shape as normalized_shape, but got %s of shape %s "
                     "and normalized_shape = %s",
                     name, name, shape_text(t->ndim, t->shape, text[0], sizeof(text[0])),
                     shape_text(shape->ints.count, shape->ints.at, text[1], sizeof(text[1])));
}

static int check_layer(const struct tensor *x, const struct value *args)
{
    const struct value *shape = &args[1];
    int count = shape->ints.count, at = x->ndim - count;
    char text[2][128];

    if (count < 1)
        return error_set(ERROR_RUNTIME, "Expected normalized_shape to be at least 1-dimensional, "
                                        "i.e., containing at least one element, but got "
                                        "normalized_shape = []");
    if (check_part("weight", &args[2], shape) < 0 || check_part("bias", &args[3], shape) < 0)
        return -1;
    if (at >= 0 && memcmp(x->shape + at, shape->ints.at, (size_t)count * sizeof(*x->shape)) == 0)
        return 0;
    shape_text(count, shape->ints.at, text[0], sizeof(text[0]));
    return error_set(ERROR_RUNTIME,
                     "Given normalized_shape=%s, expected input with shape [*, %s, but got input "
                     "of size%s",
                     text[0], text[0] + 1, shape_text(x->ndim, x->shape, text[1], sizeof(text[1])));
}

/* The first of the three results of a row; the statistics are dropped. */
static int first_result(enum op_id id, const struct value *args, struct tensor **out)
{
    struct tensor *results[OP_MAX_OUTPUTS] = {NULL};

    if (op_call(&ops[id], args, results) < 0)
        return -1;
    tensor_unref(results[1]);
    tensor_unref(results[2]);
    return op_give(&ops[id], results[0], out);
}

int layer_norm_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    if (check_layer(args[0].tensor, args) < 0)
        return -1;
    return first_result(OP_native_layer_norm, args, out);
}

static int check_channels(const char *name, const struct value *part, const struct tensor *x)
{
    char text[2][128];

    if (!part->given || (part->tensor->ndim == 1 && part->tensor->numel == x->shape[1]))
        return 0;
    return error_set(
        ERROR_RUNTIME,
        "Expected %s to be a vector of size equal to the number of channels in input, but got %s "
        "of shape %s and input of shape %s",
        name, name, shape_text(part->tensor->ndim, part->tensor->shape, text[0], sizeof(text[0])),
        shape_text(x->ndim, x->shape, text[1], sizeof(text[1])));
}

/* One value in each group has no variance. */
static int check_group_size(const struct tensor *x, int64_t groups)
{
    char text[128];
    int64_t inner = x->shape[0] * x->shape[1] / groups, shape[TENSOR_MAX_DIMS];

    shape[0] = inner;
    shape[1] = groups;
    for (int d = 2; d < x->ndim; d++)
        inner *= shape[d] = x->shape[d];
    if (inner != 1)
        return 0;
    return error_set(ERROR_VALUE,
                     "Expected more than 1 value per channel when training, got input size %s",
                     shape_text(x->ndim, shape, text, sizeof(text)));
}

int group_norm_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor;
    int64_t groups = args[1].i, plane = 1;
    char text[128];

    (void)op;
    if (x->ndim < 2)
        return error_set(ERROR_RUNTIME, "Expected at least 2 dimensions, but got %d", x->ndim);
    if (groups > 0 && check_group_size(x, groups) < 0)
        return -1;
    if (groups <= 0 || x->shape[1] % groups)
        return error_set(ERROR_RUNTIME,
                         "Expected number of channels in input to be divisible by num_groups, but "
                         "got input of shape %s and num_groups=%lld",
                         shape_text(x->ndim, x->shape, text, sizeof(text)), (long long)groups);
    if (check_channels("weight", &args[2], x) < 0 || check_channels("bias", &args[3], x) < 0)
        return -1;
    for (int d = 2; d < x->ndim; d++)
        plane *= x->shape[d];
    return first_result(OP_native_group_norm,
                        (struct value[]){args[0], args[2], args[3], V_INT(x->shape[0]),
                                         V_INT(x->shape[1]), V_INT(plane), args[1], args[4]},
                        out);
}

/* ---- bilinear ---- */

/* Of rows: (n, i) @ (i, o * j) gives (n, o, j), whose product with (n, 1, j) is summed over j. */
static struct tensor *bilinear_rows(struct tensor *x, struct tensor *y, struct tensor *weight)
{
    const int64_t *w = weight->shape, last = 2;
    struct tensor *turned = d_transpose(weight, 0, 1), *t;

    turned = turned ? d_reshape(turned, 2, (int64_t[]){w[1], w[0] * w[2]}) : NULL;
    t = turned ? d_call2(OP_mm, x, turned) : NULL;
    t = t ? d_reshape(t, 3, (int64_t[]){x->shape[0], w[0], w[2]}) : NULL;
    y = d_unsqueeze(y, 1);
    return t && y ? d_sum(d_mul(t, y), &last, 1, false) : NULL;
}

int bilinear_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *x = args[0].tensor, *y = args[1].tensor, *weight = args[2].tensor, *result;
    int64_t shape[TENSOR_MAX_DIMS], rows;
    size_t mark;

    if (weight->ndim != 3 || x->ndim < 1 || x->ndim != y->ndim ||
        memcmp(x->shape, y->shape, (size_t)(x->ndim - 1) * sizeof(*x->shape)) != 0)
        return error_set(ERROR_RUNTIME, "bilinear(): input batch dimensions do not match");
    if (x->shape[x->ndim - 1] != weight->shape[1] || y->shape[y->ndim - 1] != weight->shape[2])
        return error_set(ERROR_RUNTIME,
                         "bilinear(): inputs of %lld and %lld features do not match a weight for "
                         "%lld and %lld",
                         (long long)x->shape[x->ndim - 1], (long long)y->shape[y->ndim - 1],
                         (long long)weight->shape[1], (long long)weight->shape[2]);
    mark = pool_open();
    memcpy(shape, x->shape, sizeof(shape));
    shape[x->ndim - 1] = weight->shape[0];
    rows = weight->shape[1] ? x->numel / weight->shape[1] : 0;
    x = d_reshape(x, 2, (int64_t[]){rows, weight->shape[1]});
    y = d_reshape(y, 2, (int64_t[]){rows, weight->shape[2]});
    result = x && y ? bilinear_rows(x, y, weight) : NULL;
    if (result)
        result = d_reshape(result, args[0].tensor->ndim, shape);
    if (result && args[3].given)
        result = d_add(result, args[3].tensor);
    return pool_leave(op, mark, result, out);
}
