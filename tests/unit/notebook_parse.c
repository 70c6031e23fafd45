#include "notebook_help.h"

/* A file, the cells in it. Every file must also come back byte for byte. */
struct reading {
    const char *file, *cells;
};

static const struct reading readings[] = {
    {"", "C:"},
    {"\n", "C:"},
    {" \t\r\n\n", "C:"},
    {"\xef\xbb\xbf", "C:"},
    {"# Title\n", "M:# Title"},
    {"# Title", "M:# Title"},
    {"\n\n# Title\n\n\n", "M:# Title"},
    {"    indented\n", "M:    indented"},
    {"```python\nx = 1\n```\n", "C:x = 1"},
    {"```python\nx = 1\n```", "C:x = 1"},
    {"```python\n```\n", "C:"},
    {"```python\n\n```\n", "C:"},
    {"```python\n\n\n```\n", "C:\n"},
    {"```python\nx\n\n```\n", "C:x\n"},
    {"a\n\n```python\nx\n```\n\nb\n", "M:a|C:x|M:b"},
    {"a\n```python\nx\n```\nb\n", "M:a|C:x|M:b"},
    {"```python\nx\n```\n```python\ny\n```\n", "C:x|C:y"},
    /* Fences: tildes, length, indent, words after the language. */
    {"~~~python\nx\n~~~\n", "C:x"},
    {"~~~python\n```\n~~~\n", "C:```"},
    {"`````python\n```\n````\n`````\n", "C:```\n````"},
    {"```python\nx\n``````   \ny\n", "C:x|M:y"},
    {"``` python title=\"a\"\nx\n```\n", "C:x"},
    {"```\tpython\t\nx\n```\n", "C:x"},
    {"  ```python\n  x\n    y\n z\n  ```\n", "C:x\n  y\nz"},
    {"   ```python\n   x\n```\n", "C:x"},
    {"    ```python\n    x\n    ```\n", "M:    ```python\n    x\n    ```"},
    {"```python\nx\n    ```\n", "C:x\n    ```"},
    {"``python\nx\n``\n", "M:``python\nx\n``"},
    {"```python `a`\nx\n", "M:```python `a`\nx"},
    {"> ```python\n> x\n> ```\n", "M:> ```python\n> x\n> ```"},
    /* Other languages, and what only looks like Python, stay text. */
    {"```c\nint x;\n```\n", "M:```c\nint x;\n```"},
    {"```\nx\n```\n", "M:```\nx\n```"},
    {"```pythonic\nx\n```\n", "M:```pythonic\nx\n```"},
    {"```py\nx\n```\n", "M:```py\nx\n```"},
    {"~~~\n```python\nx\n```\n~~~\n", "M:~~~\n```python\nx\n```\n~~~"},
    {"a\n```c\n\n```\n\n```python\nx\n```\n", "M:a\n```c\n\n```|C:x"},
    {"<!--\n```python\nx\n```\n-->\n```python\ny\n```\n", "M:<!--\n```python\nx\n```\n-->|C:y"},
    {"<!-- one line -->\n```python\ny\n```\n", "M:<!-- one line -->|C:y"},
    /* Open at the end of the file. */
    {"```python\nx\n", "C:x"},
    {"```python\nx", "C:x"},
    {"```python\nx\n\n", "C:x\n"},
    {"```python\n", "C:"},
    {"```python", "C:"},
    {"```c\nx\n\n```python\n", "M:```c\nx\n\n```python"},
    {"<!--\n```python\nx\n\n\n", "M:<!--\n```python\nx\n\n"},
    /* Lines that end in CR LF, and a mixture. */
    {"a\r\n\r\n```python\r\nx\r\n\r\ny\r\n```\r\n\r\nb\r\n", "M:a|C:x\n\ny|M:b"},
    {"a\nb\r\nc\n", "M:a\nb\nc"},
    {"a\rb\n", "M:a\rb"},
    {"\xef\xbb\xbf```python\nx\n```\n", "C:x"},
    /* Metadata. */
    {"<!-- saddle: a=b -->\n```python\nx\n```\n", "C:x"},
    {"a\n\n<!-- saddle: a=b -->\n\n<!--saddle:c-->\n```python\nx\n```\n", "M:a|C:x"},
    {"a\n\n<!-- saddle: cell -->\n\nb\n", "M:a|M:b"},
    {"a\n<!-- saddle: cell -->\nb\n<!-- saddle: cell -->\nc\n", "M:a|M:b|M:c"},
    {"\n<!-- saddle: cell -->\nb\n", "M:b"},
    {"a\n<!-- saddle: key=1 -->\nb\n", "M:a|M:b"},
    {"<!-- saddle: cell -->\n", "M:"},
    {"<!-- saddle: cell -->\n<!-- saddle: cell -->\n", "M:|M:"},
    {"<!-- saddle: cell -->\n\n```python\nx\n```\n", "M:|C:x"},
    {"<!-- saddle: k -->\n<!-- saddle: cell -->\nx", "M:|M:x"},
    {"<!-- saddle: cell -->\n<!-- saddle: k -->\n```python\nx\n```\n", "M:|C:x"},
    {"<!-- saddle: cells -->\nx\n", "M:x"},
    {"<!-- saddle: cell --> tail\nx\n", "M:<!-- saddle: cell --> tail\nx"},
    {"a <!-- saddle: cell -->\nx\n", "M:a <!-- saddle: cell -->\nx"},
    {"<!-- saddle cell -->\nx\n", "M:<!-- saddle cell -->\nx"},
    {"    <!-- saddle: cell -->\nx\n", "M:    <!-- saddle: cell -->\nx"},
    {"```c\n<!-- saddle: cell -->\n```\n", "M:```c\n<!-- saddle: cell -->\n```"},
    {"```python\n<!-- saddle: cell -->\n```\n", "C:<!-- saddle: cell -->"},
};

