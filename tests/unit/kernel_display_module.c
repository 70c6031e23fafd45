/* A Python module through which a test's cells call the display hooks, as the module saddle does.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernel_support.h"

#include "base/error.h"
#include "python/display.h"

static PyObject *finish(bool done, json_t *json)
{
    json_decref(json);
    if (done)
        Py_RETURN_NONE;
    if (error_kind() != ERROR_FOREIGN)
        PyErr_SetString(PyExc_RuntimeError, error_message());
    error_clear();
    return NULL;
}

static PyObject *show(PyObject *self, PyObject *args)
{
    const char *title;
    json_t *plot;
    int id;

    (void)self;
    if (!PyArg_ParseTuple(args, "si", &title, &id))
        return NULL;
    plot = json_pack("{ss}", "title", title);
    return finish(display_show(plot, id), plot);
}

static PyObject *save(PyObject *self, PyObject *args)
{
    const char *title, *path;
    json_t *plot;
    int width, height;

    (void)self;
    if (!PyArg_ParseTuple(args, "ssii", &title, &path, &width, &height))
        return NULL;
    plot = json_pack("{ss}", "title", title);
    return finish(display_save(plot, path, width, height), plot);
}

static PyObject *step(PyObject *self, PyObject *args)
{
    json_t *values;
    int number;

    (void)self;
    if (!PyArg_ParseTuple(args, "i", &number))
        return NULL;
    values = json_pack("{si}", "step", number);
    return finish(display_step(values), values);
}

static PyMethodDef methods[] = {
    {"show", show, METH_VARARGS, NULL},
    {"save", save, METH_VARARGS, NULL},
    {"step", step, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "display",
                                    .m_methods = methods};

static PyObject *create(void)
{
    return PyModule_Create(&module);
}

void display_module_register(void)
{
    PyImport_AppendInittab("display", create);
}
