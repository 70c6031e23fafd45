/*
 * What a module looks like: repr(), extra_repr(), dir().
 */
#include "python/nn_module.h"

#include "base/strbuf.h"
#include "python/errors.h"

#include <string.h>

/* Appends text, its later lines indented by two blanks. */
static void add_indented(struct strbuf *out, const char *text)
{
    for (const char *line = text;; line++) {
        const char *end = strchr(line, '\n');

        if (line != text)
            strbuf_adds(out, "\n  ");
        strbuf_add(out, line, end ? (size_t)(end - line) : strlen(line));
        if (!end)
            return;
        line = end;
    }
}

/* "\n  (name): ..." for each child. 0 or -1. */
static int add_children(struct strbuf *out, PyObject *modules)
{
    PyObject *items = PyDict_Items(modules);
    int status = items ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *name = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        PyObject *text = PyObject_Repr(PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1));
        const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
        const char *key = utf8 ? PyUnicode_AsUTF8(name) : NULL;

        status = key ? 0 : -1;
        if (key) {
            strbuf_addf(out, "\n  (%s): ", key);
            add_indented(out, utf8);
        }
        Py_XDECREF(text);
    }
    Py_XDECREF(items);
    return status;
}

/* The result of a method without arguments that gives a string. */
static PyObject *text_of(PyObject *self, PyObject *method)
{
    PyObject *text = PyObject_CallMethodNoArgs(self, method);

    if (text && !PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%U() must return a string, not %s", method,
                     _PyType_Name(Py_TYPE(text)));
        Py_CLEAR(text);
    }
    return text;
}

static PyObject *repr_text(PyObject *self, PyObject *name, PyObject *extra, PyObject *modules)
{
    struct strbuf out = STRBUF_INIT;
    const char *more = PyUnicode_AsUTF8(extra);
    bool children = PyDict_GET_SIZE(modules) > 0;
    PyObject *result = NULL;

    (void)self;
    if (!more || !PyUnicode_AsUTF8(name))
        return NULL;
    strbuf_addf(&out, "%s(", PyUnicode_AsUTF8(name));
    if (*more && !children && !strchr(more, '\n')) {
        strbuf_adds(&out, more);
    } else if (*more) {
        strbuf_adds(&out, "\n  ");
        add_indented(&out, more);
    }
    if (add_children(&out, modules) == 0) {
        if (children || strchr(more, '\n'))
            strbuf_addch(&out, '\n');
        strbuf_addch(&out, ')');
        result = out.failed ? python_error()
                            : PyUnicode_FromStringAndSize(out.text, (Py_ssize_t)out.length);
    }
    strbuf_release(&out);
    return result;
}

PyObject *module_repr(PyObject *self)
{
    PyObject *modules = module_part(self, nn_names._modules), *name = NULL, *extra = NULL;
    PyObject *result = NULL;

    if (!modules || Py_EnterRecursiveCall(" in the repr of a module"))
        return NULL;
    Py_INCREF(modules);
    extra = text_of(self, nn_names.extra_repr);
    name = extra ? text_of(self, nn_names._get_name) : NULL;
    if (name)
        result = repr_text(self, name, extra, modules);
    Py_LeaveRecursiveCall();
    Py_XDECREF(name);
    Py_XDECREF(extra);
    Py_DECREF(modules);
    return result;
}

static PyObject *extra_repr(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    return PyUnicode_FromString("");
}

static PyObject *get_name(PyObject *self, PyObject *Py_UNUSED(none))
{
    return PyUnicode_FromString(_PyType_Name(Py_TYPE(self)));
}

/* Adds the names that can be written behind a dot: not "0" of a Sequential. */
static int add_names(PyObject *list, PyObject *names)
{
    PyObject *iterator = names ? PyObject_GetIter(names) : NULL, *name;
    int status = iterator ? 0 : -1;

    while (status == 0 && (name = PyIter_Next(iterator))) {
        if (PyUnicode_Check(name) && PyUnicode_GET_LENGTH(name) > 0 &&
            !Py_UNICODE_ISDIGIT(PyUnicode_READ_CHAR(name, 0)))
            status = PyList_Append(list, name);
        Py_DECREF(name);
    }
    Py_XDECREF(iterator);
    return PyErr_Occurred() ? -1 : status;
}

static PyObject *dir(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *const parts[] = {nn_names._parameters, nn_names._modules, nn_names._buffers};
    PyObject *list = PyList_New(0);
    PyObject *class = PyObject_Dir((PyObject *)Py_TYPE(self));
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    int status = list && class && dict ? 0 : -1;

    if (status == 0)
        status = add_names(list, class);
    if (status == 0)
        status = add_names(list, dict);
    for (int i = 0; status == 0 && i < 3; i++) {
        PyObject *part = module_part_or_null(self, parts[i]);

        if (part)
            status = add_names(list, part);
    }
    if (status == 0)
        status = PyList_Sort(list);
    Py_XDECREF(class);
    Py_XDECREF(dict);
    if (status < 0)
        Py_CLEAR(list);
    return list;
}

PyMethodDef module_repr_methods[] = {
    {"extra_repr", extra_repr, METH_NOARGS, "What repr() writes between the parentheses."},
    {"_get_name", get_name, METH_NOARGS, "The name of the class."},
    {"__dir__", dir, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
