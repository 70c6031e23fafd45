/* Operations that put values in the place of others, under further names. */
#include "autograd/formula.h"

int fill_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct value fill[2] = {V_TENSOR(d_call1(OP_clone, args[0].tensor)), args[1]};

    if (!fill[0].tensor || op_call_inplace(&ops[OP_fill_], fill) < 0)
        fill[0].tensor = NULL;
    return pool_leave(op, mark, fill[0].tensor, out);
}

/* x.where(condition, other): its condition comes second. */
int where_self_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    return op_call(&ops[OP_where], (struct value[]){args[1], args[0], args[2]}, out);
}

int where_number_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(
        op, mark, d_call3(OP_where, args[1].tensor, args[0].tensor, d_number(args[2].scalar)), out);
}
