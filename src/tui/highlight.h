/*
 * highlight.h: the colours of Python source. Pure; a small tokenizer, not a parser.
 */
#ifndef SADDLE_TUI_HIGHLIGHT_H
#define SADDLE_TUI_HIGHLIGHT_H

#include "base/vec.h"
#include "tui/theme.h"

#include <stddef.h>

struct token {
    size_t start, length; /* bytes */
    enum style style;
};

struct tokens {
    VEC(struct token) at;
};

/* Appends the tokens that have a style of their own, in order; what lies between them is
 * STYLE_CODE. A string that is not closed ends at its line's end (with three quotes: at the
 * text's). */
void highlight_python(const char *text, size_t length, struct tokens *tokens);
void tokens_release(struct tokens *tokens);

#endif
