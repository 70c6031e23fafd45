/*
 * optim_cycles.h: what CyclicLR and OneCycleLR share. Private to src/python.
 */
#ifndef SADDLE_PYTHON_OPTIM_CYCLES_H
#define SADDLE_PYTHON_OPTIM_CYCLES_H

#include "python/optim_scheduler.h"

/* group[key] = values[i] for each group; values is a list of that length. 0 or -1. */
int groups_set(PyObject *optimizer, PyObject *key, PyObject *values);
/* Raises that the optimizer has no momentum to cycle; -1. */
int momentum_missing(void);

#endif
