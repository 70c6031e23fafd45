/*
 * plot.h: a plot as plain data.
 *
 * The kernel fills a struct plot, sends it as JSON, and the front end draws it. Nothing here knows
 * of gnuplot or the screen: script.h turns a plot into a gnuplot script, canvas.h into cells.
 * Numbers are doubles; NaN in a coordinate is a gap. An x or y that is NULL stands for 0, 1, 2, ...
 */
#ifndef SADDLE_PLOT_PLOT_H
#define SADDLE_PLOT_PLOT_H

#include "base/strbuf.h"
#include "base/vec.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum plot_kind {
    PLOT_LINE,    /* y over x */
    PLOT_POINTS,  /* marks at (x, y) */
    PLOT_PATH,    /* a trajectory: a line with a mark at its start and a larger one at its end */
    PLOT_BARS,    /* y over x, as boxes */
    PLOT_HEATMAP, /* z (rows, columns) as colours; row 0 on top */
    PLOT_CONTOUR, /* z (rows, columns) over x (columns) and y (rows), as level lines */
    PLOT_SURFACE, /* the same as a surface in space */
    PLOT_KIND_COUNT
};

struct plot_series {
    enum plot_kind kind;
    char *label; /* NULL: not in the legend */
    /* LINE, POINTS, PATH, BARS: `count` values in x and y (and z for a path on a surface).
     * HEATMAP, CONTOUR, SURFACE: x holds `columns`, y `rows`, z rows * columns values, row by row.
     */
    double *x, *y, *z;
    size_t count, rows, columns;
    double *levels; /* CONTOUR: the level values; NULL lets gnuplot choose */
    size_t level_count;
    int color; /* index into the palette, -1: the next one */
    bool dashed;
};

struct plot_axis {
    char *label;
    double low, high; /* NaN: from the data */
    bool log;
};

struct plot {
    char *title;
    struct plot_axis x, y, z;
    VEC(struct plot_series) series;
    bool legend;       /* shown when a series has a label; true from plot_new() */
    bool equal;        /* one unit is as long in x as in y */
    double tilt, turn; /* view of a surface, degrees */
};

/* All return NULL or false with the error set; plot_free(NULL) does nothing. */
struct plot *plot_new(void);
void plot_free(struct plot *plot);
/* Adds an empty series and returns it, valid until the next call. The plot owns what it points to.
 */
struct plot_series *plot_add(struct plot *plot, enum plot_kind kind);
/* HEATMAP, CONTOUR, SURFACE. */
bool plot_kind_has_grid(enum plot_kind kind);
/* Replaces a string member: plot_set_text(&plot->title, "Loss"). NULL clears it. */
bool plot_set_text(char **member, const char *text);
/* Copies `count` doubles into a series member. */
bool plot_set_data(double **member, const double *values, size_t count);

/* JSON form, the one that travels from the kernel to the front end. plot_from_json() trusts
 * nothing: kinds, counts and lengths are checked, the error names the member. */
json_t *plot_to_json(const struct plot *plot);
struct plot *plot_from_json(const json_t *json);

#endif
