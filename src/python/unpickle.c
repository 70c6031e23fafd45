/*
 * The machine: a stack of objects, marks in it, and a memo. Each opcode is a row of the table at
 * the end: a function and what distinguishes it from its siblings, mostly the width of its
 * argument.
 */
#include "python/unpickle.h"

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

static const unsigned char *take(struct unpickler *u, uint64_t count)
{
    const unsigned char *at = u->at;

    if (count > (uint64_t)(u->end - at)) {
        PyErr_SetString(PyExc_EOFError, "Ran out of input");
        return NULL;
    }
    u->at += count;
    return at;
}

static bool take_number(struct unpickler *u, int width, uint64_t *out)
{
    const unsigned char *bytes = take(u, (uint64_t)width);

    *out = 0;
    for (int i = 0; bytes && i < width; i++)
        *out |= (uint64_t)bytes[i] << 8 * i;
    return bytes != NULL;
}

/* A block of bytes behind its own length. */
static const char *take_block(struct unpickler *u, int width, Py_ssize_t *length)
{
    uint64_t count;

    if (!take_number(u, width, &count))
        return NULL;
    *length = (Py_ssize_t)count;
    return (const char *)take(u, count);
}

/* A line without its end. */
static const char *take_line(struct unpickler *u, Py_ssize_t *length)
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

/* Takes the object over; NULL passes its exception on. */
static bool push(struct unpickler *u, PyObject *object)
{
    if (!object)
        return false;
    if (vec_push(&u->stack, object))
        return true;
    Py_DECREF(object);
    return (python_error(), false);
}

/* Where the objects since the last mark begin. */
static size_t floor_of(const struct unpickler *u)
{
    return u->marks.count ? u->marks.at[u->marks.count - 1] : 0;
}

static bool need(struct unpickler *u, size_t count)
{
    if (u->stack.count - floor_of(u) >= count)
        return true;
    return unpickling_failed("unpickling stack underflow");
}

/* The caller has made sure that it is there. */
static PyObject *pop(struct unpickler *u)
{
    return u->stack.at[--u->stack.count];
}

static PyObject *top(struct unpickler *u)
{
    return u->stack.at[u->stack.count - 1];
}

static void drop(struct unpickler *u, size_t down_to)
{
    while (u->stack.count > down_to)
        Py_DECREF(pop(u));
}

/* Forgets the last mark and says where it was. */
static bool pop_mark(struct unpickler *u, size_t *from)
{
    if (u->marks.count == 0)
        return unpickling_failed("could not find MARK");
    *from = u->marks.at[--u->marks.count];
    return true;
}

/* The objects from `from` on, off the stack and in a tuple. */
static PyObject *pop_tuple(struct unpickler *u, size_t from)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)(u->stack.count - from));

    for (size_t i = u->stack.count; tuple && i > from; i--)
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)(i - 1 - from), pop(u));
    return tuple;
}

static PyObject *pop_list(struct unpickler *u, size_t from)
{
    PyObject *list = PyList_New((Py_ssize_t)(u->stack.count - from));

    for (size_t i = u->stack.count; list && i > from; i--)
        PyList_SET_ITEM(list, (Py_ssize_t)(i - 1 - from), pop(u));
    return list;
}

static bool op_mark(struct unpickler *u, int unused)
{
    (void)unused;
    return vec_push(&u->marks, u->stack.count) || (python_error(), false);
}

static bool op_pop(struct unpickler *u, int unused)
{
    size_t from;

    (void)unused;
    if (u->stack.count == floor_of(u))
        return pop_mark(u, &from); /* an empty part ends with its mark */
    Py_DECREF(pop(u));
    return true;
}

static bool op_pop_mark(struct unpickler *u, int unused)
{
    size_t from;

    (void)unused;
    if (!pop_mark(u, &from))
        return false;
    drop(u, from);
    return true;
}

static bool op_dup(struct unpickler *u, int unused)
{
    (void)unused;
    return need(u, 1) && push(u, Py_NewRef(top(u)));
}

/* ---- the memo ---- */

static bool memo_get(struct unpickler *u, PyObject *number)
{
    PyObject *object = number ? PyDict_GetItemWithError(u->memo, number) : NULL;

    if (number && !object && !PyErr_Occurred())
        unpickling_error("Memo value not found at index %S", number);
    Py_XDECREF(number);
    return push(u, Py_XNewRef(object));
}

