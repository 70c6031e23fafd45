/*
 * init.h: first values of parameters, with PyTorch's digits for a seed.
 *
 * All functions fill t in place with the default generator, count it as a change (version), and
 * record nothing. 0, or -1 with PyTorch's message. Formulas: Glorot and Bengio 2010 (xavier), He et
 * al. 2015 (kaiming), Saxe et al. 2013 (orthogonal).
 */
#ifndef SADDLE_NN_INIT_H
#define SADDLE_NN_INIT_H

#include "tensor/tensor.h"

int nn_uniform(struct tensor *t, double low, double high);
int nn_normal(struct tensor *t, double mean, double std);
/* Normal, cut to [low, high] by inverting the distribution. */
int nn_trunc_normal(struct tensor *t, double mean, double std, double low, double high);
int nn_constant(struct tensor *t, double value);
int nn_eye(struct tensor *t); /* 2-D */
/* Kernels (out, in, ...) that pass their channels on. */
int nn_dirac(struct tensor *t, int64_t groups);
int nn_orthogonal(struct tensor *t, double gain);
/* Column by column, `sparsity` of the elements 0 and the others normal. 2-D */
int nn_sparse(struct tensor *t, double sparsity, double std);

/* How many inputs reach one output, and outputs one input, of a weight (out, in, ...). */
int nn_fans(const struct tensor *t, int64_t *fan_in, int64_t *fan_out);
/* By how much a nonlinearity ("relu", "tanh" ...) shrinks the spread of what passes it. `slope` is
 * for "leaky_relu". */
int nn_gain(const char *nonlinearity, double slope, double *gain);

int nn_xavier_uniform(struct tensor *t, double gain);
int nn_xavier_normal(struct tensor *t, double gain);
/* mode "fan_in" keeps the spread on the way forward, "fan_out" on the way back. */
int nn_kaiming_uniform(struct tensor *t, double a, const char *mode, const char *nonlinearity);
int nn_kaiming_normal(struct tensor *t, double a, const char *mode, const char *nonlinearity);

/* What a row of layers.def may write behind the "=" of a parameter: kaiming, fan, ... NULL for a
 * name that is none. `first` is the layer's first parameter, which "fan" looks at. */
typedef int nn_init_rule(struct tensor *t, const struct tensor *first);
nn_init_rule *nn_find_init_rule(const char *name, size_t length);

#endif
