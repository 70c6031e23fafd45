/*
 * method.h: entries of method tables for functions that take keywords: {"name", WITH_KEYWORDS(f),
 * doc}.
 */
#ifndef SADDLE_PYTHON_METHOD_H
#define SADDLE_PYTHON_METHOD_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* f(self, args, kwargs) */
#define WITH_KEYWORDS(function)                                                                    \
    (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS
/* f(self, array of arguments, count, names of keywords) */
#define WITH_FASTCALL(function)                                                                    \
    (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS

#endif
