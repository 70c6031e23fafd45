/* TensorDataset, Subset and random_split(), and rows of a TensorDataset fetched many at a time. */
#include "base/error.h"
#include "python/bind.h"
#include "python/data_parts.h"
#include "python/errors.h"
#include "python/types.h"

#include <math.h>
#include <string.h>

static PyTypeObject *tensor_dataset_type, *subset_type;

/* ---- TensorDataset ---- */

/* tensor.size(0) */
static int64_t first_size(PyObject *tensor)
{
    PyObject *size;
    int64_t rows;

    if (tensor_check(tensor) && tensor_of(tensor)->ndim > 0)
        return tensor_of(tensor)->shape[0];
    size = PyObject_CallMethod(tensor, "size", "i", 0);
    rows = size ? PyLong_AsLongLong(size) : -1;
    Py_XDECREF(size);
    return rows;
}

static int tensors_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    int64_t rows = 0, other;

    if (kwargs && PyDict_GET_SIZE(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "TensorDataset.__init__() takes tensors only, and got a "
                                         "keyword argument");
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) {
        other = first_size(PyTuple_GET_ITEM(args, i));
        if (other < 0)
            return -1;
        if (i > 0 && other != rows) {
            PyErr_SetString(PyExc_AssertionError, "Size mismatch between tensors");
            return -1;
        }
        rows = other;
    }
    return PyObject_SetAttr(self, data_names.tensors, args);
}

/* self.tensors as a tuple */
static PyObject *tensors_of(PyObject *self)
{
    PyObject *tensors = PyObject_GetAttr(self, data_names.tensors);
    PyObject *tuple = tensors ? PySequence_Tuple(tensors) : NULL;

    Py_XDECREF(tensors);
    return tuple;
}

static PyObject *tensors_subscript(PyObject *self, PyObject *key)
{
    PyObject *tensors = tensors_of(self);
    PyObject *items = tensors ? PyTuple_New(PyTuple_GET_SIZE(tensors)) : NULL;

    for (Py_ssize_t i = 0; items && i < PyTuple_GET_SIZE(items); i++) {
        PyObject *item = PyObject_GetItem(PyTuple_GET_ITEM(tensors, i), key);

        if (!item)
            Py_CLEAR(items);
        else
            PyTuple_SET_ITEM(items, i, item);
    }
    Py_XDECREF(tensors);
    return items;
}

/* self[index] by a number, for iteration. */
static PyObject *by_number(PyObject *self, Py_ssize_t index)
{
    PyObject *key = PyLong_FromSsize_t(index), *item = key ? PyObject_GetItem(self, key) : NULL;

    Py_XDECREF(key);
    return item;
}

static Py_ssize_t tensors_length(PyObject *self)
{
    PyObject *tensors = tensors_of(self);
    Py_ssize_t length = -1;

    if (tensors && PyTuple_GET_SIZE(tensors) == 0)
        PyErr_SetString(PyExc_IndexError, "tuple index out of range");
    else if (tensors)
        length = first_size(PyTuple_GET_ITEM(tensors, 0));
    Py_XDECREF(tensors);
    return length;
}

/* ---- Subset ---- */

static int subset_setup(PyObject *self, PyObject *dataset, PyObject *indices)
{
    if (PyObject_SetAttr(self, data_names.dataset, dataset) < 0)
        return -1;
    return PyObject_SetAttr(self, data_names.indices, indices);
}

static int subset_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"dataset", "indices"};
    static const struct binding binding = {"Subset.__init__", names, 2, 2, 2, 1};
    PyObject *values[2];

    if (binding_read(&binding, args, kwargs, values) < 0)
        return -1;
    return subset_setup(self, values[0], values[1]);
}

/* [indices[k] for k in keys] */
static PyObject *pick(PyObject *indices, PyObject *keys)
{
    PyObject *picked = PyList_New(PyList_GET_SIZE(keys));

    for (Py_ssize_t i = 0; picked && i < PyList_GET_SIZE(picked); i++) {
        PyObject *index = PyObject_GetItem(indices, PyList_GET_ITEM(keys, i));

        if (!index)
            Py_CLEAR(picked);
        else
            PyList_SET_ITEM(picked, i, index);
    }
    return picked;
}

