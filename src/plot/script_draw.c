#include "plot/script_parts.h"

#include "plot/grid.h"

#include <math.h>

/* The parts of a plot command are separated by ", \" and a new line. */
struct list {
    const struct script *s;
    bool started;
};

static void next(struct list *list)
{
    struct strbuf *out = list->s->out;
    if (list->started)
        strbuf_adds(out, ", \\\n    ");
    else
        strbuf_adds(out, list->s->frame.space ? "splot " : "plot ");
    list->started = true;
}

static void put_title(const struct list *list, const char *label)
{
    if (!label || !*label || list->s->target->bare) {
        strbuf_adds(list->s->out, " notitle");
        return;
    }
    strbuf_adds(list->s->out, " title ");
    script_quote(list->s->out, label);
}

static const char *columns(const struct list *list)
{
    return list->s->frame.space ? "1:2:3" : "1:2";
}

static uint32_t color_of(const struct script *s, size_t index)
{
    return s->target->mono ? s->theme->text : series_color(s->plot, index, s->target->dark);
}

static void draw_line(struct list *list, size_t index)
{
    const struct script *s = list->s;
    const struct plot_series *series = &s->plot->series.at[index];
    next(list);
    strbuf_addf(s->out, "$data%zu using %s with lines lw %.3g lc rgb '#%06x'%s", index,
                columns(list), s->line, color_of(s, index),
                series->dashed && !s->target->bare ? " dt 2" : "");
    put_title(list, series->label);
}

static void draw_points(struct list *list, size_t index)
{
    const struct script *s = list->s;
    next(list);
    strbuf_addf(s->out, "$data%zu using %s ", index, columns(list));
    if (s->target->bare)
        strbuf_adds(s->out, "with dots");
    else
        strbuf_addf(s->out, "with points pt 7 ps %.3g", s->line * 0.35);
    strbuf_addf(s->out, " lc rgb '#%06x'", color_of(s, index));
    put_title(list, s->plot->series.at[index].label);
}

static bool is_point(const struct plot_series *series, size_t i)
{
    return isfinite(plot_coordinate(series->x, i)) && isfinite(series->y[i]);
}

/* A mark at value `i`: `size` on the ground's colour, so that it stands out from what it covers. */
static void draw_mark(struct list *list, size_t index, size_t i, double size)
{
    const struct script *s = list->s;
    const uint32_t colors[] = {s->theme->ground, color_of(s, index)};
    for (int layer = s->target->format == PLOT_FORMAT_ASCII; layer < 2; layer++) {
        next(list);
        strbuf_addf(s->out,
                    "$data%zu using %s every ::%zu::%zu with points pt 7 ps %.3g lc rgb '#%06x' "
                    "notitle",
                    index, columns(list), i, i, layer ? size : size * 1.35, colors[layer]);
    }
}

static void draw_path(struct list *list, size_t index)
{
    const struct script *s = list->s;
    if (!s->target->bare && s->target->format != PLOT_FORMAT_ASCII) {
        next(list);
        strbuf_addf(s->out, "$data%zu using %s with lines lw %.3g lc rgb '#%06x' notitle", index,
                    columns(list), s->line * 2, s->theme->ground);
    }
    draw_line(list, index);
}

/* Where a path starts and ends. Character pictures get these marks as characters. */
static void draw_path_marks(struct list *list, size_t index)
{
    const struct plot_series *series = &list->s->plot->series.at[index];
    size_t first = 0, last = series->count - 1;
    while (!is_point(series, first))
        first++;
    while (!is_point(series, last))
        last--;
    draw_mark(list, index, first, list->s->line * 0.3);
    draw_mark(list, index, last, list->s->line * 0.6);
}

/* Several bar series share each place: `rank` of `total` stands beside the others. */
static void draw_bars(struct list *list, size_t index)
{
    const struct script *s = list->s;
    const struct plot_series *series = &s->plot->series.at[index];
    size_t rank = 0, total = 0;
    for (size_t i = 0; i < s->plot->series.count; i++) {
        bool bars = s->plot->series.at[i].kind == PLOT_BARS;
        rank += bars && i < index;
        total += bars;
    }
    double step = 1;
    if (series->count > 1)
        step = fabs(plot_coordinate(series->x, series->count - 1) - plot_coordinate(series->x, 0)) /
               (double)(series->count - 1);
    if (!(step > 0) || !isfinite(step))
        step = 1;
    double width = step * 0.8 / (double)total;
    double shift = ((double)rank - ((double)total - 1) / 2) * width;
    next(list);
    strbuf_addf(s->out,
                "$data%zu using ($1%+.9g):2:(%.9g) with boxes fill solid %s noborder lc rgb "
                "'#%06x'",
                index, shift, width, s->target->bare ? "1" : "0.9", color_of(s, index));
    put_title(list, series->label);
}

