/* plot_help.h: plots that several tests draw. */
#ifndef SADDLE_TESTS_PLOT_HELP_H
#define SADDLE_TESTS_PLOT_HELP_H

#include "plot/plot.h"

struct plot_series *add_line(struct plot *plot, enum plot_kind kind, const char *label,
                             size_t count, const double *x, const double *y);
/* z = (1 - x)^2 + 100 (y - x^2)^2 on [-2, 2] x [-1, 3]. */
struct plot_series *add_rosenbrock(struct plot *plot, enum plot_kind kind, size_t side);

/* Three epochs of a loss, two series, title and labels. */
struct plot *loss_plot(void);
/* Level lines with two paths on them. */
struct plot *race_plot(size_t side);
/* A saddle with a path that has no heights of its own. */
struct plot *saddle_plot(void);
/* 2 x 3 values. */
struct plot *heat_plot(void);

#endif
