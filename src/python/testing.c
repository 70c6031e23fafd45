/*
 * torch.testing.assert_close().
 *
 * The two sides are walked twice: first their structure is compared, then, when that agrees
 * everywhere, their values; the first difference of a pass is what is reported, as in PyTorch.
 */
#include "python/testing.h"

#include "python/args.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_parts.h"

#include <math.h>
#include <string.h>

enum option {
    ACTUAL,
    EXPECTED,
    ALLOW_SUBCLASSES,
    RTOL,
    ATOL,
    EQUAL_NAN,
    CHECK_DEVICE,
    CHECK_DTYPE,
    CHECK_LAYOUT,
    CHECK_STRIDE,
    MESSAGE,
    OPTION_COUNT
};

struct comparison {
    PyObject *const *options;
    PyObject *path; /* a list of the indices and keys that lead to the pair */
    bool values;    /* the second pass */
};

static PyObject *torch_module, *mapping_type, *sequence_type;

static bool is_on(const struct comparison *c, enum option option)
{
    return PyObject_IsTrue(c->options[option]) > 0;
}

/* ---- reporting ---- */

/* The message (taken over), the place of the pair, and in the second pass what the user's msg makes
 * of them. -1. */
static int report(const struct comparison *c, PyObject *type, PyObject *text)
{
    PyObject *user = c->options[MESSAGE];

    if (text && PyList_GET_SIZE(c->path) > 0) {
        PyUnicode_AppendAndDel(&text, PyUnicode_FromString("\n\nThe failure occurred for item "));
        for (Py_ssize_t i = 0; text && i < PyList_GET_SIZE(c->path); i++)
            PyUnicode_AppendAndDel(&text,
                                   PyUnicode_FromFormat("[%R]", PyList_GET_ITEM(c->path, i)));
    }
    if (text && c->values && PyCallable_Check(user))
        Py_SETREF(text, PyObject_CallOneArg(user, text));
    else if (text && c->values && PyUnicode_Check(user))
        Py_SETREF(text, Py_NewRef(user));
    if (text)
        PyErr_SetObject(type, text);
    Py_XDECREF(text);
    return -1;
}

#define REPORT(c, type, ...) report(c, type, PyUnicode_FromFormat(__VA_ARGS__))

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

/* A Python number for int, float, complex and NumPy's numbers; NULL without an exception for other
 * objects. */
static PyObject *plain_number(PyObject *object)
{
    PyObject *number;

    if ((PyLong_Check(object) && !PyBool_Check(object)) || PyFloat_CheckExact(object) ||
        PyComplex_CheckExact(object))
        return Py_NewRef(object);
    if (strncmp(Py_TYPE(object)->tp_name, "numpy.", 6) != 0 || is_numpy_array(object))
        return NULL;
    number = PyObject_CallMethod(object, "item", NULL);
    if (number && PyNumber_Check(number) && !PyBool_Check(number))
        return number;
    Py_XDECREF(number);
    PyErr_Clear();
    return NULL;
}

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

static int compare_numbers(const struct comparison *c, PyObject *actual, PyObject *expected)
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
static int compare_tensors(const struct comparison *c, PyObject *actual, PyObject *expected)
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

/* ---- pairs ---- */

static int no_pair(const struct comparison *c, PyObject *actual, PyObject *expected)
{
    return REPORT(c, PyExc_TypeError,
                  "No comparison pair was able to handle inputs of type %S and %S.",
                  (PyObject *)Py_TYPE(actual), (PyObject *)Py_TYPE(expected));
}

/* A tensor, or what torch.as_tensor() makes one of; NULL without an exception if it cannot. */
static PyObject *tensor_like(PyObject *object)
{
    PyObject *tensor;

    if (tensor_check(object))
        return Py_NewRef(object);
    tensor = PyObject_CallMethod(torch_module, "as_tensor", "O", object);
    if (!tensor)
        PyErr_Clear();
    return tensor;
}

