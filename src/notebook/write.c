#include "notebook/block.h"
#include "notebook/notebook.h"

#include <string.h>

struct writer {
    struct strbuf *out;
    size_t start;    /* of the document in `out` */
    const char *eol; /* of the document */
};

/* The cell still stands in the file as it did, at most with another source. The cell that an empty
 * file gets has no fence: it leaves the file as it is as long as it is alone and empty. */
static bool keeps_layout(const struct notebook *nb, const struct cell *cell)
{
    const struct cell_layout *layout = &cell->layout;

    if (cell->kind == CELL_CODE && layout->fence == 0)
        return !cell->touched && nb->cells.count == 1;
    return !cell->touched || (cell->raw.length > 0 && layout->kind == cell->kind);
}

static const char *cell_eol(const struct writer *w, const struct cell *cell)
{
    const char *newline = memchr(cell->raw.text, '\n', cell->raw.length);

    if (!newline)
        return w->eol;
    return newline > cell->raw.text && newline[-1] == '\r' ? "\r\n" : "\n";
}

/* The source's lines with another line end; non-empty ones indented. No line end after the last. */
static void add_lines(struct strbuf *out, const struct strbuf *source, const char *eol,
                      size_t indent)
{
    for (size_t at = 0, end; at < source->length; at = end) {
        end = block_line_end(source->text, source->length, at);
        size_t length = end - at - (source->text[end - 1] == '\n');
        if (length > 0)
            strbuf_pad(out, ' ', indent);
        strbuf_add(out, source->text + at, length);
        if (end - at > length)
            strbuf_adds(out, eol);
    }
}

static void end_line(struct writer *w, const char *eol)
{
    if (w->out->length > w->start && w->out->text[w->out->length - 1] != '\n')
        strbuf_adds(w->out, eol);
}

/* Makes what follows start after a blank line, or at the start of the document. */
static void blank_line(struct writer *w)
{
    const char *text;
    size_t length;

    if (w->out->length == w->start)
        return;
    end_line(w, w->eol);
    text = w->out->text + w->start;
    length = w->out->length - w->start - 1; /* without the last line's LF */
    if (length > 0 && text[length - 1] == '\r')
        length--;
    if (length > 0 && text[length - 1] != '\n')
        strbuf_adds(w->out, w->eol);
}

/* The first word of its metadata makes a cell a Markdown cell, any metadata makes it a cell. */
static bool has_meta(const struct cell *cell, bool *explicit)
{
    struct block block = {0};
    bool found = false;

    *explicit = false;
    for (size_t at = 0, end; at < cell->layout.head; at = end) {
        end = block_line_end(cell->raw.text, cell->layout.head, at);
        enum block_line kind = block_next(&block, cell->raw.text + at, end - at);
        *explicit = *explicit || kind == BLOCK_CELL;
        found = found || kind == BLOCK_CELL || kind == BLOCK_META;
    }
    return found;
}

/* The metadata lines that a cell had, for one that is written anew. */
static void add_meta(struct writer *w, const struct cell *cell)
{
    const char *meta;
    size_t length;

    for (size_t at = 0, end; at < cell->layout.head; at = end) {
        end = block_line_end(cell->raw.text, cell->layout.head, at);
        if (!block_meta(cell->raw.text + at, end - at, &meta, &length))
            continue;
        if (cell->kind == CELL_CODE && length >= 4 && memcmp(meta, "cell", 4) == 0)
            continue; /* would make it two cells */
        strbuf_adds(w->out, "<!-- saddle: ");
        strbuf_add(w->out, meta, length);
        strbuf_adds(w->out, " -->");
        strbuf_adds(w->out, w->eol);
    }
}

static bool is_blank(const struct strbuf *source)
{
    return strspn(source->text, " \t\r\n") == source->length;
}

