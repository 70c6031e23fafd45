/* DataLoader: its arguments and attributes. What it yields is in data_fetch.c. */
#include "python/bind.h"
#include "python/data_parts.h"

static PyTypeObject *loader_type;

/* ---- construction ---- */

/* clang-format off */
#define ARGUMENTS(X)                                                                               \
    X(dataset) X(batch_size) X(shuffle) X(sampler) X(batch_sampler) X(num_workers) X(collate_fn)   \
    X(pin_memory) X(drop_last) X(timeout) X(worker_init_fn) X(multiprocessing_context)             \
    X(generator) X(prefetch_factor) X(persistent_workers) X(pin_memory_device)
/* clang-format on */
enum argument {
#define X(name) ARG_##name,
    ARGUMENTS(X)
#undef X
        ARG_COUNT
};

static int refuse(const char *message)
{
    PyErr_SetString(PyExc_ValueError, message);
    return -1;
}

/* object < 0, as Python compares */
static int is_negative(PyObject *object)
{
    PyObject *zero = PyLong_FromLong(0);
    int negative = zero ? PyObject_RichCompareBool(object, zero, Py_LT) : -1;

    Py_XDECREF(zero);
    return negative;
}

/* What concerns workers, which are accepted though all work is done in this process. */
static int check_workers(PyObject *const *v)
{
    int negative = is_negative(v[ARG_num_workers]), late = is_negative(v[ARG_timeout]);
    long workers, prefetch;

    if (negative)
        return negative < 0 ? -1
                            : refuse("num_workers option should be non-negative; use num_workers=0 "
                                     "to disable multiprocessing.");
    if (late)
        return late < 0 ? -1 : refuse("timeout option should be non-negative");
    workers = PyLong_AsLong(v[ARG_num_workers]);
    prefetch = PyLong_AsLong(v[ARG_prefetch_factor]);
    if (PyErr_Occurred())
        return -1;
    if (workers == 0 && prefetch != 2)
        return refuse("prefetch_factor option could only be specified in multiprocessing."
                      "let num_workers > 0 to enable multiprocessing.");
    if (prefetch <= 0) {
        PyErr_SetNone(PyExc_AssertionError);
        return -1;
    }
    if (workers == 0 && PyObject_IsTrue(v[ARG_persistent_workers]))
        return refuse("persistent_workers option needs num_workers > 0");
    return 0;
}

/* A stream comes in its own order. */
static int check_stream(PyObject *const *v)
{
    static const struct {
        enum argument at;
        const char *name;
    } orders[] = {
        {ARG_shuffle, "shuffle"}, {ARG_sampler, "sampler"}, {ARG_batch_sampler, "batch_sampler"}};

    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
        PyObject *value = v[orders[i].at];

        if (value == Py_None || (orders[i].at == ARG_shuffle && value == Py_False))
            continue;
        PyErr_Format(PyExc_ValueError,
                     "DataLoader with IterableDataset: expected unspecified %s option, but got "
                     "%s=%S",
                     orders[i].name, orders[i].name, value);
        return -1;
    }
    return 0;
}

static bool is_int(PyObject *object, long value)
{
    return PyLong_Check(object) && PyLong_AsLong(object) == value;
}

/* Options that exclude each other. batch_size and drop_last lose their meaning beside
 * batch_sampler. */
static int check_batching(PyObject **v, bool shuffle)
{
    bool drop_last = PyObject_IsTrue(v[ARG_drop_last]) > 0;

    if (v[ARG_sampler] != Py_None && shuffle)
        return refuse("sampler option is mutually exclusive with shuffle");
    if (v[ARG_batch_sampler] != Py_None) {
        if (!is_int(v[ARG_batch_size], 1) || shuffle || v[ARG_sampler] != Py_None || drop_last)
            return refuse("batch_sampler option is mutually exclusive with batch_size, shuffle, "
                          "sampler, and drop_last");
        v[ARG_batch_size] = Py_None;
        v[ARG_drop_last] = Py_False;
    } else if (v[ARG_batch_size] == Py_None && drop_last) {
        return refuse("batch_size=None option disables auto-batching and is mutually exclusive "
                      "with drop_last");
    }
    return 0;
}

