/* Samplers: the order in which a DataLoader visits a dataset. */
#include "base/error.h"
#include "python/args.h"
#include "python/bind.h"
#include "python/data_indices.h"
#include "python/data_parts.h"
#include "python/errors.h"
#include "python/types.h"

PyTypeObject *sampler_type, *sequential_sampler_type, *random_sampler_type;
static PyTypeObject *subset_sampler_type, *weighted_sampler_type;

static PyObject *sampler_iter(PyObject *self)
{
    (void)self;
    PyErr_SetNone(PyExc_NotImplementedError);
    return NULL;
}

/* len(self.name) */
static Py_ssize_t attribute_length(PyObject *self, PyObject *name)
{
    PyObject *object = PyObject_GetAttr(self, name);
    Py_ssize_t length = object ? PyObject_Size(object) : -1;

    Py_XDECREF(object);
    return length;
}

static Py_ssize_t attribute_int(PyObject *self, PyObject *name)
{
    PyObject *object = PyObject_GetAttr(self, name);
    Py_ssize_t value = object ? PyNumber_AsSsize_t(object, PyExc_OverflowError) : -1;

    Py_XDECREF(object);
    return value;
}

static int sampler_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"data_source"};
    static const struct binding binding = {"Sampler.__init__", names, 1, 1, 1, 1};
    PyObject *source;

    (void)self;
    return binding_read(&binding, args, kwargs, &source);
}

/* ---- SequentialSampler ---- */

static int sequential_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"data_source"};
    static const struct binding binding = {"SequentialSampler.__init__", names, 1, 1, 1, 1};
    PyObject *source;

    if (binding_read(&binding, args, kwargs, &source) < 0)
        return -1;
    return PyObject_SetAttr(self, data_names.data_source, source);
}

static Py_ssize_t sequential_length(PyObject *self)
{
    return attribute_length(self, data_names.data_source);
}

static PyObject *sequential_iter(PyObject *self)
{
    Py_ssize_t length = sequential_length(self);

    return length < 0 ? NULL : index_iterator_range(length);
}

/* ---- RandomSampler ---- */

static int random_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"data_source", "replacement", "num_samples", "generator"};
    static const struct binding binding = {"RandomSampler.__init__", names, 4, 4, 1, 1};
    PyObject *values[] = {NULL, Py_False, Py_None, Py_None}, *samples;
    int status = -1;

    if (binding_read(&binding, args, kwargs, values) < 0 ||
        PyObject_SetAttr(self, data_names.data_source, values[0]) < 0 ||
        PyObject_SetAttr(self, data_names.replacement, values[1]) < 0 ||
        PyObject_SetAttr(self, data_names._num_samples, values[2]) < 0 ||
        PyObject_SetAttr(self, data_names.generator, values[3]) < 0)
        return -1;
    if (!PyBool_Check(values[1])) {
        PyErr_Format(PyExc_TypeError,
                     "replacement should be a boolean value, but got replacement=%S", values[1]);
        return -1;
    }
    samples = PyObject_GetAttr(self, data_names.num_samples);
    if (samples && PyLong_Check(samples) && PyLong_AsSsize_t(samples) > 0)
        status = 0;
    else if (samples && !PyErr_Occurred())
        PyErr_Format(PyExc_ValueError,
                     "num_samples should be a positive integer value, but got num_samples=%S",
                     samples);
    Py_XDECREF(samples);
    return status;
}

static PyObject *random_num_samples(PyObject *self, void *unused)
{
    PyObject *given = PyObject_GetAttr(self, data_names._num_samples);
    Py_ssize_t length;

    (void)unused;
    if (!given || given != Py_None)
        return given;
    Py_DECREF(given);
    length = attribute_length(self, data_names.data_source);
    return length < 0 ? NULL : PyLong_FromSsize_t(length);
}

static Py_ssize_t random_length(PyObject *self)
{
    return attribute_int(self, data_names.num_samples);
}

static PyGetSetDef random_getset[] = {{"num_samples", random_num_samples, NULL, NULL, NULL},
                                      {NULL, NULL, NULL, NULL, NULL}};

/* What is drawn is found out at the first step, as in a Python generator. */
static int random_start(PyObject *self, struct index_plan *plan)
{
    PyObject *replacement = PyObject_GetAttr(self, data_names.replacement);
    Py_ssize_t samples = attribute_int(self, data_names.num_samples);

    plan->population = attribute_length(self, data_names.data_source);
    if (!replacement || PyErr_Occurred()) {
        Py_XDECREF(replacement);
        return -1;
    }
    plan->replace = PyObject_IsTrue(replacement);
    Py_DECREF(replacement);
    plan->chunk = plan->replace ? REPLACEMENT_CHUNK : plan->population;
    if (plan->chunk <= 0) {
        PyErr_SetString(PyExc_ZeroDivisionError, "integer division or modulo by zero");
        return -1;
    }
    plan->whole = samples / plan->chunk;
    plan->rest = samples % plan->chunk;
    return 0;
}

static PyObject *random_iter(PyObject *self)
{
    return index_iterator_random(self, random_start);
}

/* ---- SubsetRandomSampler ---- */

static int subset_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"indices", "generator"};
    static const struct binding binding = {"SubsetRandomSampler.__init__", names, 2, 2, 1, 1};
    PyObject *values[] = {NULL, Py_None};

    if (binding_read(&binding, args, kwargs, values) < 0 ||
        PyObject_SetAttr(self, data_names.indices, values[0]) < 0)
        return -1;
    return PyObject_SetAttr(self, data_names.generator, values[1]);
}

