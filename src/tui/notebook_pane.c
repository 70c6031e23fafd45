#include "tui/notebook_pane.h"

#include "tui/app.h"
#include "tui/plots.h"
#include "tui/text.h"

#include <string.h>

/* The bar of the selection, the prompt, then the rows of the cell and a free column. */
enum { BAR = 0, PROMPT = 1, PROMPT_WIDTH = 5, BODY = 7, MARGIN = 1, GAP = 1 };

void notebook_pane_release(struct notebook_pane *pane)
{
    size_t i;

    for (i = 0; i < pane->views.count; i++)
        cellview_release(&pane->views.at[i]);
    vec_release(&pane->views);
    vec_release(&pane->tops);
}

/* --- Views follow cells -------------------------------------------------------------------- */

/* Moves the view of cell `id` to `index`, making it when there is none. */
static bool place_view(struct notebook_pane *pane, size_t index, uint64_t id)
{
    struct cellview fresh = {.id = id, .lines = LINES_INIT}, other;
    size_t i;

    for (i = index; i < pane->views.count && pane->views.at[i].id != id; i++)
        continue;
    if (i == pane->views.count && !vec_push(&pane->views, fresh))
        return false;
    if (i != index) {
        other = pane->views.at[i];
        memmove(&pane->views.at[index + 1], &pane->views.at[index],
                (i - index) * sizeof(pane->views.at[0]));
        pane->views.at[index] = other;
    }
    return true;
}

static bool match_views(struct notebook_pane *pane, const struct notebook *nb)
{
    size_t i;

    for (i = 0; i < nb->cells.count; i++)
        if (!place_view(pane, i, nb->cells.at[i]->id))
            return false;
    while (pane->views.count > nb->cells.count)
        cellview_release(&pane->views.at[--pane->views.count]);
    return true;
}

static int first_plot(const struct app *app, const struct cell *cell)
{
    size_t i;

    for (i = 0; i < cell->outputs.count; i++)
        if (cell->outputs.at[i].kind == OUTPUT_PLOT)
            return plots_number(app->panes.plots, cell->outputs.at[i].plot_id);
    return 0;
}

/* Lays out every cell and fills `tops`. */
static bool layout(struct app *app, int width)
{
    struct notebook_pane *pane = &app->notebook;
    long top = 0;
    size_t i;

    pane->tops.count = 0;
    if (!match_views(pane, app->nb))
        return false;
    for (i = 0; i < app->nb->cells.count; i++) {
        const struct cell *cell = app->nb->cells.at[i];
        struct cellview_look look = {.width = width,
                                     .inline_plots = !panes_show_plot(app),
                                     .first_plot = first_plot(app, cell)};

        if (app->mode == KEY_MODE_EDIT && i == app->selected)
            look.editor = &app->editor;
        cellview_layout(&pane->views.at[i], cell, &look);
        if (!vec_push(&pane->tops, top))
            return false;
        top += (long)pane->views.at[i].lines.at.count + GAP;
    }
    return vec_push(&pane->tops, top);
}

/* --- Scrolling ----------------------------------------------------------------------------- */

static void keep_in_bounds(struct notebook_pane *pane)
{
    long last = pane->tops.at[pane->tops.count - 1] - GAP - pane->area.rows;

    if (pane->scroll > last)
        pane->scroll = last;
    if (pane->scroll < 0)
        pane->scroll = 0;
}

static void show_rows(struct notebook_pane *pane, long first, long end)
{
    if (end > pane->scroll + pane->area.rows)
        pane->scroll = end - pane->area.rows;
    if (first < pane->scroll)
        pane->scroll = first;
}

