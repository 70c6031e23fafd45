/*
 * nn.h: torch.nn: Module, Parameter, the layers of nn/layers.def, the containers, torch.nn.init and
 * torch.nn.utils.
 */
#ifndef SADDLE_PYTHON_NN_H
#define SADDLE_PYTHON_NN_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Makes torch.nn and what lies below it; the functions of the operation table are added to
 * torch.nn.functional by whoever owns that table. After tensor_type_init(). 0 or -1. */
int nn_init(PyObject *torch);

#endif
