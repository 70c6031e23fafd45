/*
 * serial.h: tensors in files and in pickles. Private to src/python.
 *
 * In a pickle a tensor is a call, _rebuild_tensor_v2(storage, offset, size, stride, requires_grad,
 * hooks), so that tensors which share a storage share it again after loading. How the storage is
 * written depends on the file:
 *
 *   torch.save(), the zip archive    NAME/data.pkl   the pickle; a storage in it is the persistent
 *                                                    id ('storage', FloatStorage, key, 'cpu',
 *                                                    number of elements)
 *                                    NAME/data/KEY   the bytes of one storage
 *                                    NAME/version    "3"
 *   the form before PyTorch 1.6      pickles one after the other (magic number, version, byte
 *                                    order, the object, the storages' keys), then for each key
 *                                    the number of elements (8 bytes) and the bytes
 *   pickle.dumps()                   a storage is torch.storage._load_from_bytes(the form before
 *                                    1.6 of the storage alone)
 *   safetensors                      the size of the header (8 bytes), a JSON header, the bytes
 *
 * Files are little-endian, as is every machine that this is built for.
 *
 * Everything that is read may be damaged or hostile. A pickle runs on our own machine (unpickle.h),
 * which knows data and the names of serial_names.c and nothing else; sizes are held against the
 * bytes that are there before anything is allocated, and a tensor's geometry against its storage.
 *
 * Functions that return PyObject * return new references, and NULL with a Python exception.
 */
#ifndef SADDLE_PYTHON_SERIAL_H
#define SADDLE_PYTHON_SERIAL_H

#include "base/strbuf.h"
#include "python/tensor_type.h"

#include <stdbool.h>

/* ---- storages: serial_storage.c ---- */

/* torch.storage.TypedStorage and UntypedStorage (its dtype is uint8): a view of a struct storage.
 * Each call that asks for a tensor's storage makes another object. */
typedef struct {
    PyObject_HEAD struct storage *storage;
    enum dtype dtype;
} StorageObject;

extern PyTypeObject *typed_storage_type, *untyped_storage_type;

bool storage_check(PyObject *object);
/* `storage` is borrowed. */
PyObject *storage_object(PyTypeObject *type, struct storage *storage, enum dtype dtype);
/* torch.FloatStorage of float32, borrowed; a TypeError for a dtype that has none. These classes
 * stand in files for the dtype; there are no objects of them. */
PyObject *storage_class(enum dtype dtype);
/* The dtype of such a class, of UntypedStorage too; DTYPE_NONE for another object. */
enum dtype storage_class_dtype(PyObject *class);
/* The name of a dtype in safetensors ("F32"), NULL where it has none, and its place in the order of
 * such files; the way back, DTYPE_NONE for a name that is none. */
const char *dtype_safetensors(enum dtype dtype, int *rank);
enum dtype dtype_from_safetensors(const char *name);

/* The copy of a storage in the memo of a copy.deepcopy(), made on first use: views of one storage
 * are views of one again. NULL with an exception. */
struct storage *storage_deepcopy(struct storage *storage, PyObject *memo);
/* Makes the booleans of bytes from outside 0 and 1, since no other byte is a bool. */
void storage_tame(struct storage *storage, enum dtype dtype);

/* ---- loading: serial_load.c, serial_archive.c, serial_legacy.c ---- */

/* What both forms of a file need while one is loaded. */
struct loading {
    PyObject *map_location; /* borrowed */
    const char *encoding;   /* of strings that Python 2 wrote */
    bool trusted;           /* weights_only=False */
    PyObject *storages;     /* dict: key -> TypedStorage */
};

/* The storage where map_location wants it, typed, kept in `loading` under the key. `storage` is
 * borrowed. */
PyObject *loading_place(struct loading *l, PyObject *key, struct storage *storage, enum dtype dtype,
                        PyObject *location);
/* ('storage', class, key, location, count, ...) taken apart, all borrowed; false with an
 * exception. */
struct storage_id {
    enum dtype dtype;
    PyObject *key, *location;
    uint64_t nbytes;
};
bool storage_id_read(PyObject *id, struct storage_id *out);

PyObject *archive_load(struct loading *l, PyObject *file);
PyObject *legacy_load(struct loading *l, PyObject *bytes);
/* torch.load() with everything at its default. */
PyObject *load_plain(PyObject *file);

/* ---- saving: serial_output.c, serial_save.c, serial_legacy.c ---- */

/* A place to write to, which is the user's only when all went well. A path is written as a file
 * beside it that takes its place in the end; anything else through memory. */
struct output {
    PyObject *file;           /* what to write to */
    PyObject *sink;           /* the user's file object, borrowed, or NULL */
    struct strbuf path, temp; /* the file, and the one beside it, when there is one */
};
/* `to`: a path or an object with write(). 0, or -1 with an exception. */
int output_open(struct output *o, PyObject *to);
int output_write(const struct output *o, const void *bytes, size_t length);
/* Ends it. `status` 0 puts the file in place; after another the user's file is what it was. Returns
 * the final status, 0 or -1 with an exception. */
int output_close(struct output *o, int status);

/* What one torch.save() gathers while it pickles. */
struct saving {
    PyObject *pickle_module, *protocol; /* borrowed */
    PyObject *keys;                     /* dict: address of a struct storage -> "0", "1", ... */
    PyObject *storages;                 /* dict: key -> TypedStorage, in the order of the keys */
    bool legacy;                        /* for the form before PyTorch 1.6 */
};
/* The bytes of a pickle of the object; its storages are gathered. */
PyObject *saving_pickle(const struct saving *s, PyObject *object);
int legacy_write(const struct output *o, const struct saving *s, PyObject *pickle);

/* The form before PyTorch 1.6 of a storage alone, as bytes. */
PyObject *storage_dumps(PyObject *storage);

/* ---- what Python gets ---- */

int serial_init(PyObject *torch);   /* torch.save, load, serialization, storage, _utils */
PyObject *PyInit_safetensors(void); /* the module safetensors, and safetensors.torch */

int storage_types_init(PyObject *torch);
int rebuild_init(PyObject *torch);
extern PyMethodDef load_methods[];

#endif
