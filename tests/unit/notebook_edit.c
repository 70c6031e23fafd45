#include "notebook_help.h"

#include <stdio.h>

static const char file[] = "# A\n\n```python\nx = 1\ny = 2\n```\n\ntext\n";

Test(notebook_edit, splits_at_an_offset)
{
    static const struct {
        const char *text;
        size_t offset;
        const char *cells;
    } splits[] = {
        {"ab\ncd", 3, "C:ab|C:cd"},   {"ab\ncd", 2, "C:ab|C:cd"},
        {"ab\ncd", 1, "C:a|C:b\ncd"}, {"ab", 0, "C:|C:ab"},
        {"ab", 2, "C:ab|C:"},         {"ab", 99, "C:ab|C:"},
        {"a\n\nb", 2, "C:a|C:\nb"},   {"", 0, "C:|C:"},
        {"\n", 0, "C:|C:"},           {"\xc3\xa4x", 1, "C:|C:\xc3\xa4x"},
    };
    for (size_t i = 0; i < sizeof(splits) / sizeof(*splits); i++) {
        struct notebook *nb = notebook_new();
        set(nb, 0, splits[i].text);
        uint64_t id = nb->cells.at[0]->id;
        cr_assert(notebook_split(nb, 0, splits[i].offset));
        cr_assert_str_eq(cells(nb), splits[i].cells);
        cr_assert_eq(nb->cells.at[0]->id, id);
        cr_assert_neq(nb->cells.at[1]->id, id);
        notebook_free(nb);
    }
}

Test(notebook_edit, merges_with_the_cell_below)
{
    struct notebook *nb = parse(file);
    cr_assert(notebook_merge(nb, 1));
    cr_assert_str_eq(cells(nb), "M:# A|C:x = 1\ny = 2\ntext");
    cr_assert(notebook_merge(nb, 0));
    cr_assert_str_eq(cells(nb), "M:# A\n\nx = 1\ny = 2\ntext");
    cr_assert_not(notebook_merge(nb, 0));
    cr_assert_not(notebook_merge(nb, SIZE_MAX));
    while (notebook_undo(nb, NULL))
        ;
    cr_assert_str_eq(written(nb), file);
    notebook_free(nb);
}

Test(notebook_edit, an_empty_cell_adds_no_line)
{
    struct notebook *nb = notebook_new();
    notebook_insert(nb, 1, CELL_CODE, "x");
    notebook_merge(nb, 0);
    cr_assert_str_eq(cells(nb), "C:x");
    notebook_free(nb);
}

Test(notebook_edit, the_last_cell_leaves_an_empty_one)
{
    struct notebook *nb = parse("text\n");
    uint64_t id = nb->cells.at[0]->id;
    size_t index = 9;
    notebook_delete(nb, 0);
    cr_assert_str_eq(cells(nb), "C:");
    cr_assert_neq(nb->cells.at[0]->id, id);
    cr_assert(notebook_undo(nb, &index));
    cr_assert_str_eq(cells(nb), "M:text");
    cr_assert_eq(nb->cells.at[0]->id, id);
    cr_assert_eq(index, 0);
    cr_assert_not(notebook_undo(nb, &index));
    notebook_free(nb);
}

Test(notebook_edit, a_position_out_of_range_does_nothing)
{
    struct notebook *nb = parse(file);
    notebook_delete(nb, 3);
    notebook_move(nb, 0, 3);
    notebook_move(nb, 3, 0);
    notebook_set_kind(nb, 3, CELL_CODE);
    notebook_set_source(nb, 3, "x", 1);
    cr_assert_not(notebook_split(nb, 3, 0));
    cr_assert_not(notebook_merge(nb, 2));
    cr_assert_not(nb->modified);
    struct cell *cell = notebook_insert(nb, 77, CELL_CODE, NULL);
    cr_assert_eq(notebook_find(nb, cell->id), 3);
    notebook_free(nb);
}

Test(notebook_edit, moves_to_a_position)
{
    struct notebook *nb = parse(file);
    size_t index;
    notebook_move(nb, 0, 2);
    cr_assert_str_eq(cells(nb), "C:x = 1\ny = 2|M:text|M:# A");
    notebook_undo(nb, &index);
    cr_assert_str_eq(written(nb), file);
    notebook_redo(nb, &index);
    cr_assert_eq(index, 2);
    cr_assert_str_eq(cells(nb), "C:x = 1\ny = 2|M:text|M:# A");
    notebook_free(nb);
}

