/*
 * axis.h: what an axis shows, and its tick marks.
 *
 * Both the script and the cells take ranges and ticks from here, so that a picture in a file and
 * the one on the screen agree.
 */
#ifndef SADDLE_PLOT_AXIS_H
#define SADDLE_PLOT_AXIS_H

#include "plot/plot.h"

#include <stdbool.h>

struct axis_span {
    double low, high; /* finite, low < high; both positive when log */
    bool log;
    bool downward; /* low is on top (a heat map's rows) */
};

struct plot_frame {
    struct axis_span x, y, z; /* z: the colours of a heat map or the height of a surface */
    bool space;               /* the plot has a surface: three axes */
    bool colors;              /* z is shown as colours: a colour bar belongs beside the plot */
};

/* The ranges: what the axis asks for, else the extent of grids when there are any (so that a path
 * that runs away does not shrink the surface it runs on), else that of all series with a margin. */
struct plot_frame plot_frame(const struct plot *plot);

enum { TICKS_MAX = 16, TICK_TEXT = 24 };

struct axis_ticks {
    int count;
    double at[TICKS_MAX];
    char text[TICKS_MAX][TICK_TEXT]; /* ASCII, "0.25" or "1e-05" */
};

/* Round values inside the span, at most `most` (2 to TICKS_MAX) of them: steps of 1, 2 or 5 times a
 * power of ten; on a log axis powers of ten, and between those 2 and 5 when there is room. */
struct axis_ticks axis_ticks(const struct axis_span *span, int most);

/* Where `value` lies in the span: 0 at low, 1 at high; outside of 0..1 when it is outside; NaN for
 * what a log axis cannot show. */
double axis_position(const struct axis_span *span, double value);

/* Coordinate `i` of a series member, where NULL stands for 0, 1, 2, ... */
double plot_coordinate(const double *values, size_t i);

#endif
