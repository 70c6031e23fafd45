#define _GNU_SOURCE /* memmem */

#include "notebook_help.h"

#include <stdint.h>

/* Deterministic: the same files on every machine. */
static uint64_t state;

static uint32_t next(uint32_t bound)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % bound;
}

static const char *const pieces[] = {"```python\n",
                                     "```\n",
                                     "~~~python\n",
                                     "~~~~\n",
                                     "   ````python x\n",
                                     "```c\n",
                                     "`",
                                     "~~~\r\n",
                                     "\n",
                                     "\r\n",
                                     "\r",
                                     " ",
                                     "    ",
                                     "\t",
                                     "text",
                                     "x = 1\n",
                                     "<!-- saddle: cell -->\n",
                                     "<!-- saddle: k=v -->\r\n",
                                     "<!--",
                                     "-->",
                                     "\n",
                                     "# h\n",
                                     "\xef\xbb\xbf",
                                     "\xc3\xa4",
                                     "\xff",
                                     "```python"};

static void add_piece(struct strbuf *file)
{
    if (next(10) == 0)
        strbuf_addch(file, (char)next(256));
    else
        strbuf_adds(file, pieces[next(sizeof(pieces) / sizeof(*pieces))]);
}

static void same(const struct strbuf *a, const struct strbuf *b)
{
    cr_assert_eq(a->length, b->length, "wrote:\n%s\ninstead of:\n%s", b->text, a->text);
    cr_assert_eq(memcmp(a->text, b->text, a->length), 0, "wrote:\n%s\ninstead of:\n%s", b->text,
                 a->text);
}

Test(notebook_fuzz, whatever_is_read_is_written_back)
{
    state = 20240607;
    for (int round = 0; round < 20000; round++) {
        struct strbuf file = STRBUF_INIT, out = STRBUF_INIT;
        for (uint32_t i = next(30); i > 0; i--)
            add_piece(&file);
        struct notebook *nb = notebook_parse(file.text, file.length);
        cr_assert_not_null(nb);
        cr_assert_gt(nb->cells.count, 0);
        notebook_write(nb, &out);
        same(&file, &out);
        notebook_free(nb);
        strbuf_release(&file);
        strbuf_release(&out);
    }
}

/* A return that ends no line has no place in a source. */
static void drop_returns(struct strbuf *file)
{
    for (size_t i = 0; i < file->length; i++)
        if (file->text[i] == '\r' && file->text[i + 1] != '\n')
            file->text[i] = 'r';
}

static void random_edit(struct notebook *nb)
{
    static const char *const texts[] = {
        "",          "a",           "x = 1\ny = 2", "# h\n\ntext",
        "s = '```'", "```\n~~~~\n", "  indented\n", "\xc3\xa4\n\n\xc3\xb6"};
    const char *text = texts[next(sizeof(texts) / sizeof(*texts))];
    size_t index = next((uint32_t)nb->cells.count);

    switch (next(9)) {
    case 0:
        notebook_insert(nb, index, next(2) ? CELL_CODE : CELL_MARKDOWN, text);
        break;
    case 1:
        notebook_delete(nb, index);
        break;
    case 2:
        notebook_move(nb, index, next((uint32_t)nb->cells.count));
        break;
    case 3:
        notebook_set_kind(nb, index, next(2) ? CELL_CODE : CELL_MARKDOWN);
        break;
    case 4:
        set(nb, index, text);
        break;
    case 5:
        notebook_split(nb, index, next(8));
        break;
    case 6:
        notebook_merge(nb, index);
        break;
    case 7:
        notebook_undo(nb, NULL);
        break;
    default:
        notebook_redo(nb, NULL);
        break;
    }
}

/* Every code cell is one again when the file is read, whatever the text around it leaves open. */
static void check_code(const struct notebook *nb, const struct strbuf *file)
{
    struct notebook *again = notebook_parse(file->text, file->length);
    size_t at = 0;

    for (size_t i = 0; i < nb->cells.count; i++) {
        const struct cell *cell = nb->cells.at[i];
        if (cell->kind != CELL_CODE || (!cell->layout.fence && !cell->touched))
            continue;
        while (at < again->cells.count &&
               (again->cells.at[at]->kind != CELL_CODE ||
                strcmp(again->cells.at[at]->source.text, cell->source.text) != 0))
            at++;
        cr_assert_lt(at++, again->cells.count, "no cell:\n%s\nin:\n%s", cell->source.text,
                     file->text);
    }
    notebook_free(again);
}

/* What is written after edits reads back, and what was not touched is in it. */
Test(notebook_fuzz, edits_leave_untouched_cells_and_come_back)
{
    state = 42;
    for (int round = 0; round < 5000; round++) {
        struct strbuf file = STRBUF_INIT, out = STRBUF_INIT, again = STRBUF_INIT;
        for (uint32_t i = next(20); i > 0; i--)
            add_piece(&file);
        drop_returns(&file);
        struct notebook *nb = notebook_parse(file.text, file.length);
        for (uint32_t i = next(12); i > 0; i--)
            random_edit(nb);
        notebook_write(nb, &out);
        for (size_t i = 0, at = 0; i < nb->cells.count; i++) {
            const struct cell *cell = nb->cells.at[i];
            if (cell->touched || (cell->kind == CELL_CODE && !cell->layout.fence))
                continue;
            const char *found =
                memmem(out.text + at, out.length - at, cell->raw.text, cell->raw.length);
            cr_assert_not_null(found, "lost:\n%s\nin:\n%s", cell->raw.text, out.text);
            at = (size_t)(found - out.text) + cell->raw.length;
        }
        if (nb->bom ||
            strncmp(out.text, "\xef\xbb\xbf", 3) != 0) /* a mark in the text came first */
            check_code(nb, &out);
        while (notebook_undo(nb, NULL))
            ;
        strbuf_clear(&again);
        notebook_write(nb, &again);
        same(&file, &again);
        notebook_free(nb);
        strbuf_release(&file);
        strbuf_release(&out);
        strbuf_release(&again);
    }
}

/* Code may hold anything, and text anything that opens no block: the same cells come back. */
Test(notebook_fuzz, cells_survive_saving)
{
    static const char *const code[] = {"",
                                       "x",
                                       "\n",
                                       "```",
                                       "````\n```",
                                       "~~~",
                                       "  a\n\n b\n",
                                       "<!-- saddle: cell -->",
                                       "'''\n```python\n'''"};
    static const char *const prose[] = {"",   "a", "a\n\nb", "    i", "> q", "```c\nint x;\n```",
                                        "- l"};
    state = 7;
    for (int round = 0; round < 5000; round++) {
        struct strbuf before = STRBUF_INIT;
        struct notebook *nb =
            notebook_parse("a\r\n\r\n```python\r\nb\r\n```\r\n", next(2) ? 24 : 0);
        for (uint32_t i = next(10); i > 0; i--) {
            bool is_code = next(2);
            size_t at = next((uint32_t)nb->cells.count + 1);
            notebook_insert(nb, at, is_code ? CELL_CODE : CELL_MARKDOWN,
                            is_code ? code[next(9)] : prose[next(7)]);
            if (next(3) == 0)
                notebook_move(nb, at, next((uint32_t)nb->cells.count));
        }
        strbuf_adds(&before, cells(nb));
        const char *out = written(nb);
        struct notebook *again = parse(out);
        cr_assert_str_eq(cells(again), before.text, "%s", out);
        strbuf_release(&before);
        notebook_free(again);
        notebook_free(nb);
    }
}
