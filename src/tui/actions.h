/*
 * actions.h: from keys to actions. The table is actions.def.
 */
#ifndef SADDLE_TUI_ACTIONS_H
#define SADDLE_TUI_ACTIONS_H

#include "base/strbuf.h"
#include "tui/keys.h"

#include <stdbool.h>
#include <stddef.h>

enum action {
#define ACTION(name, ...) ACTION_##name,
#define MOTION(move, ...) ACTION_motion_##move,
#include "tui/actions.def"
#undef ACTION
#undef MOTION
    ACTION_COUNT,
    ACTION_NONE = ACTION_COUNT,
    ACTION_PENDING /* the key may begin a chord */
};

enum key_mode { KEY_MODE_COMMAND, KEY_MODE_EDIT, KEY_MODE_START, KEY_MODE_COUNT };

struct action_row {
    const char *section;
    const char *keys[KEY_MODE_COUNT];
    const char *hint, *help;
};

const struct action_row *action_row(enum action action);

/* What `key` does in `mode`; `pending` is the key before it, when that gave ACTION_PENDING (else
 * NULL). */
enum action action_find(enum key_mode mode, const struct key *pending, struct key key);

/* The keys of an action in a mode for people: "r, Shift-Enter"; at most `most` of them. */
void action_keys(enum action action, enum key_mode mode, int most, struct strbuf *out);

/* Every word of `wanted` is in the action's help or section: how the palette searches. */
bool action_matches(enum action action, const char *wanted);

#endif
