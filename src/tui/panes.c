#include "tui/panes.h"

#include "tui/app.h"
#include "tui/plots.h"
#include "tui/tensors.h"
#include "tui/text.h"

#include <string.h>

enum { WIDTH_MIN = 28, NOTEBOOK_MIN = 40 };

bool panes_init(struct panes *panes)
{
    *panes = (struct panes){.tensors = LINES_INIT, .plots = plots_new()};
    return panes->plots != NULL;
}

void panes_release(struct panes *panes)
{
    plots_free(panes->plots);
    lines_release(&panes->tensors);
}

enum arrangement panes_arrangement(const struct app *app)
{
    const struct panes *panes = &app->panes;
    bool plot = plots_count(panes->plots) > 0;

    if (!panes->chosen && term_columns() < PANES_COLUMNS)
        return PANES_NONE;
    if (panes->arrangement != PANES_BOTH)
        return panes->arrangement;
    if (!plot)
        return PANES_TENSORS;
    return term_rows() < PANES_ROWS_BOTH ? PANES_PLOT : PANES_BOTH;
}

bool panes_show_plot(const struct app *app)
{
    enum arrangement now = panes_arrangement(app);

    return now == PANES_BOTH || now == PANES_PLOT;
}

int panes_columns(const struct app *app, int columns)
{
    int width = columns * 2 / 5 + app->panes.wider;

    if (panes_arrangement(app) == PANES_NONE)
        return 0;
    if (width > columns - NOTEBOOK_MIN)
        width = columns - NOTEBOOK_MIN;
    return width < WIDTH_MIN ? WIDTH_MIN : width;
}

void pane_title(int row, int column, int columns, enum style style, const char *title,
                const char *right)
{
    int i, at, end = columns;

    for (i = 0; i < columns; i++)
        screen_puts(row, column + i, 1, STYLE_BORDER, STYLE_TEXT, "─");
    if (right && *right) {
        end -= text_width(right, strlen(right)) + 3;
        screen_puts(row, column + end, 1, STYLE_TEXT, STYLE_TEXT, " ");
        at = screen_puts(row, column + end + 1, columns, STYLE_DIM, STYLE_TEXT, right);
        screen_puts(row, column + end + 1 + at, 1, STYLE_TEXT, STYLE_TEXT, " ");
    }
    screen_puts(row, column + 1, 1, STYLE_TEXT, STYLE_TEXT, " ");
    at = screen_puts(row, column + 2, end - 4, style, STYLE_TEXT, title);
    screen_puts(row, column + 2 + at, 1, STYLE_TEXT, STYLE_TEXT, " ");
}

/* --- Tensors ------------------------------------------------------------------------------- */

static void layout_tensors(struct app *app, int width)
{
    struct panes *panes = &app->panes;

    if (panes->tensors_version == app->session.tensors_version + 1 && panes->tensors_width == width)
        return;
    lines_clear(&panes->tensors);
    tensors_layout(app->session.tensors, app->session.tensors_before, width, &panes->tensors);
    panes->tensors_version = app->session.tensors_version + 1;
    panes->tensors_width = width;
}

static void draw_tensors(struct app *app, struct rect area)
{
    struct panes *panes = &app->panes;
    int count, row, last;
    char position[32] = "";

    layout_tensors(app, area.columns - 2);
    panes->tensors_area = area;
    count = (int)panes->tensors.at.count;
    last = count > area.rows - 1 ? count - (area.rows - 1) : 0;
    panes->scroll = panes->scroll > last ? last : panes->scroll < 0 ? 0 : panes->scroll;
    if (last > 0)
        snprintf(position, sizeof(position), "%d%%", 100 * panes->scroll / last);
    pane_title(area.row, area.column, area.columns, STYLE_TITLE, "Tensors", position);
    for (row = 1; row < area.rows && panes->scroll + row - 1 < count; row++)
        screen_line(area.row + row, area.column + 1, area.columns - 2, &panes->tensors,
                    (size_t)(panes->scroll + row - 1));
}

/* --- Plot ---------------------------------------------------------------------------------- */

static void draw_plot(struct app *app, struct rect area)
{
    struct panes *panes = &app->panes;
    int count = plots_count(panes->plots);
    const char *hint = "Plots appear here.";
    char position[32] = "";
    struct rect place = {area.row + 1, area.column + 1, area.rows - 1, area.columns - 1};

    panes->plot_area = area;
    if (count > 1)
        snprintf(position, sizeof(position), "[ %d of %d ]", panes->plot, count);
    pane_title(area.row, area.column, area.columns, STYLE_TITLE, "Plot", position);
    if (count == 0)
        screen_puts(area.row + 2, area.column + 2, area.columns - 3, STYLE_DIM, STYLE_TEXT, hint);
    else
        plots_draw(panes->plots, panes->plot, place, place);
}

void panes_add_plot(struct app *app, int id, json_t *plot)
{
    int number = plots_set(app->panes.plots, id, plot);

    if (number > 0)
        app->panes.plot = number;
    app->dirty = true;
}

void panes_step_plot(struct app *app, int step)
{
    struct panes *panes = &app->panes;
    int number = panes->plot + step;

    if (number >= 1 && number <= plots_count(panes->plots))
        panes->plot = number;
    app->dirty = true;
}

/* --- The stack ----------------------------------------------------------------------------- */

void panes_choose(struct app *app, enum arrangement arrangement)
{
    app->panes.arrangement = arrangement;
    app->panes.chosen = true;
    app->dirty = true;
}

void panes_scroll(struct app *app, int rows)
{
    app->panes.scroll += rows;
    app->dirty = true;
}

void panes_draw(struct app *app, struct rect area)
{
    enum arrangement arrangement = panes_arrangement(app);
    struct rect upper = area, lower = area;
    int plot_rows = area.columns * 9 / 20; /* a cell is twice as high as wide */

    app->panes.tensors_area = app->panes.plot_area = (struct rect){0};
    if (plot_rows > area.rows * 6 / 10)
        plot_rows = area.rows * 6 / 10;
    switch (arrangement) {
    case PANES_BOTH:
        upper.rows = area.rows - plot_rows;
        lower.rows = plot_rows;
        lower.row = area.row + upper.rows;
        draw_tensors(app, upper);
        draw_plot(app, lower);
        break;
    case PANES_TENSORS:
        draw_tensors(app, area);
        break;
    case PANES_PLOT:
        draw_plot(app, area);
        break;
    default:
        break;
    }
}
