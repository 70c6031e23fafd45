/*
 * torch.testing.assert_close().
 *
 * The two sides are walked twice: first their structure is compared, then, when that agrees
 * everywhere, their values; the first difference of a pass is what is reported, as in PyTorch.
 */
#include "python/testing.h"

#include "python/bind.h"
#include "python/method.h"
#include "python/module.h"
#include "python/tensor_parts.h"
#include "python/testing_parts.h"

#include <string.h>

static PyObject *torch_module, *mapping_type, *sequence_type;

int report(const struct comparison *c, PyObject *type, PyObject *text)
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

/* ---- pairs ---- */

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
    static const struct binding binding = {"assert_close", names, CLOSE_OPTIONS, 2, 2, 0};
    PyObject *options[CLOSE_OPTIONS] = {NULL,    NULL,    Py_True, Py_None,  Py_None, Py_False,
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
    {"assert_close", WITH_KEYWORDS(assert_close),
     "assert_close(actual, expected, *, allow_subclasses=True, rtol=None, atol=None, "
     "equal_nan=False, check_device=True, check_dtype=True, check_layout=True, check_stride=False, "
     "msg=None)\n\nRaises an AssertionError that tells where two tensors, numbers, or sequences "
     "and mappings of them differ."},
    {"make_tensor", WITH_KEYWORDS(testing_make_tensor),
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
    return testing_values_init(torch) < 0 ? -1 : PyModule_AddFunctions(testing, methods);
}
