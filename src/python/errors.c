#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/error.h"
#include "base/warn.h"
#include "python/errors.h"
#include "python/module.h"

static PyObject *linalg_error;

static int show_warning(const char *text)
{
    return PyErr_WarnEx(PyExc_UserWarning, text, 1) < 0 ? python_error_pending() : 0;
}

int errors_init(PyObject *torch)
{
    PyObject *linalg = submodule(torch, "linalg");

    warn_handler = show_warning;
    if (!linalg)
        return -1;
    linalg_error = PyErr_NewExceptionWithDoc("torch._C._LinAlgError",
                                             "A matrix has no inverse, factor or such.",
                                             PyExc_RuntimeError, NULL);
    return linalg_error ? PyModule_AddObjectRef(linalg, "LinAlgError", linalg_error) : -1;
}

static PyObject *exception_of(enum error_kind kind)
{
    PyObject *const table[ERROR_KIND_COUNT] = {
        [ERROR_RUNTIME] = PyExc_RuntimeError,
        [ERROR_TYPE] = PyExc_TypeError,
        [ERROR_VALUE] = PyExc_ValueError,
        [ERROR_INDEX] = PyExc_IndexError,
        [ERROR_KEY] = PyExc_KeyError,
        [ERROR_ATTRIBUTE] = PyExc_AttributeError,
        [ERROR_NOT_IMPLEMENTED] = PyExc_NotImplementedError,
        [ERROR_MEMORY] = PyExc_MemoryError,
        [ERROR_LINALG] = linalg_error,
        [ERROR_IO] = PyExc_OSError,
        [ERROR_INTERRUPT] = PyExc_KeyboardInterrupt,
    };

    return table[kind] ? table[kind] : PyExc_SystemError;
}

void *python_error(void)
{
    if (!PyErr_Occurred())
        PyErr_SetString(exception_of(error_kind()),
                        error_pending() ? error_message() : "an operation failed without a reason");
    error_clear();
    return NULL;
}

int python_error_pending(void)
{
    return error_set(ERROR_FOREIGN, "a Python exception is set");
}
