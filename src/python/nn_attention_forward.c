/* F.multi_head_attention_forward: its arguments, checked in PyTorch's order and words. */
#include "python/nn_attention.h"

#include "autograd/attention.h"
#include "python/bind.h"
#include "python/errors.h"

#include <string.h>

enum { TEXT = 128 };

static bool assertion(bool holds, const char *format, ...)
{
    va_list args;

    if (holds)
        return true;
    va_start(args, format);
    PyErr_FormatV(PyExc_AssertionError, format, args);
    va_end(args);
    return false;
}

static const char *size_text(const struct tensor *t, int ndim, char *text)
{
    return shape_text(ndim, t->shape, text, TEXT);
}

/* ---- reading ---- */

/* A call under way. */
struct call {
    struct attention a;
    int64_t embed;
    int separate, need_weights;
    bool batched;
};

static bool read_tensor(PyObject *object, const char *name, struct tensor **t)
{
    *t = tensor_check(object) ? tensor_of(object) : NULL;
    if (*t || object == Py_None)
        return true;
    PyErr_Format(PyExc_TypeError,
                 "multi_head_attention_forward(): argument '%s' must be Tensor, not %s", name,
                 _PyType_Name(Py_TYPE(object)));
    return false;
}

static bool read_flags(PyObject *const *v, struct call *c)
{
    int add_zero = PyObject_IsTrue(v[ATTENTION_ADD_ZERO]);
    int training = PyObject_IsTrue(v[ATTENTION_TRAINING]);
    int average = PyObject_IsTrue(v[ATTENTION_AVERAGE]);

    c->separate = PyObject_IsTrue(v[ATTENTION_SEPARATE]);
    c->need_weights = PyObject_IsTrue(v[ATTENTION_NEED_WEIGHTS]);
    c->embed = PyLong_AsLongLong(v[ATTENTION_EMBED_DIM]);
    c->a.heads = PyLong_AsLongLong(v[ATTENTION_NUM_HEADS]);
    c->a.dropout = PyFloat_AsDouble(v[ATTENTION_DROPOUT]);
    if (!training)
        c->a.dropout = 0;
    c->a.add_zero = add_zero;
    c->a.average = average;
    return !PyErr_Occurred();
}

static bool read_tensors(PyObject *const *v, struct call *c)
{
    struct attention *a = &c->a;
    const struct {
        enum attention_argument at;
        const char *name;
        struct tensor **to;
    } places[] = {
        {ATTENTION_QUERY, "query", &a->query},
        {ATTENTION_KEY, "key", &a->key},
        {ATTENTION_VALUE, "value", &a->value},
        {ATTENTION_IN_WEIGHT, "in_proj_weight", &a->in_weight},
        {ATTENTION_IN_BIAS, "in_proj_bias", &a->in_bias},
        {ATTENTION_BIAS_K, "bias_k", &a->bias_k},
        {ATTENTION_BIAS_V, "bias_v", &a->bias_v},
        {ATTENTION_OUT_WEIGHT, "out_proj_weight", &a->out_weight},
        {ATTENTION_OUT_BIAS, "out_proj_bias", &a->out_bias},
        {ATTENTION_PADDING, "key_padding_mask", &a->padding},
        {ATTENTION_MASK, "attn_mask", &a->mask},
        {ATTENTION_Q_WEIGHT, "q_proj_weight", &a->weights[0]},
        {ATTENTION_K_WEIGHT, "k_proj_weight", &a->weights[1]},
        {ATTENTION_V_WEIGHT, "v_proj_weight", &a->weights[2]},
        {ATTENTION_STATIC_K, "static_k", &a->static_k},
        {ATTENTION_STATIC_V, "static_v", &a->static_v},
    };

    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (!read_tensor(v[places[i].at], places[i].name, places[i].to))
            return false;
    return assertion(a->query && a->key && a->value && a->out_weight,
                     "query, key, value and out_proj_weight must be tensors");
}

/* ---- checks ---- */

static bool check_unbatched_mask(const struct call *c)
{
    const struct tensor *mask = c->a.mask;
    int64_t wanted[] = {c->a.heads, c->a.query->shape[0], c->a.key->shape[0]};
    char text[TEXT];

    if (!mask || mask->ndim != 3)
        return true;
    return assertion(memcmp(mask->shape, wanted, sizeof(wanted)) == 0,
                     "Expected `attn_mask` shape to be (%lld, %lld, %lld) but got torch.Size(%s)",
                     (long long)wanted[0], (long long)wanted[1], (long long)wanted[2],
                     size_text(mask, 3, text));
}

