#include "plot/script_parts.h"

#include "plot/grid.h"

#include <math.h>

/* More than this along one side of a grid is finer than any picture shows. */
enum { GRID_SIDE_MAX = 640, IMAGE_SIDE_MAX = 1024, SURFACE_SIDE_MAX = 45, SHADE_SIDE = 100 };

bool script_shows(const struct script *s, size_t index)
{
    const struct plot_series *series = &s->plot->series.at[index];
    size_t least = series->kind == PLOT_HEATMAP ? 1 : 2;
    enum plot_layer layer = s->target->layer;
    if (layer != PLOT_LAYER_ALL && plot_kind_has_grid(series->kind) != (layer == PLOT_LAYER_GRIDS))
        return false;
    if (plot_kind_has_grid(series->kind)) {
        if (series->rows < least || series->columns < least)
            return false;
        for (size_t i = 0; i < series->rows * series->columns; i++) {
            if (isfinite(series->z[i]))
                return true;
        }
        return false;
    }
    for (size_t i = 0; i < series->count; i++) {
        if (isfinite(plot_coordinate(series->x, i)) && isfinite(series->y[i]))
            return true;
    }
    return false;
}

static void put_row(struct strbuf *out, double x, double y, double z, bool with_z)
{
    script_number(out, x);
    strbuf_addch(out, ' ');
    script_number(out, y);
    if (with_z) {
        strbuf_addch(out, ' ');
        script_number(out, z);
    }
    strbuf_addch(out, '\n');
}

/* The first grid of the plot that a path without heights can run on. */
static const struct plot_series *surface_of(const struct plot *plot)
{
    for (size_t i = 0; i < plot->series.count; i++) {
        if (plot->series.at[i].kind == PLOT_SURFACE)
            return &plot->series.at[i];
    }
    return NULL;
}

static bool rises(const struct plot_series *series)
{
    for (size_t i = 1; series->x && i < series->count; i++) {
        if (!(series->x[i] >= series->x[i - 1]))
            return false;
    }
    return true;
}

/* A line with far more values than the picture has columns: of each piece only the lowest and the
 * highest value, which look the same. */
static void put_long_line(const struct script *s, const struct plot_series *series, size_t piece)
{
    for (size_t from = 0; from < series->count; from += piece) {
        size_t to = from + piece < series->count ? from + piece : series->count;
        size_t low = from, high = from;
        bool gap = false;
        for (size_t i = from; i < to; i++) {
            gap |= !isfinite(series->y[i]);
            low = series->y[i] < series->y[low] || !isfinite(series->y[low]) ? i : low;
            high = series->y[i] > series->y[high] || !isfinite(series->y[high]) ? i : high;
        }
        size_t first = low < high ? low : high, second = low < high ? high : low;
        put_row(s->out, plot_coordinate(series->x, first), series->y[first], 0, false);
        put_row(s->out, plot_coordinate(series->x, second), series->y[second], 0, false);
        if (gap)
            put_row(s->out, plot_coordinate(series->x, second), NAN, 0, false);
    }
}

static void put_points(const struct script *s, const struct plot_series *series)
{
    const struct plot_series *surface = s->frame.space ? surface_of(s->plot) : NULL;
    /* A little above the surface, or its own facets would hide the path. */
    double lift = (s->frame.z.high - s->frame.z.low) * 0.01;
    size_t piece = series->count / ((size_t)s->target->width * 2);
    if (series->kind == PLOT_LINE && !surface && piece >= 4 && rises(series)) {
        put_long_line(s, series, piece);
        return;
    }
    for (size_t i = 0; i < series->count; i++) {
        double x = plot_coordinate(series->x, i), y = series->y[i], z = 0;
        if (surface)
            z = lift + (series->z ? series->z[i] : grid_value(surface, x, y));
        put_row(s->out, x, y, z, surface);
    }
}

static bool script_dashes(const struct script *s, size_t index, int *on, int *off)
{
    static const int patterns[][2] = {{0, 0}, {4, 2}, {1, 1}, {2, 3}, {8, 2}, {1, 3}};
    const struct plot_series *series = &s->plot->series.at[index];
    int pattern = series->dashed;
    if (series->kind != PLOT_LINE && series->kind != PLOT_PATH)
        return false;
    if (s->target->mono && !series->dashed)
        pattern = (int)(index % (sizeof(patterns) / sizeof(*patterns)));
    *on = patterns[pattern][0];
    *off = patterns[pattern][1];
    return pattern > 0;
}

