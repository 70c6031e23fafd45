/* The data sets that come with Saddle, as tensors. */
#include "base/error.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "python/errors.h"
#include "python/saddle.h"
#include "python/tensor_type.h"

#include <stdlib.h>
#include <string.h>

struct table {
    int64_t rows, columns; /* columns of features; the label stands last in each row */
    struct tensor *features, *labels;
};

static void count_rows(const char *text, struct table *table)
{
    table->rows = 0;
    table->columns = 0;
    for (const char *s = text; *s && *s != '\n'; s++)
        table->columns += *s == ',';
    while (*text) {
        const char *end = strchr(text, '\n');

        table->rows += *text != '\n' && *text != '\r';
        text = end ? end + 1 : text + strlen(text);
    }
}

/* One line of numbers; false when it does not hold columns + 1 of them. */
static bool read_row(const char **text, float *features, int64_t columns, double scale,
                     int64_t *label)
{
    const char *s = *text;
    char *end;

    for (int64_t c = 0; c <= columns; c++) {
        double value = strtod(s, &end);

        if (end == s || (c < columns && *end != ','))
            return false;
        if (c < columns)
            features[c] = (float)(value * scale);
        else
            *label = (int64_t)value;
        s = end + 1;
    }
    end += *end == '\r';
    if (*end != '\n' && *end != '\0')
        return false;
    *text = *end ? end + 1 : end;
    return true;
}

static int read_table(const char *path, const char *text, double scale, struct table *table)
{
    count_rows(text, table);
    table->features = tensor_new(DTYPE_f32, 2, (int64_t[]){table->rows, table->columns});
    table->labels = tensor_new(DTYPE_i64, 1, &table->rows);
    if (!table->features || !table->labels)
        return -1;
    for (int64_t r = 0; r < table->rows; r++) {
        float *features = (float *)tensor_data(table->features) + r * table->columns;
        int64_t *label = (int64_t *)tensor_data(table->labels) + r;

        if (!read_row(&text, features, table->columns, scale, label))
            return error_set(ERROR_VALUE, "%s: row %lld does not hold %lld numbers", path,
                             (long long)r + 1, (long long)table->columns + 1);
    }
    return 0;
}

/* (features, labels) from assets/NAME, a file of numbers with commas; `header` lines are skipped.
 */
static PyObject *load(const char *name, bool header, double scale)
{
    struct strbuf path = STRBUF_INIT, file = STRBUF_INIT;
    struct table table = {0};
    PyObject *result = NULL;
    const char *text;

    if (paths_find(name, &path) && strbuf_read_file(&file, path.text) == 0) {
        text = file.text;
        if (header && strchr(text, '\n'))
            text = strchr(text, '\n') + 1;
        if (read_table(path.text, text, scale, &table) == 0) {
            result = Py_BuildValue("(NN)", tensor_wrap(table.features), tensor_wrap(table.labels));
            table.features = table.labels = NULL;
        }
    }
    tensor_unref(table.features);
    tensor_unref(table.labels);
    strbuf_release(&path);
    strbuf_release(&file);
    return result ? result : python_error();
}

static PyObject *digits(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return load("assets/digits.csv", false, 1.0 / 16);
}

static PyObject *iris(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return load("assets/iris.csv", true, 1);
}

PyMethodDef saddle_data_methods[] = {
    {"digits", digits, METH_NOARGS,
     "1,797 handwritten digits: (X, y), X of shape (1797, 64) from 0 to 1, y the digit shown"},
    {"iris", iris, METH_NOARGS, "150 flowers: (X, y), four measures in cm, y the species 0, 1, 2"},
    {NULL, NULL, 0, NULL}};
