/*
 * outputs.h: what a run left, as rows below the source. Part of cellview.h.
 */
#ifndef SADDLE_TUI_OUTPUTS_H
#define SADDLE_TUI_OUTPUTS_H

#include "tui/cellview.h"

/* Appends to view->lines and view->plots. */
void outputs_layout(struct cellview *view, const struct cell *cell,
                    const struct cellview_look *look);
/* 1234567 as "1,234,567". */
void add_grouped(struct strbuf *out, unsigned long number);

#endif
