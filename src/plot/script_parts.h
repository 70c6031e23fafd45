/*
 * script_parts.h: what the files of the script writer share. script.c writes the terminal, the axes
 * and the legend; script_data.c the data; script_draw.c the plot command.
 */
#ifndef SADDLE_PLOT_SCRIPT_PARTS_H
#define SADDLE_PLOT_SCRIPT_PARTS_H

#include "plot/axis.h"
#include "plot/palette.h"
#include "plot/script.h"

struct script {
    const struct plot *plot;
    const struct plot_target *target;
    const struct plot_theme *theme;
    struct plot_frame frame;
    struct strbuf *out;
    double line; /* width of a data line, in gnuplot's units */
    bool shaded; /* level lines lie on a shaded ground */
};

/* A text as gnuplot's single-quoted string: quotes doubled, control characters and what is not
 * UTF-8 replaced, very long text cut. */
void script_quote(struct strbuf *out, const char *text);
void script_number(struct strbuf *out, double value);

/* The datablocks: $data0, $data1, ... one per series that has something to show. */
void script_data(const struct script *s);
/* False when series `index` has nothing to draw; it has no datablock then. */
bool script_shows(const struct script *s, size_t index);
/* The datablock $levelsN of a CONTOUR series, found by gnuplot, and $shadeN behind it. */
void script_contours(const struct script *s);
/* The line `plot ...` or `splot ...`. */
void script_draw(const struct script *s);

#endif
