/* forward() of batch and instance normalisation, which count batches and choose the statistics, and
 * what constructors of normalisation and pooling check. */
#include "python/nn_layers.h"

#include "autograd/formula.h"
#include "python/errors.h"

/* BatchNorm1d takes (N, C) as well, instance normalisation all that lacks its batch. */
static int check_dims(const struct layer_type *layer, const struct tensor *x, bool instance)
{
    int dims = layer_dims(layer), fewer = instance || dims == 1;

    if (x->ndim == dims + 2 || (fewer && x->ndim == dims + 1))
        return 0;
    if (fewer)
        PyErr_Format(PyExc_ValueError, "expected %dD or %dD input (got %dD input)", dims + 1,
                     dims + 2, x->ndim);
    else
        PyErr_Format(PyExc_ValueError, "expected %dD input (got %dD input)", dims + 2, x->ndim);
    return -1;
}

/* What a batch normalisation layer's attributes hold: new references. */
enum { WEIGHT, BIAS, MEAN, VAR, COUNT, MOMENTUM, EPS, TRACK, TRAINING, ATTRIBUTES };

static int read_attributes(PyObject *self, PyObject **got)
{
    static const char *const names[ATTRIBUTES] = {
        "weight",   "bias", "running_mean",        "running_var", "num_batches_tracked",
        "momentum", "eps",  "track_running_stats", "training"};

    for (int i = 0; i < ATTRIBUTES; i++) {
        got[i] = PyObject_GetAttrString(self, names[i]);
        if (!got[i])
            return -1;
    }
    return 0;
}

static struct tensor *tensor_or_null(PyObject *object)
{
    return tensor_check(object) ? tensor_of(object) : NULL;
}

/* Counts the batch and gives its share of the running statistics: without a momentum, all batches
 * have the same. -1 with an exception. */
static double batch_share(PyObject **got, bool counts)
{
    struct tensor *count = tensor_or_null(got[COUNT]);
    struct scalar batches = {.kind = SCALAR_INT};

    if (counts && count) {
        if (tensor_item(count, &batches) < 0) {
            python_error();
            return -1;
        }
        batches.i++;
        if (tensor_fill(count, scalar_int(batches.i)) < 0) {
            python_error();
            return -1;
        }
        tensor_bump(count);
    }
    if (got[MOMENTUM] != Py_None)
        return PyFloat_AsDouble(got[MOMENTUM]);
    return batches.i ? 1 / (double)batches.i : 0;
}

static struct tensor *apply(struct tensor *x, PyObject **got)
{
    bool training = PyObject_IsTrue(got[TRAINING]) > 0, track = PyObject_IsTrue(got[TRACK]) > 0;
    struct tensor *mean = tensor_or_null(got[MEAN]), *var = tensor_or_null(got[VAR]);
    bool of_batch = training || (!mean && !var);
    bool running = !training || track;
    double share = batch_share(got, training && track), eps = PyFloat_AsDouble(got[EPS]);

    if (PyErr_Occurred())
        return NULL;
    return D(batch_norm, V_TENSOR(x), V_MAYBE(running ? mean : NULL), V_MAYBE(running ? var : NULL),
             V_MAYBE(tensor_or_null(got[WEIGHT])), V_MAYBE(tensor_or_null(got[BIAS])),
             V_INT(of_batch), V_FLOAT(share), V_FLOAT(eps));
}

/* A sample without a batch, (C, ...), is a batch of one. */
static struct tensor *apply_instance(struct tensor *x, PyObject **got, int dims)
{
    bool training = PyObject_IsTrue(got[TRAINING]) > 0, track = PyObject_IsTrue(got[TRACK]) > 0;
    bool single = x->ndim == dims + 1;
    double share = PyFloat_AsDouble(got[MOMENTUM]), eps = PyFloat_AsDouble(got[EPS]);

    if (PyErr_Occurred())
        return NULL;
    x = single ? d_unsqueeze(x, 0) : x;
    x = x ? D(instance_norm, V_TENSOR(x), V_MAYBE(tensor_or_null(got[MEAN])),
              V_MAYBE(tensor_or_null(got[VAR])), V_MAYBE(tensor_or_null(got[WEIGHT])),
              V_MAYBE(tensor_or_null(got[BIAS])), V_INT(training || !track), V_FLOAT(share),
              V_FLOAT(eps))
          : NULL;
    return x && single ? D(squeeze__dim, V_TENSOR(x), V_INT(0)) : x;
}

static PyObject *forward(PyObject *self, PyObject *const *inputs, bool instance)
{
    const struct layer_type *layer = ((ModuleObject *)self)->layer;
    PyObject *got[ATTRIBUTES] = {NULL}, *result = NULL;
    struct tensor *x;
    size_t mark;

    if (!tensor_check(inputs[0])) {
        PyErr_Format(PyExc_TypeError, "%s.forward(): argument 'input' must be Tensor, not %s",
                     layer->name, _PyType_Name(Py_TYPE(inputs[0])));
        return NULL;
    }
    x = tensor_of(inputs[0]);
    if (check_dims(layer, x, instance) < 0)
        return NULL;
    mark = pool_open();
    if (read_attributes(self, got) == 0)
        x = instance ? apply_instance(x, got, layer_dims(layer)) : apply(x, got);
    else
        x = NULL;
    if (x)
        result = tensor_wrap(tensor_ref(x));
    pool_close(mark);
    for (int i = 0; i < ATTRIBUTES; i++)
        Py_XDECREF(got[i]);
    return result || PyErr_Occurred() ? result : python_error();
}

PyObject *forward_batch_norm(PyObject *self, PyObject *const *inputs)
{
    return forward(self, inputs, false);
}

PyObject *forward_instance_norm(PyObject *self, PyObject *const *inputs)
{
    return forward(self, inputs, true);
}

/* normalized_shape=4 is (4,). */
int setup_layer_norm(PyObject *self, PyObject **args)
{
    PyObject *tuple =
        PySequence_Check(args[0]) ? PySequence_Tuple(args[0]) : PyTuple_Pack(1, args[0]);

    (void)self;
    if (!tuple)
        return -1;
    Py_SETREF(args[0], tuple);
    return 0;
}

int setup_group_norm(PyObject *self, PyObject **args)
{
    long long groups = PyLong_AsLongLong(args[0]), channels = PyLong_AsLongLong(args[1]);

    (void)self;
    if (PyErr_Occurred())
        return -1;
    if (groups > 0 && channels % groups == 0)
        return 0;
    PyErr_SetString(PyExc_ValueError, "num_channels must be divisible by num_groups");
    return -1;
}

/* Without a stride, windows lie side by side. */
int setup_pool(PyObject *self, PyObject **args)
{
    enum { KERNEL_SIZE, STRIDE };

    (void)self;
    if (args[STRIDE] == Py_None)
        Py_SETREF(args[STRIDE], Py_NewRef(args[KERNEL_SIZE]));
    return 0;
}

/* AvgPool1d keeps tuples, unlike the others. */
int setup_avg_pool1d(PyObject *self, PyObject **args)
{
    if (setup_pool(self, args) < 0)
        return -1;
    for (int i = 0; i < 3; i++) {
        PyObject *tuple =
            PySequence_Check(args[i]) ? PySequence_Tuple(args[i]) : PyTuple_Pack(1, args[i]);

        if (!tuple)
            return -1;
        Py_SETREF(args[i], tuple);
    }
    return 0;
}
