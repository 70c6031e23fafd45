#include "plot/canvas.h"

#include "base/error.h"
#include "base/mem.h"
#include "plot/axis.h"
#include "plot/mosaic.h"
#include "plot/palette.h"

#include <math.h>
#include <string.h>
#include <utf8proc.h>

/* With fewer rows the axes' labels share those of others. */
enum { SMALL_ROWS = 18 };

/* Where everything goes, in cells. The plot area is [left, right) x [top, bottom). */
struct layout {
    const struct plot *plot;
    const struct plot_look *look;
    struct cell_canvas *canvas;
    struct plot_frame frame;
    struct axis_ticks x, y, z;
    int left, right, top, bottom;
    int bar; /* column of the colour bar, 0: none */
};

void cell_canvas_release(struct cell_canvas *canvas)
{
    mem_free(canvas->cells);
    *canvas = (struct cell_canvas){0};
}

static int canvas_init(struct cell_canvas *canvas, int columns, int rows)
{
    *canvas = (struct cell_canvas){0};
    if (columns < CANVAS_COLUMNS_MIN || rows < CANVAS_ROWS_MIN || columns > CANVAS_SIDE_MAX ||
        rows > CANVAS_SIDE_MAX)
        return error_set(ERROR_VALUE, "a plot needs %d x %d cells at least, there are %d x %d",
                         CANVAS_COLUMNS_MIN, CANVAS_ROWS_MIN, columns, rows);
    canvas->cells = mem_zero((size_t)columns * (size_t)rows, sizeof(*canvas->cells));
    if (!canvas->cells)
        return -1;
    canvas->columns = columns;
    canvas->rows = rows;
    for (int i = 0; i < columns * rows; i++)
        canvas->cells[i] = (struct plot_cell){' ', CELL_DEFAULT, CELL_DEFAULT, false};
    return 0;
}

/* ---- Text ----------------------------------------------------------------------------------- */

/* Takes the next rune that has a width off the text: 0 at the end. What cannot be shown is '?'. */
static int32_t next_rune(const char **text, bool ascii, int *width)
{
    for (;;) {
        utf8proc_int32_t rune;
        utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)*text, -1, &rune);
        *width = 1;
        if (!**text)
            return 0;
        if (length <= 0) {
            (*text)++;
            return '?';
        }
        *text += length;
        if (rune < 0x20 || (rune >= 0x7f && rune < 0xa0))
            return ' ';
        if (ascii && rune > 0x7e)
            return rune == 0x2019 ? '\'' : '?';
        *width = utf8proc_charwidth(rune);
        if (*width > 0)
            return rune;
    }
}

static int text_width(const char *text, bool ascii)
{
    int width = 0, one;
    while (text && next_rune(&text, ascii, &one))
        width += one;
    return width;
}

static bool is_ascii(const struct layout *l)
{
    return l->look->symbols == PLOT_SYMBOLS_ASCII;
}

static struct plot_cell *cell_at(const struct layout *l, int x, int y)
{
    return &l->canvas->cells[y * l->canvas->columns + x];
}

static void put_rune(const struct layout *l, int x, int y, uint32_t rune, int32_t color)
{
    if (x >= 0 && y >= 0 && x < l->canvas->columns && y < l->canvas->rows)
        *cell_at(l, x, y) =
            (struct plot_cell){rune, color_shown(color, l->look->colors), CELL_DEFAULT, false};
}

/* Writes `text` from (x, y) on, within `room` columns; a text that is cut ends in an ellipsis.
 * Returns the columns taken. */
static int put_text(const struct layout *l, int x, int y, int room, const char *text, int32_t color)
{
    bool ascii = is_ascii(l);
    bool cut = text_width(text, ascii) > room;
    int at = 0, width;
    int32_t rune;
    while (text && (rune = next_rune(&text, ascii, &width)) && at + width <= room - cut) {
        put_rune(l, x + at, y, (uint32_t)rune, color);
        if (width == 2)
            put_rune(l, x + at + 1, y, 0, color);
        at += width;
    }
    if (cut && at < room)
        put_rune(l, x + at++, y, ascii ? '.' : 0x2026, color);
    return at;
}

