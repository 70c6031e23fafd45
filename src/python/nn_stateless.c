/*
 * Modules with other tensors than their own: torch.nn.utils.stateless, torch.nn.utils.fusion,
 * skip_init; and torch.utils.checkpoint.
 */
#include "python/nn_module.h"

#include "python/bind.h"
#include "python/law_formula.h"
#include "python/module.h"
#include "tensor/random.h"

/* ---- functional_call() ---- */

/* The module that a list of names, but for the last, leads to. A new reference. */
static PyObject *home_of(PyObject *module, PyObject *parts)
{
    module = Py_NewRef(module);
    for (Py_ssize_t i = 0; module && i + 1 < PyList_GET_SIZE(parts); i++)
        Py_SETREF(module, PyObject_GetAttr(module, PyList_GET_ITEM(parts, i)));
    if (module && !module_check(module)) {
        PyErr_Format(PyExc_TypeError, "'%s' is no Module", _PyType_Name(Py_TYPE(module)));
        Py_CLEAR(module);
    }
    return module;
}

/* The dict that holds the tensor of a dotted name, and its last part: new references. 0 or -1. */
static int place_of(PyObject *module, PyObject *path, PyObject **dict, PyObject **name)
{
    PyObject *dot = PyUnicode_FromString("."), *parts, *home, *part = NULL;

    parts = dot ? PyUnicode_Split(path, dot, -1) : NULL;
    home = parts ? home_of(module, parts) : NULL;
    if (home) {
        *name = Py_NewRef(PyList_GET_ITEM(parts, PyList_GET_SIZE(parts) - 1));
        part = module_part(home, nn_names._buffers);
        if (part && PyDict_Contains(part, *name) != 1)
            part = module_part(home, nn_names._parameters);
        *dict = Py_XNewRef(part);
    }
    Py_XDECREF(dot);
    Py_XDECREF(parts);
    Py_XDECREF(home);
    return part ? 0 : -1;
}

/* Puts the tensor of a name into the module; [dict, name, what was there or None] goes to the list
 * of what to put back. */
static int swap_in(PyObject *module, PyObject *path, PyObject *tensor, PyObject *before)
{
    PyObject *dict = NULL, *name = NULL, *entry = NULL, *old;
    int status = place_of(module, path, &dict, &name);

    if (status == 0) {
        old = PyDict_GetItem(dict, name);
        entry = PyTuple_Pack(3, dict, name, old ? old : Py_None);
        status = entry ? PyList_Append(before, entry) : -1;
    }
    if (status == 0)
        status = PyObject_SetItem(dict, name, tensor);
    Py_XDECREF(dict);
    Py_XDECREF(name);
    Py_XDECREF(entry);
    return status;
}

/* The module's own tensors again, whatever has happened. */
static void put_back(PyObject *before)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    for (Py_ssize_t i = PyList_GET_SIZE(before); i-- > 0;) {
        PyObject *entry = PyList_GET_ITEM(before, i), *old = PyTuple_GET_ITEM(entry, 2);

        if ((old == Py_None
                 ? PyObject_DelItem(PyTuple_GET_ITEM(entry, 0), PyTuple_GET_ITEM(entry, 1))
                 : PyObject_SetItem(PyTuple_GET_ITEM(entry, 0), PyTuple_GET_ITEM(entry, 1), old)) <
            0)
            PyErr_Clear();
    }
    PyErr_Restore(type, value, traceback);
}

static PyObject *functional_call(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"module", "parameters_and_buffers", "args", "kwargs"};
    static const struct binding binding = {"functional_call", names, 4, 4, 3, 0};
    PyObject *v[4] = {NULL, NULL, NULL, Py_None}, *before, *inputs, *name, *tensor, *result = NULL;
    Py_ssize_t at = 0;
    int status = 0;

    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    if (!module_check(v[0]) || !PyDict_Check(v[1])) {
        PyErr_SetString(PyExc_TypeError, "functional_call() takes a module and a dict of tensors");
        return NULL;
    }
    before = PyList_New(0);
    inputs = PyTuple_Check(v[2]) ? Py_NewRef(v[2]) : PyTuple_Pack(1, v[2]);
    while (before && status == 0 && PyDict_Next(v[1], &at, &name, &tensor))
        status = swap_in(v[0], name, tensor, before);
    if (before && inputs && status == 0)
        result = PyObject_Call(v[0], inputs, v[3] == Py_None ? NULL : v[3]);
    if (before)
        put_back(before);
    Py_XDECREF(before);
    Py_XDECREF(inputs);
    return result;
}

