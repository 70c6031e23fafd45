/* Activations that are made of other operations or check their arguments, and dropout. */
#include "autograd/arguments.h"
#include "autograd/formula_nn.h"
#include "base/error.h"
#include "base/warn.h"
#include "tensor/random.h"

#include <math.h>
#include <string.h>

int relu6_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct value call[] = {args[0], arg_scalar(scalar_float(0)), arg_scalar(scalar_float(6)),
                           args[1]};

    (void)op;
    return op_call(&ops[OP_hardtanh], call, out);
}

/* elu and selu; these numbers of selu keep mean 0 and variance 1 (Klambauer et al. 2017). */
int elu_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    bool scaled = op->id == OP_selu;
    struct value call[] = {
        args[0], scaled ? arg_scalar(scalar_float(1.6732632423543772848170429916717)) : args[1],
        arg_scalar(scaled ? scalar_float(1.0507009873554804934193349852946) : scalar_int(1)),
        scaled ? args[1] : args[2]};

    return op_call(&ops[OP__elu], call, out);
}

int celu_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    if (args[1].scalar.d == 0)
        return error_set(ERROR_RUNTIME, "ZeroDivisionError: alpha cannot be 0 for CELU");
    return op_call(&ops[OP__celu], args, out);
}

/* Where PyTorch hands gelu to oneDNN. */
static bool gelu_is_approximate(const struct tensor *self)
{
    return self->dtype == DTYPE_f32 && self->numel != 1 && tensor_is_contiguous(self);
}

int gelu_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    enum op_id id = strcmp(args[1].text, "tanh") == 0 ? OP__gelu_tanh : OP__gelu;
    size_t mark = pool_open();

    if (id == OP__gelu && strcmp(args[1].text, "none") != 0)
        return error_set(ERROR_RUNTIME, "approximate argument must be either none or tanh.");
    if (id == OP__gelu && gelu_is_approximate(args[0].tensor))
        id = OP__gelu__float;
    return pool_leave(op, mark, d_call1(id, args[0].tensor), out);
}

int softsign_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    size_t mark = pool_open();

    return pool_leave(op, mark, d_true_divide(self, d_add(d_abs(self), d_number(scalar_int(1)))),
                      out);
}

int tanhshrink_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor;
    size_t mark = pool_open();

    return pool_leave(op, mark, d_sub(self, d_tanh(self)), out);
}

int softshrink_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    (void)op;
    if (args[1].scalar.d < 0)
        return error_set(ERROR_RUNTIME, "lambda must be greater or equal to 0, but found to be %g.",
                         args[1].scalar.d);
    return op_call(&ops[OP__softshrink], args, out);
}

int prelu_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *weight = args[1].tensor;
    int64_t shape[TENSOR_MAX_DIMS], channels = self->ndim > 1 ? self->shape[1] : 1;
    size_t mark = pool_open();

    if (tensor_dtype(self) != tensor_dtype(weight))
        return error_set(ERROR_RUNTIME, "expected scalar type %s but found %s",
                         dtype_short_name(tensor_dtype(self)),
                         dtype_short_name(tensor_dtype(weight)));
    if (weight->numel != 1 && self->ndim == 0)
        return error_set(ERROR_RUNTIME, "Not allow zero-dim input tensor.");
    if (weight->numel != 1 && weight->numel != channels)
        return error_set(ERROR_RUNTIME,
                         "Mismatch of parameter numbers and input channel size. Found parameter "
                         "numbers = %lld and channel size = %lld.",
                         (long long)weight->numel, (long long)channels);
    for (int d = 0; d < self->ndim; d++)
        shape[d] = d == 1 ? weight->numel : 1;
    if (self->ndim > 1 || weight->ndim > self->ndim)
        weight = d_reshape(weight, self->ndim, shape);
    return pool_leave(op, mark, weight ? d__prelu(self, weight) : NULL, out);
}

/* ---- random ---- */

/* Without a random number: x times a constant. With inplace x itself is changed. */
static struct tensor *multiplied(struct tensor *x, struct tensor *by, bool inplace)
{
    struct value args[] = {arg_tensor(x), arg_tensor(by)};

    if (!x || !by)
        return NULL;
    if (!inplace)
        return d_mul(x, by);
    return op_call_inplace(&ops_inplace[OP_mul], args) < 0 ? NULL : x;
}

/* A slope for each element: in [lower, upper], drawn in training, where it is not positive, else 1.
 */
static struct tensor *slopes_of(struct tensor *self, double lower, double upper, bool training)
{
    enum dtype dtype = tensor_dtype(self);
    struct tensor *slopes = pool_keep(tensor_new_like(self, DTYPE_NONE));
    struct tensor *flat = pool_keep(tensor_contiguous(self));
    struct generator *generator = generator_default();

