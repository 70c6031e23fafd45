/*
 * batch_norm.h: the loops of batch normalisation, compiled once per instruction set.
 *
 * Elements are float or double. Each function serves the channels first <= c < last; the vectors of
 * channels that it gets begin with channel 0. A loop takes at most BATCH_NORM_TILE channels.
 *
 * The formulas, their fused roundings and the order of the sums are those of PyTorch 1.13 (AVX2,
 * one thread): of planes, a channel's sums run in double; where each channel has one element in a
 * row, they run in the type of the elements, row after row.
 */
#ifndef SADDLE_TENSOR_BATCH_NORM_H
#define SADDLE_TENSOR_BATCH_NORM_H

#include <stdint.h>

enum { BATCH_NORM_TILE = 256 };

/* (N, C, ...): element i of channel c of sample n stands at (n * channels + c) * plane + i. */
struct channels {
    int64_t batch, channels, plane;
};

struct batch_norm_back {
    const void *g, *x;          /* the result's gradient, the input */
    const void *mean, *invstd;  /* of each channel */
    const void *weight;         /* of each channel; NULL: 1 */
    void *gx, *gweight, *gbias; /* to be made; gx may be NULL */
    int training;               /* mean and invstd follow from x */
};

struct batch_norm_kernels {
    /* The mean, and the sum of the squared distances from it. */
    void (*moments)(const struct channels *l, int64_t first, int64_t last, const void *x,
                    void *mean, void *squares);
    /* y = x * alpha + beta */
    void (*transform)(const struct channels *l, int64_t first, int64_t last, const void *x,
                      const void *alpha, const void *beta, void *y);
    void (*back)(const struct channels *l, int64_t first, int64_t last,
                 const struct batch_norm_back *b);
};

/* [0]: float, [1]: double. */
extern const struct batch_norm_kernels batch_norm_baseline[2], batch_norm_avx2[2],
    batch_norm_avx512[2];

#endif
