/* nn.MultiheadAttention: its parameters and its call. */
#include "python/nn_attention.h"

#include "nn/init.h"
#include "python/args.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/module.h"

static PyTypeObject *linear_type; /* NonDynamicallyQuantizableLinear */

/* ---- construction ---- */

enum { EMBED, HEADS, DROPOUT, BIAS, BIAS_KV, ZERO, KDIM, VDIM, BATCH_FIRST, DEVICE, DTYPE, COUNT };

/* Registers a new parameter, not yet filled, or None when ndim is 0. 0 or -1. */
static int add_parameter(PyObject *self, const char *name, enum dtype dtype, int ndim,
                         const int64_t *shape)
{
    PyObject *key = PyUnicode_InternFromString(name), *tensor = NULL, *parameter = NULL;
    int status = -1;

    if (key && ndim)
        tensor = tensor_wrap(tensor_new(dtype, ndim, shape));
    if (tensor)
        parameter = PyObject_CallOneArg((PyObject *)parameter_type, tensor);
    else if (key && !ndim)
        parameter = Py_NewRef(Py_None);
    if (parameter)
        status = module_register_parameter(self, key, parameter);
    Py_XDECREF(key);
    Py_XDECREF(tensor);
    Py_XDECREF(parameter);
    return status;
}

static int add_projections(PyObject *self, enum dtype dtype, int64_t embed, int64_t kdim,
                           int64_t vdim, bool bias)
{
    bool same = kdim == embed && vdim == embed;
    const int64_t packed[] = {3 * embed, embed}, q[] = {embed, embed}, k[] = {embed, kdim},
                  v[] = {embed, vdim};

    /* In the order in which PyTorch registers them: state_dict() shows it. */
    if (same && add_parameter(self, "in_proj_weight", dtype, 2, packed) < 0)
        return -1;
    if (add_parameter(self, "q_proj_weight", dtype, same ? 0 : 2, q) < 0 ||
        add_parameter(self, "k_proj_weight", dtype, same ? 0 : 2, k) < 0 ||
        add_parameter(self, "v_proj_weight", dtype, same ? 0 : 2, v) < 0)
        return -1;
    if (!same && add_parameter(self, "in_proj_weight", dtype, 0, NULL) < 0)
        return -1;
    return add_parameter(self, "in_proj_bias", dtype, bias, packed);
}

static int add_output(PyObject *self, PyObject *const *v)
{
    PyObject *name = PyUnicode_InternFromString("out_proj");
    PyObject *linear = PyObject_CallFunction((PyObject *)linear_type, "OOOOO", v[EMBED], v[EMBED],
                                             v[BIAS], v[DEVICE], v[DTYPE]);
    int status = name && linear ? module_add(self, name, linear) : -1;

    Py_XDECREF(name);
    Py_XDECREF(linear);
    return status;
}

static int add_key_biases(PyObject *self, enum dtype dtype, int64_t embed, bool wanted)
{
    const int64_t shape[] = {1, 1, embed};

    if (!wanted)
        return PyObject_SetAttrString(self, "bias_k", Py_None) < 0
                   ? -1
                   : PyObject_SetAttrString(self, "bias_v", Py_None);
    if (add_parameter(self, "bias_k", dtype, 3, shape) < 0)
        return -1;
    return add_parameter(self, "bias_v", dtype, 3, shape);
}

static int fill_zeros(struct tensor *t, double gain)
{
    (void)gain;
    return nn_constant(t, 0);
}

/* Fills the attribute, if it is a tensor. */
static int fill(PyObject *owner, const char *name, int (*rule)(struct tensor *, double))
{
    PyObject *object = owner ? PyObject_GetAttrString(owner, name) : NULL;
    int status = object ? 0 : -1;

    if (object && tensor_check(object) && rule(tensor_of(object), 1) < 0) {
        python_error();
        status = -1;
    }
    Py_XDECREF(object);
    return status;
}

static int fill_all(PyObject *self)
{
    PyObject *output = PyObject_GetAttrString(self, "out_proj");
    int status = -1;

    if (fill(self, "in_proj_weight", nn_xavier_uniform) == 0 &&
        fill(self, "q_proj_weight", nn_xavier_uniform) == 0 &&
        fill(self, "k_proj_weight", nn_xavier_uniform) == 0 &&
        fill(self, "v_proj_weight", nn_xavier_uniform) == 0 &&
        fill(self, "in_proj_bias", fill_zeros) == 0 && fill(output, "bias", fill_zeros) == 0 &&
        fill(self, "bias_k", nn_xavier_normal) == 0)
        status = fill(self, "bias_v", nn_xavier_normal);
    Py_XDECREF(output);
    return status;
}