static int compare_likes(const struct comparison *c, PyObject *actual, PyObject *expected)
{
    bool related = PyObject_IsInstance(actual, (PyObject *)Py_TYPE(expected)) > 0 ||
                   PyObject_IsInstance(expected, (PyObject *)Py_TYPE(actual)) > 0;
    PyObject *a, *e;
    int status;

    if (!related || (!is_on(c, ALLOW_SUBCLASSES) && Py_TYPE(actual) != Py_TYPE(expected)))
        return no_pair(c, actual, expected);
    a = tensor_like(actual);
    e = a ? tensor_like(expected) : NULL;
    status = e ? compare_tensors(c, a, e) : no_pair(c, actual, expected);
    Py_XDECREF(a);
    Py_XDECREF(e);
    return status;
}

static int compare_leaves(const struct comparison *c, PyObject *actual, PyObject *expected)
{
    PyObject *a, *e;
    int status;

    if (actual == Py_None || expected == Py_None)
        return !c->values || actual == expected
                   ? 0
                   : REPORT(c, PyExc_AssertionError, "None mismatch: %S is not %S", actual,
                            expected);
    if (PyBool_Check(actual) && PyBool_Check(expected))
        return !c->values || actual == expected
                   ? 0
                   : REPORT(c, PyExc_AssertionError, "Booleans mismatch: %S is not %S", actual,
                            expected);
    a = plain_number(actual);
    e = a ? plain_number(expected) : NULL;
    status = e ? compare_numbers(c, a, e) : compare_likes(c, actual, expected);
    Py_XDECREF(a);
    Py_XDECREF(e);
    return status;
}

/* ---- structure ---- */

static int compare(struct comparison *c, PyObject *actual, PyObject *expected);

/* The pair at actual[key], expected[key]. */
static int compare_at(struct comparison *c, PyObject *actual, PyObject *expected, PyObject *key)
{
    PyObject *a = PyObject_GetItem(actual, key), *e = a ? PyObject_GetItem(expected, key) : NULL;
    Py_ssize_t depth = PyList_GET_SIZE(c->path);
    int status = -1;

    if (e && PyList_Append(c->path, key) == 0)
        status = compare(c, a, e);
    if (status == 0)
        status = PyList_SetSlice(c->path, depth, depth + 1, NULL);
    Py_XDECREF(a);
    Py_XDECREF(e);
    return status;
}

static int compare_sequences(struct comparison *c, PyObject *actual, PyObject *expected)
{
    Py_ssize_t length = PyObject_Size(actual), other = length < 0 ? -1 : PyObject_Size(expected);
    int status = other < 0 ? -1 : 0;

    if (status == 0 && length != other)
        return REPORT(c, PyExc_AssertionError, "The length of the sequences mismatch: %zd != %zd",
                      length, other);
    for (Py_ssize_t i = 0; status == 0 && i < length; i++) {
        PyObject *key = PyLong_FromSsize_t(i);

        status = key ? compare_at(c, actual, expected, key) : -1;
        Py_XDECREF(key);
    }
    return status;
}

static PyObject *key_set(PyObject *mapping)
{
    PyObject *keys = PyMapping_Keys(mapping), *set = keys ? PySet_New(keys) : NULL;

    Py_XDECREF(keys);
    return set;
}

/* sorted(a - b) */
static PyObject *sorted_difference(PyObject *a, PyObject *b)
{
    PyObject *difference = PyNumber_Subtract(a, b);
    PyObject *list = difference ? PySequence_List(difference) : NULL;

    if (list && PyList_Sort(list) < 0)
        Py_CLEAR(list);
    Py_XDECREF(difference);
    return list;
}

static int report_keys(const struct comparison *c, PyObject *actual, PyObject *expected)
{
    PyObject *missing = sorted_difference(expected, actual);
    PyObject *additional = missing ? sorted_difference(actual, expected) : NULL;
    int status = -1;

    if (additional)
        status = REPORT(c, PyExc_AssertionError,
                        "The keys of the mappings do not match:\n"
                        "Missing keys in the actual mapping: %S\n"
                        "Additional keys in the actual mapping: %S",
                        missing, additional);
    Py_XDECREF(missing);
    Py_XDECREF(additional);
    return status;
}

