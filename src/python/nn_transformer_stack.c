/* nn.TransformerEncoder and nn.TransformerDecoder: copies of a layer one after the other. */
#include "python/nn_transformer.h"

#include "autograd/formula.h"
#include "python/bind.h"
#include "python/errors.h"

/* ---- stacks ---- */

/* ModuleList of `count` copies. */
static PyObject *copies_of(PyObject *layer, PyObject *count)
{
    PyObject *copy = PyImport_ImportModule("copy"), *list = copy ? PyList_New(0) : NULL;
    Py_ssize_t n = list ? PyNumber_AsSsize_t(count, PyExc_OverflowError) : 0;

    if (PyErr_Occurred())
        Py_CLEAR(list);
    for (Py_ssize_t i = 0; list && i < n; i++) {
        PyObject *one = PyObject_CallMethod(copy, "deepcopy", "O", layer);

        if (!one || PyList_Append(list, one) < 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    Py_XDECREF(copy);
    return list ? transformer_make("ModuleList", Py_BuildValue("(N)", list), NULL) : NULL;
}

/* names[0] is the layer, names[1] the number of copies; the rest become attributes as they are. */
static int init_stack(PyObject *self, const char *const *names, int count, PyObject *const *v)
{
    int status = module_setup(self);

    if (status == 0)
        status = transformer_set(self, "layers", copies_of(v[0], v[1]));
    for (int i = 1; status == 0 && i < count; i++)
        status = PyObject_SetAttrString(self, names[i], v[i]);
    return status;
}

static int encoder_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"encoder_layer", "num_layers", "norm",
                                        "enable_nested_tensor", "mask_check"};
    static const struct binding binding = {"TransformerEncoder.__init__", names, 5, 5, 2, 1};
    PyObject *v[] = {NULL, NULL, Py_None, Py_True, Py_True};

    return binding_read(&binding, args, kwargs, v) < 0 ? -1 : init_stack(self, names, 5, v);
}

static int decoder_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"decoder_layer", "num_layers", "norm"};
    static const struct binding binding = {"TransformerDecoder.__init__", names, 3, 3, 2, 1};
    PyObject *v[] = {NULL, NULL, Py_None};

    return binding_read(&binding, args, kwargs, v) < 0 ? -1 : init_stack(self, names, 3, v);
}

/* x, which is taken over, through all layers, each called with the same further arguments. */
static PyObject *run_layers(PyObject *self, PyObject *x, PyObject *memory, PyObject *keywords)
{
    PyObject *layers = PyObject_GetAttrString(self, "layers");
    PyObject *list = layers ? PySequence_List(layers) : NULL;

    if (!list)
        Py_CLEAR(x);
    for (Py_ssize_t i = 0; x && i < PyList_GET_SIZE(list); i++) {
        PyObject *args = memory ? PyTuple_Pack(2, x, memory) : PyTuple_Pack(1, x);

        Py_SETREF(x, args ? PyObject_Call(PyList_GET_ITEM(list, i), args, keywords) : NULL);
        Py_XDECREF(args);
    }
    Py_XDECREF(layers);
    Py_XDECREF(list);
    return x;
}

/* self.norm(x), if there is one; x is taken over, NULL passes on an exception. */
static PyObject *run_norm(PyObject *self, PyObject *x)
{
    PyObject *norm = x ? PyObject_GetAttrString(self, "norm") : NULL;

    if (!norm)
        Py_CLEAR(x);
    else if (norm != Py_None)
        Py_SETREF(x, PyObject_CallOneArg(norm, x));
    Py_XDECREF(norm);
    return x;
}

static PyObject *decoder_forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const struct binding binding = {
        "TransformerDecoder.forward", decoder_names, DECODER_ARGUMENTS, DECODER_ARGUMENTS, 2, 1};
    PyObject *v[] = {NULL, NULL, Py_None, Py_None, Py_None, Py_None}, *keywords, *x = NULL;

    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    keywords = PyDict_New();
    for (int i = DECODER_TGT_MASK; keywords && i < DECODER_ARGUMENTS; i++)
        if (PyDict_SetItemString(keywords, decoder_names[i], v[i]) < 0)
            Py_CLEAR(keywords);
    if (keywords)
        x = run_layers(self, Py_NewRef(v[DECODER_TGT]), v[DECODER_MEMORY], keywords);
    Py_XDECREF(keywords);
    return run_norm(self, x);
}

