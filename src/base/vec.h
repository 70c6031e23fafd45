/*
 * vec.h: growing arrays of any type.
 *
 *     VEC(int) numbers = {0};
 *     if (!vec_push(&numbers, 3)) ...          ERROR_MEMORY is set
 *     numbers.at[0], numbers.count
 *     vec_release(&numbers);
 */
#ifndef SADDLE_BASE_VEC_H
#define SADDLE_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t count, capacity;                                                                    \
    }

/* True when there is room for one more element of `size` bytes. */
bool vec_grow(void **at, size_t count, size_t *capacity, size_t size);
void vec_free(void **at, size_t *count, size_t *capacity);

#define vec_push(vec, value)                                                                       \
    (vec_grow((void **)&(vec)->at, (vec)->count, &(vec)->capacity, sizeof(*(vec)->at)) &&          \
     ((vec)->at[(vec)->count++] = (value), true))

/* Inserts before `index` (0 to count). */
#define vec_insert(vec, index, value)                                                              \
    (vec_grow((void **)&(vec)->at, (vec)->count, &(vec)->capacity, sizeof(*(vec)->at)) &&          \
     (memmove((vec)->at + (index) + 1, (vec)->at + (index),                                        \
              ((vec)->count - (index)) * sizeof(*(vec)->at)),                                      \
      (vec)->at[index] = (value), (vec)->count++, true))

#define vec_remove(vec, index)                                                                     \
    (memmove((vec)->at + (index), (vec)->at + (index) + 1,                                         \
             ((vec)->count - (index)-1) * sizeof(*(vec)->at)),                                     \
     (vec)->count--)

#define vec_release(vec) vec_free((void **)&(vec)->at, &(vec)->count, &(vec)->capacity)

#endif
