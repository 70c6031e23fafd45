/* assert_close(): numbers and tensors, and the messages about their differences. */
#include "python/args.h"
#include "python/errors.h"
#include "python/testing_parts.h"

#include <math.h>
#include <string.h>

static PyObject *torch_module;

/* ---- tolerances ---- */

/* What each dtype's arithmetic lets one expect; whole numbers are compared exactly. */
static const struct {
    const char *dtype;
    double rtol, atol;
} precisions[] = {{"float16", 1e-3, 1e-5},   {"bfloat16", 1.6e-2, 1e-5},
                  {"float32", 1.3e-6, 1e-5}, {"float64", 1e-7, 1e-7},
                  {"complex32", 1e-3, 1e-5}, {"complex64", 1.3e-6, 1e-5},
                  {"complex128", 1e-7, 1e-7}};

struct tolerances {
    PyObject *rtol, *atol; /* as given, or floats: they are printed */
};

static void widen(const char *dtype, double *rtol, double *atol)
{
    for (size_t i = 0; i < sizeof(precisions) / sizeof(*precisions); i++) {
        if (strcmp(dtype, precisions[i].dtype) == 0) {
            *rtol = fmax(*rtol, precisions[i].rtol);
            *atol = fmax(*atol, precisions[i].atol);
        }
    }
}

static void tolerances_release(struct tolerances *t)
{
    Py_CLEAR(t->rtol);
    Py_CLEAR(t->atol);
}

/* Those given, or the looser ones of the two dtypes. */
static int tolerances_init(struct tolerances *t, const struct comparison *c, const char *actual,
                           const char *expected)
{
    PyObject *rtol_given = c->options[RTOL], *atol_given = c->options[ATOL];
    double rtol = 0, atol = 0;

    t->rtol = t->atol = NULL;
    if ((rtol_given == Py_None) != (atol_given == Py_None))
        return REPORT(c, PyExc_ValueError,
                      "Both 'rtol' and 'atol' must be either specified or omitted, but got no %s.",
                      rtol_given == Py_None ? "rtol" : "atol");
    widen(actual, &rtol, &atol);
    widen(expected, &rtol, &atol);
    t->rtol = rtol_given == Py_None ? PyFloat_FromDouble(rtol) : Py_NewRef(rtol_given);
    t->atol = atol_given == Py_None ? PyFloat_FromDouble(atol) : Py_NewRef(atol_given);
    return t->rtol && t->atol ? 0 : -1;
}

static bool is_exact(const struct tolerances *t)
{
    return PyObject_IsTrue(t->rtol) == 0 && PyObject_IsTrue(t->atol) == 0;
}

/* ---- messages about values ---- */

struct difference {
    PyObject *absolute, *relative;
    PyObject *absolute_at, *relative_at; /* index tuples; NULL for scalars */
};

static void difference_release(struct difference *d)
{
    Py_CLEAR(d->absolute);
    Py_CLEAR(d->relative);
    Py_CLEAR(d->absolute_at);
    Py_CLEAR(d->relative_at);
}

/* "Greatest absolute difference: 2.0 at index (1,) (up to 1e-05 allowed)" */
static PyObject *difference_line(const char *kind, PyObject *value, PyObject *at,
                                 PyObject *tolerance)
{
    PyObject *line =
        at ? PyUnicode_FromFormat("Greatest %s difference: %S at index %S", kind, value, at)
           : PyUnicode_FromFormat("%c%s difference: %S", Py_TOUPPER(*kind), kind + 1, value);

    if (line && tolerance)
        PyUnicode_AppendAndDel(&line, PyUnicode_FromFormat(" (up to %S allowed)", tolerance));
    return line;
}

static int report_difference(const struct comparison *c, const struct tolerances *t,
                             const struct difference *d, const char *what, const char *extra)
{
    bool exact = is_exact(t);
    PyObject *absolute, *relative, *text = NULL;

    absolute = difference_line("absolute", d->absolute, d->absolute_at, exact ? NULL : t->atol);
    relative = difference_line("relative", d->relative, d->relative_at, exact ? NULL : t->rtol);
    if (absolute && relative)
        text = PyUnicode_FromFormat("%s are not %s!\n\n%s%U\n%U", what, exact ? "equal" : "close",
                                    extra, absolute, relative);
    Py_XDECREF(absolute);
    Py_XDECREF(relative);
    return report(c, PyExc_AssertionError, text);
}

