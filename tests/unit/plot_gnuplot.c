#include "base/error.h"
#include "plot/gnuplot.h"
#include "plot/png.h"
#include "plot_help.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct gnuplot *g;
static char folder[] = "/tmp/saddle-test-XXXXXX";

static void begin(void)
{
    if (system("command -v gnuplot >/dev/null") != 0)
        cr_skip("gnuplot is not installed");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    g = gnuplot_new();
    cr_assert_not_null(g);
}

static void end(void)
{
    char command[80];
    gnuplot_free(g);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_expect_eq(chdir("/") || system(command), 0);
}

TestSuite(plot_gnuplot, .init = begin, .fini = end);

static const struct plot_target small = {.format = PLOT_FORMAT_PNG, .width = 200, .height = 150};

static void expect_png(struct plot *plot, const struct plot_target *target)
{
    struct strbuf bytes = STRBUF_INIT;
    struct picture picture = {0};
    cr_assert_eq(gnuplot_render(g, plot, target, &bytes), 0, "%s", error_message());
    cr_assert_eq(picture_from_png(bytes.text, bytes.length, &picture), 0, "%s", error_message());
    int more = target->layer == PLOT_LAYER_GRIDS;
    cr_expect(picture.width == target->width + more && picture.height == target->height + more,
              "%d x %d", picture.width, picture.height);
    picture_release(&picture);
    strbuf_release(&bytes);
}

Test(plot_gnuplot, draws_every_plot_in_every_format)
{
    struct plot *plots[] = {loss_plot(), race_plot(20), saddle_plot(), heat_plot(), plot_new()};
    for (size_t i = 0; i < sizeof(plots) / sizeof(*plots); i++) {
        static const char *const starts[] = {"\x89PNG", "<?xml", "%PDF"};
        for (int format = PLOT_FORMAT_PNG; format < PLOT_FORMAT_ASCII; format++) {
            struct plot_target target = small;
            struct strbuf bytes = STRBUF_INIT;
            target.format = (enum plot_format)format;
            target.dark = i % 2;
            cr_assert_eq(gnuplot_render(g, plots[i], &target, &bytes), 0, "%zu as %s: %s", i,
                         plot_format_name(target.format), error_message());
            cr_expect_eq(memcmp(bytes.text, starts[format], 4), 0);
            strbuf_release(&bytes);
        }
        for (int layer = 0; layer < 3; layer++) {
            struct plot_target bare = {
                .format = PLOT_FORMAT_PNG, .width = 60, .height = 40, .bare = true};
            bare.layer = (enum plot_layer)layer;
            expect_png(plots[i], &bare);
            bare.mono = true;
            expect_png(plots[i], &bare);
        }
        plot_free(plots[i]);
    }
}

Test(plot_gnuplot, one_process_draws_all)
{
    struct plot *plot = loss_plot();
    cr_expect_eq(gnuplot_pid(g), 0);
    expect_png(plot, &small);
    pid_t pid = gnuplot_pid(g);
    cr_expect_gt(pid, 0);
    expect_png(plot, &small);
    cr_expect_eq(gnuplot_pid(g), pid);
    plot_free(plot);
}

Test(plot_gnuplot, a_killed_one_is_started_again)
{
    struct plot *plot = loss_plot();
    expect_png(plot, &small);
    pid_t pid = gnuplot_pid(g);
    kill(pid, SIGKILL);
    expect_png(plot, &small);
    cr_expect_neq(gnuplot_pid(g), pid);
    plot_free(plot);
}

Test(plot_gnuplot, a_stopped_one_hits_the_limit_and_the_next_picture_comes)
{
    struct plot *plot = loss_plot();
    struct strbuf bytes = STRBUF_INIT;
    expect_png(plot, &small);
    kill(gnuplot_pid(g), SIGSTOP);
    gnuplot_set_limit(g, 200);
    cr_expect_eq(gnuplot_render(g, plot, &small, &bytes), -1);
    cr_expect_eq(error_kind(), ERROR_IO);
    cr_expect_not_null(strstr(error_message(), "longer than 0.2 s"), "%s", error_message());
    cr_expect_eq(bytes.length, 0);
    error_clear();
    gnuplot_set_limit(g, GNUPLOT_LIMIT_MS);
    expect_png(plot, &small);
    strbuf_release(&bytes);
    plot_free(plot);
}

