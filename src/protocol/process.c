#define _GNU_SOURCE /* close_range, pipe2, sigabbrev_np */

#include "protocol/process.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KERNEL_FD = 3, CANNOT_START = 127 };

static const struct process no_process = {.fd = -1, .words_fd = -1};

/* Between fork() and exec(): only calls that are safe in a signal handler. */
static void child_streams(int fd, int words_fd)
{
    int empty = open("/dev/null", O_RDWR);

    dup2(empty, STDIN_FILENO);
    dup2(empty, STDOUT_FILENO);
    if (dup2(words_fd, STDERR_FILENO) < 0 || dup2(fd, KERNEL_FD) < 0)
        _exit(CANNOT_START);
    fcntl(KERNEL_FD, F_SETFD, 0);
    if (close_range(KERNEL_FD + 1, ~0U, 0) != 0) {
        long last = sysconf(_SC_OPEN_MAX);
        for (int other = KERNEL_FD + 1; other < last; other++)
            close(other);
    }
}

static void child_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child_run(int fd, int words_fd, const char *folder, pid_t parent)
{
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(CANNOT_START);
    if (folder && chdir(folder) != 0)
        _exit(CANNOT_START);
    child_streams(fd, words_fd);
    child_signals();
    execl("/proc/self/exe", "saddle", "--kernel", "3", (char *)NULL);
    _exit(CANNOT_START);
}

/* Both ends above the numbers that the child gives to its own files. */
static bool open_ends(int socket[2], int words[2])
{
    bool done = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, socket) == 0 &&
                pipe2(words, O_CLOEXEC | O_NONBLOCK) == 0;

    while (done && (socket[1] <= KERNEL_FD || words[1] <= KERNEL_FD)) {
        int *low = socket[1] <= KERNEL_FD ? &socket[1] : &words[1];
        int high = fcntl(*low, F_DUPFD_CLOEXEC, KERNEL_FD + 1);
        done = high >= 0;
        if (done)
            close(*low);
        *low = done ? high : *low;
    }
    return done;
}

static void close_ends(int ends[2])
{
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
    }
}

bool process_start(struct process *process, const char *folder)
{
    int socket[2] = {-1, -1}, words[2] = {-1, -1};
    pid_t parent = getpid();

    *process = no_process;
    if (folder && access(folder, X_OK) != 0)
        return error_set(ERROR_IO, "%s: %s", folder, strerror(errno)) == 0;
    if (!open_ends(socket, words))
        goto fail;
    process->pid = fork();
    if (process->pid == 0)
        child_run(socket[1], words[1], folder, parent);
    if (process->pid < 0)
        goto fail;
    close(socket[1]);
    close(words[1]);
    process->fd = socket[0];
    process->words_fd = words[0];
    return true;

fail:
    error_set(ERROR_IO, "cannot start the kernel: %s", strerror(errno));
    close_ends(socket);
    close_ends(words);
    *process = no_process;
    return false;
}

/* Whether the child has ended; it stays a zombie, so that its process group keeps its number. */
static bool child_ended(pid_t pid, int limit_ms)
{
    struct timespec pause = {0, 1000000};

    for (int waited = 0;; waited++) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid)
            return true;
        if (waited >= limit_ms)
            return false;
        nanosleep(&pause, NULL);
    }
}

static void describe(int status, struct process_ending *ending)
{
    char *reason = ending->reason;
    size_t size = sizeof(ending->reason);
    const char *name;

    if (WIFSIGNALED(status)) {
        name = sigabbrev_np(WTERMSIG(status));
        snprintf(reason, size, "was killed by %s%s", name ? "SIG" : "a signal", name ? name : "");
    } else if (WEXITSTATUS(status) == CANNOT_START) {
        snprintf(reason, size, "could not be started");
    } else {
        snprintf(reason, size, "exited with status %d", WEXITSTATUS(status));
    }
}

void process_end(struct process *process, int limit_ms, struct process_ending *ending)
{
    int status = 0;
    bool stopped = false;
    ssize_t length = 0;

    *ending = (struct process_ending){{0}, {0}};
    if (process->fd >= 0)
        close(process->fd);
    if (process->pid > 0) {
        stopped = !child_ended(process->pid, limit_ms);
        kill(-process->pid, SIGKILL);
        kill(process->pid, SIGKILL);
        while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    if (process->words_fd >= 0) {
        length = read(process->words_fd, ending->words, sizeof(ending->words) - 1);
        close(process->words_fd);
    }
    ending->words[length > 0 ? length : 0] = '\0';
    if (stopped)
        snprintf(ending->reason, sizeof(ending->reason), "was stopped");
    else
        describe(status, ending);
    *process = no_process;
}
