/*
 * turn.h: rows become columns, one loop for each instruction set.
 */
#ifndef SADDLE_TENSOR_TURN_H
#define SADDLE_TENSOR_TURN_H

#include <stdint.h>

/* Row i of `to` becomes what the `columns` rows of `from` have at their place i. Elements of a row
 * lie behind one another; steps are bytes from row to row. */
typedef void turn_fn(int64_t rows, int64_t columns, char *to, int64_t to_step, const char *from,
                     int64_t from_step);
/* By size of an element: 4 and 8 bytes, the others are NULL. */
enum { TURN_LARGEST = 8 };
typedef turn_fn *turn_table[TURN_LARGEST + 1];
extern const turn_table turn_baseline, turn_avx2, turn_avx512;

#endif
