/* forward() of nn.RNN, nn.LSTM and nn.GRU: padded, packed and single sequences, states, checks. */
#include "python/nn_recurrent.h"

#include "autograd/formula.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/nn_packed.h"

/* A call under way. */
struct call {
    enum cell cell;
    int64_t input_size, hidden_size, layers, proj_size;
    int bias, batch_first, bidirectional, training;
    double dropout;
    struct tensor *x, *sizes, *h, *c; /* sizes: of a packed sequence, else NULL */
    PyObject *packed;                 /* or NULL */
    PyObject *held[2];                /* the objects of h and c */
    int batch_dim;
    bool batched;
};

static int fail(PyObject *type, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    PyErr_FormatV(type, format, args);
    va_end(args);
    return -1;
}

/* ---- what the layer says ---- */

static int read_number(PyObject *self, PyObject *name, int64_t *number)
{
    PyObject *object = PyObject_GetAttr(self, name);
    int status = object ? recurrent_size(object, PyUnicode_AsUTF8(name), number) : -1;

    Py_XDECREF(object);
    return status;
}

static int read_flag(PyObject *self, PyObject *name, int *flag)
{
    PyObject *object = PyObject_GetAttr(self, name);

    *flag = object ? PyObject_IsTrue(object) : -1;
    Py_XDECREF(object);
    return *flag < 0 ? -1 : 0;
}

static int read_cell(PyObject *self, enum cell *cell)
{
    PyObject *mode = PyObject_GetAttr(self, recurrent_names.mode);
    const char *text = mode ? PyUnicode_AsUTF8(mode) : NULL;

    if (text)
        *cell = *text == 'L'     ? CELL_LSTM
                : *text == 'G'   ? CELL_GRU
                : text[4] == 'T' ? CELL_TANH
                                 : CELL_RELU;
    Py_XDECREF(mode);
    return text ? 0 : -1;
}

static int read_layer(PyObject *self, struct call *c)
{
    PyObject *dropout;

    if (read_cell(self, &c->cell) < 0 ||
        read_number(self, recurrent_names.input_size, &c->input_size) < 0 ||
        read_number(self, recurrent_names.hidden_size, &c->hidden_size) < 0 ||
        read_number(self, recurrent_names.num_layers, &c->layers) < 0 ||
        read_number(self, recurrent_names.proj_size, &c->proj_size) < 0 ||
        read_flag(self, recurrent_names.bias, &c->bias) < 0 ||
        read_flag(self, recurrent_names.batch_first, &c->batch_first) < 0 ||
        read_flag(self, recurrent_names.bidirectional, &c->bidirectional) < 0 ||
        read_flag(self, nn_names.training, &c->training) < 0)
        return -1;
    dropout = PyObject_GetAttr(self, recurrent_names.dropout);
    c->dropout = dropout ? PyFloat_AsDouble(dropout) : 0;
    Py_XDECREF(dropout);
    return PyErr_Occurred() ? -1 : 0;
}

/* ---- input and states ---- */

/* The tensor of an object, or the error of Python code that asks for its dim(). */
static struct tensor *tensor_or_error(PyObject *object)
{
    if (tensor_check(object))
        return tensor_of(object);
    PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'dim'",
                 _PyType_Name(Py_TYPE(object)));
    return NULL;
}

static int read_input(struct call *c, PyObject *input)
{
    if (packed_check(input)) {
        c->packed = input;
        c->x = tensor_or_error(PyTuple_GET_ITEM(input, PACKED_DATA));
        c->sizes = c->x ? tensor_or_error(PyTuple_GET_ITEM(input, PACKED_SIZES)) : NULL;
        return c->sizes ? 0 : -1;
    }
    c->x = tensor_or_error(input);
    if (!c->x)
        return -1;
    c->batch_dim = c->batch_first ? 0 : 1;
    c->batched = c->x->ndim == 3;
    if (!c->batched)
        c->x = d_unsqueeze(c->x, c->batch_dim);
    return c->x ? 0 : -1;
}

static int hold_states(struct call *c, PyObject *hx)
{
    for (int i = 0; i < 2 && c->cell == CELL_LSTM; i++) {
        PyObject *index = PyLong_FromLong(i);

        c->held[i] = index ? PyObject_GetItem(hx, index) : NULL;
        Py_XDECREF(index);
        if (!c->held[i])
            return -1;
    }
    if (c->cell != CELL_LSTM)
        c->held[0] = Py_NewRef(hx);
    c->h = tensor_or_error(c->held[0]);
    if (c->h && c->held[1])
        c->c = tensor_or_error(c->held[1]);
    return c->h && (c->c || !c->held[1]) ? 0 : -1;
}

