#include "python/law_formula.h"

#include "python/module.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MODULES = 6, LONGEST_NAME = 63 };

static PyObject *modules[MODULES], *math_module; /* live as long as the process */

struct reader {
    const char *at;
    PyObject *self, *locals;
};

static PyObject *read_expression(struct reader *r);

/* ---- tokens ---- */

static char peek(struct reader *r)
{
    while (*r->at == ' ')
        r->at++;
    return *r->at;
}

static bool take(struct reader *r, const char *sign)
{
    size_t length = strlen(sign);

    peek(r);
    if (strncmp(r->at, sign, length) != 0)
        return false;
    r->at += length;
    return true;
}

static bool starts_name(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static bool take_name(struct reader *r, char *name)
{
    size_t length = 0;

    if (!starts_name(peek(r)))
        return false;
    while ((isalnum((unsigned char)*r->at) || *r->at == '_') && length < LONGEST_NAME)
        name[length++] = *r->at++;
    name[length] = '\0';
    return true;
}

static PyObject *misspelt(struct reader *r)
{
    return PyErr_Format(PyExc_SystemError, "a formula cannot be read from here: %s", r->at);
}

static PyObject *read_number(struct reader *r)
{
    const char *start = r->at;
    char *end;
    double number = strtod(start, &end);

    r->at = end;
    if (memchr(start, '.', (size_t)(end - start)) || memchr(start, 'e', (size_t)(end - start)))
        return PyFloat_FromDouble(number);
    return PyLong_FromDouble(number);
}

static PyObject *read_string(struct reader *r)
{
    const char *start = ++r->at, *end = strchr(start, '\'');

    if (!end)
        return misspelt(r);
    r->at = end + 1;
    return PyUnicode_FromStringAndSize(start, end - start);
}

/* ---- names ---- */

static PyObject *constant(const char *name)
{
    static const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"pi", M_PI}, {"inf", INFINITY}, {"nan", NAN}, {"euler", 0.57721566490153286060}};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (strcmp(name, numbers[i].name) == 0)
            return PyFloat_FromDouble(numbers[i].value);
    if (strcmp(name, "torch") == 0)
        return Py_NewRef(modules[0]);
    if (strcmp(name, "True") == 0)
        return Py_NewRef(Py_True);
    if (strcmp(name, "False") == 0)
        return Py_NewRef(Py_False);
    return strcmp(name, "None") == 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *value_of_name(struct reader *r, const char *name)
{
    PyObject *value = r->locals ? PyDict_GetItemString(r->locals, name) : NULL;

    value = value ? Py_NewRef(value) : constant(name);
    if (value || PyErr_Occurred())
        return value;
    if (!r->self)
        return misspelt(r);
    return strcmp(name, "self") == 0 ? Py_NewRef(r->self) : PyObject_GetAttrString(r->self, name);
}

static PyObject *function_of_name(struct reader *r, const char *name, PyObject *args)
{
    PyObject *function = NULL;

    if (PyTuple_GET_SIZE(args) == 1 && PyFloat_Check(PyTuple_GET_ITEM(args, 0)))
        function = PyDict_GetItemString(PyModule_GetDict(math_module), name);
    for (int i = 0; !function && i < MODULES; i++)
        function = PyDict_GetItemString(PyModule_GetDict(modules[i]), name);
    return function ? Py_NewRef(function) : misspelt(r);
}

/* ---- calls ---- */

/* name=value, if that stands here: 1, 0, or -1 with an exception. */
static int read_keyword(struct reader *r, PyObject *keywords)
{
    struct reader ahead = *r;
    char name[LONGEST_NAME + 1];
    PyObject *value;
    int status;

    if (!take_name(&ahead, name) || !take(&ahead, "=") || *ahead.at == '=')
        return 0;
    r->at = ahead.at;
    value = read_expression(r);
    status = value ? PyDict_SetItemString(keywords, name, value) : -1;
    Py_XDECREF(value);
    return status < 0 ? -1 : 1;
}

static int read_item(struct reader *r, PyObject *list)
{
    PyObject *value = read_expression(r);
    int status = value ? PyList_Append(list, value) : -1;

    Py_XDECREF(value);
    return status;
}

/* Items up to the closing sign, as a list; keywords go to a dict if there is one. */
static PyObject *read_items(struct reader *r, const char *closing, PyObject *keywords)
{
    PyObject *list = PyList_New(0);

    if (!list || take(r, closing))
        return list;
    do {
        int status = keywords ? read_keyword(r, keywords) : 0;

        if (status < 0 || (status == 0 && read_item(r, list) < 0))
            goto fail;
    } while (take(r, ","));
    if (take(r, closing))
        return list;
    misspelt(r);
fail:
    Py_DECREF(list);
    return NULL;
}

