/* Plots from Python: each call makes a struct plot and shows it. */
#include "base/error.h"
#include "python/display.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/saddle.h"
#include "python/tensor_type.h"

#include <math.h>
#include <string.h>

/* ---- numbers ---- */

double *doubles_from_python(PyObject *object, int *ndim, int64_t *shape)
{
    struct tensor *t = tensor_check(object) ? tensor_ref(tensor_of(object))
                                            : tensor_from_python(object, DTYPE_f64);
    struct tensor *wide = t ? tensor_to(t, DTYPE_f64) : NULL;
    struct tensor *flat = wide ? tensor_contiguous(wide) : NULL;
    double *values = flat ? PyMem_Malloc(((size_t)flat->numel + 1) * sizeof(*values)) : NULL;

    if (!flat) {
        python_error();
    } else if (!values) {
        PyErr_NoMemory();
    } else {
        *ndim = flat->ndim;
        memcpy(shape, flat->shape, (size_t)flat->ndim * sizeof(*shape));
        memcpy(values, tensor_data(flat), (size_t)flat->numel * sizeof(*values));
    }
    tensor_unref(t);
    tensor_unref(wide);
    tensor_unref(flat);
    return values;
}

double *evenly_spaced(double low, double high, size_t count)
{
    double *values = PyMem_Malloc((count + 1) * sizeof(*values));

    if (!values)
        return (double *)PyErr_NoMemory();
    for (size_t i = 0; i < count; i++)
        values[i] = count > 1 ? low + (high - low) * (double)i / (double)(count - 1) : low;
    return values;
}

/* (low, high) from a tuple; None leaves the defaults that are there. */
static bool read_limits(PyObject *object, const char *name, double *low, double *high)
{
    if (!object || object == Py_None)
        return true;
    if (PyTuple_Check(object) || PyList_Check(object)) {
        PyObject *tuple = PySequence_Tuple(object);
        bool read = tuple && PyArg_ParseTuple(tuple, "dd", low, high);

        Py_XDECREF(tuple);
        if (read && *low < *high)
            return true;
    }
    PyErr_Clear();
    PyErr_Format(PyExc_ValueError, "%s must be a pair (low, high) with low < high, got %R", name,
                 object);
    return false;
}

/* ---- what all plots have ---- */

bool plot_words_apply(const struct plot_words *words, struct plot *plot)
{
    plot->x.log = words->logx;
    plot->y.log = words->logy;
    plot->z.log = words->logz;
    plot->equal = words->equal;
    if (!plot_set_text(&plot->title, words->title) ||
        !plot_set_text(&plot->x.label, words->xlabel) ||
        !plot_set_text(&plot->y.label, words->ylabel) ||
        !plot_set_text(&plot->z.label, words->zlabel)) {
        python_error();
        return false;
    }
    return read_limits(words->xlim, "xlim", &plot->x.low, &plot->x.high) &&
           read_limits(words->ylim, "ylim", &plot->y.low, &plot->y.high) &&
           read_limits(words->zlim, "zlim", &plot->z.low, &plot->z.high);
}

static json_t *last_plot; /* what savefig() writes */
static int last_id;

PyObject *saddle_show(struct plot *plot)
{
    json_t *json = plot ? plot_to_json(plot) : NULL;

    plot_free(plot);
    if (!json)
        return python_error();
    json_decref(last_plot);
    last_plot = json;
    if (!display_show(json, ++last_id))
        return python_error();
    Py_RETURN_NONE;
}

#define WORD_NAMES                                                                                 \
    "title", "xlabel", "ylabel", "zlabel", "xlim", "ylim", "zlim", "logx", "logy", "logz", "equal"
#define WORD_FORMAT "zzzzOOOpppp"
#define WORD_TARGETS(w)                                                                            \
    &(w).title, &(w).xlabel, &(w).ylabel, &(w).zlabel, &(w).xlim, &(w).ylim, &(w).zlim, &(w).logx, \
        &(w).logy, &(w).logz, &(w).equal

/* ---- lines and points ---- */

static bool set_xy(struct plot_series *s, const double *x, const double *y, size_t count)
{
    s->count = count;
    if ((x && !plot_set_data(&s->x, x, count)) || !plot_set_data(&s->y, y, count)) {
        python_error();
        return false;
    }
    return true;
}

