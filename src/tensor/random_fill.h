/*
 * random_fill.h: from one random number to a tensor of them. Shared by random.c,
 * random_integers.c and random_laws.c.
 */
#ifndef SADDLE_TENSOR_RANDOM_FILL_H
#define SADDLE_TENSOR_RANDOM_FILL_H

#include "tensor/random.h"

/* The order in which PyTorch visits the elements of a tensor that is not contiguous: along memory,
 * smallest stride first. Dimension 0 is the innermost. `at` are the offsets of the current element
 * in the tensor and in a companion of the same shape. */
struct random_walk {
    int ndim;
    int64_t shape[TENSOR_MAX_DIMS], index[TENSOR_MAX_DIMS];
    int64_t stride[2][TENSOR_MAX_DIMS];
    int64_t at[2];
};

/* `companion` has the strides of the companion, NULL for none. */
void random_walk_init(struct random_walk *w, const struct tensor *t, const int64_t *companion);
void random_walk_next(struct random_walk *w);

/* A distribution's parameters, in the forms that its draw function wants. */
struct random_law {
    double a, b;
    uint64_t range;
    int64_t base;
    bool wide; /* the range needs 64 random bits */
};

typedef struct scalar random_draw_fn(struct generator *g, const struct random_law *law);

/* Mean a, deviation b; every second number is kept by the generator (Box and Muller's pairs). */
random_draw_fn random_draw_normal;

/* All elements in the order of the walk. -1 for a tensor that cannot be written to. */
int random_fill(struct tensor *t, random_draw_fn *draw, const struct random_law *law,
                struct generator *g);

/* Refuses a tensor that has no float dtype, in the name of PyTorch's kernel. */
int random_check_float(const struct tensor *t, const char *kernel);

/* The bits of a floating dtype's significand, 0 for others. */
int random_digits(enum dtype dtype);

#endif
