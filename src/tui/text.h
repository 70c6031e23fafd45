/*
 * text.h: UTF-8 text as the terminal shows it: graphemes and their width in columns.
 *
 * Nothing here fails: bytes that are not UTF-8 and control characters count as one column and are
 * shown as a substitute.
 */
#ifndef SADDLE_TUI_TEXT_H
#define SADDLE_TUI_TEXT_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_GRAPHEME_RUNES = 4, TEXT_TAB = 4 };

/* One user-perceived character: a base and its combining marks (more than fit are left out). */
struct grapheme {
    uint32_t runes[TEXT_GRAPHEME_RUNES];
    int rune_count;
    int width;     /* 1 or 2 columns; TEXT_TAB for a tab */
    size_t length; /* bytes, at least 1 */
};

/* The grapheme at text[0 .. length), length > 0. */
struct grapheme text_grapheme(const char *text, size_t length);
/* Bytes of the grapheme that ends at `at`, never reaching before a line feed. */
size_t text_grapheme_before(const char *text, size_t at);
int text_width(const char *text, size_t length);
/* The byte offset of the grapheme at or covering `column`; *reached is its first column. */
size_t text_at_column(const char *text, size_t length, int column, int *reached);
/* The longest prefix that is at most `width` columns wide, in bytes. */
size_t text_fit(const char *text, size_t length, int width);
/* How much of one line goes into a row of `width` columns: at least one grapheme; with `words` it
 * breaks after a blank where there is one. */
size_t text_wrap(const char *text, size_t length, int width, bool words);
void text_add_rune(struct strbuf *out, uint32_t rune);
/* Output of a program as plain lines: escape sequences are left out, a carriage return starts the
 * line over, a backspace takes one character back. */
void text_plain(struct strbuf *out, const char *text, size_t length);

#endif
