/* torch.testing.make_tensor(). */
#include "python/args.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/tensor_parts.h"
#include "python/testing.h"
#include "python/types.h"

#include <float.h>
#include <math.h>

enum option { DTYPE, DEVICE, LOW, HIGH, REQUIRES_GRAD, NONCONTIGUOUS, EXCLUDE_ZERO, OPTION_COUNT };

/* What the numbers of a dtype lie between, and what is drawn from when nothing is said. */
struct range {
    double least, most, low, high;
};

static bool range_of(enum dtype dtype, struct range *range)
{
    static const struct range ranges[DTYPE_COUNT] = {
        [DTYPE_b8] = {0, 2, 0, 2},
        [DTYPE_u8] = {0, UINT8_MAX, 0, 10},
        [DTYPE_i8] = {INT8_MIN, INT8_MAX, -9, 10},
        [DTYPE_i16] = {INT16_MIN, INT16_MAX, -9, 10},
        [DTYPE_i32] = {INT32_MIN, INT32_MAX, -9, 10},
        [DTYPE_i64] = {(double)INT64_MIN, (double)INT64_MAX, -9, 10},
        [DTYPE_f32] = {-FLT_MAX, FLT_MAX, -9, 9},
        [DTYPE_f64] = {-DBL_MAX, DBL_MAX, -9, 9},
    };

    *range = ranges[dtype];
    return range->most > 0;
}

static int read_limit(PyObject *object, double *out)
{
    if (object != Py_None)
        *out = PyFloat_AsDouble(object);
    return PyErr_Occurred() ? -1 : 0;
}

static int read_range(PyObject *const *options, enum dtype dtype, struct range *range)
{
    if (!range_of(dtype, range)) {
        PyErr_Format(PyExc_TypeError,
                     "The requested dtype 'torch.%s' is not supported by "
                     "torch.testing.make_tensor().",
                     dtype_name(dtype));
        return -1;
    }
    if (dtype == DTYPE_b8)
        return 0;
    if (read_limit(options[LOW], &range->low) < 0 || read_limit(options[HIGH], &range->high) < 0)
        return -1;
    if (isnan(range->low) || isnan(range->high)) {
        PyErr_SetString(PyExc_ValueError, "make_tensor: one of low or high was NaN!");
        return -1;
    }
    if (range->low > range->high) {
        PyErr_SetString(PyExc_ValueError, "make_tensor: low must be weakly less than high!");
        return -1;
    }
    range->low = fmin(fmax(range->low, range->least), range->most);
    range->high = fmin(fmax(range->high, range->least), range->most);
    return 0;
}

/* high * u + low * (1 - u) */
static struct tensor *spread(struct tensor *u, const struct range *range)
{
    PyObject *x = tensor_wrap(u), *high = PyFloat_FromDouble(range->high);
    PyObject *low = PyFloat_FromDouble(range->low), *one = PyLong_FromLong(1);
    PyObject *above = x && high ? PyNumber_Multiply(high, x) : NULL;
    PyObject *rest = x && one ? PyNumber_Subtract(one, x) : NULL;
    PyObject *below = rest && low ? PyNumber_Multiply(low, rest) : NULL;
    PyObject *sum = above && below ? PyNumber_Add(above, below) : NULL;
    struct tensor *result = sum ? tensor_ref(tensor_of(sum)) : NULL;

    Py_XDECREF(x);
    Py_XDECREF(high);
    Py_XDECREF(low);
    Py_XDECREF(one);
    Py_XDECREF(above);
    Py_XDECREF(rest);
    Py_XDECREF(below);
    Py_XDECREF(sum);
    return result;
}

static struct tensor *draw(enum dtype dtype, int ndim, const int64_t *shape,
                           const struct range *range)
{
    struct tensor *t = tensor_new(dtype, ndim, shape);
    int status = !t                      ? -1
                 : dtype_is_float(dtype) ? random_uniform(t, 0, 1, NULL)
                                         : random_integers(t, (int64_t)floor(range->low),
                                                           (int64_t)ceil(range->high), NULL);

    if (status < 0) {
        tensor_unref(t);
        return python_error();
    }
    return dtype_is_float(dtype) ? spread(t, range) : t;
}

