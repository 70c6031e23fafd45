#define _GNU_SOURCE /* ppoll */

#include "tui/headless.h"

#include "base/error.h"
#include "base/mem.h"
#include "notebook/notebook.h"
#include "protocol/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

enum { STATUS_ERROR = 1, STATUS_INTERRUPTED = 130 };

struct headless {
    const char *path;
    struct notebook *nb;
    struct client *client;
    struct pictures pictures;
    size_t next; /* the cell to run when the kernel is idle */
    uint64_t running;
    bool done;
    int interrupts; /* that were dealt with */
    int status;
};

static volatile sig_atomic_t interrupts;

static void count_interrupt(int number)
{
    (void)number;
    interrupts++;
}

static void fail(struct headless *h, const char *message)
{
    fprintf(stderr, "saddle: %s\n", message);
    error_clear();
    h->status = STATUS_ERROR;
    h->done = true;
}

static bool is_blank(const struct strbuf *source)
{
    return strspn(source->text, " \t\r\n") == source->length;
}

/* The line of the file on which a cell's source begins. */
static size_t line_of(const struct notebook *nb, size_t index)
{
    size_t line = 1;

    for (size_t i = 0; i <= index; i++) {
        const struct cell *cell = nb->cells.at[i];
        size_t length = i < index ? cell->raw.length : cell->layout.head;
        for (size_t at = 0; at < length; at++)
            line += cell->raw.text[at] == '\n';
    }
    return line;
}

static size_t line_of_running(const struct headless *h)
{
    long index = notebook_find(h->nb, h->running);
    return index < 0 ? 0 : line_of(h->nb, (size_t)index);
}

static void run_next(struct headless *h)
{
    while (h->next < h->nb->cells.count) {
        const struct cell *cell = h->nb->cells.at[h->next++];

        if (cell->kind != CELL_CODE || is_blank(&cell->source))
            continue;
        h->running = cell->id;
        if (!client_execute(h->client, cell->id, cell->source.text, cell->source.length))
            fail(h, error_message());
        return;
    }
    h->done = true;
}

/* ---- Events ----------------------------------------------------------------------------------*/

static void on_ready(struct headless *h, const struct event *event)
{
    (void)event;
    run_next(h);
}

static void print_blob(const struct event *event, FILE *to, bool whole_line)
{
    if (event->blob_length > 0)
        fwrite(event->blob, 1, event->blob_length, to);
    if (whole_line && (event->blob_length == 0 || event->blob[event->blob_length - 1] != '\n'))
        fputc('\n', to);
    fflush(to);
}

static void on_stream(struct headless *h, const struct event *event)
{
    const char *name = json_string_value(json_object_get(event->header, "name"));

    (void)h;
    print_blob(event, name && strcmp(name, "stderr") == 0 ? stderr : stdout, false);
}

static void on_result(struct headless *h, const struct event *event)
{
    (void)h;
    print_blob(event, stdout, true);
}

static void on_error(struct headless *h, const struct event *event)
{
    (void)h;
    print_blob(event, stderr, true);
}

static void on_plot(struct headless *h, const struct event *event)
{
    json_t *id = json_object_get(event->header, "id");

    pictures_show(&h->pictures, json_object_get(event->header, "plot"),
                  id ? (int)json_integer_value(id) : -1);
}

static int integer_of(const struct event *event, const char *key)
{
    return (int)json_integer_value(json_object_get(event->header, key));
}

static void on_render(struct headless *h, const struct event *event)
{
    const char *format = json_string_value(json_object_get(event->header, "format"));
    struct strbuf bytes = STRBUF_INIT;
    bool drawn =
        pictures_render(&h->pictures, json_object_get(event->header, "plot"), format ? format : "",
                        integer_of(event, "width"), integer_of(event, "height"), &bytes);

    client_rendered(h->client, integer_of(event, "request"), bytes.text, bytes.length,
                    drawn ? NULL : error_message());
    error_clear();
    strbuf_release(&bytes);
}