/* ---- Layout --------------------------------------------------------------------------------- */

static const char *label_of(const struct plot_series *series)
{
    return series->label && *series->label ? series->label : NULL;
}

/* What stands for series `index` in the legend. */
static uint32_t sample_of(const struct layout *l, size_t index)
{
    static const uint32_t kinds[PLOT_KIND_COUNT] = {
        [PLOT_LINE] = 0x2501,    [PLOT_POINTS] = 0x25cf,  [PLOT_PATH] = 0x2501,
        [PLOT_BARS] = 0x2588,    [PLOT_HEATMAP] = 0x2592, [PLOT_CONTOUR] = 0x2500,
        [PLOT_SURFACE] = 0x2592,
    };
    /* Without colours lines differ by their dashes, see script_dashes(). */
    static const uint32_t dashes[] = {0x2501, 0x254d, 0x2509, 0x2578, 0x2505, 0x22c5};
    const struct plot_series *series = &l->plot->series.at[index];
    bool line = series->kind == PLOT_LINE || series->kind == PLOT_PATH;
    if (is_ascii(l))
        return line ? '-' : '#';
    if (line && series->dashed)
        return dashes[1];
    if (line && l->look->colors <= 2)
        return dashes[index % (sizeof(dashes) / sizeof(*dashes))];
    return kinds[series->kind];
}

static void put_sample(const struct layout *l, int x, int y, size_t index)
{
    const struct plot_series *series = &l->plot->series.at[index];
    bool dark = l->look->dark, grid = plot_kind_has_grid(series->kind);
    uint32_t color = grid ? plot_theme(dark)->level : series_color(l->plot, index, dark);
    uint32_t rune = sample_of(l, index);
    put_rune(l, x, y, rune, (int32_t)color);
    if (series->kind != PLOT_POINTS)
        put_rune(l, x + 1, y, rune, (int32_t)color);
}

/* Lays the legend out in rows from `top` on, as many as fit into `most`; draws it when `draw`.
 * Returns the rows. */
static int put_legend(const struct layout *l, int top, int most, bool draw)
{
    const struct plot *plot = l->plot;
    int x = 1, row = 0, columns = l->canvas->columns;
    bool any = false;
    for (size_t i = 0; plot->legend && i < plot->series.count; i++) {
        const char *label = label_of(&plot->series.at[i]);
        if (!label)
            continue;
        int width = text_width(label, is_ascii(l)) + 3;
        if (any && x + width > columns) {
            x = 1;
            if (++row >= most)
                return row;
        }
        any = true;
        if (draw) {
            put_sample(l, x, top + row, i);
            put_text(l, x + 3, top + row, columns - x - 3, label, CELL_DEFAULT);
        }
        x += width + 2;
    }
    return any ? row + 1 : 0;
}

static int ticks_width(const struct axis_ticks *ticks)
{
    int widest = 1;
    for (int i = 0; i < ticks->count; i++) {
        int width = (int)strlen(ticks->text[i]);
        widest = width > widest ? width : widest;
    }
    return widest;
}

/* Row `tick` of the plot area, column of it; low values are below and on the left. */
static int tick_row(const struct layout *l, const struct axis_span *span, double value)
{
    double part = axis_position(span, value);
    if (!span->downward)
        part = 1 - part;
    int rows = l->bottom - l->top, row = (int)floor(part * rows);
    return l->top + (row < 0 ? 0 : row < rows ? row : rows - 1);
}

static int tick_column(const struct layout *l, double value)
{
    int columns = l->right - l->left;
    int column = (int)floor(axis_position(&l->frame.x, value) * columns);
    return l->left + (column < 0 ? 0 : column < columns ? column : columns - 1);
}

/* One unit is as long in x as in y: the plot area shrinks, cells being twice as high as wide. */
static void make_equal(struct layout *l)
{
    const struct axis_span *x = &l->frame.x, *y = &l->frame.y;
    if (x->log || y->log)
        return;
    double wanted = (x->high - x->low) / (y->high - y->low);
    int columns = l->right - l->left, rows = l->bottom - l->top;
    int narrow = (int)lround(rows * 2 * wanted), low = (int)lround(columns / wanted / 2);
    if (narrow < columns && narrow >= 8) {
        l->left += (columns - narrow) / 2;
        l->right = l->left + narrow;
    } else if (low < rows && low >= 3) {
        l->bottom = l->top + low;
    }
}

