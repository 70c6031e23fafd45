/* SequentialLR and ChainedScheduler: schedulers made of schedulers. */
#include "python/optim_scheduler.h"

/* ---- lists of schedulers ---- */

/* The same optimizer in all; `first` NULL: that of the first one. */
static int check_same_optimizer(PyObject *list, PyObject *expected, const char *format)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *own = PyObject_GetAttr(PyList_GET_ITEM(list, i), optim_names.optimizer);
        bool same = own == expected;

        Py_XDECREF(own);
        if (!own)
            return -1;
        if (!same) {
            PyErr_Format(PyExc_ValueError, format, i);
            return -1;
        }
    }
    return 0;
}

static int call_step(PyObject *scheduler, PyObject *epoch)
{
    PyObject *none = epoch ? PyObject_CallMethodOneArg(scheduler, optim_names.step, epoch)
                           : PyObject_CallMethodNoArgs(scheduler, optim_names.step);

    Py_XDECREF(none);
    return none ? 0 : -1;
}

static PyObject *members(PyObject *self)
{
    PyObject *list = PyObject_GetAttr(self, optim_names._schedulers);

    if (list && !PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "_schedulers must be a list");
        Py_CLEAR(list);
    }
    return list;
}

static PyObject *combined_state_dict(PyObject *self, PyObject *unused)
{
    PyObject *list = members(self), *states = list ? PyList_New(0) : NULL, *state = NULL;

    (void)unused;
    for (Py_ssize_t i = 0; states && i < PyList_GET_SIZE(list); i++) {
        PyObject *one = PyObject_CallMethodNoArgs(PyList_GET_ITEM(list, i), optim_names.state_dict);
        if (!one || PyList_Append(states, one) < 0)
            Py_CLEAR(states);
        Py_XDECREF(one);
    }
    if (states)
        state = scheduler_dict_without(
            self, (PyObject *[]){optim_names.optimizer, optim_names._schedulers, NULL});
    if (state && PyDict_SetItem(state, optim_names._schedulers, states) < 0)
        Py_CLEAR(state);
    Py_XDECREF(list);
    Py_XDECREF(states);
    return state;
}

static int load_members(PyObject *self, PyObject *states)
{
    PyObject *list = members(self);
    int status = list ? 0 : -1;

    if (list && (!PyList_Check(states) || PyList_GET_SIZE(states) != PyList_GET_SIZE(list))) {
        PyErr_Format(PyExc_ValueError, "the loaded state must have a list of %zd _schedulers",
                     PyList_GET_SIZE(list));
        status = -1;
    }
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(states); i++) {
        PyObject *none = PyObject_CallMethodOneArg(
            PyList_GET_ITEM(list, i), optim_names.load_state_dict, PyList_GET_ITEM(states, i));
        status = none ? 0 : -1;
        Py_XDECREF(none);
    }
    Py_XDECREF(list);
    return status;
}

