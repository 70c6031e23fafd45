/*
 * notebook_pane.h: the document on the left: cells one under the other, scrolled.
 */
#ifndef SADDLE_TUI_NOTEBOOK_PANE_H
#define SADDLE_TUI_NOTEBOOK_PANE_H

#include "base/vec.h"
#include "tui/cellview.h"
#include "tui/screen.h"

#include <stdbool.h>

struct app;

struct notebook_pane {
    VEC(struct cellview) views; /* one for each cell, in the document's order after a layout */
    VEC(long) tops;             /* the first row of each cell, then the height of all */
    struct rect area;           /* of the last frame */
    long scroll;                /* the row on top */
    bool follow;                /* keep the selected cell (or the cursor) in sight */
};

void notebook_pane_release(struct notebook_pane *pane);
void notebook_pane_draw(struct app *app, struct rect area);
/* By rows; the selection stays. */
void notebook_pane_scroll(struct app *app, long rows);
void notebook_pane_click(struct app *app, int row, int column);
/* The cell's view, to fold it; NULL before the first frame. */
struct cellview *notebook_pane_view(struct app *app, size_t index);
/* Where the cursor of the edited cell is on the screen; false when it is out of sight. */
bool notebook_pane_cursor(const struct app *app, int *row, int *column);

#endif
