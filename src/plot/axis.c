#include "plot/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Beyond these a range cannot be computed without overflow. */
static const double value_limit = 1e300;

double plot_coordinate(const double *values, size_t i)
{
    return values ? values[i] : (double)i;
}

/* The extent of the values seen so far; on a log axis only positive ones count. */
struct extent {
    double low, high;
    bool log;
};

static void extent_see(struct extent *extent, double value)
{
    if (!(fabs(value) <= value_limit) || (extent->log && value < 1 / value_limit))
        return;
    if (!(value >= extent->low))
        extent->low = value;
    if (!(value <= extent->high))
        extent->high = value;
}

static void extent_see_all(struct extent *extent, const double *values, size_t count)
{
    if (!values && count) {
        extent_see(extent, 0);
        extent_see(extent, (double)count - 1);
    }
    for (size_t i = 0; values && i < count; i++)
        extent_see(extent, values[i]);
}

/* Cells of a heat map and boxes of a bar chart reach half a step beyond their coordinate. */
static void extent_see_cells(struct extent *extent, const double *values, size_t count)
{
    if (!count)
        return;
    double first = plot_coordinate(values, 0), last = plot_coordinate(values, count - 1);
    double half = count > 1 ? fabs(last - first) / (double)(count - 1) / 2 : 0.5;
    double low = fmin(first, last), high = fmax(first, last);
    for (size_t i = 0; i < count; i++) {
        low = fmin(low, plot_coordinate(values, i));
        high = fmax(high, plot_coordinate(values, i));
    }
    extent_see(extent, low - half);
    extent_see(extent, high + half);
}

/* Turns an extent into a span with `margin` (a part of its length) on both sides. */
static struct axis_span span_of(const struct extent *extent, double margin)
{
    struct axis_span span = {.low = extent->low, .high = extent->high, .log = extent->log};
    if (isnan(span.low))
        return (struct axis_span){
            .low = span.log ? 1 : 0, .high = span.log ? 10 : 1, .log = span.log};
    if (span.log) {
        double factor = pow(span.high / span.low, margin);
        if (!(span.high > span.low * (1 + 1e-9)))
            factor = 3;
        span.low /= factor;
        span.high *= factor;
        return span;
    }
    double pad = (span.high - span.low) * margin;
    double size = fmax(fabs(span.low), fabs(span.high));
    if (!(span.high - span.low > size * 1e-12))
        pad = size > 0 ? size * 0.1 : 1;
    span.low -= pad;
    span.high += pad;
    return span;
}

/* What the axis asks for wins over what the data has. */
static struct axis_span span_with_limits(const struct plot_axis *axis, struct axis_span span)
{
    double low = fabs(axis->low) <= value_limit ? axis->low : NAN;
    double high = fabs(axis->high) <= value_limit ? axis->high : NAN;
    if (span.log && !(low >= 1 / value_limit))
        low = NAN;
    if (span.log && !(high >= 1 / value_limit))
        high = NAN;
    if (low > high) {
        double swap = low;
        low = high;
        high = swap;
    }
    if (!isnan(low))
        span.low = low;
    if (!isnan(high))
        span.high = high;
    if (span.high - span.low > fmax(fabs(span.low), fabs(span.high)) * 1e-12)
        return span;
    /* Only one end was asked for, and the data lies beyond it; or both are the same. */
    if (isnan(high) || !isnan(low))
        span.high = span.log ? span.low * 10 : span.low + fmax(fabs(span.low) * 0.1, 1e-9);
    else
        span.low = span.log ? span.high / 10 : span.high - fmax(fabs(span.high) * 0.1, 1e-9);
    return span;
}

/* What kinds of series the plot has. */
struct inventory {
    bool grid, heat, surface, bars, other;
};

static struct inventory take_inventory(const struct plot *plot)
{
    struct inventory has = {0};
    for (size_t i = 0; i < plot->series.count; i++) {
        enum plot_kind kind = plot->series.at[i].kind;
        has.grid |= plot_kind_has_grid(kind);
        has.heat |= kind == PLOT_HEATMAP;
        has.surface |= kind == PLOT_SURFACE;
        has.bars |= kind == PLOT_BARS;
        has.other |= kind == PLOT_POINTS || kind == PLOT_PATH;
    }
    return has;
}

static void see_series(const struct plot_series *s, bool space, struct extent *x, struct extent *y,
                       struct extent *z)
{
    bool grid = plot_kind_has_grid(s->kind);
    if (s->kind == PLOT_HEATMAP) {
        extent_see_cells(x, s->x, s->columns);
        extent_see_cells(y, s->y, s->rows);
    } else if (grid) {
        extent_see_all(x, s->x, s->columns);
        extent_see_all(y, s->y, s->rows);
    } else {
        if (s->kind == PLOT_BARS)
            extent_see_cells(x, s->x, s->count);
        else
            extent_see_all(x, s->x, s->count);
        extent_see_all(y, s->y, s->count);
        if (s->kind == PLOT_BARS)
            extent_see(y, 0);
    }
    if (s->kind == PLOT_HEATMAP || s->kind == PLOT_SURFACE)
        extent_see_all(z, s->z, s->rows * s->columns);
    else if (space && !grid && s->z)
        extent_see_all(z, s->z, s->count);
}

