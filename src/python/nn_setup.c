/*
 * What some layers do that their rows cannot say: setup functions, which check or change the
 * arguments of the constructor, and forward functions that are no single operation.
 */
#include "python/nn_layers.h"

#include "autograd/formula.h"
#include "python/errors.h"

#include <string.h>

/* ---- tuples ---- */

int layer_dims(const struct layer_type *layer)
{
    return layer->name[strcspn(layer->name, "123")] - '0';
}

int layer_make_tuple(PyObject **object, int count)
{
    PyObject *tuple;

    if (PyUnicode_Check(*object))
        return 0;
    if (PySequence_Check(*object)) {
        tuple = PySequence_Tuple(*object);
    } else {
        tuple = PyTuple_New(count);
        for (int d = 0; tuple && d < count; d++)
            PyTuple_SET_ITEM(tuple, d, Py_NewRef(*object));
    }
    if (!tuple)
        return -1;
    Py_SETREF(*object, tuple);
    return 0;
}

/* ---- setup ---- */

int setup_dropout(PyObject *self, PyObject **args)
{
    double p = PyFloat_AsDouble(args[0]);

    (void)self;
    if (p == -1 && PyErr_Occurred())
        return -1;
    if (p >= 0 && p <= 1)
        return 0;
    PyErr_Format(PyExc_ValueError, "dropout probability has to be between 0 and 1, but got %S",
                 args[0]);
    return -1;
}

/* min_value and max_value are the old names of min_val and max_val. */
int setup_hardtanh(PyObject *self, PyObject **args)
{
    enum { MIN_VAL, MAX_VAL, INPLACE, MIN_VALUE, MAX_VALUE };
    int more;

    (void)self;
    for (int i = 0; i < 2; i++) {
        static const char *const texts[] = {
            "keyword argument min_value is deprecated and rename to min_val",
            "keyword argument max_value is deprecated and rename to max_val"};

        if (args[MIN_VALUE + i] == Py_None)
            continue;
        if (PyErr_WarnEx(PyExc_UserWarning, texts[i], 1) < 0)
            return -1;
        Py_SETREF(args[MIN_VAL + i], Py_NewRef(args[MIN_VALUE + i]));
    }
    more = PyObject_RichCompareBool(args[MAX_VAL], args[MIN_VAL], Py_GT);
    if (more == 0)
        PyErr_SetString(PyExc_AssertionError, "max_val must be larger than min_val");
    return more > 0 ? 0 : -1;
}

int setup_nll_loss_2d(PyObject *self, PyObject **args)
{
    (void)self;
    (void)args;
    return PyErr_WarnEx(PyExc_UserWarning,
                        "NLLLoss2d has been deprecated. Please use NLLLoss instead as a drop-in "
                        "replacement and see https://pytorch.org/docs/master/nn.html"
                        "#torch.nn.NLLLoss for more details.",
                        1);
}

/* A negative padding_idx counts from the end. */
int setup_embedding(PyObject *self, PyObject **args)
{
    enum { NUM_EMBEDDINGS, EMBEDDING_DIM };
    const struct layer_type *layer = ((ModuleObject *)self)->layer;
    PyObject **padding_idx = &args[schema_find(&layer->takes, "padding_idx", 11)];
    bool bag = strcmp(layer->name, "EmbeddingBag") == 0;
    long long rows, padding;

    if (*padding_idx == Py_None)
        return 0;
    rows = PyLong_AsLongLong(args[NUM_EMBEDDINGS]);
    padding = PyErr_Occurred() ? -1 : PyLong_AsLongLong(*padding_idx);
    if (PyErr_Occurred())
        return -1;
    if (padding < -rows || padding >= rows) {
        PyErr_SetString(PyExc_AssertionError, bag ? "padding_idx must be within num_embeddings"
                                                  : "Padding_idx must be within num_embeddings");
        return -1;
    }
    if (padding < 0)
        Py_SETREF(*padding_idx, PyLong_FromLongLong(rows + padding));
    return *padding_idx ? 0 : -1;
}

