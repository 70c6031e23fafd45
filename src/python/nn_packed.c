/*
 * PackedSequence: the elements of a batch of sequences, step by step.
 */
#include "python/nn_packed.h"

#include "autograd/formula.h"
#include "base/error.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/module.h"

static PyTypeObject *packed_type;

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

PyObject *packed_inverse(PyObject *permutation)
{
    size_t mark = pool_open();
    struct tensor *order;
    PyObject *object;

    if (permutation == Py_None)
        return Py_NewRef(permutation);
    if (!tensor_check(permutation)) {
        PyErr_Format(PyExc_TypeError, "a permutation must be a Tensor, not %s",
                     _PyType_Name(Py_TYPE(permutation)));
        return NULL;
    }
    order = inverted(tensor_of(permutation));
    object = order ? tensor_object(order) : python_error();
    pool_close(mark);
    return object;
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
    back = values[PACKED_UNSORTED] == Py_None ? packed_inverse(values[PACKED_SORTED])
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

PyObject *packed_object(PyObject *data, PyObject *sizes, PyObject *sorted, PyObject *unsorted)
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

/* ---- the type ---- */

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

int packed_add_type(PyObject *home)
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
