/*
 * mosaic.h: pixels to character cells, through libchafa.
 */
#ifndef SADDLE_PLOT_MOSAIC_H
#define SADDLE_PLOT_MOSAIC_H

#include "plot/canvas.h"
#include "plot/png.h"

/* Pixels of a cell in the picture that mosaic_draw() likes best; terminals' cells are about 1:2. */
enum { MOSAIC_WIDTH = 8, MOSAIC_HEIGHT = 16 };

/* Draws the picture into `columns` x `rows` cells of `canvas` from (left, top) on. Transparent
 * pixels become the terminal's ground. -1 with ERROR_MEMORY. */
int mosaic_draw(struct cell_canvas *canvas, int left, int top, int columns, int rows,
                const struct picture *picture, const struct plot_look *look);

#endif
