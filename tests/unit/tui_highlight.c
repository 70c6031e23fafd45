#include "tui/highlight.h"

#include <criterion/criterion.h>
#include <string.h>

/* One letter for each byte: k keyword, s string, n number, c comment, b builtin, d defined name,
 * v constant, @ decorator, . anything else. */
static const char *marks(const char *text)
{
    static const struct {
        enum style style;
        char mark;
    } names[] = {{STYLE_KEYWORD, 'k'},  {STYLE_STRING, 's'},   {STYLE_NUMBER, 'n'},
                 {STYLE_COMMENT, 'c'},  {STYLE_BUILTIN, 'b'},  {STYLE_DEFINED, 'd'},
                 {STYLE_CONSTANT, 'v'}, {STYLE_DECORATOR, '@'}};
    static char out[256];
    struct tokens tokens = {0};
    size_t end = 0;

    memset(out, 0, sizeof(out));
    memset(out, '.', strlen(text));
    highlight_python(text, strlen(text), &tokens);
    for (size_t i = 0; i < tokens.at.count; i++) {
        const struct token *token = &tokens.at.at[i];

        cr_assert_geq(token->start, end, "tokens overlap");
        end = token->start + token->length;
        cr_assert_leq(end, strlen(text));
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            if (names[k].style == token->style)
                memset(out + token->start, names[k].mark, token->length);
    }
    tokens_release(&tokens);
    return out;
}

Test(tui_highlight, words)
{
    cr_assert_str_eq(marks("for i in range(3):"), "kkk...kk.bbbbb.n..");
    cr_assert_str_eq(marks("def fit(self, x=None):"), "kkk.ddd.vvvv....vvvv..");
    cr_assert_str_eq(marks("x.print, forest, int"), "....................");
    cr_assert_str_eq(marks("@a.b\nclass C: pass"), "@@@@.kkkkk.d..kkkk");
}

Test(tui_highlight, strings_with_prefixes_escapes_and_open_ends)
{
    cr_assert_str_eq(marks("f'a\\'b' + rb\"x\""), "sssssss...sssss");
    cr_assert_str_eq(marks("'open\nx = 1"), "sssss.....n");
    cr_assert_str_eq(marks("'''a\n'b''' 2"), "ssssssssss.n");
    cr_assert_str_eq(marks("\"\"\"never closed"), "sssssssssssssss");
    cr_assert_str_eq(marks("fr = 1"), ".....n");
}

Test(tui_highlight, numbers_and_comments)
{
    cr_assert_str_eq(marks("1_000 0xFF 1e-3 .5 2.5j x1"), "nnnnn.nnnn.nnnn.nn.nnnn...");
    cr_assert_str_eq(marks("a = 1 # 'no' string"), "....n.ccccccccccccc");
    cr_assert_str_eq(marks("a @ b"), ".....");
    cr_assert_str_eq(marks("0xE+1"), "nnn.n");
}
