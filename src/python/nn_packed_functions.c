/*
 * torch.nn.utils.rnn: sequences of different lengths, padded to one tensor or packed step by step.
 */
#include "python/nn_packed.h"

#include "autograd/formula.h"
#include "base/error.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/module.h"
#include "python/nn_module.h"

/* ---- packing ---- */

/* Stores the values of a call of names[0..count-1], all of which can be keywords. */
static int read_call(const char *function, const char *const *names, int count, int required,
                     PyObject *args, PyObject *kwargs, PyObject **values)
{
    const struct binding binding = {function, names, count, count, required, 0};

    return binding_read(&binding, args, kwargs, values);
}

static struct tensor *tensor_argument(PyObject *object, const char *function, const char *name)
{
    if (tensor_check(object))
        return tensor_of(object);
    PyErr_Format(PyExc_TypeError, "%s(): argument '%s' must be Tensor, not %s", function, name,
                 _PyType_Name(Py_TYPE(object)));
    return NULL;
}

/* torch.as_tensor(lengths, dtype=torch.int64), in the pool. */
static struct tensor *lengths_of(PyObject *object)
{
    struct tensor *t = tensor_check(object) ? tensor_to(tensor_of(object), DTYPE_i64)
                                            : tensor_from_python(object, DTYPE_i64);

    if (!t)
        python_error();
    return pool_keep(t);
}

/* The longest first: changes *x (its sequences lie along dim) and *lengths, gives the order. */
static struct tensor *sort_sequences(struct tensor **x, struct tensor **lengths, int dim)
{
    struct value args[OP_MAX_ARGS] = {V_TENSOR(*lengths), V_INT(-1), V_INT(true)};
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};

    if (op_call(&ops[OP_sort], args, out) < 0)
        return NULL;
    *lengths = pool_keep(out[0]);
    pool_keep(out[1]);
    *x = D(index_select, V_TENSOR(*x), V_INT(dim), V_TENSOR(out[1]));
    return *x ? out[1] : NULL;
}

/* A PackedSequence of padded sequences. */
static PyObject *pack(struct tensor *x, struct tensor *lengths, bool batch_first, bool sorted)
{
    struct tensor *order = NULL, *out[OP_MAX_OUTPUTS] = {NULL};
    PyObject *data, *sizes, *indices, *packed = NULL;

    if (!sorted) {
        order = sort_sequences(&x, &lengths, batch_first ? 0 : 1);
        if (!order)
            return python_error();
    }
    if (op_call(&ops[OP__pack_padded_sequence],
                (struct value[]){V_TENSOR(x), V_TENSOR(lengths), V_INT(batch_first)}, out) < 0)
        return python_error();
    data = tensor_wrap(out[0]);
    sizes = tensor_wrap(out[1]);
    indices = tensor_object(order);
    if (data && sizes && indices)
        packed = packed_object(data, sizes, indices, Py_None);
    Py_XDECREF(data);
    Py_XDECREF(sizes);
    Py_XDECREF(indices);
    return packed;
}

static PyObject *pack_padded_sequence(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"input", "lengths", "batch_first", "enforce_sorted"};
    PyObject *v[] = {NULL, NULL, Py_False, Py_True}, *packed = NULL;
    struct tensor *x, *lengths;
    int batch_first, sorted;
    size_t mark;

    if (read_call("pack_padded_sequence", names, 4, 2, args, kwargs, v) < 0)
        return NULL;
    batch_first = PyObject_IsTrue(v[2]);
    sorted = PyObject_IsTrue(v[3]);
    if (batch_first < 0 || sorted < 0)
        return NULL;
    mark = pool_open();
    lengths = lengths_of(v[1]);
    x = lengths ? tensor_argument(v[0], "_pack_padded_sequence", "input") : NULL;
    if (x)
        packed = pack(x, lengths, batch_first, sorted);
    pool_close(mark);
    return packed;
}

/* ---- padding ---- */

/* t with the slices along dim in another order, if one is given. */
static struct tensor *reordered(struct tensor *t, int dim, PyObject *order)
{
    if (!tensor_check(order))
        return t;
    return D(index_select, V_TENSOR(t), V_INT(dim), V_TENSOR(tensor_of(order)));
}

/* (padded, lengths) */
static PyObject *pad(struct tensor *data, struct tensor *sizes, PyObject *order, bool batch_first,
                     struct scalar padding, int64_t length)
{
    struct value args[] = {V_TENSOR(data), V_TENSOR(sizes), V_INT(batch_first), V_SCALAR(padding),
                           V_INT(length)};
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};
    PyObject *padded, *lengths;

    if (op_call(&ops[OP__pad_packed_sequence], args, out) < 0)
        return python_error();
    out[0] = reordered(pool_keep(out[0]), batch_first ? 0 : 1, order);
    out[1] = reordered(pool_keep(out[1]), 0, order);
    if (!out[0] || !out[1])
        return python_error();
    padded = tensor_object(out[0]);
    lengths = tensor_object(out[1]);
    return Py_BuildValue("(NN)", padded, lengths);
}

