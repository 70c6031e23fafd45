/*
 * paths.h: where the files that come with Saddle are.
 *
 * lessons/ and assets/ lie next to the program in a source tree and below PREFIX/share/saddle once
 * installed; SADDLE_DATA in the environment overrides both.
 */
#ifndef SADDLE_BASE_PATHS_H
#define SADDLE_BASE_PATHS_H

#include "base/strbuf.h"

#include <stdbool.h>

/*
 * Replaces `out` by the path of `relative` ("lessons/01-tour.md", a file or a directory) in the
 * first place that has it: $SADDLE_DATA, the program's own directory, the installed data directory.
 * False with ERROR_IO, naming the file and the places, when none has.
 */
bool paths_find(const char *relative, struct strbuf *out);

/* Replaces `out` by the path of the running program. False with ERROR_IO when the system hides it.
 */
bool paths_program(struct strbuf *out);

#endif