/* The selected cell in sight, as much of it as fits; in edit mode the row of the cursor. */
static void follow(struct app *app)
{
    struct notebook_pane *pane = &app->notebook;
    long top = pane->tops.at[app->selected];
    long end = pane->tops.at[app->selected + 1] - GAP;
    long ahead;
    size_t row;
    int column;

    if (app->mode == KEY_MODE_EDIT &&
        cellview_find(&pane->views.at[app->selected], app->editor.text.text, app->editor.cursor,
                      &row, &column)) {
        if (end - top <= pane->area.rows)
            show_rows(pane, top, end);
        else
            show_rows(pane, top + (long)row, top + (long)row + 1);
        return;
    }
    /* A few rows of what comes next, so that one sees what the key will run. */
    ahead = pane->tops.at[pane->tops.count - 1] - end;
    ahead = ahead < pane->area.rows / 4 ? ahead : pane->area.rows / 4;
    end += ahead;
    show_rows(pane, top, end - top < pane->area.rows ? end : top + pane->area.rows);
}

void notebook_pane_scroll(struct app *app, long rows)
{
    app->notebook.scroll += rows;
    app->notebook.follow = false;
    app->dirty = true;
}

/* --- Drawing ------------------------------------------------------------------------------- */

static enum style gutter_text(const struct cell *cell, char *text, size_t size)
{
    if (cell->state == CELL_RUNNING) {
        snprintf(text, size, "[%s]", status_spinner());
        return STYLE_PROMPT_BUSY;
    }
    if (cell->state == CELL_QUEUED) {
        snprintf(text, size, "[…]");
        return STYLE_PROMPT_BUSY;
    }
    if (cell->run_number == 0)
        snprintf(text, size, "[ ]");
    else
        snprintf(text, size, "[%u]", cell->run_number % 1000);
    return cell->state == CELL_FAILED ? STYLE_PROMPT_FAILED
           : cell->run_number         ? STYLE_PROMPT_DONE
                                      : STYLE_PROMPT;
}

static void draw_gutter(const struct app *app, size_t index, int row, size_t view_row)
{
    const struct notebook_pane *pane = &app->notebook;
    const struct cell *cell = app->nb->cells.at[index];
    char text[16];
    enum style style;

    if (index == app->selected)
        screen_puts(row, pane->area.column + BAR, 1,
                    app->mode == KEY_MODE_EDIT ? STYLE_EDITED : STYLE_SELECTED, STYLE_TEXT, "▌");
    if (cell->kind != CELL_CODE)
        return;
    /* Without a ground of its own, source is told from output by a line. */
    if (screen_theme()->colors < 256 && view_row < pane->views.at[index].source_rows)
        screen_puts(row, pane->area.column + BODY - 1, 1, STYLE_BORDER, STYLE_TEXT, "│");
    if (view_row > 0)
        return;
    style = gutter_text(cell, text, sizeof(text));
    screen_puts(row, pane->area.column + PROMPT + PROMPT_WIDTH - text_width(text, strlen(text)),
                PROMPT_WIDTH, style, STYLE_TEXT, text);
}

static void draw_inline_plots(const struct app *app, size_t index)
{
    const struct notebook_pane *pane = &app->notebook;
    const struct cellview *view = &pane->views.at[index];
    const struct cell *cell = app->nb->cells.at[index];
    size_t i, k;

    for (i = 0; i < view->plots.count; i++) {
        int skip = view->plots.at[i].number;
        struct rect place = {(int)(pane->area.row + pane->tops.at[index] +
                                   (long)view->plots.at[i].row - pane->scroll),
                             pane->area.column + BODY + 1, PLOT_INLINE_ROWS,
                             pane->area.columns - BODY - MARGIN - 1};

        if (place.columns > PLOT_INLINE_COLUMNS)
            place.columns = PLOT_INLINE_COLUMNS;

        for (k = 0; k < cell->outputs.count; k++)
            if (cell->outputs.at[k].kind == OUTPUT_PLOT && skip-- == 0)
                plots_draw(app->panes.plots,
                           plots_number(app->panes.plots, cell->outputs.at[k].plot_id), place,
                           pane->area);
    }
}