/* The total_length of a call, 0 for None. */
static int read_total(PyObject *object, int64_t steps, int64_t *total)
{
    *total = object == Py_None ? 0 : PyLong_AsLongLong(object);
    if (PyErr_Occurred())
        return -1;
    if (object == Py_None || *total >= steps)
        return 0;
    PyErr_Format(PyExc_ValueError,
                 "Expected total_length to be at least the length of the longest sequence in "
                 "input, but got total_length=%lld and max sequence length being %lld",
                 (long long)*total, (long long)steps);
    return -1;
}

static PyObject *pad_packed(PyObject *sequence, int batch_first, PyObject *value, PyObject *total)
{
    PyObject *sizes = PyObject_GetAttrString(sequence, "batch_sizes");
    PyObject *data = sizes ? PyObject_GetAttrString(sequence, "data") : NULL;
    PyObject *order = data ? PyObject_GetAttrString(sequence, "unsorted_indices") : NULL;
    PyObject *result = NULL;
    struct scalar padding;
    int64_t length;
    size_t mark = pool_open();

    if (order && tensor_argument(data, "_pad_packed_sequence", "data") &&
        tensor_argument(sizes, "_pad_packed_sequence", "batch_sizes") &&
        scalar_from_python(value, &padding) &&
        read_total(total, tensor_of(sizes)->numel, &length) == 0)
        result = pad(tensor_of(data), tensor_of(sizes), order, batch_first, padding, length);
    pool_close(mark);
    Py_XDECREF(sizes);
    Py_XDECREF(data);
    Py_XDECREF(order);
    return result;
}

static PyObject *pad_packed_sequence(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"sequence", "batch_first", "padding_value", "total_length"};
    PyObject *zero = PyFloat_FromDouble(0), *v[] = {NULL, Py_False, zero, Py_None}, *result = NULL;
    int batch_first;

    if (zero && read_call("pad_packed_sequence", names, 4, 1, args, kwargs, v) == 0) {
        batch_first = PyObject_IsTrue(v[1]);
        if (batch_first >= 0)
            result = pad_packed(v[0], batch_first, v[2], v[3]);
    }
    Py_XDECREF(zero);
    return result;
}

/* The elements of an iterable of tensors as a list. */
static PyObject *tensor_list(PyObject *sequences)
{
    PyObject *iterator = PyObject_GetIter(sequences), *list;

    if (!iterator) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_RuntimeError,
                         "pad_sequence: Expected iterable for input sequences, but got arg of "
                         "type: %R",
                         Py_TYPE(sequences));
        return NULL;
    }
    list = PySequence_List(iterator);
    Py_DECREF(iterator);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        PyObject *item = PyList_GET_ITEM(list, i);

        if (tensor_check(item))
            continue;
        PyErr_Format(PyExc_TypeError, "expected Tensor as element %zd in argument 0, but got %s", i,
                     _PyType_Name(Py_TYPE(item)));
        Py_CLEAR(list);
    }
    return list;
}

/* The tensors of a list, padded; in the pool. */
static struct tensor *padded_list(PyObject *list, bool batch_first, double padding)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    struct tensor **at = PyMem_New(struct tensor *, count + 1), *padded = NULL;

    if (!at) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        at[i] = tensor_of(PyList_GET_ITEM(list, i));
    padded = D(pad_sequence, V_TENSORS(at, (int)count), V_INT(batch_first), V_FLOAT(padding));
    PyMem_Free(at);
    return padded;
}

static PyObject *pad_sequence(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"sequences", "batch_first", "padding_value"};
    PyObject *zero = PyFloat_FromDouble(0), *v[] = {NULL, Py_False, zero}, *list = NULL;
    PyObject *result = NULL;

    if (zero && read_call("pad_sequence", names, 3, 1, args, kwargs, v) == 0)
        list = tensor_list(v[0]);
    if (list) {
        double padding = PyFloat_AsDouble(v[2]);
        int batch_first = PyErr_Occurred() ? -1 : PyObject_IsTrue(v[1]);
        size_t mark = pool_open();
        struct tensor *padded = batch_first < 0 ? NULL : padded_list(list, batch_first, padding);

        result = padded ? tensor_object(padded) : python_error();
        pool_close(mark);
    }
    Py_XDECREF(list);
    Py_XDECREF(zero);
    return result;
}

/* ---- lists of sequences ---- */

static PyObject *pack_list(PyObject *list, bool sorted)
{
    int64_t count = PyList_GET_SIZE(list);
    struct tensor *lengths = pool_keep(tensor_new(DTYPE_i64, 1, &count));
    struct tensor *padded = lengths ? padded_list(list, false, 0) : NULL;

    if (!padded)
        return python_error();
    for (int64_t i = 0; i < count; i++)
        ((int64_t *)tensor_data(lengths))[i] = tensor_of(PyList_GET_ITEM(list, i))->shape[0];
    return pack(padded, lengths, false, sorted);
}

