/*
 * nn_layers.h: the classes that the rows of nn/layers.def become.
 */
#ifndef SADDLE_PYTHON_NN_LAYERS_H
#define SADDLE_PYTHON_NN_LAYERS_H

#include "python/args.h"
#include "python/nn_module.h"

/* Checks or replaces constructor arguments (new references, in the order of the schema) before they
 * become attributes. 0, or -1 with an exception. */
typedef int layer_setup(PyObject *self, PyObject **args);
/* forward() of a layer that is no single operation; the inputs are those of its row. */
typedef PyObject *layer_function(PyObject *self, PyObject *const *inputs);

enum { STATE_MAX = 8 };

/* A parameter or buffer, as the row's text says it. */
struct state_entry {
    PyObject *name, *condition; /* condition: the argument that must be true, or NULL */
    bool buffer;
    const char *shape; /* behind the "["; NULL: the argument of that name is the buffer */
    const char *rule;  /* behind the "=" */
    size_t rule_length;
};

/* Where an argument of the operation comes from. */
enum source { SOURCE_INPUT, SOURCE_ATTRIBUTE, SOURCE_DEFAULT };
struct layer_argument {
    enum source source;
    int input;
    PyObject *name;
    PyObject *part; /* the dict that has the attribute: _parameters or _buffers; NULL: __dict__ */
};

struct layer_type {
    const char *file, *name, *constructor, *state, *inputs, *extra_repr, *help;
    layer_setup *setup;       /* or NULL */
    layer_function *function; /* or NULL: op */
    const char *op_name;
    enum op_id op;
    /* Made from the texts by layer_prepare(), on first use. */
    PyTypeObject *type;
    bool prepared, inplace; /* inplace: runs in place when the attribute is true */
    struct schema takes, calls;
    struct state_entry entries[STATE_MAX];
    int entry_count;
    struct layer_argument arguments[OP_MAX_ARGS];
};

/* The row that a type, or its nearest base, is made from; NULL when there is none. */
const struct layer_type *layer_type_of(PyTypeObject *type);
/* 0, or -1 without memory. */
int layer_prepare(struct layer_type *layer);
/* Whether an argument of the constructor becomes an attribute as it is. */
bool layer_keeps(const struct layer_type *layer, const struct param *p);

/* ---- arguments by a schema, with Python's own error messages (nn_bind.c) ---- */

/* Binds a call to the parameters: out[i] is borrowed, or NULL for a default. `function` is what the
 * messages call it: "Linear.__init__". 0 or -1. */
int bind_arguments(const char *function, const struct schema *schema,
                   const struct python_call *call, PyObject **out);
/* The default of a parameter as Python object; new reference. */
PyObject *default_object(const struct param *param);
/* The parameter of that name, -1 if there is none. */
int schema_find(const struct schema *schema, const char *name, size_t length);

/* The arguments of a constructor, with defaults filled in, as new references. 0 or -1. */
int layer_bind(const char *function, const struct schema *schema, PyObject *tuple,
               PyObject *keywords, PyObject **args);
/* Checks those of the row's own constructor (and may replace them), and makes them attributes. */
int layer_set_up(PyObject *self, const struct layer_type *layer, PyObject **args);

/* The classes that a layer is made from, as a tuple: _ConvNd for Conv2d (nn_bases.c). New
 * reference. */
PyObject *layer_bases(PyObject *torch, const struct layer_type *layer);
/* The class whose constructor a layer has in PyTorch. */
const char *layer_constructor_owner(const struct layer_type *layer);
/* The digit in the name of a layer: 2 of Conv2d. */
int layer_dims(const struct layer_type *layer);
/* 3 -> (3, 3); what is a sequence already becomes a tuple; a text stays one. 0, or -1 with an
 * exception. */
int layer_make_tuple(PyObject **object, int count);

/* ---- parts ---- */

/* Makes the parameters and buffers of a new layer. args: those of the constructor. */
int layer_make_state(PyObject *self, const struct layer_type *layer, PyObject *const *args);
/* The same without shapes (nn_lazy.h), and later the shapes that the attributes tell by then. */
int layer_make_lazy_state(PyObject *self, const struct layer_type *layer, PyObject *const *args);
int layer_materialize(PyObject *self, const struct layer_type *layer);
/* Gives them their first values again. */
int layer_reset(PyObject *self, const struct layer_type *layer);
int layer_prepare_state(struct layer_type *layer);

PyObject *layer_forward(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names);
int layer_prepare_forward(struct layer_type *layer);

PyObject *layer_extra_repr(PyObject *self, PyObject *none);

/* The functions that rows name. */
#define LAYER(file, name, constructor, setup, state, op, inputs, extra_repr, help)                 \
    layer_setup setup_##setup; /* of setup_none there is only this */
#define LAYER_OWN(file, name, constructor, setup, state, own, inputs, extra_repr, help)            \
    layer_setup setup_##setup;                                                                     \
    layer_function forward_##own;
#include "nn/layers.def"
#undef LAYER
#undef LAYER_OWN

#endif
