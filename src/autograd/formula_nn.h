/*
 * formula_nn.h: pieces of the derivatives in ops_nn.def.
 */
#ifndef SADDLE_AUTOGRAD_FORMULA_NN_H
#define SADDLE_AUTOGRAD_FORMULA_NN_H

#include "autograd/formula.h"

/* A row of two tensors and the numbers that follow them in its schema. */
struct tensor *d_slope(enum op_id id, struct tensor *x, struct tensor *y,
                       const struct value *numbers);
/* The loss of each element made into the loss, as reduction= says. */
struct tensor *d_joined(struct tensor *each, const char *reduction);
/* x where mask is true, else y. */
struct tensor *d_choose(struct tensor *mask, struct tensor *x, struct tensor *y);

/* g times the derivative at x. */
struct tensor *d_celu_slope(struct tensor *g, struct tensor *x, struct scalar alpha);
struct tensor *d_softplus_slope(struct tensor *g, struct tensor *x, struct scalar beta,
                                struct scalar threshold);
/* The derivative at x. */
struct tensor *d_gelu_slope(struct tensor *x);
struct tensor *d_gelu_curve(struct tensor *x); /* the second derivative */
struct tensor *d_gelu_tanh_slope(struct tensor *x);
struct tensor *d_silu_slope(struct tensor *x);
struct tensor *d_mish_slope(struct tensor *x);

#endif
