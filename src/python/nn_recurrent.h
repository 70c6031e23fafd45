/*
 * nn_recurrent.h: what the files of nn.RNN, nn.LSTM, nn.GRU and their cells share.
 */
#ifndef SADDLE_PYTHON_NN_RECURRENT_H
#define SADDLE_PYTHON_NN_RECURRENT_H

#include "python/nn_module.h"
#include "tensor/recurrent.h"

/* Attribute names, interned once. */
/* clang-format off */
#define RECURRENT_NAMES(X)                                                                         \
    X(mode) X(input_size) X(hidden_size) X(num_layers) X(bias) X(batch_first) X(dropout)           \
    X(bidirectional) X(proj_size) X(nonlinearity) X(_flat_weights_names) X(_all_weights)           \
    X(weight_ih) X(weight_hh) X(bias_ih) X(bias_hh) X(_flat_weights)
/* clang-format on */
struct recurrent_names {
#define X(name) PyObject *name;
    RECURRENT_NAMES(X)
#undef X
};
extern struct recurrent_names recurrent_names;

/* A parameter of that shape (one dimension when columns < 0), not yet filled, registered under its
 * name. 0 or -1. */
int recurrent_add_parameter(PyObject *self, PyObject *name, enum dtype dtype, int64_t rows,
                            int64_t columns);
/* Fills all parameters from U(-k, k), k = 1 / sqrt(hidden_size). 0 or -1. */
int recurrent_fill(PyObject *self);
/* Sizes and flags from Python objects; dtype from an argument that may be None. 0 or -1. */
int recurrent_size(PyObject *object, const char *name, int64_t *size);
int recurrent_dtype(PyObject *object, enum dtype *dtype);

/* forward() of the layers. */
PyObject *recurrent_layer_forward(PyObject *self, PyObject *args, PyObject *kwargs);
/* [weights of one direction of a layer, ...], of all or flat; NULL with an exception. */
PyObject *recurrent_flat_weights(PyObject *self);

/* Adds RNNCell, LSTMCell and GRUCell. 0 or -1. */
int recurrent_cells_init(PyObject *torch);
/* A class torch.nn.modules.rnn.<name>. 0 or -1. */
int recurrent_add_type(PyObject *torch, const char *name, PyType_Slot *slots, PyTypeObject *base,
                       PyTypeObject **type);

#endif
