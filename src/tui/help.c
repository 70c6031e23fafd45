#include "tui/help.h"

#include "tui/app.h"
#include "tui/text.h"

#include <string.h>

enum { COLUMN_WIDTH = 56, KEYS_WIDTH = 18, ROWS_MAX = 256 };

/* One row of the page: a section's name, or an action. */
struct entry {
    const char *section;
    enum action action;
};

static void add_keys(enum action action, struct strbuf *keys)
{
    struct strbuf edit = STRBUF_INIT;
    int mode;

    for (mode = 0; mode < KEY_MODE_COUNT && keys->length == 0; mode++)
        action_keys(action, (enum key_mode)mode, 2, keys);
    /* A key of edit mode that is not the same there: say which. */
    action_keys(action, KEY_MODE_EDIT, 1, &edit);
    if (edit.length > 0 && action_row(action)->keys[KEY_MODE_COMMAND][0] &&
        !strstr(keys->text, edit.text) && keys->length + edit.length < KEYS_WIDTH - 3)
        strbuf_addf(keys, ", %s", edit.text);
    strbuf_release(&edit);
}

static void lay_entry(struct lines *lines, const struct entry *entry, int width)
{
    const char *help;
    struct strbuf keys = STRBUF_INIT;
    int start = lines_column(lines), used;

    if (entry->section) {
        lines_adds(lines, STYLE_HEADING2, entry->section);
    } else if (entry->action != ACTION_NONE) {
        add_keys(entry->action, &keys);
        lines_add(lines, STYLE_ACCENT, keys.text, keys.length);
        used = text_width(keys.text, keys.length);
        lines_pad(lines, KEYS_WIDTH > used ? KEYS_WIDTH - used : 1);
        help = action_row(entry->action)->help;
        lines_add(lines, STYLE_OUTPUT, help,
                  text_fit(help, strlen(help), width - (lines_column(lines) - start) - 2));
    }
    lines_pad(lines, width - (lines_column(lines) - start));
    strbuf_release(&keys);
}

static int collect(struct entry *entries)
{
    const char *section = "";
    int i, count = 0;

    for (i = 0; i < ACTION_COUNT && count + 3 < ROWS_MAX; i++) {
        const struct action_row *row = action_row((enum action)i);

        if (strcmp(row->section, section) != 0) {
            if (count)
                entries[count++] = (struct entry){NULL, ACTION_NONE};
            section = row->section;
            entries[count++] = (struct entry){section, ACTION_NONE};
        }
        entries[count++] = (struct entry){NULL, (enum action)i};
    }
    return count;
}

/* The first row of the next column: about `wanted`, but never within a section. */
static int break_at(const struct entry *entries, int count, int wanted)
{
    int i;

    for (i = wanted; i < count; i++)
        if (entries[i].section)
            return i;
    return count;
}

static void help_layout(int width, struct lines *lines)
{
    struct entry entries[ROWS_MAX];
    int count = collect(entries), columns = width >= 2 * COLUMN_WIDTH ? 2 : 1;
    int half = columns == 2 ? break_at(entries, count, count / 2 - 4) : count, i;

    for (i = 0; i < half || (columns == 2 && i < count - half); i++) {
        static const struct entry none = {NULL, ACTION_NONE};

        lay_entry(lines, i < half ? &entries[i] : &none, columns == 2 ? width / 2 : width);
        if (columns == 2 && half + i < count)
            lay_entry(lines, &entries[half + i], width / 2);
        lines_end(lines);
    }
}

void help_draw(struct app *app)
{
    struct lines lines = LINES_INIT;
    int rows = term_rows() - 3, columns = term_columns(), last, i;

    help_layout(columns - 6, &lines);
    last = (int)lines.at.count > rows ? (int)lines.at.count - rows : 0;
    app->help_scroll = app->help_scroll > last ? last : app->help_scroll;
    pane_title(0, 0, columns, STYLE_TITLE, "Keys", last ? "↓ scrolls, Esc closes" : "Esc closes");
    for (i = 0; i < rows && app->help_scroll + i < (int)lines.at.count; i++)
        screen_line(2 + i, 3, columns - 6, &lines, (size_t)(app->help_scroll + i));
    lines_release(&lines);
}

void help_input(struct app *app, const struct input *input)
{
    int page = term_rows() - 4, by = 0;

    app->dirty = true;
    if (input->kind == INPUT_MOUSE)
        by = input->button == MOUSE_WHEEL_UP ? -3 : input->button == MOUSE_WHEEL_DOWN ? 3 : 0;
    if (input->kind == INPUT_KEY) {
        switch (input->key.code) {
        case KEYPAD_DOWN:
        case 'j':
            by = 1;
            break;
        case KEYPAD_UP:
        case 'k':
            by = -1;
            break;
        case KEYPAD_PAGE_DOWN:
        case ' ':
            by = page;
            break;
        case KEYPAD_PAGE_UP:
            by = -page;
            break;
        default:
            app->help = false;
            break;
        }
    }
    app->help_scroll = app->help_scroll + by > 0 ? app->help_scroll + by : 0;
}
