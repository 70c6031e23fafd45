/*
 * editor.h: the text of one cell while it is edited: cursor, selection, undo. Knows no screen.
 *
 * Offsets are bytes and always lie between graphemes. Columns are those of the terminal.
 */
#ifndef SADDLE_TUI_EDITOR_H
#define SADDLE_TUI_EDITOR_H

#include "base/strbuf.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>

enum { EDITOR_INDENT = 4 };

enum editor_move {
    EDITOR_LEFT,
    EDITOR_RIGHT,
    EDITOR_UP,
    EDITOR_DOWN,
    EDITOR_WORD_LEFT,
    EDITOR_WORD_RIGHT,
    EDITOR_LINE_START, /* the first character that is no blank, then column 0 */
    EDITOR_LINE_END,
    EDITOR_TEXT_START,
    EDITOR_TEXT_END
};

/* One change: `removed` lay at `at`, `added` lies there now. */
struct editor_change {
    size_t at, cursor_before;
    struct strbuf removed, added;
    bool joined; /* undone together with the one before it */
};

struct editor {
    struct strbuf text;
    size_t cursor;
    size_t anchor; /* the other end of the selection; equal to cursor: nothing is selected */
    int goal;      /* the column that moving up and down aims at, -1: the cursor's */
    VEC(struct editor_change) changes;
    size_t done; /* changes[0 .. done) are in the text, the rest can be done again */
    bool typing; /* the next typed character extends the last change */
};

void editor_init(struct editor *editor);
void editor_release(struct editor *editor);
/* A new text, nothing to undo, the cursor at its start. */
void editor_set(struct editor *editor, const char *text, size_t length);

/* False when the cursor cannot go there (UP on the first line: the caller may leave the cell). */
bool editor_move(struct editor *editor, enum editor_move move, bool select);
void editor_place(struct editor *editor, size_t offset, bool select);
void editor_select_all(struct editor *editor);

/* Typed or pasted text takes the selection's place; line ends are made \n. */
void editor_insert(struct editor *editor, const char *text, size_t length);
/* A line end, then the blanks of this line; `python`: one step more after a colon, one less after
 * return, pass, break, continue and raise. */
void editor_newline(struct editor *editor, bool python);
/* Deletes the selection, else the character before; within the indentation, back to its step. */
void editor_backspace(struct editor *editor);
void editor_delete(struct editor *editor);
void editor_delete_word(struct editor *editor); /* before the cursor */
void editor_delete_line_end(struct editor *editor);
/* Blanks to the next step; with a selection of several lines, all of them. */
void editor_indent(struct editor *editor);
void editor_unindent(struct editor *editor);
/* # before the line or the selected lines, or away again. */
void editor_toggle_comment(struct editor *editor);
/* Replaces bytes [start, end) (a completion). */
void editor_replace(struct editor *editor, size_t start, size_t end, const char *text,
                    size_t length);
bool editor_undo(struct editor *editor);
bool editor_redo(struct editor *editor);

bool editor_changed(const struct editor *editor); /* since editor_set() */
/* The selected bytes; equal when there is no selection. */
void editor_selection(const struct editor *editor, size_t *start, size_t *end);
/* True when only blanks lie before the cursor on its line: Tab indents there. */
bool editor_in_indentation(const struct editor *editor);

#endif
