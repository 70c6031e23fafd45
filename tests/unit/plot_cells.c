#include "base/error.h"
#include "plot/canvas.h"
#include "plot_help.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct gnuplot *g;

static void begin(void)
{
    if (system("command -v gnuplot >/dev/null") != 0)
        cr_skip("gnuplot is not installed");
    g = gnuplot_new();
    cr_assert_not_null(g);
}

static void end(void)
{
    gnuplot_free(g);
}

TestSuite(plot_cells, .init = begin, .fini = end);

static const struct plot_look colorful = {true, 1 << 24, PLOT_SYMBOLS_QUADRANT};

/* Row `y` as text, what is not ASCII as '#'. */
static const char *row_text(const struct cell_canvas *canvas, int y)
{
    static char text[CANVAS_SIDE_MAX + 1];
    for (int x = 0; x < canvas->columns; x++) {
        uint32_t rune = canvas->cells[y * canvas->columns + x].rune;
        text[x] = rune < 0x20 || rune > 0x7e ? '#' : (char)rune;
    }
    text[canvas->columns] = '\0';
    return text;
}

static bool shows(const struct cell_canvas *canvas, const char *text)
{
    for (int y = 0; y < canvas->rows; y++) {
        if (strstr(row_text(canvas, y), text))
            return true;
    }
    return false;
}

Test(plot_cells, labels_ticks_and_legend_are_text)
{
    static const char *const texts[] = {"Training loss", "epoch", "loss", "SGD",
                                        "Adam",          "0.5",   "2.0",  "1.5"};
    struct plot *plot = loss_plot();
    struct cell_canvas canvas;
    cr_assert_eq(plot_cells(g, plot, 70, 30, &colorful, &canvas), 0, "%s", error_message());
    cr_expect(canvas.columns == 70 && canvas.rows == 30);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        cr_expect(shows(&canvas, texts[i]), "%s is missing", texts[i]);
    cell_canvas_release(&canvas);
    cr_assert_eq(plot_cells(g, plot, 40, 14, &colorful, &canvas), 0);
    for (size_t i = 0; i < 5; i++)
        cr_expect(shows(&canvas, texts[i]), "%s is missing in 40 x 14", texts[i]);
    cell_canvas_release(&canvas);
    plot_free(plot);
}

/* How many cells have exactly this colour, in the symbol or behind it. */
static int count_color(const struct cell_canvas *canvas, int32_t color)
{
    int count = 0;
    for (int i = 0; i < canvas->columns * canvas->rows; i++)
        count += canvas->cells[i].fg == color || canvas->cells[i].bg == color;
    return count;
}

Test(plot_cells, a_line_crosses_the_whole_plot_unbroken)
{
    struct plot *plot = plot_new();
    struct cell_canvas canvas;
    add_line(plot, PLOT_LINE, NULL, 2, NULL, (double[]){0, 1});
    for (int symbols = PLOT_SYMBOLS_HALF; symbols < PLOT_SYMBOLS_COUNT; symbols++) {
        struct plot_look look = {true, 1 << 24, (enum plot_symbols)symbols};
        cr_assert_eq(plot_cells(g, plot, 60, 20, &look, &canvas), 0);
        int empty = 0;
        for (int x = 6; x < 59; x++) {
            bool found = false;
            for (int y = 0; y < 18; y++) {
                const struct plot_cell *cell = &canvas.cells[y * 60 + x];
                found |= (cell->fg == 0x56b4e9 || cell->bg == 0x56b4e9) && cell->rune != ' ';
            }
            empty += !found;
        }
        cr_expect_eq(empty, 0, "symbols %d: %d columns without the line", symbols, empty);
        cell_canvas_release(&canvas);
    }
    plot_free(plot);
}

Test(plot_cells, paths_keep_their_colour_over_the_shading)
{
    struct plot *plot = race_plot(30);
    struct cell_canvas canvas;
    cr_assert_eq(plot_cells(g, plot, 70, 30, &colorful, &canvas), 0);
    cr_expect_gt(count_color(&canvas, 0x56b4e9), 10);
    cr_expect_gt(count_color(&canvas, 0xff8c42), 10);
    int starts = 0, ends = 0;
    for (int i = 0; i < 70 * 30; i++) {
        starts += canvas.cells[i].rune == 0x25cb;
        ends += canvas.cells[i].rune == 0x25cf;
    }
    cr_expect_eq(starts, 1); /* both start at the same place */
    cr_expect_eq(ends, 2);
    cell_canvas_release(&canvas);
    plot_free(plot);
}

