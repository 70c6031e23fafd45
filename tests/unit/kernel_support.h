/* kernel_support.h: a real kernel for the tests of this room: the test program run again. */
#ifndef SADDLE_TESTS_KERNEL_SUPPORT_H
#define SADDLE_TESTS_KERNEL_SUPPORT_H

#include "base/strbuf.h"
#include "protocol/client.h"

/* Runs a cell to its end, or to the kernel's. What it did is in the fields; release it. */
struct outcome {
    bool ok, idle, died, dropped;
    int errors, results, streams;
    long line; /* of the error */
    struct strbuf out, err, result, trace, type, message, reason, words;
    json_t *tensors; /* of the last EVENT_TENSORS */
};
void outcome_release(struct outcome *outcome);

/* A kernel that has said EVENT_READY. */
struct client *kernel_start(void);
void kernel_execute(struct client *client, uint64_t cell, const char *source);
/* Takes events until cell `cell` is idle or the kernel died, at most `limit_ms`. */
struct outcome kernel_collect(struct client *client, uint64_t cell, int limit_ms);
/* Both of them, with 20 seconds. */
struct outcome kernel_run(struct client *client, const char *source);
bool kernel_next(struct client *client, struct event *event, int limit_ms);
/* The next event of a kind; others are dropped. False after `limit_ms`. */
bool kernel_await(struct client *client, enum event_kind kind, struct event *event, int limit_ms);
double now_ms(void);

/* Makes `import display` work: display.show(title, id), .save(title, path, width, height) and
 * .step(number) call the hooks of python/display.h. Every kernel and script of the tests has it. */
void display_module_register(void);

#endif
