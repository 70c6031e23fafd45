/* The convolution layers: their arguments become tuples, and forward() pads as padding_mode says.
 */
#include "python/nn_layers.h"

#include "autograd/formula.h"
#include "python/errors.h"

#include <string.h>

enum { DIMS = 3 };

/* ---- setup ---- */

static int value_error(const char *text)
{
    PyErr_SetString(PyExc_ValueError, text);
    return -1;
}

static PyObject **argument(const struct layer_type *layer, PyObject **args, const char *name)
{
    int i = schema_find(&layer->takes, name, strlen(name));

    return i < 0 ? NULL : &args[i];
}

static int check_groups(const struct layer_type *layer, PyObject **args)
{
    long long groups = PyLong_AsLongLong(*argument(layer, args, "groups"));
    long long in = PyLong_AsLongLong(args[0]), out = PyLong_AsLongLong(args[1]);

    if (PyErr_Occurred())
        return -1;
    if (groups <= 0)
        return value_error("groups must be a positive integer");
    if (in % groups)
        return value_error("in_channels must be divisible by groups");
    return out % groups ? value_error("out_channels must be divisible by groups") : 0;
}

static bool is_text(PyObject *object, const char *text)
{
    return PyUnicode_Check(object) && PyUnicode_CompareWithASCIIString(object, text) == 0;
}

static int check_padding(PyObject *padding, PyObject *stride)
{
    if (!PyUnicode_Check(padding) || is_text(padding, "valid"))
        return 0;
    if (!is_text(padding, "same")) {
        PyErr_Format(PyExc_ValueError,
                     "Invalid padding string %R, should be one of {'valid', 'same'}", padding);
        return -1;
    }
    for (Py_ssize_t d = 0; d < PyTuple_GET_SIZE(stride); d++)
        if (PyLong_AsLong(PyTuple_GET_ITEM(stride, d)) != 1)
            return PyErr_Occurred()
                       ? -1
                       : value_error("padding='same' is not supported for strided convolutions");
    return 0;
}

static int check_mode(PyObject *mode, bool transposed)
{
    bool zeros = is_text(mode, "zeros");

    if (transposed && !zeros) {
        return value_error("Only \"zeros\" padding mode is supported for ConvTranspose");
    }
    if (zeros || is_text(mode, "reflect") || is_text(mode, "replicate") ||
        is_text(mode, "circular"))
        return 0;
    PyErr_Format(PyExc_ValueError,
                 "padding_mode must be one of {'zeros', 'reflect', 'replicate', 'circular'}, but "
                 "got padding_mode=%R",
                 mode);
    return -1;
}

int setup_convolution(PyObject *self, PyObject **args)
{
    static const char *const names[] = {"kernel_size", "stride", "padding", "dilation",
                                        "output_padding"};
    const struct layer_type *layer = ((ModuleObject *)self)->layer;
    int dims = layer_dims(layer), status = 0;
    bool transposed = argument(layer, args, "output_padding") != NULL;
    PyObject *none;

    if (check_groups(layer, args) < 0 ||
        check_mode(*argument(layer, args, "padding_mode"), transposed) < 0)
        return -1;
    for (int i = 0; status == 0 && i < 4 + transposed; i++)
        status = layer_make_tuple(argument(layer, args, names[i]), dims);
    if (status == 0)
        status = check_padding(*argument(layer, args, "padding"), *argument(layer, args, "stride"));
    if (status == 0)
        status = PyObject_SetAttrString(self, "transposed", transposed ? Py_True : Py_False);
    if (status < 0 || transposed)
        return status;
    none = PyLong_FromLong(0);
    status = none ? layer_make_tuple(&none, dims) : -1;
    if (status == 0)
        status = PyObject_SetAttrString(self, "output_padding", none);
    Py_XDECREF(none);
    return status;
}

/* ---- forward ---- */

