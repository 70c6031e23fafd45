#include "tui/pictures.h"

#include "base/error.h"
#include "base/mem.h"
#include "plot/gnuplot.h"

#include <string.h>

bool pictures_init(struct pictures *pictures, const char *path, FILE *report)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');

    *pictures = (struct pictures){.report = report};
    pictures->stem = mem_strndup(name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
    pictures->gnuplot = gnuplot_new();
    if (pictures->stem && pictures->gnuplot)
        return true;
    pictures_release(pictures);
    return false;
}

void pictures_release(struct pictures *pictures)
{
    for (size_t i = 0; i < pictures->files.count; i++)
        json_decref(pictures->files.at[i].waiting);
    vec_release(&pictures->files);
    gnuplot_free(pictures->gnuplot);
    mem_free(pictures->stem);
    *pictures = (struct pictures){0};
}

void pictures_show(struct pictures *pictures, json_t *plot, int id)
{
    struct picture_file *file = NULL;

    for (size_t i = 0; i < pictures->files.count && id >= 0; i++)
        if (pictures->files.at[i].id == id)
            file = &pictures->files.at[i];
    if (!file) {
        if (!vec_push(&pictures->files, ((struct picture_file){.id = id}))) {
            error_clear();
            pictures->failed = true;
            return;
        }
        file = &pictures->files.at[pictures->files.count - 1];
    }
    json_decref(file->waiting);
    file->waiting = json_incref(plot);
}

static bool write_picture(struct pictures *pictures, const json_t *json, const char *path)
{
    struct plot *plot = plot_from_json(json);
    bool written = plot && plot_save(pictures->gnuplot, plot, path, 0, 0) == 0;

    plot_free(plot);
    return written;
}

void pictures_flush(struct pictures *pictures)
{
    for (size_t i = 0; i < pictures->files.count; i++) {
        struct picture_file *file = &pictures->files.at[i];
        struct strbuf path = STRBUF_INIT;

        if (!file->waiting)
            continue;
        strbuf_addf(&path, "%s-%zu.png", pictures->stem, i + 1);
        if (!path.failed && write_picture(pictures, file->waiting, path.text)) {
            if (!file->named)
                fprintf(pictures->report, "%s\n", path.text);
            fflush(pictures->report);
            file->named = true;
        } else {
            fprintf(stderr, "saddle: %s: no picture: %s\n", path.text, error_message());
            error_clear();
            pictures->failed = true;
        }
        strbuf_release(&path);
        json_decref(file->waiting);
        file->waiting = NULL;
    }
}

bool pictures_render(struct pictures *pictures, const json_t *json, const char *format, int width,
                     int height, struct strbuf *out)
{
    struct plot *plot = plot_from_json(json);
    bool drawn = plot && plot_bytes(pictures->gnuplot, plot, format, width, height, out) == 0;

    plot_free(plot);
    return drawn;
}
