/*
 * block.h: the lines of a Markdown file, as far as cells depend on them: fences, HTML comments and
 * metadata. The rules are CommonMark's (sections 4.5, fenced code blocks, and 4.6, HTML blocks).
 */
#ifndef SADDLE_NOTEBOOK_BLOCK_H
#define SADDLE_NOTEBOOK_BLOCK_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

enum block_line {
    BLOCK_TEXT,
    BLOCK_BLANK,  /* nothing but white space */
    BLOCK_META,   /* <!-- saddle: ... --> */
    BLOCK_CELL,   /* <!-- saddle: cell --> */
    BLOCK_CODE,   /* opens a Python block */
    BLOCK_OPEN,   /* opens a block of another language, or a comment of several lines */
    BLOCK_INSIDE, /* in such a block */
    BLOCK_CLOSE   /* its last line */
};

/* What is open after a line; zeroed: nothing. */
struct block {
    char fence; /* '`', '~' or 0 */
    size_t fence_length, indent;
    bool comment;
};

/* The end of the line that begins at `at`, its newline included. */
size_t block_line_end(const char *text, size_t length, size_t at);
/* Length of a line without its LF or CR LF. */
size_t block_trim(const char *line, size_t length);
/* Reads one line (with or without its line end) and moves the state on. */
enum block_line block_next(struct block *block, const char *line, size_t length);
/* The text between "saddle:" and the end of the comment; false when the line is no metadata. */
bool block_meta(const char *line, size_t length, const char **meta, size_t *meta_length);
/* The state after a whole text. */
struct block block_after(const char *text, size_t length);
/* Appends the line that closes what is open, if anything is. */
void block_close(const struct block *block, struct strbuf *out, const char *eol);

#endif
