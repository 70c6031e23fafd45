/* safetensors files, read: everything that the header says is held against the bytes. */
#include "python/safetensors.h"

#include "python/errors.h"
#include "python/serial.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, HEADER_LARGEST = 100000000 };

/* "Error while deserializing: " and why; returns -1. */
static int bad(const char *format, ...)
{
    PyObject *why;
    va_list args;

    va_start(args, format);
    why = PyUnicode_FromFormatV(format, args);
    va_end(args);
    if (why)
        PyErr_Format(safetensor_error, "Error while deserializing: %U", why);
    Py_XDECREF(why);
    return -1;
}

/* ---- the header ---- */

/* A number of elements, bytes or an offset. */
static bool read_count(const json_t *json, uint64_t *out)
{
    *out = json_is_integer(json) ? (uint64_t)json_integer_value(json) : 0;
    return json_is_integer(json) && json_integer_value(json) >= 0;
}

static int read_shape(struct safe_entry *e, const json_t *shape)
{
    uint64_t count;

    if (!json_is_array(shape))
        return bad("InvalidHeaderDeserialization: tensor \"%s\" has no shape", e->name);
    if (json_array_size(shape) > TENSOR_MAX_DIMS)
        return bad("tensor \"%s\" has %zu dimensions, and there are at most %d here", e->name,
                   json_array_size(shape), TENSOR_MAX_DIMS);
    e->ndim = (int)json_array_size(shape);
    for (int d = 0; d < e->ndim; d++) {
        if (!read_count(json_array_get(shape, (size_t)d), &count))
            return bad("InvalidHeaderDeserialization: the shape of tensor \"%s\" is not made of "
                       "counts",
                       e->name);
        e->shape[d] = (int64_t)count;
    }
    return 0;
}

/* The bytes that dtype and shape ask for. */
static int count_bytes(const struct safe_entry *e, uint64_t *nbytes)
{
    *nbytes = dtype_size(e->dtype);
    for (int d = 0; d < e->ndim; d++)
        if (__builtin_mul_overflow(*nbytes, (uint64_t)e->shape[d], nbytes))
            return bad("ValidationOverflow: the shape of tensor \"%s\" overflows", e->name);
    return 0;
}

static int read_entry(struct safe_entry *e, const json_t *json)
{
    const char *dtype = json_string_value(json_object_get(json, "dtype"));
    const json_t *offsets = json_object_get(json, "data_offsets");
    uint64_t nbytes;

    e->dtype = dtype ? dtype_from_safetensors(dtype) : DTYPE_NONE;
    if (e->dtype == DTYPE_NONE)
        return bad("InvalidHeaderDeserialization: tensor \"%s\" has the dtype %s, which is not "
                   "known here",
                   e->name, dtype ? dtype : "(none)");
    if (read_shape(e, json_object_get(json, "shape")) < 0)
        return -1;
    if (json_array_size(offsets) != 2 || !read_count(json_array_get(offsets, 0), &e->begin) ||
        !read_count(json_array_get(offsets, 1), &e->end))
        return bad("InvalidHeaderDeserialization: tensor \"%s\" has no two data_offsets", e->name);
    if (e->begin > e->end)
        return bad("InvalidOffset(\"%s\"): it ends before it begins", e->name);
    if (count_bytes(e, &nbytes) < 0)
        return -1;
    if (nbytes != e->end - e->begin)
        return bad("TensorInvalidInfo: tensor \"%s\" needs %llu bytes and has %llu", e->name,
                   (unsigned long long)nbytes, (unsigned long long)(e->end - e->begin));
    return 0;
}

static int check_metadata(const json_t *metadata)
{
    const char *key;
    json_t *value;

    if (!json_is_object(metadata))
        return bad("InvalidHeaderDeserialization: __metadata__ is no object");
    json_object_foreach((json_t *)metadata, key, value)
    {
        if (!json_is_string(value))
            return bad("InvalidHeaderDeserialization: __metadata__ holds other values than text");
    }
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct safe_entry *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* The parts lie back to back and fill the data. */
static int check_layout(const struct safe_file *f, uint64_t length)
{
    uint64_t at = 0;

    for (size_t i = 0; i < f->entries.count; i++) {
        const struct safe_entry *e = &f->entries.at[i];

        if (e->begin != at)
            return bad("InvalidOffset(\"%s\"): it begins at byte %llu, and the tensor before it "
                       "ends at %llu",
                       e->name, (unsigned long long)e->begin, (unsigned long long)at);
        at = e->end;
    }
    if (at != length)
        return bad("MetadataIncompleteBuffer: the header names %llu bytes of data, the file has "
                   "%llu",
                   (unsigned long long)at, (unsigned long long)length);
    return 0;
}

static int read_entries(struct safe_file *f)
{
    const char *name;
    json_t *value;

    json_object_foreach(f->header, name, value)
    {
        struct safe_entry e = {.name = name};

        if (strcmp(name, "__metadata__") == 0) {
            if (check_metadata(value) < 0)
                return -1;
            continue;
        }
        if (read_entry(&e, value) < 0)
            return -1;
        if (!vec_push(&f->entries, e)) {
            python_error();
            return -1;
        }
    }
    if (f->entries.count > 0)
        qsort(f->entries.at, f->entries.count, sizeof(*f->entries.at), by_offset);
    return 0;
}

int safe_parse(struct safe_file *f, PyObject *bytes)
{
    const char *start = PyBytes_AS_STRING(bytes);
    uint64_t size = (uint64_t)PyBytes_GET_SIZE(bytes), length = 0;
    json_error_t why;

    f->bytes = Py_NewRef(bytes);
    if (size < LENGTH_BYTES)
        return bad("HeaderTooSmall: the file has %d bytes", (int)size);
    memcpy(&length, start, LENGTH_BYTES);
    if (length > HEADER_LARGEST)
        return bad("HeaderTooLarge: the header should have %llu bytes", (unsigned long long)length);
    if (length > size - LENGTH_BYTES)
        return bad("InvalidHeaderLength: the header should have %llu bytes, the file has %llu more",
                   (unsigned long long)length, (unsigned long long)(size - LENGTH_BYTES));
    f->header = json_loadb(start + LENGTH_BYTES, (size_t)length, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(f->header))
        return bad("InvalidHeaderDeserialization: %s", f->header ? "no object" : why.text);
    f->data = start + LENGTH_BYTES + length;
    return read_entries(f) < 0 ? -1 : check_layout(f, size - LENGTH_BYTES - length);
}

void safe_release(struct safe_file *f)
{
    vec_release(&f->entries);
    json_decref(f->header);
    f->header = NULL;
    Py_CLEAR(f->bytes);
}

/* ---- what is in it ---- */

PyObject *safe_metadata(const struct safe_file *f)
{
    json_t *metadata = json_object_get(f->header, "__metadata__"), *value;
    PyObject *dict;
    const char *key;

    if (!metadata)
        Py_RETURN_NONE;
    dict = PyDict_New();
    json_object_foreach(metadata, key, value)
    {
        PyObject *text = dict ? PyUnicode_FromString(json_string_value(value)) : NULL;

        if (!text || PyDict_SetItemString(dict, key, text) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(text);
    }
    return dict;
}

PyObject *safe_tensor(const struct safe_file *f, const struct safe_entry *entry)
{
    struct tensor *t = tensor_new(entry->dtype, entry->ndim, entry->shape);

    if (t && entry->end > entry->begin)
        memcpy(tensor_data(t), f->data + entry->begin, (size_t)(entry->end - entry->begin));
    if (t)
        storage_tame(t->storage, entry->dtype);
    return tensor_wrap(t);
}
