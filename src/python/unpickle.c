/*
 * The machine: a stack of objects, marks in it, and a memo. Each opcode is a row of a table: a
 * function and what distinguishes it from its siblings, mostly the width of its argument. The rows
 * that make numbers, text and containers are in unpickle_data.c.
 */
#include "python/unpickle_parts.h"

#include "python/errors.h"

#include <stdarg.h>
#include <string.h>

void *unpickling_error(const char *format, ...)
{
    PyObject *pickle = PyImport_ImportModule("pickle");
    PyObject *type = pickle ? PyObject_GetAttrString(pickle, "UnpicklingError") : NULL;
    va_list args;

    va_start(args, format);
    if (type)
        PyErr_FormatV(type, format, args);
    va_end(args);
    Py_XDECREF(pickle);
    Py_XDECREF(type);
    return NULL;
}

/* ---- bytes ---- */

const unsigned char *unpickle_take(struct unpickler *u, uint64_t count)
{
    const unsigned char *at = u->at;

    if (count > (uint64_t)(u->end - at)) {
        PyErr_SetString(PyExc_EOFError, "Ran out of input");
        return NULL;
    }
    u->at += count;
    return at;
}

bool unpickle_number(struct unpickler *u, int width, uint64_t *out)
{
    const unsigned char *bytes = unpickle_take(u, (uint64_t)width);

    *out = 0;
    for (int i = 0; bytes && i < width; i++)
        *out |= (uint64_t)bytes[i] << 8 * i;
    return bytes != NULL;
}

const char *unpickle_block(struct unpickler *u, int width, Py_ssize_t *length)
{
    uint64_t count;

    if (!unpickle_number(u, width, &count))
        return NULL;
    *length = (Py_ssize_t)count;
    return (const char *)unpickle_take(u, count);
}

const char *unpickle_line(struct unpickler *u, Py_ssize_t *length)
{
    const unsigned char *end = memchr(u->at, '\n', (size_t)(u->end - u->at));
    const char *line = (const char *)u->at;

    if (!end) {
        PyErr_SetString(PyExc_EOFError, "pickle data was truncated");
        return NULL;
    }
    *length = end - u->at;
    u->at = end + 1;
    return line;
}

/* ---- the stack ---- */

bool unpickle_push(struct unpickler *u, PyObject *object)
{
    if (!object)
        return false;
    if (vec_push(&u->stack, object))
        return true;
    Py_DECREF(object);
    return (python_error(), false);
}

size_t unpickle_floor(const struct unpickler *u)
{
    return u->marks.count ? u->marks.at[u->marks.count - 1] : 0;
}

bool unpickle_need(struct unpickler *u, size_t count)
{
    if (u->stack.count - unpickle_floor(u) >= count)
        return true;
    return unpickling_failed("unpickling stack underflow");
}

PyObject *unpickle_pop(struct unpickler *u)
{
    return u->stack.at[--u->stack.count];
}

PyObject *unpickle_top(struct unpickler *u)
{
    return u->stack.at[u->stack.count - 1];
}

void unpickle_drop(struct unpickler *u, size_t down_to)
{
    while (u->stack.count > down_to)
        Py_DECREF(unpickle_pop(u));
}

bool unpickle_pop_mark(struct unpickler *u, size_t *from)
{
    if (u->marks.count == 0)
        return unpickling_failed("could not find MARK");
    *from = u->marks.at[--u->marks.count];
    return true;
}

PyObject *unpickle_pop_tuple(struct unpickler *u, size_t from)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)(u->stack.count - from));

    for (size_t i = u->stack.count; tuple && i > from; i--)
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)(i - 1 - from), unpickle_pop(u));
    return tuple;
}

PyObject *unpickle_pop_list(struct unpickler *u, size_t from)
{
    PyObject *list = PyList_New((Py_ssize_t)(u->stack.count - from));

    for (size_t i = u->stack.count; list && i > from; i--)
        PyList_SET_ITEM(list, (Py_ssize_t)(i - 1 - from), unpickle_pop(u));
    return list;
}