static bool memo_put(struct unpickler *u, PyObject *number)
{
    bool done = number && need(u, 1) && PyDict_SetItem(u->memo, number, top(u)) == 0;

    Py_XDECREF(number);
    return done;
}

static bool op_get(struct unpickler *u, int width)
{
    uint64_t number;

    return take_number(u, width, &number) && memo_get(u, PyLong_FromUnsignedLongLong(number));
}

static bool op_put(struct unpickler *u, int width)
{
    uint64_t number;

    return take_number(u, width, &number) && memo_put(u, PyLong_FromUnsignedLongLong(number));
}

static bool op_memoize(struct unpickler *u, int unused)
{
    (void)unused;
    return memo_put(u, PyLong_FromSsize_t(PyDict_GET_SIZE(u->memo)));
}

/* ---- numbers and text ---- */

enum constant { CONSTANT_NONE, CONSTANT_TRUE, CONSTANT_FALSE };

static bool op_constant(struct unpickler *u, int which)
{
    static PyObject *const constants[] = {Py_None, Py_True, Py_False};

    return push(u, Py_NewRef(constants[which]));
}

static bool op_unsigned(struct unpickler *u, int width)
{
    uint64_t number;

    return take_number(u, width, &number) && push(u, PyLong_FromUnsignedLongLong(number));
}

static bool op_signed(struct unpickler *u, int width)
{
    uint64_t number;

    return take_number(u, width, &number) && push(u, PyLong_FromLong((int32_t)number));
}

static bool op_long(struct unpickler *u, int width)
{
    Py_ssize_t length;
    const char *bytes = take_block(u, width, &length);

    return bytes &&
           push(u, _PyLong_FromByteArray((const unsigned char *)bytes, (size_t)length, 1, 1));
}

