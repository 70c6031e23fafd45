#define _GNU_SOURCE /* memmem */
#include "tui/keys.h"

#include "tui/text.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *label;
    uint32_t code;
} named[] = {
    {"Enter", "Enter", KEYPAD_ENTER},
    {"Tab", "Tab", KEYPAD_TAB},
    {"Esc", "Esc", KEYPAD_ESCAPE},
    {"Backspace", "Backspace", KEYPAD_BACKSPACE},
    {"Up", "↑", KEYPAD_UP},
    {"Down", "↓", KEYPAD_DOWN},
    {"Left", "←", KEYPAD_LEFT},
    {"Right", "→", KEYPAD_RIGHT},
    {"Home", "Home", KEYPAD_HOME},
    {"End", "End", KEYPAD_END},
    {"PgUp", "PgUp", KEYPAD_PAGE_UP},
    {"PgDn", "PgDn", KEYPAD_PAGE_DOWN},
    {"Insert", "Insert", KEYPAD_INSERT},
    {"Delete", "Delete", KEYPAD_DELETE},
    {"Space", "Space", ' '},
};
enum { NAMED_COUNT = sizeof(named) / sizeof(named[0]) };

/* CSI ... final letter, and SS3 letter. */
static const struct {
    char final;
    uint32_t code;
} letters[] = {
    {'A', KEYPAD_UP},     {'B', KEYPAD_DOWN},   {'C', KEYPAD_RIGHT}, {'D', KEYPAD_LEFT},
    {'H', KEYPAD_HOME},   {'F', KEYPAD_END},    {'P', KEYPAD_F1},    {'Q', KEYPAD_F1 + 1},
    {'R', KEYPAD_F1 + 2}, {'S', KEYPAD_F1 + 3}, {'M', KEYPAD_ENTER},
};

/* CSI number ~ */
static const uint32_t tildes[] = {
    [1] = KEYPAD_HOME,    [2] = KEYPAD_INSERT,    [3] = KEYPAD_DELETE,   [4] = KEYPAD_END,
    [5] = KEYPAD_PAGE_UP, [6] = KEYPAD_PAGE_DOWN, [7] = KEYPAD_HOME,     [8] = KEYPAD_END,
    [11] = KEYPAD_F1,     [12] = KEYPAD_F1 + 1,   [13] = KEYPAD_F1 + 2,  [14] = KEYPAD_F1 + 3,
    [15] = KEYPAD_F1 + 4, [17] = KEYPAD_F1 + 5,   [18] = KEYPAD_F1 + 6,  [19] = KEYPAD_F1 + 7,
    [20] = KEYPAD_F1 + 8, [21] = KEYPAD_F1 + 9,   [23] = KEYPAD_F1 + 10, [24] = KEYPAD_F1 + 11,
};

enum { PARAMETERS_MAX = 6, SEQUENCE_MAX = 64 };
static const char paste_start[] = "\033[200~", paste_end[] = "\033[201~";

void key_decoder_release(struct key_decoder *decoder)
{
    strbuf_release(&decoder->bytes);
    strbuf_release(&decoder->text);
}

void key_decoder_feed(struct key_decoder *decoder, const char *bytes, size_t length)
{
    strbuf_add(&decoder->bytes, bytes, length);
}

bool key_decoder_waiting(const struct key_decoder *decoder)
{
    return decoder->bytes.length > 0;
}

static void drop(struct key_decoder *decoder, size_t length)
{
    strbuf_splice(&decoder->bytes, 0, length, "", 0);
}

/* A character with modifiers, in the one form that key maps use. */
static struct key normal_key(uint32_t code, unsigned mods)
{
    struct key key = {code, mods & (MOD_SHIFT | MOD_ALT | MOD_CTRL)};

    switch (code) {
    case '\r':
        key.code = KEYPAD_ENTER;
        return key;
    case '\t':
        key.code = KEYPAD_TAB;
        return key;
    case 27:
        key.code = KEYPAD_ESCAPE;
        return key;
    case 8:
    case 127:
        key.code = KEYPAD_BACKSPACE;
        return key;
    case 0:
        return (struct key){' ', key.mods | MOD_CTRL};
    default:
        break;
    }
    if (code < 32)
        key = (struct key){code < 27 ? code + 'a' - 1 : code + '@', key.mods | MOD_CTRL};
    if (key.mods & MOD_CTRL && key.code >= 'A' && key.code <= 'Z')
        key.code += 'a' - 'A';
    if (key.mods & MOD_SHIFT && !(key.mods & MOD_CTRL) && key.code >= 'a' && key.code <= 'z')
        key.code -= 'a' - 'A';
    if (key.code > ' ' && key.code < KEYPAD_ENTER && !(key.mods & MOD_CTRL))
        key.mods &= ~(unsigned)MOD_SHIFT;
    return key;
}

