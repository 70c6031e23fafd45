/* torch.optim.lr_scheduler._LRScheduler: the object, and its state as a dict. */
#include "python/module.h"
#include "python/optim_scheduler.h"

#include <structmember.h>

PyTypeObject *scheduler_type;

/* ---- life ---- */

PyObject *scheduler_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    SchedulerObject *self = (SchedulerObject *)type->tp_alloc(type, 0);

    (void)args;
    (void)kwargs;
    if (self)
        self->row = schedule_class_of(type);
    return (PyObject *)self;
}

int scheduler_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((SchedulerObject *)self)->dict);
    return 0;
}

int scheduler_clear(PyObject *self)
{
    Py_CLEAR(((SchedulerObject *)self)->dict);
    return 0;
}

void scheduler_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (((SchedulerObject *)self)->weakrefs)
        PyObject_ClearWeakRefs(self);
    scheduler_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static int start(PyObject *self, PyObject *const *v)
{
    return scheduler_setup(self, v[0], v[1], v[2]);
}

static int scheduler_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"optimizer", "last_epoch", "verbose"};
    static const struct binding binding = {"_LRScheduler.__init__", names, 3, 3, 1, 1};

    return scheduler_construct(self, &binding, Py_BuildValue("(iO)", -1, Py_False), args, kwargs,
                               start);
}

/* ---- state ---- */

PyObject *scheduler_dict_without(PyObject *self, PyObject *const *keys)
{
    PyObject *dict = PyObject_GetAttr(self, optim_names.__dict__);
    PyObject *copy = dict ? PyDict_Copy(dict) : NULL;

    for (; copy && *keys; keys++) {
        int there = PyDict_Contains(copy, *keys);
        if (there < 0 || (there && PyDict_DelItem(copy, *keys) < 0))
            Py_CLEAR(copy);
    }
    Py_XDECREF(dict);
    return copy;
}

int scheduler_dict_update(PyObject *self, PyObject *state)
{
    PyObject *dict;
    int status;

    if (!PyDict_Check(state)) {
        PyErr_Format(PyExc_TypeError, "state_dict must be a dict, not %s", Py_TYPE(state)->tp_name);
        return -1;
    }
    dict = PyObject_GetAttr(self, optim_names.__dict__);
    status = dict ? PyDict_Update(dict, state) : -1;
    Py_XDECREF(dict);
    return status;
}

PyObject *scheduler_state_dict(PyObject *self, PyObject *unused)
{
    (void)unused;
    return scheduler_dict_without(self, (PyObject *[]){optim_names.optimizer, NULL});
}

PyObject *scheduler_load_state_dict(PyObject *self, PyObject *state)
{
    return scheduler_dict_update(self, state) < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- the type ---- */

PyMemberDef scheduler_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(SchedulerObject, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(SchedulerObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef scheduler_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Spec scheduler_spec = {
    .name = "torch.optim.lr_scheduler._LRScheduler",
    .basicsize = sizeof(SchedulerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = (PyType_Slot[]){
        {Py_tp_new, scheduler_new},
        {Py_tp_init, scheduler_init},
        {Py_tp_dealloc, scheduler_dealloc},
        {Py_tp_traverse, scheduler_traverse},
        {Py_tp_clear, scheduler_clear},
        {Py_tp_methods, scheduler_methods},
        {Py_tp_members, scheduler_members},
        {Py_tp_getset, scheduler_getset},
        {Py_tp_doc, "_LRScheduler(optimizer, last_epoch=-1, verbose=False)\n--\n\nThe base of "
                    "the schedulers. A subclass writes get_lr()."},
        {0, NULL}}};

int scheduler_type_init(PyObject *torch)
{
    PyObject *module;

    if (watch_init() < 0 || scheduler_add_type(torch, &scheduler_spec, NULL, &scheduler_type) < 0)
        return -1;
    module = submodule(torch, "optim.lr_scheduler");
    return module ? PyModule_AddObjectRef(module, "LRScheduler", (PyObject *)scheduler_type) : -1;
}