/* ---- skip_init() ---- */

/* The module made as ever: its values are there, but no random numbers have been used for them. */
static PyObject *skip_init(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    PyObject *class = PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : Py_None, *rest, *made;
    struct generator before = *generator_default();

    if (!PyType_Check(class) || !PyType_IsSubtype((PyTypeObject *)class, nn_module_type))
        return PyErr_Format(PyExc_RuntimeError, "Expected a Module; got %S", class);
    rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    made = rest ? PyObject_Call(class, rest, kwargs) : NULL;
    *generator_default() = before;
    Py_XDECREF(rest);
    return made;
}

/* ---- fusion: a layer and the batch normalisation after it as one ---- */

static PyObject *fused_pair(PyObject *locals, const char *weight, const char *bias)
{
    PyObject *w = formula_value(weight, NULL, locals), *b = NULL, *pair = NULL;

    b = w ? formula_value(bias, NULL, locals) : NULL;
    if (b)
        pair = Py_BuildValue("NN", PyObject_CallOneArg((PyObject *)parameter_type, w),
                             PyObject_CallOneArg((PyObject *)parameter_type, b));
    Py_XDECREF(w);
    Py_XDECREF(b);
    return pair;
}

/* NULL entries of a dict become what a formula says. */
static int fill_missing(PyObject *locals, const char *name, const char *formula)
{
    PyObject *value;
    int status;

    if (PyDict_GetItemString(locals, name) != Py_None)
        return 0;
    value = formula_value(formula, NULL, locals);
    status = value ? PyDict_SetItemString(locals, name, value) : -1;
    Py_XDECREF(value);
    return status;
}

static const char *const fusion_names[] = {"w",   "b",    "mean", "var",
                                           "eps", "bn_w", "bn_b", "transpose"};

/* Weights and bias of both in the order of fusion_names. */
static PyObject *fuse(PyObject *const *v, bool linear)
{
    PyObject *locals = PyDict_New(), *pair = NULL;
    int status = locals ? 0 : -1;

    for (int i = 0; status == 0 && i < (linear ? 7 : 8); i++)
        status = PyDict_SetItemString(locals, fusion_names[i], v[i]);
    if (status < 0 || fill_missing(locals, "b", "zeros_like(mean)") < 0 ||
        fill_missing(locals, "bn_w", "ones_like(mean)") < 0 ||
        fill_missing(locals, "bn_b", "zeros_like(mean)") < 0)
        Py_CLEAR(locals);
    if (locals && linear)
        pair = fused_pair(locals, "scale = bn_w * rsqrt(var + eps); w * scale.unsqueeze(-1)",
                          "(b - mean) * scale + bn_b");
    else if (locals)
        pair = fused_pair(locals,
                          PyObject_IsTrue(v[7])
                              ? "r = rsqrt(var + eps);"
                                "w * (bn_w * r).reshape([1, -1] + [1] * (w.dim() - 2))"
                              : "r = rsqrt(var + eps);"
                                "w * (bn_w * r).reshape([-1, 1] + [1] * (w.dim() - 2))",
                          "(b - mean) * r * bn_w + bn_b");
    Py_XDECREF(locals);
    return pair;
}

static PyObject *fuse_weights(PyObject *args, PyObject *kwargs, bool linear)
{
    static const char *const names[][8] = {
        {"conv_w", "conv_b", "bn_rm", "bn_rv", "bn_eps", "bn_w", "bn_b", "transpose"},
        {"linear_w", "linear_b", "bn_rm", "bn_rv", "bn_eps", "bn_w", "bn_b", NULL}};
    int count = linear ? 7 : 8;
    struct binding binding = {linear ? "fuse_linear_bn_weights" : "fuse_conv_bn_weights",
                              names[linear],
                              count,
                              count,
                              7,
                              0};
    PyObject *v[8] = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, Py_False};

    return binding_read(&binding, args, kwargs, v) < 0 ? NULL : fuse(v, linear);
}

