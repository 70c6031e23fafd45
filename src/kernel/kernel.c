#include "kernel/interpreter.h"

#include "kernel/kernel.h"

#include "base/error.h"
#include "kernel/cell.h"
#include "kernel/channel.h"
#include "kernel/clock.h"
#include "kernel/complete.h"
#include "kernel/console.h"
#include "kernel/live.h"
#include "kernel/observe.h"
#include "kernel/pump.h"
#include "kernel/report.h"
#include "kernel/stream.h"
#include "kernel/variables.h"
#include "protocol/client.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LAST_WORDS_MS = 1000, QUEUE_LARGEST = 64 << 20 };

static pid_t process; /* the kernel's own */
static int runs;
static bool ending;

/* A SIGINT that came while nothing ran has nothing to interrupt. */
static void forget_interrupt(void)
{
    if (PyErr_CheckSignals() != 0)
        PyErr_Clear();
}

/* ---- Requests --------------------------------------------------------------------------------*/

/* Whether the front end has already taken this cell back: the signal may have come before the cell
 * was read, then forget_interrupt() has swallowed it and the message lies behind the cell. */
static bool taken_back(uint64_t cell)
{
    struct frame frame;
    bool found = false;

    while (!found && !ending && channel_receive(&frame, 0) > 0) {
        found = frame.kind == REQUEST_INTERRUPT && frame.cell == cell;
        ending = frame.kind == REQUEST_SHUTDOWN;
        frame_release(&frame);
    }
    return found;
}

static void send_idle(bool ok, double seconds)
{
    json_t *header = json_pack("{sb,sf,si}", "ok", ok, "seconds", seconds, "run", runs);

    if (!channel_send(EVENT_IDLE, header, NULL, 0))
        error_clear();
}

static void execute(const struct frame *request)
{
    struct timespec start, end;
    bool ok = false;

    forget_interrupt();
    channel_set_cell(request->cell);
    stream_begin_cell();
    observe_begin_cell();
    runs++;
    if (!channel_send(EVENT_BUSY, json_pack("{si}", "run", runs), NULL, 0))
        error_clear();
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (taken_back(request->cell))
        cell_interrupted();
    else
        ok = cell_run(request->blob ? request->blob : "", request->blob_length, runs);
    if (getpid() != process)
        _exit(ok ? 0 : 1); /* a process that the cell forked, and that did not end by itself */
    clock_gettime(CLOCK_MONOTONIC, &end);
    error_clear();
    pump_drain();
    stream_finish();
    observe_finish();
    live_finish();
    variables_send();
    send_idle(ok,
              (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    channel_wait(QUEUE_LARGEST, LAST_WORDS_MS);
}

static void shut_down(const struct frame *request)
{
    (void)request;
    ending = true;
}

static void ignore(const struct frame *request)
{
    (void)request; /* came too late: the cell is done */
}

static void (*const answers[])(const struct frame *request) = {
    [REQUEST_EXECUTE - REQUEST_FIRST] = execute,
    [REQUEST_COMPLETE - REQUEST_FIRST] = complete_answer,
    [REQUEST_RENDERED - REQUEST_FIRST] = ignore,
    [REQUEST_INTERRUPT - REQUEST_FIRST] = ignore,
    [REQUEST_SHUTDOWN - REQUEST_FIRST] = shut_down,
};

/* False for a message that is no request. */
static bool answer(struct frame *request)
{
    bool known = request->kind > REQUEST_FIRST && request->kind < REQUEST_END;

    if (known)
        answers[request->kind - REQUEST_FIRST](request);
    frame_release(request);
    return known;
}

static int serve(void)
{
    struct frame request;
    int got;

    while (!ending) {
        Py_BEGIN_ALLOW_THREADS got = channel_receive(&request, -1);
        Py_END_ALLOW_THREADS if (got < 0 || (got > 0 && !answer(&request))) return got < 0 ? 0 : 1;
        if (got == 0)
            forget_interrupt();
    }
    return 0;
}

/* ---- Start and end ---------------------------------------------------------------------------*/

/* Sends the reason as the process's last words. */
static int give_up(const char *why)
{
    json_t *reason = json_sprintf("could not be started (%s)", why);

    if (channel_send(EVENT_DIED, json_pack("{so}", "reason", reason), NULL, 0))
        channel_wait(0, LAST_WORDS_MS);
    return 1;
}

/* What the first error would otherwise wait for; done while the user still reads. */
static void import_ahead(void)
{
    static const char *const names[] = {"linecache", "traceback"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && channel_idle(); i++) {
        PyObject *module = PyImport_ImportModule(names[i]);
        Py_XDECREF(module);
        PyErr_Clear();
    }
}

/* A crash tells the front end which line ran, through the standard error that the front end gave
 * us: our own thread, which forwards all other text, dies with the process. */
static void report_crashes(int words_fd)
{
    PyObject *module = words_fd >= 0 ? PyImport_ImportModule("faulthandler") : NULL;
    PyObject *done =
        module ? PyObject_CallMethod(module, "enable", "iO", words_fd, Py_False) : NULL;

    Py_XDECREF(done);
    Py_XDECREF(module);
    PyErr_Clear(); /* without it a crash has no line, that is all */
}

int kernel_main(int fd)
{
    const struct interpreter_program none = {0};
    int status, words_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, fd + 1);

    process = getpid();
    channel_open(fd, pump_wake);
    stream_open(pump_wake);
    live_install(pump_wake);
    observe_install();
    if (!pump_open() || !interpreter_start(&none))
        return give_up(error_message());
    if (!console_install() || !cell_open()) {
        PyErr_Print();
        return give_up("the console could not be set up");
    }
    report_crashes(words_fd);
    if (!channel_send(EVENT_READY, json_pack("{ss}", "python", PY_VERSION), NULL, 0))
        return give_up(error_message());
    import_ahead();
    status = serve();
    variables_close();
    cell_close();
    if (Py_FinalizeEx() < 0)
        status = status ? status : 1;
    pump_drain();
    stream_finish();
    pump_close();
    channel_wait(0, LAST_WORDS_MS);
    channel_close();
    return status;
}
