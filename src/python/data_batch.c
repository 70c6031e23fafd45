/* BatchSampler: the indices of another sampler, so many at a time. */
#include "python/bind.h"
#include "python/data_indices.h"

PyTypeObject *batch_sampler_type, *batch_iterator_type;

static int batch_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"sampler", "batch_size", "drop_last"};
    static const struct binding binding = {"BatchSampler.__init__", names, 3, 3, 3, 1};
    PyObject *values[3];

    if (binding_read(&binding, args, kwargs, values) < 0)
        return -1;
    if (!PyLong_Check(values[1]) || PyBool_Check(values[1]) || PyLong_AsSsize_t(values[1]) <= 0) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_ValueError,
                         "batch_size should be a positive integer value, but got batch_size=%S",
                         values[1]);
        return -1;
    }
    if (!PyBool_Check(values[2])) {
        PyErr_Format(PyExc_ValueError, "drop_last should be a boolean value, but got drop_last=%S",
                     values[2]);
        return -1;
    }
    if (PyObject_SetAttr(self, data_names.sampler, values[0]) < 0 ||
        PyObject_SetAttr(self, data_names.batch_size, values[1]) < 0)
        return -1;
    return PyObject_SetAttr(self, data_names.drop_last, values[2]);
}

static int read_options(PyObject *self, Py_ssize_t *size, bool *drop_last)
{
    PyObject *size_object = PyObject_GetAttr(self, data_names.batch_size);
    PyObject *drop = PyObject_GetAttr(self, data_names.drop_last);
    int truth = size_object && drop ? PyObject_IsTrue(drop) : -1;

    *size = size_object ? PyLong_AsSsize_t(size_object) : -1;
    *drop_last = truth > 0;
    Py_XDECREF(size_object);
    Py_XDECREF(drop);
    if (truth >= 0 && *size > 0)
        return 0;
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "batch_size should be a positive integer value");
    return -1;
}

static Py_ssize_t batch_length(PyObject *self)
{
    PyObject *sampler = PyObject_GetAttr(self, data_names.sampler);
    Py_ssize_t length = sampler ? PyObject_Size(sampler) : -1, size;
    bool drop_last;

    Py_XDECREF(sampler);
    if (length < 0 || read_options(self, &size, &drop_last) < 0)
        return -1;
    return length / size + (!drop_last && length % size != 0);
}

/* ---- the iterator ---- */

static PyObject *batch_iter(PyObject *object)
{
    BatchIterator *self = PyObject_GC_New(BatchIterator, batch_iterator_type);

    if (!self)
        return NULL;
    self->batch_sampler = Py_NewRef(object);
    self->inner = NULL;
    self->ended = false;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

int batch_iterator_start(BatchIterator *self)
{
    PyObject *sampler;

    if (self->inner)
        return 0;
    sampler = PyObject_GetAttr(self->batch_sampler, data_names.sampler);
    if (sampler && read_options(self->batch_sampler, &self->batch_size, &self->drop_last) == 0)
        self->inner = PyObject_GetIter(sampler);
    Py_XDECREF(sampler);
    return self->inner ? 0 : -1;
}

static PyObject *batch_next(PyObject *object)
{
    BatchIterator *self = (BatchIterator *)object;
    PyObject *batch, *index;

    if (self->ended || batch_iterator_start(self) < 0)
        return NULL;
    batch = PyList_New(0);
    while (batch && PyList_GET_SIZE(batch) < self->batch_size) {
        index = PyIter_Next(self->inner);
        if (!index) {
            self->ended = true;
            if (PyErr_Occurred() || self->drop_last || PyList_GET_SIZE(batch) == 0)
                Py_CLEAR(batch);
            break;
        }
        if (PyList_Append(batch, index) < 0)
            Py_CLEAR(batch);
        Py_DECREF(index);
    }
    return batch;
}

static int iterator_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((BatchIterator *)object)->batch_sampler);
    Py_VISIT(((BatchIterator *)object)->inner);
    return 0;
}

static int iterator_clear(PyObject *object)
{
    ((BatchIterator *)object)->ended = true;
    Py_CLEAR(((BatchIterator *)object)->batch_sampler);
    Py_CLEAR(((BatchIterator *)object)->inner);
    return 0;
}

static void iterator_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    iterator_clear(object);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

static PyType_Spec iterator_spec = {.name = "torch.utils.data.sampler._BatchIterator",
                                    .basicsize = sizeof(BatchIterator),
                                    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                             Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                    .slots = (PyType_Slot[]){{Py_tp_iter, PyObject_SelfIter},
                                                             {Py_tp_iternext, batch_next},
                                                             {Py_tp_traverse, iterator_traverse},
                                                             {Py_tp_clear, iterator_clear},
                                                             {Py_tp_dealloc, iterator_dealloc},
                                                             {0, NULL}}};

static const struct data_class class = {
    "torch.utils.data.sampler.BatchSampler", &sampler_type, &batch_sampler_type,
    (PyType_Slot[]){{Py_tp_init, batch_construct},
                    {Py_tp_iter, batch_iter},
                    {Py_mp_length, batch_length},
                    {Py_sq_length, batch_length},
                    {Py_tp_doc, "BatchSampler(sampler, batch_size, drop_last)\n--\n\nLists of "
                                "batch_size indices."},
                    {0, NULL}}};

int batch_sampler_init(PyObject *torch)
{
    batch_iterator_type = (PyTypeObject *)PyType_FromSpec(&iterator_spec);
    return batch_iterator_type ? data_add_class(torch, &class) : -1;
}
