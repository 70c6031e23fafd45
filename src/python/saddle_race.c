/* saddle.race(): several optimizers from one start on one function, and the map of their paths. */
#include "base/error.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/saddle.h"
#include "python/tensor_type.h"

#include <math.h>
#include <string.h>

enum { RACE_GRID = 121 };

struct race {
    PyObject *function;
    double start[2];
    int64_t steps;
};

static bool call_method(PyObject *object, const char *name)
{
    PyObject *result = PyObject_CallMethod(object, name, NULL);

    Py_XDECREF(result);
    return result != NULL;
}

static struct tensor *start_point(const struct race *race)
{
    struct tensor *p = tensor_new(DTYPE_f32, 1, (int64_t[]){2});

    if (!p)
        return NULL;
    ((float *)tensor_data(p))[0] = (float)race->start[0];
    ((float *)tensor_data(p))[1] = (float)race->start[1];
    tensor_set_requires_grad(p, true);
    return p;
}

static bool one_step(const struct race *race, PyObject *optimizer, PyObject *point)
{
    PyObject *loss;
    bool done;

    if (!call_method(optimizer, "zero_grad"))
        return false;
    loss = PyObject_CallOneArg(race->function, point);
    done = loss && call_method(loss, "backward") && call_method(optimizer, "step");
    Py_XDECREF(loss);
    return done && PyErr_CheckSignals() == 0;
}

/* The path of one optimizer, (steps + 1, 2); the factory gets the list of parameters. */
static PyObject *run_one(const struct race *race, PyObject *factory)
{
    struct tensor *path = tensor_new(DTYPE_f32, 2, (int64_t[]){race->steps + 1, 2});
    PyObject *point = path ? tensor_wrap(start_point(race)) : python_error();
    PyObject *list = point ? PyList_New(0) : NULL, *optimizer = NULL;
    bool done = list && PyList_Append(list, point) == 0;

    if (done)
        optimizer = PyObject_CallOneArg(factory, list);
    done = optimizer != NULL;
    for (int64_t i = 0; done && i <= race->steps; i++) {
        memcpy(tensor_data(path) + i * 2 * (int64_t)sizeof(float), tensor_data(tensor_of(point)),
               2 * sizeof(float));
        if (i < race->steps)
            done = one_step(race, optimizer, point);
    }
    Py_XDECREF(list);
    Py_XDECREF(optimizer);
    Py_XDECREF(point);
    if (done)
        return tensor_wrap(path);
    tensor_unref(path);
    return NULL;
}

static PyObject *run_all(const struct race *race, PyObject *optimizers)
{
    PyObject *paths = PyDict_New(), *name, *factory, *path;
    Py_ssize_t at = 0;

    while (paths && PyDict_Next(optimizers, &at, &name, &factory)) {
        path = run_one(race, factory);
        if (!path || PyDict_SetItem(paths, name, path) < 0)
            Py_CLEAR(paths);
        Py_XDECREF(path);
    }
    return paths;
}

/* ---- the map ---- */

static void widen(double value, double *low, double *high)
{
    if (!isfinite(value))
        return;
    *low = fmin(*low, value);
    *high = fmax(*high, value);
}

/* Limits that show every path with a margin, where none are given. */
static void limits_of_paths(PyObject *paths, double low[2], double high[2])
{
    PyObject *name, *path;
    Py_ssize_t at = 0;

    for (int d = 0; d < 2; d++) {
        low[d] = INFINITY;
        high[d] = -INFINITY;
    }
    while (PyDict_Next(paths, &at, &name, &path)) {
        const float *points = (const float *)tensor_data(tensor_of(path));

        for (int64_t i = 0; i < tensor_of(path)->numel; i++)
            widen(points[i], &low[i % 2], &high[i % 2]);
    }
    for (int d = 0; d < 2; d++) {
        double margin = high[d] > low[d] ? 0.15 * (high[d] - low[d]) : 1;

        low[d] -= margin;
        high[d] += margin;
    }
}

