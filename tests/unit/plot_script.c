/* Expected scripts lie in data/plot/NAME.gp; PLOT_SCRIPTS_WRITE=1 writes them anew, for a reader.
 */
#include "base/error.h"
#include "plot/script.h"
#include "plot_help.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct plot_target png = {.format = PLOT_FORMAT_PNG, .width = 640, .height = 480};

static void expect_script(struct plot *plot, const struct plot_target *target, const char *name)
{
    struct strbuf script = STRBUF_INIT, wanted = STRBUF_INIT, path = STRBUF_INIT;
    strbuf_addf(&path, "%s/plot/%s.gp", getenv("SADDLE_TEST_DATA"), name);
    cr_assert_eq(plot_script(plot, target, &script), 0, "%s", error_message());
    if (getenv("PLOT_SCRIPTS_WRITE")) {
        FILE *file = fopen(path.text, "w");
        cr_assert_not_null(file);
        fputs(script.text, file);
        fclose(file);
    }
    cr_assert_eq(strbuf_read_file(&wanted, path.text), 0, "%s", error_message());
    cr_expect_str_eq(script.text, wanted.text, "%s: got\n%s", name, script.text);
    strbuf_release(&script);
    strbuf_release(&wanted);
    strbuf_release(&path);
    plot_free(plot);
}

Test(plot_script, lines)
{
    struct plot *plot = loss_plot();
    plot->y.log = true;
    expect_script(plot, &png, "lines");
}

Test(plot_script, lines_on_a_dark_ground_as_svg)
{
    struct plot_target target = {
        .format = PLOT_FORMAT_SVG, .width = 1280, .height = 960, .dark = true};
    expect_script(loss_plot(), &target, "lines_dark_svg");
}

Test(plot_script, level_lines_and_paths)
{
    expect_script(race_plot(4),
                  &(struct plot_target){.format = PLOT_FORMAT_ASCII, .width = 80, .height = 24},
                  "race_ascii");
}

Test(plot_script, bare_layers)
{
    struct plot_target target = {.format = PLOT_FORMAT_PNG, .width = 6, .height = 4, .bare = true};
    target.layer = PLOT_LAYER_GRIDS;
    expect_script(race_plot(4), &target, "race_bare_grids");
    target.layer = PLOT_LAYER_SERIES;
    expect_script(race_plot(4), &target, "race_bare_series");
}

Test(plot_script, surface)
{
    expect_script(saddle_plot(), &png, "surface");
}

Test(plot_script, heat_map_and_bars)
{
    struct plot *plot = heat_plot();
    plot->equal = true;
    expect_script(plot, &png, "heat_map");
    plot = plot_new();
    add_line(plot, PLOT_BARS, "train", 2, NULL, (double[]){1, 2});
    add_line(plot, PLOT_BARS, "test", 2, NULL, (double[]){1, -1});
    expect_script(plot, &png, "bars");
}

Test(plot_script, uneven_heat_map_is_drawn_as_boxes)
{
    struct plot *plot = heat_plot();
    cr_assert(plot_set_data(&plot->series.at[0].x, (double[]){0, 1, 10}, 3));
    plot->series.at[0].z[4] = NAN;
    expect_script(plot, &png, "heat_map_uneven");
}

Test(plot_script, own_gnuplot_gets_no_terminal)
{
    expect_script(loss_plot(),
                  &(struct plot_target){.format = PLOT_FORMAT_SCRIPT, .width = 640, .height = 480},
                  "own");
}

Test(plot_script, nothing_to_draw)
{
    expect_script(plot_new(), &png, "empty");
}

Test(plot_script, series_of_gaps_are_left_out)
{
    struct plot *plot = plot_new();
    struct strbuf script = STRBUF_INIT;
    add_line(plot, PLOT_PATH, "gone", 2, NULL, (double[]){NAN, INFINITY});
    add_line(plot, PLOT_PATH, "none", 0, NULL, (double[]){0});
    add_line(plot, PLOT_LINE, "partly", 3, NULL, (double[]){1, -INFINITY, 2});
    cr_assert_eq(plot_script(plot, &png, &script), 0);
    cr_expect_null(strstr(script.text, "$data0"));
    cr_expect_null(strstr(script.text, "$data1"));
    cr_expect_not_null(strstr(script.text, "$data2 << EOD\n0 1\n1 NaN\n2 2\nEOD\n"));
    strbuf_release(&script);
    plot_free(plot);
}

