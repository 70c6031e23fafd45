/*
 * nn_attention.h: what nn.MultiheadAttention and F.multi_head_attention_forward share.
 */
#ifndef SADDLE_PYTHON_NN_ATTENTION_H
#define SADDLE_PYTHON_NN_ATTENTION_H

#include "python/nn_module.h"

/* The arguments of F.multi_head_attention_forward, in its order. */
enum attention_argument {
    ATTENTION_QUERY,
    ATTENTION_KEY,
    ATTENTION_VALUE,
    ATTENTION_EMBED_DIM,
    ATTENTION_NUM_HEADS,
    ATTENTION_IN_WEIGHT,
    ATTENTION_IN_BIAS,
    ATTENTION_BIAS_K,
    ATTENTION_BIAS_V,
    ATTENTION_ADD_ZERO,
    ATTENTION_DROPOUT,
    ATTENTION_OUT_WEIGHT,
    ATTENTION_OUT_BIAS,
    ATTENTION_TRAINING,
    ATTENTION_PADDING,
    ATTENTION_NEED_WEIGHTS,
    ATTENTION_MASK,
    ATTENTION_SEPARATE,
    ATTENTION_Q_WEIGHT,
    ATTENTION_K_WEIGHT,
    ATTENTION_V_WEIGHT,
    ATTENTION_STATIC_K,
    ATTENTION_STATIC_V,
    ATTENTION_AVERAGE,
    ATTENTION_ARGUMENTS
};

/* Runs a call whose arguments (borrowed) are all there; with batch_first the batch of batched
 * tensors is their first dimension. (output, weights or None), or NULL with an exception. */
PyObject *attention_run(PyObject *const *v, bool batch_first);

/* F.multi_head_attention_forward(). */
PyObject *attention_function(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
