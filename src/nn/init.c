#include "nn/init.h"

#include "base/error.h"
#include "tensor/random.h"
#include "tensor/special_math.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* Counts the change when it has worked. */
static int changed(struct tensor *t, int status)
{
    if (status == 0)
        tensor_bump(t);
    return status;
}

int nn_uniform(struct tensor *t, double low, double high)
{
    return changed(t, random_uniform(t, low, high, NULL));
}

int nn_normal(struct tensor *t, double mean, double std)
{
    return changed(t, random_normal(t, mean, std, NULL));
}

int nn_constant(struct tensor *t, double value)
{
    return changed(t, tensor_fill(t, scalar_float(value)));
}

/* The element at an index, for writing. */
static void *element(struct tensor *t, const int64_t *index)
{
    int64_t offset = 0;

    for (int d = 0; d < t->ndim; d++)
        offset += index[d] * t->stride[d];
    return tensor_data(t) + offset * (int64_t)dtype_size(tensor_dtype(t));
}

int nn_eye(struct tensor *t)
{
    if (t->ndim != 2)
        return error_set(ERROR_VALUE, "Only tensors with 2 dimensions are supported");
    if (tensor_fill(t, scalar_int(0)) < 0)
        return -1;
    for (int64_t i = 0; i < t->shape[0] && i < t->shape[1]; i++)
        dtype_store(tensor_dtype(t), element(t, (int64_t[]){i, i}), scalar_int(1));
    return changed(t, 0);
}

int nn_dirac(struct tensor *t, int64_t groups)
{
    int64_t per_group, channels;

    if (t->ndim < 3 || t->ndim > 5)
        return error_set(ERROR_VALUE, "Only tensors with 3, 4, or 5 dimensions are supported");
    if (groups < 1 || t->shape[0] % groups != 0)
        return error_set(ERROR_VALUE, "dim 0 must be divisible by groups");
    if (tensor_fill(t, scalar_int(0)) < 0)
        return -1;
    per_group = t->shape[0] / groups;
    channels = per_group < t->shape[1] ? per_group : t->shape[1];
    for (int64_t i = 0; t->numel && i < groups * channels; i++) {
        int64_t index[5] = {i / channels * per_group + i % channels, i % channels};

        for (int d = 2; d < t->ndim; d++)
            index[d] = t->shape[d] / 2;
        dtype_store(tensor_dtype(t), element(t, index), scalar_int(1));
    }
    return changed(t, 0);
}

int nn_sparse(struct tensor *t, double sparsity, double std)
{
    struct tensor *order;
    int64_t zeros;
    int status = 0;

    if (t->ndim != 2)
        return error_set(ERROR_VALUE, "Only tensors with 2 dimensions are supported");
    zeros = (int64_t)ceil(sparsity * (double)t->shape[0]);
    order = tensor_new(DTYPE_i64, 1, t->shape);
    if (!order || nn_normal(t, 0, std) < 0)
        status = -1;
    for (int64_t column = 0; status == 0 && column < t->shape[1]; column++) {
        status = random_permutation(order, NULL);
        for (int64_t i = 0; status == 0 && i < zeros && i < t->shape[0]; i++) {
            int64_t row = ((const int64_t *)tensor_data(order))[i];

            dtype_store(tensor_dtype(t), element(t, (int64_t[]){row, column}), scalar_int(0));
        }
    }
    tensor_unref(order);
    return status;
}

/* ---- truncated normal ---- */

static double normal_cdf(double x)
{
    return (1 + erf(x / sqrt(2))) / 2;
}

/* The number at `at` becomes x, and what is stored of it is returned. */
static double stored(enum dtype dtype, void *at, double x)
{
    dtype_store(dtype, at, scalar_float(x));
    return dtype_load(dtype, at).d;
}

/* The uniform number at `at` becomes a normal one, rounded after each step as in PyTorch. */
static void trunc_one(enum dtype dtype, void *at, double mean, double factor)
{
    double x = dtype_load(dtype, at).d;

    x = stored(dtype, at, dtype == DTYPE_f64 ? special_erfinv(x) : special_erfinvf((float)x));
    x = stored(dtype, at, x * (dtype == DTYPE_f64 ? factor : (float)factor));
    stored(dtype, at, x + (dtype == DTYPE_f64 ? mean : (float)mean));
}

int nn_trunc_normal(struct tensor *t, double mean, double std, double low, double high)
{
    double from = normal_cdf((low - mean) / std), to = normal_cdf((high - mean) / std);
    struct tensor *plain = tensor_new_like(t, DTYPE_NONE);
    enum dtype dtype = tensor_dtype(t);
    int status = plain ? random_uniform(plain, 2 * from - 1, 2 * to - 1, NULL) : -1;

    for (int64_t i = 0; status == 0 && i < plain->numel; i++) {
        void *at = tensor_data(plain) + i * (int64_t)dtype_size(dtype);

        trunc_one(dtype, at, mean, std * sqrt(2));
        stored(dtype, at, fmin(fmax(dtype_load(dtype, at).d, low), high));
    }
    if (status == 0)
        status = changed(t, tensor_copy(t, plain));
    tensor_unref(plain);
    return status;
}

/* ---- fans and gains ---- */

