/*
 * observe.h: watches the engine while a cell runs, for the front end: counts the optimizer steps.
 */
#ifndef SADDLE_KERNEL_OBSERVE_H
#define SADDLE_KERNEL_OBSERVE_H

/* Hangs the kernel's observer on the engine. */
void observe_install(void);
/* Starts counting anew. */
void observe_begin_cell(void);
/* Sends the last count, if steps were taken. */
void observe_finish(void);

#endif
