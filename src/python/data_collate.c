/* default_collate(): the items of a batch as one; default_convert(): arrays as tensors. */
#include "base/vec.h"
#include "python/data_parts.h"
#include "python/errors.h"
#include "python/tensor_parts.h"

#include <string.h>

static PyObject *mapping_type, *sequence_type; /* of collections.abc */
static PyObject *as_tensor;                    /* torch.as_tensor */

static PyObject *collate(PyObject *batch);

/* ---- what an item is ---- */

enum item_kind {
    ITEM_TENSOR,
    ITEM_ARRAY,
    ITEM_NUMBER, /* of NumPy */
    ITEM_FLOAT,
    ITEM_INT,
    ITEM_TEXT,
    ITEM_MAPPING,
    ITEM_NAMED, /* a namedtuple */
    ITEM_TUPLE,
    ITEM_SEQUENCE,
    ITEM_OTHER,
    ITEM_ERROR
};

/* A scalar type of NumPy that is a number: it knows its dtype, and is no text. */
static bool is_numpy_number(PyObject *item)
{
    const char *name = Py_TYPE(item)->tp_name;

    return strncmp(name, "numpy.", 6) == 0 && strcmp(name, "numpy.ndarray") != 0 &&
           !PyUnicode_Check(item) && !PyBytes_Check(item) && PyObject_HasAttrString(item, "dtype");
}

/* item is an instance of an abstract class: ITEM_OTHER if not. */
static enum item_kind abstract_kind(PyObject *item)
{
    int mapping = PyObject_IsInstance(item, mapping_type);
    int sequence = mapping == 0 ? PyObject_IsInstance(item, sequence_type) : 0;

    if (mapping < 0 || sequence < 0)
        return ITEM_ERROR;
    return mapping ? ITEM_MAPPING : sequence ? ITEM_SEQUENCE : ITEM_OTHER;
}

static enum item_kind kind_of(PyObject *item)
{
    if (tensor_check(item))
        return ITEM_TENSOR;
    if (is_numpy_array(item))
        return ITEM_ARRAY;
    if (is_numpy_number(item))
        return ITEM_NUMBER;
    if (PyFloat_Check(item))
        return ITEM_FLOAT;
    if (PyLong_Check(item))
        return ITEM_INT;
    if (PyUnicode_Check(item) || PyBytes_Check(item))
        return ITEM_TEXT;
    if (PyDict_Check(item))
        return ITEM_MAPPING;
    if (PyTuple_Check(item))
        return PyObject_HasAttrString(item, "_fields") ? ITEM_NAMED : ITEM_TUPLE;
    return PyList_Check(item) ? ITEM_SEQUENCE : abstract_kind(item);
}

/* ---- leaves ---- */

static PyObject *refuse(PyObject *what)
{
    return PyErr_Format(PyExc_TypeError,
                        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts "
                        "or lists; found %S",
                        what);
}

static PyObject *stack_tensors(PyObject *list)
{
    VEC(struct tensor *) tensors = {0};
    struct value args[2] = {{.given = true}, {.given = true, .i = 0}};
    struct tensor *out = NULL;
    PyObject *odd = NULL;

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list) && !odd; i++) {
        PyObject *item = PyList_GET_ITEM(list, i);

        if (!tensor_check(item))
            odd = item;
        else if (!vec_push(&tensors, tensor_of(item)))
            break;
    }
    if (odd) {
        PyErr_Format(PyExc_TypeError, "expected Tensor as element %zu in argument 0, but got %s",
                     tensors.count, Py_TYPE(odd)->tp_name);
    } else if ((Py_ssize_t)tensors.count < PyList_GET_SIZE(list)) {
        python_error();
    } else {
        args[0].tensors.at = tensors.at;
        args[0].tensors.count = (int)tensors.count;
        if (op_call(&ops[OP_stack], args, &out) < 0)
            python_error();
    }
    vec_release(&tensors);
    return out ? tensor_wrap(out) : NULL;
}

/* Texts and objects are not what tensors hold. */
static int holds_no_numbers(PyObject *array)
{
    PyObject *dtype = PyObject_GetAttrString(array, "dtype");
    PyObject *kind = dtype ? PyObject_GetAttrString(dtype, "kind") : NULL;
    const char *letter = kind ? PyUnicode_AsUTF8(kind) : NULL;
    int no = letter ? strchr("SaUO", *letter) != NULL : -1;

    Py_XDECREF(dtype);
    Py_XDECREF(kind);
    return no;
}

