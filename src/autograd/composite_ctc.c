/* ctc_loss: its lengths, its reduction and its derivative. */
#include "autograd/formula_nn.h"
#include "base/error.h"
#include "base/mem.h"
#include "tensor/loss.h"

#include <math.h>

enum { LOG_PROBS, TARGETS, INPUT_LENGTHS, TARGET_LENGTHS, BLANK, REDUCTION, ZERO };

/* A list of lengths from a list, or from a tensor of whole numbers, which goes into the pool. */
static bool read_lengths(const struct op *op, const struct value *arg, const char *name,
                         struct value *list)
{
    struct tensor *t;

    *list = *arg;
    if (op->id == OP_ctc_loss)
        return true;
    if (dtype_is_float(tensor_dtype(arg->tensor)) || dtype_is_complex(tensor_dtype(arg->tensor)))
        return error_set(ERROR_RUNTIME, "%s must be integral", name) == 0;
    t = d_to(arg->tensor, DTYPE_i64);
    t = t ? pool_keep(tensor_contiguous(t)) : NULL;
    if (t)
        *list = V_INTS((const int64_t *)tensor_data(t), (int)t->numel);
    return t != NULL;
}

/* The mean takes the loss of each symbol first. */
static struct tensor *joined(struct tensor *losses, const struct value *lengths,
                             const char *reduction)
{
    struct tensor *count;

    if (!losses || loss_reduction(reduction) != LOSS_MEAN)
        return d_joined(losses, reduction);
    count = pool_keep(tensor_new(tensor_dtype(losses), 1, (int64_t[]){lengths->ints.count}));
    if (!count)
        return NULL;
    for (int i = 0; i < lengths->ints.count; i++) {
        int64_t length = lengths->ints.at[i] > 1 ? lengths->ints.at[i] : 1;

        dtype_store(tensor_dtype(count),
                    tensor_data(count) + i * (int64_t)dtype_size(tensor_dtype(count)),
                    scalar_int(length));
    }
    if (losses->ndim == 0)
        count = d_reshape(count, 0, NULL);
    return d_joined(d_true_divide(losses, count), reduction);
}

static struct tensor *ctc_loss(const struct op *op, const struct value *args)
{
    struct tensor *log_probs = args[LOG_PROBS].tensor, *targets = args[TARGETS].tensor;
    struct tensor *results[2] = {NULL}, *losses;
    bool batched = log_probs->ndim == 3;
    struct value inputs, lengths;

    if (loss_reduction(args[REDUCTION].text) < 0 ||
        !read_lengths(op, &args[INPUT_LENGTHS], "input_lengths", &inputs) ||
        !read_lengths(op, &args[TARGET_LENGTHS], "target_lengths", &lengths))
        return NULL;
    if (log_probs->ndim == 2)
        log_probs = d_unsqueeze(log_probs, 1);
    targets = log_probs ? d_to(targets, DTYPE_i64) : NULL;
    if (!targets || op_call(&ops[OP__ctc_loss],
                            (struct value[]){V_TENSOR(log_probs), V_TENSOR(targets), inputs,
                                             lengths, args[BLANK], args[ZERO]},
                            results) < 0)
        return NULL;
    losses = pool_keep(results[0]);
    tensor_unref(results[1]);
    if (losses && args[ZERO].i)
        losses = d_choose(d_isinf(losses), d_zeros(losses), losses);
    if (losses && !batched)
        losses = D(squeeze__dim, V_TENSOR(losses), V_INT(0));
    return joined(losses, &lengths, args[REDUCTION].text);
}

int ctc_loss_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, ctc_loss(op, args), out);
}

void ctc_loss_rule(struct grad_call *c)
{
    const struct value *args = c->args;

    if (c->g[0] && grad_wanted(c, 0))
        c->grads[0] = d_call(OP__ctc_loss_backward,
                             (struct value[]){V_TENSOR(c->g[0]), args[0], args[1], args[2], args[3],
                                              V_TENSOR(c->results[0]), V_TENSOR(c->results[1]),
                                              args[4], args[5]});
}

void ctc_loss_backward_rule(struct grad_call *c)
{
    d_missing(c);
}
