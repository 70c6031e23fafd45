/*
 * forward() of the layers whose forward is one operation: its arguments are gathered from the call
 * and from the object's attributes, by a plan that is made once for each class.
 */
#include "python/nn_layers.h"

#include "base/error.h"
#include "python/errors.h"

#include <assert.h>
#include <string.h>

/* ---- the plan ---- */

/* Which input the k-th argument of the operation is; -1: none. */
static int find_input(const struct layer_type *layer, const struct param *p, int k)
{
    int i;

    if (k == 0 && p->name_length == 4 && memcmp(p->name, "self", 4) == 0)
        return 0;
    i = schema_find(&layer->calls, p->name, (size_t)p->name_length);
    /* poisson_nll_loss() has a bool of the name that its layer gives the input. */
    return i >= 0 && layer->calls.params[i].type == p->type ? i : -1;
}

/* The dict of a parameter or buffer of that name, else NULL. */
static PyObject *part_of(const struct layer_type *layer, PyObject *name)
{
    for (int i = 0; i < layer->entry_count; i++)
        if (PyUnicode_Compare(layer->entries[i].name, name) == 0)
            return layer->entries[i].buffer ? nn_names._buffers : nn_names._parameters;
    return NULL;
}

static bool has_attribute(const struct layer_type *layer, PyObject *name)
{
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(name, &length);
    int i = text ? schema_find(&layer->takes, text, (size_t)length) : -1;

    return name == nn_names.training || (i >= 0 && layer_keeps(layer, &layer->takes.params[i]));
}

static int plan_argument(struct layer_type *layer, const struct param *p, int k)
{
    struct layer_argument *argument = &layer->arguments[k];
    PyObject *name = PyUnicode_FromStringAndSize(p->name, p->name_length);

    if (!name)
        return -1;
    PyUnicode_InternInPlace(&name);
    argument->name = name;
    argument->input = find_input(layer, p, k);
    argument->part = part_of(layer, name);
    if (argument->input >= 0)
        argument->source = SOURCE_INPUT;
    else if (argument->part || has_attribute(layer, name))
        argument->source = SOURCE_ATTRIBUTE;
    else
        argument->source = SOURCE_DEFAULT;
    assert(argument->source != SOURCE_DEFAULT || p->has_default);
    return 0;
}

int layer_prepare_forward(struct layer_type *layer)
{
    const struct schema *schema;

    schema_parse(&layer->calls, layer->inputs);
    if (layer->function)
        return 0;
    schema = op_schema(&ops[layer->op]);
    for (int k = 0; k < schema->count; k++)
        if (plan_argument(layer, &schema->params[k], k) < 0)
            return -1;
    layer->inplace =
        schema_find(&layer->takes, "inplace", 7) >= 0 && schema_find(schema, "inplace", 7) < 0;
    return 0;
}

/* ---- the call ---- */

/* The object for an argument; a new reference, NULL with an exception. */
static PyObject *fetch(PyObject *self, PyObject *part, PyObject *name)
{
    PyObject *dict = part ? module_part(self, part) : ((ModuleObject *)self)->dict;
    PyObject *found = dict ? PyDict_GetItemWithError(dict, name) : NULL;

    if (found || PyErr_Occurred())
        return Py_XNewRef(found);
    return PyObject_GetAttr(self, name);
}

/* Converts what needs neither memory nor a message; false leaves it to args_parse(). */
static bool simple_value(const struct param *p, PyObject *object, struct value *value)
{
    int overflow = 0;

    value->given = true;
    if (object == Py_None) {
        value->given = false;
        return p->nullable;
    }
    switch (p->type) {
    case VALUE_TENSOR:
        if (!tensor_check(object))
            return false;
        value->tensor = tensor_of(object);
        return true;
    case VALUE_BOOL:
        value->i = object == Py_True;
        return PyBool_Check(object);
    case VALUE_FLOAT:
        value->d = PyFloat_CheckExact(object) ? PyFloat_AS_DOUBLE(object) : 0;
        return PyFloat_CheckExact(object);
    case VALUE_SCALAR:
        value->scalar = scalar_float(PyFloat_CheckExact(object) ? PyFloat_AS_DOUBLE(object) : 0);
        return PyFloat_CheckExact(object);
    case VALUE_INT:
        value->i = PyLong_CheckExact(object) ? PyLong_AsLongLongAndOverflow(object, &overflow) : 0;
        return PyLong_CheckExact(object) && !overflow;
    case VALUE_STRING:
        value->text = PyUnicode_Check(object) ? PyUnicode_AsUTF8(object) : NULL;
        return value->text != NULL;
    default:
        return false;
    }
}

