/*
 * arguments.h: struct value from what it is to hold, for calls of whole argument lists.
 */
#ifndef SADDLE_AUTOGRAD_ARGUMENTS_H
#define SADDLE_AUTOGRAD_ARGUMENTS_H

#include "tensor/op.h"

/* None for NULL. */
static inline struct value arg_tensor(struct tensor *t)
{
    return (struct value){.given = t != NULL, .tensor = t};
}
static inline struct value arg_int(int64_t i) /* an int, a bool or a dtype */
{
    return (struct value){.given = true, .i = i};
}
static inline struct value arg_scalar(struct scalar s)
{
    return (struct value){.given = true, .scalar = s};
}
static inline struct value arg_text(const char *text)
{
    return (struct value){.given = true, .text = text};
}
static inline struct value arg_ints(int count, const int64_t *at)
{
    return (struct value){.given = true, .ints = {at, count}};
}

#endif