static bool set_label(struct plot_series *s, PyObject *label)
{
    const char *text = label && PyUnicode_Check(label) ? PyUnicode_AsUTF8(label) : NULL;

    if (text && !plot_set_text(&s->label, text)) {
        python_error();
        return false;
    }
    return true;
}

/* One series, or one per row for values of two dimensions. */
static bool add_values(struct plot *plot, enum plot_kind kind, PyObject *x_object,
                       PyObject *y_object, PyObject *label)
{
    int64_t shape[TENSOR_MAX_DIMS], x_shape[TENSOR_MAX_DIMS];
    int ndim, x_ndim = 0;
    double *y = doubles_from_python(y_object, &ndim, shape);
    double *x = y && x_object ? doubles_from_python(x_object, &x_ndim, x_shape) : NULL;
    bool done = y && (x || !x_object);
    int64_t rows, count;

    if (done && (ndim < 1 || ndim > 2 || (x && (x_ndim != 1 || x_shape[0] != shape[ndim - 1])))) {
        PyErr_SetString(PyExc_ValueError,
                        "values to plot are a sequence of numbers, with as many x as y");
        done = false;
    }
    rows = done && ndim == 2 ? shape[0] : 1;
    count = done ? shape[ndim - 1] : 0;
    for (int64_t r = 0; done && r < rows; r++) {
        struct plot_series *s = plot_add(plot, kind);

        done = s ? set_xy(s, x, y + r * count, (size_t)count) && set_label(s, label)
                 : (python_error(), false);
    }
    PyMem_Free(x);
    PyMem_Free(y);
    return done;
}

/* A dict of label -> values is several series. */
static bool add_series(struct plot *plot, enum plot_kind kind, PyObject *x, PyObject *y,
                       PyObject *label)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;

    if (!PyDict_Check(y))
        return add_values(plot, kind, x, y, label);
    while (PyDict_Next(y, &at, &key, &value)) {
        if (!add_values(plot, kind, x, value, key))
            return false;
    }
    return true;
}

static PyObject *xy_plot(enum plot_kind kind, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"x", "y", "label", WORD_NAMES, NULL};
    PyObject *x, *y = NULL, *label = NULL;
    struct plot_words words = {0};
    struct plot *plot;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OO$" WORD_FORMAT, names, &x, &y, &label,
                                     WORD_TARGETS(words)))
        return NULL;
    if (!y) { /* plot(values): over 0, 1, 2 ... */
        y = x;
        x = NULL;
    }
    plot = plot_new();
    if (!plot)
        return python_error();
    if (!plot_words_apply(&words, plot) || !add_series(plot, kind, x, y, label)) {
        plot_free(plot);
        return NULL;
    }
    return saddle_show(plot);
}

#define XY_PLOT(name, kind)                                                                        \
    static PyObject *name(PyObject *self, PyObject *args, PyObject *kwargs)                        \
    {                                                                                              \
        (void)self;                                                                                \
        return xy_plot(kind, args, kwargs);                                                        \
    }
XY_PLOT(show_line, PLOT_LINE)
XY_PLOT(show_points, PLOT_POINTS)
XY_PLOT(show_bars, PLOT_BARS)
XY_PLOT(show_path, PLOT_PATH)

/* ---- functions of two variables, and matrices ---- */

static double number_at(PyObject *value)
{
    struct scalar s;

    return scalar_from_python(value, &s) ? s.d : NAN;
}

/* p = (x, y) as a tensor of shape (2, rows, columns) in one call; NULL without an exception when
 * the function does not take that. */
