/*
 * status.h: the line at the bottom: mode, file, Python's state, and a message or the keys.
 */
#ifndef SADDLE_TUI_STATUS_H
#define SADDLE_TUI_STATUS_H

#include "base/strbuf.h"

#include <stdbool.h>

struct app;

struct status {
    struct strbuf message;
    bool error;
    double until; /* now_ms(); 0: no message */
};

/* Shown for some seconds; an error stays until the next key. */
void status_note(struct app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
void status_error(struct app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A key was pressed: errors have been read. */
void status_seen(struct app *app);
void status_draw(struct app *app, int row, int columns);
/* Milliseconds until the line changes by itself, -1: it does not. */
int status_wait(const struct app *app);
/* One of the turning signs, by the clock; shared with the prompt of a running cell. */
const char *status_spinner(void);

#endif