static void on_idle(struct headless *h, const struct event *event)
{
    pictures_flush(&h->pictures);
    if (json_is_true(json_object_get(event->header, "ok"))) {
        if (!h->done)
            run_next(h);
        return;
    }
    if (h->interrupts == 0)
        fprintf(stderr, "saddle: %s: stopped at the cell in line %zu\n", h->path,
                line_of_running(h));
    h->status = STATUS_ERROR;
    h->done = true;
}

static void on_died(struct headless *h, const struct event *event)
{
    const char *reason = json_string_value(json_object_get(event->header, "reason"));
    struct strbuf message = STRBUF_INIT;

    pictures_flush(&h->pictures);
    strbuf_addf(&message, "%s: the kernel %s", h->path, reason ? reason : "died");
    if (h->running)
        strbuf_addf(&message, " (cell in line %zu)", line_of_running(h));
    fail(h, message.text);
    strbuf_release(&message);
}

/* The others are for a screen. */
static void (*const handlers[EVENT_KIND_COUNT])(struct headless *h, const struct event *event) = {
    [EVENT_READY] = on_ready, [EVENT_STREAM] = on_stream, [EVENT_RESULT] = on_result,
    [EVENT_ERROR] = on_error, [EVENT_PLOT] = on_plot,     [EVENT_RENDER] = on_render,
    [EVENT_IDLE] = on_idle,   [EVENT_DIED] = on_died,
};

/* ---- The loop --------------------------------------------------------------------------------*/

/* The first Ctrl-C stops the cell, the second one the waiting for it. */
static void take_interrupts(struct headless *h)
{
    if (interrupts == h->interrupts)
        return;
    if (h->interrupts > 0 || !h->running)
        h->done = true;
    else
        client_interrupt(h->client);
    h->interrupts = interrupts;
    h->next = h->nb->cells.count;
}

static void take_events(struct headless *h)
{
    struct event event;

    while (!h->done && client_next(h->client, &event)) {
        if (handlers[event.kind])
            handlers[event.kind](h, &event);
        event_release(&event);
    }
    if (!h->done && ferror(stdout))
        fail(h, "cannot write to standard output");
}

/* SIGINT is let in only while ppoll() waits, so that none is missed between a look and the wait. */
static void run_cells(struct headless *h)
{
    struct sigaction action = {.sa_handler = count_interrupt}, old_action;
    sigset_t block, old;

    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigprocmask(SIG_BLOCK, &block, &old);
    sigaction(SIGINT, &action, &old_action);
    while (!h->done) {
        struct pollfd wait = {.fd = client_fd(h->client), .events = POLLIN};

        if (ppoll(&wait, 1, NULL, &old) < 0 && errno != EINTR) {
            fail(h, strerror(errno));
            break;
        }
        take_interrupts(h);
        take_events(h);
    }
    sigaction(SIGINT, &old_action, NULL);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

/* The folder of a path, for mem_free(); NULL: this one. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;

    return slash ? mem_strndup(path, length ? length : 1) : NULL;
}

int headless_run(const struct headless_options *options)
{
    struct headless h = {.path = options->path};
    struct client_options client = {.trust = options->trust};
    char *folder = folder_of(options->path);

    client.folder = folder;
    h.nb = notebook_load(options->path);
    if (!h.nb || !pictures_init(&h.pictures, options->path, stdout) || error_pending() ||
        !(h.client = client_start(&client)))
        fail(&h, error_message());
    else
        run_cells(&h);
    client_free(h.client);
    if (h.interrupts > 0)
        h.status = STATUS_INTERRUPTED;
    else if (h.pictures.failed && h.status == 0)
        h.status = STATUS_ERROR;
    pictures_release(&h.pictures);
    notebook_free(h.nb);
    mem_free(folder);
    return h.status;
}
