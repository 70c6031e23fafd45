#include "base/error.h"
#include "plot/plot.h"
#include "tui/pictures.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/saddle-test-XXXXXX";
static struct pictures pictures;
static char *names;
static size_t names_length;
static FILE *report;

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    report = open_memstream(&names, &names_length);
    cr_assert(pictures_init(&pictures, "some/where/race.md", report));
}

static void teardown(void)
{
    char command[64];

    pictures_release(&pictures);
    fclose(report);
    free(names);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(system(command), 0);
}

TestSuite(tui_pictures, .init = setup, .fini = teardown);

static void show(int id, const char *title)
{
    static const double x[] = {0, 1, 2}, y[] = {1, 0, 4};
    struct plot *plot = plot_new();
    struct plot_series *line = plot_add(plot, PLOT_LINE);
    json_t *json;

    cr_assert(plot_set_text(&plot->title, title));
    cr_assert(plot_set_data(&line->x, x, 3) && plot_set_data(&line->y, y, 3));
    line->count = 3;
    json = plot_to_json(plot);
    plot_free(plot);
    cr_assert_not_null(json);
    pictures_show(&pictures, json, id);
    json_decref(json);
}

static bool is_png(const char *path)
{
    char start[8] = {0};
    FILE *file = fopen(path, "rb");

    if (!file)
        return false;
    cr_assert_eq(fread(start, 1, 8, file), 8);
    fclose(file);
    return memcmp(start, "\x89PNG\r\n\x1a\n", 8) == 0;
}

Test(tui_pictures, files_are_numbered_in_the_order_of_the_plots)
{
    show(7, "first");
    show(3, "second");
    cr_assert_not(is_png("race-1.png"), "nothing is written before its time");
    pictures_flush(&pictures);
    cr_assert(is_png("race-1.png"));
    cr_assert(is_png("race-2.png"));
    show(3, "second, moved");
    show(-1, "third");
    show(-1, "fourth");
    pictures_flush(&pictures);
    pictures_flush(&pictures);
    cr_assert_str_eq(names, "race-1.png\nrace-2.png\nrace-3.png\nrace-4.png\n");
    cr_assert_not(pictures.failed);
}

Test(tui_pictures, a_plot_that_moves_is_drawn_anew)
{
    struct stat before, after;

    show(1, "a");
    pictures_flush(&pictures);
    cr_assert_eq(stat("race-1.png", &before), 0);
    show(1, "a much longer title than it had");
    pictures_flush(&pictures);
    cr_assert_eq(stat("race-1.png", &after), 0);
    cr_assert_neq(before.st_size, after.st_size);
    cr_assert_str_eq(names, "race-1.png\n");
}

Test(tui_pictures, what_cannot_be_written_is_remembered)
{
    cr_assert_not_null(freopen("messages", "w+", stderr));
    cr_assert_eq(mkdir("race-1.png", 0777), 0);
    show(1, "a");
    pictures_flush(&pictures);
    cr_assert(pictures.failed);
    cr_assert_not(error_pending());
    fflush(report);
    cr_assert_eq(names_length, 0);
    rewind(stderr);
    char message[256] = "";
    cr_assert_not_null(fgets(message, sizeof(message), stderr));
    cr_assert_eq(strncmp(message, "saddle: race-1.png: no picture: ", 32), 0, "%s", message);
}

Test(tui_pictures, bytes_in_a_format_that_was_asked_for)
{
    struct strbuf bytes = STRBUF_INIT;
    struct plot *plot = plot_new();
    json_t *json = plot_to_json(plot), *broken = json_pack("{s:s}", "series", "none");

    plot_free(plot);
    cr_assert(pictures_render(&pictures, json, "svg", 300, 200, &bytes));
    cr_assert_not_null(strstr(bytes.text, "<svg"));
    cr_assert_not(pictures_render(&pictures, json, "bmp", 0, 0, &bytes));
    cr_assert_eq(error_kind(), ERROR_VALUE);
    error_clear();
    cr_assert_not(pictures_render(&pictures, broken, "png", 0, 0, &bytes));
    cr_assert(error_pending());
    error_clear();
    json_decref(json);
    json_decref(broken);
    strbuf_release(&bytes);
}
