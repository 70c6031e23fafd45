/*
 * unpickle.h: a machine for pickles that holds data and calls nothing else. Private to src/python.
 *
 * It runs the opcodes of pickle protocols 1 to 5 (0 where the others share it) over bytes that are
 * all in memory, so that no size in a damaged pickle leads anywhere. A class or function that the
 * pickle names is looked up by pickle_name(), the only gate to the rest of Python.
 */
#ifndef SADDLE_PYTHON_UNPICKLE_H
#define SADDLE_PYTHON_UNPICKLE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>

struct unpickler {
    const unsigned char *start, *at, *end; /* `at` moves on behind the pickle */
    const char *encoding;                  /* of strings from Python 2, or "bytes" */
    bool trusted;                          /* may name classes of modules and of __main__ */
    /* What a persistent id stands for; a new reference or NULL with an exception. NULL: none. */
    PyObject *(*persistent)(void *context, PyObject *id);
    void *context;
    /* The machine's own; all zero before and after. */
    VEC(PyObject *) stack;
    VEC(size_t) marks;
    PyObject *memo;     /* dict: number -> object */
    PyObject *admitted; /* set of the classes and functions that pickle_name() gave */
    PyObject *result;
};

/* The next pickle in the bytes. NULL with an exception: UnpicklingError for one that is damaged or
 * names what it may not, EOFError for one that is cut off. */
PyObject *unpickle(struct unpickler *u);

/* Raises pickle.UnpicklingError; returns NULL. */
void *unpickling_error(const char *format, ...);
/* The same for functions that return false. */
#define unpickling_failed(...) ((void)unpickling_error(__VA_ARGS__), false)

/* ---- the gate: serial_names.c ---- */

/* What a pickle names, or an UnpicklingError that says what it may name. Both are str. */
PyObject *pickle_name(struct unpickler *u, PyObject *module, PyObject *name);
/* callable(*args) for one that pickle_name() gave. */
PyObject *pickle_call(struct unpickler *u, PyObject *callable, PyObject *args);
/* class.__new__(class, *args, **keywords); keywords may be NULL. */
PyObject *pickle_new(struct unpickler *u, PyObject *class, PyObject *args, PyObject *keywords);
/* Gives an object the state that its class's __reduce__() returned. */
bool pickle_build(struct unpickler *u, PyObject *object, PyObject *state);
/* Whether hash(key) is safe to ask: a tuple of tuples may be deeper than the C stack. */
bool pickle_key(PyObject *key);

#endif
