/*
 * session.h: the document's cells run by the kernel.
 *
 * The queue is kept here and cells go to the kernel one at a time, so that an error or an interrupt
 * drops what waits. The kernel is started by the first session_start() and may be dead at any time:
 * nothing here waits for it.
 */
#ifndef SADDLE_TUI_SESSION_H
#define SADDLE_TUI_SESSION_H

#include "base/vec.h"
#include "protocol/client.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct app;

enum session_state { SESSION_NONE, SESSION_STARTING, SESSION_READY, SESSION_DEAD };

struct session {
    struct client *client;
    enum session_state state;
    VEC(uint64_t) queue; /* ids of cells */
    uint64_t running;    /* the id of the cell at the kernel, 0: none */
    double started;      /* when it was sent, now_ms() */
    bool interrupted;
    json_t *tensors, *tensors_before; /* the last two EVENT_TENSORS */
    uint64_t tensors_version;
    json_t *step;     /* the last EVENT_STEP of the running cell */
    int request;      /* the last completion asked for */
    char reason[128]; /* DEAD: why */
};

void session_start(struct app *app);
void session_release(struct session *session);
/* For poll(); -1: none. */
int session_fd(const struct session *session);
/* Takes what has arrived, for a few milliseconds at most. */
void session_events(struct app *app);

/* Runs the cell after those that wait; a Markdown cell needs nothing. */
void session_run(struct app *app, size_t index);
void session_interrupt(struct app *app);
void session_restart(struct app *app);
bool session_complete(struct app *app, const char *source, size_t cursor);

#endif
