/*
 * types.h: torch.dtype, torch.device, torch.Size, torch.Generator, torch.layout.
 */
#ifndef SADDLE_PYTHON_TYPES_H
#define SADDLE_PYTHON_TYPES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "tensor/random.h"

#include <stdbool.h>

typedef struct {
    PyObject_HEAD struct generator *generator; /* its own, or the default one */
    struct generator own;
} GeneratorObject;

extern PyTypeObject *dtype_type, *device_type, *size_type, *generator_type;

extern PyTypeObject *layout_type, *memory_format_type;
/* torch.strided; new reference. */
PyObject *layout_strided(void);

/* torch.default_generator: one object that stands for generator_default(). Borrowed. */
PyObject *default_generator_object(void);
/* NULL or None (the default generator: NULL) or a Generator into *out; false with a TypeError. */
bool generator_from_python(PyObject *object, struct generator **out);
/* The state as a tensor of bytes, and back. */
PyObject *generator_state(const struct generator *g);
int generator_set_state(struct generator *g, PyObject *state);

/* torch.device("cpu"); new reference. */
PyObject *device_cpu(void);
/* None, "cpu" or torch.device("cpu") pass; CUDA is refused in PyTorch's words. 0 or -1. */
int device_check(PyObject *device);

/* Sets the AssertionError of everything that asks for a CUDA device. NULL. */
PyObject *device_refuse_cuda(void);

#endif
