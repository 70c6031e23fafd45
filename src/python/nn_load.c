/*
 * load_state_dict(): copies tensors into a module by name and says which names did not match.
 */
#include "python/nn_state.h"

#include "python/args.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/nn_module.h"

/* ---- what did not match ---- */

static PyTypeObject *loaded_keys_type;

static PyObject *keys_repr(PyObject *self)
{
    PyObject *missing = PyTuple_GET_ITEM(self, 0), *unexpected = PyTuple_GET_ITEM(self, 1);

    if (PyObject_Size(missing) == 0 && PyObject_Size(unexpected) == 0)
        return PyUnicode_FromString("<All keys matched successfully>");
    return PyUnicode_FromFormat("_IncompatibleKeys(missing_keys=%R, unexpected_keys=%R)", missing,
                                unexpected);
}

static PyObject *keys_get(PyObject *self, void *which)
{
    return Py_NewRef(PyTuple_GET_ITEM(self, which ? 1 : 0));
}

int loaded_keys_init(PyObject *torch)
{
    static PyGetSetDef getset[] = {{"missing_keys", keys_get, NULL, NULL, NULL},
                                   {"unexpected_keys", keys_get, NULL, NULL, (void *)1},
                                   {NULL, NULL, NULL, NULL, NULL}};
    PyType_Slot slots[] = {{Py_tp_repr, keys_repr}, {Py_tp_getset, getset}, {0, NULL}};
    PyType_Spec spec = {"torch.nn.modules.module._IncompatibleKeys", 0, 0, Py_TPFLAGS_DEFAULT,
                        slots};
    PyObject *home = submodule(torch, "nn.modules.module");
    PyObject *bases = PyTuple_Pack(1, &PyTuple_Type);
    int status = home && bases ? module_add_type(home, &spec, bases, &loaded_keys_type) : -1;

    Py_XDECREF(bases);
    return status;
}

static PyObject *new_keys(PyObject *missing, PyObject *unexpected)
{
    PyObject *pair = PyTuple_Pack(2, missing, unexpected);
    PyObject *keys = pair ? PyObject_CallOneArg((PyObject *)loaded_keys_type, pair) : NULL;

    Py_XDECREF(pair);
    return keys;
}

/* Appends a string that is taken over. */
static int add_text(PyObject *list, PyObject *text)
{
    int status = text ? PyList_Append(list, text) : -1;

    Py_XDECREF(text);
    return status;
}

/* ---- one module ---- */

struct loading {
    PyObject *state, *prefix;
    PyObject *missing, *unexpected, *errors; /* lists */
    int strict;
};

/* Notes why a copy failed; only exceptions that are errors of the data end here. */
static int note_failed_copy(const struct loading *load, PyObject *key, struct tensor *to,
                            struct tensor *from)
{
    PyObject *type, *value, *traceback, *args, *sizes[2];
    int status;

    python_error();
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    args = value ? PyObject_GetAttrString(value, "args") : NULL;
    sizes[0] = size_object(to->ndim, to->shape);
    sizes[1] = size_object(from->ndim, from->shape);
    status = args && sizes[0] && sizes[1]
                 ? add_text(load->errors,
                            PyUnicode_FromFormat(
                                "While copying the parameter named \"%U\", whose dimensions in the "
                                "model are %S and whose dimensions in the checkpoint are %S, an "
                                "exception occurred : %S.",
                                key, sizes[0], sizes[1], args))
                 : -1;
    Py_XDECREF(args);
    Py_XDECREF(sizes[0]);
    Py_XDECREF(sizes[1]);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return status;
}

static int note_size_mismatch(const struct loading *load, PyObject *key, struct tensor *to,
                              struct tensor *from)
{
    PyObject *have = size_object(from->ndim, from->shape);
    PyObject *want = size_object(to->ndim, to->shape);
    int status =
        have && want
            ? add_text(load->errors, PyUnicode_FromFormat(
                                         "size mismatch for %U: copying a param with shape %S from "
                                         "checkpoint, the shape in current model is %S.",
                                         key, have, want))
            : -1;

    Py_XDECREF(have);
    Py_XDECREF(want);
    return status;
}

