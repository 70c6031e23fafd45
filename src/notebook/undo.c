#include "notebook/undo.h"

#include "base/mem.h"
#include "notebook/cell.h"

#include <string.h>

/* Cells that leave the document keep its array at its size, so that putting them back needs no
 * memory: taking back never fails. */
static void change_toggle(struct notebook *nb, struct change *change)
{
    struct cell *cell = change->cell;

    switch (change->kind) {
    case CHANGE_PRESENCE:
        if (change->present)
            vec_remove(&nb->cells, change->index);
        else
            (void)vec_insert(&nb->cells, change->index, cell);
        change->present = !change->present;
        break;
    case CHANGE_PLACE: {
        size_t from = change->index;
        cell = nb->cells.at[from];
        vec_remove(&nb->cells, from);
        (void)vec_insert(&nb->cells, change->other, cell);
        change->index = change->other;
        change->other = from;
        break;
    }
    case CHANGE_CONTENT: {
        struct change old = {
            .source = cell->source, .cell_kind = cell->kind, .touched = cell->touched};
        cell->source = change->source;
        cell->kind = change->cell_kind;
        cell->touched = change->touched;
        change->source = old.source;
        change->cell_kind = old.cell_kind;
        change->touched = old.touched;
        break;
    }
    }
}

static void change_release(struct change *change)
{
    if (change->kind == CHANGE_PRESENCE && !change->present)
        cell_free(change->cell);
    if (change->kind == CHANGE_CONTENT)
        strbuf_release(&change->source);
}

static void step_release(struct step *step)
{
    for (size_t i = 0; i < step->changes.count; i++)
        change_release(&step->changes.at[i]);
    vec_release(&step->changes);
}

/* Records the change and applies it. */
static void step_add(struct notebook *nb, struct step *step, struct change change)
{
    if (!step->failed && vec_push(&step->changes, change))
        change_toggle(nb, &step->changes.at[step->changes.count - 1]);
    else {
        step->failed = true;
        change_release(&change);
    }
}

void step_insert(struct notebook *nb, struct step *step, size_t index, struct cell *cell)
{
    struct change change = {.kind = CHANGE_PRESENCE, .index = index, .cell = cell};

    if (!cell || !vec_grow((void **)&nb->cells.at, nb->cells.count, &nb->cells.capacity,
                           sizeof(*nb->cells.at)))
        step->failed = true;
    step_add(nb, step, change);
}

void step_remove(struct notebook *nb, struct step *step, size_t index)
{
    step_add(
        nb, step,
        (struct change){
            .kind = CHANGE_PRESENCE, .index = index, .cell = nb->cells.at[index], .present = true});
}

void step_move(struct notebook *nb, struct step *step, size_t from, size_t to)
{
    step_add(nb, step, (struct change){.kind = CHANGE_PLACE, .index = from, .other = to});
}

void step_content(struct notebook *nb, struct step *step, size_t index, enum cell_kind kind,
                  const char *text, size_t length)
{
    struct change change = {.kind = CHANGE_CONTENT,
                            .index = index,
                            .cell = nb->cells.at[index],
                            .source = STRBUF_INIT,
                            .cell_kind = kind,
                            .touched = true};

    cell_add_text(&change.source, text, length);
    if (change.source.failed)
        step->failed = true;
    step_add(nb, step, change);
}

static void step_undo(struct notebook *nb, struct step *step)
{
    for (size_t i = step->changes.count; i-- > 0;)
        change_toggle(nb, &step->changes.at[i]);
}

static void step_redo(struct notebook *nb, struct step *step)
{
    for (size_t i = 0; i < step->changes.count; i++)
        change_toggle(nb, &step->changes.at[i]);
}

/* Steps that were undone are forgotten when something else is done instead. */
static void forget_undone(struct notebook_undo *undo)
{
    while (undo->steps.count > undo->done)
        step_release(&undo->steps.at[--undo->steps.count]);
    if (undo->saved > undo->done)
        undo->saved = SIZE_MAX;
}

static void forget_oldest(struct notebook_undo *undo)
{
    step_release(&undo->steps.at[0]);
    vec_remove(&undo->steps, 0);
    undo->done--;
    if (undo->saved != SIZE_MAX)
        undo->saved = undo->saved > 0 ? undo->saved - 1 : SIZE_MAX;
}

static struct notebook_undo *undo_get(struct notebook *nb)
{
    if (!nb->undo)
        nb->undo = mem_zero(1, sizeof(*nb->undo));
    return nb->undo;
}

bool step_commit(struct notebook *nb, struct step *step)
{
    struct notebook_undo *undo = step->failed ? NULL : undo_get(nb);

    if (!undo || !vec_grow((void **)&undo->steps.at, undo->done, &undo->steps.capacity,
                           sizeof(*undo->steps.at))) {
        step_undo(nb, step);
        step_release(step);
        return false;
    }
    forget_undone(undo);
    (void)vec_push(&undo->steps, *step);
    undo->done++;
    if (undo->steps.count > UNDO_DEPTH)
        forget_oldest(undo);
    nb->modified = true;
    return true;
}

static void look_at(struct notebook *nb, const struct step *step, size_t *index)
{
    nb->modified = nb->undo->done != nb->undo->saved;
    if (index)
        *index = step->index < nb->cells.count ? step->index : nb->cells.count - 1;
}

bool notebook_undo(struct notebook *nb, size_t *index)
{
    struct step *step;

    if (!nb->undo || nb->undo->done == 0)
        return false;
    step = &nb->undo->steps.at[--nb->undo->done];
    step_undo(nb, step);
    look_at(nb, step, index);
    return true;
}

bool notebook_redo(struct notebook *nb, size_t *index)
{
    struct step *step;

    if (!nb->undo || nb->undo->done == nb->undo->steps.count)
        return false;
    step = &nb->undo->steps.at[nb->undo->done++];
    step_redo(nb, step);
    look_at(nb, step, index);
    return true;
}

void undo_mark_saved(struct notebook *nb)
{
    if (nb->undo)
        nb->undo->saved = nb->undo->done;
    nb->modified = false;
}

void undo_free(struct notebook *nb)
{
    if (!nb->undo)
        return;
    for (size_t i = 0; i < nb->undo->steps.count; i++)
        step_release(&nb->undo->steps.at[i]);
    vec_release(&nb->undo->steps);
    mem_free(nb->undo);
    nb->undo = NULL;
}
