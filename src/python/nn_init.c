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

/* torch.nn.softplus and its like: the functions under the name that lecture notes give them. */
static int publish_activations(PyObject *torch)
{
    static const char *const names[] = {
        "celu",      "elu",        "gelu",       "glu",         "hardshrink", "hardsigmoid",
        "hardswish", "hardtanh",   "leaky_relu", "log_softmax", "logsigmoid", "mish",
        "prelu",     "relu",       "relu6",      "rrelu",       "selu",       "sigmoid",
        "silu",      "softmax",    "softmin",    "softplus",    "softshrink", "softsign",
        "tanh",      "tanhshrink", "threshold"};
    PyObject *nn = submodule(torch, "nn"), *functional = submodule(torch, "nn.functional");

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        PyObject *function = PyObject_GetAttrString(functional, names[i]);

        if (!function || PyModule_AddObject(nn, names[i], function) < 0) {
            Py_XDECREF(function);
            return -1;
        }
    }
    return 0;
}

int nn_init(PyObject *torch)
{
    static const char *const modules[] = {"nn", "nn.functional", "nn.modules", "nn.parameter"};

    for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++)
        if (!submodule(torch, modules[i]))
            return -1;
    if (module_type_init(torch) < 0 || loaded_keys_init(torch) < 0 || walk_init() < 0 ||
        hooks_init(torch) < 0 || layers_init(torch) < 0 || triplet_init(torch) < 0 ||
        containers_init(torch) < 0 || initialisers_init(torch) < 0 || nn_utils_init(torch) < 0 ||
        weight_norm_init(torch) < 0 || spectral_norm_init(torch) < 0 || packed_init(torch) < 0 ||
        recurrent_init(torch) < 0 || attention_init(torch) < 0 || publish_activations(torch) < 0)
        return -1;
    return module_publish(torch, "Module", nn_module_type);
}
