/* What PyTorch refuses before an elementwise kernel runs. */
#include "tensor/elementwise_check.h"

#include "base/error.h"
#include "tensor/overlap.h"

/* Subtraction knows no bool. */
static int check_subtraction(struct tensor *const *in)
{
    bool first = in[0]->dtype == DTYPE_b8, second = in[1]->dtype == DTYPE_b8;

    if (first && second)
        return error_set(ERROR_RUNTIME,
                         "Subtraction, the `-` operator, with two bool tensors is not supported. "
                         "Use the `^` or `logical_xor()` operator instead.");
    if (first || second)
        return error_set(ERROR_RUNTIME,
                         "Subtraction, the `-` operator, with a bool tensor is not supported. If "
                         "you are trying to invert a mask, use the `~` or `logical_not()` operator "
                         "instead.");
    return 0;
}

/* lerp() does not promote. */
static int check_lerp(struct tensor *const *in)
{
    static const char *const names[] = {"self", "end", "weight"};

    for (int k = 1; k < 3; k++) {
        if (in[k]->dtype != in[0]->dtype && !in[k]->wrapped_number)
            return error_set(ERROR_RUNTIME, "expected dtype %s for `%s` but got dtype %s",
                             dtype_c_name(tensor_dtype(in[0])), names[k],
                             dtype_c_name(tensor_dtype(in[k])));
    }
    return 0;
}

static int check_overlap(const struct tensor *out, int count, struct tensor *const *in)
{
    if (tensor_check_expanded(out) < 0)
        return -1;
    for (int k = 0; k < count; k++) {
        if (tensor_check_overlap(out, in[k]) < 0)
            return -1;
    }
    return 0;
}

int elementwise_check(enum op_id id, int count, struct tensor *const *in, const struct tensor *out)
{
    switch (id) {
    case OP_sub:
    case OP_rsub:
        if (check_subtraction(in) < 0)
            return -1;
        break;
    case OP_lerp:
        if (check_lerp(in) < 0)
            return -1;
        break;
    case OP_addcdiv:
        if (!dtype_is_differentiable(tensor_dtype(in[1])) &&
            !dtype_is_differentiable(tensor_dtype(in[2])))
            return error_set(
                ERROR_RUNTIME,
                "Integer division with addcdiv is no longer supported, and in a future  release "
                "addcdiv will perform a true division of tensor1 and tensor2. The historic addcdiv "
                "behavior can be implemented as (input + value * torch.trunc(tensor1 / "
                "tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / "
                "tensor2) for float inputs. The future addcdiv behavior is just the latter "
                "implementation: (input + value * tensor1 / tensor2), for all dtypes.");
        break;
    default:
        break;
    }
    return out ? check_overlap(out, count, in) : 0;
}