/* gd draws no dashes, so a dashed line of a character picture is cut here: one value per dot along
 * the line, and gaps between. */
static void put_dashes(const struct script *s, const struct plot_series *series, int on, int off)
{
    const struct axis_span *spans[] = {&s->frame.x, &s->frame.y};
    double walked = 0;
    for (size_t i = 1; i < series->count; i++) {
        double x[] = {plot_coordinate(series->x, i - 1), plot_coordinate(series->x, i)};
        double right =
            (axis_position(spans[0], x[1]) - axis_position(spans[0], x[0])) * s->target->width;
        double up =
            (axis_position(spans[1], series->y[i]) - axis_position(spans[1], series->y[i - 1])) *
            s->target->height;
        double length = fmax(fabs(right), fabs(up));
        if (!(length < 1e4)) {
            strbuf_addch(s->out, '\n');
            continue;
        }
        for (double at = ceil(walked) - walked; at < length; at++) {
            double part = at / length;
            bool shown = fmod(walked + at + 0.5, on + off) < on;
            if (shown)
                put_row(s->out, x[0] + (x[1] - x[0]) * part,
                        series->y[i - 1] + (series->y[i] - series->y[i - 1]) * part, 0, false);
            else
                strbuf_addch(s->out, '\n');
        }
        walked += length;
    }
}

/* The index after `i` when only every `stride`-th is taken, and the last one in any case. */
static size_t step_on(size_t i, size_t stride, size_t count)
{
    if (i + 1 >= count)
        return count;
    return i + stride < count ? i + stride : count - 1;
}

/* gnuplot's "nonuniform matrix": a row of x, then in each row y and its values. At most about
 * `side` rows and columns, spread over the whole extent; the number in the corner means nothing. */
static void put_matrix(const struct script *s, const struct plot_series *series, size_t side)
{
    size_t rows = series->rows, columns = series->columns;
    size_t row_step = (rows + side - 1) / side, column_step = (columns + side - 1) / side;
    strbuf_adds(s->out, "0");
    for (size_t c = 0; c < columns; c = step_on(c, column_step, columns)) {
        strbuf_addch(s->out, ' ');
        script_number(s->out, plot_coordinate(series->x, c));
    }
    for (size_t r = 0; r < rows; r = step_on(r, row_step, rows)) {
        strbuf_addch(s->out, '\n');
        script_number(s->out, plot_coordinate(series->y, r));
        for (size_t c = 0; c < columns; c = step_on(c, column_step, columns)) {
            strbuf_addch(s->out, ' ');
            script_number(s->out, series->z[r * columns + c]);
        }
    }
    strbuf_addch(s->out, '\n');
}

size_t script_image_step(size_t count)
{
    return (count + IMAGE_SIDE_MAX - 1) / IMAGE_SIDE_MAX;
}

/* One row of text per row of the grid, for "matrix". */
static void put_image(const struct script *s, const struct plot_series *series)
{
    size_t down = script_image_step(series->rows), right = script_image_step(series->columns);
    for (size_t r = 0; r < series->rows; r += down) {
        for (size_t c = 0; c < series->columns; c += right) {
            script_number(s->out, series->z[r * series->columns + c]);
            strbuf_addch(s->out, c + right < series->columns ? ' ' : '\n');
        }
    }
}

/* Half way to the neighbour, for the edges of a cell between unevenly spaced coordinates. */
static double edge(const double *values, size_t count, size_t i, int side)
{
    double at = plot_coordinate(values, i);
    bool first = i == 0, last = i + 1 == count;
    if (count == 1)
        return at + side * 0.5;
    if (side < 0)
        return first ? at - (plot_coordinate(values, 1) - at) / 2
                     : (at + plot_coordinate(values, i - 1)) / 2;
    return last ? at + (at - plot_coordinate(values, i - 1)) / 2
                : (at + plot_coordinate(values, i + 1)) / 2;
}

/* x y x_low x_high y_low y_high z, for "boxxyerror". */
static void put_boxes(const struct script *s, const struct plot_series *series)
{
    for (size_t r = 0; r < series->rows; r++) {
        for (size_t c = 0; c < series->columns; c++) {
            double z = series->z[r * series->columns + c];
            if (!isfinite(z))
                continue;
            double cell[] = {plot_coordinate(series->x, c),
                             plot_coordinate(series->y, r),
                             edge(series->x, series->columns, c, -1),
                             edge(series->x, series->columns, c, 1),
                             edge(series->y, series->rows, r, -1),
                             edge(series->y, series->rows, r, 1),
                             z};
            for (size_t i = 0; i < sizeof(cell) / sizeof(*cell); i++) {
                script_number(s->out, cell[i]);
                strbuf_addch(s->out, i + 1 < sizeof(cell) / sizeof(*cell) ? ' ' : '\n');
            }
        }
    }
}

