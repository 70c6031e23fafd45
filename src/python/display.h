/*
 * display.h: how the modules torch and saddle show things without knowing who shows them.
 *
 * Whoever hosts Python (the kernel, or script mode) installs its hooks. Without hooks there is no
 * front end: a plot that is shown goes nowhere, a plot that is saved is an error. Use the
 * display_*() functions, they deal with that. Call them with the GIL held, from any thread.
 */
#ifndef SADDLE_PYTHON_DISPLAY_H
#define SADDLE_PYTHON_DISPLAY_H

#include <jansson.h>
#include <stdbool.h>

/* JSON arguments are borrowed, but a hook may keep a reference: do not change them afterwards.
 * false with the error set; ERROR_FOREIGN means that a Python exception is set (Ctrl-C). */
struct display_hooks {
    bool (*show)(json_t *plot, int id);
    bool (*save)(json_t *plot, const char *path, int width, int height);
    bool (*step)(json_t *values);
};
extern const struct display_hooks *display_hooks;

/* Shows a plot (plot.h, JSON form). A plot with the same id replaces the earlier one in place, so
 * that a picture can move; shown more than 30 times a second, only the newest is drawn. */
bool display_show(json_t *plot, int id);
/* Draws the plot into a file; the ending of `path` names the format. Sizes in pixels, 0: default.
 * Waits at most 20 seconds. ERROR_IO names the path. */
bool display_save(json_t *plot, const char *path, int width, int height);
/* A live value of a training loop: {"step": int, "loss": float, ...}; the newest wins when they
 * come faster than 30 a second. */
bool display_step(json_t *values);

#endif
