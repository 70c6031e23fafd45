/*
 * Counts the steps of an optimizer whose step() is written in Python, for the schedulers' warning.
 * The optimizers of the table and LBFGS count for themselves; for others the instance gets a step()
 * of its own that counts and calls theirs.
 */
#include "python/optim_parts.h"

#include "python/module.h"

#include <structmember.h>

typedef struct {
    PyObject_HEAD PyObject *optimizer; /* a weak reference: the optimizer owns this object */
    PyObject *function;                /* takes the optimizer as its first argument when `binds` */
    bool binds;
    char with_counter; /* what PyTorch marks such functions with */
} CountedStep;

static PyTypeObject *counted_type;

static int counted_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((CountedStep *)object)->optimizer);
    Py_VISIT(((CountedStep *)object)->function);
    return 0;
}

static int counted_clear(PyObject *object)
{
    Py_CLEAR(((CountedStep *)object)->optimizer);
    Py_CLEAR(((CountedStep *)object)->function);
    return 0;
}

static void counted_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    counted_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *with_first(PyObject *first, PyObject *args)
{
    PyObject *all = PyTuple_New(PyTuple_GET_SIZE(args) + 1);

    if (!all)
        return NULL;
    PyTuple_SET_ITEM(all, 0, Py_NewRef(first));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++)
        PyTuple_SET_ITEM(all, i + 1, Py_NewRef(PyTuple_GET_ITEM(args, i)));
    return all;
}

static PyObject *counted_call(PyObject *object, PyObject *args, PyObject *kwargs)
{
    CountedStep *self = (CountedStep *)object;
    PyObject *optimizer = PyWeakref_GetObject(self->optimizer), *all, *result;

    if (!optimizer || optimizer == Py_None) {
        PyErr_SetString(PyExc_ReferenceError, "the optimizer of this step() is gone");
        return NULL;
    }
    Py_INCREF(optimizer);
    ((OptimizerObject *)optimizer)->step_count++;
    all = self->binds ? with_first(optimizer, args) : Py_NewRef(args);
    result = all ? PyObject_Call(self->function, all, kwargs) : NULL;
    Py_XDECREF(all);
    Py_DECREF(optimizer);
    return result;
}

static PyMemberDef counted_members[] = {
    {"__func__", T_OBJECT, offsetof(CountedStep, function), READONLY, NULL},
    {"__wrapped__", T_OBJECT, offsetof(CountedStep, function), READONLY, NULL},
    {"_with_counter", T_BOOL, offsetof(CountedStep, with_counter), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyType_Spec counted_spec = {.name = "torch.optim.lr_scheduler._CountedStep",
                                   .basicsize = sizeof(CountedStep),
                                   .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                            Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                   .slots = (PyType_Slot[]){{Py_tp_call, counted_call},
                                                            {Py_tp_dealloc, counted_dealloc},
                                                            {Py_tp_traverse, counted_traverse},
                                                            {Py_tp_clear, counted_clear},
                                                            {Py_tp_members, counted_members},
                                                            {0, NULL}}};

int optimizer_is_watched(PyObject *optimizer)
{
    PyObject *step = PyObject_GetAttr(optimizer, optim_names.step);
    int watched;

    if (!step)
        return -1;
    watched = (PyCFunction_Check(step) && PyCFunction_GET_SELF(step) == optimizer) ||
              PyObject_HasAttr(step, optim_names._with_counter);
    Py_DECREF(step);
    return watched;
}

static PyObject *counted(PyObject *optimizer)
{
    PyObject *step = PyObject_GetAttr(optimizer, optim_names.step);
    CountedStep *self = step ? PyObject_GC_New(CountedStep, counted_type) : NULL;

    if (!self) {
        Py_XDECREF(step);
        return NULL;
    }
    self->binds = PyMethod_Check(step) && PyMethod_GET_SELF(step) == optimizer;
    self->function = self->binds ? Py_NewRef(PyMethod_GET_FUNCTION(step)) : Py_NewRef(step);
    self->with_counter = 1;
    Py_DECREF(step);
    self->optimizer = PyWeakref_NewRef(optimizer, NULL);
    PyObject_GC_Track(self);
    if (!self->optimizer)
        Py_CLEAR(self);
    return (PyObject *)self;
}

int optimizer_watch(PyObject *optimizer)
{
    int watched = optimizer_is_watched(optimizer), status;
    PyObject *step;

    if (watched)
        return watched < 0 ? -1 : 0;
    step = counted(optimizer);
    status = step ? PyObject_SetAttr(optimizer, optim_names.step, step) : -1;
    Py_XDECREF(step);
    return status;
}

int watch_init(void)
{
    counted_type = (PyTypeObject *)PyType_FromSpec(&counted_spec);
    return counted_type ? 0 : -1;
}
