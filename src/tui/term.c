#define _GNU_SOURCE /* pipe2 */
#include "tui/term.h"

#include "base/error.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

/* What ncurses does not know of: modifyOtherKeys and the kitty protocol (so that Shift-Enter is a
 * key), bracketed paste, mouse presses in SGR form; and the same switched off, with everything that
 * a crash would leave behind. */
static const char extras_on[] = "\033[>4;1m\033[>1u\033[?2004h\033[?1000h\033[?1006h";
static const char extras_off[] = "\033[<u\033[>4m\033[?2004l\033[?1006l\033[?1000l";
static const char crash_off[] = "\033[<u\033[>4m\033[?2004l\033[?1006l\033[?1000l"
                                "\033[0m\033[?25h\033[?1049l\r\n";
static const char ask_ground[] = "\033]11;?\033\\";

static const int reported[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT};
static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum {
    REPORTED_COUNT = sizeof(reported) / sizeof(reported[0]),
    FATAL_COUNT = sizeof(fatal) / sizeof(fatal[0]),
    SIGNAL_STACK = 32768
};

static struct {
    bool open, extras;
    struct termios before;
    int pipe[2];
    struct sigaction reported_before[REPORTED_COUNT], fatal_before[FATAL_COUNT];
    SCREEN *screen;
} term = {.pipe = {-1, -1}};

static void write_all(const char *text, size_t length)
{
    while (length > 0) {
        ssize_t done = write(STDOUT_FILENO, text, length);

        if (done < 0 && errno != EINTR)
            return;
        if (done > 0) {
            text += done;
            length -= (size_t)done;
        }
    }
}

static void on_signal(int number)
{
    int saved = errno;
    char byte = (char)number;

    if (write(term.pipe[1], &byte, 1) < 0)
        errno = saved; /* the pipe is full: what is in it wakes the loop as well */
    errno = saved;
}

static void on_crash(int number)
{
    write_all(crash_off, sizeof(crash_off) - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &term.before);
    raise(number); /* SA_RESETHAND: the default action now */
}

static bool open_pipe(void)
{
    if (pipe2(term.pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
        error_set(ERROR_IO, "cannot make a pipe: %s", strerror(errno));
        return false;
    }
    return true;
}

static void catch_signals(void)
{
    static char stack[SIGNAL_STACK];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    int i;

    sigaltstack(&other, NULL); /* a stack overflow is a crash like any other */
    for (i = 0; i < REPORTED_COUNT; i++)
        sigaction(reported[i], &action, &term.reported_before[i]);
    action.sa_handler = on_crash;
    action.sa_flags = SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
    for (i = 0; i < FATAL_COUNT; i++)
        sigaction(fatal[i], &action, &term.fatal_before[i]);
}

static void release_signals(void)
{
    int i;

    for (i = 0; i < REPORTED_COUNT; i++)
        sigaction(reported[i], &term.reported_before[i], NULL);
    for (i = 0; i < FATAL_COUNT; i++)
        sigaction(fatal[i], &term.fatal_before[i], NULL);
}

static void set_locale(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

bool term_open(void)
{
    const char *name = getenv("TERM");

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        error_set(ERROR_IO, "the notebook needs a terminal (to run a file without one: saddle run "
                            "FILE)");
        return false;
    }
    set_locale();
    tcgetattr(STDIN_FILENO, &term.before);
    if (!open_pipe())
        return false;
    use_tioctl(TRUE);
    term.screen = newterm(NULL, stdout, stdin);
    if (!term.screen) {
        error_set(ERROR_IO, "the terminal type \"%s\" is not known here (TERM)", name ? name : "");
        return false;
    }
    raw();
    noecho();
    nonl();
    typeahead(-1);
    leaveok(stdscr, FALSE);
    if (has_colors()) {
        start_color();
        use_default_colors();
    }
    catch_signals();
    term.open = true;
    term_resize();
    return true;
}

void term_close(void)
{
    if (!term.open)
        return;
    term.open = false;
    if (term.extras)
        write_all(extras_off, sizeof(extras_off) - 1);
    term.extras = false;
    endwin();
    release_signals();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &term.before);
    close(term.pipe[0]);
    close(term.pipe[1]);
    delscreen(term.screen);
}

void term_ask(bool ground)
{
    write_all(extras_on, sizeof(extras_on) - 1);
    term.extras = true;
    if (ground)
        write_all(ask_ground, sizeof(ask_ground) - 1);
}

void term_suspend(void)
{
    struct sigaction stop = {.sa_handler = SIG_DFL}, ours;

    write_all(extras_off, sizeof(extras_off) - 1);
    endwin();
    sigaction(SIGTSTP, &stop, &ours);
    raise(SIGTSTP);
    sigaction(SIGTSTP, &ours, NULL);
    term_resume();
}

void term_resume(void)
{
    raw();
    noecho();
    nonl();
    term_resize();
    clearok(curscr, TRUE);
    refresh();
    write_all(extras_on, sizeof(extras_on) - 1);
}

void term_resize(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
        is_term_resized(size.ws_row, size.ws_col))
        resizeterm(size.ws_row, size.ws_col);
}

int term_rows(void)
{
    return LINES;
}

int term_columns(void)
{
    return COLS;
}

int term_colors(void)
{
    const char *none = getenv("NO_COLOR");

    if ((none && *none) || !has_colors())
        return 0;
    return COLORS >= 256 ? 256 : COLORS >= 16 ? 16 : COLORS >= 8 ? 8 : 0;
}

int term_signal_fd(void)
{
    return term.pipe[0];
}

int term_next_signal(void)
{
    char byte;

    return read(term.pipe[0], &byte, 1) == 1 ? byte : 0;
}
