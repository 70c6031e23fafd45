/* nn.RNN, nn.LSTM, nn.GRU: their parameters and what they show of themselves. */
#include "python/nn_recurrent.h"

#include "base/strbuf.h"
#include "nn/init.h"
#include "python/args.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/module.h"

#include <math.h>

struct recurrent_names recurrent_names;
static PyTypeObject *base_type;

static const char *const mode_names[CELL_COUNT] = {
    [CELL_TANH] = "RNN_TANH", [CELL_RELU] = "RNN_RELU", [CELL_LSTM] = "LSTM", [CELL_GRU] = "GRU"};

/* ---- parts that cells use as well ---- */

int recurrent_size(PyObject *object, const char *name, int64_t *size)
{
    PyObject *whole = PyNumber_Index(object);

    if (!whole) {
        PyErr_Format(PyExc_TypeError, "%s must be an int, not %s", name,
                     _PyType_Name(Py_TYPE(object)));
        return -1;
    }
    *size = PyLong_AsLongLong(whole);
    Py_DECREF(whole);
    return *size == -1 && PyErr_Occurred() ? -1 : 0;
}

int recurrent_dtype(PyObject *object, enum dtype *dtype)
{
    *dtype = dtype_default();
    return object == Py_None || dtype_from_python(object, dtype) ? 0 : -1;
}

int recurrent_add_parameter(PyObject *self, PyObject *name, enum dtype dtype, int64_t rows,
                            int64_t columns)
{
    struct tensor *t = tensor_new(dtype, columns < 0 ? 1 : 2, (int64_t[]){rows, columns});
    PyObject *tensor = tensor_wrap(t), *parameter;
    int status = -1;

    parameter = tensor ? PyObject_CallOneArg((PyObject *)parameter_type, tensor) : NULL;
    if (parameter)
        status = module_register_parameter(self, name, parameter);
    Py_XDECREF(tensor);
    Py_XDECREF(parameter);
    return status;
}

int recurrent_fill(PyObject *self)
{
    PyObject *hidden = PyObject_GetAttr(self, recurrent_names.hidden_size);
    PyObject *empty = hidden ? PyUnicode_FromString("") : NULL;
    PyObject *list = empty ? module_members(self, nn_names._parameters, empty, true, false) : NULL;
    double size = list ? PyFloat_AsDouble(hidden) : 0, k = size > 0 ? 1 / sqrt(size) : 0;
    int status = list && !PyErr_Occurred() ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        status = nn_uniform(tensor_of(PyList_GET_ITEM(list, i)), -k, k);
        if (status < 0)
            python_error();
    }
    Py_XDECREF(hidden);
    Py_XDECREF(empty);
    Py_XDECREF(list);
    return status;
}

