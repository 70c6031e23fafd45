#include "tui/tensors.h"

#include "tui/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    VALUES_MAX = 64,
    SPARK_MAX = 16,
    MATRIX_ROWS = 4,
    NUMBER_MAX = 24,
    INDENT = 2,
    DIGITS = 4,
    DIGITS_SHORT = 3,
    NARROW = 40
};

/* A tensor, or its gradient, as far as the event tells. */
struct values {
    double at[VALUES_MAX];
    size_t count;
    long shape[8];
    size_t dimensions;
    double total; /* elements by the shape */
    double low, high, mean;
    bool changed;
};

/* NaN and infinities travel as strings. */
static double number_of(const json_t *json)
{
    const char *text = json_string_value(json);

    if (!text)
        return json_is_null(json) || !json ? NAN : json_number_value(json);
    return !strcmp(text, "inf") ? INFINITY : !strcmp(text, "-inf") ? -INFINITY : NAN;
}

static struct values values_of(const json_t *json)
{
    struct values v = {.total = 1};
    const json_t *shape = json_object_get(json, "shape"), *values = json_object_get(json, "values");
    size_t i;

    v.dimensions = json_array_size(shape) < 8 ? json_array_size(shape) : 8;
    for (i = 0; i < v.dimensions; i++) {
        v.shape[i] = (long)json_integer_value(json_array_get(shape, i));
        v.total *= (double)v.shape[i];
    }
    v.count = json_array_size(values) < VALUES_MAX ? json_array_size(values) : VALUES_MAX;
    for (i = 0; i < v.count; i++)
        v.at[i] = number_of(json_array_get(values, i));
    v.low = number_of(json_object_get(json, "min"));
    v.high = number_of(json_object_get(json, "max"));
    v.mean = number_of(json_object_get(json, "mean"));
    v.changed = json_is_true(json_object_get(json, "changed"));
    return v;
}

/* A few digits are enough to see a number move. */
static void format_number(char *text, size_t size, double value, int digits)
{
    if (isnan(value))
        snprintf(text, size, "nan");
    else if (isinf(value))
        snprintf(text, size, value < 0 ? "-inf" : "inf");
    else if (value == floor(value) && fabs(value) < 1e6)
        snprintf(text, size, "%.0f", value);
    else if (fabs(value) >= 1e-3 && fabs(value) < 1e5)
        snprintf(text, size, "%.*g", digits, value);
    else
        snprintf(text, size, "%.*e", digits - 2, value);
}

void tensors_sparkline(struct strbuf *out, const double *values, size_t count, int columns)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double low = INFINITY, high = -INFINITY;
    size_t room = columns > 0 ? (size_t)columns : 0, i, n = count < room ? count : room;

    for (i = 0; i < count; i++)
        if (isfinite(values[i])) {
            low = fmin(low, values[i]);
            high = fmax(high, values[i]);
        }
    for (i = 0; i < n; i++) {
        double value = values[i * count / n];
        int level = high > low ? (int)(7.999 * (value - low) / (high - low)) : 0;

        strbuf_adds(out, isfinite(value) ? bars[level < 0 ? 0 : level > 7 ? 7 : level] : "·");
    }
}

static void add_shape(struct strbuf *out, const struct values *v)
{
    size_t i;

    strbuf_addch(out, '[');
    for (i = 0; i < v->dimensions; i++)
        strbuf_addf(out, "%s%ld", i ? ", " : "", v->shape[i]);
    strbuf_addch(out, ']');
}

/* --- One tensor's values ------------------------------------------------------------------- */

static bool is_whole(const struct values *v)
{
    return v->count > 0 && v->total == (double)v->count;
}

/* The width that makes numbers of a column line up. */
static int widest(const struct values *v)
{
    char text[NUMBER_MAX];
    size_t i;
    int most = 0;

    for (i = 0; i < v->count; i++) {
        format_number(text, sizeof(text), v->at[i], DIGITS);
        most = (int)strlen(text) > most ? (int)strlen(text) : most;
    }
    return most;
}

static void lay_row(struct lines *lines, const struct values *v, size_t first, size_t count,
                    int width, enum style style)
{
    char text[NUMBER_MAX];
    size_t i;

    for (i = first; i < first + count; i++) {
        format_number(text, sizeof(text), v->at[i], DIGITS);
        lines_addf(lines, style, "%s%*s", i > first ? "  " : "", width, text);
    }
}