static PyObject *fuse_conv_bn_weights(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    return fuse_weights(args, kwargs, false);
}

static PyObject *fuse_linear_bn_weights(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    return fuse_weights(args, kwargs, true);
}

static int in_training(PyObject *module)
{
    PyObject *training = PyObject_GetAttr(module, nn_names.training);
    int is = training ? PyObject_IsTrue(training) : -1;

    Py_XDECREF(training);
    return is;
}

/* A copy of the layer with the weights of both. */
static PyObject *fuse_modules(PyObject *layer, PyObject *norm, PyObject *transpose, bool linear)
{
    static const char *const attributes[] = {"weight", "bias",   "running_mean", "running_var",
                                             "eps",    "weight", "bias"};
    PyObject *v[8] = {NULL}, *copy = NULL, *module = NULL, *pair = NULL;
    int first = in_training(layer), second = first == 0 ? in_training(norm) : first;
    bool ready = second == 0;

    if (second > 0)
        PyErr_SetString(PyExc_AssertionError, "Fusion only for eval!");
    for (int i = 0; ready && i < 7; i++)
        ready = (v[i] = PyObject_GetAttrString(i < 2 ? layer : norm, attributes[i]));
    v[7] = Py_NewRef(transpose);
    module = ready ? PyImport_ImportModule("copy") : NULL;
    pair = module ? fuse(v, linear) : NULL;
    copy = pair ? PyObject_CallMethod(module, "deepcopy", "O", layer) : NULL;
    if (copy && (PyObject_SetAttrString(copy, "weight", PyTuple_GET_ITEM(pair, 0)) < 0 ||
                 PyObject_SetAttrString(copy, "bias", PyTuple_GET_ITEM(pair, 1)) < 0))
        Py_CLEAR(copy);
    for (int i = 0; i < 8; i++)
        Py_XDECREF(v[i]);
    Py_XDECREF(module);
    Py_XDECREF(pair);
    return copy;
}

static PyObject *fuse_conv_bn_eval(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"conv", "bn", "transpose"};
    static const struct binding binding = {"fuse_conv_bn_eval", names, 3, 3, 2, 0};
    PyObject *v[3] = {NULL, NULL, Py_False};

    return binding_read(&binding, args, kwargs, v) < 0 ? NULL
                                                       : fuse_modules(v[0], v[1], v[2], false);
}

static PyObject *fuse_linear_bn_eval(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"linear", "bn"};
    static const struct binding binding = {"fuse_linear_bn_eval", names, 2, 2, 2, 0};
    PyObject *v[2];

    return binding_read(&binding, args, kwargs, v) < 0 ? NULL
                                                       : fuse_modules(v[0], v[1], Py_False, true);
}

/* ---- checkpoint(): nothing is forgotten, so nothing is computed again ---- */

/* Whether a result of the function will have gradients as PyTorch's: its re-entrant form needs an
 * input that requires one. */
static int wants_gradient(PyObject *args)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++)
        if (tensor_check(PyTuple_GET_ITEM(args, i)) &&
            tensor_of(PyTuple_GET_ITEM(args, i))->requires_grad)
            return 1;
    return PyErr_WarnEx(PyExc_UserWarning,
                        "None of the inputs have requires_grad=True. Gradients will be None", 1) < 0
               ? -1
               : 0;
}

/* Takes an option out of the keywords: its truth, `fallback` when it is not there, or -1. */
static int take_option(PyObject *keywords, const char *name, int fallback)
{
    PyObject *value = PyDict_GetItemString(keywords, name);
    int truth = value ? PyObject_IsTrue(value) : fallback;

    return value && PyDict_DelItemString(keywords, name) < 0 ? -1 : truth;
}

static PyObject *run_checkpoint(PyObject *function, PyObject *args, PyObject *keywords)
{
    int reentrant = take_option(keywords, "use_reentrant", 1), wants = 1;
    bool recording = grad_enabled();
    PyObject *name, *result;
    Py_ssize_t at = 0;

    if (reentrant < 0 || take_option(keywords, "preserve_rng_state", 1) < 0)
        return NULL;
    if (reentrant && PyDict_Next(keywords, &at, &name, NULL))
        return PyErr_Format(PyExc_ValueError, "Unexpected keyword arguments: %S", name);
    if (reentrant)
        wants = wants_gradient(args);
    if (wants < 0)
        return NULL;
    grad_set_enabled(recording && wants);
    result = PyObject_Call(function, args, keywords);
    grad_set_enabled(recording);
    return result;
}