static PyObject *reset_parameters(PyObject *self, PyObject *Py_UNUSED(none))
{
    return recurrent_fill(self) < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- the constructor ---- */

enum {
    MODE,
    INPUT,
    HIDDEN,
    LAYERS,
    BIAS,
    BATCH_FIRST,
    DROPOUT,
    BIDIRECTIONAL,
    PROJ,
    DEVICE,
    DTYPE
};

static int value_error(const char *text)
{
    PyErr_SetString(PyExc_ValueError, text);
    return -1;
}

static int check_dropout(PyObject *const *v)
{
    double p = PyBool_Check(v[DROPOUT]) || !is_python_number(v[DROPOUT])
                   ? -1
                   : PyFloat_AsDouble(v[DROPOUT]);
    int64_t layers;

    if (recurrent_size(v[LAYERS], "num_layers", &layers) < 0)
        return -1;
    if (!(p >= 0 && p <= 1))
        return value_error("dropout should be a number in range [0, 1] representing the "
                           "probability of an element being zeroed");
    if (p == 0 || layers != 1)
        return 0;
    return PyErr_WarnFormat(PyExc_UserWarning, 1,
                            "dropout option adds dropout after all but last recurrent layer, so "
                            "non-zero dropout expects num_layers greater than 1, but got "
                            "dropout=%S and num_layers=%S",
                            v[DROPOUT], v[LAYERS]);
}

static int set_attributes(PyObject *self, PyObject *const *v)
{
    PyObject *const names[] = {
        recurrent_names.mode,       recurrent_names.input_size,    recurrent_names.hidden_size,
        recurrent_names.num_layers, recurrent_names.bias,          recurrent_names.batch_first,
        recurrent_names.dropout,    recurrent_names.bidirectional, recurrent_names.proj_size};
    PyObject *dropout = PyNumber_Float(v[DROPOUT]);
    int status = dropout ? 0 : -1;

    for (int i = 0; status == 0 && i <= PROJ; i++)
        status = PyObject_SetAttr(self, names[i], i == DROPOUT ? dropout : v[i]);
    Py_XDECREF(dropout);
    return status;
}

/* The sizes that the parameters' shapes follow from. */
struct sizes {
    int64_t gates, input, hidden, output, layers;
    int directions, biases;
    bool projected;
    enum dtype dtype;
};

static int read_sizes(PyObject *const *v, struct sizes *s)
{
    int64_t proj;
    int cell = 0;

    while (cell < CELL_COUNT && PyUnicode_CompareWithASCIIString(v[MODE], mode_names[cell]) != 0)
        cell++;
    s->biases = PyObject_IsTrue(v[BIAS]);
    s->directions = PyObject_IsTrue(v[BIDIRECTIONAL]) + 1;
    if (s->biases < 0 || s->directions < 1 ||
        recurrent_size(v[INPUT], "input_size", &s->input) < 0 ||
        recurrent_size(v[HIDDEN], "hidden_size", &s->hidden) < 0 ||
        recurrent_size(v[LAYERS], "num_layers", &s->layers) < 0 ||
        recurrent_size(v[PROJ], "proj_size", &proj) < 0 || recurrent_dtype(v[DTYPE], &s->dtype) < 0)
        return -1;
    if (proj < 0)
        return value_error("proj_size should be a positive integer or zero to disable projections");
    if (proj >= s->hidden)
        return value_error("proj_size has to be smaller than hidden_size");
    if (s->layers == 0) {
        PyErr_SetString(PyExc_IndexError, "list index out of range");
        return -1;
    }
    if (cell == CELL_COUNT) {
        PyErr_Format(PyExc_ValueError, "Unrecognized RNN mode: %S", v[MODE]);
        return -1;
    }
    s->gates = cell_infos[cell].gates * s->hidden;
    s->projected = proj > 0;
    s->output = proj > 0 ? proj : s->hidden;
    return 0;
}

/* Makes weight_ih_l0 or the like, and notes its name. */
static int add_named(PyObject *self, const struct sizes *s, const char *kind, int64_t layer,
                     int direction, int64_t rows, int64_t columns, PyObject *names)
{
    PyObject *name =
        PyUnicode_FromFormat("%s_l%lld%s", kind, (long long)layer, direction ? "_reverse" : "");
    int status = -1;

    if (name) {
        PyUnicode_InternInPlace(&name);
        status = PyList_Append(names, name);
    }
    if (status == 0)
        status = recurrent_add_parameter(self, name, s->dtype, rows, columns);
    Py_XDECREF(name);
    return status;
}

/* The parameters of one direction of a layer; their names go to both lists. */
static int add_direction(PyObject *self, const struct sizes *s, int64_t layer, int direction,
                         PyObject *flat, PyObject *all)
{
    int64_t input = layer == 0 ? s->input : s->output * s->directions;
    PyObject *names = PyList_New(0);
    int status = names ? 0 : -1;

    if (status == 0)
        status = add_named(self, s, "weight_ih", layer, direction, s->gates, input, names);
    if (status == 0)
        status = add_named(self, s, "weight_hh", layer, direction, s->gates, s->output, names);
    if (status == 0 && s->biases)
        status = add_named(self, s, "bias_ih", layer, direction, s->gates, -1, names);
    if (status == 0 && s->biases)
        status = add_named(self, s, "bias_hh", layer, direction, s->gates, -1, names);
    if (status == 0 && s->projected)
        status = add_named(self, s, "weight_hr", layer, direction, s->output, s->hidden, names);
    if (status == 0)
        status = PyList_Append(all, names);
    if (status == 0)
        status = PyList_SetSlice(flat, PyList_GET_SIZE(flat), PyList_GET_SIZE(flat), names);
    Py_XDECREF(names);
    return status;
}

static int add_parameters(PyObject *self, const struct sizes *s)
{
    PyObject *flat = PyList_New(0), *all = PyList_New(0);
    int status = flat && all ? 0 : -1;

    if (status == 0)
        status = PyObject_SetAttr(self, recurrent_names._flat_weights_names, flat);
    if (status == 0)
        status = PyObject_SetAttr(self, recurrent_names._all_weights, all);
    for (int64_t layer = 0; layer < s->layers; layer++)
        for (int d = 0; status == 0 && d < s->directions; d++)
            status = add_direction(self, s, layer, d, flat, all);
    Py_XDECREF(flat);
    Py_XDECREF(all);
    return status;
}

static int base_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"mode",      "input_size",  "hidden_size", "num_layers",
                                        "bias",      "batch_first", "dropout",     "bidirectional",
                                        "proj_size", "device",      "dtype"};
    static const struct binding binding = {"RNNBase.__init__", names, DTYPE + 1, DTYPE + 1, 3, 1};
    PyObject *one = PyLong_FromLong(1), *none = PyLong_FromLong(0), *zero = PyFloat_FromDouble(0);
    PyObject *v[] = {NULL, NULL,     NULL, one,     Py_True, Py_False,
                     zero, Py_False, none, Py_None, Py_None};
    struct sizes s;
    int status = -1;

    if (one && none && zero && binding_read(&binding, args, kwargs, v) == 0 &&
        module_setup(self) == 0 && set_attributes(self, v) == 0 && check_dropout(v) == 0 &&
        read_sizes(v, &s) == 0 && add_parameters(self, &s) == 0)
        status = recurrent_fill(self);
    Py_XDECREF(one);
    Py_XDECREF(none);
    Py_XDECREF(zero);
    return status;
}

