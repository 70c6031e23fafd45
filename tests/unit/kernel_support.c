#include "kernel_support.h"

#include "base/error.h"
#include "kernel/kernel.h"
#include "kernel/script.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Draws nothing, but says what it was asked for. */
static bool render(void *context, json_t *plot, const char *format, int width, int height,
                   struct strbuf *out)
{
    if (strcmp(format, "png") != 0) {
        error_set(ERROR_VALUE, "no format '%s' %s", format, (const char *)context);
        return false;
    }
    strbuf_addf(out, "%s %dx%d", json_string_value(json_object_get(plot, "title")), width, height);
    return true;
}

static void show(void *context, json_t *plot, int id)
{
    const char *title = json_string_value(json_object_get(plot, "title"));

    fprintf(stderr, "shown %s: %s %d\n", (const char *)context, title, id);
}

/* The client runs /proc/self/exe again: here that is this test program, which is a kernel then;
 * and script mode takes the whole process, so it gets one as well. */
__attribute__((constructor)) static void be_somebody_else(int argc, char **argv)
{
    static const struct script_host host = {(void *)"here", render, show};

    if (argc < 3)
        return;
    display_module_register();
    if (strcmp(argv[1], "--kernel") == 0)
        exit(kernel_main(atoi(argv[2])));
    if (strcmp(argv[1], "--test-file") == 0)
        exit(script_run_file(argv[2], argc - 3, argv + 3, &host));
    if (strcmp(argv[1], "--test-code") == 0)
        exit(script_run_code(argv[2], argc - 3, argv + 3, &host));
}

double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The next event, or false when `end` has come. */
static bool next_event(struct client *client, struct event *event, double end)
{
    while (!client_next(client, event)) {
        struct pollfd file = {.fd = client_fd(client), .events = POLLIN};
        double left = end - now_ms();
        if (left <= 0 || file.fd < 0)
            return false;
        poll(&file, 1, (int)left + 1);
    }
    return true;
}

bool kernel_next(struct client *client, struct event *event, int limit_ms)
{
    return next_event(client, event, now_ms() + limit_ms);
}

bool kernel_await(struct client *client, enum event_kind kind, struct event *event, int limit_ms)
{
    double end = now_ms() + limit_ms;

    while (next_event(client, event, end)) {
        if (event->kind == kind)
            return true;
        event_release(event);
    }
    return false;
}

struct client *kernel_start(void)
{
    struct client *client = client_start(NULL);
    struct event event;

    cr_assert_not_null(client);
    cr_assert(kernel_await(client, EVENT_READY, &event, 20000), "the kernel does not start");
    event_release(&event);
    return client;
}

void kernel_execute(struct client *client, uint64_t cell, const char *source)
{
    cr_assert(client_execute(client, cell, source, strlen(source)));
}

static void add_text(struct strbuf *to, const struct event *event)
{
    strbuf_add(to, event->blob, event->blob_length);
}

static void add_member(struct strbuf *to, const struct event *event, const char *name)
{
    const char *text = json_string_value(json_object_get(event->header, name));

    strbuf_adds(to, text ? text : "");
}

static void note(struct outcome *outcome, const struct event *event)
{
    const char *name = json_string_value(json_object_get(event->header, "name"));

    switch (event->kind) {
    case EVENT_STREAM:
        outcome->streams++;
        add_text(strcmp(name, "stdout") == 0 ? &outcome->out : &outcome->err, event);
        break;
    case EVENT_RESULT:
        outcome->results++;
        add_text(&outcome->result, event);
        break;
    case EVENT_ERROR:
        outcome->errors++;
        outcome->line = (long)json_integer_value(json_object_get(event->header, "line"));
        add_member(&outcome->type, event, "type");
        add_member(&outcome->message, event, "message");
        add_text(&outcome->trace, event);
        break;
    case EVENT_TENSORS:
        json_decref(outcome->tensors);
        outcome->tensors = json_incref(json_object_get(event->header, "tensors"));
        break;
    case EVENT_IDLE:
        outcome->ok = json_is_true(json_object_get(event->header, "ok"));
        outcome->dropped = json_is_true(json_object_get(event->header, "dropped"));
        break;
    case EVENT_DIED:
        outcome->died = true;
        add_member(&outcome->reason, event, "reason");
        add_member(&outcome->words, event, "words");
        break;
    default:
        break;
    }
}

struct outcome kernel_collect(struct client *client, uint64_t cell, int limit_ms)
{
    struct outcome outcome = {.out = STRBUF_INIT,
                              .err = STRBUF_INIT,
                              .result = STRBUF_INIT,
                              .trace = STRBUF_INIT,
                              .type = STRBUF_INIT,
                              .message = STRBUF_INIT,
                              .reason = STRBUF_INIT,
                              .words = STRBUF_INIT};
    double end = now_ms() + limit_ms;
    struct event event;

    while (!outcome.idle && !outcome.died && next_event(client, &event, end)) {
        note(&outcome, &event);
        outcome.idle = event.kind == EVENT_IDLE && event.cell == cell;
        event_release(&event);
    }
    cr_assert(outcome.idle || outcome.died, "cell %d does not end", (int)cell);
    return outcome;
}

struct outcome kernel_run(struct client *client, const char *source)
{
    static uint64_t cell = 1000;

    kernel_execute(client, ++cell, source);
    return kernel_collect(client, cell, 20000);
}

void outcome_release(struct outcome *outcome)
{
    strbuf_release(&outcome->out);
    strbuf_release(&outcome->err);
    strbuf_release(&outcome->result);
    strbuf_release(&outcome->trace);
    strbuf_release(&outcome->type);
    strbuf_release(&outcome->message);
    strbuf_release(&outcome->reason);
    strbuf_release(&outcome->words);
    json_decref(outcome->tensors);
}
