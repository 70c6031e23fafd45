/* Dataset, IterableDataset, and those that join others: ConcatDataset, ChainDataset. */
#include "python/bind.h"
#include "python/data_parts.h"

PyTypeObject *dataset_type, *iterable_dataset_type;
static PyTypeObject *concat_dataset_type;
static PyTypeObject *chain_dataset_type, *chain_iterator_type;

/* ---- the bases ---- */

static PyObject *not_implemented(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    PyErr_SetNone(PyExc_NotImplementedError);
    return NULL;
}

static PyObject *dataset_item(PyObject *self, Py_ssize_t index)
{
    (void)index;
    return not_implemented(self, NULL);
}

/* type([self, other]) */
static PyObject *joined(PyTypeObject *type, PyObject *self, PyObject *other)
{
    PyObject *list = Py_BuildValue("[OO]", self, other);
    PyObject *result = list ? PyObject_CallOneArg((PyObject *)type, list) : NULL;

    Py_XDECREF(list);
    return result;
}

static PyObject *dataset_add(PyObject *self, PyObject *other)
{
    return joined(concat_dataset_type, self, other);
}

static PyObject *iterable_add(PyObject *self, PyObject *other)
{
    return joined(chain_dataset_type, self, other);
}

static PyObject *iterable_iter(PyObject *self)
{
    return not_implemented(self, NULL);
}

/* a + b where b alone is a dataset is not what these classes define. */
static PyObject *dataset_number_add(PyObject *a, PyObject *b)
{
    if (!PyObject_TypeCheck(a, dataset_type))
        Py_RETURN_NOTIMPLEMENTED;
    return PyObject_TypeCheck(a, iterable_dataset_type) ? iterable_add(a, b) : dataset_add(a, b);
}

static PyMethodDef dataset_methods[] = {
    {"__class_getitem__", data_class_getitem, METH_O | METH_CLASS, NULL}, {NULL, NULL, 0, NULL}};

/* ---- ConcatDataset ---- */

static PyObject *sizes_so_far(PyObject *list)
{
    PyObject *sizes = PyList_New(PyList_GET_SIZE(list));
    Py_ssize_t sum = 0;

    for (Py_ssize_t i = 0; sizes && i < PyList_GET_SIZE(sizes); i++) {
        Py_ssize_t size = PyObject_Size(PyList_GET_ITEM(list, i));
        PyObject *total = size < 0 ? NULL : PyLong_FromSsize_t(sum += size);

        if (!total)
            Py_CLEAR(sizes);
        else
            PyList_SET_ITEM(sizes, i, total);
    }
    return sizes;
}

static int concat_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"datasets"};
    static const struct binding binding = {"ConcatDataset.__init__", names, 1, 1, 1, 1};
    PyObject *datasets, *list;
    int status = -1;

    if (binding_read(&binding, args, kwargs, &datasets) < 0)
        return -1;
    list = PySequence_List(datasets);
    if (!list)
        return -1;
    if (PyList_GET_SIZE(list) == 0) {
        PyErr_SetString(PyExc_AssertionError, "datasets should not be an empty iterable");
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        if (PyObject_TypeCheck(PyList_GET_ITEM(list, i), iterable_dataset_type)) {
            PyErr_SetString(PyExc_AssertionError, "ConcatDataset does not support IterableDataset");
            goto done;
        }
    }
    if (PyObject_SetAttr(self, data_names.datasets, list) == 0)
        status = data_take(self, data_names.cumulative_sizes, sizes_so_far(list));
done:
    Py_DECREF(list);
    return status;
}

static Py_ssize_t concat_length(PyObject *self)
{
    PyObject *sizes = PyObject_GetAttr(self, data_names.cumulative_sizes);
    PyObject *last = sizes ? PySequence_GetItem(sizes, -1) : NULL;
    Py_ssize_t length = last ? PyLong_AsSsize_t(last) : -1;

    Py_XDECREF(sizes);
    Py_XDECREF(last);
    return length;
}

/* Which dataset holds item `index`, and the first index of that dataset; -1 on error. */
static Py_ssize_t find_part(PyObject *sizes, Py_ssize_t index, Py_ssize_t *first)
{
    Py_ssize_t part = 0;

    for (*first = 0; part < PyList_GET_SIZE(sizes); part++) {
        Py_ssize_t end = PyLong_AsSsize_t(PyList_GET_ITEM(sizes, part));

        if (end == -1 && PyErr_Occurred())
            return -1;
        if (index < end)
            break;
        *first = end;
    }
    return part;
}

static PyObject *concat_at(PyObject *self, Py_ssize_t index)
{
    PyObject *sizes = PyObject_GetAttr(self, data_names.cumulative_sizes);
    PyObject *datasets = PyObject_GetAttr(self, data_names.datasets), *dataset, *within;
    PyObject *item = NULL;
    Py_ssize_t part, first;

    if (!sizes || !datasets)
        goto done;
    if (!PyList_Check(sizes)) {
        PyErr_SetString(PyExc_TypeError, "cumulative_sizes must be a list");
        goto done;
    }
    part = find_part(sizes, index, &first);
    if (part < 0)
        goto done;
    dataset = PySequence_GetItem(datasets, part);
    within = dataset ? PyLong_FromSsize_t(index - first) : NULL;
    if (within)
        item = PyObject_GetItem(dataset, within);
    Py_XDECREF(dataset);
    Py_XDECREF(within);
done:
    Py_XDECREF(sizes);
    Py_XDECREF(datasets);
    return item;
}

