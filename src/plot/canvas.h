/*
 * canvas.h: a plot as a grid of character cells.
 *
 * gnuplot draws the bare picture, libchafa turns it into coloured symbols; title, axes, tick labels
 * and legend are text around it, so that they stay readable. The caller copies the cells to the
 * screen.
 */
#ifndef SADDLE_PLOT_CANVAS_H
#define SADDLE_PLOT_CANVAS_H

#include "plot/gnuplot.h"
#include "plot/plot.h"

#include <stdbool.h>
#include <stdint.h>

enum plot_symbols {
    PLOT_SYMBOLS_ASCII, /* 7-bit characters only, by gnuplot's own text terminal */
    PLOT_SYMBOLS_HALF,  /* half blocks: every Unicode font has them */
    PLOT_SYMBOLS_QUADRANT,
    PLOT_SYMBOLS_SEXTANT, /* finest blocks, Unicode 13: newer terminals */
    PLOT_SYMBOLS_BRAILLE, /* dots: finest lines */
    PLOT_SYMBOLS_COUNT
};

struct plot_look {
    bool dark;                 /* the terminal's ground is dark */
    int colors;                /* 1 << 24, 256, 16, or 2 for none (NO_COLOR): shapes only */
    enum plot_symbols symbols; /* in colour QUADRANT is a good choice, without colour BRAILLE */
};

enum { CELL_DEFAULT = -1 };

struct plot_cell {
    uint32_t rune;  /* Unicode; 0: the right half of a wide character to the left */
    int32_t fg, bg; /* 0xRRGGBB, or CELL_DEFAULT: the terminal's own. Always one of the terminal's
                     * colours when look.colors is 16 or 256, so mapping to an index is exact */
    bool bold;
};

struct cell_canvas {
    int columns, rows;
    struct plot_cell *cells; /* rows * columns, row by row; owned */
};

/* Below this there is no room for a plot and its labels: plot_cells() fails with ERROR_VALUE. */
enum { CANVAS_COLUMNS_MIN = 16, CANVAS_ROWS_MIN = 6, CANVAS_SIDE_MAX = 1000 };

/* Draws `plot` into `columns` x `rows` cells. -1 with the error set (gnuplot missing and so on, see
 * gnuplot_render()); `out` is empty then. */
int plot_cells(struct gnuplot *g, const struct plot *plot, int columns, int rows,
               const struct plot_look *look, struct cell_canvas *out);
/* The last resort, for terminals without Unicode: plain characters, no colour. */
int plot_ascii(struct gnuplot *g, const struct plot *plot, int columns, int rows,
               struct cell_canvas *out);
void cell_canvas_release(struct cell_canvas *canvas);

#endif