/* RNNBase.__init__(mode, *args, **kwargs) */
static int init_as(PyObject *self, const char *mode, PyObject *args, PyObject *kwargs)
{
    PyObject *first = Py_BuildValue("(s)", mode),
             *all = first ? PySequence_Concat(first, args) : NULL;
    int status = all ? base_init(self, all, kwargs) : -1;

    Py_XDECREF(first);
    Py_XDECREF(all);
    return status;
}

static int check_no_projection(PyObject *kwargs)
{
    if (!kwargs || !PyDict_GetItemString(kwargs, "proj_size"))
        return 0;
    return value_error("proj_size argument is only supported for LSTM, not RNN or GRU");
}

static int lstm_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return init_as(self, "LSTM", args, kwargs);
}

static int gru_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return check_no_projection(kwargs) < 0 ? -1 : init_as(self, "GRU", args, kwargs);
}

static int rnn_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *rest = kwargs ? PyDict_Copy(kwargs) : PyDict_New(), *kind;
    int status = -1;

    if (!rest || check_no_projection(kwargs) < 0) {
        Py_XDECREF(rest);
        return -1;
    }
    kind = PyDict_GetItemString(rest, "nonlinearity");
    kind = kind ? Py_NewRef(kind) : PyUnicode_FromString("tanh");
    if (PyDict_GetItemString(rest, "nonlinearity"))
        PyDict_DelItemString(rest, "nonlinearity");
    if (kind && PyUnicode_Check(kind) && PyUnicode_CompareWithASCIIString(kind, "tanh") == 0)
        status = init_as(self, "RNN_TANH", args, rest);
    else if (kind && PyUnicode_Check(kind) && PyUnicode_CompareWithASCIIString(kind, "relu") == 0)
        status = init_as(self, "RNN_RELU", args, rest);
    else if (kind)
        PyErr_Format(PyExc_ValueError, "Unknown nonlinearity '%S'", kind);
    if (status == 0)
        status = PyObject_SetAttr(self, recurrent_names.nonlinearity, kind);
    Py_XDECREF(kind);
    Py_DECREF(rest);
    return status;
}

