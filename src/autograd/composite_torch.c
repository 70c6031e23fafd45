/* Functions of torch.nn.functional that torch has too, with their arguments in another order. */
#include "autograd/arguments.h"
#include "autograd/autograd.h"

enum { TAKES_MOST = 8, TRUE_ = -1 };

/* from[i]: which argument of the row is the i-th of `target`; those behind `count` have their
 * defaults there. */
static const struct form {
    enum op_id row, target;
    int count;
    signed char from[TAKES_MOST];
} forms[] = {
    {OP_dropout__torch, OP_dropout, 3, {0, 1, 2}},
    {OP_alpha_dropout__torch, OP_alpha_dropout, 3, {0, 1, 2}},
    {OP_feature_alpha_dropout__torch, OP_feature_alpha_dropout, 3, {0, 1, 2}},
    {OP_batch_norm__torch, OP_batch_norm, 8, {0, 3, 4, 1, 2, 5, 6, 7}},
    {OP_instance_norm__torch, OP_instance_norm, 8, {0, 3, 4, 1, 2, 5, 6, 7}},
    {OP_adaptive_max_pool1d__torch, OP_adaptive_max_pool1d, 3, {0, 1, TRUE_}},
};

int torch_form_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    const struct form *form = forms;
    struct value call[OP_MAX_ARGS];

    while (form->row != op->id)
        form++;
    for (int i = 0; i < form->count; i++)
        call[i] = form->from[i] == TRUE_ ? arg_int(true) : args[form->from[i]];
    op_defaults(&ops[form->target], call, form->count);
    return op_call(&ops[form->target], call, out);
}
