/*
 * channel.h: this process's end of the socket to the front end. There is one.
 *
 * Sending never waits for the front end while a lock is held: messages queue up here, and a second
 * thread (pump.h) or the sender itself moves them on. All functions may be called from any thread
 * but channel_receive(), which is the main thread's.
 */
#ifndef SADDLE_KERNEL_CHANNEL_H
#define SADDLE_KERNEL_CHANNEL_H

#include "protocol/frame.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Takes over the socket. `wake` is called when messages wait that channel_push() is to move on;
 * NULL: every channel_send() waits until its message is out. */
void channel_open(int fd, void (*wake)(void));
void channel_close(void);
int channel_fd(void); /* -1: none */

/* Messages that are sent from now on belong to this cell. */
void channel_set_cell(uint64_t cell);

/* Queues a message and sends what the socket takes at once. `header` is taken over. false when the
 * message could not be made (the error is set); a front end that is gone is no error. */
bool channel_send(uint32_t kind, json_t *header, const void *blob, size_t length);
size_t channel_queued(void); /* bytes */
void channel_push(void);     /* sends what the socket takes now */
/* Waits until at most `queued` bytes wait here, or a signal came, or `limit_ms` have passed. */
void channel_wait(size_t queued, int limit_ms);

/* Whether channel_receive() would have to wait. */
bool channel_idle(void);
/* 1: the next message. 0: none within `limit_ms` (-1: no limit) or a signal came. -1: the front
 * end is gone or does not speak the protocol. */
int channel_receive(struct frame *frame, int limit_ms);

#endif
