/*
 * testing.h: torch.testing: assert_close and make_tensor.
 */
#ifndef SADDLE_PYTHON_TESTING_H
#define SADDLE_PYTHON_TESTING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Makes torch.testing. After the functions of the operation table. 0 or -1. */
int testing_init(PyObject *torch);

/* torch.testing.make_tensor(). */
PyObject *testing_make_tensor(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
