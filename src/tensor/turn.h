/*
 * turn.h: rows become columns, or are copied as they are; one loop for each instruction set.
 */
#ifndef SADDLE_TENSOR_TURN_H
#define SADDLE_TENSOR_TURN_H

#include <stddef.h>
#include <stdint.h>

/* Row i of `to` becomes what the `columns` rows of `from` have at their place i. Elements of a row
 * lie behind one another; steps are bytes from row to row. */
typedef void turn_fn(int64_t rows, int64_t columns, char *to, int64_t to_step, const char *from,
                     int64_t from_step);
/* By size of an element: 4 and 8 bytes, the others are NULL. */
enum { TURN_LARGEST = 8 };
typedef turn_fn *turn_table[TURN_LARGEST + 1];
extern const turn_table turn_baseline, turn_avx2, turn_avx512;

/* memcpy() for rows of some hundred bytes to some hundred kilobytes, whose beginnings often lie
 * across vectors; NULL where the C library's is as good. */
typedef void copy_row_fn(size_t size, char *to, const char *from);
extern copy_row_fn *const copy_row_baseline, *const copy_row_avx2, *const copy_row_avx512;

#endif
