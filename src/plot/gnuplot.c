#define _GNU_SOURCE /* memfd_create, pipe2 */
#include "plot/gnuplot.h"

#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { MARK_LENGTH = 40, COMPLAINT_MAX = 2000, SCRIPT_FD = 3 };

struct gnuplot {
    pid_t pid;               /* 0: none runs */
    int in, out, err;        /* our ends; -1 while none runs */
    int script;              /* a file in memory that gnuplot loads */
    bool no_cairo, no_gd;    /* this gnuplot lacks pngcairo, or png */
    int limit;               /* ms */
    struct strbuf complaint; /* what it wrote to stderr during this exchange */
    /* Nobody who writes a plot can know it, so it is found in gnuplot's output only where the
     * answer ends. */
    char mark[MARK_LENGTH];
};

enum outcome { DONE, DIED, FAILED };

struct gnuplot *gnuplot_new(void)
{
    struct gnuplot *g = mem_zero(1, sizeof(*g));
    if (!g)
        return NULL;
    g->in = g->out = g->err = g->script = -1;
    g->limit = GNUPLOT_LIMIT_MS;
    strbuf_init(&g->complaint);
    return g;
}

void gnuplot_set_limit(struct gnuplot *g, int milliseconds)
{
    g->limit = milliseconds;
}

