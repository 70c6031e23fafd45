/* Special functions and elementwise operations that look at their arguments first. */
#include "base/error.h"
#include "tensor/op.h"

#include <float.h>
#include <math.h>

/* ---- one operand ---- */

static int polygamma(const struct op *op, int64_t n, struct tensor *self, struct tensor **out)
{
    struct scalar params[2] = {scalar_int(n), scalar_int(0)};
    enum op_id id = n == 0 ? OP_digamma : n == 1 ? OP_trigamma : OP_polygamma_each;

    if (n < 0)
        return error_set(ERROR_RUNTIME, "polygamma(n, x) does not support negative n.");
    return elementwise_run(op, id, &self, params, out);
}

int polygamma_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return polygamma(op, args[0].i, args[1].tensor, out);
}

int polygamma_method_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return polygamma(op, args[1].i, args[0].tensor, out);
}

int logit_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct scalar params[2] = {scalar_float(args[1].d), scalar_int(0)};
    bool cut = args[1].given && args[1].d >= 0;

    return elementwise_run(op, cut ? OP_logit_cut_each : OP_logit_each, &args[0].tensor, params,
                           out);
}

static double largest(enum dtype dtype)
{
    return dtype == DTYPE_f16    ? 65504
           : dtype == DTYPE_bf16 ? 0x1.fep127
           : dtype == DTYPE_f32  ? (double)FLT_MAX
                                 : DBL_MAX;
}

int nan_to_num_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *numbers = NULL;
    double limit = largest(tensor_dtype(self));
    struct scalar nan[2] = {scalar_float(args[1].given ? args[1].d : 0), scalar_int(0)};
    struct scalar ends[2] = {scalar_float(args[2].given ? args[2].d : limit),
                             scalar_float(args[3].given ? args[3].d : -limit)};
    int status;

    if (!dtype_is_float(tensor_dtype(self)))
        return op_give(op, tensor_clone(self), out);
    if (elementwise_run(op, OP_replace_nan_each, &self, nan, &numbers) < 0)
        return -1;
    status = elementwise_run(op, OP_replace_inf_each, &numbers, ends, out);
    tensor_unref(numbers);
    return status;
}

int frexp_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *from = tensor_contiguous(self);
    struct tensor *mantissa = from ? tensor_new_like(from, DTYPE_NONE) : NULL;
    struct tensor *exponent = from ? tensor_new_like(from, DTYPE_i32) : NULL;
    enum dtype dtype = tensor_dtype(self);
    int64_t size = (int64_t)dtype_size(dtype);
    int status = -1;

    if (!dtype_is_float(dtype))
        error_set(ERROR_RUNTIME, "torch.frexp() only supports floating-point dtypes");
    else if (mantissa && exponent)
        status = 0;
    for (int64_t i = 0; status == 0 && i < from->numel; i++) {
        double x = dtype_load(dtype, tensor_data(from) + i * size).d;
        int power = 0;

        dtype_store(dtype, tensor_data(mantissa) + i * size, scalar_float(frexp(x, &power)));
        ((int32_t *)tensor_data(exponent))[i] = isfinite(x) ? power : 0;
    }
    tensor_unref(from);
    if (status == 0 && op_give(op, mantissa, &out[0]) == 0)
        return op_give(op, exponent, &out[1]);
    if (status < 0)
        tensor_unref(mantissa);
    tensor_unref(exponent);
    return -1;
}

/* ---- two operands ---- */

int heaviside_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *in[2] = {args[0].tensor, args[1].tensor};
    struct scalar params[2] = {scalar_int(0), scalar_int(0)};

    if (in[0]->dtype != in[1]->dtype)
        return error_set(ERROR_RUNTIME, "heaviside is not yet implemented for tensors with "
                                        "different dtypes.");
    return elementwise_run(op, OP_heaviside_each, in, params, out);
}

static int whole_numbers(const struct op *op, enum op_id id, const struct value *args,
                         struct tensor **out)
{
    struct tensor *in[2] = {args[0].tensor, args[1].tensor};
    struct scalar params[2] = {scalar_int(0), scalar_int(0)};

    if (op_result_type(2, in) == DTYPE_b8)
        return op_refuse_type(op, DTYPE_b8);
    return elementwise_run(op, id, in, params, out);
}

int gcd_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return whole_numbers(op, OP_gcd_each, args, out);
}

int lcm_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    return whole_numbers(op, OP_lcm_each, args, out);
}