static int check_state_dims(const struct call *c)
{
    int dims = c->batched ? 3 : 2;
    const char *batched = c->batched ? "batched" : "unbatched";

    if (c->h->ndim == dims && (!c->c || c->c->ndim == dims))
        return 0;
    if (c->c)
        return fail(PyExc_RuntimeError,
                    "For %s %d-D input, hx and cx should also be %d-D but got (%d-D, %d-D) tensors",
                    batched, dims, dims, c->h->ndim, c->c->ndim);
    return fail(PyExc_RuntimeError, "For %s %d-D input, hx should also be %d-D but got %d-D tensor",
                batched, dims, dims, c->h->ndim);
}

/* The sequences of a state in the order that an index tensor says; Py_None: as they are. */
static struct tensor *permuted(struct tensor *state, PyObject *order)
{
    if (!state || !tensor_check(order))
        return state;
    return D(index_select, V_TENSOR(state), V_INT(1), V_TENSOR(tensor_of(order)));
}

static struct tensor *zero_state(const struct call *c, int64_t batch, int64_t size)
{
    return pool_keep(tensor_zeros(tensor_dtype(c->x), 3,
                                  (int64_t[]){c->layers * (c->bidirectional + 1), batch, size}));
}

static int read_states(struct call *c, PyObject *hx, int64_t batch)
{
    bool lstm = c->cell == CELL_LSTM;

    if (hx == Py_None) {
        c->h = zero_state(c, batch, c->proj_size > 0 ? c->proj_size : c->hidden_size);
        c->c = lstm ? zero_state(c, batch, c->hidden_size) : NULL;
        return c->h && (c->c || !lstm) ? 0 : -1;
    }
    if (hold_states(c, hx) < 0)
        return -1;
    if (c->packed) {
        PyObject *order = PyTuple_GET_ITEM(c->packed, PACKED_SORTED);

        c->h = permuted(c->h, order);
        c->c = permuted(c->c, order);
    } else if (check_state_dims(c) < 0) {
        return -1;
    } else if (!c->batched) {
        c->h = d_unsqueeze(c->h, 1);
        c->c = c->c ? d_unsqueeze(c->c, 1) : NULL;
    }
    return c->h && (c->c || !lstm) ? 0 : -1;
}

static int64_t batch_of(const struct call *c)
{
    if (!c->sizes)
        return c->x->shape[c->batch_dim];
    return c->sizes->numel && c->sizes->dtype == DTYPE_i64 ? *(const int64_t *)tensor_data(c->sizes)
                                                           : 0;
}

/* ---- checks ---- */

static int check_input(const struct call *c)
{
    int dims = c->sizes ? 2 : 3;
    int64_t last = c->x->ndim ? c->x->shape[c->x->ndim - 1] : 0;

    if (c->x->ndim != dims)
        return fail(PyExc_RuntimeError, "input must have %d dimensions, got %d", dims, c->x->ndim);
    if (last == c->input_size)
        return 0;
    return fail(PyExc_RuntimeError,
                "input.size(-1) must be equal to input_size. Expected %lld, got %lld",
                (long long)c->input_size, (long long)last);
}

static int check_state(const struct call *c, const struct tensor *state, int64_t size,
                       const char *what)
{
    long long layers = c->layers * (c->bidirectional + 1), batch = batch_of(c);
    char text[128];

    if (state->ndim == 3 && state->shape[0] == layers && state->shape[1] == batch &&
        state->shape[2] == size)
        return 0;
    return fail(PyExc_RuntimeError, "Expected %s size (%lld, %lld, %lld), got %s", what, layers,
                batch, (long long)size, shape_text(state->ndim, state->shape, text, sizeof(text)));
}

static int check_call(const struct call *c)
{
    int64_t output = c->proj_size > 0 ? c->proj_size : c->hidden_size;

    if (check_input(c) < 0 || check_state(c, c->h, output, c->c ? "hidden[0]" : "hidden") < 0)
        return -1;
    return c->c ? check_state(c, c->c, c->hidden_size, "hidden[1]") : 0;
}

/* ---- the run ---- */