static PyObject *subset_subscript(PyObject *self, PyObject *key)
{
    PyObject *dataset = PyObject_GetAttr(self, data_names.dataset);
    PyObject *indices = PyObject_GetAttr(self, data_names.indices), *mapped = NULL, *item;

    if (dataset && indices)
        mapped = PyList_Check(key) ? pick(indices, key) : PyObject_GetItem(indices, key);
    item = mapped ? PyObject_GetItem(dataset, mapped) : NULL;
    Py_XDECREF(dataset);
    Py_XDECREF(indices);
    Py_XDECREF(mapped);
    return item;
}

static Py_ssize_t subset_length(PyObject *self)
{
    PyObject *indices = PyObject_GetAttr(self, data_names.indices);
    Py_ssize_t length = indices ? PyObject_Size(indices) : -1;

    Py_XDECREF(indices);
    return length;
}

/* ---- many rows at a time ---- */

/* What an instance has in its own __dict__; borrowed, NULL when it is not there. */
static PyObject *own_attribute(PyObject *self, PyObject *name)
{
    PyObject *dict = ((DataObject *)self)->dict;

    return dict ? PyDict_GetItem(dict, name) : NULL;
}

bool rows_source_of(PyObject *dataset, struct rows_source *out)
{
    out->depth = 0;
    while (Py_IS_TYPE(dataset, subset_type)) {
        PyObject *indices = own_attribute(dataset, data_names.indices);

        dataset = own_attribute(dataset, data_names.dataset);
        if (out->depth == ROWS_DEPTH || !dataset || !indices || !PyList_CheckExact(indices))
            return false;
        out->indices[out->depth++] = indices;
    }
    if (!Py_IS_TYPE(dataset, tensor_dataset_type))
        return false;
    out->tensors = own_attribute(dataset, data_names.tensors);
    return out->tensors && PyTuple_CheckExact(out->tensors) && PyTuple_GET_SIZE(out->tensors) > 0;
}

/* rows[i] = indices[rows[i]]; false when one is not a whole number in its range. */
static bool map_rows(PyObject *indices, int64_t *rows, int64_t count)
{
    Py_ssize_t size = PyList_GET_SIZE(indices);

    for (int64_t i = 0; i < count; i++) {
        int64_t at = rows[i] < 0 ? rows[i] + size : rows[i];
        PyObject *item = at >= 0 && at < size ? PyList_GET_ITEM(indices, at) : NULL;
        int overflow = 1;

        if (item && PyLong_CheckExact(item))
            rows[i] = PyLong_AsLongLongAndOverflow(item, &overflow);
        if (overflow)
            return false;
    }
    return true;
}

/* Every row exists in every tensor; negative ones count from the end. */
static bool rows_exist(PyObject *tensors, int64_t *rows, int64_t count)
{
    int64_t size = -1;

    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(tensors); k++) {
        PyObject *object = PyTuple_GET_ITEM(tensors, k);
        struct tensor *t = tensor_check(object) ? tensor_of(object) : NULL;

        if (!t || t->ndim == 0 || t->requires_grad || !Py_IS_TYPE(object, tensor_type) ||
            (k > 0 && t->shape[0] != size))
            return false;
        size = t->shape[0];
    }
    for (int64_t i = 0; i < count; i++) {
        if (rows[i] < 0)
            rows[i] += size;
        if (rows[i] < 0 || rows[i] >= size)
            return false;
    }
    return true;
}

/* A list of the tensors' rows. */
static PyObject *select_rows(PyObject *tensors, struct tensor *index)
{
    PyObject *list = PyList_New(PyTuple_GET_SIZE(tensors));

    for (Py_ssize_t k = 0; list && k < PyList_GET_SIZE(list); k++) {
        struct value args[] = {{.given = true, .tensor = tensor_of(PyTuple_GET_ITEM(tensors, k))},
                               {.given = true, .i = 0},
                               {.given = true, .tensor = index}};
        struct tensor *batch = NULL;
        PyObject *item =
            op_call(&ops[OP_index_select], args, &batch) < 0 ? python_error() : tensor_wrap(batch);

        if (!item)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, k, item);
    }
    return list;
}

