#include "kernel/console.h"

#include "base/error.h"
#include "kernel/channel.h"
#include "kernel/pump.h"
#include "kernel/stream.h"
#include "protocol/client.h"
#include "python/method.h"

#include <string.h>

enum { RESULT_LARGEST = 1 << 20, RESULT_TAIL = 16 << 10 };

/* ---- The file objects ------------------------------------------------------------------------*/

struct console {
    PyObject_HEAD enum stream_id id;
    bool binary; /* sys.stdout.buffer takes bytes, sys.stdout takes str */
};

static PyTypeObject *console_type;

static PyObject *console_new(enum stream_id id, bool binary)
{
    struct console *console = (struct console *)console_type->tp_alloc(console_type, 0);

    if (console) {
        console->id = id;
        console->binary = binary;
    }
    return (PyObject *)console;
}

static void console_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *write_bytes(struct console *self, PyObject *bytes)
{
    Py_buffer buffer;
    Py_ssize_t length;

    if (PyObject_GetBuffer(bytes, &buffer, PyBUF_SIMPLE) < 0)
        return NULL;
    length = buffer.len;
    pump_catch_up();
    stream_write(self->id, buffer.buf, (size_t)length);
    PyBuffer_Release(&buffer);
    return PyLong_FromSsize_t(length);
}

static PyObject *console_write(PyObject *object, PyObject *text)
{
    struct console *self = (struct console *)object;
    Py_ssize_t length;
    const char *utf8;
    PyObject *encoded;

    if (self->binary)
        return write_bytes(self, text);
    if (!PyUnicode_Check(text))
        return PyErr_Format(PyExc_TypeError, "write() argument must be str, not %s",
                            Py_TYPE(text)->tp_name);
    pump_catch_up();
    utf8 = PyUnicode_AsUTF8AndSize(text, &length);
    if (utf8) {
        stream_write(self->id, utf8, (size_t)length);
        return PyLong_FromSsize_t(PyUnicode_GET_LENGTH(text));
    }
    PyErr_Clear(); /* half a surrogate pair: shown as an escape */
    encoded = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (!encoded)
        return NULL;
    stream_write(self->id, PyBytes_AS_STRING(encoded), (size_t)PyBytes_GET_SIZE(encoded));
    Py_DECREF(encoded);
    return PyLong_FromSsize_t(PyUnicode_GET_LENGTH(text));
}

static PyObject *console_writelines(PyObject *self, PyObject *lines)
{
    PyObject *iterator = PyObject_GetIter(lines), *line, *count;

    if (!iterator)
        return NULL;
    while ((line = PyIter_Next(iterator)) != NULL) {
        count = console_write(self, line);
        Py_DECREF(line);
        if (!count)
            break;
        Py_DECREF(count);
    }
    Py_DECREF(iterator);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *console_flush(PyObject *self, PyObject *unused)
{
    (void)unused;
    stream_flush(((struct console *)self)->id);
    Py_RETURN_NONE;
}

static PyObject *say_false(PyObject *self, PyObject *unused)
{
    (void)self, (void)unused;
    Py_RETURN_FALSE;
}

static PyObject *say_true(PyObject *self, PyObject *unused)
{
    (void)self, (void)unused;
    Py_RETURN_TRUE;
}

static PyObject *unsupported(const char *what)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *type = io ? PyObject_GetAttrString(io, "UnsupportedOperation") : NULL;

    if (type)
        PyErr_Format(type, "%s: a cell's output is not a file of the system", what);
    Py_XDECREF(type);
    Py_XDECREF(io);
    return NULL;
}

static PyObject *console_fileno(PyObject *self, PyObject *unused)
{
    (void)self, (void)unused;
    return unsupported("fileno");
}

static PyObject *console_read(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    return unsupported("not readable");
}

static PyObject *console_ignore(PyObject *self, PyObject *args, PyObject *names)
{
    (void)self, (void)args, (void)names;
    Py_RETURN_NONE;
}

static PyObject *console_buffer(PyObject *self, void *unused)
{
    (void)unused;
    return console_new(((struct console *)self)->id, true);
}

/* Attributes that are the same text or number for both: the closure is what they return. */
static PyObject *console_text_attribute(PyObject *self, void *text)
{
    (void)self;
    return PyUnicode_FromString(text);
}

static PyObject *console_name(PyObject *self, void *unused)
{
    bool err = ((struct console *)self)->id == STREAM_STDERR;

    (void)unused;
    return PyUnicode_FromString(err ? "<stderr>" : "<stdout>");
}

static PyObject *console_false(PyObject *self, void *unused)
{
    (void)self, (void)unused;
    Py_RETURN_FALSE;
}

static PyObject *console_none(PyObject *self, void *unused)
{
    (void)self, (void)unused;
    Py_RETURN_NONE;
}