Test(notebook_edit, undo_goes_back_through_everything_and_redo_forward)
{
    struct notebook *nb = parse(file);
    struct strbuf states[9] = {0};
    for (int i = 0; i < 9; i++) {
        switch (i) {
        case 1:
            set(nb, 1, "z");
            break;
        case 2:
            notebook_insert(nb, 0, CELL_CODE, "first");
            break;
        case 3:
            notebook_split(nb, 0, 2);
            break;
        case 4:
            notebook_move(nb, 4, 0);
            break;
        case 5:
            notebook_delete(nb, 2);
            break;
        case 6:
            notebook_set_kind(nb, 0, CELL_CODE);
            break;
        case 7:
            notebook_merge(nb, 1);
            break;
        case 8:
            notebook_delete(nb, 0);
            break;
        default:
            break;
        }
        strbuf_init(&states[i]);
        notebook_write(nb, &states[i]);
        if (i > 0)
            cr_assert_str_neq(states[i].text, states[i - 1].text);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 8; i-- > 0;) {
            cr_assert(notebook_undo(nb, NULL));
            cr_assert_str_eq(written(nb), states[i].text);
        }
        cr_assert_not(notebook_undo(nb, NULL));
        for (int i = 1; i < 9; i++) {
            cr_assert(notebook_redo(nb, NULL));
            cr_assert_str_eq(written(nb), states[i].text);
        }
        cr_assert_not(notebook_redo(nb, NULL));
    }
    for (int i = 0; i < 9; i++)
        strbuf_release(&states[i]);
    notebook_free(nb);
}

Test(notebook_edit, a_new_edit_forgets_what_was_undone)
{
    struct notebook *nb = parse(file);
    notebook_insert(nb, 0, CELL_CODE, "gone");
    notebook_undo(nb, NULL);
    set(nb, 0, "# B");
    cr_assert_not(notebook_redo(nb, NULL));
    notebook_undo(nb, NULL);
    cr_assert_str_eq(written(nb), file);
    notebook_free(nb);
}

Test(notebook_edit, modified_is_about_the_content)
{
    struct notebook *nb = parse(file);
    cr_assert_not(nb->modified);
    set(nb, 0, "# A");
    cr_assert_not(nb->modified, "the same text is no edit");
    set(nb, 0, "# B");
    cr_assert(nb->modified);
    notebook_undo(nb, NULL);
    cr_assert_not(nb->modified);
    notebook_redo(nb, NULL);
    cr_assert(nb->modified);
    notebook_free(nb);
}

Test(notebook_edit, undo_is_bounded)
{
    struct notebook *nb = notebook_new();
    char text[32];
    int undone = 0;
    for (int i = 0; i < 1500; i++) {
        snprintf(text, sizeof(text), "%d", i);
        set(nb, 0, text);
    }
    while (notebook_undo(nb, NULL))
        undone++;
    cr_assert_eq(undone, 1000);
    cr_assert_str_eq(source(nb, 0), "499");
    cr_assert(nb->modified);
    notebook_free(nb);
}

Test(notebook_edit, a_deleted_cell_comes_back_with_its_outputs)
{
    struct notebook *nb = parse(file);
    cell_add_output(nb->cells.at[1], OUTPUT_STDOUT, "out\n", 4);
    struct cell *cell = nb->cells.at[1];
    notebook_delete(nb, 1);
    notebook_undo(nb, NULL);
    cr_assert_eq(nb->cells.at[1], cell);
    cr_assert_eq(cell->outputs.count, 1);
    cr_assert_str_eq(cell->outputs.at[0].text.text, "out\n");
    notebook_free(nb);
}

static void edit(struct notebook *nb, int which)
{
    switch (which) {
    case 0:
        notebook_insert(nb, 1, CELL_CODE, "new");
        break;
    case 1:
        notebook_delete(nb, 1);
        break;
    case 2:
        notebook_move(nb, 0, 2);
        break;
    case 3:
        notebook_set_kind(nb, 1, CELL_MARKDOWN);
        break;
    case 4:
        set(nb, 1, "other");
        break;
    case 5:
        notebook_split(nb, 1, 5);
        break;
    case 6:
        notebook_merge(nb, 1);
        break;
    default:
        break;
    }
}

Test(notebook_edit, without_memory_the_document_stays_as_it_was)
{
    for (int which = 0; which < 7; which++) {
        for (long allowed = 0;; allowed++) {
            struct notebook *nb = parse(file);
            cr_assert_lt(allowed, 50);
            mem_fail_after(allowed);
            edit(nb, which);
            mem_fail_after(-1);
            bool failed = error_pending();
            error_clear();
            if (failed) {
                cr_assert_str_eq(written(nb), file, "edit %d, allocation %ld", which, allowed);
                cr_assert_not(nb->modified);
                cr_assert_not(notebook_undo(nb, NULL));
            } else {
                cr_assert_str_neq(written(nb), file);
                cr_assert(nb->modified);
            }
            notebook_free(nb);
            if (!failed)
                break;
        }
    }
}

Test(notebook_edit, reading_without_memory_is_an_error)
{
    for (long allowed = 0;; allowed++) {
        cr_assert_lt(allowed, 100);
        mem_fail_after(allowed);
        struct notebook *nb = notebook_parse(file, sizeof(file) - 1);
        mem_fail_after(-1);
        if (nb) {
            notebook_free(nb);
            break;
        }
        cr_assert_eq(error_kind(), ERROR_MEMORY);
        error_clear();
    }
}
