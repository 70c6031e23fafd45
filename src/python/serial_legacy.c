/*
 * The form of files before PyTorch 1.6, read and written: pickles one after the other, then the
 * bytes of the storages. All storages are announced by the third pickle, with their sizes, before
 * their bytes come; together they cannot be larger than what is left of the file.
 */
#include "python/serial.h"
#include "python/unpickle.h"

#include "base/error.h"
#include "python/errors.h"

#include <string.h>

enum { LEGACY_VERSION = 1001, COUNT_BYTES = 8 };
static const char legacy_magic[] = "1950a86a20f9469cfc6c";

struct legacy {
    struct loading *loading;
    struct unpickler machine;
    uint64_t announced; /* bytes of all storages so far */
    Py_ssize_t roots;   /* and their number, views not counted */
};

/* ---- storages ---- */

static PyObject *new_storage(struct legacy *f, const struct storage_id *id)
{
    struct storage *storage;
    PyObject *placed;

    f->roots++;
    f->announced += id->nbytes;
    if (f->announced > (uint64_t)(f->machine.end - f->machine.at))
        return PyErr_Format(PyExc_RuntimeError,
                            "unexpected EOF: the storages of the file should have %llu bytes and "
                            "more; the file might be corrupted.",
                            (unsigned long long)f->announced);
    storage = storage_new(id->nbytes);
    if (!storage)
        return python_error();
    memset(storage->data, 0, storage->nbytes);
    placed = loading_place(f->loading, id->key, storage, id->dtype, id->location);
    storage_unref(storage);
    return placed;
}

/* A view of a storage, as PyTorch below 0.4 wrote them: (key, offset, count) inside the root. */
static PyObject *storage_view(struct legacy *f, PyObject *root, PyObject *view)
{
    StorageObject *whole = (StorageObject *)root;
    size_t size = dtype_size(whole->dtype), offset, count;
    PyObject *key, *part;
    struct storage *storage;

    if (!PyTuple_Check(view))
        return unpickling_error("a view of a storage is named as %.100R", view);
    if (!PyArg_ParseTuple(view, "Unn", &key, &offset, &count))
        return NULL;
    part = PyDict_GetItemWithError(f->loading->storages, key);
    if (part || PyErr_Occurred())
        return Py_XNewRef(part);
    if (offset > whole->storage->nbytes / size || count > whole->storage->nbytes / size - offset)
        return PyErr_Format(PyExc_RuntimeError,
                            "the file names a view that lies outside its storage");
    storage = storage_wrap(whole->storage->data + offset * size, count * size,
                           (void (*)(void *))storage_unref, whole->storage);
    if (!storage)
        return python_error();
    storage_ref(whole->storage); /* the view lets go of it at its end */
    part = storage_object(typed_storage_type, storage, whole->dtype);
    storage_unref(storage);
    if (part && PyDict_SetItem(f->loading->storages, key, part) < 0)
        Py_CLEAR(part);
    return part;
}

/* ('module', class, file, source): a class with its source, kept for comparison. */
static PyObject *class_of_module(PyObject *saved)
{
    return PyTuple_CheckExact(saved) && PyTuple_GET_SIZE(saved) >= 2 &&
                   PyUnicode_Check(PyTuple_GET_ITEM(saved, 0)) &&
                   PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(saved, 0), "module") == 0
               ? Py_NewRef(PyTuple_GET_ITEM(saved, 1))
               : NULL;
}

static PyObject *persistent(void *context, PyObject *saved)
{
    struct legacy *f = context;
    struct storage_id id;
    PyObject *storage = class_of_module(saved), *view;

    if (storage)
        return storage;
    if (!storage_id_read(saved, &id))
        return NULL;
    storage = Py_XNewRef(PyDict_GetItemWithError(f->loading->storages, id.key));
    if (!storage && !PyErr_Occurred())
        storage = new_storage(f, &id);
    view = PyTuple_GET_SIZE(saved) > 5 ? PyTuple_GET_ITEM(saved, 5) : Py_None;
    if (storage && view != Py_None)
        Py_SETREF(storage, storage_view(f, storage, view));
    return storage;
}

/* The number of elements, which must be what the pickle said, and the bytes. */
static bool fill_storage(struct unpickler *u, PyObject *storage)
{
    StorageObject *s = (StorageObject *)storage;
    size_t left = (size_t)(u->end - u->at), nbytes = s->storage->nbytes;
    uint64_t count = 0;

    if (left >= COUNT_BYTES)
        memcpy(&count, u->at, COUNT_BYTES);
    if (left < COUNT_BYTES || left - COUNT_BYTES < nbytes) {
        PyErr_Format(PyExc_RuntimeError,
                     "unexpected EOF, expected %zu more bytes. The file might be corrupted.",
                     nbytes + COUNT_BYTES - left);
        return false;
    }
    if (count != nbytes / dtype_size(s->dtype)) {
        PyErr_Format(PyExc_RuntimeError,
                     "storage has wrong byte size: expected %zu elements, the "
                     "file says %llu",
                     nbytes / dtype_size(s->dtype), (unsigned long long)count);
        return false;
    }
    if (nbytes > 0)
        memcpy(s->storage->data, u->at + COUNT_BYTES, nbytes);
    storage_tame(s->storage, s->dtype);
    u->at += COUNT_BYTES + nbytes;
    return true;
}