/* ---- what can be asked ---- */

/* Appends ", name=value" unless the attribute is what it usually is: an object, or equal to 0 or 1
 * where usual is NULL. */
static int show(PyObject *self, PyObject *name, PyObject *usual, long number, PyObject **text)
{
    PyObject *value = PyObject_GetAttr(self, name), *other;
    int differs = -1;

    if (value && usual) {
        differs = value != usual;
    } else if (value) {
        other = PyLong_FromLong(number);
        differs = other ? PyObject_RichCompareBool(value, other, Py_NE) : -1;
        Py_XDECREF(other);
    }
    if (differs > 0)
        PyUnicode_AppendAndDel(text, PyUnicode_FromFormat(", %U=%S", name, value));
    Py_XDECREF(value);
    return differs < 0 || !*text ? -1 : 0;
}

static PyObject *extra_repr(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *input = PyObject_GetAttr(self, recurrent_names.input_size);
    PyObject *hidden = input ? PyObject_GetAttr(self, recurrent_names.hidden_size) : NULL;
    PyObject *text = hidden ? PyUnicode_FromFormat("%S, %S", input, hidden) : NULL;

    Py_XDECREF(input);
    Py_XDECREF(hidden);
    if (!text)
        return NULL;
    if (show(self, recurrent_names.proj_size, NULL, 0, &text) < 0 ||
        show(self, recurrent_names.num_layers, NULL, 1, &text) < 0 ||
        show(self, recurrent_names.bias, Py_True, 0, &text) < 0 ||
        show(self, recurrent_names.batch_first, Py_False, 0, &text) < 0 ||
        show(self, recurrent_names.dropout, NULL, 0, &text) < 0 ||
        show(self, recurrent_names.bidirectional, Py_False, 0, &text) < 0)
        Py_CLEAR(text);
    return text;
}

static PyObject *flatten_parameters(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    Py_RETURN_NONE;
}

/* The attributes that a list of names stands for; lists in it likewise. */
static PyObject *attributes_of(PyObject *self, PyObject *names)
{
    PyObject *list, *found;

    /* The names are an attribute that a program can set: to a list that holds itself, for one. */
    if (Py_EnterRecursiveCall(" in the names of weights"))
        return NULL;
    list = PySequence_List(names);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        PyObject *name = PyList_GET_ITEM(list, i);

        found = PyUnicode_Check(name) ? PyObject_GetAttr(self, name) : attributes_of(self, name);
        if (found)
            PyList_SetItem(list, i, found);
        else
            Py_CLEAR(list);
    }
    Py_LeaveRecursiveCall();
    return list;
}

static PyObject *weights_named_by(PyObject *self, PyObject *attribute)
{
    PyObject *names = PyObject_GetAttr(self, attribute);
    PyObject *list = names ? attributes_of(self, names) : NULL;

    Py_XDECREF(names);
    return list;
}

PyObject *recurrent_flat_weights(PyObject *self)
{
    return weights_named_by(self, recurrent_names._flat_weights_names);
}

static PyObject *get_flat_weights(PyObject *self, void *Py_UNUSED(closure))
{
    return recurrent_flat_weights(self);
}

static PyObject *get_all_weights(PyObject *self, void *Py_UNUSED(closure))
{
    return weights_named_by(self, recurrent_names._all_weights);
}

/* ---- copies and files ---- */

/* PyTorch's objects hold their weights in a list as well, and so do those in files. */
static PyObject *get_state(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    PyObject *state = dict ? PyDict_Copy(dict) : NULL;
    PyObject *weights = state ? recurrent_flat_weights(self) : NULL;

    if (!weights || PyDict_SetItem(state, recurrent_names._flat_weights, weights) < 0)
        Py_CLEAR(state);
    Py_XDECREF(dict);
    Py_XDECREF(weights);
    return state;
}

