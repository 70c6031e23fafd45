#include "tui/screen.h"

#include "tui/text.h"

#include <curses.h>
#include <string.h>

static struct theme current = {.dark = true};
static int cursor_row = -1, cursor_column;

bool rect_holds(struct rect rect, int row, int column)
{
    return row >= rect.row && row < rect.row + rect.rows && column >= rect.column &&
           column < rect.column + rect.columns;
}

void screen_set_theme(const struct theme *theme)
{
    current = *theme;
}

const struct theme *screen_theme(void)
{
    return &current;
}

void screen_erase(void)
{
    erase();
    cursor_row = -1;
}

void screen_show(void)
{
    if (cursor_row >= 0) {
        move(cursor_row, cursor_column);
        curs_set(1);
    } else {
        curs_set(0);
    }
    refresh();
}

void screen_redraw(void)
{
    clearok(curscr, TRUE);
}

void screen_cursor(int row, int column)
{
    cursor_row = row;
    cursor_column = column;
}

static attr_t curses_attributes(unsigned attributes)
{
    static const struct {
        unsigned look;
        attr_t attribute;
    } pairs[] = {{LOOK_BOLD, A_BOLD},
                 {LOOK_DIM, A_DIM},
                 {LOOK_ITALIC, A_ITALIC},
                 {LOOK_UNDERLINE, A_UNDERLINE},
                 {LOOK_REVERSE, A_REVERSE}};
    attr_t result = 0;
    size_t i;

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (attributes & pairs[i].look)
            result |= pairs[i].attribute;
    return result;
}

/* The pair of the last look drawn: rows of the same look ask only once. */
static int pair_of(short fg, short bg)
{
    static short last_fg = -2, last_bg = -2;
    static int last_pair;

    if (fg < 0 && bg < 0)
        return 0;
    if (fg != last_fg || bg != last_bg) {
        last_pair = alloc_pair(fg, bg);
        last_fg = fg;
        last_bg = bg;
    }
    return last_pair > 0 ? last_pair : 0;
}

static void put(int row, int column, const uint32_t *runes, int count, struct look look)
{
    wchar_t text[TEXT_GRAPHEME_RUNES + 1];
    int pair = pair_of(look.fg, look.bg), i;
    cchar_t cell;

    if (row < 0 || row >= LINES || column < 0 || column >= COLS)
        return;
    for (i = 0; i < count; i++)
        text[i] = (wchar_t)runes[i];
    text[count] = L'\0';
    if (setcchar(&cell, text, curses_attributes(look.attributes), 0, &pair) == OK)
        mvadd_wch(row, column, &cell);
}

int screen_text(int row, int column, int columns, enum style style, enum style ground,
                const char *text, size_t length)
{
    struct look look = theme_look(&current, style, ground);
    size_t at = 0;
    int used = 0, i;

    while (at < length) {
        struct grapheme g = text_grapheme(text + at, length - at);

        if (used + g.width > columns)
            break;
        put(row, column + used, g.runes, g.rune_count, look);
        for (i = 1; i < g.width && g.runes[0] == ' '; i++) /* a tab */
            put(row, column + used + i, g.runes, 1, look);
        used += g.width;
        at += g.length;
    }
    return used;
}

int screen_puts(int row, int column, int columns, enum style style, enum style ground,
                const char *text)
{
    return screen_text(row, column, columns, style, ground, text, strlen(text));
}

void screen_fill(struct rect rect, enum style style, enum style ground)
{
    static const uint32_t blank = ' ';
    struct look look = theme_look(&current, style, ground);
    int row, column;

    for (row = rect.row; row < rect.row + rect.rows; row++)
        for (column = rect.column; column < rect.column + rect.columns; column++)
            put(row, column, &blank, 1, look);
}

void screen_line(int row, int column, int columns, const struct lines *lines, size_t index)
{
    const struct line *line = &lines->at.at[index];
    int used = 0;
    size_t i;

    if (line->ground != STYLE_TEXT)
        screen_fill((struct rect){row, column + line->indent, 1, columns - line->indent},
                    STYLE_TEXT, line->ground);
    for (i = line->first; i < line->first + line->count && used < columns; i++) {
        const struct span *span = &lines->spans.at[i];

        used += screen_text(row, column + used, columns - used, span->style,
                            used >= line->indent ? line->ground : STYLE_TEXT,
                            lines->text.text + span->start, span->length);
    }
}

void screen_cell(int row, int column, uint32_t rune, int32_t fg, int32_t bg, bool bold)
{
    struct look look = {theme_color(&current, fg), theme_color(&current, bg), bold ? LOOK_BOLD : 0};

    put(row, column, &rune, 1, look);
}

void screen_vertical(int row, int column, int rows, enum style style)
{
    int i;

    for (i = 0; i < rows; i++)
        screen_puts(row + i, column, 1, style, STYLE_TEXT, "│");
}
