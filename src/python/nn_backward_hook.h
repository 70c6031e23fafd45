/*
 * nn_backward_hook.h: hooks that see the gradients which pass a module.
 *
 * For a call with such hooks the tensors that go in and those that come out are passed through two
 * nodes that change nothing: the one behind the module notes the gradients of its outputs, the one
 * before it runs the hooks with these and the gradients of its inputs.
 */
#ifndef SADDLE_PYTHON_NN_BACKWARD_HOOK_H
#define SADDLE_PYTHON_NN_BACKWARD_HOOK_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

struct backward_watch;

/* One call of a module with a list of hooks; counted, the nodes hold it. */
struct backward_watch *backward_watch_new(PyObject *module, PyObject *hooks);
void backward_watch_unref(struct backward_watch *watch);

/* The tuple of arguments with its tensors watched; new reference or NULL. */
PyObject *backward_watch_input(struct backward_watch *watch, PyObject *args);
/* The same for what forward() returned: a tensor, a tuple, or anything else, which stays. */
PyObject *backward_watch_output(struct backward_watch *watch, PyObject *output);

/* Hooks of the old kind, register_backward_hook(): on the node of the operation that computed the
 * output (of a tuple, its first tensor). Warns when they will not see all gradients of the module.
 * 0, or -1 with an exception. */
int backward_watch_last(PyObject *module, PyObject *hooks, PyObject *inputs, PyObject *output);

#endif