static PyObject *stack_arrays(PyObject *batch)
{
    PyObject *list = PyList_New(PyList_GET_SIZE(batch)), *stacked;
    int refused = holds_no_numbers(PyList_GET_ITEM(batch, 0));

    if (refused > 0) {
        PyObject *dtype = PyObject_GetAttrString(PyList_GET_ITEM(batch, 0), "dtype");

        if (dtype)
            refuse(dtype);
        Py_XDECREF(dtype);
    }
    if (refused)
        Py_CLEAR(list);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        PyObject *tensor = PyObject_CallOneArg(as_tensor, PyList_GET_ITEM(batch, i));

        if (!tensor)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, tensor);
    }
    stacked = list ? stack_tensors(list) : NULL;
    Py_XDECREF(list);
    return stacked;
}

/* ---- containers ---- */

/* type(argument), or the argument itself when the type cannot be called like that. */
static PyObject *like(PyTypeObject *type, PyObject *argument)
{
    PyObject *made;

    if (!argument || Py_IS_TYPE(argument, type))
        return argument;
    made = PyObject_CallOneArg((PyObject *)type, argument);
    if (!made && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        return argument;
    }
    Py_DECREF(argument);
    return made;
}

/* collate([item[key] for item in batch]); texts, which stay as they are, come as a tuple from
 * `columns`. */
static PyObject *collate_key(PyObject *batch, PyObject *key, bool columns)
{
    PyObject *values = PyList_New(PyList_GET_SIZE(batch)), *collated;

    for (Py_ssize_t i = 0; values && i < PyList_GET_SIZE(values); i++) {
        PyObject *value = PyObject_GetItem(PyList_GET_ITEM(batch, i), key);

        if (!value)
            Py_CLEAR(values);
        else
            PyList_SET_ITEM(values, i, value);
    }
    collated = values ? collate(values) : NULL;
    if (collated && collated == values && columns)
        Py_SETREF(collated, PyList_AsTuple(values));
    Py_XDECREF(values);
    return collated;
}

