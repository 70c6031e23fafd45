#include "python/data_indices.h"

#include "base/error.h"
#include "python/errors.h"
#include "python/types.h"

typedef struct IndexIterator IndexIterator;
struct IndexIterator {
    PyObject_HEAD PyObject *sampler;
    PyObject *generator; /* what is drawn from; None: the default one */
    PyObject *picks;     /* a subset's indices, from which the numbers pick; else NULL */
    int (*begin)(IndexIterator *self);
    int (*start)(PyObject *sampler, struct index_plan *plan);
    struct index_plan plan;
    struct tensor *drawn; /* NULL: the numbers are their own places */
    int64_t at, end;      /* places that are still to be given */
    bool begun, last;     /* last: nothing will be drawn any more */
};

static PyTypeObject *index_iterator_type;

int64_t draw_seed(struct generator *g)
{
    return (int64_t)(generator_u64(g ? g : generator_default()) & INT64_MAX);
}

/* ---- drawing ---- */

static struct generator *generator_of(IndexIterator *self)
{
    struct generator *g;

    generator_from_python(self->generator, &g);
    return g;
}

/* Takes over what was drawn: the first `count` numbers of it are to be given. */
static int drawn(IndexIterator *self, struct tensor *t, int64_t count)
{
    tensor_unref(self->drawn);
    self->drawn = t;
    self->at = 0;
    self->end = t ? count : 0;
    return t ? 0 : -1;
}

static struct tensor *permutation(int64_t n, struct generator *g)
{
    struct tensor *t = tensor_new(DTYPE_i64, 1, &n);

    if (t && random_permutation(t, g) == 0)
        return t;
    tensor_unref(t);
    return python_error();
}

static struct tensor *integers(int64_t below, int64_t count, struct generator *g)
{
    struct tensor *t = tensor_new(DTYPE_i64, 1, &count);

    if (t && random_integers(t, 0, below, g) == 0)
        return t;
    tensor_unref(t);
    return python_error();
}

/* The next chunk of a RandomSampler. */
static int draw_chunk(IndexIterator *self)
{
    struct index_plan *plan = &self->plan;
    struct generator *g = generator_of(self);
    int64_t count = plan->whole > 0 ? plan->chunk : plan->rest;

    self->last = plan->whole-- <= 0;
    return drawn(self,
                 plan->replace ? integers(plan->population, count, g)
                               : permutation(plan->population, g),
                 count);
}

static int read_generator(IndexIterator *self)
{
    struct generator *g;

    self->generator = PyObject_GetAttr(self->sampler, data_names.generator);
    return self->generator && generator_from_python(self->generator, &g) ? 0 : -1;
}

/* Without a generator there is a new one, seeded by the default one. */
static int begin_random(IndexIterator *self)
{
    if (read_generator(self) < 0 || self->start(self->sampler, &self->plan) < 0)
        return -1;
    if (self->generator == Py_None) {
        Py_SETREF(self->generator, PyObject_CallNoArgs((PyObject *)generator_type));
        if (!self->generator)
            return -1;
        generator_seed(generator_of(self), (uint64_t)draw_seed(NULL));
    }
    return 0;
}

static int begin_subset(IndexIterator *self)
{
    Py_ssize_t count;

    self->last = true;
    self->picks = PyObject_GetAttr(self->sampler, data_names.indices);
    count = self->picks ? PyObject_Size(self->picks) : -1;
    if (count < 0 || read_generator(self) < 0)
        return -1;
    return drawn(self, permutation(count, generator_of(self)), count);
}

static int begin_weighted(IndexIterator *self)
{
    PyObject *weights = PyObject_GetAttr(self->sampler, data_names.weights);
    PyObject *samples = PyObject_GetAttr(self->sampler, data_names.num_samples);
    PyObject *replacement = PyObject_GetAttr(self->sampler, data_names.replacement);
    Py_ssize_t count = samples ? PyNumber_AsSsize_t(samples, PyExc_OverflowError) : -1;
    struct tensor *t = NULL;

    self->last = true;
    if (weights && replacement && !PyErr_Occurred() && read_generator(self) == 0) {
        if (tensor_check(weights))
            t = random_multinomial(tensor_of(weights), count, PyObject_IsTrue(replacement),
                                   generator_of(self));
        else
            error_set(ERROR_TYPE, "multinomial(): argument 'input' must be Tensor");
        if (!t)
            python_error();
    }
    Py_XDECREF(weights);
    Py_XDECREF(samples);
    Py_XDECREF(replacement);
    return t ? drawn(self, t, count) : -1;
}

