#include "base/error.h"
#include "plot/plot.h"
#include "plot_help.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct plot *through_text(const struct plot *plot)
{
    json_t *json = plot_to_json(plot);
    cr_assert_not_null(json);
    char *text = json_dumps(json, JSON_COMPACT);
    cr_assert_not_null(text);
    json_t *again = json_loads(text, 0, NULL);
    cr_assert_not_null(again, "%s", text);
    struct plot *result = plot_from_json(again);
    cr_assert_not_null(result, "%s", error_message());
    json_t *second = plot_to_json(result);
    cr_expect(json_equal(json, second));
    json_decref(second);
    json_decref(again);
    json_decref(json);
    free(text);
    return result;
}

Test(plot_json, lines_come_back)
{
    struct plot *plot = loss_plot();
    plot->y.log = true;
    plot->x.low = -3;
    plot->legend = false;
    plot->series.at[0].y[1] = NAN;
    plot->series.at[0].y[2] = -INFINITY;
    plot->series.at[0].color = 4;
    struct plot *again = through_text(plot);
    cr_expect_str_eq(again->title, "Training loss");
    cr_expect_str_eq(again->y.label, "loss");
    cr_expect(again->y.log && !again->x.log && !again->legend);
    cr_expect_eq(again->x.low, -3);
    cr_expect(isnan(again->x.high));
    cr_assert_eq(again->series.count, 2);
    const struct plot_series *s = &again->series.at[0];
    cr_expect_eq(s->kind, PLOT_LINE);
    cr_expect_eq(s->color, 4);
    cr_assert_eq(s->count, 3);
    cr_expect_null(s->x);
    cr_expect_eq(s->y[0], 2.3);
    cr_expect(isnan(s->y[1]));
    cr_expect(isinf(s->y[2]) && s->y[2] < 0);
    cr_expect(again->series.at[1].dashed);
    plot_free(again);
    plot_free(plot);
}

Test(plot_json, grids_come_back)
{
    struct plot *plot = race_plot(4);
    struct plot_series *grid = &plot->series.at[0];
    cr_assert(plot_set_data(&grid->levels, (double[]){1, 10}, 2));
    grid->level_count = 2;
    struct plot *again = through_text(plot);
    cr_expect_eq(again->series.at[0].kind, PLOT_CONTOUR);
    cr_expect_eq(again->series.at[0].rows, 4);
    cr_expect_eq(again->series.at[0].level_count, 2);
    cr_expect_eq(again->series.at[0].z[15], grid->z[15]);
    cr_expect_eq(again->series.at[1].kind, PLOT_PATH);
    plot_free(again);
    plot_free(plot);
}

static void refused(const char *text, const char *cause)
{
    json_t *json = json_loads(text, JSON_ALLOW_NUL, NULL);
    cr_assert_not_null(json, "the test itself: %s", text);
    cr_expect_null(plot_from_json(json), "%s", text);
    cr_expect_eq(error_kind(), ERROR_VALUE, "%s", text);
    cr_expect_not_null(strstr(error_message(), cause), "%s: '%s' lacks '%s'", text, error_message(),
                       cause);
    error_clear();
    json_decref(json);
}

Test(plot_json, malformed_is_refused_by_name)
{
    refused("[]", "object");
    refused("{\"title\": 3}", "'title'");
    refused("{\"title\": \"a\\u0000b\"}", "'title'");
    refused("{\"x\": []}", "'x'");
    refused("{\"y\": {\"low\": \"abc\"}}", "'low'");
    refused("{\"y\": {\"log\": 1}}", "'log'");
    refused("{\"tilt\": []}", "'tilt'");
    refused("{\"series\": {}}", "'series'");
    refused("{\"series\": [1]}", "series 0");
    refused("{\"series\": [{}]}", "'kind'");
    refused("{\"series\": [{\"kind\": \"pie\", \"y\": []}]}", "unknown kind 'pie'");
    refused("{\"series\": [{\"kind\": \"line\"}]}", "'y'");
    refused("{\"series\": [{\"kind\": \"line\", \"y\": 1}]}", "'y'");
    refused("{\"series\": [{\"kind\": \"line\", \"y\": [1, true]}]}", "value 1");
    refused("{\"series\": [{\"kind\": \"line\", \"y\": [1, 2], \"x\": [1]}]}", "'x' has 1");
    refused("{\"series\": [{\"kind\": \"line\", \"y\": [1], \"color\": -7}]}", "'color'");
    refused("{\"series\": [{\"kind\": \"line\", \"y\": [1], \"color\": \"nan\"}]}", "'color'");
    refused("{\"series\": [{\"kind\": \"line\", \"y\": [1], \"dashed\": 1}]}", "'dashed'");
}

Test(plot_json, grids_must_fit_their_counts)
{
    refused("{\"series\": [{\"kind\": \"heatmap\"}]}", "'rows'");
    refused("{\"series\": [{\"kind\": \"heatmap\", \"rows\": -1, \"columns\": 1}]}", "'rows'");
    refused("{\"series\": [{\"kind\": \"heatmap\", \"rows\": 1.5, \"columns\": 1}]}", "'rows'");
    refused("{\"series\": [{\"kind\": \"heatmap\", \"rows\": 2, \"columns\": 2}]}", "'z'");
    refused("{\"series\": [{\"kind\": \"heatmap\", \"rows\": 2, \"columns\": 2, \"z\": [1]}]}",
            "'z' has 1 values, expected 4");
    refused("{\"series\": [{\"kind\": \"heatmap\", \"rows\": 9000000, \"columns\": 9000000, \"z\": "
            "[]}]}",
            "'rows'");
    refused("{\"series\": [{\"kind\": \"contour\", \"rows\": 1, \"columns\": 1, \"z\": [1], \"x\": "
            "[1, 2]}]}",
            "'x'");
    refused("{\"series\": [{\"kind\": \"contour\", \"rows\": 1, \"columns\": 1, \"z\": [1], "
            "\"levels\": 5}]}",
            "'levels'");
}

Test(plot_json, absent_and_null_members_are_the_defaults)
{
    json_t *json = json_loads("{\"title\": null, \"series\": null, \"new_member\": 1}", 0, NULL);
    struct plot *plot = plot_from_json(json), *fresh = plot_new();
    cr_assert(plot && fresh);
    json_t *a = plot_to_json(plot), *b = plot_to_json(fresh);
    cr_expect(json_equal(a, b));
    json_decref(a);
    json_decref(b);
    json_decref(json);
    plot_free(plot);
    plot_free(fresh);
}

Test(plot_json, text_that_is_not_utf8_is_an_error)
{
    struct plot *plot = loss_plot();
    plot_set_text(&plot->title, "\xff\xfe");
    cr_expect_null(plot_to_json(plot));
    cr_expect_eq(error_kind(), ERROR_VALUE);
    plot_free(plot);
}
