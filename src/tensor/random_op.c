/* The operations of ops_random.def. */
#include "base/error.h"
#include "tensor/op.h"
#include "tensor/random.h"

static struct generator *generator_of(const struct value *v)
{
    return v->given ? v->generator : NULL;
}

static int output_like(const struct op *op, const struct tensor *like, struct tensor **out)
{
    return op_output(op, out, tensor_dtype(like), like->ndim, like->shape);
}

/* Lets go of a result that could not be filled, unless it was given. */
static int filled(struct tensor **out, bool given, int status)
{
    if (status < 0 && !given) {
        tensor_unref(out[0]);
        out[0] = NULL;
    }
    return status;
}

int bernoulli_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    bool given = out[0];

    if (output_like(op, args[0].tensor, out) < 0)
        return -1;
    return filled(out, given, random_bernoulli(out[0], args[0].tensor, generator_of(&args[1])));
}

int bernoulli_p_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    bool given = out[0];

    if (output_like(op, args[0].tensor, out) < 0)
        return -1;
    return filled(out, given, random_bernoulli_scalar(out[0], args[1].d, generator_of(&args[2])));
}

int poisson_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    bool given = out[0];

    if (output_like(op, args[0].tensor, out) < 0)
        return -1;
    return filled(out, given, random_poisson(out[0], args[0].tensor, generator_of(&args[1])));
}

int gamma_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    bool given = out[0];

    if (output_like(op, args[0].tensor, out) < 0)
        return -1;
    return filled(out, given, random_gamma(out[0], args[0].tensor, generator_of(&args[1])));
}

int dirichlet_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    bool given = out[0];

    if (output_like(op, args[0].tensor, out) < 0)
        return -1;
    return filled(out, given, random_dirichlet(out[0], args[0].tensor, generator_of(&args[1])));
}

int binomial_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *counts = args[0].tensor, *p = args[1].tensor;
    bool given = out[0];

    if (tensor_dtype(counts) != tensor_dtype(p) || !tensor_same_shape(counts, p))
        return error_set(ERROR_RUNTIME,
                         "binomial: count and prob must have one shape and one dtype");
    if (output_like(op, counts, out) < 0)
        return -1;
    return filled(out, given, random_binomial(out[0], counts, p, generator_of(&args[2])));
}

int multinomial_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *drawn =
        random_multinomial(args[0].tensor, args[1].i, args[2].i, generator_of(&args[3]));

    return op_give(op, drawn, out);
}

static int check_deviations(const struct tensor *std)
{
    struct tensor *whole = tensor_clone(std);
    int64_t size = (int64_t)dtype_size(tensor_dtype(std));
    bool negative = false;

    if (!whole)
        return -1;
    for (int64_t i = 0; i < whole->numel; i++)
        negative |= dtype_load(tensor_dtype(whole), tensor_data(whole) + i * size).d < 0;
    tensor_unref(whole);
    return negative ? error_set(ERROR_RUNTIME, "normal expects all elements of std >= 0.0") : 0;
}

/* t = t + other or t * other, rounded to what t stores. */
static int apply(const struct op *op, enum op_id id, struct tensor *t, struct tensor *other)
{
    const struct scalar params[2] = {scalar_int(1), scalar_int(0)};
    const enum dtype wide = dtype_computed(tensor_dtype(t));
    struct tensor *in[2], *stored, *result = NULL;
    int status = -1;

    if (wide == tensor_dtype(t))
        return elementwise_run(op, id, (struct tensor *[]){t, other}, params, &t);
    stored = other->wrapped_number ? tensor_to(other, tensor_dtype(t)) : tensor_ref(other);
    in[0] = tensor_to(t, wide);
    in[1] = stored ? tensor_to(stored, wide) : NULL;
    if (in[0] && in[1] && elementwise_run(op, id, in, params, &result) == 0)
        status = tensor_copy(t, result);
    tensor_unref(stored);
    tensor_unref(in[0]);
    tensor_unref(in[1]);
    tensor_unref(result);
    return status;
}

/* t = t * std + mean, rounded after each step; a number for std has been used already. */
static int scale_and_shift(const struct op *op, struct tensor *t, struct tensor *mean,
                           struct tensor *std)
{
    if (!std->wrapped_number && apply(op, OP_mul, t, std) < 0)
        return -1;
    return apply(op, OP_add, t, mean);
}

/* A number for mean or std comes as a wrapped one. */
int normal_forward(const struct op *op, const struct value *args, struct tensor **out)
{
    struct tensor *mean = args[0].tensor, *std = args[1].tensor;
    struct tensor *typed = mean->wrapped_number ? std : mean;
    bool given = out[0];
    struct scalar deviation = scalar_float(1);
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = mean->ndim;

    for (int d = 0; d < ndim; d++)
        shape[d] = mean->shape[d];
    if ((!std->wrapped_number && check_deviations(std) < 0) ||
        shape_broadcast(&ndim, shape, std->ndim, std->shape) < 0 ||
        (std->wrapped_number && tensor_item(std, &deviation) < 0) ||
        op_output(op, out, tensor_dtype(typed), ndim, shape) < 0)
        return -1;
    if (random_normal(out[0], 0, deviation.d, generator_of(&args[2])) < 0)
        return filled(out, given, -1);
    return filled(out, given, scale_and_shift(op, out[0], mean, std));
}
