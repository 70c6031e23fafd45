#include "protocol/client.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/vec.h"
#include "protocol/frame.h"
#include "protocol/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { END_LIMIT_MS = 200 };

struct request {
    uint32_t kind;
    uint64_t cell;
    struct strbuf frame;
};

struct client {
    char *folder;
    struct process process;
    int poll_fd; /* an epoll of the socket, so that unsent requests wake the caller as well */
    bool poll_out;
    bool ready, running;
    uint64_t cell; /* the running one, or the last */
    char reason[512];
    struct frame_reader reader;
    struct strbuf out;
    size_t sent;                 /* bytes of `out` that the kernel has */
    VEC(struct request) waiting; /* until no cell runs */
    VEC(uint64_t) dropped;       /* cells that await their EVENT_IDLE */
};

void event_release(struct event *event)
{
    json_decref(event->header);
    mem_free(event->blob);
    *event = (struct event){0};
}

/* ---- The kernel's process --------------------------------------------------------------------*/

static void forget_waiting(struct client *client)
{
    for (size_t i = 0; i < client->waiting.count; i++)
        strbuf_release(&client->waiting.at[i].frame);
    client->waiting.count = 0;
    client->dropped.count = 0;
}

static void poll_update(struct client *client)
{
    bool out = client->sent < client->out.length || client->dropped.count;
    struct epoll_event wanted = {.events = EPOLLIN | (out ? EPOLLOUT : 0)};

    if (client->poll_fd >= 0 && out != client->poll_out &&
        epoll_ctl(client->poll_fd, EPOLL_CTL_MOD, client->process.fd, &wanted) == 0)
        client->poll_out = out;
}

static bool kernel_start(struct client *client)
{
    struct epoll_event wanted = {.events = EPOLLIN};
    struct process_ending ending;

    client->ready = client->running = client->poll_out = false;
    client->reason[0] = '\0';
    frame_reader_init(&client->reader);
    if (!process_start(&client->process, client->folder))
        return false;
    client->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (client->poll_fd >= 0 &&
        epoll_ctl(client->poll_fd, EPOLL_CTL_ADD, client->process.fd, &wanted) == 0)
        return true;
    error_set(ERROR_IO, "cannot watch the kernel: %s", strerror(errno));
    process_end(&client->process, 0, &ending);
    return false;
}

/* Ends the kernel and forgets all that was under way. */
static void kernel_end(struct client *client, int limit_ms, struct process_ending *ending)
{
    if (client->poll_fd >= 0)
        close(client->poll_fd);
    client->poll_fd = -1;
    process_end(&client->process, limit_ms, ending);
    frame_reader_release(&client->reader);
    strbuf_release(&client->out);
    client->sent = 0;
    forget_waiting(client);
    client->ready = client->running = false;
}

struct client *client_start(const struct client_options *options)
{
    struct client *client = mem_zero(1, sizeof(*client));

    if (!client)
        return NULL;
    client->poll_fd = client->process.fd = client->process.words_fd = -1;
    frame_reader_init(&client->reader);
    strbuf_init(&client->out);
    if (options && options->folder) {
        client->folder = mem_strdup(options->folder);
        if (!client->folder)
            goto fail;
    }
    if (kernel_start(client))
        return client;

fail:
    client_free(client);
    return NULL;
}

bool client_alive(const struct client *client)
{
    return client->process.pid > 0;
}

int client_fd(const struct client *client)
{
    return client->poll_fd;
}

/* ---- Requests --------------------------------------------------------------------------------*/

