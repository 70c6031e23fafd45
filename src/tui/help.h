/*
 * help.h: the page of all keys, made from actions.def.
 */
#ifndef SADDLE_TUI_HELP_H
#define SADDLE_TUI_HELP_H

#include "tui/keys.h"
#include "tui/lines.h"

struct app;

void help_draw(struct app *app);
/* Scrolls or closes. */
void help_input(struct app *app, const struct input *input);

#endif
