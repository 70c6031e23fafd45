/*
 * keys.h: what the terminal sends, decoded: keys, the mouse, pasted text, answers to questions.
 *
 * Understood are xterm's sequences, its modifyOtherKeys, the CSI-u form of the kitty protocol, SGR
 * mouse reports and bracketed paste. Pure: bytes go in, inputs come out.
 */
#ifndef SADDLE_TUI_KEYS_H
#define SADDLE_TUI_KEYS_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MOD_SHIFT = 1, MOD_ALT = 2, MOD_CTRL = 4 };

/* Keys that are no character; above all of Unicode. */
enum keypad {
    KEYPAD_ENTER = 0x110000,
    KEYPAD_TAB,
    KEYPAD_ESCAPE,
    KEYPAD_BACKSPACE,
    KEYPAD_UP,
    KEYPAD_DOWN,
    KEYPAD_LEFT,
    KEYPAD_RIGHT,
    KEYPAD_HOME,
    KEYPAD_END,
    KEYPAD_PAGE_UP,
    KEYPAD_PAGE_DOWN,
    KEYPAD_INSERT,
    KEYPAD_DELETE,
    KEYPAD_F1,
    KEYPAD_F12 = KEYPAD_F1 + 11,
    KEYPAD_UNKNOWN /* a sequence that means nothing to us */
};

struct key {
    uint32_t code; /* a character (shifted letters are capitals, without MOD_SHIFT) or a keypad */
    unsigned mods;
};

enum input_kind { INPUT_KEY, INPUT_MOUSE, INPUT_PASTE, INPUT_ANSWER };
enum mouse_button { MOUSE_LEFT, MOUSE_MIDDLE, MOUSE_RIGHT, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

struct input {
    enum input_kind kind;
    struct key key;
    enum mouse_button button; /* presses only; releases and motion are not reported */
    int row, column;          /* from 0 */
    const char *text;         /* PASTE, ANSWER (an OSC string); valid until the next call */
    size_t length;
};

struct key_decoder {
    struct strbuf bytes; /* not yet decoded */
    struct strbuf text;  /* the paste or answer last handed out */
};

#define KEY_DECODER_INIT                                                                           \
    ((struct key_decoder){.bytes = {.text = strbuf_empty}, .text = {.text = strbuf_empty}})

/* How long a lone ESC may be the start of a sequence. */
enum { KEY_ESCAPE_MS = 25 };

void key_decoder_release(struct key_decoder *decoder);
void key_decoder_feed(struct key_decoder *decoder, const char *bytes, size_t length);
/* The next input. False when there is none: then key_decoder_waiting() tells whether an unfinished
 * sequence lies there; call with `timeout` once KEY_ESCAPE_MS have passed to have it as it is. */
bool key_decoder_next(struct key_decoder *decoder, bool timeout, struct input *input);
bool key_decoder_waiting(const struct key_decoder *decoder);

bool key_equal(struct key a, struct key b);
/* "C-s", "S-Enter", "A-Up", "x", "Space"; false when it names no key. */
bool key_parse(const char *name, size_t length, struct key *key);
/* For people: "Ctrl-S", "Shift-Enter", "x". */
void key_label(struct key key, struct strbuf *out);

#endif
