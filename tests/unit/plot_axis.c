#include "plot/axis.h"
#include "plot/grid.h"
#include "plot_help.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static void expect_ticks(double low, double high, bool log, int most, const char *wanted)
{
    struct axis_span span = {.low = low, .high = high, .log = log};
    struct axis_ticks ticks = axis_ticks(&span, most);
    char text[TICKS_MAX * (TICK_TEXT + 1)] = "";
    for (int i = 0; i < ticks.count; i++) {
        strcat(text, i ? " " : "");
        strcat(text, ticks.text[i]);
    }
    cr_expect_str_eq(text, wanted, "%g to %g: '%s', wanted '%s'", low, high, text, wanted);
}

Test(plot_axis, linear_ticks_are_round)
{
    expect_ticks(0, 10, false, 6, "0 2 4 6 8 10");
    expect_ticks(0, 1, false, 6, "0 0.2 0.4 0.6 0.8 1.0");
    expect_ticks(-2, 2, false, 5, "-2 -1 0 1 2");
    expect_ticks(0.013, 0.087, false, 5, "0.02 0.04 0.06 0.08");
    expect_ticks(0, 2500, false, 6, "0 500 1000 1500 2000 2500");
    expect_ticks(0, 3e7, false, 4, "0 1e+07 2e+07 3e+07");
    expect_ticks(0, 4e-6, false, 5, "0 1e-06 2e-06 3e-06 4e-06");
    expect_ticks(-1e300, 1e300, false, 4, "-1e+300 0 1e+300");
}

Test(plot_axis, log_ticks_are_powers_and_parts_where_there_is_room)
{
    expect_ticks(0.01, 100, true, 6, "0.01 0.1 1 10 100");
    expect_ticks(0.1, 10, true, 8, "0.1 0.2 0.5 1 2 5 10");
    expect_ticks(1e-12, 1, true, 5, "1e-12 1e-9 1e-6 0.001 1");
    expect_ticks(0.3, 0.5, true, 5, "0.30 0.35 0.40 0.45 0.50");
}

Test(plot_axis, ticks_never_outnumber_what_was_asked_for)
{
    for (int most = 2; most <= TICKS_MAX; most++) {
        for (int k = 0; k < 400; k++) {
            struct axis_span span = {.low = -k * 0.37, .high = 1e-3 + k * k * 1.7};
            struct axis_ticks ticks = axis_ticks(&span, most);
            cr_assert(ticks.count >= 1 && ticks.count <= most, "%d of %d for %g..%g", ticks.count,
                      most, span.low, span.high);
        }
    }
}

Test(plot_axis, ranges_come_from_the_data)
{
    struct plot *plot = plot_new();
    add_line(plot, PLOT_LINE, NULL, 4, NULL, (double[]){1, NAN, INFINITY, 3});
    struct plot_frame frame = plot_frame(plot);
    cr_expect_eq(frame.x.low, 0);
    cr_expect_eq(frame.x.high, 3);
    cr_expect_float_eq(frame.y.low, 0.9, 1e-12);
    cr_expect_float_eq(frame.y.high, 3.1, 1e-12);
    plot->y.log = true;
    plot->series.at[0].y[0] = -5; /* cannot be shown: it must not spoil the range */
    frame = plot_frame(plot);
    cr_expect(frame.y.log && frame.y.low > 0 && frame.y.low < 3 && frame.y.high > 3);
    plot_free(plot);
}

Test(plot_axis, limits_win_and_bad_ones_do_no_harm)
{
    static const double tries[][2] = {{5, 1},   {2, 2},    {NAN, -7},     {1e308, NAN},
                                      {-1, -1}, {NAN, 0.}, {INFINITY, 3}, {1e9, NAN}};
    struct plot *plot = loss_plot();
    plot->y.low = -1;
    plot->y.high = 4;
    struct plot_frame frame = plot_frame(plot);
    cr_expect_eq(frame.y.low, -1);
    cr_expect_eq(frame.y.high, 4);
    for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
        for (int log = 0; log < 2; log++) {
            plot->y.low = tries[i][0];
            plot->y.high = tries[i][1];
            plot->y.log = log;
            frame = plot_frame(plot);
            cr_expect(frame.y.high > frame.y.low && isfinite(frame.y.high - frame.y.low) &&
                          (!log || frame.y.low > 0),
                      "try %zu log %d: %g..%g", i, log, frame.y.low, frame.y.high);
        }
    }
    plot_free(plot);
}

