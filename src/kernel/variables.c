#include "kernel/variables.h"

#include "base/error.h"
#include "kernel/cell.h"
#include "kernel/channel.h"
#include "protocol/client.h"
#include "python/nn_module.h"
#include "python/summary.h"
#include "python/tensor_type.h"

#include <string.h>

enum { VARIABLES_LARGEST = 500, ELEMENTS_LARGEST = 8 << 20 };

static json_t *sent; /* name -> the summary that was sent last */

struct gathering {
    json_t *list, *summaries;
    int64_t budget; /* elements that may still be read: a few milliseconds' worth */
};

/* ---- What has changed ------------------------------------------------------------------------*/

static bool values_differ(const json_t *before, const json_t *now)
{
    static const char *const members[] = {"shape", "dtype", "min", "max", "mean", "values"};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const json_t *a = json_object_get(before, members[i]),
                     *b = json_object_get(now, members[i]);
        if (a != b && (!a || !b || !json_equal(a, b)))
            return true;
    }
    return false;
}

/* A copy with "changed"; what it was compared with is not touched. */
static json_t *marked(const json_t *before, json_t *now)
{
    json_t *copy = json_copy(now);

    json_object_set_new(copy, "changed", json_boolean(values_differ(before, now)));
    return copy;
}

/* Adds a summary, which is taken over. */
static void add(struct gathering *all, const char *name, json_t *summary)
{
    json_t *before = json_object_get(sent, name), *grad = json_object_get(summary, "grad");
    json_t *entry = marked(before, summary);

    json_object_set_new(entry, "name", json_string(name));
    if (json_is_object(grad))
        json_object_set_new(entry, "grad", marked(json_object_get(before, "grad"), grad));
    json_array_append_new(all->list, entry);
    json_object_set_new(all->summaries, name, summary);
}

/* ---- The kinds of variables ------------------------------------------------------------------*/

/* "Tensor" of "torch.Tensor". */
static json_t *type_json(PyObject *value)
{
    const char *name = Py_TYPE(value)->tp_name, *dot = strrchr(name, '.');

    return json_string(dot ? dot + 1 : name);
}

static bool add_number(struct gathering *all, const char *name, PyObject *value)
{
    json_t *summary;
    double number;

    if (!PyFloat_Check(value) && !PyLong_Check(value))
        return false;
    number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred())
        return false; /* an integer beyond any double */
    summary = json_pack("{ss,so,s[],so,so,so,s[o]}", "kind", "number", "type", type_json(value),
                        "shape", "min", summary_number(number), "max", summary_number(number),
                        "mean", summary_number(number), "values", summary_number(number));
    add(all, name, summary);
    return true;
}

static bool add_tensor(struct gathering *all, const char *name, PyObject *value)
{
    bool parameter;
    json_t *summary;

    if (!tensor_type || !tensor_check(value)) /* torch may not be imported yet */
        return false;
    parameter = PyObject_TypeCheck(value, parameter_type);
    summary = summary_tensor(tensor_of(value), &all->budget);
    json_object_set_new(summary, "kind", json_string(parameter ? "parameter" : "tensor"));
    json_object_set_new(summary, "type", type_json(value));
    add(all, name, summary);
    return true;
}

static void add_parameter(struct gathering *all, const char *name, PyObject *pair)
{
    struct strbuf full = STRBUF_INIT;
    const char *inner;
    PyObject *value;

    if (!PyArg_ParseTuple(pair, "sO", &inner, &value))
        return;
    strbuf_addf(&full, "%s.%s", name, inner);
    add_tensor(all, full.text, value);
    strbuf_release(&full);
}

static void add_module(struct gathering *all, const char *name, PyObject *value)
{
    PyObject *pairs, *iterator, *pair;

    if (!nn_module_type || !module_check(value))
        return;
    pairs = PyObject_CallMethod(value, "named_parameters", NULL);
    iterator = pairs ? PyObject_GetIter(pairs) : NULL;
    while (iterator && json_array_size(all->list) < VARIABLES_LARGEST &&
           (pair = PyIter_Next(iterator)) != NULL) {
        add_parameter(all, name, pair);
        Py_DECREF(pair);
    }
    Py_XDECREF(iterator);
    Py_XDECREF(pairs);
}

static void add_variable(struct gathering *all, PyObject *name, PyObject *value)
{
    const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;

    if (text && text[0] != '_' && !add_number(all, text, value) && !add_tensor(all, text, value))
        add_module(all, text, value);
    PyErr_Clear(); /* whatever a class of the user's raises here: it is not shown, that is all */
    error_clear();
}

void variables_send(void)
{
    struct gathering all = {json_array(), json_object(), ELEMENTS_LARGEST};
    PyObject *items = PyDict_Items(cell_namespace()); /* a copy: modules may run Python code */
    Py_ssize_t count = items ? PyList_GET_SIZE(items) : 0;

    for (Py_ssize_t i = 0; i < count && json_array_size(all.list) < VARIABLES_LARGEST; i++) {
        PyObject *item = PyList_GET_ITEM(items, i);
        add_variable(&all, PyTuple_GET_ITEM(item, 0), PyTuple_GET_ITEM(item, 1));
    }
    Py_XDECREF(items);
    PyErr_Clear();
    json_decref(sent);
    sent = all.summaries;
    if (!channel_send(EVENT_TENSORS, json_pack("{so}", "tensors", all.list), NULL, 0))
        error_clear();
}

void variables_close(void)
{
    json_decref(sent);
    sent = NULL;
}
