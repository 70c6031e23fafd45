/*
 * console.h: sys.stdout, sys.stderr, sys.displayhook and input() of a cell.
 */
#ifndef SADDLE_KERNEL_CONSOLE_H
#define SADDLE_KERNEL_CONSOLE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Puts ours in place of Python's. false with a Python exception set. */
bool console_install(void);

/* What sys.displayhook does: sends repr(value) as EVENT_RESULT and sets `_`; nothing for None.
 * false with a Python exception set. */
bool console_show(PyObject *value);

/* Whole characters of `text`, cut in the middle when it is longer than anyone reads; `*length` gets
 * the length in bytes. NULL with a Python exception set. Freed with PyMem_Free(). */
char *console_text(PyObject *text, Py_ssize_t *length);

#endif
