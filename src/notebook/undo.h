/*
 * undo.h: changes to the document that can be taken back; for the files of this folder.
 *
 * Every edit is a step: a few changes that belong together. A change is its own inverse: applying
 * it a second time takes it back. Use:
 *
 *     struct step step = {.index = index};
 *     step_content(nb, &step, index, kind, text, length);
 *     step_insert(nb, &step, index + 1, cell);
 *     return step_commit(nb, &step);
 *
 * The changes take effect at once. When one fails, the later ones do nothing and step_commit()
 * takes back what was done and returns false.
 */
#ifndef SADDLE_NOTEBOOK_UNDO_H
#define SADDLE_NOTEBOOK_UNDO_H

#include "notebook/notebook.h"

enum { UNDO_DEPTH = 1000 }; /* steps that are kept */

enum change_kind { CHANGE_PRESENCE, CHANGE_PLACE, CHANGE_CONTENT };

struct change {
    enum change_kind kind;
    size_t index;      /* PLACE: where the cell is now */
    size_t other;      /* PLACE: where it goes */
    struct cell *cell; /* PRESENCE: the cell; owned while it is not in the document */
    bool present;
    struct strbuf source; /* CONTENT: what the cell gets */
    enum cell_kind cell_kind;
    bool touched;
};

struct step {
    VEC(struct change) changes;
    size_t index; /* the cell to look at afterwards */
    bool failed;
};

struct notebook_undo {
    VEC(struct step) steps;
    size_t done;  /* steps that are in effect; those after it can be redone */
    size_t saved; /* value of `done` at the last save, SIZE_MAX: cannot be reached again */
};

/* Takes the cell over, also on failure; NULL counts as a failure. */
void step_insert(struct notebook *nb, struct step *step, size_t index, struct cell *cell);
void step_remove(struct notebook *nb, struct step *step, size_t index);
void step_move(struct notebook *nb, struct step *step, size_t from, size_t to);
void step_content(struct notebook *nb, struct step *step, size_t index, enum cell_kind kind,
                  const char *text, size_t length);
bool step_commit(struct notebook *nb, struct step *step);

/* The present state is the one in the file. */
void undo_mark_saved(struct notebook *nb);
void undo_free(struct notebook *nb);

#endif
