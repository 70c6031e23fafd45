#include "tui/app.h"

#include "base/error.h"
#include "tui/commands.h"
#include "tui/help.h"
#include "tui/plots.h"
#include "tui/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MS = 16, STALE_MS = 30 };

double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* --- The document -------------------------------------------------------------------------- */

struct cell *app_cell(struct app *app)
{
    return app->nb->cells.at[app->selected];
}

void app_select(struct app *app, size_t index)
{
    size_t last = app->nb->cells.count - 1;

    app->selected = index < last ? index : last;
    app->notebook.follow = true;
    app->dirty = true;
}

void app_commit_edit(struct app *app)
{
    const struct strbuf *source = &app_cell(app)->source;
    const struct strbuf *text = &app->editor.text;

    if (app->mode == KEY_MODE_EDIT &&
        (source->length != text->length || memcmp(source->text, text->text, text->length) != 0))
        notebook_set_source(app->nb, app->selected, text->text, text->length);
}

void app_enter_edit(struct app *app, size_t offset)
{
    const struct cell *cell = app_cell(app);

    editor_set(&app->editor, cell->source.text, cell->source.length);
    editor_place(&app->editor, offset, false);
    app->mode = KEY_MODE_EDIT;
    app->notebook.follow = true;
    app->dirty = true;
}

void app_leave_edit(struct app *app)
{
    if (app->mode != KEY_MODE_EDIT)
        return;
    app_commit_edit(app);
    complete_close(app);
    app->mode = KEY_MODE_COMMAND;
    app->dirty = true;
}

bool app_unsaved(const struct app *app)
{
    return app->nb &&
           (app->nb->modified || (app->mode == KEY_MODE_EDIT && editor_changed(&app->editor)));
}

void app_open(struct app *app, struct notebook *nb)
{
    app->nb = nb;
    app->mode = KEY_MODE_COMMAND;
    app->notebook.scroll = 0;
    app_select(app, 0);
    if (nb->cells.count == 1 && nb->cells.at[0]->kind == CELL_CODE &&
        nb->cells.at[0]->source.length == 0)
        app_enter_edit(app, 0);
}

/* --- Drawing ------------------------------------------------------------------------------- */

void app_set_theme(struct app *app, bool dark)
{
    app->theme.dark = dark;
    app->theme.colors = term_colors();
    screen_set_theme(&app->theme);
    app->dirty = true;
}

static void draw_too_small(int rows, int columns)
{
    struct strbuf text = STRBUF_INIT;
    size_t at = 0, take;
    int row = 0;

    strbuf_addf(&text, "terminal too small: needs at least %dx%d, is %dx%d", SCREEN_COLUMNS_MIN,
                SCREEN_ROWS_MIN, columns, rows);
    for (; at < text.length; at += take, row++) {
        take = text_wrap(text.text + at, text.length - at, columns, true);
        screen_text(row, 0, columns, STYLE_TEXT, STYLE_TEXT, text.text + at, take);
    }
    strbuf_release(&text);
}

static void draw_title(const struct app *app, int columns)
{
    struct strbuf title = STRBUF_INIT, place = STRBUF_INIT;
    const char *path = app->nb->path ? app->nb->path : "untitled";
    const char *name = strrchr(path, '/');

    strbuf_addf(&title, "%s%s", name ? name + 1 : path, app_unsaved(app) ? " ●" : "");
    strbuf_addf(&place, "%zu of %zu", app->selected + 1, app->nb->cells.count);
    pane_title(0, 0, columns, STYLE_TITLE, title.text, place.text);
    strbuf_release(&title);
    strbuf_release(&place);
}

static void draw_document(struct app *app, int rows, int columns)
{
    int right = panes_columns(app, columns), left = columns - right;

    draw_title(app, left);
    notebook_pane_draw(app, (struct rect){1, 0, rows - 2, left});
    if (right > 0) {
        screen_vertical(1, left, rows - 2, STYLE_BORDER);
        panes_draw(app, (struct rect){0, left + 1, rows - 1, right - 1});
        screen_puts(0, left, 1, STYLE_BORDER, STYLE_TEXT, "┬");
    }
}

static void app_draw(struct app *app)
{
    int rows = term_rows(), columns = term_columns();

    screen_erase();
    plots_frame(app->panes.plots);
    if (rows < SCREEN_ROWS_MIN || columns < SCREEN_COLUMNS_MIN) {
        draw_too_small(rows, columns);
    } else {
        if (app->help)
            help_draw(app);
        else if (!app->nb)
            start_page_draw(app, rows - 1, columns);
        else
            draw_document(app, rows, columns);
        status_draw(app, rows - 1, columns);
        if (!app->help) {
            complete_draw(app);
            if (app->palette.active)
                palette_draw(app);
        }
    }
    screen_show();
}

/* --- Keys ---------------------------------------------------------------------------------- */

/* The cursor left the cell: on to the next code cell in that direction. */
static void edit_neighbour(struct app *app, bool up)
{
    size_t i = app->selected;

    do {
        if (up ? i == 0 : i + 1 == app->nb->cells.count)
            return;
        i = up ? i - 1 : i + 1;
    } while (app->nb->cells.at[i]->kind != CELL_CODE);
    app_leave_edit(app);
    app_select(app, i);
    app_enter_edit(app, up ? app->nb->cells.at[i]->source.length : 0);
}