static Py_ssize_t subset_length(PyObject *self)
{
    return attribute_length(self, data_names.indices);
}

static PyObject *subset_iter(PyObject *self)
{
    return index_iterator_subset(self);
}

/* ---- WeightedRandomSampler ---- */

static int check_weighted(PyObject *samples, PyObject *replacement)
{
    if (!PyLong_Check(samples) || PyBool_Check(samples) || PyLong_AsSsize_t(samples) <= 0) {
        PyErr_Format(PyExc_ValueError,
                     "num_samples should be a positive integer value, but got num_samples=%S",
                     samples);
        return -1;
    }
    if (!PyBool_Check(replacement)) {
        PyErr_Format(PyExc_ValueError,
                     "replacement should be a boolean value, but got replacement=%S", replacement);
        return -1;
    }
    return 0;
}

/* The weights as a 1-D tensor of doubles. */
static PyObject *weights_tensor(PyObject *weights)
{
    struct tensor *t = tensor_check(weights) ? tensor_to(tensor_of(weights), DTYPE_f64)
                                             : tensor_from_python(weights, DTYPE_f64);
    PyObject *object = tensor_wrap(t), *size, *shape;

    if (!object || t->ndim == 1)
        return object;
    size = size_object(t->ndim, t->shape);
    shape = size ? PySequence_List(size) : NULL; /* as a plain tuple is printed, not a Size */
    if (shape)
        Py_SETREF(shape, PyList_AsTuple(shape));
    if (shape)
        PyErr_Format(PyExc_ValueError,
                     "weights should be a 1d sequence but given weights have shape %S", shape);
    Py_XDECREF(size);
    Py_XDECREF(shape);
    Py_DECREF(object);
    return NULL;
}

static int weighted_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"weights", "num_samples", "replacement", "generator"};
    static const struct binding binding = {"WeightedRandomSampler.__init__", names, 4, 4, 2, 1};
    PyObject *values[] = {NULL, NULL, Py_True, Py_None};

    if (binding_read(&binding, args, kwargs, values) < 0 ||
        check_weighted(values[1], values[2]) < 0 ||
        data_take(self, data_names.weights, weights_tensor(values[0])) < 0 ||
        PyObject_SetAttr(self, data_names.num_samples, values[1]) < 0 ||
        PyObject_SetAttr(self, data_names.replacement, values[2]) < 0)
        return -1;
    return PyObject_SetAttr(self, data_names.generator, values[3]);
}

static Py_ssize_t weighted_length(PyObject *self)
{
    return attribute_int(self, data_names.num_samples);
}

static PyObject *weighted_iter(PyObject *self)
{
    return index_iterator_weighted(self);
}

/* ---- the classes ---- */

static PyMethodDef sampler_methods[] = {
    {"__class_getitem__", data_class_getitem, METH_O | METH_CLASS, NULL}, {NULL, NULL, 0, NULL}};

static const struct data_class classes[] = {
    {"torch.utils.data.sampler.Sampler", NULL, &sampler_type,
     (PyType_Slot[]){{Py_tp_init, sampler_construct},
                     {Py_tp_iter, sampler_iter},
                     {Py_tp_methods, sampler_methods},
                     {Py_tp_doc, "The base of samplers: a subclass writes __iter__()."},
                     {0, NULL}}},
    {"torch.utils.data.sampler.SequentialSampler", &sampler_type, &sequential_sampler_type,
     (PyType_Slot[]){{Py_tp_init, sequential_construct},
                     {Py_tp_iter, sequential_iter},
                     {Py_mp_length, sequential_length},
                     {Py_sq_length, sequential_length},
                     {Py_tp_doc, "SequentialSampler(data_source)\n--\n\n0, 1, 2 and so on."},
                     {0, NULL}}},
    {"torch.utils.data.sampler.RandomSampler", &sampler_type, &random_sampler_type,
     (PyType_Slot[]){{Py_tp_init, random_construct},
                     {Py_tp_iter, random_iter},
                     {Py_tp_getset, random_getset},
                     {Py_mp_length, random_length},
                     {Py_sq_length, random_length},
                     {Py_tp_doc, "RandomSampler(data_source, replacement=False, num_samples=None, "
                                 "generator=None)\n--\n\nAll indices in random order."},
                     {0, NULL}}},
    {"torch.utils.data.sampler.SubsetRandomSampler", &sampler_type, &subset_sampler_type,
     (PyType_Slot[]){{Py_tp_init, subset_construct},
                     {Py_tp_iter, subset_iter},
                     {Py_mp_length, subset_length},
                     {Py_sq_length, subset_length},
                     {Py_tp_doc, "SubsetRandomSampler(indices, generator=None)\n--\n\nThe given "
                                 "indices in random order."},
                     {0, NULL}}},
    {"torch.utils.data.sampler.WeightedRandomSampler", &sampler_type, &weighted_sampler_type,
     (PyType_Slot[]){{Py_tp_init, weighted_construct},
                     {Py_tp_iter, weighted_iter},
                     {Py_mp_length, weighted_length},
                     {Py_sq_length, weighted_length},
                     {Py_tp_doc, "WeightedRandomSampler(weights, num_samples, replacement=True, "
                                 "generator=None)\n--\n\nIndices drawn with these weights."},
                     {0, NULL}}}};

int sampler_init(PyObject *torch)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
        if (data_add_class(torch, &classes[i]) < 0)
            return -1;
    }
    return index_iterator_init() < 0 ? -1 : batch_sampler_init(torch);
}
