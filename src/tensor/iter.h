/*
 * iter.h: walks an output and its inputs together.
 *
 * Broadcasts the inputs to the output's shape, orders the dimensions by the output's strides,
 * merges those that lie behind one another, and hands kernels inner loops as long as possible;
 * above a grain size the work is shared among threads.
 */
#ifndef SADDLE_TENSOR_ITER_H
#define SADDLE_TENSOR_ITER_H

#include "tensor/kernels.h"
#include "tensor/tensor.h"

enum { ITER_OPERANDS = 5, ITER_GRAIN = 32768, ITER_LONG = 262144 };

struct iter {
    int ndim, operands;
    int64_t numel;
    int64_t shape[TENSOR_MAX_DIMS];                 /* dimension 0 is the innermost */
    int64_t stride[TENSOR_MAX_DIMS][ITER_OPERANDS]; /* bytes */
    char *ptr[ITER_OPERANDS];
    size_t size[ITER_OPERANDS]; /* of an element */
};

/* Whether the operands are together larger than a cache, and the result is written alone, in
 * order: kernels that write past the cache are then faster, and slower otherwise. */
bool iter_is_past_cache(const struct iter *it);

/* operands[0] is the output; every other must broadcast to its shape (the caller has checked). */
void iter_init(struct iter *it, int count, const struct tensor *const *operands);
void iter_run(const struct iter *it, kernel_fn *kernel, const struct scalar *params);
/* By one thread, in order: for outputs whose elements are written more than once. */
void iter_run_serial(const struct iter *it, kernel_fn *kernel, const struct scalar *params);

/* `n` elements of `size` bytes to where they lie behind one another; the sources are `step` bytes
 * apart, 0 repeats one. */
void copy_run(size_t size, int64_t n, char *to, const char *from, int64_t step);

#endif
