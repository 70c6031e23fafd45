/*
 * palette.h: every action by its description: type a few letters, Enter does it.
 */
#ifndef SADDLE_TUI_PALETTE_H
#define SADDLE_TUI_PALETTE_H

#include "tui/editor.h"
#include "tui/keys.h"

#include <stdbool.h>

struct app;

struct palette {
    bool active;
    struct editor wanted;
    int selected; /* among those that match */
};

void palette_open(struct app *app);
void palette_input(struct app *app, const struct input *input);
void palette_draw(struct app *app);

#endif
