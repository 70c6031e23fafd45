/* safetensors files, written: as the reference implementation sorts and fills them, byte for byte.
 */
#include "python/safetensors.h"

#include "base/mem.h"
#include "python/errors.h"
#include "python/serial.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, ALIGN = 8 };

struct item {
    const char *name; /* of the dict's key */
    struct tensor *t; /* of the dict's value */
    int rank;         /* of the dtype */
};
typedef VEC(struct item) Items;

static size_t item_bytes(const struct item *item)
{
    return (size_t)item->t->numel * dtype_size(tensor_dtype(item->t));
}

/* ---- what is refused ---- */

static int add_item(Items *items, PyObject *name, PyObject *value)
{
    struct item item = {0};

    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError,
                     "argument 'tensor_dict': '%s' object cannot be converted to 'PyString'",
                     Py_TYPE(name)->tp_name);
        return -1;
    }
    if (!tensor_check(value)) {
        PyErr_Format(PyExc_ValueError, "Key `%U` is invalid, expected torch.Tensor but received %R",
                     name, Py_TYPE(value));
        return -1;
    }
    item.name = PyUnicode_AsUTF8(name);
    item.t = tensor_of(value);
    if (!item.name)
        return -1;
    if (!dtype_safetensors(tensor_dtype(item.t), &item.rank)) {
        PyErr_Format(PyExc_ValueError, "Key `%U` is invalid: safetensors has no dtype for torch.%s",
                     name, dtype_name(tensor_dtype(item.t)));
        return -1;
    }
    if (!tensor_is_contiguous(item.t)) {
        PyErr_Format(
            PyExc_ValueError,
            "You are trying to save a non contiguous tensor: `%U` which is not allowed. It "
            "either means you are trying to save tensors which are reference of each other "
            "in which case it's recommended to save only the full tensors, and reslice at "
            "load time, or simply call `.contiguous()` on your tensor to pack it before "
            "saving.",
            name);
        return -1;
    }
    return vec_push(items, item) ? 0 : (python_error(), -1);
}

static int by_address(const void *a, const void *b)
{
    const char *x = tensor_data(((const struct item *)a)->t);
    const char *y = tensor_data(((const struct item *)b)->t);

    return x < y ? -1 : x > y;
}

/* Two tensors with bytes in common would be two separate ones after loading. Leaves the items in
 * the order of their addresses. */
static int refuse_shared(Items *items)
{
    const struct item *last = NULL;

    if (items->count > 0)
        qsort(items->at, items->count, sizeof(*items->at), by_address);
    for (size_t i = 0; i < items->count; i++) {
        const struct item *item = &items->at[i];

        if (item_bytes(item) == 0)
            continue;
        if (last && tensor_data(item->t) < tensor_data(last->t) + item_bytes(last)) {
            PyErr_Format(
                PyExc_RuntimeError,
                "Some tensors share memory, this will lead to duplicate memory on disk and "
                "potential differences when loading them again: [{'%s', '%s'}]. A "
                "potential way to correctly save your model is to use `save_model`.",
                last->name, item->name);
            return -1;
        }
        last = item;
    }
    return 0;
}

/* ---- the header ---- */

/* Wide dtypes first, so that everything is aligned. */
static int by_place(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    return x->rank != y->rank ? y->rank - x->rank : strcmp(x->name, y->name);
}

static json_t *describe(const struct item *item, size_t begin)
{
    json_t *shape = json_array();
    int rank;

    for (int d = 0; d < item->t->ndim; d++)
        json_array_append_new(shape, json_integer(item->t->shape[d]));
    return json_pack("{sssos[II]}", "dtype", dtype_safetensors(tensor_dtype(item->t), &rank),
                     "shape", shape, "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + item_bytes(item)));
}

static int add_metadata(json_t *header, PyObject *metadata)
{
    json_t *texts;
    PyObject *key, *value;
    Py_ssize_t at = 0;

    if (metadata == Py_None)
        return 0;
    texts = json_object();
    json_object_set_new(header, "__metadata__", texts);
    while (PyDict_Next(metadata, &at, &key, &value)) {
        PyObject *wrong = !PyUnicode_Check(key) ? key : !PyUnicode_Check(value) ? value : NULL;
        const char *name = wrong ? NULL : PyUnicode_AsUTF8(key);
        const char *text = name ? PyUnicode_AsUTF8(value) : NULL;

        if (wrong)
            PyErr_Format(PyExc_TypeError,
                         "argument 'metadata': '%s' object cannot be converted to 'PyString'",
                         Py_TYPE(wrong)->tp_name);
        if (!text)
            return -1;
        json_object_set_new(texts, name, json_string(text));
    }
    return 0;
}

/* The JSON text with its filling, in malloc'ed memory; *data_bytes is what follows it. */
static char *header_text(const Items *items, PyObject *metadata, size_t *length, size_t *data_bytes)
{
    json_t *header = json_object();
    char *text = NULL, *filled = NULL;
    size_t at = 0;

    if (add_metadata(header, metadata) < 0)
        goto done;
    for (size_t i = 0; i < items->count; i++) {
        json_object_set_new(header, items->at[i].name, describe(&items->at[i], at));
        at += item_bytes(&items->at[i]);
    }
    text = json_dumps(header, JSON_COMPACT);
    *length = text ? (strlen(text) + ALIGN - 1) / ALIGN * ALIGN : 0;
    filled = text ? realloc(text, *length + 1) : NULL;
    if (filled)
        memset(filled + strlen(filled), ' ', *length - strlen(filled));
    else
        free(text);
    *data_bytes = at;
    if (!filled)
        PyErr_NoMemory();
done:
    json_decref(header);
    return filled;
}

/* ---- the whole ---- */

static PyObject *write_items(const Items *items, PyObject *metadata)
{
    size_t length, data_bytes;
    char *header = header_text(items, metadata, &length, &data_bytes), *at;
    uint64_t length_field = length;
    PyObject *bytes = NULL;

    if (header)
        bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(LENGTH_BYTES + length + data_bytes));
    if (bytes) {
        at = PyBytes_AS_STRING(bytes);
        memcpy(at, &length_field, LENGTH_BYTES);
        memcpy(at + LENGTH_BYTES, header, length);
        at += LENGTH_BYTES + length;
        for (size_t i = 0; i < items->count; at += item_bytes(&items->at[i++]))
            memcpy(at, tensor_data(items->at[i].t), item_bytes(&items->at[i]));
    }
    free(header);
    return bytes;
}

PyObject *safe_bytes(PyObject *tensors, PyObject *metadata)
{
    Items items = {0};
    PyObject *key, *value, *bytes = NULL;
    Py_ssize_t at = 0;

    if (!PyDict_Check(tensors))
        return PyErr_Format(PyExc_ValueError,
                            "Expected a dict of [str, torch.Tensor] but received %R",
                            Py_TYPE(tensors));
    if (metadata != Py_None && !PyDict_Check(metadata))
        return PyErr_Format(PyExc_TypeError,
                            "argument 'metadata': '%s' object cannot be converted to 'PyDict'",
                            Py_TYPE(metadata)->tp_name);
    while (PyDict_Next(tensors, &at, &key, &value))
        if (add_item(&items, key, value) < 0)
            goto done;
    if (refuse_shared(&items) < 0)
        goto done;
    if (items.count > 0)
        qsort(items.at, items.count, sizeof(*items.at), by_place);
    bytes = write_items(&items, metadata);
done:
    vec_release(&items);
    return bytes;
}