/* Where the rows or columns of an image lie on an even axis: "(start+$1*step)". */
static void put_even(struct strbuf *out, const double *values, size_t count, int column)
{
    double first = plot_coordinate(values, 0), last = plot_coordinate(values, count - 1);
    double step = count > 1 ? (last - first) / (double)(count - 1) : 1;
    double taken = (double)script_image_step(count);
    strbuf_addf(out, "(%.9g+$%d*%.9g)", first + step * (taken - 1) / 2, column, step * taken);
}

static void draw_heatmap(struct list *list, size_t index)
{
    const struct script *s = list->s;
    const struct plot_series *series = &s->plot->series.at[index];
    next(list);
    strbuf_addf(s->out, "$data%zu ", index);
    if (grid_is_even(series->x, series->columns) && grid_is_even(series->y, series->rows)) {
        strbuf_adds(s->out, "matrix using ");
        put_even(s->out, series->x, series->columns, 1);
        strbuf_addch(s->out, ':');
        put_even(s->out, series->y, series->rows, 2);
        strbuf_adds(s->out, ":3 with image");
    } else {
        strbuf_adds(s->out, "using 1:2:3:4:5:6:7 with boxxyerror fill solid 1 noborder lc palette");
    }
    strbuf_adds(s->out, " notitle");
}

static void draw_contour(struct list *list, size_t index, bool shade)
{
    const struct script *s = list->s;
    if (shade) {
        const struct axis_span *x = &s->frame.x, *y = &s->frame.y;
        int columns, rows;
        script_shade_size(s, &columns, &rows);
        double right = (x->high - x->low) / columns, up = (y->high - y->low) / rows;
        next(list);
        strbuf_addf(s->out,
                    "$shade%zu matrix using (%.9g+$1*%.9g):(%.9g+$2*%.9g):3 with image notitle",
                    index, x->low + right / 2, right, y->low + up / 2, up);
    }
    if (shade && s->target->bare)
        return;
    next(list);
    uint32_t color = s->target->mono ? s->theme->text : s->theme->level;
    strbuf_addf(s->out, "$levels%zu using 1:2%s with lines lw %.3g lc rgb '#%06x'", index,
                s->frame.space ? ":3" : "", s->line * 0.4, color);
    put_title(list, s->plot->series.at[index].label);
}

static void draw_surface(struct list *list, size_t index)
{
    const struct script *s = list->s;
    next(list);
    strbuf_addf(s->out, "$data%zu nonuniform matrix with pm3d", index);
    put_title(list, s->plot->series.at[index].label);
}

void script_draw(const struct script *s)
{
    /* Grids lie below everything else, whatever the order in which they were added. */
    struct list list = {.s = s};
    bool shade = s->shaded;
    for (size_t i = 0; i < s->plot->series.count; i++) {
        enum plot_kind kind = s->plot->series.at[i].kind;
        if (!script_shows(s, i))
            continue;
        if (kind == PLOT_HEATMAP && !s->frame.space)
            draw_heatmap(&list, i);
        if (kind == PLOT_CONTOUR) {
            draw_contour(&list, i, shade);
            shade = false;
        }
        if (kind == PLOT_SURFACE)
            draw_surface(&list, i);
    }
    static void (*const draw[PLOT_KIND_COUNT])(struct list *, size_t) = {
        [PLOT_LINE] = draw_line,
        [PLOT_POINTS] = draw_points,
        [PLOT_PATH] = draw_path,
        [PLOT_BARS] = draw_bars,
    };
    for (size_t i = 0; i < s->plot->series.count; i++) {
        enum plot_kind kind = s->plot->series.at[i].kind;
        if (draw[kind] && script_shows(s, i) && !(kind == PLOT_BARS && s->frame.space))
            draw[kind](&list, i);
    }
    for (size_t i = 0; i < s->plot->series.count && !s->target->bare; i++) {
        if (s->plot->series.at[i].kind == PLOT_PATH && script_shows(s, i))
            draw_path_marks(&list, i);
    }
    if (!list.started) {
        next(&list);
        strbuf_adds(s->out, "NaN notitle");
    }
    strbuf_addch(s->out, '\n');
}