/* |a - e| and that over |e|, of Python numbers. */
static int scalar_difference(PyObject *actual, PyObject *expected, struct difference *d)
{
    PyObject *minus = PyNumber_Subtract(actual, expected), *size = PyNumber_Absolute(expected);
    int zero = size ? !PyObject_IsTrue(size) : -1;

    *d = (struct difference){0};
    if (minus && size) {
        d->absolute = PyNumber_Absolute(minus);
        if (d->absolute)
            d->relative =
                zero ? PyFloat_FromDouble(INFINITY) : PyNumber_TrueDivide(d->absolute, size);
    }
    Py_XDECREF(minus);
    Py_XDECREF(size);
    return d->relative ? 0 : -1;
}

static int report_scalars(const struct comparison *c, const struct tolerances *t, PyObject *actual,
                          PyObject *expected)
{
    struct difference d;
    int status = -1;

    if (actual && expected && scalar_difference(actual, expected, &d) == 0)
        status = report_difference(c, t, &d, "Scalars", "");
    if (actual && expected)
        difference_release(&d);
    return status;
}

/* ---- numbers ---- */

static const char *number_dtype(PyObject *number)
{
    return PyFloat_Check(number) ? "float64" : PyComplex_Check(number) ? "complex128" : "int64";
}

/* |a - e| <= atol + rtol |e|, as Python computes it: 1, 0, or -1. */
static int within(const struct tolerances *t, PyObject *actual, PyObject *expected)
{
    PyObject *minus = PyNumber_Subtract(actual, expected), *size = PyNumber_Absolute(expected);
    PyObject *distance = minus ? PyNumber_Absolute(minus) : NULL;
    PyObject *scaled = size ? PyNumber_Multiply(t->rtol, size) : NULL;
    PyObject *limit = scaled ? PyNumber_Add(t->atol, scaled) : NULL;
    int result = -1;

    if (distance && limit)
        result = isfinite(PyFloat_AsDouble(distance))
                     ? PyObject_RichCompareBool(distance, limit, Py_LE)
                     : 0;
    Py_XDECREF(minus);
    Py_XDECREF(size);
    Py_XDECREF(distance);
    Py_XDECREF(scaled);
    Py_XDECREF(limit);
    return PyErr_Occurred() ? -1 : result;
}

static bool is_nan(PyObject *number)
{
    if (PyComplex_Check(number))
        return isnan(PyComplex_RealAsDouble(number)) || isnan(PyComplex_ImagAsDouble(number));
    return PyFloat_Check(number) && isnan(PyFloat_AS_DOUBLE(number));
}

/* a == b without Python's short cut for one object: nan is not nan. 1, 0, or -1. */
static int are_equal(PyObject *a, PyObject *b)
{
    PyObject *result = PyObject_RichCompare(a, b, Py_EQ);
    int equal = result ? PyObject_IsTrue(result) : -1;

    Py_XDECREF(result);
    return equal;
}

int compare_numbers(const struct comparison *c, PyObject *actual, PyObject *expected)
{
    struct tolerances t;
    int same = 1, status = 0;

    if (tolerances_init(&t, c, number_dtype(actual), number_dtype(expected)) < 0)
        return -1;
    if (c->values && is_on(c, CHECK_DTYPE) && Py_TYPE(actual) != Py_TYPE(expected)) {
        status = REPORT(c, PyExc_AssertionError, "The (d)types do not match: %S != %S.",
                        (PyObject *)Py_TYPE(actual), (PyObject *)Py_TYPE(expected));
    } else if (c->values) {
        same = are_equal(actual, expected);
        if (same == 0 && is_on(c, EQUAL_NAN))
            same = is_nan(actual) && is_nan(expected);
        if (same == 0)
            same = within(&t, actual, expected);
        status = same < 0 ? -1 : same ? 0 : report_scalars(c, &t, actual, expected);
    }
    tolerances_release(&t);
    return status;
}

