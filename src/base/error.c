#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct error_state pending;

int error_set(enum error_kind kind, const char *format, ...)
{
    va_list args;

    if (pending.kind != ERROR_NONE)
        return -1;
    pending.kind = kind;
    va_start(args, format);
    vsnprintf(pending.message, sizeof(pending.message), format, args);
    va_end(args);
    return -1;
}

bool error_pending(void)
{
    return pending.kind != ERROR_NONE;
}

enum error_kind error_kind(void)
{
    return pending.kind;
}

const char *error_message(void)
{
    return pending.message;
}

void error_clear(void)
{
    pending.kind = ERROR_NONE;
    pending.message[0] = '\0';
}

void error_take(struct error_state *state)
{
    *state = pending;
    error_clear();
}

void error_restore(const struct error_state *state)
{
    pending = *state;
}