/* Rows above the plot area are title, legend and y's label; below it the axis, its ticks and x's
 * label. When there are few, the labels share the rows of others. */
static void arrange(struct layout *l)
{
    const struct plot *plot = l->plot;
    int rows = l->canvas->rows, columns = l->canvas->columns;
    bool flat = !l->frame.space, small = rows < SMALL_ROWS;
    l->top = plot->title && *plot->title ? 1 : 0;
    l->top += put_legend(l, l->top, rows / 4, false);
    if (flat && plot->y.label && *plot->y.label && (!small || l->top == 0))
        l->top++;
    l->bottom = rows - (flat ? 2 : 1);
    if (flat && plot->x.label && *plot->x.label && !small)
        l->bottom--;
    if (l->bottom - l->top < 3)
        l->top = l->bottom - 3;
    l->left = 0;
    l->right = columns;
    if (!flat)
        return;
    int room = (l->bottom - l->top + 1) / 3;
    l->y = axis_ticks(&l->frame.y, room > 8 ? 8 : room);
    l->left = ticks_width(&l->y) + 1;
    l->right--;
    if (l->frame.colors && l->look->colors > 2 && columns >= 30) {
        l->z = axis_ticks(&l->frame.z, room > 6 ? 6 : room);
        l->right -= ticks_width(&l->z) + 5;
    }
    if (l->right - l->left < 8)
        l->left = l->right - 8;
    if (plot->equal)
        make_equal(l);
    if (l->z.count)
        l->bar = l->right + 2;
    l->x = axis_ticks(&l->frame.x, (l->right - l->left) / 9);
}

/* ---- Drawing -------------------------------------------------------------------------------- */

static void put_centered(const struct layout *l, int from, int to, int y, const char *text,
                         bool bold)
{
    int width = text_width(text, is_ascii(l)), room = to - from;
    int x = width < room ? from + (room - width) / 2 : from;
    int taken = put_text(l, x, y, room, text, CELL_DEFAULT);
    for (int i = 0; i < taken; i++)
        cell_at(l, x + i, y)->bold = bold;
}

/* In a small canvas x's label stands at the end of the ticks' row: the columns it takes there. */
static int shared_label_width(const struct layout *l)
{
    int width = text_width(l->plot->x.label, is_ascii(l));
    return l->canvas->rows < SMALL_ROWS && width <= l->canvas->columns / 3 && width ? width + 1 : 0;
}

static void put_axis_lines(const struct layout *l)
{
    bool ascii = is_ascii(l);
    int32_t color = (int32_t)plot_theme(l->look->dark)->frame;
    for (int y = l->top; y < l->bottom; y++)
        put_rune(l, l->left - 1, y, ascii ? '|' : 0x2502, color);
    put_rune(l, l->left - 1, l->bottom, ascii ? '+' : 0x2514, color);
    for (int x = l->left; x < l->right; x++)
        put_rune(l, x, l->bottom, ascii ? '-' : 0x2500, color);
    for (int i = 0; i < l->y.count; i++) {
        int y = tick_row(l, &l->frame.y, l->y.at[i]), width = (int)strlen(l->y.text[i]);
        /* The lowest value of all lies on the axis. */
        bool corner = axis_position(&l->frame.y, l->y.at[i]) < 1e-6 && !l->frame.y.downward;
        y = corner ? l->bottom : y;
        put_rune(l, l->left - 1, y, ascii ? '+' : corner ? 0x2534 : 0x2524, color);
        put_text(l, l->left - 1 - width, y, width, l->y.text[i], CELL_DEFAULT);
    }
    int free = 0, end = l->canvas->columns - shared_label_width(l);
    for (int i = 0; i < l->x.count; i++) {
        int x = tick_column(l, l->x.at[i]), width = (int)strlen(l->x.text[i]);
        put_rune(l, x, l->bottom, ascii ? '+' : 0x252c, color);
        int from = x - width / 2;
        if (from + width > l->canvas->columns)
            from = l->canvas->columns - width;
        if (from < free || from + width > end)
            continue;
        put_text(l, from, l->bottom + 1, width, l->x.text[i], CELL_DEFAULT);
        free = from + width + 1;
    }
}

