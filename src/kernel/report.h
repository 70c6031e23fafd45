/*
 * report.h: an exception that ended a cell, as EVENT_ERROR.
 */
#ifndef SADDLE_KERNEL_REPORT_H
#define SADDLE_KERNEL_REPORT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Makes tracebacks (and inspect.getsource) find the lines of a cell. False with an exception set.
 */
bool report_register(PyObject *name, const char *source, size_t length);

/* Sends the exception that is set, and clears it. `name`: the cell's file name, NULL if unknown. */
void report_exception(PyObject *name);

#endif
