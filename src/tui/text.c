#include "tui/text.h"

#include <string.h>
#include <utf8proc.h>

enum { RUNE_SUBSTITUTE = 0xFFFD, RUNE_CONTROL = 0x00B7 };

/* Bytes of the rune at `text`; *rune is what to show for it. */
static size_t rune_at(const char *text, size_t length, uint32_t *rune)
{
    utf8proc_int32_t code;
    utf8proc_ssize_t used;

    if ((unsigned char)text[0] < 0x80) {
        *rune = (unsigned char)text[0];
        return 1;
    }
    used = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)length, &code);
    if (used <= 0) {
        *rune = RUNE_SUBSTITUTE;
        return 1;
    }
    *rune = (uint32_t)code;
    return (size_t)used;
}

static bool is_control(uint32_t rune)
{
    return rune < 0x20 || (rune >= 0x7f && rune < 0xa0);
}

static struct grapheme grapheme_of_ascii(unsigned char c)
{
    struct grapheme g = {.rune_count = 1, .width = 1, .length = 1};

    g.runes[0] = is_control(c) ? RUNE_CONTROL : c;
    if (c == '\t') {
        g.runes[0] = ' ';
        g.width = TEXT_TAB;
    }
    return g;
}

struct grapheme text_grapheme(const char *text, size_t length)
{
    struct grapheme g = {0};
    utf8proc_int32_t state = 0;
    uint32_t rune, next;
    size_t used;

    if ((unsigned char)text[0] < 0x80 && (length == 1 || (unsigned char)text[1] < 0x80))
        return grapheme_of_ascii((unsigned char)text[0]);
    g.length = rune_at(text, length, &rune);
    if (is_control(rune)) {
        g = grapheme_of_ascii((unsigned char)(rune < 0x80 ? rune : 0x7f));
        g.length = rune < 0x80 ? 1 : 2;
        return g;
    }
    g.runes[g.rune_count++] = rune;
    g.width = utf8proc_charwidth((utf8proc_int32_t)rune);
    while (g.length < length) {
        used = rune_at(text + g.length, length - g.length, &next);
        if (is_control(next) || utf8proc_grapheme_break_stateful((utf8proc_int32_t)rune,
                                                                 (utf8proc_int32_t)next, &state))
            break;
        if (g.rune_count < TEXT_GRAPHEME_RUNES)
            g.runes[g.rune_count++] = next;
        g.length += used;
        rune = next;
    }
    if (g.width < 1) { /* a mark that stands alone, or an unassigned code */
        g.runes[0] = RUNE_SUBSTITUTE;
        g.rune_count = 1;
        g.width = 1;
    }
    return g;
}

/* Bytes of the rune that ends at `at` (0 when at is 0). */
static size_t text_rune_before(const char *text, size_t at)
{
    size_t start = at;

    if (at == 0)
        return 0;
    do
        start--;
    while (start > 0 && at - start < 4 && ((unsigned char)text[start] & 0xC0) == 0x80);
    return at - start;
}

size_t text_grapheme_before(const char *text, size_t at)
{
    size_t start = at, line = at, here, used;

    if (at == 0 || text[at - 1] == '\n')
        return at == 0 ? 0 : 1;
    while (line > 0 && text[line - 1] != '\n' && at - line < 256)
        line -= text_rune_before(text, line);
    for (here = line; here < at; here += used) {
        start = here;
        used = text_grapheme(text + here, at - here).length;
    }
    return at - start;
}

int text_width(const char *text, size_t length)
{
    size_t at = 0;
    int width = 0;

    while (at < length) {
        struct grapheme g = text_grapheme(text + at, length - at);

        width += g.width;
        at += g.length;
    }
    return width;
}

size_t text_at_column(const char *text, size_t length, int column, int *reached)
{
    size_t at = 0;
    int width = 0;

    while (at < length) {
        struct grapheme g = text_grapheme(text + at, length - at);

        if (width + g.width > column)
            break;
        width += g.width;
        at += g.length;
    }
    if (reached)
        *reached = width;
    return at;
}

size_t text_fit(const char *text, size_t length, int width)
{
    return text_at_column(text, length, width, NULL);
}

size_t text_wrap(const char *text, size_t length, int width, bool words)
{
    size_t fit = text_fit(text, length, width);
    size_t at;

    if (fit == length)
        return length;
    if (fit == 0)
        return text_grapheme(text, length).length;
    if (!words || text[fit] == ' ')
        return text[fit] == ' ' && words ? fit + 1 : fit;
    for (at = fit; at > 0 && text[at - 1] != ' ';)
        at--;
    return at > 0 ? at : fit;
}

void text_add_rune(struct strbuf *out, uint32_t rune)
{
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t length = utf8proc_encode_char((utf8proc_int32_t)rune, bytes);

    if (length > 0)
        strbuf_add(out, bytes, (size_t)length);
}

/* Bytes of the escape sequence at text[0] == ESC. */
static size_t escape_length(const char *text, size_t length)
{
    size_t at = 2;

    if (length < 2)
        return length;
    if (text[1] == '[') {
        while (at < length && (unsigned char)text[at] < 0x40)
            at++;
        return at < length ? at + 1 : length;
    }
    if (text[1] == ']') {
        while (at < length && text[at] != '\a' && text[at] != '\033')
            at++;
        if (at < length && text[at] == '\033')
            at++;
        return at < length ? at + 1 : length;
    }
    return 2;
}

void text_plain(struct strbuf *out, const char *text, size_t length)
{
    size_t line = out->length; /* where the line that is being written starts */
    size_t at = 0, run;

    while (at < length) {
        if (text[at] == '\033') {
            at += escape_length(text + at, length - at);
        } else if (text[at] == '\r') {
            if (at + 1 < length && text[at + 1] != '\n' && text[at + 1] != '\r')
                strbuf_splice(out, line, out->length - line, "", 0);
            at++;
        } else if (text[at] == '\b') {
            if (out->length > line)
                strbuf_splice(out, out->length - text_rune_before(out->text, out->length),
                              out->length, "", 0);
            at++;
        } else if (text[at] == '\n') {
            strbuf_addch(out, '\n');
            line = out->length;
            at++;
        } else {
            for (run = 1; at + run < length && !strchr("\033\r\b\n", text[at + run]);)
                run++;
            strbuf_add(out, text + at, run);
            at += run;
        }
    }
}
