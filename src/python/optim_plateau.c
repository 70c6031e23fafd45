/* ReduceLROnPlateau: a metric that has stopped to improve lowers the rate. */
#include "python/optim_scheduler.h"

#include <math.h>

/* ---- what is better ---- */

static int text_is(PyObject *self, PyObject *name, const char *text)
{
    PyObject *object = PyObject_GetAttr(self, name);
    int same = object
                   ? PyUnicode_Check(object) && PyUnicode_CompareWithASCIIString(object, text) == 0
                   : -1;

    Py_XDECREF(object);
    return same;
}

static int is_better(PyObject *self, double a, double best)
{
    int least = text_is(self, optim_names.mode, "min");
    int relative = text_is(self, optim_names.threshold_mode, "rel");
    double threshold;

    if (least < 0 || relative < 0 || attribute_number(self, optim_names.threshold, &threshold) < 0)
        return -1;
    if (least)
        return relative ? a < best * (1. - threshold) : a < best - threshold;
    return relative ? a > best * (threshold + 1.) : a > best + threshold;
}

static PyObject *plateau_is_better(PyObject *self, PyObject *args)
{
    PyObject *a, *best;
    double x, y;
    int better;

    if (!PyArg_ParseTuple(args, "OO:is_better", &a, &best) || number_from_python(a, "a", &x) < 0 ||
        number_from_python(best, "best", &y) < 0)
        return NULL;
    better = is_better(self, x, y);
    return better < 0 ? NULL : PyBool_FromLong(better);
}

/* Sets the value that any metric is better than; errors for modes that do not exist. */
static int note_worst(PyObject *self)
{
    int least = text_is(self, optim_names.mode, "min");
    int most = text_is(self, optim_names.mode, "max");
    int relative = text_is(self, optim_names.threshold_mode, "rel");
    int absolute = text_is(self, optim_names.threshold_mode, "abs");
    bool wrong_mode = !least && !most;
    PyObject *name;

    if (least < 0 || most < 0 || relative < 0 || absolute < 0)
        return -1;
    if (!wrong_mode && (relative || absolute))
        return attribute_take(self, optim_names.mode_worse,
                              PyFloat_FromDouble(least ? INFINITY : -INFINITY));
    name = PyObject_GetAttr(self, wrong_mode ? optim_names.mode : optim_names.threshold_mode);
    if (name)
        PyErr_Format(PyExc_ValueError, "%s %S is unknown!", wrong_mode ? "mode" : "threshold mode",
                     name);
    Py_XDECREF(name);
    return -1;
}

/* ---- construction ---- */

