#define _GNU_SOURCE /* pipe2 */

#include "kernel/pump.h"

#include "base/error.h"
#include "kernel/channel.h"
#include "kernel/clock.h"
#include "kernel/live.h"
#include "kernel/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { DRAIN_LIMIT = 1 << 20 };

static pthread_t thread;
static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;
static int pipes[STREAM_COUNT] = {-1, -1}; /* our ends */
static int wake_fd = -1;
static volatile bool ending;
static pid_t owner; /* the process that pumps */

static bool redirect(enum stream_id id, int target)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pipes[id] = ends[0];
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (dup2(ends[1], target) < 0)
        return false;
    close(ends[1]);
    return true;
}

/* Reads one pipe until it is empty; a child process may write without end, so there is a limit. */
static void drain(enum stream_id id)
{
    char bytes[16384];
    ssize_t count;

    for (size_t total = 0; total < DRAIN_LIMIT; total += (size_t)count) {
        count = read(pipes[id], bytes, sizeof(bytes));
        if (count <= 0)
            break;
        stream_write(id, bytes, (size_t)count);
    }
}

void pump_drain(void)
{
    fflush(NULL);
    pthread_mutex_lock(&reading);
    for (int id = 0; id < STREAM_COUNT; id++)
        drain((enum stream_id)id);
    pthread_mutex_unlock(&reading);
}

/* What a program that a cell ran has written must stand before what the cell prints next. Asked at
 * most once a millisecond: a loop of prints pays nothing. A forked child has no pump, and the pipes
 * are not its own. */
void pump_catch_up(void)
{
    static int64_t last;
    int64_t now = clock_ms();

    if (now == last || getpid() != owner)
        return;
    last = now;
    pthread_mutex_lock(&reading);
    for (int id = 0; id < STREAM_COUNT; id++)
        drain((enum stream_id)id);
    pthread_mutex_unlock(&reading);
}

static int soonest(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void *pump_run(void *unused)
{
    uint64_t count;

    while (!ending) {
        struct pollfd files[] = {
            {.fd = pipes[STREAM_STDOUT], .events = POLLIN},
            {.fd = pipes[STREAM_STDERR], .events = POLLIN},
            {.fd = wake_fd, .events = POLLIN},
            {.fd = channel_queued() ? channel_fd() : -1, .events = POLLOUT},
        };
        poll(files, sizeof(files) / sizeof(files[0]), soonest(stream_wait(), live_wait()));
        if (files[2].revents && read(wake_fd, &count, sizeof(count)) < 0)
            continue;
        if (files[3].revents)
            channel_push();
        pthread_mutex_lock(&reading);
        for (int id = 0; id < STREAM_COUNT; id++) {
            if (files[id].revents)
                drain((enum stream_id)id);
        }
        pthread_mutex_unlock(&reading);
        stream_tick();
        live_tick();
    }
    return unused;
}

bool pump_open(void)
{
    sigset_t all, before;
    int failed;

    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0 || !redirect(STREAM_STDOUT, STDOUT_FILENO) ||
        !redirect(STREAM_STDERR, STDERR_FILENO))
        return error_set(ERROR_IO, "cannot redirect the output: %s", strerror(errno)) == 0;
    owner = getpid();
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* Signals are the main thread's: there they end a sleep, and Python looks for them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, NULL, pump_run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return error_set(ERROR_IO, "cannot start a thread: %s", strerror(failed)) == 0;
    return true;
}

void pump_wake(void)
{
    uint64_t one = 1;

    if (write(wake_fd, &one, sizeof(one)) < 0)
        return; /* the counter is full: it is awake */
}

void pump_close(void)
{
    ending = true;
    pump_wake();
    pthread_join(thread, NULL);
}