/* A stand-in that finds an error in every script. */
Test(plot_gnuplot, an_error_is_told_in_gnuplots_own_words)
{
    struct plot *plot = loss_plot();
    struct strbuf bytes = STRBUF_INIT;
    FILE *file = fopen("gnuplot", "w");
    fputs("#!/bin/sh\n"
          "while read -r line; do\n"
          "    case $line in \"print 'picture-\"*)\n"
          "        mark=${line#*\\'}; mark=${mark%%\\'*}\n"
          "        echo \"half a picture${mark}7 line 3:   bad   palette $mark\" ;;\n"
          "    esac\n"
          "done\n",
          file);
    fclose(file);
    chmod("gnuplot", 0755);
    setenv("PATH", folder, 1);
    cr_expect_eq(gnuplot_render(g, plot, &small, &bytes), -1);
    cr_expect_eq(error_kind(), ERROR_IO);
    cr_expect_not_null(strstr(error_message(), "gnuplot found an error: line 3: bad palette"), "%s",
                       error_message());
    cr_expect_eq(bytes.length, 0);
    error_clear();
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    strbuf_release(&bytes);
    plot_free(plot);
}

Test(plot_gnuplot, hostile_text_runs_nothing)
{
    static const char *const texts[] = {
        "`touch pwned`",
        "' . system('touch pwned') . '",
        "x'\nsystem 'touch pwned'\n!touch pwned\n",
        "\"; system('touch pwned'); \"",
        "@x \\' ; system 'touch pwned' ; '",
        "\\",
        "picture-00112233445566778899aabb",
        "EOD\nsystem 'touch pwned'",
        "{/:Bold `touch pwned`} \xff %s %n",
        "| touch pwned",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        for (int kind = 0; kind < 3; kind++) {
            struct plot *plot = kind == 0 ? loss_plot() : kind == 1 ? race_plot(5) : saddle_plot();
            struct plot_target target = small;
            struct strbuf bytes = STRBUF_INIT;
            plot_set_text(&plot->title, texts[i]);
            plot_set_text(&plot->x.label, texts[i]);
            plot_set_text(&plot->y.label, texts[i]);
            plot_set_text(&plot->z.label, texts[i]);
            plot_set_text(&plot->series.at[1].label, texts[i]);
            target.format = i % 2 ? PLOT_FORMAT_SVG : PLOT_FORMAT_PNG;
            cr_expect_eq(gnuplot_render(g, plot, &target, &bytes), 0, "%s: %s", texts[i],
                         error_message());
            strbuf_release(&bytes);
            plot_free(plot);
        }
        cr_expect_neq(access("pwned", F_OK), 0, "'%s' ran a command", texts[i]);
    }
}

Test(plot_gnuplot, extreme_numbers_are_drawn_or_refused)
{
    static const double values[] = {1e308, -1e308, 1e-308, 5e-324,    0, NAN,
                                    1e300, -1e300, 1e15,   1 + 1e-15, 1, -0.0};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        for (int log = 0; log < 2; log++) {
            struct plot *plot = plot_new();
            double y[] = {values[i], 1, values[(i * 5 + 1) % 12], 2};
            plot->y.log = log;
            add_line(plot, i % 2 ? PLOT_LINE : PLOT_PATH, NULL, 4, NULL, y);
            expect_png(plot, &small);
            plot_free(plot);
        }
    }
}

Test(plot_gnuplot, a_missing_gnuplot_is_named)
{
    struct plot *plot = loss_plot();
    struct strbuf bytes = STRBUF_INIT;
    setenv("PATH", "/nonexistent", 1);
    cr_expect_eq(gnuplot_render(g, plot, &small, &bytes), -1);
    cr_expect_eq(error_kind(), ERROR_IO);
    cr_expect_not_null(strstr(error_message(), "gnuplot is not installed"), "%s", error_message());
    error_clear();
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    strbuf_release(&bytes);
    plot_free(plot);
}