static void move_cursor(struct app *app, enum editor_move move, bool select)
{
    if (!editor_move(&app->editor, move, select) && !select &&
        (move == EDITOR_UP || move == EDITOR_DOWN))
        edit_neighbour(app, move == EDITOR_UP);
    app->notebook.follow = true;
    app->dirty = true;
}

void app_action(struct app *app, enum action action)
{
    static void (*const doers[ACTION_COUNT])(struct app *) = {
#define ACTION(name, ...) [ACTION_##name] = do_##name,
#define MOTION(...)
#include "tui/actions.def"
#undef ACTION
#undef MOTION
    };

    if (action >= ACTION_motion_LEFT)
        move_cursor(app, (enum editor_move)(action - ACTION_motion_LEFT), false);
    else
        doers[action](app);
    if (app->mode == KEY_MODE_EDIT && action >= ACTION_leave_edit && action <= ACTION_split)
        app->notebook.follow = true;
    app->dirty = true;
}

/* A key of edit mode that is no action: typing. False: it means nothing. */
static bool type_key(struct app *app, struct key key)
{
    struct strbuf rune = STRBUF_INIT;
    bool python = app_cell(app)->kind == CELL_CODE;

    if (key.code == KEYPAD_ENTER && !key.mods) {
        editor_newline(&app->editor, python);
    } else if (key.code == KEYPAD_BACKSPACE && !(key.mods & ~(unsigned)MOD_SHIFT)) {
        editor_backspace(&app->editor);
    } else if (key.code == KEYPAD_DELETE && !key.mods) {
        editor_delete(&app->editor);
    } else if (key.code < KEYPAD_ENTER && !(key.mods & (MOD_CTRL | MOD_ALT))) {
        text_add_rune(&rune, key.code);
        editor_insert(&app->editor, rune.text, rune.length);
        strbuf_release(&rune);
    } else {
        return false;
    }
    app->notebook.follow = true;
    app->dirty = true;
    return true;
}

static void on_key(struct app *app, struct key key)
{
    enum key_mode mode = app->nb ? app->mode : KEY_MODE_START;
    enum action action = action_find(mode, app->has_pending ? &app->pending : NULL, key);
    struct key bare = {key.code, key.mods & ~(unsigned)MOD_SHIFT};

    if (app->has_pending && action == ACTION_NONE)
        action = action_find(mode, NULL, key);
    app->has_pending = action == ACTION_PENDING;
    app->dirty = true;
    if (action == ACTION_PENDING) {
        app->pending = key;
        return;
    }
    if (action != ACTION_NONE) {
        app_action(app, action);
        return;
    }
    if (mode == KEY_MODE_EDIT && key.mods & MOD_SHIFT) {
        action = action_find(mode, NULL, bare);
        if (action < ACTION_COUNT && action >= ACTION_motion_LEFT) {
            move_cursor(app, (enum editor_move)(action - ACTION_motion_LEFT), true);
            return;
        }
    }
    if (mode == KEY_MODE_EDIT && type_key(app, key))
        return;
    if (key.mods & MOD_ALT) { /* Esc and the key, typed fast */
        on_key(app, (struct key){KEYPAD_ESCAPE, 0});
        on_key(app, (struct key){key.code, key.mods & ~(unsigned)MOD_ALT});
    }
}

static void on_mouse(struct app *app, const struct input *input)
{
    bool wheel = input->button == MOUSE_WHEEL_UP || input->button == MOUSE_WHEEL_DOWN;
    int step = input->button == MOUSE_WHEEL_UP ? -3 : 3;

    app->dirty = true;
    if (!app->nb) {
        if (wheel)
            start_page_move(app, step / 3);
        else if (input->button == MOUSE_LEFT)
            start_page_click(app, input->row);
    } else if (rect_holds(app->notebook.area, input->row, input->column)) {
        if (wheel)
            notebook_pane_scroll(app, step);
        else if (input->button == MOUSE_LEFT)
            notebook_pane_click(app, input->row, input->column);
    } else if (wheel && rect_holds(app->panes.tensors_area, input->row, input->column)) {
        panes_scroll(app, step);
    } else if (wheel && rect_holds(app->panes.plot_area, input->row, input->column)) {
        panes_step_plot(app, step / 3);
    }
}

static void on_answer(struct app *app, const struct input *input)
{
    bool dark;

    if (!app->theme_wanted && !strncmp(input->text, "11;", 3) &&
        theme_from_answer(input->text, &dark) && dark != app->theme.dark)
        app_set_theme(app, dark);
}

