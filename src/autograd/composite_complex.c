/* Complex tensors and their parts, made of recorded operations. */
#include "autograd/formula.h"
#include "base/error.h"

static bool is_complex(const struct value *args)
{
    return dtype_is_complex(tensor_dtype(args[0].tensor));
}

int self_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    *out = tensor_ref(args[0].tensor);
    return 0;
}

int conj_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return is_complex(args) ? op_call(&ops[OP__conj], args, out) : self_composite(op, args, out);
}

static int part(const struct op *op, const struct value *args, int which, struct tensor **out)
{
    size_t mark = pool_open();

    return pool_leave(op, mark, d_part(args[0].tensor, which), out);
}

int real_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return is_complex(args) ? part(op, args, 0, out) : self_composite(op, args, out);
}

int isreal_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    size_t mark = pool_open();
    struct tensor *self = args[0].tensor;

    if (!is_complex(args))
        return pool_leave(op, mark, d_to(d_ones(self), DTYPE_b8), out);
    return pool_leave(op, mark, d_eq(d_part(self, 1), d_number(scalar_int(0))), out);
}

int imag_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    if (!is_complex(args))
        return error_set(ERROR_RUNTIME,
                         "imag is not implemented for tensors with non-complex dtypes.");
    return part(op, args, 1, out);
}
