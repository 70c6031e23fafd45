#include "base/warn.h"

#include <stdarg.h>
#include <stdio.h>

int (*warn_handler)(const char *text);

int warn_user(const char *format, ...)
{
    char text[1024];
    va_list args;

    if (!warn_handler)
        return 0;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return warn_handler(text);
}
