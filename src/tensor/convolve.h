/*
 * convolve.h: the work of a convolution: one of its three sides from the other two.
 *
 * An "image" is what the kernel slides over, a "map" has an element per position of it. Everything
 * is contiguous, f32 or f64; image (batch, groups * image_channels, ...), map (batch, groups *
 * map_channels, ...), weight (groups * map_channels, image_channels, ...), as PyTorch has them.
 */
#ifndef SADDLE_TENSOR_CONVOLVE_H
#define SADDLE_TENSOR_CONVOLVE_H

#include "tensor/window.h"

#include <stdbool.h>

struct convolution {
    struct window window;
    enum dtype dtype;
    int64_t batch, groups;
    int64_t image_channels, map_channels; /* of one group */
    char *image, *map, *weight;
    const char *bias; /* of the result's channels, or NULL */
};

enum convolve_result { CONVOLVE_MAP, CONVOLVE_IMAGE, CONVOLVE_WEIGHT };

/* Computes that side; -1 when memory runs out. Beside the result it uses scratch memory of a padded
 * image and a few rows of the map for each thread, and for a weight one more of it. */
int convolve(const struct convolution *c, enum convolve_result result);

/* Multiplications; from CONVOLVE_PARALLEL on, work is shared out among threads. */
enum { CONVOLVE_PARALLEL = 1 << 18 };
int64_t convolve_work(const struct convolution *c);

/* The same by products of matrices, for what convolve() leaves to BLAS. */
int convolve_by_products(const struct convolution *c, enum convolve_result result);

/* A kernel of one tap that stands everywhere: the image is its own columns. */
bool convolve_is_pointwise(const struct convolution *c);

/* c->weight is the sum of those that `count` threads have computed, which lie `step` bytes apart
 * from `sums` on; always added in the same order. */
void convolve_join(const struct convolution *c, const char *sums, int64_t count, int64_t step);

#endif
