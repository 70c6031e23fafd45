/* Operations under further names, with their arguments in another order. */
#include "autograd/formula.h"

int fill_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct value fill[2] = {V_TENSOR(d_call1(OP_clone, args[0].tensor)), args[1]};

    if (!fill[0].tensor || op_call_inplace(&ops[OP_fill_], fill) < 0)
        fill[0].tensor = NULL;
    return pool_leave(op, mark, fill[0].tensor, out);
}

/* torch.embedding(): F.embedding() with the weight first, where -1 is no padding index. */
int embedding_rows_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value call[OP_MAX_ARGS] = {args[1], args[0], args[2]};

    (void)op;
    call[2].given = args[2].i != -1;
    op_defaults(&ops[OP_embedding], call, 3);
    call[5] = args[3];
    return op_call(&ops[OP_embedding], call, out);
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
