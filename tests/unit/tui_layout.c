#include "tui/cellview.h"
#include "tui/outputs.h"
#include "tui/tensors.h"
#include "tui/text.h"
#include "tui_help.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct notebook *nb;
static struct cellview view;
static struct cell *cell;

static void setup(void)
{
    nb = notebook_parse("```python\nx = 1\nprint(x)\n```\n", 29);
    cell = nb->cells.at[0];
    view = (struct cellview){.id = cell->id, .lines = LINES_INIT};
}

static void teardown(void)
{
    cellview_release(&view);
    notebook_free(nb);
}

TestSuite(tui_layout, .init = setup, .fini = teardown);

static const char *show(int width, const struct editor *editor)
{
    struct cellview_look look = {.width = width, .editor = editor, .first_plot = 2};

    cellview_layout(&view, cell, &look);
    return plain(&view.lines);
}

static void output(enum output_kind kind, const char *text)
{
    cell_add_output(cell, kind, text, strlen(text));
}

Test(tui_layout, source_then_outputs)
{
    output(OUTPUT_STDOUT, "1\n");
    output(OUTPUT_RESULT, "tensor(2.)");
    cr_assert_str_eq(show(40, NULL), " x = 1\n print(x)\n 1\n tensor(2.)\n");
    cr_assert_eq(view.source_rows, 2);
    cr_assert_eq(style_of(&view.lines, "tensor"), STYLE_RESULT);
}

Test(tui_layout, rows_are_laid_anew_when_something_changed)
{
    output(OUTPUT_STDOUT, "a\n");
    show(40, NULL);
    output(OUTPUT_STDOUT, "b\n");
    cr_assert_str_eq(show(40, NULL), " x = 1\n print(x)\n a\n b\n");
    cell_clear_outputs(cell);
    output(OUTPUT_STDOUT, "c\nd\n");
    cr_assert_str_eq(show(40, NULL), " x = 1\n print(x)\n c\n d\n");
}

Test(tui_layout, long_lines_are_wrapped_with_a_mark_and_the_cursor_found)
{
    const char *source = "abc def ghi jkl";
    size_t row;
    int column;

    notebook_set_source(nb, 0, source, strlen(source));
    cr_assert_str_eq(show(11, NULL), " abc def \n↪ghi jkl\n");
    cr_assert(cellview_find(&view, source, 9, &row, &column));
    cr_assert_eq(row, 1);
    cr_assert_eq(column, 2);
    cr_assert_eq(cellview_offset(&view, source, 1, 2), 9);
    cr_assert_eq(cellview_offset(&view, source, 5, 99), 15);
}

Test(tui_layout, a_traceback_ends_with_its_message_and_has_no_escapes)
{
    output(OUTPUT_ERROR, "Traceback (most recent call last):\n"
                         "  File \"<cell 1>\", line 1, in <module>\n"
                         "\033[31mZeroDivisionError: division by zero\033[0m\n");
    cr_assert_str_eq(show(60, NULL), " x = 1\n print(x)\n Traceback (most recent call last):\n"
                                     "   File \"<cell 1>\", line 1, in <module>\n"
                                     " ZeroDivisionError: division by zero\n");
    cr_assert_eq(style_of(&view.lines, "ZeroDiv"), STYLE_ERROR_STRONG);
    cr_assert_eq(style_of(&view.lines, "Traceback"), STYLE_ERROR);
}

Test(tui_layout, long_output_is_folded_until_it_is_asked_for)
{
    char line[32];

    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof(line), "row %d\n", i);
        output(OUTPUT_STDOUT, line);
    }
    show(40, NULL);
    cr_assert_eq(view.lines.at.count, (size_t)(2 + FOLD_HEAD + 1 + FOLD_TAIL));
    cr_assert(strstr(plain(&view.lines), " ⋯ 80 lines folded: O shows all\n"));
    view.unfolded = true;
    show(40, NULL);
    cr_assert_eq(view.lines.at.count, 102);
    view.hidden = true;
    cr_assert_str_eq(show(40, NULL), " x = 1\n print(x)\n ⋯ output hidden: o shows it\n");
}

Test(tui_layout, left_out_lines_are_counted)
{
    char line[32];

    for (int i = 0; i < 3000; i++) {
        snprintf(line, sizeof(line), "row %d\n", i);
        output(OUTPUT_STDOUT, line);
    }
    view.unfolded = true;
    show(40, NULL);
    cr_assert(strstr(plain(&view.lines), " lines left out ...\n"), "%s", plain(&view.lines));
    cr_assert(strstr(plain(&view.lines), " row 2999\n"));
}

Test(tui_layout, a_plot_is_named_by_its_number_and_title)
{
    const char *json = "{\"title\": \"Loss\"}";

    cell_set_plot(cell, 7, json, strlen(json));
    cr_assert_str_eq(show(40, NULL), " x = 1\n print(x)\n [plot 2: Loss]\n");
}

Test(tui_layout, selected_text_is_one_style)
{
    struct editor editor;

    editor_init(&editor);
    editor_set(&editor, "for x in y", 10);
    editor_place(&editor, 2, false);
    editor_place(&editor, 7, true);
    show(40, &editor);
    cr_assert_eq(style_of(&view.lines, "r x i"), STYLE_SELECTION);
    cr_assert_eq(style_of(&view.lines, "fo"), STYLE_KEYWORD);
    cr_assert_eq(style_of(&view.lines, "n y"), STYLE_KEYWORD);
    editor_release(&editor);
}

