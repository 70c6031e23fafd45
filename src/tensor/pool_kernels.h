/*
 * pool_kernels.h: the inner loop of max pooling, one for each instruction set.
 */
#ifndef SADDLE_TENSOR_POOL_KERNELS_H
#define SADDLE_TENSOR_POOL_KERNELS_H

#include <stdint.h>

/* What one tap gives a row of n windows, whose elements are in[at], in[at + step]...: where it is
 * larger, it goes into largest[i], and its index into index[i]. */
typedef void largest_fn(int64_t n, const void *in, int64_t step, int64_t at, void *largest,
                        int64_t *index);

struct pool_kernels {
    largest_fn *largest[2]; /* float, double */
};
extern const struct pool_kernels pool_kernels_baseline, pool_kernels_avx2, pool_kernels_avx512;

#endif
