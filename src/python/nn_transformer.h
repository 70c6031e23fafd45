/*
 * nn_transformer.h: what the layers of a transformer and the stacks of them share.
 *
 * "Attention Is All You Need", Vaswani et al. 2017: each layer is attention (in a decoder also
 * attention to the encoder's output, the memory) and a feed-forward network, each of these blocks
 * with a residual connection and a norm. The parts are modules, called as such, so that hooks and
 * replacements of them work.
 */
#ifndef SADDLE_PYTHON_NN_TRANSFORMER_H
#define SADDLE_PYTHON_NN_TRANSFORMER_H

#include "python/nn_module.h"

/* The arguments of the constructors of layers. Transformer's own lie around and between them. */
enum transformer_argument {
    TRANSFORMER_MODEL,
    TRANSFORMER_HEADS,
    TRANSFORMER_FORWARD,
    TRANSFORMER_DROPOUT,
    TRANSFORMER_ACTIVATION,
    TRANSFORMER_EPS,
    TRANSFORMER_BATCH_FIRST,
    TRANSFORMER_NORM_FIRST,
    TRANSFORMER_DEVICE,
    TRANSFORMER_DTYPE,
    TRANSFORMER_ARGUMENTS
};

/* What decoders and their layers take; masks may be None. */
enum decoder_argument {
    DECODER_TGT,
    DECODER_MEMORY,
    DECODER_TGT_MASK,
    DECODER_MEMORY_MASK,
    DECODER_TGT_PADDING,
    DECODER_MEMORY_PADDING,
    DECODER_ARGUMENTS
};
extern const char *const decoder_names[DECODER_ARGUMENTS];

/* torch.nn.<name>(*args, **keywords). args are taken over, NULL passes on an exception; keywords
 * may be NULL. */
PyObject *transformer_make(const char *name, PyObject *args, PyObject *keywords);
/* Sets an attribute to an object that is taken over; NULL passes on an exception. 0 or -1. */
int transformer_set(PyObject *self, const char *name, PyObject *object);
/* LayerNorm(size, eps=eps, **factory), whose factory is {"device": .., "dtype": ..}. */
PyObject *transformer_norm(PyObject *size, PyObject *eps, PyObject *factory);
/* The truth of self.<name>, or of self.<name>.<part> when part is not NULL; -1 with an exception.
 */
int transformer_flag(PyObject *self, const char *name, const char *part);

extern PyTypeObject *encoder_layer_type; /* TransformerEncoderLayer */
/* Refuses a padding mask that is neither bool nor floating point. 0 or -1. */
int encoder_check_padding(PyObject *padding);

/* What transformer_init() calls; each adds its types. 0 or -1. */
int transformer_layers_init(PyObject *torch);
int transformer_stacks_init(PyObject *torch);

#endif
