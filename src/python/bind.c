#include "python/bind.h"

#include <stdbool.h>

static int too_many(const struct binding *b, Py_ssize_t given)
{
    int least = b->required + b->bound, most = b->positional + b->bound;
    Py_ssize_t count = given + b->bound;

    if (least < most)
        PyErr_Format(PyExc_TypeError,
                     "%s() takes from %d to %d positional arguments but %zd were given",
                     b->function, least, most, count);
    else
        PyErr_Format(PyExc_TypeError, "%s() takes %d positional argument%s but %zd %s given",
                     b->function, most, most == 1 ? "" : "s", count, count == 1 ? "was" : "were");
    return -1;
}

/* missing 3 required positional arguments: 'a', 'b', and 'c' */
static int missing(const struct binding *b, const bool *seen)
{
    PyObject *text = PyUnicode_FromString("");
    int count = 0, named = 0;

    for (int i = 0; i < b->required; i++)
        count += !seen[i];
    for (int i = 0; text && i < b->required; i++) {
        const char *before = named == 0          ? ""
                             : named + 1 < count ? ", "
                             : count == 2        ? " and "
                                                 : ", and ";

        if (!seen[i]) {
            PyUnicode_AppendAndDel(&text, PyUnicode_FromFormat("%s'%s'", before, b->names[i]));
            named++;
        }
    }
    if (text)
        PyErr_Format(PyExc_TypeError, "%s() missing %d required %s argument%s: %U", b->function,
                     count, b->positional ? "positional" : "keyword-only", count == 1 ? "" : "s",
                     text);
    Py_XDECREF(text);
    return -1;
}

static int take_keyword(const struct binding *b, PyObject *name, PyObject *value, bool *seen,
                        PyObject **values)
{
    int at = 0;

    while (at < b->count && PyUnicode_CompareWithASCIIString(name, b->names[at]) != 0)
        at++;
    if (at == b->count || seen[at]) {
        PyErr_Format(PyExc_TypeError,
                     at == b->count ? "%s() got an unexpected keyword argument '%U'"
                                    : "%s() got multiple values for argument '%U'",
                     b->function, name);
        return -1;
    }
    seen[at] = true;
    values[at] = value;
    return 0;
}

enum { MOST = 32 };

int binding_read(const struct binding *b, PyObject *args, PyObject *kwargs, PyObject **values)
{
    Py_ssize_t count = PyTuple_GET_SIZE(args), at = 0;
    bool seen[MOST] = {false};
    PyObject *name, *value;

    assert(b->count <= MOST);
    if (count > b->positional)
        return too_many(b, count);
    for (Py_ssize_t i = 0; i < count; i++) {
        values[i] = PyTuple_GET_ITEM(args, i);
        seen[i] = true;
    }
    while (kwargs && PyDict_Next(kwargs, &at, &name, &value)) {
        if (take_keyword(b, name, value, seen, values) < 0)
            return -1;
    }
    for (int i = 0; i < b->required; i++) {
        if (!seen[i])
            return missing(b, seen);
    }
    return 0;
}
