/*
 * torch.nn.utils.rnn: sequences of different lengths, padded to one tensor or packed step by step.
 */
#include "python/nn_packed.h"

#include "autograd/formula.h"
#include "base/error.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/nn_module.h"

static PyTypeObject *packed_type;

/* ---- PackedSequence ---- */

bool packed_check(PyObject *object)
{
    return PyObject_TypeCheck(object, packed_type);
}

/* Where each element of a permutation stands. In the pool. */
static struct tensor *inverted(struct tensor *permutation)
{
    struct tensor *order;
    int64_t *at;

    if (permutation->ndim != 1 || permutation->dtype != DTYPE_i64) {
        error_set(ERROR_RUNTIME, "a permutation must be a 1D tensor of int64");
        return NULL;
    }
    order = pool_keep(tensor_new(DTYPE_i64, 1, permutation->shape));
    at = order ? (int64_t *)tensor_data(order) : NULL;
    for (int64_t i = 0; order && i < order->numel; i++)
        at[i] = i;
    return order ? D(scatter, V_TENSOR(order), V_INT(0), V_TENSOR(permutation), V_TENSOR(order))
                 : NULL;
}

/* A pooled tensor as object; the pool is closed. */
static PyObject *leave(size_t mark, struct tensor *t)
{
    PyObject *object = t ? tensor_object(t) : python_error();

    pool_close(mark);
    return object;
}

static PyObject *invert(PyObject *permutation)
{
    size_t mark = pool_open();

    if (permutation == Py_None)
        return Py_NewRef(permutation);
    if (!tensor_check(permutation)) {
        PyErr_Format(PyExc_TypeError, "a permutation must be a Tensor, not %s",
                     _PyType_Name(Py_TYPE(permutation)));
        return NULL;
    }
    return leave(mark, inverted(tensor_of(permutation)));
}

/* PackedSequence((data, batch_sizes)), as old programs write it. */
static int split_pair(PyObject **values)
{
    PyObject *pair = values[PACKED_DATA], *items;

    if (values[PACKED_SIZES] != Py_None)
        return 0;
    if ((!PyList_Check(pair) && !PyTuple_Check(pair)) || PySequence_Size(pair) != 2) {
        PyErr_SetNone(PyExc_AssertionError);
        return -1;
    }
    items = PySequence_Fast(pair, "");
    values[PACKED_DATA] = PySequence_Fast_GET_ITEM(items, 0);
    values[PACKED_SIZES] = PySequence_Fast_GET_ITEM(items, 1);
    Py_DECREF(items); /* the pair itself, which its owner keeps */
    return 0;
}

static PyObject *packed_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"data", "batch_sizes", "sorted_indices",
                                        "unsorted_indices"};
    static const struct binding binding = {
        "PackedSequence.__new__", names, PACKED_FIELDS, PACKED_FIELDS, 1, 1};
    PyObject *values[PACKED_FIELDS] = {Py_None, Py_None, Py_None, Py_None};
    PyObject *back, *fields, *tuple, *self = NULL;

    if (binding_read(&binding, args, kwargs, values) < 0 || split_pair(values) < 0)
        return NULL;
    back = values[PACKED_UNSORTED] == Py_None ? invert(values[PACKED_SORTED])
                                              : Py_NewRef(values[PACKED_UNSORTED]);
    if (!back)
        return NULL;
    fields = PyTuple_Pack(PACKED_FIELDS, values[PACKED_DATA], values[PACKED_SIZES],
                          values[PACKED_SORTED], back);
    tuple = fields ? PyTuple_Pack(1, fields) : NULL;
    if (tuple)
        self = PyTuple_Type.tp_new(type, tuple, NULL);
    Py_DECREF(back);
    Py_XDECREF(fields);
    Py_XDECREF(tuple);
    return self;
}

static PyObject *make_packed(PyObject *data, PyObject *sizes, PyObject *sorted, PyObject *unsorted)
{
    return PyObject_CallFunctionObjArgs((PyObject *)packed_type, data, sizes, sorted, unsorted,
                                        NULL);
}

PyObject *packed_with_data(PyObject *packed, PyObject *data)
{
    PyObject *made = NULL;

    if (data && data == PyTuple_GET_ITEM(packed, PACKED_DATA))
        made = Py_NewRef(packed);
    else if (data)
        made = PyObject_CallFunctionObjArgs((PyObject *)Py_TYPE(packed), data,
                                            PyTuple_GET_ITEM(packed, PACKED_SIZES),
                                            PyTuple_GET_ITEM(packed, PACKED_SORTED),
                                            PyTuple_GET_ITEM(packed, PACKED_UNSORTED), NULL);
    Py_XDECREF(data);
    return made;
}

