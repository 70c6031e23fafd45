/* Losses that compare element by element: an elementwise row, then its sum or mean. */
#include "tensor/loss.h"

#include "base/error.h"
#include "tensor/reduce.h"

#include <string.h>

int loss_reduction(const char *text)
{
    static const char *const names[] = {
        [LOSS_NONE] = "none", [LOSS_MEAN] = "mean", [LOSS_SUM] = "sum"};

    for (int i = 0; i < (int)(sizeof(names) / sizeof(*names)); i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    return error_set(ERROR_VALUE, "%s is not a valid value for reduction", text);
}

/* The loss of each element (taken over; NULL: -1) made into the loss. */
static int join_elements(struct tensor *each, enum loss_reduction reduction, struct tensor **out)
{
    struct tensor *sum;
    struct scalar value;
    uint32_t all;

    *out = each;
    if (!each || reduction == LOSS_NONE)
        return each ? 0 : -1;
    reduce_dims(each->ndim, 0, NULL, &all);
    sum = reduce(each, all, false, REDUCE_SUM, tensor_dtype(each));
    if (sum && reduction == LOSS_MEAN) {
        value = dtype_load(tensor_dtype(sum), tensor_data(sum));
        dtype_store(tensor_dtype(sum), tensor_data(sum),
                    scalar_float(value.d / (double)each->numel));
    }
    tensor_unref(each);
    *out = sum;
    return sum ? 0 : -1;
}

/* Which elementwise row a loss is made of, and what PyTorch calls its kernel. */
static const struct pointwise {
    enum op_id loss, each;
    const char *kernel;
} pointwise[] = {
    {OP_mse_loss, OP_mse_each, "mse"},
};

int pointwise_loss_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct pointwise *p = pointwise;
    struct tensor *in[2] = {args[0].tensor, args[1].tensor}, *each = NULL;
    struct scalar params[2] = {scalar_int(0), scalar_int(0)};
    struct op named = *op;
    int reduction = loss_reduction(args[4].text);

    while (p->loss != op->id)
        p++;
    named.name = p->kernel;
    if (reduction < 0 || elementwise_run(&named, p->each, in, params, &each) < 0)
        return -1;
    return join_elements(each, (enum loss_reduction)reduction, out);
}
