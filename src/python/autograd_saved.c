/*
 * torch.autograd.graph: saved_tensors_hooks and its relatives, which decide what becomes of the
 * tensors that a graph saves.
 */
#include "autograd/autograd.h"
#include "python/autograd.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/nn_module.h"

/* ---- hooks that are Python callables ---- */

struct python_hooks {
    struct saved_hooks base;
    PyObject *pack, *unpack;
};

static void *call_pack(struct saved_hooks *hooks, struct tensor *t)
{
    PyObject *argument = tensor_object(t), *packed = NULL;
    uint32_t version = t->storage->version;
    bool before = grad_set_enabled(false);

    if (argument)
        packed = PyObject_CallOneArg(((struct python_hooks *)hooks)->pack, argument);
    grad_set_enabled(before);
    Py_XDECREF(argument);
    if (packed && t->storage->version != version) {
        PyErr_SetString(PyExc_RuntimeError,
                        "A saved tensor pack hook is modifying its input in place. Tensors "
                        "provided as input to pack hook can not be modified by in-place operations "
                        "as this can lead to unexpected side-effects. Please open an issue if you "
                        "need to perform in-place operations on the input to a pack hook.");
        Py_CLEAR(packed);
    }
    if (!packed)
        python_error_pending();
    return packed;
}

static struct tensor *call_unpack(struct saved_hooks *hooks, void *packed)
{
    PyObject *result = PyObject_CallOneArg(((struct python_hooks *)hooks)->unpack, packed);
    struct tensor *t = NULL;

    if (result && tensor_check(result))
        t = tensor_ref(tensor_of(result));
    else if (result)
        PyErr_Format(PyExc_TypeError,
                     "Output of saved tensor unpack_hook expected to be a Tensor but got result of "
                     "type %s",
                     Py_TYPE(result)->tp_name);
    Py_XDECREF(result);
    if (!t)
        python_error_pending();
    return t;
}

static void drop_packed(void *packed)
{
    Py_DECREF((PyObject *)packed);
}

static void free_hooks(struct saved_hooks *hooks)
{
    Py_DECREF(((struct python_hooks *)hooks)->pack);
    Py_DECREF(((struct python_hooks *)hooks)->unpack);
    PyMem_Free(hooks);
}

static struct saved_hooks *new_hooks(PyObject *pack, PyObject *unpack)
{
    struct python_hooks *made = PyMem_Calloc(1, sizeof(*made));

    if (!made) {
        PyErr_NoMemory();
        return NULL;
    }
    made->base = (struct saved_hooks){.refs = 1,
                                      .pack = call_pack,
                                      .unpack = call_unpack,
                                      .drop = drop_packed,
                                      .free = free_hooks};
    made->pack = Py_NewRef(pack);
    made->unpack = Py_NewRef(unpack);
    return &made->base;
}

/* ---- context managers ---- */

/* What disable_saved_tensors_hooks() says, or NULL. */
static PyObject *disabled;

/* What __exit__() puts back, on a list for managers that are entered again. */
struct outer {
    struct saved_hooks *hooks;
    PyObject *disabled;
    struct outer *next;
};

typedef struct {
    PyObject_HEAD PyObject *pack, *unpack; /* NULL in save_on_cpu and in disable_... */
    PyObject *message;                     /* of disable_saved_tensors_hooks */
    struct outer *outer;
} ManagerObject;

static int saved_init(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"pack_hook", "unpack_hook", NULL};
    ManagerObject *self = (ManagerObject *)object;
    PyObject *pack, *unpack;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:saved_tensors_hooks", names, &pack,
                                     &unpack))
        return -1;
    Py_XSETREF(self->pack, Py_NewRef(pack));
    Py_XSETREF(self->unpack, Py_NewRef(unpack));
    return 0;
}

/* Everything is on the CPU: there is nothing to do. */
static int save_on_cpu_init(PyObject *Py_UNUSED(object), PyObject *args, PyObject *keywords)
{
    static char *names[] = {"pin_memory", NULL};
    int pin = 0;

    return PyArg_ParseTupleAndKeywords(args, keywords, "|p:save_on_cpu", names, &pin) ? 0 : -1;
}

