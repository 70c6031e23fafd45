#include "notebook/cell.h"

#include "base/mem.h"
#include "notebook/block.h"

#include <string.h>

struct cell *cell_new(struct notebook *nb, enum cell_kind kind)
{
    struct cell *cell = mem_zero(1, sizeof(*cell));

    if (!cell)
        return NULL;
    cell->id = nb->next_id++;
    cell->kind = kind;
    cell->touched = true;
    strbuf_init(&cell->source);
    strbuf_init(&cell->raw);
    return cell;
}

void cell_free(struct cell *cell)
{
    if (!cell)
        return;
    cell_clear_outputs(cell);
    vec_release(&cell->outputs);
    strbuf_release(&cell->source);
    strbuf_release(&cell->raw);
    mem_free(cell);
}

void cell_add_text(struct strbuf *out, const char *text, size_t length)
{
    for (size_t at = 0, end; at < length; at = end) {
        end = block_line_end(text, length, at);
        size_t trimmed = block_trim(text + at, end - at);
        while (trimmed > 0 && text[at + trimmed - 1] == '\r')
            trimmed--;
        strbuf_add(out, text + at, trimmed);
        if (text[end - 1] == '\n')
            strbuf_addch(out, '\n');
    }
}
