/*
 * palette.h: the colours of a plot, 0xRRGGBB.
 */
#ifndef SADDLE_PLOT_PALETTE_H
#define SADDLE_PLOT_PALETTE_H

#include "plot/plot.h"

#include <stdbool.h>
#include <stdint.h>

struct plot_theme {
    uint32_t ground, text, frame, grid;
    uint32_t shade_low, shade_high; /* behind level lines */
    uint32_t band_high;             /* where bands of shading stand for level lines */
    uint32_t level;                 /* level lines */
};

const struct plot_theme *plot_theme(bool dark);

/* The colour of series `index`: its own, or the next one after those without, of colours that
 * people with any colour vision tell apart (after Okabe and Ito). Grids take none. */
uint32_t series_color(const struct plot *plot, size_t index, bool dark);

/* Dark blue to yellow, even in lightness; `t` from 0 to 1, cut. */
enum { HEAT_STOPS = 9 };
uint32_t heat_stop(int index);
uint32_t heat_color(double t);

/* What a terminal of that many colours shows for `color`: itself with 1 << 24; with 256 the nearest
 * of xterm's fixed colours 16 to 255; with 16 one of xterm's first 16, where the palette's colours
 * stay apart; with 2 -1. -1 stays -1. */
int32_t color_shown(int32_t color, int colors);

#endif
