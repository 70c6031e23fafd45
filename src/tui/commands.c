/* Running cells, and what command mode does to them. */
#include "tui/commands.h"

#include "base/error.h"
#include "tui/app.h"

#include <string.h>

/* --- Running ------------------------------------------------------------------------------- */

static bool is_last(const struct app *app)
{
    return app->selected + 1 == app->nb->cells.count;
}

static void insert_and_edit(struct app *app, size_t index)
{
    if (!notebook_insert(app->nb, index, CELL_CODE, ""))
        return;
    app_select(app, index);
    app_enter_edit(app, 0);
}

void do_run_next(struct app *app)
{
    bool edited = app->mode == KEY_MODE_EDIT, last = is_last(app);

    app_leave_edit(app);
    session_run(app, app->selected);
    if (!last)
        app_select(app, app->selected + 1);
    else if (edited)
        insert_and_edit(app, app->nb->cells.count);
    app->notebook.follow = true;
}

void do_run_stay(struct app *app)
{
    app_leave_edit(app);
    session_run(app, app->selected);
    app->notebook.follow = true;
}

void do_run_insert(struct app *app)
{
    app_leave_edit(app);
    session_run(app, app->selected);
    insert_and_edit(app, app->selected + 1);
}

void do_run_all(struct app *app)
{
    size_t i;

    for (i = 0; i < app->nb->cells.count; i++)
        session_run(app, i);
}

void do_interrupt(struct app *app)
{
    session_interrupt(app);
}

void do_restart(struct app *app)
{
    session_restart(app);
}

/* --- Selecting ----------------------------------------------------------------------------- */

void do_edit(struct app *app)
{
    app_enter_edit(app, app_cell(app)->source.length);
}

void do_select_next(struct app *app)
{
    if (!is_last(app))
        app_select(app, app->selected + 1);
}

void do_select_previous(struct app *app)
{
    if (app->selected > 0)
        app_select(app, app->selected - 1);
}

void do_select_first(struct app *app)
{
    app_select(app, 0);
}

void do_select_last(struct app *app)
{
    app_select(app, app->nb->cells.count - 1);
}

/* --- Cells --------------------------------------------------------------------------------- */

void do_insert_above(struct app *app)
{
    notebook_insert(app->nb, app->selected, CELL_CODE, "");
    app_select(app, app->selected);
}

void do_insert_below(struct app *app)
{
    if (notebook_insert(app->nb, app->selected + 1, CELL_CODE, ""))
        app_select(app, app->selected + 1);
}

void do_copy(struct app *app)
{
    const struct cell *cell = app_cell(app);

    strbuf_clear(&app->clip);
    strbuf_add(&app->clip, cell->source.text, cell->source.length);
    app->clip_kind = cell->kind;
    app->clip_full = true;
}

static bool refuse_running(struct app *app)
{
    if (app_cell(app)->state != CELL_RUNNING)
        return false;
    status_error(app, "The cell is running: i i interrupts it");
    return true;
}

void do_cut(struct app *app)
{
    if (refuse_running(app))
        return;
    do_copy(app);
    notebook_delete(app->nb, app->selected);
    app_select(app, app->selected);
}

void do_paste(struct app *app)
{
    if (app->clip_full &&
        notebook_insert(app->nb, app->selected + 1, app->clip_kind, app->clip.text))
        app_select(app, app->selected + 1);
}

static void undo_or_redo(struct app *app, bool (*step)(struct notebook *, size_t *),
                         const char *nothing)
{
    size_t index = app->selected;

    if (step(app->nb, &index))
        app_select(app, index);
    else
        status_note(app, "%s", nothing);
}

void do_undo(struct app *app)
{
    undo_or_redo(app, notebook_undo, "Nothing to undo");
}

void do_redo(struct app *app)
{
    undo_or_redo(app, notebook_redo, "Nothing to do again");
}

void do_to_markdown(struct app *app)
{
    if (!refuse_running(app))
        notebook_set_kind(app->nb, app->selected, CELL_MARKDOWN);
}

void do_to_code(struct app *app)
{
    notebook_set_kind(app->nb, app->selected, CELL_CODE);
}

static void move_cell(struct app *app, size_t to)
{
    notebook_move(app->nb, app->selected, to);
    app_select(app, to);
}

void do_move_up(struct app *app)
{
    if (app->selected > 0)
        move_cell(app, app->selected - 1);
}

void do_move_down(struct app *app)
{
    if (!is_last(app))
        move_cell(app, app->selected + 1);
}

void do_merge(struct app *app)
{
    if (is_last(app) || !notebook_merge(app->nb, app->selected))
        status_note(app, "There is no cell below to join");
}

static void toggle(struct app *app, size_t offset)
{
    struct cellview *view = notebook_pane_view(app, app->selected);
    bool *flag = view ? (bool *)((char *)view + offset) : NULL;

    if (flag)
        *flag = !*flag;
    app->notebook.follow = true;
}

void do_fold_output(struct app *app)
{
    toggle(app, offsetof(struct cellview, hidden));
}

void do_whole_output(struct app *app)
{
    toggle(app, offsetof(struct cellview, unfolded));
}
