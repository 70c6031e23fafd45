/* torch.storage: the bytes below tensors as Python objects, and what dtypes are called in files. */
#include "python/serial.h"

#include "base/error.h"
#include "python/args.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/types.h"

#include <string.h>

PyTypeObject *typed_storage_type, *untyped_storage_type;

/* ---- dtypes in files ---- */

/* In the order in which safetensors files are sorted. A row without a dtype of that name in this
 * engine is passed over. */
static const struct {
    const char *dtype, *class_name, *safetensors;
} kinds[] = {
    {"bool", "BoolStorage", "BOOL"},
    {"uint8", "ByteStorage", "U8"},
    {"int8", "CharStorage", "I8"},
    {"int16", "ShortStorage", "I16"},
    {"float16", "HalfStorage", "F16"},
    {"bfloat16", "BFloat16Storage", "BF16"},
    {"int32", "IntStorage", "I32"},
    {"float32", "FloatStorage", "F32"},
    {"float64", "DoubleStorage", "F64"},
    {"int64", "LongStorage", "I64"},
    {"complex64", "ComplexFloatStorage", "C64"},
    {"complex128", "ComplexDoubleStorage", NULL},
};
enum { KIND_COUNT = sizeof(kinds) / sizeof(*kinds) };

static PyTypeObject *classes[DTYPE_COUNT];

static enum dtype dtype_named(const char *name)
{
    int d = 0;

    while (d < DTYPE_COUNT && strcmp(dtype_name((enum dtype)d), name) != 0)
        d++;
    return (enum dtype)d;
}

PyObject *storage_class(enum dtype dtype)
{
    if (!classes[dtype])
        PyErr_Format(PyExc_TypeError, "torch.%s has no storage class: it cannot be saved",
                     dtype_name(dtype));
    return (PyObject *)classes[dtype];
}

enum dtype storage_class_dtype(PyObject *class)
{
    int d = 0;

    if (class == (PyObject *)untyped_storage_type)
        return DTYPE_u8;
    while (d < DTYPE_COUNT && (PyObject *)classes[d] != class)
        d++;
    return (enum dtype)d;
}

const char *dtype_safetensors(enum dtype dtype, int *rank)
{
    for (*rank = 0; *rank < KIND_COUNT; ++*rank)
        if (strcmp(kinds[*rank].dtype, dtype_name(dtype)) == 0)
            return kinds[*rank].safetensors;
    return NULL;
}

enum dtype dtype_from_safetensors(const char *name)
{
    for (int i = 0; i < KIND_COUNT; i++)
        if (kinds[i].safetensors && strcmp(kinds[i].safetensors, name) == 0)
            return dtype_named(kinds[i].dtype);
    return DTYPE_NONE;
}

/* ---- storages ---- */

static struct storage *storage_from_bytes(const char *bytes, size_t nbytes)
{
    struct storage *s = storage_new(nbytes);

    if (s && nbytes > 0)
        memcpy(s->data, bytes, nbytes);
    return s;
}

void storage_tame(struct storage *storage, enum dtype dtype)
{
    if (dtype != DTYPE_b8)
        return;
    for (size_t i = 0; i < storage->nbytes; i++)
        storage->data[i] = storage->data[i] != 0;
}

bool storage_check(PyObject *object)
{
    return Py_IS_TYPE(object, typed_storage_type) || Py_IS_TYPE(object, untyped_storage_type);
}

static struct storage *storage_of(PyObject *object)
{
    return ((StorageObject *)object)->storage;
}

PyObject *storage_object(PyTypeObject *type, struct storage *storage, enum dtype dtype)
{
    StorageObject *self = PyObject_New(StorageObject, type);

    if (!self)
        return NULL;
    storage_ref(storage);
    self->storage = storage;
    self->dtype = dtype;
    return (PyObject *)self;
}

