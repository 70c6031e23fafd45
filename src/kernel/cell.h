/*
 * cell.h: one cell of a notebook, compiled and run in the namespace of __main__.
 */
#ifndef SADDLE_KERNEL_CELL_H
#define SADDLE_KERNEL_CELL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Once, after Python has started. false with a Python exception set. */
bool cell_open(void);
void cell_close(void);

/* Runs the cell; sends EVENT_RESULT for the value of its last expression (unless a `;` follows) and
 * EVENT_ERROR for an exception. `source` is UTF-8 and may contain any bytes; it is compiled under
 * the name "<cell RUN>". False when an exception ended it. */
bool cell_run(const char *source, size_t length, int run);

/* Sends EVENT_ERROR for KeyboardInterrupt, for a cell that was stopped before it began. */
void cell_interrupted(void);

/* The namespace of __main__, borrowed. */
PyObject *cell_namespace(void);

#endif