/* What a notebook may try: each text must end up as it is, inside single quotes, on one line. */
Test(plot_script, hostile_text_stays_text)
{
    static const struct {
        const char *text, *quoted;
    } cases[] = {
        {"`touch pwned`", "'`touch pwned`'"},
        {"' . system('touch pwned') . '", "'’ . system(’touch pwned’) . ’'"},
        {"x'\nsystem 'touch pwned'\n", "'x’ system ’touch pwned’ '"},
        {"a\r\n!touch pwned", "'a  !touch pwned'"},
        {"@macro {/Bold x} _2^3 ~a{b}", "'@macro {/Bold x} _2^3 ~a{b}'"},
        {"back\\slash\\n\\", "'back\\slash\\n\\'"},
        {"\"; load '/dev/stdin'; \"", "'\"; load ’/dev/stdin’; \"'"},
        {"%s%n $data0 #", "'%s%n $data0 #'"},
        {"\x1b[31m\x7f\xc2\x9b", "' [31m  '"},
        {"line\xe2\x80\xa8separator", "'line separator'"},
        {"bad \xff\xc3 utf8", "'bad ?? utf8'"},
        {"Größe ∇f(θ) 損失", "'Größe ∇f(θ) 損失'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct plot *plot = loss_plot();
        struct strbuf script = STRBUF_INIT, title = STRBUF_INIT, legend = STRBUF_INIT;
        plot_set_text(&plot->title, cases[i].text);
        plot_set_text(&plot->x.label, cases[i].text);
        plot_set_text(&plot->series.at[0].label, cases[i].text);
        cr_assert_eq(plot_script(plot, &png, &script), 0);
        strbuf_addf(&title, "\nset title %s noenhanced textcolor", cases[i].quoted);
        cr_expect_not_null(strstr(script.text, title.text), "%s in %s", title.text, script.text);
        strbuf_addf(&legend, " title %s, \\\n", cases[i].quoted);
        cr_expect_not_null(strstr(script.text, legend.text), "%s in %s", legend.text, script.text);
        strbuf_release(&script);
        strbuf_release(&title);
        strbuf_release(&legend);
        plot_free(plot);
    }
}

Test(plot_script, very_long_text_is_cut)
{
    struct plot *plot = loss_plot();
    struct strbuf text = STRBUF_INIT, script = STRBUF_INIT;
    strbuf_pad(&text, '\'', 1000000);
    plot_set_text(&plot->title, text.text);
    cr_assert_eq(plot_script(plot, &png, &script), 0);
    cr_expect_lt(script.length, 5000);
    cr_expect_not_null(strstr(script.text, "’...' noenhanced"));
    strbuf_release(&text);
    strbuf_release(&script);
    plot_free(plot);
}

Test(plot_script, senseless_targets_are_errors)
{
    static const struct plot_target targets[] = {
        {.format = PLOT_FORMAT_PNG, .width = 0, .height = 480},
        {.format = PLOT_FORMAT_PNG, .width = 640, .height = -1},
        {.format = PLOT_FORMAT_PNG, .width = PLOT_SIZE_MAX + 1, .height = 480},
        {.format = (enum plot_format)77, .width = 640, .height = 480}};
    struct plot *plot = loss_plot();
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
        struct strbuf script = STRBUF_INIT;
        cr_expect_eq(plot_script(plot, &targets[i], &script), -1);
        cr_expect_eq(error_kind(), ERROR_VALUE);
        error_clear();
        strbuf_release(&script);
    }
    cr_expect_eq(plot_format_find("gif"), -1);
    cr_expect_not_null(strstr(error_message(), "png, svg, pdf"));
    plot_free(plot);
}
