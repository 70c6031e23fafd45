/*
 * types.h: torch.dtype, torch.device, torch.Size, torch.Generator.
 */
#ifndef SADDLE_PYTHON_TYPES_H
#define SADDLE_PYTHON_TYPES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "tensor/random.h"

#include <stdbool.h>

typedef struct {
    PyObject_HEAD struct generator generator;
} GeneratorObject;

extern PyTypeObject *dtype_type, *device_type, *size_type, *generator_type;

/* torch.device("cpu"); new reference. */
PyObject *device_cpu(void);
/* None, "cpu" or torch.device("cpu") pass; CUDA is refused in PyTorch's words. 0 or -1. */
int device_check(PyObject *device);

#endif
