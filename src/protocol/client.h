/*
 * client.h: the front end's side of the kernel process.
 *
 * The kernel is a child (the same binary run again) behind a socketpair. It may die at any
 * instruction: no call here waits for it without a time limit, and its death arrives as an event
 * like any other. All calls come from one thread, the one that started it: the kernel is killed
 * when that thread ends.
 */
#ifndef SADDLE_PROTOCOL_CLIENT_H
#define SADDLE_PROTOCOL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* EVENT_READY, EVENT_BUSY, ...: messages.def says what each means and carries. */
enum event_kind {
#define EVENT(NAME) EVENT_##NAME,
#include "protocol/messages.def"
    EVENT_KIND_COUNT
};

/* One variable of EVENT_TENSORS:
 *   {"name": str, "kind": "tensor"|"parameter"|"number", "type": str (Python type),
 *    "shape": [int], "dtype": "float32", "device": "cpu", "leaf": bool, "requires_grad": bool,
 *    "grad_fn": str|null, "min": float|null, "max": float|null, "mean": float|null,
 *    "values": [floats], "changed": bool,
 *    "grad": null | {"shape", "dtype", "min", "max", "mean", "values", "changed"}}
 * A number has neither dtype nor what follows from it. The parameters of a module `net` are
 * variables of their own, named "net.0.weight". "values" are all values, row by row, or 64 of them
 * at even distances where there are more. min, max and mean are null for a tensor without elements
 * and for one so large that reading it all would take time; NaN and infinities travel as the
 * strings "nan", "inf", "-inf". "changed": the values are not those of the event before. */

struct event {
    enum event_kind kind;
    uint64_t cell;
    json_t *header; /* owned by the event */
    char *blob;     /* owned; NUL-terminated, may be NULL */
    size_t blob_length;
};
void event_release(struct event *event);

/* Code of a cell is compiled under the name "<cell RUN>", RUN being the number in EVENT_BUSY and
 * EVENT_IDLE; tracebacks call it so. */

struct client;

struct client_options {
    const char *folder; /* the kernel's working directory; NULL: this one */
    bool trust;         /* do not confine the kernel */
};

/* Starts the kernel and returns at once, EVENT_READY follows. NULL with ERROR_IO. */
struct client *client_start(const struct client_options *options);
/* Asks the kernel to end, waits at most 200 ms, then kills it. NULL is fine. */
void client_free(struct client *client);
/* For poll() with POLLIN: ready when client_next() has something to do. -1 while there is no
 * kernel; it changes with client_restart(). */
int client_fd(const struct client *client);
/* Takes the next event without waiting; false when there is none now. */
bool client_next(struct client *client, struct event *event);

/* Requests go out in order and run in order: a request that comes while a cell runs waits here. A
 * completion is worth nothing later, so a new one replaces one that still waits. false with
 * ERROR_IO when the kernel is gone. */
bool client_execute(struct client *client, uint64_t cell, const char *source, size_t length);
bool client_complete(struct client *client, int request, const char *source, size_t cursor);
bool client_rendered(struct client *client, int request, const void *bytes, size_t length,
                     const char *error);
/* Stops the running cell as Ctrl-C does (SIGINT); cells that wait behind it are dropped, each with
 * an EVENT_IDLE. */
void client_interrupt(struct client *client);
bool client_alive(const struct client *client);
/* Kills the kernel if it still runs, and starts a new one: names and results are gone. */
bool client_restart(struct client *client);

#endif
