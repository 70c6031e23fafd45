/* torch.nn: its parts in order. */
#include "python/nn.h"

#include "python/module.h"
#include "python/nn_module.h"
#include "python/nn_state.h"

int module_publish(PyObject *torch, const char *name, PyTypeObject *type)
{
    PyObject *nn = submodule(torch, "nn"), *modules = submodule(torch, "nn.modules");

    if (!nn || !modules || PyModule_AddObjectRef(nn, name, (PyObject *)type) < 0)
        return -1;
    return PyModule_AddObjectRef(modules, name, (PyObject *)type);
}

int nn_init(PyObject *torch)
{
    static const char *const modules[] = {"nn", "nn.functional", "nn.modules", "nn.parameter"};

    for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++)
        if (!submodule(torch, modules[i]))
            return -1;
    if (module_type_init(torch) < 0 || loaded_keys_init(torch) < 0 || hooks_init(torch) < 0 ||
        layers_init(torch) < 0 || triplet_init(torch) < 0 || containers_init(torch) < 0 ||
        initialisers_init(torch) < 0 || nn_utils_init(torch) < 0 || packed_init(torch) < 0 ||
        recurrent_init(torch) < 0 || attention_init(torch) < 0)
        return -1;
    return module_publish(torch, "Module", nn_module_type);
}
