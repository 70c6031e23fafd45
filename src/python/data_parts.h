/*
 * data_parts.h: what the files of torch.utils.data share. Private to src/python.
 *
 * As in PyTorch, all state that users may look at is in the `__dict__` of the objects: ds.tensors,
 * loader.batch_size. So copying, pickling and subclasses work as they do there.
 *
 * Functions that return PyObject * return new references, and NULL with a Python exception; those
 * that return int give 0, or -1 with an exception; unless said otherwise.
 */
#ifndef SADDLE_PYTHON_DATA_PARTS_H
#define SADDLE_PYTHON_DATA_PARTS_H

#include "python/tensor_type.h"
#include "tensor/random.h"

#include <stdbool.h>

/* Attribute names, interned once by data_names_init(). */
/* clang-format off */
#define DATA_NAMES(X)                                                                              \
    X(__getitems__) X(__iter__) X(_DataLoader__initialized) X(_DataLoader__multiprocessing_context) X(_IterableDataset_len_called)         \
    X(_dataset_kind) X(_iterator) X(_num_samples) X(batch_sampler) X(batch_size) X(collate_fn)     \
    X(cumulative_sizes) X(data_source) X(dataset) X(datasets) X(drop_last) X(generator)            \
    X(indices) X(multiprocessing_context) X(num_samples) X(num_workers) X(persistent_workers)      \
    X(pin_memory) X(pin_memory_device) X(prefetch_factor) X(replacement) X(sampler) X(tensors)     \
    X(timeout) X(weights) X(worker_init_fn)
/* clang-format on */
struct data_names {
#define X(name) PyObject *name;
    DATA_NAMES(X)
#undef X
};
extern struct data_names data_names;

/* ---- objects with a __dict__ and nothing else: datasets, samplers, loaders ---- */

typedef struct {
    PyObject_HEAD PyObject *dict;
    PyObject *weakrefs;
} DataObject;

struct data_class {
    const char *path; /* "torch.utils.data.dataset.Subset" */
    PyTypeObject **base, **type;
    PyType_Slot *slots; /* beyond those of all DataObjects; ends with {0, NULL} */
};
/* Makes the class and adds it to its module, to torch.utils.data and, if `type` is given, there. */
int data_add_class(PyObject *torch, const struct data_class *class);
/* `class C(Dataset[int])` */
PyObject *data_class_getitem(PyObject *cls, PyObject *item);
/* Sets an attribute to a value that is taken over; NULL passes its error on. */
int data_take(PyObject *self, PyObject *name, PyObject *value);

/* ---- errors of workers ---- */

/* "Caught KeyError in DataLoader worker process 0." and the traceback. A new reference. */
PyObject *worker_message(PyObject *type, PyObject *value, PyObject *traceback, PyObject *id);
/* Raises the class with that text; a RuntimeError when it cannot be made of a text. */
void worker_raise(PyObject *type, PyObject *message);

/* ---- datasets ---- */

extern PyTypeObject *dataset_type, *iterable_dataset_type;

/* What a loop over a TensorDataset, or over Subsets of one, reads: tensors, and a way from the
 * loop's indices to rows. */
enum { ROWS_DEPTH = 4 };
struct rows_source {
    PyObject *tensors;             /* a tuple of tensors */
    PyObject *indices[ROWS_DEPTH]; /* lists of ints to go through, the outermost first */
    int depth;
};
/* Whether rows of `dataset` can be fetched many at a time with the same result; *out is borrowed
 * from it. */
bool rows_source_of(PyObject *dataset, struct rows_source *out);
/* What default_collate() makes of the items at these indices: a list of tensors. Py_NotImplemented
 * when they must be fetched one by one (a row that does not exist, a gradient to record). */
PyObject *rows_fetch(const struct rows_source *source, const int64_t *indices, int64_t count);

int dataset_init(PyObject *torch);
int tensor_dataset_init(PyObject *torch);
PyObject *data_random_split(PyObject *module, PyObject *args, PyObject *kwargs);

/* ---- samplers ---- */

extern PyTypeObject *sampler_type, *sequential_sampler_type, *random_sampler_type;
extern PyTypeObject *batch_sampler_type, *batch_iterator_type;

/* What iter(BatchSampler) gives. */
typedef struct {
    PyObject_HEAD PyObject *batch_sampler, *inner; /* inner: made at the first batch */
    Py_ssize_t batch_size;
    bool drop_last, ended;
} BatchIterator;
/* Sees to it that the inner iterator is there. */
int batch_iterator_start(BatchIterator *self);

int sampler_init(PyObject *torch);
int batch_sampler_init(PyObject *torch);
/* A random whole number from 0 to 2**63 - 1, as empty((), dtype=int64).random_() draws it. -1 on
 * error. */
int64_t draw_seed(struct generator *g);

/* ---- collate ---- */

PyObject *default_collate(PyObject *module, PyObject *batch);
PyObject *default_convert(PyObject *module, PyObject *data);
int collate_init(PyObject *torch);

/* ---- the loader ---- */

/* loader.batch_sampler, or loader.sampler where nothing is batched. */
PyObject *loader_index_sampler(PyObject *loader, bool *batched);
int loader_is_stream(PyObject *loader);                          /* 1, 0, or -1 */
PyObject *loader_iterate(PyObject *loader);                      /* a new iterator */
int loader_iterator_reset(PyObject *iterator, PyObject *loader); /* it starts again */
PyObject *collate_function(const char *name);                    /* of torch.utils.data */
PyObject *data_worker_info(PyObject *module, PyObject *unused);
int loader_init(PyObject *torch);
int loader_iterator_init(PyObject *torch);
int loader_iterator_ready(PyObject *torch); /* after the module has its functions */

#endif
