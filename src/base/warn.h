/*
 * warn.h: what the user should know although nothing has failed.
 */
#ifndef SADDLE_BASE_WARN_H
#define SADDLE_BASE_WARN_H

/* Hands the text to whoever shows warnings; without one it is dropped. -1 when that made an error
 * of it, which is pending then. */
int warn_user(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Set by src/python. NULL by default. */
extern int (*warn_handler)(const char *text);

#endif
