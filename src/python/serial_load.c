/* torch.load(): which form the file has, and where its storages go. */
#include "python/serial.h"

#include "base/error.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/types.h"

#include <string.h>

/* ---- storages ---- */

static bool starts_with(PyObject *text, const char *start)
{
    const char *bytes = PyUnicode_AsUTF8(text);

    return bytes && strncmp(bytes, start, strlen(start)) == 0;
}

/* The storage of a location as it is on this machine: there is only the CPU. */
static PyObject *default_place(PyObject *storage, PyObject *location)
{
    if (PyUnicode_CompareWithASCIIString(location, "cpu") == 0)
        return Py_NewRef(storage);
    if (starts_with(location, "cuda"))
        return PyErr_Format(
            PyExc_RuntimeError,
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is "
            "False. If you are running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu') to map your storages to the CPU.");
    return PyErr_Format(PyExc_RuntimeError,
                        "don't know how to restore data location of torch.storage.UntypedStorage "
                        "(tagged with %U)",
                        location);
}

/* The same where map_location has something to say. */
static PyObject *mapped_place(PyObject *map, PyObject *storage, PyObject *location)
{
    PyObject *to = NULL, *result;

    if (map == Py_None)
        return default_place(storage, location);
    if (PyDict_Check(map)) {
        to = PyObject_CallMethod(map, "get", "OO", location, location);
    } else if (PyUnicode_Check(map) || Py_IS_TYPE(map, device_type)) {
        to = PyObject_Str(map);
    } else {
        result = PyObject_CallFunctionObjArgs(map, storage, location, NULL);
        if (result != Py_None)
            return result;
        Py_DECREF(result);
        return default_place(storage, location);
    }
    if (to && !PyUnicode_Check(to)) {
        Py_SETREF(to, PyObject_Str(to)); /* a torch.device in the dict */
    }
    result = to ? default_place(storage, to) : NULL;
    Py_XDECREF(to);
    return result;
}

PyObject *loading_place(struct loading *l, PyObject *key, struct storage *storage, enum dtype dtype,
                        PyObject *location)
{
    PyObject *untyped = storage_object(untyped_storage_type, storage, DTYPE_u8);
    PyObject *placed = untyped ? mapped_place(l->map_location, untyped, location) : NULL;
    PyObject *typed = NULL;

    if (placed && !storage_check(placed))
        PyErr_Format(PyExc_TypeError, "map_location must return a storage or None, but got %s",
                     Py_TYPE(placed)->tp_name);
    else if (placed)
        typed = storage_object(typed_storage_type, ((StorageObject *)placed)->storage, dtype);
    if (typed && PyDict_SetItem(l->storages, key, typed) < 0)
        Py_CLEAR(typed);
    Py_XDECREF(untyped);
    Py_XDECREF(placed);
    return typed;
}

bool storage_id_read(PyObject *id, struct storage_id *out)
{
    PyObject *count;

    if (!PyTuple_CheckExact(id) || PyTuple_GET_SIZE(id) < 5 ||
        !PyUnicode_Check(PyTuple_GET_ITEM(id, 0)) ||
        PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(id, 0), "storage") != 0) {
        PyErr_Format(PyExc_RuntimeError,
                     "Only persistent_load of storage is allowed, but got %.100R", id);
        return false;
    }
    out->dtype = storage_class_dtype(PyTuple_GET_ITEM(id, 1));
    out->key = PyTuple_GET_ITEM(id, 2);
    out->location = PyTuple_GET_ITEM(id, 3);
    count = PyTuple_GET_ITEM(id, 4);
    out->nbytes = PyLong_Check(count) ? PyLong_AsUnsignedLongLong(count) : UINT64_MAX;
    PyErr_Clear(); /* a count that is negative or too large is UINT64_MAX as well */
    if (out->dtype == DTYPE_NONE || !PyUnicode_Check(out->key) || !PyUnicode_Check(out->location) ||
        out->nbytes > INT64_MAX / dtype_size(out->dtype)) {
        PyErr_Format(PyExc_RuntimeError, "the file names a storage that cannot be: %.200R", id);
        return false;
    }
    out->nbytes *= dtype_size(out->dtype);
    return true;
}

/* ---- files ---- */

static bool is_path(PyObject *f)
{
    return PyUnicode_Check(f) || PyBytes_Check(f) || PyObject_HasAttrString(f, "__fspath__");
}

/* PyTorch's words for a file object that cannot seek. */
static void *not_seekable(void)
{
    PyObject *type, *value, *trace, *text;

    if (!PyErr_ExceptionMatches(PyExc_OSError) && !PyErr_ExceptionMatches(PyExc_AttributeError))
        return NULL;
    PyErr_Fetch(&type, &value, &trace);
    text = PyObject_Str(value);
    if (text)
        PyErr_Format(type,
                     "%U. You can only torch.load from a file that is seekable. Please pre-load "
                     "the data into a buffer like io.BytesIO and try to load from it instead.",
                     text);
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return NULL;
}