static PyObject *concat_subscript(PyObject *self, PyObject *key)
{
    Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError), length;

    if (index == -1 && PyErr_Occurred())
        return NULL;
    if (index < 0) {
        length = concat_length(self);
        if (length == -1 && PyErr_Occurred())
            return NULL;
        if (-index > length) {
            PyErr_SetString(PyExc_ValueError,
                            "absolute value of index should not exceed dataset length");
            return NULL;
        }
        index += length;
    }
    return concat_at(self, index);
}

/* ---- ChainDataset ---- */

static int chain_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"datasets"};
    static const struct binding binding = {"ChainDataset.__init__", names, 1, 1, 1, 1};
    PyObject *datasets;

    if (binding_read(&binding, args, kwargs, &datasets) < 0)
        return -1;
    return PyObject_SetAttr(self, data_names.datasets, datasets);
}

static int check_chained(PyObject *dataset)
{
    if (PyObject_TypeCheck(dataset, iterable_dataset_type))
        return 0;
    PyErr_SetString(PyExc_AssertionError, "ChainDataset only supports IterableDataset");
    return -1;
}

static Py_ssize_t chain_length(PyObject *self)
{
    PyObject *datasets = PyObject_GetAttr(self, data_names.datasets);
    PyObject *list = datasets ? PySequence_List(datasets) : NULL;
    Py_ssize_t sum = list ? 0 : -1;

    for (Py_ssize_t i = 0; sum >= 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *dataset = PyList_GET_ITEM(list, i);
        Py_ssize_t length = check_chained(dataset) < 0 ? -1 : PyObject_Size(dataset);

        sum = length < 0 ? -1 : sum + length;
    }
    Py_XDECREF(datasets);
    Py_XDECREF(list);
    return sum;
}

typedef struct {
    PyObject_HEAD PyObject *datasets,
        *items; /* iterators; items: of the dataset in turn, or NULL */
} ChainIterator;

static PyObject *chain_iter(PyObject *self)
{
    PyObject *datasets = PyObject_GetAttr(self, data_names.datasets);
    PyObject *iterator = datasets ? PyObject_GetIter(datasets) : NULL;
    ChainIterator *made = iterator ? PyObject_GC_New(ChainIterator, chain_iterator_type) : NULL;

    Py_XDECREF(datasets);
    if (!made) {
        Py_XDECREF(iterator);
        return NULL;
    }
    made->datasets = iterator;
    made->items = NULL;
    PyObject_GC_Track(made);
    return (PyObject *)made;
}

static PyObject *chain_next(PyObject *object)
{
    ChainIterator *self = (ChainIterator *)object;

    for (;;) {
        PyObject *dataset, *item = self->items ? PyIter_Next(self->items) : NULL;

        if (item || PyErr_Occurred())
            return item;
        Py_CLEAR(self->items);
        dataset = PyIter_Next(self->datasets);
        if (!dataset)
            return NULL;
        if (check_chained(dataset) == 0)
            self->items = PyObject_GetIter(dataset);
        Py_DECREF(dataset);
        if (!self->items)
            return NULL;
    }
}

static int chain_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((ChainIterator *)object)->datasets);
    Py_VISIT(((ChainIterator *)object)->items);
    return 0;
}

static int chain_clear(PyObject *object)
{
    Py_CLEAR(((ChainIterator *)object)->datasets);
    Py_CLEAR(((ChainIterator *)object)->items);
    return 0;
}

static void chain_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    chain_clear(object);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

static PyType_Spec chain_iterator_spec = {.name = "torch.utils.data.dataset._ChainIterator",
                                          .basicsize = sizeof(ChainIterator),
                                          .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                                   Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                          .slots = (PyType_Slot[]){{Py_tp_iter, PyObject_SelfIter},
                                                                   {Py_tp_iternext, chain_next},
                                                                   {Py_tp_traverse, chain_traverse},
                                                                   {Py_tp_clear, chain_clear},
                                                                   {Py_tp_dealloc, chain_dealloc},
                                                                   {0, NULL}}};

/* ---- the classes ---- */

static const struct data_class classes[] = {
    {"torch.utils.data.dataset.Dataset", NULL, &dataset_type,
     (PyType_Slot[]){{Py_mp_subscript, not_implemented},
                     {Py_sq_item, dataset_item},
                     {Py_nb_add, dataset_number_add},
                     {Py_tp_methods, dataset_methods},
                     {Py_tp_doc, "Items by key: a subclass writes __getitem__(), and __len__()."},
                     {0, NULL}}},
    {"torch.utils.data.dataset.IterableDataset", &dataset_type, &iterable_dataset_type,
     (PyType_Slot[]){{Py_tp_iter, iterable_iter},
                     {Py_tp_doc, "A stream of items: a subclass writes __iter__()."},
                     {0, NULL}}},
    {"torch.utils.data.dataset.ConcatDataset", &dataset_type, &concat_dataset_type,
     (PyType_Slot[]){{Py_tp_init, concat_init},
                     {Py_mp_length, concat_length},
                     {Py_sq_length, concat_length},
                     {Py_mp_subscript, concat_subscript},
                     {Py_sq_item, concat_at},
                     {Py_tp_doc, "ConcatDataset(datasets)\n--\n\nDatasets one after another."},
                     {0, NULL}}},
    {"torch.utils.data.dataset.ChainDataset", &iterable_dataset_type, &chain_dataset_type,
     (PyType_Slot[]){{Py_tp_init, chain_init},
                     {Py_mp_length, chain_length},
                     {Py_tp_iter, chain_iter},
                     {Py_tp_doc, "ChainDataset(datasets)\n--\n\nStreams one after another."},
                     {0, NULL}}}};

int dataset_init(PyObject *torch)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
        if (data_add_class(torch, &classes[i]) < 0)
            return -1;
    }
    chain_iterator_type = (PyTypeObject *)PyType_FromSpec(&chain_iterator_spec);
    return chain_iterator_type ? 0 : -1;
}