static unsigned mods_of(int parameter)
{
    return parameter > 1 ? (unsigned)(parameter - 1) & 7 : 0;
}

/* "1;2:3;4" as numbers; the sub-parameters after a colon are of no use here. */
static int parse_parameters(const char *text, size_t length, int *values)
{
    int count = 0;
    bool skipping = false;
    size_t i;

    memset(values, 0, PARAMETERS_MAX * sizeof(*values));
    for (i = 0; i < length; i++) {
        if (text[i] == ';') {
            if (++count >= PARAMETERS_MAX)
                return PARAMETERS_MAX;
            skipping = false;
        } else if (text[i] == ':') {
            skipping = true;
        } else if (!skipping && text[i] >= '0' && text[i] <= '9' && values[count] < 0x110000) {
            values[count] = 10 * values[count] + text[i] - '0';
        }
    }
    return count + 1;
}

static bool mouse_input(const int *values, char final, struct input *input)
{
    int button = values[0];

    if (final != 'M' || button & 32) /* a release, or motion */
        return false;
    if (button & 64)
        input->button = button & 1 ? MOUSE_WHEEL_DOWN : MOUSE_WHEEL_UP;
    else
        input->button = (enum mouse_button)((button & 3) % 3);
    input->kind = INPUT_MOUSE;
    input->column = values[1] - 1;
    input->row = values[2] - 1;
    input->key.mods = (unsigned)(button >> 2) & 7;
    return true;
}

