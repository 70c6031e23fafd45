#include "optim/options.h"

#include "base/error.h"
#include "tensor/print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int options_place(struct option *options, int count)
{
    int at = 0;

    for (int i = 0; i < count; i++) {
        options[i].at = at;
        at += options[i].kind == OPTION_PAIR ? 2 : options[i].kind == OPTION_LIST ? 0 : 1;
    }
    return at;
}

int options_find(const struct option *options, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return options[i].at;
    return -1;
}

void options_signature(const struct option *options, int count, int positional, struct strbuf *out)
{
    for (int i = 0; i < count; i++) {
        strbuf_adds(out, i ? ", " : "");
        if (i == positional)
            strbuf_adds(out, "*, ");
        strbuf_addf(out, "%s=%s", options[i].name,
                    options[i].initial ? options[i].initial : "<required parameter>");
    }
}

/* A pair gives two numbers. */
static void read_literal(const char *text, double *values)
{
    char *end;

    if (!text) {
        values[0] = NAN;
    } else if (*text == '(') {
        values[0] = strtod(text + 1, &end);
        values[1] = strtod(end + 1, NULL);
    } else {
        values[0] = strtod(text, NULL); /* "False" and "None" read as 0 */
    }
}

void options_defaults(const struct option *options, int count, double *values)
{
    for (int i = 0; i < count; i++)
        if (options[i].kind != OPTION_LIST)
            read_literal(options[i].initial, values + options[i].at);
}

static void add_number(struct strbuf *out, struct scalar value)
{
    if (value.kind == SCALAR_BOOL)
        strbuf_adds(out, value.i ? "True" : "False");
    else if (value.kind == SCALAR_INT)
        strbuf_addf(out, "%lld", (long long)value.i);
    else
        print_double(value.d, out);
}

/* "Invalid learning rate: -1"; `index` names the member of a pair, -1 otherwise. */
static int invalid(const struct option *option, int index, const struct scalar *values, int count)
{
    struct strbuf text = STRBUF_INIT;

    strbuf_addf(&text, "Invalid %s", option->what);
    if (index >= 0)
        strbuf_addf(&text, " %d", index);
    for (int i = 0; i < count; i++) {
        strbuf_adds(&text, i ? ", " : ": ");
        add_number(&text, values[i]);
    }
    error_set(ERROR_VALUE, "%s", text.text);
    strbuf_release(&text);
    return -1;
}

static int check_option(const struct option *option, const struct scalar *values)
{
    double x = values[0].d;

    switch (option->check) {
    case CHECK_NONE:
        return 0;
    case CHECK_NOT_NEGATIVE:
        return x >= 0 ? 0 : invalid(option, -1, values, 1);
    case CHECK_NOT_ZERO:
        return x != 0 ? 0 : error_set(ERROR_VALUE, "%s must not be 0", option->name);
    case CHECK_WITHIN_ONE:
        return x >= 0 && x <= 1 ? 0 : invalid(option, -1, values, 1);
    case CHECK_FACTOR:
        return x >= 0 && x <= 1 ? 0
                                : error_set(ERROR_VALUE,
                                            "%s multiplicative factor expected to be between 0 "
                                            "and 1.",
                                            option->what);
    case CHECK_BETAS:
        for (int i = 0; i < 2; i++)
            if (!(values[i].d >= 0 && values[i].d < 1))
                return invalid(option, i, values + i, 1);
        return 0;
    case CHECK_ETAS:
        return 0 < x && x < 1 && 1 < values[1].d ? 0 : invalid(option, -1, values, 2);
    }
    return 0;
}

int options_check(const struct option *options, int count, const struct scalar *values)
{
    for (int i = 0; i < count; i++)
        if (check_option(&options[i], values + options[i].at) < 0)
            return -1;
    return 0;
}
