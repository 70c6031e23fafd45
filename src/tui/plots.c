#include "tui/plots.h"

#include "base/error.h"
#include "base/mem.h"
#include "plot/canvas.h"
#include "tui/text.h"

#include <string.h>
#include <time.h>

struct entry {
    int id; /* -1: of a kernel that is gone */
    json_t *json;
    struct cell_canvas canvas;
    struct strbuf error;
    int columns, rows; /* of the canvas */
    bool dark, fresh;
};

struct plots {
    struct gnuplot *gnuplot;
    VEC(struct entry) entries;
    double cost, drawn; /* milliseconds that the last picture took, and when it was done */
    bool stale;
};

static double clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

struct plots *plots_new(void)
{
    struct plots *plots = mem_zero(1, sizeof(*plots));

    if (plots)
        plots->gnuplot = gnuplot_new();
    return plots;
}

void plots_free(struct plots *plots)
{
    size_t i;

    if (!plots)
        return;
    for (i = 0; i < plots->entries.count; i++) {
        struct entry *entry = &plots->entries.at[i];

        json_decref(entry->json);
        cell_canvas_release(&entry->canvas);
        strbuf_release(&entry->error);
    }
    vec_release(&plots->entries);
    gnuplot_free(plots->gnuplot);
    mem_free(plots);
}

int plots_number(const struct plots *plots, int id)
{
    size_t i;

    for (i = plots->entries.count; i > 0 && id >= 0; i--)
        if (plots->entries.at[i - 1].id == id)
            return (int)i;
    return 0;
}

int plots_set(struct plots *plots, int id, json_t *json)
{
    struct entry fresh = {.id = id, .error = STRBUF_INIT}, *entry;
    int number = plots_number(plots, id);

    if (number == 0) {
        if (!vec_push(&plots->entries, fresh))
            return 0;
        number = (int)plots->entries.count;
    }
    entry = &plots->entries.at[number - 1];
    json_decref(entry->json);
    entry->json = json_incref(json);
    entry->fresh = false;
    return number;
}

void plots_forget_ids(struct plots *plots)
{
    size_t i;

    for (i = 0; i < plots->entries.count; i++)
        plots->entries.at[i].id = -1;
}

int plots_count(const struct plots *plots)
{
    return (int)plots->entries.count;
}

void plots_frame(struct plots *plots)
{
    plots->stale = false;
}

bool plots_stale(const struct plots *plots)
{
    return plots->stale;
}

static void render(struct plots *plots, struct entry *entry, int columns, int rows)
{
    const struct theme *theme = screen_theme();
    bool colored = theme->colors >= 16; /* eight are too few for a picture */
    struct plot_look look = {.dark = theme->dark,
                             .colors = colored ? theme->colors : 2,
                             .symbols = colored ? PLOT_SYMBOLS_QUADRANT : PLOT_SYMBOLS_BRAILLE};
    double start = clock_ms();
    struct plot *plot = plot_from_json(entry->json);

    cell_canvas_release(&entry->canvas);
    entry->canvas = (struct cell_canvas){0};
    strbuf_clear(&entry->error);
    if (!plot || plot_cells(plots->gnuplot, plot, columns, rows, &look, &entry->canvas) < 0) {
        strbuf_adds(&entry->error, error_message());
        error_clear();
    }
    plot_free(plot);
    entry->columns = columns;
    entry->rows = rows;
    entry->dark = theme->dark;
    entry->fresh = true;
    plots->drawn = clock_ms();
    plots->cost = plots->drawn - start;
}

static void draw_error(const struct entry *entry, struct rect place, struct rect clip)
{
    const char *text = entry->error.text;
    size_t length = entry->error.length, at = 0, take;
    int row = place.row;

    for (; at < length && row < place.row + place.rows; at += take, row++) {
        take = text_wrap(text + at, length - at, place.columns - 2, true);
        if (rect_holds(clip, row, place.column))
            screen_text(row, place.column + 1, place.columns - 2, STYLE_ERROR, STYLE_TEXT,
                        text + at, take);
    }
}

static void draw_canvas(const struct cell_canvas *canvas, struct rect place, struct rect clip)
{
    int row, column;

    for (row = 0; row < canvas->rows && row < place.rows; row++)
        for (column = 0; column < canvas->columns && column < place.columns; column++) {
            const struct plot_cell *cell = &canvas->cells[row * canvas->columns + column];

            if (cell->rune && rect_holds(clip, place.row + row, place.column + column))
                screen_cell(place.row + row, place.column + column, cell->rune, cell->fg, cell->bg,
                            cell->bold);
        }
}

void plots_draw(struct plots *plots, int number, struct rect place, struct rect clip)
{
    struct entry *entry;
    bool fits, due;

    if (number < 1 || number > plots_count(plots) || place.row >= clip.row + clip.rows ||
        place.row + place.rows <= clip.row)
        return;
    entry = &plots->entries.at[number - 1];
    fits = entry->columns == place.columns && entry->rows == place.rows &&
           entry->dark == screen_theme()->dark;
    due = clock_ms() - plots->drawn >= 2 * plots->cost;
    if (!fits || (!entry->fresh && due))
        render(plots, entry, place.columns, place.rows);
    plots->stale |= !entry->fresh;
    if (entry->error.length > 0)
        draw_error(entry, place, clip);
    else
        draw_canvas(&entry->canvas, place, clip);
}

bool plots_render(struct plots *plots, json_t *json, const char *format, int width, int height,
                  struct strbuf *out)
{
    struct plot *plot = plot_from_json(json);
    bool made = plot && plot_bytes(plots->gnuplot, plot, format, width, height, out) == 0;

    plot_free(plot);
    return made;
}
