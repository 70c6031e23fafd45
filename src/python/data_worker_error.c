/* What a DataLoader's loop raises when a worker has failed. */
#include "python/data_parts.h"

/* A text that repr() shows as it is: a KeyError shows the repr() of its text, which has lines. */
static PyObject *plain_text(PyObject *text)
{
    static PyTypeObject *type;
    PyType_Slot slots[] = {{Py_tp_repr, PyUnicode_Type.tp_str}, {0, NULL}};
    PyType_Spec spec = {"torch._utils.KeyErrorMessage", 0, 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

    if (!type)
        type = (PyTypeObject *)PyType_FromSpecWithBases(&spec, (PyObject *)&PyUnicode_Type);
    return type ? PyObject_CallOneArg((PyObject *)type, text) : NULL;
}

PyObject *worker_message(PyObject *type, PyObject *value, PyObject *traceback, PyObject *id)
{
    PyObject *module = PyImport_ImportModule("traceback"), *empty = PyUnicode_FromString("");
    PyObject *lines = NULL, *text = NULL, *message = NULL;

    if (module)
        lines = PyObject_CallMethod(module, "format_exception", "OOO", type,
                                    value ? value : Py_None, traceback ? traceback : Py_None);
    text = lines && empty ? PyUnicode_Join(empty, lines) : NULL;
    if (text)
        message = PyUnicode_FromFormat("Caught %s in DataLoader worker process %S.\nOriginal %U",
                                       _PyType_Name((PyTypeObject *)type), id, text);
    Py_XDECREF(module);
    Py_XDECREF(empty);
    Py_XDECREF(lines);
    Py_XDECREF(text);
    return message;
}

void worker_raise(PyObject *type, PyObject *message)
{
    PyObject *text = type == PyExc_KeyError ? plain_text(message) : Py_NewRef(message);
    PyObject *error = text ? PyObject_CallOneArg(type, text) : NULL;

    Py_XDECREF(text);
    if (error)
        PyErr_SetObject(type, error);
    else if (PyErr_ExceptionMatches(PyExc_TypeError))
        PyErr_SetObject(PyExc_RuntimeError, message); /* it wants other arguments */
    Py_XDECREF(error);
}
