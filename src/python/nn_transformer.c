/* nn.Transformer: an encoder and a decoder. */
#include "python/nn_transformer.h"

#include "autograd/formula.h"
#include "nn/init.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/types.h"

#include <math.h>

/* ---- construction ---- */

enum {
    MODEL,
    HEADS,
    ENCODER_LAYERS,
    DECODER_LAYERS,
    FORWARD,
    DROPOUT,
    ACTIVATION,
    CUSTOM_ENCODER,
    CUSTOM_DECODER,
    EPS,
    BATCH_FIRST,
    NORM_FIRST,
    DEVICE,
    DTYPE,
    COUNT
};

/* A stack named `type` of `type`Layer, with a norm at its end. */
static PyObject *make_stack(const char *type, PyObject *const *v, PyObject *count,
                            PyObject *factory)
{
    PyObject *args = PyTuple_Pack(8, v[MODEL], v[HEADS], v[FORWARD], v[DROPOUT], v[ACTIVATION],
                                  v[EPS], v[BATCH_FIRST], v[NORM_FIRST]);
    char layer_name[32];
    PyObject *layer, *norm, *stack = NULL;

    snprintf(layer_name, sizeof(layer_name), "%sLayer", type);
    layer = transformer_make(layer_name, args, factory);
    norm = layer ? transformer_norm(v[MODEL], v[EPS], factory) : NULL;
    if (norm)
        stack = transformer_make(type, PyTuple_Pack(3, layer, count, norm), NULL);
    Py_XDECREF(layer);
    Py_XDECREF(norm);
    return stack;
}

/* Xavier's uniform numbers for all that has more than one dimension. */
static int draw_parameters(PyObject *self)
{
    PyObject *prefix = PyUnicode_FromString("");
    PyObject *list =
        prefix ? module_members(self, nn_names._parameters, prefix, true, false) : NULL;
    int status = list ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        struct tensor *t = tensor_of(PyList_GET_ITEM(list, i));

        if (t->ndim > 1 && (status = nn_xavier_uniform(t, 1)) < 0)
            python_error();
    }
    Py_XDECREF(prefix);
    Py_XDECREF(list);
    return status;
}

static PyObject *reset_parameters(PyObject *self, PyObject *Py_UNUSED(none))
{
    return draw_parameters(self) < 0 ? NULL : Py_NewRef(Py_None);
}

static int make_transformer(PyObject *self, PyObject *const *v, PyObject *factory)
{
    PyObject *encoder = v[CUSTOM_ENCODER] == Py_None ? NULL : Py_NewRef(v[CUSTOM_ENCODER]);
    PyObject *decoder = v[CUSTOM_DECODER] == Py_None ? NULL : Py_NewRef(v[CUSTOM_DECODER]);

    if (!encoder)
        encoder = make_stack("TransformerEncoder", v, v[ENCODER_LAYERS], factory);
    if (transformer_set(self, "encoder", encoder) < 0) {
        Py_XDECREF(decoder);
        return -1;
    }
    if (!decoder)
        decoder = make_stack("TransformerDecoder", v, v[DECODER_LAYERS], factory);
    if (transformer_set(self, "decoder", decoder) < 0 || draw_parameters(self) < 0 ||
        PyObject_SetAttrString(self, "d_model", v[MODEL]) < 0 ||
        PyObject_SetAttrString(self, "nhead", v[HEADS]) < 0)
        return -1;
    return PyObject_SetAttrString(self, "batch_first", v[BATCH_FIRST]);
}

static int transformer_new(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[COUNT] = {
        "d_model",         "nhead",          "num_encoder_layers", "num_decoder_layers",
        "dim_feedforward", "dropout",        "activation",         "custom_encoder",
        "custom_decoder",  "layer_norm_eps", "batch_first",        "norm_first",
        "device",          "dtype"};
    static const struct binding binding = {"Transformer.__init__", names, COUNT, COUNT, 0, 1};
    PyObject *defaults = Py_BuildValue("(iiiiidsOOdOOOO)", 512, 8, 6, 6, 2048, 0.1, "relu", Py_None,
                                       Py_None, 1e-5, Py_False, Py_False, Py_None, Py_None);
    PyObject *v[COUNT], *factory = NULL;
    int status = -1;

    if (!defaults)
        return -1;
    for (int i = 0; i < COUNT; i++)
        v[i] = PyTuple_GET_ITEM(defaults, i);
    if (binding_read(&binding, args, kwargs, v) == 0 && module_setup(self) == 0)
        factory = Py_BuildValue("{sOsO}", "device", v[DEVICE], "dtype", v[DTYPE]);
    if (factory)
        status = make_transformer(self, v, factory);
    Py_DECREF(defaults);
    Py_XDECREF(factory);
    return status;
}

/* ---- the call ---- */