    for (int64_t i = 0; slopes && flat && i < flat->numel; i++) {
        size_t at = (size_t)i * dtype_size(dtype);
        double slope = 1;

        if (dtype_load(dtype, tensor_data(flat) + at).d <= 0)
            slope = training ? generator_double(generator) * (upper - lower) + lower
                             : (lower + upper) / 2;
        dtype_store(dtype, tensor_data(slopes) + at, scalar_float(slope));
    }
    return flat ? slopes : NULL;
}

int rrelu_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *slopes, *result = NULL;
    double lower = args[1].d, upper = args[2].d;
    size_t mark;

    if (lower > upper)
        return error_set(ERROR_RUNTIME, "Lower bound should be less than or equal to the upper "
                                        "bound");
    if (op_check_float(op, self) < 0)
        return -1;
    mark = pool_open();
    slopes = slopes_of(self, lower, upper, args[3].i != 0);
    if (slopes && args[4].i) {
        struct value call[] = {arg_tensor(self), arg_tensor(slopes)};

        result = op_call_inplace(&ops_inplace[OP_rrelu_with_noise], call) < 0
                     ? NULL
                     : pool_keep(tensor_ref(self));
    } else if (slopes) {
        result = d_rrelu_with_noise(self, slopes);
    }
    return pool_leave(op, mark, result, out);
}

/* sigmoid and tanh, which torch.nn.functional would rather leave to torch. */
int deprecated_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    bool tanh = op->id == OP_tanh__nn;
    const char *name = tanh ? "tanh" : "sigmoid";
    size_t mark;

    if (warn_user("nn.functional.%s is deprecated. Use torch.%s instead.", name, name) < 0)
        return -1;
    mark = pool_open();
    return pool_leave(op, mark, tanh ? d_tanh(args[0].tensor) : d_sigmoid(args[0].tensor), out);
}

static int check_probability(double p)
{
    if (p >= 0 && p <= 1)
        return 0;
    return error_set(ERROR_VALUE, "dropout probability has to be between 0 and 1, but got %g", p);
}

/* 0 with probability p, else 1. */
static struct tensor *kept_mask(enum dtype dtype, int ndim, const int64_t *shape, double p)
{
    struct tensor *mask = pool_keep(tensor_new(dtype, ndim, shape));

    return mask && random_bernoulli_scalar(mask, 1 - p, NULL) == 0 ? mask : NULL;
}

/* dropout2d and dropout3d take other numbers of dimensions too, for the time being. */
static int warn_dims(const struct op *op, int ndim)
{
    int spatial = op->id == OP_dropout2d ? 2 : 3;

    if (ndim != spatial + 1 && ndim != spatial + 2 &&
        warn_user("%s: Received a %d-D input to %s, which is deprecated and will result in an "
                  "error in a future release. To retain the behavior and silence this warning, "
                  "please use dropout instead. Note that %s exists to provide channel-wise "
                  "dropout on inputs with %d spatial dimensions, a channel dimension, and an "
                  "optional batch dimension (i.e. %dD or %dD inputs).",
                  op->name, ndim, op->name, op->name, spatial, spatial + 1, spatial + 2) < 0)
        return -1;
    if (spatial == 3 || ndim != 3)
        return 0;
    return warn_user("dropout2d: Received a 3D input to dropout2d and assuming that channel-wise "
                     "1D dropout behavior is desired - input is interpreted as shape (N, C, L), "
                     "where C is the channel dim. This behavior will change in a future release "
                     "to interpret the input as one without a batch dimension, i.e. shape (C, H, "
                     "W). To maintain the 1D channel-wise dropout behavior, please switch to "
                     "using dropout1d instead.");
}

/* One mask element for each channel: batch and channels keep their size. drops: whether the mask
 * will be used. */
static int mask_shape(const struct op *op, const struct tensor *self, bool drops, int64_t *shape)
{
    bool elements = op->id == OP_dropout || op->id == OP_alpha_dropout;
    bool batched = !(op->id == OP_dropout1d && self->ndim == 2) &&
                   !(op->id == OP_dropout3d && self->ndim != 5);

    if (op->id == OP_dropout1d && self->ndim != 2 && self->ndim != 3)
        return error_set(ERROR_RUNTIME,
                         "dropout1d: Expected 2D or 3D input, but received a %dD input. Note that "
                         "dropout1d exists to provide channel-wise dropout on inputs with 1 "
                         "spatial dimension, a channel dimension, and an optional batch dimension "
                         "(i.e. 2D or 3D inputs).",
                         self->ndim);
    if ((op->id == OP_dropout2d || op->id == OP_dropout3d) && warn_dims(op, self->ndim) < 0)
        return -1;
    if (drops && !elements && self->ndim + !batched < 2)
        return error_set(ERROR_RUNTIME, "Feature dropout requires at least 2 dimensions in the "
                                        "input");
    for (int d = 0; d < self->ndim; d++)
        shape[d] = elements || d <= batched ? self->shape[d] : 1;
    return 0;
}

