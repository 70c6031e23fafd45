/* The schedules against PyTorch 1.13.1, digit for digit (tests/unit/data/optim_schedules.py). */
#include "base/error.h"
#include "optim/schedule.h"

#include <criterion/criterion.h>
#include <math.h>

enum { EPOCHS = 25, LIST = 4 };

static const struct curve_case {
    const char *name;
    double options[SCHEDULE_OPTIONS], list[LIST];
    int list_count;
    double next[EPOCHS], closed[EPOCHS];
} curve_cases[] = {
#include "data/optim_schedules.inc"
};

Test(optim_schedule, curves_are_pytorchs)
{
    for (size_t k = 0; k < sizeof(curve_cases) / sizeof(curve_cases[0]); k++) {
        const struct curve_case *c = &curve_cases[k];
        const struct schedule *s = schedule_find(c->name);
        struct schedule_step step = {
            .lr = 0.1, .base_lr = 0.1, .initial = true, .options = c->options, .list = c->list};

        cr_assert_not_null(s);
        step.list_count = c->list_count;
        for (int epoch = 0; epoch < EPOCHS; epoch++, step.initial = false) {
            double closed;
            step.epoch = epoch;
            cr_assert_eq(schedule_next(s, &step, &step.lr), 0);
            cr_assert_eq(schedule_closed(s, &step, &closed), 0);
            cr_expect_eq(step.lr, c->next[epoch], "%s, case %d, epoch %d: %a, not %a", c->name,
                         (int)k, epoch, step.lr, c->next[epoch]);
            cr_expect_eq(closed, c->closed[epoch], "%s, case %d, epoch %d closed: %a, not %a",
                         c->name, (int)k, epoch, closed, c->closed[epoch]);
        }
    }
}

Test(optim_schedule, a_schedule_may_begin_in_the_middle)
{
    const double options[SCHEDULE_OPTIONS] = {10, 0.001};
    struct schedule_step step = {
        .lr = 0.05, .base_lr = 0.1, .epoch = 4, .initial = true, .options = options};
    double lr, closed;

    cr_assert_eq(schedule_next(schedule_find("CosineAnnealingLR"), &step, &lr), 0);
    cr_assert_eq(schedule_closed(schedule_find("CosineAnnealingLR"), &step, &closed), 0);
    cr_expect_eq(lr, closed);
}

Test(optim_schedule, options_are_pytorchs)
{
    const struct schedule *s = schedule_find("StepLR"), *list = schedule_find("MultiStepLR");
    struct strbuf text = STRBUF_INIT;
    double values[SCHEDULE_OPTIONS];

    cr_assert_null(schedule_find("Step"));
    options_signature(s->options, s->option_count, s->option_count, &text);
    cr_expect_str_eq(text.text,
                     "step_size=<required parameter>, gamma=0.1, last_epoch=-1, verbose=False");
    strbuf_release(&text);
    options_defaults(s->options, s->option_count, values);
    cr_expect(isnan(values[0]));
    cr_expect_eq(values[1], 0.1);
    cr_expect_eq(values[2], -1);
    cr_expect_eq(options_find(list->options, list->option_count, "gamma"), 0,
                 "a list takes no place among the numbers");
    for (int i = 0; (s = schedule_at(i)); i++)
        cr_expect_leq(s->value_count, SCHEDULE_OPTIONS);
}

static void expect_refusal(const char *name, struct scalar first, const char *message)
{
    const struct schedule *s = schedule_find(name);
    struct scalar values[SCHEDULE_OPTIONS] = {first, scalar_float(1), scalar_int(5)};

    cr_expect_eq(options_check(s->options, s->option_count, values), -1);
    cr_expect_str_eq(error_message(), message);
    error_clear();
}

Test(optim_schedule, bad_options_are_refused)
{
    expect_refusal("ConstantLR", scalar_float(1.5),
                   "Constant multiplicative factor expected to be between 0 and 1.");
    expect_refusal("LinearLR", scalar_int(-1),
                   "Starting multiplicative factor expected to be between 0 and 1.");
    expect_refusal("StepLR", scalar_int(0), "step_size must not be 0");
}

Test(optim_schedule, a_division_by_zero_is_an_error)
{
    const double options[SCHEDULE_OPTIONS] = {0, 5};
    struct schedule_step step = {.lr = 0, .base_lr = 0.1, .epoch = 5, .options = options};
    double lr = 7;

    cr_expect_eq(schedule_next(schedule_find("ConstantLR"), &step, &lr), -1);
    cr_expect_str_eq(error_message(), "float division by zero");
    cr_expect_eq(lr, 7);
    error_clear();
}