static int compare_mappings(struct comparison *c, PyObject *actual, PyObject *expected)
{
    PyObject *a = key_set(actual), *e = a ? key_set(expected) : NULL, *keys = NULL;
    int same = e ? PyObject_RichCompareBool(a, e, Py_EQ) : -1, status = -1;

    if (same == 0)
        status = report_keys(c, a, e);
    else if (same > 0)
        keys = PySequence_List(a);
    if (keys) {
        if (PyList_Sort(keys) < 0) /* keys that have no order come in any */
            PyErr_Clear();
        status = 0;
    }
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(keys); i++)
        status = compare_at(c, actual, expected, PyList_GET_ITEM(keys, i));
    Py_XDECREF(a);
    Py_XDECREF(e);
    Py_XDECREF(keys);
    return status;
}

static bool are_both(PyObject *a, PyObject *b, PyObject *type)
{
    return PyObject_IsInstance(a, type) > 0 && PyObject_IsInstance(b, type) > 0;
}

static int compare(struct comparison *c, PyObject *actual, PyObject *expected)
{
    int status;

    if (Py_EnterRecursiveCall(" in assert_close"))
        return -1;
    if (tensor_check(actual) && tensor_check(expected))
        status = compare_likes(c, actual, expected);
    else if (are_both(actual, expected, sequence_type) && !PyUnicode_Check(actual) &&
             !PyUnicode_Check(expected))
        status = compare_sequences(c, actual, expected);
    else if (are_both(actual, expected, mapping_type))
        status = compare_mappings(c, actual, expected);
    else
        status = compare_leaves(c, actual, expected);
    Py_LeaveRecursiveCall();
    return status;
}

static PyObject *assert_close(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {
        "actual",       "expected",    "allow_subclasses", "rtol",         "atol", "equal_nan",
        "check_device", "check_dtype", "check_layout",     "check_stride", "msg"};
    static const struct binding binding = {"assert_close", names, OPTION_COUNT, 2, 2, 0};
    PyObject *options[OPTION_COUNT] = {NULL,    NULL,    Py_True, Py_None,  Py_None, Py_False,
                                       Py_True, Py_True, Py_True, Py_False, Py_None};
    struct comparison c = {.options = options};
    int status;

    (void)module;
    if (binding_read(&binding, args, kwargs, options) < 0 || !(c.path = PyList_New(0)))
        return NULL;
    status = compare(&c, options[ACTUAL], options[EXPECTED]);
    c.values = true;
    if (status == 0)
        status = compare(&c, options[ACTUAL], options[EXPECTED]);
    Py_DECREF(c.path);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- the module ---- */

static PyMethodDef methods[] = {
    {"assert_close", (PyCFunction)(void (*)(void))assert_close, METH_VARARGS | METH_KEYWORDS,
     "assert_close(actual, expected, *, allow_subclasses=True, rtol=None, atol=None, "
     "equal_nan=False, check_device=True, check_dtype=True, check_layout=True, check_stride=False, "
     "msg=None)\n\nRaises an AssertionError that tells where two tensors, numbers, or sequences "
     "and mappings of them differ."},
    {"make_tensor", (PyCFunction)(void (*)(void))testing_make_tensor, METH_VARARGS | METH_KEYWORDS,
     "make_tensor(*shape, dtype, device, low=None, high=None, requires_grad=False, "
     "noncontiguous=False, exclude_zero=False)\n\nA tensor of random numbers between low and "
     "high."},
    {NULL, NULL, 0, NULL}};

int testing_init(PyObject *torch)
{
    PyObject *testing = submodule(torch, "testing");
    PyObject *abstract = PyImport_ImportModule("collections.abc");

    torch_module = torch;
    mapping_type = abstract ? PyObject_GetAttrString(abstract, "Mapping") : NULL;
    sequence_type = abstract ? PyObject_GetAttrString(abstract, "Sequence") : NULL;
    Py_XDECREF(abstract);
    if (!testing || !mapping_type || !sequence_type)
        return -1;
    return PyModule_AddFunctions(testing, methods);
}
