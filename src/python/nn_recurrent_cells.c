/* nn.RNNCell, nn.LSTMCell, nn.GRUCell: one step of the recurrent layers. */
#include "python/nn_recurrent.h"

#include "autograd/formula.h"
#include "python/bind.h"
#include "python/errors.h"

static PyTypeObject *base_type, *rnn_cell_type, *lstm_cell_type, *gru_cell_type;

/* ---- construction ---- */

/* The parameters, of `gates` parts; v: input_size, hidden_size, bias, and at the end dtype. */
static int make_cell(PyObject *self, PyObject *const *v, int64_t gates, PyObject *dtype_object)
{
    int64_t input, hidden;
    int bias = PyObject_IsTrue(v[2]), status;
    enum dtype dtype;

    if (bias < 0 || module_setup(self) < 0 ||
        PyObject_SetAttr(self, recurrent_names.input_size, v[0]) < 0 ||
        PyObject_SetAttr(self, recurrent_names.hidden_size, v[1]) < 0 ||
        PyObject_SetAttr(self, recurrent_names.bias, v[2]) < 0 ||
        recurrent_size(v[0], "input_size", &input) < 0 ||
        recurrent_size(v[1], "hidden_size", &hidden) < 0 ||
        recurrent_dtype(dtype_object, &dtype) < 0)
        return -1;
    gates *= hidden;
    if (recurrent_add_parameter(self, recurrent_names.weight_ih, dtype, gates, input) < 0 ||
        recurrent_add_parameter(self, recurrent_names.weight_hh, dtype, gates, hidden) < 0)
        return -1;
    if (bias) {
        status = recurrent_add_parameter(self, recurrent_names.bias_ih, dtype, gates, -1);
        if (status == 0)
            status = recurrent_add_parameter(self, recurrent_names.bias_hh, dtype, gates, -1);
    } else {
        status = module_register_parameter(self, recurrent_names.bias_ih, Py_None);
        if (status == 0)
            status = module_register_parameter(self, recurrent_names.bias_hh, Py_None);
    }
    return status < 0 ? -1 : recurrent_fill(self);
}

static int init_cell(PyObject *self, const char *function, int gates, PyObject *args,
                     PyObject *kwargs)
{
    static const char *const names[] = {"input_size", "hidden_size", "bias", "device", "dtype"};
    const struct binding binding = {function, names, 5, 5, 2, 1};
    PyObject *v[] = {NULL, NULL, Py_True, Py_None, Py_None};

    return binding_read(&binding, args, kwargs, v) < 0 ? -1 : make_cell(self, v, gates, v[4]);
}

static int lstm_cell_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return init_cell(self, "LSTMCell.__init__", cell_infos[CELL_LSTM].gates, args, kwargs);
}

static int gru_cell_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return init_cell(self, "GRUCell.__init__", cell_infos[CELL_GRU].gates, args, kwargs);
}

static int rnn_cell_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"input_size",   "hidden_size", "bias",
                                        "nonlinearity", "device",      "dtype"};
    static const struct binding binding = {"RNNCell.__init__", names, 6, 6, 2, 1};
    PyObject *kind = PyUnicode_FromString("tanh");
    PyObject *v[] = {NULL, NULL, Py_True, kind, Py_None, Py_None};
    int status = -1;

    if (kind && binding_read(&binding, args, kwargs, v) == 0 && make_cell(self, v, 1, v[5]) == 0)
        status = PyObject_SetAttr(self, recurrent_names.nonlinearity, v[3]);
    Py_XDECREF(kind);
    return status;
}

/* ---- what can be asked ---- */

