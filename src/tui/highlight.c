#include "tui/highlight.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const char *const keywords[] = {
    "and",    "as",   "assert", "async",  "await",    "break", "class", "continue", "def",
    "del",    "elif", "else",   "except", "finally",  "for",   "from",  "global",   "if",
    "import", "in",   "is",     "lambda", "nonlocal", "not",   "or",    "pass",     "raise",
    "return", "try",  "while",  "with",   "yield",    NULL,
};
static const char *const constants[] = {"True", "False", "None", "self", "cls", NULL};
static const char *const builtins[] = {
    "abs",       "all",    "any",        "bool",    "bytes",   "callable",     "dict",  "dir",
    "enumerate", "filter", "float",      "format",  "getattr", "hasattr",      "help",  "id",
    "input",     "int",    "isinstance", "iter",    "len",     "list",         "map",   "max",
    "min",       "next",   "object",     "open",    "print",   "property",     "range", "repr",
    "reversed",  "round",  "set",        "setattr", "sorted",  "staticmethod", "str",   "sum",
    "super",     "tuple",  "type",       "vars",    "zip",     NULL,
};

struct scanner {
    const char *text;
    size_t length, at;
    struct tokens *out;
};

void tokens_release(struct tokens *tokens)
{
    vec_release(&tokens->at);
}

static char peek(const struct scanner *s, size_t ahead)
{
    return s->at + ahead < s->length ? s->text[s->at + ahead] : '\0';
}

static void emit(struct scanner *s, size_t start, enum style style)
{
    struct token token = {start, s->at - start, style};

    (void)vec_push(&s->out->at, token);
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool in_table(const char *const *table, const char *word, size_t length)
{
    for (; *table; table++)
        if (strlen(*table) == length && !memcmp(*table, word, length))
            return true;
    return false;
}

static void scan_string(struct scanner *s, size_t start, bool raw)
{
    char quote = peek(s, 0);
    bool triple = peek(s, 1) == quote && peek(s, 2) == quote;

    s->at += triple ? 3 : 1;
    while (s->at < s->length) {
        if (peek(s, 0) == '\\' && s->at + 1 < s->length && (!raw || peek(s, 1) == quote)) {
            s->at += 2;
        } else if (peek(s, 0) == quote &&
                   (!triple || (peek(s, 1) == quote && peek(s, 2) == quote))) {
            s->at += triple ? 3 : 1;
            break;
        } else if (peek(s, 0) == '\n' && !triple) {
            break;
        } else {
            s->at++;
        }
    }
    emit(s, start, STYLE_STRING);
}

/* True when s->at stands on a string, after a prefix of at most two letters. */
static bool string_prefix(struct scanner *s, size_t *skip, bool *raw)
{
    size_t n = 0;

    *raw = false;
    while (n < 2 && peek(s, n) && strchr("rRbBuUfF", peek(s, n))) {
        *raw |= peek(s, n) == 'r' || peek(s, n) == 'R';
        n++;
    }
    *skip = n;
    return peek(s, n) == '"' || peek(s, n) == '\'';
}

static void scan_number(struct scanner *s)
{
    size_t start = s->at;
    bool decimal = !(peek(s, 0) == '0' && peek(s, 1) && strchr("xXoObB", peek(s, 1)));

    while (s->at < s->length) {
        char c = peek(s, 0);

        if (decimal && (c == 'e' || c == 'E') && (peek(s, 1) == '-' || peek(s, 1) == '+'))
            s->at += 2;
        else if (isalnum((unsigned char)c) || c == '.' || c == '_')
            s->at++;
        else
            break;
    }
    emit(s, start, STYLE_NUMBER);
}

static size_t blanks_ahead(const struct scanner *s)
{
    size_t n = 0;

    while (peek(s, n) == ' ' || peek(s, n) == '\t')
        n++;
    return n;
}

static void scan_name(struct scanner *s)
{
    size_t start = s->at, length;
    const char *word = s->text + start;

    while (s->at < s->length && is_name(s->text[s->at]))
        s->at++;
    length = s->at - start;
    if (start > 0 && s->text[start - 1] == '.')
        return;
    if (in_table(keywords, word, length)) {
        emit(s, start, STYLE_KEYWORD);
        if ((length == 3 && !memcmp(word, "def", 3)) ||
            (length == 5 && !memcmp(word, "class", 5))) {
            s->at += blanks_ahead(s);
            start = s->at;
            while (s->at < s->length && is_name(s->text[s->at]))
                s->at++;
            if (s->at > start)
                emit(s, start, STYLE_DEFINED);
        }
    } else if (in_table(constants, word, length)) {
        emit(s, start, STYLE_CONSTANT);
    } else if (in_table(builtins, word, length) && peek(s, blanks_ahead(s)) == '(') {
        emit(s, start, STYLE_BUILTIN);
    }
}

static bool at_line_start(const struct scanner *s)
{
    size_t at = s->at;

    while (at > 0 && (s->text[at - 1] == ' ' || s->text[at - 1] == '\t'))
        at--;
    return at == 0 || s->text[at - 1] == '\n';
}

static void scan_to_line_end(struct scanner *s, enum style style)
{
    size_t start = s->at;

    while (s->at < s->length && s->text[s->at] != '\n')
        s->at++;
    emit(s, start, style);
}

static void scan_decorator(struct scanner *s)
{
    size_t start = s->at++;

    while (s->at < s->length && (is_name(s->text[s->at]) || s->text[s->at] == '.'))
        s->at++;
    emit(s, start, STYLE_DECORATOR);
}

void highlight_python(const char *text, size_t length, struct tokens *tokens)
{
    struct scanner s = {text, length, 0, tokens};
    size_t skip;
    bool raw;

    while (s.at < s.length) {
        char c = text[s.at];

        if (c == '#') {
            scan_to_line_end(&s, STYLE_COMMENT);
        } else if (string_prefix(&s, &skip, &raw)) {
            size_t start = s.at;

            s.at += skip;
            scan_string(&s, start, raw);
        } else if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)peek(&s, 1)))) {
            scan_number(&s);
        } else if (is_name(c)) {
            scan_name(&s);
        } else if (c == '@' && at_line_start(&s)) {
            scan_decorator(&s);
        } else {
            s.at++;
        }
    }
}
