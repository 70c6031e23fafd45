/* conv1d to conv_transpose3d: checks and dimensions around the row `convolution`. */
#include "autograd/formula.h"
#include "base/error.h"

#include <string.h>

enum { DIMS = 3 };

/* conv2d -> 2 */
static int dims_of(const struct op *op)
{
    return op->name[strcspn(op->name, "123")] - '0';
}

static int check_input(const struct op *op, const struct tensor *input, int dims)
{
    char text[128];

    if (input->ndim == dims + 1 || input->ndim == dims + 2)
        return 0;
    return error_set(ERROR_RUNTIME,
                     "Expected %dD (unbatched) or %dD (batched) input to %.*s, but got input of "
                     "size: %s",
                     dims + 1, dims + 2, (int)(strchr(op->name, 'd') + 1 - op->name), op->name,
                     shape_text(input->ndim, input->shape, text, sizeof(text)));
}

/* (x + iy) * (u + iv) = a - b + i (c - a - b) with a = x * u, b = y * v, c = (x + y) * (u + v). */
static struct tensor *convolve_complex(const struct value *args)
{
    struct tensor *x = d_part(args[0].tensor, 0), *y = d_part(args[0].tensor, 1), *a, *b, *c;
    struct tensor *u = d_part(args[1].tensor, 0), *v = d_part(args[1].tensor, 1), *bias;
    struct value part[9];
    int64_t shape[DIMS + 1];

    memcpy(part, args, sizeof(part));
    part[2] = V_NONE;
    part[0] = V_TENSOR(x);
    part[1] = V_TENSOR(u);
    a = d_call(OP_convolution, part);
    part[0] = V_TENSOR(y);
    part[1] = V_TENSOR(v);
    b = d_call(OP_convolution, part);
    part[0] = V_TENSOR(d_add(x, y));
    part[1] = V_TENSOR(d_add(u, v));
    c = d_call(OP_convolution, part);
    c = d_call2(OP_complex, d_sub(a, b), d_sub(c, d_add(a, b)));
    if (!c || !args[2].given)
        return c;
    shape[0] = args[2].tensor->numel;
    for (int d = 1; d < c->ndim - 1; d++)
        shape[d] = 1;
    bias = d_reshape(args[2].tensor, c->ndim - 1, shape);
    return d_add(c, bias);
}

/* `args` are those of the row `convolution`, but for the input, which may lack the batch. */
static struct tensor *convolve(struct tensor *input, int dims, struct value *args)
{
    bool batched = input->ndim == dims + 2;
    struct tensor *result;

    args[0] = V_TENSOR(batched ? input : d_unsqueeze(input, 0));
    if (!args[0].tensor)
        return NULL;
    if (dtype_is_complex(tensor_dtype(input)) && input->dtype == args[1].tensor->dtype)
        result = convolve_complex(args);
    else
        result = d_call(OP_convolution, args);
    return batched || !result ? result : D(squeeze__dim, V_TENSOR(result), V_INT(0));
}

/* x with `count` zeros behind it along dim. */
static struct tensor *pad_behind(struct tensor *x, int dim, int64_t count)
{
    int64_t shape[TENSOR_MAX_DIMS];
    struct tensor *parts[2] = {x, NULL};

    memcpy(shape, x->shape, sizeof(shape));
    shape[dim] = count;
    parts[1] = pool_keep(tensor_zeros(tensor_dtype(x), x->ndim, shape));
    return parts[1] ? D(cat, V_TENSORS(parts, 2), V_INT(dim)) : NULL;
}

/* A kernel of even reach needs one more element of padding behind than before. */
static struct tensor *convolve_same(struct tensor *input, int dims, struct value *args)
{
    const struct tensor *weight = args[1].tensor;
    int64_t padding[DIMS] = {0}, total;

    for (int d = 0; input && d < dims && d < weight->ndim - 2; d++) {
        if (d < args[3].ints.count && args[3].ints.at[d] != 1)
            return error_null(ERROR_RUNTIME,
                              "padding='same' is not supported for strided convolutions");
        total = args[5].ints.at[d] * (weight->shape[2 + d] - 1);
        padding[d] = total / 2;
        if (total % 2)
            input = pad_behind(input, input->ndim - dims + d, 1);
    }
    args[4] = V_INTS(padding, dims);
    return input ? convolve(input, dims, args) : NULL;
}

int convolution_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    static const int64_t zeros[DIMS];
    int dims = dims_of(op);
    bool named = strstr(op->name, "__padding") != NULL;
    const char *name = named ? args[4].text : "";
    struct value all[] = {args[0], args[1], args[2],      args[3],
                          args[4], args[5], V_INT(false), V_INTS(zeros, dims),
                          args[6]};
    struct tensor *result;
    size_t mark;

    if (check_input(op, args[0].tensor, dims) < 0)
        return -1;
    if (named && strcmp(name, "same") != 0 && strcmp(name, "valid") != 0)
        return error_set(ERROR_RUNTIME, "Invalid padding string: '%s'", name);
    mark = pool_open();
    if (strcmp(name, "same") == 0) {
        result = convolve_same(args[0].tensor, dims, all);
    } else {
        if (named)
            all[4] = V_INTS(zeros, dims);
        result = convolve(args[0].tensor, dims, all);
    }
    return pool_leave(op, mark, result, out);
}

/* output_padding only chooses among the sizes that the convolution would have made into one. */
static int check_output_padding(int dims, const struct value *more, const struct value *stride,
                                const struct value *dilation)
{
    for (int d = 0; d < dims && d < more->ints.count; d++) {
        int64_t p = more->ints.at[d];

        if (p < 0)
            return error_set(ERROR_RUNTIME, "negative output_padding is not supported");
        if (p >= stride->ints.at[d] && p >= dilation->ints.at[d])
            return error_set(ERROR_RUNTIME,
                             "output padding must be smaller than either stride or dilation, but "
                             "got output_padding: %lld stride: %lld dilation: %lld",
                             (long long)p, (long long)stride->ints.at[d],
                             (long long)dilation->ints.at[d]);
    }
    return 0;
}

int transposed_convolution_composite(const struct op *op, const struct value *args,
                                     struct tensor **out)
{
    struct value all[] = {args[0], args[1],     args[2], args[3], args[4],
                          args[7], V_INT(true), args[5], args[6]};
    int dims = dims_of(op);
    size_t mark;

    if (check_input(op, args[0].tensor, dims) < 0 ||
        check_output_padding(dims, &args[5], &args[3], &args[7]) < 0)
        return -1;
    mark = pool_open();
    return pool_leave(op, mark, convolve(args[0].tensor, dims, all), out);
}
