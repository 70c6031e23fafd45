/*
 * nn_containers.h: what the containers of modules and those of parameters share.
 */
#ifndef SADDLE_PYTHON_NN_CONTAINERS_H
#define SADDLE_PYTHON_NN_CONTAINERS_H

#include "python/nn_module.h"

/* A Python index, which may count from the end, as 0..length-1. 0, or -1 with the IndexError. */
int container_index(PyObject *index, Py_ssize_t length, Py_ssize_t *out);
/* The number of submodules, -1 with an exception. */
Py_ssize_t container_length(PyObject *self);
/* self[key] = value for each of a mapping, or of an iterable of pairs; errors call the class
 * `name`. 0 or -1. */
int container_update(PyObject *self, PyObject *source, const char *name);
/* Adds a subclass of Module as torch.nn.<name>. 0 or -1. */
int container_add_type(PyObject *torch, const char *name, PyType_Slot *slots, PyTypeObject **type);

int module_dict_init(PyObject *torch); /* 0 or -1 */
/* ParameterList and ParameterDict (nn_parameters.c). 0 or -1. */
int parameter_containers_init(PyObject *torch);

#endif
