/* Options of a row and their values as Python objects; calls bound to a row's names. */
#include "python/optim_parts.h"

/* ---- values ---- */

int number_from_python(PyObject *object, const char *name, double *out)
{
    struct scalar s;

    if (PyFloat_CheckExact(object)) {
        *out = PyFloat_AS_DOUBLE(object);
        return 0;
    }
    if (!scalar_from_python(object, &s)) {
        PyErr_Format(PyExc_TypeError, "%s must be a number, not %s", name,
                     Py_TYPE(object)->tp_name);
        return -1;
    }
    *out = s.d;
    return 0;
}

static int scalar_option(const struct option *option, PyObject *object, struct scalar *out)
{
    if (scalar_from_python(object, out))
        return 0;
    PyErr_Format(PyExc_TypeError, "%s must be a number, not %s", option->name,
                 Py_TYPE(object)->tp_name);
    return -1;
}

static int pair_option(const struct option *option, PyObject *object, struct scalar *out)
{
    PyObject *pair = PySequence_Fast(object, "");
    int status = -1;

    if (!pair || PySequence_Fast_GET_SIZE(pair) != 2) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "%s must be a pair of numbers, not %R", option->name, object);
    } else {
        status = scalar_option(option, PySequence_Fast_GET_ITEM(pair, 0), &out[0]);
        if (status == 0)
            status = scalar_option(option, PySequence_Fast_GET_ITEM(pair, 1), &out[1]);
    }
    Py_XDECREF(pair);
    return status;
}

int option_read(const struct option *option, PyObject *object, struct scalar *out)
{
    int truth;

    switch (option->kind) {
    case OPTION_NUMBER:
        return scalar_option(option, object, out);
    case OPTION_PAIR:
        return pair_option(option, object, out);
    case OPTION_FLAG:
        truth = PyObject_IsTrue(object);
        *out = scalar_bool(truth > 0);
        return truth < 0 ? -1 : 0;
    case OPTION_LIST:
    case OPTION_UNUSED:
        break;
    }
    return 0;
}

/* ---- defaults ---- */

static PyObject *number_literal(const char *text)
{
    char *end;
    long whole = strtol(text, &end, 10);

    return strpbrk(text, ".e") ? PyFloat_FromDouble(strtod(text, NULL)) : PyLong_FromLong(whole);
}

/* A pair's members are cut out of "(0.9, 0.999)". */
static PyObject *pair_literal(const char *text)
{
    char first[32], second[32];

    if (sscanf(text, "(%31[^,], %31[^)])", first, second) != 2) {
        PyErr_Format(PyExc_SystemError, "no pair: %s", text);
        return NULL;
    }
    return Py_BuildValue("(NN)", number_literal(first), number_literal(second));
}

PyObject *option_initial(const struct option *option)
{
    const char *text = option->initial;

    if (!text)
        return Py_NewRef(optim_required);
    if (*text == '(')
        return pair_literal(text);
    if (strcmp(text, "None") == 0)
        Py_RETURN_NONE;
    if (strcmp(text, "True") == 0 || strcmp(text, "False") == 0)
        return PyBool_FromLong(*text == 'T');
    return number_literal(text);
}

/* ---- calls ---- */

int name_index(PyObject *const *names, int count, PyObject *name)
{
    for (int i = 0; i < count; i++)
        if (PyUnicode_Compare(names[i], name) == 0)
            return i;
    return -1;
}

static int too_many(const struct signature *s, Py_ssize_t given)
{
    PyErr_Format(PyExc_TypeError,
                 "%s.__init__() takes from %d to %d positional arguments but %zd were given",
                 s->class, s->required + 2, s->positional + 2, given + 1);
    return -1;
}

/* One keyword; `place` is where its value belongs, NULL for a name that nobody knows. */
static int take_keyword(const struct signature *s, PyObject *name, PyObject *value,
                        PyObject **place, bool already)
{
    if (!place || already) {
        PyErr_Format(PyExc_TypeError,
                     place ? "%s.__init__() got multiple values for argument '%U'"
                           : "%s.__init__() got an unexpected keyword argument '%U'",
                     s->class, name);
        return -1;
    }
    *place = value;
    return 0;
}

static int missing(const struct signature *s, PyObject *name)
{
    PyErr_Format(PyExc_TypeError, "%s.__init__() missing 1 required positional argument: '%U'",
                 s->class, name);
    return -1;
}

int signature_bind(const struct signature *s, PyObject *args, PyObject *kwargs, PyObject **first,
                   PyObject **values)
{
    Py_ssize_t count = PyTuple_GET_SIZE(args), at = 0;
    PyObject *name, *value;

    if (count > s->positional + 1)
        return too_many(s, count);
    *first = count > 0 ? PyTuple_GET_ITEM(args, 0) : NULL;
    for (Py_ssize_t i = 1; i < count; i++)
        values[i - 1] = PyTuple_GET_ITEM(args, i);
    while (kwargs && PyDict_Next(kwargs, &at, &name, &value)) {
        bool is_first = PyUnicode_Compare(name, s->first) == 0;
        int index = is_first ? -1 : name_index(s->names, s->count, name);
        PyObject **place = is_first ? first : index >= 0 ? &values[index] : NULL;

        if (take_keyword(s, name, value, place, index + 1 < count) < 0)
            return -1;
    }
    if (!*first)
        return missing(s, s->first);
    for (int i = 0; i < s->required; i++)
        if (values[i] == optim_required)
            return missing(s, s->names[i]);
    return 0;
}
