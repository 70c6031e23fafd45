/*
 * Hooks on modules: forward, before forward, and backward (nn_backward_hook.c); on one module, or
 * on all at once.
 */
#include "python/nn_module.h"

#include "python/module.h"
#include "python/nn_backward_hook.h"

#include <stddef.h>
#include <structmember.h>

/* ---- handles ---- */

/* Remembers a dict of hooks weakly, so that it does not keep the module alive. */
typedef struct {
    PyObject_HEAD PyObject *hooks; /* weak reference; NULL: the dict is gone */
    Py_ssize_t id;
} HandleObject;

static PyTypeObject *handle_type;
static Py_ssize_t next_handle;

PyObject *hook_add(PyObject *hooks, PyObject *hook)
{
    HandleObject *handle = PyObject_New(HandleObject, handle_type);
    PyObject *key = PyLong_FromSsize_t(next_handle);

    if (handle) {
        handle->id = next_handle++;
        handle->hooks = PyWeakref_NewRef(hooks, NULL);
    }
    if (!handle || !key || !handle->hooks || PyObject_SetItem(hooks, key, hook) < 0)
        Py_CLEAR(handle);
    Py_XDECREF(key);
    return (PyObject *)handle;
}

/* The dict, or None; a new reference. */
static PyObject *handle_hooks(const HandleObject *self)
{
    return Py_NewRef(self->hooks ? PyWeakref_GetObject(self->hooks) : Py_None);
}

/* A copy belongs to the copy of the dict. */
static PyObject *handle_reduce(PyObject *object, PyObject *Py_UNUSED(none))
{
    HandleObject *self = (HandleObject *)object;

    return Py_BuildValue("O()(Nn)", handle_type, handle_hooks(self), self->id);
}

