/*
 * options.h: the options of an optimizer or of a schedule: names, defaults, checks.
 *
 * The values of all options are one array of doubles in their order: a flag is 0 or 1, None is 0, a
 * pair takes two places, a list takes none (it travels beside the array).
 */
#ifndef SADDLE_OPTIM_OPTIONS_H
#define SADDLE_OPTIM_OPTIONS_H

#include "base/strbuf.h"
#include "tensor/dtype.h"

enum option_kind { OPTION_NUMBER, OPTION_PAIR, OPTION_FLAG, OPTION_LIST, OPTION_UNUSED };
enum option_check {
    CHECK_NONE,
    CHECK_NOT_NEGATIVE,
    CHECK_NOT_ZERO,
    CHECK_WITHIN_ONE,
    CHECK_FACTOR, /* 0 to 1, with an error of its own wording */
    CHECK_BETAS,
    CHECK_ETAS
};

struct option {
    const char *name;
    enum option_kind kind;
    const char *initial; /* the default as a Python literal, NULL: the option must be given */
    enum option_check check;
    const char *what; /* for errors: "learning rate" in "Invalid learning rate: -1" */
    int at;           /* its place in the array of values; filled by options_place() */
};

/* Fills `at`; the length of the array of values. */
int options_place(struct option *options, int count);
/* The place of an option's value, -1 when there is none of that name. */
int options_find(const struct option *options, int count, const char *name);
/* "lr=<required parameter>, momentum=0, *, maximize=False"; from number `positional` on, options
 * need their names. */
void options_signature(const struct option *options, int count, int positional, struct strbuf *out);
/* The defaults; NAN where a value must be given. */
void options_defaults(const struct option *options, int count, double *values);
/* -1 with PyTorch's ValueError for the first option that is out of its range. `values` are the
 * numbers as they were given, so that the error can write an int as an int. */
int options_check(const struct option *options, int count, const struct scalar *values);

#endif