static void put_color_bar(const struct layout *l)
{
    int rows = l->bottom - l->top;
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < 2; c++) {
            /* A half block shows two colours in one cell. */
            bool half = !is_ascii(l);
            put_rune(l, l->bar + c, l->top + r, half ? 0x2584 : ' ',
                     (int32_t)heat_color(1 - (r + 0.75) / rows));
            cell_at(l, l->bar + c, l->top + r)->bg = color_shown(
                (int32_t)heat_color(1 - (r + (half ? 0.25 : 0.5)) / rows), l->look->colors);
        }
    }
    for (int i = 0; i < l->z.count; i++)
        put_text(l, l->bar + 3, tick_row(l, &l->frame.z, l->z.at[i]), TICK_TEXT, l->z.text[i],
                 CELL_DEFAULT);
}

/* A surface's axes run askew, so their ranges are said in words below it. */
static void put_ranges(const struct layout *l)
{
    const struct plot_axis *axes[] = {&l->plot->x, &l->plot->y, &l->plot->z};
    const struct axis_span *spans[] = {&l->frame.x, &l->frame.y, &l->frame.z};
    static const char *const names[] = {"x", "y", "z"};
    struct strbuf line = STRBUF_INIT;
    for (int i = 0; i < 3; i++) {
        bool named = axes[i]->label && *axes[i]->label;
        strbuf_addf(&line, "%s%s: %.4g to %.4g", i ? "   " : "", named ? axes[i]->label : names[i],
                    spans[i]->low, spans[i]->high);
    }
    put_centered(l, 0, l->canvas->columns, l->canvas->rows - 1, line.text, false);
    strbuf_release(&line);
}

static void put_labels(const struct layout *l)
{
    const struct plot *plot = l->plot;
    int columns = l->canvas->columns, rows = l->canvas->rows, from = 0;
    bool small = rows < SMALL_ROWS, titled = plot->title && *plot->title;
    if (!l->frame.space && plot->y.label && *plot->y.label) {
        int row = small ? 0 : l->top - 1, room = small && titled ? columns / 4 : columns;
        int taken = put_text(l, 0, row, room, plot->y.label, CELL_DEFAULT);
        from = small ? taken + 1 : 0;
    }
    if (titled)
        put_centered(l, from, columns, 0, plot->title, true);
    put_legend(l, titled ? 1 : 0, rows / 4, true);
    if (l->frame.space) {
        put_ranges(l);
        return;
    }
    put_axis_lines(l);
    if (l->bar)
        put_color_bar(l);
    if (shared_label_width(l))
        put_text(l, columns - shared_label_width(l) + 1, l->bottom + 1, columns, plot->x.label,
                 CELL_DEFAULT);
    else if (!small && plot->x.label)
        put_centered(l, l->left, l->right, l->bottom + 2, plot->x.label, false);
}

static int render_layer(const struct layout *l, struct gnuplot *g, enum plot_layer layer,
                        struct picture *picture)
{
    int across, down;
    mosaic_dots(l->look->symbols, &across, &down);
    struct plot_target target = {.format = PLOT_FORMAT_PNG,
                                 .width = (l->right - l->left) * across,
                                 .height = (l->bottom - l->top) * down,
                                 .dark = l->look->dark,
                                 .bare = true,
                                 .mono = l->look->colors <= 2,
                                 .layer = layer};
    struct strbuf bytes = STRBUF_INIT;
    int result = gnuplot_render(g, l->plot, &target, &bytes);
    if (result == 0)
        result = picture_from_png(bytes.text, bytes.length, picture);
    if (result == 0 && (picture->width < target.width || picture->height < target.height))
        result = error_set(ERROR_IO, "gnuplot drew %d x %d pixels instead of %d x %d",
                           picture->width, picture->height, target.width, target.height);
    if (result == 0)
        picture_cut(picture, target.width, target.height);
    strbuf_release(&bytes);
    return result;
}

