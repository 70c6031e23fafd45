/* Composite reductions. */
#include "autograd/formula.h"
#include "base/error.h"

#include <math.h>

int maximum_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    return op_call(&ops[op->id == OP_max__other ? OP_maximum : OP_minimum], args, out);
}

static struct tensor *sum_over(struct tensor *x, const struct value *dims, bool keepdim)
{
    if (!dims->given)
        return d_sum_all(x);
    return d_sum(x, dims->ints.at, dims->ints.count, keepdim);
}

/* The largest or smallest size of an element, for p = inf and -inf. */
static struct tensor *extreme_over(enum op_id id, struct tensor *x, const struct value *dims,
                                   bool keepdim)
{
    struct value args[3] = {{.given = true, .tensor = x}, {.given = true}, {.given = true}};

    args[1].ints.at = dims->given ? dims->ints.at : NULL;
    args[1].ints.count = dims->given ? dims->ints.count : 0;
    args[2].i = keepdim;
    return x ? d_call(id, args) : NULL;
}

int norm_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *size, *result;
    double p = args[1].given ? args[1].scalar.d : 2;
    bool keep = args[3].i;
    size_t mark = pool_open();

    (void)op;
    if (!dtype_is_float(tensor_dtype(self)))
        return error_set(ERROR_RUNTIME,
                         "norm(): the desired output dtype should be either floating point or "
                         "complex. Got %s instead.",
                         dtype_short_name(tensor_dtype(self)));
    size = d_abs(self);
    if (p == 2)
        result = d_sqrt(sum_over(d_mul(self, self), &args[2], keep));
    else if (p == 1)
        result = sum_over(size, &args[2], keep);
    else if (isinf(p))
        result = extreme_over(p > 0 ? OP_amax : OP_amin, size, &args[2], keep);
    else if (p == 0)
        result =
            sum_over(d_to(d_ne(self, d_number(scalar_int(0))), tensor_dtype(self)), &args[2], keep);
    else
        result = d_pow(sum_over(d_pow(size, d_number(scalar_float(p))), &args[2], keep),
                       d_number(scalar_float(1 / p)));
    if (result)
        *out = tensor_ref(result);
    pool_close(mark);
    return result ? 0 : -1;
}
