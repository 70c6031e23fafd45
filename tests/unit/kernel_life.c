#include "kernel_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* Interrupts a cell that has printed something, and returns the milliseconds until it is idle. */
static double interrupt(struct client *client, const char *source, struct outcome *outcome)
{
    struct event event;
    double start;

    kernel_execute(client, 1, source);
    cr_assert(kernel_await(client, EVENT_STREAM, &event, 10000));
    event_release(&event);
    start = now_ms();
    client_interrupt(client);
    *outcome = kernel_collect(client, 1, 10000);
    return now_ms() - start;
}

Test(kernel_life, interrupt_stops_an_endless_loop)
{
    static const char *const loops[] = {
        "print('go', flush=True)\nwhile True: pass",
        "print('go', flush=True)\nimport time\ntime.sleep(100)",
        "while True: print('go')",
        "import sys\nwhile True: print('go', flush=True); print('stay', file=sys.stderr)",
        "print('go', flush=True)\n[x for x in iter(int, 1)]",
    };
    struct client *client = kernel_start();

    for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
        struct outcome outcome;
        double took = interrupt(client, loops[i], &outcome);
        cr_log_info("interrupted after %.1f ms: %s", took, loops[i]);
        cr_expect_lt(took, 1000.0, "took %.0f ms: %s", took, loops[i]);
        cr_expect_str_eq(outcome.type.text, "KeyboardInterrupt");
        outcome_release(&outcome);
    }
    client_free(client);
}

Test(kernel_life, an_interrupt_is_never_lost_and_never_hits_the_next_cell)
{
    struct client *client = kernel_start();

    for (int i = 0; i < 60; i++) {
        struct outcome outcome;
        kernel_execute(client, 1, "while True: pass");
        kernel_execute(client, 2, "3");
        if (i % 3)
            pause_ms(i % 3);
        client_interrupt(client);
        outcome = kernel_collect(client, 1, 5000);
        cr_assert_str_eq(outcome.type.text, "KeyboardInterrupt");
        outcome_release(&outcome);
        outcome = kernel_run(client, "4");
        cr_assert_str_eq(outcome.result.text, "4");
        cr_assert_eq(outcome.errors, 0);
        outcome_release(&outcome);
    }
    client_free(client);
}

Test(kernel_life, an_interrupt_at_the_end_of_a_cell_leaves_the_next_alone)
{
    struct client *client = kernel_start();

    for (int i = 0; i < 40; i++) {
        struct outcome outcome;
        kernel_execute(client, 1, "x = 1");
        pause_ms(i % 4);
        client_interrupt(client);
        outcome = kernel_collect(client, 1, 5000);
        outcome_release(&outcome);
        outcome = kernel_run(client, "sum(range(20000))");
        cr_assert_str_eq(outcome.result.text, "199990000");
        outcome_release(&outcome);
    }
    client_free(client);
}

Test(kernel_life, cells_wait_for_each_other_and_an_interrupt_drops_them)
{
    struct client *client = kernel_start();
    struct outcome outcome;

    kernel_execute(client, 1, "order = [1]; import time; time.sleep(0.1)");
    kernel_execute(client, 2, "order.append(2)");
    kernel_execute(client, 3, "order");
    outcome = kernel_collect(client, 3, 10000);
    cr_expect_str_eq(outcome.result.text, "[1, 2]");
    outcome_release(&outcome);
    kernel_execute(client, 4, "time.sleep(100)");
    kernel_execute(client, 5, "order.append(5)");
    client_interrupt(client);
    outcome = kernel_collect(client, 5, 10000);
    cr_expect(outcome.dropped && !outcome.ok);
    outcome_release(&outcome);
    outcome = kernel_collect(client, 4, 10000);
    outcome_release(&outcome);
    outcome = kernel_run(client, "order");
    cr_expect_str_eq(outcome.result.text, "[1, 2]");
    outcome_release(&outcome);
    client_free(client);
}

static void expect_death(const char *source, const char *reason)
{
    struct client *client = kernel_start();
    struct outcome outcome = kernel_run(client, source);

    cr_expect(outcome.died);
    cr_expect_str_eq(outcome.reason.text, reason);
    outcome_release(&outcome);
    cr_expect(!client_alive(client));
    cr_expect_eq(client_fd(client), -1);
    cr_expect(!client_execute(client, 7, "1", 1), "a dead kernel takes no cell");
    cr_expect(client_restart(client));
    kernel_execute(client, 8, "40 + 2"); /* before EVENT_READY: it waits */
    outcome = kernel_collect(client, 8, 20000);
    cr_expect_str_eq(outcome.result.text, "42");
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_life, death_by_signal_then_restart)
{
    expect_death("import os\nos.kill(os.getpid(), 9)", "was killed by SIGKILL");
}

Test(kernel_life, a_crash_names_the_line)
{
    struct client *client = kernel_start();
    struct outcome outcome =
        kernel_run(client, "import os\ndef f():\n    os.abort()\n\nprint('a')\nf()");

    cr_expect_str_eq(outcome.reason.text, "was killed by SIGABRT");
    cr_expect_not_null(strstr(outcome.words.text, "File \"<cell 1>\", line 3 in f"), "%s",
                       outcome.words.text);
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_life, death_by_exit_then_restart)
{
    expect_death("import os\nos._exit(3)", "exited with status 3");
}

Test(kernel_life, death_by_nonsense_on_the_socket_then_restart)
{
    expect_death("import os\nos.write(3, b'x' * 100)\nimport time\ntime.sleep(100)",
                 "sent something that is not a message");
}

/* Whether a process that is no child of ours runs (a zombie does not). */
static bool runs(int pid)
{
    char path[64], state = 'Z';
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "r");
    if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 'Z';
    if (file)
        fclose(file);
    return state != 'Z';
}

