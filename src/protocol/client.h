/*
 * client.h: the front end's side of the kernel process.
 *
 * The kernel is a child (the same binary run again) behind a socketpair. It may die at any
 * instruction: no call here waits for it without a time limit, and its death arrives as an event
 * like any other. All calls come from one thread.
 */
#ifndef SADDLE_PROTOCOL_CLIENT_H
#define SADDLE_PROTOCOL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind {
    EVENT_READY,   /* the kernel has started and takes requests */
    EVENT_BUSY,    /* cell `cell` starts to run */
    EVENT_IDLE,    /* cell `cell` is done: header {"ok": bool, "seconds": float, "run": int} */
    EVENT_STREAM,  /* text of cell `cell`: header {"name": "stdout"|"stderr"}, blob = the bytes */
    EVENT_RESULT,  /* blob = repr() of the last expression */
    EVENT_ERROR,   /* header {"type", "message", "line": int (1-based, 0 unknown)}, blob = traceback
                    */
    EVENT_PLOT,    /* header {"plot": <plot.h JSON>, "id": int (the same id replaces), "save":
                      path|absent} */
    EVENT_TENSORS, /* header {"tensors": [<one object per variable, see tensor_summary below>]} */
    EVENT_STEP,    /* header {"step": int, ...}: a live value from a training loop, at most 30/s */
    EVENT_COMPLETE, /* header {"request": int, "start": int, "end": int, "matches": [str]} */
    EVENT_RENDER,   /* the kernel asks for a file's bytes: header {"request", "plot", "format":
                       "png"|"svg"|..., "width", "height"}; answer with client_rendered() */
    EVENT_DIED, /* header {"reason": "exited with status 3" | "was killed by SIGSEGV"|...}; no more
                   events until client_restart() */
    EVENT_KIND_COUNT
};

/* One variable of EVENT_TENSORS:
 *   {"name": str, "kind": "tensor"|"parameter"|"number"|"module"|"other", "type": str (Python
 * type), "shape": [int], "dtype": "float32", "device": "cpu", "leaf": bool, "requires_grad": bool,
 *    "grad_fn": str|null, "min": float|null, "max": float|null, "mean": float|null,
 *    "values": [up to 64 floats, row by row], "changed": bool,
 *    "grad": null | {"shape", "min", "max", "mean", "values", "changed"}}
 * NaN and infinities travel as the strings "nan", "inf", "-inf". */

struct event {
    enum event_kind kind;
    uint64_t cell;
    json_t *header; /* owned by the event */
    char *blob;     /* owned; NUL-terminated, may be NULL */
    size_t blob_length;
};
void event_release(struct event *event);

struct client;

struct client_options {
    const char *folder; /* the kernel's working directory; NULL: this one */
    bool trust;         /* do not confine the kernel */
};

/* Starts the kernel and returns at once, EVENT_READY follows. NULL with ERROR_IO. */
struct client *client_start(const struct client_options *options);
/* Asks the kernel to end, waits at most 200 ms, then kills it. NULL is fine. */
void client_free(struct client *client);
/* For poll(): readable when client_next() may have something. -1 while there is no kernel. */
int client_fd(const struct client *client);
/* Takes the next event without waiting; false when there is none now. */
bool client_next(struct client *client, struct event *event);

/* Requests go out in order and run in order. false with ERROR_IO when the kernel is gone. */
bool client_execute(struct client *client, uint64_t cell, const char *source, size_t length);
bool client_complete(struct client *client, int request, const char *source, size_t cursor);
bool client_rendered(struct client *client, int request, const void *bytes, size_t length,
                     const char *error);
/* Stops the running cell as Ctrl-C does (SIGINT); cells that wait behind it are dropped. */
void client_interrupt(struct client *client);
bool client_alive(const struct client *client);
/* Kills the kernel if it still runs, and starts a new one: names and results are gone. */
bool client_restart(struct client *client);

#endif
