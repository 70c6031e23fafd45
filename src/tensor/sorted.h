/*
 * sorted.h: lines as whole numbers that sort as the elements do.
 *
 * Every element becomes a key: unsigned, in the order of the elements, a NaN the largest of all. So
 * one sort serves all types; it looks at the bytes of the keys and never compares two elements.
 * Equal elements stay in their order everywhere here.
 */
#ifndef SADDLE_TENSOR_SORTED_H
#define SADDLE_TENSOR_SORTED_H

#include "tensor/dtype.h"

/* `place` is where the element stands in the line. */
struct key32 {
    uint32_t key;
    uint32_t place;
};
struct key64 {
    uint64_t key;
    int64_t place;
};

struct keys {
    size_t size; /* bytes of an element */
    bool wide;   /* key64, else key32 */
    /* Fills `keys` from a line of `count` elements, `step` bytes apart. Descending keys are the
     * opposite ones. */
    void (*load)(const char *line, int64_t step, int64_t count, bool descending, void *keys);
};
extern const struct keys keys_of[DTYPE_COUNT];

/* Sort few keys, by insertion. */
void keys_insert32(struct key32 *keys, int64_t count);
void keys_insert64(struct key64 *keys, int64_t count);
/* Sort `count` keys; `spare` has room for as many. The result is `keys` or `spare`. */
struct key32 *keys_sort32(struct key32 *keys, struct key32 *spare, int64_t count);
struct key64 *keys_sort64(struct key64 *keys, struct key64 *spare, int64_t count);
/* The one that would stand at place `at` of the sorted keys, and whether no other equals it.
 * Changes both. */
struct key32 keys_select32(struct key32 *keys, struct key32 *spare, int64_t count, int64_t at,
                           bool *alone);
struct key64 keys_select64(struct key64 *keys, struct key64 *spare, int64_t count, int64_t at,
                           bool *alone);
/* The first `taken` of the sorted keys to the front; quick where these are few. Whether none of the
 * others equals the last of them. */
bool keys_few32(struct key32 *keys, int64_t count, int64_t taken);
bool keys_few64(struct key64 *keys, int64_t count, int64_t taken);
/* Whether sorted keys are all different. */
bool keys_differ32(const struct key32 *keys, int64_t count);
bool keys_differ64(const struct key64 *keys, int64_t count);
/* Those that would not stand behind `last`, to the front, in the order they have; how many. */
int64_t keys_until32(struct key32 *keys, int64_t count, struct key32 last);
int64_t keys_until64(struct key64 *keys, int64_t count, struct key64 last);

#endif