static void draw_cell(const struct app *app, size_t index)
{
    const struct notebook_pane *pane = &app->notebook;
    const struct cellview *view = &pane->views.at[index];
    size_t i;

    for (i = 0; i < view->lines.at.count; i++) {
        long row = pane->tops.at[index] + (long)i - pane->scroll;

        if (row < 0 || row >= pane->area.rows)
            continue;
        draw_gutter(app, index, pane->area.row + (int)row, i);
        screen_line(pane->area.row + (int)row, pane->area.column + BODY,
                    pane->area.columns - BODY - MARGIN, &view->lines, i);
    }
    draw_inline_plots(app, index);
}

/* How far down one is: a thumb on the right edge, when not everything fits. */
static void draw_thumb(const struct notebook_pane *pane)
{
    long total = pane->tops.at[pane->tops.count - 1] - GAP, rows = pane->area.rows;
    long size, at, i;

    if (total <= rows)
        return;
    size = rows * rows / total > 1 ? rows * rows / total : 1;
    at = (rows - size) * pane->scroll / (total - rows);
    for (i = at; i < at + size; i++)
        screen_puts(pane->area.row + (int)i, pane->area.column + pane->area.columns - 1, 1,
                    STYLE_FAINT, STYLE_TEXT, "▐");
}

bool notebook_pane_cursor(const struct app *app, int *row, int *column)
{
    const struct notebook_pane *pane = &app->notebook;
    size_t view_row;
    long at;

    if (app->mode != KEY_MODE_EDIT ||
        !cellview_find(&pane->views.at[app->selected], app->editor.text.text, app->editor.cursor,
                       &view_row, column))
        return false;
    at = pane->tops.at[app->selected] + (long)view_row - pane->scroll;
    *row = pane->area.row + (int)at;
    *column += pane->area.column + BODY;
    return at >= 0 && at < pane->area.rows;
}

void notebook_pane_draw(struct app *app, struct rect area)
{
    struct notebook_pane *pane = &app->notebook;
    int row, column;
    size_t i;

    pane->area = area;
    if (!layout(app, area.columns - BODY - MARGIN))
        return;
    if (pane->follow)
        follow(app);
    keep_in_bounds(pane);
    for (i = 0; i < app->nb->cells.count; i++)
        if (pane->tops.at[i + 1] > pane->scroll && pane->tops.at[i] < pane->scroll + area.rows)
            draw_cell(app, i);
    draw_thumb(pane);
    if (notebook_pane_cursor(app, &row, &column))
        screen_cursor(row, column);
}

/* --- The mouse ----------------------------------------------------------------------------- */

struct cellview *notebook_pane_view(struct app *app, size_t index)
{
    return index < app->notebook.views.count ? &app->notebook.views.at[index] : NULL;
}

void notebook_pane_click(struct app *app, int row, int column)
{
    struct notebook_pane *pane = &app->notebook;
    long at = pane->scroll + row - pane->area.row;
    struct cellview *view;
    size_t i = 0, offset;

    if (pane->tops.count != app->nb->cells.count + 1)
        return;
    while (i + 1 < app->nb->cells.count && pane->tops.at[i + 1] <= at)
        i++;
    view = &pane->views.at[i];
    at -= pane->tops.at[i];
    pane->follow = false;
    if (i != app->selected || app->mode == KEY_MODE_COMMAND) {
        bool again = i == app->selected;

        app_leave_edit(app);
        app_select(app, i);
        pane->follow = false;
        if (!again || app->nb->cells.at[i]->kind != CELL_CODE || at >= (long)view->source_rows)
            return;
        offset = cellview_offset(view, app->nb->cells.at[i]->source.text, (size_t)at,
                                 column - pane->area.column - BODY);
        app_enter_edit(app, offset);
        return;
    }
    offset =
        cellview_offset(view, app->editor.text.text, (size_t)at, column - pane->area.column - BODY);
    editor_place(&app->editor, offset, false);
}