/* Sees to it that there is a number to give: 1; 0 at the end; -1. */
static int ready(IndexIterator *self)
{
    if (!self->begun && self->begin && self->begin(self) < 0) {
        self->last = true;
        return -1;
    }
    self->begun = true;
    while (self->at >= self->end && !self->last) {
        if (draw_chunk(self) < 0)
            return -1;
    }
    return self->at < self->end;
}

static int64_t number_at(const IndexIterator *self, int64_t at)
{
    return self->drawn ? ((const int64_t *)tensor_data(self->drawn))[at] : at;
}

/* ---- for C ---- */

bool index_iterator_check(PyObject *iterator)
{
    return Py_IS_TYPE(iterator, index_iterator_type) &&
           ((IndexIterator *)iterator)->begin != begin_subset;
}

int64_t index_iterator_take(PyObject *iterator, int64_t *out, int64_t most)
{
    IndexIterator *self = (IndexIterator *)iterator;
    int64_t count = 0;

    while (count < most) {
        int more = ready(self);

        if (more <= 0)
            return more < 0 ? -1 : count;
        while (count < most && self->at < self->end)
            out[count++] = number_at(self, self->at++);
    }
    return count;
}

/* ---- for Python ---- */

static PyObject *iterator_next(PyObject *object)
{
    IndexIterator *self = (IndexIterator *)object;
    PyObject *number, *picked;

    if (ready(self) <= 0)
        return NULL;
    number = PyLong_FromLongLong(number_at(self, self->at++));
    if (!number || !self->picks)
        return number;
    picked = PyObject_GetItem(self->picks, number);
    Py_DECREF(number);
    return picked;
}

static int iterator_traverse(PyObject *object, visitproc visit, void *arg)
{
    IndexIterator *self = (IndexIterator *)object;

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->sampler);
    Py_VISIT(self->generator);
    Py_VISIT(self->picks);
    return 0;
}

static int iterator_clear(PyObject *object)
{
    IndexIterator *self = (IndexIterator *)object;

    self->last = true;
    self->end = 0;
    Py_CLEAR(self->sampler);
    Py_CLEAR(self->generator);
    Py_CLEAR(self->picks);
    return 0;
}

static void iterator_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    iterator_clear(object);
    tensor_unref(((IndexIterator *)object)->drawn);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Spec iterator_spec = {.name = "torch.utils.data.sampler._IndexIterator",
                                    .basicsize = sizeof(IndexIterator),
                                    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                             Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                    .slots = (PyType_Slot[]){{Py_tp_iter, PyObject_SelfIter},
                                                             {Py_tp_iternext, iterator_next},
                                                             {Py_tp_traverse, iterator_traverse},
                                                             {Py_tp_clear, iterator_clear},
                                                             {Py_tp_dealloc, iterator_dealloc},
                                                             {0, NULL}}};

static IndexIterator *make(PyObject *sampler, int (*begin)(IndexIterator *self))
{
    IndexIterator *self = (IndexIterator *)index_iterator_type->tp_alloc(index_iterator_type, 0);

    if (self) {
        self->sampler = Py_XNewRef(sampler);
        self->begin = begin;
    }
    return self;
}

PyObject *index_iterator_range(int64_t end)
{
    IndexIterator *self = make(NULL, NULL);

    if (self) {
        self->end = end;
        self->last = true;
    }
    return (PyObject *)self;
}

PyObject *index_iterator_random(PyObject *sampler,
                                int (*start)(PyObject *sampler, struct index_plan *plan))
{
    IndexIterator *self = make(sampler, begin_random);

    if (self)
        self->start = start;
    return (PyObject *)self;
}

PyObject *index_iterator_subset(PyObject *sampler)
{
    return (PyObject *)make(sampler, begin_subset);
}

PyObject *index_iterator_weighted(PyObject *sampler)
{
    return (PyObject *)make(sampler, begin_weighted);
}

int index_iterator_init(void)
{
    index_iterator_type = (PyTypeObject *)PyType_FromSpec(&iterator_spec);
    return index_iterator_type ? 0 : -1;
}
