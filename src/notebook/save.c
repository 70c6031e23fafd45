#include "base/error.h"
#include "base/mem.h"
#include "notebook/notebook.h"
#include "notebook/undo.h"
#include "notebook/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40, NAMES_MAX = 100 };

/* A file on its way to be written: `temp` in the folder of `target`. */
struct saving {
    struct strbuf target, temp;
    struct stat old; /* of the file that is there already */
    bool exists;
    int fd;
};

/* Appends the folder of a path with its slash; nothing for a bare name. */
static void add_folder(struct strbuf *out, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash)
        strbuf_add(out, path, (size_t)(slash - path) + 1);
}

/* The file that a path means in the end; it need not exist. */
static int follow_links(struct strbuf *target, const char *path)
{
    char link[PATH_MAX];
    ssize_t length;

    strbuf_adds(target, path);
    for (int links = 0; (length = readlink(target->text, link, sizeof(link) - 1)) >= 0; links++) {
        struct strbuf next = STRBUF_INIT;

        if (links == LINKS_MAX) {
            errno = ELOOP;
            return -1;
        }
        link[length] = '\0';
        if (link[0] != '/')
            add_folder(&next, target->text);
        strbuf_adds(&next, link);
        strbuf_release(target);
        *target = next;
    }
    return 0;
}

/* What stands at the target may be replaced, or nothing stands there. */
static int check_target(struct saving *s, const char *path)
{
    s->exists = stat(s->target.text, &s->old) == 0;
    if (!s->exists)
        return errno == ENOENT ? 0 : -1;
    if (S_ISDIR(s->old.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    if (!S_ISREG(s->old.st_mode))
        return error_set(ERROR_IO, "%s: cannot save: not a regular file", path);
    if ((s->old.st_mode & 0222) == 0) /* the user's word, also for root */
        return error_set(ERROR_IO, "%s: cannot save: the file is read-only", path);
    return faccessat(AT_FDCWD, s->target.text, W_OK, AT_EACCESS);
}

static int open_temp(struct saving *s)
{
    for (int i = 0; i < NAMES_MAX; i++) {
        strbuf_clear(&s->temp);
        add_folder(&s->temp, s->target.text);
        strbuf_addf(&s->temp, ".saddle-%ld-%d.tmp", (long)getpid(), i);
        s->fd =
            s->temp.failed ? -1 : open(s->temp.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (s->fd >= 0 || errno != EEXIST)
            break;
    }
    if (s->fd < 0)
        strbuf_clear(&s->temp);
    return s->fd < 0 ? -1 : 0;
}

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

/* The new file gets the old one's owner, where that is allowed, and its mode. */
static int keep_mode(const struct saving *s)
{
    if (!s->exists)
        return 0;
    if (fchown(s->fd, s->old.st_uid, s->old.st_gid) != 0 && errno != EPERM)
        return -1;
    return fchmod(s->fd, s->old.st_mode & 07777);
}

/* Makes the rename itself last. The file is whole either way, so a failure is no error. */
static void sync_folder(const char *path)
{
    struct strbuf folder = STRBUF_INIT;
    int fd;

    add_folder(&folder, path);
    fd = open(folder.length > 0 ? folder.text : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    strbuf_release(&folder);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static int replace_file(struct saving *s, const struct strbuf *bytes)
{
    int closed;

    if (write_all(s->fd, bytes->text, bytes->length) != 0 || keep_mode(s) != 0 || fsync(s->fd) != 0)
        return -1;
    closed = close(s->fd);
    s->fd = -1;
    return closed != 0 ? -1 : rename(s->temp.text, s->target.text);
}

static int write_file(const char *path, const struct strbuf *bytes)
{
    struct saving s = {.target = STRBUF_INIT, .temp = STRBUF_INIT, .fd = -1};
    int result = -1;

    if (follow_links(&s.target, path) != 0 || s.target.failed || check_target(&s, path) != 0 ||
        open_temp(&s) != 0 || replace_file(&s, bytes) != 0)
        goto fail;
    sync_folder(s.target.text);
    result = 0;
fail:
    if (result != 0)
        error_set(ERROR_IO, "%s: cannot save: %s", path, strerror(errno));
    if (s.fd >= 0)
        close(s.fd);
    if (result != 0 && s.temp.length > 0)
        unlink(s.temp.text);
    strbuf_release(&s.temp);
    strbuf_release(&s.target);
    return result;
}

int notebook_save(struct notebook *nb, const char *path)
{
    struct strbuf bytes = STRBUF_INIT;
    char *new_path = NULL;
    int result = -1;

    if (!path && !nb->path)
        return error_set(ERROR_VALUE, "the notebook has no file name yet");
    if (path && (!nb->path || strcmp(path, nb->path) != 0) && !(new_path = mem_strdup(path)))
        return -1;
    notebook_write(nb, &bytes);
    if (!bytes.failed)
        result = write_file(path ? path : nb->path, &bytes);
    strbuf_release(&bytes);
    if (result == 0 && new_path) {
        mem_free(nb->path);
        nb->path = new_path;
        new_path = NULL;
    }
    mem_free(new_path);
    if (result == 0) {
        undo_mark_saved(nb);
        watch_remember(nb);
    }
    return result;
}
