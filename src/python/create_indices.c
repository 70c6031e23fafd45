/* tril_indices, triu_indices, and what broadcasting makes of shapes. */
#include "python/create.h"

#include "base/error.h"
#include "python/errors.h"

#include <string.h>

/* ---- the places of a triangle ---- */

struct triangle {
    int64_t rows, columns, offset;
    bool upper;
};

/* The columns of row r that belong to it: from *first on, *end excluded. */
static void columns_of_row(const struct triangle *t, int64_t r, int64_t *first, int64_t *end)
{
    int64_t edge = r + t->offset + !t->upper;

    edge = edge < 0 ? 0 : edge > t->columns ? t->columns : edge;
    *first = t->upper ? edge : 0;
    *end = t->upper ? t->columns : edge;
}

/* (2, n): rows above, columns below. */
static struct tensor *triangle_places(const struct triangle *t, enum dtype dtype)
{
    int64_t n = 0, at = 0, first, end;
    struct tensor *places;

    for (int64_t r = 0; r < t->rows; r++) {
        columns_of_row(t, r, &first, &end);
        n += end - first;
    }
    places = tensor_new(dtype, 2, (int64_t[]){2, n});
    for (int64_t r = 0; places && r < t->rows; r++) {
        columns_of_row(t, r, &first, &end);
        for (int64_t c = first; c < end; c++, at++) {
            char *place = tensor_data(places) + at * (int64_t)dtype_size(dtype);

            dtype_store(dtype, place, scalar_int(r));
            dtype_store(dtype, place + n * (int64_t)dtype_size(dtype), scalar_int(c));
        }
    }
    return places;
}

static PyObject *triangle_indices(const char *name, const struct python_call *call, bool upper)
{
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *given[3] = {NULL};
    struct create_keyword keywords[] = {
        {"row", &given[0]}, {"col", &given[1]}, {"offset", &given[2]}};
    int64_t sizes[3] = {0};
    int count;

    if (!create_read(name, call, &o, keywords, 3))
        return NULL;
    count = given[0] && given[1] ? shape_read(given, given[2] ? 3 : 2, sizes) : SHAPE_MISFIT;
    if (count < 0)
        return count == SHAPE_MISFIT ? create_refuse(name, call) : NULL;
    for (int i = 0; i < 2; i++) {
        if (sizes[i] < 0)
            return PyErr_Format(PyExc_RuntimeError, "%s must be non-negative, got%lld",
                                i ? "col" : "row", (long long)sizes[i]);
    }
    if (o.dtype == DTYPE_NONE)
        o.dtype = DTYPE_i64;
    if (dtype_is_differentiable(o.dtype) || o.dtype == DTYPE_b8)
        return dtype_refuse(name, o.dtype), python_error();
    return create_finish(
        triangle_places(&(struct triangle){sizes[0], sizes[1], sizes[2], upper}, o.dtype), &o);
}

FASTCALL(tril_indices)
{
    CALL;
    return triangle_indices("tril_indices", call, false);
}

FASTCALL(triu_indices)
{
    CALL;
    return triangle_indices("triu_indices", call, true);
}

/* ---- shapes ---- */

static PyObject *make_broadcast_shapes(PyObject *self, PyObject *args)
{
    int64_t shape[TENSOR_MAX_DIMS], one[TENSOR_MAX_DIMS];
    int ndim = 0;

    (void)self;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) {
        PyObject *item = PyTuple_GET_ITEM(args, i);
        int count = shape_read(&item, 1, one);

        if (count == SHAPE_MISFIT)
            return PyErr_Format(
                PyExc_RuntimeError,
                "('Input shapes should be of type ints, a tuple of ints, or a list of "
                "ints, got ', %R)",
                item);
        for (int d = 0; d < count; d++) {
            if (one[d] < 0)
                return PyErr_Format(
                    PyExc_RuntimeError,
                    "Trying to create tensor with negative dimension (%lld): (%lld)",
                    (long long)one[d], (long long)one[d]);
        }
        if (count < 0)
            return NULL;
        if (shape_broadcast(&ndim, shape, count, one) < 0) {
            error_clear();
            return PyErr_Format(PyExc_RuntimeError,
                                "Shape mismatch: objects cannot be broadcast to a single shape");
        }
    }
    return size_object(ndim, shape);
}

PyMethodDef create_indices_methods[] = {MAKER(tril_indices),
                                        MAKER(triu_indices),
                                        {"broadcast_shapes", make_broadcast_shapes, METH_VARARGS,
                                         "the shape that tensors of these shapes have together"},
                                        {NULL, NULL, 0, NULL}};