PyObject *rows_fetch(const struct rows_source *source, const int64_t *indices, int64_t count)
{
    struct tensor *index = tensor_new(DTYPE_i64, 1, &count);
    PyObject *list = Py_NotImplemented;
    bool mapped = true;
    int64_t *rows;

    if (!index)
        return python_error();
    rows = (int64_t *)tensor_data(index);
    memcpy(rows, indices, (size_t)count * sizeof(*rows));
    for (int i = 0; i < source->depth && mapped; i++)
        mapped = map_rows(source->indices[i], rows, count);
    if (mapped && rows_exist(source->tensors, rows, count))
        list = select_rows(source->tensors, index);
    else
        Py_INCREF(list);
    tensor_unref(index);
    return list;
}

/* ---- random_split ---- */

/* sum(list) */
static PyObject *sum_of(PyObject *list)
{
    PyObject *sum = PyLong_FromLong(0);

    for (Py_ssize_t i = 0; sum && i < PyList_GET_SIZE(list); i++)
        Py_SETREF(sum, PyNumber_Add(sum, PyList_GET_ITEM(list, i)));
    return sum;
}

/* Within 1e-9 of 1, and not above. */
static int are_fractions(PyObject *lengths)
{
    PyObject *sum = sum_of(lengths);
    double value = sum ? PyFloat_AsDouble(sum) : -1;

    Py_XDECREF(sum);
    if (PyErr_Occurred())
        return -1;
    return value <= 1 && fabs(value - 1) <= 1e-9 * fmax(fabs(value), 1);
}

static int warn_of_empty(PyObject *lengths)
{
    int status = 0;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(lengths); i++) {
        if (PyLong_AsSsize_t(PyList_GET_ITEM(lengths, i)) == 0)
            status = PyErr_WarnFormat(PyExc_UserWarning, 1,
                                      "Length of split at index %zd is 0. This might result in an "
                                      "empty dataset.",
                                      i);
    }
    return status;
}

/* Each gets floor(fraction * size); what is left goes round, one each. In place. */
static int fractions_to_lengths(PyObject *lengths, Py_ssize_t size)
{
    Py_ssize_t count = PyList_GET_SIZE(lengths), left = size;

    for (Py_ssize_t i = 0; i < count; i++) {
        double fraction = PyFloat_AsDouble(PyList_GET_ITEM(lengths, i));
        Py_ssize_t length;

        if (fraction < 0 || fraction > 1) {
            PyErr_Format(PyExc_ValueError, "Fraction at index %zd is not between 0 and 1", i);
            return -1;
        }
        length = (Py_ssize_t)floor((double)size * fraction);
        left -= length;
        if (PyList_SetItem(lengths, i, PyLong_FromSsize_t(length)) < 0)
            return -1;
    }
    for (Py_ssize_t i = 0; i < left; i++) {
        Py_ssize_t length = PyLong_AsSsize_t(PyList_GET_ITEM(lengths, i % count));

        if (PyList_SetItem(lengths, i % count, PyLong_FromSsize_t(length + 1)) < 0)
            return -1;
    }
    return warn_of_empty(lengths);
}

/* A permutation of 0..n-1 as a list. */
static PyObject *permutation(Py_ssize_t n, struct generator *g)
{
    int64_t size = n;
    struct tensor *t = tensor_new(DTYPE_i64, 1, &size);
    PyObject *list = NULL;

    if (!t || random_permutation(t, g) < 0)
        python_error();
    else
        list = tensor_tolist(t);
    tensor_unref(t);
    return list;
}

static PyObject *subset_of(PyObject *dataset, PyObject *indices)
{
    PyObject *subset = indices ? subset_type->tp_alloc(subset_type, 0) : NULL;

    if (subset && subset_setup(subset, dataset, indices) < 0)
        Py_CLEAR(subset);
    Py_XDECREF(indices);
    return subset;
}

