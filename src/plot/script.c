#include "plot/script.h"

#include "base/error.h"
#include "plot/script_parts.h"

#include <math.h>
#include <string.h>
#include <utf8proc.h>

static const char *const format_names[PLOT_FORMAT_COUNT] = {
    [PLOT_FORMAT_PNG] = "png",   [PLOT_FORMAT_SVG] = "svg",   [PLOT_FORMAT_PDF] = "pdf",
    [PLOT_FORMAT_ASCII] = "txt", [PLOT_FORMAT_SCRIPT] = "gp",
};

const char *plot_format_name(enum plot_format format)
{
    return format_names[format];
}

int plot_format_find(const char *name)
{
    for (int i = 0; i < PLOT_FORMAT_COUNT; i++) {
        if (!strcmp(name, format_names[i]))
            return i;
    }
    return error_set(ERROR_VALUE, "unknown picture format '%s'; known are png, svg, pdf, txt, gp",
                     name);
}

void script_quote(struct strbuf *out, const char *text)
{
    enum { TEXT_MAX = 400 };
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    strbuf_addch(out, '\'');
    for (int runes = 0; *at; runes++) {
        utf8proc_int32_t rune;
        utf8proc_ssize_t length = utf8proc_iterate(at, -1, &rune);
        if (runes == TEXT_MAX) {
            strbuf_adds(out, "...");
            break;
        }
        if (length <= 0) {
            strbuf_addch(out, '?');
            length = 1;
        } else if (rune == '\'') {
            strbuf_adds(out, "\xe2\x80\x99");
        } else if (rune < 0x20 || (rune >= 0x7f && rune < 0xa0) || rune == 0x2028 ||
                   rune == 0x2029) {
            strbuf_addch(out, ' ');
        } else {
            strbuf_add(out, at, (size_t)length);
        }
        at += length;
    }
    strbuf_addch(out, '\'');
}

void script_number(struct strbuf *out, double value)
{
    if (isfinite(value))
        strbuf_addf(out, "%.9g", value);
    else
        strbuf_adds(out, "NaN");
}

/* Points of text that suit a picture of this size. */
static double font_size(const struct plot_target *target)
{
    double side = fmin(target->width * 0.75, target->height);
    return fmin(fmax(side / 44, 7), 48);
}

static void put_terminal(const struct script *s)
{
    const struct plot_target *t = s->target;
    double font = font_size(t);
    switch (t->format) {
    case PLOT_FORMAT_PNG:
        if (t->bare) {
            /* gd's indexed pictures are the ones without smoothing; a surface gains by it. */
            bool smooth = t->no_gd || (s->frame.space && t->layer == PLOT_LAYER_GRIDS);
            int more = t->layer == PLOT_LAYER_GRIDS;
            strbuf_addf(s->out, "set terminal %s transparent size %d,%d noenhanced\n",
                        smooth && !t->no_cairo ? "pngcairo" : "png notruecolor", t->width + more,
                        t->height + more);
            break;
        }
        strbuf_addf(s->out,
                    "set terminal %s size %d,%d noenhanced font ',%.3g' background rgb '#%06x'\n",
                    t->no_cairo ? "png truecolor" : "pngcairo", t->width, t->height, font,
                    s->theme->ground);
        break;
    case PLOT_FORMAT_SVG:
        strbuf_addf(s->out,
                    "set terminal svg size %d,%d noenhanced font 'sans-serif,%.3g' "
                    "background rgb '#%06x'\n",
                    t->width, t->height, font * 1.25, s->theme->ground);
        break;
    case PLOT_FORMAT_PDF:
        strbuf_addf(s->out,
                    "set terminal pdfcairo size %.4gin,%.4gin noenhanced font 'sans,%.3g' "
                    "fontscale 0.75 background rgb '#%06x'\n",
                    t->width / 96.0, t->height / 96.0, font, s->theme->ground);
        break;
    case PLOT_FORMAT_ASCII:
        strbuf_addf(s->out, "set terminal dumb nofeed size %d,%d noenhanced\n", t->width,
                    t->height);
        break;
    case PLOT_FORMAT_SCRIPT:
    case PLOT_FORMAT_COUNT:
        strbuf_adds(s->out, "# Draw this with: gnuplot -p FILE\n");
        break;
    }
}

static void put_range(const struct script *s, const char *axis, const struct axis_span *span)
{
    if (span->log)
        strbuf_addf(s->out, "set logscale %s\n", axis);
    double low = span->downward ? span->high : span->low;
    double high = span->downward ? span->low : span->high;
    strbuf_addf(s->out, "set %srange [%.12g:%.12g]\n", axis, low, high);
}

