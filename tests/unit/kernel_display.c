#include "kernel_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const struct event *event, const char *name)
{
    const char *text = json_string_value(json_object_get(event->header, name));

    return text ? text : "";
}

static const char *title_of(const struct event *event)
{
    const char *title =
        json_string_value(json_object_get(json_object_get(event->header, "plot"), "title"));

    return title ? title : "";
}

Test(kernel_display, a_plot_keeps_its_place_in_the_output)
{
    struct client *client = kernel_start();
    struct event event;

    kernel_execute(client, 1, "import display\nprint('before')\ndisplay.show('P', 4)");
    cr_assert(kernel_await(client, EVENT_STREAM, &event, 5000));
    cr_expect_str_eq(event.blob, "before\n");
    event_release(&event);
    cr_assert(kernel_await(client, EVENT_PLOT, &event, 5000));
    cr_expect_str_eq(title_of(&event), "P");
    cr_expect_eq(json_integer_value(json_object_get(event.header, "id")), 4);
    cr_expect_eq(event.cell, 1);
    event_release(&event);
    client_free(client);
}

/* A second of the fastest possible shows and steps: few arrive, the last of each does. */
Test(kernel_display, live_events_are_thinned)
{
    struct client *client = kernel_start();
    json_int_t last_step = 0;
    char last_plot[32] = "", result[32] = "";
    int plots = 0, steps = 0;

    kernel_execute(client, 1,
                   "import display, time\nend = time.time() + 1\nn = 0\n"
                   "while time.time() < end:\n"
                   "    n += 1; display.show(str(n), 1); display.step(n)\n"
                   "n");
    for (bool idle = false; !idle;) {
        struct event event;
        cr_assert(kernel_next(client, &event, 10000));
        if (event.kind == EVENT_PLOT && ++plots)
            snprintf(last_plot, sizeof(last_plot), "%s", title_of(&event));
        if (event.kind == EVENT_STEP && ++steps)
            last_step = json_integer_value(json_object_get(event.header, "step"));
        if (event.kind == EVENT_RESULT)
            snprintf(result, sizeof(result), "%s", event.blob);
        idle = event.kind == EVENT_IDLE;
        event_release(&event);
    }
    cr_expect(plots >= 5 && plots <= 33, "%d plots", plots);
    cr_expect(steps >= 5 && steps <= 33, "%d steps", steps);
    cr_expect_str_eq(last_plot, result);
    cr_expect_eq(last_step, atoi(result));
    client_free(client);
}

/* Answers one EVENT_RENDER and returns what the cell then did. */
static struct outcome answer_render(struct client *client, const char *source, const char *error)
{
    struct event event;

    kernel_execute(client, 1, source);
    cr_assert(kernel_await(client, EVENT_RENDER, &event, 5000));
    cr_expect_str_eq(title_of(&event), "P");
    cr_expect_str_eq(text_of(&event, "format"), "svg");
    cr_expect_eq(json_integer_value(json_object_get(event.header, "width")), 10);
    cr_expect(client_rendered(client,
                              (int)json_integer_value(json_object_get(event.header, "request")),
                              "bytes", 5, error));
    event_release(&event);
    return kernel_collect(client, 1, 5000);
}

Test(kernel_display, save_writes_the_bytes_that_the_front_end_drew)
{
    static const char *const source =
        "import display\ndisplay.save('P', '/tmp/saddle-display.svg', 10, 20)\n"
        "open('/tmp/saddle-display.svg').read()";
    struct client *client = kernel_start();
    struct outcome outcome = answer_render(client, source, NULL);

    cr_expect_str_eq(outcome.result.text, "'bytes'");
    outcome_release(&outcome);
    outcome = answer_render(client, source, "no gnuplot");
    cr_expect_str_eq(outcome.message.text,
                     "cannot save the plot as '/tmp/saddle-display.svg': no gnuplot");
    outcome_release(&outcome);
    outcome = answer_render(client, "display.save('P', '/nowhere/a.svg', 10, 20)", NULL);
    cr_expect_str_eq(outcome.message.text,
                     "cannot save the plot as '/nowhere/a.svg': No such file or directory");
    outcome_release(&outcome);
    outcome = kernel_run(client, "display.save('P', 'plot', 10, 20)");
    cr_expect_not_null(strstr(outcome.message.text, "must end in the format"));
    outcome_release(&outcome);
    remove("/tmp/saddle-display.svg");
    client_free(client);
}

Test(kernel_display, an_interrupt_ends_the_wait_for_a_picture)
{
    struct client *client = kernel_start();
    struct outcome outcome;
    struct event event;

    kernel_execute(client, 1, "import display\ndisplay.save('P', '/tmp/never.png', 1, 1)");
    cr_assert(kernel_await(client, EVENT_RENDER, &event, 5000));
    event_release(&event);
    client_interrupt(client);
    outcome = kernel_collect(client, 1, 2000);
    cr_expect_str_eq(outcome.type.text, "KeyboardInterrupt");
    outcome_release(&outcome);
    client_free(client);
}
