/* torch.layout and torch.memory_format: names for how elements lie in memory. Tensors here are
 * strided, and a format is a wish that changes no value. */
#include "python/module.h"
#include "python/types.h"

#include <string.h>

PyTypeObject *layout_type, *memory_format_type;

typedef struct {
    PyObject_HEAD const char *name;
} NamedObject;

static PyObject *named_repr(PyObject *self)
{
    return PyUnicode_FromFormat("torch.%s", ((NamedObject *)self)->name);
}

/* For pickle: the name in torch. */
static PyObject *named_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyUnicode_FromString(((NamedObject *)self)->name);
}

static PyMethodDef named_methods[] = {{"__reduce__", named_reduce, METH_NOARGS, NULL},
                                      {NULL, NULL, 0, NULL}};
static PyType_Slot named_slots[] = {
    {Py_tp_repr, named_repr}, {Py_tp_methods, named_methods}, {0, NULL}};
static PyType_Spec layout_spec = {.name = "torch.layout",
                                  .basicsize = sizeof(NamedObject),
                                  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  .slots = named_slots};
static PyType_Spec memory_format_spec = {.name = "torch.memory_format",
                                         .basicsize = sizeof(NamedObject),
                                         .flags =
                                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                         .slots = named_slots};

static PyObject *strided;

PyObject *layout_strided(void)
{
    return Py_NewRef(strided);
}

/* A new object of the type under its name in torch. */
static PyObject *add_named(PyObject *torch, PyTypeObject *type, const char *name)
{
    NamedObject *self = PyObject_New(NamedObject, type);

    if (!self)
        return NULL;
    self->name = name;
    return PyModule_AddObjectRef(torch, name, (PyObject *)self) < 0 ? NULL : (PyObject *)self;
}

int layout_init(PyObject *torch)
{
    static const char *const formats[] = {"contiguous_format", "preserve_format", "channels_last",
                                          "channels_last_3d"};

    if (module_add_type(torch, &layout_spec, NULL, &layout_type) < 0 ||
        module_add_type(torch, &memory_format_spec, NULL, &memory_format_type) < 0)
        return -1;
    strided = add_named(torch, layout_type, "strided");
    if (!strided)
        return -1;
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        PyObject *format = add_named(torch, memory_format_type, formats[i]);

        if (!format)
            return -1;
        Py_DECREF(format);
    }
    return 0;
}