/* The same, taking the storage over; NULL gives the engine's error. */
static PyObject *storage_wrapped(PyTypeObject *type, struct storage *storage, enum dtype dtype)
{
    PyObject *object = storage ? storage_object(type, storage, dtype) : python_error();

    storage_unref(storage);
    return object;
}

static void storage_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    storage_unref(storage_of(self));
    PyObject_Free(self);
    Py_DECREF(type);
}

struct storage *storage_deepcopy(struct storage *storage, PyObject *memo)
{
    PyObject *copies = NULL, *address = PyLong_FromVoidPtr(storage), *object = NULL;
    PyObject *name = PyUnicode_FromString("torch"), *fresh = PyDict_New();
    struct storage *copy = NULL;

    if (address && name && fresh && PyDict_Check(memo))
        copies = PyDict_SetDefault(memo, name, fresh);
    else if (!PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "the memo of __deepcopy__() must be a dict");
    object = copies ? Py_XNewRef(PyDict_GetItemWithError(copies, address)) : NULL;
    if (copies && !object && !PyErr_Occurred()) {
        object = storage_wrapped(untyped_storage_type,
                                 storage_from_bytes(storage->data, storage->nbytes), DTYPE_u8);
        if (object && PyDict_SetItem(copies, address, object) < 0)
            Py_CLEAR(object);
    }
    if (object) {
        copy = storage_of(object);
        storage_ref(copy);
    }
    Py_XDECREF(object);
    Py_XDECREF(address);
    Py_XDECREF(name);
    Py_XDECREF(fresh);
    return copy;
}

/* ---- elements ---- */

static Py_ssize_t storage_length(PyObject *self)
{
    StorageObject *s = (StorageObject *)self;

    return (Py_ssize_t)(s->storage->nbytes / dtype_size(s->dtype));
}

static char *element_at(PyObject *self, Py_ssize_t index)
{
    return storage_of(self)->data + (size_t)index * dtype_size(((StorageObject *)self)->dtype);
}

static PyObject *element(PyObject *self, Py_ssize_t index)
{
    return scalar_to_python(dtype_load(((StorageObject *)self)->dtype, element_at(self, index)));
}

static int read_index(PyObject *self, PyObject *key, Py_ssize_t *index)
{
    Py_ssize_t length = storage_length(self);

    if (PySlice_Check(key)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "slices are only supported in UntypedStorage.__getitem__");
        return -1;
    }
    *index = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (*index == -1 && PyErr_Occurred())
        return -1;
    if (*index < -length || *index >= length) {
        PyErr_Format(PyExc_IndexError, "index %zd out of range for storage of size %zd", *index,
                     length);
        return -1;
    }
    *index += *index < 0 ? length : 0;
    return 0;
}

static PyObject *storage_subscript(PyObject *self, PyObject *key)
{
    Py_ssize_t index;

    return read_index(self, key, &index) < 0 ? NULL : element(self, index);
}

static int storage_assign(PyObject *self, PyObject *key, PyObject *value)
{
    struct scalar number;
    Py_ssize_t index;

    if (!value) {
        PyErr_SetString(PyExc_TypeError, "elements of a storage cannot be deleted");
        return -1;
    }
    if (Py_IS_TYPE(self, untyped_storage_type)) { /* any byte, but not in any dtype */
        PyErr_SetString(PyExc_TypeError, "only elements of a TypedStorage can be set");
        return -1;
    }
    if (read_index(self, key, &index) < 0 || !scalar_from_python(value, &number))
        return -1;
    dtype_store(((StorageObject *)self)->dtype, element_at(self, index), number);
    storage_of(self)->version++;
    return 0;
}

/* Iteration: Python asks for 0, 1, ... until IndexError. */
static PyObject *storage_item(PyObject *self, Py_ssize_t index)
{
    if (index >= 0 && index < storage_length(self))
        return element(self, index);
    return PyErr_Format(PyExc_IndexError, "index %zd out of range for storage of size %zd", index,
                        storage_length(self));
}

