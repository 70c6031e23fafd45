#include "kernel/variables.h"

#include "base/error.h"
#include "kernel/cell.h"
#include "kernel/channel.h"
#include "protocol/client.h"

#include <math.h>

enum { VARIABLES_LARGEST = 500 };

static json_t *sent; /* name -> the summary that was sent last, without "changed" */

/* A number; JSON knows neither NaN nor infinity, they travel as text. */
static json_t *number_json(double value)
{
    if (isnan(value))
        return json_string("nan");
    if (isinf(value))
        return json_string(value > 0 ? "inf" : "-inf");
    return json_real(value);
}

/* NULL when the value is no number. */
static json_t *number_summary(PyObject *value)
{
    double number;

    if (!PyFloat_Check(value) && !PyLong_Check(value))
        return NULL;
    number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
        PyErr_Clear(); /* an integer beyond any double */
        return NULL;
    }
    return json_pack("{ss,ss,s[],so,so,so,s[o]}", "kind", "number", "type", Py_TYPE(value)->tp_name,
                     "shape", "min", number_json(number), "max", number_json(number), "mean",
                     number_json(number), "values", number_json(number));
}

/* Adds a summary to the list; it is taken over. */
static void add(json_t *list, json_t *now, const char *name, json_t *summary)
{
    json_t *before = json_object_get(sent, name);
    json_t *entry = json_copy(summary);

    json_object_set_new(entry, "name", json_string(name));
    json_object_set_new(entry, "changed", json_boolean(!before || !json_equal(before, summary)));
    json_array_append_new(list, entry);
    json_object_set_new(now, name, summary);
}

void variables_send(void)
{
    json_t *list = json_array(), *now = json_object();
    PyObject *name, *value;
    Py_ssize_t at = 0;

    while (PyDict_Next(cell_namespace(), &at, &name, &value) &&
           json_array_size(list) < VARIABLES_LARGEST) {
        const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
        json_t *summary = text && text[0] != '_' ? number_summary(value) : NULL;
        if (summary)
            add(list, now, text, summary);
    }
    PyErr_Clear();
    json_decref(sent);
    sent = now;
    if (!channel_send(EVENT_TENSORS, json_pack("{so}", "tensors", list), NULL, 0))
        error_clear();
}

void variables_close(void)
{
    json_decref(sent);
    sent = NULL;
}