Test(kernel_life, death_is_seen_although_a_child_lives_on_and_takes_the_child_along)
{
    struct client *client = kernel_start();
    struct outcome outcome = kernel_run(client, "import os, time\n"
                                                "pid = os.fork()\n"
                                                "if pid == 0:\n    time.sleep(100)\n"
                                                "print(pid); time.sleep(0.2)\n"
                                                "os._exit(4)");
    int pid = atoi(outcome.out.text);

    cr_expect_str_eq(outcome.reason.text, "exited with status 4");
    cr_assert_gt(pid, 0);
    for (int i = 0; i < 100 && runs(pid); i++)
        pause_ms(10);
    cr_expect(!runs(pid));
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_life, a_cell_that_ignores_the_interrupt_is_killed)
{
    struct client *client = kernel_start();
    struct outcome outcome;
    struct event event;
    double start;

    kernel_execute(client, 1,
                   "print('go')\n"
                   "while True:\n"
                   "    try:\n        for i in iter(int, 1): pass\n"
                   "    except KeyboardInterrupt: print('no')");
    cr_assert(kernel_await(client, EVENT_STREAM, &event, 10000));
    event_release(&event);
    client_interrupt(client);
    cr_assert(kernel_await(client, EVENT_STREAM, &event, 10000));
    event_release(&event);
    start = now_ms();
    cr_expect(client_restart(client));
    cr_expect_lt(now_ms() - start, 500.0);
    outcome = kernel_run(client, "1");
    cr_expect_str_eq(outcome.result.text, "1");
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_life, large_output_is_bounded)
{
    struct client *client = kernel_start();
    struct outcome outcome = kernel_run(client, "for i in range(1000000): print('line', i)");

    cr_expect(outcome.ok);
    cr_expect(strncmp(outcome.out.text, "line 0\nline 1\n", 14) == 0);
    cr_expect_not_null(strstr(outcome.out.text, "lines left out ...]\n"));
    cr_expect_str_eq(outcome.out.text + outcome.out.length - 12, "line 999999\n");
    cr_expect_lt(outcome.out.length, (size_t)3 << 20);
    cr_expect_lt(outcome.streams, 300);
    outcome_release(&outcome);
    outcome = kernel_run(client, "print('x' * 50_000_000)");
    cr_expect_lt(outcome.out.length, (size_t)3 << 20);
    outcome_release(&outcome);
    outcome = kernel_run(client, "list(range(3_000_000))");
    cr_expect_lt(outcome.result.length, (size_t)2 << 20);
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_life, a_front_end_that_does_not_read_stops_nothing)
{
    struct client *client = kernel_start();
    struct outcome outcome;

    kernel_execute(client, 1,
                   "for i in range(500000): print('line', i)\n"
                   "open('/tmp/saddle-kernel-test', 'w').write('done')");
    for (int i = 0; i < 200; i++) {
        pause_ms(50);
        if (remove("/tmp/saddle-kernel-test") == 0) {
            outcome = kernel_collect(client, 1, 10000);
            cr_expect(outcome.ok);
            outcome_release(&outcome);
            client_free(client);
            return;
        }
    }
    cr_assert(false, "the cell waits for the front end");
}

Test(kernel_life, completion)
{
    struct client *client = kernel_start();
    struct event event;
    struct outcome outcome = kernel_run(client, "alphabet = 1\nimport math");

    outcome_release(&outcome);
    cr_assert(client_complete(client, 5, "y = alph + 1", 8));
    cr_assert(kernel_await(client, EVENT_COMPLETE, &event, 10000));
    cr_expect_eq(json_integer_value(json_object_get(event.header, "request")), 5);
    cr_expect_eq(json_integer_value(json_object_get(event.header, "start")), 4);
    cr_expect_eq(json_integer_value(json_object_get(event.header, "end")), 8);
    cr_expect_str_eq(json_string_value(json_array_get(json_object_get(event.header, "matches"), 0)),
                     "alphabet");
    event_release(&event);
    cr_assert(client_complete(client, 6, "math.sq", 7));
    cr_assert(kernel_await(client, EVENT_COMPLETE, &event, 10000));
    cr_expect_str_eq(json_string_value(json_array_get(json_object_get(event.header, "matches"), 0)),
                     "math.sqrt");
    event_release(&event);
    cr_assert(client_complete(client, 7, "nothing.at.all", 900));
    cr_assert(kernel_await(client, EVENT_COMPLETE, &event, 10000));
    cr_expect_eq(json_array_size(json_object_get(event.header, "matches")), 0);
    event_release(&event);
    client_free(client);
}

Test(kernel_life, numbers_are_summarised)
{
    struct client *client = kernel_start();
    struct outcome outcome = kernel_run(client, "n = 3; s = 'text'; f = float('nan')");
    json_t *first;

    cr_assert_eq(json_array_size(outcome.tensors), 2);
    first = json_array_get(outcome.tensors, 0);
    cr_expect_str_eq(json_string_value(json_object_get(first, "name")), "n");
    cr_expect_float_eq(json_number_value(json_object_get(first, "min")), 3.0, 0.0);
    cr_expect(json_is_true(json_object_get(first, "changed")));
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(outcome.tensors, 1), "min")),
                     "nan");
    outcome_release(&outcome);
    outcome = kernel_run(client, "f = 1.0");
    cr_expect(json_is_false(json_object_get(json_array_get(outcome.tensors, 0), "changed")));
    cr_expect(json_is_true(json_object_get(json_array_get(outcome.tensors, 1), "changed")));
    outcome_release(&outcome);
    client_free(client);
}

Test(kernel_life, a_folder_that_is_not_there)
{
    struct client_options options = {.folder = "/nonexistent/folder"};

    cr_expect_null(client_start(&options));
}
