/* The zip archive of torch.save(), read. Python's zipfile knows the container; what a record may be
 * is checked here before it is read. */
#include "python/serial.h"
#include "python/unpickle.h"

#include "base/crc32.h"
#include "python/errors.h"

#include <string.h>

enum { NEWEST_VERSION = 10, ANY_SIZE = -1, PIECE = 1 << 20 };

struct archive {
    struct loading *loading;
    PyObject *file;   /* borrowed */
    PyObject *zip;    /* zipfile.ZipFile */
    PyObject *prefix; /* the folder that all records lie in, with its slash */
    long long size;   /* of the whole file */
};

/* What zipfile says of a damaged file has many types. All become RuntimeError, but not running out
 * of memory or Ctrl-C. `why` NULL: what zipfile says. Returns NULL. */
static void *read_failed(const char *what, const char *why)
{
    PyObject *type, *value, *trace;

    if (PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception))
        return NULL;
    PyErr_Fetch(&type, &value, &trace);
    if (why)
        PyErr_Format(PyExc_RuntimeError, "PytorchStreamReader failed reading %s: %s", what, why);
    else
        PyErr_Format(PyExc_RuntimeError, "PytorchStreamReader failed reading %s: %S", what, value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return NULL;
}

static void record_failed(const char *name)
{
    char what[200];

    snprintf(what, sizeof(what), "file %s", name);
    read_failed(what, NULL);
}

static bool number_of(PyObject *object, const char *attribute, long long *out)
{
    PyObject *value = PyObject_GetAttrString(object, attribute);

    *out = value ? PyLong_AsLongLong(value) : -1;
    Py_XDECREF(value);
    return !PyErr_Occurred();
}

/* ---- records ---- */

/* The ZipInfo of a record, or NULL; an exception only when `needed`. */
static PyObject *find_record(struct archive *a, const char *name, bool needed)
{
    PyObject *full = PyUnicode_FromFormat("%U%s", a->prefix, name);
    PyObject *info = full ? PyObject_CallMethod(a->zip, "getinfo", "O", full) : NULL;

    Py_XDECREF(full);
    if (!info && full && PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        if (needed)
            PyErr_Format(PyExc_RuntimeError,
                         "PytorchStreamReader failed locating file %s: file not found", name);
    }
    return info;
}

/* A record is stored as it is, so its size cannot be more than the file's. */
static bool check_record(struct archive *a, const char *name, PyObject *info, long long wanted)
{
    long long method, stored, size;

    if (!number_of(info, "compress_type", &method) || !number_of(info, "file_size", &size) ||
        !number_of(info, "compress_size", &stored))
        return false;
    if (method != 0)
        PyErr_Format(PyExc_RuntimeError,
                     "PytorchStreamReader failed reading file %s: it is compressed, and records of "
                     "torch.save() are not",
                     name);
    else if (size != stored || size > a->size)
        PyErr_Format(PyExc_RuntimeError,
                     "PytorchStreamReader failed reading file %s: its size is not that of its data",
                     name);
    else if (wanted != ANY_SIZE && size != wanted)
        PyErr_Format(PyExc_RuntimeError,
                     "PytorchStreamReader failed reading file %s: it holds %lld bytes, but its "
                     "tensors need %lld",
                     name, size, wanted);
    return !PyErr_Occurred();
}

/* The bytes of a small record. */
static PyObject *read_record(struct archive *a, const char *name)
{
    PyObject *info = find_record(a, name, true), *bytes = NULL;

    if (info && check_record(a, name, info, ANY_SIZE)) {
        bytes = PyObject_CallMethod(a->zip, "read", "O", info);
        if (!bytes)
            record_failed(name);
    }
    Py_XDECREF(info);
    return bytes;
}

/* ---- the bytes of a storage ----
 *
 * They are read from the file itself into the storage's memory. zipfile would hand out pieces and
 * add up their checksum, which takes longer than reading them. */

static bool seek_to(PyObject *file, long long at)
{
    PyObject *done = PyObject_CallMethod(file, "seek", "L", at);

    Py_XDECREF(done);
    return done != NULL;
}

