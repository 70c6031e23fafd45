/*
 * mosaic.h: dots to character cells, through libchafa.
 *
 * A cell shows a few dots, as many as its symbols tell apart. gnuplot draws a picture of as many
 * pixels as there are dots, so that a line is one dot wide and as sharp as it can be.
 */
#ifndef SADDLE_PLOT_MOSAIC_H
#define SADDLE_PLOT_MOSAIC_H

#include "plot/canvas.h"
#include "plot/png.h"

/* How many dots a cell has across and down. */
void mosaic_dots(enum plot_symbols symbols, int *across, int *down);

/* Fills the transparent dots of `above` with those of `below`; both have the same size. */
void mosaic_lay(struct picture *above, const struct picture *below);
/* The colour of the dots around the middle of cell (x, y), -1 where they are transparent. */
int32_t mosaic_ground(const struct picture *dots, enum plot_symbols symbols, int x, int y);

/* Draws the dots into `columns` x `rows` cells of `canvas` from (left, top) on. Transparent dots
 * become the terminal's ground. -1 with ERROR_MEMORY, or ERROR_VALUE when the picture has not as
 * many dots as the cells. */
int mosaic_draw(struct cell_canvas *canvas, int left, int top, int columns, int rows,
                const struct picture *dots, const struct plot_look *look);

#endif
