/* CyclicLR (Smith 2017): up and down between two rates. */
#include "python/optim_cycles.h"

#include <math.h>

enum {
    OPTIMIZER,
    BASE_LR,
    MAX_LR,
    SIZE_UP,
    SIZE_DOWN,
    MODE,
    GAMMA,
    SCALE_FN,
    SCALE_MODE,
    CYCLE_MOMENTUM,
    BASE_MOMENTUM,
    MAX_MOMENTUM,
    LAST_EPOCH,
    VERBOSE,
    OPTIONS
};

/* ---- construction ---- */

int groups_set(PyObject *optimizer, PyObject *key, PyObject *values)
{
    PyObject *groups = optimizer_groups((OptimizerObject *)optimizer);

    for (Py_ssize_t i = 0; groups && i < PyList_GET_SIZE(groups); i++)
        if (PyDict_SetItem(PyList_GET_ITEM(groups, i), key, PyList_GET_ITEM(values, i)) < 0)
            return -1;
    return groups ? 0 : -1;
}

int momentum_missing(void)
{
    PyErr_SetString(PyExc_ValueError,
                    "optimizer must support momentum with `cycle_momentum` option enabled");
    return -1;
}

/* total_size and step_ratio from the lengths of the two halves. */
static int set_sizes(PyObject *self, PyObject *const *v)
{
    double up, down;

    if (number_from_python(v[SIZE_UP], "step_size_up", &up) < 0)
        return -1;
    down = up;
    if (v[SIZE_DOWN] != Py_None && number_from_python(v[SIZE_DOWN], "step_size_down", &down) < 0)
        return -1;
    if (up + down == 0) {
        PyErr_SetString(PyExc_ZeroDivisionError, "float division by zero");
        return -1;
    }
    if (attribute_take(self, optim_names.total_size, PyFloat_FromDouble(up + down)) < 0)
        return -1;
    return attribute_take(self, optim_names.step_ratio, PyFloat_FromDouble(up / (up + down)));
}

static bool is_mode(PyObject *mode, const char *name)
{
    return PyUnicode_Check(mode) && PyUnicode_CompareWithASCIIString(mode, name) == 0;
}

/* How the height of a cycle changes: by a known mode, or by a function of the user. */
static int set_mode(PyObject *self, PyObject *const *v)
{
    bool by_cycle = is_mode(v[MODE], "triangular") || is_mode(v[MODE], "triangular2");
    bool known = by_cycle || is_mode(v[MODE], "exp_range"), custom = v[SCALE_FN] != Py_None;
    PyObject *scale_mode;

    if (!known && !custom) {
        PyErr_SetString(PyExc_ValueError, "mode is invalid and scale_fn is None");
        return -1;
    }
    if (PyObject_SetAttr(self, optim_names.mode, v[MODE]) < 0 ||
        PyObject_SetAttr(self, optim_names.gamma, v[GAMMA]) < 0 ||
        PyObject_SetAttr(self, optim_names._scale_fn_custom, v[SCALE_FN]) < 0)
        return -1;
    scale_mode =
        custom ? Py_NewRef(v[SCALE_MODE]) : PyUnicode_FromString(by_cycle ? "cycle" : "iterations");
    return attribute_take(self, optim_names.scale_mode, scale_mode);
}

static int set_momentum(PyObject *self, PyObject *optimizer, PyObject *const *v, bool resumed)
{
    PyObject *defaults = ((OptimizerObject *)optimizer)->defaults, *base;
    int cycles = PyObject_IsTrue(v[CYCLE_MOMENTUM]), status = 0;

    if (cycles < 0 || PyObject_SetAttr(self, optim_names.cycle_momentum, v[CYCLE_MOMENTUM]) < 0)
        return -1;
    if (!cycles)
        return 0;
    if (PyDict_Contains(defaults, optim_names.momentum) != 1)
        return PyErr_Occurred() ? -1 : momentum_missing();
    base = scheduler_per_group(optimizer, "base_momentum", v[BASE_MOMENTUM]);
    if (!base)
        return -1;
    if (!resumed)
        status = groups_set(optimizer, optim_names.momentum, base);
    Py_DECREF(base);
    if (status < 0 || attribute_take(self, optim_names.base_momentums,
                                     scheduler_collect(self, optim_names.momentum)) < 0)
        return -1;
    return attribute_take(self, optim_names.max_momentums,
                          scheduler_per_group(optimizer, "max_momentum", v[MAX_MOMENTUM]));
}

