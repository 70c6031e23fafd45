/*
 * panes.h: the stack of panes on the right: Tensors, Plot.
 */
#ifndef SADDLE_TUI_PANES_H
#define SADDLE_TUI_PANES_H

#include "tui/lines.h"
#include "tui/screen.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct app;
struct plots;

enum arrangement { PANES_BOTH, PANES_TENSORS, PANES_PLOT, PANES_NONE, PANES_COUNT };

/* Below this width the panes stay closed until they are asked for; on fewer rows the stack shows
 * one of them. */
enum { PANES_COLUMNS = 80, PANES_ROWS_BOTH = 28 };

struct panes {
    enum arrangement arrangement;
    bool chosen; /* by the user; else it follows the terminal's size */
    int wider;   /* columns that the user added to the panes */
    struct plots *plots;
    int plot;   /* the number that is shown, 0: none */
    int scroll; /* of the tensors */
    struct lines tensors;
    uint64_t tensors_version; /* of what `tensors` was laid out from */
    int tensors_width;
    struct rect tensors_area, plot_area; /* of the last frame; rows 0: not shown */
};

bool panes_init(struct panes *panes);
void panes_release(struct panes *panes);
/* The arrangement for this size of the terminal. */
enum arrangement panes_arrangement(const struct app *app);
/* True when a plot is shown by a pane and need not be drawn within the notebook. */
bool panes_show_plot(const struct app *app);
/* Columns of the panes, 0: none. */
int panes_columns(const struct app *app, int columns);
void panes_draw(struct app *app, struct rect area);
void panes_add_plot(struct app *app, int id, json_t *plot);
void panes_choose(struct app *app, enum arrangement arrangement);
void panes_step_plot(struct app *app, int step);
void panes_scroll(struct app *app, int rows);
/* A pane's or the notebook's name on a rule of its own. */
void pane_title(int row, int column, int columns, enum style style, const char *title,
                const char *right);

#endif