/* A call of the method of an object, or of a function when there is none; after its "(". */
static PyObject *read_call(struct reader *r, PyObject *object, const char *name)
{
    PyObject *keywords = PyDict_New(), *function = NULL, *result = NULL;
    PyObject *list = keywords ? read_items(r, ")", keywords) : NULL;
    PyObject *args = list ? PyList_AsTuple(list) : NULL;

    if (args)
        function = object ? PyObject_GetAttrString(object, name) : function_of_name(r, name, args);
    if (function)
        result = PyObject_Call(function, args, keywords);
    Py_XDECREF(keywords);
    Py_XDECREF(list);
    Py_XDECREF(args);
    Py_XDECREF(function);
    return result;
}

/* ---- expressions ---- */

static PyObject *read_atom(struct reader *r)
{
    char name[LONGEST_NAME + 1], c = peek(r);
    PyObject *value;

    if (isdigit((unsigned char)c))
        return read_number(r);
    if (c == '\'')
        return read_string(r);
    if (take(r, "["))
        return read_items(r, "]", NULL);
    if (take(r, "(")) {
        value = read_expression(r);
        if (value && !take(r, ")"))
            Py_SETREF(value, misspelt(r));
        return value;
    }
    if (!take_name(r, name))
        return misspelt(r);
    return take(r, "(") ? read_call(r, NULL, name) : value_of_name(r, name);
}

static PyObject *read_attributes(struct reader *r)
{
    PyObject *value = read_atom(r);
    char name[LONGEST_NAME + 1];

    while (value && take(r, ".")) {
        if (!take_name(r, name))
            Py_SETREF(value, misspelt(r));
        else if (take(r, "("))
            Py_SETREF(value, read_call(r, value, name));
        else
            Py_SETREF(value, PyObject_GetAttrString(value, name));
    }
    return value;
}

static PyObject *combined(PyObject *a, PyObject *b, binaryfunc apply)
{
    PyObject *result = a && b ? apply(a, b) : NULL;

    Py_XDECREF(a);
    Py_XDECREF(b);
    return result;
}

static PyObject *power(PyObject *a, PyObject *b)
{
    return PyNumber_Power(a, b, Py_None);
}

static PyObject *read_unary(struct reader *r)
{
    unaryfunc apply = take(r, "-") ? PyNumber_Negative : take(r, "~") ? PyNumber_Invert : NULL;
    PyObject *value = apply ? read_unary(r) : read_attributes(r), *result;

    if (!value)
        return NULL;
    if (!apply)
        return take(r, "**") ? combined(value, read_unary(r), power) : value;
    result = apply(value);
    Py_DECREF(value);
    return result;
}

#define COMPARISON(name, which)                                                                    \
    static PyObject *name(PyObject *a, PyObject *b)                                                \
    {                                                                                              \
        return PyObject_RichCompare(a, b, which);                                                  \
    }
COMPARISON(less, Py_LT)
COMPARISON(at_most, Py_LE)
COMPARISON(more, Py_GT)
COMPARISON(at_least, Py_GE)
COMPARISON(same, Py_EQ)

/* A sign that begins another stands after it. */
static const struct operator
{
    const char *sign;
    int rank;
    binaryfunc apply;
}
operators[] = {
    {"<=", 0, at_most},
    {"<", 0, less},
    {">=", 0, at_least},
    {">", 0, more},
    {"==", 0, same},
    {"&", 1, PyNumber_And},
    {"|", 1, PyNumber_Or},
    {"+", 2, PyNumber_Add},
    {"-", 2, PyNumber_Subtract},
    {"*", 3, PyNumber_Multiply},
    {"/", 3, PyNumber_TrueDivide},
    {"%", 3, PyNumber_Remainder},
};
enum { RANKS = 4 };

static binaryfunc take_operator(struct reader *r, int rank)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
        if (operators[i].rank == rank && take(r, operators[i].sign))
            return operators[i].apply;
    return NULL;
}

static PyObject *read_rank(struct reader *r, int rank)
{
    PyObject *value = rank == RANKS ? read_unary(r) : read_rank(r, rank + 1);
    binaryfunc apply;

    while (value && rank < RANKS && (apply = take_operator(r, rank)))
        value = combined(value, read_rank(r, rank + 1), apply);
    return value;
}

static PyObject *read_expression(struct reader *r)
{
    return read_rank(r, 0);
}

PyObject *formula_value(const char *text, PyObject *self, PyObject *locals)
{
    struct reader r = {.at = text, .self = self, .locals = locals};
    PyObject *value;

    for (;;) {
        int named = locals ? read_keyword(&r, locals) : 0;

        if (named < 0)
            return NULL;
        if (named == 0)
            break;
        if (!take(&r, ";"))
            return misspelt(&r);
    }
    value = read_expression(&r);
    if (value && peek(&r))
        Py_SETREF(value, misspelt(&r));
    return value;
}

int formula_init(PyObject *torch)
{
    static const char *const names[] = {"nn.functional", "distributions.constraints",
                                        "distributions.utils", "distributions"};

    modules[0] = torch;
    modules[MODULES - 1] = PyImport_ImportModule("builtins");
    for (int i = 1; i < MODULES - 1; i++) {
        modules[i] = submodule(torch, names[i - 1]);
        if (!modules[i])
            return -1;
    }
    math_module = PyImport_ImportModule("math");
    return modules[MODULES - 1] && math_module ? 0 : -1;
}