/* Calls torch.lstm or the like; `weights` is a list of tensors. */
static int run(const struct call *c, PyObject *weights, struct tensor **out)
{
    static const enum op_id ids[CELL_COUNT][2] = {[CELL_TANH] = {OP_rnn_tanh, OP_rnn_tanh__data},
                                                  [CELL_RELU] = {OP_rnn_relu, OP_rnn_relu__data},
                                                  [CELL_LSTM] = {OP_lstm, OP_lstm__data},
                                                  [CELL_GRU] = {OP_gru, OP_gru__data}};
    Py_ssize_t count = PyList_GET_SIZE(weights);
    struct tensor **at = PyMem_New(struct tensor *, count + 1), *states[] = {c->h, c->c};
    struct value args[OP_MAX_ARGS], *next = args;
    int status = at ? 0 : fail(PyExc_MemoryError, "no memory for the weights of a layer");

    for (Py_ssize_t i = 0; status == 0 && i < count; i++) {
        PyObject *weight = PyList_GET_ITEM(weights, i);

        if (tensor_check(weight))
            at[i] = tensor_of(weight);
        else
            status = fail(PyExc_TypeError, "a weight of a recurrent layer must be Tensor, not %s",
                          _PyType_Name(Py_TYPE(weight)));
    }
    if (status == 0) {
        *next++ = V_TENSOR(c->x);
        if (c->sizes)
            *next++ = V_TENSOR(c->sizes);
        *next++ = c->c ? V_TENSORS(states, 2) : V_TENSOR(c->h);
        *next++ = V_TENSORS(at, (int)count);
        *next++ = V_INT(c->bias);
        *next++ = V_INT(c->layers);
        *next++ = V_FLOAT(c->dropout);
        *next++ = V_INT(c->training);
        *next++ = V_INT(c->bidirectional);
        *next = V_INT(c->batch_first);
        status = op_call(&ops[ids[c->cell][c->sizes != NULL]], args, out);
        if (status < 0)
            python_error();
    }
    PyMem_Free(at);
    return status;
}

static struct tensor *squeezed(struct tensor *t, int dim)
{
    return t ? D(squeeze__dim, V_TENSOR(t), V_INT(dim)) : NULL;
}

/* The output, or the packed sequence of it, and the states as the caller sees them. */
static PyObject *result_of(const struct call *c, struct tensor **out)
{
    PyObject *order = c->packed ? PyTuple_GET_ITEM(c->packed, PACKED_UNSORTED) : Py_None;
    PyObject *output, *h, *state;
    bool lstm = c->cell == CELL_LSTM;

    for (int i = 0; i < 2 + lstm; i++) {
        pool_keep(out[i]);
        if (!c->packed && !c->batched)
            out[i] = squeezed(out[i], i == 0 ? c->batch_dim : 1);
        else if (i > 0)
            out[i] = permuted(out[i], order);
        if (!out[i])
            return python_error();
    }
    output = tensor_object(out[0]);
    if (c->packed)
        output = packed_with_data(c->packed, output);
    h = tensor_object(out[1]);
    state = lstm && h ? Py_BuildValue("(NN)", h, tensor_object(out[2])) : h;
    return Py_BuildValue("(NN)", output, state);
}

static PyObject *run_call(PyObject *self, struct call *c, PyObject *input, PyObject *hx)
{
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};
    PyObject *weights, *result = NULL;

    if (read_input(c, input) < 0 || read_states(c, hx, batch_of(c)) < 0)
        return python_error();
    if (check_call(c) < 0)
        return NULL;
    weights = recurrent_flat_weights(self);
    if (weights && run(c, weights, out) == 0)
        result = result_of(c, out);
    Py_XDECREF(weights);
    return result;
}

PyObject *recurrent_layer_forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"input", "hx"};
    PyObject *v[] = {NULL, Py_None}, *result = NULL;
    struct binding binding = {"LSTM.forward", names, 2, 2, 1, 1};
    struct call c = {.packed = NULL};
    size_t mark;

    if (read_layer(self, &c) < 0)
        return NULL;
    if (c.cell != CELL_LSTM)
        binding.function = c.cell == CELL_GRU ? "GRU.forward" : "RNN.forward";
    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    mark = pool_open();
    result = run_call(self, &c, v[0], v[1]);
    pool_close(mark);
    Py_XDECREF(c.held[0]);
    Py_XDECREF(c.held[1]);
    return result;
}
