/*
 * script.h: a plot as a gnuplot script.
 *
 * The script is a pure function of the plot and the target. Whatever text a notebook puts into a
 * plot ends up inside single quotes, without control characters and with enhanced text off; data
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

struct plot_target {
    enum plot_format format;
    int width, height; /* pixels */
    bool dark;         /* light text on a dark ground */
    bool bare;         /* no text at all; the plot area fills the picture exactly */
    bool mono;     /* bare: shapes only, one colour on the ground (for screens without colour) */
    double thick;  /* bare: pixels of a line; 0: the default, 2 */
    bool no_cairo; /* this gnuplot has no pngcairo and pdfcairo: use png and its kin */
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