static bool add_map(struct plot *plot, PyObject *function, PyObject *levels)
{
    double *x = evenly_spaced(plot->x.low, plot->x.high, RACE_GRID);
    double *y = x ? evenly_spaced(plot->y.low, plot->y.high, RACE_GRID) : NULL;
    double *z = y ? grid_of_function(function, x, RACE_GRID, y, RACE_GRID) : NULL;
    struct plot_series *s = z ? plot_add(plot, PLOT_CONTOUR) : NULL;
    bool done = s != NULL;
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim;

    if (s) {
        s->rows = s->columns = RACE_GRID;
        done = plot_set_data(&s->x, x, RACE_GRID) && plot_set_data(&s->y, y, RACE_GRID) &&
               plot_set_data(&s->z, z, (size_t)RACE_GRID * RACE_GRID);
    }
    if (done && levels && levels != Py_None) {
        double *values = doubles_from_python(levels, &ndim, shape);

        done = values && ndim == 1 && plot_set_data(&s->levels, values, (size_t)shape[0]);
        if (done)
            s->level_count = (size_t)shape[0];
        PyMem_Free(values);
    }
    PyMem_Free(x);
    PyMem_Free(y);
    PyMem_Free(z);
    if (!done && !PyErr_Occurred())
        python_error();
    return done;
}

static bool add_path(struct plot *plot, PyObject *name, PyObject *path)
{
    const float *points = (const float *)tensor_data(tensor_of(path));
    size_t count = (size_t)tensor_of(path)->shape[0];
    double *columns = PyMem_Malloc((2 * count + 1) * sizeof(*columns));
    struct plot_series *s = columns ? plot_add(plot, PLOT_PATH) : NULL;
    const char *label = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
    bool done = s && (!label || plot_set_text(&s->label, label));

    for (size_t i = 0; done && i < count; i++) {
        columns[i] = points[2 * i];
        columns[count + i] = points[2 * i + 1];
    }
    if (done) {
        s->count = count;
        done = plot_set_data(&s->x, columns, count) && plot_set_data(&s->y, columns + count, count);
    }
    PyMem_Free(columns);
    if (!done)
        python_error();
    return done;
}

static struct plot *draw(const struct race *race, PyObject *paths, const struct plot_words *words,
                         PyObject *levels)
{
    struct plot *plot = plot_new();
    double low[2], high[2];
    PyObject *name, *path;
    Py_ssize_t at = 0;
    bool done;

    if (!plot)
        return python_error();
    limits_of_paths(paths, low, high);
    plot->x.low = low[0];
    plot->x.high = high[0];
    plot->y.low = low[1];
    plot->y.high = high[1];
    done = plot_words_apply(words, plot) && add_map(plot, race->function, levels);
    while (done && PyDict_Next(paths, &at, &name, &path))
        done = add_path(plot, name, path);
    if (done)
        return plot;
    plot_free(plot);
    return NULL;
}

static bool read_start(PyObject *object, double start[2])
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim;
    double *values = doubles_from_python(object, &ndim, shape);
    bool fits = values && ndim == 1 && shape[0] == 2;

    if (fits)
        memcpy(start, values, 2 * sizeof(*start));
    else if (values)
        PyErr_SetString(PyExc_ValueError, "start must be a point of two numbers (x, y)");
    PyMem_Free(values);
    return fits;
}

static PyObject *race_method(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"f",      "optimizers", "start", "steps",  "title", "xlabel",
                            "ylabel", "xlim",       "ylim",  "levels", NULL};
    struct plot_words words = {.xlabel = "x", .ylabel = "y"};
    PyObject *optimizers, *start, *levels = NULL, *paths, *shown;
    struct race race = {.steps = 100};
    long long steps = 100;
    struct plot *plot;

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO!O|LzzzOOO:race", names, &race.function,
                                     &PyDict_Type, &optimizers, &start, &steps, &words.title,
                                     &words.xlabel, &words.ylabel, &words.xlim, &words.ylim,
                                     &levels) ||
        !read_start(start, race.start))
        return NULL;
    if (steps < 0 || steps > 10000000)
        return PyErr_Format(PyExc_ValueError, "steps must be from 0 to 10,000,000, got %lld",
                            steps);
    race.steps = steps;
    paths = run_all(&race, optimizers);
    plot = paths ? draw(&race, paths, &words, levels) : NULL;
    shown = plot ? saddle_show(plot) : NULL;
    if (!shown)
        Py_CLEAR(paths);
    Py_XDECREF(shown);
    return paths;
}

PyMethodDef saddle_race_methods[] = {
    {"race", WITH_KEYWORDS(race_method),
     "race(f, {name: lambda ps: optimizer}, start, steps=100): runs each optimizer on f(p), p a\n"
     "tensor of two numbers, draws the paths on a map of f, and returns {name: path}, each path\n"
     "of shape (steps + 1, 2)."},
    {NULL, NULL, 0, NULL}};