static PyObject *plateau_reset(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (attribute_take(self, optim_names.best, PyObject_GetAttr(self, optim_names.mode_worse)) <
            0 ||
        attribute_take(self, optim_names.cooldown_counter, PyLong_FromLong(0)) < 0 ||
        attribute_take(self, optim_names.num_bad_epochs, PyLong_FromLong(0)) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* One lower limit for all groups, or a list. */
static PyObject *limits(PyObject *optimizer, PyObject *min_lr)
{
    PyObject *groups = optimizer_groups((OptimizerObject *)optimizer);
    bool many = PyList_Check(min_lr) || PyTuple_Check(min_lr);

    if (groups && many && PySequence_Fast_GET_SIZE(min_lr) != PyList_GET_SIZE(groups)) {
        PyErr_Format(PyExc_ValueError, "expected %zd min_lrs, got %zd", PyList_GET_SIZE(groups),
                     PySequence_Fast_GET_SIZE(min_lr));
        return NULL;
    }
    return groups ? scheduler_per_group(optimizer, "min_lr", min_lr) : NULL;
}

enum {
    OPTIMIZER,
    MODE,
    FACTOR,
    PATIENCE,
    THRESHOLD,
    THRESHOLD_MODE,
    COOLDOWN,
    MIN_LR,
    EPS,
    VERBOSE,
    OPTIONS
};

/* In the order in which state_dict() shows them. */
static int set_attributes(PyObject *self, PyObject *const *v)
{
    const struct optim_names *n = &optim_names;

    if (PyObject_SetAttr(self, n->factor, v[FACTOR]) < 0 ||
        PyObject_SetAttr(self, n->optimizer, v[OPTIMIZER]) < 0 ||
        attribute_take(self, n->min_lrs, limits(v[OPTIMIZER], v[MIN_LR])) < 0 ||
        PyObject_SetAttr(self, n->patience, v[PATIENCE]) < 0 ||
        PyObject_SetAttr(self, n->verbose, v[VERBOSE]) < 0 ||
        PyObject_SetAttr(self, n->cooldown, v[COOLDOWN]) < 0 ||
        attribute_take(self, n->cooldown_counter, PyLong_FromLong(0)) < 0 ||
        PyObject_SetAttr(self, n->mode, v[MODE]) < 0 ||
        PyObject_SetAttr(self, n->threshold, v[THRESHOLD]) < 0 ||
        PyObject_SetAttr(self, n->threshold_mode, v[THRESHOLD_MODE]) < 0 ||
        PyObject_SetAttr(self, n->best, Py_None) < 0 ||
        PyObject_SetAttr(self, n->num_bad_epochs, Py_None) < 0 ||
        PyObject_SetAttr(self, n->mode_worse, Py_None) < 0 ||
        PyObject_SetAttr(self, n->eps, v[EPS]) < 0)
        return -1;
    return attribute_take(self, n->last_epoch, PyLong_FromLong(0));
}

static int start(PyObject *self, PyObject *const *v)
{
    PyObject *none;
    double factor;

    if (number_from_python(v[FACTOR], "factor", &factor) < 0)
        return -1;
    if (factor >= 1.0) {
        PyErr_SetString(PyExc_ValueError, "Factor should be < 1.0.");
        return -1;
    }
    if (scheduler_check_optimizer(v[OPTIMIZER]) < 0 || set_attributes(self, v) < 0 ||
        note_worst(self) < 0)
        return -1;
    none = PyObject_CallMethodNoArgs(self, optim_names._reset);
    Py_XDECREF(none);
    return none ? 0 : -1;
}

static int plateau_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"optimizer", "mode",           "factor",   "patience",
                                        "threshold", "threshold_mode", "cooldown", "min_lr",
                                        "eps",       "verbose"};
    static const struct binding binding = {
        "ReduceLROnPlateau.__init__", names, OPTIONS, OPTIONS, 1, 1};

    return scheduler_construct(
        self, &binding,
        Py_BuildValue("(sdidsiidO)", "min", 0.1, 10, 1e-4, "rel", 0, 0, 1e-8, Py_False), args,
        kwargs, start);
}

/* ---- step ---- */

/* Lowers the rate of one group, unless the change is next to nothing. */
static int reduce_group(PyObject *self, PyObject *group, Py_ssize_t index, PyObject *limit,
                        PyObject *epoch)
{
    PyObject *lr = dict_item(group, optim_names.lr);
    PyObject *verbose;
    double old, least, factor, eps;
    char text[32];
    int status, loud;

    if (!lr || number_from_python(lr, "lr", &old) < 0 ||
        number_from_python(limit, "min_lr", &least) < 0 ||
        attribute_number(self, optim_names.factor, &factor) < 0 ||
        attribute_number(self, optim_names.eps, &eps) < 0)
        return -1;
    if (!(old - fmax(old * factor, least) > eps))
        return 0;
    lr = least > old * factor ? Py_NewRef(limit) : PyFloat_FromDouble(old * factor);
    status = lr ? PyDict_SetItem(group, optim_names.lr, lr) : -1;
    Py_XDECREF(lr);
    verbose = status < 0 ? NULL : PyObject_GetAttr(self, optim_names.verbose);
    loud = verbose ? PyObject_IsTrue(verbose) : -1;
    Py_XDECREF(verbose);
    if (loud <= 0)
        return loud;
    if (epoch_text(epoch, text, sizeof(text)) < 0)
        return -1;
    return print_text("Epoch %s: reducing learning rate of group %zd to %.4e.\n", text, index,
                      fmax(old * factor, least));
}

static PyObject *plateau_reduce_lr(PyObject *self, PyObject *epoch)
{
    PyObject *groups = scheduler_groups(self);
    PyObject *least = groups ? PyObject_GetAttr(self, optim_names.min_lrs) : NULL;
    int status = least ? 0 : -1;

    if (least && (!PyList_Check(least) || PyList_GET_SIZE(least) < PyList_GET_SIZE(groups))) {
        PyErr_SetString(PyExc_IndexError, "min_lrs must be a list with a number for each group");
        status = -1;
    }
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(groups); i++)
        status =
            reduce_group(self, PyList_GET_ITEM(groups, i), i, PyList_GET_ITEM(least, i), epoch);
    Py_XDECREF(groups);
    Py_XDECREF(least);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* Counts the bad epochs; 1 when the rate is due to be lowered. */
