/* The opcodes of the machine that make numbers, text and containers. */
#include "python/unpickle_parts.h"

#include "python/errors.h"

#include <string.h>

/* ---- numbers and text ---- */

enum constant { CONSTANT_NONE, CONSTANT_TRUE, CONSTANT_FALSE };

static bool op_constant(struct unpickler *u, int which)
{
    static PyObject *const constants[] = {Py_None, Py_True, Py_False};

    return unpickle_push(u, Py_NewRef(constants[which]));
}

static bool op_unsigned(struct unpickler *u, int width)
{
    uint64_t number;

    return unpickle_number(u, width, &number) &&
           unpickle_push(u, PyLong_FromUnsignedLongLong(number));
}

static bool op_signed(struct unpickler *u, int width)
{
    uint64_t number;

    return unpickle_number(u, width, &number) && unpickle_push(u, PyLong_FromLong((int32_t)number));
}

static bool op_long(struct unpickler *u, int width)
{
    Py_ssize_t length;
    const char *bytes = unpickle_block(u, width, &length);

    return bytes && unpickle_push(u, _PyLong_FromByteArray((const unsigned char *)bytes,
                                                           (size_t)length, 1, 1));
}

/* In decimal: "01" and "00" are booleans, a long ends in L. */
static bool op_decimal(struct unpickler *u, int Py_UNUSED(which))
{
    Py_ssize_t length;
    const char *line = unpickle_line(u, &length);
    PyObject *text, *number;

    if (!line)
        return false;
    if (length == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1'))
        return unpickle_push(u, PyBool_FromLong(line[1] == '1'));
    length -= length > 0 && line[length - 1] == 'L';
    text = PyUnicode_DecodeASCII(line, length, "strict");
    number = text ? PyLong_FromUnicodeObject(text, 10) : NULL;
    Py_XDECREF(text);
    return unpickle_push(u, number);
}

/* Eight bytes, the largest first. */
static bool op_float(struct unpickler *u, int Py_UNUSED(which))
{
    const unsigned char *bytes = unpickle_take(u, 8);
    uint64_t bits = 0;
    double number;

    if (!bytes)
        return false;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | bytes[i];
    memcpy(&number, &bits, sizeof(number));
    return unpickle_push(u, PyFloat_FromDouble(number));
}

/* A str of Python 2. */
static bool op_string(struct unpickler *u, int width)
{
    Py_ssize_t length;
    const char *bytes = unpickle_block(u, width, &length);

    if (!bytes)
        return false;
    return unpickle_push(u, strcmp(u->encoding, "bytes") == 0
                                ? PyBytes_FromStringAndSize(bytes, length)
                                : PyUnicode_Decode(bytes, length, u->encoding, "strict"));
}

static bool op_unicode(struct unpickler *u, int width)
{
    Py_ssize_t length;
    const char *bytes = unpickle_block(u, width, &length);

    return bytes && unpickle_push(u, PyUnicode_DecodeUTF8(bytes, length, "surrogatepass"));
}

static bool op_bytes(struct unpickler *u, int width)
{
    Py_ssize_t length;
    const char *bytes = unpickle_block(u, width, &length);

    return bytes && unpickle_push(u, PyBytes_FromStringAndSize(bytes, length));
}

static bool op_bytearray(struct unpickler *u, int width)
{
    Py_ssize_t length;
    const char *bytes = unpickle_block(u, width, &length);

    return bytes && unpickle_push(u, PyByteArray_FromStringAndSize(bytes, length));
}

/* ---- containers ---- */

static bool op_empty_tuple(struct unpickler *u, int Py_UNUSED(which))
{
    return unpickle_push(u, PyTuple_New(0));
}

static bool op_small_tuple(struct unpickler *u, int count)
{
    return unpickle_need(u, (size_t)count) &&
           unpickle_push(u, unpickle_pop_tuple(u, u->stack.count - (size_t)count));
}

static bool op_tuple(struct unpickler *u, int Py_UNUSED(which))
{
    size_t from;

    return unpickle_pop_mark(u, &from) && unpickle_push(u, unpickle_pop_tuple(u, from));
}

static bool op_empty_list(struct unpickler *u, int Py_UNUSED(which))
{
    return unpickle_push(u, PyList_New(0));
}

static bool op_list(struct unpickler *u, int Py_UNUSED(which))
{
    size_t from;

    return unpickle_pop_mark(u, &from) && unpickle_push(u, unpickle_pop_list(u, from));
}

/* Adds what stands on the stack from `from` on to the list below. */
static bool append(struct unpickler *u, size_t from)
{
    PyObject *list, *items;
    bool done;

    if (from <= unpickle_floor(u))
        return unpickling_failed("unpickling stack underflow");
    list = u->stack.at[from - 1];
    if (!PyList_CheckExact(list))
        return unpickling_failed("Can only append to lists, but got %s", Py_TYPE(list)->tp_name);
    items = unpickle_pop_list(u, from);
    done = items && PyList_SetSlice(list, PY_SSIZE_T_MAX, PY_SSIZE_T_MAX, items) == 0;
    Py_XDECREF(items);
    return done;
}

static bool op_append(struct unpickler *u, int Py_UNUSED(which))
{
    return unpickle_need(u, 2) && append(u, u->stack.count - 1);
}

static bool op_appends(struct unpickler *u, int Py_UNUSED(which))
{
    size_t from;

    return unpickle_pop_mark(u, &from) && append(u, from);
}

static bool op_empty_dict(struct unpickler *u, int Py_UNUSED(which))
{
    return unpickle_push(u, PyDict_New());
}

/* Sets what stands on the stack from `from` on, key and value in turn, in the dict below. */
static bool set_items(struct unpickler *u, size_t from)
{
    PyObject *dict;

    if (from <= unpickle_floor(u) || (u->stack.count - from) % 2 != 0)
        return unpickling_failed("unpickling stack underflow");
    dict = u->stack.at[from - 1];
    if (!PyDict_Check(dict))
        return unpickling_failed("Can only set items of dicts, but got %s", Py_TYPE(dict)->tp_name);
    for (size_t i = from; i < u->stack.count; i += 2)
        if (!pickle_key(u->stack.at[i]) ||
            PyObject_SetItem(dict, u->stack.at[i], u->stack.at[i + 1]) < 0)
            return false;
    unpickle_drop(u, from);
    return true;
}

static bool op_set_item(struct unpickler *u, int Py_UNUSED(which))
{
    return unpickle_need(u, 3) && set_items(u, u->stack.count - 2);
}

static bool op_set_items(struct unpickler *u, int Py_UNUSED(which))
{
    size_t from;

    return unpickle_pop_mark(u, &from) && set_items(u, from);
}

static bool op_dict(struct unpickler *u, int Py_UNUSED(which))
{
    size_t from;
    PyObject *dict;

    if (!unpickle_pop_mark(u, &from))
        return false;
    dict = PyDict_New();
    if (!dict || !vec_insert(&u->stack, from, dict)) {
        Py_XDECREF(dict);
        return (python_error(), false);
    }
    return set_items(u, from + 1);
}

static bool op_empty_set(struct unpickler *u, int Py_UNUSED(which))
{
    return unpickle_push(u, PySet_New(NULL));
}

static bool add_to_set(PyObject *set, PyObject *items)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++)
        if (!pickle_key(PyList_GET_ITEM(items, i)) || PySet_Add(set, PyList_GET_ITEM(items, i)) < 0)
            return false;
    return true;
}

