/*
 * saddle.h: the parts of the module saddle, what Saddle offers beside PyTorch.
 */
#ifndef SADDLE_PYTHON_SADDLE_H
#define SADDLE_PYTHON_SADDLE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "plot/plot.h"

/* digits(), iris(): saddle_data.c */
extern PyMethodDef saddle_data_methods[];
/* plot(), scatter(), heatmap(), contour(), surface(), savefig(): saddle_plot.c */
extern PyMethodDef saddle_plot_methods[];
/* race(): saddle_race.c */
extern PyMethodDef saddle_race_methods[];

/* ---- what these share ---- */

/* A Tensor, a sequence of numbers, or a number as doubles (PyMem_Free). NULL with an exception. Row
 * by row; ndim and shape are those of the data. */
double *doubles_from_python(PyObject *object, int *ndim, int64_t *shape);

/* Title, axis labels, limits and scales as keywords that every kind of plot takes. */
struct plot_words {
    const char *title, *xlabel, *ylabel, *zlabel;
    PyObject *xlim, *ylim, *zlim; /* (low, high) or None */
    int logx, logy, logz, equal;
};
/* Writes them into a plot; false with an exception. */
bool plot_words_apply(const struct plot_words *words, struct plot *plot);

/* Shows a plot (taken over, NULL: an exception is raised) in the front end and remembers it for
 * savefig(). None, or NULL with an exception. */
PyObject *saddle_show(struct plot *plot);

/* The values of a function of a point p = (x, y) on a grid: rows * columns doubles (PyMem_Free).
 * Tries one call with p of shape (2, rows, columns), else calls it point by point. */
double *grid_of_function(PyObject *function, const double *x, size_t columns, const double *y,
                         size_t rows);
/* `count` numbers from low to high (PyMem_Free). */
double *evenly_spaced(double low, double high, size_t count);

#endif
