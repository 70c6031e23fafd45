#define _GNU_SOURCE /* strcasestr */
#include "tui/actions.h"

#include <stdio.h>
#include <string.h>

static const struct action_row rows[ACTION_COUNT] = {
#define ACTION(name, section, command, edit, start, hint, help)                                    \
    [ACTION_##name] = {section, {command, edit, start}, hint, help},
#define MOTION(move, keys, help) [ACTION_motion_##move] = {"Cursor", {"", keys, ""}, "", help},
#include "tui/actions.def"
#undef ACTION
#undef MOTION
};

const struct action_row *action_row(enum action action)
{
    return &rows[action];
}

/* The next alternative of a key list: one key, or the two of a chord. False at the end. */
static bool next_keys(const char **list, struct key keys[2], int *count)
{
    const char *at = *list + strspn(*list, " ");
    size_t length = strcspn(at, " ");
    const char *comma = length > 2 ? memchr(at, ',', length) : NULL;

    if (length == 0)
        return false;
    *list = at + length;
    *count = comma ? 2 : 1;
    if (!comma)
        return key_parse(at, length, &keys[0]);
    return key_parse(at, (size_t)(comma - at), &keys[0]) &&
           key_parse(comma + 1, length - (size_t)(comma - at) - 1, &keys[1]);
}

static enum action match(const char *list, enum action action, const struct key *pending,
                         struct key key)
{
    enum action found = ACTION_NONE;
    struct key keys[2];
    int count;

    while (next_keys(&list, keys, &count)) {
        if (pending) {
            if (count == 2 && key_equal(keys[0], *pending) && key_equal(keys[1], key))
                return action;
        } else if (key_equal(keys[0], key)) {
            if (count == 1)
                return action;
            found = ACTION_PENDING;
        }
    }
    return found;
}

enum action action_find(enum key_mode mode, const struct key *pending, struct key key)
{
    enum action best = ACTION_NONE, found;
    int i;

    for (i = 0; i < ACTION_COUNT; i++) {
        found = match(rows[i].keys[mode], (enum action)i, pending, key);
        if (found < ACTION_COUNT)
            return found;
        if (found == ACTION_PENDING)
            best = found;
    }
    return best;
}

void action_keys(enum action action, enum key_mode mode, int most, struct strbuf *out)
{
    const char *list = rows[action].keys[mode];
    struct key keys[2];
    int count, shown = 0;

    while (shown < most && next_keys(&list, keys, &count)) {
        if (shown++)
            strbuf_adds(out, ", ");
        key_label(keys[0], out);
        if (count == 2) {
            strbuf_addch(out, ' ');
            key_label(keys[1], out);
        }
    }
}

bool action_matches(enum action action, const char *wanted)
{
    char word[64];
    size_t length;

    for (wanted += strspn(wanted, " "); *wanted; wanted += strspn(wanted, " ")) {
        length = strcspn(wanted, " ");
        snprintf(word, sizeof(word), "%.*s", (int)length, wanted);
        if (!strcasestr(rows[action].help, word) && !strcasestr(rows[action].section, word))
            return false;
        wanted += length;
    }
    return true;
}