static bool op_add_items(struct unpickler *u, int Py_UNUSED(which))
{
    PyObject *items;
    size_t from;
    bool done;

    if (!unpickle_pop_mark(u, &from))
        return false;
    if (from <= unpickle_floor(u) || !PySet_CheckExact(u->stack.at[from - 1]))
        return unpickling_failed("Can only add items to sets");
    items = unpickle_pop_list(u, from);
    done = items && add_to_set(unpickle_top(u), items);
    Py_XDECREF(items);
    return done;
}

static bool op_frozenset(struct unpickler *u, int Py_UNUSED(which))
{
    PyObject *items, *set = NULL;
    size_t from;

    if (!unpickle_pop_mark(u, &from))
        return false;
    items = unpickle_pop_list(u, from);
    set = items ? PyFrozenSet_New(NULL) : NULL;
    if (set && !add_to_set(set, items))
        Py_CLEAR(set);
    Py_XDECREF(items);
    return unpickle_push(u, set);
}

/* ---- the table ---- */

const struct opcode unpickle_data_opcodes[256] = {
    ['N'] = {op_constant, CONSTANT_NONE},
    [0x88] = {op_constant, CONSTANT_TRUE},
    [0x89] = {op_constant, CONSTANT_FALSE},
    ['K'] = {op_unsigned, 1},
    ['M'] = {op_unsigned, 2},
    ['J'] = {op_signed, 4},
    [0x8a] = {op_long, 1},
    [0x8b] = {op_long, 4},
    ['I'] = {op_decimal, 0},
    ['L'] = {op_decimal, 0},
    ['G'] = {op_float, 0},
    ['U'] = {op_string, 1},
    ['T'] = {op_string, 4},
    ['X'] = {op_unicode, 4},
    [0x8c] = {op_unicode, 1},
    [0x8d] = {op_unicode, 8},
    ['C'] = {op_bytes, 1},
    ['B'] = {op_bytes, 4},
    [0x8e] = {op_bytes, 8},
    [0x96] = {op_bytearray, 8},
    [')'] = {op_empty_tuple, 0},
    [0x85] = {op_small_tuple, 1},
    [0x86] = {op_small_tuple, 2},
    [0x87] = {op_small_tuple, 3},
    ['t'] = {op_tuple, 0},
    [']'] = {op_empty_list, 0},
    ['l'] = {op_list, 0},
    ['a'] = {op_append, 0},
    ['e'] = {op_appends, 0},
    ['}'] = {op_empty_dict, 0},
    ['d'] = {op_dict, 0},
    ['s'] = {op_set_item, 0},
    ['u'] = {op_set_items, 0},
    [0x8f] = {op_empty_set, 0},
    [0x90] = {op_add_items, 0},
    [0x91] = {op_frozenset, 0},
};
