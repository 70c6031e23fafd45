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

/* A text as gnuplot's single-quoted string, in which nothing but the quote has a meaning. The quote
 * becomes an apostrophe (U+2019): doubling it, gnuplot's own way, fails at the start of a string.
 * Control characters and what is not UTF-8 are replaced, very long text is cut. */
void script_quote(struct strbuf *out, const char *text);
void script_number(struct strbuf *out, double value);

/* The datablocks: $data0, $data1, ... one per series that has something to show, level lines
 * aside. */
void script_data(const struct script *s);
/* False when series `index` has nothing to draw in this layer; it has no datablock then. */
bool script_shows(const struct script *s, size_t index);
/* The datablocks $levelsN of CONTOUR series, found by gnuplot, and $shadeN behind the first. */
void script_contours(const struct script *s);
/* How many values the shading behind level lines has along each side. */
void script_shade_size(const struct script *s, int *columns, int *rows);
/* An image of a heat map takes every so-manieth of `count` rows or columns. */
size_t script_image_step(size_t count);
/* The line `plot ...` or `splot ...`. */
void script_draw(const struct script *s);

#endif
