#include "notebook_help.h"

Test(notebook_write, an_edit_leaves_every_other_byte)
{
    struct notebook *nb =
        parse("\n# A  \n\n\n  ~~~~ python  x=1\n  a\n\n  b\n  ~~~~~\n\n\n\n"
              "text\n```c\n```\nmore\n\n\n<!-- saddle: k=v -->\n```python\nz\n```");
    set(nb, 1, "if a:\n\n    b");
    cr_assert_str_eq(written(nb),
                     "\n# A  \n\n\n  ~~~~ python  x=1\n  if a:\n\n      b\n  ~~~~~\n\n\n\n"
                     "text\n```c\n```\nmore\n\n\n<!-- saddle: k=v -->\n```python\nz\n```");
    set(nb, 0, "# B\n\nnew");
    set(nb, 3, "");
    cr_assert_str_eq(written(nb),
                     "\n# B\n\nnew\n\n\n  ~~~~ python  x=1\n  if a:\n\n      b\n  ~~~~~\n\n\n\n"
                     "text\n```c\n```\nmore\n\n\n<!-- saddle: k=v -->\n```python\n```");
    notebook_free(nb);
}

Test(notebook_write, keeps_the_line_ends_of_the_file)
{
    struct notebook *nb = parse("\xef\xbb\xbf"
                                "a\r\n\r\n```python\r\nx\r\n```\r\n");
    set(nb, 1, "y\nz");
    notebook_insert(nb, 2, CELL_CODE, "new\r\nlines");
    cr_assert_str_eq(source(nb, 2), "new\nlines");
    cr_assert_str_eq(written(nb), "\xef\xbb\xbf"
                                  "a\r\n\r\n```python\r\ny\r\nz\r\n```\r\n\r\n"
                                  "```python\r\nnew\r\nlines\r\n```\r\n");
    notebook_free(nb);
}

Test(notebook_write, a_new_cell_stands_between_blank_lines)
{
    struct notebook *nb = parse("a\n```python\nx\n```\nb");
    notebook_insert(nb, 1, CELL_CODE, "n1");
    notebook_insert(nb, 4, CELL_CODE, "n2");
    cr_assert_str_eq(written(nb), "a\n\n```python\nn1\n```\n\n```python\nx\n```\nb\n\n"
                                  "```python\nn2\n```\n");
    notebook_free(nb);

    nb = notebook_new();
    cr_assert_eq(nb->cells.count, 1);
    set(nb, 0, "x");
    notebook_insert(nb, 1, CELL_MARKDOWN, "text");
    cr_assert_str_eq(written(nb), "```python\nx\n```\n\ntext\n");
    notebook_free(nb);
}

Test(notebook_write, a_fence_is_longer_than_what_is_inside)
{
    struct notebook *nb = parse("```python\nx\n```\n");
    set(nb, 0, "s = '''\n```\n````\n'''");
    cr_assert_str_eq(written(nb), "`````python\ns = '''\n```\n````\n'''\n`````\n");
    set(nb, 0, "s = '```'"); /* cannot close the fence that is there */
    cr_assert_str_eq(written(nb), "```python\ns = '```'\n```\n");
    notebook_insert(nb, 1, CELL_CODE, "s = '```'");
    cr_assert_str_eq(written(nb), "```python\ns = '```'\n```\n\n````python\ns = '```'\n````\n");
    notebook_free(nb);
}

Test(notebook_write, neighbouring_markdown_cells_stay_two)
{
    struct notebook *nb = parse("a\n\n```python\nx\n```\n\nb\n\n```python\ny\n```\n");
    notebook_delete(nb, 1);
    cr_assert_str_eq(written(nb), "a\n\n<!-- saddle: cell -->\n\nb\n\n```python\ny\n```\n");
    notebook_insert(nb, 1, CELL_MARKDOWN, "n");
    cr_assert_str_eq(written(nb),
                     "a\n\n<!-- saddle: cell -->\n\nn\n\n<!-- saddle: cell -->\n\nb\n\n"
                     "```python\ny\n```\n");
    notebook_insert(nb, 4, CELL_MARKDOWN, "");
    struct notebook *again = parse(written(nb));
    cr_assert_str_eq(cells(again), "M:a|M:n|M:b|C:y|M:");
    notebook_free(again);
    notebook_free(nb);
}

Test(notebook_write, what_a_cell_leaves_open_is_closed_before_the_next)
{
    struct notebook *nb = parse("a\n\n ```python\n x");
    notebook_insert(nb, 2, CELL_MARKDOWN, "b\n~~~c\nint x;");
    cr_assert_str_eq(written(nb), "a\n\n ```python\n x\n ```\n\nb\n~~~c\nint x;\n~~~\n");
    notebook_insert(nb, 3, CELL_MARKDOWN, "<!-- note");
    notebook_insert(nb, 4, CELL_CODE, "y");
    cr_assert_str_eq(written(nb), "a\n\n ```python\n x\n ```\n\nb\n~~~c\nint x;\n~~~\n\n"
                                  "<!-- saddle: cell -->\n\n<!-- note\n-->\n\n```python\ny\n```\n");
    notebook_free(nb);

    nb = parse("```python");
    set(nb, 0, "x");
    cr_assert_str_eq(written(nb), "```python\nx\n```\n");
    notebook_free(nb);
}

Test(notebook_write, metadata_goes_with_its_cell)
{
    struct notebook *nb = parse("a\n\n<!-- saddle: k=v -->\n```python\nx\n```\n\nb\n");
    notebook_move(nb, 1, 2);
    cr_assert_str_eq(written(nb), "a\n\n<!-- saddle: cell -->\n\nb\n\n"
                                  "<!-- saddle: k=v -->\n```python\nx\n```\n\n");
    notebook_move(nb, 2, 1);
    notebook_set_kind(nb, 1, CELL_MARKDOWN);
    cr_assert_str_eq(written(nb), "a\n\n<!-- saddle: k=v -->\n\nx\n\n<!-- saddle: cell -->\n\nb\n");
    notebook_set_kind(nb, 1, CELL_CODE);
    cr_assert_str_eq(written(nb), "a\n\n<!-- saddle: k=v -->\n```python\nx\n```\n\nb\n");
    notebook_free(nb);
}

Test(notebook_write, a_markdown_cell_made_code_loses_its_separator)
{
    struct notebook *nb = parse("a\n\n<!-- saddle: cell k=1 -->\n\nb\n");
    notebook_set_kind(nb, 1, CELL_CODE);
    cr_assert_str_eq(written(nb), "a\n\n```python\nb\n```\n");
    notebook_free(nb);
}

Test(notebook_write, an_empty_file_gets_its_first_cell_when_there_is_one)
{
    struct notebook *nb = parse("\n");
    set(nb, 0, "x");
    cr_assert_str_eq(written(nb), "```python\nx\n```\n");
    notebook_undo(nb, NULL);
    cr_assert_str_eq(written(nb), "\n");
    notebook_insert(nb, 0, CELL_MARKDOWN, "a");
    notebook_insert(nb, 2, CELL_MARKDOWN, "b");
    cr_assert_str_eq(written(nb), "a\n\n```python\n```\n\nb\n");
    notebook_free(nb);
}
