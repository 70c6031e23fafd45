/*
 * nn_prune.h: torch.nn.utils.prune: weights that a mask sets to zero.
 *
 * A pruned module has the weight as the parameter <name>_orig, the mask as the buffer <name>_mask,
 * and a hook, the pruning method, which puts their product in the weight's place before each
 * forward(). The classes of methods are here and in nn_prune_masks.c, which computes masks; what
 * programs call is in nn_prune.c.
 */
#ifndef SADDLE_PYTHON_NN_PRUNE_H
#define SADDLE_PYTHON_NN_PRUNE_H

#include "python/nn_module.h"

extern PyTypeObject *prune_base_type, *prune_container_type;

/* Adds the classes to a module. 0 or -1. */
int prune_classes_init(PyObject *home);

/* The class of that name. Borrowed. */
PyTypeObject *prune_class(const char *name);

/* container.add_pruning_method(method). 0 or -1. */
int prune_container_add(PyObject *container, PyObject *method);

/* A container of one method, which is for the same tensor; NULL for none yet. */
PyObject *prune_container_of(PyObject *method);

/* The hook of a module for the weight of that name: a new reference, and its key in *key, borrowed
 * (which may be NULL); NULL without an exception when there is none. */
PyObject *prune_hook_of(PyObject *module, PyObject *name, PyObject **key);

/* <Class>.apply(*args, **kwargs), which gives the module. A new reference, NULL with an exception.
 */
PyObject *prune_apply(const char *class, PyObject *args, PyObject *kwargs);

/* global_unstructured(parameters, pruning_method, importance_scores=None, **kwargs) */
PyObject *prune_global_unstructured(PyObject *self, PyObject *args, PyObject *kwargs);

#endif
