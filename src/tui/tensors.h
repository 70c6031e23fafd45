/*
 * tensors.h: the variables of the session as rows: shape, values, and the gradient beneath. Pure.
 */
#ifndef SADDLE_TUI_TENSORS_H
#define SADDLE_TUI_TENSORS_H

#include "tui/lines.h"

#include <jansson.h>

/* `tensors`: the array of EVENT_TENSORS (client.h), NULL: none yet. What is missing or of a wrong
 * type is left out. */
void tensors_layout(const json_t *tensors, int width, struct lines *lines);

/* Values as bars from low to high, at most `columns` of them. */
void tensors_sparkline(struct strbuf *out, const double *values, size_t count, int columns);

#endif
