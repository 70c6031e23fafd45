#include "tui/editor.h"

#include <criterion/criterion.h>
#include <string.h>

static struct editor editor;

static void open_at(const char *text, size_t cursor)
{
    editor_set(&editor, text, strlen(text));
    editor_place(&editor, cursor, false);
}

static void setup(void)
{
    editor_init(&editor);
}

static void teardown(void)
{
    editor_release(&editor);
}

TestSuite(tui_editor, .init = setup, .fini = teardown);

#define expect(wanted, at)                                                                         \
    do {                                                                                           \
        cr_assert_str_eq(editor.text.text, wanted);                                                \
        cr_assert_eq(editor.cursor, (size_t)(at), "cursor at %zu", editor.cursor);                 \
    } while (0)

Test(tui_editor, a_colon_indents_the_next_line)
{
    open_at("for i in x:", 11);
    editor_newline(&editor, true);
    expect("for i in x:\n    ", 16);
    editor_insert(&editor, "pass", 4);
    editor_newline(&editor, true);
    expect("for i in x:\n    pass\n", 21);
}

Test(tui_editor, markdown_keeps_the_indentation_as_it_is)
{
    open_at("  - item:", 9);
    editor_newline(&editor, false);
    expect("  - item:\n  ", 12);
}

Test(tui_editor, backspace_in_the_indentation_goes_to_its_step)
{
    open_at("      x", 6);
    editor_backspace(&editor);
    expect("    x", 4);
    editor_backspace(&editor);
    expect("x", 0);
    editor_backspace(&editor);
    expect("x", 0);
}

Test(tui_editor, backspace_joins_lines_and_takes_whole_graphemes)
{
    open_at("a\nb", 2);
    editor_backspace(&editor);
    expect("ab", 1);
    open_at("e\xcc\x81\xe4\xb8\x96", 6);
    editor_backspace(&editor);
    expect("e\xcc\x81", 3);
    editor_backspace(&editor);
    expect("", 0);
}

Test(tui_editor, up_and_down_keep_the_column_over_short_lines)
{
    open_at("abcdef\nx\nabcdef", 5);
    cr_assert(editor_move(&editor, EDITOR_DOWN, false));
    cr_assert_eq(editor.cursor, 8);
    cr_assert(editor_move(&editor, EDITOR_DOWN, false));
    cr_assert_eq(editor.cursor, 14);
    cr_assert_not(editor_move(&editor, EDITOR_DOWN, false));
    cr_assert(editor_move(&editor, EDITOR_UP, false));
    cr_assert(editor_move(&editor, EDITOR_UP, false));
    cr_assert_eq(editor.cursor, 5);
    cr_assert_not(editor_move(&editor, EDITOR_UP, false));
}

Test(tui_editor, columns_are_those_of_the_terminal)
{
    open_at("\xe4\xb8\x96\xe7\x95\x8c"
            "a\nabcdef",
            6);
    editor_move(&editor, EDITOR_DOWN, false);
    cr_assert_eq(editor.cursor, 8 + 4);
}

Test(tui_editor, words_and_the_smart_start_of_a_line)
{
    open_at("    loss.backward()", 19);
    editor_move(&editor, EDITOR_WORD_LEFT, false);
    cr_assert_eq(editor.cursor, 9);
    editor_move(&editor, EDITOR_LINE_START, false);
    cr_assert_eq(editor.cursor, 4);
    editor_move(&editor, EDITOR_LINE_START, false);
    cr_assert_eq(editor.cursor, 0);
    editor_move(&editor, EDITOR_WORD_RIGHT, false);
    cr_assert_eq(editor.cursor, 8);
}

Test(tui_editor, typing_is_undone_by_words_and_done_again)
{
    const char *typed = "one two";

    open_at("", 0);
    for (; *typed; typed++)
        editor_insert(&editor, typed, 1);
    expect("one two", 7);
    cr_assert(editor_undo(&editor));
    expect("one", 3);
    cr_assert(editor_undo(&editor));
    expect("", 0);
    cr_assert_not(editor_undo(&editor));
    cr_assert_not(editor_changed(&editor));
    cr_assert(editor_redo(&editor));
    cr_assert(editor_redo(&editor));
    expect("one two", 7);
    cr_assert_not(editor_redo(&editor));
}

Test(tui_editor, a_new_change_forgets_what_was_undone)
{
    open_at("x", 1);
    editor_insert(&editor, "a", 1);
    editor_undo(&editor);
    editor_insert(&editor, "b", 1);
    cr_assert_not(editor_redo(&editor));
    expect("xb", 2);
}

Test(tui_editor, paste_takes_the_selections_place_in_one_step)
{
    open_at("keep old keep", 5);
    editor_place(&editor, 8, true);
    editor_insert(&editor, "a\r\nb\rc", 6);
    expect("keep a\nb\nc keep", 10);
    editor_undo(&editor);
    cr_assert_str_eq(editor.text.text, "keep old keep");
}

Test(tui_editor, tab_indents_the_selected_lines_and_back)
{
    open_at("a\n  b\nc", 0);
    editor_place(&editor, 5, true);
    editor_indent(&editor);
    cr_assert_str_eq(editor.text.text, "    a\n      b\nc");
    editor_unindent(&editor);
    cr_assert_str_eq(editor.text.text, "a\n  b\nc");
    editor_unindent(&editor);
    cr_assert_str_eq(editor.text.text, "a\nb\nc");
    editor_undo(&editor);
    cr_assert_str_eq(editor.text.text, "a\n  b\nc");
}

Test(tui_editor, unindent_keeps_the_cursor_on_its_character)
{
    open_at("x\n      yz", 9);
    editor_unindent(&editor);
    expect("x\n  yz", 5);
    editor_unindent(&editor);
    expect("x\nyz", 3);
}

Test(tui_editor, comments_on_and_off)
{
    open_at("if a:\n    b", 0);
    editor_select_all(&editor);
    editor_toggle_comment(&editor);
    cr_assert_str_eq(editor.text.text, "# if a:\n    # b");
    editor_toggle_comment(&editor);
    cr_assert_str_eq(editor.text.text, "if a:\n    b");
}

Test(tui_editor, a_completion_replaces_its_bytes)
{
    open_at("torch.ze(2)", 8);
    editor_replace(&editor, 0, 8, "torch.zeros", 11);
    expect("torch.zeros(2)", 11);
    editor_replace(&editor, 5, 100, "no", 2);
    expect("torch.zeros(2)", 11);
}