static bool check_dims(struct call *c)
{
    const struct attention *a = &c->a;
    int dims = a->query->ndim;
    const char *kind = dims == 3 ? "batched (3-D)" : "unbatched (2-D)";

    c->batched = dims == 3;
    return assertion(dims == 2 || dims == 3,
                     "query should be unbatched 2D or batched 3D tensor but received %d-D query "
                     "tensor",
                     dims) &&
           assertion(a->key->ndim == dims && a->value->ndim == dims,
                     "For %s `query`, expected `key` and `value` to be %d-D but found %d-D and "
                     "%d-D tensors respectively",
                     kind, dims, a->key->ndim, a->value->ndim) &&
           assertion(!a->padding || a->padding->ndim == dims - 1,
                     "For %s `query`, expected `key_padding_mask` to be `None` or %d-D but found "
                     "%d-D tensor instead",
                     kind, dims - 1, a->padding ? a->padding->ndim : 0) &&
           assertion(!a->mask || a->mask->ndim == 2 || a->mask->ndim == 3,
                     "For %s `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found %d-D "
                     "tensor instead",
                     kind, a->mask ? a->mask->ndim : 0) &&
           (c->batched || check_unbatched_mask(c));
}

/* The sizes of query, key and value, all with a batch now. */
static bool check_sizes(const struct call *c)
{
    const struct attention *a = &c->a;
    int64_t embed = a->query->shape[2];
    int same = c->separate ? 2 : 3;
    char text[2][TEXT];

    if (!assertion(!a->padding || a->padding->dtype == DTYPE_b8 ||
                       dtype_is_float(tensor_dtype(a->padding)),
                   "only bool and floating types of key_padding_mask are supported") ||
        !assertion(embed == c->embed, "was expecting embedding dimension of %lld, but got %lld",
                   (long long)c->embed, (long long)embed) ||
        !assertion(a->heads > 0 && embed % a->heads == 0,
                   "embed_dim %lld not divisible by num_heads %lld", (long long)embed,
                   (long long)a->heads))
        return false;
    if (!assertion(memcmp(a->key->shape, a->value->shape, (size_t)same * sizeof(int64_t)) == 0,
                   c->separate
                       ? "key's sequence and batch dims torch.Size(%s) do not match "
                         "value's torch.Size(%s)"
                       : "key shape torch.Size(%s) does not match value shape torch.Size(%s)",
                   size_text(a->key, same, text[0]), size_text(a->value, same, text[1])))
        return false;
    if (!c->separate)
        return assertion(a->in_weight != NULL,
                         "use_separate_proj_weight is False but in_proj_weight is None");
    for (int i = 0; i < 3; i++)
        if (!assertion(a->weights[i] != NULL,
                       "use_separate_proj_weight is True but %c_proj_weight is None", "qkv"[i]))
            return false;
    return true;
}

static bool check_mask(struct call *c)
{
    struct attention *a = &c->a;
    int64_t want[] = {a->query->shape[1] * a->heads, a->query->shape[0], a->key->shape[0]};
    char text[TEXT], tuple[TEXT];

    if (!a->mask)
        return true;
    if (a->mask->dtype == DTYPE_u8) {
        if (PyErr_WarnEx(PyExc_UserWarning,
                         "Byte tensor for attn_mask in nn.MultiheadAttention is deprecated. Use "
                         "bool tensor instead.",
                         1) < 0)
            return false;
        a->mask = d_to(a->mask, DTYPE_b8);
        if (!a->mask)
            return false;
    }
    if (!assertion(a->mask->dtype == DTYPE_b8 || dtype_is_float(tensor_dtype(a->mask)),
                   "Only float, byte, and bool types are supported for attn_mask, not torch.%s",
                   dtype_infos[a->mask->dtype].name))
        return false;
    if (memcmp(a->mask->shape, want + 3 - a->mask->ndim, (size_t)a->mask->ndim * sizeof(*want)) ==
        0)
        return true;
    if (a->mask->ndim == 2)
        snprintf(tuple, sizeof(tuple), "(%lld, %lld)", (long long)want[1], (long long)want[2]);
    else
        snprintf(tuple, sizeof(tuple), "(%lld, %lld, %lld)", (long long)want[0], (long long)want[1],
                 (long long)want[2]);
    PyErr_Format(PyExc_RuntimeError,
                 "The shape of the %dD attn_mask is torch.Size(%s), but should be %s.",
                 a->mask->ndim, size_text(a->mask, a->mask->ndim, text), tuple);
    return false;
}