static size_t longest_run(const struct strbuf *source, char c)
{
    size_t longest = 0, run = 0;

    for (size_t i = 0; i < source->length; i++) {
        run = source->text[i] == c ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* No line of the source would end the cell's block in the file. */
static bool fits_fence(const struct cell *cell)
{
    struct block block = {.fence = cell->layout.fence, .fence_length = cell->layout.fence_length};
    const struct strbuf *source = &cell->source;

    for (size_t at = 0, end; at < source->length; at = end) {
        end = block_line_end(source->text, source->length, at);
        if (block_next(&block, source->text + at, end - at) == BLOCK_CLOSE)
            return false;
    }
    return true;
}

static void write_code_anew(struct writer *w, const struct cell *cell)
{
    size_t fence = longest_run(&cell->source, '`') + 1;

    fence = fence < 3 ? 3 : fence;
    blank_line(w);
    add_meta(w, cell);
    strbuf_pad(w->out, '`', fence);
    strbuf_adds(w->out, "python");
    strbuf_adds(w->out, w->eol);
    add_lines(w->out, &cell->source, w->eol, 0);
    if (cell->source.length > 0)
        strbuf_adds(w->out, w->eol);
    strbuf_pad(w->out, '`', fence);
    strbuf_adds(w->out, w->eol);
}

static void write_separator(struct writer *w)
{
    strbuf_adds(w->out, "<!-- saddle: cell -->");
    strbuf_adds(w->out, w->eol);
}

static void write_markdown_anew(struct writer *w, const struct cell *cell, bool after_markdown)
{
    bool explicit;
    bool meta = has_meta(cell, &explicit);

    blank_line(w);
    if (!explicit && (is_blank(&cell->source) || (after_markdown && !meta)))
        write_separator(w);
    add_meta(w, cell);
    if (is_blank(&cell->source))
        return;
    blank_line(w);
    add_lines(w->out, &cell->source, w->eol, 0);
    end_line(w, w->eol);
}

/* The bytes of the file with the new source in place of the old one. */
static void write_kept(struct writer *w, const struct cell *cell)
{
    const struct cell_layout *layout = &cell->layout;
    const char *eol = cell_eol(w, cell);

    strbuf_add(w->out, cell->raw.text, layout->head);
    if (layout->head > 0)
        end_line(w, eol);
    add_lines(w->out, &cell->source, eol, layout->indent);
    if (cell->kind == CELL_CODE && cell->source.length > 0)
        strbuf_adds(w->out, eol);
    strbuf_add(w->out, cell->raw.text + cell->raw.length - layout->tail, layout->tail);
}

/* Closes what the cell leaves open, which would swallow the cells below it. */
static void close_cell(struct writer *w, const struct cell *cell, bool kept)
{
    const struct cell_layout *layout = &cell->layout;
    struct block open = {0};

    if (cell->kind == CELL_MARKDOWN)
        open = block_after(cell->source.text, cell->source.length);
    else if (kept && layout->fence && !layout->closed)
        open = (struct block){
            .fence = layout->fence, .fence_length = layout->fence_length, .indent = layout->indent};
    block_close(&open, w->out, cell_eol(w, cell));
}

/* The two follow each other as in the file, separators included. A cell that was empty there has
 * none of its own. */
static bool stands_below(const struct notebook *nb, const struct cell *cell,
                         const struct cell *above)
{
    return keeps_layout(nb, above) && cell->layout.after == above->id &&
           (!above->touched || above->layout.tail > 0);
}

static void write_cell(struct writer *w, const struct notebook *nb, size_t index)
{
    const struct cell *cell = nb->cells.at[index];
    const struct cell *above = index > 0 ? nb->cells.at[index - 1] : NULL;
    bool after_markdown = above && above->kind == CELL_MARKDOWN;
    bool kept = keeps_layout(nb, cell), explicit;

    if (kept && cell->touched)
        kept = cell->kind == CELL_CODE ? fits_fence(cell) : !is_blank(&cell->source);
    if (!kept && cell->kind == CELL_CODE) {
        write_code_anew(w, cell);
    } else if (!kept) {
        write_markdown_anew(w, cell, after_markdown);
    } else {
        if (above && !stands_below(nb, cell, above))
            blank_line(w);
        if (after_markdown && cell->kind == CELL_MARKDOWN && !has_meta(cell, &explicit)) {
            write_separator(w);
            blank_line(w);
        }
        if (cell->touched)
            write_kept(w, cell);
        else
            strbuf_add(w->out, cell->raw.text, cell->raw.length);
    }
    if (cell->touched || index + 1 < nb->cells.count)
        close_cell(w, cell, kept);
}

void notebook_write(const struct notebook *nb, struct strbuf *out)
{
    struct writer w = {.out = out, .eol = nb->crlf ? "\r\n" : "\n"};

    if (nb->bom)
        strbuf_adds(out, "\xef\xbb\xbf");
    w.start = out->length;
    for (size_t i = 0; i < nb->cells.count; i++)
        write_cell(&w, nb, i);
}
