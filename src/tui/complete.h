/*
 * complete.h: the list of completions under the cursor.
 */
#ifndef SADDLE_TUI_COMPLETE_H
#define SADDLE_TUI_COMPLETE_H

#include "base/vec.h"
#include "tui/keys.h"

#include <jansson.h>
#include <stdbool.h>

struct app;

struct completion {
    bool active;
    json_t *matches; /* an array of strings */
    size_t start, end, selected, cursor;
};

/* The answer to session_complete(): one match is put in at once, several are listed. */
void complete_show(struct app *app, json_t *header);
void complete_close(struct app *app);
/* True when the list used the key; other keys close it and mean what they always mean. */
bool complete_key(struct app *app, struct key key);
void complete_draw(struct app *app);

#endif
