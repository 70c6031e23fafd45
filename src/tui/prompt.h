/*
 * prompt.h: a question in the status line: a line of text, or one key out of a few.
 */
#ifndef SADDLE_TUI_PROMPT_H
#define SADDLE_TUI_PROMPT_H

#include "tui/editor.h"
#include "tui/keys.h"

#include <stdbool.h>

struct app;
/* `answer`: the text, or the key as one character. Not called when Esc was pressed. */
typedef void (*prompt_done)(struct app *app, const char *answer);

struct prompt {
    bool active;
    const char *question;
    const char *choices; /* NULL: a line of text */
    struct editor text;
    prompt_done done;
};

void prompt_text(struct app *app, const char *question, const char *initial, prompt_done done);
void prompt_choice(struct app *app, const char *question, const char *choices, prompt_done done);
void prompt_input(struct app *app, const struct input *input);
void prompt_draw(struct app *app, int row, int columns);
/* Keys of a line of text, for the prompt and the palette; false: not one of them. */
bool prompt_edit_key(struct editor *editor, const struct input *input);

#endif
