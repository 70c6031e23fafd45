/* The distributions beside uniform, normal and whole numbers. */
#include "base/error.h"
#include "tensor/random_fill.h"

#include <math.h>

/* ---- Bernoulli and exponential ---- */

static struct scalar draw_bernoulli(struct generator *g, const struct random_law *law)
{
    return scalar_int(generator_double(g) < law->a);
}

int random_bernoulli_scalar(struct tensor *t, double p, struct generator *g)
{
    if (!(p >= 0 && p <= 1))
        return error_set(ERROR_RUNTIME, "bernoulli_ expects p to be in [0, 1], but got p=%g", p);
    if (dtype_is_complex(tensor_dtype(t)))
        return dtype_refuse("bernoulli_scalar_cpu_", tensor_dtype(t));
    return random_fill(t, draw_bernoulli, &(struct random_law){.a = p}, g);
}

static int check_probabilities(const struct tensor *p)
{
    int64_t size = (int64_t)dtype_size(tensor_dtype(p));
    const char *data = tensor_data(p);
    struct random_walk w;

    random_walk_init(&w, p, NULL);
    for (int64_t i = 0; i < p->numel; i++, random_walk_next(&w)) {
        double value = dtype_load(tensor_dtype(p), data + w.at[0] * size).d;
        if (!(value >= 0 && value <= 1))
            return error_set(
                ERROR_RUNTIME,
                "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this "
                "error message be improved?  If so, please report an enhancement "
                "request to PyTorch.)");
    }
    return 0;
}

/* The strides of p seen with t's shape. */
static int expand_strides(const struct tensor *p, const struct tensor *t, int64_t *stride)
{
    int lead = t->ndim - p->ndim;

    if (lead < 0)
        return error_set(ERROR_RUNTIME,
                         "the number of sizes provided (%d) must be greater or equal to the "
                         "number of dimensions in the tensor (%d)",
                         t->ndim, p->ndim);
    for (int i = 0; i < t->ndim; i++) {
        bool repeated = i < lead || p->shape[i - lead] == 1;
        stride[i] = repeated ? 0 : p->stride[i - lead];
        if (!repeated && p->shape[i - lead] != t->shape[i]) {
            char target[256], source[256];
            return error_set(ERROR_RUNTIME,
                             "The expanded size of the tensor (%lld) must match the existing size "
                             "(%lld) at non-singleton dimension %d.  Target sizes: %s.  Tensor "
                             "sizes: %s",
                             (long long)t->shape[i], (long long)p->shape[i - lead], i,
                             shape_text(t->ndim, t->shape, target, sizeof(target)),
                             shape_text(p->ndim, p->shape, source, sizeof(source)));
        }
    }
    return 0;
}

int random_bernoulli(struct tensor *t, const struct tensor *p, struct generator *g)
{
    enum dtype p_dtype = tensor_dtype(p), dtype = tensor_dtype(t);
    int64_t p_size = (int64_t)dtype_size(p_dtype), size = (int64_t)dtype_size(dtype);
    int64_t stride[TENSOR_MAX_DIMS];
    struct random_walk w;

    if (dtype_is_complex(dtype))
        return dtype_refuse("bernoulli_tensor_cpu_self_", dtype);
    if (random_check_float(p, "bernoulli_tensor_cpu_p_") < 0 || tensor_check_expanded(t) < 0 ||
        expand_strides(p, t, stride) < 0 || check_probabilities(p) < 0)
        return -1;
    if (!g)
        g = generator_default();
    random_walk_init(&w, t, stride);
    for (int64_t i = 0; i < t->numel; i++, random_walk_next(&w)) {
        double chance = dtype_load(p_dtype, tensor_data(p) + w.at[1] * p_size).d;
        double u = p_dtype == DTYPE_f32 ? generator_float(g) : generator_double(g);
        dtype_store(dtype, tensor_data(t) + w.at[0] * size, scalar_int(u < chance));
    }
    return 0;
}

static struct scalar draw_exponential(struct generator *g, const struct random_law *law)
{
    return scalar_float(-1.0 / law->a * log(1.0 - generator_double(g)));
}