static void put_ticks(const struct script *s, const char *axis, const struct axis_span *span,
                      int most, const char *more)
{
    struct axis_ticks ticks = axis_ticks(span, most);
    strbuf_addf(s->out, "set %stics %s(", axis, more);
    for (int i = 0; i < ticks.count; i++)
        strbuf_addf(s->out, "%s'%s' %.12g", i ? ", " : "", ticks.text[i], ticks.at[i]);
    strbuf_addf(s->out, ") textcolor rgb '#%06x'\n", s->theme->text);
}

static void put_label(const struct script *s, const char *what, const char *text)
{
    if (!text || !*text)
        return;
    strbuf_addf(s->out, "set %s ", what);
    script_quote(s->out, text);
    strbuf_addf(s->out, " noenhanced textcolor rgb '#%06x'\n", s->theme->text);
}

/* About how many tick labels an axis of that many pixels or cells has room for. */
static int tick_room(const struct script *s, bool vertical)
{
    const struct plot_target *t = s->target;
    if (t->format == PLOT_FORMAT_ASCII)
        return vertical ? t->height / 4 : t->width / 12;
    double font = font_size(t);
    int room = (int)(vertical ? t->height / (font * 4.5) : t->width / (font * 8));
    return room > 9 ? 9 : room;
}

static void put_axes(const struct script *s)
{
    const struct plot *plot = s->plot;
    const struct plot_frame *frame = &s->frame;
    bool grid = !frame->colors && !frame->space;

    put_label(s, "title", plot->title);
    put_label(s, "xlabel", plot->x.label);
    put_label(s, "ylabel", plot->y.label);
    strbuf_addf(s->out, "set border %d front lw 1 lc rgb '#%06x'\n",
                frame->space    ? 31
                : frame->colors ? 15
                                : 3,
                s->theme->frame);
    put_ticks(s, "x", &frame->x, tick_room(s, false), "nomirror out scale 0.6 ");
    put_ticks(s, "y", &frame->y, tick_room(s, true), "nomirror out scale 0.6 ");
    if (grid && !s->shaded)
        strbuf_addf(s->out, "set grid xtics ytics back lt 1 lw 0.6 lc rgb '#%06x'\n",
                    s->theme->grid);
    if (frame->space) {
        put_label(s, "zlabel", plot->z.label);
        put_ticks(s, "z", &frame->z, 5, "nomirror out scale 0.6 ");
        strbuf_addf(s->out, "set grid xtics ytics ztics back lt 1 lw 0.6 lc rgb '#%06x'\n",
                    s->theme->grid);
    }
    if (frame->colors) {
        put_label(s, "cblabel", plot->z.label);
        put_ticks(s, "cb", &frame->z, tick_room(s, true), "nomirror out scale 0.6 ");
        strbuf_adds(s->out, "set colorbox\n");
    } else {
        strbuf_adds(s->out, "unset colorbox\n");
    }
}

/* Nothing but the data: the plot area is the picture. */
static void put_bare(const struct script *s)
{
    strbuf_adds(s->out, "unset key\nunset border\nunset tics\nunset colorbox\n");
    /* Turned by any angle, a box this wide at 0 degrees stays inside. */
    double x = s->frame.space ? 0.15 : 0, y = s->frame.space ? 0.1 : 0;
    strbuf_addf(s->out,
                "set lmargin at screen %.3g\nset rmargin at screen %.3g\n"
                "set bmargin at screen %.3g\nset tmargin at screen %.3g\n",
                x, 1 - x, y, 1 - y);
}

static bool has_legend(const struct plot *plot)
{
    bool any = false;
    for (size_t i = 0; i < plot->series.count; i++)
        any |= plot->series.at[i].label && *plot->series.at[i].label;
    return any && plot->legend;
}

/* How many points and pieces of line lie in each corner's box, as wide and high as the legend. */
static void count_corners(const struct script *s, double width, double height, size_t counts[4])
{
    for (size_t i = 0; i < s->plot->series.count; i++) {
        const struct plot_series *series = &s->plot->series.at[i];
        size_t stride = series->count / 2000 + 1;
        for (size_t k = 0; !plot_kind_has_grid(series->kind) && k < series->count; k += stride) {
            double x = axis_position(&s->frame.x, plot_coordinate(series->x, k));
            double y = axis_position(&s->frame.y, series->y[k]);
            bool left = x >= 0 && x < width, right = x <= 1 && x > 1 - width;
            bool low = y >= 0 && y < height, high = y <= 1 && y > 1 - height;
            counts[0] += right && high;
            counts[1] += left && high;
            counts[2] += right && low;
            counts[3] += left && low;
        }
    }
}

