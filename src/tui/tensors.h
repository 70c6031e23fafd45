/*
 * tensors.h: the variables of the session as rows: shape, values, and the gradient beneath. Pure.
 */
#ifndef SADDLE_TUI_TENSORS_H
#define SADDLE_TUI_TENSORS_H

#include "tui/lines.h"

#include <jansson.h>

/* `tensors`: the array of EVENT_TENSORS (client.h), NULL: none yet; `before`: the one before it.
 * What is missing or of a wrong type is left out. A value that changed is STYLE_CHANGED, unless its
 * variable is new; a gradient also when it appears. Modules and tensors that gather a gradient come
 * first. */
void tensors_layout(const json_t *tensors, const json_t *before, int width, struct lines *lines);

/* Values as bars from low to high, at most `columns` of them. */
void tensors_sparkline(struct strbuf *out, const double *values, size_t count, int columns);

#endif
