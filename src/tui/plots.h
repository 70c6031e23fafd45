/*
 * plots.h: the plots of this session, and each as a picture in cells.
 *
 * The picture is kept until the plot, its size or the theme changes. While a plot changes often (a
 * race that moves), it is drawn only as often as gnuplot leaves time for everything else.
 */
#ifndef SADDLE_TUI_PLOTS_H
#define SADDLE_TUI_PLOTS_H

#include "base/strbuf.h"
#include "tui/screen.h"

#include <jansson.h>
#include <stdbool.h>

struct plots;

struct plots *plots_new(void);
void plots_free(struct plots *plots);
/* A plot with the kernel's id: a new one, or in place of the one with that id. Returns its number,
 * from 1; 0 when memory ran out. */
int plots_set(struct plots *plots, int id, json_t *json);
/* A new kernel counts its ids anew: those so far mean nothing any more. */
void plots_forget_ids(struct plots *plots);
int plots_count(const struct plots *plots);
int plots_number(const struct plots *plots, int id); /* 0: none */
/* Draws into `place`, only what lies in `clip`; what went wrong is drawn as text. */
void plots_draw(struct plots *plots, int number, struct rect place, struct rect clip);
/* A new frame begins. */
void plots_frame(struct plots *plots);
/* True when that frame shows a picture that is older than its plot: draw again soon. */
bool plots_stale(const struct plots *plots);
/* A plot as a file's bytes; false with the error set. */
bool plots_render(struct plots *plots, json_t *json, const char *format, int width, int height,
                  struct strbuf *out);

#endif
