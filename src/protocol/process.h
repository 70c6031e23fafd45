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
    pid_t pid;    /* 0: none */
    int fd;       /* our end of the socket, nonblocking; -1: none */
    int words_fd; /* its standard error */
};

/* How it ended ("exited with status 3"), and what it said on its standard error: for a kernel that
 * is what a crash says, all other text goes through the socket. */
struct process_ending {
    char reason[96];
    char words[4096];
};

/* Runs this program again as `saddle --kernel FD`, in a session of its own (so that the terminal's
 * Ctrl-C does not reach it), in `folder` (NULL: this one), without input and without other open
 * files. It dies with the thread that called this. false with ERROR_IO. */
bool process_start(struct process *process, const char *folder);

/* Waits at most `limit_ms` for the end, then kills; children of the kernel are killed as well.
 * Leaves `process` empty. */
void process_end(struct process *process, int limit_ms, struct process_ending *ending);

#endif
