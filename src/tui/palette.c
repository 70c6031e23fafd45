#include "tui/palette.h"

#include "tui/app.h"
#include "tui/text.h"

#include <string.h>

enum { ROWS_MAX = 10, WIDTH_MAX = 72 };

void palette_open(struct app *app)
{
    app->palette.active = true;
    app->palette.selected = 0;
    editor_set(&app->palette.wanted, "", 0);
    app->dirty = true;
}

/* Actions that can be done now; returns how many. */
static int find_matches(const struct app *app, enum action *found)
{
    enum key_mode mode = app->nb ? app->mode : KEY_MODE_START;
    int i, count = 0;

    for (i = 0; i < ACTION_motion_LEFT; i++) {
        const struct action_row *row = action_row((enum action)i);

        if (i != ACTION_palette && row->keys[mode][0] &&
            action_matches((enum action)i, app->palette.wanted.text.text))
            found[count++] = (enum action)i;
    }
    return count;
}

void palette_input(struct app *app, const struct input *input)
{
    struct palette *palette = &app->palette;
    enum action found[ACTION_COUNT];
    int count = find_matches(app, found);
    struct key key = input->key;

    app->dirty = true;
    if (input->kind == INPUT_KEY) {
        if (key.code == KEYPAD_ESCAPE || (key.code == 'c' && key.mods == MOD_CTRL)) {
            palette->active = false;
            return;
        }
        if (key.code == KEYPAD_ENTER) {
            palette->active = false;
            if (palette->selected < count)
                app_action(app, found[palette->selected]);
            return;
        }
        if (key.code == KEYPAD_DOWN || key.code == KEYPAD_TAB) {
            palette->selected = count ? (palette->selected + 1) % count : 0;
            return;
        }
        if (key.code == KEYPAD_UP) {
            palette->selected = count ? (palette->selected + count - 1) % count : 0;
            return;
        }
    }
    if (prompt_edit_key(&palette->wanted, input))
        palette->selected = 0;
}

static void draw_row(const struct app *app, struct rect row, enum action action, bool selected)
{
    enum key_mode mode = app->nb ? app->mode : KEY_MODE_START;
    enum style style = selected ? STYLE_POPUP_ACTIVE : STYLE_POPUP;
    struct strbuf keys = STRBUF_INIT;
    int width;

    screen_fill(row, style, STYLE_POPUP);
    action_keys(action, mode, 2, &keys);
    width = text_width(keys.text, keys.length);
    screen_puts(row.row, row.column + 2, row.columns - width - 6, style, STYLE_POPUP,
                action_row(action)->help);
    screen_text(row.row, row.column + row.columns - width - 2, width, style, STYLE_POPUP, keys.text,
                keys.length);
    strbuf_release(&keys);
}

void palette_draw(struct app *app)
{
    struct palette *palette = &app->palette;
    const struct strbuf *wanted = &palette->wanted.text;
    enum action found[ACTION_COUNT];
    int count = find_matches(app, found), i, first;
    int width = term_columns() - 8 < WIDTH_MAX ? term_columns() - 8 : WIDTH_MAX;
    struct rect row = {2, (term_columns() - width) / 2, 1, width};

    screen_fill(row, STYLE_STATUS_KEY, STYLE_POPUP);
    screen_puts(row.row, row.column + 2, width - 4, STYLE_PROMPT_BUSY, STYLE_POPUP, ":");
    screen_text(row.row, row.column + 4, width - 6, STYLE_NAME, STYLE_POPUP, wanted->text,
                wanted->length);
    screen_cursor(row.row, row.column + 4 + text_width(wanted->text, palette->wanted.cursor));
    first = palette->selected >= ROWS_MAX ? palette->selected - ROWS_MAX + 1 : 0;
    for (i = first; i < count && i < first + ROWS_MAX; i++) {
        row.row++;
        draw_row(app, row, found[i], i == palette->selected);
    }
}
