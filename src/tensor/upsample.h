/*
 * upsample.h: images of another size.
 *
 * Each element of the result is a weighted sum of a few of the input in each dimension; which ones
 * and how much is what the kinds differ in.
 */
#ifndef SADDLE_TENSOR_UPSAMPLE_H
#define SADDLE_TENSOR_UPSAMPLE_H

#include "tensor/op.h"

enum upsample_kind {
    UPSAMPLE_NEAREST,       /* element floor(i * scale) */
    UPSAMPLE_NEAREST_EXACT, /* floor((i + 1/2) * scale) */
    UPSAMPLE_LINEAR,        /* the two neighbours */
    UPSAMPLE_CUBIC,         /* the four neighbours (Keys 1981, with a = -3/4) */
    UPSAMPLE_KIND_COUNT
};

/* The kind and the number of spatial dimensions of a row upsample_... */
enum upsample_kind upsample_kind_of(const struct op *op, int *dims);
/* The row of a kind for so many dimensions; OP_COUNT: there is none. */
enum op_id upsample_row(enum upsample_kind kind, int dims);

#endif
