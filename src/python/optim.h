/*
 * optim.h: torch.optim and torch.optim.lr_scheduler.
 */
#ifndef SADDLE_PYTHON_OPTIM_H
#define SADDLE_PYTHON_OPTIM_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Makes torch.optim and what lies below it. After tensor_type_init(). 0 or -1. */
int optim_init(PyObject *torch);

/* torch.optim.swa_utils; after distributions_init(), for its formulas. 0 or -1. */
int swa_init(PyObject *torch);

#endif
