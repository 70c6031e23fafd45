/*
 * strbuf.h: a growing, always NUL-terminated byte string.
 *
 * `text` is never NULL (an empty buffer points at a shared ""). When memory runs out, the buffer
 * keeps what it has, remembers it in `failed` and sets ERROR_MEMORY: callers append freely and look
 * once at the end.
 */
#ifndef SADDLE_BASE_STRBUF_H
#define SADDLE_BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
    char *text;
    size_t length;
    size_t capacity; /* 0 while `text` is the shared empty string */
    bool failed;
};

extern char strbuf_empty[1];
#define STRBUF_INIT ((struct strbuf){.text = strbuf_empty})

void strbuf_init(struct strbuf *b);
void strbuf_release(struct strbuf *b); /* leaves an empty, usable buffer */
void strbuf_clear(struct strbuf *b);   /* length 0, memory kept */
/* The text as a block for mem_free(), never NULL unless memory ran out; the buffer is empty then.
 */
char *strbuf_detach(struct strbuf *b);

bool strbuf_reserve(struct strbuf *b, size_t extra);
void strbuf_add(struct strbuf *b, const void *bytes, size_t length);
void strbuf_adds(struct strbuf *b, const char *text);
void strbuf_addch(struct strbuf *b, char c);
void strbuf_pad(struct strbuf *b, char c, size_t count);
void strbuf_addf(struct strbuf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_addv(struct strbuf *b, const char *format, va_list args);
/* Replaces `count` bytes at `at` by `length` others; `at` and `count` are cut to the buffer. */
void strbuf_splice(struct strbuf *b, size_t at, size_t count, const void *bytes, size_t length);

/* The whole file, appended. -1 with ERROR_IO that names the path and the reason. */
int strbuf_read_file(struct strbuf *b, const char *path);

#endif
