#include "tui/outputs.h"

#include "tui/text.h"

#include <jansson.h>
#include <string.h>

enum { PAD = 1 };

void add_grouped(struct strbuf *out, unsigned long number)
{
    if (number >= 1000) {
        add_grouped(out, number / 1000);
        strbuf_addf(out, ",%03lu", number % 1000);
    } else {
        strbuf_addf(out, "%lu", number);
    }
}

static enum style line_style(enum output_kind kind, const char *line, size_t length, bool last)
{
    switch (kind) {
    case OUTPUT_STDERR:
        return STYLE_WARNING;
    case OUTPUT_RESULT:
        return STYLE_RESULT;
    case OUTPUT_ERROR:
        if (last)
            return STYLE_ERROR_STRONG;
        return length > 6 && !memcmp(line, "  File", 6) ? STYLE_NOTICE : STYLE_ERROR;
    default:
        return STYLE_OUTPUT;
    }
}

static void add_notice(struct lines *lines, const char *before, unsigned long count,
                       const char *after)
{
    struct strbuf number = STRBUF_INIT;

    add_grouped(&number, count);
    lines_addf(lines, STYLE_NOTICE, "%s%s %s %s", before, number.text,
               count == 1 ? "line" : "lines", after);
    lines_end(lines);
    strbuf_release(&number);
}

/* Where a traceback's last word starts: the line that names the exception. */
static size_t last_entry(const char *text, size_t length)
{
    size_t at = length;

    while (at > 0) {
        size_t start = at;

        while (start > 0 && text[start - 1] != '\n')
            start--;
        if (start < length && text[start] != ' ' && text[start] != '\n')
            return start;
        at = start > 0 ? start - 1 : 0;
    }
    return 0;
}

/* Plain text wrapped to `width`. */
static void lay_text(struct lines *lines, enum output_kind kind, const char *text, size_t length,
                     int width)
{
    size_t last = kind == OUTPUT_ERROR ? last_entry(text, length) : length, at = 0, end, take;
    enum style style;

    while (at < length) {
        const char *feed = memchr(text + at, '\n', length - at);

        end = feed ? (size_t)(feed - text) : length;
        style = line_style(kind, text + at, end - at, at >= last);
        do {
            take = at < end ? text_wrap(text + at, end - at, width, kind == OUTPUT_ERROR) : 0;
            lines_add(lines, style, text + at, take);
            lines_end(lines);
            at += take;
        } while (at < end);
        at = end + 1;
    }
}

static void lay_plain(struct lines *lines, const struct output *output, size_t start, size_t end,
                      int width)
{
    struct strbuf plain = STRBUF_INIT;

    text_plain(&plain, output->text.text + start, end - start);
    if (output->kind != OUTPUT_STDOUT && output->kind != OUTPUT_STDERR)
        while (plain.length > 0 && plain.text[plain.length - 1] == '\n')
            plain.length--;
    lay_text(lines, output->kind, plain.text, plain.length, width);
    strbuf_release(&plain);
}

static void lay_output(struct lines *lines, const struct output *output, int width)
{
    size_t cut =
        output->dropped_at < output->text.length ? output->dropped_at : output->text.length;

    if (output->dropped_lines == 0) {
        lay_plain(lines, output, 0, output->text.length, width);
        return;
    }
    lay_plain(lines, output, 0, cut, width);
    add_notice(lines, "... ", output->dropped_lines, "left out ...");
    lay_plain(lines, output, cut, output->text.length, width);
}

static void copy_rows(struct lines *to, const struct lines *from, size_t first, size_t count)
{
    size_t row, i;

    for (row = first; row < first + count && row < from->at.count; row++) {
        const struct line *line = &from->at.at[row];

        lines_pad(to, PAD);
        for (i = line->first; i < line->first + line->count; i++)
            lines_add(to, from->spans.at[i].style, from->text.text + from->spans.at[i].start,
                      from->spans.at[i].length);
        lines_end(to);
    }
}

static void add_folded(struct cellview *view, const struct lines *rows, size_t dropped)
{
    size_t count = rows->at.count;
    struct strbuf after = STRBUF_INIT, number = STRBUF_INIT;

    if (count <= FOLD_LIMIT || view->unfolded) {
        copy_rows(&view->lines, rows, 0, count);
        return;
    }
    copy_rows(&view->lines, rows, 0, FOLD_HEAD);
    lines_pad(&view->lines, PAD);
    add_grouped(&number, dropped);
    if (dropped)
        strbuf_addf(&after, "folded, %s left out: O shows the folded ones", number.text);
    else
        strbuf_adds(&after, "folded: O shows all");
    add_notice(&view->lines, "⋯ ", count - FOLD_HEAD - FOLD_TAIL, after.text);
    copy_rows(&view->lines, rows, count - FOLD_TAIL, FOLD_TAIL);
    strbuf_release(&number);
    strbuf_release(&after);
}

static void add_plot(struct cellview *view, const struct output *output, int number,
                     const struct cellview_look *look)
{
    json_t *json = json_loadb(output->text.text, output->text.length, 0, NULL);
    const char *title = json ? json_string_value(json_object_get(json, "title")) : NULL;
    struct plot_slot slot = {0, number};
    struct strbuf text = STRBUF_INIT;
    size_t fit;
    int row;

    strbuf_adds(&text, "[plot");
    if (look->first_plot > 0)
        strbuf_addf(&text, " %d", look->first_plot + number);
    if (title)
        strbuf_addf(&text, ": %s", title);
    fit = text_fit(text.text, text.length, look->width - 2 * PAD - 2);
    lines_pad(&view->lines, PAD);
    lines_add(&view->lines, STYLE_PLOT_REFERENCE, text.text, fit);
    lines_adds(&view->lines, STYLE_PLOT_REFERENCE, fit < text.length ? "…]" : "]");
    lines_end(&view->lines);
    strbuf_release(&text);
    json_decref(json);
    if (!look->inline_plots)
        return;
    slot.row = view->lines.at.count;
    for (row = 0; row < PLOT_INLINE_ROWS; row++)
        lines_end(&view->lines);
    (void)vec_push(&view->plots, slot);
}

void outputs_layout(struct cellview *view, const struct cell *cell,
                    const struct cellview_look *look)
{
    struct lines rows = LINES_INIT;
    int plots = 0;
    size_t i;

    if (view->hidden && cell->outputs.count > 0) {
        lines_pad(&view->lines, PAD);
        lines_adds(&view->lines, STYLE_NOTICE, "⋯ output hidden: o shows it");
        lines_end(&view->lines);
        return;
    }
    for (i = 0; i < cell->outputs.count; i++) {
        if (cell->outputs.at[i].kind == OUTPUT_PLOT) {
            add_plot(view, &cell->outputs.at[i], plots++, look);
            continue;
        }
        lines_clear(&rows);
        lay_output(&rows, &cell->outputs.at[i], look->width - 2 * PAD);
        add_folded(view, &rows, cell->outputs.at[i].dropped_lines);
    }
    lines_release(&rows);
}