static void lay_summary(struct lines *lines, const struct values *v, int room, enum style style)
{
    char low[NUMBER_MAX], high[NUMBER_MAX], mean[NUMBER_MAX];
    struct strbuf spark = STRBUF_INIT;
    int left;

    format_number(low, sizeof(low), v->low, DIGITS_SHORT);
    format_number(high, sizeof(high), v->high, DIGITS_SHORT);
    format_number(mean, sizeof(mean), v->mean, DIGITS_SHORT);
    left = room - lines_column(lines) - (int)(strlen(low) + strlen(high)) - 5;
    tensors_sparkline(&spark, v->at, v->count, left < SPARK_MAX ? left : SPARK_MAX);
    lines_add(lines, style, spark.text, spark.length);
    lines_addf(lines, style, "  %s … %s", low, high);
    if (!isnan(v->mean) && lines_column(lines) + 8 + (int)strlen(mean) <= room)
        lines_addf(lines, STYLE_DIM, "  mean %s", mean);
    strbuf_release(&spark);
}

/* The rows of a tensor's values, each after `label` (the first) or as many blanks; numbers are
 * `width` wide. */
static void lay_values(struct lines *lines, const struct values *v, const char *label,
                       enum style style, int width, int room)
{
    int indent = INDENT + text_width(label, strlen(label));
    size_t columns = v->dimensions > 0 ? (size_t)v->shape[v->dimensions - 1] : 1, row, rows;
    bool fits = is_whole(v) && columns > 0 && indent + (int)columns * (width + 2) - 2 <= room &&
                v->dimensions <= 2;

    rows = fits ? v->count / columns : 1;
    lines_pad(lines, INDENT);
    lines_adds(lines, style, label);
    if (v->changed)
        style = STYLE_CHANGED;
    if (!fits || rows > MATRIX_ROWS) {
        lay_summary(lines, v, room, style);
        lines_end(lines);
        return;
    }
    for (row = 0; row < rows; row++) {
        if (row > 0)
            lines_pad(lines, indent);
        lay_row(lines, v, row * columns, columns, width, style);
        lines_end(lines);
    }
}

/* --- One variable -------------------------------------------------------------------------- */

static void add_right(struct lines *lines, int width, const char *text)
{
    int space = width - lines_column(lines) - text_width(text, strlen(text));

    if (space < 1)
        return;
    lines_pad(lines, space);
    lines_adds(lines, STYLE_DIM, text);
}

static const char *text_of(const json_t *json, const char *member)
{
    const char *text = json_string_value(json_object_get(json, member));

    return text ? text : "";
}

static void lay_tensor(struct lines *lines, const json_t *json, const char *name, bool known,
                       int width)
{
    struct values v = values_of(json), grad = {0};
    const char *label = "";
    int wide = widest(&v);
    const json_t *gradient = json_object_get(json, "grad");
    struct strbuf shape = STRBUF_INIT, kind = STRBUF_INIT;
    char text[NUMBER_MAX];

    v.changed &= known;
    lines_adds(lines, STYLE_NAME, name);
    add_shape(&shape, &v);
    if (v.dimensions == 0 && v.count == 1) {
        format_number(text, sizeof(text), v.at[0], DIGITS);
        lines_addf(lines, v.changed ? STYLE_CHANGED : STYLE_VALUE, "  %s", text);
    } else {
        lines_addf(lines, STYLE_DIM, "  %s", shape.text);
    }
    strbuf_adds(&kind, text_of(json, "dtype"));
    if (strncmp(kind.text, "complex", 7) == 0)
        strbuf_adds(&kind, ", real");
    if (text_of(json, "device")[0] && strcmp(text_of(json, "device"), "cpu") != 0)
        strbuf_addf(&kind, " %s", text_of(json, "device"));
    if (text_of(json, "grad_fn")[0])
        strbuf_addf(&kind, " %s", text_of(json, "grad_fn"));
    else if (json_is_true(json_object_get(json, "requires_grad")))
        strbuf_adds(&kind, " ∇");
    add_right(lines, width, kind.text);
    lines_end(lines);
    if (json_is_object(gradient)) {
        grad = values_of(gradient);
        wide = widest(&grad) > wide ? widest(&grad) : wide;
        label = width < NARROW ? "∇ " : "grad  ";
    }
    if (v.dimensions > 0 && v.count > 0)
        lay_values(lines, &v,
                   !*label          ? ""
                   : width < NARROW ? "  "
                                    : "      ",
                   STYLE_VALUE, wide, width);
    if (grad.count > 0)
        lay_values(lines, &grad, label, STYLE_GRADIENT, wide, width);
    strbuf_release(&shape);
    strbuf_release(&kind);
}

