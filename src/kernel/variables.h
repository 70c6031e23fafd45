/*
 * variables.h: what the names of __main__ are, as EVENT_TENSORS.
 */
#ifndef SADDLE_KERNEL_VARIABLES_H
#define SADDLE_KERNEL_VARIABLES_H

/* Sends a summary of every tensor, module parameter and number. Cheap when little has changed. */
void variables_send(void);
void variables_close(void);

#endif
