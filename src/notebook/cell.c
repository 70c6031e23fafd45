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

/* Looks for `key` among the words of one metadata line. */
static bool meta_find(const char *meta, size_t length, const char *key, struct strbuf *value)
{
    const char *end = meta + length;
    size_t key_length = strlen(key);

    while (meta < end) {
        size_t word = 0;
        while (meta + word < end && meta[word] != ' ' && meta[word] != '\t')
            word++;
        if (word >= key_length && memcmp(meta, key, key_length) == 0 &&
            (word == key_length || meta[key_length] == '=')) {
            if (word > key_length)
                strbuf_add(value, meta + key_length + 1, word - key_length - 1);
            return true;
        }
        meta += word + (word == 0);
    }
    return false;
}

bool cell_meta(const struct cell *cell, const char *key, struct strbuf *value)
{
    const char *meta;
    size_t length;

    for (size_t at = 0, end; at < cell->layout.head; at = end) {
        end = block_line_end(cell->raw.text, cell->layout.head, at);
        if (block_meta(cell->raw.text + at, end - at, &meta, &length) &&
            meta_find(meta, length, key, value))
            return true;
    }
    return false;
}