static bool check_extras(const struct call *c)
{
    const struct attention *a = &c->a;
    int64_t batch = a->query->shape[1], heads = batch * a->heads, part = c->embed / a->heads;
    int64_t keys = a->static_k ? a->static_k->shape[1] : a->key->shape[0];
    char text[TEXT];

    if (!assertion(!a->bias_k == !a->bias_v, "bias_k and bias_v go together"))
        return false;
    for (int i = 0; i < 2; i++) {
        const struct tensor *t = i ? a->static_v : a->static_k;
        char name = i ? 'v' : 'k';

        if (!t)
            continue;
        if (!assertion(!a->bias_k, "bias cannot be added to static %s.", i ? "value" : "key") ||
            !assertion(t->ndim == 3 && t->shape[0] == heads,
                       "expecting static_%c.size(0) of %lld, but got %lld", name, (long long)heads,
                       (long long)t->shape[0]) ||
            !assertion(t->shape[2] == part, "expecting static_%c.size(2) of %lld, but got %lld",
                       name, (long long)part, (long long)t->shape[2]))
            return false;
    }
    return !a->padding ||
           assertion(a->padding->shape[0] == batch && a->padding->shape[1] == keys,
                     "expecting key_padding_mask shape of (%lld, %lld), but got torch.Size(%s)",
                     (long long)batch, (long long)keys, size_text(a->padding, 2, text));
}

/* ---- running ---- */

/* Changes query, key and value, of which equal ones stay equal: that spares products. */
static bool each_input(struct attention *a, struct tensor *(*change)(struct tensor *))
{
    struct tensor *query = a->query, *key = a->key;

    a->query = change(query);
    a->key = key == query ? a->query : change(key);
    a->value = a->value == key ? a->key : change(a->value);
    return a->query && a->key && a->value;
}

static struct tensor *turned(struct tensor *x)
{
    return d_transpose(x, 1, 0);
}

static struct tensor *as_batch(struct tensor *x)
{
    return d_unsqueeze(x, 1);
}

static bool prepare(struct call *c, bool batch_first)
{
    struct attention *a = &c->a;

    if (!check_dims(c))
        return false;
    if (!c->batched && a->padding)
        a->padding = d_unsqueeze(a->padding, 0);
    if (!c->batched && !each_input(a, as_batch))
        return false;
    if (c->batched && batch_first && !each_input(a, turned))
        return false;
    if (!check_sizes(c) || !check_mask(c) || !check_extras(c))
        return false;
    a->size = c->embed;
    if (c->separate)
        a->in_weight = NULL;
    return true;
}

PyObject *attention_run(PyObject *const *v, bool batch_first)
{
    struct call c = {.embed = 0};
    struct tensor *output, *weights = NULL;
    PyObject *result = NULL;
    size_t mark = pool_open();

    if (!read_flags(v, &c) || !read_tensors(v, &c) || !prepare(&c, batch_first))
        goto done;
    output = d_attention(&c.a, c.need_weights ? &weights : NULL);
    if (output && c.batched && batch_first)
        output = d_transpose(output, 1, 0);
    else if (output && !c.batched)
        output = D(squeeze__dim, V_TENSOR(output), V_INT(1));
    if (weights && !c.batched)
        weights = D(squeeze__dim, V_TENSOR(weights), V_INT(0));
    if (output && (weights || !c.need_weights))
        result = Py_BuildValue("(NN)", tensor_object(output), tensor_object(weights));
done:
    if (!result)
        python_error();
    pool_close(mark);
    return result;
}

PyObject *attention_function(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static const char *const names[ATTENTION_ARGUMENTS] = {"query",
                                                           "key",
                                                           "value",
                                                           "embed_dim_to_check",
                                                           "num_heads",
                                                           "in_proj_weight",
                                                           "in_proj_bias",
                                                           "bias_k",
                                                           "bias_v",
                                                           "add_zero_attn",
                                                           "dropout_p",
                                                           "out_proj_weight",
                                                           "out_proj_bias",
                                                           "training",
                                                           "key_padding_mask",
                                                           "need_weights",
                                                           "attn_mask",
                                                           "use_separate_proj_weight",
                                                           "q_proj_weight",
                                                           "k_proj_weight",
                                                           "v_proj_weight",
                                                           "static_k",
                                                           "static_v",
                                                           "average_attn_weights"};
    static const struct binding binding = {"multi_head_attention_forward",
                                           names,
                                           ATTENTION_ARGUMENTS,
                                           ATTENTION_ARGUMENTS,
                                           ATTENTION_TRAINING,
                                           0};
    PyObject *v[ATTENTION_ARGUMENTS];

    for (int i = 0; i < ATTENTION_ARGUMENTS; i++)
        v[i] = Py_None;
    v[ATTENTION_TRAINING] = v[ATTENTION_NEED_WEIGHTS] = v[ATTENTION_AVERAGE] = Py_True;
    v[ATTENTION_SEPARATE] = Py_False;
    return binding_read(&binding, args, kwargs, v) < 0 ? NULL : attention_run(v, false);
}
