/*
 * pictures.h: plots as files, for runs without a screen.
 *
 * What a program shows is written to STEM-1.png, STEM-2.png, ... in the current folder; a plot that
 * replaces an earlier one (the same id) goes to the same file. Each file is named once, problems
 * are told on standard error.
 */
#ifndef SADDLE_TUI_PICTURES_H
#define SADDLE_TUI_PICTURES_H

#include "base/strbuf.h"
#include "base/vec.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct picture_file {
    int id;
    json_t *waiting; /* shown, not yet written; NULL: none */
    bool named;
};

struct pictures {
    char *stem;
    FILE *report; /* takes the names of the files */
    struct gnuplot *gnuplot;
    VEC(struct picture_file) files;
    bool failed; /* a picture could not be written */
};

/* `path` is the program's file: "lessons/01-tour.md" gives the stem "01-tour". */
bool pictures_init(struct pictures *pictures, const char *path, FILE *report);
void pictures_release(struct pictures *pictures);
/* Remembers a plot (plot.h, JSON form) until pictures_flush(); of those with one id the last. */
void pictures_show(struct pictures *pictures, json_t *plot, int id);
void pictures_flush(struct pictures *pictures);
/* The bytes of one picture in a format of script.h; width and height 0: the default size. */
bool pictures_render(struct pictures *pictures, const json_t *plot, const char *format, int width,
                     int height, struct strbuf *out);

#endif