static int count_epoch(PyObject *self, double current)
{
    double best, bad, waits, patience;
    int better;

    if (attribute_number(self, optim_names.best, &best) < 0 ||
        attribute_number(self, optim_names.num_bad_epochs, &bad) < 0 ||
        attribute_number(self, optim_names.cooldown_counter, &waits) < 0 ||
        attribute_number(self, optim_names.patience, &patience) < 0)
        return -1;
    better = is_better(self, current, best);
    if (better < 0 ||
        (better && attribute_take(self, optim_names.best, PyFloat_FromDouble(current)) < 0))
        return -1;
    bad = better ? 0 : bad + 1;
    if (waits > 0) {
        bad = 0;
        if (attribute_take(self, optim_names.cooldown_counter, PyLong_FromDouble(waits - 1)) < 0)
            return -1;
    }
    if (attribute_take(self, optim_names.num_bad_epochs, PyLong_FromDouble(bad)) < 0)
        return -1;
    return bad > patience;
}

static int reduce(PyObject *self, PyObject *epoch)
{
    PyObject *none = PyObject_CallMethodOneArg(self, optim_names._reduce_lr, epoch);

    Py_XDECREF(none);
    if (!none || attribute_take(self, optim_names.cooldown_counter,
                                PyObject_GetAttr(self, optim_names.cooldown)) < 0)
        return -1;
    return attribute_take(self, optim_names.num_bad_epochs, PyLong_FromLong(0));
}

static PyObject *plateau_step(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"metrics", "epoch", NULL};
    PyObject *metrics, *epoch = Py_None, *number;
    double current, last;
    int status;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:step", names, &metrics, &epoch) ||
        attribute_number(self, optim_names.last_epoch, &last) < 0)
        return NULL;
    number = PyNumber_Float(metrics);
    if (!number)
        return NULL;
    current = PyFloat_AS_DOUBLE(number);
    Py_DECREF(number);
    if (epoch != Py_None && scheduler_warn_epoch() < 0)
        return NULL;
    epoch = epoch == Py_None ? PyLong_FromDouble(last + 1) : Py_NewRef(epoch);
    if (!epoch)
        return NULL;
    status = PyObject_SetAttr(self, optim_names.last_epoch, epoch);
    if (status == 0)
        status = count_epoch(self, current);
    if (status > 0)
        status = reduce(self, epoch);
    Py_DECREF(epoch);
    if (status < 0 || scheduler_note_rates(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *get_in_cooldown(PyObject *self, void *unused)
{
    double waits;

    (void)unused;
    if (attribute_number(self, optim_names.cooldown_counter, &waits) < 0)
        return NULL;
    return PyBool_FromLong(waits > 0);
}

static PyObject *plateau_load_state_dict(PyObject *self, PyObject *state)
{
    if (scheduler_dict_update(self, state) < 0 || note_worst(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef plateau_methods[] = {
    {"step", WITH_KEYWORDS(plateau_step),
     "step(metrics, epoch=None)\n\nLooks at the metric of this epoch."},
    {"is_better", plateau_is_better, METH_VARARGS, "is_better(a, best)"},
    {"_reset", plateau_reset, METH_NOARGS, NULL},
    {"_reduce_lr", plateau_reduce_lr, METH_O, NULL},
    {"state_dict", scheduler_state_dict, METH_NOARGS, "Everything but the optimizer."},
    {"load_state_dict", plateau_load_state_dict, METH_O, "Takes over what state_dict() gave."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef plateau_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {"in_cooldown", get_in_cooldown, NULL, "epochs are not counted just now", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Spec plateau_spec = {
    .name = "torch.optim.lr_scheduler.ReduceLROnPlateau",
    .basicsize = sizeof(SchedulerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = (PyType_Slot[]){
        {Py_tp_new, scheduler_new},
        {Py_tp_init, plateau_construct},
        {Py_tp_dealloc, scheduler_dealloc},
        {Py_tp_traverse, scheduler_traverse},
        {Py_tp_clear, scheduler_clear},
        {Py_tp_methods, plateau_methods},
        {Py_tp_members, scheduler_members},
        {Py_tp_getset, plateau_getset},
        {Py_tp_doc, "ReduceLROnPlateau(optimizer, mode='min', factor=0.1, patience=10, "
                    "threshold=0.0001, threshold_mode='rel', cooldown=0, min_lr=0, eps=1e-08, "
                    "verbose=False)\n--\n\nLowers the rate when a metric has stopped to improve."},
        {0, NULL}}};

int plateau_init(PyObject *torch)
{
    PyTypeObject *type;

    return scheduler_add_type(torch, &plateau_spec, NULL, &type);
}
