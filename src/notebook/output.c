#include "notebook/notebook.h"

#include "base/mem.h"

#include <string.h>

/* Lines are taken from the middle this many at a time: moving the rest once a line is slow. */
enum { OUTPUT_SLACK = OUTPUT_KEEP / 2 };

static bool is_stream(enum output_kind kind)
{
    return kind == OUTPUT_STDOUT || kind == OUTPUT_STDERR;
}

void cell_clear_outputs(struct cell *cell)
{
    for (size_t i = 0; i < cell->outputs.count; i++)
        strbuf_release(&cell->outputs.at[i].text);
    cell->outputs.count = 0;
    cell->dropped_outputs = 0;
}

/* NULL without memory. */
static struct output *add_output(struct cell *cell, enum output_kind kind)
{
    struct output output = {.kind = kind, .text = STRBUF_INIT, .plot_id = -1};

    if (cell->outputs.count == OUTPUT_LIMIT) {
        size_t middle = OUTPUT_LIMIT / 2;
        strbuf_release(&cell->outputs.at[middle].text);
        vec_remove(&cell->outputs, middle);
        cell->dropped_outputs++;
    }
    if (!vec_push(&cell->outputs, output))
        return NULL;
    return &cell->outputs.at[cell->outputs.count - 1];
}

/* Where the line after the first `lines` ones begins. */
static size_t skip_lines(const struct strbuf *text, size_t at, size_t lines)
{
    while (lines-- > 0) {
        const char *newline = memchr(text->text + at, '\n', text->length - at);
        if (!newline)
            return text->length;
        at = (size_t)(newline - text->text) + 1;
    }
    return at;
}

static void drop_middle(struct output *output)
{
    size_t excess = output->lines - 2 * OUTPUT_KEEP, end;

    if (output->dropped_lines == 0)
        output->dropped_at = skip_lines(&output->text, 0, OUTPUT_KEEP);
    end = skip_lines(&output->text, output->dropped_at, excess);
    output->line_start -= end - output->dropped_at;
    strbuf_splice(&output->text, output->dropped_at, end - output->dropped_at, NULL, 0);
    output->dropped_lines += excess;
    output->lines -= excess;
}

/* Bytes of the line that is being written, without its end. */
static void add_to_line(struct output *output, const char *text, size_t length)
{
    struct strbuf *to = &output->text;
    size_t used, room;

    if (length == 0)
        return;
    if (to->length > output->line_start && to->text[to->length - 1] == '\r') {
        to->length = output->line_start;
        to->text[to->length] = '\0';
    }
    used = to->length - output->line_start;
    room = used < OUTPUT_LINE ? OUTPUT_LINE - used : 0;
    if (length > room) {
        output->dropped_bytes += length - room;
        length = room;
        while (length > 0 && (text[length] & 0xc0) == 0x80) { /* not in the middle of a character */
            length--;
            output->dropped_bytes++;
        }
    }
    strbuf_add(to, text, length);
}

static void end_line(struct output *output)
{
    struct strbuf *to = &output->text;

    if (to->length > output->line_start && to->text[to->length - 1] == '\r')
        to->text[--to->length] = '\0';
    strbuf_addch(to, '\n');
    output->line_start = to->length;
    if (++output->lines > 2 * OUTPUT_KEEP + OUTPUT_SLACK)
        drop_middle(output);
}

/* A return waits at the end of the text: what follows decides whether it ends or restarts a line.
 */
static void hold_return(struct output *output)
{
    struct strbuf *to = &output->text;

    if (to->length > output->line_start && to->text[to->length - 1] != '\r')
        strbuf_addch(to, '\r');
}

static void add_stream(struct output *output, const char *text, size_t length)
{
    const char *end = text + length, *p;

    for (; text < end; text = p + 1) {
        for (p = text; p < end && *p != '\n' && *p != '\r'; p++)
            ;
        add_to_line(output, text, (size_t)(p - text));
        if (p == end)
            break;
        if (*p == '\n')
            end_line(output);
        else
            hold_return(output);
    }
}

/* The newest output of this stream when a cell already has as many outputs as it may. */
static struct output *newest_stream(struct cell *cell, enum output_kind kind)
{
    size_t count = cell->outputs.count;
    size_t oldest = count == OUTPUT_LIMIT ? 0 : count > 0 ? count - 1 : 0;

    for (size_t i = count; i-- > oldest;)
        if (cell->outputs.at[i].kind == kind)
            return &cell->outputs.at[i];
    return NULL;
}

void cell_add_output(struct cell *cell, enum output_kind kind, const char *text, size_t length)
{
    struct output *output = is_stream(kind) ? newest_stream(cell, kind) : NULL;

    if (length == 0 && is_stream(kind))
        return;
    if (!output)
        output = add_output(cell, kind);
    if (!output)
        return;
    if (kind == OUTPUT_PLOT)
        strbuf_add(&output->text, text, length);
    else
        add_stream(output, text, length);
}

void cell_set_plot(struct cell *cell, int id, const char *json, size_t length)
{
    struct output *output = NULL;

    for (size_t i = 0; i < cell->outputs.count && id >= 0; i++)
        if (cell->outputs.at[i].kind == OUTPUT_PLOT && cell->outputs.at[i].plot_id == id)
            output = &cell->outputs.at[i];
    if (!output)
        output = add_output(cell, OUTPUT_PLOT);
    if (!output)
        return;
    output->plot_id = id;
    strbuf_clear(&output->text);
    strbuf_add(&output->text, json, length);
}
