/*
 * The iterator of a DataLoader.
 *
 * Workers are acted out in this process: each has its own random numbers, its own worker_info and,
 * for a stream, its own copy of the dataset, and they take turns as PyTorch's do. So the same data
 * comes in the same order, and nothing has to be sent from process to process.
 */
#include "base/mem.h"
#include "python/data_indices.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/types.h"

#include <string.h>

struct worker {
    PyObject *dataset, *items; /* items: the iterator over a stream */
    PyObject *info;            /* NULL: no worker, the loader itself */
    bool ended;
    struct generator *random; /* with info */
};

typedef struct {
    PyObject_HEAD PyObject *index_sampler, *indices, *collate; /* indices: an iterator */
    PyObject *reported; /* the length that a stream was said to have, or None */
    struct worker *workers;
    int worker_count, turn;
    bool batched, drop_last, stream, quick; /* quick: collate is default_collate */
    int64_t yielded, *numbers;
    int64_t room; /* numbers that fit */
} LoaderIterator;

static PyTypeObject *iterator_type, *info_type;
static PyObject *current_info, *quick_collate;

PyObject *collate_function(const char *name)
{
    PyObject *data = PyImport_ImportModule("torch.utils.data");
    PyObject *function = data ? PyObject_GetAttrString(data, name) : NULL;

    Py_XDECREF(data);
    return function;
}

PyObject *data_worker_info(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return Py_NewRef(current_info ? current_info : Py_None);
}

/* ---- workers ---- */

/* What a worker does happens with its random numbers in place of the default ones. */
static PyObject *worker_enter(struct worker *worker)
{
    PyObject *before = current_info;
    struct generator *now = generator_default(), mine;

    if (!worker->info)
        return NULL;
    mine = *worker->random;
    *worker->random = *now;
    *now = mine;
    current_info = worker->info;
    return before;
}

static void worker_leave(struct worker *worker, PyObject *before)
{
    struct generator *now = generator_default(), mine;

    if (!worker->info)
        return;
    mine = *now;
    *now = *worker->random;
    *worker->random = mine;
    current_info = before;
}

static int open_stream(LoaderIterator *self, struct worker *worker)
{
    PyObject *before;

    worker->ended = false;
    if (!self->stream)
        return 0;
    before = worker_enter(worker);
    Py_XSETREF(worker->items, PyObject_GetIter(worker->dataset));
    worker_leave(worker, before);
    return worker->items ? 0 : -1;
}

/* copy.copy(dataset): what worker_init_fn changes in it is the worker's own. */
static PyObject *own_copy(PyObject *dataset)
{
    PyObject *copy = PyImport_ImportModule("copy");
    PyObject *own = copy ? PyObject_CallMethod(copy, "copy", "O", dataset) : NULL;

    Py_XDECREF(copy);
    return own;
}

static PyObject *make_info(int id, int count, int64_t seed, PyObject *dataset)
{
    PyObject *info = PyStructSequence_New(info_type);

    if (!info)
        return NULL;
    PyStructSequence_SetItem(info, 0, PyLong_FromLong(id));
    PyStructSequence_SetItem(info, 1, PyLong_FromLong(count));
    PyStructSequence_SetItem(info, 2, PyLong_FromLongLong(seed));
    PyStructSequence_SetItem(info, 3, Py_NewRef(dataset));
    if (PyErr_Occurred())
        Py_CLEAR(info);
    return info;
}

/* Makes worker `id` of `count`, or with count 0 the loader itself. */
static int worker_start(LoaderIterator *self, int id, int count, int64_t seed, PyObject *dataset,
                        PyObject *init)
{
    struct worker *worker = &self->workers[id];
    PyObject *before, *none;

    worker->dataset = count && self->stream ? own_copy(dataset) : Py_NewRef(dataset);
    if (!worker->dataset)
        return -1;
    if (count == 0)
        return open_stream(self, worker);
    worker->random = mem_alloc(sizeof(*worker->random));
    worker->info = make_info(id, count, seed + id, worker->dataset);
    if (!worker->random || !worker->info) {
        python_error();
        return -1;
    }
    generator_seed(worker->random, (uint64_t)(seed + id));
    if (init == Py_None)
        return open_stream(self, worker);
    before = worker_enter(worker);
    none = PyObject_CallFunction(init, "i", id);
    worker_leave(worker, before);
    Py_XDECREF(none);
    return none ? open_stream(self, worker) : -1;
}

