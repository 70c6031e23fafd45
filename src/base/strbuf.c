#include "base/strbuf.h"

#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char strbuf_empty[1] = "";

void strbuf_init(struct strbuf *b)
{
    *b = STRBUF_INIT;
}

void strbuf_release(struct strbuf *b)
{
    if (b->capacity)
        mem_free(b->text);
    strbuf_init(b);
}

void strbuf_clear(struct strbuf *b)
{
    b->length = 0;
    b->failed = false;
    if (b->capacity)
        b->text[0] = '\0';
}

char *strbuf_detach(struct strbuf *b)
{
    char *text = b->capacity ? b->text : mem_strdup("");

    strbuf_init(b);
    return text;
}

bool strbuf_reserve(struct strbuf *b, size_t extra)
{
    size_t need = b->length + extra + 1;
    size_t capacity = b->capacity ? b->capacity : 64;
    char *text;

    if (need <= b->capacity)
        return true;
    while (capacity < need)
        capacity *= 2;
    text = mem_realloc(b->capacity ? b->text : NULL, capacity);
    if (!text) {
        b->failed = true;
        return false;
    }
    if (!b->capacity)
        text[0] = '\0';
    b->text = text;
    b->capacity = capacity;
    return true;
}

void strbuf_add(struct strbuf *b, const void *bytes, size_t length)
{
    if (length == 0 || !strbuf_reserve(b, length))
        return;
    memcpy(b->text + b->length, bytes, length);
    b->length += length;
    b->text[b->length] = '\0';
}

void strbuf_adds(struct strbuf *b, const char *text)
{
    strbuf_add(b, text, strlen(text));
}

void strbuf_addch(struct strbuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

void strbuf_pad(struct strbuf *b, char c, size_t count)
{
    if (count == 0 || !strbuf_reserve(b, count))
        return;
    memset(b->text + b->length, c, count);
    b->length += count;
    b->text[b->length] = '\0';
}

void strbuf_addv(struct strbuf *b, const char *format, va_list args)
{
    va_list again;
    int length;

    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length <= 0 || !strbuf_reserve(b, (size_t)length))
        return;
    vsnprintf(b->text + b->length, (size_t)length + 1, format, args);
    b->length += (size_t)length;
}

void strbuf_addf(struct strbuf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    strbuf_addv(b, format, args);
    va_end(args);
}

void strbuf_splice(struct strbuf *b, size_t at, size_t count, const void *bytes, size_t length)
{
    if (at > b->length)
        at = b->length;
    if (count > b->length - at)
        count = b->length - at;
    if (length > count && !strbuf_reserve(b, length - count))
        return;
    if (!b->capacity)
        return; /* empty, and nothing to put in */
    memmove(b->text + at + length, b->text + at + count, b->length - at - count);
    if (length)
        memcpy(b->text + at, bytes, length);
    b->length += length - count;
    b->text[b->length] = '\0';
}

int strbuf_read_file(struct strbuf *b, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    ssize_t got = 0;

    if (fd < 0)
        return error_set(ERROR_IO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        close(fd);
        return error_set(ERROR_IO, "%s: %s", path, strerror(EISDIR));
    }
    while (strbuf_reserve(b, 65536)) {
        got = read(fd, b->text + b->length, 65536);
        if (got > 0)
            b->length += (size_t)got;
        else if (got == 0 || errno != EINTR)
            break;
    }
    if (b->capacity)
        b->text[b->length] = '\0';
    if (!b->failed && got < 0)
        error_set(ERROR_IO, "%s: %s", path, strerror(errno));
    close(fd);
    return error_pending() ? -1 : 0;
}
