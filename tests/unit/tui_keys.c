#include "tui/actions.h"
#include "tui/keys.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct key_decoder decoder;
static struct input input;

static void setup(void)
{
    decoder = KEY_DECODER_INIT;
}

static void teardown(void)
{
    key_decoder_release(&decoder);
}

TestSuite(tui_keys, .init = setup, .fini = teardown);

static bool next(const char *bytes)
{
    key_decoder_feed(&decoder, bytes, strlen(bytes));
    return key_decoder_next(&decoder, false, &input);
}

/* The name of the one key that `bytes` are. */
static const char *label_of(const char *bytes)
{
    static struct strbuf label = {.text = strbuf_empty};
    static char text[64];

    cr_assert(next(bytes), "nothing came of %s", bytes + 1);
    cr_assert_eq(input.kind, INPUT_KEY);
    key_label(input.key, &label);
    snprintf(text, sizeof(text), "%s", label.text);
    strbuf_release(&label);
    cr_assert_not(key_decoder_waiting(&decoder));
    return text;
}

Test(tui_keys, shift_enter_in_all_its_forms)
{
    cr_assert_str_eq(label_of("\033[13;2u"), "Shift-Enter");
    cr_assert_str_eq(label_of("\033[27;2;13~"), "Shift-Enter");
    cr_assert_str_eq(label_of("\033[13;2:1u"), "Shift-Enter");
    cr_assert_str_eq(label_of("\033[13;5u"), "Ctrl-Enter");
    cr_assert_str_eq(label_of("\r"), "Enter");
    cr_assert_str_eq(label_of("\n"), "Ctrl-J");
}

Test(tui_keys, sequences_of_the_keypad)
{
    cr_assert_str_eq(label_of("\033[A"), "↑");
    cr_assert_str_eq(label_of("\033OB"), "↓");
    cr_assert_str_eq(label_of("\033[1;5C"), "Ctrl-→");
    cr_assert_str_eq(label_of("\033[1;2D"), "Shift-←");
    cr_assert_str_eq(label_of("\033[6~"), "PgDn");
    cr_assert_str_eq(label_of("\033[15~"), "F5");
    cr_assert_str_eq(label_of("\033OP"), "F1");
    cr_assert_str_eq(label_of("\033[Z"), "Shift-Tab");
    cr_assert_str_eq(label_of("\177"), "Backspace");
    cr_assert_str_eq(label_of("\033x"), "Alt-x");
    cr_assert_str_eq(label_of("\033[97;5u"), "Ctrl-A");
    cr_assert_str_eq(label_of("\033[97;2u"), "A");
    cr_assert_str_eq(label_of("\xc3\xa9"), "é");
}

Test(tui_keys, escape_alone_needs_the_time_limit)
{
    cr_assert_not(next("\033"));
    cr_assert(key_decoder_waiting(&decoder));
    cr_assert(key_decoder_next(&decoder, true, &input));
    cr_assert_eq(input.key.code, KEYPAD_ESCAPE);
}

Test(tui_keys, a_sequence_may_arrive_byte_by_byte)
{
    cr_assert_not(next("\033"));
    cr_assert_not(next("["));
    cr_assert_not(next("1;5"));
    cr_assert(next("D"));
    cr_assert_eq(input.key.code, KEYPAD_LEFT);
    cr_assert_eq(input.key.mods, MOD_CTRL);
}

Test(tui_keys, a_paste_is_one_input)
{
    cr_assert_not(next("\033[200~x = 1\ny\033[A"));
    cr_assert(next("\033[201~q"));
    cr_assert_eq(input.kind, INPUT_PASTE);
    cr_assert_eq(input.length, 10);
    cr_assert_arr_eq(input.text, "x = 1\ny\033[A", 10);
    cr_assert(key_decoder_next(&decoder, false, &input));
    cr_assert_eq(input.key.code, 'q');
}

Test(tui_keys, the_mouse_reports_presses_and_the_wheel)
{
    cr_assert(next("\033[<0;12;5M"));
    cr_assert_eq(input.kind, INPUT_MOUSE);
    cr_assert_eq(input.button, MOUSE_LEFT);
    cr_assert_eq(input.column, 11);
    cr_assert_eq(input.row, 4);
    cr_assert_not(next("\033[<0;12;5m"));
    cr_assert(next("\033[<65;1;1M"));
    cr_assert_eq(input.button, MOUSE_WHEEL_DOWN);
}

Test(tui_keys, answers_are_no_keys)
{
    cr_assert(next("\033]11;rgb:ffff/ffff/ffff\033\\"));
    cr_assert_eq(input.kind, INPUT_ANSWER);
    cr_assert_eq(strncmp(input.text, "11;rgb:", 7), 0);
    cr_assert_not(next("\033[?62;4c"));
    cr_assert_not(key_decoder_waiting(&decoder));
}

Test(tui_keys, rubbish_is_passed_over)
{
    cr_assert_not(next("\033[99;99;99;99;99;99;99;99X"));
    cr_assert_not(key_decoder_waiting(&decoder));
    cr_assert(next("\xff"));
    cr_assert_not(next("\033[<999999999999;1"));
    cr_assert_not(key_decoder_next(&decoder, true, &input));
    cr_assert_not(key_decoder_waiting(&decoder));
}

/* Every key in actions.def is one, and no two actions of a mode share it. */
Test(tui_keys, the_key_map_is_sound)
{
    for (int mode = 0; mode < KEY_MODE_COUNT; mode++) {
        for (int i = 0; i < ACTION_COUNT; i++) {
            const char *at = action_row((enum action)i)->keys[mode];

            for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
                size_t length = strcspn(at, " ");
                const char *comma = length > 2 ? memchr(at, ',', length) : NULL;
                struct key first, second;
                enum action found;

                cr_assert(key_parse(at, comma ? (size_t)(comma - at) : length, &first), "%s", at);
                found = action_find((enum key_mode)mode, NULL, first);
                if (comma) {
                    cr_assert_eq(found, ACTION_PENDING, "%s", at);
                    cr_assert(key_parse(comma + 1, length - (size_t)(comma - at) - 1, &second));
                    found = action_find((enum key_mode)mode, &first, second);
                }
                cr_assert_eq((int)found, i, "%s in mode %d does something else", at, mode);
                at += length;
            }
        }
    }
}

Test(tui_keys, the_palette_finds_by_words)
{
    cr_assert(action_matches(ACTION_restart, "PYTHON"));
    cr_assert(action_matches(ACTION_run_all, "every run"));
    cr_assert(action_matches(ACTION_run_all, ""));
    cr_assert_not(action_matches(ACTION_restart, "plot"));
    cr_assert_not(action_matches(ACTION_run_all, "every plot"));
}
