/* Gamma, Dirichlet and binomial numbers, of which each element has its own parameters. */
#include "base/error.h"
#include "tensor/random_fill.h"

#include <float.h>
#include <math.h>

/* ---- gamma ---- */

/* G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", 2000. In float the
 * shape is rounded before the method begins. */
static double draw_gamma(double shape, bool single, struct generator *g)
{
    const struct random_law unit = {.a = 0, .b = 1};
    double scale = 1, d, c;

    if (shape < 1) {
        if (shape == 0)
            return 0;
        scale = pow(1 - generator_double(g), single ? (double)(1 / (float)shape) : 1 / shape);
        shape = single ? (double)((float)shape + 1) : shape + 1;
    }
    d = single ? (double)((float)shape - 1.0f / 3.0f) : shape - (double)(1.0f / 3.0f);
    c = 1 / sqrt(9 * d);
    for (;;) {
        double x, y, v, u;

        do {
            x = random_draw_normal(g, &unit).d;
            y = 1 + c * x;
        } while (y <= 0);
        v = y * y * y;
        u = 1 - generator_double(g);
        if (u < 1 - (double)0.0331f * (x * x) * (x * x) ||
            log(u) < 0.5 * (x * x) + d * (1 - v + log(v)))
            return scale * d * v;
    }
}

static double load(const struct tensor *t, int64_t at)
{
    return dtype_load(tensor_dtype(t), tensor_data(t) + at * (int64_t)dtype_size(tensor_dtype(t)))
        .d;
}

static void store(struct tensor *t, int64_t at, double value)
{
    dtype_store(tensor_dtype(t), tensor_data(t) + at * (int64_t)dtype_size(tensor_dtype(t)),
                scalar_float(value));
}

static double least(enum dtype dtype)
{
    return dtype == DTYPE_f64 ? DBL_MIN : (double)FLT_MIN;
}

int random_gamma(struct tensor *t, const struct tensor *shapes, struct generator *g)
{
    bool single = tensor_dtype(shapes) != DTYPE_f64;
    struct random_walk w;

    if (random_check_float(shapes, "gamma_cpu") < 0)
        return -1;
    random_walk_init(&w, t, shapes->stride);
    for (int64_t i = 0; i < t->numel; i++, random_walk_next(&w)) {
        double drawn = draw_gamma(load(shapes, w.at[1]), single, g ? g : generator_default());

        store(t, w.at[0], fmax(least(tensor_dtype(t)), drawn));
    }
    return 0;
}

/* Gamma numbers over their sum, along the last dimension; inside 0 and 1. */
int random_dirichlet(struct tensor *t, const struct tensor *shapes, struct generator *g)
{
    int64_t count = t->ndim ? t->shape[t->ndim - 1] : 1;
    struct tensor *gammas = tensor_new(DTYPE_f64, t->ndim, t->shape);
    enum dtype dtype = tensor_dtype(t);
    double most = dtype == DTYPE_f64 ? nextafter(1, 0) : (double)nextafterf(1, 0);
    struct random_walk w;
    double *drawn;

    if (!gammas)
        return -1;
    if (random_check_float(shapes, "dirichlet") < 0) {
        tensor_unref(gammas);
        return -1;
    }
    drawn = (double *)tensor_data(gammas);
    random_walk_init(&w, gammas, shapes->stride);
    for (int64_t i = 0; i < t->numel; i++, random_walk_next(&w))
        drawn[w.at[0]] =
            fmax(DBL_MIN, draw_gamma(load(shapes, w.at[1]), false, g ? g : generator_default()));
    for (int64_t row = 0; count && row < t->numel / count; row++) {
        double sum = 0;

        for (int64_t i = 0; i < count; i++)
            sum += drawn[row * count + i];
        for (int64_t i = 0; i < count; i++) {
            double share = drawn[row * count + i] / sum;

            share = dtype == DTYPE_f64 ? share : (double)(float)share;
            store(t, row * count + i, fmin(most, fmax(least(dtype), share)));
        }
    }
    tensor_unref(gammas);
    return 0;
}

/* ---- binomial ---- */

/* Waiting times until the next success, added up until they exceed the count. */
static double binomial_by_waiting(double count, double p, struct generator *g)
{
    double waited = 0, successes = 0, scale = log1p(-p);

    for (;; successes++) {
        waited += ceil(log(generator_double(g)) / scale);
        if (waited > count)
            return successes;
    }
}

/* log(k!) less Stirling's main terms. */
static double stirling_tail(double k)
{
    static const double known[] = {0.0810614667953272,  0.0413406959554092, 0.0276779256849983,
                                   0.02079067210376509, 0.0166446911898211, 0.0138761288230707,
                                   0.0118967099458917,  0.0104112652619720, 0.00925546218271273,
                                   0.00833056343336287};
    double square = (k + 1) * (k + 1);

    if (k <= 9)
        return known[(int)k];
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1);
}

/* W. Hoermann, "The generation of binomial random variates", 1993: algorithm BTRS, in the paper's
 * names. */
static double binomial_by_rejection(double n, double p, struct generator *g)
{
    double spread = sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * spread;
    double a = -0.0873 + 0.0248 * b + 0.01 * p, c = n * p + 0.5, v_r = 0.92 - 4.2 / b;
    double r = p / (1 - p), alpha = (2.83 + 5.1 / b) * spread, m = floor((n + 1) * p);

    for (;;) {
        double u = generator_double(g) - 0.5, v = generator_double(g), us = 0.5 - fabs(u);
        double k = floor((2 * a / us + b) * u + c);

        if (us >= 0.07 && v <= v_r)
            return k;
        if (k < 0 || k > n)
            continue;
        v = log(v * alpha / (a / (us * us) + b));
        if (v <= (m + 0.5) * log((m + 1) / (r * (n - m + 1))) +
                     (n + 1) * log((n - m + 1) / (n - k + 1)) +
                     (k + 0.5) * log(r * (n - k + 1) / (k + 1)) + stirling_tail(m) +
                     stirling_tail(n - m) - stirling_tail(k) - stirling_tail(n - k))
            return k;
    }
}

static double draw_binomial(double count, double p, struct generator *g)
{
    double less = p <= 0.5 ? p : 1 - p, drawn;

    if (count <= 0 || p <= 0)
        return 0;
    if (p >= 1)
        return count;
    if (isnan(p))
        return NAN;
    drawn = count * less >= 10 ? binomial_by_rejection(count, less, g)
                               : binomial_by_waiting(count, less, g);
    return p <= 0.5 ? drawn : count - drawn;
}

int random_binomial(struct tensor *t, const struct tensor *counts, const struct tensor *p,
                    struct generator *g)
{
    struct random_walk w, along;

    if (random_check_float(counts, "binomial_cpu") < 0)
        return -1;
    random_walk_init(&w, t, counts->stride);
    random_walk_init(&along, t, p->stride);
    for (int64_t i = 0; i < t->numel; i++, random_walk_next(&w), random_walk_next(&along))
        store(t, w.at[0],
              draw_binomial(load(counts, w.at[1]), load(p, along.at[1]),
                            g ? g : generator_default()));
    return 0;
}
