/*
 * window.h: windows that slide over the last one to three dimensions of a tensor, for convolution.
 *
 * One code serves one, two and three dimensions: missing ones are added in front, with size 1.
 */
#ifndef SADDLE_TENSOR_WINDOW_H
#define SADDLE_TENSOR_WINDOW_H

#include "tensor/dtype.h"

#include <stdint.h>

enum { WINDOW_DIMS = 3 };

struct window {
    int64_t image[WINDOW_DIMS]; /* what the window slides over */
    int64_t map[WINDOW_DIMS];   /* how many positions it takes */
    int64_t kernel[WINDOW_DIMS], stride[WINDOW_DIMS], padding[WINDOW_DIMS], dilation[WINDOW_DIMS];
};

/* `dims` sizes of each, in the order of the struct. */
void window_init(struct window *w, int dims, const int64_t *image, const int64_t *map,
                 const int64_t *kernel, const int64_t *stride, const int64_t *padding,
                 const int64_t *dilation);
/* The product of three sizes. */
int64_t window_volume(const int64_t *sizes);

/* Columns: for each channel and tap of the kernel a row with one element per position, the matrix
 * (channels * taps, positions). unfold() fills them from an image (channels, ...), padding being 0;
 * fold() adds each element of them to where unfold() would have read it. f32 and f64. */
void window_unfold(const struct window *w, enum dtype dtype, int64_t channels, const void *image,
                   void *columns);
void window_fold(const struct window *w, enum dtype dtype, int64_t channels, const void *columns,
                 void *image);

#endif
