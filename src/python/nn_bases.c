/* The classes between Module and the layers that programs ask isinstance() about: _ConvNd,
 * _BatchNorm, _Loss. */
#include "python/nn_layers.h"

#include "python/module.h"

#include <string.h>

/* stems: names of layers without their "2d"; "*" is every other layer of the file. A base that is a
 * row of layers.def stands there before its layers; the others are made when first wanted. */
static const struct base {
    const char *file, *name, *parent, *stems;
    bool constructs; /* its layers have its constructor, whose errors name it */
} bases[] = {
    {"conv", "_ConvNd", NULL, "Conv", false},
    {"conv", "_ConvTransposeNd", "_ConvNd", "ConvTranspose", false},
    {"batchnorm", "_NormBase", NULL, "", false},
    {"batchnorm", "_BatchNorm", "_NormBase", "BatchNorm", true},
    {"instancenorm", "_InstanceNorm", "_NormBase", "InstanceNorm", true},
    {"dropout", "_DropoutNd", NULL, "*", true},
    {"pooling", "_MaxPoolNd", NULL, "MaxPool", true},
    {"pooling", "_MaxUnpoolNd", NULL, "MaxUnpool", false},
    {"pooling", "_AvgPoolNd", NULL, "AvgPool", false},
    {"pooling", "_AdaptiveMaxPoolNd", NULL, "AdaptiveMaxPool", true},
    {"pooling", "_AdaptiveAvgPoolNd", NULL, "AdaptiveAvgPool", true},
    {"pooling", "_LPPoolNd", NULL, "LPPool", true},
    {"padding", "_ConstantPadNd", NULL, "ConstantPad ZeroPad", false},
    {"padding", "_ReflectionPadNd", NULL, "ReflectionPad", false},
    {"padding", "_ReplicationPadNd", NULL, "ReplicationPad", false},
    {"activation", "Hardtanh", NULL, "ReLU6", false},
    {"loss", "NLLLoss", "_WeightedLoss", "NLLLoss", false},
    {"loss", "_WeightedLoss", "_Loss",
     "BCELoss CrossEntropyLoss MultiLabelSoftMarginLoss MultiMarginLoss", false},
    {"loss", "_Loss", NULL, "*", false},
};

static bool lists(const char *stems, const char *name)
{
    size_t length = strlen(name);

    if (length > 2 && name[length - 1] == 'd' && strchr("123", name[length - 2]))
        length -= 2;
    for (const char *at = stems; *at; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");

        if ((word == length && strncmp(at, name, length) == 0) || *at == '*')
            return true;
        at += word;
    }
    return false;
}

static const struct base *base_named(const char *name)
{
    for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++)
        if (strcmp(bases[i].name, name) == 0)
            return &bases[i];
    return NULL;
}

/* The base of a layer, NULL for Module: its parent if it is a base itself. */
static const struct base *base_of(const struct layer_type *layer)
{
    const struct base *self = base_named(layer->name);

    if (self)
        return self->parent ? base_named(self->parent) : NULL;
    for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++)
        if (strcmp(bases[i].file, layer->file) == 0 && lists(bases[i].stems, layer->name))
            return &bases[i];
    return NULL;
}

/* A new reference. */
static PyObject *base_type(PyObject *torch, const struct base *b)
{
    char path[96];
    PyType_Slot slots[] = {{Py_tp_doc, "What its layers have in common."}, {0, NULL}};
    PyType_Spec spec = {path, sizeof(ModuleObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
                        slots};
    PyObject *home, *parent, *tuple;
    PyTypeObject *type;
    int status = -1;

    if (!b)
        return Py_NewRef(nn_module_type);
    snprintf(path, sizeof(path), "nn.modules.%s", b->file);
    home = submodule(torch, path);
    if (!home || PyObject_HasAttrString(home, b->name))
        return home ? PyObject_GetAttrString(home, b->name) : NULL;
    parent = base_type(torch, b->parent ? base_named(b->parent) : NULL);
    tuple = parent ? PyTuple_Pack(1, parent) : NULL;
    snprintf(path, sizeof(path), "torch.nn.modules.%s.%s", b->file, b->name);
    if (tuple)
        status = module_add_type(home, &spec, tuple, &type);
    Py_XDECREF(parent);
    Py_XDECREF(tuple);
    return status == 0 ? Py_NewRef(type) : NULL;
}

const char *layer_constructor_owner(const struct layer_type *layer)
{
    const struct base *base = base_of(layer);

    /* A class without arguments has no constructor of its own in PyTorch. */
    if (layer->takes.positional == 0 && layer->takes.count < 2)
        return "Module";
    return base && base->constructs ? base->name : layer->name;
}

PyObject *layer_bases(PyObject *torch, const struct layer_type *layer)
{
    PyObject *base = base_type(torch, base_of(layer));
    PyObject *tuple = base ? PyTuple_Pack(1, base) : NULL;

    Py_XDECREF(base);
    return tuple;
}