static double *grid_at_once(PyObject *function, const double *x, size_t columns, const double *y,
                            size_t rows)
{
    int64_t shape[TENSOR_MAX_DIMS] = {2, (int64_t)rows, (int64_t)columns};
    struct tensor *p = tensor_new(DTYPE_f32, 3, shape);
    float *data = p ? (float *)tensor_data(p) : NULL;
    PyObject *point, *value;
    double *grid = NULL;
    int ndim;

    for (size_t i = 0; p && i < rows * columns; i++) {
        data[i] = (float)x[i % columns];
        data[rows * columns + i] = (float)y[i / columns];
    }
    point = tensor_wrap(p);
    value = point ? PyObject_CallOneArg(function, point) : NULL;
    if (value && tensor_check(value) && tensor_of(value)->ndim == 2 &&
        tensor_of(value)->shape[0] == (int64_t)rows &&
        tensor_of(value)->shape[1] == (int64_t)columns)
        grid = doubles_from_python(value, &ndim, shape);
    Py_XDECREF(point);
    Py_XDECREF(value);
    if (!grid && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_KeyboardInterrupt))
        PyErr_Clear();
    return grid;
}

static double *grid_by_points(PyObject *function, const double *x, size_t columns, const double *y,
                              size_t rows)
{
    double *grid = PyMem_Malloc((rows * columns + 1) * sizeof(*grid));

    if (!grid)
        return (double *)PyErr_NoMemory();
    for (size_t i = 0; i < rows * columns; i++) {
        struct tensor *p = tensor_new(DTYPE_f32, 1, (int64_t[]){2});
        PyObject *point, *value;

        if (p) {
            ((float *)tensor_data(p))[0] = (float)x[i % columns];
            ((float *)tensor_data(p))[1] = (float)y[i / columns];
        }
        point = tensor_wrap(p);
        value = point ? PyObject_CallOneArg(function, point) : NULL;
        grid[i] = value ? number_at(value) : 0;
        Py_XDECREF(point);
        Py_XDECREF(value);
        if (PyErr_Occurred()) {
            PyMem_Free(grid);
            return NULL;
        }
    }
    return grid;
}

double *grid_of_function(PyObject *function, const double *x, size_t columns, const double *y,
                         size_t rows)
{
    bool before = grad_set_enabled(false);
    double *grid = grid_at_once(function, x, columns, y, rows);

    if (!grid && !PyErr_Occurred())
        grid = grid_by_points(function, x, columns, y, rows);
    grad_set_enabled(before);
    return grid;
}

enum { GRID = 81 };

static bool set_grid(struct plot_series *s, const double *x, const double *y, const double *z,
                     size_t columns, size_t rows)
{
    s->columns = columns;
    s->rows = rows;
    if ((x && !plot_set_data(&s->x, x, columns)) || (y && !plot_set_data(&s->y, y, rows)) ||
        !plot_set_data(&s->z, z, rows * columns)) {
        python_error();
        return false;
    }
    return true;
}

static bool add_function(struct plot *plot, enum plot_kind kind, PyObject *function,
                         const struct plot_words *words)
{
    double low[2] = {-2, -2}, high[2] = {2, 2};
    struct plot_series *s;
    double *x, *y = NULL, *z = NULL;
    bool done = false;

    if (!read_limits(words->xlim, "xlim", &low[0], &high[0]) ||
        !read_limits(words->ylim, "ylim", &low[1], &high[1]))
        return false;
    x = evenly_spaced(low[0], high[0], GRID);
    y = x ? evenly_spaced(low[1], high[1], GRID) : NULL;
    z = y ? grid_of_function(function, x, GRID, y, GRID) : NULL;
    if (z) {
        s = plot_add(plot, kind);
        done = s ? set_grid(s, x, y, z, GRID, GRID) : (python_error(), false);
    }
    PyMem_Free(x);
    PyMem_Free(y);
    PyMem_Free(z);
    return done;
}

static bool add_matrix(struct plot *plot, enum plot_kind kind, PyObject *object)
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim;
    double *z = doubles_from_python(object, &ndim, shape);
    struct plot_series *s;
    bool done = z != NULL;

    if (done && (ndim != 2 || shape[0] == 0 || shape[1] == 0)) {
        PyErr_Format(PyExc_ValueError, "a matrix is needed here, got %d dimensions", ndim);
        done = false;
    }
    if (done) {
        s = plot_add(plot, kind);
        done = s ? set_grid(s, NULL, NULL, z, (size_t)shape[1], (size_t)shape[0])
                 : (python_error(), false);
    }
    PyMem_Free(z);
    return done;
}

