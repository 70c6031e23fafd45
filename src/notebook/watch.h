/*
 * watch.h: notices that another program has written the document's file. Private to src/notebook.
 */
#ifndef SADDLE_NOTEBOOK_WATCH_H
#define SADDLE_NOTEBOOK_WATCH_H

#include "notebook/notebook.h"

/* Remembers the file at nb->path as it is now. */
void watch_remember(struct notebook *nb);

#endif