static int start_workers(LoaderIterator *self, PyObject *loader, int64_t seed)
{
    PyObject *dataset = PyObject_GetAttr(loader, data_names.dataset);
    PyObject *init = PyObject_GetAttr(loader, data_names.worker_init_fn);
    PyObject *number = PyObject_GetAttr(loader, data_names.num_workers);
    long count = number ? PyLong_AsLong(number) : -1;
    int status = dataset && init && !PyErr_Occurred() ? 0 : -1;

    if (status == 0) {
        self->workers = mem_zero((size_t)(count > 1 ? count : 1), sizeof(*self->workers));
        if (!self->workers) {
            python_error();
            status = -1;
        }
    }
    for (int id = 0; status == 0 && (id == 0 || id < count); id++) {
        self->worker_count = id + 1;
        status = worker_start(self, id, (int)count, seed, dataset, init);
    }
    Py_XDECREF(dataset);
    Py_XDECREF(init);
    Py_XDECREF(number);
    return status;
}

/* ---- making the iterator ---- */

static int read_loader(LoaderIterator *self, PyObject *loader)
{
    PyObject *drop = PyObject_GetAttr(loader, data_names.drop_last);
    int drops = drop ? PyObject_IsTrue(drop) : -1, stream = loader_is_stream(loader);

    Py_XDECREF(drop);
    self->drop_last = drops > 0;
    self->stream = stream > 0;
    self->collate = PyObject_GetAttr(loader, data_names.collate_fn);
    self->reported = PyObject_GetAttr(loader, data_names._IterableDataset_len_called);
    self->index_sampler = loader_index_sampler(loader, &self->batched);
    if (drops < 0 || stream < 0 || !self->collate || !self->reported || !self->index_sampler)
        return -1;
    self->quick = self->collate == quick_collate && self->batched && !self->stream;
    self->indices = PyObject_GetIter(self->index_sampler);
    return self->indices ? 0 : -1;
}

