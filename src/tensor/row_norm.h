/*
 * row_norm.h: the loops of layer and group normalisation, compiled once per instruction set.
 *
 * Elements are float or double; so are weight and bias, either of which may be NULL. The formulas,
 * their fused roundings and the order of the sums are those of PyTorch 1.13 (AVX2, one thread).
 */
#ifndef SADDLE_TENSOR_ROW_NORM_H
#define SADDLE_TENSOR_ROW_NORM_H

#include <stdint.h>

/* (rows, length) elements. In group normalisation a row is made of channels of `plane` elements
 * each, and weight and bias have `channels` elements, of which consecutive rows take theirs in
 * turn. In layer normalisation weight and bias have one for each element of a row. */
struct rows {
    int64_t rows, length, plane, channels;
    double eps;
};

struct row_norm {
    const void *x, *weight, *bias;
    void *y, *mean, *rstd; /* to be made; mean and 1 / standard deviation of each row */
};

struct row_norm_back {
    const void *g, *x, *mean, *rstd, *weight; /* g: of the result */
    void *gx, *gweight, *gbias;               /* to be made */
    void *slopes, *sums; /* of group normalisation, for each channel of each sample: the sums of g *
                          * x and of g */
};

enum { ROW_NORM_TILE = 256 };

struct row_norm_kernels {
    void (*layer)(const struct rows *r, int64_t row, const struct row_norm *n);
    void (*group)(const struct rows *r, int64_t row, const struct row_norm *n);
    /* gx of a row. */
    void (*layer_back)(const struct rows *r, int64_t row, const struct row_norm_back *b);
    void (*group_back)(const struct rows *r, int64_t row, const struct row_norm_back *b);
    /* gweight and gbias of the elements first <= i < last, at most ROW_NORM_TILE, of all rows. */
    void (*layer_weights)(const struct rows *r, int64_t first, int64_t last,
                          const struct row_norm_back *b);
    /* Slopes and sums of a row; gweight and gbias of all channels, when those of all rows are
     * there. */
    void (*group_sums)(const struct rows *r, int64_t row, const struct row_norm_back *b);
    void (*group_weights)(const struct rows *r, const struct row_norm_back *b);
};

/* [0]: float, [1]: double. */
extern const struct row_norm_kernels row_norm_baseline[2], row_norm_avx2[2], row_norm_avx512[2];

#endif
