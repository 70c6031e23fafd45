#include "base/error.h"
#include "base/mem.h"
#include "notebook/notebook.h"
#include "notebook/watch.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <utf8proc.h>

/* Before the file is opened: opening a pipe would wait for its other end. */
static bool check_file(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0)
        error_set(ERROR_IO, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(info.st_mode))
        error_set(ERROR_IO, "%s: %s", path, strerror(EISDIR));
    else if (!S_ISREG(info.st_mode))
        error_set(ERROR_IO, "%s: not a regular file", path);
    else if (info.st_size > NOTEBOOK_MAX_BYTES)
        error_set(ERROR_VALUE, "%s: larger than %d MiB", path, NOTEBOOK_MAX_BYTES >> 20);
    else
        return true;
    return false;
}

static size_t line_of(const char *text, size_t offset)
{
    size_t line = 1;

    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

static bool check_text(const char *path, const struct strbuf *text)
{
    const char *nul = memchr(text->text, '\0', text->length);
    utf8proc_int32_t code;
    size_t at = 0;

    if (nul) {
        error_set(ERROR_VALUE, "%s: binary data, not a notebook (a zero byte in line %zu)", path,
                  line_of(text->text, (size_t)(nul - text->text)));
        return false;
    }
    while (at < text->length) {
        utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)text->text + at,
                                                   (utf8proc_ssize_t)(text->length - at), &code);
        if (length <= 0) {
            error_set(ERROR_VALUE, "%s: line %zu: not UTF-8 text (byte 0x%02x)", path,
                      line_of(text->text, at), (unsigned char)text->text[at]);
            return false;
        }
        at += (size_t)length;
    }
    return true;
}

struct notebook *notebook_load(const char *path)
{
    struct strbuf text = STRBUF_INIT;
    struct notebook *nb = NULL;

    if (check_file(path) && strbuf_read_file(&text, path) == 0 && check_text(path, &text))
        nb = notebook_parse(text.text, text.length);
    strbuf_release(&text);
    if (nb && !(nb->path = mem_strdup(path))) {
        notebook_free(nb);
        return NULL;
    }
    if (nb)
        watch_remember(nb);
    return nb;
}
