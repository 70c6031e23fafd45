/*
 * functional_parts.h: what the files of torch.autograd.functional share: one call of the function
 * that is differentiated, and gradients with PyTorch's checks. Private to src/python.
 *
 * Functions that return PyObject * return new references, and NULL with a Python exception.
 */
#ifndef SADDLE_PYTHON_FUNCTIONAL_PARTS_H
#define SADDLE_PYTHON_FUNCTIONAL_PARTS_H

#include "python/tensor_type.h"

#include <stdbool.h>

/* Inputs as fresh tensors that want gradients, and what the function makes of them: tuples. */
struct evaluation {
    const char *name; /* of the function of torch.autograd.functional, for errors */
    bool create, strict;
    PyObject *inputs, *outputs;
    bool single_input, single_output; /* a tensor, not a tuple of them */
};

/* Reads the inputs. With create they stay connected to what they came from. */
bool evaluation_open(struct evaluation *e, PyObject *inputs);
/* Calls the function; strict wants outputs with gradients. */
bool evaluation_run(struct evaluation *e, PyObject *function);
/* The one output must be one number. */
bool evaluation_is_scalar(const struct evaluation *e);
void evaluation_close(struct evaluation *e);

/* A tensor or a tuple of them as a tuple; a TypeError calls it `what`. */
PyObject *functional_tuple(PyObject *object, const char *what, const char *name, bool *single);
/* Fresh tensors with the values of a tuple's; `connected`: those that want gradients keep their
 * history, `wanted`: the others want gradients too. */
PyObject *functional_fresh(PyObject *tensors, bool connected, bool wanted);
/* Without history, unless it is to be kept. Takes over the tuple. */
PyObject *functional_finish(PyObject *tuple, bool keep);
/* The tuple, or its only element. Takes over the tuple. */
PyObject *functional_unpack(PyObject *tuple, bool single);

/* d(outputs)/d(inputs) weighted by `weights` (a tuple; NULL: 1) as a tuple, None where nothing
 * flows. Outputs that are None or want no gradient count for nothing. */
PyObject *functional_gradients(PyObject *outputs, PyObject *inputs, PyObject *weights, bool create);

/* What strict mode wants to require a gradient. */
enum demand { DEMAND_OUTPUTS, DEMAND_GRADIENTS, DEMAND_JACOBIAN, DEMAND_HESSIAN };
bool functional_demand(PyObject *tensors, enum demand demand, bool strict);

/* Puts zeros, shaped like `like`, where a gradient is None; in strict mode that is an error. Takes
 * over the tuple. */
enum stage { STAGE_BACK, STAGE_BACK_TRICK, STAGE_DOUBLE_BACK, STAGE_DOUBLE_BACK_TRICK };
PyObject *functional_fill(const struct evaluation *e, PyObject *gradients, PyObject *like,
                          enum stage stage);

int functional_products_init(PyObject *functional); /* vjp, jvp, hvp, vhp */

#endif