static int load_tensor(const struct loading *load, PyObject *key, PyObject *tensor, PyObject *value)
{
    struct tensor *to = tensor_of(tensor), *from;
    bool scalar_saved_as_vector;

    if (!tensor_check(value))
        return add_text(load->errors,
                        PyUnicode_FromFormat("While copying the parameter named \"%U\", expected "
                                             "torch.Tensor or Tensor-like object from checkpoint "
                                             "but received %S",
                                             key, Py_TYPE(value)));
    from = tensor_of(value);
    /* PyTorch before 0.4 had no tensors without dimensions. */
    scalar_saved_as_vector = to->ndim == 0 && from->ndim == 1 && from->numel == 1;
    if (!scalar_saved_as_vector && !tensor_same_shape(to, from))
        return note_size_mismatch(load, key, to, from);
    if (scalar_saved_as_vector) {
        struct scalar element;

        if (tensor_item(from, &element) < 0 || tensor_fill(to, element) < 0)
            return note_failed_copy(load, key, to, from);
    } else if (tensor_copy(to, from) < 0) {
        return note_failed_copy(load, key, to, from);
    }
    tensor_bump(to);
    return 0;
}

/* {name: tensor} of all that is saved: parameters and persistent buffers. */
static PyObject *own_tensors(PyObject *self)
{
    PyObject *const parts[] = {nn_names._parameters, nn_names._buffers};
    PyObject *temporary = module_part(self, nn_names._non_persistent_buffers_set);
    PyObject *own = temporary ? PyDict_New() : NULL;

    for (int i = 0; own && i < 2; i++) {
        PyObject *part = module_part(self, parts[i]), *name, *tensor;
        Py_ssize_t at = 0;
        int status = part ? 0 : -1;

        while (status == 0 && PyDict_Next(part, &at, &name, &tensor)) {
            int left_out = i == 1 ? PySet_Contains(temporary, name) : 0;

            if (left_out < 0 ||
                (!left_out && tensor != Py_None && PyDict_SetItem(own, name, tensor) < 0))
                status = -1;
        }
        if (status < 0)
            Py_CLEAR(own);
    }
    return own;
}

static int load_tensors(const struct loading *load, PyObject *own)
{
    PyObject *name, *tensor;
    Py_ssize_t at = 0;
    int status = 0;

    while (status == 0 && PyDict_Next(own, &at, &name, &tensor)) {
        PyObject *key = PyUnicode_Concat(load->prefix, name);
        PyObject *value = key ? PyDict_GetItemWithError(load->state, key) : NULL;

        if (value)
            status = load_tensor(load, key, tensor, value);
        else if (PyErr_Occurred())
            status = -1;
        else if (load->strict)
            status = PyList_Append(load->missing, key);
        Py_XDECREF(key);
    }
    return status;
}

/* Names below the prefix that are neither a tensor of the module nor below one of its children. */
static int find_unexpected(const struct loading *load, PyObject *modules, PyObject *own,
                           PyObject *extra_key)
{
    Py_ssize_t at = 0, start = PyUnicode_GET_LENGTH(load->prefix), end;
    PyObject *key, *value;
    int status = 0;

    while (status == 0 && PyDict_Next(load->state, &at, &key, &value)) {
        PyObject *name;
        int known;

        if (!PyUnicode_Check(key) ||
            !PyUnicode_Tailmatch(key, load->prefix, 0, PY_SSIZE_T_MAX, -1) ||
            PyUnicode_Compare(key, extra_key) == 0)
            continue;
        end = PyUnicode_FindChar(key, '.', start, PyUnicode_GET_LENGTH(key), 1);
        name = PyUnicode_Substring(key, start, end < 0 ? PyUnicode_GET_LENGTH(key) : end);
        known = name ? PyDict_Contains(own, name) : -1;
        if (known == 0)
            known = PyDict_Contains(modules, name);
        status = known < 0 ? -1 : known ? 0 : PyList_Append(load->unexpected, key);
        Py_XDECREF(name);
    }
    return status;
}

/* What a class with set_extra_state() saves beside its tensors. */
static int load_extra(const struct loading *load, PyObject *self, PyObject *key)
{
    PyObject *state = PyDict_GetItemWithError(load->state, key), *done;
    int status;

    if (!module_overrides(self, nn_names.set_extra_state))
        return load->strict && state ? PyList_Append(load->unexpected, key) : 0;
    if (!state)
        return load->strict ? PyList_Append(load->missing, key) : 0;
    done = PyObject_CallMethodOneArg(self, nn_names.set_extra_state, state);
    status = done ? 0 : -1;
    Py_XDECREF(done);
    return status;
}

/* Version 2 of the normalising layers counts batches: what was saved before, or without versions,
 * has counted none. */