/* What _replace() makes its result by: a tuple of the fields, as they are. */
static PyObject *packed_make(PyObject *type, PyObject *fields)
{
    PyObject *tuple = PyTuple_Pack(1, fields), *made;

    made = tuple ? PyTuple_Type.tp_new((PyTypeObject *)type, tuple, NULL) : NULL;
    Py_XDECREF(tuple);
    if (!made || PyTuple_GET_SIZE(made) == PACKED_FIELDS)
        return made;
    PyErr_Format(PyExc_TypeError, "Expected 4 arguments, got %zd", PyTuple_GET_SIZE(made));
    Py_DECREF(made);
    return NULL;
}

/* The methods that convert data are those of the same name of Tensor. */
#define CONVERSION(name)                                                                           \
    static PyObject *packed_##name(PyObject *self, PyObject *args, PyObject *kwargs)               \
    {                                                                                              \
        PyObject *method = PyObject_GetAttrString(PyTuple_GET_ITEM(self, PACKED_DATA), #name);     \
        PyObject *data = method ? PyObject_Call(method, args, kwargs) : NULL;                      \
                                                                                                   \
        Py_XDECREF(method);                                                                        \
        return packed_with_data(self, data);                                                       \
    }
/* clang-format off */
#define CONVERSIONS(X)                                                                             \
    X(to) X(cpu) X(cuda) X(double) X(float) X(half) X(long) X(int) X(short) X(char) X(byte)        \
    X(pin_memory)
/* clang-format on */
CONVERSIONS(CONVERSION)

static PyObject *packed_is_cuda(PyObject *self, void *Py_UNUSED(closure))
{
    return PyObject_GetAttrString(PyTuple_GET_ITEM(self, PACKED_DATA), "is_cuda");
}

static PyObject *packed_is_pinned(PyObject *self, PyObject *Py_UNUSED(none))
{
    return PyObject_CallMethod(PyTuple_GET_ITEM(self, PACKED_DATA), "is_pinned", NULL);
}

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
        packed = make_packed(data, sizes, indices, Py_None);
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
    size_t mark;

    if (zero && read_call("pad_sequence", names, 3, 1, args, kwargs, v) == 0)
        list = tensor_list(v[0]);
    if (list) {
        double padding = PyFloat_AsDouble(v[2]);
        int batch_first = PyErr_Occurred() ? -1 : PyObject_IsTrue(v[1]);

        mark = pool_open();
        if (batch_first >= 0)
            result = leave(mark, padded_list(list, batch_first, padding));
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
    return invert(permutation);
}

/* ---- the module ---- */

/* The named tuple that PackedSequence extends. */
static PyObject *base_type(void)
{
    PyObject *collections = PyImport_ImportModule("collections");
    PyObject *base = collections
                         ? PyObject_CallMethod(collections, "namedtuple", "ss", "PackedSequence_",
                                               "data batch_sizes sorted_indices unsorted_indices")
                         : NULL;

    Py_XDECREF(collections);
    return base;
}

static int add_packed_type(PyObject *home)
{
#define METHOD(name) {#name, WITH_KEYWORDS(packed_##name), NULL},
    static PyMethodDef methods[] = {
        CONVERSIONS(METHOD){"_make", packed_make, METH_O | METH_CLASS, NULL},
        {"is_pinned", packed_is_pinned, METH_NOARGS, NULL},
        {NULL, NULL, 0, NULL}};
#undef METHOD
    static PyGetSetDef attributes[] = {{"is_cuda", packed_is_cuda, NULL, NULL, NULL},
                                       {NULL, NULL, NULL, NULL, NULL}};
    static PyType_Slot slots[] = {
        {Py_tp_new, packed_new},
        {Py_tp_methods, methods},
        {Py_tp_getset, attributes},
        {Py_tp_doc, "The elements of a batch of sequences, step by step: what\n"
                    "pack_padded_sequence() makes and recurrent layers take."},
        {0, NULL},
    };
    static PyType_Spec spec = {"torch.nn.utils.rnn.PackedSequence", 0, 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    PyObject *base = base_type(), *bases = base ? PyTuple_Pack(1, base) : NULL;
    PyObject *name = bases ? PyModule_GetNameObject(home) : NULL;
    int status = -1;

    if (name && PyObject_SetAttrString(base, "__module__", name) == 0)
        status = module_add_type(home, &spec, bases, &packed_type);
    Py_XDECREF(name);
    Py_XDECREF(base);
    Py_XDECREF(bases);
    return status;
}

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
    return add_packed_type(home);
}
