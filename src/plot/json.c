#include "plot/plot.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

/* What a plot from outside may hold: far more than a picture can show, far less than memory. */
enum { SERIES_MAX = 4096, VALUES_MAX = 1 << 24, COLOR_MAX = 1 << 16 };

static const char *const kind_names[PLOT_KIND_COUNT] = {
    [PLOT_LINE] = "line",       [PLOT_POINTS] = "points",   [PLOT_PATH] = "path",
    [PLOT_BARS] = "bars",       [PLOT_HEATMAP] = "heatmap", [PLOT_CONTOUR] = "contour",
    [PLOT_SURFACE] = "surface",
};

/* JSON has no NaN and no infinity: those travel as strings. */
static json_t *number_to_json(double value)
{
    if (isnan(value))
        return json_string("nan");
    if (isinf(value))
        return json_string(value < 0 ? "-inf" : "inf");
    return json_real(value);
}

static json_t *numbers_to_json(const double *values, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++) {
        if (json_array_append_new(array, number_to_json(values[i]))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* An absent text or array leaves its member out. */
static int put_text(json_t *object, const char *name, const char *text)
{
    return text ? json_object_set_new(object, name, json_string(text)) : 0;
}

static int put_numbers(json_t *object, const char *name, const double *values, size_t count)
{
    return values ? json_object_set_new(object, name, numbers_to_json(values, count)) : 0;
}

static json_t *axis_to_json(const struct plot_axis *axis)
{
    json_t *object = json_object();
    int failed = put_text(object, "label", axis->label);
    failed |= json_object_set_new(object, "low", number_to_json(axis->low));
    failed |= json_object_set_new(object, "high", number_to_json(axis->high));
    failed |= json_object_set_new(object, "log", json_boolean(axis->log));
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *series_to_json(const struct plot_series *series)
{
    json_t *object = json_object();
    int failed = json_object_set_new(object, "kind", json_string(kind_names[series->kind]));
    failed |= put_text(object, "label", series->label);
    failed |= json_object_set_new(object, "color", json_integer(series->color));
    failed |= json_object_set_new(object, "dashed", json_boolean(series->dashed));
    if (plot_kind_has_grid(series->kind)) {
        size_t rows = series->rows, columns = series->columns;
        failed |= json_object_set_new(object, "rows", json_integer((json_int_t)rows));
        failed |= json_object_set_new(object, "columns", json_integer((json_int_t)columns));
        failed |= put_numbers(object, "x", series->x, columns);
        failed |= put_numbers(object, "y", series->y, rows);
        failed |= put_numbers(object, "z", series->z, rows * columns);
        failed |= put_numbers(object, "levels", series->levels, series->level_count);
    } else {
        failed |= put_numbers(object, "x", series->x, series->count);
        failed |= put_numbers(object, "y", series->y, series->count);
        failed |= put_numbers(object, "z", series->z, series->count);
    }
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

json_t *plot_to_json(const struct plot *plot)
{
    json_t *object = json_object(), *list = json_array();
    int failed = put_text(object, "title", plot->title);
    failed |= json_object_set_new(object, "x", axis_to_json(&plot->x));
    failed |= json_object_set_new(object, "y", axis_to_json(&plot->y));
    failed |= json_object_set_new(object, "z", axis_to_json(&plot->z));
    failed |= json_object_set_new(object, "legend", json_boolean(plot->legend));
    failed |= json_object_set_new(object, "equal", json_boolean(plot->equal));
    failed |= json_object_set_new(object, "tilt", number_to_json(plot->tilt));
    failed |= json_object_set_new(object, "turn", number_to_json(plot->turn));
    for (size_t i = 0; i < plot->series.count; i++)
        failed |= json_array_append_new(list, series_to_json(&plot->series.at[i]));
    failed |= json_object_set_new(object, "series", list);
    if (failed) {
        json_decref(object);
        return error_null(ERROR_VALUE, "plot: a text is not UTF-8, or memory ran out");
    }
    return object;
}

/* Every reader below takes where in the plot it reads ("series 2") for the error's text, leaves
 * the target alone when the member is absent or null, and returns -1 when it is something else. */

static int wrong(const char *where, const char *name, const char *expected)
{
    return error_set(ERROR_VALUE, "plot: %s: '%s' must be %s", where, name, expected);
}

static const json_t *member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

static bool number_from_json(const json_t *json, double *out)
{
    static const struct {
        const char *name;
        double value;
    } special[] = {{"nan", NAN}, {"inf", INFINITY}, {"-inf", -INFINITY}};

    if (json_is_number(json)) {
        *out = json_number_value(json);
        return true;
    }
    for (size_t i = 0; json_is_string(json) && i < sizeof(special) / sizeof(*special); i++) {
        if (!strcmp(json_string_value(json), special[i].name)) {
            *out = special[i].value;
            return true;
        }
    }
    return false;
}

static int get_number(const json_t *object, const char *where, const char *name, double *out)
{
    const json_t *value = member(object, name);
    if (value && !number_from_json(value, out))
        return wrong(where, name, "a number");
    return 0;
}

static int get_bool(const json_t *object, const char *where, const char *name, bool *out)
{
    const json_t *value = member(object, name);
    if (!value)
        return 0;
    if (!json_is_boolean(value))
        return wrong(where, name, "true or false");
    *out = json_is_true(value);
    return 0;
}

static int get_text(const json_t *object, const char *where, const char *name, char **out)
{
    const json_t *value = member(object, name);
    if (!value)
        return 0;
    /* A NUL inside would cut the text silently. */
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return wrong(where, name, "a text");
    return plot_set_text(out, json_string_value(value)) ? 0 : -1;
}

static int get_size(const json_t *object, const char *where, const char *name, size_t *out)
{
    const json_t *value = member(object, name);
    json_int_t size = json_integer_value(value);
    if (!json_is_integer(value) || size < 0 || size > VALUES_MAX)
        return wrong(where, name, "a count that is not too large");
    *out = (size_t)size;
    return 0;
}

/* `*count` values are expected; SIZE_MAX takes any number and leaves it there. */
static int get_numbers(const json_t *object, const char *where, const char *name, double **out,
                       size_t *count)
{
    const json_t *value = member(object, name);
    if (!value)
        return 0;
    if (!json_is_array(value) || json_array_size(value) > VALUES_MAX)
        return wrong(where, name, "an array of numbers that is not too long");
    size_t length = json_array_size(value);
    if (*count != SIZE_MAX && *count != length)
        return error_set(ERROR_VALUE, "plot: %s: '%s' has %zu values, expected %zu", where, name,
                         length, *count);
    double *values = mem_alloc(length * sizeof(*values));
    if (!values)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (!number_from_json(json_array_get(value, i), &values[i])) {
            mem_free(values);
            return error_set(ERROR_VALUE, "plot: %s: '%s' value %zu is not a number", where, name,
                             i);
        }
    }
    mem_free(*out);
    *out = values;
    *count = length;
    return 0;
}

static int axis_from_json(const json_t *plot, const char *name, struct plot_axis *axis)
{
    const json_t *object = member(plot, name);
    if (!object)
        return 0;
    if (!json_is_object(object))
        return wrong("axes", name, "an object");
    if (get_text(object, name, "label", &axis->label) ||
        get_number(object, name, "low", &axis->low) ||
        get_number(object, name, "high", &axis->high) || get_bool(object, name, "log", &axis->log))
        return -1;
    return 0;
}

static int kind_from_json(const json_t *object, const char *where, enum plot_kind *kind)
{
    const json_t *value = member(object, "kind");
    if (!json_is_string(value))
        return wrong(where, "kind", "a text");
    for (int i = 0; i < PLOT_KIND_COUNT; i++) {
        if (!strcmp(json_string_value(value), kind_names[i])) {
            *kind = (enum plot_kind)i;
            return 0;
        }
    }
    return error_set(ERROR_VALUE, "plot: %s: unknown kind '%s'", where, json_string_value(value));
}

static int grid_from_json(const json_t *object, const char *where, struct plot_series *series)
{
    if (get_size(object, where, "rows", &series->rows) ||
        get_size(object, where, "columns", &series->columns))
        return -1;
    size_t cells = series->rows * series->columns; /* both are at most 2^24 */
    if (cells > VALUES_MAX)
        return wrong(where, "rows", "a count that is not too large");
    series->level_count = SIZE_MAX;
    if (get_numbers(object, where, "x", &series->x, &series->columns) ||
        get_numbers(object, where, "y", &series->y, &series->rows) ||
        get_numbers(object, where, "z", &series->z, &cells) ||
        get_numbers(object, where, "levels", &series->levels, &series->level_count))
        return -1;
    if (!series->levels)
        series->level_count = 0;
    return series->z ? 0 : wrong(where, "z", "an array of rows * columns numbers");
}

static int series_from_json(struct plot *plot, const json_t *object, size_t index)
{
    char where[32];
    snprintf(where, sizeof(where), "series %zu", index);
    if (!json_is_object(object))
        return error_set(ERROR_VALUE, "plot: %s must be an object", where);
    enum plot_kind kind = PLOT_LINE;
    if (kind_from_json(object, where, &kind))
        return -1;
    struct plot_series *series = plot_add(plot, kind);
    double color = -1;
    if (!series || get_text(object, where, "label", &series->label) ||
        get_number(object, where, "color", &color) ||
        get_bool(object, where, "dashed", &series->dashed))
        return -1;
    if (!(color >= -1 && color <= COLOR_MAX))
        return wrong(where, "color", "an index into the palette or -1");
    series->color = (int)color;
    if (plot_kind_has_grid(kind))
        return grid_from_json(object, where, series);
    series->count = SIZE_MAX;
    if (get_numbers(object, where, "y", &series->y, &series->count))
        return -1;
    if (!series->y) {
        series->count = 0;
        return wrong(where, "y", "an array of numbers");
    }
    if (get_numbers(object, where, "x", &series->x, &series->count) ||
        get_numbers(object, where, "z", &series->z, &series->count))
        return -1;
    return 0;
}

struct plot *plot_from_json(const json_t *json)
{
    if (!json_is_object(json))
        return error_null(ERROR_VALUE, "plot: expected a JSON object");
    struct plot *plot = plot_new();
    if (!plot)
        return NULL;
    const json_t *list = member(json, "series");
    if (get_text(json, "plot", "title", &plot->title) || axis_from_json(json, "x", &plot->x) ||
        axis_from_json(json, "y", &plot->y) || axis_from_json(json, "z", &plot->z) ||
        get_bool(json, "plot", "legend", &plot->legend) ||
        get_bool(json, "plot", "equal", &plot->equal) ||
        get_number(json, "plot", "tilt", &plot->tilt) ||
        get_number(json, "plot", "turn", &plot->turn))
        goto fail;
    if (list && (!json_is_array(list) || json_array_size(list) > SERIES_MAX)) {
        wrong("plot", "series", "an array that is not too long");
        goto fail;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (series_from_json(plot, json_array_get(list, i), i))
            goto fail;
    }
    return plot;
fail:
    plot_free(plot);
    return NULL;
}