/* ---- the encoder in inference ---- */

/*
 * Where PyTorch's encoder would run its kernels for inference and there is a mask of padding, it
 * packs away what is padded and puts zeros there at the end, up to the longest sequence. The same
 * conditions in the same order; the values of the elements that are not padded are no others.
 */

/* The first layer's side of it. -1 with an exception. */
static int layer_skips_padding(PyObject *layer)
{
    static const struct {
        const char *name, *part;
        int wanted;
    } conditions[] = {
        {"norm_first", NULL, 0},
        {"training", NULL, 0},
        {"self_attn", "batch_first", 1},
        {"self_attn", "_qkv_same_embed_dim", 1},
        {"activation_relu_or_gelu", NULL, 1},
    };
    PyObject *a, *b, *heads;
    int same = -1;

    for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++) {
        int is = transformer_flag(layer, conditions[i].name, conditions[i].part);

        if (is < 0 || is != conditions[i].wanted)
            return is < 0 ? -1 : 0;
    }
    a = PyObject_GetAttrString(layer, "norm1");
    b = a ? PyObject_GetAttrString(layer, "norm2") : NULL;
    if (b) {
        Py_SETREF(a, PyObject_GetAttrString(a, "eps"));
        Py_SETREF(b, PyObject_GetAttrString(b, "eps"));
        same = a && b ? PyObject_RichCompareBool(a, b, Py_EQ) : -1;
    }
    Py_XDECREF(a);
    Py_XDECREF(b);
    if (same <= 0)
        return same;
    heads = PyObject_GetAttrString(layer, "self_attn");
    if (heads)
        Py_SETREF(heads, PyObject_GetAttrString(heads, "num_heads"));
    same = heads ? PyLong_AsLong(heads) % 2 == 0 : -1;
    Py_XDECREF(heads);
    return PyErr_Occurred() ? -1 : same;
}

/* Whether a gradient would be recorded. -1 with an exception. */
static int wants_grad(PyObject *layer, const struct tensor *src)
{
    PyObject *prefix, *list;
    int wants = src->requires_grad;

    if (!grad_enabled())
        return 0;
    prefix = PyUnicode_FromString("");
    list = prefix ? module_members(layer, nn_names._parameters, prefix, true, false) : NULL;
    if (!list)
        wants = -1;
    for (Py_ssize_t i = 0; list && !wants && i < PyList_GET_SIZE(list); i++)
        wants = tensor_of(PyList_GET_ITEM(list, i))->requires_grad;
    Py_XDECREF(prefix);
    Py_XDECREF(list);
    return wants;
}

/* The length of the longest sequence when all padding (N, L) stands at the ends; else -1. */
static int64_t longest(struct tensor *padding)
{
    struct tensor *mask = tensor_to(padding, DTYPE_b8), *flat;
    int64_t rows = padding->shape[0], length = padding->shape[1], most = 0;

    flat = mask ? tensor_contiguous(mask) : NULL;
    for (int64_t r = 0; flat && most >= 0 && r < rows; r++) {
        const bool *row = (const bool *)tensor_data(flat) + r * length;
        int64_t kept = 0;

        while (kept < length && !row[kept])
            kept++;
        if (kept > most)
            most = kept;
        for (int64_t i = kept; i < length; i++)
            if (!row[i])
                most = -1;
    }
    tensor_unref(mask);
    tensor_unref(flat);
    return flat ? most : -1;
}

