#include "tui/cellview.h"

#include "tui/highlight.h"
#include "tui/markdown.h"
#include "tui/outputs.h"
#include "tui/text.h"

#include <string.h>

enum { PAD = 1 }; /* columns between the edge of the ground and the text */

void cellview_release(struct cellview *view)
{
    lines_release(&view->lines);
    vec_release(&view->plots);
}

/* --- Has anything changed? ----------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    size_t i;

    for (i = 0; i < length; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t mix_number(uint64_t hash, uint64_t number)
{
    return mix(hash, &number, sizeof(number));
}

/* Outputs only grow at their end or are begun anew, so their lengths and last bytes tell. */
static uint64_t fingerprint(const struct cellview *view, const struct cell *cell,
                            const struct cellview_look *look)
{
    enum { LAST_BYTES = 128 };
    const struct strbuf *source = look->editor ? &look->editor->text : &cell->source;
    uint64_t hash = mix(0xcbf29ce484222325u, source->text, source->length);
    size_t i, last;

    hash = mix_number(hash, (uint64_t)look->width << 8 | (uint64_t)cell->kind << 4 |
                                (uint64_t)look->inline_plots << 3 | (uint64_t)view->hidden << 2 |
                                (uint64_t)view->unfolded << 1 | (look->editor != NULL));
    hash = mix_number(hash, cell->run_number | (uint64_t)look->first_plot << 32);
    if (look->editor)
        hash = mix_number(hash, look->editor->cursor << 32 ^ look->editor->anchor);
    for (i = 0; i < cell->outputs.count; i++) {
        const struct output *output = &cell->outputs.at[i];

        last = output->text.length < LAST_BYTES ? output->text.length : LAST_BYTES;
        hash = mix_number(hash, output->text.length);
        hash = mix_number(hash, output->dropped_lines << 8 | output->kind);
        hash = mix(hash, output->text.text + output->text.length - last, last);
    }
    return hash;
}

/* --- Source -------------------------------------------------------------------------------- */

/* Adds bytes [start, end) of the source in the styles of the tokens; *next is the first token that
 * may reach into them. */
static void add_source(struct lines *lines, const char *text, size_t start, size_t end,
                       const struct tokens *tokens, size_t *next)
{
    size_t at = start, i;

    while (*next < tokens->at.count &&
           tokens->at.at[*next].start + tokens->at.at[*next].length <= start)
        (*next)++;
    for (i = *next; i < tokens->at.count && tokens->at.at[i].start < end; i++) {
        const struct token *token = &tokens->at.at[i];
        size_t stop = token->start + token->length < end ? token->start + token->length : end;

        if (token->start > at) {
            lines_add(lines, STYLE_CODE, text + at, token->start - at);
            at = token->start;
        }
        lines_add(lines, token->style, text + at, stop - at);
        at = stop;
    }
    if (at < end)
        lines_add(lines, STYLE_CODE, text + at, end - at);
}

/* Selected text has one look, whatever it is. */
static void select_tokens(struct tokens *tokens, const struct editor *editor)
{
    struct tokens all = {0};
    struct token selected = {.style = STYLE_SELECTION}, part;
    size_t start, end, i;

    editor_selection(editor, &start, &end);
    if (start == end)
        return;
    selected.start = start;
    selected.length = end - start;
    for (i = 0; i < tokens->at.count; i++) {
        part = tokens->at.at[i];
        if (part.start < start) {
            part.length = part.start + part.length > start ? start - part.start : part.length;
            (void)vec_push(&all.at, part);
        }
    }
    (void)vec_push(&all.at, selected);
    for (i = 0; i < tokens->at.count; i++) {
        size_t stop = tokens->at.at[i].start + tokens->at.at[i].length;

        part = tokens->at.at[i];
        if (stop > end) {
            part.start = part.start > end ? part.start : end;
            part.length = stop - part.start;
            (void)vec_push(&all.at, part);
        }
    }
    tokens_release(tokens);
    *tokens = all;
}

