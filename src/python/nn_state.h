/*
 * nn_state.h: load_state_dict(), for the table of methods in nn_state.c.
 */
#ifndef SADDLE_PYTHON_NN_STATE_H
#define SADDLE_PYTHON_NN_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Whether the module's class has a method `name` of its own, in place of Module's. */
bool module_overrides(PyObject *self, PyObject *name);
PyObject *module_load_own(PyObject *self, PyObject *args); /* _load_from_state_dict */
PyObject *module_load_state_dict(PyObject *self, PyObject *args, PyObject *keywords);
/* The type of what load_state_dict() returns. 0 or -1. */
int loaded_keys_init(PyObject *torch);

#endif
