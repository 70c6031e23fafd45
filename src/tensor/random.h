/*
 * random.h: PyTorch's CPU generator: mt19937, and its way from the stream to each distribution, so
 * that the same seed gives the same digits (ATen/core/MT19937RNGEngine.h, CPUGeneratorImpl,
 * native/cpu/DistributionTemplates.h describe the behaviour that is met here).
 */
#ifndef SADDLE_TENSOR_RANDOM_H
#define SADDLE_TENSOR_RANDOM_H

#include "tensor/tensor.h"

enum { MT_N = 624 };

struct generator {
    uint64_t seed;
    uint32_t state[MT_N];
    int left, next;
    bool has_next_float, has_next_double; /* the second number of a Box-Muller pair */
    float next_float;
    double next_double;
};

/* What torch.Generator() starts with. */
#define GENERATOR_DEFAULT_SEED UINT64_C(67280421310721)

/* The generator that is used when none is given; seeded from the system's randomness at first use,
 * as PyTorch does. */
struct generator *generator_default(void);
void generator_seed(struct generator *g, uint64_t seed);
/* Seeds from the system's randomness and returns that seed. */
uint64_t generator_seed_random(struct generator *g);
uint32_t generator_u32(struct generator *g);
uint64_t generator_u64(struct generator *g);
/* In [0, 1): 24 and 53 random bits. */
float generator_float(struct generator *g);
double generator_double(struct generator *g);
void generator_floats(struct generator *g, float *out, int64_t count);

/* Fill t in place (its dtype decides the digits; the version is left to the caller). NULL for g
 * means the default generator. -1 with PyTorch's error on a wrong dtype or argument. */
int random_uniform(struct tensor *t, double from, double to, struct generator *g);
int random_normal(struct tensor *t, double mean, double std, struct generator *g);
int random_integers(struct tensor *t, int64_t low, int64_t high, struct generator *g);
/* Over the whole range of the dtype, as random_() without bounds. */
int random_integers_all(struct tensor *t, struct generator *g);
int random_bernoulli(struct tensor *t, const struct tensor *p, struct generator *g);
int random_bernoulli_scalar(struct tensor *t, double p, struct generator *g);
int random_exponential(struct tensor *t, double lambda, struct generator *g);
int random_cauchy(struct tensor *t, double median, double sigma, struct generator *g);
int random_log_normal(struct tensor *t, double mean, double std, struct generator *g);
int random_geometric(struct tensor *t, double p, struct generator *g);
/* t has the shape and dtype of the rates. */
int random_poisson(struct tensor *t, const struct tensor *rates, struct generator *g);
/* t and the parameters have one shape, which may be an expanded one for the parameters. Dirichlet:
 * along the last dimension of t, which is contiguous. */
int random_gamma(struct tensor *t, const struct tensor *shapes, struct generator *g);
int random_dirichlet(struct tensor *t, const struct tensor *shapes, struct generator *g);
int random_binomial(struct tensor *t, const struct tensor *counts, const struct tensor *p,
                    struct generator *g);
/* t is 1-D: a permutation of 0..n-1. */
int random_permutation(struct tensor *t, struct generator *g);
/* p (..., n) of weights to indices (..., count) int64. */
struct tensor *random_multinomial(const struct tensor *p, int64_t count, bool replacement,
                                  struct generator *g);

#endif
