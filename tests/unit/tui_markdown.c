#include "tui/markdown.h"
#include "tui_help.h"

#include <criterion/criterion.h>
#include <string.h>

static struct lines lines;

static const char *render(const char *text, int width)
{
    lines_clear(&lines);
    cr_assert(markdown_layout(text, strlen(text), width, &lines));
    return plain(&lines);
}

static void setup(void)
{
    lines = LINES_INIT;
}

static void teardown(void)
{
    lines_release(&lines);
}

TestSuite(tui_markdown, .init = setup, .fini = teardown);

Test(tui_markdown, paragraphs_are_wrapped_and_a_row_apart)
{
    cr_assert_str_eq(render("one two three\nfour\n\nnext", 10), "one two\nthree four\n\nnext\n");
}

Test(tui_markdown, spans_have_their_styles)
{
    render("# Head\n\n**bold** *it* `code` [link](http://x) ~~gone~~ $x^2$", 60);
    cr_assert_eq(style_of(&lines, "Head"), STYLE_HEADING1);
    cr_assert_eq(style_of(&lines, "bold"), STYLE_BOLD);
    cr_assert_eq(style_of(&lines, "it"), STYLE_ITALIC);
    cr_assert_eq(style_of(&lines, "code"), STYLE_INLINE_CODE);
    cr_assert_eq(style_of(&lines, "link"), STYLE_LINK);
    cr_assert_eq(style_of(&lines, "gone"), STYLE_STRIKE);
    cr_assert_eq(style_of(&lines, "x^2"), STYLE_MATH);
}

Test(tui_markdown, lists_nest_and_hang)
{
    cr_assert_str_eq(render("- one two three\n  - deep\n- [x] done\n\n3. a\n4. b", 12),
                     "• one two\n  three\n  ◦ deep\n☑ done\n\n3. a\n4. b\n");
}

Test(tui_markdown, quotes_are_marked_on_every_row)
{
    cr_assert_str_eq(render("> one two three\n>\n> end", 11), "▎ one two\n▎ three\n▎ \n▎ end\n");
}

Test(tui_markdown, wide_characters_take_two_columns)
{
    cr_assert_str_eq(render("世界世界世界", 8), "世界世界\n世界\n");
}

Test(tui_markdown, code_blocks_keep_their_rows)
{
    cr_assert_str_eq(render("```python\nif a:\n    b\n```", 20), " if a:\n     b\n");
    cr_assert_eq(style_of(&lines, "if"), STYLE_KEYWORD);
    cr_assert_eq(lines.at.at[0].ground, STYLE_CODE_GROUND);
}

Test(tui_markdown, tables_line_up)
{
    cr_assert_str_eq(render("|name|n|\n|---|--:|\n|a|10|\n|long|5|", 40),
                     "name    n\n─────────\na      10\nlong    5\n");
}

Test(tui_markdown, a_table_that_is_too_wide_is_cut)
{
    render("|a long heading of a column|another long one|\n|---|---|\n|x|y|", 20);
    for (size_t i = 0; i < lines.at.count; i++)
        cr_assert_leq(lines.at.at[i].width, 20);
}

Test(tui_markdown, entities_and_comments)
{
    cr_assert_str_eq(render("a &amp; b &#955; <!-- gone -->c", 40), "a & b λ c\n");
}

/* Whatever the text, no row is wider than the pane, and nothing crashes. */
Test(tui_markdown, rows_fit_for_any_nesting)
{
    static const char *const parts[] = {"> ",    "- ",
                                        "1. ",   "# ",
                                        "```\n", "|a|b|\n|---|---|\n",
                                        "世界 ", "long_word_without_blanks ",
                                        "\n",    "**",
                                        "`",     "    "};
    char text[512];
    unsigned seed = 1;

    for (int round = 0; round < 300; round++) {
        text[0] = '\0';
        for (int i = 0; i < 20; i++) {
            seed = seed * 1103515245u + 12345u;
            strcat(text, parts[(seed >> 16) % (sizeof(parts) / sizeof(parts[0]))]);
        }
        render(text, 60);
        for (size_t i = 0; i < lines.at.count; i++)
            cr_assert_leq(lines.at.at[i].width, 60, "%s", text);
    }
}