/* The sampler of those that give none. */
static PyObject *default_sampler(PyObject *const *v, bool stream, bool shuffle)
{
    PyObject *itertools, *endless;

    if (!stream && shuffle)
        return PyObject_CallFunction((PyObject *)random_sampler_type, "OOOO", v[ARG_dataset],
                                     Py_False, Py_None, v[ARG_generator]);
    if (!stream)
        return PyObject_CallOneArg((PyObject *)sequential_sampler_type, v[ARG_dataset]);
    itertools = PyImport_ImportModule("itertools");
    endless = itertools ? PyObject_CallMethod(itertools, "repeat", "O", Py_None) : NULL;
    Py_XDECREF(itertools);
    return endless;
}

/* sampler and batch_sampler, made where they are not given. */
static int set_samplers(PyObject *self, PyObject *const *v, bool stream, bool shuffle)
{
    PyObject *sampler =
        v[ARG_sampler] == Py_None ? default_sampler(v, stream, shuffle) : Py_NewRef(v[ARG_sampler]);
    PyObject *batches = NULL;
    int status = -1;

    if (sampler && v[ARG_batch_size] != Py_None && v[ARG_batch_sampler] == Py_None)
        batches = PyObject_CallFunction((PyObject *)batch_sampler_type, "OOO", sampler,
                                        v[ARG_batch_size], v[ARG_drop_last]);
    else if (sampler)
        batches = Py_NewRef(v[ARG_batch_sampler]);
    if (batches && PyObject_SetAttr(self, data_names.sampler, sampler) == 0)
        status = PyObject_SetAttr(self, data_names.batch_sampler, batches);
    Py_XDECREF(sampler);
    Py_XDECREF(batches);
    return status;
}

static int set_collate(PyObject *self, PyObject *given)
{
    PyObject *sampler;
    bool batched;

    if (given != Py_None)
        return PyObject_SetAttr(self, data_names.collate_fn, given);
    sampler = loader_index_sampler(self, &batched);
    if (!sampler)
        return -1;
    Py_DECREF(sampler);
    return data_take(self, data_names.collate_fn,
                     collate_function(batched ? "default_collate" : "default_convert"));
}

static int set_attributes(PyObject *self, PyObject *const *v)
{
    const struct {
        PyObject *name, *value;
    } attributes[] = {{data_names.dataset, v[ARG_dataset]},
                      {data_names.num_workers, v[ARG_num_workers]},
                      {data_names.prefetch_factor, v[ARG_prefetch_factor]},
                      {data_names.pin_memory, v[ARG_pin_memory]},
                      {data_names.pin_memory_device, v[ARG_pin_memory_device]},
                      {data_names.timeout, v[ARG_timeout]},
                      {data_names.worker_init_fn, v[ARG_worker_init_fn]},
                      {data_names.multiprocessing_context, v[ARG_multiprocessing_context]},
                      {data_names.batch_size, v[ARG_batch_size]},
                      {data_names.drop_last, v[ARG_drop_last]},
                      {data_names.generator, v[ARG_generator]},
                      {data_names.persistent_workers, v[ARG_persistent_workers]},
                      {data_names._iterator, Py_None},
                      {data_names._IterableDataset_len_called, Py_None}};

    for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
        if (PyObject_SetAttr(self, attributes[i].name, attributes[i].value) < 0)
            return -1;
    }
    return 0;
}

static int loader_setup(PyObject *self, PyObject **v)
{
    bool stream = PyObject_TypeCheck(v[ARG_dataset], iterable_dataset_type), shuffle = false;
    int truth;

    if (check_workers(v) < 0)
        return -1;
    if (stream) {
        if (check_stream(v) < 0)
            return -1;
    } else {
        truth = PyObject_IsTrue(v[ARG_shuffle]);
        if (truth < 0)
            return -1;
        shuffle = truth;
    }
    if (check_batching(v, shuffle) < 0 || set_attributes(self, v) < 0 ||
        data_take(self, data_names._dataset_kind, PyLong_FromLong(stream)) < 0 ||
        set_samplers(self, v, stream, shuffle) < 0 || set_collate(self, v[ARG_collate_fn]) < 0)
        return -1;
    return PyObject_SetAttr(self, data_names._DataLoader__initialized, Py_True);
}

