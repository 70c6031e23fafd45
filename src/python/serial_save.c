/* torch.save(): pickling, with the storages gathered on the way, and the zip archive. */
#include "python/serial.h"

#include "base/crc32.h"
#include "python/method.h"
#include "python/module.h"

#include <string.h>

enum { PROTOCOL = 2, ALIGN = 64, LOCAL_HEADER = 30, EXTRA_HEADER = 4 };

/* ---- pickling ---- */

/* The key of a storage, given out in the order of first use; borrowed. The same object each time:
 * the pickle then holds the text once. */
static PyObject *key_of(const struct saving *s, PyObject *storage)
{
    StorageObject *self = (StorageObject *)storage, *first;
    PyObject *address = PyLong_FromVoidPtr(self->storage), *key = NULL, *fresh;

    if (!address)
        return NULL;
    key = PyDict_GetItemWithError(s->keys, address);
    if (key) {
        first = (StorageObject *)PyDict_GetItem(s->storages, key);
        if (first->dtype != self->dtype && self->storage->nbytes > 0) {
            PyErr_SetString(PyExc_RuntimeError,
                            "Cannot save multiple tensors or storages that view "
                            "the same data as different types");
            key = NULL;
        }
    } else if (!PyErr_Occurred()) {
        fresh = PyUnicode_FromFormat("%zd", PyDict_GET_SIZE(s->storages));
        if (fresh && PyDict_SetItem(s->keys, address, fresh) == 0 &&
            PyDict_SetItem(s->storages, fresh, storage) == 0)
            key = fresh;
        Py_XDECREF(fresh);
    }
    Py_DECREF(address);
    return key;
}

/* ('storage', class, key, 'cpu', number of elements), and None for "no view" in the old form. */
static PyObject *storage_id(const struct saving *s, PyObject *storage)
{
    static PyObject *tag, *location;
    bool untyped = Py_IS_TYPE(storage, untyped_storage_type);
    PyObject *class = untyped ? (PyObject *)untyped_storage_type
                              : storage_class(((StorageObject *)storage)->dtype);
    PyObject *key = class ? key_of(s, storage) : NULL;

    /* The same objects each time as well. */
    if (!tag)
        tag = PyUnicode_InternFromString("storage");
    if (!location)
        location = PyUnicode_InternFromString("cpu");
    if (!key || !tag || !location)
        return NULL;
    return Py_BuildValue(s->legacy ? "(OOOOnO)" : "(OOOOn)", tag, class, key, location,
                         PyObject_Size(storage), Py_None);
}

static PyObject *persistent_id(PyObject *capsule, PyObject *object)
{
    if (!storage_check(object))
        Py_RETURN_NONE;
    return storage_id(PyCapsule_GetPointer(capsule, NULL), object);
}

/* pickle_module.Pickler(file, protocol) with a persistent_id. */
static PyObject *new_pickler(const struct saving *s, PyObject *file)
{
    static PyMethodDef method = {"persistent_id", persistent_id, METH_O, NULL};
    PyObject *capsule = PyCapsule_New((void *)s, NULL, NULL);
    PyObject *function = capsule ? PyCFunction_New(&method, capsule) : NULL;
    PyObject *pickler = NULL;

    if (function)
        pickler = PyObject_CallMethod(s->pickle_module, "Pickler", "OO", file, s->protocol);
    if (pickler && PyObject_SetAttrString(pickler, "persistent_id", function) < 0)
        Py_CLEAR(pickler);
    Py_XDECREF(capsule);
    Py_XDECREF(function);
    return pickler;
}

PyObject *saving_pickle(const struct saving *s, PyObject *object)
{
    PyObject *io = PyImport_ImportModule("io"), *bytes = NULL, *done;
    PyObject *file = io ? PyObject_CallMethod(io, "BytesIO", NULL) : NULL;
    PyObject *pickler = file ? new_pickler(s, file) : NULL;

    done = pickler ? PyObject_CallMethod(pickler, "dump", "O", object) : NULL;
    if (done)
        bytes = PyObject_CallMethod(file, "getvalue", NULL);
    if (bytes && !PyBytes_Check(bytes))
        Py_CLEAR(bytes);
    Py_XDECREF(io);
    Py_XDECREF(file);
    Py_XDECREF(pickler);
    Py_XDECREF(done);
    return bytes;
}

/* ---- the archive ---- */

struct archive {
    PyObject *file, *module, *zip, *name;
};

/* A field that pads the local header, so that the data of the record is aligned in the file: other
 * programs map it into memory. */