static void send_pending(struct client *client)
{
    ssize_t count;

    while (client->sent < client->out.length) {
        count = send(client->process.fd, client->out.text + client->sent,
                     client->out.length - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            client->sent = client->out.length; /* dead: the reading side finds out */
        if (count < 0)
            break;
        client->sent += (size_t)count;
    }
    if (client->sent == client->out.length) {
        strbuf_release(&client->out);
        client->sent = 0;
    }
    poll_update(client);
}

/* Hands waiting requests to the kernel, up to and including the next cell. */
static void send_waiting(struct client *client)
{
    while (client->ready && !client->running && client->waiting.count) {
        struct request *next = &client->waiting.at[0];
        strbuf_add(&client->out, next->frame.text, next->frame.length);
        if (client->out.failed)
            break;
        if (next->kind == REQUEST_EXECUTE) {
            client->running = true;
            client->cell = next->cell;
        }
        strbuf_release(&next->frame);
        vec_remove(&client->waiting, 0);
    }
    send_pending(client);
}

static bool check_alive(const struct client *client)
{
    if (!client_alive(client))
        error_set(ERROR_IO, "the kernel is not running");
    return client_alive(client);
}

static void drop_waiting(struct client *client, uint32_t kind)
{
    for (size_t i = client->waiting.count; i-- > 0;) {
        if (client->waiting.at[i].kind != kind)
            continue;
        strbuf_release(&client->waiting.at[i].frame);
        vec_remove(&client->waiting, i);
    }
}

/* `header` is taken over. */
static bool request_add(struct client *client, uint32_t kind, uint64_t cell, json_t *header,
                        const char *blob, size_t length)
{
    struct request request = {.kind = kind, .cell = cell, .frame = STRBUF_INIT};
    bool written = frame_write(&request.frame, kind, cell, header, blob, length);

    json_decref(header);
    if (!written || !vec_push(&client->waiting, request)) {
        strbuf_release(&request.frame);
        return false;
    }
    send_waiting(client);
    return true;
}

bool client_execute(struct client *client, uint64_t cell, const char *source, size_t length)
{
    return check_alive(client) && request_add(client, REQUEST_EXECUTE, cell, NULL, source, length);
}

bool client_complete(struct client *client, int request, const char *source, size_t cursor)
{
    json_t *header;

    if (!check_alive(client))
        return false;
    drop_waiting(client, REQUEST_COMPLETE);
    header = json_pack("{si,sI}", "request", request, "cursor", (json_int_t)cursor);
    return request_add(client, REQUEST_COMPLETE, 0, header, source, strlen(source));
}

bool client_rendered(struct client *client, int request, const void *bytes, size_t length,
                     const char *error)
{
    json_t *header;
    bool written;

    if (!check_alive(client))
        return false;
    header = json_pack("{si,ss*}", "request", request, "error", error);
    written = frame_write(&client->out, REQUEST_RENDERED, client->cell, header, bytes, length);
    json_decref(header);
    send_pending(client);
    return written;
}

void client_interrupt(struct client *client)
{
    if (!client_alive(client))
        return;
    for (size_t i = 0; i < client->waiting.count; i++) {
        if (client->waiting.at[i].kind == REQUEST_EXECUTE &&
            !vec_push(&client->dropped, client->waiting.at[i].cell))
            error_clear(); /* only the notice is lost */
    }
    drop_waiting(client, REQUEST_EXECUTE);
    if (client->running) {
        /* The message comes first: a kernel that gets the signal before it began the cell finds
         * the message behind the cell. */
        frame_write(&client->out, REQUEST_INTERRUPT, client->cell, NULL, NULL, 0);
        send_pending(client);
        kill(client->process.pid, SIGINT);
    }
    poll_update(client);
}

bool client_restart(struct client *client)
{
    struct process_ending ending;

    kernel_end(client, 0, &ending);
    return kernel_start(client);
}

void client_free(struct client *client)
{
    struct process_ending ending;
    bool asked = false;

    if (!client)
        return;
    if (client_alive(client) && !client->running) {
        asked = frame_write(&client->out, REQUEST_SHUTDOWN, 0, NULL, NULL, 0);
        send_pending(client);
    }
    kernel_end(client, asked ? END_LIMIT_MS : 0, &ending);
    vec_release(&client->waiting);
    vec_release(&client->dropped);
    mem_free(client->folder);
    mem_free(client);
}

/* ---- Events ----------------------------------------------------------------------------------*/

static bool next_dropped(struct client *client, struct event *event)
{
    if (!client->dropped.count)
        return false;
    *event = (struct event){.kind = EVENT_IDLE, .cell = client->dropped.at[0]};
    event->header = json_pack("{sb,sb}", "ok", 0, "dropped", 1);
    vec_remove(&client->dropped, 0);
    poll_update(client);
    return true;
}

/* The kernel is gone, or said something that a kernel does not say (`why`). */
static bool next_died(struct client *client, struct event *event, const char *why)
{
    uint64_t cell = client->running ? client->cell : 0;
    struct process_ending ending;
    json_t *words;

    kernel_end(client, why ? 0 : END_LIMIT_MS, &ending);
    if (client->reason[0])
        why = client->reason;
    *event = (struct event){.kind = EVENT_DIED, .cell = cell};
    event->header = json_pack("{ss}", "reason", why ? why : ending.reason);
    words = json_string(ending.words); /* NULL when that is no UTF-8 */
    if (words && ending.words[0])
        json_object_set(event->header, "words", words);
    json_decref(words);
    return true;
}

/* What an event changes here; false when it is not for the caller. */
static bool notice_event(struct client *client, const struct event *event)
{
    const char *reason = json_string_value(json_object_get(event->header, "reason"));

    switch (event->kind) {
    case EVENT_READY:
        client->ready = true;
        break;
    case EVENT_IDLE:
        client->running = false;
        break;
    case EVENT_DIED: /* its last words; the end of the stream follows */
        snprintf(client->reason, sizeof(client->reason), "%s", reason ? reason : "gave up");
        return false;
    default:
        break;
    }
    return true;
}

bool client_next(struct client *client, struct event *event)
{
    struct frame frame;

    *event = (struct event){0};
    if (next_dropped(client, event))
        return true;
    if (!client_alive(client))
        return false;
    for (;;) {
        int got = frame_reader_next(&client->reader, &frame);
        if (got < 0 || (got > 0 && frame.kind >= EVENT_KIND_COUNT)) {
            if (got > 0)
                frame_release(&frame);
            error_clear();
            return next_died(client, event, "sent something that is not a message");
        }
        if (got > 0) {
            *event = (struct event){(enum event_kind)frame.kind, frame.cell, frame.header,
                                    frame.blob, frame.blob_length};
            if (notice_event(client, event))
                break;
            event_release(event);
            continue;
        }
        switch (frame_reader_fill(&client->reader, client->process.fd)) {
        case FRAME_INPUT_SOME:
            continue;
        case FRAME_INPUT_END:
            return next_died(client, event, NULL);
        case FRAME_INPUT_NONE:
            send_waiting(client);
            return false;
        }
    }
    send_waiting(client);
    return true;
}