static void lay_other(struct lines *lines, const json_t *json, const char *name, bool known,
                      int width)
{
    struct values v = values_of(json);
    char text[NUMBER_MAX];

    v.changed &= known;
    lines_adds(lines, STYLE_NAME, name);
    if (v.count > 0) {
        format_number(text, sizeof(text), v.at[0], DIGITS);
        lines_addf(lines, v.changed ? STYLE_CHANGED : STYLE_VALUE, "  %s", text);
    }
    add_right(lines, width, text_of(json, "type"));
    lines_end(lines);
}

static bool is_in(const json_t *tensors, const char *name)
{
    const json_t *json;
    size_t i;

    json_array_foreach((json_t *)tensors, i,
                       json) if (!strcmp(text_of(json, "name"), name)) return true;
    return false;
}

/* "model.0.weight" within "model" is shown as "0.weight", a step to the right. */
static bool belongs_to(const char *name, const char *module)
{
    size_t length = strlen(module);

    return length > 0 && !strncmp(name, module, length) && name[length] == '.';
}

static void lay_welcome(struct lines *lines)
{
    static const char *const text[] = {"", "Variables appear here,",
                                       "their gradients beneath them."};
    size_t i;

    for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        lines_adds(lines, STYLE_DIM, text[i]);
        lines_end(lines);
    }
}

/* What learns: modules with their parameters, and tensors that gather a gradient. */
static bool learns(const json_t *json)
{
    return !strcmp(text_of(json, "kind"), "module") ||
           !strcmp(text_of(json, "kind"), "parameter") ||
           (json_is_true(json_object_get(json, "requires_grad")) && !text_of(json, "grad_fn")[0]);
}

static void lay_variable(struct lines *lines, const json_t *json, const json_t *before,
                         const char *module, int width)
{
    const char *name = text_of(json, "name"), *kind = text_of(json, "kind");
    bool known = is_in(before, name);

    if (!strcmp(kind, "tensor") || !strcmp(kind, "parameter"))
        lay_tensor(lines, json, *module ? name + strlen(module) + 1 : name, known, width);
    else
        lay_other(lines, json, name, known, width);
}

/* "model.0.weight" belongs to "model", which has a row of its own only when it is a variable of a
 * known kind. Copies the module's name and lays a row for it; false: the name has no dot. */
static bool open_module(struct lines *lines, const json_t *json, char *module, size_t size)
{
    const char *name = text_of(json, "name"), *dot = strchr(name, '.');

    if (strcmp(text_of(json, "kind"), "parameter") != 0 || !dot || (size_t)(dot - name) >= size)
        return false;
    snprintf(module, size, "%.*s", (int)(dot - name), name);
    if (lines->at.count > 0)
        lines_end(lines);
    lines_adds(lines, STYLE_NAME, module);
    lines_end(lines);
    return true;
}

/* The variables that learn, or the others; a module takes along what belongs to it. */
static void lay_group(struct lines *lines, const json_t *tensors, const json_t *before,
                      bool learning, int width)
{
    char module[64] = "";
    const char *name;
    struct lines rows = LINES_INIT;
    json_t *json;
    size_t i;
    bool tall = true; /* the one before took several rows */

    json_array_foreach((json_t *)tensors, i, json)
    {
        bool inside, is_module = !strcmp(text_of(json, "kind"), "module");

        name = text_of(json, "name");
        inside = belongs_to(name, module);
        if (!inside)
            snprintf(module, sizeof(module), "%s", is_module ? name : "");
        if ((inside || learns(json)) != learning)
            continue;
        inside = inside || open_module(lines, json, module, sizeof(module));
        lines_clear(&rows);
        lay_variable(&rows, json, before, inside ? module : "", width - (inside ? INDENT : 0));
        if (lines->at.count > 0 && !inside && (rows.at.count > 1 || tall || is_module))
            lines_end(lines);
        lines_append(lines, &rows, inside ? INDENT : 0);
        tall = inside || rows.at.count > 1;
    }
    lines_release(&rows);
}

void tensors_layout(const json_t *tensors, const json_t *before, int width, struct lines *lines)
{
    if (json_array_size(tensors) == 0) {
        lay_welcome(lines);
        return;
    }
    lay_group(lines, tensors, before, true, width);
    lay_group(lines, tensors, before, false, width);
}
