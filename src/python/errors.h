/*
 * errors.h: engine errors as Python exceptions and back.
 */
#ifndef SADDLE_PYTHON_ERRORS_H
#define SADDLE_PYTHON_ERRORS_H

/* Raises the pending engine error as the Python exception of its kind and clears it. A Python
 * exception that is set already stays. Returns NULL, for: return python_error(); */
void *python_error(void);
/* Notes in the engine that a Python exception is set, so that engine code unwinds. Returns -1. */
int python_error_pending(void);

#endif