int random_exponential(struct tensor *t, double lambda, struct generator *g)
{
    if (!(lambda >= 0))
        return error_set(ERROR_RUNTIME, "exponential_ expects lambda >= 0.0, but found lambda=%g",
                         lambda);
    if (random_check_float(t, "exponential_cpu") < 0)
        return -1;
    return random_fill(t, draw_exponential, &(struct random_law){.a = lambda}, g);
}

/* ---- Cauchy, log-normal, geometric ---- */

/* The distribution function turned round. */
static struct scalar draw_cauchy(struct generator *g, const struct random_law *law)
{
    return scalar_float(fma(law->b, tan(M_PI * (generator_double(g) - 0.5)), law->a));
}

int random_cauchy(struct tensor *t, double median, double sigma, struct generator *g)
{
    if (random_check_float(t, "cauchy_cpu") < 0)
        return -1;
    return random_fill(t, draw_cauchy, &(struct random_law){.a = median, .b = sigma}, g);
}

static struct scalar draw_log_normal(struct generator *g, const struct random_law *law)
{
    return scalar_float(exp(random_draw_normal(g, law).d));
}

int random_log_normal(struct tensor *t, double mean, double std, struct generator *g)
{
    if (!(std > 0))
        return error_set(ERROR_RUNTIME, "log_normal_ expects std > 0.0, but found std=%g", std);
    if (random_check_float(t, "log_normal_cpu") < 0)
        return -1;
    return random_fill(t, draw_log_normal, &(struct random_law){.a = mean, .b = std}, g);
}

static struct scalar draw_geometric(struct generator *g, const struct random_law *law)
{
    return scalar_float(ceil(log(generator_double(g)) / log(1 - law->a)));
}

int random_geometric(struct tensor *t, double p, struct generator *g)
{
    if (!(p > 0 && p < 1))
        return error_set(ERROR_RUNTIME, "geometric_ expects p to be in (0, 1), but got p=%g", p);
    if (t->dtype == DTYPE_b8 || dtype_is_complex(tensor_dtype(t)))
        return dtype_refuse("geometric_cpu", tensor_dtype(t));
    return random_fill(t, draw_geometric, &(struct random_law){.a = p}, g);
}

/* ---- Poisson ---- */

/* How many uniform numbers can be multiplied until the product is e^-rate or less. */
static double small_poisson(double rate, struct generator *g)
{
    double limit = exp(-rate), product = generator_double(g), count = 0;

    for (; product > limit; count++)
        product *= generator_double(g);
    return count;
}

/* W. Hoermann, "The transformed rejection method for generating Poisson random variables", 1993:
 * algorithm PTRS, in the paper's names. */
static double large_poisson(double rate, struct generator *g)
{
    double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);

    for (;;) {
        double u = generator_double(g) - 0.5, v = generator_double(g), us = 0.5 - fabs(u);
        double k = floor((2 * a / us + b) * u + rate + 0.43);

        if (us >= 0.07 && v <= v_r)
            return k;
        if (k < 0 || (us < 0.013 && v > us))
            continue;
        if (log(v) + log(inverse_alpha) - log(a / (us * us) + b) <=
            -rate + k * log(rate) - lgamma(k + 1))
            return k;
    }
}

int random_poisson(struct tensor *t, const struct tensor *rates, struct generator *g)
{
    enum dtype dtype = tensor_dtype(rates);
    int64_t size = (int64_t)dtype_size(dtype), stride[TENSOR_MAX_DIMS];
    struct random_walk w;

    if (random_check_float(rates, "poisson_cpu") < 0 || expand_strides(rates, t, stride) < 0)
        return -1;
    if (!g)
        g = generator_default();
    random_walk_init(&w, t, stride);
    for (int64_t i = 0; i < t->numel; i++, random_walk_next(&w)) {
        double rate = dtype_load(dtype, tensor_data(rates) + w.at[1] * size).d;

        if (!(rate >= 0))
            return error_set(ERROR_RUNTIME,
                             "invalid Poisson rate, expected rate to be non-negative");
        dtype_store(dtype, tensor_data(t) + w.at[0] * size,
                    scalar_float(rate >= 10  ? large_poisson(rate, g)
                                 : rate == 0 ? 0
                                             : small_poisson(rate, g)));
    }
    return 0;
}