int setup_unflatten(PyObject *self, PyObject **args)
{
    PyObject *sizes = args[1], *items;
    int status = 0;

    (void)self;
    if (!PyTuple_Check(sizes) && !PyList_Check(sizes)) {
        PyErr_Format(PyExc_TypeError, "unflattened_size must be a tuple of ints, but found type %s",
                     _PyType_Name(Py_TYPE(sizes)));
        return -1;
    }
    items = PySequence_Fast(sizes, "");
    for (Py_ssize_t i = 0; items && status == 0 && i < PySequence_Fast_GET_SIZE(items); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(items, i);

        if (PyLong_Check(item))
            continue;
        PyErr_Format(PyExc_TypeError,
                     "unflattened_size must be tuple of ints, but found element of type %s at pos "
                     "%zd",
                     _PyType_Name(Py_TYPE(item)), i);
        status = -1;
    }
    Py_XDECREF(items);
    return items ? status : -1;
}

int setup_multi_margin(PyObject *self, PyObject **args)
{
    enum { P, MARGIN, WEIGHT };
    long long p = PyLong_Check(args[P]) ? PyLong_AsLongLong(args[P]) : 0;

    (void)self;
    if (p != 1 && p != 2) {
        PyErr_SetString(PyExc_ValueError, "only p == 1 and p == 2 supported");
        return -1;
    }
    if (args[WEIGHT] == Py_None ||
        (tensor_check(args[WEIGHT]) && tensor_of(args[WEIGHT])->ndim == 1))
        return 0;
    PyErr_SetString(PyExc_AssertionError, "");
    return -1;
}

/* One number before and one after for each dimension. */
int setup_padding(PyObject *self, PyObject **args)
{
    return layer_make_tuple(&args[0], 2 * layer_dims(((ModuleObject *)self)->layer));
}

int setup_unpool(PyObject *self, PyObject **args)
{
    enum { KERNEL_SIZE, STRIDE, PADDING };
    int dims = layer_dims(((ModuleObject *)self)->layer), status = 0;

    if (args[STRIDE] == Py_None)
        Py_SETREF(args[STRIDE], Py_NewRef(args[KERNEL_SIZE]));
    for (int i = KERNEL_SIZE; i <= PADDING && status == 0; i++)
        status = layer_make_tuple(&args[i], dims);
    return status;
}

/* Whether all of a tuple of numbers lie between 0 and 1; -1 with an exception. */
static int are_ratios(PyObject *ratios)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(ratios); i++) {
        double ratio = PyFloat_AsDouble(PyTuple_GET_ITEM(ratios, i));

        if (PyErr_Occurred() || !(ratio > 0 && ratio < 1))
            return PyErr_Occurred() ? -1 : 0;
    }
    return 1;
}

int setup_fractional(PyObject *self, PyObject **args)
{
    enum { KERNEL_SIZE, OUTPUT_SIZE, OUTPUT_RATIO };
    const struct layer_type *layer = ((ModuleObject *)self)->layer;
    bool by_size = args[OUTPUT_SIZE] != Py_None, by_ratio = args[OUTPUT_RATIO] != Py_None;
    PyObject *given = Py_NewRef(args[OUTPUT_RATIO]);
    int dims = layer_dims(layer), fits = 1;

    if (layer_make_tuple(&args[KERNEL_SIZE], dims) < 0 ||
        (by_size && layer_make_tuple(&args[OUTPUT_SIZE], dims) < 0) ||
        (by_ratio && layer_make_tuple(&args[OUTPUT_RATIO], dims) < 0))
        fits = -1;
    else if (!by_size && !by_ratio)
        PyErr_Format(PyExc_ValueError,
                     "%s requires specifying either an output size, or a pooling ratio",
                     layer->name);
    else if (by_size && by_ratio)
        PyErr_SetString(PyExc_ValueError,
                        "only one of output_size and output_ratio may be specified");
    else if (by_ratio && (fits = are_ratios(args[OUTPUT_RATIO])) == 0)
        PyErr_Format(PyExc_ValueError, "output_ratio must be between 0 and 1 (got %S)", given);
    Py_DECREF(given);
    return PyErr_Occurred() || fits < 0 ? -1 : 0;
}

