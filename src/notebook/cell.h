/*
 * cell.h: making and freeing cells; for the files of this folder.
 */
#ifndef SADDLE_NOTEBOOK_CELL_H
#define SADDLE_NOTEBOOK_CELL_H

#include "notebook/notebook.h"

/* A cell with a new id, not yet in the document; `touched` is true. NULL without memory. */
struct cell *cell_new(struct notebook *nb, enum cell_kind kind);
void cell_free(struct cell *cell); /* NULL is fine */
/* Appends a text with LF as line end: carriage returns before one, and at the end, go away. */
void cell_add_text(struct strbuf *out, const char *text, size_t length);
/* A document without cells. */
struct notebook *notebook_blank(void);

#endif
