/*
 * testing_parts.h: what the files of assert_close() share. Private to src/python.
 *
 * Functions that return int give 0, or -1 with a Python exception: the report of a difference, or
 * an error.
 */
#ifndef SADDLE_PYTHON_TESTING_PARTS_H
#define SADDLE_PYTHON_TESTING_PARTS_H

#include "python/tensor_type.h"

#include <stdbool.h>

enum close_option {
    ACTUAL,
    EXPECTED,
    ALLOW_SUBCLASSES,
    RTOL,
    ATOL,
    EQUAL_NAN,
    CHECK_DEVICE,
    CHECK_DTYPE,
    CHECK_LAYOUT,
    CHECK_STRIDE,
    MESSAGE,
    CLOSE_OPTIONS
};

struct comparison {
    PyObject *const *options;
    PyObject *path; /* a list of the indices and keys that lead to the pair */
    bool values;    /* the second pass */
};

static inline bool is_on(const struct comparison *c, enum close_option option)
{
    return PyObject_IsTrue(c->options[option]) > 0;
}

/* Raises `type` with a message (taken over; NULL: an exception is set already), the place of the
 * pair, and in the second pass what the user's msg makes of them. -1. */
int report(const struct comparison *c, PyObject *type, PyObject *text);
#define REPORT(c, type, ...) report(c, type, PyUnicode_FromFormat(__VA_ARGS__))

/* Compares two Python numbers, or two tensors: in the first pass only whether they can be. */
int compare_numbers(const struct comparison *c, PyObject *actual, PyObject *expected);
int compare_tensors(const struct comparison *c, PyObject *actual, PyObject *expected);

int testing_values_init(PyObject *torch);

#endif
