#include "base/paths.h"

#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SADDLE_DATADIR
#define SADDLE_DATADIR "/usr/local/share/saddle"
#endif

bool paths_program(struct strbuf *out)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
    if (length < 0 || length == (ssize_t)sizeof(path)) {
        error_set(ERROR_IO, "cannot find the running program through /proc/self/exe: %s",
                  length < 0 ? strerror(errno) : "the path is too long");
        return false;
    }
    strbuf_clear(out);
    strbuf_add(out, path, (size_t)length);
    return !out->failed;
}

/* True when `directory`/`relative` exists; `out` holds that path then. */
static bool exists_below(const char *directory, size_t length, const char *relative,
                         struct strbuf *out)
{
    strbuf_clear(out);
    strbuf_add(out, directory, length);
    strbuf_addch(out, '/');
    strbuf_adds(out, relative);
    return !out->failed && access(out->text, F_OK) == 0;
}

bool paths_find(const char *relative, struct strbuf *out)
{
    bool found = false;
    struct strbuf program = STRBUF_INIT;
    const char *chosen = getenv("SADDLE_DATA");
    if (chosen && *chosen && exists_below(chosen, strlen(chosen), relative, out))
        return true;
    /* A program that cannot name itself may still be an installed one. */
    struct error_state before;
    error_take(&before);
    if (paths_program(&program)) {
        size_t directory = (size_t)(strrchr(program.text, '/') - program.text);
        found = exists_below(program.text, directory, relative, out);
    }
    error_clear();
    error_restore(&before);
    if (!found && !out->failed)
        found = exists_below(SADDLE_DATADIR, strlen(SADDLE_DATADIR), relative, out);
    if (!found)
        error_set(ERROR_IO, "cannot find %s: it is neither next to the program%s%s nor in %s",
                  relative, program.length ? " " : "", program.text, SADDLE_DATADIR);
    strbuf_release(&program);
    return found;
}