static PyObject *set_state(PyObject *self, PyObject *state)
{
    PyObject *done =
        PyObject_CallMethod((PyObject *)nn_module_type, "__setstate__", "OO", self, state);
    PyObject *dict = done ? PyObject_GenericGetDict(self, NULL) : NULL;

    if (dict && PyDict_Contains(dict, recurrent_names._flat_weights) == 1 &&
        PyDict_DelItem(dict, recurrent_names._flat_weights) < 0)
        Py_CLEAR(done);
    Py_XDECREF(dict);
    return done;
}

/* ---- the types ---- */

static PyMethodDef base_methods[] = {
    {"__getstate__", get_state, METH_NOARGS, NULL},
    {"__setstate__", set_state, METH_O, NULL},
    {"reset_parameters", reset_parameters, METH_NOARGS, "Draws the parameters anew."},
    {"flatten_parameters", flatten_parameters, METH_NOARGS,
     "Nothing: weights need no order in memory here."},
    {"extra_repr", extra_repr, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef base_attributes[] = {
    {"all_weights", get_all_weights, NULL, "The weights, a list for each layer and direction.",
     NULL},
    {"_flat_weights", get_flat_weights, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyMethodDef layer_methods[] = {
    {"forward", WITH_KEYWORDS(recurrent_layer_forward),
     "forward(input, hx=None): the outputs of all steps and the last state."},
    {NULL, NULL, 0, NULL},
};

int recurrent_add_type(PyObject *torch, const char *name, PyType_Slot *slots, PyTypeObject *base,
                       PyTypeObject **type)
{
    return module_add_class(torch, "rnn", name, slots, base, type);
}

static int add_layer(PyObject *torch, const char *name, initproc init, const char *help)
{
    PyType_Slot slots[] = {{Py_tp_init, (void *)init},
                           {Py_tp_methods, layer_methods},
                           {Py_tp_doc, (void *)help},
                           {0, NULL}};
    PyTypeObject *type;

    return recurrent_add_type(torch, name, slots, base_type, &type);
}

int recurrent_init(PyObject *torch)
{
    PyType_Slot base[] = {
        {Py_tp_doc, "RNNBase(mode, input_size, hidden_size, num_layers=1, bias=True, "
                    "batch_first=False, dropout=0.0, bidirectional=False, proj_size=0)\n--\n\n"
                    "What RNN, LSTM and GRU have in common."},
        {Py_tp_init, base_init},
        {Py_tp_methods, base_methods},
        {Py_tp_getset, base_attributes},
        {0, NULL},
    };

#define X(name)                                                                                    \
    if (!(recurrent_names.name = PyUnicode_InternFromString(#name)))                               \
        return -1;
    RECURRENT_NAMES(X)
#undef X
    if (recurrent_add_type(torch, "RNNBase", base, nn_module_type, &base_type) < 0 ||
        add_layer(torch, "RNN", rnn_init,
                  "RNN(input_size, hidden_size, num_layers=1, *, nonlinearity='tanh', bias=True, "
                  "batch_first=False, dropout=0.0, bidirectional=False)\n--\n\n"
                  "Layers of h' = tanh(W_ih x + b_ih + W_hh h + b_hh) over sequences (L, N, C).") <
            0 ||
        add_layer(torch, "LSTM", lstm_init,
                  "LSTM(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, "
                  "dropout=0.0, bidirectional=False, proj_size=0)\n--\n\n"
                  "Layers of long short-term memory over sequences (L, N, C).") < 0 ||
        add_layer(torch, "GRU", gru_init,
                  "GRU(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, "
                  "dropout=0.0, bidirectional=False)\n--\n\n"
                  "Layers of gated recurrent units over sequences (L, N, C).") < 0)
        return -1;
    return recurrent_cells_init(torch);
}
