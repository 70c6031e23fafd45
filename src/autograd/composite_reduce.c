/* Reductions and orders made of recorded operations. */
#include "autograd/formula.h"
#include "base/error.h"
#include "tensor/reduce.h"

#include <math.h>
#include <string.h>

int maximum_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_maximum], args, out);
}

int minimum_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_minimum], args, out);
}

/* self with 0 for NaN. */
static struct tensor *without_nan(struct tensor *self)
{
    return dtype_is_float(tensor_dtype(self)) ? d_where(d_logical_not(d_isnan(self)), self) : self;
}

int nansum_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct value sum[4] = {V_TENSOR(without_nan(args[0].tensor)), args[1], args[2], args[3]};

    if (dtype_is_complex(tensor_dtype(args[0].tensor)))
        error_set(ERROR_RUNTIME, "nansum does not support complex inputs");
    return pool_leave(op, mark, error_pending() ? NULL : d_call(OP_sum__dim, sum), out);
}

int nanmean_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct value sum[4] = {V_TENSOR(without_nan(args[0].tensor)), args[1], args[2], args[3]};
    struct tensor *there = d_logical_not(d_isnan(args[0].tensor));
    struct tensor *count = D(sum__dim, V_TENSOR(there), args[1], args[2]);

    if (!dtype_is_float(tensor_dtype(args[0].tensor))) {
        pool_close(mark);
        return error_set(ERROR_RUNTIME,
                         "nanmean(): expected input to have floating point dtype "
                         "but got %s",
                         dtype_short_name(tensor_dtype(args[0].tensor)));
    }
    return pool_leave(op, mark, d_true_divide(d_call(OP_sum__dim, sum), count), out);
}

/* 'fro': of two dimensions it is written out in PyTorch. */
int norm_text_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value norm[5] = {args[0], V_SCALAR(scalar_int(2)), args[2], args[3], args[4]};
    struct tensor *x = args[0].tensor;
    size_t mark = pool_open();

    if (strcmp(args[1].text, "nuc") == 0)
        return pool_leave(op, mark,
                          D(linalg_matrix_norm__text, args[0], args[1], args[2], args[3], args[4]),
                          out);
    if (strcmp(args[1].text, "fro") != 0)
        return error_set(ERROR_RUNTIME, "only valid string values are 'fro' and 'nuc', found %s",
                         args[1].text);
    if (!args[2].given || args[2].ints.count != 2 || !dtype_is_float(tensor_dtype(x)))
        return op_call(&ops[OP_norm], norm, out);
    x = args[4].given ? d_to(x, (enum dtype)args[4].i) : x;
    x = d_sum(d_mul(x, x), args[2].ints.at, 2, args[3].i);
    return pool_leave(op, mark, d_sqrt(x), out);
}

int dist_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct tensor *difference = d_sub(args[0].tensor, args[1].tensor);

    return pool_leave(op, mark, D(norm, V_TENSOR(difference), args[2]), out);
}

/* ---- order ---- */

int argsort_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *pair[OP_MAX_OUTPUTS] = {NULL};

    if (op_run(&ops[OP_sort], args, pair) < 0)
        return -1;
    tensor_unref(pair[0]);
    return op_give(op, pair[1], out);
}

int bucketize_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value search[5] = {args[1], args[0], args[2], args[3], V_NONE};

    if (args[1].tensor->ndim != 1)
        return error_set(ERROR_RUNTIME,
                         "torch.searchsorted(): boundaries tensor must be 1 dimension, but got "
                         "dim(%d)",
                         args[1].tensor->ndim);
    (void)op;
    return op_call(&ops[OP_searchsorted], search, out);
}

int searchsorted_sorter_composite(const struct op *op, const struct value *args,
                                  struct tensor **out)
{
    size_t mark = pool_open();
    struct value search[5] = {args[0], args[1], args[2], args[3], args[4]};

    if (args[5].tensor->dtype != DTYPE_i64)
        return error_set(
            ERROR_RUNTIME,
            "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype "
            "%s",
            dtype_short_name(tensor_dtype(args[5].tensor)));
    search[0].tensor = D(gather, args[0], V_INT(-1), args[5]);
    return pool_leave(op, mark, d_call(OP_searchsorted, search), out);
}
