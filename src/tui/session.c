#include "tui/session.h"

#include "base/error.h"
#include "plot/gnuplot.h"
#include "tui/app.h"
#include "tui/plots.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MS = 8 };

static struct cell *find_cell(struct app *app, uint64_t id)
{
    long index = app->nb && id ? notebook_find(app->nb, id) : -1;

    return index >= 0 ? app->nb->cells.at[index] : NULL;
}

static void did_not_start(struct session *session)
{
    session->state = SESSION_DEAD;
    snprintf(session->reason, sizeof(session->reason), "did not start: %s", error_message());
    error_clear();
}

void session_start(struct app *app)
{
    struct session *session = &app->session;
    struct client_options options = {.trust = app->options->trust};
    char *path = app->nb && app->nb->path ? strdup(app->nb->path) : NULL;

    options.folder = path ? dirname(path) : NULL;
    session->client = client_start(&options);
    session->state = SESSION_STARTING;
    if (!session->client)
        did_not_start(session);
    free(path);
}

void session_release(struct session *session)
{
    client_free(session->client);
    vec_release(&session->queue);
    json_decref(session->tensors);
    json_decref(session->tensors_before);
    json_decref(session->step);
    *session = (struct session){0};
}

int session_fd(const struct session *session)
{
    return session->client ? client_fd(session->client) : -1;
}

/* --- The queue ----------------------------------------------------------------------------- */

static void drop_queue(struct app *app)
{
    struct session *session = &app->session;
    size_t i;

    for (i = 0; i < session->queue.count; i++) {
        struct cell *cell = find_cell(app, session->queue.at[i]);

        if (cell && cell->state == CELL_QUEUED)
            cell->state = CELL_IDLE;
    }
    session->queue.count = 0;
    app->dirty = true;
}

/* Sends the next cell when none runs. */
static void send_next(struct app *app)
{
    struct session *session = &app->session;

    while (!session->running && session->queue.count > 0 && session->state != SESSION_DEAD) {
        struct cell *cell = find_cell(app, session->queue.at[0]);

        vec_remove(&session->queue, 0);
        if (!cell || cell->kind != CELL_CODE) /* deleted, or made text, while it waited */
            continue;
        if (!client_execute(session->client, cell->id, cell->source.text, cell->source.length)) {
            cell->state = CELL_IDLE;
            drop_queue(app);
            status_error(app, "The cell was not run: %s", error_message());
            error_clear();
            return;
        }
        session->running = cell->id;
        session->started = now_ms();
        session->interrupted = false;
    }
}

void session_run(struct app *app, size_t index)
{
    struct session *session = &app->session;
    struct cell *cell = app->nb->cells.at[index];

    if (cell->kind != CELL_CODE || cell->state == CELL_QUEUED || cell->state == CELL_RUNNING)
        return;
    if (session->state == SESSION_DEAD || session->state == SESSION_NONE)
        return; /* the status line says so, and what helps */
    cell_clear_outputs(cell);
    cell->state = CELL_QUEUED;
    if (!vec_push(&session->queue, cell->id))
        error_clear();
    send_next(app);
    app->dirty = true;
}

void session_interrupt(struct app *app)
{
    struct session *session = &app->session;

    if (!session->running) {
        status_note(app, "Nothing is running");
        return;
    }
    drop_queue(app);
    session->interrupted = true;
    client_interrupt(session->client);
    status_note(app, "Interrupting");
}

/* The running cell and those behind it will not end any more. */
static void forget_run(struct app *app)
{
    struct session *session = &app->session;
    struct cell *cell = find_cell(app, session->running);

    if (cell) {
        cell->state = CELL_FAILED;
        cell->seconds = (now_ms() - session->started) / 1000;
    }
    session->running = 0;
    drop_queue(app);
}

void session_restart(struct app *app)
{
    struct session *session = &app->session;

    forget_run(app);
    plots_forget_ids(app->panes.plots);
    json_decref(session->tensors);
    session->tensors = NULL;
    session->tensors_version++;
    if (!session->client) {
        session_start(app);
        return;
    }
    if (client_restart(session->client)) {
        session->state = SESSION_STARTING;
        status_note(app, "Python starts anew: names and results are gone");
    } else {
        did_not_start(session);
    }
}

bool session_complete(struct app *app, const char *source, size_t cursor)
{
    struct session *session = &app->session;
    bool sent = session->state == SESSION_READY &&
                client_complete(session->client, ++session->request, source, cursor);

    error_clear();
    return sent;
}

/* --- Events -------------------------------------------------------------------------------- */

static void on_ready(struct app *app, struct event *event)
{
    (void)event;
    app->session.state = SESSION_READY;
    send_next(app);
}

static void on_busy(struct app *app, struct event *event)
{
    struct cell *cell = find_cell(app, event->cell);

    app->session.started = now_ms();
    json_decref(app->session.step);
    app->session.step = NULL;
    if (!cell)
        return;
    cell->state = CELL_RUNNING;
    cell->run_number = (unsigned)json_integer_value(json_object_get(event->header, "run"));
}