/* One call of file.readinto(), or of read() where there is none; how many bytes came, or -1. */
static Py_ssize_t read_some(PyObject *file, char *to, size_t length)
{
    Py_ssize_t wanted = length < PIECE ? (Py_ssize_t)length : PIECE, got = -1;
    PyObject *view = PyMemoryView_FromMemory(to, wanted, PyBUF_WRITE), *result = NULL;

    if (view && PyObject_HasAttrString(file, "readinto")) {
        result = PyObject_CallMethod(file, "readinto", "O", view);
        got = result ? PyLong_AsSsize_t(result) : -1;
    } else if (view) {
        result = PyObject_CallMethod(file, "read", "n", wanted);
        if (result && PyBytes_Check(result) && PyBytes_GET_SIZE(result) <= wanted) {
            got = PyBytes_GET_SIZE(result);
            memcpy(to, PyBytes_AS_STRING(result), (size_t)got);
        }
    }
    Py_XDECREF(view);
    Py_XDECREF(result);
    if (got < 0 && !PyErr_Occurred())
        PyErr_SetString(PyExc_OSError, "the file object gave no bytes");
    return got > wanted ? wanted : got;
}

/* Fills the memory from where the file stands, and adds up the checksum on the way. */
static bool read_all(PyObject *file, char *to, size_t length, uint32_t *checksum)
{
    *checksum = 0;
    while (length > 0) {
        Py_ssize_t got = read_some(file, to, length);

        if (got == 0)
            PyErr_SetString(PyExc_EOFError, "unexpected end of data");
        if (got <= 0)
            return false;
        *checksum = crc32_add(*checksum, to, (size_t)got);
        to += got;
        length -= (size_t)got;
    }
    return true;
}

/* Moves the file to a record's data, behind its local header, whose name and extra field have
 * lengths of their own. */
static bool seek_to_data(PyObject *file, PyObject *info)
{
    enum { HEADER = 30, LENGTHS = 26 };
    unsigned char header[HEADER];
    uint32_t unused;
    long long at;

    if (!number_of(info, "header_offset", &at) || !seek_to(file, at) ||
        !read_all(file, (char *)header, HEADER, &unused))
        return false;
    if (memcmp(header, "PK\3\4", 4) != 0) {
        PyErr_SetString(PyExc_RuntimeError, "Bad magic number for file header");
        return false;
    }
    at += HEADER;
    for (int k = 0; k < 2; k++)
        at += header[LENGTHS + 2 * k] + 256 * header[LENGTHS + 2 * k + 1];
    return seek_to(file, at);
}

static bool read_data(struct archive *a, PyObject *info, struct storage *storage)
{
    long long wanted;
    uint32_t checksum;
    PyObject *name;

    if (!number_of(info, "CRC", &wanted) || !seek_to_data(a->file, info) ||
        !read_all(a->file, storage->data, storage->nbytes, &checksum))
        return false;
    if (checksum == (uint32_t)wanted)
        return true;
    name = PyObject_GetAttrString(info, "filename");
    if (name)
        PyErr_Format(PyExc_RuntimeError, "Bad CRC-32 for file %R", name);
    Py_XDECREF(name);
    return false;
}

/* A record as a storage, of which it must be all. */
static struct storage *read_storage(struct archive *a, const char *name, uint64_t nbytes)
{
    PyObject *info = find_record(a, name, true);
    struct storage *storage = NULL;

    if (info && check_record(a, name, info, (long long)nbytes)) {
        storage = storage_new((size_t)nbytes);
        if (!storage)
            python_error();
    }
    if (storage && !read_data(a, info, storage)) {
        record_failed(name);
        storage_unref(storage);
        storage = NULL;
    }
    Py_XDECREF(info);
    return storage;
}

static PyObject *load_storage(struct archive *a, const struct storage_id *id)
{
    PyObject *name = PyUnicode_FromFormat("data/%U", id->key), *placed = NULL;
    const char *text = name ? PyUnicode_AsUTF8(name) : NULL;
    struct storage *storage = text ? read_storage(a, text, id->nbytes) : NULL;

    if (storage) {
        storage_tame(storage, id->dtype);
        placed = loading_place(a->loading, id->key, storage, id->dtype, id->location);
    }
    storage_unref(storage);
    Py_XDECREF(name);
    return placed;
}

static PyObject *persistent(void *context, PyObject *saved)
{
    struct archive *a = context;
    struct storage_id id;
    PyObject *known;

    if (!storage_id_read(saved, &id))
        return NULL;
    known = PyDict_GetItemWithError(a->loading->storages, id.key);
    if (known || PyErr_Occurred())
        return Py_XNewRef(known);
    return load_storage(a, &id);
}

