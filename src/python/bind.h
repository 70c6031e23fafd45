/*
 * bind.h: arguments bound as Python binds those of a function that is written in Python, with the
 * same errors.
 */
#ifndef SADDLE_PYTHON_BIND_H
#define SADDLE_PYTHON_BIND_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* `names` has `count` names; the first `required` must be given, those from `positional` on are
 * for keywords alone. */
struct binding {
    const char *function; /* "DataLoader.__init__" */
    const char *const *names;
    int count, positional, required;
    int bound; /* 1 for a method: `self` is counted in errors */
};

/* Stores what is given in values[0..count-1], borrowed; the caller has put the defaults there. -1
 * with a TypeError. */
int binding_read(const struct binding *b, PyObject *args, PyObject *kwargs, PyObject **values);

#endif
