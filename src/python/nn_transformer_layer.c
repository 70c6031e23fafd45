/* nn.TransformerEncoderLayer and nn.TransformerDecoderLayer. */
#include "python/nn_transformer.h"

#include "python/bind.h"

PyTypeObject *encoder_layer_type;
static PyTypeObject *decoder_layer_type;

const char *const decoder_names[DECODER_ARGUMENTS] = {
    "tgt", "memory", "tgt_mask", "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask"};

/* ---- parts ---- */

static PyObject *attribute_of_module(const char *module, const char *name)
{
    PyObject *home = PyImport_ImportModule(module);
    PyObject *found = home ? PyObject_GetAttrString(home, name) : NULL;

    Py_XDECREF(home);
    return found;
}

PyObject *transformer_make(const char *name, PyObject *args, PyObject *keywords)
{
    PyObject *type = args ? attribute_of_module("torch.nn", name) : NULL;
    PyObject *made = type ? PyObject_Call(type, args, keywords) : NULL;

    Py_XDECREF(type);
    Py_XDECREF(args);
    return made;
}

int transformer_set(PyObject *self, const char *name, PyObject *object)
{
    int status = object ? PyObject_SetAttrString(self, name, object) : -1;

    Py_XDECREF(object);
    return status;
}

PyObject *transformer_norm(PyObject *size, PyObject *eps, PyObject *factory)
{
    PyObject *keywords = PyDict_Copy(factory), *norm = NULL;

    if (keywords && PyDict_SetItemString(keywords, "eps", eps) == 0)
        norm = transformer_make("LayerNorm", PyTuple_Pack(1, size), keywords);
    Py_XDECREF(keywords);
    return norm;
}

int transformer_flag(PyObject *self, const char *name, const char *part)
{
    PyObject *object = PyObject_GetAttrString(self, name);
    int on;

    if (object && part)
        Py_SETREF(object, PyObject_GetAttrString(object, part));
    on = object ? PyObject_IsTrue(object) : -1;
    Py_XDECREF(object);
    return on;
}

/* self.<name><number>(x), without a number when it is 0; x is taken over, NULL passes on an
 * exception. */
static PyObject *call_part(PyObject *self, const char *name, int number, PyObject *x)
{
    PyObject *attribute, *part, *result;

    if (!x)
        return NULL;
    attribute = number ? PyUnicode_FromFormat("%s%d", name, number) : PyUnicode_FromString(name);
    part = attribute ? PyObject_GetAttr(self, attribute) : NULL;
    result = part ? PyObject_CallOneArg(part, x) : NULL;
    Py_XDECREF(attribute);
    Py_XDECREF(part);
    Py_DECREF(x);
    return result;
}

/* ---- construction ---- */

/* "relu" and "gelu" name functions; what is no text is a function. A new reference. */
static PyObject *activation_of(PyObject *object)
{
    if (!PyUnicode_Check(object))
        return Py_NewRef(object);
    if (PyUnicode_CompareWithASCIIString(object, "relu") == 0 ||
        PyUnicode_CompareWithASCIIString(object, "gelu") == 0)
        return attribute_of_module("torch.nn.functional", PyUnicode_AsUTF8(object));
    return PyErr_Format(PyExc_RuntimeError, "activation should be relu/gelu, not %U", object);
}

static int add_attention(PyObject *self, const char *name, PyObject *const *v, PyObject *factory)
{
    PyObject *keywords = PyDict_Copy(factory);
    int status = -1;

    if (keywords && PyDict_SetItemString(keywords, "dropout", v[TRANSFORMER_DROPOUT]) == 0 &&
        PyDict_SetItemString(keywords, "batch_first", v[TRANSFORMER_BATCH_FIRST]) == 0)
        status = transformer_set(
            self, name,
            transformer_make("MultiheadAttention",
                             PyTuple_Pack(2, v[TRANSFORMER_MODEL], v[TRANSFORMER_HEADS]),
                             keywords));
    Py_XDECREF(keywords);
    return status;
}

static int add_linear(PyObject *self, const char *name, PyObject *from, PyObject *to,
                      PyObject *factory)
{
    return transformer_set(self, name,
                           transformer_make("Linear", PyTuple_Pack(2, from, to), factory));
}

static int add_dropout(PyObject *self, const char *name, PyObject *const *v)
{
    return transformer_set(
        self, name, transformer_make("Dropout", PyTuple_Pack(1, v[TRANSFORMER_DROPOUT]), NULL));
}

/* norm1, norm2 .., dropout1, dropout2 ..: one for each block. */
static int add_numbered(PyObject *self, PyObject *const *v, PyObject *factory, int count)
{
    char name[24];
    int status = 0;

    for (int i = 1; status == 0 && i <= count; i++) {
        snprintf(name, sizeof(name), "norm%d", i);
        status = transformer_set(
            self, name, transformer_norm(v[TRANSFORMER_MODEL], v[TRANSFORMER_EPS], factory));
    }
    for (int i = 1; status == 0 && i <= count; i++) {
        snprintf(name, sizeof(name), "dropout%d", i);
        status = add_dropout(self, name, v);
    }
    return status;
}