/* Whether a zip archive begins here; the file is where it was afterwards. -1 with an exception. */
static int begins_zip(PyObject *file)
{
    PyObject *seek = PyObject_GetAttrString(file, "seek"), *done = NULL, *head = NULL;
    PyObject *at = seek ? PyObject_CallMethod(file, "tell", NULL) : NULL;
    int is_zip = -1;

    done = at ? PyObject_CallOneArg(seek, at) : NULL;
    if (!done) {
        not_seekable();
        goto done;
    }
    head = PyObject_CallMethod(file, "read", "i", 4);
    Py_SETREF(done, head ? PyObject_CallOneArg(seek, at) : NULL);
    if (!done)
        goto done;
    if (PyBytes_Check(head))
        is_zip = PyBytes_GET_SIZE(head) == 4 && memcmp(PyBytes_AS_STRING(head), "PK\3\4", 4) == 0;
    else
        PyErr_Format(PyExc_TypeError,
                     "torch.load() needs a file opened for bytes ('rb'), but "
                     "read() gave %s",
                     Py_TYPE(head)->tp_name);
done:
    Py_XDECREF(seek);
    Py_XDECREF(at);
    Py_XDECREF(done);
    Py_XDECREF(head);
    return is_zip;
}

static PyObject *load_file(struct loading *l, PyObject *file)
{
    int is_zip = begins_zip(file);
    PyObject *bytes, *result = NULL;

    if (is_zip < 0)
        return NULL;
    l->storages = PyDict_New();
    if (l->storages && is_zip) {
        result = archive_load(l, file);
    } else if (l->storages) {
        bytes = PyObject_CallMethod(file, "read", NULL);
        result = bytes ? legacy_load(l, bytes) : NULL;
        Py_XDECREF(bytes);
    }
    Py_CLEAR(l->storages);
    return result;
}

PyObject *load_plain(PyObject *file)
{
    struct loading l = {.map_location = Py_None, .encoding = "utf-8"};

    return load_file(&l, file);
}

/* with open(path, 'rb') as file: ... */
static PyObject *load_path(struct loading *l, PyObject *path)
{
    PyObject *io = PyImport_ImportModule("io"), *file, *result, *closed;
    PyObject *type, *value, *trace;

    file = io ? PyObject_CallMethod(io, "open", "Os", path, "rb") : NULL;
    Py_XDECREF(io);
    if (!file)
        return NULL;
    result = load_file(l, file);
    PyErr_Fetch(&type, &value, &trace);
    closed = PyObject_CallMethod(file, "close", NULL);
    if (!closed)
        PyErr_Clear(); /* it was only read */
    PyErr_Restore(type, value, trace);
    Py_XDECREF(closed);
    Py_DECREF(file);
    return result;
}

/* ---- torch.load ---- */

/* torch.load() has a machine of its own, which no other module replaces. */
static bool check_pickle_module(PyObject *module)
{
    PyObject *pickle;

    if (module == Py_None)
        return true;
    pickle = PyImport_ImportModule("pickle");
    if (!pickle)
        return false;
    Py_DECREF(pickle);
    if (module == pickle)
        return true;
    PyErr_SetString(PyExc_RuntimeError, "Can not safely load weights when expiclit picke_module is "
                                        "specified");
    return false;
}

static PyObject *load(PyObject *Py_UNUSED(module), PyObject *args, PyObject *keywords)
{
    static char *names[] = {
        "f", "map_location", "pickle_module", "weights_only", "encoding", "mmap", NULL};
    struct loading l = {.map_location = Py_None, .encoding = "utf-8"};
    PyObject *f = NULL, *pickle_module = Py_None, *weights_only = Py_None, *mmap;
    int plain;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OOO$OsO:load", names, &f, &l.map_location,
                                     &pickle_module, &weights_only, &l.encoding, &mmap))
        return NULL;
    if (!f)
        return PyErr_Format(PyExc_TypeError, "load() missing 1 required positional argument: 'f'");
    plain = weights_only == Py_None ? 1 : PyObject_IsTrue(weights_only);
    if (plain < 0 || !check_pickle_module(pickle_module))
        return NULL;
    l.trusted = !plain;
    return is_path(f) ? load_path(&l, f) : load_file(&l, f);
}

PyMethodDef load_methods[] = {
    {"load", WITH_KEYWORDS(load),
     "load(f, map_location=None, pickle_module=None, *, weights_only=True, encoding='utf-8')\n\n"
     "Reads what torch.save() wrote, here or in PyTorch. f is a path or a file opened for reading "
     "bytes. Plain data alone is read, unless weights_only=False lets the file name classes of "
     "torch.nn and of the program."},
    {NULL, NULL, 0, NULL},
};