static PyObject *handle_set_state(PyObject *object, PyObject *state)
{
    HandleObject *self = (HandleObject *)object;
    PyObject *hooks;

    if (!PyTuple_Check(state) || !PyArg_ParseTuple(state, "On", &hooks, &self->id))
        return PyErr_Format(PyExc_TypeError, "a handle's state must be (hooks, id)");
    if (hooks != Py_None)
        Py_XSETREF(self->hooks, PyWeakref_NewRef(hooks, NULL));
    if (self->id >= next_handle)
        next_handle = self->id + 1;
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *handle_remove(PyObject *object, PyObject *Py_UNUSED(args))
{
    HandleObject *self = (HandleObject *)object;
    PyObject *hooks = handle_hooks(self);
    PyObject *key = PyLong_FromSsize_t(self->id);
    int there = key && PyDict_Check(hooks) ? PyDict_Contains(hooks, key) : 0;

    if (there > 0)
        there = PyObject_DelItem(hooks, key);
    Py_XDECREF(key);
    Py_DECREF(hooks);
    return key && there >= 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *handle_enter(PyObject *self, PyObject *Py_UNUSED(none))
{
    return Py_NewRef(self);
}

static void handle_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    Py_XDECREF(((HandleObject *)object)->hooks);
    type->tp_free(object);
    Py_DECREF(type);
}

static int handles_init(PyObject *torch)
{
    static PyMethodDef methods[] = {
        {"remove", handle_remove, METH_NOARGS, "Takes the hook away again."},
        {"__reduce__", handle_reduce, METH_NOARGS, NULL},
        {"__setstate__", handle_set_state, METH_O, NULL},
        {"__enter__", handle_enter, METH_NOARGS, NULL},
        {"__exit__", handle_remove, METH_VARARGS, NULL},
        {NULL, NULL, 0, NULL},
    };
    static PyMemberDef members[] = {
        {"id", T_PYSSIZET, offsetof(HandleObject, id), READONLY, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    PyType_Slot slots[] = {{Py_tp_dealloc, handle_dealloc},
                           {Py_tp_methods, methods},
                           {Py_tp_members, members},
                           {0, NULL}};
    PyType_Spec spec = {"torch.utils.hooks.RemovableHandle", sizeof(HandleObject), 0,
                        Py_TPFLAGS_DEFAULT, slots};
    PyObject *home = submodule(torch, "utils.hooks");

    return home ? module_add_type(home, &spec, NULL, &handle_type) : -1;
}

/* ---- the call with hooks ---- */

enum kind { HOOK_BACKWARD, HOOK_FORWARD, HOOK_BEFORE, HOOK_KINDS };

/* The hooks on all modules: dicts like a module's own. */
static struct {
    PyObject *hooks[HOOK_KINDS];
    PyObject *full; /* None, or a bool: the kind of the backward hooks, once there has been one */
} on_all;

/* The module's own hooks of a kind; borrowed, NULL with an AttributeError. */
static PyObject *own_hooks(PyObject *self, enum kind kind)
{
    PyObject *const parts[] = {nn_names._backward_hooks, nn_names._forward_hooks,
                               nn_names._forward_pre_hooks};

    return module_part(self, parts[kind]);
}

int module_hooked(PyObject *self)
{
    for (int kind = 0; kind < HOOK_KINDS; kind++) {
        PyObject *hooks = own_hooks(self, (enum kind)kind);

        if (!hooks)
            return -1;
        if (PyDict_GET_SIZE(hooks) || PyDict_GET_SIZE(on_all.hooks[kind]))
            return 1;
    }
    return 0;
}

static int append_values(PyObject *list, PyObject *hooks)
{
    PyObject *values = PyDict_Values(hooks);
    Py_ssize_t end = PyList_GET_SIZE(list);
    int status = values ? PyList_SetSlice(list, end, end, values) : -1;

    Py_XDECREF(values);
    return status;
}

/* The hooks of one kind as they are now, those on all modules first: a hook may add and remove
 * hooks. */
static PyObject *hooks_of(PyObject *self, enum kind kind)
{
    PyObject *hooks = own_hooks(self, kind), *list = hooks ? PyList_New(0) : NULL;

    if (list && (append_values(list, on_all.hooks[kind]) < 0 || append_values(list, hooks) < 0))
        Py_CLEAR(list);
    return list;
}

/* The backward hooks of the full kind, or of the old one. */
static PyObject *backward_hooks_of(PyObject *self, PyObject *full)
{
    PyObject *hooks = own_hooks(self, HOOK_BACKWARD), *list = hooks ? PyList_New(0) : NULL;

    if (list && ((on_all.full == full && append_values(list, on_all.hooks[HOOK_BACKWARD]) < 0) ||
                 (module_part_or_null(self, nn_names._is_full_backward_hook) == full &&
                  append_values(list, hooks) < 0)))
        Py_CLEAR(list);
    return list;
}

/* hook(module, input) may give another input. Takes over `input`, a tuple, and gives one back. */
static PyObject *run_pre_hooks(PyObject *self, PyObject *input)
{
    PyObject *list = hooks_of(self, HOOK_BEFORE);

    if (!list)
        Py_CLEAR(input);
    for (Py_ssize_t i = 0; input && i < PyList_GET_SIZE(list); i++) {
        PyObject *result =
            PyObject_CallFunctionObjArgs(PyList_GET_ITEM(list, i), self, input, NULL);

        if (result == Py_None) {
            Py_DECREF(result);
        } else if (result && !PyTuple_Check(result)) {
            Py_SETREF(input, PyTuple_Pack(1, result));
            Py_DECREF(result);
        } else {
            Py_SETREF(input, result);
        }
    }
    Py_XDECREF(list);
    return input;
}

/* hook(module, input, output) may give another output. Takes over `output`. */
static PyObject *run_forward_hooks(PyObject *self, PyObject *input, PyObject *output)
{
    PyObject *list = hooks_of(self, HOOK_FORWARD);

    if (!list)
        Py_CLEAR(output);
    for (Py_ssize_t i = 0; output && i < PyList_GET_SIZE(list); i++) {
        PyObject *result =
            PyObject_CallFunctionObjArgs(PyList_GET_ITEM(list, i), self, input, output, NULL);

        if (result == Py_None)
            Py_DECREF(result);
        else
            Py_SETREF(output, result);
    }
    Py_XDECREF(list);
    return output;
}

PyObject *module_call_hooked(PyObject *self, PyObject *args, PyObject *keywords)
{
    PyObject *input = run_pre_hooks(self, Py_NewRef(args)), *output = NULL, *forward;
    PyObject *full = input ? backward_hooks_of(self, Py_True) : NULL;
    PyObject *old = full ? backward_hooks_of(self, Py_False) : NULL;
    struct backward_watch *watch = NULL;

    if (old && PyList_GET_SIZE(full)) {
        watch = backward_watch_new(self, full);
        Py_SETREF(input, watch ? backward_watch_input(watch, input) : NULL);
    }
    forward = input && old ? PyObject_GetAttr(self, nn_names.forward) : NULL;
    if (forward)
        output = PyObject_Call(forward, input, keywords);
    if (output)
        output = run_forward_hooks(self, input, output);
    if (output && watch)
        Py_SETREF(output, backward_watch_output(watch, output));
    if (output && PyList_GET_SIZE(old) && backward_watch_last(self, old, input, output) < 0)
        Py_CLEAR(output);
    backward_watch_unref(watch);
    Py_XDECREF(forward);
    Py_XDECREF(full);
    Py_XDECREF(old);
    Py_XDECREF(input);
    return output;
}

/* ---- registering ---- */

static PyObject *add_hook(PyObject *self, enum kind kind, PyObject *hook)
{
    PyObject *hooks = own_hooks(self, kind);

    return hooks ? hook_add(hooks, hook) : NULL;
}

static PyObject *register_forward_hook(PyObject *self, PyObject *hook)
{
    return add_hook(self, HOOK_FORWARD, hook);
}

static PyObject *register_forward_pre_hook(PyObject *self, PyObject *hook)
{
    return add_hook(self, HOOK_BEFORE, hook);
}

/* A module has backward hooks of one kind. `where`: "on a single Module". 0 or -1 */
static int check_one_kind(PyObject *now, PyObject *full, const char *where)
{
    if (now == Py_None || now == full)
        return 0;
    PyErr_Format(PyExc_RuntimeError,
                 "Cannot use both regular backward hooks and full backward hooks %s. Please use "
                 "only one of them.",
                 where);
    return -1;
}

static PyObject *add_backward_hook(PyObject *self, PyObject *hook, PyObject *full)
{
    PyObject *now = module_part(self, nn_names._is_full_backward_hook);

    if (!now || check_one_kind(now, full, "on a single Module") < 0 ||
        PyObject_SetAttr(self, nn_names._is_full_backward_hook, full) < 0)
        return NULL;
    return add_hook(self, HOOK_BACKWARD, hook);
}

static PyObject *register_full_backward_hook(PyObject *self, PyObject *hook)
{
    return add_backward_hook(self, hook, Py_True);
}

static PyObject *register_backward_hook(PyObject *self, PyObject *hook)
{
    return add_backward_hook(self, hook, Py_False);
}

static PyObject *on_all_forward(PyObject *Py_UNUSED(home), PyObject *hook)
{
    return hook_add(on_all.hooks[HOOK_FORWARD], hook);
}

static PyObject *on_all_before(PyObject *Py_UNUSED(home), PyObject *hook)
{
    return hook_add(on_all.hooks[HOOK_BEFORE], hook);
}

static PyObject *on_all_backward(PyObject *hook, PyObject *full)
{
    if (check_one_kind(on_all.full, full, "as a global Module hook") < 0)
        return NULL;
    on_all.full = full;
    return hook_add(on_all.hooks[HOOK_BACKWARD], hook);
}

static PyObject *on_all_full_backward(PyObject *Py_UNUSED(home), PyObject *hook)
{
    return on_all_backward(hook, Py_True);
}

static PyObject *on_all_old_backward(PyObject *Py_UNUSED(home), PyObject *hook)
{
    return on_all_backward(hook, Py_False);
}

static PyMethodDef on_all_functions[] = {
    {"register_module_forward_hook", on_all_forward, METH_O,
     "hook(module, input, output) runs after forward() of every module."},
    {"register_module_forward_pre_hook", on_all_before, METH_O,
     "hook(module, input) runs before forward() of every module."},
    {"register_module_full_backward_hook", on_all_full_backward, METH_O,
     "hook(module, grad_input, grad_output) runs in backward() at every module."},
    {"register_module_backward_hook", on_all_old_backward, METH_O,
     "The same with the gradients of each module's last operation alone."},
    {NULL, NULL, 0, NULL},
};

static int on_all_init(PyObject *torch)
{
    PyObject *home = submodule(torch, "nn.modules.module");

    on_all.full = Py_None;
    for (int kind = 0; kind < HOOK_KINDS; kind++)
        if (!(on_all.hooks[kind] = PyODict_New()))
            return -1;
    return home ? PyModule_AddFunctions(home, on_all_functions) : -1;
}

int hooks_init(PyObject *torch)
{
    return handles_init(torch) < 0 ? -1 : on_all_init(torch);
}

PyMethodDef module_hook_methods[] = {
    {"register_forward_hook", register_forward_hook, METH_O,
     "hook(module, input, output) runs after each forward(); what it returns, if not None, is the "
     "output."},
    {"register_forward_pre_hook", register_forward_pre_hook, METH_O,
     "hook(module, input) runs before each forward(); what it returns, if not None, is the input."},
    {"register_full_backward_hook", register_full_backward_hook, METH_O,
     "hook(module, grad_input, grad_output) runs in backward(); what it returns, if not None, is "
     "the gradient of the input."},
    {"register_backward_hook", register_backward_hook, METH_O,
     "As register_full_backward_hook(), but sees the gradients of the last operation alone."},
    {NULL, NULL, 0, NULL},
};
