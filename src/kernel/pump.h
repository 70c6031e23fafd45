/*
 * pump.h: the kernel's second thread. It never touches Python.
 *
 * It moves queued messages to the socket, sends gathered text and pictures when their time has
 * come, and turns what anything writes to the descriptors 1 and 2 (a C library, a child process)
 * into EVENT_STREAM.
 */
#ifndef SADDLE_KERNEL_PUMP_H
#define SADDLE_KERNEL_PUMP_H

#include <stdbool.h>

/* Puts pipes in the place of descriptors 1 and 2 and starts the thread. false with ERROR_IO. */
bool pump_open(void);
/* Makes the thread look again at what there is to do. */
void pump_wake(void);
/* Takes over what has been written to descriptors 1 and 2 so far. */
void pump_drain(void);
/* The same before Python's own output, without asking more often than once a millisecond. */
void pump_catch_up(void);
/* Ends the thread. */
void pump_close(void);

#endif
