#include "plot/gnuplot.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static int format_of_path(const char *path)
{
    const char *name = strrchr(path, '/');
    const char *dot = strrchr(name ? name : path, '.');
    for (int i = 0; dot && i < PLOT_FORMAT_COUNT; i++) {
        if (!strcasecmp(dot + 1, plot_format_name((enum plot_format)i)))
            return i;
    }
    return error_set(ERROR_VALUE,
                     "%s: cannot tell the picture's format from the name; it must end in .png, "
                     ".svg, .pdf, .txt or .gp",
                     path);
}

static int render(struct gnuplot *g, const struct plot *plot, int format, int width, int height,
                  struct strbuf *out)
{
    struct plot_target target = {.format = (enum plot_format)format,
                                 .width = width > 0 ? width : PLOT_WIDTH,
                                 .height = height > 0 ? height : PLOT_HEIGHT};
    if (target.format == PLOT_FORMAT_ASCII) {
        /* Pixels as characters of 8 x 16. */
        target.width = target.width / 8 > 20 ? target.width / 8 : 20;
        target.height = target.height / 16 > 8 ? target.height / 16 : 8;
    }
    return gnuplot_render(g, plot, &target, out);
}

int plot_bytes(struct gnuplot *g, const struct plot *plot, const char *format, int width,
               int height, struct strbuf *out)
{
    int found = plot_format_find(format);
    return found < 0 ? -1 : render(g, plot, found, width, height, out);
}

static int write_all(int fd, const struct strbuf *bytes)
{
    for (size_t done = 0; done < bytes->length;) {
        ssize_t length = write(fd, bytes->text + done, bytes->length - done);
        if (length < 0 && errno != EINTR)
            return -1;
        done += length > 0 ? (size_t)length : 0;
    }
    return 0;
}

/* Through a file beside it and a rename, so that a full disk leaves the old picture. */
static int write_file(const char *path, const struct strbuf *bytes)
{
    struct strbuf beside = STRBUF_INIT;
    strbuf_addf(&beside, "%s.XXXXXX", path);
    int fd = beside.failed ? -1 : mkstemp(beside.text);
    mode_t mask = umask(0);
    umask(mask);
    bool failed = fd < 0 || write_all(fd, bytes) || fchmod(fd, 0666 & ~mask);
    int cause = errno;
    if (fd >= 0 && close(fd) && !failed) {
        failed = true;
        cause = errno;
    }
    if (!failed && rename(beside.text, path)) {
        failed = true;
        cause = errno;
    }
    if (failed) {
        if (fd >= 0)
            unlink(beside.text);
        error_set(ERROR_IO, "%s: %s", path, strerror(cause));
    }
    strbuf_release(&beside);
    return failed ? -1 : 0;
}

int plot_save(struct gnuplot *g, const struct plot *plot, const char *path, int width, int height)
{
    struct strbuf bytes = STRBUF_INIT;
    int format = format_of_path(path);
    int result = format < 0 ? -1 : render(g, plot, format, width, height, &bytes);
    if (result == 0)
        result = write_file(path, &bytes);
    strbuf_release(&bytes);
    return result;
}
