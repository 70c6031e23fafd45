/*
 * law_formula.h: formulas as text, of which the distributions and their supports are made.
 *
 * A formula is a line of statements "name = expression; ... ; expression"; its value is that of the
 * last one. It knows numbers, 'strings', [lists], the operators of Python on tensors with Python's
 * ranks (one rank for & and |, no chains of comparisons), attributes, methods, keywords of calls,
 * and names. A name with parentheses is a function of torch, torch.nn.functional,
 * torch.distributions and its constraints and utils, or Python; of a float alone, of math. Any
 * other name is a local one, True, False, None, pi, inf, nan, euler or torch, or else an attribute
 * of `self`. Operators and functions are called as Python code calls them, so results, graphs and
 * errors are those that a program would get.
 *
 * The text is ours: a mistake in it is a SystemError.
 */
#ifndef SADDLE_PYTHON_LAW_FORMULA_H
#define SADDLE_PYTHON_LAW_FORMULA_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* The value, a new reference; NULL with an exception. `self` may be NULL; `locals` is a dict that
 * the statements add to. */
PyObject *formula_value(const char *text, PyObject *self, PyObject *locals);

/* The modules where functions are looked for; after they have been made. 0 or -1. */
int formula_init(PyObject *torch);

#endif