static PyMethodDef console_methods[] = {
    {"write", console_write, METH_O, NULL},
    {"writelines", console_writelines, METH_O, NULL},
    {"flush", console_flush, METH_NOARGS, NULL},
    {"isatty", say_false, METH_NOARGS, NULL},
    {"readable", say_false, METH_NOARGS, NULL},
    {"seekable", say_false, METH_NOARGS, NULL},
    {"writable", say_true, METH_NOARGS, NULL},
    {"fileno", console_fileno, METH_NOARGS, NULL},
    {"read", console_read, METH_VARARGS, NULL},
    {"readline", console_read, METH_VARARGS, NULL},
    {"close", console_flush, METH_NOARGS, NULL},
    {"reconfigure", WITH_KEYWORDS(console_ignore), NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef console_attributes[] = {
    {"encoding", console_text_attribute, NULL, NULL, (void *)"utf-8"},
    {"errors", console_text_attribute, NULL, NULL, (void *)"backslashreplace"},
    {"mode", console_text_attribute, NULL, NULL, (void *)"w"},
    {"name", console_name, NULL, NULL, NULL},
    {"newlines", console_none, NULL, NULL, NULL},
    {"closed", console_false, NULL, NULL, NULL},
    {"line_buffering", console_false, NULL, NULL, NULL},
    {"buffer", console_buffer, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot console_slots[] = {
    {Py_tp_dealloc, console_dealloc},
    {Py_tp_methods, console_methods},
    {Py_tp_getset, console_attributes},
    {Py_tp_doc, (void *)"What a cell prints goes to the notebook through this file."},
    {0, NULL},
};

static PyType_Spec console_spec = {
    .name = "saddle.Console",
    .basicsize = sizeof(struct console),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = console_slots,
};

/* ---- Results ---------------------------------------------------------------------------------*/

static char *cut_middle(const char *text, size_t size, Py_ssize_t *length)
{
    size_t head = RESULT_LARGEST - RESULT_TAIL, tail = size - RESULT_TAIL;
    struct strbuf cut = STRBUF_INIT;
    char *copy = NULL;

    while (head && (text[head] & 0xC0) == 0x80)
        head--;
    while (tail < size && (text[tail] & 0xC0) == 0x80)
        tail++;
    strbuf_add(&cut, text, head);
    strbuf_addf(&cut, "\n[... %zu bytes left out ...]\n", tail - head);
    strbuf_add(&cut, text + tail, size - tail);
    if (!cut.failed)
        copy = PyMem_Malloc(cut.length + 1);
    if (copy) {
        memcpy(copy, cut.text, cut.length + 1);
        *length = (Py_ssize_t)cut.length;
    } else {
        error_clear();
        PyErr_NoMemory();
    }
    strbuf_release(&cut);
    return copy;
}

char *console_text(PyObject *text, Py_ssize_t *length)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    char *copy;

    if (!bytes)
        return NULL;
    *length = PyBytes_GET_SIZE(bytes);
    if (*length > RESULT_LARGEST) {
        copy = cut_middle(PyBytes_AS_STRING(bytes), (size_t)*length, length);
    } else {
        copy = PyMem_Malloc((size_t)*length + 1);
        if (copy)
            memcpy(copy, PyBytes_AS_STRING(bytes), (size_t)*length + 1);
        else
            PyErr_NoMemory();
    }
    Py_DECREF(bytes);
    return copy;
}

bool console_show(PyObject *value)
{
    PyObject *repr, *builtins = PyEval_GetBuiltins();
    Py_ssize_t length;
    char *text;

    if (value == Py_None)
        return true;
    if (PyDict_SetItemString(builtins, "_", Py_None) < 0)
        return false;
    repr = PyObject_Repr(value);
    text = repr ? console_text(repr, &length) : NULL;
    Py_XDECREF(repr);
    if (!text)
        return false;
    stream_finish();
    if (!channel_send(EVENT_RESULT, NULL, text, (size_t)length))
        error_clear();
    PyMem_Free(text);
    return PyDict_SetItemString(builtins, "_", value) == 0;
}

static PyObject *displayhook(PyObject *self, PyObject *value)
{
    (void)self;
    if (!console_show(value))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *input(PyObject *self, PyObject *args)
{
    (void)self, (void)args;
    PyErr_SetString(PyExc_RuntimeError,
                    "input() does not work in a cell, because nobody is asked while it runs: "
                    "write the value into the cell (name = \"Ada\")");
    return NULL;
}

/* ---- Putting them in place -------------------------------------------------------------------*/

static bool install_file(const char *name, const char *second_name, enum stream_id id)
{
    PyObject *file = console_new(id, false);
    bool done = file && PySys_SetObject(name, file) == 0 && PySys_SetObject(second_name, file) == 0;

    Py_XDECREF(file);
    return done;
}

bool console_install(void)
{
    static PyMethodDef hook = {"displayhook", displayhook, METH_O, NULL};
    static PyMethodDef ask = {"input", input, METH_VARARGS, NULL};
    PyObject *show, *asking;
    bool done;

    console_type = (PyTypeObject *)PyType_FromSpec(&console_spec);
    if (!console_type || !install_file("stdout", "__stdout__", STREAM_STDOUT) ||
        !install_file("stderr", "__stderr__", STREAM_STDERR))
        return false;
    show = PyCFunction_New(&hook, NULL);
    asking = PyCFunction_New(&ask, NULL);
    done = show && asking && PySys_SetObject("displayhook", show) == 0 &&
           PyDict_SetItemString(PyEval_GetBuiltins(), "input", asking) == 0;
    Py_XDECREF(show);
    Py_XDECREF(asking);
    return done;
}