static void put_legend(const struct script *s)
{
    static const char *const corners[] = {"right top", "left top", "right bottom", "left bottom"};
    size_t labels = 0, longest = 0, counts[4] = {0}, best = 0;
    bool bars = false;

    if (!has_legend(s->plot)) {
        strbuf_adds(s->out, "unset key\n");
        return;
    }
    for (size_t i = 0; i < s->plot->series.count; i++) {
        const char *label = s->plot->series.at[i].label;
        bars |= s->plot->series.at[i].kind == PLOT_BARS;
        if (label && *label) {
            labels++;
            longest = strlen(label) > longest ? strlen(label) : longest;
        }
    }
    double font = font_size(s->target);
    double width = fmin(((double)longest * 0.9 + 6) * font / s->target->width, 1);
    double height = fmin(((double)labels + 1) * font * 2 / s->target->height, 1);
    count_corners(s, width, height, counts);
    for (size_t i = 1; i < 4; i++)
        best = counts[i] < counts[best] ? i : best;
    bool inside = !bars && !s->shaded && !s->frame.colors && !s->frame.space && !counts[best];
    strbuf_addf(s->out,
                "set key %s %s vertical Left reverse noenhanced samplen 2 width 1 spacing 1.15 ",
                inside ? "inside" : "outside", inside ? corners[best] : "right top");
    if (inside)
        strbuf_addf(s->out, "opaque fillcolor rgb '#%06x' ", s->theme->ground);
    strbuf_addf(s->out, "textcolor rgb '#%06x'\n", s->theme->text);
}

static void put_palette(const struct script *s)
{
    if (s->shaded) {
        strbuf_addf(s->out, "set palette defined (0 '#%06x', 1 '#%06x')\nset cbrange [0:1]\n",
                    s->theme->shade_low,
                    s->target->bare ? s->theme->band_high : s->theme->shade_high);
        return;
    }
    if (!s->frame.colors && !s->frame.space)
        return;
    strbuf_adds(s->out, "set palette defined (");
    for (int i = 0; i < HEAT_STOPS; i++)
        strbuf_addf(s->out, "%s%d '#%06x'", i ? ", " : "", i, heat_stop(i));
    strbuf_adds(s->out, ")\n");
    put_range(s, "cb", &s->frame.z);
}

static void put_space(const struct script *s)
{
    const struct plot *plot = s->plot;
    double tilt = fmin(fmax(isfinite(plot->tilt) ? plot->tilt : 55, 0), 180);
    double turn = isfinite(plot->turn) ? fmod(fmod(plot->turn, 360) + 360, 360) : 35;
    put_range(s, "z", &s->frame.z);
    strbuf_addf(s->out, "set view %.6g,%.6g,1.1,1\nset xyplane 0\n", tilt, turn);
    /* Drawn in its turn, unlike with depthorder, so that paths are on top. */
    strbuf_adds(s->out, "set pm3d scansautomatic");
    if (!s->target->bare)
        strbuf_addf(s->out, " border lc rgb '#%06x' lw 0.4", s->theme->ground);
    strbuf_addch(s->out, '\n');
}

static int check_target(const struct plot_target *target)
{
    int width = target->width, height = target->height;
    if ((unsigned)target->format >= PLOT_FORMAT_COUNT)
        return error_set(ERROR_VALUE, "plot: unknown format %d", (int)target->format);
    if (width < 1 || height < 1 || width > PLOT_SIZE_MAX || height > PLOT_SIZE_MAX)
        return error_set(ERROR_VALUE, "plot: a picture of %d x %d is not between 1 x 1 and %d x %d",
                         width, height, PLOT_SIZE_MAX, PLOT_SIZE_MAX);
    return 0;
}

/* Level lines alone get a shaded ground: a heat map or a surface brings its own colours, and a
 * logarithmic axis would bend the shading's even steps. */
static bool wants_shade(const struct script *s)
{
    bool contour = false;
    for (size_t i = 0; i < s->plot->series.count; i++)
        contour |= s->plot->series.at[i].kind == PLOT_CONTOUR && script_shows(s, i);
    return contour && !s->frame.colors && !s->frame.space && !s->frame.x.log && !s->frame.y.log &&
           !s->target->mono && s->target->format != PLOT_FORMAT_ASCII &&
           s->target->layer != PLOT_LAYER_SERIES;
}

int plot_script(const struct plot *plot, const struct plot_target *target, struct strbuf *out)
{
    if (check_target(target))
        return -1;
    struct script s = {.plot = plot,
                       .target = target,
                       .theme = plot_theme(target->dark),
                       .frame = plot_frame(plot),
                       .out = out};
    s.line = target->bare ? 1 : font_size(target) / 6;
    s.shaded = wants_shade(&s);
    put_terminal(&s);
    strbuf_adds(out, "set encoding utf8\n");
    script_data(&s);
    script_contours(&s);
    put_range(&s, "x", &s.frame.x);
    put_range(&s, "y", &s.frame.y);
    if (plot->equal && !target->bare)
        strbuf_adds(out, "set size ratio -1\n");
    if (s.frame.space)
        put_space(&s);
    put_palette(&s);
    if (target->bare) {
        put_bare(&s);
    } else {
        put_axes(&s);
        put_legend(&s);
    }
    script_draw(&s);
    return out->failed ? -1 : 0;
}