/* The same values with a gap behind each. Takes t over. */
static struct tensor *with_gaps(struct tensor *t)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
    struct tensor *wide, *view;
    int last = t->ndim - 1;

    if (t->numel <= 1 || last < 0)
        return t;
    memcpy(shape, t->shape, sizeof(shape));
    shape[last] *= 2;
    wide = tensor_zeros(tensor_dtype(t), t->ndim, shape);
    if (wide) {
        memcpy(stride, wide->stride, sizeof(stride));
        stride[last] = 2;
    }
    view = wide ? tensor_view(wide, t->ndim, t->shape, stride, 0) : NULL;
    tensor_unref(wide);
    if (view && tensor_copy(view, t) < 0) {
        tensor_unref(view);
        view = NULL;
    }
    tensor_unref(t);
    return view ? view : python_error();
}

/* Zeros become the smallest number that is no zero. */
static void replace_zeros(struct tensor *t)
{
    enum dtype dtype = tensor_dtype(t);
    char *data = tensor_data(t);

    for (int64_t i = 0; i < t->numel; i++) {
        char *element = data + i * (int64_t)dtype_size(dtype);

        if (dtype_load(dtype, element).d == 0)
            dtype_store(dtype, element,
                        dtype_is_float(dtype)
                            ? scalar_float(dtype == DTYPE_f32 ? (double)FLT_MIN : DBL_MIN)
                            : scalar_int(1));
    }
}

static bool is_true(PyObject *object)
{
    return PyObject_IsTrue(object) > 0;
}

PyObject *testing_make_tensor(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"dtype",         "device",        "low",         "high",
                                        "requires_grad", "noncontiguous", "exclude_zero"};
    static const struct binding binding = {"make_tensor", names, OPTION_COUNT, 0, 0, 0};
    PyObject *options[OPTION_COUNT] = {NULL, NULL, Py_None, Py_None, Py_False, Py_False, Py_False};
    PyObject *none = PyTuple_New(0);
    int64_t shape[TENSOR_MAX_DIMS] = {0};
    struct range range;
    struct tensor *t;
    enum dtype dtype;
    int ndim, status;

    (void)module;
    status = none ? binding_read(&binding, none, kwargs, options) : -1;
    Py_XDECREF(none);
    if (status < 0)
        return NULL;
    if (!options[DTYPE] || !options[DEVICE])
        return PyErr_Format(PyExc_TypeError,
                            "make_tensor() missing 1 required keyword-only argument: '%s'",
                            options[DTYPE] ? "device" : "dtype");
    if (!dtype_from_python(options[DTYPE], &dtype))
        return PyErr_Format(PyExc_TypeError,
                            "The requested dtype '%S' is not supported by "
                            "torch.testing.make_tensor().",
                            options[DTYPE]);
    if (device_check(options[DEVICE]) < 0 || read_range(options, dtype, &range) < 0)
        return NULL;
    if (is_true(options[REQUIRES_GRAD]) && !dtype_is_float(dtype))
        return PyErr_Format(PyExc_ValueError,
                            "make_tensor: requires_grad must be False for integral dtype");
    ndim = PyTuple_GET_SIZE(args) == 0
               ? 0
               : shape_from_python(PySequence_Fast_ITEMS(args), PyTuple_GET_SIZE(args), shape);
    t = ndim < 0 ? NULL : draw(dtype, ndim, shape, &range);
    if (t && is_true(options[EXCLUDE_ZERO]))
        replace_zeros(t);
    if (t && is_true(options[NONCONTIGUOUS]))
        t = with_gaps(t);
    if (t)
        t->requires_grad = is_true(options[REQUIRES_GRAD]);
    return t ? tensor_wrap(t) : NULL;
}
