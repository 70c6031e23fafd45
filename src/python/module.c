/* The module torch: its parts in order. */
#include "python/module.h"

#include "autograd/autograd.h"
#include "python/data.h"
#include "python/errors.h"
#include "python/law.h"
#include "python/nn.h"
#include "python/nn_module.h"
#include "python/optim.h"
#include "python/serial.h"
#include "python/tensor_type.h"
#include "python/testing.h"

#include <string.h>

PyObject *submodule(PyObject *torch, const char *name)
{
    PyObject *modules = PyImport_GetModuleDict(), *parent = torch, *made;
    const char *dot = strrchr(name, '.');
    char full[128], above[96];

    snprintf(full, sizeof(full), "torch.%s", name);
    made = PyDict_GetItemString(modules, full);
    if (made)
        return made;
    if (dot) {
        snprintf(above, sizeof(above), "%.*s", (int)(dot - name), name);
        parent = submodule(torch, above);
    }
    made = parent ? PyModule_New(full) : NULL;
    /* A path makes it a package, so that `import torch.nn.functional` looks no further than here.
     */
    if (!made || PyModule_AddObject(made, "__path__", PyList_New(0)) < 0 ||
        PyDict_SetItemString(modules, full, made) < 0 ||
        PyModule_AddObjectRef(parent, dot ? dot + 1 : name, made) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    Py_DECREF(made); /* sys.modules keeps it */
    return made;
}

int module_add_type(PyObject *module, PyType_Spec *spec, PyObject *bases, PyTypeObject **type)
{
    const char *dot = strrchr(spec->name, '.');
    PyObject *made = PyType_FromSpecWithBases(spec, bases);

    if (!made)
        return -1;
    *type = (PyTypeObject *)made;
    (*type)->tp_name =
        strrchr((*type)->tp_name, '.') + 1; /* error messages name it without module */
    return PyModule_AddObjectRef(module, dot ? dot + 1 : spec->name, made);
}

/* Long engine calls let other Python threads run. */
static void *long_begin(void)
{
    return PyEval_SaveThread();
}

static void long_end(void *token)
{
    PyEval_RestoreThread(token);
}

static struct PyModuleDef torch_def = {PyModuleDef_HEAD_INIT, .m_name = "torch", .m_size = -1};

static PyObject *PyInit_torch(void)
{
    PyObject *torch = PyModule_Create(&torch_def);
    PyObject *modules = PyImport_GetModuleDict();

    if (!torch)
        return NULL;
    autograd_init();
    tensor_long_begin = long_begin;
    tensor_long_end = long_end;
    /* Submodules must find torch while it is still being made. */
    if (PyDict_SetItemString(modules, "torch", torch) < 0 ||
        PyModule_AddStringConstant(torch, "__version__", "1.13.1") < 0 ||
        PyModule_AddObject(torch, "__path__", PyList_New(0)) < 0 || types_init(torch) < 0 ||
        layout_init(torch) < 0 || type_info_init(torch) < 0 || errors_init(torch) < 0 ||
        tensor_type_init(torch) < 0 || op_init(torch) < 0 || method_functions_init(torch) < 0 ||
        legacy_types_init(torch) < 0 || contract_init(torch) < 0 || create_init(torch) < 0 ||
        settings_init(torch) < 0 || devices_init(torch) < 0 || random_module_init(torch) < 0 ||
        unique_init(torch) < 0 || autograd_module_init(torch) < 0 || nn_init(torch) < 0 ||
        optim_init(torch) < 0 || data_init(torch) < 0 || testing_init(torch) < 0 ||
        serial_init(torch) < 0 || dlpack_init(torch) < 0 || distributions_init(torch) < 0 ||
        amp_init(torch) < 0 || prune_init(torch) < 0 || parametrize_init(torch) < 0 ||
        wrappers_init(torch) < 0 || stateless_init(torch) < 0 || swa_init(torch) < 0) {
        Py_DECREF(torch);
        return NULL;
    }
    return torch;
}

int python_register_modules(void)
{
    if (PyImport_AppendInittab("torch", PyInit_torch) < 0 ||
        PyImport_AppendInittab("safetensors", PyInit_safetensors) < 0)
        return -1;
    return PyImport_AppendInittab("saddle", PyInit_saddle);
}
