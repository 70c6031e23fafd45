#include "kernel/report.h"

#include "base/error.h"
#include "kernel/channel.h"
#include "kernel/console.h"
#include "kernel/stream.h"
#include "protocol/client.h"

#include <string.h>

bool report_register(PyObject *name, const char *source, size_t length)
{
    PyObject *linecache = PyImport_ImportModule("linecache");
    PyObject *cache = linecache ? PyObject_GetAttrString(linecache, "cache") : NULL;
    PyObject *text = PyUnicode_DecodeUTF8(source, (Py_ssize_t)length, "replace");
    PyObject *lines, *entry = NULL;
    bool done;

    /* traceback counts on the newline of the last line as well: without it the carets are off by
     * one */
    PyUnicode_AppendAndDel(&text, PyUnicode_FromString("\n"));
    lines = text ? PyUnicode_Splitlines(text, 1) : NULL;
    if (cache && lines) /* no time of change: linecache never drops it */
        entry = Py_BuildValue("(nOOO)", (Py_ssize_t)length, Py_None, lines, name);
    done = entry && PyObject_SetItem(cache, name, entry) == 0;
    Py_XDECREF(entry);
    Py_XDECREF(lines);
    Py_XDECREF(text);
    Py_XDECREF(cache);
    Py_XDECREF(linecache);
    return done;
}

/* An integer attribute, or 0. */
static long number_of(PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    long number = value && PyLong_Check(value) ? PyLong_AsLong(value) : 0;

    Py_XDECREF(value);
    PyErr_Clear();
    return number;
}

static bool attribute_is(PyObject *object, const char *name, PyObject *wanted)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    bool same = value && PyObject_RichCompareBool(value, wanted, Py_EQ) == 1;

    Py_XDECREF(value);
    PyErr_Clear();
    return same;
}

/* The line of the cell where it happened: of the innermost frame that is the cell's own. */
static long line_of(PyObject *exception, PyObject *name)
{
    PyObject *trace = PyException_GetTraceback(exception), *next;
    long line = 0;

    if (name && PyObject_TypeCheck(exception, (PyTypeObject *)PyExc_SyntaxError) &&
        attribute_is(exception, "filename", name))
        line = number_of(exception, "lineno");
    while (trace && trace != Py_None && name) {
        PyFrameObject *frame = ((PyTracebackObject *)trace)->tb_frame;
        PyCodeObject *code = PyFrame_GetCode(frame);
        if (PyObject_RichCompareBool(code->co_filename, name, Py_EQ) == 1)
            line = number_of(trace, "tb_lineno");
        Py_DECREF(code);
        next = PyObject_GetAttrString(trace, "tb_next");
        Py_SETREF(trace, next);
    }
    Py_XDECREF(trace);
    PyErr_Clear();
    return line;
}

/* What Python would print. NULL with an exception set. */
static PyObject *traceback_text(PyObject *exception)
{
    PyObject *module = PyImport_ImportModule("traceback");
    PyObject *lines =
        module ? PyObject_CallMethod(module, "format_exception", "O", exception) : NULL;
    PyObject *empty = PyUnicode_FromString("");
    PyObject *text = lines && empty ? PyUnicode_Join(empty, lines) : NULL;

    Py_XDECREF(empty);
    Py_XDECREF(lines);
    Py_XDECREF(module);
    return text;
}

/* Sends the event; the texts may be NULL, when making them failed in its turn. */
static void send_error(const char *type, PyObject *message, long line, PyObject *trace)
{
    Py_ssize_t message_length = 0, trace_length = 0;
    char *message_utf8 = message ? console_text(message, &message_length) : NULL;
    char *trace_utf8 = trace ? console_text(trace, &trace_length) : NULL;
    json_t *header = json_pack("{ss,si}", "type", type, "line", (int)line);

    json_object_set_new(header, "message",
                        json_stringn(message_utf8 ? message_utf8 : "", (size_t)message_length));
    stream_finish();
    if (!channel_send(EVENT_ERROR, header, trace_utf8 ? trace_utf8 : type,
                      trace_utf8 ? (size_t)trace_length : strlen(type)))
        error_clear();
    PyMem_Free(message_utf8);
    PyMem_Free(trace_utf8);
    PyErr_Clear();
}

/* sys.exit() ends a script, but not a kernel. */
static PyObject *exit_text(PyObject *exception)
{
    PyObject *code = PyObject_GetAttrString(exception, "code");
    PyObject *text = NULL;

    if (code && code != Py_None)
        text = PyUnicode_FromFormat("SystemExit: %S\nThe cell asked to exit; the kernel goes on, "
                                    "and what was computed is still there.\n",
                                    code);
    else
        text = PyUnicode_FromString("SystemExit\nThe cell asked to exit; the kernel goes on, and "
                                    "what was computed is still there.\n");
    Py_XDECREF(code);
    return text;
}

void report_exception(PyObject *name)
{
    PyObject *type, *exception, *trace, *message, *text;

    PyErr_Fetch(&type, &exception, &trace);
    PyErr_NormalizeException(&type, &exception, &trace);
    if (!exception)
        return;
    if (trace)
        PyException_SetTraceback(exception, trace);
    message = PyObject_Str(exception);
    PyErr_Clear(); /* a message that fails is shown as an empty one */
    if (PyObject_TypeCheck(exception, (PyTypeObject *)PyExc_SystemExit))
        text = exit_text(exception);
    else
        text = traceback_text(exception);
    PyErr_Clear(); /* a second Ctrl-C here, or no memory: the type is shown */
    send_error(Py_TYPE(exception)->tp_name, message, line_of(exception, name), text);
    Py_XDECREF(text);
    Py_XDECREF(message);
    Py_XDECREF(trace);
    Py_XDECREF(exception);
    Py_XDECREF(type);
}