/* The parts in PyTorch's order, which repr() and the random numbers show. */
static int add_parts(PyObject *self, PyObject *const *v, PyObject *factory, bool decoder)
{
    PyObject *size = v[TRANSFORMER_MODEL], *wide = v[TRANSFORMER_FORWARD];

    if (module_setup(self) < 0 || add_attention(self, "self_attn", v, factory) < 0 ||
        (decoder && add_attention(self, "multihead_attn", v, factory) < 0) ||
        add_linear(self, "linear1", size, wide, factory) < 0 ||
        add_dropout(self, "dropout", v) < 0 ||
        add_linear(self, "linear2", wide, size, factory) < 0 ||
        PyObject_SetAttrString(self, "norm_first", v[TRANSFORMER_NORM_FIRST]) < 0)
        return -1;
    return add_numbered(self, v, factory, decoder ? 3 : 2);
}

/* 1 for relu, 2 for gelu, as function or as layer, else 0: the attribute activation_relu_or_gelu of
 * encoder layers. -1 with an exception. */
static int activation_kind(PyObject *activation)
{
    static const char *const names[][2] = {{"relu", "ReLU"}, {"gelu", "GELU"}};

    for (int i = 0; i < 2; i++) {
        PyObject *function = attribute_of_module("torch.nn.functional", names[i][0]);
        PyObject *type = function ? attribute_of_module("torch.nn", names[i][1]) : NULL;
        int is = type ? activation == function || PyObject_IsInstance(activation, type) : -1;

        Py_XDECREF(function);
        Py_XDECREF(type);
        if (is)
            return is < 0 ? -1 : i + 1;
    }
    return 0;
}

static int set_activation(PyObject *self, PyObject *given, bool decoder)
{
    PyObject *activation = activation_of(given);
    int kind = activation && !decoder ? activation_kind(activation) : 0;

    if (!activation || kind < 0 ||
        (!decoder && transformer_set(self, "activation_relu_or_gelu", PyLong_FromLong(kind)) < 0)) {
        Py_XDECREF(activation);
        return -1;
    }
    return transformer_set(self, "activation", activation);
}

static int init_layer(PyObject *self, PyObject *args, PyObject *kwargs, bool decoder)
{
    static const char *const names[TRANSFORMER_ARGUMENTS] = {
        "d_model",        "nhead",       "dim_feedforward", "dropout", "activation",
        "layer_norm_eps", "batch_first", "norm_first",      "device",  "dtype"};
    const struct binding binding = {decoder ? "TransformerDecoderLayer.__init__"
                                            : "TransformerEncoderLayer.__init__",
                                    names,
                                    TRANSFORMER_ARGUMENTS,
                                    TRANSFORMER_ARGUMENTS,
                                    2,
                                    1};
    PyObject *defaults = Py_BuildValue("(idsd)", 2048, 0.1, "relu", 1e-5), *factory = NULL;
    PyObject *v[TRANSFORMER_ARGUMENTS];
    int status = -1;

    if (!defaults)
        return -1;
    v[TRANSFORMER_FORWARD] = PyTuple_GET_ITEM(defaults, 0);
    v[TRANSFORMER_DROPOUT] = PyTuple_GET_ITEM(defaults, 1);
    v[TRANSFORMER_ACTIVATION] = PyTuple_GET_ITEM(defaults, 2);
    v[TRANSFORMER_EPS] = PyTuple_GET_ITEM(defaults, 3);
    v[TRANSFORMER_BATCH_FIRST] = v[TRANSFORMER_NORM_FIRST] = Py_False;
    v[TRANSFORMER_DEVICE] = v[TRANSFORMER_DTYPE] = Py_None;
    if (binding_read(&binding, args, kwargs, v) == 0)
        factory =
            Py_BuildValue("{sOsO}", "device", v[TRANSFORMER_DEVICE], "dtype", v[TRANSFORMER_DTYPE]);
    if (factory && add_parts(self, v, factory, decoder) == 0)
        status = set_activation(self, v[TRANSFORMER_ACTIVATION], decoder);
    Py_DECREF(defaults);
    Py_XDECREF(factory);
    return status;
}

static int encoder_layer_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return init_layer(self, args, kwargs, false);
}

static int decoder_layer_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return init_layer(self, args, kwargs, true);
}

/* ---- the call ---- */

/* One block: attention to `memory` (NULL: to the block's own input) by the part of that name, or
 * the feed-forward network where `attention` is NULL. */
struct block {
    const char *attention;
    PyObject *memory, *mask, *padding;
};

/* x is taken over. */
static PyObject *attend(PyObject *self, const struct block *b, PyObject *x)
{
    PyObject *other = b->memory ? b->memory : x, *args, *keywords, *pair, *output;
    PyObject *part = x ? PyObject_GetAttrString(self, b->attention) : NULL;

    args = part ? PyTuple_Pack(3, x, other, other) : NULL;
    keywords = args ? Py_BuildValue("{sOsOsO}", "attn_mask", b->mask, "key_padding_mask",
                                    b->padding, "need_weights", Py_False)
                    : NULL;
    pair = keywords ? PyObject_Call(part, args, keywords) : NULL;
    output = pair ? PySequence_GetItem(pair, 0) : NULL;
    Py_XDECREF(x);
    Py_XDECREF(part);
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    Py_XDECREF(pair);
    return output;
}