/* One whole CSI sequence, from after the bracket to its final byte. False: to be passed over. */
static bool csi_input(const char *text, size_t length, struct input *input)
{
    int values[PARAMETERS_MAX];
    char final = text[length - 1];
    int count;
    size_t i;

    if (text[0] == '<') {
        parse_parameters(text + 1, length - 2, values);
        return mouse_input(values, final, input);
    }
    if (text[0] == '?' || text[0] == '>')
        return false;
    count = parse_parameters(text, length - 1, values);
    input->kind = INPUT_KEY;
    if (final == 'u') {
        input->key = normal_key((uint32_t)values[0], mods_of(count > 1 ? values[1] : 1));
        return true;
    }
    if (final == 'Z') {
        input->key = (struct key){KEYPAD_TAB, MOD_SHIFT};
        return true;
    }
    if (final == '~' && values[0] == 27 && count > 2) {
        input->key = normal_key((uint32_t)values[2], mods_of(values[1]));
        return true;
    }
    input->key = (struct key){KEYPAD_UNKNOWN, mods_of(count > 1 ? values[1] : 1)};
    if (final == '~' && (size_t)values[0] < sizeof(tildes) / sizeof(tildes[0]) && tildes[values[0]])
        input->key.code = tildes[values[0]];
    for (i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (final == letters[i].final)
            input->key.code = letters[i].code;
    return input->key.code != KEYPAD_UNKNOWN;
}

static bool plain_input(struct key_decoder *decoder, size_t at, unsigned mods, bool timeout,
                        struct input *input)
{
    const char *text = decoder->bytes.text + at;
    size_t length = decoder->bytes.length - at;
    unsigned char first = (unsigned char)text[0];
    size_t wanted = first < 0xC0 || first >= 0xF8 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    struct grapheme rune;

    if (length < wanted && !timeout)
        return false;
    wanted = wanted < length ? wanted : length;
    input->kind = INPUT_KEY;
    if (first < 0x80) {
        input->key = normal_key(first, mods);
    } else {
        rune = text_grapheme(text, wanted);
        input->key = (struct key){rune.runes[0], mods};
    }
    drop(decoder, at + wanted);
    return true;
}

/* The end of the bracketed paste that the buffer starts with. */
static bool paste_input(struct key_decoder *decoder, bool *whole, struct input *input)
{
    size_t start = sizeof(paste_start) - 1;
    char *end = memmem(decoder->bytes.text + start, decoder->bytes.length - start, paste_end,
                       sizeof(paste_end) - 1);

    *whole = end != NULL;
    if (!end)
        return false;
    strbuf_clear(&decoder->text);
    strbuf_add(&decoder->text, decoder->bytes.text + start,
               (size_t)(end - decoder->bytes.text) - start);
    drop(decoder, (size_t)(end - decoder->bytes.text) + sizeof(paste_end) - 1);
    input->kind = INPUT_PASTE;
    input->text = decoder->text.text;
    input->length = decoder->text.length;
    return true;
}

/* ESC ] ... BEL or ST */
static bool answer_input(struct key_decoder *decoder, bool *whole, struct input *input)
{
    const char *text = decoder->bytes.text;
    size_t at = 2;

    while (at < decoder->bytes.length && text[at] != '\a' && text[at] != '\033')
        at++;
    *whole = at < decoder->bytes.length && (text[at] == '\a' || at + 1 < decoder->bytes.length);
    if (!*whole)
        return false;
    strbuf_clear(&decoder->text);
    strbuf_add(&decoder->text, text + 2, at - 2);
    drop(decoder, text[at] == '\a' ? at + 1 : at + 2);
    input->kind = INPUT_ANSWER;
    input->text = decoder->text.text;
    input->length = decoder->text.length;
    return true;
}

/* ESC at the front. *whole: a sequence was taken, though it may have meant nothing. */
static bool escape_input(struct key_decoder *decoder, bool timeout, bool *whole,
                         struct input *input)
{
    const char *text = decoder->bytes.text;
    size_t length = decoder->bytes.length, at = 2;
    bool known;

    *whole = false;
    if (length >= sizeof(paste_start) - 1 && !memcmp(text, paste_start, sizeof(paste_start) - 1))
        return paste_input(decoder, whole, input);
    if (length == 1 || (length == 2 && strchr("[O]", text[1]) && timeout)) {
        if (!timeout)
            return false;
        *whole = true;
        if (length == 2)
            return plain_input(decoder, 1, MOD_ALT, true, input);
        drop(decoder, 1);
        input->kind = INPUT_KEY;
        input->key = (struct key){KEYPAD_ESCAPE, 0};
        return true;
    }
    if (text[1] == ']')
        return answer_input(decoder, whole, input);
    if (text[1] != '[' && text[1] != 'O') {
        if (text[1] == '\033') { /* Esc, then something else */
            *whole = true;
            drop(decoder, 1);
            input->kind = INPUT_KEY;
            input->key = (struct key){KEYPAD_ESCAPE, 0};
            return true;
        }
        *whole = plain_input(decoder, 1, MOD_ALT, timeout, input);
        return *whole;
    }
    while (at < length && ((unsigned char)text[at] < 0x40 || text[at] == '['))
        at++;
    if (at == length) {
        if (timeout || length > SEQUENCE_MAX) {
            *whole = true;
            drop(decoder, length);
        }
        return false;
    }
    *whole = true;
    known = csi_input(text + 2, at - 1, input);
    drop(decoder, at + 1);
    return known;
}

bool key_decoder_next(struct key_decoder *decoder, bool timeout, struct input *input)
{
    memset(input, 0, sizeof(*input));
    while (decoder->bytes.length > 0) {
        bool whole;

        if (decoder->bytes.text[0] != '\033')
            return plain_input(decoder, 0, 0, timeout, input);
        if (escape_input(decoder, timeout, &whole, input))
            return true;
        if (!whole)
            return false;
    }
    return false;
}

bool key_equal(struct key a, struct key b)
{
    return a.code == b.code && a.mods == b.mods;
}

bool key_parse(const char *name, size_t length, struct key *key)
{
    struct grapheme rune;
    int i, number;

    *key = (struct key){0};
    while (length > 2 && name[1] == '-' && strchr("SAC", name[0])) {
        key->mods |= name[0] == 'S' ? MOD_SHIFT : name[0] == 'A' ? MOD_ALT : MOD_CTRL;
        name += 2;
        length -= 2;
    }
    if (length == 0)
        return false;
    for (i = 0; i < NAMED_COUNT; i++)
        if (strlen(named[i].name) == length && !memcmp(named[i].name, name, length)) {
            key->code = named[i].code;
            return true;
        }
    if (length > 1 && name[0] == 'F' && sscanf(name, "F%d", &number) == 1 && number >= 1 &&
        number <= 12) {
        key->code = KEYPAD_F1 + (uint32_t)number - 1;
        return true;
    }
    rune = text_grapheme(name, length);
    key->code = rune.runes[0];
    return rune.length == length;
}

void key_label(struct key key, struct strbuf *out)
{
    int i;

    if (key.mods & MOD_CTRL)
        strbuf_adds(out, "Ctrl-");
    if (key.mods & MOD_ALT)
        strbuf_adds(out, "Alt-");
    if (key.mods & MOD_SHIFT)
        strbuf_adds(out, "Shift-");
    for (i = 0; i < NAMED_COUNT; i++)
        if (named[i].code == key.code) {
            strbuf_adds(out, named[i].label);
            return;
        }
    if (key.code >= KEYPAD_F1 && key.code <= KEYPAD_F12)
        strbuf_addf(out, "F%d", (int)(key.code - KEYPAD_F1 + 1));
    else if (key.mods & MOD_CTRL && key.code >= 'a' && key.code <= 'z')
        strbuf_addch(out, (char)(key.code - 'a' + 'A'));
    else
        text_add_rune(out, key.code);
}
