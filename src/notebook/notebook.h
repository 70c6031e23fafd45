/*
 * notebook.h: the document: an ordered list of cells, each Markdown or code, with the outputs that
 * its last run left. Knows nothing of the screen, the kernel or plots.
 *
 * The file format is Markdown: a fenced ```python block is a code cell, what lies between is a
 * Markdown cell, an HTML comment <!-- saddle: key=value --> before a fence is the cell's metadata.
 * A file that is read and written back is the same byte for byte, and after an edit every cell
 * that was not touched still is.
 */
#ifndef SADDLE_NOTEBOOK_NOTEBOOK_H
#define SADDLE_NOTEBOOK_NOTEBOOK_H

#include "base/strbuf.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cell_kind { CELL_MARKDOWN, CELL_CODE };
enum cell_state { CELL_IDLE, CELL_QUEUED, CELL_RUNNING, CELL_DONE, CELL_FAILED };
enum output_kind {
    OUTPUT_STDOUT,
    OUTPUT_STDERR,
    OUTPUT_RESULT, /* the value of the last expression, as repr() writes it */
    OUTPUT_ERROR,  /* a traceback */
    OUTPUT_PLOT    /* `text` is the plot's JSON */
};

/* Output is bounded: the first and last OUTPUT_KEEP lines of a stream stay, the middle is counted.
 */
enum { OUTPUT_KEEP = 500 };

struct output {
    enum output_kind kind;
    struct strbuf text;
    size_t dropped_lines; /* lines that were left out in the middle */
    size_t dropped_at;    /* byte offset in text where they were */
};

struct cell {
    uint64_t id; /* unique in the document, never used again */
    enum cell_kind kind;
    struct strbuf source; /* without fences, without the last newline */
    VEC(struct output) outputs;
    enum cell_state state;
    unsigned run_number; /* In [n]; 0: never run */
    double seconds;      /* how long the last run took */
    bool touched;      /* source differs from what the file had: written anew by notebook_write() */
    struct strbuf raw; /* the bytes of the file for this cell, separators included */
};

struct notebook {
    char *path; /* NULL: never saved */
    VEC(struct cell *) cells;
    bool modified; /* since it was loaded or saved */
    uint64_t next_id;
    struct notebook_undo *undo;
};

struct notebook *notebook_new(void); /* one empty code cell */
void notebook_free(struct notebook *nb);

/* NULL with ERROR_IO or ERROR_VALUE: the message names the path and what is wrong with it (missing,
 * a directory, binary data, not UTF-8 with the line number). A missing file is an error here. */
struct notebook *notebook_load(const char *path);
struct notebook *notebook_parse(const char *bytes, size_t length);
void notebook_write(const struct notebook *nb, struct strbuf *out);
/* Writes a temporary file beside `path`, syncs and renames it; the old file stays whole on error.
 * path NULL means nb->path. Follows a symbolic link, keeps the file's mode. */
int notebook_save(struct notebook *nb, const char *path);

/* Editing. Indexes are positions in `cells`; every edit can be undone. Inserting returns the cell.
 */
struct cell *notebook_insert(struct notebook *nb, size_t index, enum cell_kind kind,
                             const char *source);
void notebook_delete(struct notebook *nb, size_t index);
void notebook_move(struct notebook *nb, size_t from, size_t to);
void notebook_set_kind(struct notebook *nb, size_t index, enum cell_kind kind);
void notebook_set_source(struct notebook *nb, size_t index, const char *text, size_t length);
/* Cuts the cell in two at a byte offset of its source / joins it with the one below. */
bool notebook_split(struct notebook *nb, size_t index, size_t offset);
bool notebook_merge(struct notebook *nb, size_t index);
/* Undoes or redoes structural edits and whole-source changes; false when there is nothing to do.
 * *index is set to the cell that changed. */
bool notebook_undo(struct notebook *nb, size_t *index);
bool notebook_redo(struct notebook *nb, size_t *index);

/* -1 when there is none. */
long notebook_find(const struct notebook *nb, uint64_t id);
/* The first line that is a heading, or NULL; for start pages and titles. Caller frees (mem_free).
 */
char *notebook_title(const struct notebook *nb);

/* Outputs. */
void cell_clear_outputs(struct cell *cell);
/* Appends to the last output when that is the same stream, else starts one; keeps the bound. */
void cell_add_output(struct cell *cell, enum output_kind kind, const char *text, size_t length);

#endif
