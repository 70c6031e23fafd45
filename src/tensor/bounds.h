/*
 * bounds.h: whether indices are in range, one loop for each instruction set.
 */
#ifndef SADDLE_TENSOR_BOUNDS_H
#define SADDLE_TENSOR_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether one of n numbers that lie behind one another is below `low` or above `high`. */
typedef bool bounds_fn(const int64_t *at, int64_t n, int64_t low, int64_t high);
extern bounds_fn *const bounds_baseline, *const bounds_avx2, *const bounds_avx512;

#define BOUNDS_OUTSIDE (*KERNELS_PICK(bounds))

#endif
