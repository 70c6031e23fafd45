#include "tui/status.h"

#include "tui/app.h"
#include "tui/text.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { NOTE_MS = 4000, SPIN_MS = 100 };

static void set_message(struct app *app, bool error, const char *format, va_list args)
{
    struct status *status = &app->status;

    strbuf_clear(&status->message);
    strbuf_addv(&status->message, format, args);
    status->error = error;
    status->until = error ? INFINITY : now_ms() + NOTE_MS;
    app->dirty = true;
}

void status_note(struct app *app, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_message(app, false, format, args);
    va_end(args);
}

void status_error(struct app *app, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_message(app, true, format, args);
    va_end(args);
}

void status_seen(struct app *app)
{
    if (app->status.until > 0) {
        app->status.until = 0;
        app->dirty = true;
    }
}

int status_wait(const struct app *app)
{
    double left;

    if (app->session.running || app->session.state == SESSION_STARTING)
        return SPIN_MS;
    if (app->status.until <= 0 || isinf(app->status.until))
        return -1;
    left = app->status.until - now_ms();
    return left > 0 ? (int)left + 1 : 0;
}

const char *status_spinner(void)
{
    static const char *const frames[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"};

    return frames[(long)(now_ms() / SPIN_MS) % 8];
}

/* "12 ms", "3.4 s", "2:05 min". */
static void add_duration(struct strbuf *out, double seconds)
{
    if (seconds < 0.0995)
        strbuf_addf(out, "%.0f ms", seconds * 1000);
    else if (seconds < 60)
        strbuf_addf(out, "%.1f s", seconds);
    else
        strbuf_addf(out, "%d:%02d min", (int)seconds / 60, (int)seconds % 60);
}

/* What the training loop tells: "step 120  loss 0.2311". */
static void add_step(struct strbuf *out, json_t *step)
{
    const char *key;
    json_t *value;

    json_object_foreach(step, key, value)
    {
        if (json_is_number(value))
            strbuf_addf(out, "  %s %.4g", key, json_number_value(value));
    }
}

/* How long the selected cell took, when that was long enough to wonder. */
static void add_seconds(struct strbuf *out, const struct cell *cell)
{
    if (cell->kind != CELL_CODE || cell->run_number == 0 || cell->seconds < 0.1)
        return;
    strbuf_addf(out, "  [%u] took ", cell->run_number);
    add_duration(out, cell->seconds);
}

static enum style add_session(const struct app *app, struct strbuf *out)
{
    const struct session *session = &app->session;

    if (session->state == SESSION_DEAD) {
        strbuf_addf(out, "Python %s: %s0 0 starts it anew", session->reason,
                    app->mode == KEY_MODE_EDIT ? "Esc " : "");
        return STYLE_STATUS_ERROR;
    }
    if (session->running) {
        strbuf_addf(out, "%s ", status_spinner());
        add_duration(out, (now_ms() - session->started) / 1000);
        if (session->queue.count > 0)
            strbuf_addf(out, "  %zu waiting", session->queue.count);
        add_step(out, session->step);
        return STYLE_STATUS_BUSY;
    }
    if (session->state == SESSION_STARTING)
        strbuf_addf(out, "%s Python starts", status_spinner());
    else if (session->state == SESSION_READY)
        strbuf_adds(out, "ready");
    add_seconds(out, app->nb->cells.at[app->selected]);
    return STYLE_STATUS_DIM;
}

static int hint_width(enum action action, enum key_mode mode, struct strbuf *keys)
{
    strbuf_clear(keys);
    action_keys(action, mode, 1, keys);
    return text_width(keys->text, keys->length) + 1 + (int)strlen(action_row(action)->hint) + 3;
}

/* Keys with a hint, as many as there is room for; the way to the help page is always among them. */
static void draw_hints(const struct app *app, int row, int from, int columns)
{
    enum key_mode mode = app->nb ? app->mode : KEY_MODE_START;
    struct strbuf keys = STRBUF_INIT;
    enum action shown[ACTION_COUNT];
    int i, count = 0, column, width = hint_width(ACTION_help, mode, &keys);

    for (i = 0; i < ACTION_COUNT; i++) {
        int own = hint_width((enum action)i, mode, &keys);

        if (!action_row((enum action)i)->hint[0] || keys.length == 0)
            continue;
        if (i != ACTION_help && width + own > columns - from)
            continue;
        width += i == ACTION_help ? 0 : own;
        shown[count++] = (enum action)i;
    }
    column = columns - width + 2;
    for (i = 0; i < count; i++) {
        hint_width(shown[i], mode, &keys);
        column +=
            screen_puts(row, column, columns - column, STYLE_STATUS_KEY, STYLE_STATUS, keys.text) +
            1;
        column += screen_puts(row, column, columns - column, STYLE_STATUS_DIM, STYLE_STATUS,
                              action_row(shown[i])->hint) +
                  3;
    }
    strbuf_release(&keys);
}

static int draw_left(const struct app *app, int row, int columns)
{
    static const struct {
        const char *name;
        enum style style;
    } modes[KEY_MODE_COUNT] = {{" COMMAND ", STYLE_MODE_COMMAND},
                               {" EDIT ", STYLE_MODE_EDIT},
                               {" SADDLE ", STYLE_MODE_COMMAND}};
    int mode = app->nb ? (int)app->mode : KEY_MODE_START;
    struct strbuf text = STRBUF_INIT;
    enum style style;
    int at = screen_puts(row, 0, columns, modes[mode].style, STYLE_STATUS, modes[mode].name) + 1;

    if (!app->nb)
        return at;
    style = add_session(app, &text);
    at += screen_text(row, at, columns - at, style, STYLE_STATUS, text.text, text.length) + 2;
    strbuf_release(&text);
    if (app->has_pending) {
        key_label(app->pending, &text);
        strbuf_adds(&text, " …");
        at += screen_text(row, at, columns - at, STYLE_STATUS_KEY, STYLE_STATUS, text.text,
                          text.length) +
              2;
        strbuf_release(&text);
    }
    return at;
}

void status_draw(struct app *app, int row, int columns)
{
    struct status *status = &app->status;
    int at;

    screen_fill((struct rect){row, 0, 1, columns}, STYLE_STATUS, STYLE_STATUS);
    if (app->prompt.active) {
        prompt_draw(app, row, columns);
        return;
    }
    at = draw_left(app, row, columns);
    if (status->until > 0 && status->until < now_ms())
        status->until = 0;
    if (status->until > 0)
        screen_text(row, at, columns - at - 1, status->error ? STYLE_STATUS_ERROR : STYLE_STATUS,
                    STYLE_STATUS, status->message.text, status->message.length);
    else
        draw_hints(app, row, at, columns);
}