static void on_input(struct app *app, const struct input *input)
{
    if (input->kind == INPUT_ANSWER) {
        on_answer(app, input);
        return;
    }
    status_seen(app);
    if (app->prompt.active) {
        prompt_input(app, input);
    } else if (app->palette.active) {
        palette_input(app, input);
    } else if (app->help) {
        help_input(app, input);
    } else if (input->kind == INPUT_MOUSE) {
        on_mouse(app, input);
    } else if (input->kind == INPUT_PASTE) {
        if (app->nb && app->mode == KEY_MODE_EDIT) {
            editor_insert(&app->editor, input->text, input->length);
            app->notebook.follow = app->dirty = true;
        }
    } else if (!app->completion.active || !complete_key(app, input->key)) {
        on_key(app, input->key);
    }
}

/* --- The loop ------------------------------------------------------------------------------ */

static void on_signal(struct app *app, int number)
{
    switch (number) {
    case SIGWINCH:
        term_resize();
        break;
    case SIGTSTP:
        term_suspend();
        break;
    case SIGCONT:
        term_resume();
        break;
    case SIGINT:
        session_interrupt(app);
        break;
    default:
        app->ending = number;
        app->quit = true;
        break;
    }
    app->dirty = true;
}

static void read_keys(struct app *app, struct key_decoder *decoder)
{
    char bytes[4096];
    ssize_t length = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (length > 0) {
        key_decoder_feed(decoder, bytes, (size_t)length);
    } else if (length == 0 || (errno != EINTR && errno != EAGAIN)) {
        app->ending = SIGHUP;
        app->quit = true;
    }
}

static int least(int a, int b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* Milliseconds that poll() may sleep. */
static int sleep_time(const struct app *app, const struct key_decoder *decoder, double drawn)
{
    int wait = status_wait(app);

    if (app->dirty) {
        int frame = (int)(drawn + FRAME_MS - now_ms()) + 1;

        wait = least(wait, frame > 0 ? frame : 0);
    }
    if (key_decoder_waiting(decoder))
        wait = least(wait, KEY_ESCAPE_MS);
    if (plots_stale(app->panes.plots))
        wait = least(wait, STALE_MS);
    return wait;
}

static void step(struct app *app, struct key_decoder *decoder, double drawn)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = term_signal_fd(), .events = POLLIN},
                           {.fd = session_fd(&app->session), .events = POLLIN}};
    int ready = poll(fds, 3, sleep_time(app, decoder, drawn)), number;
    bool timeout = ready == 0 && key_decoder_waiting(decoder);
    struct input input;

    if (ready == 0 && (status_wait(app) >= 0 || plots_stale(app->panes.plots)))
        app->dirty = true;
    while ((number = term_next_signal()) != 0)
        on_signal(app, number);
    if (ready > 0 && fds[0].revents)
        read_keys(app, decoder);
    while (!app->quit && key_decoder_next(decoder, timeout, &input))
        on_input(app, &input);
    session_events(app);
}

static void run_loop(struct app *app)
{
    struct key_decoder decoder = KEY_DECODER_INIT;
    double drawn = 0;
    bool first = true;

    app->dirty = true;
    while (!app->quit) {
        if (app->dirty && now_ms() - drawn >= FRAME_MS) {
            app->dirty = false;
            app_draw(app);
            drawn = now_ms();
            if (first)
                term_ask(!app->theme_wanted);
            first = false;
            if (app->nb && app->session.state == SESSION_NONE)
                session_start(app);
        }
        step(app, &decoder, drawn);
    }
    key_decoder_release(&decoder);
}

static bool open_document(struct app *app)
{
    const struct tui_options *options = app->options;
    struct notebook *nb;

    if (!options->path) {
        start_page_load(&app->start);
        return true;
    }
    if (options->create && access(options->path, F_OK) < 0 && errno == ENOENT) {
        nb = notebook_new();
        if (nb)
            nb->path = strdup(options->path);
    } else {
        nb = notebook_load(options->path);
    }
    if (nb)
        app_open(app, nb);
    return nb != NULL;
}

static void choose_theme(struct app *app)
{
    bool dark = app->options->theme != TUI_THEME_LIGHT;

    app->theme_wanted = app->options->theme != TUI_THEME_AUTO || theme_from_environment(&dark);
    app_set_theme(app, dark);
}

static void release(struct app *app)
{
    session_release(&app->session);
    notebook_free(app->nb);
    notebook_pane_release(&app->notebook);
    panes_release(&app->panes);
    start_page_release(&app->start);
    complete_close(app);
    editor_release(&app->editor);
    editor_release(&app->prompt.text);
    editor_release(&app->palette.wanted);
    strbuf_release(&app->status.message);
    strbuf_release(&app->clip);
}

int tui_main(const struct tui_options *options)
{
    struct app app = {.options = options, .mode = KEY_MODE_COMMAND};
    int status = 1;

    strbuf_init(&app.clip);
    strbuf_init(&app.status.message);
    editor_init(&app.editor);
    editor_init(&app.prompt.text);
    editor_init(&app.palette.wanted);
    if (!panes_init(&app.panes) || !open_document(&app) || !term_open()) {
        fprintf(stderr, "saddle: %s\n", error_message());
        goto done;
    }
    choose_theme(&app);
    run_loop(&app);
    term_close();
    if (app.ending)
        save_recovered(&app);
    status = app.ending ? 128 + app.ending : 0;
done:
    release(&app);
    return status;
}
