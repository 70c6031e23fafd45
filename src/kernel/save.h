/* save.h: a plot drawn by the front end and written to a file by this process. */
#ifndef SADDLE_KERNEL_SAVE_H
#define SADDLE_KERNEL_SAVE_H

#include <jansson.h>
#include <stdbool.h>

/* The `save` of struct display_hooks. */
bool save_plot(json_t *plot, const char *path, int width, int height);

#endif