static int start(PyObject *self, PyObject *const *v)
{
    PyObject *optimizer = v[OPTIMIZER], *base_lrs;
    double last_epoch;
    int status = -1;

    if (scheduler_check_optimizer(optimizer) < 0 ||
        number_from_python(v[LAST_EPOCH], "last_epoch", &last_epoch) < 0 ||
        PyObject_SetAttr(self, optim_names.optimizer, optimizer) < 0)
        return -1;
    base_lrs = scheduler_per_group(optimizer, "base_lr", v[BASE_LR]);
    if (base_lrs && (last_epoch != -1 || groups_set(optimizer, optim_names.lr, base_lrs) == 0) &&
        attribute_take(self, optim_names.max_lrs,
                       scheduler_per_group(optimizer, "max_lr", v[MAX_LR])) == 0 &&
        set_sizes(self, v) == 0 && set_mode(self, v) == 0 &&
        set_momentum(self, optimizer, v, last_epoch != -1) == 0 &&
        scheduler_setup(self, optimizer, v[LAST_EPOCH], v[VERBOSE]) == 0)
        status = PyObject_SetAttr(self, optim_names.base_lrs, base_lrs);
    Py_XDECREF(base_lrs);
    return status;
}

static int cyclic_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {
        "optimizer",     "base_lr",      "max_lr",     "step_size_up", "step_size_down",
        "mode",          "gamma",        "scale_fn",   "scale_mode",   "cycle_momentum",
        "base_momentum", "max_momentum", "last_epoch", "verbose"};
    static const struct binding binding = {"CyclicLR.__init__", names, OPTIONS, OPTIONS, 3, 1};

    return scheduler_construct(self, &binding,
                               Py_BuildValue("(iOsdOsOddiO)", 2000, Py_None, "triangular", 1.,
                                             Py_None, "cycle", Py_True, 0.8, 0.9, -1, Py_False),
                               args, kwargs, start);
}

/* ---- rates ---- */

/* The height of a cycle, or at an iteration. */
static PyObject *cyclic_scale_fn(PyObject *self, PyObject *x)
{
    PyObject *custom = PyObject_GetAttr(self, optim_names._scale_fn_custom), *mode, *height = NULL;
    double at, gamma;

    if (!custom)
        return NULL;
    if (custom != Py_None) {
        height = PyObject_CallOneArg(custom, x);
        Py_DECREF(custom);
        return height;
    }
    Py_DECREF(custom);
    mode = PyObject_GetAttr(self, optim_names.mode);
    if (!mode || number_from_python(x, "x", &at) < 0 ||
        attribute_number(self, optim_names.gamma, &gamma) < 0)
        height = NULL;
    else if (is_mode(mode, "triangular2"))
        height = PyFloat_FromDouble(1 / pow(2., at - 1));
    else
        height = PyFloat_FromDouble(is_mode(mode, "exp_range") ? pow(gamma, at) : 1.);
    Py_XDECREF(mode);
    return height;
}

/* Where in its cycle an epoch lies, 0 to 1 and back, times the height of that cycle. */
struct place {
    double share, height;
};

static int find_place(PyObject *self, struct place *p)
{
    double epoch, size, ratio, cycle, x;
    PyObject *mode = PyObject_GetAttr(self, optim_names.scale_mode), *at, *height;
    int status;

    if (!mode || attribute_number(self, optim_names.last_epoch, &epoch) < 0 ||
        attribute_number(self, optim_names.total_size, &size) < 0 ||
        attribute_number(self, optim_names.step_ratio, &ratio) < 0) {
        Py_XDECREF(mode);
        return -1;
    }
    cycle = floor(1 + epoch / size);
    x = 1. + epoch / size - cycle;
    p->share = x <= ratio ? x / ratio : (x - 1) / (ratio - 1);
    at = is_mode(mode, "cycle") ? PyLong_FromDouble(cycle)
                                : PyObject_GetAttr(self, optim_names.last_epoch);
    Py_DECREF(mode);
    height = at ? PyObject_CallMethodOneArg(self, optim_names.scale_fn, at) : NULL;
    status = height ? number_from_python(height, "scale_fn()", &p->height) : -1;
    Py_XDECREF(at);
    Py_XDECREF(height);
    return status;
}