pid_t gnuplot_pid(const struct gnuplot *g)
{
    return g->pid;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Ends the process and returns its wait status. It holds nothing that a kill could lose. */
static int stop(struct gnuplot *g)
{
    int status = 0;
    close_fd(&g->in);
    close_fd(&g->out);
    close_fd(&g->err);
    close_fd(&g->script);
    if (g->pid > 0) {
        kill(g->pid, SIGKILL);
        while (waitpid(g->pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    g->pid = 0;
    return status;
}

void gnuplot_free(struct gnuplot *g)
{
    if (!g)
        return;
    stop(g);
    strbuf_release(&g->complaint);
    mem_free(g);
}

static int make_mark(struct gnuplot *g)
{
    unsigned char bytes[12];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return error_set(ERROR_IO, "cannot get random bytes: %s", strerror(errno));
    int length = snprintf(g->mark, sizeof(g->mark), "picture-");
    for (size_t i = 0; i < sizeof(bytes); i++)
        length += snprintf(g->mark + length, sizeof(g->mark) - (size_t)length, "%02x", bytes[i]);
    return 0;
}

/* The child gets a process group of its own, so that Ctrl-C at the terminal does not reach it, and
 * default signals. Returns an errno. */
static int spawn(pid_t *pid, int in, int out, int err, int script)
{
    static char name[] = "gnuplot", no_startup_files[] = "-d";
    char *const argv[] = {name, no_startup_files, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (failed) {
        posix_spawn_file_actions_destroy(&actions);
        return failed;
    }
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions, script, SCRIPT_FD);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    failed = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static int start(struct gnuplot *g)
{
    /* A socket as stdin: writing to it with MSG_NOSIGNAL raises no SIGPIPE. */
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, failed = 0;
    if (make_mark(g))
        return -1;
    g->script = memfd_create("saddle-plot", MFD_CLOEXEC);
    if (g->script < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) ||
        pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
        failed = errno;
    if (!failed)
        failed = spawn(&g->pid, in[1], out[1], err[1], g->script);
    close_fd(&in[1]);
    close_fd(&out[1]);
    close_fd(&err[1]);
    g->in = in[0];
    g->out = out[0];
    g->err = err[0];
    if (failed) {
        g->pid = 0;
        stop(g);
        if (failed == ENOENT)
            return error_set(ERROR_IO, "gnuplot is not installed: plots need the package "
                                       "gnuplot-nox (or gnuplot)");
        return error_set(ERROR_IO, "cannot start gnuplot: %s", strerror(failed));
    }
    fcntl(g->in, F_SETFL, O_NONBLOCK);
    fcntl(g->out, F_SETFL, O_NONBLOCK);
    fcntl(g->err, F_SETFL, O_NONBLOCK);
    return 0;
}

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Reads what is there. False at the end of the stream. */
static bool drain(int fd, struct strbuf *to, size_t most)
{
    char bytes[65536];
    for (;;) {
        ssize_t length = read(fd, bytes, sizeof(bytes));
        if (length > 0) {
            size_t room = most > to->length ? most - to->length : 0;
            strbuf_add(to, bytes, (size_t)length < room ? (size_t)length : room);
        } else if (length == 0) {
            return false;
        } else if (errno != EINTR) {
            return errno == EAGAIN;
        }
    }
}

/* True once the answer is whole: it ends with the mark alone on a line. */
static bool answered(const struct gnuplot *g, const struct strbuf *answer)
{
    size_t length = strlen(g->mark);
    return answer->length > length && answer->text[answer->length - 1] == '\n' &&
           !memcmp(answer->text + answer->length - 1 - length, g->mark, length);
}

static enum outcome died(struct gnuplot *g)
{
    drain(g->err, &g->complaint, COMPLAINT_MAX);
    stop(g);
    return DIED;
}

/* Sends the commands and reads until the answer is whole. */
static enum outcome talk(struct gnuplot *g, const struct strbuf *commands, struct strbuf *answer)
{
    long long end = now_ms() + g->limit;
    size_t sent = 0;
    while (!answered(g, answer)) {
        long long left = end - now_ms();
        if (left <= 0) {
            stop(g);
            error_set(ERROR_IO, "gnuplot took longer than %.3g s and was stopped",
                      g->limit / 1000.0);
            return FAILED;
        }
        struct pollfd fds[] = {{.fd = g->out, .events = POLLIN},
                               {.fd = g->err, .events = POLLIN},
                               {.fd = sent < commands->length ? g->in : -1, .events = POLLOUT}};
        if (poll(fds, 3, (int)left) < 0 && errno != EINTR)
            return died(g);
        if (fds[2].revents) {
            ssize_t length =
                send(g->in, commands->text + sent, commands->length - sent, MSG_NOSIGNAL);
            if (length < 0 && errno != EAGAIN && errno != EINTR)
                return died(g);
            sent += length > 0 ? (size_t)length : 0;
        }
        if (fds[1].revents && !drain(g->err, &g->complaint, COMPLAINT_MAX))
            return died(g);
        if (fds[0].revents && !drain(g->out, answer, SIZE_MAX))
            return died(g);
        if (answer->failed) {
            stop(g);
            return FAILED;
        }
    }
    drain(g->err, &g->complaint, COMPLAINT_MAX);
    return DONE;
}

/* gnuplot's complaint in one line: without the caret that points into a line nobody sees. */
static void report(struct gnuplot *g, const char *what, const char *text)
{
    struct strbuf line = STRBUF_INIT;
    for (const char *at = text; *at; at++) {
        bool blank = *at == ' ' || *at == '\t' || *at == '\n' || *at == '\r' || *at == '^';
        if (!blank)
            strbuf_addch(&line, *at);
        else if (line.length && line.text[line.length - 1] != ' ')
            strbuf_addch(&line, ' ');
    }
    if (line.length > 300)
        strbuf_splice(&line, 300, line.length - 300, "...", 3);
    error_set(ERROR_IO, "gnuplot %s%s%s", what, line.length ? ": " : "", line.text);
    strbuf_release(&line);
    strbuf_clear(&g->complaint);
}

/* Cuts gnuplot's own verdict off the answer, which ends with "MARK errno message MARK\n". */
static int verdict(struct gnuplot *g, struct strbuf *answer)
{
    size_t length = strlen(g->mark), end = answer->length - length - 1, at = end;
    do {
        if (at == 0) {
            stop(g);
            return error_set(ERROR_IO, "gnuplot gave an answer that makes no sense");
        }
        at--;
    } while (memcmp(answer->text + at, g->mark, length) != 0);
    answer->text[end] = '\0';
    char *message;
    long number = strtol(answer->text + at + length, &message, 10);
    if (number)
        report(g, "found an error", message);
    strbuf_splice(answer, at, answer->length - at, "", 0);
    return number ? -1 : 0;
}

static int put_script(struct gnuplot *g, const struct strbuf *script)
{
    if (ftruncate(g->script, 0) || lseek(g->script, 0, SEEK_SET) < 0)
        return error_set(ERROR_IO, "cannot pass a script to gnuplot: %s", strerror(errno));
    for (size_t done = 0; done < script->length;) {
        ssize_t length = write(g->script, script->text + done, script->length - done);
        if (length < 0 && errno != EINTR)
            return error_set(ERROR_IO, "cannot pass a script to gnuplot: %s", strerror(errno));
        done += length > 0 ? (size_t)length : 0;
    }
    return lseek(g->script, 0, SEEK_SET) < 0 ? -1 : 0;
}

/* Runs one script in a fresh state. gnuplot reads its stdin byte by byte, so the script, which
 * may be long, goes through a file in memory. */
static enum outcome exchange(struct gnuplot *g, const struct strbuf *script, struct strbuf *answer)
{
    struct strbuf commands = STRBUF_INIT;
    strbuf_clear(answer);
    strbuf_clear(&g->complaint);
    /* Leaving the terminal completes the picture. */
    strbuf_addf(&commands,
                "reset errors\nset print '-'\nreset\nundefine $*\nload '/dev/fd/%d'\n"
                "set terminal unknown\nset print '-'\n"
                "print '%s', GPVAL_ERRNO, ' ', GPVAL_ERRMSG, ' %s'\n",
                SCRIPT_FD, g->mark, g->mark);
    enum outcome outcome = FAILED;
    if (!commands.failed && put_script(g, script) == 0)
        outcome = talk(g, &commands, answer);
    strbuf_release(&commands);
    if (outcome == DONE && verdict(g, answer))
        outcome = FAILED;
    return outcome;
}

/* Starts gnuplot and asks what it can draw. */
static enum outcome start_and_ask(struct gnuplot *g)
{
    struct strbuf question = STRBUF_INIT, answer = STRBUF_INIT;
    if (start(g))
        return FAILED;
    strbuf_adds(&question, "print GPVAL_TERMINALS\n");
    enum outcome outcome = exchange(g, &question, &answer);
    g->no_cairo = !strstr(answer.text, " pngcairo ");
    g->no_gd = !strstr(answer.text, " png ");
    strbuf_release(&question);
    strbuf_release(&answer);
    if (outcome == FAILED)
        stop(g);
    return outcome;
}

static enum outcome ask_for_picture(struct gnuplot *g, const struct plot *plot,
                                    const struct plot_target *target, struct strbuf *picture)
{
    struct strbuf script = STRBUF_INIT;
    struct plot_target able = *target;
    able.no_cairo = g->no_cairo;
    able.no_gd = g->no_gd;
    enum outcome outcome = FAILED;
    if (able.no_cairo && target->format == PLOT_FORMAT_PDF)
        error_set(ERROR_IO, "this gnuplot cannot write PDF: install the package gnuplot-nox");
    else if (plot_script(plot, &able, &script) == 0)
        outcome = exchange(g, &script, picture);
    strbuf_release(&script);
    if (outcome == DONE && !picture->length) {
        report(g, "drew nothing", g->complaint.text);
        outcome = FAILED;
    }
    return outcome;
}

int gnuplot_render(struct gnuplot *g, const struct plot *plot, const struct plot_target *target,
                   struct strbuf *out)
{
    if (target->format == PLOT_FORMAT_SCRIPT)
        return plot_script(plot, target, out);
    struct strbuf picture = STRBUF_INIT;
    enum outcome outcome = DIED;
    /* One that died since the last picture is no reason to fail; one that dies at once is. */
    for (int tries = 0; tries < 2 && outcome == DIED; tries++) {
        outcome = g->pid ? DONE : start_and_ask(g);
        if (outcome == DONE)
            outcome = ask_for_picture(g, plot, target, &picture);
    }
    if (outcome == DIED)
        report(g, "died", g->complaint.text);
    if (outcome == DONE)
        strbuf_add(out, picture.text, picture.length);
    strbuf_release(&picture);
    return outcome == DONE && !out->failed ? 0 : -1;
}
