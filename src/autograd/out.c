/* Calls with out=. */
#include "autograd/record.h"
#include "base/error.h"
#include "tensor/overlap.h"

#include <string.h>

static int refuse_recording(const struct op *op)
{
    const char *variant = strstr(op->name + 1, "__");

    return error_set(ERROR_RUNTIME,
                     "%.*s(): functions with out=... arguments don't support automatic "
                     "differentiation, but one of the arguments requires grad.",
                     (int)(variant ? (size_t)(variant - op->name) : strlen(op->name)), op->name);
}

static bool any_requires_grad(const struct op *op, struct tensor *const *tensors)
{
    bool any = false;

    for (int i = 0; i < op->outputs; i++)
        any |= tensors[i] && tensors[i]->requires_grad;
    return any && grad_enabled();
}

/* By a forward function that writes there itself. */
static int call_direct(const struct op *op, const struct value *args, struct tensor **out)
{
    if (op_records(op, args) || any_requires_grad(op, out))
        return refuse_recording(op);
    return op_run(op, args, out);
}

/* The results are made apart, then copied. */
static int call_copied(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *results[OP_MAX_OUTPUTS] = {NULL};

    if (any_requires_grad(op, out))
        return refuse_recording(op);
    if (op->flags & OP_APART && op_check_apart(op, args, out[0]) < 0)
        return -1;
    if (op_call(op, args, results) < 0)
        return -1;
    if (any_requires_grad(op, results)) {
        for (int i = 0; i < op->outputs; i++)
            tensor_unref(results[i]);
        return refuse_recording(op);
    }
    return op_give_several(op, op->outputs, results, out);
}

/* Puts the type of out= where the call names none. */
static const struct value *take_type(const struct op *op, const struct value *args,
                                     const struct tensor *out, struct value *typed)
{
    const struct schema *schema = op_schema(op);
    int at = __builtin_ctz(schema->dtypes);

    memcpy(typed, args, (size_t)schema->count * sizeof(*args));
    if (!typed[at].given)
        typed[at] = (struct value){.given = true, .i = tensor_dtype(out)};
    return typed;
}

int op_call_out(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value typed[OP_MAX_ARGS];
    int status;

    if (op->flags & OP_OUT_TYPED)
        args = take_type(op, args, out[0], typed);
    status = op->flags & OP_OUT_COPIED ? call_copied(op, args, out) : call_direct(op, args, out);
    for (int i = 0; i < op->outputs && status == 0; i++)
        tensor_bump(out[i]);
    return status;
}