static PyObject *combined_load_state_dict(PyObject *self, PyObject *state)
{
    PyObject *states, *rest;
    int status = -1;

    if (!PyDict_Check(state)) {
        PyErr_Format(PyExc_TypeError, "state_dict must be a dict, not %s", Py_TYPE(state)->tp_name);
        return NULL;
    }
    states = dict_item(state, optim_names._schedulers);
    rest = states ? PyDict_Copy(state) : NULL;
    if (rest && PyDict_DelItem(rest, optim_names._schedulers) == 0 &&
        load_members(self, states) == 0)
        status = scheduler_dict_update(self, rest);
    Py_XDECREF(rest);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

#define COMBINED_METHODS                                                                           \
    {"state_dict", combined_state_dict, METH_NOARGS, "Everything but the optimizer."},             \
    {                                                                                              \
        "load_state_dict", combined_load_state_dict, METH_O, "Takes over what state_dict() gave."  \
    }

/* ---- SequentialLR ---- */

static int check_sequence(PyObject *list, PyObject *optimizer, PyObject *milestones)
{
    if (check_same_optimizer(list, optimizer,
                             "Sequential Schedulers expects all schedulers to belong to the same "
                             "optimizer, but got schedulers at index %zd to be different than the "
                             "optimizer passed in.") < 0)
        return -1;
    if (PyList_GET_SIZE(list) != PyList_GET_SIZE(milestones) + 1) {
        PyErr_Format(PyExc_ValueError,
                     "Sequential Schedulers expects number of schedulers provided to be one more "
                     "than the number of milestone points, but got number of schedulers %zd and "
                     "the number of milestones to be equal to %zd",
                     PyList_GET_SIZE(list), PyList_GET_SIZE(milestones));
        return -1;
    }
    return 0;
}

/* The members have each made their first step: back to the start, and only the first one goes. */
static int rewind_members(PyObject *self, PyObject *list)
{
    PyObject *groups = scheduler_groups(self), *none;
    int status = groups ? 0 : -1;
    double epoch;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(groups); i++) {
        PyObject *group = PyList_GET_ITEM(groups, i);
        PyObject *rate = dict_item(group, optim_names.initial_lr);
        status = rate ? PyDict_SetItem(group, optim_names.lr, rate) : -1;
    }
    Py_XDECREF(groups);
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *member = PyList_GET_ITEM(list, i);
        status = attribute_number(member, optim_names.last_epoch, &epoch);
        if (status == 0)
            status = attribute_take(member, optim_names.last_epoch, PyLong_FromDouble(epoch - 1));
    }
    if (status < 0)
        return -1;
    none = PyObject_CallMethodNoArgs(PyList_GET_ITEM(list, 0), optim_names._initial_step);
    Py_XDECREF(none);
    return none ? 0 : -1;
}

static int take_last_rates(PyObject *self, PyObject *member)
{
    return attribute_take(self, optim_names._last_lr,
                          PyObject_CallMethodNoArgs(member, optim_names.get_last_lr));
}

enum { OPTIMIZER, SCHEDULERS, MILESTONES, LAST_EPOCH, VERBOSE, OPTIONS };

static int sequential_start(PyObject *self, PyObject *const *v)
{
    PyObject *optimizer = v[OPTIMIZER], *list, *milestones;
    long last_epoch = PyLong_AsLong(v[LAST_EPOCH]);
    int status = -1;

    if ((last_epoch == -1 && PyErr_Occurred()) || scheduler_check_optimizer(optimizer) < 0)
        return -1;
    list = PySequence_List(v[SCHEDULERS]);
    milestones = list ? PySequence_List(v[MILESTONES]) : NULL;
    if (milestones && check_sequence(list, optimizer, milestones) == 0 &&
        PyObject_SetAttr(self, optim_names._schedulers, list) == 0 &&
        PyObject_SetAttr(self, optim_names._milestones, milestones) == 0 &&
        attribute_take(self, optim_names.last_epoch, PyLong_FromLong(last_epoch + 1)) == 0 &&
        PyObject_SetAttr(self, optim_names.optimizer, optimizer) == 0 &&
        rewind_members(self, list) == 0)
        status = take_last_rates(self, PyList_GET_ITEM(list, 0));
    Py_XDECREF(list);
    Py_XDECREF(milestones);
    return status;
}

static int sequential_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"optimizer", "schedulers", "milestones", "last_epoch",
                                        "verbose"};
    static const struct binding binding = {"SequentialLR.__init__", names, OPTIONS, OPTIONS, 3, 1};

    return scheduler_construct(self, &binding, Py_BuildValue("(iO)", -1, Py_False), args, kwargs,
                               sequential_start);
}

/* How many milestones are not beyond the epoch; *starts: the last of these is the epoch itself. */
static Py_ssize_t passed(PyObject *milestones, double epoch, bool *starts)
{
    Py_ssize_t count = 0;
    double at;

    *starts = false;
    for (; count < PyList_GET_SIZE(milestones); count++) {
        if (number_from_python(PyList_GET_ITEM(milestones, count), "a milestone", &at) < 0)
            return -1;
        if (at > epoch)
            break;
        *starts = at == epoch;
    }
    return count;
}

