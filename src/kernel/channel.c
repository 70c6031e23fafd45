#include "kernel/channel.h"

#include "base/error.h"
#include "kernel/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SEND_LIMIT_MS = 20000, COMPACT = 1 << 20 };

static struct {
    pthread_mutex_t lock; /* guards what follows; never held while waiting */
    int fd;
    uint64_t cell;
    struct strbuf out;
    size_t sent;
    void (*wake)(void);
    struct frame_reader reader; /* the main thread's */
} channel = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* A process that a cell forks has no business on this socket: the front end would see two kernels'
 * bytes mixed, and would not see the end of the real one. */
static void before_fork(void)
{
    pthread_mutex_lock(&channel.lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&channel.lock);
}

static void forked_child(void)
{
    if (channel.fd >= 0)
        close(channel.fd);
    channel.fd = -1;
    pthread_mutex_unlock(&channel.lock);
}

void channel_open(int fd, void (*wake)(void))
{
    channel.fd = fd;
    channel.wake = wake;
    strbuf_init(&channel.out);
    frame_reader_init(&channel.reader);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    pthread_atfork(before_fork, after_fork, forked_child);
}

void channel_close(void)
{
    pthread_mutex_lock(&channel.lock);
    if (channel.fd >= 0)
        close(channel.fd);
    channel.fd = -1;
    strbuf_release(&channel.out);
    frame_reader_release(&channel.reader);
    channel.sent = 0;
    pthread_mutex_unlock(&channel.lock);
}

int channel_fd(void)
{
    return channel.fd;
}

void channel_set_cell(uint64_t cell)
{
    pthread_mutex_lock(&channel.lock);
    channel.cell = cell;
    pthread_mutex_unlock(&channel.lock);
}

static void push_locked(void)
{
    ssize_t count;

    while (channel.sent < channel.out.length && channel.fd >= 0) {
        count = send(channel.fd, channel.out.text + channel.sent, channel.out.length - channel.sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (count < 0) /* the front end is gone; channel_receive() will see it */
            channel.sent = channel.out.length;
        else
            channel.sent += (size_t)count;
    }
    if (channel.sent == channel.out.length || channel.fd < 0) {
        strbuf_release(&channel.out);
        channel.sent = 0;
    } else if (channel.sent > COMPACT) { /* a slow reader must not make it grow for ever */
        strbuf_splice(&channel.out, 0, channel.sent, "", 0);
        channel.sent = 0;
    }
}

bool channel_send(uint32_t kind, json_t *header, const void *blob, size_t length)
{
    bool written, rest;

    pthread_mutex_lock(&channel.lock);
    written = frame_write(&channel.out, kind, channel.cell, header, blob, length);
    push_locked();
    rest = channel.out.length > 0;
    pthread_mutex_unlock(&channel.lock);
    json_decref(header);
    if (rest && channel.wake)
        channel.wake();
    else if (rest)
        channel_wait(0, SEND_LIMIT_MS);
    return written;
}

size_t channel_queued(void)
{
    size_t queued;

    pthread_mutex_lock(&channel.lock);
    queued = channel.out.length - channel.sent;
    pthread_mutex_unlock(&channel.lock);
    return queued;
}

void channel_push(void)
{
    pthread_mutex_lock(&channel.lock);
    push_locked();
    pthread_mutex_unlock(&channel.lock);
}

void channel_wait(size_t queued, int limit_ms)
{
    int64_t end = clock_ms() + limit_ms;

    while (channel_queued() > queued) {
        struct pollfd socket = {.fd = channel.fd, .events = POLLOUT};
        int64_t left = end - clock_ms();
        if (left <= 0 || poll(&socket, 1, (int)left) <= 0)
            return;
        channel_push();
    }
}

bool channel_idle(void)
{
    struct pollfd socket = {.fd = channel.fd, .events = POLLIN};

    return channel.reader.buffer.length == channel.reader.used && poll(&socket, 1, 0) == 0;
}

int channel_receive(struct frame *frame, int limit_ms)
{
    int64_t end = clock_ms() + limit_ms;
    struct pollfd socket = {.fd = channel.fd, .events = POLLIN};
    int got;

    while ((got = frame_reader_next(&channel.reader, frame)) == 0) {
        int64_t left = limit_ms < 0 ? -1 : end - clock_ms();
        if (channel.fd < 0)
            return -1;
        if (limit_ms >= 0 && left < 0)
            left = 0;
        if (poll(&socket, 1, (int)left) <= 0)
            return 0;
        if (frame_reader_fill(&channel.reader, channel.fd) == FRAME_INPUT_END)
            return -1;
    }
    return got;
}