/* In decimal: "01" and "00" are booleans, a long ends in L. */
static bool op_decimal(struct unpickler *u, int unused)
{
    Py_ssize_t length;
    const char *line = take_line(u, &length);
    PyObject *text, *number;

    (void)unused;
    if (!line)
        return false;
    if (length == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1'))
        return push(u, PyBool_FromLong(line[1] == '1'));
    length -= length > 0 && line[length - 1] == 'L';
    text = PyUnicode_DecodeASCII(line, length, "strict");
    number = text ? PyLong_FromUnicodeObject(text, 10) : NULL;
    Py_XDECREF(text);
    return push(u, number);
}

/* Eight bytes, the largest first. */
static bool op_float(struct unpickler *u, int unused)
{
    const unsigned char *bytes = take(u, 8);
    uint64_t bits = 0;
    double number;

    (void)unused;
    if (!bytes)
        return false;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | bytes[i];
    memcpy(&number, &bits, sizeof(number));
    return push(u, PyFloat_FromDouble(number));
}

/* A str of Python 2. */
static bool op_string(struct unpickler *u, int width)
{
    Py_ssize_t length;
    const char *bytes = take_block(u, width, &length);

    if (!bytes)
        return false;
    return push(u, strcmp(u->encoding, "bytes") == 0
                       ? PyBytes_FromStringAndSize(bytes, length)
                       : PyUnicode_Decode(bytes, length, u->encoding, "strict"));
}

static bool op_unicode(struct unpickler *u, int width)
{
    Py_ssize_t length;
    const char *bytes = take_block(u, width, &length);

    return bytes && push(u, PyUnicode_DecodeUTF8(bytes, length, "surrogatepass"));
}

static bool op_bytes(struct unpickler *u, int width)
{
    Py_ssize_t length;
    const char *bytes = take_block(u, width, &length);

    return bytes && push(u, PyBytes_FromStringAndSize(bytes, length));
}

static bool op_bytearray(struct unpickler *u, int width)
{
    Py_ssize_t length;
    const char *bytes = take_block(u, width, &length);

    return bytes && push(u, PyByteArray_FromStringAndSize(bytes, length));
}

/* ---- containers ---- */

static bool op_empty_tuple(struct unpickler *u, int unused)
{
    (void)unused;
    return push(u, PyTuple_New(0));
}

static bool op_small_tuple(struct unpickler *u, int count)
{
    return need(u, (size_t)count) && push(u, pop_tuple(u, u->stack.count - (size_t)count));
}

static bool op_tuple(struct unpickler *u, int unused)
{
    size_t from;

    (void)unused;
    return pop_mark(u, &from) && push(u, pop_tuple(u, from));
}

static bool op_empty_list(struct unpickler *u, int unused)
{
    (void)unused;
    return push(u, PyList_New(0));
}

static bool op_list(struct unpickler *u, int unused)
{
    size_t from;

    (void)unused;
    return pop_mark(u, &from) && push(u, pop_list(u, from));
}

/* Adds what stands on the stack from `from` on to the list below. */
static bool append(struct unpickler *u, size_t from)
{
    PyObject *list, *items;
    bool done;

    if (from <= floor_of(u))
        return unpickling_failed("unpickling stack underflow");
    list = u->stack.at[from - 1];
    if (!PyList_CheckExact(list))
        return unpickling_failed("Can only append to lists, but got %s", Py_TYPE(list)->tp_name);
    items = pop_list(u, from);
    done = items && PyList_SetSlice(list, PY_SSIZE_T_MAX, PY_SSIZE_T_MAX, items) == 0;
    Py_XDECREF(items);
    return done;
}

static bool op_append(struct unpickler *u, int unused)
{
    (void)unused;
    return need(u, 2) && append(u, u->stack.count - 1);
}

static bool op_appends(struct unpickler *u, int unused)
{
    size_t from;

    (void)unused;
    return pop_mark(u, &from) && append(u, from);
}

static bool op_empty_dict(struct unpickler *u, int unused)
{
    (void)unused;
    return push(u, PyDict_New());
}

/* Sets what stands on the stack from `from` on, key and value in turn, in the dict below. */
static bool set_items(struct unpickler *u, size_t from)
{
    PyObject *dict;

    if (from <= floor_of(u) || (u->stack.count - from) % 2 != 0)
        return unpickling_failed("unpickling stack underflow");
    dict = u->stack.at[from - 1];
    if (!PyDict_Check(dict))
        return unpickling_failed("Can only set items of dicts, but got %s", Py_TYPE(dict)->tp_name);
    for (size_t i = from; i < u->stack.count; i += 2)
        if (!pickle_key(u->stack.at[i]) ||
            PyObject_SetItem(dict, u->stack.at[i], u->stack.at[i + 1]) < 0)
            return false;
    drop(u, from);
    return true;
}

static bool op_set_item(struct unpickler *u, int unused)
{
    (void)unused;
    return need(u, 3) && set_items(u, u->stack.count - 2);
}

static bool op_set_items(struct unpickler *u, int unused)
{
    size_t from;

    (void)unused;
    return pop_mark(u, &from) && set_items(u, from);
}

static bool op_dict(struct unpickler *u, int unused)
{
    size_t from;
    PyObject *dict;

    (void)unused;
    if (!pop_mark(u, &from))
        return false;
    dict = PyDict_New();
    if (!dict || !vec_insert(&u->stack, from, dict)) {
        Py_XDECREF(dict);
        return (python_error(), false);
    }
    return set_items(u, from + 1);
}

static bool op_empty_set(struct unpickler *u, int unused)
{
    (void)unused;
    return push(u, PySet_New(NULL));
}

static bool add_to_set(PyObject *set, PyObject *items)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++)
        if (!pickle_key(PyList_GET_ITEM(items, i)) || PySet_Add(set, PyList_GET_ITEM(items, i)) < 0)
            return false;
    return true;
}

static bool op_add_items(struct unpickler *u, int unused)
{
    PyObject *items;
    size_t from;
    bool done;

    (void)unused;
    if (!pop_mark(u, &from))
        return false;
    if (from <= floor_of(u) || !PySet_CheckExact(u->stack.at[from - 1]))
        return unpickling_failed("Can only add items to sets");
    items = pop_list(u, from);
    done = items && add_to_set(top(u), items);
    Py_XDECREF(items);
    return done;
}

static bool op_frozenset(struct unpickler *u, int unused)
{
    PyObject *items, *set = NULL;
    size_t from;

    (void)unused;
    if (!pop_mark(u, &from))
        return false;
    items = pop_list(u, from);
    set = items ? PyFrozenSet_New(NULL) : NULL;
    if (set && !add_to_set(set, items))
        Py_CLEAR(set);
    Py_XDECREF(items);
    return push(u, set);
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
    return push(u, object);
}

