/*
 * state_dict() and load_state_dict(): a module's tensors by name, out and in.
 */
#include "python/nn_module.h"

#include "python/nn_lazy.h"
#include "python/nn_state.h"

/* ---- out ---- */

static int save_tensor(PyObject *destination, PyObject *prefix, PyObject *name, PyObject *tensor,
                       bool keep)
{
    PyObject *key = PyUnicode_Concat(prefix, name);
    PyObject *value =
        keep || is_lazy(tensor) ? Py_NewRef(tensor) : tensor_wrap(tensor_detach(tensor_of(tensor)));
    int status = key && value ? PyObject_SetItem(destination, key, value) : -1;

    Py_XDECREF(key);
    Py_XDECREF(value);
    return status;
}

/* Saves the entries of _parameters or _buffers, but not those that `except` holds. */
static int save_part(PyObject *self, PyObject *part_name, PyObject *except, PyObject *destination,
                     PyObject *prefix, bool keep)
{
    PyObject *part = module_part(self, part_name);
    PyObject *items = part ? PyDict_Items(part) : NULL;
    int status = items ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *name = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        PyObject *tensor = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1);
        int left_out = except ? PySet_Contains(except, name) : 0;

        if (left_out < 0)
            status = -1;
        else if (!left_out && tensor != Py_None)
            status = save_tensor(destination, prefix, name, tensor, keep);
    }
    Py_XDECREF(items);
    return status;
}

bool module_overrides(PyObject *self, PyObject *name)
{
    return _PyType_Lookup(Py_TYPE(self), name) != _PyType_Lookup(nn_module_type, name);
}

static int save_extra(PyObject *self, PyObject *destination, PyObject *prefix)
{
    PyObject *key, *state;
    int status;

    if (!module_overrides(self, nn_names.get_extra_state))
        return 0;
    key = PyUnicode_FromFormat("%U_extra_state", prefix);
    state = key ? PyObject_CallMethodNoArgs(self, nn_names.get_extra_state) : NULL;
    status = state ? PyObject_SetItem(destination, key, state) : -1;
    Py_XDECREF(key);
    Py_XDECREF(state);
    return status;
}

static PyObject *save_to_state_dict(PyObject *self, PyObject *args)
{
    PyObject *destination, *prefix, *temporary;
    int keep;

    if (!PyArg_ParseTuple(args, "OUp:_save_to_state_dict", &destination, &prefix, &keep))
        return NULL;
    if (!module_part(self, nn_names._parameters))
        return NULL;
    temporary = module_part(self, nn_names._non_persistent_buffers_set);
    if (!temporary || save_part(self, nn_names._parameters, NULL, destination, prefix, keep) < 0 ||
        save_part(self, nn_names._buffers, temporary, destination, prefix, keep) < 0 ||
        save_extra(self, destination, prefix) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* destination._metadata[path] = {"version": ...}, when the dict keeps metadata. Gives the dict
 * {"version": ...}. */
static PyObject *save_metadata(PyObject *self, PyObject *destination, PyObject *prefix)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(prefix);
    PyObject *version = PyObject_GetAttr(self, nn_names._version);
    PyObject *local = version ? Py_BuildValue("{sO}", "version", version) : NULL;
    PyObject *path = local ? PyUnicode_Substring(prefix, 0, length ? length - 1 : 0) : NULL;
    PyObject *all = path ? PyObject_GetAttr(destination, nn_names._metadata) : NULL;

    if (path && !all && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Clear();
    if (all && PyObject_SetItem(all, path, local) < 0)
        Py_CLEAR(local);
    Py_XDECREF(version);
    Py_XDECREF(path);
    Py_XDECREF(all);
    if (PyErr_Occurred())
        Py_CLEAR(local);
    return local;
}

static int save_children(PyObject *self, PyObject *destination, PyObject *prefix, PyObject *keep)
{
    PyObject *modules = module_part(self, nn_names._modules);
    PyObject *items = modules ? PyDict_Items(modules) : NULL;
    PyObject *names = items ? Py_BuildValue("(sss)", "destination", "prefix", "keep_vars") : NULL;
    int status = names ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *name = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        PyObject *child = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1), *path, *done;

        if (child == Py_None)
            continue;
        path = PyUnicode_FromFormat("%U%U.", prefix, name);
        done = path ? PyObject_VectorcallMethod(nn_names.state_dict,
                                                (PyObject *[]){child, destination, path, keep}, 1,
                                                names)
                    : NULL;
        status = done ? 0 : -1;
        Py_XDECREF(path);
        Py_XDECREF(done);
    }
    Py_XDECREF(items);
    Py_XDECREF(names);
    return status;
}

