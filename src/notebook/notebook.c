#include "notebook/notebook.h"

#include "base/mem.h"
#include "notebook/block.h"
#include "notebook/cell.h"
#include "notebook/undo.h"

#include <string.h>

struct notebook *notebook_blank(void)
{
    struct notebook *nb = mem_zero(1, sizeof(*nb));

    if (nb)
        nb->next_id = 1;
    return nb;
}

struct notebook *notebook_new(void)
{
    struct notebook *nb = notebook_blank();
    struct cell *cell = nb ? cell_new(nb, CELL_CODE) : NULL;

    if (!cell || !vec_push(&nb->cells, cell)) {
        cell_free(cell);
        notebook_free(nb);
        return NULL;
    }
    return nb;
}

void notebook_free(struct notebook *nb)
{
    if (!nb)
        return;
    undo_free(nb);
    for (size_t i = 0; i < nb->cells.count; i++)
        cell_free(nb->cells.at[i]);
    vec_release(&nb->cells);
    mem_free(nb->path);
    mem_free(nb);
}

long notebook_find(const struct notebook *nb, uint64_t id)
{
    for (size_t i = 0; i < nb->cells.count; i++)
        if (nb->cells.at[i]->id == id)
            return (long)i;
    return -1;
}

/* The text of a heading ("## Title ##"); false when the line is none. */
static bool heading(const char *line, size_t length, const char **title, size_t *title_length)
{
    size_t level = 0, start, end = block_trim(line, length);

    while (level < end && line[level] == '#')
        level++;
    if (level == 0 || level > 6 || (level < end && line[level] != ' ' && line[level] != '\t'))
        return false;
    for (start = level; start < end && (line[start] == ' ' || line[start] == '\t'); start++)
        ;
    while (end > start && (line[end - 1] == ' ' || line[end - 1] == '\t'))
        end--;
    while (end > start && line[end - 1] == '#')
        end--;
    while (end > start && (line[end - 1] == ' ' || line[end - 1] == '\t'))
        end--;
    *title = line + start;
    *title_length = end - start;
    return end > start;
}

char *notebook_title(const struct notebook *nb)
{
    for (size_t i = 0; i < nb->cells.count; i++) {
        const struct strbuf *source = &nb->cells.at[i]->source;
        struct block block = {0};

        if (nb->cells.at[i]->kind != CELL_MARKDOWN)
            continue;
        for (size_t at = 0, end; at < source->length; at = end) {
            const char *title;
            size_t length;

            end = block_line_end(source->text, source->length, at);
            if (block_next(&block, source->text + at, end - at) == BLOCK_TEXT &&
                heading(source->text + at, end - at, &title, &length))
                return mem_strndup(title, length);
        }
    }
    return NULL;
}
