/*
 * markdown.h: Markdown text as rows of styled spans. Pure; md4c parses, this lays out.
 */
#ifndef SADDLE_TUI_MARKDOWN_H
#define SADDLE_TUI_MARKDOWN_H

#include "tui/lines.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends the text wrapped to `width` columns. Blocks are one blank row apart; code blocks and
 * tables that are wider are cut. False when memory ran out. */
bool markdown_layout(const char *text, size_t length, int width, struct lines *lines);

#endif
