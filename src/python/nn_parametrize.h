/*
 * nn_parametrize.h: torch.nn.utils.parametrize: a parameter that modules compute from another one.
 *
 * A parametrized module has a class of its own, ParametrizedLinear, whose property `weight` calls
 * module.parametrizations.weight: a ParametrizationList, which holds the original tensors and the
 * modules that are applied to them in turn.
 */
#ifndef SADDLE_PYTHON_NN_PARAMETRIZE_H
#define SADDLE_PYTHON_NN_PARAMETRIZE_H

#include "python/nn_module.h"

/* Adds ParametrizationList to a module. 0 or -1. */
int parametrization_list_init(PyObject *home);

/* A list of one parametrization of a tensor. A new reference, NULL with an exception. */
PyObject *parametrization_list_new(PyObject *module, PyObject *original, bool unsafe);

/* Refuses, with a ValueError, what is no tensor (`none`, a format of its type) or has another dtype
 * or shape than `like`; the words are formats of the tensor's name. 0 or -1. */
struct parametrization_words {
    const char *none, *dtype, *shape, *label, *given;
};
int parametrization_check(PyObject *value, PyObject *like, const struct parametrization_words *w,
                          PyObject *name);

/* register_parameter() or, of a plain tensor, register_buffer(). 0 or -1. */
int parametrization_register(PyObject *module, PyObject *name, PyObject *tensor);

#endif
