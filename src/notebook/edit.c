#include "base/mem.h"
#include "notebook/cell.h"
#include "notebook/undo.h"

#include <string.h>

struct cell *notebook_insert(struct notebook *nb, size_t index, enum cell_kind kind,
                             const char *source)
{
    struct step step = {.index = index < nb->cells.count ? index : nb->cells.count};
    struct cell *cell = cell_new(nb, kind);

    if (cell && source) {
        cell_add_text(&cell->source, source, strlen(source));
        step.failed = cell->source.failed;
    }
    step_insert(nb, &step, step.index, cell);
    return step_commit(nb, &step) ? cell : NULL;
}

void notebook_delete(struct notebook *nb, size_t index)
{
    struct step step = {.index = index};

    if (index >= nb->cells.count)
        return;
    step_remove(nb, &step, index);
    if (!step.failed && nb->cells.count == 0)
        step_insert(nb, &step, 0, cell_new(nb, CELL_CODE));
    step_commit(nb, &step);
}

void notebook_move(struct notebook *nb, size_t from, size_t to)
{
    struct step step = {.index = to};

    if (from >= nb->cells.count || to >= nb->cells.count || from == to)
        return;
    step_move(nb, &step, from, to);
    step_commit(nb, &step);
}

void notebook_set_kind(struct notebook *nb, size_t index, enum cell_kind kind)
{
    struct step step = {.index = index};
    struct cell *cell;

    if (index >= nb->cells.count || nb->cells.at[index]->kind == kind)
        return;
    cell = nb->cells.at[index];
    step_content(nb, &step, index, kind, cell->source.text, cell->source.length);
    step_commit(nb, &step);
}

void notebook_set_source(struct notebook *nb, size_t index, const char *text, size_t length)
{
    struct step step = {.index = index};
    struct cell *cell;

    if (index >= nb->cells.count)
        return;
    cell = nb->cells.at[index];
    if (cell->source.length == length && memcmp(cell->source.text, text, length) == 0)
        return;
    step_content(nb, &step, index, cell->kind, text, length);
    step_commit(nb, &step);
}

/* Where the text before `offset` ends and the one after it begins: not inside a character, and
 * without the line end between them. */
static void split_points(const struct strbuf *source, size_t offset, size_t *upper, size_t *lower)
{
    const char *text = source->text;

    if (offset > source->length)
        offset = source->length;
    while (offset > 0 && (text[offset] & 0xc0) == 0x80)
        offset--;
    *upper = *lower = offset;
    if (offset > 0 && text[offset - 1] == '\n')
        *upper = offset - 1;
    else if (offset < source->length && text[offset] == '\n')
        *lower = offset + 1;
}

bool notebook_split(struct notebook *nb, size_t index, size_t offset)
{
    struct step step = {.index = index};
    struct cell *cell, *below;
    size_t upper, lower;

    if (index >= nb->cells.count)
        return false;
    cell = nb->cells.at[index];
    split_points(&cell->source, offset, &upper, &lower);
    below = cell_new(nb, cell->kind);
    if (below) {
        strbuf_add(&below->source, cell->source.text + lower, cell->source.length - lower);
        step.failed = below->source.failed;
    }
    step_content(nb, &step, index, cell->kind, cell->source.text, upper);
    step_insert(nb, &step, index + 1, below);
    return step_commit(nb, &step);
}

bool notebook_merge(struct notebook *nb, size_t index)
{
    struct step step = {.index = index};
    struct strbuf joined = STRBUF_INIT;
    struct cell *cell, *below;

    if (index >= nb->cells.count || nb->cells.count - index < 2)
        return false;
    cell = nb->cells.at[index];
    below = nb->cells.at[index + 1];
    strbuf_add(&joined, cell->source.text, cell->source.length);
    if (joined.length > 0 && below->source.length > 0)
        strbuf_adds(&joined, cell->kind == CELL_MARKDOWN ? "\n\n" : "\n");
    strbuf_add(&joined, below->source.text, below->source.length);
    step.failed = joined.failed;
    step_content(nb, &step, index, cell->kind, joined.text, joined.length);
    if (!step.failed)
        step_remove(nb, &step, index + 1);
    strbuf_release(&joined);
    return step_commit(nb, &step);
}