static bool op_mark(struct unpickler *u, int Py_UNUSED(which))
{
    return vec_push(&u->marks, u->stack.count) || (python_error(), false);
}

static bool op_pop(struct unpickler *u, int Py_UNUSED(which))
{
    size_t from;

    if (u->stack.count == unpickle_floor(u))
        return unpickle_pop_mark(u, &from); /* an empty part ends with its mark */
    Py_DECREF(unpickle_pop(u));
    return true;
}

static bool op_pop_mark(struct unpickler *u, int Py_UNUSED(which))
{
    size_t from;

    if (!unpickle_pop_mark(u, &from))
        return false;
    unpickle_drop(u, from);
    return true;
}

static bool op_dup(struct unpickler *u, int Py_UNUSED(which))
{
    return unpickle_need(u, 1) && unpickle_push(u, Py_NewRef(unpickle_top(u)));
}

/* ---- the memo ---- */

static bool memo_get(struct unpickler *u, PyObject *number)
{
    PyObject *object = number ? PyDict_GetItemWithError(u->memo, number) : NULL;

    if (number && !object && !PyErr_Occurred())
        unpickling_error("Memo value not found at index %S", number);
    Py_XDECREF(number);
    return unpickle_push(u, Py_XNewRef(object));
}

static bool memo_put(struct unpickler *u, PyObject *number)
{
    bool done =
        number && unpickle_need(u, 1) && PyDict_SetItem(u->memo, number, unpickle_top(u)) == 0;

    Py_XDECREF(number);
    return done;
}

static bool op_get(struct unpickler *u, int width)
{
    uint64_t number;

    return unpickle_number(u, width, &number) && memo_get(u, PyLong_FromUnsignedLongLong(number));
}

static bool op_put(struct unpickler *u, int width)
{
    uint64_t number;

    return unpickle_number(u, width, &number) && memo_put(u, PyLong_FromUnsignedLongLong(number));
}

static bool op_memoize(struct unpickler *u, int Py_UNUSED(which))
{
    return memo_put(u, PyLong_FromSsize_t(PyDict_GET_SIZE(u->memo)));
}

/* ---- names and calls ---- */

static bool push_name(struct unpickler *u, PyObject *module, PyObject *name)
{
    PyObject *object = NULL;

    if (module && name && PyUnicode_Check(module) && PyUnicode_Check(name))
        object = pickle_name(u, module, name);
    else if (!PyErr_Occurred())
        unpickling_error("a name in the pickle is not a string");
    Py_XDECREF(module);
    Py_XDECREF(name);
    return unpickle_push(u, object);
}

static bool op_global(struct unpickler *u, int Py_UNUSED(which))
{
    Py_ssize_t module_length, name_length;
    const char *module = unpickle_line(u, &module_length);
    const char *name = module ? unpickle_line(u, &name_length) : NULL;
    PyObject *module_text, *name_text;

    if (!name)
        return false;
    module_text = PyUnicode_DecodeUTF8(module, module_length, "strict");
    name_text = module_text ? PyUnicode_DecodeUTF8(name, name_length, "strict") : NULL;
    return push_name(u, module_text, name_text);
}

static bool op_stack_global(struct unpickler *u, int Py_UNUSED(which))
{
    PyObject *module, *name;

    if (!unpickle_need(u, 2))
        return false;
    name = unpickle_pop(u);
    module = unpickle_pop(u);
    return push_name(u, module, name);
}

static bool op_reduce(struct unpickler *u, int Py_UNUSED(which))
{
    PyObject *callable, *args, *result = NULL;

    if (!unpickle_need(u, 2))
        return false;
    args = unpickle_pop(u);
    callable = unpickle_pop(u);
    if (PyTuple_CheckExact(args))
        result = pickle_call(u, callable, args);
    else
        unpickling_error("argument list must be a tuple");
    Py_DECREF(args);
    Py_DECREF(callable);
    return unpickle_push(u, result);
}

