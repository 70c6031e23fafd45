/* Pooling with any number of dimensions, by the rows for two and three. */
#include "autograd/formula.h"
#include "base/error.h"

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
