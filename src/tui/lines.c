#include "tui/lines.h"

#include "tui/text.h"

#include <stdarg.h>
#include <string.h>

void lines_release(struct lines *lines)
{
    strbuf_release(&lines->text);
    vec_release(&lines->spans);
    vec_release(&lines->at);
    lines->open = 0;
}

void lines_clear(struct lines *lines)
{
    strbuf_clear(&lines->text);
    lines->spans.count = lines->at.count = lines->open = 0;
}

void lines_add(struct lines *lines, enum style style, const char *text, size_t length)
{
    struct span *last =
        lines->spans.count > lines->open ? &lines->spans.at[lines->spans.count - 1] : NULL;
    struct span span = {lines->text.length, length, style};

    if (length == 0)
        return;
    strbuf_add(&lines->text, text, length);
    if (lines->text.failed)
        return;
    if (last && last->style == style)
        last->length += length;
    else
        (void)vec_push(&lines->spans, span);
}

void lines_adds(struct lines *lines, enum style style, const char *text)
{
    lines_add(lines, style, text, strlen(text));
}

void lines_addf(struct lines *lines, enum style style, const char *format, ...)
{
    struct strbuf text = STRBUF_INIT;
    va_list args;

    va_start(args, format);
    strbuf_addv(&text, format, args);
    va_end(args);
    lines_add(lines, style, text.text, text.length);
    strbuf_release(&text);
}

void lines_pad(struct lines *lines, int columns)
{
    for (; columns > 0; columns--)
        lines_add(lines, STYLE_TEXT, " ", 1);
}

int lines_column(const struct lines *lines)
{
    size_t i;
    int width = 0;

    for (i = lines->open; i < lines->spans.count; i++)
        width += text_width(lines->text.text + lines->spans.at[i].start, lines->spans.at[i].length);
    return width;
}

struct line *lines_end(struct lines *lines)
{
    struct line line = {.first = lines->open,
                        .count = lines->spans.count - lines->open,
                        .width = lines_column(lines),
                        .ground = STYLE_TEXT,
                        .source = LINE_NO_SOURCE,
                        .source_end = LINE_NO_SOURCE};

    lines->open = lines->spans.count;
    return vec_push(&lines->at, line) ? &lines->at.at[lines->at.count - 1] : NULL;
}

void lines_append(struct lines *lines, const struct lines *from, int indent)
{
    size_t row, i;

    for (row = 0; row < from->at.count; row++) {
        const struct line *line = &from->at.at[row];
        struct line *copy;

        lines_pad(lines, indent);
        for (i = line->first; i < line->first + line->count; i++)
            lines_add(lines, from->spans.at[i].style, from->text.text + from->spans.at[i].start,
                      from->spans.at[i].length);
        copy = lines_end(lines);
        if (copy) {
            copy->ground = line->ground;
            copy->indent = line->indent + indent;
        }
    }
}

void lines_plain(const struct lines *lines, size_t row, struct strbuf *out)
{
    const struct line *line = &lines->at.at[row];
    size_t i;

    for (i = line->first; i < line->first + line->count; i++)
        strbuf_add(out, lines->text.text + lines->spans.at[i].start, lines->spans.at[i].length);
}