Test(tui_layout, program_output_becomes_plain)
{
    struct strbuf out = STRBUF_INIT;
    const char *text = "\033[1;31mred\033[0m\n10%\r20%\r\nab\bc\033]0;title\aX";

    text_plain(&out, text, strlen(text));
    cr_assert_str_eq(out.text, "red\n20%\nacX");
    strbuf_release(&out);
}

Test(tui_layout, numbers_are_grouped)
{
    struct strbuf out = STRBUF_INIT;

    add_grouped(&out, 1234567);
    strbuf_addch(&out, ' ');
    add_grouped(&out, 999);
    cr_assert_str_eq(out.text, "1,234,567 999");
    strbuf_release(&out);
}

/* --- The Tensors pane ---------------------------------------------------------------------- */

static const char *tensors(const char *text, int width, struct lines *lines)
{
    json_t *json = json_loads(text, 0, NULL);

    cr_assert_not_null(json);
    lines_clear(lines);
    tensors_layout(json, json, width, lines);
    json_decref(json);
    return plain(lines);
}

Test(tui_layout, tensors_show_values_over_their_gradients)
{
    struct lines lines = LINES_INIT;

    cr_assert_str_eq(
        tensors("[{\"name\":\"w\",\"kind\":\"tensor\",\"shape\":[3],\"dtype\":\"float32\","
                "\"requires_grad\":true,\"values\":[0.8,-1.6,2.4],\"changed\":true,"
                "\"grad\":{\"shape\":[3],\"values\":[2,-4,6],\"changed\":false}},"
                "{\"name\":\"n\",\"kind\":\"number\",\"type\":\"int\",\"values\":[5]}]",
                44, &lines),
        "w  [3]                             float32 ∇\n"
        "         0.8  -1.6   2.4\n"
        "  grad     2    -4     6\n"
        "\n"
        "n  5                                     int\n");
    cr_assert_eq(style_of(&lines, "-1.6"), STYLE_CHANGED);
    cr_assert_eq(style_of(&lines, "  -4"), STYLE_GRADIENT);
    lines_release(&lines);
}

Test(tui_layout, what_learns_comes_first_and_modules_hold_their_parameters)
{
    struct lines lines = LINES_INIT;

    cr_assert_str_eq(
        tensors("[{\"name\":\"n\",\"kind\":\"number\",\"type\":\"int\",\"values\":[5]},"
                "{\"name\":\"net\",\"kind\":\"module\",\"type\":\"Linear\"},"
                "{\"name\":\"net.bias\",\"kind\":\"parameter\",\"shape\":[1],"
                "\"dtype\":\"float32\",\"requires_grad\":false,\"values\":[2]},"
                "{\"name\":\"w\",\"kind\":\"tensor\",\"shape\":[],\"dtype\":\"float32\","
                "\"requires_grad\":true,\"values\":[1]}]",
                30, &lines),
        "net                     Linear\n"
        "  bias  [1]            float32\n"
        "    2\n"
        "\n"
        "w  1                 float32 ∇\n"
        "\n"
        "n  5                       int\n");
    lines_release(&lines);
}

Test(tui_layout, parameters_are_grouped_without_a_row_for_their_module)
{
    struct lines lines = LINES_INIT;

    cr_assert_str_eq(tensors("[{\"name\":\"net.0.bias\",\"kind\":\"parameter\",\"shape\":[1],"
                             "\"dtype\":\"float32\",\"requires_grad\":true,\"values\":[2]},"
                             "{\"name\":\"net.1.bias\",\"kind\":\"parameter\",\"shape\":[1],"
                             "\"dtype\":\"float32\",\"requires_grad\":true,\"values\":[3]}]",
                             30, &lines),
                     "net\n"
                     "  0.bias  [1]        float32 ∇\n"
                     "    2\n"
                     "  1.bias  [1]        float32 ∇\n"
                     "    3\n");
    lines_release(&lines);
}

Test(tui_layout, broken_summaries_are_survived)
{
    static const char *const texts[] = {
        "[]",
        "[1, null, \"x\"]",
        "[{}]",
        "[{\"name\":1,\"kind\":\"tensor\"}]",
        "[{\"name\":\"a\",\"kind\":\"tensor\",\"shape\":[0],\"values\":[]}]",
        "[{\"name\":\"a\",\"kind\":\"tensor\",\"shape\":[-5,0],\"values\":[1,\"nan\",\"-inf\"]}]",
        "[{\"name\":\"a\",\"kind\":\"tensor\",\"shape\":[1000,1000],\"values\":[1,2],\"min\":null}"
        "]"};
    struct lines lines = LINES_INIT;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        tensors(texts[i], 20, &lines);
    lines_release(&lines);
}

Test(tui_layout, a_sparkline_spans_the_values)
{
    struct strbuf out = STRBUF_INIT;
    double values[] = {0, 1, 2, 3, 4, 5, 6, 7};

    tensors_sparkline(&out, values, 8, 8);
    cr_assert_str_eq(out.text, "▁▂▃▄▅▆▇█");
    strbuf_clear(&out);
    tensors_sparkline(&out, values, 8, -1);
    cr_assert_str_eq(out.text, "");
    strbuf_release(&out);
}
