/*
 * gnuplot.h: one gnuplot process behind a pipe.
 *
 * It is started on first use (gnuplot -d, so that no start-up file of the user runs), lives until
 * gnuplot_free(), and is started anew when it has died. Every call ends within the time limit.
 * SIGPIPE is kept from the caller; the pipes are close-on-exec.
 */
#ifndef SADDLE_PLOT_GNUPLOT_H
#define SADDLE_PLOT_GNUPLOT_H

#include "base/strbuf.h"
#include "plot/plot.h"
#include "plot/script.h"

#include <sys/types.h>

enum { GNUPLOT_LIMIT_MS = 10000 };

struct gnuplot;

/* Starts nothing yet. NULL with ERROR_MEMORY. */
struct gnuplot *gnuplot_new(void);
/* Ends the process. NULL is fine. */
void gnuplot_free(struct gnuplot *g);
/* Milliseconds that one picture may take; GNUPLOT_LIMIT_MS from the start. */
void gnuplot_set_limit(struct gnuplot *g, int milliseconds);
/* The process, 0 while none runs. */
pid_t gnuplot_pid(const struct gnuplot *g);

/* Appends the picture's bytes to `out`. -1 with ERROR_IO that says what went wrong: gnuplot is not
 * installed, found an error in the script (its own words), died, or took too long and was killed.
 * `out` is unchanged then. */
int gnuplot_render(struct gnuplot *g, const struct plot *plot, const struct plot_target *target,
                   struct strbuf *out);

/* The same as a file: the format is taken from the ending (.png .svg .pdf .txt .gp); another ending
 * is ERROR_VALUE that lists those. Width and height in pixels, 0: PLOT_WIDTH and PLOT_HEIGHT. The
 * file appears whole or not at all. */
enum { PLOT_WIDTH = 960, PLOT_HEIGHT = 640 };
int plot_save(struct gnuplot *g, const struct plot *plot, const char *path, int width, int height);
/* The file's bytes; `format` is a name as plot_format_find() takes it. */
int plot_bytes(struct gnuplot *g, const struct plot *plot, const char *format, int width,
               int height, struct strbuf *out);

#endif
