/* ctx of torch.autograd.Function: what forward() leaves for backward(). */
#include "autograd/autograd.h"
#include "python/errors.h"
#include "python/function_parts.h"

#include <structmember.h>

static PyTypeObject *context_type;

static PyObject *context_save(PyObject *object, PyObject *tensors)
{
    ContextObject *self = (ContextObject *)object;

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tensors); i++) {
        PyObject *item = PyTuple_GET_ITEM(tensors, i);

        if (!tensor_check(item) && item != Py_None)
            return PyErr_Format(PyExc_TypeError,
                                "save_for_backward can only save variables, but argument %zd is of "
                                "type %s",
                                i, Py_TYPE(item)->tp_name);
    }
    Py_XSETREF(self->saved, Py_NewRef(tensors));
    Py_RETURN_NONE;
}

/* 0 when a saved tensor is as it was; else -1 with the error that names what it is now. */
static int check_version(const struct tensor *t, uint32_t version)
{
    char origin[128] = "";

    if (t->storage->version == version)
        return 0;
    if (t->grad_fn)
        snprintf(origin, sizeof(origin), ", which is output %u of %s,", t->output_nr,
                 node_name(t->grad_fn));
    graph_changed_error(t, version, origin);
    python_error();
    return -1;
}

/* The saved tensors, with those that went through hooks. */
static PyObject *unpacked(const ContextObject *self)
{
    Py_ssize_t count = PyTuple_GET_SIZE(self->saved);
    PyObject *tuple = PyTuple_New(count);

    for (Py_ssize_t i = 0; tuple && i < count; i++) {
        PyObject *item = packed_has(self->packed, (int)i)
                             ? tensor_wrap(packed_get(self->packed, (int)i))
                             : Py_NewRef(PyTuple_GET_ITEM(self->saved, i));

        if (item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *context_saved_tensors(PyObject *object, void *unused)
{
    ContextObject *self = (ContextObject *)object;
    Py_ssize_t count = self->saved && self->versions ? PyTuple_GET_SIZE(self->saved) : 0;

    (void)unused;
    for (Py_ssize_t i = 0; i < count && !self->released; i++) {
        PyObject *item = PyTuple_GET_ITEM(self->saved, i);

        if (tensor_check(item) && check_version(tensor_of(item), self->versions[i]) < 0)
            return NULL;
    }
    if (self->released)
        return PyErr_Format(PyExc_RuntimeError, "%s", graph_freed_text);
    if (self->packed)
        return unpacked(self);
    return self->saved ? Py_NewRef(self->saved) : PyTuple_New(0);
}

static PyObject *context_mark_dirty(PyObject *object, PyObject *tensors)
{
    Py_XSETREF(((ContextObject *)object)->dirty, Py_NewRef(tensors));
    Py_RETURN_NONE;
}

static PyObject *context_non_differentiable(PyObject *object, PyObject *tensors)
{
    Py_XSETREF(((ContextObject *)object)->non_differentiable, Py_NewRef(tensors));
    Py_RETURN_NONE;
}

static PyObject *context_materialize(PyObject *object, PyObject *on)
{
    ((ContextObject *)object)->materialize = PyObject_IsTrue(on);
    Py_RETURN_NONE;
}

static int context_traverse(PyObject *object, visitproc visit, void *arg)
{
    ContextObject *self = (ContextObject *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->saved);
    Py_VISIT(self->needs_input_grad);
    Py_VISIT(self->dict);
    Py_VISIT(self->non_differentiable);
    Py_VISIT(self->dirty);
    return 0;
}

static int context_clear(PyObject *object)
{
    ContextObject *self = (ContextObject *)object;

    Py_CLEAR(self->saved);
    Py_CLEAR(self->needs_input_grad);
    Py_CLEAR(self->dict);
    Py_CLEAR(self->non_differentiable);
    Py_CLEAR(self->dirty);
    return 0;
}

static void context_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    context_clear(object);
    PyMem_Free(((ContextObject *)object)->versions);
    packed_free(((ContextObject *)object)->packed);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Spec context_spec = {
    .name = "torch.autograd.function.FunctionCtx",
    .basicsize = sizeof(ContextObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = (PyType_Slot[]){
        {Py_tp_traverse, context_traverse},
        {Py_tp_clear, context_clear},
        {Py_tp_dealloc, context_dealloc},
        {Py_tp_methods,
         (PyMethodDef[]){
             {"save_for_backward", context_save, METH_VARARGS, NULL},
             {"mark_dirty", context_mark_dirty, METH_VARARGS, NULL},
             {"mark_non_differentiable", context_non_differentiable, METH_VARARGS, NULL},
             {"set_materialize_grads", context_materialize, METH_O, NULL},
             {NULL, NULL, 0, NULL}}},
        {Py_tp_getset, (PyGetSetDef[]){{"saved_tensors", context_saved_tensors, NULL, NULL, NULL},
                                       {NULL, NULL, NULL, NULL, NULL}}},
        {Py_tp_members, (PyMemberDef[]){{"needs_input_grad", T_OBJECT,
                                         offsetof(ContextObject, needs_input_grad), READONLY, NULL},
                                        {"__dictoffset__", T_PYSSIZET,
                                         offsetof(ContextObject, dict), READONLY, NULL},
                                        {NULL, 0, 0, 0, NULL}}},
        {0, NULL}}};

/* ---- for apply() ---- */

/* `in` compares with ==, which tensors answer element by element: identity is meant here. */
bool tuple_holds(PyObject *tuple, PyObject *object)
{
    for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); i++) {
        if (PyTuple_GET_ITEM(tuple, i) == object)
            return true;
    }
    return false;
}

/* Saved outputs would keep their node, and it them: ctx keeps them without history. */
static void cut_cycles(ContextObject *ctx, PyObject *outputs)
{
    Py_ssize_t count = ctx->saved ? PyTuple_GET_SIZE(ctx->saved) : 0;
    PyObject *saved = PyTuple_New(count);

    for (Py_ssize_t i = 0; saved && i < count; i++) {
        PyObject *item = PyTuple_GET_ITEM(ctx->saved, i);
        bool output = item == outputs || (PyTuple_Check(outputs) && tuple_holds(outputs, item));
        PyObject *kept = output && tensor_check(item) ? tensor_wrap(tensor_detach(tensor_of(item)))
                                                      : Py_NewRef(item);

        PyTuple_SET_ITEM(saved, i, kept);
    }
    if (saved)
        Py_XSETREF(ctx->saved, saved);
}

/* From now on the saved tensors must stay as they are. */
static int note_versions(ContextObject *ctx)
{
    Py_ssize_t count = ctx->saved ? PyTuple_GET_SIZE(ctx->saved) : 0;

    ctx->versions = PyMem_Calloc((size_t)count + 1, sizeof(*ctx->versions));
    if (!ctx->versions) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PyTuple_GET_ITEM(ctx->saved, i);

        if (item && tensor_check(item))
            ctx->versions[i] = tensor_of(item)->storage->version;
    }
    return 0;
}

/* Hands the saved tensors to the hooks for them. 0 or -1. */
static int pack_saved(ContextObject *ctx)
{
    Py_ssize_t count = ctx->saved ? PyTuple_GET_SIZE(ctx->saved) : 0;

    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PyTuple_GET_ITEM(ctx->saved, i);

        if (!tensor_check(item))
            continue;
        if (packed_add(&ctx->packed, (int)count, (int)i, tensor_of(item)) < 0) {
            python_error();
            return -1;
        }
        Py_DECREF(item);
        PyTuple_SET_ITEM(ctx->saved, i, Py_NewRef(Py_None)); /* cut_cycles() made the tuple */
    }
    return 0;
}