static PyObject *reset_parameters(PyObject *self, PyObject *Py_UNUSED(none))
{
    return recurrent_fill(self) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *extra_repr(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *dict = ((ModuleObject *)self)->dict;
    PyObject *input = PyObject_GetAttr(self, recurrent_names.input_size);
    PyObject *hidden = input ? PyObject_GetAttr(self, recurrent_names.hidden_size) : NULL;
    PyObject *text = hidden ? PyUnicode_FromFormat("%S, %S", input, hidden) : NULL;
    PyObject *bias = text ? PyDict_GetItemWithError(dict, recurrent_names.bias) : NULL;
    PyObject *kind = text ? PyDict_GetItemWithError(dict, recurrent_names.nonlinearity) : NULL;

    if (bias && bias != Py_True)
        PyUnicode_AppendAndDel(&text, PyUnicode_FromFormat(", bias=%S", bias));
    if (text && kind && PyUnicode_Check(kind) &&
        PyUnicode_CompareWithASCIIString(kind, "tanh") != 0)
        PyUnicode_AppendAndDel(&text, PyUnicode_FromFormat(", nonlinearity=%S", kind));
    Py_XDECREF(input);
    Py_XDECREF(hidden);
    return text;
}

/* ---- forward ---- */

struct step {
    enum op_id op;
    PyObject *params[4]; /* weight_ih, weight_hh, bias_ih, bias_hh; new references */
    PyObject *held[2];   /* the states */
    int states;
    struct tensor *x, *state[2];
    bool batched;
};

static struct tensor *tensor_part(PyObject *object, const char *call)
{
    if (tensor_check(object))
        return tensor_of(object);
    PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%s'",
                 _PyType_Name(Py_TYPE(object)), call);
    return NULL;
}

static int read_states(struct step *s, PyObject *self, PyObject *hx)
{
    int64_t shape[2] = {s->x->shape[0], 0};
    PyObject *hidden;

    for (int i = 0; hx != Py_None && i < s->states; i++) {
        s->held[i] = s->states == 2 ? PySequence_GetItem(hx, i) : Py_NewRef(hx);
        s->state[i] = s->held[i] ? tensor_part(s->held[i], "unsqueeze") : NULL;
        if (s->state[i] && !s->batched)
            s->state[i] = d_unsqueeze(s->state[i], 0);
        if (!s->state[i])
            return -1;
    }
    if (hx != Py_None)
        return 0;
    hidden = PyObject_GetAttr(self, recurrent_names.hidden_size);
    if (!hidden || recurrent_size(hidden, "hidden_size", &shape[1]) < 0) {
        Py_XDECREF(hidden);
        return -1;
    }
    Py_DECREF(hidden);
    s->state[0] = s->state[1] = pool_keep(tensor_zeros(tensor_dtype(s->x), 2, shape));
    return s->state[0] ? 0 : -1;
}

static int read_params(struct step *s, PyObject *self)
{
    PyObject *const names[] = {recurrent_names.weight_ih, recurrent_names.weight_hh,
                               recurrent_names.bias_ih, recurrent_names.bias_hh};

    for (int i = 0; i < 4; i++) {
        s->params[i] = PyObject_GetAttr(self, names[i]);
        if (!s->params[i])
            return -1;
        if (!tensor_check(s->params[i]) && (i < 2 || s->params[i] != Py_None)) {
            PyErr_Format(PyExc_TypeError, "%U must be Tensor, not %s", names[i],
                         _PyType_Name(Py_TYPE(s->params[i])));
            return -1;
        }
    }
    return 0;
}

static PyObject *run_step(struct step *s, PyObject *self, PyObject *input, PyObject *hx,
                          const char *name)
{
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};
    struct value args[6];

    s->x = tensor_part(input, "dim");
    if (!s->x)
        return NULL;
    if (s->x->ndim != 1 && s->x->ndim != 2) {
        PyErr_Format(PyExc_AssertionError,
                     "%s: Expected input to be 1-D or 2-D but received %d-D tensor", name,
                     s->x->ndim);
        return NULL;
    }
    s->batched = s->x->ndim == 2;
    if (!s->batched)
        s->x = d_unsqueeze(s->x, 0);
    if (!s->x || read_states(s, self, hx) < 0 || read_params(s, self) < 0)
        return python_error();
    args[0] = V_TENSOR(s->x);
    args[1] = s->states == 2 ? V_TENSORS(s->state, 2) : V_TENSOR(s->state[0]);
    for (int i = 0; i < 4; i++)
        args[2 + i] =
            V_MAYBE(tensor_check(s->params[i]) ? tensor_of(s->params[i]) : (struct tensor *)NULL);
    if (op_call(&ops[s->op], args, out) < 0)
        return python_error();
    for (int i = 0; i < s->states; i++) {
        pool_keep(out[i]);
        if (!s->batched)
            out[i] = D(squeeze__dim, V_TENSOR(out[i]), V_INT(0));
        if (!out[i])
            return python_error();
    }
    if (s->states == 1)
        return tensor_object(out[0]);
    return Py_BuildValue("(NN)", tensor_object(out[0]), tensor_object(out[1]));
}