static void put_mark(const struct layout *l, const struct plot_series *series, size_t i,
                     uint32_t rune, uint32_t color, const struct picture *ground)
{
    double x = axis_position(&l->frame.x, plot_coordinate(series->x, i));
    double y = axis_position(&l->frame.y, series->y[i]);
    if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1))
        return;
    int column = tick_column(l, plot_coordinate(series->x, i));
    int row = tick_row(l, &l->frame.y, series->y[i]);
    int32_t behind = mosaic_ground(ground, l->look->symbols, column - l->left, row - l->top);
    put_rune(l, column, row, rune, (int32_t)color);
    if (l->look->symbols != PLOT_SYMBOLS_ASCII)
        cell_at(l, column, row)->bg = color_shown(behind, l->look->colors);
}

/* Where paths start and end, above all lines; the ends last, for they are what one looks for. */
static void put_path_marks(const struct layout *l, const struct picture *ground)
{
    const struct plot *plot = l->plot;
    for (size_t k = 0; k < plot->series.count * 2; k++) {
        bool end = k >= plot->series.count;
        size_t index = k % plot->series.count;
        const struct plot_series *series = &plot->series.at[index];
        if (series->kind != PLOT_PATH || !series->count)
            continue;
        size_t at = end ? series->count - 1 : 0;
        uint32_t rune = is_ascii(l) ? (end ? '@' : 'o') : end ? 0x25cf : 0x25cb;
        put_mark(l, series, at, rune, series_color(plot, index, l->look->dark), ground);
    }
}

/* Grids and lines are drawn apart: a line is never blended with the shading that it crosses. */
static int put_picture(const struct layout *l, struct gnuplot *g)
{
    struct picture below = {0}, above = {0};
    bool grids = false, series = false;
    for (size_t i = 0; i < l->plot->series.count; i++) {
        bool grid = plot_kind_has_grid(l->plot->series.at[i].kind);
        grids |= grid;
        series |= !grid;
    }
    int result = 0;
    if (grids)
        result = render_layer(l, g, PLOT_LAYER_GRIDS, &below);
    if (result == 0 && (series || !grids))
        result = render_layer(l, g, PLOT_LAYER_SERIES, &above);
    if (result == 0 && grids && series)
        mosaic_lay(&above, &below);
    if (result == 0)
        result = mosaic_draw(l->canvas, l->left, l->top, l->right - l->left, l->bottom - l->top,
                             series || !grids ? &above : &below, l->look);
    if (result == 0 && !l->frame.space)
        put_path_marks(l, &below);
    picture_release(&below);
    picture_release(&above);
    return result;
}

int plot_cells(struct gnuplot *g, const struct plot *plot, int columns, int rows,
               const struct plot_look *look, struct cell_canvas *out)
{
    if (canvas_init(out, columns, rows))
        return -1;
    struct layout l = {.plot = plot, .look = look, .canvas = out, .frame = plot_frame(plot)};
    arrange(&l);
    if (put_picture(&l, g)) {
        cell_canvas_release(out);
        return -1;
    }
    put_labels(&l);
    return 0;
}

int plot_ascii(struct gnuplot *g, const struct plot *plot, int columns, int rows,
               struct cell_canvas *out)
{
    struct plot_target target = {.format = PLOT_FORMAT_ASCII, .width = columns, .height = rows};
    struct strbuf lines = STRBUF_INIT;
    if (canvas_init(out, columns, rows))
        return -1;
    int result = gnuplot_render(g, plot, &target, &lines);
    const char *at = lines.text;
    for (int y = 0, x = 0, width; result == 0 && *at && y < rows;) {
        if (*at == '\n') {
            y++;
            x = 0;
            at++;
            continue;
        }
        int32_t rune = next_rune(&at, true, &width);
        if (x < columns)
            out->cells[y * columns + x++].rune = (uint32_t)rune;
    }
    strbuf_release(&lines);
    if (result)
        cell_canvas_release(out);
    return result;
}