int context_seal(ContextObject *ctx, PyObject *outputs)
{
    cut_cycles(ctx, outputs);
    if (PyErr_Occurred())
        return -1;
    return saved_hooks ? pack_saved(ctx) : note_versions(ctx);
}

ContextObject *context_new(PyObject *args, bool *wanted)
{
    ContextObject *ctx = (ContextObject *)context_type->tp_alloc(context_type, 0);

    *wanted = false;
    if (!ctx)
        return NULL;
    ctx->materialize = true;
    ctx->needs_input_grad = PyTuple_New(PyTuple_GET_SIZE(args));
    for (Py_ssize_t i = 0; ctx->needs_input_grad && i < PyTuple_GET_SIZE(args); i++) {
        PyObject *item = PyTuple_GET_ITEM(args, i);
        bool needs = tensor_check(item) && tensor_of(item)->requires_grad;

        *wanted |= needs;
        PyTuple_SET_ITEM(ctx->needs_input_grad, i, PyBool_FromLong(needs));
    }
    return ctx;
}

int context_init(PyObject *module)
{
    context_type = (PyTypeObject *)PyType_FromSpec(&context_spec);
    return context_type ? PyModule_AddObjectRef(module, "FunctionCtx", (PyObject *)context_type)
                        : -1;
}