/* x (N, L, E) cut to the length, with zeros where it is padded. Takes x over. */
static PyObject *without_padding(PyObject *x, struct tensor *padding, int64_t length)
{
    size_t mark = pool_open();
    struct tensor *mask = d_to(d_narrow(padding, 1, 0, length), DTYPE_b8);
    struct tensor *cut = D(masked_fill, V_TENSOR(d_narrow(tensor_of(x), 1, 0, length)),
                           V_TENSOR(d_unsqueeze(mask, 2)), V_TENSOR(d_number(scalar_float(0))));

    Py_SETREF(x, cut ? tensor_wrap(tensor_ref(cut)) : python_error());
    pool_close(mark);
    return x;
}

/* The length that the output is cut to, or -1 where all of it is computed; -2 with an exception. */
static int64_t cut_length(PyObject *self, PyObject *src, PyObject *mask, PyObject *padding)
{
    PyObject *layers, *zero, *first;
    int skips = transformer_flag(self, "enable_nested_tensor", NULL);

    if (skips <= 0 || !tensor_check(src) || !tensor_check(padding) || mask != Py_None ||
        tensor_of(src)->ndim != 3 || tensor_of(padding)->ndim != 2)
        return skips < 0 ? -2 : -1;
    layers = PyObject_GetAttrString(self, "layers");
    zero = layers ? PyLong_FromLong(0) : NULL;
    first = zero ? PyObject_GetItem(layers, zero) : NULL;
    skips = first ? PyObject_TypeCheck(first, encoder_layer_type) : -1;
    if (skips > 0)
        skips = layer_skips_padding(first);
    if (skips > 0) {
        skips = wants_grad(first, tensor_of(src));
        skips = skips < 0 ? -1 : !skips;
    }
    Py_XDECREF(layers);
    Py_XDECREF(zero);
    Py_XDECREF(first);
    if (skips <= 0)
        return skips < 0 ? -2 : -1;
    return longest(tensor_of(padding));
}

static PyObject *encoder_forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"src", "mask", "src_key_padding_mask"};
    static const struct binding binding = {"TransformerEncoder.forward", names, 3, 3, 1, 1};
    PyObject *v[] = {NULL, Py_None, Py_None}, *keywords, *x;
    int64_t cut;

    if (binding_read(&binding, args, kwargs, v) < 0 || encoder_check_padding(v[2]) < 0)
        return NULL;
    cut = cut_length(self, v[0], v[1], v[2]);
    keywords =
        cut == -2 ? NULL : Py_BuildValue("{sOsO}", "src_mask", v[1], "src_key_padding_mask", v[2]);
    x = keywords ? run_layers(self, Py_NewRef(v[0]), NULL, keywords) : NULL;
    Py_XDECREF(keywords);
    if (x && cut >= 0)
        x = without_padding(x, tensor_of(v[2]), cut);
    return run_norm(self, x);
}

/* ---- the types ---- */

static int add_type(PyObject *torch, const char *name, initproc init, PyMethodDef *methods,
                    const char *help)
{
    PyType_Slot slots[] = {
        {Py_tp_init, (void *)init}, {Py_tp_methods, methods}, {Py_tp_doc, (void *)help}, {0, NULL}};
    PyTypeObject *type;

    return module_add_class(torch, "transformer", name, slots, nn_module_type, &type);
}

int transformer_stacks_init(PyObject *torch)
{
    static PyMethodDef encoder[] = {
        {"forward", WITH_KEYWORDS(encoder_forward),
         "forward(src, mask=None, src_key_padding_mask=None): the output of the last layer."},
        {NULL, NULL, 0, NULL},
    };
    static PyMethodDef decoder[] = {
        {"forward", WITH_KEYWORDS(decoder_forward),
         "forward(tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None, "
         "memory_key_padding_mask=None): the output of the last layer."},
        {NULL, NULL, 0, NULL},
    };

    if (add_type(torch, "TransformerEncoder", encoder_init, encoder,
                 "TransformerEncoder(encoder_layer, num_layers, norm=None)\n--\n\nCopies of an "
                 "encoder layer, one after the other.") < 0)
        return -1;
    return add_type(torch, "TransformerDecoder", decoder_init, decoder,
                    "TransformerDecoder(decoder_layer, num_layers, norm=None)\n--\n\nCopies of a "
                    "decoder layer, one after the other.");
}
