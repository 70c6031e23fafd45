/*
 * data.h: torch.utils.data: datasets, samplers, DataLoader.
 */
#ifndef SADDLE_PYTHON_DATA_H
#define SADDLE_PYTHON_DATA_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Makes torch.utils.data and what lies below it. After tensor_type_init(). 0 or -1. */
int data_init(PyObject *torch);

#endif