Test(notebook_parse, reads_and_writes_back)
{
    for (size_t i = 0; i < sizeof(readings) / sizeof(*readings); i++) {
        struct notebook *nb = parse(readings[i].file);
        cr_expect_str_eq(cells(nb), readings[i].cells, "%s\ngives %s", readings[i].file, cells(nb));
        cr_expect_str_eq(written(nb), readings[i].file);
        cr_expect_not(nb->modified);
        notebook_free(nb);
    }
}

Test(notebook_parse, takes_zero_bytes_as_text)
{
    static const char file[] = "a\0b\n```python\n\0\n```\n\0";
    struct notebook *nb = notebook_parse(file, sizeof(file) - 1);
    struct strbuf out = STRBUF_INIT;
    cr_assert_eq(nb->cells.count, 3);
    cr_assert_eq(nb->cells.at[1]->source.length, 1);
    notebook_write(nb, &out);
    cr_assert_eq(out.length, sizeof(file) - 1);
    cr_assert_arr_eq(out.text, file, out.length);
    strbuf_release(&out);
    notebook_free(nb);
}

Test(notebook_parse, numbers_cells_once)
{
    struct notebook *nb = parse("a\n\n```python\nx\n```\n\nb\n");
    cr_assert_eq(notebook_find(nb, nb->cells.at[2]->id), 2);
    cr_assert_eq(notebook_find(nb, nb->cells.at[0]->id), 0);
    cr_assert_eq(notebook_find(nb, 0), -1);
    cr_assert_eq(notebook_find(nb, 99), -1);
    cr_assert_neq(nb->cells.at[0]->id, nb->cells.at[1]->id);
    notebook_free(nb);
}

Test(notebook_parse, finds_the_title)
{
    static const struct reading titles[] = {
        {"# A tour\n", "A tour"},
        {"text\n\n##  Two ##  \n", "Two"},
        {"```\n# no\n```\n\n# yes\n", "yes"},
        {"```python\n# comment\n```\n\n### deep #1\n", "deep #1"},
        {"#no space\n####### seven\n#\n# real\n", "real"},
        {"a\n\n<!-- saddle: cell -->\n\n# second cell\r\n", "second cell"},
    };
    for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++) {
        struct notebook *nb = parse(titles[i].file);
        char *title = notebook_title(nb);
        cr_assert_str_eq(title, titles[i].cells);
        mem_free(title);
        notebook_free(nb);
    }
    struct notebook *nb = parse("no heading\n\n```python\n# x\n```\n");
    cr_assert_null(notebook_title(nb));
    cr_assert_not(error_pending());
    notebook_free(nb);
}
