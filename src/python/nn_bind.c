/*
 * Arguments of layers: bound to the parameters of a schema as Python binds those of a function that
 * is written in Python, with the same errors.
 */
#include "python/nn_layers.h"

#include "base/strbuf.h"

#include <string.h>

int schema_find(const struct schema *schema, const char *name, size_t length)
{
    for (int i = 0; i < schema->count; i++)
        if ((size_t)schema->params[i].name_length == length &&
            memcmp(schema->params[i].name, name, length) == 0)
            return i;
    return -1;
}

PyObject *default_object(const struct param *param)
{
    const struct value *value = &param->value;
    PyObject *tuple;

    if (!value->given)
        Py_RETURN_NONE;
    switch (param->type) {
    case VALUE_BOOL:
        return PyBool_FromLong(value->i != 0);
    case VALUE_INT:
        return PyLong_FromLongLong(value->i);
    case VALUE_FLOAT:
        return PyFloat_FromDouble(value->d);
    case VALUE_SCALAR:
        return scalar_to_python(value->scalar);
    case VALUE_STRING:
        return PyUnicode_FromString(value->text);
    case VALUE_INTS:
        tuple = PyTuple_New(value->ints.count);
        for (int i = 0; tuple && i < value->ints.count; i++)
            PyTuple_SET_ITEM(tuple, i, PyLong_FromLongLong(value->ints.at[i]));
        return tuple;
    default:
        Py_RETURN_NONE;
    }
}

/* Linear.__init__() takes from 3 to 6 positional arguments but 7 were given. -1 */
static int too_many(const char *function, const struct schema *schema, Py_ssize_t given)
{
    int most = schema->positional + 1, least = 1; /* self counts */

    while (least < most && !schema->params[least - 1].has_default)
        least++;
    if (least < most)
        PyErr_Format(PyExc_TypeError,
                     "%s() takes from %d to %d positional arguments but %zd were given", function,
                     least, most, given + 1);
    else
        PyErr_Format(PyExc_TypeError, "%s() takes %d positional argument%s but %zd were given",
                     function, most, most == 1 ? "" : "s", given + 1);
    return -1;
}

/* Linear.__init__() missing 2 required positional arguments: 'a' and 'b'. -1 */
static int missing(const char *function, const struct schema *schema, PyObject *const *bound,
                   int count)
{
    struct strbuf names = STRBUF_INIT;
    int named = 0;

    for (int i = 0; i < schema->count; i++) {
        const struct param *p = &schema->params[i];

        if (bound[i] || p->has_default)
            continue;
        named++;
        if (named > 1)
            strbuf_adds(&names, count == 2 ? " and " : named == count ? ", and " : ", ");
        strbuf_addf(&names, "'%.*s'", p->name_length, p->name);
    }
    PyErr_Format(PyExc_TypeError, "%s() missing %d required positional argument%s: %s", function,
                 count, count == 1 ? "" : "s", names.text);
    strbuf_release(&names);
    return -1;
}

static int bind_keyword(const char *function, const struct schema *schema, PyObject *name,
                        PyObject *value, PyObject **out)
{
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(name, &length);
    int i = text ? schema_find(schema, text, (size_t)length) : -1;

    if (!text)
        return -1;
    if (i < 0) {
        PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", function,
                     name);
        return -1;
    }
    if (out[i]) {
        PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", function, name);
        return -1;
    }
    out[i] = value;
    return 0;
}

int bind_arguments(const char *function, const struct schema *schema,
                   const struct python_call *call, PyObject **out)
{
    Py_ssize_t keywords = call->names ? PyTuple_GET_SIZE(call->names) : 0;
    int absent = 0;

    memset(out, 0, (size_t)schema->count * sizeof(*out));
    if (call->count > schema->positional)
        return too_many(function, schema, call->count);
    for (Py_ssize_t i = 0; i < call->count; i++)
        out[i] = call->args[i];
    for (Py_ssize_t i = 0; i < keywords; i++)
        if (bind_keyword(function, schema, PyTuple_GET_ITEM(call->names, i),
                         call->args[call->count + i], out) < 0)
            return -1;
    for (int i = 0; i < schema->count; i++)
        absent += !out[i] && !schema->params[i].has_default;
    return absent ? missing(function, schema, out, absent) : 0;
}