static int add_batch_count(const struct loading *load, PyObject *self, PyObject *metadata)
{
    PyObject *name = PyUnicode_FromString("num_batches_tracked"), *key = NULL, *zero = NULL;
    PyObject *version = PyDict_Check(metadata) ? PyDict_GetItemString(metadata, "version") : NULL;
    PyObject *buffers = module_part(self, nn_names._buffers);
    PyObject *count = name && buffers ? PyDict_GetItemWithError(buffers, name) : NULL;
    int status = PyErr_Occurred() ? -1 : 0;

    if (count && count != Py_None &&
        (!version || !PyLong_Check(version) || PyLong_AsLong(version) < 2)) {
        key = PyUnicode_Concat(load->prefix, name);
        zero = key ? tensor_wrap(tensor_zeros(DTYPE_i64, 0, NULL)) : NULL;
        status = zero && PyDict_SetDefault(load->state, key, zero) ? 0 : -1;
    }
    Py_XDECREF(name);
    Py_XDECREF(key);
    Py_XDECREF(zero);
    return status;
}

/* hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs). */
static int run_load_pre_hooks(PyObject *self, PyObject *args)
{
    PyObject *hooks = module_part(self, nn_names._load_state_dict_pre_hooks);
    PyObject *list = hooks ? PyDict_Values(hooks) : NULL;
    int status = list ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *done = PyObject_CallObject(PyList_GET_ITEM(list, i), args);

        status = done ? 0 : -1;
        Py_XDECREF(done);
    }
    Py_XDECREF(list);
    return status;
}

PyObject *module_load_own(PyObject *self, PyObject *args)
{
    struct loading load;
    PyObject *metadata, *own, *extra_key, *modules;
    int status = -1;

    if (!PyArg_ParseTuple(args, "O!UOpO!O!O!:_load_from_state_dict", &PyDict_Type, &load.state,
                          &load.prefix, &metadata, &load.strict, &PyList_Type, &load.missing,
                          &PyList_Type, &load.unexpected, &PyList_Type, &load.errors))
        return NULL;
    if ((((ModuleObject *)self)->layer && add_batch_count(&load, self, metadata) < 0) ||
        run_load_pre_hooks(self, args) < 0)
        return NULL;
    modules = module_part(self, nn_names._modules);
    own = modules ? own_tensors(self) : NULL;
    extra_key = own ? PyUnicode_FromFormat("%U_extra_state", load.prefix) : NULL;
    if (extra_key && load_tensors(&load, own) == 0 && load_extra(&load, self, extra_key) == 0)
        status = load.strict ? find_unexpected(&load, modules, own, extra_key) : 0;
    Py_XDECREF(own);
    Py_XDECREF(extra_key);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- the tree ---- */

/* The entries whose names begin with the prefix. */
static PyObject *entries_below(PyObject *state, PyObject *prefix)
{
    PyObject *below = PyDict_New(), *key, *value;
    Py_ssize_t at = 0;

    while (below && PyDict_Next(state, &at, &key, &value))
        if (PyUnicode_Check(key) && PyUnicode_Tailmatch(key, prefix, 0, PY_SSIZE_T_MAX, -1) &&
            PyDict_SetItem(below, key, value) < 0)
            Py_CLEAR(below);
    return below;
}

static int run_load_hooks(const struct loading *load, PyObject *self)
{
    PyObject *hooks = module_part(self, nn_names._load_state_dict_post_hooks);
    PyObject *list = hooks ? PyDict_Values(hooks) : NULL;
    PyObject *keys =
        list && PyList_GET_SIZE(list) ? new_keys(load->missing, load->unexpected) : NULL;
    int status = list && (keys || PyList_GET_SIZE(list) == 0) ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *done = PyObject_CallFunctionObjArgs(PyList_GET_ITEM(list, i), self, keys, NULL);

        status = done == Py_None ? 0 : -1;
        if (done && done != Py_None)
            PyErr_SetString(PyExc_AssertionError,
                            "Hooks registered with ``register_load_state_dict_post_hook`` are "
                            "notexpected to return new values, if incompatible_keys need to be "
                            "modified,it should be done inplace.");
        Py_XDECREF(done);
    }
    Py_XDECREF(list);
    Py_XDECREF(keys);
    return status;
}

static int load_tree(const struct loading *load, PyObject *metadata, PyObject *self);

