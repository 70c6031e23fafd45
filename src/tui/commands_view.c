/* Panes, files, the program itself. */
#include "base/error.h"
#include "tui/app.h"
#include "tui/commands.h"
#include "tui/plots.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- Panes --------------------------------------------------------------------------------- */

void do_pane_next(struct app *app)
{
    enum arrangement now = panes_arrangement(app), next = (now + 1) % PANES_COUNT;

    if (plots_count(app->panes.plots) == 0) /* Tensors, or nothing */
        next = now == PANES_NONE ? PANES_BOTH : PANES_NONE;
    else if (next == PANES_BOTH && term_rows() < PANES_ROWS_BOTH)
        next = PANES_TENSORS;
    panes_choose(app, next);
}

/* The pane alone; asked for again, the stack as it was. */
static void show_pane(struct app *app, enum arrangement pane)
{
    bool shown = app->panes.chosen && panes_arrangement(app) == pane;

    panes_choose(app, shown ? PANES_BOTH : pane);
    if (shown && term_columns() < PANES_COLUMNS)
        panes_choose(app, PANES_NONE);
}

void do_pane_tensors(struct app *app)
{
    show_pane(app, PANES_TENSORS);
}

void do_pane_plot(struct app *app)
{
    show_pane(app, PANES_PLOT);
}

void do_plot_previous(struct app *app)
{
    panes_step_plot(app, -1);
}

void do_plot_next(struct app *app)
{
    panes_step_plot(app, 1);
}

void do_pane_down(struct app *app)
{
    panes_scroll(app, 3);
}

void do_pane_up(struct app *app)
{
    panes_scroll(app, -3);
}

void do_pane_wider(struct app *app)
{
    app->panes.wider += 4;
}

void do_pane_narrower(struct app *app)
{
    app->panes.wider -= 4;
}

void do_page_down(struct app *app)
{
    notebook_pane_scroll(app, app->notebook.area.rows - 2);
}

void do_page_up(struct app *app)
{
    notebook_pane_scroll(app, 2 - app->notebook.area.rows);
}

/* --- Files --------------------------------------------------------------------------------- */

static bool save_to(struct app *app, const char *path)
{
    if (notebook_save(app->nb, path) < 0) {
        status_error(app, "%s", error_message());
        error_clear();
        return false;
    }
    status_note(app, "Saved %s", app->nb->path);
    return true;
}

/* Another program's text is not overwritten without a question. */
static bool quit_when_saved;

static void on_overwrite(struct app *app, const char *answer)
{
    if (answer[0] == 'y' && save_to(app, NULL) && quit_when_saved)
        app->quit = true;
}

static void save_asking(struct app *app, bool quit)
{
    quit_when_saved = quit;
    if (notebook_changed_on_disk(app->nb))
        prompt_choice(app, "Another program changed the file. Overwrite it? y: yes  n: no", "yn",
                      on_overwrite);
    else if (save_to(app, NULL) && quit)
        app->quit = true;
}

static struct strbuf new_name = {.text = strbuf_empty};

static void on_replace(struct app *app, const char *answer)
{
    if (answer[0] == 'y')
        save_to(app, new_name.text);
}

static void on_name(struct app *app, const char *answer)
{
    strbuf_clear(&new_name);
    strbuf_adds(&new_name, answer);
    if (!strchr(answer, '.'))
        strbuf_adds(&new_name, ".md");
    if (access(new_name.text, F_OK) == 0 &&
        (!app->nb->path || strcmp(app->nb->path, new_name.text) != 0))
        prompt_choice(app, "There is a file of that name. Replace it? y: yes  n: no", "yn",
                      on_replace);
    else
        save_to(app, new_name.text);
}

void do_save(struct app *app)
{
    size_t cursor = app->editor.cursor;

    if (app->mode == KEY_MODE_EDIT) {
        app_commit_edit(app);
        editor_place(&app->editor, cursor, false);
    }
    if (app->nb->path)
        save_asking(app, false);
    else
        do_save_as(app);
}

void do_save_as(struct app *app)
{
    prompt_text(app, "Save as:", app->nb->path ? app->nb->path : "untitled.md", on_name);
}

static void on_quit(struct app *app, const char *answer)
{
    if (answer[0] == 'n')
        app->quit = true;
    else if (!app->nb->path)
        do_save_as(app);
    else
        save_asking(app, true);
}

void do_quit(struct app *app)
{
    if (app->nb && app_unsaved(app)) {
        app_leave_edit(app);
        prompt_choice(app, "Save the changes? y: save and quit  n: quit without  Esc: stay", "yn",
                      on_quit);
    } else {
        app->quit = true;
    }
}

void save_recovered(struct app *app)
{
    struct strbuf path = STRBUF_INIT;
    const char *name;
    size_t length;

    if (!app->nb || !app_unsaved(app))
        return;
    app_commit_edit(app);
    name = app->nb->path ? app->nb->path : "untitled.md";
    length = strlen(name);
    if (length > 3 && !strcmp(name + length - 3, ".md"))
        length -= 3;
    strbuf_add(&path, name, length);
    strbuf_adds(&path, ".recovered.md");
    if (notebook_save(app->nb, path.text) == 0)
        fprintf(stderr, "saddle: unsaved changes are in %s\n", path.text);
    else
        fprintf(stderr, "saddle: unsaved changes could not be kept: %s\n", error_message());
    error_clear();
    strbuf_release(&path);
}

/* --- The program --------------------------------------------------------------------------- */

void do_help(struct app *app)
{
    app->help = true;
    app->help_scroll = 0;
}

void do_palette(struct app *app)
{
    palette_open(app);
}

void do_theme(struct app *app)
{
    app->theme_wanted = true;
    app_set_theme(app, !app->theme.dark);
}

void do_redraw(struct app *app)
{
    screen_redraw();
    app->dirty = true;
}

void do_suspend(struct app *app)
{
    term_suspend();
    app->dirty = true;
}

void do_start_open(struct app *app)
{
    start_page_open(app);
}

void do_start_down(struct app *app)
{
    start_page_move(app, 1);
}

void do_start_up(struct app *app)
{
    start_page_move(app, -1);
}

void do_start_new(struct app *app)
{
    app->start.selected = app->start.lessons.count;
    start_page_open(app);
}
