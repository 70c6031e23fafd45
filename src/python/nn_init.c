/* torch.nn: its parts in order. */
#include "python/nn.h"

#include "python/module.h"
#include "python/nn_module.h"
#include "python/nn_state.h"

#include <string.h>

int module_publish(PyObject *torch, const char *name, PyTypeObject *type)
{
    PyObject *nn = submodule(torch, "nn"), *modules = submodule(torch, "nn.modules");

    if (!nn || !modules || PyModule_AddObjectRef(nn, name, (PyObject *)type) < 0)
        return -1;
    return PyModule_AddObjectRef(modules, name, (PyObject *)type);
}

int module_add_class_of(PyObject *torch, const char *file, const char *name, PyType_Slot *slots,
                        PyObject *bases, PyTypeObject **type)
{
    char home[64], path[96];
    PyType_Spec spec = {path, sizeof(ModuleObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
                        slots};
    PyObject *module;

    snprintf(home, sizeof(home), "nn.modules.%s", file);
    snprintf(path, sizeof(path), "torch.%s.%s", home, name);
    module = submodule(torch, home);
    if (!module || module_add_type(module, &spec, bases, type) < 0)
        return -1;
    return module_publish(torch, name, *type);
}

int module_add_class(PyObject *torch, const char *file, const char *name, PyType_Slot *slots,
                     PyTypeObject *base, PyTypeObject **type)
{
    PyObject *bases = PyTuple_Pack(1, base);
    int status = bases ? module_add_class_of(torch, file, name, slots, bases, type) : -1;

    Py_XDECREF(bases);
    return status;
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
        /* Those that torch.nn.functional warns of are torch's. */
        bool plain = strcmp(names[i], "sigmoid") == 0 || strcmp(names[i], "tanh") == 0;
        PyObject *function = PyObject_GetAttrString(plain ? torch : functional, names[i]);

        if (!function || PyModule_AddObject(nn, names[i], function) < 0) {
            Py_XDECREF(function);
            return -1;
        }
    }
    return 0;
}

int nn_init(PyObject *torch)
{
    static int (*const parts[])(PyObject *) = {
        hooks_init,        layers_init,    layers_lazy_init, triplet_init,       containers_init,
        initialisers_init, nn_utils_init,  weight_norm_init, spectral_norm_init, packed_init,
        recurrent_init,    attention_init, transformer_init,
    };
    static const char *const modules[] = {"nn", "nn.functional", "nn.modules", "nn.parameter"};

    for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++)
        if (!submodule(torch, modules[i]))
            return -1;
    if (module_type_init(torch) < 0 || loaded_keys_init(torch) < 0 || walk_init() < 0)
        return -1;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (parts[i](torch) < 0)
            return -1;
    if (publish_activations(torch) < 0)
        return -1;
    return module_publish(torch, "Module", nn_module_type);
}
