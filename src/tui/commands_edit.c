/* What edit mode does beside typing. */
#include "base/error.h"
#include "tui/app.h"
#include "tui/commands.h"

void do_leave_edit(struct app *app)
{
    app_leave_edit(app);
}

void do_complete(struct app *app)
{
    struct editor *editor = &app->editor;
    size_t start, end;

    editor_selection(editor, &start, &end);
    if (app_cell(app)->kind == CELL_CODE && start == end && !editor_in_indentation(editor) &&
        session_complete(app, editor->text.text, editor->cursor))
        return;
    editor_indent(editor);
}

void do_unindent(struct app *app)
{
    editor_unindent(&app->editor);
}

void do_comment(struct app *app)
{
    if (app_cell(app)->kind == CELL_CODE)
        editor_toggle_comment(&app->editor);
}

void do_edit_undo(struct app *app)
{
    if (!editor_undo(&app->editor))
        status_note(app, "Nothing to undo");
}

void do_edit_redo(struct app *app)
{
    if (!editor_redo(&app->editor))
        status_note(app, "Nothing to do again");
}

void do_select_all(struct app *app)
{
    editor_select_all(&app->editor);
}

void do_delete_word(struct app *app)
{
    editor_delete_word(&app->editor);
}

void do_delete_line_end(struct app *app)
{
    editor_delete_line_end(&app->editor);
}

void do_split(struct app *app)
{
    size_t cursor = app->editor.cursor;

    app_leave_edit(app);
    if (notebook_split(app->nb, app->selected, cursor)) {
        app_select(app, app->selected + 1);
        app_enter_edit(app, 0);
    }
}