static PyObject *checkpoint(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    PyObject *rest, *keywords, *result = NULL;

    if (PyTuple_GET_SIZE(args) < 1) {
        PyErr_SetString(PyExc_TypeError,
                        "checkpoint() missing 1 required positional argument: 'function'");
        return NULL;
    }
    rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    keywords = kwargs ? PyDict_Copy(kwargs) : PyDict_New();
    if (rest && keywords)
        result = run_checkpoint(PyTuple_GET_ITEM(args, 0), rest, keywords);
    Py_XDECREF(rest);
    Py_XDECREF(keywords);
    return result;
}

/* checkpoint_sequential(functions, segments, input): one function after the other. */
static PyObject *checkpoint_sequential(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"functions", "segments", "input", "preserve_rng_state"};
    static const struct binding binding = {"checkpoint_sequential", names, 4, 3, 3, 0};
    PyObject *v[4] = {NULL}, *list, *value, *inputs;

    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    inputs = PyTuple_Pack(1, v[2]);
    if (!inputs || wants_gradient(inputs) < 0) {
        Py_XDECREF(inputs);
        return NULL;
    }
    Py_DECREF(inputs);
    list = PySequence_List(v[0]);
    value = list ? Py_NewRef(v[2]) : NULL;
    for (Py_ssize_t i = 0; value && i < PyList_GET_SIZE(list); i++)
        Py_SETREF(value, PyObject_CallOneArg(PyList_GET_ITEM(list, i), value));
    Py_XDECREF(list);
    return value;
}

/* ---- modules ---- */

static PyMethodDef stateless_functions[] = {
    {"functional_call", WITH_KEYWORDS(functional_call),
     "functional_call(module, parameters_and_buffers, args, kwargs=None): calls the module with "
     "these tensors in place of its own."},
    {NULL, NULL, 0, NULL}};
static PyMethodDef init_functions[] = {
    {"skip_init", WITH_KEYWORDS(skip_init),
     "skip_init(module_cls, *args, **kwargs): the module, without using random numbers."},
    {NULL, NULL, 0, NULL}};
static PyMethodDef fusion_functions[] = {
    {"fuse_conv_bn_eval", WITH_KEYWORDS(fuse_conv_bn_eval),
     "fuse_conv_bn_eval(conv, bn, transpose=False): one convolution that does both."},
    {"fuse_conv_bn_weights", WITH_KEYWORDS(fuse_conv_bn_weights), "Its weight and bias."},
    {NULL, NULL, 0, NULL}};
static PyMethodDef linear_functions[] = {
    {"fuse_linear_bn_eval", WITH_KEYWORDS(fuse_linear_bn_eval),
     "fuse_linear_bn_eval(linear, bn): one linear layer that does both."},
    {"fuse_linear_bn_weights", WITH_KEYWORDS(fuse_linear_bn_weights), "Its weight and bias."},
    {NULL, NULL, 0, NULL}};
static PyMethodDef checkpoint_functions[] = {
    {"checkpoint", WITH_KEYWORDS(checkpoint),
     "checkpoint(function, *args): function(*args). Saddle keeps what backward() needs."},
    {"checkpoint_sequential", WITH_KEYWORDS(checkpoint_sequential),
     "checkpoint_sequential(functions, segments, input): one after the other."},
    {NULL, NULL, 0, NULL}};

int stateless_init(PyObject *torch)
{
    static const struct {
        const char *home;
        PyMethodDef *functions;
    } rows[] = {
        {"nn.utils.stateless", stateless_functions},
        {"nn.utils.init", init_functions},
        {"nn.utils", init_functions},
        {"nn.utils.fusion", fusion_functions},
        {"nn.utils", fusion_functions},
        {"nn.utils.fusion", linear_functions},
        {"utils.checkpoint", checkpoint_functions},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        PyObject *home = submodule(torch, rows[i].home);

        if (!home || PyModule_AddFunctions(home, rows[i].functions) < 0)
            return -1;
    }
    return 0;
}