struct plot_frame plot_frame(const struct plot *plot)
{
    struct inventory has = take_inventory(plot);
    struct extent x = {NAN, NAN, plot->x.log}, y = {NAN, NAN, plot->y.log},
                  z = {NAN, NAN, plot->z.log};
    for (size_t i = 0; i < plot->series.count; i++) {
        const struct plot_series *s = &plot->series.at[i];
        if (plot_kind_has_grid(s->kind) || !has.grid)
            see_series(s, has.surface, &x, &y, &z);
    }
    bool from_zero = has.bars && !y.log && (y.low == 0 || y.high == 0);
    double x_margin = has.grid ? 0 : has.bars ? 0.02 : has.other ? 0.05 : 0;
    struct axis_span y_span = span_of(&y, has.grid ? 0 : 0.05);
    if (from_zero && y.low == 0 && y.high > 0)
        y_span.low = 0;
    if (from_zero && y.high == 0 && y.low < 0)
        y_span.high = 0;
    struct plot_frame frame = {
        .x = span_with_limits(&plot->x, span_of(&x, x_margin)),
        .y = span_with_limits(&plot->y, y_span),
        .z = span_with_limits(&plot->z, span_of(&z, 0)),
        .space = has.surface,
        .colors = has.heat && !has.surface,
    };
    frame.y.downward = has.heat && !has.surface;
    return frame;
}

double axis_position(const struct axis_span *span, double value)
{
    if (!span->log)
        return (value - span->low) / (span->high - span->low);
    if (!(value > 0))
        return NAN;
    return log(value / span->low) / log(span->high / span->low);
}

/* As few digits as show every step: 0.25 beside 0.5 and 0.75 reads better as 0.25, 0.50, 0.75. */
static void tick_text(char *text, double value, double step)
{
    double size = fabs(value);
    if (size < step * 1e-6) {
        snprintf(text, TICK_TEXT, "0");
    } else if (size >= 1e6 || step < 1e-4) {
        int digits = (int)fmax(0, floor(log10(size) + 1e-9) - floor(log10(step) + 1e-9));
        snprintf(text, TICK_TEXT, "%.*e", digits > 12 ? 12 : digits, value);
    } else {
        int digits = (int)fmax(0, -floor(log10(step) + 1e-9));
        snprintf(text, TICK_TEXT, "%.*f", digits, value);
    }
}

static void tick_add(struct axis_ticks *ticks, const struct axis_span *span, double value,
                     double step)
{
    double slack = 1e-9;
    double where = axis_position(span, value);
    if (ticks->count >= TICKS_MAX || !(where >= -slack && where <= 1 + slack))
        return;
    ticks->at[ticks->count] = value;
    tick_text(ticks->text[ticks->count++], value, step);
}

/* The smallest of 1, 2, 5 times a power of ten that is at least `step`. */
static double nice_step(double step)
{
    double power = pow(10, floor(log10(step)));
    double part = step / power;
    double nice = part <= 1 + 1e-9 ? 1 : part <= 2 + 1e-9 ? 2 : part <= 5 + 1e-9 ? 5 : 10;
    return nice * power;
}

static struct axis_ticks linear_ticks(const struct axis_span *span, int most)
{
    struct axis_ticks ticks = {0};
    double step = nice_step((span->high - span->low) / most);
    for (int tries = 0; tries < 4; tries++) {
        double first = ceil(span->low / step - 1e-9), last = floor(span->high / step + 1e-9);
        if (last - first + 1 <= most) {
            for (double k = first; k <= last && ticks.count < TICKS_MAX; k++)
                tick_add(&ticks, span, k * step + 0.0, step); /* no -0 */
            return ticks;
        }
        step = nice_step(step * 1.5);
    }
    return ticks;
}

static void log_text(char *text, double value)
{
    int decade = (int)floor(log10(value) + 1e-9);
    if (decade < -3 || decade > 5)
        snprintf(text, TICK_TEXT, "%.0fe%d", value / pow(10, decade), decade);
    else
        snprintf(text, TICK_TEXT, "%.*f", decade < 0 ? -decade : 0, value);
}

static struct axis_ticks log_ticks(const struct axis_span *span, int most)
{
    static const double parts[] = {1, 2, 5};
    struct axis_ticks ticks = {0};
    int first = (int)floor(log10(span->low)), last = (int)ceil(log10(span->high));
    double decades = log10(span->high / span->low);
    if (decades < 0.8) {
        struct axis_span linear = {.low = span->low, .high = span->high};
        return linear_ticks(&linear, most);
    }
    size_t per_decade = decades * 3 <= most ? 3 : 1;
    int stride = per_decade == 3 ? 1 : (int)ceil((decades + 1) / most);
    if (stride < 1)
        stride = 1;
    for (int k = first; k <= last; k++) {
        for (size_t p = 0; p < per_decade && k % stride == 0; p++) {
            int before = ticks.count;
            tick_add(&ticks, span, parts[p] * pow(10, k), 1);
            if (ticks.count > before)
                log_text(ticks.text[before], ticks.at[before]);
        }
    }
    return ticks;
}

struct axis_ticks axis_ticks(const struct axis_span *span, int most)
{
    most = most < 2 ? 2 : most > TICKS_MAX ? TICKS_MAX : most;
    return span->log ? log_ticks(span, most) : linear_ticks(span, most);
}
