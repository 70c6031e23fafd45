/*
 * live.h: plots and values of a running cell, at most 30 a second of each.
 *
 * What comes faster replaces what still waits: of a picture that moves, and of a training loop's
 * values, only the newest matters. Also the round trip that draws a plot into a file.
 */
#ifndef SADDLE_KERNEL_LIVE_H
#define SADDLE_KERNEL_LIVE_H

/* Installs the display hooks (python/display.h). `wake` is called when live_wait() got shorter;
 * NULL when nobody calls live_tick(), then every plot and value is sent at once. */
void live_install(void (*wake)(void));
/* Sends what waits: at the end of a cell. */
void live_finish(void);

/* For the thread that keeps time: milliseconds until live_tick() has something to do, -1: none. */
int live_wait(void);
void live_tick(void);

#endif