static int loader_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {
#define X(name) #name,
        ARGUMENTS(X)
#undef X
    };
    static const struct binding binding = {"DataLoader.__init__", names, ARG_COUNT,
                                           ARG_prefetch_factor,   1,     1};
    PyObject *numbers = Py_BuildValue("(iiis)", 1, 0, 2, ""), *v[ARG_COUNT];
    int status = -1;

    if (!numbers)
        return -1;
    for (int i = 0; i < ARG_COUNT; i++)
        v[i] = Py_None;
    v[ARG_batch_size] = PyTuple_GET_ITEM(numbers, 0);
    v[ARG_num_workers] = v[ARG_timeout] = PyTuple_GET_ITEM(numbers, 1);
    v[ARG_prefetch_factor] = PyTuple_GET_ITEM(numbers, 2);
    v[ARG_pin_memory_device] = PyTuple_GET_ITEM(numbers, 3);
    v[ARG_pin_memory] = v[ARG_drop_last] = v[ARG_persistent_workers] = Py_False;
    if (binding_read(&binding, args, kwargs, v) == 0)
        status = loader_setup(self, v);
    Py_DECREF(numbers);
    return status;
}

/* ---- attributes ---- */

PyObject *loader_index_sampler(PyObject *self, bool *batched)
{
    PyObject *sampler = PyObject_GetAttr(self, data_names.batch_sampler);

    *batched = sampler && sampler != Py_None;
    if (sampler != Py_None)
        return sampler;
    Py_DECREF(sampler);
    return PyObject_GetAttr(self, data_names.sampler);
}

static PyObject *get_index_sampler(PyObject *self, void *unused)
{
    bool batched;

    (void)unused;
    return loader_index_sampler(self, &batched);
}

static PyObject *get_auto_collation(PyObject *self, void *unused)
{
    bool batched;
    PyObject *sampler = loader_index_sampler(self, &batched);

    (void)unused;
    Py_XDECREF(sampler);
    return sampler ? PyBool_FromLong(batched) : NULL;
}

static PyObject *get_context(PyObject *self, void *unused)
{
    (void)unused;
    return PyObject_GetAttr(self, data_names._DataLoader__multiprocessing_context);
}

/* A start method by its name, or an object that stands for one. */
static int check_context(PyObject *self, PyObject *context)
{
    PyObject *workers;
    long count;

    if (context == Py_None)
        return 0;
    workers = PyObject_GetAttr(self, data_names.num_workers);
    count = workers ? PyLong_AsLong(workers) : -1;
    Py_XDECREF(workers);
    if (count == -1 && PyErr_Occurred())
        return -1;
    if (count == 0)
        return refuse("multiprocessing_context can only be used with multi-process loading "
                      "(num_workers > 0), but got num_workers=0");
    if (PyUnicode_Check(context)) {
        static const char *const methods[] = {"fork", "spawn", "forkserver"};

        for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
            if (PyUnicode_CompareWithASCIIString(context, methods[i]) == 0)
                return 0;
        }
        PyErr_Format(PyExc_ValueError,
                     "multiprocessing_context option should specify a valid start method in "
                     "['fork', 'spawn', 'forkserver'], but got multiprocessing_context=%R",
                     context);
        return -1;
    }
    if (PyObject_HasAttrString(context, "get_start_method"))
        return 0;
    PyErr_Format(PyExc_TypeError,
                 "multiprocessing_context option should be a valid context object or a string "
                 "specifying the start method, but got multiprocessing_context=%S",
                 context);
    return -1;
}

static int set_context(PyObject *self, PyObject *context, void *unused)
{
    (void)unused;
    if (!context)
        context = Py_None;
    if (check_context(self, context) < 0)
        return -1;
    return PyObject_SetAttr(self, data_names._DataLoader__multiprocessing_context, context);
}

/* What the samplers were made from cannot change behind their back. */
static int loader_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    PyObject *const fixed[] = {data_names.batch_size, data_names.batch_sampler,
                               data_names.sampler,    data_names.drop_last,
                               data_names.dataset,    data_names.persistent_workers};
    PyObject *dict = ((DataObject *)self)->dict;

    if (!dict || !PyDict_GetItem(dict, data_names._DataLoader__initialized))
        return PyObject_GenericSetAttr(self, name, value);
    for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
        if (PyUnicode_Compare(name, fixed[i]) == 0) {
            PyErr_Format(PyExc_ValueError, "%U attribute should not be set after %s is initialized",
                         name, _PyType_Name(Py_TYPE(self)));
            return -1;
        }
    }
    return PyObject_GenericSetAttr(self, name, value);
}

