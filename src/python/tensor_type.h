/*
 * tensor_type.h: torch.Tensor, the Python object that stands for a struct tensor.
 *
 * One Python object per tensor: wrapping the same tensor twice gives the same object. It keeps the
 * tensor; but an object with attributes or of a subclass that Python lets go of while the engine
 * still uses the tensor is kept by the tensor, so that it is there, with all that it has, when the
 * tensor comes back to Python. Functions
 * here that return PyObject * return new references and NULL with a Python exception set; engine
 * errors become exceptions through python_error() (errors.h).
 */
#ifndef SADDLE_PYTHON_TENSOR_TYPE_H
#define SADDLE_PYTHON_TENSOR_TYPE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "autograd/autograd.h"

#include <stdbool.h>

typedef struct {
    PyObject_HEAD struct tensor *tensor;
    PyObject *dict;
    PyObject *weakrefs;
    bool resting; /* no one in Python knows it: the tensor keeps it, not it the tensor */
} TensorObject;

extern PyTypeObject *tensor_type;    /* torch.Tensor */
extern PyTypeObject *parameter_type; /* torch.nn.Parameter, a subclass */

static inline bool tensor_check(PyObject *object)
{
    return PyObject_TypeCheck(object, tensor_type);
}
/* Borrowed; the object must be a Tensor. */
static inline struct tensor *tensor_of(PyObject *object)
{
    return ((TensorObject *)object)->tensor;
}

/* The object of a tensor whose reference is taken over, also on failure. NULL gives the engine's
 * error as an exception: return tensor_wrap(some_engine_call()); */
PyObject *tensor_wrap(struct tensor *t);
/* The same for a borrowed tensor; NULL gives None. */
PyObject *tensor_object(struct tensor *t);

/* Creates the types and adds them to the module torch. */
int tensor_type_init(PyObject *module);

/* A tensor from a Python object: nested sequences, numbers, NumPy arrays (copied), tensors. dtype
 * DTYPE_NONE infers it as torch.tensor() does. A new reference. */
struct tensor *tensor_from_python(PyObject *object, enum dtype dtype);

/* Nested lists of Python numbers. */
PyObject *tensor_tolist(const struct tensor *t);
PyObject *scalar_to_python(struct scalar s);
/* A bool, int, float, or something with __index__ or __float__; a one-element tensor as well. false
 * with a TypeError. */
bool scalar_from_python(PyObject *object, struct scalar *out);
/* Python's own numbers, and NumPy's. */
bool is_python_number(PyObject *object);

#endif