static PyObject *storage_tolist(PyObject *self, PyObject *Py_UNUSED(none))
{
    return PySequence_List(self);
}

/* ---- what they look like ---- */

static PyObject *storage_repr(PyObject *self)
{
    StorageObject *s = (StorageObject *)self;
    PyObject *parts = PyList_New(0), *empty = PyUnicode_FromString("\n"), *line, *text = NULL;
    Py_ssize_t length = storage_length(self);

    for (Py_ssize_t i = 0; parts && i <= length; i++) {
        PyObject *value = i < length ? element(self, i) : Py_NewRef(Py_None);

        if (i < length)
            line = value ? PyUnicode_FromFormat(" %S", value) : NULL;
        else if (Py_IS_TYPE(self, untyped_storage_type))
            line = PyUnicode_FromFormat("[torch.storage.UntypedStorage(device=cpu) of size %zd]",
                                        length);
        else
            line = PyUnicode_FromFormat(
                "[torch.storage.TypedStorage(dtype=torch.%s, device=cpu) of size %zd]",
                dtype_name(s->dtype), length);
        if (!line || PyList_Append(parts, line) < 0)
            Py_CLEAR(parts);
        Py_XDECREF(line);
        Py_XDECREF(value);
    }
    if (parts && empty)
        text = PyUnicode_Join(empty, parts);
    Py_XDECREF(parts);
    Py_XDECREF(empty);
    return text;
}

static PyObject *storage_size(PyObject *self, PyObject *Py_UNUSED(none))
{
    return PyLong_FromSsize_t(storage_length(self));
}

static PyObject *storage_nbytes(PyObject *self, PyObject *Py_UNUSED(none))
{
    return PyLong_FromSize_t(storage_of(self)->nbytes);
}

static PyObject *storage_element_size(PyObject *self, PyObject *Py_UNUSED(none))
{
    return PyLong_FromSize_t(dtype_size(((StorageObject *)self)->dtype));
}

static PyObject *storage_data_ptr(PyObject *self, PyObject *Py_UNUSED(none))
{
    struct storage *s = storage_of(self);

    return PyLong_FromVoidPtr(s->nbytes ? s->data : NULL);
}

static PyObject *storage_type_name(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *class = storage_class(((StorageObject *)self)->dtype);

    return class ? PyUnicode_FromFormat("torch.%s", ((PyTypeObject *)class)->tp_name) : NULL;
}

static PyObject *get_dtype(PyObject *self, void *Py_UNUSED(closure))
{
    return dtype_object(((StorageObject *)self)->dtype);
}

static PyObject *get_device(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    return device_cpu();
}

static PyObject *get_is_cuda(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    Py_RETURN_FALSE;
}

static PyObject *get_cdata(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromVoidPtr(storage_of(self));
}

/* ---- copies ---- */

static PyObject *storage_self(PyObject *self, PyObject *Py_UNUSED(none))
{
    return Py_NewRef(self);
}

static PyObject *storage_untyped(PyObject *self, PyObject *Py_UNUSED(none))
{
    return storage_object(untyped_storage_type, storage_of(self), DTYPE_u8);
}

static PyObject *storage_clone(PyObject *self, PyObject *Py_UNUSED(none))
{
    struct storage *s = storage_of(self);

    return storage_wrapped(Py_TYPE(self), storage_from_bytes(s->data, s->nbytes),
                           ((StorageObject *)self)->dtype);
}

static PyObject *storage_cuda(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args))
{
    return device_refuse_cuda();
}

static PyObject *storage_deepcopy_method(PyObject *self, PyObject *memo)
{
    struct storage *copy = storage_deepcopy(storage_of(self), memo);

    return copy ? storage_wrapped(Py_TYPE(self), copy, ((StorageObject *)self)->dtype) : NULL;
}

