#include "kernel/complete.h"

#include "base/error.h"
#include "kernel/cell.h"
#include "kernel/channel.h"
#include "protocol/client.h"

#include <ctype.h>
#include <string.h>

enum { MATCHES_LARGEST = 500 };

/* rlcompleter imports readline if it can, which would set up a terminal that we do not have. */
static PyObject *completer_new(void)
{
    PyObject *modules = PyImport_GetModuleDict();
    bool hide = !PyDict_GetItemString(modules, "readline");
    PyObject *module, *completer;

    if (hide)
        PyDict_SetItemString(modules, "readline", Py_None);
    module = PyImport_ImportModule("rlcompleter");
    completer = module ? PyObject_CallMethod(module, "Completer", "O", cell_namespace()) : NULL;
    Py_XDECREF(module);
    if (hide) {
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace);
        if (PyDict_DelItemString(modules, "readline") < 0)
            PyErr_Clear();
        PyErr_Restore(type, value, trace);
    }
    return completer;
}

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || (c & 0x80);
}

/* The matches come as "name(", "for " or "try:"; we want the names. */
static json_t *match_json(PyObject *match)
{
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(match, &length);

    if (!text)
        return NULL;
    while (length && strchr("(): ", text[length - 1]))
        length--;
    return json_stringn(text, (size_t)length);
}

static bool seen(const json_t *matches, const json_t *match)
{
    size_t i;
    json_t *other;

    json_array_foreach(matches, i, other)
    {
        if (json_equal(other, match))
            return true;
    }
    return false;
}

static void collect(const char *word, size_t length, json_t *matches)
{
    PyObject *completer = completer_new();

    for (int i = 0; completer && i < MATCHES_LARGEST; i++) {
        PyObject *match =
            PyObject_CallMethod(completer, "complete", "s#i", word, (Py_ssize_t)length, i);
        json_t *text = match && match != Py_None ? match_json(match) : NULL;
        Py_XDECREF(match);
        if (!text)
            break;
        if (!seen(matches, text))
            json_array_append(matches, text);
        json_decref(text);
    }
    Py_XDECREF(completer);
    PyErr_Clear(); /* names that cannot be looked up have no completion */
}

void complete_answer(const struct frame *request)
{
    size_t cursor = (size_t)json_integer_value(json_object_get(request->header, "cursor"));
    const char *source = request->blob ? request->blob : "";
    json_t *matches = json_array(), *header;
    size_t start;

    if (cursor > request->blob_length)
        cursor = request->blob_length;
    for (start = cursor; start > 0 && in_name(source[start - 1]); start--)
        continue;
    if (start < cursor)
        collect(source + start, cursor - start, matches);
    header = json_pack("{sI,sI,sI,so}", "request",
                       json_integer_value(json_object_get(request->header, "request")), "start",
                       (json_int_t)start, "end", (json_int_t)cursor, "matches", matches);
    if (!channel_send(EVENT_COMPLETE, header, NULL, 0))
        error_clear();
}
