/* The module saddle. */
#include "python/saddle.h"

#include "python/module.h"

static struct PyModuleDef saddle_def = {
    PyModuleDef_HEAD_INIT, .m_name = "saddle",
    .m_doc = "What Saddle offers beside PyTorch: plots, races of optimizers, data sets.",
    .m_size = -1};

PyObject *PyInit_saddle(void)
{
    PyObject *torch = PyImport_ImportModule("torch"); /* tensors must be ready */
    PyObject *saddle = torch ? PyModule_Create(&saddle_def) : NULL;

    Py_XDECREF(torch);
    if (!saddle || PyModule_AddFunctions(saddle, saddle_data_methods) < 0 ||
        PyModule_AddFunctions(saddle, saddle_plot_methods) < 0 ||
        PyModule_AddFunctions(saddle, saddle_race_methods) < 0) {
        Py_XDECREF(saddle);
        return NULL;
    }
    return saddle;
}
