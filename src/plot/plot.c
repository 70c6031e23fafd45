#include "plot/plot.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

struct plot *plot_new(void)
{
    struct plot *plot = mem_zero(1, sizeof(*plot));
    if (!plot)
        return NULL;
    plot->x = plot->y = plot->z = (struct plot_axis){.low = NAN, .high = NAN};
    plot->legend = true;
    plot->tilt = 55;
    plot->turn = 35;
    return plot;
}

static void series_release(struct plot_series *series)
{
    mem_free(series->label);
    mem_free(series->x);
    mem_free(series->y);
    mem_free(series->z);
    mem_free(series->levels);
}

void plot_free(struct plot *plot)
{
    if (!plot)
        return;
    for (size_t i = 0; i < plot->series.count; i++)
        series_release(&plot->series.at[i]);
    vec_release(&plot->series);
    mem_free(plot->title);
    mem_free(plot->x.label);
    mem_free(plot->y.label);
    mem_free(plot->z.label);
    mem_free(plot);
}

struct plot_series *plot_add(struct plot *plot, enum plot_kind kind)
{
    struct plot_series series = {.kind = kind, .color = -1};
    if (!vec_push(&plot->series, series))
        return NULL;
    return &plot->series.at[plot->series.count - 1];
}

bool plot_kind_has_grid(enum plot_kind kind)
{
    return kind == PLOT_HEATMAP || kind == PLOT_CONTOUR || kind == PLOT_SURFACE;
}

bool plot_set_text(char **member, const char *text)
{
    char *copy = NULL;
    if (text) {
        copy = mem_strdup(text);
        if (!copy)
            return false;
    }
    mem_free(*member);
    *member = copy;
    return true;
}

bool plot_set_data(double **member, const double *values, size_t count)
{
    if (count > SIZE_MAX / sizeof(double)) {
        error_set(ERROR_MEMORY, "plot: %zu values do not fit into memory", count);
        return false;
    }
    double *copy = mem_alloc(count * sizeof(*copy));
    if (!copy)
        return false;
    if (count)
        memcpy(copy, values, count * sizeof(*copy));
    mem_free(*member);
    *member = copy;
    return true;
}
