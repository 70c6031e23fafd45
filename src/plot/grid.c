#include "plot/grid.h"

#include "plot/axis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool grid_is_even(const double *coordinates, size_t count)
{
    if (!coordinates || count < 3)
        return true;
    double step = (coordinates[count - 1] - coordinates[0]) / (double)(count - 1);
    if (!(fabs(step) > 0) || isinf(step))
        return false;
    for (size_t i = 1; i < count; i++) {
        /* float32 coordinates of a linspace differ in their seventh digit. */
        if (!(fabs(coordinates[i] - coordinates[0] - step * (double)i) <= fabs(step) * 1e-2))
            return false;
    }
    return true;
}

/* The index in front of `value` and, in *part, how far it is on the way to the next one; false when
 * the value lies outside. Bisection holds for rising and falling coordinates. */
static bool locate(const double *coordinates, size_t count, double value, size_t *index,
                   double *part)
{
    size_t low = 0, high = count - 1;
    if (count < 2 || !isfinite(value))
        return false;
    double first = plot_coordinate(coordinates, low), last = plot_coordinate(coordinates, high);
    bool rising = first < last;
    if (rising ? value < first || value > last : value > first || value < last)
        return false;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        double at = plot_coordinate(coordinates, middle);
        if (rising ? at <= value : at >= value)
            low = middle;
        else
            high = middle;
    }
    double a = plot_coordinate(coordinates, low), b = plot_coordinate(coordinates, high);
    *index = low;
    *part = a == b ? 0 : (value - a) / (b - a);
    return *part >= 0 && *part <= 1;
}

double grid_value(const struct plot_series *grid, double x, double y)
{
    size_t column, row;
    double right, down;
    if (!locate(grid->x, grid->columns, x, &column, &right) ||
        !locate(grid->y, grid->rows, y, &row, &down))
        return NAN;
    const double *z = grid->z + row * grid->columns + column;
    double above = z[0] + (z[1] - z[0]) * right;
    double below = z[grid->columns] + (z[grid->columns + 1] - z[grid->columns]) * right;
    return above + (below - above) * down;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

enum { SAMPLE_MAX = 4096 };

/* Up to SAMPLE_MAX finite values, spread over the grid and sorted; returns how many. */
static size_t sorted_sample(const struct plot_series *grid, double *sample)
{
    size_t total = grid->rows * grid->columns, stride = total / SAMPLE_MAX + 1, count = 0;
    for (size_t i = 0; i < total; i += stride) {
        if (isfinite(grid->z[i]))
            sample[count++] = grid->z[i];
    }
    if (count)
        qsort(sample, count, sizeof(*sample), compare_doubles);
    return count;
}

/* Where a function like Rosenbrock's falls into its valley, round steps would all lie on the slopes
 * outside: most of the grid is then far below the highest value. */
static size_t factor_levels(double floor_z, double low, double high, double *levels, size_t most)
{
    double factor = pow(high / low, 1.0 / (double)most);
    for (size_t i = 0; i < most; i++)
        levels[i] = floor_z + low * pow(factor, (double)i);
    return most;
}

static size_t chosen_levels(const double *sorted, size_t count, double *levels, size_t most)
{
    double low = sorted[0], high = sorted[count - 1];
    if (!(high > low))
        return 0;
    double floor_z = low < 0 ? low : 0;
    double small = sorted[count / 100] - floor_z, middle = sorted[count / 2] - floor_z;
    double top = high - floor_z;
    if (small <= 0)
        small = top * 1e-4;
    if (top / small > 100 && middle < top * 0.15)
        return factor_levels(floor_z, small, top, levels, most);
    struct axis_span span = {.low = low, .high = high};
    struct axis_ticks ticks = axis_ticks(&span, (int)(most < TICKS_MAX ? most : TICKS_MAX));
    size_t kept = 0;
    for (int i = 0; i < ticks.count; i++) {
        if (ticks.at[i] > low && ticks.at[i] < high)
            levels[kept++] = ticks.at[i];
    }
    return kept;
}

size_t grid_levels(const struct plot_series *grid, double *levels, size_t most)
{
    size_t count = 0;
    if (most > GRID_LEVELS_MAX)
        most = GRID_LEVELS_MAX;
    if (grid->levels) {
        for (size_t i = 0; i < grid->level_count && count < most; i++) {
            if (isfinite(grid->levels[i]))
                levels[count++] = grid->levels[i];
        }
        if (count)
            qsort(levels, count, sizeof(*levels), compare_doubles);
        return count;
    }
    double sample[SAMPLE_MAX];
    size_t sampled = sorted_sample(grid, sample);
    return sampled > 1 ? chosen_levels(sample, sampled, levels, most) : 0;
}

double grid_shade(const double *levels, size_t count, double low, double high, double z)
{
    if (isnan(z))
        return NAN;
    size_t above = 0;
    while (above < count && levels[above] <= z)
        above++;
    double from = above ? levels[above - 1] : fmin(low, z);
    double to = above < count ? levels[above] : fmax(high, z);
    double part = to > from ? (z - from) / (to - from) : 0;
    return ((double)above + part) / (double)(count + 1);
}