static void end_source_row(struct lines *lines, size_t start, size_t end, enum style ground)
{
    struct line *line = lines_end(lines);

    if (!line)
        return;
    line->ground = ground;
    line->source = (long)start;
    line->source_end = (long)end;
    line->source_column = PAD;
}

/* The source as rows; one column is kept free for the cursor after the last character. */
static void lay_source(struct lines *lines, const char *text, size_t length, int width,
                       struct tokens *tokens, enum style ground)
{
    size_t at = 0, next = 0, start, end, take;
    int room = width - 2 * PAD - 1;

    do {
        const char *feed = at < length ? memchr(text + at, '\n', length - at) : NULL;

        end = feed ? (size_t)(feed - text) : length;
        start = at;
        do {
            take = at < end ? text_wrap(text + at, end - at, room > 4 ? room : 4, true) : 0;
            if (at > start)
                lines_adds(lines, STYLE_FAINT, "↪");
            else
                lines_pad(lines, PAD);
            add_source(lines, text, at, at + take, tokens, &next);
            end_source_row(lines, at, at + take, ground);
            at += take;
        } while (at < end);
        if (!feed)
            break;
        at = end + 1;
    } while (at <= length);
}

static void lay_markdown(struct cellview *view, const struct cell *cell, int width)
{
    struct lines rows = LINES_INIT;

    markdown_layout(cell->source.text, cell->source.length, width - 2 * PAD, &rows);
    if (rows.at.count == 0) {
        lines_adds(&rows, STYLE_NOTICE, "Empty Markdown cell: Enter to write");
        lines_end(&rows);
    }
    lines_append(&view->lines, &rows, PAD);
    lines_release(&rows);
}

static void lay_text(struct cellview *view, const struct cell *cell,
                     const struct cellview_look *look)
{
    const struct strbuf *source = look->editor ? &look->editor->text : &cell->source;
    enum style ground = look->editor ? STYLE_EDIT_GROUND : STYLE_CODE_GROUND;
    struct tokens tokens = {0};

    if (cell->kind == CELL_MARKDOWN && !look->editor) {
        lay_markdown(view, cell, look->width);
        return;
    }
    if (cell->kind == CELL_CODE)
        highlight_python(source->text, source->length, &tokens);
    if (look->editor)
        select_tokens(&tokens, look->editor);
    lay_source(&view->lines, source->text, source->length, look->width, &tokens, ground);
    tokens_release(&tokens);
}

void cellview_layout(struct cellview *view, const struct cell *cell,
                     const struct cellview_look *look)
{
    uint64_t now = fingerprint(view, cell, look);

    if (view->fingerprint == now && view->lines.at.count > 0)
        return;
    view->fingerprint = now;
    lines_clear(&view->lines);
    view->plots.count = 0;
    lay_text(view, cell, look);
    view->source_rows = view->lines.at.count;
    if (cell->kind == CELL_CODE)
        outputs_layout(view, cell, look);
}

bool cellview_find(const struct cellview *view, const char *source, size_t offset, size_t *row,
                   int *column)
{
    size_t i;
    bool found = false;

    for (i = 0; i < view->source_rows && i < view->lines.at.count; i++) {
        const struct line *line = &view->lines.at.at[i];

        if (line->source == LINE_NO_SOURCE || (size_t)line->source > offset)
            break;
        *row = i;
        *column =
            line->source_column + text_width(source + line->source, offset - (size_t)line->source);
        found = true;
    }
    return found;
}

size_t cellview_offset(const struct cellview *view, const char *source, size_t row, int column)
{
    const struct line *line;

    if (view->source_rows == 0)
        return 0;
    if (row >= view->source_rows)
        row = view->source_rows - 1;
    line = &view->lines.at.at[row];
    if (line->source == LINE_NO_SOURCE)
        return 0;
    return (size_t)line->source + text_at_column(source + line->source,
                                                 (size_t)(line->source_end - line->source),
                                                 column - line->source_column, NULL);
}