static PyObject *pack_sequence(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"sequences", "enforce_sorted"};
    PyObject *v[] = {NULL, Py_True}, *list, *packed = NULL;
    size_t mark;
    int sorted;

    if (read_call("pack_sequence", names, 2, 1, args, kwargs, v) < 0)
        return NULL;
    sorted = PyObject_IsTrue(v[1]);
    list = sorted < 0 ? NULL : tensor_list(v[0]);
    if (!list)
        return NULL;
    mark = pool_open();
    packed = pack_list(list, sorted);
    pool_close(mark);
    Py_DECREF(list);
    return packed;
}

/* The first lengths[i] elements of each padded sequence, as copies in a list. */
static PyObject *unpadded(struct tensor *padded, const struct tensor *lengths, bool batch_first)
{
    int batch = batch_first ? 0 : 1;
    int64_t count = padded->shape[batch] < lengths->numel ? padded->shape[batch] : lengths->numel;
    PyObject *list = PyList_New(0);

    for (int64_t i = 0; list && i < count; i++) {
        struct tensor *line = d_select(padded, batch, i);
        int64_t length = line ? ((int64_t *)tensor_data(lengths))[i] : 0;
        PyObject *item;

        if (line && length > line->shape[0])
            length = line->shape[0];
        line = line ? d_narrow(line, 0, 0, length < 0 ? 0 : length) : NULL;
        line = line ? d_call1(OP_clone, line) : NULL;
        item = line ? tensor_object(line) : python_error();
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *unpad_sequence(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"padded_sequences", "lengths", "batch_first"};
    PyObject *v[] = {NULL, NULL, Py_False}, *list = NULL;
    struct tensor *padded, *lengths;
    int batch_first;
    size_t mark;

    if (read_call("unpad_sequence", names, 3, 2, args, kwargs, v) < 0)
        return NULL;
    batch_first = PyObject_IsTrue(v[2]);
    mark = pool_open();
    padded = batch_first < 0 ? NULL : tensor_argument(v[0], "unpad_sequence", "padded_sequences");
    lengths = padded ? lengths_of(v[1]) : NULL;
    if (lengths)
        lengths = pool_keep(tensor_contiguous(lengths));
    if (lengths && padded->ndim < 2)
        PyErr_SetString(PyExc_IndexError, "unpad_sequence: padded_sequences must have at least 2 "
                                          "dimensions");
    else if (lengths)
        list = unpadded(padded, lengths, batch_first);
    pool_close(mark);
    return list;
}

static PyObject *unpack_sequence(PyObject *module, PyObject *packed)
{
    PyObject *zero = PyFloat_FromDouble(0), *pair, *args, *list = NULL;

    pair = zero ? pad_packed(packed, true, zero, Py_None) : NULL;
    args = pair ? PyTuple_Pack(3, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1), Py_True)
                : NULL;
    if (args)
        list = unpad_sequence(module, args, NULL);
    Py_XDECREF(zero);
    Py_XDECREF(pair);
    Py_XDECREF(args);
    return list;
}

static PyObject *invert_permutation(PyObject *Py_UNUSED(module), PyObject *permutation)
{
    return packed_inverse(permutation);
}

/* ---- the module ---- */

int packed_init(PyObject *torch)
{
    static PyMethodDef functions[] = {
        {"pack_padded_sequence", WITH_KEYWORDS(pack_padded_sequence),
         "pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True): a "
         "PackedSequence of padded sequences (L, N, ...)."},
        {"pad_packed_sequence", WITH_KEYWORDS(pad_packed_sequence),
         "pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None): "
         "the padded sequences of a PackedSequence and their lengths."},
        {"pad_sequence", WITH_KEYWORDS(pad_sequence),
         "pad_sequence(sequences, batch_first=False, padding_value=0.0): one tensor (L, N, ...) of "
         "sequences of different lengths."},
        {"unpad_sequence", WITH_KEYWORDS(unpad_sequence),
         "unpad_sequence(padded_sequences, lengths, batch_first=False): the sequences in a list."},
        {"pack_sequence", WITH_KEYWORDS(pack_sequence),
         "pack_sequence(sequences, enforce_sorted=True): a PackedSequence of a list."},
        {"unpack_sequence", unpack_sequence, METH_O,
         "unpack_sequence(packed_sequences): the sequences in a list."},
        {"invert_permutation", invert_permutation, METH_O, "Where each element stands."},
        {NULL, NULL, 0, NULL},
    };
    PyObject *home = submodule(torch, "nn.utils.rnn");

    if (!home || PyModule_AddFunctions(home, functions) < 0)
        return -1;
    return packed_add_type(home);
}
