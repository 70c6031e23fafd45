/*
 * cellview.h: a cell laid out as rows: its text or source, then its outputs. Knows no terminal.
 *
 * What lies left of the rows (selection bar, In [n]) changes with every frame and is drawn by the
 * pane; the rows are kept until the cell, the width or the fold changes.
 */
#ifndef SADDLE_TUI_CELLVIEW_H
#define SADDLE_TUI_CELLVIEW_H

#include "notebook/notebook.h"
#include "tui/editor.h"
#include "tui/lines.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An output with more rows shows FOLD_HEAD rows, a notice, FOLD_TAIL rows, unless unfolded. */
enum {
    FOLD_LIMIT = 24,
    FOLD_HEAD = 8,
    FOLD_TAIL = 12,
    PLOT_INLINE_ROWS = 16,
    PLOT_INLINE_COLUMNS = 60
};

/* Rows that are kept free for a plot within the notebook. */
struct plot_slot {
    size_t row;
    int number; /* the cell's first, second, ... plot, from 0 */
};

struct cellview {
    uint64_t id;
    struct lines lines;
    size_t source_rows; /* rows before the outputs */
    VEC(struct plot_slot) plots;
    bool hidden, unfolded; /* the outputs */
    uint64_t fingerprint;
};

struct cellview_look {
    int width;
    const struct editor *editor; /* of this cell, when it is being edited */
    bool inline_plots;
    int first_plot; /* the number, in the session, of the cell's first plot; 0: not known */
};

void cellview_release(struct cellview *view);
void cellview_layout(struct cellview *view, const struct cell *cell,
                     const struct cellview_look *look);
/* Where a byte of the source is shown; false when the view does not show the source. */
bool cellview_find(const struct cellview *view, const char *source, size_t offset, size_t *row,
                   int *column);
/* The byte of the source at a place, the nearest one where there is none. */
size_t cellview_offset(const struct cellview *view, const char *source, size_t row, int column);

#endif