/* An attribute that is a tuple of ints; a text is left to the caller: *text is set instead. */
static int read_ints(PyObject *self, const char *name, int dims, int64_t *ints, char *text,
                     size_t size)
{
    PyObject *object = PyObject_GetAttrString(self, name);
    PyObject *items = NULL;

    if (object && text && PyUnicode_Check(object))
        snprintf(text, size, "%s", PyUnicode_AsUTF8(object));
    else if (object)
        items = PySequence_Fast(object, "the sizes of a convolution must be tuples of ints");
    for (int d = 0; items && d < dims; d++) {
        if (d < PySequence_Fast_GET_SIZE(items))
            ints[d] = PyLong_AsLongLong(PySequence_Fast_GET_ITEM(items, d));
        else if (!PyErr_Occurred())
            PyErr_Format(PyExc_ValueError, "%s must have %d numbers", name, dims);
    }
    Py_XDECREF(object);
    Py_XDECREF(items);
    return PyErr_Occurred() ? -1 : 0;
}

/* What a convolution layer's attributes hold. */
struct layer_numbers {
    int dims;
    int64_t kernel[DIMS], stride[DIMS], padding[DIMS], dilation[DIMS], more[DIMS], groups;
    char padding_name[8], mode[12]; /* padding_name: "same" or "valid", else "" */
    PyObject *weight, *bias;
};

static int read_numbers(PyObject *self, struct layer_numbers *n)
{
    PyObject *groups;

    if (read_ints(self, "kernel_size", n->dims, n->kernel, NULL, 0) < 0 ||
        read_ints(self, "stride", n->dims, n->stride, NULL, 0) < 0 ||
        read_ints(self, "padding", n->dims, n->padding, n->padding_name, sizeof(n->padding_name)) <
            0 ||
        read_ints(self, "dilation", n->dims, n->dilation, NULL, 0) < 0 ||
        read_ints(self, "output_padding", n->dims, n->more, NULL, 0) < 0 ||
        read_ints(self, "padding_mode", 0, NULL, n->mode, sizeof(n->mode)) < 0)
        return -1;
    groups = PyObject_GetAttrString(self, "groups");
    n->groups = groups ? PyLong_AsLongLong(groups) : 0;
    Py_XDECREF(groups);
    n->weight = PyErr_Occurred() ? NULL : PyObject_GetAttrString(self, "weight");
    n->bias = n->weight ? PyObject_GetAttrString(self, "bias") : NULL;
    return n->bias ? 0 : -1;
}

/* Which element stands at position i (below 0 or from n on: outside) of a padded dimension. */
static int64_t source_of(int64_t i, int64_t n, const char *mode)
{
    if (*mode == 'c')
        return ((i % n) + n) % n;
    if (i >= 0 && i < n)
        return i;
    if (strcmp(mode, "replicate") == 0)
        return i < 0 ? 0 : n - 1;
    return i < 0 ? -i : 2 * (n - 1) - i;
}

static struct tensor *pad_dim(struct tensor *x, int dim, int64_t before, int64_t after,
                              const char *mode)
{
    int64_t n = x->shape[dim], size = n + before + after, most = n - (strcmp(mode, "reflect") == 0);
    struct tensor *index;

    if (before > most || after > most) {
        PyErr_Format(PyExc_RuntimeError,
                     "Padding size should be less than the corresponding input dimension, but got: "
                     "padding (%lld, %lld) at dimension %d of an input of %lld",
                     (long long)before, (long long)after, dim, (long long)n);
        return NULL;
    }
    index = pool_keep(tensor_new(DTYPE_i64, 1, &size));
    for (int64_t i = 0; index && i < size; i++)
        ((int64_t *)tensor_data(index))[i] = source_of(i - before, n, mode);
    return index ? D(index_select, V_TENSOR(x), V_INT(dim), V_TENSOR(index)) : NULL;
}

static struct tensor *pad_input(struct tensor *x, struct layer_numbers *n)
{
    for (int d = 0; x && d < n->dims; d++) {
        int64_t total = n->dilation[d] * (n->kernel[d] - 1);
        bool same = n->padding_name[0] == 's';
        int64_t before = same ? total / 2 : n->padding[d];

        if (x->ndim >= n->dims)
            x = pad_dim(x, x->ndim - n->dims + d, before, same ? total - before : before, n->mode);
        n->padding[d] = 0;
    }
    n->padding_name[0] = '\0';
    return x;
}