Test(plot_axis, a_grid_is_the_whole_view)
{
    struct plot *plot = race_plot(5);
    add_line(plot, PLOT_PATH, "diverges", 2, (double[]){0, 1e9}, (double[]){0, -1e12});
    struct plot_frame frame = plot_frame(plot);
    cr_expect(frame.x.low == -2 && frame.x.high == 2 && frame.y.low == -1 && frame.y.high == 3);
    plot_free(plot);
    plot = heat_plot();
    frame = plot_frame(plot);
    cr_expect(frame.x.low == -0.5 && frame.x.high == 2.5 && frame.y.high == 1.5);
    cr_expect(frame.y.downward && frame.colors && frame.z.low == 0 && frame.z.high == 5);
    plot_free(plot);
}

Test(plot_axis, empty_and_constant_data_have_a_range)
{
    struct plot *plot = plot_new();
    struct plot_frame frame = plot_frame(plot);
    cr_expect(frame.x.low == 0 && frame.x.high == 1 && frame.y.low == 0 && frame.y.high == 1);
    add_line(plot, PLOT_LINE, NULL, 2, NULL, (double[]){3, 3});
    frame = plot_frame(plot);
    cr_expect(frame.y.low < 3 && frame.y.high > 3);
    plot_free(plot);
}

Test(plot_grid, values_between)
{
    struct plot *plot = heat_plot();
    const struct plot_series *s = &plot->series.at[0];
    cr_expect_float_eq(grid_value(s, 1, 0), 1, 1e-12);
    cr_expect_float_eq(grid_value(s, 0.5, 0.5), 2, 1e-12);
    cr_expect_float_eq(grid_value(s, 2, 1), 5, 1e-12);
    cr_expect(isnan(grid_value(s, 2.1, 0)) && isnan(grid_value(s, NAN, 0)));
    plot_free(plot);
}

Test(plot_grid, levels_of_a_narrow_valley_grow_by_a_factor)
{
    struct plot *plot = race_plot(60);
    double levels[GRID_LEVELS_MAX];
    size_t count = grid_levels(&plot->series.at[0], levels, 12);
    cr_assert_eq(count, 12);
    cr_expect(levels[0] > 0 && levels[0] < 3, "%g", levels[0]);
    for (size_t i = 2; i < count; i++)
        cr_expect_float_eq(levels[i] / levels[i - 1], levels[1] / levels[0], 1e-6);
    plot_free(plot);
}

Test(plot_grid, levels_of_a_saddle_are_round_steps)
{
    struct plot *plot = saddle_plot();
    struct plot_series *s = &plot->series.at[0];
    double levels[GRID_LEVELS_MAX];
    size_t count = grid_levels(s, levels, 12);
    cr_assert_geq(count, 5);
    for (size_t i = 2; i < count; i++)
        cr_expect_float_eq(levels[i] - levels[i - 1], levels[1] - levels[0], 1e-9);
    cr_assert(plot_set_data(&s->levels, (double[]){3, NAN, -1}, 3));
    s->level_count = 3;
    count = grid_levels(s, levels, 12);
    cr_expect(count == 2 && levels[0] == -1 && levels[1] == 3);
    s->level_count = 0;
    cr_expect_eq(grid_levels(s, levels, 12), 0);
    plot_free(plot);
}

Test(plot_grid, shade_rises_through_the_levels)
{
    const double levels[] = {1, 10, 100};
    cr_expect_float_eq(grid_shade(levels, 3, 0, 1000, 0), 0, 1e-12);
    cr_expect_float_eq(grid_shade(levels, 3, 0, 1000, 1), 0.25, 1e-12);
    cr_expect_float_eq(grid_shade(levels, 3, 0, 1000, 55), 0.625, 1e-12);
    cr_expect_float_eq(grid_shade(levels, 3, 0, 1000, 1000), 1, 1e-12);
    cr_expect(isnan(grid_shade(levels, 3, 0, 1000, NAN)));
}
