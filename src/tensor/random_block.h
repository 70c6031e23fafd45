/*
 * random_block.h: normal numbers for contiguous data of NORMAL_BLOCK elements and more, which
 * PyTorch makes in blocks (and random.c, element by element, otherwise). For random.c.
 */
#ifndef SADDLE_TENSOR_RANDOM_BLOCK_H
#define SADDLE_TENSOR_RANDOM_BLOCK_H

#include "tensor/random.h"

enum { NORMAL_BLOCK = 16 };

/* Fills data with uniform numbers, then turns each block, its first half and its second half taken
 * as pairs, by Box and Muller's formula. A last block that is not whole is drawn anew over the
 * final NORMAL_BLOCK elements. */
void normal_blocks_float(float *data, int64_t count, float mean, float std, struct generator *g);
void normal_blocks_double(double *data, int64_t count, double mean, double std,
                          struct generator *g);

/* The formula itself for whole blocks, one per instruction set (kernels_normal.c). */
typedef void normal_turn_fn(float *data, int64_t blocks, float mean, float std);
extern normal_turn_fn normal_turn_baseline, normal_turn_avx2, normal_turn_avx512;

#endif
