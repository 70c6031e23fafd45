#include "base/mem.h"
#include "notebook/block.h"
#include "notebook/cell.h"

#include <string.h>

/* Where the reader is within a cell. Separators after a cell belong to that cell. */
enum phase {
    PHASE_HEAD, /* blank lines and metadata before the source */
    PHASE_TEXT, /* Markdown */
    PHASE_CODE, /* in a Python block */
    PHASE_TAIL  /* after a Python block */
};

struct parser {
    struct notebook *nb;
    const char *bytes;
    size_t length;
    enum phase phase;
    bool explicit; /* the cell began with <!-- saddle: cell --> */
    bool meta;     /* it began with other metadata */
    size_t start;  /* of the cell */
    size_t body;   /* of its source */
    size_t body_end;
    struct block fence; /* of the Python block */
};

/* The lines of a Python block, without the indent of its fence and the last newline. */
static void add_code(struct strbuf *out, const char *text, size_t length, size_t indent)
{
    for (size_t at = 0, end; at < length; at = end) {
        end = block_line_end(text, length, at);
        for (size_t spaces = 0; spaces < indent && at < end && text[at] == ' '; spaces++)
            at++;
        cell_add_text(out, text + at, end - at);
    }
    if (length > 0 && text[length - 1] == '\n' && out->length > 0)
        out->text[--out->length] = '\0';
}

static void layout_fill(struct cell_layout *layout, const struct parser *p, size_t end)
{
    size_t count = p->nb->cells.count;

    layout->after = count > 0 ? p->nb->cells.at[count - 1]->id : 0;
    layout->head = p->body - p->start;
    layout->tail = end - p->body_end;
    layout->fence = p->fence.fence;
    layout->fence_length = p->fence.fence_length;
    layout->indent = p->fence.indent;
    layout->closed = p->phase != PHASE_CODE;
}

/* Ends the cell before byte `end`, where the next one begins. */
static bool finish_cell(struct parser *p, size_t end)
{
    bool code = p->phase == PHASE_CODE || p->phase == PHASE_TAIL;
    struct cell *cell = cell_new(p->nb, code ? CELL_CODE : CELL_MARKDOWN);

    if (!cell)
        return false;
    if (p->phase == PHASE_HEAD)
        p->body = p->body_end = end;
    else if (p->phase == PHASE_CODE)
        p->body_end = end;
    cell->touched = false;
    cell->layout.kind = cell->kind;
    layout_fill(&cell->layout, p, end);
    strbuf_add(&cell->raw, p->bytes + p->start, end - p->start);
    if (code)
        add_code(&cell->source, p->bytes + p->body, p->body_end - p->body, p->fence.indent);
    else
        cell_add_text(&cell->source, p->bytes + p->body, p->body_end - p->body);
    if (cell->raw.failed || cell->source.failed || !vec_push(&p->nb->cells, cell)) {
        cell_free(cell);
        return false;
    }
    p->phase = PHASE_HEAD;
    p->explicit = p->meta = false;
    p->start = end;
    p->fence = (struct block){0};
    return true;
}

/* A line that is not inside a Python block. */
static bool take_line(struct parser *p, enum block_line kind, const struct block *open, size_t at,
                      size_t end)
{
    bool in_text = p->phase == PHASE_TEXT;
    bool complete = in_text || p->phase == PHASE_TAIL || p->explicit;

    switch (kind) {
    case BLOCK_BLANK:
        return true;
    case BLOCK_CELL:
        if ((complete || p->meta) && !finish_cell(p, at))
            return false;
        p->explicit = true;
        return true;
    case BLOCK_META:
        if (complete && !finish_cell(p, at))
            return false;
        p->meta = true;
        return true;
    case BLOCK_CODE:
        if (complete && !finish_cell(p, at))
            return false;
        p->phase = PHASE_CODE;
        p->body = end;
        p->fence = *open;
        return true;
    default:
        if (p->phase == PHASE_TAIL && !finish_cell(p, at))
            return false;
        if (p->phase == PHASE_HEAD)
            p->body = at;
        p->phase = PHASE_TEXT;
        p->body_end = at + block_trim(p->bytes + at, end - at);
        return true;
    }
}

static bool parse_lines(struct parser *p)
{
    struct block block = {0};

    for (size_t at = p->start, end; at < p->length; at = end) {
        end = block_line_end(p->bytes, p->length, at);
        enum block_line kind = block_next(&block, p->bytes + at, end - at);

        if (p->phase == PHASE_CODE) {
            if (kind == BLOCK_CLOSE) {
                p->body_end = at;
                p->phase = PHASE_TAIL;
            }
        } else if (!take_line(p, kind, &block, at, end)) {
            return false;
        }
    }
    return p->start == p->length || finish_cell(p, p->length);
}

/* A file with nothing in it still gives a cell to type into; its bytes stay until one does. */
static bool parse_nothing(struct parser *p)
{
    struct cell *cell = cell_new(p->nb, CELL_CODE);

    if (!cell)
        return false;
    cell->touched = false;
    cell->layout.kind = CELL_CODE;
    strbuf_add(&cell->raw, p->bytes + p->start, p->length - p->start);
    if (cell->raw.failed || !vec_push(&p->nb->cells, cell)) {
        cell_free(cell);
        return false;
    }
    return true;
}

static bool only_blank(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!strchr(" \t\r\n", bytes[i]) || bytes[i] == '\0')
            return false;
    return true;
}

struct notebook *notebook_parse(const char *bytes, size_t length)
{
    struct notebook *nb = notebook_blank();
    struct parser p = {.nb = nb, .bytes = bytes, .length = length};
    const char *newline = memchr(bytes, '\n', length);
    bool ok;

    if (!nb)
        return NULL;
    nb->crlf = newline && newline > bytes && newline[-1] == '\r';
    nb->bom = length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0;
    p.start = nb->bom ? 3 : 0;
    ok = only_blank(bytes + p.start, length - p.start) ? parse_nothing(&p) : parse_lines(&p);
    if (!ok) {
        notebook_free(nb);
        return NULL;
    }
    return nb;
}
