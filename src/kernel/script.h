/*
 * script.h: a Python program run as `python3` would run it, with `import torch` being ours.
 *
 * Standard streams, sys.argv, sys.path, tracebacks, signals and exit status are Python's. The
 * process itself becomes the Python process; pictures are drawn by a second, small process that
 * is split off before Python starts, because Python may later be confined.
 */
#ifndef SADDLE_KERNEL_SCRIPT_H
#define SADDLE_KERNEL_SCRIPT_H

#include "base/strbuf.h"

#include <jansson.h>
#include <stdbool.h>

/* What the program may ask of its host. All members may be NULL. The functions run in the drawing
 * process, one at a time; what they print must go to standard error. */
struct script_host {
    void *context;
    /* Draws `plot` (plot.h, JSON form) as "png", "svg", ... and appends the file's bytes to `out`.
     * Width and height are 0 for the default size. false with the error set. */
    bool (*render)(void *context, json_t *plot, const char *format, int width, int height,
                   struct strbuf *out);
    /* The program has shown a plot; the same id replaces. All of them arrive before the program's
     * process ends. */
    void (*show)(void *context, json_t *plot, int id);
};

/* All return the exit status: 0, 1 after an exception that nobody caught, what sys.exit() was
 * given, 2 when the file cannot be read. Ctrl-C ends the process by SIGINT, as in Python.
 * argv[0 .. argc-1] are the program's own arguments (sys.argv[1:]). `host` may be NULL.
 * To be called once, at the end of main(). */
int script_run_file(const char *path, int argc, char **argv, const struct script_host *host);
/* Like `python3 -c CODE`. */
int script_run_code(const char *code, int argc, char **argv, const struct script_host *host);

#endif