static PyObject *storage_reduce(PyObject *self, PyObject *Py_UNUSED(protocol))
{
    PyObject *home = PyImport_ImportModule("torch.storage");
    PyObject *loader = home ? PyObject_GetAttrString(home, "_load_from_bytes") : NULL;
    PyObject *bytes = loader ? storage_dumps(self) : NULL;
    PyObject *reduced = bytes ? Py_BuildValue("O(O)", loader, bytes) : NULL;

    Py_XDECREF(home);
    Py_XDECREF(loader);
    Py_XDECREF(bytes);
    return reduced;
}

/* torch.storage._load_from_bytes(): what a pickle made without torch.save() names. */
static PyObject *load_from_bytes(PyObject *Py_UNUSED(module), PyObject *bytes)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *file = io ? PyObject_CallMethod(io, "BytesIO", "O", bytes) : NULL;
    PyObject *storage = file ? load_plain(file) : NULL;

    Py_XDECREF(io);
    Py_XDECREF(file);
    return storage;
}

/* ---- types ---- */

static PyMethodDef storage_methods[] = {
    {"size", storage_size, METH_NOARGS, NULL},
    {"nbytes", storage_nbytes, METH_NOARGS, NULL},
    {"element_size", storage_element_size, METH_NOARGS, NULL},
    {"data_ptr", storage_data_ptr, METH_NOARGS, NULL},
    {"tolist", storage_tolist, METH_NOARGS, NULL},
    {"type", storage_type_name, METH_NOARGS, NULL},
    {"cpu", storage_self, METH_NOARGS, NULL},
    {"cuda", storage_cuda, METH_VARARGS, NULL},
    {"untyped", storage_untyped, METH_NOARGS, NULL},
    {"clone", storage_clone, METH_NOARGS, NULL},
    {"__deepcopy__", storage_deepcopy_method, METH_O, NULL},
    {"__reduce_ex__", storage_reduce, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef storage_getset[] = {
    {"dtype", get_dtype, NULL, NULL, NULL},
    {"device", get_device, NULL, NULL, NULL},
    {"is_cuda", get_is_cuda, NULL, NULL, NULL},
    {"_cdata", get_cdata, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot storage_slots[] = {
    {Py_tp_dealloc, storage_dealloc},
    {Py_tp_repr, storage_repr},
    {Py_tp_methods, storage_methods},
    {Py_tp_getset, storage_getset},
    {Py_mp_length, storage_length},
    {Py_mp_subscript, storage_subscript},
    {Py_mp_ass_subscript, storage_assign},
    {Py_sq_item, storage_item},
    {0, NULL},
};

static int add_type(PyObject *home, PyObject *torch, const char *name, PyTypeObject **type)
{
    PyType_Spec spec = {name, sizeof(StorageObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, storage_slots};

    if (module_add_type(home, &spec, NULL, type) < 0)
        return -1;
    return home == torch ? 0
                         : PyModule_AddObjectRef(torch, strrchr(name, '.') + 1, (PyObject *)*type);
}

int storage_types_init(PyObject *torch)
{
    static PyMethodDef functions[] = {{"_load_from_bytes", load_from_bytes, METH_O, NULL},
                                      {NULL, NULL, 0, NULL}};
    static char names[KIND_COUNT][40];
    PyObject *home = submodule(torch, "storage");

    if (!home || PyModule_AddFunctions(home, functions) < 0 ||
        add_type(home, torch, "torch.storage.TypedStorage", &typed_storage_type) < 0 ||
        add_type(home, torch, "torch.storage.UntypedStorage", &untyped_storage_type) < 0)
        return -1;
    for (int i = 0; i < KIND_COUNT; i++) {
        enum dtype dtype = dtype_named(kinds[i].dtype);

        snprintf(names[i], sizeof(names[i]), "torch.%s", kinds[i].class_name);
        if (dtype != DTYPE_NONE && add_type(torch, torch, names[i], &classes[dtype]) < 0)
            return -1;
    }
    return 0;
}
