/*
 * complete.h: what could stand at the cursor, through Python's rlcompleter.
 */
#ifndef SADDLE_KERNEL_COMPLETE_H
#define SADDLE_KERNEL_COMPLETE_H

#include "protocol/frame.h"

/* Answers a REQUEST_COMPLETE with EVENT_COMPLETE; without an idea the list is empty. */
void complete_answer(const struct frame *request);

#endif