/* from + (to - from) * share, for each group; momentum goes the other way: from its maximum. */
static PyObject *between(PyObject *self, PyObject *least, PyObject *most, const struct place *p,
                         bool falling)
{
    PyObject *low = PyObject_GetAttr(self, least), *high = NULL, *list = NULL;

    if (low)
        high = PyObject_GetAttr(self, most);
    if (high && (!PyList_Check(low) || !PyList_Check(high)))
        PyErr_Format(PyExc_TypeError, "%U and %U must be lists", least, most);
    else if (high)
        list = PyList_New(0);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(low) && i < PyList_GET_SIZE(high); i++) {
        PyObject *value = NULL;
        double a, b, way;

        if (number_from_python(PyList_GET_ITEM(low, i), PyUnicode_AsUTF8(least), &a) == 0 &&
            number_from_python(PyList_GET_ITEM(high, i), PyUnicode_AsUTF8(most), &b) == 0) {
            way = (b - a) * p->share;
            value = PyFloat_FromDouble(falling ? b - way * p->height : a + way * p->height);
        }
        if (!value || PyList_Append(list, value) < 0)
            Py_CLEAR(list);
        Py_XDECREF(value);
    }
    Py_XDECREF(low);
    Py_XDECREF(high);
    return list;
}

static int cycle_momentum(PyObject *self, const struct place *p)
{
    PyObject *values =
        between(self, optim_names.base_momentums, optim_names.max_momentums, p, true);
    PyObject *groups = values ? scheduler_groups(self) : NULL;
    int status = groups ? 0 : -1;

    for (Py_ssize_t i = 0;
         status == 0 && i < PyList_GET_SIZE(groups) && i < PyList_GET_SIZE(values); i++)
        status = PyDict_SetItem(PyList_GET_ITEM(groups, i), optim_names.momentum,
                                PyList_GET_ITEM(values, i));
    Py_XDECREF(values);
    Py_XDECREF(groups);
    return status;
}

static PyObject *cyclic_get_lr(PyObject *self, PyObject *unused)
{
    struct place place;
    int cycles;

    (void)unused;
    if (scheduler_warn_outside_step(self) < 0 || find_place(self, &place) < 0)
        return NULL;
    cycles = attribute_is_true(self, optim_names.cycle_momentum);
    if (cycles < 0 || (cycles && cycle_momentum(self, &place) < 0))
        return NULL;
    return between(self, optim_names.base_lrs, optim_names.max_lrs, &place, false);
}

/* ---- the type ---- */

static PyMethodDef cyclic_methods[] = {
    {"get_lr", cyclic_get_lr, METH_NOARGS, NULL},
    {"scale_fn", cyclic_scale_fn, METH_O, "scale_fn(x)\n\nThe height of a cycle."},
    {NULL, NULL, 0, NULL}};

static PyType_Spec cyclic_spec = {
    .name = "torch.optim.lr_scheduler.CyclicLR",
    .basicsize = sizeof(SchedulerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_init, cyclic_construct},
        {Py_tp_methods, cyclic_methods},
        {Py_tp_doc, "CyclicLR(optimizer, base_lr, max_lr, step_size_up=2000, step_size_down=None, "
                    "mode='triangular', gamma=1.0, scale_fn=None, scale_mode='cycle', "
                    "cycle_momentum=True, base_momentum=0.8, max_momentum=0.9, last_epoch=-1, "
                    "verbose=False)\n--\n\nUp and down between base_lr and max_lr."},
        {0, NULL}}};

int cyclic_init(PyObject *torch)
{
    PyTypeObject *type;

    return scheduler_add_type(torch, &cyclic_spec, scheduler_type, &type);
}
