/*
 * optim_classes.h: a row of optim/optimizers.def and the Python class made of it.
 */
#ifndef SADDLE_PYTHON_OPTIM_CLASSES_H
#define SADDLE_PYTHON_OPTIM_CLASSES_H

#include "python/optim_parts.h"

struct optimizer_class {
    const struct optimizer *row;
    PyTypeObject *type;
    char path[48];                    /* "torch.optim.adam.Adam": the type may point at it */
    PyObject *names[OPTIM_OPTIONS];   /* of the options, interned */
    PyObject *initial[OPTIM_OPTIONS]; /* their defaults */
    int order[OPTIM_OPTIONS];         /* the options in the order of a parameter group */
    PyObject *slot_names[OPTIM_SLOTS];
};

extern PyMethodDef optimizer_step_methods[];

/* Makes the state of every parameter, for rows with OPTIM_EAGER. */
int optimizer_start(OptimizerObject *self);

#endif