/* As op_call(); `inplace` changes the first argument, also where the operation has no such form. */
static PyObject *run(const struct layer_type *layer, struct value *values, bool inplace)
{
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};
    struct tensor *self = values[0].tensor;
    int status;

    if (!inplace) {
        if (op_call(&ops[layer->op], values, out) < 0)
            return python_error();
        return tensors_to_python(out, ops[layer->op].outputs);
    }
    if (ops_inplace[layer->op].name) {
        status = op_call_inplace(&ops_inplace[layer->op], values);
    } else {
        struct value copy[3] = {{.given = true, .tensor = self}};

        op_defaults(&ops[OP_copy_], copy, 1);
        status = op_call(&ops[layer->op], values, out);
        if (status == 0) {
            copy[1] = (struct value){.given = true, .tensor = out[0]};
            status = op_call_inplace(&ops[OP_copy_], copy);
        }
        tensor_unref(out[0]);
    }
    return status < 0 ? python_error() : tensor_object(self);
}

/* Arguments that need conversion, or are wrong: through the parser, by name. */
static PyObject *run_parsed(const struct layer_type *layer, PyObject *const *objects, bool inplace)
{
    const struct schema *schema = op_schema(&ops[layer->op]);
    PyObject *call[OP_MAX_ARGS], *names = PyList_New(0), *tuple = NULL, *result = NULL;
    struct parsed_args parsed;
    Py_ssize_t positional = 0, count = 0;
    int fits = -1;

    for (int k = 0; names && k < schema->count; k++) {
        bool input = layer->arguments[k].source == SOURCE_INPUT;

        if (!objects[k] || (objects[k] == Py_None && schema->params[k].has_default &&
                            !schema->params[k].value.given))
            continue;
        call[count++] = objects[k];
        if (input && positional == count - 1)
            positional++;
        else if (PyList_Append(names, layer->arguments[k].name) < 0)
            Py_CLEAR(names);
    }
    tuple = names ? PyList_AsTuple(names) : NULL;
    if (tuple) {
        const struct python_call python = {call, positional,
                                           PyTuple_GET_SIZE(tuple) ? tuple : NULL};

        fits = args_parse(schema, &python, false, "input", &parsed);
        if (fits > 0) {
            result = run(layer, parsed.values, inplace);
            args_release(&parsed);
        } else if (fits == 0) {
            args_mismatch(ops[layer->op].name, &schema, 1, &python, 0);
        }
    }
    Py_XDECREF(names);
    Py_XDECREF(tuple);
    return result;
}

/* Binds the inputs; the usual call has just as many positional ones. */
static int bind_inputs(const struct layer_type *layer, PyObject *const *args, Py_ssize_t count,
                       PyObject *names, PyObject **inputs)
{
    const struct python_call call = {args, count, names};
    char function[64];

    if (!names && count == layer->calls.count) {
        memcpy(inputs, args, (size_t)count * sizeof(*inputs));
        return 0;
    }
    snprintf(function, sizeof(function), "%s.forward", layer->name);
    return bind_arguments(function, &layer->calls, &call, inputs);
}

/* 1 when the layer is to work in place. */
static int wants_inplace(PyObject *self, const struct layer_type *layer)
{
    PyObject *inplace;
    int on;

    if (!layer->inplace)
        return 0;
    inplace = fetch(self, NULL, nn_names.inplace);
    on = inplace ? PyObject_IsTrue(inplace) : -1;
    Py_XDECREF(inplace);
    return on;
}

PyObject *layer_forward(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    const struct layer_type *layer = ((ModuleObject *)self)->layer;
    PyObject *inputs[OP_MAX_ARGS], *objects[OP_MAX_ARGS], *result = NULL;
    struct value values[OP_MAX_ARGS];
    const struct schema *schema;
    bool simple = true;
    int inplace, used = 0;

    if (bind_inputs(layer, args, count, names, inputs) < 0)
        return NULL;
    if (layer->function)
        return layer->function(self, inputs);
    inplace = wants_inplace(self, layer);
    schema = op_schema(&ops[layer->op]);
    for (; inplace >= 0 && used < schema->count; used++) {
        const struct layer_argument *argument = &layer->arguments[used];
        const struct param *p = &schema->params[used];

        bool given = argument->source != SOURCE_INPUT || inputs[argument->input];

        objects[used] = NULL;
        if (argument->source == SOURCE_DEFAULT || !given) {
            values[used] = p->value;
            continue;
        }
        objects[used] = argument->source == SOURCE_INPUT
                            ? Py_XNewRef(inputs[argument->input])
                            : fetch(self, argument->part, argument->name);
        if (!objects[used])
            break;
        simple = simple && simple_value(p, objects[used], &values[used]);
    }
    if (inplace >= 0 && used == schema->count)
        result = simple ? run(layer, values, inplace) : run_parsed(layer, objects, inplace);
    while (used > 0)
        Py_XDECREF(objects[--used]);
    return result;
}
