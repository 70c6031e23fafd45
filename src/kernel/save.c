#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernel/save.h"

#include "base/error.h"
#include "kernel/channel.h"
#include "kernel/clock.h"
#include "kernel/stream.h"
#include "protocol/client.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RENDER_LIMIT_MS = 20000, LOOK_MS = 250, FORMAT_LARGEST = 8 };

/* The ending of the path in lower case. */
static bool format_of(const char *path, char format[FORMAT_LARGEST])
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    size_t length = dot ? strlen(dot + 1) : 0;

    if (length == 0 || length >= FORMAT_LARGEST) {
        error_set(ERROR_VALUE,
                  "cannot save a plot as '%s': the name must end in the format, "
                  "such as .png or .svg",
                  path);
        return false;
    }
    for (size_t i = 0; i <= length; i++)
        format[i] = (char)tolower((unsigned char)dot[1 + i]);
    return true;
}

static bool write_file(const char *path, const char *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool written = fd >= 0;

    while (written && length) {
        ssize_t count = write(fd, bytes, length);
        if (count < 0 && errno == EINTR)
            continue;
        written = count >= 0;
        bytes += written ? count : 0;
        length -= written ? (size_t)count : 0;
    }
    if (fd >= 0 && close(fd) != 0)
        written = false;
    if (!written)
        error_set(ERROR_IO, "cannot save the plot as '%s': %s", path, strerror(errno));
    return written;
}

/* Waits without the GIL, but lets Ctrl-C through. */
static bool receive_answer(int request, struct frame *answer)
{
    int64_t end = clock_ms() + RENDER_LIMIT_MS;

    while (clock_ms() < end) {
        int got;
        Py_BEGIN_ALLOW_THREADS got = channel_receive(answer, LOOK_MS);
        Py_END_ALLOW_THREADS if (got < 0)
        {
            error_set(ERROR_RUNTIME, "cannot save a plot: the front end is gone");
            return false;
        }
        if (got > 0 && answer->kind == REQUEST_RENDERED &&
            json_integer_value(json_object_get(answer->header, "request")) == request)
            return true;
        if (got > 0)
            frame_release(answer); /* an answer that came too late, or a signal's companion */
        if (PyErr_CheckSignals() != 0)
            return error_set(ERROR_FOREIGN, "interrupted") == 0;
    }
    error_set(ERROR_RUNTIME, "cannot save a plot: no picture came within %d seconds",
              RENDER_LIMIT_MS / 1000);
    return false;
}

bool save_plot(json_t *plot, const char *path, int width, int height)
{
    static int request;
    char format[FORMAT_LARGEST];
    struct frame answer;
    const char *problem;
    json_t *header;
    bool saved = false;

    if (syscall(SYS_gettid) != getpid()) /* only the main thread reads the socket */
        return error_set(ERROR_RUNTIME, "a plot can be saved by the main thread only") == 0;
    if (!format_of(path, format))
        return false;
    stream_finish();
    header = json_pack("{si,sO,ss,si,si}", "request", ++request, "plot", plot, "format", format,
                       "width", width, "height", height);
    if (!channel_send(EVENT_RENDER, header, NULL, 0) || !receive_answer(request, &answer))
        return false;
    problem = json_string_value(json_object_get(answer.header, "error"));
    if (problem)
        error_set(ERROR_RUNTIME, "cannot save the plot as '%s': %s", path, problem);
    else
        saved = write_file(path, answer.blob, answer.blob_length);
    frame_release(&answer);
    return saved;
}