static int disable_init(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"error_message", NULL};
    PyObject *message;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "U:disable_saved_tensors_hooks", names,
                                     &message))
        return -1;
    Py_XSETREF(((ManagerObject *)object)->message, Py_NewRef(message));
    return 0;
}

static PyObject *enter(PyObject *object, PyObject *Py_UNUSED(none))
{
    ManagerObject *self = (ManagerObject *)object;
    struct saved_hooks *hooks = saved_hooks;
    struct outer *outer;

    if (self->pack && disabled)
        return PyErr_Format(PyExc_RuntimeError, "%U", disabled);
    if (self->pack && (!PyCallable_Check(self->pack) || !PyCallable_Check(self->unpack)))
        return PyErr_Format(PyExc_TypeError, "the hooks for saved tensors must be callable");
    if (self->pack)
        hooks = new_hooks(self->pack, self->unpack);
    else if (hooks)
        hooks->refs++;
    outer = hooks || !self->pack ? PyMem_Malloc(sizeof(*outer)) : NULL;
    if (!outer) {
        saved_hooks_unref(hooks);
        return PyErr_NoMemory();
    }
    *outer = (struct outer){saved_hooks, disabled, self->outer};
    self->outer = outer;
    saved_hooks = hooks;
    if (self->message)
        disabled = Py_NewRef(self->message);
    else
        Py_XINCREF(disabled);
    Py_RETURN_NONE;
}

static PyObject *leave(PyObject *object, PyObject *Py_UNUSED(args))
{
    ManagerObject *self = (ManagerObject *)object;
    struct outer *outer = self->outer;

    if (!outer)
        Py_RETURN_NONE;
    saved_hooks_unref(saved_hooks);
    Py_XDECREF(disabled);
    saved_hooks = outer->hooks;
    disabled = outer->disabled;
    self->outer = outer->next;
    PyMem_Free(outer);
    Py_RETURN_NONE;
}

static int manager_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((ManagerObject *)object)->pack);
    Py_VISIT(((ManagerObject *)object)->unpack);
    return 0;
}

static int manager_clear(PyObject *object)
{
    Py_CLEAR(((ManagerObject *)object)->pack);
    Py_CLEAR(((ManagerObject *)object)->unpack);
    Py_CLEAR(((ManagerObject *)object)->message);
    return 0;
}

static void manager_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    while (((ManagerObject *)object)->outer) /* a generator with one in it was dropped */
        Py_XDECREF(leave(object, NULL));
    manager_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static int add_manager(PyObject *home, const char *name, initproc init, const char *doc)
{
    static PyMethodDef methods[] = {{"__enter__", enter, METH_NOARGS, NULL},
                                    {"__exit__", leave, METH_VARARGS, NULL},
                                    {NULL, NULL, 0, NULL}};
    PyType_Slot slots[] = {{Py_tp_doc, (void *)doc},           {Py_tp_init, (void *)init},
                           {Py_tp_new, PyType_GenericNew},     {Py_tp_dealloc, manager_dealloc},
                           {Py_tp_traverse, manager_traverse}, {Py_tp_clear, manager_clear},
                           {Py_tp_methods, methods},           {0, NULL}};
    PyType_Spec spec = {name, sizeof(ManagerObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
    PyTypeObject *type;

    return module_add_type(home, &spec, NULL, &type);
}

int autograd_saved_init(PyObject *torch)
{
    PyObject *home = submodule(torch, "autograd.graph");

    if (!home ||
        add_manager(home, "torch.autograd.graph.saved_tensors_hooks", saved_init,
                    "saved_tensors_hooks(pack_hook, unpack_hook)\n--\n\nWhile it is entered, what "
                    "a graph saves goes through pack_hook(tensor), and through unpack_hook() when "
                    "backward() needs it.") < 0 ||
        add_manager(home, "torch.autograd.graph.save_on_cpu", save_on_cpu_init,
                    "save_on_cpu(pin_memory=False)\n--\n\nSaved tensors are kept on the CPU, where "
                    "they are.") < 0)
        return -1;
    return add_manager(home, "torch.autograd.graph.disable_saved_tensors_hooks", disable_init,
                       "disable_saved_tensors_hooks(error_message)\n--\n\nWhile it is entered, "
                       "saved_tensors_hooks is an error.");
}