static bool op_global(struct unpickler *u, int unused)
{
    Py_ssize_t module_length, name_length;
    const char *module = take_line(u, &module_length);
    const char *name = module ? take_line(u, &name_length) : NULL;
    PyObject *module_text, *name_text;

    (void)unused;
    if (!name)
        return false;
    module_text = PyUnicode_DecodeUTF8(module, module_length, "strict");
    name_text = module_text ? PyUnicode_DecodeUTF8(name, name_length, "strict") : NULL;
    return push_name(u, module_text, name_text);
}

static bool op_stack_global(struct unpickler *u, int unused)
{
    PyObject *module, *name;

    (void)unused;
    if (!need(u, 2))
        return false;
    name = pop(u);
    module = pop(u);
    return push_name(u, module, name);
}

static bool op_reduce(struct unpickler *u, int unused)
{
    PyObject *callable, *args, *result = NULL;

    (void)unused;
    if (!need(u, 2))
        return false;
    args = pop(u);
    callable = pop(u);
    if (PyTuple_CheckExact(args))
        result = pickle_call(u, callable, args);
    else
        unpickling_error("argument list must be a tuple");
    Py_DECREF(args);
    Py_DECREF(callable);
    return push(u, result);
}

static bool op_new(struct unpickler *u, int with_keywords)
{
    PyObject *class, *args, *keywords = NULL, *result = NULL;

    if (!need(u, with_keywords ? 3 : 2))
        return false;
    if (with_keywords)
        keywords = pop(u);
    args = pop(u);
    class = pop(u);
    if (PyTuple_CheckExact(args) && (!keywords || PyDict_CheckExact(keywords)))
        result = pickle_new(u, class, args, keywords);
    else
        unpickling_error("NEWOBJ expected an arg tuple, got %s", Py_TYPE(args)->tp_name);
    Py_XDECREF(keywords);
    Py_DECREF(args);
    Py_DECREF(class);
    return push(u, result);
}

static bool op_build(struct unpickler *u, int unused)
{
    PyObject *state;
    bool done;

    (void)unused;
    if (!need(u, 2))
        return false;
    state = pop(u);
    done = pickle_build(u, top(u), state);
    Py_DECREF(state);
    return done;
}

static bool op_persistent(struct unpickler *u, int unused)
{
    PyObject *id, *object;

    (void)unused;
    if (!need(u, 1))
        return false;
    id = pop(u);
    object = u->persistent ? u->persistent(u->context, id)
                           : unpickling_error("a persistent id where none is expected");
    Py_DECREF(id);
    return push(u, object);
}

/* ---- the table ---- */

static bool op_protocol(struct unpickler *u, int unused)
{
    uint64_t protocol;

    (void)unused;
    if (!take_number(u, 1, &protocol))
        return false;
    return protocol <= 5 || unpickling_failed("unsupported pickle protocol: %d", (int)protocol);
}

/* Says how long the next part is, which needs no saying here. */
static bool op_frame(struct unpickler *u, int unused)
{
    (void)unused;
    return take(u, 8) != NULL;
}

static bool op_stop(struct unpickler *u, int unused)
{
    (void)unused;
    if (!need(u, 1))
        return false;
    u->result = pop(u);
    return true;
}

static const struct opcode {
    bool (*run)(struct unpickler *u, int which);
    int which;
} opcodes[256] = {
    [0x80] = {op_protocol, 0},
    [0x95] = {op_frame, 0},
    ['.'] = {op_stop, 0},
    ['('] = {op_mark, 0},
    ['0'] = {op_pop, 0},
    ['1'] = {op_pop_mark, 0},
    ['2'] = {op_dup, 0},
    ['h'] = {op_get, 1},
    ['j'] = {op_get, 4},
    ['q'] = {op_put, 1},
    ['r'] = {op_put, 4},
    [0x94] = {op_memoize, 0},
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
    ['c'] = {op_global, 0},
    [0x93] = {op_stack_global, 0},
    ['R'] = {op_reduce, 0},
    [0x81] = {op_new, 0},
    [0x92] = {op_new, 1},
    ['b'] = {op_build, 0},
    ['Q'] = {op_persistent, 0},
};

static bool step(struct unpickler *u)
{
    const unsigned char *code = take(u, 1);

    if (!code)
        return false;
    if (opcodes[*code].run)
        return opcodes[*code].run(u, opcodes[*code].which);
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
    drop(u, 0);
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
