/*
 * grid.h: what a grid series (HEATMAP, CONTOUR, SURFACE) says between and about its values.
 */
#ifndef SADDLE_PLOT_GRID_H
#define SADDLE_PLOT_GRID_H

#include "plot/plot.h"

#include <stdbool.h>
#include <stddef.h>

/* True when neighbouring coordinates are equally far apart everywhere. */
bool grid_is_even(const double *coordinates, size_t count);

/* z at (x, y), bilinear between the four values around it; NaN outside of the grid, and when the
 * coordinates do not rise or fall steadily. */
double grid_value(const struct plot_series *grid, double x, double y);

/* Fills `levels` with at most `most` rising level values for the grid: its own when it has them;
 * else round steps, or, where z spans orders of magnitude as around a narrow valley, steps by a
 * constant factor above the lowest value. Returns how many. */
enum { GRID_LEVELS_MAX = 64 };
size_t grid_levels(const struct plot_series *grid, double *levels, size_t most);

/* Where z lies among the levels, from 0 (below the first) to 1 (above the last), without steps. */
double grid_shade(const double *levels, size_t count, double low, double high, double z);

#endif
