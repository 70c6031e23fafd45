/*
 * schedule.h: learning-rate schedules as a table, and one step of one.
 *
 * Schedules that call functions of the user, watch a metric or combine others are made of these in
 * src/python.
 */
#ifndef SADDLE_OPTIM_SCHEDULE_H
#define SADDLE_OPTIM_SCHEDULE_H

#include "optim/options.h"

enum { SCHEDULE_OPTIONS = 8 };

/* Where a schedule stands, for one parameter group. */
struct schedule_step {
    double lr;      /* the group's present rate */
    double base_lr; /* its initial_lr */
    double epoch;   /* the scheduler's last_epoch, already counted up */
    bool initial;   /* the step that the constructor makes */
    const double *options;
    const double *list; /* of an OPTION_LIST */
    int list_count;
};

typedef double schedule_rule(const struct schedule_step *step);

struct schedule {
    const char *name; /* "StepLR" */
    struct option *options;
    int option_count, value_count;
    schedule_rule *first, *next, *closed;
};

/* All rows; NULL after the last. */
const struct schedule *schedule_at(int index);
const struct schedule *schedule_find(const char *name);

/* The rate for step(): equal to step->lr when it stays as it is. -1 with an error where the rule
 * divides by zero or overflows. */
int schedule_next(const struct schedule *s, const struct schedule_step *step, double *lr);
/* The rate for step(epoch). */
int schedule_closed(const struct schedule *s, const struct schedule_step *step, double *lr);

#endif
