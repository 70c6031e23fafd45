/*
 * nn_packed.h: torch.nn.utils.rnn: PackedSequence, and the functions that make and undo it.
 */
#ifndef SADDLE_PYTHON_NN_PACKED_H
#define SADDLE_PYTHON_NN_PACKED_H

#include "python/tensor_type.h"

#include <stdbool.h>

/* The places of a PackedSequence, which is a tuple. */
enum packed_field { PACKED_DATA, PACKED_SIZES, PACKED_SORTED, PACKED_UNSORTED, PACKED_FIELDS };

bool packed_check(PyObject *object);
/* The same sequence with other data (a new reference, taken over; NULL passes on an exception). */
PyObject *packed_with_data(PyObject *packed, PyObject *data);

#endif