PyObject *loader_iterate(PyObject *loader)
{
    LoaderIterator *self = (LoaderIterator *)iterator_type->tp_alloc(iterator_type, 0);
    PyObject *generator = self ? PyObject_GetAttr(loader, data_names.generator) : NULL;
    struct generator *g;
    int status = -1;

    if (generator && read_loader(self, loader) == 0 && generator_from_python(generator, &g))
        status = start_workers(self, loader, draw_seed(g));
    Py_XDECREF(generator);
    if (status < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

int loader_iterator_reset(PyObject *object, PyObject *loader)
{
    LoaderIterator *self = (LoaderIterator *)object;
    int status = 0;

    (void)loader;
    Py_XSETREF(self->indices, PyObject_GetIter(self->index_sampler));
    self->yielded = self->turn = 0;
    for (int id = 0; self->indices && status == 0 && id < self->worker_count; id++)
        status = open_stream(self, &self->workers[id]);
    return self->indices ? status : -1;
}

/* ---- fetching ---- */

/* [dataset[i] for i in indices] */
static PyObject *fetch_each(PyObject *dataset, PyObject *indices)
{
    PyObject *iterator = PyObject_GetIter(indices), *list = iterator ? PyList_New(0) : NULL;
    PyObject *index;

    while (list && (index = PyIter_Next(iterator))) {
        PyObject *item = PyObject_GetItem(dataset, index);

        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
        Py_DECREF(index);
    }
    Py_XDECREF(iterator);
    if (PyErr_Occurred())
        Py_CLEAR(list);
    return list;
}

/* A dataset may know how to fetch many items itself: __getitems__(). */
static PyObject *fetch_items(LoaderIterator *self, PyObject *dataset, PyObject *index)
{
    PyObject *many, *items;

    if (!self->batched)
        return PyObject_GetItem(dataset, index);
    if (_PyObject_LookupAttr(dataset, data_names.__getitems__, &many) < 0)
        return NULL;
    items = many && PyObject_IsTrue(many) > 0 ? PyObject_CallOneArg(many, index)
                                              : fetch_each(dataset, index);
    Py_XDECREF(many);
    return items;
}

/* The next items of a stream: NULL without an exception at its end. */
static PyObject *fetch_stream(LoaderIterator *self, struct worker *worker, PyObject *index)
{
    Py_ssize_t wanted = self->batched ? PyObject_Size(index) : 0;
    PyObject *list, *item;

    if (worker->ended || wanted < 0)
        return NULL;
    if (!self->batched)
        return PyIter_Next(worker->items);
    list = PyList_New(0);
    while (list && PyList_GET_SIZE(list) < wanted) {
        item = PyIter_Next(worker->items);
        if (!item) {
            worker->ended = true;
            if (PyErr_Occurred() || PyList_GET_SIZE(list) == 0 || self->drop_last)
                Py_CLEAR(list);
            break;
        }
        if (PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_DECREF(item);
    }
    return list;
}

/* Items, collated; NULL without an exception at the end of a stream. */
static PyObject *fetch(LoaderIterator *self, struct worker *worker, PyObject *index)
{
    PyObject *before = worker_enter(worker), *batch = NULL, *items;

    items = self->stream ? fetch_stream(self, worker, index)
                         : fetch_items(self, worker->dataset, index);
    if (items)
        batch = PyObject_CallOneArg(self->collate, items);
    Py_XDECREF(items);
    worker_leave(worker, before);
    return batch;
}

/* ---- rows of tensors, a batch in one call ---- */

static bool make_room(LoaderIterator *self, int64_t count)
{
    int64_t *numbers;

    if (count <= self->room)
        return true;
    numbers = mem_realloc(self->numbers, (size_t)count * sizeof(*numbers));
    if (!numbers)
        return false;
    self->numbers = numbers;
    self->room = count;
    return true;
}

/* A list of plain ints into self->numbers. */
static bool read_numbers(LoaderIterator *self, PyObject *list)
{
    if (!PyList_CheckExact(list) || !make_room(self, PyList_GET_SIZE(list)))
        return false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *item = PyList_GET_ITEM(list, i);
        int overflow = 1;

        if (PyLong_CheckExact(item))
            self->numbers[i] = PyLong_AsLongLongAndOverflow(item, &overflow);
        if (overflow)
            return false;
    }
    return true;
}

static PyObject *list_of_numbers(const int64_t *numbers, int64_t count)
{
    PyObject *list = PyList_New(count);

    for (int64_t i = 0; list && i < count; i++) {
        PyObject *number = PyLong_FromLongLong(numbers[i]);

        if (!number)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, number);
    }
    return list;
}

/* The next indices of a batch sampler of ours into self->numbers: how many, 0 at the end, -1. */
static int64_t take_numbers(LoaderIterator *self, BatchIterator *batches)
{
    int64_t count;

    if (batches->ended)
        return 0;
    if (!make_room(self, batches->batch_size)) {
        python_error();
        return -1;
    }
    count = index_iterator_take(batches->inner, self->numbers, batches->batch_size);
    batches->ended = count < batches->batch_size;
    return batches->ended && batches->drop_last && count > 0 ? 0 : count;
}

/* A batch whose indices never become Python objects; Py_NotImplemented where that cannot be. */
static PyObject *quick_batch(LoaderIterator *self, const struct rows_source *rows)
{
    BatchIterator *batches = (BatchIterator *)self->indices;
    PyObject *batch, *index;
    int64_t count;

    if (!Py_IS_TYPE(self->indices, batch_iterator_type))
        Py_RETURN_NOTIMPLEMENTED;
    if (!batches->ended && batch_iterator_start(batches) < 0)
        return NULL;
    if (!batches->ended && !index_iterator_check(batches->inner))
        Py_RETURN_NOTIMPLEMENTED;
    count = take_numbers(self, batches);
    if (count <= 0)
        return NULL;
    batch = rows_fetch(rows, self->numbers, count);
    if (batch != Py_NotImplemented)
        return batch;
    Py_DECREF(batch);
    index = list_of_numbers(self->numbers, count);
    batch = index ? fetch(self, &self->workers[0], index) : NULL;
    Py_XDECREF(index);
    return batch;
}

/* ---- next ---- */

/* The worker whose turn it is; NULL when all streams have ended. */
static struct worker *next_worker(LoaderIterator *self)
{
    for (int i = 0; i < self->worker_count; i++) {
        struct worker *worker = &self->workers[self->turn];

        self->turn = (self->turn + 1) % self->worker_count;
        if (!worker->ended)
            return worker;
    }
    return NULL;
}

/* The error of a worker as it comes out of PyTorch's: of the same class, its text the traceback. */
static void caught_in_worker(const struct worker *worker)
{
    PyObject *type, *value, *traceback, *id, *message;

    if (!worker->info || !PyErr_ExceptionMatches(PyExc_Exception))
        return;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    id = PyObject_GetAttrString(worker->info, "id");
    message = id ? worker_message(type, value, traceback, id) : NULL;
    Py_XDECREF(id);
    if (message)
        worker_raise(type, message);
    Py_XDECREF(message);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
}

static PyObject *batch_of(LoaderIterator *self, PyObject *index)
{
    struct worker *worker;
    struct rows_source rows;
    PyObject *batch;

    if (self->quick && rows_source_of(self->workers[0].dataset, &rows) &&
        read_numbers(self, index)) {
        batch = rows_fetch(&rows, self->numbers, PyList_GET_SIZE(index));
        if (batch != Py_NotImplemented)
            return batch;
        Py_DECREF(batch);
    }
    while ((worker = next_worker(self))) {
        batch = fetch(self, worker, index);
        if (!batch && PyErr_Occurred())
            caught_in_worker(worker);
        if (batch || PyErr_Occurred())
            return batch;
        worker->ended = true;
    }
    return NULL;
}

static PyObject *next_batch(LoaderIterator *self)
{
    struct rows_source rows;
    PyObject *index, *batch;

    if (self->quick && rows_source_of(self->workers[0].dataset, &rows)) {
        batch = quick_batch(self, &rows);
        if (batch != Py_NotImplemented)
            return batch;
        Py_DECREF(batch);
    }
    index = PyIter_Next(self->indices);
    batch = index ? batch_of(self, index) : NULL;
    Py_XDECREF(index);
    return batch;
}

/* More came than a stream's len() had said. */
static int warn_of_length(LoaderIterator *self)
{
    long long reported;

    if (!self->stream || self->reported == Py_None)
        return 0;
    reported = PyLong_AsLongLong(self->reported);
    if (PyErr_Occurred() || self->yielded <= reported)
        return PyErr_Occurred() ? -1 : 0;
    return PyErr_WarnFormat(
        PyExc_UserWarning, 1,
        "Length of IterableDataset %S was reported to be %lld (when accessing len(dataloader)), "
        "but %lld samples have been fetched. %s",
        self->workers[0].dataset, reported, (long long)self->yielded,
        self->workers[0].info
            ? "For multiprocessing data-loading, this could be caused by not properly configuring "
              "the IterableDataset replica at each worker. Please see "
              "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for "
              "examples."
            : "");
}

static PyObject *iterator_next(PyObject *object)
{
    LoaderIterator *self = (LoaderIterator *)object;
    PyObject *batch = self->indices ? next_batch(self) : NULL;

    if (!batch)
        return NULL;
    self->yielded++;
    if (warn_of_length(self) < 0)
        Py_CLEAR(batch);
    return batch;
}

static Py_ssize_t iterator_length(PyObject *object)
{
    return PyObject_Size(((LoaderIterator *)object)->index_sampler);
}

/* ---- the type ---- */

static int iterator_traverse(PyObject *object, visitproc visit, void *arg)
{
    LoaderIterator *self = (LoaderIterator *)object;

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->index_sampler);
    Py_VISIT(self->indices);
    Py_VISIT(self->collate);
    Py_VISIT(self->reported);
    for (int id = 0; id < self->worker_count; id++) {
        Py_VISIT(self->workers[id].dataset);
        Py_VISIT(self->workers[id].items);
        Py_VISIT(self->workers[id].info);
    }
    return 0;
}

