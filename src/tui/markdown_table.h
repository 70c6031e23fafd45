/*
 * markdown_table.h: styled text within one block, and tables of it, for markdown.c.
 */
#ifndef SADDLE_TUI_MARKDOWN_TABLE_H
#define SADDLE_TUI_MARKDOWN_TABLE_H

#include "tui/lines.h"

#include <stddef.h>

/* Text with styles, not yet broken into rows; \n is a forced break. */
struct inline_text {
    struct strbuf text;
    VEC(struct span) spans; /* in order; what they leave out is STYLE_CODE */
};

#define INLINE_TEXT_INIT ((struct inline_text){.text = {.text = strbuf_empty}})

void inline_text_clear(struct inline_text *text);
void inline_text_release(struct inline_text *text);
void inline_text_add(struct inline_text *text, enum style style, const char *bytes, size_t length);
/* Styles text that is there; marks come in order. */
void inline_text_mark(struct inline_text *text, size_t start, size_t length, enum style style);
/* Adds bytes [start, end) to the open row, blanks at their end left out. */
void inline_text_lay(const struct inline_text *text, size_t start, size_t end, struct lines *lines);

enum table_align { TABLE_DEFAULT, TABLE_LEFT, TABLE_CENTER, TABLE_RIGHT };

struct table_cell {
    struct inline_text text;
    int width, align;
};

struct table_line {
    VEC(struct table_cell) cells;
};

struct table {
    VEC(struct table_line) rows; /* the first is the header */
};

void table_release(struct table *table);
void table_row(struct table *table);
/* A cell of the last row; takes the text and leaves an empty one. */
void table_cell(struct table *table, struct inline_text *text, int align);
/* Columns as wide as their widest cell, narrowed from the widest on when `width` is too small. */
void table_layout(const struct table *table, int width, struct lines *lines);

#endif