/* linear2(dropout(activation(linear1(x)))) */
static PyObject *feed_forward(PyObject *self, PyObject *x)
{
    static const char *const parts[] = {"linear1", "activation", "dropout", "linear2"};

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        x = call_part(self, parts[i], 0, x);
    return x;
}

/* The number-th block of a layer, with its residual connection; x is taken over. */
static PyObject *run_block(PyObject *self, const struct block *b, int number, bool norm_first,
                           PyObject *x)
{
    PyObject *y = Py_NewRef(x), *sum;

    if (norm_first)
        y = call_part(self, "norm", number, y);
    y = b->attention ? attend(self, b, y) : feed_forward(self, y);
    y = call_part(self, "dropout", number, y);
    sum = y ? PyNumber_Add(x, y) : NULL;
    Py_DECREF(x);
    Py_XDECREF(y);
    return norm_first ? sum : call_part(self, "norm", number, sum);
}

static PyObject *run_blocks(PyObject *self, const struct block *blocks, int count, PyObject *input)
{
    int norm_first = transformer_flag(self, "norm_first", NULL);
    PyObject *x = norm_first < 0 ? NULL : Py_NewRef(input);

    for (int i = 0; x && i < count; i++)
        x = run_block(self, &blocks[i], i + 1, norm_first, x);
    return x;
}

int encoder_check_padding(PyObject *padding)
{
    enum dtype dtype = tensor_check(padding) ? tensor_dtype(tensor_of(padding)) : DTYPE_b8;

    if (dtype == DTYPE_b8 || dtype_is_float(dtype))
        return 0;
    PyErr_SetString(PyExc_AssertionError,
                    "only bool and floating types of key_padding_mask are supported");
    return -1;
}

static PyObject *encoder_layer_forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"src", "src_mask", "src_key_padding_mask"};
    static const struct binding binding = {"TransformerEncoderLayer.forward", names, 3, 3, 1, 1};
    PyObject *v[] = {NULL, Py_None, Py_None};

    if (binding_read(&binding, args, kwargs, v) < 0 || encoder_check_padding(v[2]) < 0)
        return NULL;
    return run_blocks(self, (struct block[]){{"self_attn", NULL, v[1], v[2]}, {0}}, 2, v[0]);
}

static PyObject *decoder_layer_forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const struct binding binding = {"TransformerDecoderLayer.forward",
                                           decoder_names,
                                           DECODER_ARGUMENTS,
                                           DECODER_ARGUMENTS,
                                           2,
                                           1};
    PyObject *v[] = {NULL, NULL, Py_None, Py_None, Py_None, Py_None};
    struct block blocks[3] = {{0}};

    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    blocks[0] = (struct block){"self_attn", NULL, v[DECODER_TGT_MASK], v[DECODER_TGT_PADDING]};
    blocks[1] = (struct block){"multihead_attn", v[DECODER_MEMORY], v[DECODER_MEMORY_MASK],
                               v[DECODER_MEMORY_PADDING]};
    return run_blocks(self, blocks, 3, v[DECODER_TGT]);
}

/* ---- the types ---- */

int transformer_layers_init(PyObject *torch)
{
    static PyMethodDef encoder_methods[] = {
        {"forward", WITH_KEYWORDS(encoder_layer_forward),
         "forward(src, src_mask=None, src_key_padding_mask=None): the output."},
        {NULL, NULL, 0, NULL},
    };
    static PyMethodDef decoder_methods[] = {
        {"forward", WITH_KEYWORDS(decoder_layer_forward),
         "forward(tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None, "
         "memory_key_padding_mask=None): the output."},
        {NULL, NULL, 0, NULL},
    };
    PyType_Slot encoder[] = {
        {Py_tp_doc, "TransformerEncoderLayer(d_model, nhead, dim_feedforward=2048, dropout=0.1, "
                    "activation='relu', layer_norm_eps=1e-05, batch_first=False, "
                    "norm_first=False)\n--\n\nSelf-attention and a feed-forward network."},
        {Py_tp_init, encoder_layer_init},
        {Py_tp_methods, encoder_methods},
        {0, NULL},
    };
    PyType_Slot decoder[] = {
        {Py_tp_doc, "TransformerDecoderLayer(d_model, nhead, dim_feedforward=2048, dropout=0.1, "
                    "activation='relu', layer_norm_eps=1e-05, batch_first=False, "
                    "norm_first=False)\n--\n\nSelf-attention, attention to a memory, a "
                    "feed-forward network."},
        {Py_tp_init, decoder_layer_init},
        {Py_tp_methods, decoder_methods},
        {0, NULL},
    };

    if (module_add_class(torch, "transformer", "TransformerEncoderLayer", encoder, nn_module_type,
                         &encoder_layer_type) < 0)
        return -1;
    return module_add_class(torch, "transformer", "TransformerDecoderLayer", decoder,
                            nn_module_type, &decoder_layer_type);
}
