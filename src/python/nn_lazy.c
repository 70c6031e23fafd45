/* LazyLinear, LazyConv2d and their like: layers of layers.def without their first argument, the
 * size of the input, which the first input tells. */
#include "python/nn_lazy.h"

#include "base/mem.h"
#include "python/errors.h"
#include "python/module.h"

#include <string.h>

/* A layer that can be lazy, and what is made of its row. */
struct lazy_layer {
    const char *row;
    const struct layer_type *layer;
    struct schema takes;
    PyTypeObject *type;
};
static struct lazy_layer lazy_layers[] = {
    {.row = "Linear"},          {.row = "Conv1d"},          {.row = "Conv2d"},
    {.row = "Conv3d"},          {.row = "ConvTranspose1d"}, {.row = "ConvTranspose2d"},
    {.row = "ConvTranspose3d"}, {.row = "BatchNorm1d"},     {.row = "BatchNorm2d"},
    {.row = "BatchNorm3d"},     {.row = "InstanceNorm1d"},  {.row = "InstanceNorm2d"},
    {.row = "InstanceNorm3d"},
};
enum { LAZY_COUNT = sizeof(lazy_layers) / sizeof(*lazy_layers) };

static const struct lazy_layer *lazy_of(PyObject *self)
{
    for (int i = 0; i < LAZY_COUNT; i++)
        if (PyObject_TypeCheck(self, lazy_layers[i].type))
            return &lazy_layers[i];
    return NULL;
}

/* ---- construction ---- */

static int lazy_init(PyObject *self, PyObject *tuple, PyObject *keywords)
{
    const struct lazy_layer *lazy = lazy_of(self);
    const struct layer_type *layer = lazy->layer;
    PyObject *args[OP_MAX_ARGS] = {NULL};
    char function[64];
    int status = -1;

    snprintf(function, sizeof(function), "Lazy%s.__init__", lazy->row);
    if (module_setup(self) < 0)
        return -1;
    args[0] = PyLong_FromLong(0);
    if (args[0] && layer_bind(function, &lazy->takes, tuple, keywords, args + 1) == 0 &&
        layer_set_up(self, layer, args) == 0 && layer_make_lazy_state(self, layer, args) == 0)
        status = lazy_prepare(self);
    for (int i = 0; i < layer->takes.count; i++)
        Py_XDECREF(args[i]);
    return status;
}

/* ---- the first input ---- */

static int64_t int_attribute(PyObject *self, const char *name)
{
    PyObject *object = PyObject_GetAttrString(self, name);
    int64_t number = object ? PyLong_AsLongLong(object) : -1;

    Py_XDECREF(object);
    return number;
}

/* The channels of (C, ..) or (N, C, ..); -1 with an exception. */
static int64_t channels_of(PyObject *self, const struct layer_type *layer, const struct tensor *x)
{
    int dims = layer_dims(layer);
    char text[256];
    int64_t channels, groups;

    if (x->ndim != dims + 1 && x->ndim != dims + 2) {
        PyErr_Format(PyExc_RuntimeError,
                     "Expected %dD (unbatched) or %dD (batched) input to %s, but got input of "
                     "size: torch.Size(%s)",
                     dims + 1, dims + 2, _PyType_Name(Py_TYPE(self)),
                     shape_text(x->ndim, x->shape, text, sizeof(text)));
        return -1;
    }
    channels = x->shape[x->ndim == dims + 2];
    groups = int_attribute(self, "groups");
    if (PyErr_Occurred())
        return -1;
    if (groups != 0 && channels % groups == 0)
        return channels;
    PyErr_SetString(PyExc_ValueError, "in_channels must be divisible by groups");
    return -1;
}

/* The size that the layer's first argument would have told; -1 with an exception. */
static int64_t input_size(PyObject *self, const struct layer_type *layer, PyObject *input)
{
    const struct tensor *x = tensor_check(input) ? tensor_of(input) : NULL;
    int dim = strcmp(layer->file, "linear") == 0 ? (x ? x->ndim - 1 : 0) : 1;

    if (!x) {
        PyErr_Format(PyExc_TypeError, "initialize_parameters(): input must be a Tensor, not %s",
                     _PyType_Name(Py_TYPE(input)));
        return -1;
    }
    if (strcmp(layer->file, "conv") == 0)
        return channels_of(self, layer, x);
    if (dim >= 0 && dim < x->ndim)
        return x->shape[dim];
    PyErr_SetString(PyExc_IndexError, "tuple index out of range");
    return -1;
}