static bool op_new(struct unpickler *u, int with_keywords)
{
    PyObject *class, *args, *keywords = NULL, *result = NULL;

    if (!unpickle_need(u, with_keywords ? 3 : 2))
        return false;
    if (with_keywords)
        keywords = unpickle_pop(u);
    args = unpickle_pop(u);
    class = unpickle_pop(u);
    if (PyTuple_CheckExact(args) && (!keywords || PyDict_CheckExact(keywords)))
        result = pickle_new(u, class, args, keywords);
    else
        unpickling_error("NEWOBJ expected an arg tuple, got %s", Py_TYPE(args)->tp_name);
    Py_XDECREF(keywords);
    Py_DECREF(args);
    Py_DECREF(class);
    return unpickle_push(u, result);
}

static bool op_build(struct unpickler *u, int Py_UNUSED(which))
{
    PyObject *state;
    bool done;

    if (!unpickle_need(u, 2))
        return false;
    state = unpickle_pop(u);
    done = pickle_build(u, unpickle_top(u), state);
    Py_DECREF(state);
    return done;
}

static bool op_persistent(struct unpickler *u, int Py_UNUSED(which))
{
    PyObject *id, *object;

    if (!unpickle_need(u, 1))
        return false;
    id = unpickle_pop(u);
    object = u->persistent ? u->persistent(u->context, id)
                           : unpickling_error("a persistent id where none is expected");
    Py_DECREF(id);
    return unpickle_push(u, object);
}

/* ---- the table ---- */

static bool op_protocol(struct unpickler *u, int Py_UNUSED(which))
{
    uint64_t protocol;

    if (!unpickle_number(u, 1, &protocol))
        return false;
    return protocol <= 5 || unpickling_failed("unsupported pickle protocol: %d", (int)protocol);
}

/* Says how long the next part is, which needs no saying here. */
static bool op_frame(struct unpickler *u, int Py_UNUSED(which))
{
    return unpickle_take(u, 8) != NULL;
}

static bool op_stop(struct unpickler *u, int Py_UNUSED(which))
{
    if (!unpickle_need(u, 1))
        return false;
    u->result = unpickle_pop(u);
    return true;
}

static const struct opcode opcodes[256] = {
    [0x80] = {op_protocol, 0},  [0x95] = {op_frame, 0},        ['.'] = {op_stop, 0},
    ['('] = {op_mark, 0},       ['0'] = {op_pop, 0},           ['1'] = {op_pop_mark, 0},
    ['2'] = {op_dup, 0},        ['h'] = {op_get, 1},           ['j'] = {op_get, 4},
    ['q'] = {op_put, 1},        ['r'] = {op_put, 4},           [0x94] = {op_memoize, 0},
    ['c'] = {op_global, 0},     [0x93] = {op_stack_global, 0}, ['R'] = {op_reduce, 0},
    [0x81] = {op_new, 0},       [0x92] = {op_new, 1},          ['b'] = {op_build, 0},
    ['Q'] = {op_persistent, 0},
};

static bool step(struct unpickler *u)
{
    const unsigned char *code = unpickle_take(u, 1);
    const struct opcode *row;

    if (!code)
        return false;
    row = opcodes[*code].run ? &opcodes[*code] : &unpickle_data_opcodes[*code];
    if (row->run)
        return row->run(u, row->which);
    return unpickling_failed("invalid load key, '\\x%02x' at byte %zd.", *code,
                             (Py_ssize_t)(code - u->start));
}

enum { STEPS_PER_LOOK = 1 << 16 }; /* between two looks for Ctrl-C */

PyObject *unpickle(struct unpickler *u)
{
    PyObject *result;
    bool going = true;

    u->start = u->at;
    u->memo = PyDict_New();
    u->admitted = PySet_New(NULL);
    for (unsigned steps = 1; going && u->memo && u->admitted && !u->result; steps++)
        going = step(u) && (steps % STEPS_PER_LOOK != 0 || PyErr_CheckSignals() == 0);
    unpickle_drop(u, 0);
    vec_release(&u->stack);
    vec_release(&u->marks);
    Py_CLEAR(u->memo);
    Py_CLEAR(u->admitted);
    result = u->result;
    u->result = NULL;
    if (!going)
        Py_CLEAR(result);
    return result;
}
