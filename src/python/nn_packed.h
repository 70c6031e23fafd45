/*
 * nn_packed.h: torch.nn.utils.rnn: PackedSequence, and the functions that make and undo it.
 */
#ifndef SADDLE_PYTHON_NN_PACKED_H
#define SADDLE_PYTHON_NN_PACKED_H

#include "python/tensor_type.h"

#include <stdbool.h>

/* The places of a PackedSequence, which is a tuple. */
enum packed_field { PACKED_DATA, PACKED_SIZES, PACKED_SORTED, PACKED_UNSORTED, PACKED_FIELDS };

/* Adds PackedSequence to torch.nn.utils.rnn: 0, or -1 with an exception. */
int packed_add_type(PyObject *home);
bool packed_check(PyObject *object);
/* PackedSequence(data, sizes, sorted, unsorted); NULL with an exception. */
PyObject *packed_object(PyObject *data, PyObject *sizes, PyObject *sorted, PyObject *unsorted);
/* The permutation that undoes one, None for None; NULL with an exception. */
PyObject *packed_inverse(PyObject *permutation);
/* The same sequence with other data (a new reference, taken over; NULL passes on an exception). */
PyObject *packed_with_data(PyObject *packed, PyObject *data);

#endif
