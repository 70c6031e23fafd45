#include "optim/schedule.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

/* The options of each row by name: struct step_options {double step_size; double gamma; ...}. */
#define NUMBER(name, initial, check, what) double name;
#define FLAG(name, initial)                double name;
#define LIST(name)
#define SCHEDULE(id, name, options, first, next, closed)                                           \
    struct id##_options {                                                                          \
        options                                                                                    \
    };
#include "optim/schedules.def"
#undef SCHEDULE
#undef NUMBER
#undef FLAG
#undef LIST

static int count_hits(const struct schedule_step *s)
{
    int count = 0;

    for (int i = 0; i < s->list_count; i++)
        count += s->list[i] == s->epoch;
    return count;
}

static int count_passed(const struct schedule_step *s)
{
    int count = 0;

    for (int i = 0; i < s->list_count; i++)
        count += s->list[i] <= s->epoch;
    return count;
}

#define RULE(function, options_type, expression)                                                   \
    static double function(const struct schedule_step *s)                                          \
    {                                                                                              \
        const struct options_type *o = (const struct options_type *)s->options;                    \
        const double lr = s->lr, base_lr = s->base_lr, epoch = s->epoch;                           \
        const int hits = count_hits(s), passed = count_passed(s);                                  \
        const bool initial = s->initial;                                                           \
        (void)o, (void)lr, (void)base_lr, (void)epoch, (void)hits, (void)passed, (void)initial;    \
        return expression;                                                                         \
    }
#define SCHEDULE(id, name, options, first, next, closed)                                           \
    RULE(id##_first, id##_options, first)                                                          \
    RULE(id##_next, id##_options, next)                                                            \
    RULE(id##_closed, id##_options, closed)
#include "optim/schedules.def"
#undef SCHEDULE

#define NUMBER(name, initial, check, what) {#name, OPTION_NUMBER, initial, CHECK_##check, what, 0},
#define FLAG(name, initial)                {#name, OPTION_FLAG, initial, CHECK_NONE, "", 0},
#define LIST(name)                         {#name, OPTION_LIST, NULL, CHECK_NONE, "", 0},
#define SCHEDULE(id, name, options, first, next, closed)                                           \
    static struct option id##_option_rows[] = {options};
#include "optim/schedules.def"
#undef SCHEDULE

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))
#define SCHEDULE(id, name, options, first, next, closed)                                           \
    {name,                                                                                         \
     id##_option_rows,                                                                             \
     COUNT(id##_option_rows),                                                                      \
     (int)(sizeof(struct id##_options) / sizeof(double)),                                          \
     id##_first,                                                                                   \
     id##_next,                                                                                    \
     id##_closed},
static const struct schedule schedules[] = {
#include "optim/schedules.def"
};
#undef SCHEDULE

const struct schedule *schedule_at(int index)
{
    static bool placed;

    if (!placed) {
        placed = true;
        for (int i = 0; i < COUNT(schedules); i++)
            options_place(schedules[i].options, schedules[i].option_count);
    }
    return index >= 0 && index < COUNT(schedules) ? &schedules[index] : NULL;
}

const struct schedule *schedule_find(const char *name)
{
    const struct schedule *s;

    for (int i = 0; (s = schedule_at(i)); i++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

static int give(double result, const struct schedule_step *step, double *lr)
{
    if (!isfinite(result) && isfinite(step->lr) && isfinite(step->base_lr))
        return error_set(ERROR_RUNTIME, "float division by zero");
    *lr = result;
    return 0;
}

int schedule_next(const struct schedule *s, const struct schedule_step *step, double *lr)
{
    return give(step->epoch == 0 ? s->first(step) : s->next(step), step, lr);
}

int schedule_closed(const struct schedule *s, const struct schedule_step *step, double *lr)
{
    return give(s->closed(step), step, lr);
}
