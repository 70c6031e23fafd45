/*
 * unstable.h: sorting that places equal elements as PyTorch does.
 *
 * sorted.h keeps equal elements in their order. PyTorch's sort(), mode(), topk() and kthvalue() do
 * not: where elements are equal, their places tell how they were sorted. Here are its ways:
 * introspective sort and selection (Musser, 1997) and selection by a heap, as GNU's C++ library
 * does them, and the quickselect of kthvalue(). They are slower than those of sorted.h.
 */
#ifndef SADDLE_TENSOR_UNSTABLE_H
#define SADDLE_TENSOR_UNSTABLE_H

#include "tensor/sorted.h"

#define UNSTABLE(bits)                                                                             \
    /* topk(): the first `taken` of the sorted keys to the front; in their order if `sorted`. */   \
    void unstable_top##bits(struct key##bits *keys, int64_t count, int64_t taken, bool sorted);    \
    /* sort() that is not asked to be stable, and mode(). */                                       \
    void unstable_sort##bits(struct key##bits *keys, int64_t count);                               \
    /* kthvalue(): the one at place `at` of the sorted keys. */                                    \
    struct key##bits unstable_kth##bits(struct key##bits *keys, int64_t count, int64_t at);
UNSTABLE(32)
UNSTABLE(64)
#undef UNSTABLE

#endif