static int set_attributes(PyObject *self, PyObject *const *v, bool same, int64_t head_dim)
{
    const struct {
        const char *name;
        PyObject *value;
    } plain[] = {
        {"embed_dim", v[EMBED]},
        {"kdim", v[KDIM] == Py_None ? v[EMBED] : v[KDIM]},
        {"vdim", v[VDIM] == Py_None ? v[EMBED] : v[VDIM]},
        {"_qkv_same_embed_dim", same ? Py_True : Py_False},
        {"num_heads", v[HEADS]},
        {"dropout", v[DROPOUT]},
        {"batch_first", v[BATCH_FIRST]},
        {"add_zero_attn", v[ZERO]},
    };
    PyObject *size = PyLong_FromLongLong(head_dim);
    int status = size ? PyObject_SetAttrString(self, "head_dim", size) : -1;

    for (size_t i = 0; status == 0 && i < sizeof(plain) / sizeof(*plain); i++)
        status = PyObject_SetAttrString(self, plain[i].name, plain[i].value);
    Py_XDECREF(size);
    return status;
}

static int make_attention(PyObject *self, PyObject *const *v)
{
    long long embed = PyLong_AsLongLong(v[EMBED]), heads = PyLong_AsLongLong(v[HEADS]);
    long long kdim = v[KDIM] == Py_None ? embed : PyLong_AsLongLong(v[KDIM]);
    long long vdim = v[VDIM] == Py_None ? embed : PyLong_AsLongLong(v[VDIM]);
    int bias = PyObject_IsTrue(v[BIAS]), more = PyObject_IsTrue(v[BIAS_KV]);
    enum dtype dtype = dtype_default();

    if (PyErr_Occurred() || (v[DTYPE] != Py_None && !dtype_from_python(v[DTYPE], &dtype)))
        return -1;
    if (heads == 0) {
        PyErr_SetString(PyExc_ZeroDivisionError, "integer division or modulo by zero");
        return -1;
    }
    if (embed % heads) {
        PyErr_SetString(PyExc_AssertionError, "embed_dim must be divisible by num_heads");
        return -1;
    }
    if (module_setup(self) < 0 ||
        set_attributes(self, v, kdim == embed && vdim == embed, embed / heads) < 0 ||
        add_projections(self, dtype, embed, kdim, vdim, bias) < 0 || add_output(self, v) < 0 ||
        add_key_biases(self, dtype, embed, more) < 0)
        return -1;
    return fill_all(self);
}

static int attention_new(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"embed_dim",   "num_heads",     "dropout", "bias",
                                        "add_bias_kv", "add_zero_attn", "kdim",    "vdim",
                                        "batch_first", "device",        "dtype"};
    static const struct binding binding = {
        "MultiheadAttention.__init__", names, COUNT, COUNT, 2, 1};
    PyObject *zero = PyFloat_FromDouble(0);
    PyObject *v[COUNT] = {NULL,    NULL,    zero,     Py_True, Py_False, Py_False,
                          Py_None, Py_None, Py_False, Py_None, Py_None};
    int status = -1;

    if (zero && binding_read(&binding, args, kwargs, v) == 0)
        status = make_attention(self, v);
    Py_XDECREF(zero);
    return status;
}

