/*
 * lines.h: laid-out text: rows of styled spans, ready to be drawn. Knows no terminal.
 *
 * All text lies in one buffer, all spans in one array; a row is a range of spans. Rows are only
 * appended: lines_add() extends the open row, lines_end() closes it.
 */
#ifndef SADDLE_TUI_LINES_H
#define SADDLE_TUI_LINES_H

#include "base/strbuf.h"
#include "base/vec.h"
#include "tui/theme.h"

#include <stddef.h>
#include <stdint.h>

struct span {
    size_t start, length; /* bytes in lines.text */
    enum style style;
};

enum { LINE_NO_SOURCE = -1 };

struct line {
    size_t first, count; /* spans */
    int width;           /* columns */
    enum style ground;   /* STYLE_TEXT: none; else the ground of the row, to its full width */
    int indent;          /* where the ground starts */
    long source;         /* the byte of the source at which its text starts, or LINE_NO_SOURCE */
    long source_end;
    int source_column; /* the column of that byte */
};

struct lines {
    struct strbuf text;
    VEC(struct span) spans;
    VEC(struct line) at;
    size_t open; /* first span of the row that is being written */
};

#define LINES_INIT ((struct lines){.text = {.text = strbuf_empty}})

void lines_release(struct lines *lines);
void lines_clear(struct lines *lines);
void lines_add(struct lines *lines, enum style style, const char *text, size_t length);
void lines_adds(struct lines *lines, enum style style, const char *text);
void lines_addf(struct lines *lines, enum style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void lines_pad(struct lines *lines, int columns);
/* Columns of the open row so far. */
int lines_column(const struct lines *lines);
/* Closes the row; the pointer is valid until the next call, NULL when memory ran out. */
struct line *lines_end(struct lines *lines);
/* Appends every row of `from`, each after `indent` blanks. */
void lines_append(struct lines *lines, const struct lines *from, int indent);
/* The plain text of a row, appended to `out`; for tests and dumps. */
void lines_plain(const struct lines *lines, size_t row, struct strbuf *out);

#endif