/* Paths on top of a surface or contour: a dict of label -> (n, 2) or (n, 3). */
static bool add_paths(struct plot *plot, PyObject *paths)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;

    while (paths && PyDict_Check(paths) && PyDict_Next(paths, &at, &key, &value)) {
        int64_t shape[TENSOR_MAX_DIMS];
        int ndim;
        double *points = doubles_from_python(value, &ndim, shape), *columns;
        struct plot_series *s = points ? plot_add(plot, PLOT_PATH) : NULL;
        size_t count = points && ndim == 2 ? (size_t)shape[0] : 0;
        bool done = s && ndim == 2 && shape[1] >= 2 && set_label(s, key);

        columns = done ? PyMem_Malloc((3 * count + 1) * sizeof(*columns)) : NULL;
        for (size_t i = 0; columns && i < count; i++) {
            for (int64_t d = 0; d < 3 && d < shape[1]; d++)
                columns[(size_t)d * count + i] = points[(int64_t)i * shape[1] + d];
        }
        done = columns && set_xy(s, columns, columns + count, count) &&
               (shape[1] < 3 || plot_set_data(&s->z, columns + 2 * count, count));
        PyMem_Free(points);
        PyMem_Free(columns);
        if (!done) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "a path is a tensor of shape (steps, 2)");
            return false;
        }
    }
    return true;
}

static PyObject *grid_plot(enum plot_kind kind, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"f", "paths", WORD_NAMES, NULL};
    PyObject *f, *paths = NULL;
    struct plot_words words = {0};
    struct plot *plot;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O$" WORD_FORMAT, names, &f, &paths,
                                     WORD_TARGETS(words)))
        return NULL;
    plot = plot_new();
    if (!plot)
        return python_error();
    if (!plot_words_apply(&words, plot) ||
        !(PyCallable_Check(f) && !tensor_check(f) ? add_function(plot, kind, f, &words)
                                                  : add_matrix(plot, kind, f)) ||
        !add_paths(plot, paths)) {
        plot_free(plot);
        return NULL;
    }
    return saddle_show(plot);
}

#define GRID_PLOT(name, kind)                                                                      \
    static PyObject *name(PyObject *self, PyObject *args, PyObject *kwargs)                        \
    {                                                                                              \
        (void)self;                                                                                \
        return grid_plot(kind, args, kwargs);                                                      \
    }
GRID_PLOT(show_heatmap, PLOT_HEATMAP)
GRID_PLOT(show_contour, PLOT_CONTOUR)
GRID_PLOT(show_surface, PLOT_SURFACE)

/* ---- files ---- */

static PyObject *savefig(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "width", "height", NULL};
    PyObject *path;
    int width = 0, height = 0;
    bool saved;

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|ii:savefig", names, PyUnicode_FSConverter,
                                     &path, &width, &height))
        return NULL;
    if (!last_plot) {
        Py_DECREF(path);
        return PyErr_Format(PyExc_RuntimeError, "there is no plot to save yet");
    }
    saved = display_save(last_plot, PyBytes_AS_STRING(path), width, height);
    Py_DECREF(path);
    if (!saved)
        return python_error();
    Py_RETURN_NONE;
}

PyMethodDef saddle_plot_methods[] = {
    {"plot", WITH_KEYWORDS(show_line),
     "plot(y) or plot(x, y): lines; a dict of label -> y draws several"},
    {"scatter", WITH_KEYWORDS(show_points), "scatter(x, y): points"},
    {"bars", WITH_KEYWORDS(show_bars), "bars(y) or bars(x, y)"},
    {"path", WITH_KEYWORDS(show_path), "path(x, y): a line with its start and end marked"},
    {"heatmap", WITH_KEYWORDS(show_heatmap), "heatmap(matrix): values as colours"},
    {"contour", WITH_KEYWORDS(show_contour),
     "contour(f, paths={}): level lines of f(p), p = (x, y), or of a matrix"},
    {"surface", WITH_KEYWORDS(show_surface),
     "surface(f, paths={}): f(p), p = (x, y), or a matrix, in space"},
    {"savefig", WITH_KEYWORDS(savefig),
     "savefig(path): the last plot as .png, .svg, .pdf, or .gp (the gnuplot script)"},
    {NULL, NULL, 0, NULL}};
