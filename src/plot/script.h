/*
 * script.h: a plot as a gnuplot script.
 *
 * The script is a pure function of the plot and the target. Whatever text a notebook puts into a
 * plot ends up inside single quotes, without quotes or control characters of its own and with
 * enhanced text off; data
 * goes into datablocks as numbers printed here. So nothing in a plot can reach gnuplot's commands,
 * backquotes or system().
 */
#ifndef SADDLE_PLOT_SCRIPT_H
#define SADDLE_PLOT_SCRIPT_H

#include "base/strbuf.h"
#include "plot/plot.h"

#include <stdbool.h>

enum plot_format {
    PLOT_FORMAT_PNG,
    PLOT_FORMAT_SVG,
    PLOT_FORMAT_PDF,
    PLOT_FORMAT_ASCII,  /* characters in lines; width and height in cells */
    PLOT_FORMAT_SCRIPT, /* the script alone, for the reader's own gnuplot: no terminal is set */
    PLOT_FORMAT_COUNT
};

enum plot_layer { PLOT_LAYER_ALL, PLOT_LAYER_GRIDS, PLOT_LAYER_SERIES };

struct plot_target {
    enum plot_format format;
    int width, height; /* pixels */
    bool dark;         /* light text on a dark ground */
    /* For the dots of a character picture: no text at all, the plot area fills the picture exactly,
     * lines are one pixel wide and not smoothed, the ground is transparent. gnuplot fills an area
     * up to its last pixel, not including it: the picture of PLOT_LAYER_GRIDS is therefore one
     * pixel wider and higher than asked for, to be cut off. */
    bool bare;
    bool mono;             /* bare: one colour; series differ by their dashes */
    enum plot_layer layer; /* bare: only the grids, or only what is drawn over them */
    bool no_cairo;         /* this gnuplot has no pngcairo: smooth pictures by png */
    bool no_gd;            /* it has no png: pictures of dots by pngcairo */
};

/* Appends the script. -1 with ERROR_VALUE for a target that makes no sense (a size below 1 or above
 * PLOT_SIZE_MAX), ERROR_MEMORY. An empty plot gives empty axes. */
enum { PLOT_SIZE_MAX = 16384 };
int plot_script(const struct plot *plot, const struct plot_target *target, struct strbuf *out);

/* "png", "svg", "pdf", "txt", "gp". */
const char *plot_format_name(enum plot_format format);
/* The format of that name; -1 with ERROR_VALUE that lists the names. */
int plot_format_find(const char *name);

#endif
