/*
 * commands.h: what the actions do; one function for each row of actions.def.
 */
#ifndef SADDLE_TUI_COMMANDS_H
#define SADDLE_TUI_COMMANDS_H

#include <stdbool.h>

struct app;

#define ACTION(name, ...) void do_##name(struct app *app);
#define MOTION(...)
#include "tui/actions.def"
#undef ACTION
#undef MOTION

/* Saves unfinished work beside the file and says where on stderr; for a program that must end. */
void save_recovered(struct app *app);

#endif
