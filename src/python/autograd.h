/*
 * autograd.h: backward and gradients as Python calls them.
 */
#ifndef SADDLE_PYTHON_AUTOGRAD_H
#define SADDLE_PYTHON_AUTOGRAD_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Python objects as backward() and grad() take them: a tensor or a sequence of them. Py_None or
 * NULL where nothing is given. */
struct autograd_call {
    PyObject *roots, *grads, *inputs, *retain, *create;
    bool give;         /* grad(): return the gradients instead of gathering them */
    bool allow_unused; /* None for inputs that nothing flowed to */
};
/* None, or with `give` a tuple of gradients. NULL with an exception. */
PyObject *autograd_run(const struct autograd_call *call);

/* root.backward(): None, or NULL with an exception. */
struct tensor;
PyObject *autograd_backward(struct tensor *root);

/* Parts of torch.autograd: no_grad and its relatives; functional; gradcheck; Function. */
int autograd_modes_init(PyObject *torch);
int autograd_anomaly_init(PyObject *torch);
int autograd_saved_init(PyObject *torch);
int autograd_variable_init(PyObject *torch);
int functional_init(PyObject *torch);
int gradcheck_init(PyObject *torch);
int function_init(PyObject *torch);
int function_once_init(PyObject *torch);
/* The ctx of a node that a Function has made, borrowed; NULL for other nodes. */
struct node;
PyObject *function_context(const struct node *node);

#endif
