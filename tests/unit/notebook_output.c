#include "notebook_help.h"

#include <stdio.h>
#include <stdlib.h>

static struct notebook *nb;
static struct cell *cell;

static void setup(void)
{
    nb = notebook_new();
    cell = nb->cells.at[0];
}

static void teardown(void)
{
    notebook_free(nb);
}

TestSuite(notebook_output, .init = setup, .fini = teardown);

static void add(enum output_kind kind, const char *text)
{
    cell_add_output(cell, kind, text, strlen(text));
}

static const char *text_of(size_t index)
{
    cr_assert_lt(index, cell->outputs.count);
    return cell->outputs.at[index].text.text;
}

Test(notebook_output, a_stream_goes_on_in_the_same_output)
{
    add(OUTPUT_STDOUT, "a");
    add(OUTPUT_STDOUT, "b\nc\n");
    add(OUTPUT_STDERR, "e\n");
    add(OUTPUT_STDOUT, "d\n");
    add(OUTPUT_RESULT, "1");
    add(OUTPUT_RESULT, "2");
    add(OUTPUT_STDOUT, "");
    cr_assert_eq(cell->outputs.count, 5);
    cr_assert_str_eq(text_of(0), "ab\nc\n");
    cr_assert_eq(cell->outputs.at[0].lines, 2);
    cr_assert_str_eq(text_of(2), "d\n");
    cr_assert_str_eq(text_of(4), "2");
    cell_clear_outputs(cell);
    cr_assert_eq(cell->outputs.count, 0);
}

Test(notebook_output, a_return_starts_the_line_again)
{
    add(OUTPUT_STDOUT, "head\n10%\r20%");
    cr_assert_str_eq(text_of(0), "head\n20%");
    add(OUTPUT_STDOUT, "\r");
    add(OUTPUT_STDOUT, "100%\r");
    add(OUTPUT_STDOUT, "\nnext\r\r\n");
    cr_assert_str_eq(text_of(0), "head\n100%\nnext\n");
    add(OUTPUT_STDOUT, "\rx\r");
    cr_assert_str_eq(text_of(0), "head\n100%\nnext\nx\r");
}

/* Lines numbered from 1, in pieces of `piece` bytes. */
static void add_numbers(size_t count, size_t piece)
{
    struct strbuf all = STRBUF_INIT;
    for (size_t i = 1; i <= count; i++)
        strbuf_addf(&all, "%zu\n", i);
    for (size_t at = 0; at < all.length; at += piece)
        cell_add_output(cell, OUTPUT_STDOUT, all.text + at,
                        all.length - at < piece ? all.length - at : piece);
    strbuf_release(&all);
}

static void check_bound(size_t count)
{
    const struct output *output = &cell->outputs.at[0];
    const char *line = output->text.text;
    size_t shown = 0;

    for (size_t number = 1; *line; line = strchr(line, '\n') + 1, number++, shown++) {
        if ((size_t)(line - output->text.text) == output->dropped_at && output->dropped_lines)
            number += output->dropped_lines;
        cr_assert_eq(strtoul(line, NULL, 10), number);
    }
    cr_assert_eq(shown, output->lines);
    cr_assert_eq(shown + output->dropped_lines, count);
    cr_assert_leq(shown, 3 * (size_t)OUTPUT_KEEP);
}

Test(notebook_output, the_middle_of_a_long_stream_is_counted)
{
    static const size_t pieces[] = {1, 7, 4096, 1 << 20};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        cell_clear_outputs(cell);
        add_numbers(20000, pieces[i]);
        check_bound(20000);
        cr_assert_gt(cell->outputs.at[0].dropped_lines, 18000);
    }
    cell_clear_outputs(cell);
    add_numbers(2 * OUTPUT_KEEP, 100);
    check_bound(2 * OUTPUT_KEEP);
    cr_assert_eq(cell->outputs.at[0].dropped_lines, 0);
}

Test(notebook_output, one_endless_line_is_cut)
{
    char block[1000];
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 10000; i++)
        cell_add_output(cell, OUTPUT_STDOUT, block, sizeof(block));
    cr_assert_eq(cell->outputs.at[0].text.length, OUTPUT_LINE);
    cr_assert_eq(cell->outputs.at[0].dropped_bytes, 10000000 - OUTPUT_LINE);
    add(OUTPUT_STDOUT, "\nnext\n");
    cr_assert_str_eq(text_of(0) + OUTPUT_LINE, "\nnext\n");
}

Test(notebook_output, a_cut_line_ends_with_a_whole_character)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_pad(&text, 'x', OUTPUT_LINE - 1);
    strbuf_adds(&text, "\xe2\x82\xac!");
    cell_add_output(cell, OUTPUT_STDOUT, text.text, text.length);
    cr_assert_eq(cell->outputs.at[0].text.length, OUTPUT_LINE - 1);
    cr_assert_eq(cell->outputs.at[0].dropped_bytes, 4);
    strbuf_release(&text);
}

Test(notebook_output, two_streams_that_take_turns_stay_bounded)
{
    for (int i = 0; i < 5000; i++) {
        add(OUTPUT_STDOUT, "out\n");
        add(OUTPUT_STDERR, "err\n");
    }
    cr_assert_eq(cell->outputs.count, OUTPUT_LIMIT);
    cr_assert_eq(cell->dropped_outputs, 0);
    cr_assert_eq(cell->outputs.at[OUTPUT_LIMIT - 1].lines +
                     cell->outputs.at[OUTPUT_LIMIT - 1].dropped_lines,
                 5000 - OUTPUT_LIMIT / 2 + 1);
}

Test(notebook_output, a_plot_replaces_the_one_with_its_id)
{
    cell_set_plot(cell, 1, "one", 3);
    add(OUTPUT_STDOUT, "between\n");
    cell_set_plot(cell, 2, "two", 3);
    cell_set_plot(cell, 1, "one, moved", 10);
    cr_assert_eq(cell->outputs.count, 3);
    cr_assert_str_eq(text_of(0), "one, moved");
    cr_assert_str_eq(text_of(2), "two");
    cell_set_plot(cell, -1, "a", 1);
    cell_set_plot(cell, -1, "b", 1);
    cr_assert_eq(cell->outputs.count, 5);
    for (int i = 0; i < 1000; i++)
        cell_set_plot(cell, 10 + i, "x", 1);
    cr_assert_eq(cell->outputs.count, OUTPUT_LIMIT);
    cr_assert_eq(cell->dropped_outputs, 1005 - OUTPUT_LIMIT);
    cr_assert_str_eq(text_of(0), "one, moved");
    cr_assert_eq(cell->outputs.at[OUTPUT_LIMIT - 1].plot_id, 1009);
}

Test(notebook_output, without_memory_what_was_there_stays)
{
    add(OUTPUT_STDOUT, "kept\n");
    mem_fail_after(0);
    add(OUTPUT_RESULT, "a result that needs more room than there is");
    cell_set_plot(cell, 3, "{}", 2);
    mem_fail_after(-1);
    cr_assert_eq(error_kind(), ERROR_MEMORY);
    cr_assert_str_eq(text_of(0), "kept\n");
}
