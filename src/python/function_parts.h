/*
 * function_parts.h: what the files of torch.autograd.Function share. Private to src/python.
 */
#ifndef SADDLE_PYTHON_FUNCTION_PARTS_H
#define SADDLE_PYTHON_FUNCTION_PARTS_H

#include "python/tensor_type.h"

#include <stdbool.h>

/* ctx: what forward() leaves for backward(). Tuples, NULL where nothing was said. */
typedef struct {
    PyObject_HEAD PyObject *saved, *needs_input_grad, *dict, *non_differentiable, *dirty;
    uint32_t *versions;    /* of the saved tensors, once they are saved */
    struct packed *packed; /* those that went through hooks; in `saved` they are None */
    bool released, materialize;
} ContextObject;

/* The ctx of a call with these arguments; *wanted: one of them wants a gradient. */
ContextObject *context_new(PyObject *args, bool *wanted);
/* After forward(): the saved tensors must stay as they are. Those that are outputs are kept without
 * their history, which would be a cycle. 0 or -1. */
int context_seal(ContextObject *ctx, PyObject *outputs);
/* Whether a tuple (or NULL) holds this very object. */
bool tuple_holds(PyObject *tuple, PyObject *object);
int context_init(PyObject *module);

#endif