static PyObject *padding(struct archive *a, PyObject *record)
{
    PyObject *tell = PyObject_CallMethod(a->file, "tell", NULL), *extra = NULL;
    Py_ssize_t at = tell ? PyLong_AsSsize_t(tell) : -1, name_length, pad;
    char *bytes;

    Py_XDECREF(tell);
    if (at < 0 || !PyUnicode_AsUTF8AndSize(record, &name_length))
        return NULL;
    pad = (ALIGN - (at + LOCAL_HEADER + name_length + EXTRA_HEADER) % ALIGN) % ALIGN;
    extra = PyBytes_FromStringAndSize(NULL, EXTRA_HEADER + pad);
    if (!extra)
        return NULL;
    bytes = PyBytes_AS_STRING(extra);
    memset(bytes, 'Z', (size_t)(EXTRA_HEADER + pad));
    bytes[0] = 'F';
    bytes[1] = 'B';
    bytes[2] = (char)pad;
    bytes[3] = 0;
    return extra;
}

/* Sets a number of the record's entry. 0 or -1. */
static int set_number(PyObject *info, const char *name, long long number)
{
    PyObject *object = PyLong_FromLongLong(number);
    int status = object ? PyObject_SetAttrString(info, name, object) : -1;

    Py_XDECREF(object);
    return status;
}

/* What zipfile's writestr() would note, with a checksum of our own: by zlib's it takes longer than
 * the rest of saving. */
static int describe(struct archive *a, PyObject *info, const void *bytes, size_t length)
{
    enum { OWNER_READS_AND_WRITES = 0600 << 16 };
    PyObject *tell = PyObject_CallMethod(a->file, "tell", NULL);
    long long at = tell ? PyLong_AsLongLong(tell) : -1;

    Py_XDECREF(tell);
    if (PyErr_Occurred() || set_number(info, "header_offset", at) < 0 ||
        set_number(info, "CRC", crc32_add(0, bytes, length)) < 0 ||
        set_number(info, "file_size", (long long)length) < 0 ||
        set_number(info, "compress_size", (long long)length) < 0)
        return -1;
    return set_number(info, "external_attr", OWNER_READS_AND_WRITES);
}

