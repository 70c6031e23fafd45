/*
 * screen.h: drawing on the terminal's grid.
 *
 * Everything is clipped: rows and columns outside the screen are left out. Drawing changes a
 * picture in memory; screen_show() sends what differs.
 */
#ifndef SADDLE_TUI_SCREEN_H
#define SADDLE_TUI_SCREEN_H

#include "tui/lines.h"
#include "tui/theme.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rect {
    int row, column, rows, columns;
};

bool rect_holds(struct rect rect, int row, int column);

void screen_set_theme(const struct theme *theme);
const struct theme *screen_theme(void);
void screen_erase(void);
void screen_show(void);
/* The whole picture is sent anew at the next screen_show(). */
void screen_redraw(void);
/* Where the cursor stands after screen_show(); row -1 hides it. */
void screen_cursor(int row, int column);

/* At most `columns` columns of text; returns how many were used. */
int screen_text(int row, int column, int columns, enum style style, enum style ground,
                const char *text, size_t length);
int screen_puts(int row, int column, int columns, enum style style, enum style ground,
                const char *text);
void screen_fill(struct rect rect, enum style style, enum style ground);
/* A laid-out row, its ground to the full width. */
void screen_line(int row, int column, int columns, const struct lines *lines, size_t index);
/* A coloured cell; colours 0xRRGGBB, negative: the terminal's own. */
void screen_cell(int row, int column, uint32_t rune, int32_t fg, int32_t bg, bool bold);
void screen_vertical(int row, int column, int rows, enum style style);

#endif
