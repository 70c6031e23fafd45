#include "python/teach.h"

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "autograd/autograd.h"

#include <stdbool.h>

int teach_zero_grad(void)
{
    static bool given;

    if (given)
        return 0;
    given = true;
    return PyErr_WarnEx(
        PyExc_UserWarning,
        "optimizer.step() was called with gradients that still contain those of the step before: "
        "backward() adds to .grad, and nothing has cleared it since. Call optimizer.zero_grad() "
        "once before each backward(), or, to gather several backward() calls on purpose, once "
        "after each step().",
        1);
}

/* Whether the exception that is set is the one about a graph that has been freed. */
static bool is_second_backward(PyObject *value)
{
    PyObject *text = value ? PyObject_Str(value) : NULL;
    bool same = text && PyUnicode_CompareWithASCIIString(text, graph_freed_text) == 0;

    Py_XDECREF(text);
    return same;
}

void teach_second_backward(void)
{
    static bool given;
    PyObject *type, *value, *traceback;

    if (given)
        return;
    PyErr_Fetch(&type, &value, &traceback);
    if (is_second_backward(value)) {
        given = true;
        PyErr_WarnEx(
            PyExc_UserWarning,
            "backward() came to a part of the graph that an earlier backward() has already used "
            "and freed. Compute the loss anew before each backward(): in a training loop the "
            "forward pass belongs inside the loop. What is carried over from one step to the next "
            "is cut off with .detach(). If the same graph is really needed twice, call the first "
            "backward() with retain_graph=True.",
            1);
    }
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
}