static int sequential_advance(PyObject *self, PyObject *list, PyObject *milestones)
{
    PyObject *zero, *member;
    double epoch;
    bool starts;
    Py_ssize_t index;
    int status;

    if (attribute_number(self, optim_names.last_epoch, &epoch) < 0 ||
        attribute_take(self, optim_names.last_epoch, PyLong_FromDouble(epoch + 1)) < 0)
        return -1;
    index = passed(milestones, epoch + 1, &starts);
    if (index < 0)
        return -1;
    if (index >= PyList_GET_SIZE(list)) {
        PyErr_SetString(PyExc_IndexError, "there are more milestones than schedulers");
        return -1;
    }
    member = PyList_GET_ITEM(list, index);
    zero = PyLong_FromLong(0);
    status = call_step(member, starts ? zero : NULL);
    Py_DECREF(zero);
    return status < 0 ? -1 : take_last_rates(self, member);
}

static PyObject *sequential_step(PyObject *self, PyObject *unused)
{
    PyObject *list = members(self);
    PyObject *milestones = list ? PyObject_GetAttr(self, optim_names._milestones) : NULL;
    int status = -1;

    (void)unused;
    if (milestones && !PyList_Check(milestones))
        PyErr_SetString(PyExc_TypeError, "_milestones must be a list");
    else if (milestones)
        status = sequential_advance(self, list, milestones);
    Py_XDECREF(list);
    Py_XDECREF(milestones);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- ChainedScheduler ---- */

static int chained_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"schedulers", NULL};
    PyObject *schedulers, *list, *optimizer = NULL;
    int status = -1;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:ChainedScheduler", names, &schedulers))
        return -1;
    list = PySequence_List(schedulers);
    if (list && PyList_GET_SIZE(list) == 0)
        PyErr_SetString(PyExc_IndexError, "ChainedScheduler expects at least one scheduler");
    else if (list)
        optimizer = PyObject_GetAttr(PyList_GET_ITEM(list, 0), optim_names.optimizer);
    if (optimizer && scheduler_check_optimizer(optimizer) == 0 &&
        check_same_optimizer(list, optimizer,
                             "ChainedScheduler expects all schedulers to belong to the same "
                             "optimizer, but got schedulers at index 0 and %zd to be different") ==
            0 &&
        PyObject_SetAttr(self, optim_names._schedulers, list) == 0 &&
        PyObject_SetAttr(self, optim_names.optimizer, optimizer) == 0)
        status = scheduler_note_rates(self);
    Py_XDECREF(list);
    Py_XDECREF(optimizer);
    return status;
}

static PyObject *chained_step(PyObject *self, PyObject *unused)
{
    PyObject *list = members(self);
    int status = list ? 0 : -1;

    (void)unused;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++)
        status = call_step(PyList_GET_ITEM(list, i), NULL);
    Py_XDECREF(list);
    if (status < 0 || scheduler_note_rates(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- the types ---- */

static PyMethodDef sequential_methods[] = {
    {"step", sequential_step, METH_NOARGS, "The next epoch, of whose turn it is."},
    COMBINED_METHODS,
    {NULL, NULL, 0, NULL}};
static PyMethodDef chained_methods[] = {
    {"step", chained_step, METH_NOARGS, "The next epoch of every one."},
    COMBINED_METHODS,
    {NULL, NULL, 0, NULL}};

static PyType_Spec sequential_spec = {
    .name = "torch.optim.lr_scheduler.SequentialLR",
    .basicsize = sizeof(SchedulerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_init, sequential_construct},
        {Py_tp_methods, sequential_methods},
        {Py_tp_doc, "SequentialLR(optimizer, schedulers, milestones, last_epoch=-1, verbose=False)"
                    "\n--\n\nOne scheduler after the other: milestones say when the next begins."},
        {0, NULL}}};

static PyType_Spec chained_spec = {
    .name = "torch.optim.lr_scheduler.ChainedScheduler",
    .basicsize = sizeof(SchedulerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_init, chained_construct},
        {Py_tp_methods, chained_methods},
        {Py_tp_doc, "ChainedScheduler(schedulers)\n--\n\nAll schedulers, each epoch."},
        {0, NULL}}};

int combined_schedulers_init(PyObject *torch)
{
    PyTypeObject *type;

    if (scheduler_add_type(torch, &sequential_spec, scheduler_type, &type) < 0)
        return -1;
    return scheduler_add_type(torch, &chained_spec, scheduler_type, &type);
}
