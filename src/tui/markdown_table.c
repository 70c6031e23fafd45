#include "tui/markdown_table.h"

#include "base/mem.h"
#include "tui/text.h"

#include <string.h>

enum { COLUMN_GAP = 3, COLUMN_MIN = 4 };

void inline_text_clear(struct inline_text *text)
{
    strbuf_clear(&text->text);
    text->spans.count = 0;
}

void inline_text_release(struct inline_text *text)
{
    strbuf_release(&text->text);
    vec_release(&text->spans);
}

void inline_text_mark(struct inline_text *text, size_t start, size_t length, enum style style)
{
    struct span *last = text->spans.count ? &text->spans.at[text->spans.count - 1] : NULL;
    struct span span = {start, length, style};

    if (last && last->style == style && last->start + last->length == start)
        last->length += length;
    else
        (void)vec_push(&text->spans, span);
}

void inline_text_add(struct inline_text *text, enum style style, const char *bytes, size_t length)
{
    size_t start = text->text.length;

    strbuf_add(&text->text, bytes, length);
    inline_text_mark(text, start, text->text.length - start, style);
}

void inline_text_lay(const struct inline_text *text, size_t start, size_t end, struct lines *lines)
{
    size_t i, at = start, from, to;

    while (end > start && text->text.text[end - 1] == ' ')
        end--;
    for (i = 0; i < text->spans.count && at < end; i++) {
        from = text->spans.at[i].start;
        to = from + text->spans.at[i].length;
        if (to <= at)
            continue;
        if (from > at) {
            from = from < end ? from : end;
            lines_add(lines, STYLE_CODE, text->text.text + at, from - at);
            at = from;
        }
        to = to < end ? to : end;
        if (to > at)
            lines_add(lines, text->spans.at[i].style, text->text.text + at, to - at);
        at = to > at ? to : at;
    }
    if (at < end)
        lines_add(lines, STYLE_CODE, text->text.text + at, end - at);
}

void table_release(struct table *table)
{
    size_t row, i;

    for (row = 0; row < table->rows.count; row++) {
        for (i = 0; i < table->rows.at[row].cells.count; i++)
            inline_text_release(&table->rows.at[row].cells.at[i].text);
        vec_release(&table->rows.at[row].cells);
    }
    vec_release(&table->rows);
}

void table_row(struct table *table)
{
    struct table_line row = {0};

    (void)vec_push(&table->rows, row);
}

void table_cell(struct table *table, struct inline_text *text, int align)
{
    struct table_cell cell = {.text = *text, .align = align};

    cell.width = text_width(text->text.text, text->text.length);
    *text = INLINE_TEXT_INIT;
    if (!table->rows.count || !vec_push(&table->rows.at[table->rows.count - 1].cells, cell))
        inline_text_release(&cell.text);
}

static void fit_columns(int *widths, size_t count, int width)
{
    size_t i, widest;
    int total;

    for (;;) {
        total = (int)(count - 1) * COLUMN_GAP;
        widest = 0;
        for (i = 0; i < count; i++) {
            total += widths[i];
            widest = widths[i] > widths[widest] ? i : widest;
        }
        if (total <= width || widths[widest] <= COLUMN_MIN)
            return;
        widths[widest]--;
    }
}

static void lay_cell(const struct table_cell *cell, int width, bool last, struct lines *lines)
{
    int space = cell->width < width ? width - cell->width : 0;
    int before = cell->align == TABLE_RIGHT ? space : cell->align == TABLE_CENTER ? space / 2 : 0;
    size_t length = cell->text.text.length;
    size_t fit = cell->width > width ? text_fit(cell->text.text.text, length, width - 1) : length;

    lines_pad(lines, before);
    inline_text_lay(&cell->text, 0, fit, lines);
    if (fit < length)
        lines_adds(lines, STYLE_DIM, "…");
    if (!last)
        lines_pad(lines, space - before);
}

static void lay_rule(const int *widths, size_t count, struct lines *lines)
{
    size_t i;
    int k;

    for (i = 0; i < count; i++)
        for (k = 0; k < widths[i] + (i + 1 < count ? COLUMN_GAP : 0); k++)
            lines_adds(lines, STYLE_BORDER, "─");
    lines_end(lines);
}

void table_layout(const struct table *table, int width, struct lines *lines)
{
    size_t columns = table->rows.count ? table->rows.at[0].cells.count : 0, row, i;
    int *widths = mem_zero(columns + 1, sizeof(*widths));

    if (!widths || columns == 0)
        goto done;
    for (row = 0; row < table->rows.count; row++)
        for (i = 0; i < table->rows.at[row].cells.count && i < columns; i++)
            if (table->rows.at[row].cells.at[i].width > widths[i])
                widths[i] = table->rows.at[row].cells.at[i].width;
    fit_columns(widths, columns, width);
    for (row = 0; row < table->rows.count; row++) {
        const struct table_line *line = &table->rows.at[row];

        for (i = 0; i < line->cells.count && i < columns; i++) {
            if (i)
                lines_pad(lines, COLUMN_GAP);
            lay_cell(&line->cells.at[i], widths[i], i + 1 == columns, lines);
        }
        lines_end(lines);
        if (row == 0)
            lay_rule(widths, columns, lines);
    }
done:
    mem_free(widths);
}