int dropout_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *self = args[0].tensor, *noise;
    int64_t shape[TENSOR_MAX_DIMS];
    double p = args[1].d;
    size_t mark = pool_open();

    if (check_probability(p) < 0 || mask_shape(op, self, p != 0 && args[2].i, shape) < 0)
        return -1;
    if (p == 0 || !args[2].i || self->numel == 0) {
        *out = tensor_ref(self);
        return 0;
    }
    if (p != 1 && !dtype_is_differentiable(tensor_dtype(self)))
        return error_set(ERROR_RUNTIME,
                         "result type Float can't be cast to the desired output type %s",
                         dtype_short_name(tensor_dtype(self)));
    if (p == 1) {
        noise = pool_keep(tensor_zeros(tensor_dtype(self), 0, NULL));
    } else {
        noise = kept_mask(tensor_dtype(self), self->ndim, shape, p);
        noise = noise ? d_true_divide(noise, d_number(scalar_float(1 - p))) : NULL;
    }
    return pool_leave(op, mark, multiplied(self, noise, args[3].i), out);
}

/* softmax((logits + noise) / tau), the noise being -log of exponential numbers. If `hard`, the
 * largest becomes 1 and the others 0, with the gradient of what they were. */
int gumbel_softmax_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *logits = args[0].tensor, *noise, *soft, *largest = NULL, *hard;
    size_t mark;

    if (args[3].d != 1e-10 && warn_user("`eps` parameter is deprecated and has no effect.") < 0)
        return -1;
    mark = pool_open();
    noise = pool_keep(tensor_new_like(logits, DTYPE_NONE));
    if (!noise || random_exponential(noise, 1, NULL) < 0)
        return pool_leave(op, mark, NULL, out);
    soft = d_true_divide(d_sub(logits, d_log(noise)), d_number(scalar_float(args[1].d)));
    soft = soft ? D(_softmax, V_TENSOR(soft), args[4]) : NULL;
    if (!soft || !args[2].i)
        return pool_leave(op, mark, soft, out);
    hard = pool_keep(tensor_zeros(tensor_dtype(soft), soft->ndim, soft->shape));
    largest = D(argmax, V_TENSOR(soft), args[4], V_INT(true));
    if (hard && largest)
        hard =
            D(scatter__value, V_TENSOR(hard), args[4], V_TENSOR(largest), V_SCALAR(scalar_int(1)));
    hard = hard && largest ? d_sub(hard, pool_keep(tensor_detach(soft))) : NULL;
    return pool_leave(op, mark, d_add(hard, soft), out);
}

/* What is dropped takes selu's lowest value; then all is scaled and moved back to mean 0 and
 * variance 1 (Klambauer et al. 2017). */
int alpha_dropout_composite(const struct op *op, const struct value *args, struct tensor **out)
{
    const double lowest = 1.7580993408473766;
    struct tensor *self = args[0].tensor, *mask, *shift;
    int64_t shape[TENSOR_MAX_DIMS];
    double p = args[1].d, a;
    size_t mark = pool_open();

    if (check_probability(p) < 0 || mask_shape(op, self, p != 0 && args[2].i, shape) < 0)
        return -1;
    if (p == 0 || !args[2].i || self->numel == 0) {
        *out = tensor_ref(self);
        return 0;
    }
    if (p == 1)
        return pool_leave(op, mark, multiplied(self, d_number(scalar_int(0)), args[3].i), out);
    a = 1 / sqrt((lowest * lowest * p + 1) * (1 - p));
    mask = kept_mask(tensor_dtype(self), self->ndim, shape, p);
    shift = d_shift(d_scale(d_shift(mask, -1), scalar_float(lowest * a)), lowest * a * p);
    self = multiplied(self, d_scale(mask, scalar_float(a)), args[3].i);
    if (self && shift && args[3].i) {
        struct value call[3] = {arg_tensor(self), arg_tensor(shift)};

        op_defaults(&ops_inplace[OP_add], call, 2);
        return pool_leave(op, mark, op_call_inplace(&ops_inplace[OP_add], call) < 0 ? NULL : self,
                          out);
    }
    return pool_leave(op, mark, d_add(self, shift), out);
}
