/*
 * notebook.h: the document: an ordered list of cells, each Markdown or code, with the outputs that
 * its last run left. Knows nothing of the screen, the kernel or plots.
 *
 * The file format is Markdown: a ```python (or ~~~python) block is a code cell, what lies between
 * is a Markdown cell, blocks of other languages included. A one-line HTML comment
 * <!-- saddle: key=value --> begins a new cell and is its metadata; <!-- saddle: cell --> begins a
 * Markdown cell, so that two of them can follow one another. Blocks inside an HTML comment are
 * text. Blank lines around a cell are separators and not part of its source.
 * A file that is read and written back is the same byte for byte, and after an edit every cell
 * that was not touched still is.
 *
 * A document has at least one cell. Functions that run out of memory leave the document as it was,
 * with ERROR_MEMORY pending. Indexes are positions in `cells`; one that is out of range does
 * nothing.
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

/* Output is bounded. The first and at least the last OUTPUT_KEEP lines of a stream stay, the middle
 * is counted; of one line OUTPUT_LINE bytes stay; a cell has at most OUTPUT_LIMIT outputs.
 */
enum { OUTPUT_KEEP = 500, OUTPUT_LINE = 16384, OUTPUT_LIMIT = 256 };

enum { NOTEBOOK_MAX_BYTES = 64 << 20 }; /* notebook_load() refuses a larger file */

struct output {
    enum output_kind kind;
    struct strbuf text;
    size_t dropped_lines; /* lines that were left out in the middle */
    size_t dropped_at;    /* byte offset in text where they were */
    size_t dropped_bytes; /* of lines that were cut at OUTPUT_LINE */
    size_t lines;         /* newlines in text */
    size_t line_start;    /* byte offset of the last line in text */
    int plot_id;          /* OUTPUT_PLOT: a later plot with this id replaces it; -1: never */
};

/* How a cell stood in the file: the bytes of `raw` before and after its source, and its fence. */
struct cell_layout {
    enum cell_kind kind;
    size_t head, tail; /* separators, metadata, opening fence; closing fence, separators */
    uint64_t after;    /* id of the cell that it followed, 0: the first */
    char fence;        /* '`' or '~'; 0: none */
    size_t fence_length, indent;
    bool closed;
};

struct cell {
    uint64_t id; /* unique in the document, never used again */
    enum cell_kind kind;
    struct strbuf source; /* without fences, without the last newline */
    VEC(struct output) outputs;
    enum cell_state state;
    unsigned run_number;    /* In [n]; 0: never run */
    double seconds;         /* how long the last run took */
    size_t dropped_outputs; /* outputs that OUTPUT_LIMIT left out, from the middle */
    bool touched;           /* new, or edited since loaded: notebook_write() writes it anew */
    struct strbuf raw;      /* the bytes of the file for this cell, separators included */
    struct cell_layout layout;
};

struct notebook {
    char *path; /* NULL: never saved */
    VEC(struct cell *) cells;
    bool modified; /* since it was loaded or saved; false again when edits are undone */
    bool crlf;     /* lines end in CR LF; sources always have LF alone */
    bool bom;      /* the file starts with a byte order mark */
    uint64_t next_id;
    struct notebook_undo *undo;
    struct {
        bool known;
        uint64_t device, inode, size;
        int64_t seconds, nanoseconds;
    } file; /* what was at `path` when it was last read or written */
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
/* Whether another program has written the file since it was last read or written here. A file that
 * is gone has not changed: saving makes it again. */
bool notebook_changed_on_disk(const struct notebook *nb);

/* Editing. One call is one step for undo. CR LF in a text becomes LF. Deleting the only cell leaves
 * an empty code cell. Inserting returns the cell, which belongs to the document.
 */
struct cell *notebook_insert(struct notebook *nb, size_t index, enum cell_kind kind,
                             const char *source);
void notebook_delete(struct notebook *nb, size_t index);
void notebook_move(struct notebook *nb, size_t from, size_t to); /* `to`: its new position */
void notebook_set_kind(struct notebook *nb, size_t index, enum cell_kind kind);
void notebook_set_source(struct notebook *nb, size_t index, const char *text, size_t length);
/* Cuts the cell in two at a byte offset of its source (a line end there goes away) / joins it with
 * the one below; the upper cell keeps its id, kind and outputs. */
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

/* Outputs. They are no part of the file and of undo. */
void cell_clear_outputs(struct cell *cell);
/* Appends to the last output when that is the same stream, else starts one; keeps the bound. In a
 * stream a carriage return goes back to the start of the line, as progress bars want it. */
void cell_add_output(struct cell *cell, enum output_kind kind, const char *text, size_t length);
/* Puts a plot's JSON in place of the cell's plot with the same id, or adds it. */
void cell_set_plot(struct cell *cell, int id, const char *json, size_t length);

#endif