static Py_ssize_t attribute_length(PyObject *self, PyObject *name)
{
    PyObject *object = PyObject_GetAttr(self, name);
    Py_ssize_t length = object ? PyObject_Size(object) : -1;

    Py_XDECREF(object);
    return length;
}

/* Of a stream only its own length is known, which is noted to warn when more comes. */
static Py_ssize_t stream_length(PyObject *self)
{
    Py_ssize_t items = attribute_length(self, data_names.dataset), size;
    PyObject *size_object, *drop;

    if (items < 0 ||
        data_take(self, data_names._IterableDataset_len_called, PyLong_FromSsize_t(items)) < 0)
        return -1;
    size_object = PyObject_GetAttr(self, data_names.batch_size);
    drop = PyObject_GetAttr(self, data_names.drop_last);
    if (size_object && drop && size_object != Py_None) {
        size = PyLong_AsSsize_t(size_object);
        if (size > 0)
            items = items / size + (!PyObject_IsTrue(drop) && items % size != 0);
    }
    Py_XDECREF(size_object);
    Py_XDECREF(drop);
    return PyErr_Occurred() ? -1 : items;
}

static Py_ssize_t loader_length(PyObject *self)
{
    bool batched;
    int stream = loader_is_stream(self);
    PyObject *sampler;
    Py_ssize_t length;

    if (stream)
        return stream < 0 ? -1 : stream_length(self);
    sampler = loader_index_sampler(self, &batched);
    length = sampler ? PyObject_Size(sampler) : -1;
    Py_XDECREF(sampler);
    return length;
}

int loader_is_stream(PyObject *self)
{
    PyObject *kind = PyObject_GetAttr(self, data_names._dataset_kind);
    int stream = kind ? PyObject_IsTrue(kind) : -1;

    Py_XDECREF(kind);
    return stream;
}

/* Persistent workers live on in the iterator. */
static PyObject *loader_iter(PyObject *self)
{
    PyObject *persistent = PyObject_GetAttr(self, data_names.persistent_workers), *kept;
    int keeps = persistent ? PyObject_IsTrue(persistent) : -1;

    Py_XDECREF(persistent);
    if (keeps <= 0)
        return keeps < 0 ? NULL : loader_iterate(self);
    kept = PyObject_GetAttr(self, data_names._iterator);
    if (!kept)
        return NULL;
    if (kept != Py_None) {
        if (loader_iterator_reset(kept, self) < 0)
            Py_CLEAR(kept);
        return kept;
    }
    Py_SETREF(kept, loader_iterate(self));
    if (kept && PyObject_SetAttr(self, data_names._iterator, kept) < 0)
        Py_CLEAR(kept);
    return kept;
}

/* ---- the class ---- */

static PyMethodDef methods[] = {
    {"__class_getitem__", data_class_getitem, METH_O | METH_CLASS, NULL}, {NULL, NULL, 0, NULL}};

static PyGetSetDef getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {"_index_sampler", get_index_sampler, NULL, NULL, NULL},
    {"_auto_collation", get_auto_collation, NULL, NULL, NULL},
    {"multiprocessing_context", get_context, set_context, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static const struct data_class class = {
    "torch.utils.data.dataloader.DataLoader", NULL, &loader_type,
    (PyType_Slot[]){{Py_tp_init, loader_construct},
                    {Py_tp_iter, loader_iter},
                    {Py_mp_length, loader_length},
                    {Py_sq_length, loader_length},
                    {Py_tp_setattro, loader_setattro},
                    {Py_tp_methods, methods},
                    {Py_tp_getset, getset},
                    {Py_tp_doc,
                     "DataLoader(dataset, batch_size=1, shuffle=None, sampler=None, "
                     "batch_sampler=None, num_workers=0, collate_fn=None, pin_memory=False, "
                     "drop_last=False, timeout=0, worker_init_fn=None, "
                     "multiprocessing_context=None, generator=None, *, prefetch_factor=2, "
                     "persistent_workers=False, pin_memory_device='')\n--\n\nThe batches of a "
                     "dataset, once for each loop over it."},
                    {0, NULL}}};

int loader_init(PyObject *torch)
{
    return data_add_class(torch, &class);
}