static PyObject *initialize(PyObject *self, PyObject *input)
{
    const struct layer_type *layer = ((ModuleObject *)self)->layer;
    const struct param *first = &layer->takes.params[0];
    PyObject *name, *size;
    int64_t length;
    int status = lazy_waits(self);

    if (status <= 0)
        return status < 0 ? NULL : Py_NewRef(Py_None);
    length = input_size(self, layer, input);
    if (length < 0)
        return NULL;
    name = PyUnicode_FromStringAndSize(first->name, first->name_length);
    size = name ? PyLong_FromLongLong(length) : NULL;
    status = size ? PyObject_SetAttr(self, name, size) : -1;
    if (status == 0)
        status = layer_materialize(self, layer);
    Py_XDECREF(name);
    Py_XDECREF(size);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *reset_parameters(PyObject *self, PyObject *Py_UNUSED(none))
{
    const struct layer_type *layer = ((ModuleObject *)self)->layer;
    int waits = lazy_waits(self);

    if (waits < 0 || (!waits && layer_reset(self, layer) < 0))
        return NULL;
    Py_RETURN_NONE;
}

/* ---- the types ---- */

/* "(int in_features, int out_features, ..)" without the first, of the layer whose arguments and
 * defaults it takes; the text lives as long as its schema. */
static int read_constructor(struct lazy_layer *lazy, const struct layer_type *like)
{
    const char *rest = strchr(like->constructor, ',') + 2;
    size_t length = strlen(rest);
    char *text = mem_alloc(length + 2);

    if (!text)
        return python_error() ? 0 : -1;
    text[0] = '(';
    memcpy(text + 1, rest, length + 1);
    schema_parse(&lazy->takes, text);
    return 0;
}

/* PyTorch's lazy InstanceNorm has the defaults of BatchNorm. */
static const struct layer_type *constructor_of(const struct lazy_layer *lazy)
{
    if (strncmp(lazy->row, "InstanceNorm", 12) != 0)
        return lazy->layer;
    for (int i = 0; i < LAZY_COUNT; i++)
        if (strcmp(lazy_layers[i].row, "BatchNorm1d") == 0)
            return lazy_layers[i].layer;
    return NULL;
}

static int add_layer(PyObject *torch, struct lazy_layer *lazy)
{
    static PyMethodDef methods[] = {
        {"initialize_parameters", initialize, METH_O,
         "Gives the parameters the shapes that this input asks for."},
        {"reset_parameters", reset_parameters, METH_NOARGS, "Draws the parameters anew."},
        {NULL, NULL, 0, NULL},
    };
    PyType_Slot slots[] = {
        {Py_tp_doc, "The layer whose input size the first input tells."},
        {Py_tp_init, lazy_init},
        {Py_tp_methods, methods},
        /* These Python would take from the mixin, which stands before the layer. */
        {Py_tp_getattro, (void *)nn_module_type->tp_getattro},
        {Py_tp_setattro, (void *)nn_module_type->tp_setattro},
        {0, NULL},
    };
    char name[40];
    PyObject *base, *bases;
    int status = -1;

    snprintf(name, sizeof(name), "Lazy%s", lazy->row);
    base = PyObject_GetAttrString(submodule(torch, "nn"), lazy->row);
    lazy->layer = base ? layer_type_of((PyTypeObject *)base) : NULL;
    bases = lazy->layer ? PyTuple_Pack(2, lazy_mixin_type, base) : NULL;
    if (bases && read_constructor(lazy, constructor_of(lazy)) == 0 &&
        module_add_class_of(torch, lazy->layer->file, name, slots, bases, &lazy->type) == 0)
        status = PyObject_SetAttrString((PyObject *)lazy->type, "cls_to_become", base);
    Py_XDECREF(base);
    Py_XDECREF(bases);
    return status;
}

int layers_lazy_init(PyObject *torch)
{
    if (lazy_tensors_init(torch) < 0 || lazy_mixin_init(torch) < 0)
        return -1;
    for (int i = 0; i < LAZY_COUNT; i++)
        if (add_layer(torch, &lazy_layers[i]) < 0)
            return -1;
    return 0;
}