static PyObject *split(PyObject *dataset, PyObject *lengths, Py_ssize_t size, struct generator *g)
{
    PyObject *indices = permutation(size, g);
    PyObject *subsets = indices ? PyList_New(PyList_GET_SIZE(lengths)) : NULL;
    Py_ssize_t end = 0;

    for (Py_ssize_t i = 0; subsets && i < PyList_GET_SIZE(subsets); i++) {
        Py_ssize_t length = PyLong_AsSsize_t(PyList_GET_ITEM(lengths, i));
        PyObject *subset = NULL;

        end += length;
        if (!PyErr_Occurred())
            subset = subset_of(dataset, PyList_GetSlice(indices, end - length, end));
        if (!subset)
            Py_CLEAR(subsets);
        else
            PyList_SET_ITEM(subsets, i, subset);
    }
    Py_XDECREF(indices);
    return subsets;
}

/* sum(lengths) == size, and whole numbers: 0, or -1. */
static int check_lengths(PyObject *lengths, Py_ssize_t size)
{
    PyObject *sum = sum_of(lengths), *expected = PyLong_FromSsize_t(size);
    int same = sum && expected ? PyObject_RichCompareBool(sum, expected, Py_EQ) : -1;

    Py_XDECREF(sum);
    Py_XDECREF(expected);
    if (same == 0)
        PyErr_SetString(PyExc_ValueError,
                        "Sum of input lengths does not equal the length of the input dataset!");
    for (Py_ssize_t i = 0; same > 0 && i < PyList_GET_SIZE(lengths); i++) {
        if (PyIndex_Check(PyList_GET_ITEM(lengths, i)))
            continue;
        PyErr_Format(PyExc_TypeError, "'%s' object cannot be interpreted as an integer",
                     Py_TYPE(PyList_GET_ITEM(lengths, i))->tp_name);
        same = -1;
    }
    return same > 0 ? 0 : -1;
}

PyObject *data_random_split(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"dataset", "lengths", "generator"};
    static const struct binding binding = {"random_split", names, 3, 3, 2, 0};
    PyObject *values[3] = {NULL}, *lengths, *subsets = NULL;
    struct generator *g;
    Py_ssize_t size;
    int fractions;

    (void)module;
    if (binding_read(&binding, args, kwargs, values) < 0 || !generator_from_python(values[2], &g))
        return NULL;
    size = PyObject_Size(values[0]);
    lengths = size < 0 ? NULL : PySequence_List(values[1]);
    if (!lengths)
        return NULL;
    fractions = are_fractions(lengths);
    if (fractions >= 0 && (!fractions || fractions_to_lengths(lengths, size) == 0) &&
        check_lengths(lengths, size) == 0)
        subsets = split(values[0], lengths, size, g);
    Py_DECREF(lengths);
    return subsets;
}

/* ---- the classes ---- */

static const struct data_class classes[] = {
    {"torch.utils.data.dataset.TensorDataset", &dataset_type, &tensor_dataset_type,
     (PyType_Slot[]){{Py_tp_init, tensors_init},
                     {Py_mp_length, tensors_length},
                     {Py_sq_length, tensors_length},
                     {Py_mp_subscript, tensors_subscript},
                     {Py_sq_item, by_number},
                     {Py_tp_doc,
                      "TensorDataset(*tensors)\n--\n\nItem i is the tuple of the tensors' "
                      "rows i."},
                     {0, NULL}}},
    {"torch.utils.data.dataset.Subset", &dataset_type, &subset_type,
     (PyType_Slot[]){{Py_tp_init, subset_init},
                     {Py_mp_length, subset_length},
                     {Py_sq_length, subset_length},
                     {Py_mp_subscript, subset_subscript},
                     {Py_sq_item, by_number},
                     {Py_tp_doc, "Subset(dataset, indices)\n--\n\nThe items of a dataset that "
                                 "indices name."},
                     {0, NULL}}}};

int tensor_dataset_init(PyObject *torch)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
        if (data_add_class(torch, &classes[i]) < 0)
            return -1;
    }
    return 0;
}