static void on_idle(struct app *app, struct event *event)
{
    struct session *session = &app->session;
    struct cell *cell = find_cell(app, event->cell);
    bool ok = json_is_true(json_object_get(event->header, "ok"));
    bool dropped = json_is_true(json_object_get(event->header, "dropped"));

    if (cell) {
        cell->state = dropped ? CELL_IDLE : ok ? CELL_DONE : CELL_FAILED;
        cell->seconds = json_number_value(json_object_get(event->header, "seconds"));
    }
    if (event->cell != session->running)
        return;
    session->running = 0;
    if (session->interrupted)
        status_note(app, "Interrupted");
    if (ok)
        send_next(app);
    else
        drop_queue(app);
}

static void add_output(struct app *app, struct event *event, enum output_kind kind)
{
    struct cell *cell = find_cell(app, event->cell);

    if (cell && event->blob)
        cell_add_output(cell, kind, event->blob, event->blob_length);
}

static void on_stream(struct app *app, struct event *event)
{
    const char *name = json_string_value(json_object_get(event->header, "name"));

    add_output(app, event, name && !strcmp(name, "stderr") ? OUTPUT_STDERR : OUTPUT_STDOUT);
}

static void on_result(struct app *app, struct event *event)
{
    add_output(app, event, OUTPUT_RESULT);
}

static void on_error(struct app *app, struct event *event)
{
    add_output(app, event, OUTPUT_ERROR);
}

static void on_plot(struct app *app, struct event *event)
{
    struct cell *cell = find_cell(app, event->cell);
    int id = (int)json_integer_value(json_object_get(event->header, "id"));
    char *text = json_dumps(json_object_get(event->header, "plot"), JSON_COMPACT);

    if (!text)
        return;
    if (cell)
        cell_set_plot(cell, id, text, strlen(text));
    panes_add_plot(app, id, json_object_get(event->header, "plot"));
    free(text);
}

static void on_tensors(struct app *app, struct event *event)
{
    json_t *tensors = json_object_get(event->header, "tensors");

    json_decref(app->session.tensors_before);
    app->session.tensors_before = app->session.tensors;
    app->session.tensors = json_incref(tensors);
    app->session.tensors_version++;
}

static void on_step(struct app *app, struct event *event)
{
    json_decref(app->session.step);
    app->session.step = json_incref(event->header);
}

static void on_complete(struct app *app, struct event *event)
{
    if (json_integer_value(json_object_get(event->header, "request")) == app->session.request)
        complete_show(app, event->header);
}

/* The kernel's savefig(): gnuplot runs here, the kernel writes the file. */
static void on_render(struct app *app, struct event *event)
{
    json_t *header = event->header;
    int request = (int)json_integer_value(json_object_get(header, "request"));
    const char *format = json_string_value(json_object_get(header, "format"));
    struct strbuf bytes = STRBUF_INIT;
    bool made =
        plots_render(app->panes.plots, json_object_get(header, "plot"), format ? format : "png",
                     (int)json_integer_value(json_object_get(header, "width")),
                     (int)json_integer_value(json_object_get(header, "height")), &bytes);

    client_rendered(app->session.client, request, bytes.text, bytes.length,
                    made ? NULL : error_message());
    error_clear();
    strbuf_release(&bytes);
}

static void on_died(struct app *app, struct event *event)
{
    const char *reason = json_string_value(json_object_get(event->header, "reason"));
    struct cell *cell = find_cell(app, app->session.running);
    struct strbuf text = STRBUF_INIT;

    if (!reason)
        reason = "ended";
    app->session.state = SESSION_DEAD;
    if (cell) {
        strbuf_addf(&text,
                    "Python %s while this cell ran.\n"
                    "The notebook is safe. 0 0 starts Python anew, R runs every cell.\n",
                    reason);
        cell_add_output(cell, OUTPUT_ERROR, text.text, text.length);
    }
    forget_run(app);
    snprintf(app->session.reason, sizeof(app->session.reason), "%s", reason);
    strbuf_release(&text);
}

static void (*const handlers[EVENT_KIND_COUNT])(struct app *, struct event *) = {
    [EVENT_READY] = on_ready,       [EVENT_BUSY] = on_busy,       [EVENT_IDLE] = on_idle,
    [EVENT_STREAM] = on_stream,     [EVENT_RESULT] = on_result,   [EVENT_ERROR] = on_error,
    [EVENT_PLOT] = on_plot,         [EVENT_TENSORS] = on_tensors, [EVENT_STEP] = on_step,
    [EVENT_COMPLETE] = on_complete, [EVENT_RENDER] = on_render,   [EVENT_DIED] = on_died,
};

void session_events(struct app *app)
{
    struct event event;
    double end = now_ms() + EVENTS_MS;

    while (app->session.client && now_ms() < end && client_next(app->session.client, &event)) {
        if (event.kind < EVENT_KIND_COUNT && handlers[event.kind])
            handlers[event.kind](app, &event);
        event_release(&event);
        app->dirty = true;
    }
}
