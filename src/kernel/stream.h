/*
 * stream.h: what a cell prints, on its way to the front end.
 *
 * Text is gathered for 30 ms and then sent, so that a loop of prints makes few messages. A cell may
 * print a megabyte as fast as it likes and 32 KB per second after that; of what comes faster, the
 * last lines are sent twice a second and the others are counted. So an endless print costs neither
 * memory here nor time in the front end. All functions may be called from any thread.
 */
#ifndef SADDLE_KERNEL_STREAM_H
#define SADDLE_KERNEL_STREAM_H

#include <stddef.h>

enum stream_id { STREAM_STDOUT, STREAM_STDERR, STREAM_COUNT };

/* `wake` is called when there is something to do sooner than stream_wait() said last. */
void stream_open(void (*wake)(void));
/* A new cell may print a megabyte again. */
void stream_begin_cell(void);
void stream_write(enum stream_id id, const char *bytes, size_t length);
/* Sends soon: at once, unless that was done less than 5 ms ago. */
void stream_flush(enum stream_id id);
/* Sends everything now: called before any message that must not overtake the text. */
void stream_finish(void);

/* For the thread that keeps time: milliseconds until stream_tick() has something to do, -1: none.
 */
int stream_wait(void);
void stream_tick(void);

#endif