static struct tensor *apply(struct tensor *x, struct layer_numbers *n, bool transposed)
{
    static const enum op_id plain[] = {OP_conv1d, OP_conv2d, OP_conv3d};
    static const enum op_id named[] = {OP_conv1d__padding, OP_conv2d__padding, OP_conv3d__padding};
    static const enum op_id turned[] = {OP_conv_transpose1d, OP_conv_transpose2d,
                                        OP_conv_transpose3d};
    struct tensor *weight = tensor_of(n->weight);
    struct tensor *bias = tensor_check(n->bias) ? tensor_of(n->bias) : NULL;
    struct value args[8] = {V_TENSOR(x),
                            V_TENSOR(weight),
                            V_MAYBE(bias),
                            V_INTS(n->stride, n->dims),
                            V_INTS(n->padding, n->dims),
                            V_INTS(transposed ? n->more : n->dilation, n->dims),
                            V_INT(n->groups),
                            V_INTS(n->dilation, n->dims)};

    if (n->padding_name[0])
        args[4] = V_STRING(n->padding_name);
    return d_call((transposed ? turned : n->padding_name[0] ? named : plain)[n->dims - 1], args);
}

/* output_size, given by the call, decides about output_padding. */
static int read_output_size(PyObject *object, const struct tensor *x, struct layer_numbers *n)
{
    PyObject *items = PySequence_Fast(object, "output_size must be a sequence of ints");
    Py_ssize_t first;

    if (!items)
        return -1;
    first = PySequence_Fast_GET_SIZE(items) - n->dims;
    if (first < 0 || x->ndim < n->dims)
        PyErr_Format(PyExc_ValueError, "output_size must have %d numbers", n->dims);
    for (int d = 0; !PyErr_Occurred() && d < n->dims; d++) {
        int64_t least = (x->shape[x->ndim - n->dims + d] - 1) * n->stride[d] - 2 * n->padding[d] +
                        n->dilation[d] * (n->kernel[d] - 1) + 1;
        int64_t size = PyLong_AsLongLong(PySequence_Fast_GET_ITEM(items, first + d));

        n->more[d] = size - least;
        if (!PyErr_Occurred() && (size < least || size >= least + n->stride[d]))
            PyErr_Format(PyExc_ValueError,
                         "requested an output size of %lld at dimension %d, but valid sizes range "
                         "from %lld to %lld",
                         (long long)size, d, (long long)least,
                         (long long)(least + n->stride[d] - 1));
    }
    Py_DECREF(items);
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *forward(PyObject *self, PyObject *input, PyObject *output_size)
{
    const struct layer_type *layer = ((ModuleObject *)self)->layer;
    bool transposed = schema_find(&layer->takes, "output_padding", 14) >= 0;
    struct layer_numbers n = {.dims = layer_dims(layer)};
    struct tensor *x = NULL;
    PyObject *result = NULL;
    size_t mark = pool_open();

    if (!tensor_check(input))
        PyErr_Format(PyExc_TypeError, "%s.forward(): argument 'input' must be Tensor, not %s",
                     layer->name, _PyType_Name(Py_TYPE(input)));
    else if (read_numbers(self, &n) == 0)
        x = tensor_of(input);
    if (x && !tensor_check(n.weight)) {
        PyErr_Format(PyExc_TypeError, "%s.forward(): its weight is no tensor", layer->name);
        x = NULL;
    }
    if (x && output_size && output_size != Py_None && read_output_size(output_size, x, &n) < 0)
        x = NULL;
    if (x && n.mode[0] != 'z')
        x = pad_input(x, &n);
    if (x)
        x = apply(x, &n, transposed);
    if (x)
        result = tensor_wrap(tensor_ref(x));
    pool_close(mark);
    Py_XDECREF(n.weight);
    Py_XDECREF(n.bias);
    if (result || PyErr_Occurred())
        return result;
    return python_error();
}

PyObject *forward_convolution(PyObject *self, PyObject *const *inputs)
{
    return forward(self, inputs[0], NULL);
}

PyObject *forward_transposed_convolution(PyObject *self, PyObject *const *inputs)
{
    return forward(self, inputs[0], inputs[1]);
}