Test(plot_cells, a_heat_map_fills_its_area_with_row_0_on_top)
{
    struct plot *plot = heat_plot();
    struct cell_canvas canvas;
    cr_assert_eq(plot_cells(g, plot, 40, 14, &colorful, &canvas), 0);
    int dark = -1, light = -1;
    for (int i = 0; i < 40 * 14; i++) {
        const struct plot_cell *cell = &canvas.cells[i];
        if (i % 40 < 20 && dark < 0 && (cell->fg == 0x440154 || cell->bg == 0x440154))
            dark = i;
        if (i % 40 < 30 && (cell->fg == 0xfde725 || cell->bg == 0xfde725))
            light = i;
    }
    cr_expect_geq(dark, 0, "the lowest value's colour is missing");
    cr_expect_gt(light / 40, dark / 40, "the last row must be below the first one");
    cell_canvas_release(&canvas);
    plot_free(plot);
}

Test(plot_cells, colours_are_those_of_the_terminal)
{
    static const int counts[] = {2, 16, 256};
    for (size_t k = 0; k < 3; k++) {
        struct plot *plots[] = {loss_plot(), race_plot(20), heat_plot(), saddle_plot()};
        for (size_t i = 0; i < 4; i++) {
            for (int symbols = 0; symbols < PLOT_SYMBOLS_COUNT; symbols++) {
                struct plot_look look = {i % 2, counts[k], (enum plot_symbols)symbols};
                struct cell_canvas canvas;
                cr_assert_eq(plot_cells(g, plots[i], 50, 20, &look, &canvas), 0);
                for (int c = 0; c < 50 * 20; c++) {
                    const struct plot_cell *cell = &canvas.cells[c];
                    if (counts[k] == 2)
                        cr_assert(cell->fg == CELL_DEFAULT && cell->bg == CELL_DEFAULT);
                    if (symbols == PLOT_SYMBOLS_ASCII)
                        cr_assert(cell->rune >= 0x20 && cell->rune < 0x7f, "rune %x", cell->rune);
                    cr_assert_neq(cell->rune, 0);
                }
                cell_canvas_release(&canvas);
            }
            plot_free(plots[i]);
        }
    }
}

Test(plot_cells, wide_and_broken_text_keeps_the_grid)
{
    struct plot *plot = loss_plot();
    struct cell_canvas canvas;
    plot_set_text(&plot->title, "損失\xff\x1b[31m e\xcc\x81");
    plot_set_text(&plot->series.at[0].label,
                  "a very long label that cannot possibly fit into forty columns");
    cr_assert_eq(plot_cells(g, plot, 40, 20, &colorful, &canvas), 0);
    for (int i = 0; i < 40 * 20; i++) {
        cr_expect(canvas.cells[i].rune == 0 || canvas.cells[i].rune >= 0x20);
        if (canvas.cells[i].rune == 0)
            cr_expect_geq(canvas.cells[i - 1].rune, 0x1100);
    }
    cr_expect(shows(&canvas, "a very long label that"));
    cell_canvas_release(&canvas);
    plot_free(plot);
}

Test(plot_cells, every_size_is_drawn_or_refused)
{
    struct plot *plots[] = {loss_plot(), race_plot(10), heat_plot(), saddle_plot(), plot_new()};
    for (size_t i = 0; i < 5; i++) {
        plots[i]->equal = true;
        for (int columns = 10; columns < 60; columns += 7) {
            for (int rows = 3; rows < 20; rows += 3) {
                struct cell_canvas canvas;
                int result = plot_cells(g, plots[i], columns, rows, &colorful, &canvas);
                bool room = columns >= CANVAS_COLUMNS_MIN && rows >= CANVAS_ROWS_MIN;
                cr_assert_eq(result, room ? 0 : -1, "%zu in %d x %d: %s", i, columns, rows,
                             error_message());
                cr_expect(room || (error_kind() == ERROR_VALUE && !canvas.cells));
                error_clear();
                cell_canvas_release(&canvas);
            }
        }
        plot_free(plots[i]);
    }
}

Test(plot_cells, ascii_by_gnuplot)
{
    struct plot *plot = loss_plot();
    struct cell_canvas canvas;
    cr_assert_eq(plot_ascii(g, plot, 60, 20, &canvas), 0, "%s", error_message());
    cr_expect(shows(&canvas, "Training loss") && shows(&canvas, "epoch") && shows(&canvas, "Adam"));
    cell_canvas_release(&canvas);
    plot_free(plot);
}

Test(plot_cells, without_gnuplot_there_is_an_error_and_no_cells)
{
    struct plot *plot = loss_plot();
    struct cell_canvas canvas;
    setenv("PATH", "/nonexistent", 1);
    cr_expect_eq(plot_cells(g, plot, 60, 20, &colorful, &canvas), -1);
    cr_expect_not_null(strstr(error_message(), "gnuplot is not installed"));
    cr_expect_null(canvas.cells);
    error_clear();
    plot_free(plot);
}
