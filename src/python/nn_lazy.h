/*
 * nn_lazy.h: parameters whose shape is not known yet, and the layers that find it out from their
 * first input (LazyLinear and its like).
 */
#ifndef SADDLE_PYTHON_NN_LAZY_H
#define SADDLE_PYTHON_NN_LAZY_H

#include "python/nn_layers.h"

/* UninitializedTensorMixin: what both have in common; is_lazy() asks for it. */
bool is_lazy(PyObject *object);
/* True, with PyTorch's ValueError, when a function was given such a tensor. */
bool lazy_refused(PyObject *object);
/* A new one: a buffer or a parameter. NULL with an exception. */
PyObject *lazy_tensor(bool buffer, enum dtype dtype);
/* Gives it undefined values in this shape and makes a Parameter or Tensor of it. 0 or -1. */
int lazy_materialize(PyObject *object, enum dtype dtype, int ndim, const int64_t *shape);

/* What layers_lazy_init() calls first: the types of the tensors. 0 or -1. */
int lazy_tensors_init(PyObject *torch);
/* torch.nn.modules.lazy.LazyModuleMixin. 0 or -1. */
int lazy_mixin_init(PyObject *torch);
extern PyTypeObject *lazy_mixin_type;
/* Makes a new module lazy: its hooks, and PyTorch's warning. 0 or -1. */
int lazy_prepare(PyObject *module);
/* Whether a parameter or buffer has no shape yet; -1 with an exception. */
int lazy_waits(PyObject *module);

#endif
