/*
 * tui.h: the notebook on the terminal.
 *
 * Owns the terminal, the document and gnuplot; code runs in the kernel process behind
 * protocol/client.h. Everything else in this directory is internal to it, except headless.h.
 */
#ifndef SADDLE_TUI_TUI_H
#define SADDLE_TUI_TUI_H

#include <stdbool.h>

enum tui_theme { TUI_THEME_AUTO, TUI_THEME_DARK, TUI_THEME_LIGHT };

struct tui_options {
    const char *path;     /* the notebook; NULL opens the start page */
    bool create;          /* a missing file is a new notebook with that name, not an error */
    bool trust;           /* do not confine the kernel */
    enum tui_theme theme; /* AUTO: SADDLE_THEME, COLORFGBG, or what the terminal answers */
};

/* Runs until the user quits; returns the exit status of the program. Errors before the screen is
 * up (no terminal, a file that cannot be read) go to stderr and give 1. A signal that ends the
 * program gives the terminal back, keeps unsaved work beside the file and says so on stderr. */
int tui_main(const struct tui_options *options);

#endif