static PyObject *collate_mapping(PyObject *batch)
{
    PyObject *first = PyList_GET_ITEM(batch, 0), *keys = PyObject_GetIter(first);
    PyObject *dict = keys ? PyDict_New() : NULL, *key;

    while (dict && (key = PyIter_Next(keys))) {
        PyObject *value = collate_key(batch, key, false);

        if (!value || PyDict_SetItem(dict, key, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
        Py_DECREF(key);
    }
    Py_XDECREF(keys);
    if (PyErr_Occurred())
        Py_CLEAR(dict);
    return like(Py_TYPE(first), dict);
}

/* Every item as long as the first: its length, or -1. */
static Py_ssize_t common_length(PyObject *batch)
{
    Py_ssize_t length = PyObject_Size(PyList_GET_ITEM(batch, 0)), other = length;

    for (Py_ssize_t i = 1; length >= 0 && other == length && i < PyList_GET_SIZE(batch); i++)
        other = PyObject_Size(PyList_GET_ITEM(batch, i));
    if (other == length || PyErr_Occurred())
        return PyErr_Occurred() ? -1 : length;
    PyErr_SetString(PyExc_RuntimeError, "each element in list of batch should be of equal size");
    return -1;
}

/* A list of the collated columns. */
static PyObject *collate_columns(PyObject *batch, Py_ssize_t length)
{
    PyObject *columns = length < 0 ? NULL : PyList_New(length);

    for (Py_ssize_t k = 0; columns && k < length; k++) {
        PyObject *place = PyLong_FromSsize_t(k);
        PyObject *column = place ? collate_key(batch, place, true) : NULL;

        Py_XDECREF(place);
        if (!column)
            Py_CLEAR(columns);
        else
            PyList_SET_ITEM(columns, k, column);
    }
    return columns;
}

/* type(*list) */
static PyObject *named_like(PyTypeObject *type, PyObject *list)
{
    PyObject *values = list ? PyList_AsTuple(list) : NULL;
    PyObject *made = values ? PyObject_CallObject((PyObject *)type, values) : NULL;

    Py_XDECREF(list);
    Py_XDECREF(values);
    return made;
}

/* As zip() does it, a namedtuple's columns end with the shortest. */
static Py_ssize_t shortest(PyObject *batch)
{
    Py_ssize_t least = PY_SSIZE_T_MAX;

    for (Py_ssize_t i = 0; least >= 0 && i < PyList_GET_SIZE(batch); i++) {
        Py_ssize_t length = PyObject_Size(PyList_GET_ITEM(batch, i));

        least = length < least ? length : least;
    }
    return least;
}

/* ---- collate ---- */

static PyObject *collate_list(PyObject *batch)
{
    PyObject *first = PyList_GET_ITEM(batch, 0);

    switch (kind_of(first)) {
    case ITEM_TENSOR:
        return stack_tensors(batch);
    case ITEM_ARRAY:
        return stack_arrays(batch);
    case ITEM_NUMBER:
        return PyObject_CallOneArg(as_tensor, batch);
    case ITEM_FLOAT:
        return tensor_wrap(tensor_from_python(batch, DTYPE_f64));
    case ITEM_INT:
        return tensor_wrap(tensor_from_python(batch, DTYPE_NONE));
    case ITEM_TEXT:
        return Py_NewRef(batch);
    case ITEM_MAPPING:
        return collate_mapping(batch);
    case ITEM_NAMED:
        return named_like(Py_TYPE(first), collate_columns(batch, shortest(batch)));
    case ITEM_TUPLE:
        return collate_columns(batch, common_length(batch));
    case ITEM_SEQUENCE:
        return like(Py_TYPE(first), collate_columns(batch, common_length(batch)));
    case ITEM_OTHER:
        return refuse((PyObject *)Py_TYPE(first));
    case ITEM_ERROR:
        break;
    }
    return NULL;
}

static PyObject *collate(PyObject *batch)
{
    PyObject *result;

    if (PyList_GET_SIZE(batch) == 0) {
        PyErr_SetString(PyExc_IndexError, "list index out of range");
        return NULL;
    }
    if (Py_EnterRecursiveCall(" while a batch is collated"))
        return NULL;
    result = collate_list(batch);
    Py_LeaveRecursiveCall();
    return result;
}

PyObject *default_collate(PyObject *module, PyObject *batch)
{
    PyObject *list, *result;

    (void)module;
    if (PyList_Check(batch))
        return collate(batch);
    list = PySequence_List(batch);
    result = list ? collate(list) : NULL;
    if (result == list) /* texts stay as they were given */
        Py_SETREF(result, Py_NewRef(batch));
    Py_XDECREF(list);
    return result;
}

/* ---- convert ---- */

static PyObject *convert_mapping(PyObject *data)
{
    PyObject *keys = PyObject_GetIter(data), *dict = keys ? PyDict_New() : NULL, *key;

    while (dict && (key = PyIter_Next(keys))) {
        PyObject *item = PyObject_GetItem(data, key);
        PyObject *value = item ? default_convert(NULL, item) : NULL;

        if (!value || PyDict_SetItem(dict, key, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(item);
        Py_XDECREF(value);
        Py_DECREF(key);
    }
    Py_XDECREF(keys);
    if (PyErr_Occurred())
        Py_CLEAR(dict);
    return like(Py_TYPE(data), dict);
}

static PyObject *convert_items(PyObject *data)
{
    PyObject *list = PySequence_List(data);

    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        PyObject *value = default_convert(NULL, PyList_GET_ITEM(list, i));

        if (!value || PyList_SetItem(list, i, value) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *convert_array(PyObject *array)
{
    int stays = holds_no_numbers(array);

    if (stays)
        return stays < 0 ? NULL : Py_NewRef(array);
    return PyObject_CallOneArg(as_tensor, array);
}

static PyObject *convert(PyObject *data)
{
    switch (kind_of(data)) {
    case ITEM_ARRAY:
        return convert_array(data);
    case ITEM_NUMBER:
        return PyObject_CallOneArg(as_tensor, data);
    case ITEM_MAPPING:
        return convert_mapping(data);
    case ITEM_NAMED:
        return named_like(Py_TYPE(data), convert_items(data));
    case ITEM_TUPLE:
        return convert_items(data);
    case ITEM_SEQUENCE:
        return like(Py_TYPE(data), convert_items(data));
    case ITEM_ERROR:
        return NULL;
    default:
        return Py_NewRef(data);
    }
}

PyObject *default_convert(PyObject *module, PyObject *data)
{
    PyObject *result;

    (void)module;
    if (Py_EnterRecursiveCall(" while data is converted"))
        return NULL;
    result = convert(data);
    Py_LeaveRecursiveCall();
    return result;
}

int collate_init(PyObject *torch)
{
    PyObject *abstract = PyImport_ImportModule("collections.abc");

    as_tensor = PyObject_GetAttrString(torch, "as_tensor");
    mapping_type = abstract ? PyObject_GetAttrString(abstract, "Mapping") : NULL;
    sequence_type = abstract ? PyObject_GetAttrString(abstract, "Sequence") : NULL;
    Py_XDECREF(abstract);
    return as_tensor && mapping_type && sequence_type ? 0 : -1;
}