/* ---- tensors ---- */

/* torch.isclose(actual, expected, rtol, atol, equal_nan); a new reference. */
static PyObject *close_mask(const struct comparison *c, const struct tolerances *t,
                            PyObject *actual, PyObject *expected)
{
    return PyObject_CallMethod(actual, "isclose", "OOOO", expected, t->rtol, t->atol,
                               is_on(c, EQUAL_NAN) ? Py_True : Py_False);
}

/* The greatest element of a 1-D tensor, and its index in the given shape. */
static int greatest(PyObject *flat, const struct tensor *shape, PyObject **value, PyObject **at)
{
    PyObject *pair = PyObject_CallMethod(flat, "max", "i", 0);
    PyObject *place = pair ? PyObject_CallMethod(PyTuple_GET_ITEM(pair, 1), "item", NULL) : NULL;
    long long index = place ? PyLong_AsLongLong(place) : -1;

    *value = place ? PyObject_CallMethod(PyTuple_GET_ITEM(pair, 0), "item", NULL) : NULL;
    *at = *value ? PyTuple_New(shape->ndim) : NULL;
    for (int d = shape->ndim - 1; *at && d >= 0; d--) {
        PyTuple_SET_ITEM(*at, d, PyLong_FromLongLong(index % shape->shape[d]));
        index /= shape->shape[d];
    }
    Py_XDECREF(pair);
    Py_XDECREF(place);
    return *at && !PyErr_Occurred() ? 0 : -1;
}

/* Distances of all elements, 0 where they count as equal; both flat. */
static int tensor_difference(PyObject *actual, PyObject *expected, PyObject *mask,
                             struct difference *d)
{
    const struct tensor *shape = tensor_of(actual);
    PyObject *minus = PyNumber_Subtract(actual, expected), *zero = PyLong_FromLong(0);
    PyObject *distance = minus ? PyNumber_Absolute(minus) : NULL;
    PyObject *size = PyNumber_Absolute(expected), *ratio = NULL;
    PyObject *flat = NULL, *flat_ratio = NULL;
    int status = -1;

    if (distance && size && zero && PyObject_SetItem(distance, mask, zero) == 0)
        ratio = PyNumber_TrueDivide(distance, size);
    if (ratio && PyObject_SetItem(ratio, mask, zero) == 0) {
        flat = PyObject_CallMethod(distance, "flatten", NULL);
        flat_ratio = PyObject_CallMethod(ratio, "flatten", NULL);
    }
    if (flat && flat_ratio && greatest(flat, shape, &d->absolute, &d->absolute_at) == 0)
        status = greatest(flat_ratio, shape, &d->relative, &d->relative_at);
    Py_XDECREF(minus);
    Py_XDECREF(zero);
    Py_XDECREF(distance);
    Py_XDECREF(size);
    Py_XDECREF(ratio);
    Py_XDECREF(flat);
    Py_XDECREF(flat_ratio);
    return status;
}

static int report_tensors(const struct comparison *c, const struct tolerances *t, PyObject *actual,
                          PyObject *expected, PyObject *mask)
{
    struct difference d = {0};
    PyObject *good = PyObject_CallMethod(mask, "sum", NULL);
    PyObject *count = good ? PyObject_CallMethod(good, "item", NULL) : NULL;
    long long all = tensor_of(mask)->numel, bad = count ? all - PyLong_AsLongLong(count) : -1;
    char extra[128];
    int status = -1;

    snprintf(extra, sizeof(extra), "Mismatched elements: %lld / %lld (%.1f%%)\n", bad, all,
             100.0 * (double)bad / (double)all);
    if (count && tensor_difference(actual, expected, mask, &d) == 0)
        status = report_difference(c, t, &d, "Tensor-likes", extra);
    difference_release(&d);
    Py_XDECREF(good);
    Py_XDECREF(count);
    return status;
}