void script_data(const struct script *s)
{
    for (size_t i = 0; i < s->plot->series.count; i++) {
        const struct plot_series *series = &s->plot->series.at[i];
        int on, off;
        if (series->kind == PLOT_CONTOUR || !script_shows(s, i))
            continue;
        strbuf_addf(s->out, "$data%zu << EOD\n", i);
        if (series->kind == PLOT_SURFACE)
            put_matrix(s, series, SURFACE_SIDE_MAX);
        else if (s->target->bare && !s->frame.space && script_dashes(s, i, &on, &off))
            put_dashes(s, series, on, off);
        else if (series->kind != PLOT_HEATMAP)
            put_points(s, series);
        else if (grid_is_even(series->x, series->columns) && grid_is_even(series->y, series->rows))
            put_image(s, series);
        else
            put_boxes(s, series);
        strbuf_adds(s->out, "EOD\n");
    }
}

/* A character picture is shaded dot by dot. */
void script_shade_size(const struct script *s, int *columns, int *rows)
{
    *columns = s->target->bare && s->target->width < 400 ? s->target->width : SHADE_SIDE;
    *rows = s->target->bare && s->target->height < 400 ? s->target->height : SHADE_SIDE;
}

/* The ground behind the level lines: values from 0 to 1 over the plot area. Dots are too coarse for
 * level lines, so there the shading has a step at each level instead. */
static void put_shade(const struct script *s, const struct plot_series *grid, const double *levels,
                      size_t count)
{
    const struct axis_span *x = &s->frame.x, *y = &s->frame.y;
    double low = INFINITY, high = -INFINITY;
    int columns, rows;
    script_shade_size(s, &columns, &rows);
    for (size_t i = 0; i < grid->rows * grid->columns; i++) {
        if (isfinite(grid->z[i])) {
            low = fmin(low, grid->z[i]);
            high = fmax(high, grid->z[i]);
        }
    }
    for (int r = 0; r < rows; r++) {
        double up = y->low + (y->high - y->low) * (r + 0.5) / rows;
        for (int c = 0; c < columns; c++) {
            double right = x->low + (x->high - x->low) * (c + 0.5) / columns;
            double t = grid_shade(levels, count, low, high, grid_value(grid, right, up));
            if (s->target->bare && count)
                t = fmin(floor(t * (double)(count + 1)), (double)count) / (double)count;
            if (isnan(t))
                strbuf_adds(s->out, "NaN");
            else
                strbuf_addf(s->out, "%.3g", t);
            strbuf_addch(s->out, c + 1 < columns ? ' ' : '\n');
        }
    }
}

/* gnuplot finds the level lines and keeps them in $levelsN. */
static void put_levels(const struct script *s, size_t index, const double *levels, size_t count)
{
    strbuf_addf(s->out, "$data%zu << EOD\n", index);
    put_matrix(s, &s->plot->series.at[index], GRID_SIDE_MAX);
    strbuf_adds(s->out, "EOD\nset contour base\nunset surface\nset cntrparam levels discrete ");
    for (size_t k = 0; k < count; k++) {
        strbuf_adds(s->out, k ? "," : "");
        script_number(s->out, levels[k]);
    }
    strbuf_addf(s->out,
                "%s\nset table $levels%zu\nsplot $data%zu nonuniform matrix with lines\n"
                "unset table\nunset contour\nset surface\n",
                count ? "" : "0", index, index);
}

void script_contours(const struct script *s)
{
    bool shade = s->shaded;
    for (size_t i = 0; i < s->plot->series.count; i++) {
        const struct plot_series *series = &s->plot->series.at[i];
        double levels[GRID_LEVELS_MAX];
        if (series->kind != PLOT_CONTOUR || !script_shows(s, i))
            continue;
        size_t count = grid_levels(series, levels, s->target->mono ? 6 : 14);
        if (shade) {
            strbuf_addf(s->out, "$shade%zu << EOD\n", i);
            put_shade(s, series, levels, count);
            strbuf_adds(s->out, "EOD\n");
        }
        if (!shade || !s->target->bare)
            put_levels(s, i, levels, count);
        shade = false;
    }
}