Test(plot_gnuplot, something_else_called_gnuplot_is_an_error)
{
    struct plot *plot = loss_plot();
    struct strbuf bytes = STRBUF_INIT;
    FILE *file = fopen("gnuplot", "w");
    fputs("#!/bin/sh\necho 'no license found' >&2\nexit 3\n", file);
    fclose(file);
    chmod("gnuplot", 0755);
    setenv("PATH", folder, 1);
    cr_expect_eq(gnuplot_render(g, plot, &small, &bytes), -1);
    cr_expect_not_null(strstr(error_message(), "gnuplot died: no license found"), "%s",
                       error_message());
    error_clear();
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    strbuf_release(&bytes);
    plot_free(plot);
}

static long file_size(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (long)info.st_size : -1;
}

Test(plot_gnuplot, files_by_their_ending)
{
    static const char *const names[] = {"a.png", "a.svg", "a.pdf", "a.gp", "a.txt", "b.PNG"};
    struct plot *plot = race_plot(20);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        cr_expect_eq(plot_save(g, plot, names[i], 320, 240), 0, "%s", error_message());
        cr_expect_gt(file_size(names[i]), 500, "%s", names[i]);
    }
    plot_free(plot);
}

Test(plot_gnuplot, bad_paths_are_clear_errors_and_leave_nothing)
{
    static const struct {
        const char *path, *cause;
    } cases[] = {{"loss.bmp", ".png, .svg, .pdf"},
                 {"loss", ".png"},
                 {"a.png/loss", ".png"},
                 {"nowhere/loss.png", "nowhere/loss.png: No such file"}};
    struct plot *plot = loss_plot();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        cr_expect_eq(plot_save(g, plot, cases[i].path, 0, 0), -1);
        cr_expect_not_null(strstr(error_message(), cases[i].cause), "%s", error_message());
        cr_expect_neq(access(cases[i].path, F_OK), 0);
        error_clear();
    }
    cr_expect_eq(system("test -z \"$(ls)\""), 0, "a file was left behind");
    plot_free(plot);
}

Test(plot_gnuplot, bytes_by_name)
{
    struct plot *plot = heat_plot();
    struct strbuf bytes = STRBUF_INIT;
    cr_expect_eq(plot_bytes(g, plot, "svg", 0, 0, &bytes), 0);
    cr_expect_not_null(strstr(bytes.text, "<svg"));
    cr_expect_eq(plot_bytes(g, plot, "exe", 0, 0, &bytes), -1);
    error_clear();
    strbuf_release(&bytes);
    plot_free(plot);
}

Test(plot_gnuplot, a_million_values_are_drawn_at_once)
{
    enum { COUNT = 1000000, ROWS = 1500, COLUMNS = 1200 };
    struct plot *plot = plot_new();
    struct plot_series *line = plot_add(plot, PLOT_LINE);
    struct strbuf script = STRBUF_INIT;
    line->count = COUNT;
    line->y = malloc(COUNT * sizeof(double));
    for (size_t i = 0; i < COUNT; i++)
        line->y[i] = i == 123456 ? 1000 : i == 654321 ? NAN : (double)(i % 100);
    cr_assert_eq(plot_script(plot, &small, &script), 0);
    cr_expect_lt(script.length, 50000);
    cr_expect_not_null(strstr(script.text, "\n123456 1000\n"), "the highest value must survive");
    cr_expect_not_null(strstr(script.text, " NaN\n"), "the gap must survive");
    strbuf_release(&script);
    expect_png(plot, &small);
    plot_free(plot);

    plot = plot_new();
    struct plot_series *heat = plot_add(plot, PLOT_HEATMAP);
    heat->rows = ROWS;
    heat->columns = COLUMNS;
    heat->z = calloc(ROWS * COLUMNS, sizeof(double));
    heat->z[0] = 1;
    expect_png(plot, &small);
    plot_free(plot);
}