static int load_children(const struct loading *load, PyObject *metadata, PyObject *self)
{
    PyObject *modules = module_part(self, nn_names._modules);
    PyObject *items = modules ? PyDict_Items(modules) : NULL;
    int status = items ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *name = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        PyObject *child = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1);
        struct loading below = *load;

        if (child == Py_None)
            continue;
        below.prefix = PyUnicode_FromFormat("%U%U.", load->prefix, name);
        below.state = below.prefix ? entries_below(load->state, below.prefix) : NULL;
        status = below.state ? load_tree(&below, metadata, child) : -1;
        Py_XDECREF(below.prefix);
        Py_XDECREF(below.state);
    }
    Py_XDECREF(items);
    return status;
}

/* The metadata of one module: {"version": ...}, or an empty dict. */
static PyObject *local_metadata(PyObject *metadata, PyObject *prefix)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(prefix);
    PyObject *path, *local = NULL;

    if (PyDict_Check(metadata)) {
        path = PyUnicode_Substring(prefix, 0, length ? length - 1 : 0);
        local = path ? PyDict_GetItemWithError(metadata, path) : NULL;
        Py_XDECREF(path);
    }
    return local ? Py_NewRef(local) : PyErr_Occurred() ? NULL : PyDict_New();
}

static int load_tree(const struct loading *load, PyObject *metadata, PyObject *self)
{
    PyObject *local = local_metadata(metadata, load->prefix);
    PyObject *call[] = {self,    load->state,   load->prefix,     local,
                        Py_True, load->missing, load->unexpected, load->errors};
    PyObject *done =
        local ? PyObject_VectorcallMethod(nn_names._load_from_state_dict, call, 8, NULL) : NULL;
    int status = done ? load_children(load, metadata, self) : -1;

    if (status == 0)
        status = run_load_hooks(load, self);
    Py_XDECREF(local);
    Py_XDECREF(done);
    return status;
}

/* Puts 'Missing key(s) in state_dict: "a", "b". ' in front of the errors, when there are any. */
static int report_keys(PyObject *errors, PyObject *keys, const char *what)
{
    PyObject *separator = PyUnicode_FromString("\", \"");
    PyObject *joined = separator ? PyUnicode_Join(separator, keys) : NULL;
    PyObject *text =
        joined ? PyUnicode_FromFormat("%s key(s) in state_dict: \"%U\". ", what, joined) : NULL;
    int status = text ? 0 : -1;

    if (text && PyList_GET_SIZE(keys) > 0)
        status = PyList_Insert(errors, 0, text);
    Py_XDECREF(separator);
    Py_XDECREF(joined);
    Py_XDECREF(text);
    return status;
}

static PyObject *raise_errors(PyObject *self, PyObject *errors)
{
    PyObject *separator = PyUnicode_FromString("\n\t");
    PyObject *joined = separator ? PyUnicode_Join(separator, errors) : NULL;

    if (joined)
        PyErr_Format(PyExc_RuntimeError, "Error(s) in loading state_dict for %s:\n\t%U",
                     _PyType_Name(Py_TYPE(self)), joined);
    Py_XDECREF(separator);
    Py_XDECREF(joined);
    return NULL;
}

PyObject *module_load_state_dict(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"state_dict", "strict", NULL};
    PyObject *state, *metadata = NULL, *result = NULL;
    struct loading load = {.strict = 1};

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|p:load_state_dict", names, &state,
                                     &load.strict))
        return NULL;
    if (!PyDict_Check(state) && !PyObject_HasAttrString(state, "keys"))
        return PyErr_Format(PyExc_TypeError, "Expected state_dict to be dict-like, got %S.",
                            Py_TYPE(state));
    metadata = PyObject_GetAttr(state, nn_names._metadata);
    if (!metadata)
        PyErr_Clear();
    load.state = PyObject_CallOneArg((PyObject *)&PyODict_Type, state);
    load.prefix = PyUnicode_FromString("");
    load.missing = PyList_New(0);
    load.unexpected = PyList_New(0);
    load.errors = PyList_New(0);
    if (load.state && load.prefix && load.missing && load.unexpected && load.errors &&
        load_tree(&load, metadata ? metadata : Py_None, self) == 0 &&
        (!load.strict || (report_keys(load.errors, load.unexpected, "Unexpected") == 0 &&
                          report_keys(load.errors, load.missing, "Missing") == 0)))
        result = PyList_GET_SIZE(load.errors) ? raise_errors(self, load.errors)
                                              : new_keys(load.missing, load.unexpected);
    Py_XDECREF(metadata);
    Py_XDECREF(load.state);
    Py_XDECREF(load.prefix);
    Py_XDECREF(load.missing);
    Py_XDECREF(load.unexpected);
    Py_XDECREF(load.errors);
    return result;
}