static int iterator_clear(PyObject *object)
{
    LoaderIterator *self = (LoaderIterator *)object;

    Py_CLEAR(self->indices);
    Py_CLEAR(self->index_sampler);
    Py_CLEAR(self->collate);
    Py_CLEAR(self->reported);
    for (int id = 0; id < self->worker_count; id++) {
        Py_CLEAR(self->workers[id].dataset);
        Py_CLEAR(self->workers[id].items);
        Py_CLEAR(self->workers[id].info);
    }
    return 0;
}

static void iterator_dealloc(PyObject *object)
{
    LoaderIterator *self = (LoaderIterator *)object;
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    iterator_clear(object);
    for (int id = 0; id < self->worker_count; id++)
        mem_free(self->workers[id].random);
    mem_free(self->workers);
    mem_free(self->numbers);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Spec iterator_spec = {
    .name = "torch.utils.data.dataloader._SingleProcessDataLoaderIter",
    .basicsize = sizeof(LoaderIterator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = (PyType_Slot[]){{Py_tp_iter, PyObject_SelfIter},
                             {Py_tp_iternext, iterator_next},
                             {Py_mp_length, iterator_length},
                             {Py_sq_length, iterator_length},
                             {Py_tp_traverse, iterator_traverse},
                             {Py_tp_clear, iterator_clear},
                             {Py_tp_dealloc, iterator_dealloc},
                             {0, NULL}}};

static PyStructSequence_Field info_fields[] = {{"id", "the number of this worker"},
                                               {"num_workers", "how many there are"},
                                               {"seed", "of this worker's random numbers"},
                                               {"dataset", "this worker's own"},
                                               {NULL, NULL}};
static PyStructSequence_Desc info_desc = {
    .name = "WorkerInfo", .fields = info_fields, .n_in_sequence = 4};

int loader_iterator_init(PyObject *torch)
{
    (void)torch;
    iterator_type = (PyTypeObject *)PyType_FromSpec(&iterator_spec);
    info_type = PyStructSequence_NewType(&info_desc);
    return iterator_type && info_type ? 0 : -1;
}

int loader_iterator_ready(PyObject *torch)
{
    (void)torch;
    quick_collate = collate_function("default_collate");
    return quick_collate ? 0 : -1;
}
