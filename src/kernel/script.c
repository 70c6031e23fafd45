#include "kernel/interpreter.h"

#include "kernel/script.h"

#include "base/error.h"
#include "kernel/channel.h"
#include "kernel/live.h"
#include "protocol/client.h"
#include "protocol/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_NO_FILE = 2, STATUS_NO_PYTHON = 1, DRAW_LIMIT_MS = 20000 };

/* ---- The drawing process ---------------------------------------------------------------------*/

static int integer_of(const struct frame *frame, const char *name)
{
    return (int)json_integer_value(json_object_get(frame->header, name));
}

static void write_all(int fd, const struct strbuf *bytes)
{
    for (size_t sent = 0; sent < bytes->length;) {
        ssize_t count = send(fd, bytes->text + sent, bytes->length - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR)
            return; /* the program is gone; the next read sees it */
        sent += count > 0 ? (size_t)count : 0;
    }
}

static void render(const struct script_host *host, int fd, const struct frame *request)
{
    const char *format = json_string_value(json_object_get(request->header, "format"));
    json_t *plot = json_object_get(request->header, "plot"), *header;
    struct strbuf picture = STRBUF_INIT, answer = STRBUF_INIT;
    bool done = host->render(host->context, plot, format ? format : "",
                             integer_of(request, "width"), integer_of(request, "height"), &picture);

    header = json_pack("{si,ss*}", "request", integer_of(request, "request"), "error",
                       done ? NULL : error_message());
    error_clear();
    if (frame_write(&answer, REQUEST_RENDERED, 0, header, picture.text, done ? picture.length : 0))
        write_all(fd, &answer);
    json_decref(header);
    strbuf_release(&picture);
    strbuf_release(&answer);
}

/* Until the program's end of the socket is closed, which its death does as well. */
static _Noreturn void draw(const struct script_host *host, int fd)
{
    struct frame_reader reader;
    struct frame frame;
    int got = 0;

    frame_reader_init(&reader);
    while (got >= 0) {
        while ((got = frame_reader_next(&reader, &frame)) > 0) {
            if (frame.kind == EVENT_RENDER && host->render)
                render(host, fd, &frame);
            else if (frame.kind == EVENT_PLOT && host->show)
                host->show(host->context, json_object_get(frame.header, "plot"),
                           integer_of(&frame, "id"));
            error_clear();
            frame_release(&frame);
        }
        if (got == 0 && frame_reader_fill(&reader, fd) == FRAME_INPUT_END)
            break;
    }
    fflush(stderr);
    _exit(0);
}

static _Noreturn void become_drawer(const struct script_host *host, int fd)
{
    int empty = open("/dev/null", O_RDWR);

    /* In a session of its own, Ctrl-C does not reach it. Forked twice, it is no child of the
     * program, which may wait for all its children. And it does not keep the program's pipes. */
    setsid();
    if (fork() != 0)
        _exit(0);
    dup2(empty, STDIN_FILENO);
    dup2(empty, STDOUT_FILENO);
    close(empty);
    draw(host, fd);
}

/* Without a drawing process there are no display hooks: saving a plot says so. */
static void start_drawer(const struct script_host *host)
{
    int ends[2];
    pid_t pid;

    if (!host || (!host->render && !host->show) ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        become_drawer(host, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return;
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    channel_open(ends[0], NULL);
    live_install(NULL);
}

/* Lets the drawing process finish what was shown. */
static void finish_drawer(void)
{
    struct pollfd socket = {.fd = channel_fd(), .events = POLLIN};

    if (socket.fd >= 0 && shutdown(socket.fd, SHUT_WR) == 0)
        poll(&socket, 1, DRAW_LIMIT_MS);
    channel_close();
}

/* ---- The program -----------------------------------------------------------------------------*/

static int run(const struct interpreter_program *program, const struct script_host *host)
{
    int status;

    start_drawer(host);
    if (!interpreter_start(program)) {
        fprintf(stderr, "saddle: %s\n", error_message());
        return STATUS_NO_PYTHON;
    }
    status = Py_RunMain();
    finish_drawer();
    return status;
}

int script_run_file(const char *path, int argc, char **argv, const struct script_host *host)
{
    const struct interpreter_program program = {.file = path, .argc = argc, .argv = argv};

    if (access(path, R_OK) != 0) {
        fprintf(stderr, "saddle: can't open file '%s': %s\n", path, strerror(errno));
        return STATUS_NO_FILE;
    }
    return run(&program, host);
}

int script_run_code(const char *code, int argc, char **argv, const struct script_host *host)
{
    struct interpreter_program program = {.argc = argc, .argv = argv};
    struct strbuf lines = STRBUF_INIT;
    int status;

    strbuf_addf(&lines, "%s\n", code); /* as python3 does: the last line needs its end */
    program.command = lines.text;
    status = run(&program, host);
    strbuf_release(&lines);
    return status;
}
