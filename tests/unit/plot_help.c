#include "plot_help.h"

#include "base/mem.h"

#include <criterion/criterion.h>

struct plot_series *add_line(struct plot *plot, enum plot_kind kind, const char *label,
                             size_t count, const double *x, const double *y)
{
    struct plot_series *s = plot_add(plot, kind);
    cr_assert(s && plot_set_text(&s->label, label) && plot_set_data(&s->y, y, count));
    cr_assert(!x || plot_set_data(&s->x, x, count));
    s->count = count;
    return s;
}

static double rosenbrock(double x, double y)
{
    return (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x);
}

static double saddle(double x, double y)
{
    return x * x - y * y;
}

static struct plot_series *add_grid(struct plot *plot, enum plot_kind kind, size_t side,
                                    double left, double low, double size,
                                    double (*f)(double, double))
{
    struct plot_series *s = plot_add(plot, kind);
    cr_assert_not_null(s);
    s->rows = s->columns = side;
    s->x = mem_alloc(side * sizeof(double));
    s->y = mem_alloc(side * sizeof(double));
    s->z = mem_alloc(side * side * sizeof(double));
    cr_assert(s->x && s->y && s->z);
    for (size_t i = 0; i < side; i++) {
        s->x[i] = left + size * (double)i / (double)(side - 1);
        s->y[i] = low + size * (double)i / (double)(side - 1);
    }
    for (size_t i = 0; i < side * side; i++)
        s->z[i] = f(s->x[i % side], s->y[i / side]);
    return s;
}

struct plot_series *add_rosenbrock(struct plot *plot, enum plot_kind kind, size_t side)
{
    return add_grid(plot, kind, side, -2, -1, 4, rosenbrock);
}

struct plot *loss_plot(void)
{
    struct plot *plot = plot_new();
    cr_assert_not_null(plot);
    plot_set_text(&plot->title, "Training loss");
    plot_set_text(&plot->x.label, "epoch");
    plot_set_text(&plot->y.label, "loss");
    add_line(plot, PLOT_LINE, "SGD", 3, NULL, (double[]){2.3, 1.2, 0.8});
    add_line(plot, PLOT_LINE, "Adam", 3, NULL, (double[]){2.3, 0.5, 0.1})->dashed = true;
    return plot;
}

struct plot *race_plot(size_t side)
{
    struct plot *plot = plot_new();
    cr_assert_not_null(plot);
    add_rosenbrock(plot, PLOT_CONTOUR, side);
    add_line(plot, PLOT_PATH, "SGD", 3, (double[]){-1.5, -1, 0.5}, (double[]){2, 1, 0.25});
    add_line(plot, PLOT_PATH, "Adam", 3, (double[]){-1.5, 0, 1}, (double[]){2, 0, 1});
    return plot;
}

struct plot *saddle_plot(void)
{
    struct plot *plot = plot_new();
    cr_assert_not_null(plot);
    add_grid(plot, PLOT_SURFACE, 5, -1, -1, 2, saddle);
    add_line(plot, PLOT_PATH, "SGD", 2, (double[]){1, 0}, (double[]){0, 0});
    return plot;
}

struct plot *heat_plot(void)
{
    struct plot *plot = plot_new();
    struct plot_series *s = plot ? plot_add(plot, PLOT_HEATMAP) : NULL;
    cr_assert_not_null(s);
    s->rows = 2;
    s->columns = 3;
    cr_assert(plot_set_data(&s->z, (double[]){0, 1, 2, 3, 4, 5}, 6));
    return plot;
}
