/*
 * extra_repr() of layers, from the column of layers.def.
 */
#include "python/nn_layers.h"

#include "base/strbuf.h"
#include "python/errors.h"

#include <string.h>

/* "{name}", "{name!r}" or "{name?}" at text: the object that it stands for, a new reference. */
static PyObject *object_at(PyObject *self, const char *text, char *how)
{
    size_t length = strcspn(text + 1, "!?}");
    PyObject *name = PyUnicode_FromStringAndSize(text + 1, (Py_ssize_t)length);
    PyObject *object = name ? PyObject_GetAttr(self, name) : NULL;

    *how = text[1 + length];
    if (object && *how == '?')
        Py_SETREF(object, PyBool_FromLong(object != Py_None));
    Py_XDECREF(name);
    return object;
}

/* Whether the attribute at "{name" has another value than the constructor's default; a tuple is
 * compared item by item (stride=1 has become (1, 1)). -1 with an exception. */
static int differs(PyObject *self, const struct layer_type *layer, const char *text)
{
    int i = schema_find(&layer->takes, text + 1, strcspn(text + 1, "!?}")), same = 1;
    PyObject *usual = i >= 0 ? default_object(&layer->takes.params[i]) : NULL;
    PyObject *now = usual ? object_at(self, text, &(char){0}) : NULL;

    if (!now) {
        Py_XDECREF(usual);
        return PyErr_Occurred() ? -1 : 1;
    }
    if (PyTuple_Check(now) && !PyTuple_Check(usual))
        for (Py_ssize_t k = 0; same == 1 && k < PyTuple_GET_SIZE(now); k++)
            same = PyObject_RichCompareBool(PyTuple_GET_ITEM(now, k), usual, Py_EQ);
    else
        same = PyObject_RichCompareBool(now, usual, Py_EQ);
    Py_DECREF(usual);
    Py_DECREF(now);
    return same < 0 ? -1 : !same;
}

static int add_object(PyObject *self, const char *text, struct strbuf *out)
{
    char how;
    PyObject *object = object_at(self, text, &how);
    PyObject *shown = !object ? NULL : how == '!' ? PyObject_Repr(object) : PyObject_Str(object);
    const char *utf8 = shown ? PyUnicode_AsUTF8(shown) : NULL;

    if (utf8)
        strbuf_adds(out, utf8);
    Py_XDECREF(object);
    Py_XDECREF(shown);
    return utf8 ? 0 : -1;
}

PyObject *layer_extra_repr(PyObject *self, PyObject *Py_UNUSED(none))
{
    const struct layer_type *layer = ((ModuleObject *)self)->layer;
    struct strbuf out = STRBUF_INIT;
    PyObject *result;
    int status = 0;

    for (const char *at = layer->extra_repr; *at && status >= 0; at++) {
        if (*at == '[') {
            status = differs(self, layer, strchr(at, '{'));
            if (status == 0)
                at = strchr(at, ']');
        } else if (*at == '{') {
            status = add_object(self, at, &out);
            at = strchr(at, '}');
        } else if (*at != ']') {
            strbuf_addch(&out, *at);
        }
    }
    if (status < 0)
        result = NULL;
    else
        result = out.failed ? python_error() : PyUnicode_FromString(out.text);
    strbuf_release(&out);
    return result;
}
