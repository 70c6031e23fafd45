/*
 * error.h: one pending error per thread.
 *
 * A function that can fail returns NULL, false or -1 and leaves a kind and a message here. The
 * first error wins: a later error_set() while one is pending changes nothing, so a caller may add
 * its own without hiding the cause. Whoever handles the error calls error_clear().
 */
#ifndef SADDLE_BASE_ERROR_H
#define SADDLE_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* Kinds follow Python's exception types; src/python maps each to one of those in a single table. */
enum error_kind {
    ERROR_NONE,
    ERROR_RUNTIME,
    ERROR_TYPE,
    ERROR_VALUE,
    ERROR_INDEX,
    ERROR_KEY,
    ERROR_ATTRIBUTE,
    ERROR_NOT_IMPLEMENTED,
    ERROR_MEMORY,
    ERROR_LINALG,    /* a matrix that has no inverse, factor or such: a runtime error */
    ERROR_IO,        /* a file, a pipe or a process */
    ERROR_INTERRUPT, /* the user asked to stop */
    ERROR_FOREIGN,   /* the cause is kept elsewhere (a Python exception that is already set) */
    ERROR_KIND_COUNT
};

/* Returns -1, so that a caller can write: return error_set(ERROR_VALUE, "..."); */
int error_set(enum error_kind kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for functions that return a pointer. */
#define error_null(...) ((void)error_set(__VA_ARGS__), NULL)

bool error_pending(void);
enum error_kind error_kind(void);
/* Never NULL; valid until the next error_set() or error_clear() of this thread. */
const char *error_message(void);
void error_clear(void);

/* What error_take() moves out of the way and error_restore() puts back (for clean-up code). */
struct error_state {
    enum error_kind kind;
    char message[1024];
};
void error_take(struct error_state *state);
void error_restore(const struct error_state *state);

#endif
