#define _GNU_SOURCE /* close_range, sigabbrev_np */

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

/* Between fork() and exec(): only calls that are safe in a signal handler. */
static void child_streams(int fd)
{
    int empty = open("/dev/null", O_RDWR);

    if (fd != KERNEL_FD && dup2(fd, KERNEL_FD) < 0)
        _exit(CANNOT_START);
    fcntl(KERNEL_FD, F_SETFD, 0);
    for (int stream = 0; stream <= 2; stream++)
        dup2(empty, stream);
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

static _Noreturn void child_run(int fd, const char *folder, pid_t parent)
{
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(CANNOT_START);
    if (folder && chdir(folder) != 0)
        _exit(CANNOT_START);
    child_streams(fd);
    child_signals();
    execl("/proc/self/exe", "saddle", "--kernel", "3", (char *)NULL);
    _exit(CANNOT_START);
}

bool process_start(struct process *process, const char *folder)
{
    pid_t parent = getpid();
    int ends[2];

    *process = (struct process){.fd = -1};
    if (folder && access(folder, X_OK) != 0)
        return error_set(ERROR_IO, "%s: %s", folder, strerror(errno)) == 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return error_set(ERROR_IO, "cannot make a socket for the kernel: %s", strerror(errno)) == 0;
    process->pid = fork();
    if (process->pid == 0)
        child_run(ends[1], folder, parent);
    close(ends[1]);
    if (process->pid < 0) {
        error_set(ERROR_IO, "cannot start the kernel: %s", strerror(errno));
        close(ends[0]);
        *process = (struct process){.fd = -1};
        return false;
    }
    process->fd = ends[0];
    return true;
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

static void describe(int status, char *reason, size_t size)
{
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

void process_end(struct process *process, int limit_ms, char *reason, size_t size)
{
    int status = 0;
    bool stopped = false;

    if (process->fd >= 0)
        close(process->fd);
    if (process->pid > 0) {
        stopped = !child_ended(process->pid, limit_ms);
        kill(-process->pid, SIGKILL);
        kill(process->pid, SIGKILL);
        while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    if (stopped)
        snprintf(reason, size, "was stopped");
    else
        describe(status, reason, size);
    *process = (struct process){.fd = -1};
}
