/*
 * process.h: a child process at the other end of a socket, started and ended (internal to
 * client.c).
 */
#ifndef SADDLE_PROTOCOL_PROCESS_H
#define SADDLE_PROTOCOL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process {
    pid_t pid; /* 0: none */
    int fd;    /* our end of the socket, nonblocking; -1: none */
};

/* Runs this program again as `saddle --kernel FD`, in a session of its own (so that the terminal's
 * Ctrl-C does not reach it), in `folder` (NULL: this one), with empty standard streams and no other
 * open file. It dies with the thread that called this. false with ERROR_IO. */
bool process_start(struct process *process, const char *folder);

/* Waits at most `limit_ms` for the end, then kills; children of the kernel are killed as well. Says
 * in `reason` how it ended ("exited with status 3"), and leaves `process` empty. */
void process_end(struct process *process, int limit_ms, char *reason, size_t size);

#endif