/* Refuses sequences whose numbers or features do not fit. */
static int check_sequences(PyObject *self, PyObject *src, PyObject *tgt)
{
    const struct tensor *s = tensor_check(src) ? tensor_of(src) : NULL;
    const struct tensor *t = tensor_check(tgt) ? tensor_of(tgt) : NULL;
    int batch_dim = transformer_flag(self, "batch_first", NULL) == 0;
    PyObject *model = PyErr_Occurred() ? NULL : PyObject_GetAttrString(self, "d_model");
    int64_t features = model ? PyLong_AsLongLong(model) : 0;

    Py_XDECREF(model);
    if (PyErr_Occurred())
        return -1;
    if (!s || !t)
        PyErr_Format(PyExc_TypeError, "Transformer.forward(): src and tgt must be Tensors, not %s",
                     _PyType_Name(Py_TYPE(s ? tgt : src)));
    else if (s->ndim < 2 || t->ndim < 2)
        PyErr_SetString(PyExc_IndexError,
                        "Dimension out of range (expected to be in range of [-1, 0], but got 1)");
    else if (s->ndim == 3 && s->shape[batch_dim] != t->shape[batch_dim])
        PyErr_SetString(PyExc_RuntimeError, "the batch number of src and tgt must be equal");
    else if (s->shape[s->ndim - 1] != features || t->shape[t->ndim - 1] != features)
        PyErr_SetString(PyExc_RuntimeError,
                        "the feature number of src and tgt must be equal to d_model");
    else
        return 0;
    return -1;
}

enum { SRC, TGT, SRC_MASK, TGT_MASK, MEMORY_MASK, SRC_PADDING, TGT_PADDING, MEMORY_PADDING, GIVEN };

static PyObject *run_encoder(PyObject *self, PyObject *const *v)
{
    PyObject *encoder = PyObject_GetAttrString(self, "encoder");
    PyObject *args = encoder ? PyTuple_Pack(1, v[SRC]) : NULL;
    PyObject *keywords =
        args ? Py_BuildValue("{sOsO}", "mask", v[SRC_MASK], "src_key_padding_mask", v[SRC_PADDING])
             : NULL;
    PyObject *memory = keywords ? PyObject_Call(encoder, args, keywords) : NULL;

    Py_XDECREF(encoder);
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    return memory;
}

static PyObject *run_decoder(PyObject *self, PyObject *const *v, PyObject *memory)
{
    PyObject *decoder = PyObject_GetAttrString(self, "decoder");
    PyObject *args = decoder ? PyTuple_Pack(2, v[TGT], memory) : NULL;
    PyObject *keywords =
        args ? Py_BuildValue("{sOsOsOsO}", decoder_names[DECODER_TGT_MASK], v[TGT_MASK],
                             decoder_names[DECODER_MEMORY_MASK], v[MEMORY_MASK],
                             decoder_names[DECODER_TGT_PADDING], v[TGT_PADDING],
                             decoder_names[DECODER_MEMORY_PADDING], v[MEMORY_PADDING])
             : NULL;
    PyObject *output = keywords ? PyObject_Call(decoder, args, keywords) : NULL;

    Py_XDECREF(decoder);
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    return output;
}

static PyObject *transformer_forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[GIVEN] = {"src",
                                             "tgt",
                                             "src_mask",
                                             "tgt_mask",
                                             "memory_mask",
                                             "src_key_padding_mask",
                                             "tgt_key_padding_mask",
                                             "memory_key_padding_mask"};
    static const struct binding binding = {"Transformer.forward", names, GIVEN, GIVEN, 2, 1};
    PyObject *v[GIVEN], *memory, *output;

    for (int i = 0; i < GIVEN; i++)
        v[i] = Py_None;
    if (binding_read(&binding, args, kwargs, v) < 0 || check_sequences(self, v[SRC], v[TGT]) < 0)
        return NULL;
    memory = run_encoder(self, v);
    output = memory ? run_decoder(self, v, memory) : NULL;
    Py_XDECREF(memory);
    return output;
}

/* -inf above the diagonal, 0 elsewhere. */
static PyObject *subsequent_mask(PyObject *Py_UNUSED(type), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"sz", "device", NULL};
    PyObject *device = Py_None, *mask = NULL;
    long long size;
    struct tensor *full;
    size_t mark;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "L|O:generate_square_subsequent_mask", names,
                                     &size, &device) ||
        device_check(device) < 0)
        return NULL;
    mark = pool_open();
    full = pool_keep(
        tensor_full(dtype_default(), 2, (int64_t[]){size, size}, scalar_float(-INFINITY)));
    full = full ? D(triu, V_TENSOR(full), V_INT(1)) : NULL;
    mask = full ? tensor_wrap(tensor_ref(full)) : python_error();
    pool_close(mark);
    return mask;
}

/* ---- the types ---- */

int transformer_init(PyObject *torch)
{
    static PyMethodDef methods[] = {
        {"forward", WITH_KEYWORDS(transformer_forward),
         "forward(src, tgt, src_mask=None, tgt_mask=None, memory_mask=None, "
         "src_key_padding_mask=None, tgt_key_padding_mask=None, memory_key_padding_mask=None): "
         "the decoder's output."},
        {"generate_square_subsequent_mask", WITH_KEYWORDS(subsequent_mask) | METH_STATIC,
         "A mask that hides from each position what comes after it."},
        {"_reset_parameters", reset_parameters, METH_NOARGS, "Draws the parameters anew."},
        {NULL, NULL, 0, NULL},
    };

    PyType_Slot slots[] = {
        {Py_tp_doc, "Transformer(d_model=512, nhead=8, num_encoder_layers=6, num_decoder_layers=6, "
                    "dim_feedforward=2048, dropout=0.1, activation='relu', custom_encoder=None, "
                    "custom_decoder=None, layer_norm_eps=1e-05, batch_first=False, "
                    "norm_first=False)\n--\n\nAn encoder and a decoder."},
        {Py_tp_init, transformer_new},
        {Py_tp_methods, methods},
        {0, NULL},
    };
    PyTypeObject *type;

    if (transformer_layers_init(torch) < 0 || transformer_stacks_init(torch) < 0)
        return -1;
    return module_add_class(torch, "transformer", "Transformer", slots, nn_module_type, &type);
}