/* Calls object.<method>(argument), which is taken over. 0 or -1. */
static int call_with(PyObject *object, const char *method, PyObject *argument)
{
    PyObject *done = argument ? PyObject_CallMethod(object, method, "O", argument) : NULL;

    Py_XDECREF(argument);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* Writes a record's header and bytes, and adds it to the archive's directory. */
static int append(struct archive *a, PyObject *info, const void *bytes, size_t length)
{
    PyObject *list = NULL, *end = NULL;
    int status = -1;

    if (describe(a, info, bytes, length) == 0 &&
        call_with(a->file, "write", PyObject_CallMethod(info, "FileHeader", NULL)) == 0 &&
        call_with(a->file, "write",
                  PyMemoryView_FromMemory((char *)bytes, (Py_ssize_t)length, PyBUF_READ)) == 0 &&
        (list = PyObject_GetAttrString(a->zip, "filelist")) &&
        (end = PyObject_CallMethod(a->file, "tell", NULL)) &&
        call_with(list, "append", Py_NewRef(info)) == 0 &&
        PyObject_SetAttrString(a->zip, "start_dir", end) == 0)
        status = PyObject_SetAttrString(a->zip, "_didModify", Py_True);
    Py_XDECREF(list);
    Py_XDECREF(end);
    return status;
}

static int write_record(struct archive *a, PyObject *name, const void *bytes, size_t length)
{
    PyObject *full = NULL, *info = NULL, *extra = NULL;
    int status = -1;

    full = name ? PyUnicode_FromFormat("%U/%U", a->name, name) : NULL;
    info = full ? PyObject_CallMethod(a->module, "ZipInfo", "O", full) : NULL;
    extra = info ? padding(a, full) : NULL;
    if (extra && PyObject_SetAttrString(info, "extra", extra) == 0)
        status = append(a, info, bytes, length);
    Py_XDECREF(name);
    Py_XDECREF(full);
    Py_XDECREF(info);
    Py_XDECREF(extra);
    return status;
}

static int write_records(struct archive *a, const struct saving *s, PyObject *pickle)
{
    PyObject *key, *object;
    Py_ssize_t at = 0;

    if (write_record(a, PyUnicode_FromString("data.pkl"), PyBytes_AS_STRING(pickle),
                     (size_t)PyBytes_GET_SIZE(pickle)) < 0)
        return -1;
    while (PyDict_Next(s->storages, &at, &key, &object)) {
        struct storage *storage = ((StorageObject *)object)->storage;

        if (write_record(a, PyUnicode_FromFormat("data/%U", key), storage->data, storage->nbytes) <
            0)
            return -1;
    }
    return write_record(a, PyUnicode_FromString("version"), "3\n", 2);
}

/* Records lie in a folder that is called as the file is, without folder and ending. */
static PyObject *archive_name(const struct output *o)
{
    const char *slash = strrchr(o->path.text, '/'), *dot, *name;

    name = slash ? slash + 1 : o->path.text;
    dot = strrchr(name, '.');
    if (*name == '\0' || dot == name)
        return PyUnicode_FromString("archive");
    return PyUnicode_DecodeFSDefaultAndSize(name, dot ? dot - name : (Py_ssize_t)strlen(name));
}

/* Ends the archive. After a failure it must not try to write its end when it is collected. */
static int close_zip(PyObject *zip, int status)
{
    PyObject *type, *value, *trace, *closed = NULL;

    if (status == 0)
        closed = PyObject_CallMethod(zip, "close", NULL);
    Py_XDECREF(closed);
    if (closed)
        return 0;
    PyErr_Fetch(&type, &value, &trace);
    if (PyObject_SetAttrString(zip, "fp", Py_None) < 0)
        PyErr_Clear();
    PyErr_Restore(type, value, trace);
    return -1;
}

static int archive_write(const struct output *o, const struct saving *s, PyObject *pickle)
{
    struct archive a = {.file = o->file, .module = PyImport_ImportModule("zipfile")};
    int status = -1;

    a.name = archive_name(o);
    a.zip = a.module && a.name ? PyObject_CallMethod(a.module, "ZipFile", "Os", a.file, "w") : NULL;
    if (a.zip)
        status = close_zip(a.zip, write_records(&a, s, pickle));
    Py_XDECREF(a.module);
    Py_XDECREF(a.name);
    Py_XDECREF(a.zip);
    return status;
}

/* ---- torch.save ---- */

/* The object is pickled before anything is opened. */
static int save_object(struct saving *s, PyObject *object, PyObject *to)
{
    PyObject *pickle = NULL;
    struct output o;
    int status = -1;

    s->keys = PyDict_New();
    s->storages = PyDict_New();
    if (s->keys && s->storages)
        pickle = saving_pickle(s, object);
    if (pickle && output_open(&o, to) == 0) {
        status = s->legacy ? legacy_write(&o, s, pickle) : archive_write(&o, s, pickle);
        status = output_close(&o, status);
    }
    Py_XDECREF(pickle);
    Py_CLEAR(s->keys);
    Py_CLEAR(s->storages);
    return status;
}

PyObject *storage_dumps(PyObject *storage)
{
    struct saving s = {.legacy = true,
                       .pickle_module = PyImport_ImportModule("pickle"),
                       .protocol = PyLong_FromLong(PROTOCOL)};
    PyObject *io = PyImport_ImportModule("io"), *bytes = NULL;
    PyObject *file = io ? PyObject_CallMethod(io, "BytesIO", NULL) : NULL;

    if (file && s.pickle_module && s.protocol && save_object(&s, storage, file) == 0)
        bytes = PyObject_CallMethod(file, "getvalue", NULL);
    Py_XDECREF(s.pickle_module);
    Py_XDECREF(s.protocol);
    Py_XDECREF(io);
    Py_XDECREF(file);
    return bytes;
}

static PyObject *save(PyObject *Py_UNUSED(module), PyObject *args, PyObject *keywords)
{
    static char *names[] = {
        "obj", "f", "pickle_module", "pickle_protocol", "_use_new_zipfile_serialization", NULL};
    PyObject *object = NULL, *f = NULL, *pickle_module = Py_None;
    int protocol = PROTOCOL, archive = 1, status;
    struct saving s = {0};

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OOOip:save", names, &object, &f,
                                     &pickle_module, &protocol, &archive))
        return NULL;
    if (!object || !f)
        return PyErr_Format(PyExc_TypeError, "save() missing 1 required positional argument: '%s'",
                            object ? "f" : "obj");
    s.legacy = !archive;
    s.pickle_module =
        pickle_module == Py_None ? PyImport_ImportModule("pickle") : Py_NewRef(pickle_module);
    s.protocol = s.pickle_module ? PyLong_FromLong(protocol) : NULL;
    status = s.protocol ? save_object(&s, object, f) : -1;
    Py_XDECREF(s.pickle_module);
    Py_XDECREF(s.protocol);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef save_methods[] = {
    {"save", WITH_KEYWORDS(save),
     "save(obj, f, pickle_module=pickle, pickle_protocol=2, "
     "_use_new_zipfile_serialization=True)\n\n"
     "Writes tensors, and what holds them, to a path or a file opened for writing bytes. PyTorch "
     "reads it with torch.load(), as this does. A file that is there is replaced when the new one "
     "is whole."},
    {NULL, NULL, 0, NULL},
};

/* ---- torch.serialization ---- */

int serial_init(PyObject *torch)
{
    PyObject *home = submodule(torch, "serialization");

    return !home || storage_types_init(torch) < 0 || rebuild_init(torch) < 0 ||
                   PyModule_AddFunctions(torch, save_methods) < 0 ||
                   PyModule_AddFunctions(torch, load_methods) < 0 ||
                   PyModule_AddFunctions(home, save_methods) < 0 ||
                   PyModule_AddFunctions(home, load_methods) < 0
               ? -1
               : 0;
}
