#include "tui/complete.h"

#include "tui/app.h"
#include "tui/text.h"

#include <string.h>

enum { ROWS_MAX = 8, COLUMNS_MAX = 40 };

static const char *match_at(const struct completion *completion, size_t index)
{
    const char *text = json_string_value(json_array_get(completion->matches, index));

    return text ? text : "";
}

void complete_close(struct app *app)
{
    json_decref(app->completion.matches);
    app->completion = (struct completion){0};
    app->dirty = true;
}

static void put_in(struct app *app, const char *text, size_t length)
{
    editor_replace(&app->editor, app->completion.start, app->completion.end, text, length);
}

/* How many bytes all matches begin with. */
static size_t common_prefix(const struct completion *completion)
{
    const char *first = match_at(completion, 0);
    size_t length = strlen(first), i, k;

    for (i = 1; i < json_array_size(completion->matches); i++) {
        const char *other = match_at(completion, i);

        for (k = 0; k < length && first[k] == other[k];)
            k++;
        length = k;
    }
    return length;
}

void complete_show(struct app *app, json_t *header)
{
    struct completion *completion = &app->completion;
    json_t *matches = json_object_get(header, "matches");
    size_t common;

    complete_close(app);
    if (app->mode != KEY_MODE_EDIT || json_array_size(matches) == 0) {
        status_note(app, "No completion");
        return;
    }
    completion->start = (size_t)json_integer_value(json_object_get(header, "start"));
    completion->end = (size_t)json_integer_value(json_object_get(header, "end"));
    /* An answer to a text that has changed since is of no use. */
    if (completion->end != app->editor.cursor || completion->start > completion->end)
        return;
    completion->matches = json_incref(matches);
    common = common_prefix(completion);
    if (common > completion->end - completion->start) {
        put_in(app, match_at(completion, 0), common);
        completion->end = app->editor.cursor;
    }
    completion->active = json_array_size(matches) > 1;
    if (!completion->active)
        complete_close(app);
    app->notebook.follow = true;
    app->dirty = true;
}

bool complete_key(struct app *app, struct key key)
{
    struct completion *completion = &app->completion;
    size_t count = json_array_size(completion->matches);
    const char *text;

    app->dirty = true;
    if (key.code == KEYPAD_DOWN || (key.code == KEYPAD_TAB && !key.mods)) {
        completion->selected = (completion->selected + 1) % count;
        return true;
    }
    if (key.code == KEYPAD_UP || key.code == KEYPAD_TAB) {
        completion->selected = (completion->selected + count - 1) % count;
        return true;
    }
    if (key.code == KEYPAD_ENTER && !key.mods) {
        text = match_at(completion, completion->selected);
        put_in(app, text, strlen(text));
        complete_close(app);
        return true;
    }
    complete_close(app);
    return key.code == KEYPAD_ESCAPE;
}

void complete_draw(struct app *app)
{
    const struct completion *completion = &app->completion;
    size_t count = json_array_size(completion->matches), first = 0, i;
    int row, column, width = 0, rows = count < ROWS_MAX ? (int)count : ROWS_MAX;
    int bottom = app->notebook.area.row + app->notebook.area.rows;

    if (!completion->active || !notebook_pane_cursor(app, &row, &column))
        return;
    if (completion->selected >= (size_t)rows)
        first = completion->selected - (size_t)rows + 1;
    for (i = 0; i < count; i++) {
        int own = text_width(match_at(completion, i), strlen(match_at(completion, i)));

        width = own > width ? own : width;
    }
    width = (width < COLUMNS_MAX ? width : COLUMNS_MAX) + 2;
    column -= text_width(app->editor.text.text + completion->start,
                         app->editor.cursor - completion->start) +
              1;
    if (column + width > term_columns())
        column = term_columns() - width;
    row = row + 1 + rows <= bottom ? row + 1 : row - rows;
    for (i = 0; i < (size_t)rows; i++) {
        enum style style = first + i == completion->selected ? STYLE_POPUP_ACTIVE : STYLE_POPUP;

        screen_fill((struct rect){row + (int)i, column, 1, width}, style, STYLE_POPUP);
        screen_puts(row + (int)i, column + 1, width - 2, style, STYLE_POPUP,
                    match_at(completion, first + i));
    }
}