static PyObject *forward(PyObject *self, PyObject *args, PyObject *kwargs, const char *name,
                         struct step s)
{
    static const char *const names[] = {"input", "hx"};
    PyObject *v[] = {NULL, Py_None}, *result;
    char function[32];
    const struct binding binding = {function, names, 2, 2, 1, 1};
    size_t mark;

    snprintf(function, sizeof(function), "%s.forward", name);
    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    mark = pool_open();
    result = run_step(&s, self, v[0], v[1], name);
    pool_close(mark);
    for (int i = 0; i < 4; i++)
        Py_XDECREF(s.params[i]);
    Py_XDECREF(s.held[0]);
    Py_XDECREF(s.held[1]);
    return result;
}

static PyObject *lstm_cell_forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return forward(self, args, kwargs, "LSTMCell", (struct step){.op = OP_lstm_cell, .states = 2});
}

static PyObject *gru_cell_forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return forward(self, args, kwargs, "GRUCell", (struct step){.op = OP_gru_cell, .states = 1});
}

static PyObject *rnn_cell_forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *kind = PyObject_GetAttr(self, recurrent_names.nonlinearity), *result = NULL;
    struct step s = {.op = OP_rnn_tanh_cell, .states = 1};
    bool known = true;

    if (!kind)
        return NULL;
    if (PyUnicode_Check(kind) && PyUnicode_CompareWithASCIIString(kind, "relu") == 0)
        s.op = OP_rnn_relu_cell;
    else
        known = PyUnicode_Check(kind) && PyUnicode_CompareWithASCIIString(kind, "tanh") == 0;
    if (known)
        result = forward(self, args, kwargs, "RNNCell", s);
    else
        PyErr_Format(PyExc_RuntimeError, "Unknown nonlinearity: %S", kind);
    Py_DECREF(kind);
    return result;
}

/* ---- the types ---- */

static PyMethodDef base_methods[] = {
    {"reset_parameters", reset_parameters, METH_NOARGS, "Draws the parameters anew."},
    {"extra_repr", extra_repr, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int add_cell(PyObject *torch, const char *name, initproc init, PyMethodDef *methods,
                    const char *help, PyTypeObject **type)
{
    PyType_Slot slots[] = {
        {Py_tp_init, (void *)init}, {Py_tp_methods, methods}, {Py_tp_doc, (void *)help}, {0, NULL}};

    return recurrent_add_type(torch, name, slots, base_type, type);
}

int recurrent_cells_init(PyObject *torch)
{
#define FORWARD(function)                                                                          \
    {                                                                                              \
        {"forward", WITH_KEYWORDS(function), "forward(input, hx=None): the state after a step."},  \
        {                                                                                          \
            NULL, NULL, 0, NULL                                                                    \
        }                                                                                          \
    }
    static PyMethodDef rnn[] = FORWARD(rnn_cell_forward), lstm[] = FORWARD(lstm_cell_forward);
    static PyMethodDef gru[] = FORWARD(gru_cell_forward);
    PyType_Slot base[] = {{Py_tp_doc, "What RNNCell, LSTMCell and GRUCell have in common."},
                          {Py_tp_methods, base_methods},
                          {0, NULL}};

    if (recurrent_add_type(torch, "RNNCellBase", base, nn_module_type, &base_type) < 0 ||
        add_cell(torch, "RNNCell", rnn_cell_init, rnn,
                 "RNNCell(input_size, hidden_size, bias=True, nonlinearity='tanh')\n--\n\n"
                 "One step of RNN.",
                 &rnn_cell_type) < 0 ||
        add_cell(torch, "LSTMCell", lstm_cell_init, lstm,
                 "LSTMCell(input_size, hidden_size, bias=True)\n--\n\nOne step of LSTM.",
                 &lstm_cell_type) < 0)
        return -1;
    return add_cell(torch, "GRUCell", gru_cell_init, gru,
                    "GRUCell(input_size, hidden_size, bias=True)\n--\n\nOne step of GRU.",
                    &gru_cell_type);
}
