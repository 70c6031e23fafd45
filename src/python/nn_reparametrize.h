/*
 * nn_reparametrize.h: a weight that a hook computes before each forward() from other parameters,
 * as torch.nn.utils.weight_norm and spectral_norm do.
 *
 * The hook is an object whose __dict__ says which weight (name) and how, as in PyTorch, so modules
 * that carry it are copied and pickled. Functions that return PyObject * return new references, and
 * NULL with an exception; the others 0 or -1.
 */
#ifndef SADDLE_PYTHON_NN_REPARAMETRIZE_H
#define SADDLE_PYTHON_NN_REPARAMETRIZE_H

#include "python/nn_module.h"

/* Adds a class of hooks, called as `call` says, to the module torch.<home>. */
int weight_hook_add_type(PyObject *torch, const char *home, const char *path, ternaryfunc call,
                         PyTypeObject **type);
/* A hook with these attributes; takes the dict over. */
PyObject *weight_hook_new(PyTypeObject *type, PyObject *attributes);
/* Its name, a string. */
PyObject *weight_hook_name(PyObject *hook);
/* A whole number among its attributes; check PyErr_Occurred(). */
long weight_hook_number(PyObject *hook, const char *attribute);

/* module.<name><suffix>, a tensor. */
PyObject *weight_part(PyObject *module, PyObject *name, const char *suffix);
/* Sets it; NULL deletes it. */
int weight_part_set(PyObject *module, PyObject *name, const char *suffix, PyObject *value);
/* Registers the tensor, without history, as the parameter of that name. */
int weight_part_register(PyObject *module, PyObject *name, const char *suffix, PyObject *tensor);

/* Fails when the module has a hook of this type for the weight. */
int weight_hook_check(PyObject *module, PyTypeObject *type, const char *kind, PyObject *name);
/* The hook of the module; a ValueError when it has none. */
PyObject *weight_hook_of(PyObject *module, PyTypeObject *type, const char *kind, PyObject *name);
/* Adds a hook, which may be NULL after an error, to a dict of hooks (one of nn_names). */
int weight_hook_add(PyObject *module, PyObject *part, PyObject *hook);
/* Takes the hook of this type and name out of a dict of hooks: 1, 0 when there is none, or -1.
 * `inside` names the attribute that holds the hook with the name, NULL for itself. */
int weight_hook_drop(PyObject *hooks, PyTypeObject *type, const char *inside, PyObject *name);
/* The call of a hook with (module, inputs): sets the weight to compute(hook, module, name). */
PyObject *weight_hook_run(PyObject *hook, PyObject *args,
                          PyObject *(*compute)(PyObject *hook, PyObject *module, PyObject *name));
/* Removes the hook and the parts of these suffixes (up to NULL); the weight, which may be NULL
 * after an error, becomes the parameter. */
int weight_hook_take_back(PyObject *module, PyObject *name, PyObject *weight,
                          const char *const *suffixes, PyTypeObject *type);
/* Reads (module, name='weight'); *name is a new reference. */
int weight_hook_arguments(PyObject *args, PyObject *keywords, const char *format, PyObject **module,
                          PyObject **name);

#endif