/* The widest dtype of the kind, in which values are compared; without history. */
static PyObject *widened(struct tensor *t)
{
    const char *name = dtype_name(tensor_dtype(t));
    const char *wide = strncmp(name, "complex", 7) == 0  ? "complex128"
                       : dtype_is_float(tensor_dtype(t)) ? "float64"
                                                         : "int64";
    PyObject *plain = tensor_wrap(tensor_detach(t));
    PyObject *dtype = plain ? PyObject_GetAttrString(torch_module, wide) : NULL;
    PyObject *result = dtype ? PyObject_CallMethod(plain, "to", "O", dtype) : NULL;

    Py_XDECREF(plain);
    Py_XDECREF(dtype);
    return result;
}

static int compare_values(const struct comparison *c, const struct tolerances *t,
                          struct tensor *actual, struct tensor *expected)
{
    PyObject *a = widened(actual), *e = a ? widened(expected) : NULL;
    PyObject *mask = e ? close_mask(c, t, a, e) : NULL;
    PyObject *all = mask ? PyObject_CallMethod(mask, "all", NULL) : NULL;
    int close = all ? PyObject_IsTrue(all) : -1, status = close > 0 ? 0 : -1;

    if (close == 0 && actual->ndim == 0) {
        PyObject *x = PyObject_CallMethod(a, "item", NULL),
                 *y = PyObject_CallMethod(e, "item", NULL);

        status = report_scalars(c, t, x, y);
        Py_XDECREF(x);
        Py_XDECREF(y);
    } else if (close == 0) {
        status = report_tensors(c, t, a, e, mask);
    }
    Py_XDECREF(a);
    Py_XDECREF(e);
    Py_XDECREF(mask);
    Py_XDECREF(all);
    return status;
}

static int report_attribute(const struct comparison *c, const char *name, PyObject *actual,
                            PyObject *expected)
{
    int status = -1;

    if (actual && expected)
        status =
            REPORT(c, PyExc_AssertionError, "The values for attribute '%s' do not match: %S != %S.",
                   name, actual, expected);
    Py_XDECREF(actual);
    Py_XDECREF(expected);
    return status;
}

static PyObject *strides(const struct tensor *t)
{
    PyObject *tuple = PyTuple_New(t->ndim);

    for (int d = 0; tuple && d < t->ndim; d++)
        PyTuple_SET_ITEM(tuple, d, PyLong_FromLongLong(t->stride[d]));
    return tuple;
}

static int compare_attributes(const struct comparison *c, const struct tensor *a,
                              const struct tensor *e)
{
    if (!tensor_same_shape(a, e))
        return report_attribute(c, "shape", size_object(a->ndim, a->shape),
                                size_object(e->ndim, e->shape));
    if (is_on(c, CHECK_STRIDE) && memcmp(a->stride, e->stride, sizeof(*a->stride) * a->ndim) != 0)
        return report_attribute(c, "stride()", strides(a), strides(e));
    if (is_on(c, CHECK_DTYPE) && a->dtype != e->dtype)
        return report_attribute(c, "dtype", dtype_object(tensor_dtype(a)),
                                dtype_object(tensor_dtype(e)));
    return 0;
}

/* Two dtypes are compared in the one that both convert to. */
int compare_tensors(const struct comparison *c, PyObject *actual, PyObject *expected)
{
    struct tensor *a = tensor_of(actual), *e = tensor_of(expected), *ta = NULL, *te = NULL;
    enum dtype common = dtype_promote(tensor_dtype(a), tensor_dtype(e));
    struct tolerances t;
    int status = 0;

    if (tolerances_init(&t, c, dtype_name(tensor_dtype(a)), dtype_name(tensor_dtype(e))) < 0) {
        tolerances_release(&t);
        return -1;
    }
    if (c->values) {
        status = compare_attributes(c, a, e);
        ta = status == 0 ? tensor_to(a, common) : NULL;
        te = ta ? tensor_to(e, common) : NULL;
        if (status == 0 && !te)
            python_error();
        status = te ? compare_values(c, &t, ta, te) : -1;
        tensor_unref(ta);
        tensor_unref(te);
    }
    tolerances_release(&t);
    return status;
}

int testing_values_init(PyObject *torch)
{
    torch_module = torch;
    return 0;
}
