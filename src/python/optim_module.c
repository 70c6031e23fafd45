/* torch.optim: its parts in order. */
#include "python/optim.h"

#include "python/module.h"
#include "python/optim_scheduler.h"

struct optim_names optim_names;

static int optim_names_init(void)
{
#define X(name)                                                                                    \
    optim_names.name = PyUnicode_InternFromString(#name);                                          \
    if (!optim_names.name)                                                                         \
        return -1;
    OPTIM_NAMES(X)
#undef X
    return 0;
}

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base, PyTypeObject **type)
{
    PyObject *bases = base ? PyTuple_Pack(1, base) : NULL;
    int status = base && !bases ? -1 : module_add_type(module, spec, bases, type);

    Py_XDECREF(bases);
    return status;
}

int optim_add_type(PyObject *torch, const char *file, PyType_Spec *spec, PyTypeObject *base,
                   PyTypeObject **type)
{
    PyObject *optim = submodule(torch, "optim"), *module;
    char path[64];

    snprintf(path, sizeof(path), "optim.%s", file);
    module = optim ? submodule(torch, path) : NULL;
    if (!module || add_type(module, spec, base, type) < 0)
        return -1;
    /* As in PyTorch: torch.optim.adam can be imported, yet is no attribute of torch.optim. */
    if (PyObject_HasAttrString(optim, file) && PyObject_DelAttrString(optim, file) < 0)
        return -1;
    return PyModule_AddObjectRef(optim, strrchr(spec->name, '.') + 1, (PyObject *)*type);
}

int scheduler_add_type(PyObject *torch, PyType_Spec *spec, PyTypeObject *base, PyTypeObject **type)
{
    PyObject *module = submodule(torch, "optim.lr_scheduler");

    return module ? add_type(module, spec, base, type) : -1;
}

int optim_init(PyObject *torch)
{
    static int (*const parts[])(PyObject * torch) = {optimizer_type_init,
                                                     optimizer_classes_init,
                                                     lbfgs_init,
                                                     scheduler_type_init,
                                                     schedule_classes_init,
                                                     lambda_schedulers_init,
                                                     plateau_init,
                                                     cyclic_init,
                                                     one_cycle_init,
                                                     restarts_init,
                                                     combined_schedulers_init};

    if (optim_names_init() < 0)
        return -1;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i](torch) < 0)
            return -1;
    return 0;
}
