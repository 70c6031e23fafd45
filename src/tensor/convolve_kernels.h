/*
 * convolve_kernels.h: the two inner loops of a convolution, one pair for each instruction set.
 *
 * Both see positions as one flat row: the image lies in planes whose rows are padded (convolve.c
 * says how), so that each channel and tap of the kernel, k, reads positions 0, 1, 2... from
 * image[offset[k]] on. A block is a few rows of the map: the sums of a block stay in registers.
 * Elements are float or double; sizes and offsets count elements.
 */
#ifndef SADDLE_TENSOR_CONVOLVE_KERNELS_H
#define SADDLE_TENSOR_CONVOLVE_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

struct map_block {
    int rows;           /* 1, 2, 4 or, where the set's `rows` is 8, 8 */
    int64_t depth;      /* of k */
    int64_t count;      /* positions; a vector more may be read and written */
    const void *weight; /* weight[k * rows + r] */
    const void *bias;   /* bias[r], or NULL */
    const void *image;  /* see above */
    const int64_t *offset;
    void *map; /* map[r * pitch + position] */
    int64_t pitch;
};

struct weight_block {
    int rows; /* 1 or 4 */
    int64_t depth;
    int64_t images, image_step, map_step; /* sums over so many, that lie these steps apart */
    int64_t count;                        /* positions, a multiple of `lanes` */
    const void *image, *map;              /* as above; what stands behind the map's rows is 0 */
    const int64_t *offset;
    int64_t pitch;
    void *sum; /* sum[r * depth + k], added to */
};

struct convolve_kernels {
    int lanes; /* elements of a vector */
    int rows;  /* the most of a map_block: 4 or 8 */
    /* map[r][i] = bias[r] + sum over k of weight[k][r] * image[offset[k] + i] */
    void (*map)(const struct map_block *b);
    /* sum[r][k] += sum over images and positions of map[r][i] * image[offset[k] + i] */
    void (*weight)(const struct weight_block *b);
};

/* For float and double. */
extern const struct convolve_kernels convolve_kernels_baseline[2], convolve_kernels_avx2[2],
    convolve_kernels_avx512[2];

#endif
