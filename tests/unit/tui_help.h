/* Shared by the tests of what is laid out. */
#ifndef TESTS_UNIT_TUI_HELP_H
#define TESTS_UNIT_TUI_HELP_H

#include "tui/lines.h"

/* All rows, each ended by a line feed; valid until the next call. */
const char *plain(const struct lines *lines);
/* The style of the first place in a row that reads `text`; STYLE_COUNT when there is none. */
enum style style_of(const struct lines *lines, const char *text);

#endif
