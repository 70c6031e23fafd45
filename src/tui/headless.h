/*
 * headless.h: a notebook run without a screen.
 */
#ifndef SADDLE_TUI_HEADLESS_H
#define SADDLE_TUI_HEADLESS_H

#include "tui/pictures.h"

#include <stdbool.h>

struct headless_options {
    const char *path;
    bool trust; /* do not confine the kernel */
};

/*
 * Runs the code cells of a notebook in order and prints what they print: streams to their own,
 * the value of a last expression to standard output, tracebacks to standard error; plots become
 * PNG files in the current folder, whose names are printed. The kernel works in the notebook's
 * folder. The first error ends the run. Returns the exit status: 0; 1 after an error in a cell, a
 * notebook that cannot be read, a picture that cannot be written or a dead kernel; 130 after
 * Ctrl-C (a second one does not wait for the cell).
 */
int headless_run(const struct headless_options *options);

#endif