/* Factors become floats. */
int setup_upsample(PyObject *self, PyObject **args)
{
    enum { SIZE, SCALE_FACTOR };
    PyObject *factors = args[SCALE_FACTOR], *floats;
    int given = PyObject_IsTrue(factors);

    (void)self;
    if (given < 0)
        return -1;
    if (!given) {
        floats = Py_NewRef(Py_None);
    } else if (!PyTuple_Check(factors)) {
        floats = PyNumber_Float(factors);
    } else {
        floats = PyTuple_New(PyTuple_GET_SIZE(factors));
        for (Py_ssize_t i = 0; floats && i < PyTuple_GET_SIZE(factors); i++) {
            PyObject *one = PyNumber_Float(PyTuple_GET_ITEM(factors, i));

            if (one)
                PyTuple_SET_ITEM(floats, i, one);
            else
                Py_CLEAR(floats);
        }
    }
    if (!floats)
        return -1;
    Py_SETREF(args[SCALE_FACTOR], floats);
    return 0;
}

/* ---- forward ---- */

PyObject *forward_missing(PyObject *self, PyObject *const *Py_UNUSED(inputs))
{
    return module_forward_missing(self);
}

PyObject *forward_identity(PyObject *self, PyObject *const *inputs)
{
    (void)self;
    return Py_NewRef(inputs[0]);
}

static struct tensor *tensor_input(PyObject *object, const char *layer)
{
    if (tensor_check(object))
        return tensor_of(object);
    PyErr_Format(PyExc_TypeError, "%s.forward(): argument 'input' must be Tensor, not %s", layer,
                 _PyType_Name(Py_TYPE(object)));
    return NULL;
}

/* Reads dim and unflattened_size, which may hold one -1, and reshapes. */
PyObject *forward_unflatten(PyObject *self, PyObject *const *inputs)
{
    struct tensor *x = tensor_input(inputs[0], "Unflatten");
    PyObject *sizes = x ? PyObject_GetAttrString(self, "unflattened_size") : NULL;
    PyObject *where = sizes ? PyObject_GetAttrString(self, "dim") : NULL;
    PyObject *items = where ? PySequence_Fast(sizes, "unflattened_size must be a sequence") : NULL;
    int64_t shape[TENSOR_MAX_DIMS * 2], known = 1;
    int ndim = 0, dim = -1, open = -1;
    PyObject *result = NULL;
    size_t mark = pool_open();

    if (items)
        dim = tensor_dim(x, PyLong_AsLongLong(where));
    if (dim < 0)
        goto done;
    for (int d = 0; d < dim; d++)
        shape[ndim++] = x->shape[d];
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items) && ndim < TENSOR_MAX_DIMS; i++) {
        shape[ndim] = PyLong_AsLongLong(PySequence_Fast_GET_ITEM(items, i));
        if (shape[ndim] == -1)
            open = ndim;
        else
            known *= shape[ndim];
        ndim++;
    }
    if (open >= 0)
        shape[open] = known ? x->shape[dim] / known : 0;
    if ((open < 0 ? known : known * shape[open]) != x->shape[dim]) {
        char text[256];

        PyErr_Format(
            PyExc_RuntimeError,
            "unflatten: Provided sizes %s don't multiply up to the size of dim %d (%lld) in "
            "the input tensor",
            shape_text(ndim - dim, shape + dim, text, sizeof(text)), dim, (long long)x->shape[dim]);
        goto done;
    }
    for (int d = dim + 1; d < x->ndim && ndim < TENSOR_MAX_DIMS; d++)
        shape[ndim++] = x->shape[d];
    x = PyErr_Occurred() ? NULL : D(view, V_TENSOR(x), V_INTS(shape, ndim));
    result = x ? tensor_wrap(tensor_ref(x)) : NULL;
done:
    pool_close(mark);
    Py_XDECREF(sizes);
    Py_XDECREF(where);
    Py_XDECREF(items);
    return result ? result : python_error();
}

/* The lengths may be tensors or lists: the function has an overload for each. */
PyObject *forward_ctc(PyObject *self, PyObject *const *inputs)
{
    static const char *const names[] = {"blank", "reduction", "zero_infinity"};
    PyObject *args[7] = {inputs[0], inputs[1], inputs[2], inputs[3]}, *function, *result = NULL;
    PyObject *functional = PyImport_ImportModule("torch.nn.functional");
    int got = 0;

    function = functional ? PyObject_GetAttrString(functional, "ctc_loss") : NULL;
    while (function && got < 3 && (args[4 + got] = PyObject_GetAttrString(self, names[got])))
        got++;
    if (got == 3)
        result = PyObject_Vectorcall(function, args, 7, NULL);
    while (got > 0)
        Py_DECREF(args[4 + --got]);
    Py_XDECREF(function);
    Py_XDECREF(functional);
    return result;
}
