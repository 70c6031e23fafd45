/*
 * term.h: the terminal taken over and given back whole.
 *
 * ncurses draws; the bytes that come in are read by the main loop itself (keys.h). Signals arrive
 * as bytes in a pipe. A crash of the program itself gives the terminal back from the handler.
 */
#ifndef SADDLE_TUI_TERM_H
#define SADDLE_TUI_TERM_H

#include <stdbool.h>

/* False with ERROR_IO: no terminal, or one that ncurses does not know. */
bool term_open(void);
/* Safe to call twice. */
void term_close(void);
/* Keys, paste, mouse and the question for the ground's colour: call after the first frame. */
void term_ask(bool ground);
/* Stops the program as Ctrl-Z does; returns once it goes on, with the screen to be drawn anew. */
void term_suspend(void);
/* Takes the terminal again after somebody else stopped and continued the program. */
void term_resume(void);
/* Follows the terminal's size. */
void term_resize(void);
int term_rows(void);
int term_columns(void);
/* 256, 16, 8 or 0 (NO_COLOR, or a terminal without colours). */
int term_colors(void);

/* For poll(): readable when a signal came. */
int term_signal_fd(void);
/* The next signal that came (SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT), 0: none. */
int term_next_signal(void);

#endif