/* ---- the archive ---- */

/* The size of the file; it is back at its place afterwards. */
static bool measure(PyObject *file, long long *size)
{
    PyObject *at = PyObject_CallMethod(file, "tell", NULL);
    PyObject *end = at ? PyObject_CallMethod(file, "seek", "ii", 0, 2) : NULL;
    PyObject *tell = end ? PyObject_CallMethod(file, "tell", NULL) : NULL;
    PyObject *back = tell ? PyObject_CallMethod(file, "seek", "O", at) : NULL;

    *size = back ? PyLong_AsLongLong(tell) : -1;
    Py_XDECREF(at);
    Py_XDECREF(end);
    Py_XDECREF(tell);
    Py_XDECREF(back);
    return !PyErr_Occurred();
}

/* The folder of the first record is that of all. */
static PyObject *find_prefix(PyObject *zip)
{
    PyObject *names = PyObject_CallMethod(zip, "namelist", NULL), *prefix = NULL;
    Py_ssize_t slash = -1;

    if (names && PyList_Check(names) && PyList_GET_SIZE(names) > 0) {
        PyObject *first = PyList_GET_ITEM(names, 0);

        slash = PyUnicode_FindChar(first, '/', 0, PyUnicode_GET_LENGTH(first), 1);
        prefix = slash >= 0 ? PyUnicode_Substring(first, 0, slash + 1) : NULL;
    }
    if (!prefix && !PyErr_Occurred())
        PyErr_SetString(PyExc_RuntimeError,
                        "PytorchStreamReader failed reading zip archive: it holds no folder of "
                        "records");
    Py_XDECREF(names);
    return prefix;
}

/* What the records beside data.pkl say of the form. */
static bool check_form(struct archive *a)
{
    PyObject *record = find_record(a, "constants.pkl", false);
    long version;

    if (record)
        PyErr_SetString(PyExc_RuntimeError,
                        "the file is a TorchScript archive (torch.jit.save()), which is a program "
                        "and not data; torch.load() reads what torch.save() wrote");
    Py_XDECREF(record);
    record = PyErr_Occurred() ? NULL : read_record(a, "version");
    if (!record)
        return false;
    version = strtol(PyBytes_AS_STRING(record), NULL, 10);
    Py_DECREF(record);
    if (version < 1 || version > NEWEST_VERSION) {
        PyErr_Format(
            PyExc_RuntimeError,
            "Attempted to read a PyTorch file with version %ld, but the versions supported "
            "for reading are 1 to %d",
            version, NEWEST_VERSION);
        return false;
    }
    record = find_record(a, "byteorder", false);
    if (record)
        Py_SETREF(record, read_record(a, "byteorder"));
    if (record && strcmp(PyBytes_AS_STRING(record), "little") != 0)
        PyErr_SetString(PyExc_RuntimeError,
                        "the file was written on a big-endian machine, which is not read here");
    Py_XDECREF(record);
    return !PyErr_Occurred();
}

static PyObject *load_pickle(struct archive *a)
{
    PyObject *bytes = read_record(a, "data.pkl"), *result;
    struct unpickler u = {.encoding = a->loading->encoding,
                          .trusted = a->loading->trusted,
                          .persistent = persistent,
                          .context = a};

    if (!bytes)
        return NULL;
    u.at = (const unsigned char *)PyBytes_AS_STRING(bytes);
    u.end = u.at + PyBytes_GET_SIZE(bytes);
    result = unpickle(&u);
    Py_DECREF(bytes);
    return result;
}

PyObject *archive_load(struct loading *l, PyObject *file)
{
    struct archive a = {.loading = l, .file = file};
    PyObject *module = PyImport_ImportModule("zipfile"), *result = NULL;

    if (module && measure(file, &a.size)) {
        a.zip = PyObject_CallMethod(module, "ZipFile", "O", file);
        if (!a.zip)
            read_failed("zip archive", "failed finding central directory");
    }
    a.prefix = a.zip ? find_prefix(a.zip) : NULL;
    if (a.prefix && check_form(&a))
        result = load_pickle(&a);
    Py_XDECREF(module);
    Py_XDECREF(a.zip);
    Py_XDECREF(a.prefix);
    return result;
}