static bool fill_storages(struct legacy *f)
{
    PyObject *keys = unpickle(&f->machine), *storage;
    bool done = keys && PyList_Check(keys);

    if (keys && (!done || PyList_GET_SIZE(keys) != f->roots))
        done = unpickling_failed("the file does not list its storages");
    for (Py_ssize_t i = 0; done && i < PyList_GET_SIZE(keys); i++) {
        storage = pickle_key(PyList_GET_ITEM(keys, i))
                      ? PyDict_GetItemWithError(f->loading->storages, PyList_GET_ITEM(keys, i))
                      : NULL;
        if (!storage && !PyErr_Occurred())
            unpickling_error("the file holds a storage that no tensor uses");
        done = storage && fill_storage(&f->machine, storage);
    }
    Py_XDECREF(keys);
    return done;
}

/* ---- reading ---- */

/* A pickle that must be this number. */
static bool expect_number(struct legacy *f, PyObject *wanted, const char *error)
{
    PyObject *number = unpickle(&f->machine);
    bool same = number && wanted && PyLong_CheckExact(number) &&
                PyObject_RichCompareBool(number, wanted, Py_EQ) == 1;

    if (number && !same && !PyErr_Occurred())
        PyErr_SetString(PyExc_RuntimeError, error);
    Py_XDECREF(number);
    Py_XDECREF(wanted);
    return same;
}

static bool check_system(struct legacy *f)
{
    PyObject *info = unpickle(&f->machine);
    PyObject *little =
        info && PyDict_Check(info) ? PyDict_GetItemString(info, "little_endian") : NULL;

    if (info && little == Py_False)
        PyErr_SetString(PyExc_RuntimeError,
                        "the file was written on a big-endian machine, which is not read here");
    Py_XDECREF(info);
    return info && !PyErr_Occurred();
}

PyObject *legacy_load(struct loading *l, PyObject *bytes)
{
    struct legacy f = {.loading = l, .machine = {.encoding = l->encoding, .trusted = l->trusted}};
    PyObject *result = NULL;
    char *data;
    Py_ssize_t length;

    if (PyBytes_AsStringAndSize(bytes, &data, &length) < 0)
        return NULL;
    f.machine.at = (const unsigned char *)data;
    f.machine.end = f.machine.at + length;
    if (!expect_number(&f, PyLong_FromString(legacy_magic, NULL, 16),
                       "Invalid magic number; corrupt file?") ||
        !expect_number(&f, PyLong_FromLong(LEGACY_VERSION), "Invalid protocol version") ||
        !check_system(&f))
        return NULL;
    f.machine.persistent = persistent;
    f.machine.context = &f;
    result = unpickle(&f.machine);
    f.machine.persistent = NULL;
    if (result && !fill_storages(&f))
        Py_CLEAR(result);
    return result;
}

/* ---- writing ---- */

/* Each of these is a pickle of its own. */
static int write_pickle(const struct output *o, const struct saving *s, PyObject *object)
{
    PyObject *bytes = object ? saving_pickle(s, object) : NULL;
    int status =
        bytes ? output_write(o, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)) : -1;

    Py_XDECREF(object);
    Py_XDECREF(bytes);
    return status;
}

static int write_storage(const struct output *o, PyObject *storage)
{
    struct storage *s = ((StorageObject *)storage)->storage;
    uint64_t count = s->nbytes / dtype_size(((StorageObject *)storage)->dtype);

    if (output_write(o, &count, sizeof(count)) < 0)
        return -1;
    return output_write(o, s->data, s->nbytes);
}

static PyObject *system_info(void)
{
    return Py_BuildValue("{s:i,s:O,s:{s:i,s:i,s:i}}", "protocol_version", LEGACY_VERSION,
                         "little_endian", Py_True, "type_sizes", "short", 2, "int", 4, "long", 4);
}

int legacy_write(const struct output *o, const struct saving *s, PyObject *pickle)
{
    PyObject *key, *storage;
    Py_ssize_t at = 0;

    if (write_pickle(o, s, PyLong_FromString(legacy_magic, NULL, 16)) < 0 ||
        write_pickle(o, s, PyLong_FromLong(LEGACY_VERSION)) < 0 ||
        write_pickle(o, s, system_info()) < 0 ||
        output_write(o, PyBytes_AS_STRING(pickle), (size_t)PyBytes_GET_SIZE(pickle)) < 0 ||
        write_pickle(o, s, PyDict_Keys(s->storages)) < 0)
        return -1;
    while (PyDict_Next(s->storages, &at, &key, &storage))
        if (write_storage(o, storage) < 0)
            return -1;
    return 0;
}
