/*
 * pad.h: what stands around a tensor that is made larger.
 */
#ifndef SADDLE_TENSOR_PAD_H
#define SADDLE_TENSOR_PAD_H

#include "tensor/op.h"

enum pad_mode {
    PAD_REFLECT,   /* c b | a b c | b a: the edge is not repeated */
    PAD_REPLICATE, /* a a | a b c | c c */
    PAD_CIRCULAR,  /* b c | a b c | a b */
    PAD_MODE_COUNT
};

/* The mode of the rows reflection_pad.., replication_pad.. and _pad_circular. */
enum pad_mode pad_mode_of(const struct op *op);

#endif