static PyObject *reset_parameters(PyObject *self, PyObject *Py_UNUSED(none))
{
    return fill_all(self) < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- the call ---- */

/* The attributes that the function takes, as new references in v. 0 or -1. */
static int read_attributes(PyObject *self, PyObject **v, PyObject **held)
{
    static const struct {
        enum attention_argument at;
        const char *name;
    } attributes[] = {
        {ATTENTION_EMBED_DIM, "embed_dim"},
        {ATTENTION_NUM_HEADS, "num_heads"},
        {ATTENTION_IN_WEIGHT, "in_proj_weight"},
        {ATTENTION_IN_BIAS, "in_proj_bias"},
        {ATTENTION_BIAS_K, "bias_k"},
        {ATTENTION_BIAS_V, "bias_v"},
        {ATTENTION_ADD_ZERO, "add_zero_attn"},
        {ATTENTION_DROPOUT, "dropout"},
        {ATTENTION_TRAINING, "training"},
        {ATTENTION_Q_WEIGHT, "q_proj_weight"},
        {ATTENTION_K_WEIGHT, "k_proj_weight"},
        {ATTENTION_V_WEIGHT, "v_proj_weight"},
    };
    PyObject *output = PyObject_GetAttrString(self, "out_proj");

    for (size_t i = 0; output && i < sizeof(attributes) / sizeof(*attributes); i++) {
        enum attention_argument at = attributes[i].at;

        v[at] = held[at] = PyObject_GetAttrString(self, attributes[i].name);
        if (!v[at])
            Py_CLEAR(output);
    }
    if (!output)
        return -1;
    v[ATTENTION_OUT_WEIGHT] = held[ATTENTION_OUT_WEIGHT] = PyObject_GetAttrString(output, "weight");
    v[ATTENTION_OUT_BIAS] = held[ATTENTION_OUT_BIAS] = PyObject_GetAttrString(output, "bias");
    Py_DECREF(output);
    return v[ATTENTION_OUT_WEIGHT] && v[ATTENTION_OUT_BIAS] ? 0 : -1;
}

static PyObject *forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"query",
                                        "key",
                                        "value",
                                        "key_padding_mask",
                                        "need_weights",
                                        "attn_mask",
                                        "average_attn_weights"};
    static const struct binding binding = {"MultiheadAttention.forward", names, 7, 7, 3, 1};
    PyObject *given[] = {NULL, NULL, NULL, Py_None, Py_True, Py_None, Py_True};
    PyObject *v[ATTENTION_ARGUMENTS], *held[ATTENTION_ARGUMENTS] = {NULL};
    PyObject *batch_first, *result = NULL;
    int first;

    if (binding_read(&binding, args, kwargs, given) < 0)
        return NULL;
    batch_first = PyObject_GetAttrString(self, "batch_first");
    first = batch_first ? PyObject_IsTrue(batch_first) : -1;
    Py_XDECREF(batch_first);
    for (int i = 0; i < ATTENTION_ARGUMENTS; i++)
        v[i] = i <= ATTENTION_VALUE ? given[i] : Py_None;
    v[ATTENTION_PADDING] = given[3];
    v[ATTENTION_NEED_WEIGHTS] = given[4];
    v[ATTENTION_MASK] = given[5];
    v[ATTENTION_AVERAGE] = given[6];
    if (first >= 0 && read_attributes(self, v, held) == 0) {
        v[ATTENTION_SEPARATE] = v[ATTENTION_IN_WEIGHT] == Py_None ? Py_True : Py_False;
        result = attention_run(v, first);
    }
    for (int i = 0; i < ATTENTION_ARGUMENTS; i++)
        Py_XDECREF(held[i]);
    return result;
}

/* ---- the types ---- */

static int add_type(PyObject *torch, const char *file, const char *name, PyType_Slot *slots,
                    PyObject *base, PyTypeObject **type)
{
    char path[80];
    PyType_Spec spec = {path, sizeof(ModuleObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
                        slots};
    PyObject *home, *bases = base ? PyTuple_Pack(1, base) : NULL;
    int status = -1;

    snprintf(path, sizeof(path), "nn.modules.%s", file);
    home = bases ? submodule(torch, path) : NULL;
    snprintf(path, sizeof(path), "torch.nn.modules.%s.%s", file, name);
    if (home)
        status = module_add_type(home, &spec, bases, type);
    Py_XDECREF(bases);
    return status;
}

int attention_init(PyObject *torch)
{
    static PyMethodDef functions[] = {
        {"multi_head_attention_forward", WITH_KEYWORDS(attention_function),
         "Attention of several heads: what nn.MultiheadAttention computes."},
        {NULL, NULL, 0, NULL},
    };
    static PyMethodDef methods[] = {
        {"forward", WITH_KEYWORDS(forward),
         "forward(query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None, "
         "average_attn_weights=True): the output and the weights of the keys."},
        {"_reset_parameters", reset_parameters, METH_NOARGS, "Draws the parameters anew."},
        {NULL, NULL, 0, NULL},
    };
    PyType_Slot linear[] = {{Py_tp_doc, "Linear, as MultiheadAttention has it."}, {0, NULL}};
    PyType_Slot attention[] = {
        {Py_tp_doc, "MultiheadAttention(embed_dim, num_heads, dropout=0.0, bias=True, "
                    "add_bias_kv=False, add_zero_attn=False, kdim=None, vdim=None, "
                    "batch_first=False)\n--\n\nAttention of several heads over (L, N, C)."},
        {Py_tp_init, attention_new},
        {Py_tp_methods, methods},
        {0, NULL},
    };
    PyObject *nn = submodule(torch, "nn"), *functional = submodule(torch, "nn.functional");
    PyObject *base = nn ? PyObject_GetAttrString(nn, "Linear") : NULL;
    PyTypeObject *type;
    int status = -1;

    if (base && functional && PyModule_AddFunctions(functional, functions) == 0 &&
        add_type(torch, "linear", "NonDynamicallyQuantizableLinear", linear, base, &linear_type) ==
            0 &&
        add_type(torch, "activation", "MultiheadAttention", attention, (PyObject *)nn_module_type,
                 &type) == 0)
        status = module_publish(torch, "MultiheadAttention", type);
    Py_XDECREF(base);
    return status;
}