/* Hooks may replace the dict. Takes over the reference to it and gives one back. */
static PyObject *run_state_hooks(PyObject *self, PyObject *destination, PyObject *prefix,
                                 PyObject *local)
{
    PyObject *hooks = module_part(self, nn_names._state_dict_hooks);
    PyObject *list = hooks ? PyDict_Values(hooks) : NULL;

    if (!list)
        Py_CLEAR(destination);
    for (Py_ssize_t i = 0; destination && i < PyList_GET_SIZE(list); i++) {
        PyObject *result = PyObject_CallFunctionObjArgs(PyList_GET_ITEM(list, i), self, destination,
                                                        prefix, local, NULL);

        if (result != Py_None)
            Py_SETREF(destination, Py_XNewRef(result));
        Py_XDECREF(result);
    }
    Py_XDECREF(list);
    return destination;
}

/* An OrderedDict with a place for metadata, as torch.save() files hold it. */
static PyObject *new_state_dict(void)
{
    PyObject *made = PyODict_New(), *metadata = PyODict_New();

    if (!made || !metadata || PyObject_SetAttr(made, nn_names._metadata, metadata) < 0)
        Py_CLEAR(made);
    Py_XDECREF(metadata);
    return made;
}

static PyObject *state_dict(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"destination", "prefix", "keep_vars", NULL};
    PyObject *destination = Py_None, *prefix = NULL, *local, *done;
    PyObject *call[4];
    int keep = 0;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OUp:state_dict", names, &destination,
                                     &prefix, &keep))
        return NULL;
    prefix = prefix ? Py_NewRef(prefix) : PyUnicode_FromString("");
    destination = destination == Py_None ? new_state_dict() : Py_NewRef(destination);
    local = prefix && destination ? save_metadata(self, destination, prefix) : NULL;
    call[0] = self;
    call[1] = destination;
    call[2] = prefix;
    call[3] = keep ? Py_True : Py_False;
    done = local ? PyObject_VectorcallMethod(nn_names._save_to_state_dict, call, 4, NULL) : NULL;
    if (!done || save_children(self, destination, prefix, call[3]) < 0)
        Py_CLEAR(destination);
    else
        destination = run_state_hooks(self, destination, prefix, local);
    Py_XDECREF(done);
    Py_XDECREF(local);
    Py_XDECREF(prefix);
    return destination;
}

/* get_extra_state() and set_extra_state() of Module itself, which nothing here calls. */
static PyObject *no_extra_state(const char *name)
{
    return PyErr_Format(PyExc_RuntimeError,
                        "Reached a code path in Module.%s() that should never be called.", name);
}

static PyObject *get_extra_state(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    return no_extra_state("get_extra_state");
}

static PyObject *set_extra_state(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(state))
{
    return no_extra_state("set_extra_state");
}

static PyObject *register_state_hook(PyObject *self, PyObject *hook)
{
    PyObject *hooks = module_part(self, nn_names._state_dict_hooks);

    return hooks ? hook_add(hooks, hook) : NULL;
}

static PyObject *register_load_hook(PyObject *self, PyObject *hook)
{
    PyObject *hooks = module_part(self, nn_names._load_state_dict_post_hooks);

    return hooks ? hook_add(hooks, hook) : NULL;
}

/* With with_module the hook gets the module as its first argument: of a copy of the module, the
 * copy, since copying a partial copies its arguments. */
static PyObject *register_load_pre_hook(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"hook", "with_module", NULL};
    PyObject *hooks = module_part(self, nn_names._load_state_dict_pre_hooks);
    PyObject *hook, *functools = NULL, *bound, *handle;
    int with_module = 0;

    if (!hooks ||
        !PyArg_ParseTupleAndKeywords(args, keywords, "O|p:_register_load_state_dict_pre_hook",
                                     names, &hook, &with_module))
        return NULL;
    if (!with_module)
        return hook_add(hooks, hook);
    functools = PyImport_ImportModule("functools");
    bound = functools ? PyObject_CallMethod(functools, "partial", "OO", hook, self) : NULL;
    handle = bound ? hook_add(hooks, bound) : NULL;
    Py_XDECREF(functools);
    Py_XDECREF(bound);
    return handle;
}

PyMethodDef module_state_methods[] = {
    {"state_dict", WITH_KEYWORDS(state_dict),
     "state_dict(*, destination=None, prefix='', keep_vars=False): parameters and buffers by name, "
     "for torch.save()."},
    {"_save_to_state_dict", save_to_state_dict, METH_VARARGS, NULL},
    {"_register_state_dict_hook", register_state_hook, METH_O, NULL},
    {"register_load_state_dict_post_hook", register_load_hook, METH_O, NULL},
    {"_register_load_state_dict_pre_hook", WITH_KEYWORDS(register_load_pre_hook), NULL},
    {"get_extra_state", get_extra_state, METH_NOARGS,
     "What state_dict() holds of the module beside its tensors; for classes that have more."},
    {"set_extra_state", set_extra_state, METH_O, "Takes back what get_extra_state() gave."},
    {"_load_from_state_dict", module_load_own, METH_VARARGS, NULL},
    {"load_state_dict", WITH_KEYWORDS(module_load_state_dict),
     "load_state_dict(state_dict, strict=True): copies tensors in by name; strict wants all names "
     "to match."},
    {NULL, NULL, 0, NULL},
};