int nn_fans(const struct tensor *t, int64_t *fan_in, int64_t *fan_out)
{
    int64_t field = 1; /* of a kernel */

    if (t->ndim < 2)
        return error_set(ERROR_VALUE,
                         "Fan in and fan out can not be computed for tensor with fewer "
                         "than 2 dimensions");
    for (int d = 2; d < t->ndim; d++)
        field *= t->shape[d];
    *fan_in = t->shape[1] * field;
    *fan_out = t->shape[0] * field;
    return 0;
}

int nn_gain(const char *nonlinearity, double slope, double *gain)
{
    static const struct {
        const char *name;
        double gain;
    } known[] = {
        {"linear", 1},           {"conv1d", 1},           {"conv2d", 1},           {"conv3d", 1},
        {"conv_transpose1d", 1}, {"conv_transpose2d", 1}, {"conv_transpose3d", 1}, {"sigmoid", 1},
        {"tanh", 5.0 / 3},       {"relu", M_SQRT2},       {"selu", 0.75},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (strcmp(known[i].name, nonlinearity) == 0) {
            *gain = known[i].gain;
            return 0;
        }
    }
    if (strcmp(nonlinearity, "leaky_relu") != 0)
        return error_set(ERROR_VALUE, "Unsupported nonlinearity %s", nonlinearity);
    *gain = sqrt(2 / (1 + slope * slope));
    return 0;
}

static int xavier_std(const struct tensor *t, double gain, double *std)
{
    int64_t fan_in = 0, fan_out = 0;

    if (nn_fans(t, &fan_in, &fan_out) < 0)
        return -1;
    *std = gain * sqrt(2.0 / (double)(fan_in + fan_out));
    return 0;
}

int nn_xavier_uniform(struct tensor *t, double gain)
{
    double std;

    if (xavier_std(t, gain, &std) < 0)
        return -1;
    return nn_uniform(t, -sqrt(3) * std, sqrt(3) * std);
}

int nn_xavier_normal(struct tensor *t, double gain)
{
    double std;

    return xavier_std(t, gain, &std) < 0 ? -1 : nn_normal(t, 0, std);
}

/* Compares without regard to case, as PyTorch does. */
static bool same_word(const char *a, const char *b)
{
    while (*a && tolower((unsigned char)*a) == *b)
        a++, b++;
    return *a == *b;
}

static int kaiming_std(const struct tensor *t, double a, const char *mode, const char *nonlinearity,
                       double *std)
{
    int64_t fan_in = 0, fan_out = 0;
    double gain;
    bool in = same_word(mode, "fan_in");

    if (!in && !same_word(mode, "fan_out"))
        return error_set(ERROR_VALUE,
                         "Mode %s not supported, please use one of ['fan_in', 'fan_out']", mode);
    if (nn_fans(t, &fan_in, &fan_out) < 0 || nn_gain(nonlinearity, a, &gain) < 0)
        return -1;
    *std = gain / sqrt((double)(in ? fan_in : fan_out));
    return 0;
}

int nn_kaiming_uniform(struct tensor *t, double a, const char *mode, const char *nonlinearity)
{
    double std;

    if (t->numel == 0)
        return 0;
    if (kaiming_std(t, a, mode, nonlinearity, &std) < 0)
        return -1;
    return nn_uniform(t, -sqrt(3) * std, sqrt(3) * std);
}

int nn_kaiming_normal(struct tensor *t, double a, const char *mode, const char *nonlinearity)
{
    double std;

    if (t->numel == 0)
        return 0;
    return kaiming_std(t, a, mode, nonlinearity, &std) < 0 ? -1 : nn_normal(t, 0, std);
}

/* ---- rules of layers.def ---- */

static int rule_kaiming(struct tensor *t, const struct tensor *first)
{
    (void)first;
    return nn_kaiming_uniform(t, sqrt(5), "fan_in", "leaky_relu");
}

static int rule_fan(struct tensor *t, const struct tensor *first)
{
    int64_t fan_in = 0, fan_out = 0;
    double bound;

    if (nn_fans(first, &fan_in, &fan_out) < 0)
        return -1;
    bound = fan_in > 0 ? 1 / sqrt((double)fan_in) : 0;
    return nn_uniform(t, -bound, bound);
}

static int rule_inputs(struct tensor *t, const struct tensor *first)
{
    double bound = 1 / sqrt((double)first->shape[1]);

    return nn_uniform(t, -bound, bound);
}

static int rule_normal(struct tensor *t, const struct tensor *first)
{
    (void)first;
    return nn_normal(t, 0, 1);
}

static int rule_zeros(struct tensor *t, const struct tensor *first)
{
    (void)first;
    return nn_constant(t, 0);
}

static int rule_ones(struct tensor *t, const struct tensor *first)
{
    (void)first;
    return nn_constant(t, 1);
}

nn_init_rule *nn_find_init_rule(const char *name, size_t length)
{
    static const struct {
        const char *name;
        nn_init_rule *rule;
    } rules[] = {
        {"kaiming", rule_kaiming}, {"fan", rule_fan},     {"inputs", rule_inputs},
        {"normal", rule_normal},   {"zeros", rule_zeros}, {"ones", rule_ones},
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        if (strlen(rules[i].name) == length && memcmp(rules[i].name, name, length) == 0)
            return rules[i].rule;
    return NULL;
}
