/* torch.utils.data: its parts in order, and what its classes have in common. */
#include "python/data.h"

#include "python/data_parts.h"
#include "python/method.h"
#include "python/module.h"

#include <string.h>
#include <structmember.h>

struct data_names data_names;

/* ---- objects that are a __dict__ ---- */

static int object_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((DataObject *)self)->dict);
    return 0;
}

static int object_clear(PyObject *self)
{
    Py_CLEAR(((DataObject *)self)->dict);
    return 0;
}

static void object_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (((DataObject *)self)->weakrefs)
        PyObject_ClearWeakRefs(self);
    object_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef object_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(DataObject, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(DataObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef object_dict[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

enum { SLOTS = 24 };

/* Each class has the object's life; the __dict__ and its place are inherited. */
static void collect_slots(const struct data_class *class, PyType_Slot *slots)
{
    static const PyType_Slot life[] = {{Py_tp_traverse, object_traverse},
                                       {Py_tp_clear, object_clear},
                                       {Py_tp_dealloc, object_dealloc}};
    bool attributes = false;
    int count = 0;

    for (const PyType_Slot *slot = class->slots; slot->slot; slot++) {
        attributes |= slot->slot == Py_tp_getset;
        slots[count++] = *slot;
    }
    for (size_t i = 0; i < sizeof(life) / sizeof(*life); i++)
        slots[count++] = life[i];
    if (!class->base)
        slots[count++] = (PyType_Slot){Py_tp_members, object_members};
    if (!class->base && !attributes)
        slots[count++] = (PyType_Slot){Py_tp_getset, object_dict};
    assert(count < SLOTS);
    slots[count] = (PyType_Slot){0, NULL};
}

int data_add_class(PyObject *torch, const struct data_class *class)
{
    static const char root[] = "torch.";
    PyType_Slot slots[SLOTS];
    PyType_Spec spec = {.name = class->path,
                        .basicsize = sizeof(DataObject),
                        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                        .slots = slots};
    PyObject *bases = class->base ? PyTuple_Pack(1, *class->base) : NULL, *module, *data;
    const char *dot = strrchr(class->path, '.');
    PyTypeObject *type;
    char path[96];
    int status;

    collect_slots(class, slots);
    snprintf(path, sizeof(path), "%.*s", (int)(dot - class->path - (int)sizeof(root) + 1),
             class->path + sizeof(root) - 1);
    module = submodule(torch, path);
    data = submodule(torch, "utils.data");
    if (!module || !data || (class->base && !bases))
        return -1;
    status = module_add_type(module, &spec, bases, &type);
    Py_XDECREF(bases);
    if (status < 0)
        return -1;
    if (class->type)
        *class->type = type;
    return dot[1] == '_' ? 0 : PyModule_AddObjectRef(data, dot + 1, (PyObject *)type);
}

PyObject *data_class_getitem(PyObject *cls, PyObject *item)
{
    return Py_GenericAlias(cls, item);
}

int data_take(PyObject *self, PyObject *name, PyObject *value)
{
    int status = value ? PyObject_SetAttr(self, name, value) : -1;

    Py_XDECREF(value);
    return status;
}

/* ---- the module ---- */

static PyMethodDef functions[] = {
    {"random_split", WITH_KEYWORDS(data_random_split),
     "random_split(dataset, lengths, generator=default_generator)\n\nSubsets that do not overlap, "
     "of these lengths or, when they add up to 1, these fractions."},
    {"default_collate", default_collate, METH_O,
     "default_collate(batch)\n\nThe items of a batch with one more dimension in front."},
    {"default_convert", default_convert, METH_O, "default_convert(data)\n\nArrays as tensors."},
    {"get_worker_info", data_worker_info, METH_NOARGS,
     "get_worker_info()\n\nWhich worker asks for data: None outside of a worker."},
    {NULL, NULL, 0, NULL}};

/* PyTorch's users import these from the files that they are written in as well. */
static const struct {
    const char *module, *function;
} elsewhere[] = {{"utils.data.dataset", "random_split"},
                 {"utils.data.dataloader", "default_collate"},
                 {"utils.data.dataloader", "default_convert"},
                 {"utils.data.dataloader", "get_worker_info"},
                 {"utils.data._utils.collate", "default_collate"},
                 {"utils.data._utils.collate", "default_convert"}};

static int add_functions(PyObject *torch)
{
    PyObject *data = submodule(torch, "utils.data");

    if (!data || PyModule_AddFunctions(data, functions) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++) {
        PyObject *module = submodule(torch, elsewhere[i].module);
        PyObject *function = PyObject_GetAttrString(data, elsewhere[i].function);
        int status = module && function
                         ? PyModule_AddObjectRef(module, elsewhere[i].function, function)
                         : -1;

        Py_XDECREF(function);
        if (status < 0)
            return -1;
    }
    return 0;
}

static int data_names_init(void)
{
#define X(name)                                                                                    \
    data_names.name = PyUnicode_InternFromString(#name);                                           \
    if (!data_names.name)                                                                          \
        return -1;
    DATA_NAMES(X)
#undef X
    return 0;
}

int data_init(PyObject *torch)
{
    static int (*const parts[])(PyObject * torch) = {
        dataset_init, tensor_dataset_init,  sampler_init,  collate_init,
        loader_init,  loader_iterator_init, add_functions, loader_iterator_ready,
    };

    if (data_names_init() < 0)
        return -1;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (parts[i](torch) < 0)
            return -1;
    }
    return 0;
}
