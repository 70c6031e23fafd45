/* OneCycleLR (Smith and Topin 2019): up to a maximum, down to next to nothing. */
#include "python/optim_cycles.h"

#include <math.h>

enum {
    OPTIMIZER,
    MAX_LR,
    TOTAL_STEPS,
    EPOCHS,
    STEPS_PER_EPOCH,
    PCT_START,
    ANNEAL_STRATEGY,
    CYCLE_MOMENTUM,
    BASE_MOMENTUM,
    MAX_MOMENTUM,
    DIV_FACTOR,
    FINAL_DIV_FACTOR,
    THREE_PHASE,
    LAST_EPOCH,
    VERBOSE,
    OPTIONS
};

/* ---- construction ---- */

static int check_count(PyObject *value, const char *name)
{
    if (PyLong_Check(value) && PyLong_AsDouble(value) > 0)
        return 0;
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "Expected positive integer %s, but got %S", name, value);
    return -1;
}

/* The length of the cycle, given whole or as epochs times steps. */
static PyObject *total_steps(PyObject *const *v)
{
    if (v[TOTAL_STEPS] != Py_None)
        return check_count(v[TOTAL_STEPS], "total_steps") < 0 ? NULL : Py_NewRef(v[TOTAL_STEPS]);
    if (v[EPOCHS] == Py_None && v[STEPS_PER_EPOCH] == Py_None) {
        PyErr_SetString(PyExc_ValueError,
                        "You must define either total_steps OR (epochs AND steps_per_epoch)");
        return NULL;
    }
    if (check_count(v[EPOCHS], "epochs") < 0 ||
        check_count(v[STEPS_PER_EPOCH], "steps_per_epoch") < 0)
        return NULL;
    return PyNumber_Multiply(v[EPOCHS], v[STEPS_PER_EPOCH]);
}

/* One phase: until `end`, from the first pair of a group's entries to the second. Takes `end`. */
static int add_phase(PyObject *phases, PyObject *end, const char *lr_from, const char *lr_to,
                     const char *momentum_from, const char *momentum_to)
{
    PyObject *phase =
        end ? Py_BuildValue("{s:N,s:s,s:s,s:s,s:s}", "end_step", end, "start_lr", lr_from, "end_lr",
                            lr_to, "start_momentum", momentum_from, "end_momentum", momentum_to)
            : NULL;
    int status = phase ? PyList_Append(phases, phase) : -1;

    Py_XDECREF(phase);
    return status;
}

static PyObject *make_phases(double share, double total, bool three)
{
    PyObject *phases = PyList_New(0), *last = PyLong_FromDouble(total - 1);
    int status = phases ? 0 : -1;

    if (status == 0)
        status = add_phase(phases, PyFloat_FromDouble(share * total - 1), "initial_lr", "max_lr",
                           "max_momentum", "base_momentum");
    if (status == 0 && three)
        status = add_phase(phases, PyFloat_FromDouble(2 * share * total - 2), "max_lr",
                           "initial_lr", "base_momentum", "max_momentum");
    if (status == 0 && three)
        status = add_phase(phases, Py_XNewRef(last), "initial_lr", "min_lr", "max_momentum",
                           "max_momentum");
    else if (status == 0)
        status = add_phase(phases, Py_XNewRef(last), "max_lr", "min_lr", "base_momentum",
                           "max_momentum");
    Py_XDECREF(last);
    if (status < 0)
        Py_CLEAR(phases);
    return phases;
}

static int set_phases(PyObject *self, PyObject *const *v)
{
    double share, total;
    int three = PyObject_IsTrue(v[THREE_PHASE]);

    if (three < 0 || attribute_take(self, optim_names.total_steps, total_steps(v)) < 0 ||
        attribute_number(self, optim_names.total_steps, &total) < 0 ||
        number_from_python(v[PCT_START], "pct_start", &share) < 0)
        return -1;
    if (share < 0 || share > 1 || !PyFloat_Check(v[PCT_START])) {
        PyErr_Format(PyExc_ValueError, "Expected float between 0 and 1 pct_start, but got %S",
                     v[PCT_START]);
        return -1;
    }
    return attribute_take(self, optim_names._schedule_phases, make_phases(share, total, three));
}

static int set_strategy(PyObject *self, PyObject *name)
{
    if (!PyUnicode_Check(name) || (PyUnicode_CompareWithASCIIString(name, "cos") != 0 &&
                                   PyUnicode_CompareWithASCIIString(name, "linear") != 0)) {
        PyErr_Format(PyExc_ValueError,
                     "anneal_strategy must by one of 'cos' or 'linear', instead got %S", name);
        return -1;
    }
    return PyObject_SetAttr(self, optim_names._anneal_func_type, name);
}

/* group[name] = number */
static int set_number(PyObject *group, PyObject *name, double value)
{
    PyObject *number = PyFloat_FromDouble(value);
    int status = number ? PyDict_SetItem(group, name, number) : -1;

    Py_XDECREF(number);
    return status;
}

/* Each group learns the three rates of its cycle. */
static int set_rates(PyObject *optimizer, PyObject *const *v)
{
    PyObject *groups = optimizer_groups((OptimizerObject *)optimizer);
    PyObject *most = groups ? scheduler_per_group(optimizer, "max_lr", v[MAX_LR]) : NULL;
    int status = most ? groups_set(optimizer, optim_names.max_lr, most) : -1;
    double first, last, rate;

    if (status == 0 && (number_from_python(v[DIV_FACTOR], "div_factor", &first) < 0 ||
                        number_from_python(v[FINAL_DIV_FACTOR], "final_div_factor", &last) < 0))
        status = -1;
    if (status == 0 && (first == 0 || last == 0)) {
        PyErr_SetString(PyExc_ZeroDivisionError, "float division by zero");
        status = -1;
    }
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(groups); i++) {
        PyObject *group = PyList_GET_ITEM(groups, i);
        if (number_from_python(PyList_GET_ITEM(most, i), "max_lr", &rate) < 0 ||
            set_number(group, optim_names.initial_lr, rate / first) < 0 ||
            set_number(group, optim_names.min_lr, rate / first / last) < 0)
            status = -1;
    }
    Py_XDECREF(most);
    return status;
}

/* A group's momentum: its own option, or the first of Adam's betas. */
static int put_momentum(PyObject *group, PyObject *value, bool as_beta)
{
    PyObject *betas, *rest, *changed;
    int status;

    if (!as_beta)
        return PyDict_SetItem(group, optim_names.momentum, value);
    betas = dict_item(group, optim_names.betas);
    rest = betas ? PySequence_Tuple(betas) : NULL;
    if (rest && PyTuple_GET_SIZE(rest) < 1) {
        PyErr_SetString(PyExc_ValueError, "betas must be a pair of numbers");
        Py_CLEAR(rest);
    }
    changed = rest ? PyTuple_New(PyTuple_GET_SIZE(rest)) : NULL;
    for (Py_ssize_t i = 0; changed && i < PyTuple_GET_SIZE(rest); i++)
        PyTuple_SET_ITEM(changed, i, Py_NewRef(i ? PyTuple_GET_ITEM(rest, i) : value));
    status = changed ? PyDict_SetItem(group, optim_names.betas, changed) : -1;
    Py_XDECREF(rest);
    Py_XDECREF(changed);
    return status;
}

static int start_momentum(PyObject *optimizer, PyObject *const *v, bool as_beta, bool resumed)
{
    PyObject *groups = optimizer_groups((OptimizerObject *)optimizer);
    PyObject *most =
        groups ? scheduler_per_group(optimizer, "max_momentum", v[MAX_MOMENTUM]) : NULL;
    PyObject *base =
        most ? scheduler_per_group(optimizer, "base_momentum", v[BASE_MOMENTUM]) : NULL;
    int status = base ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && !resumed && i < PyList_GET_SIZE(groups); i++)
        status = put_momentum(PyList_GET_ITEM(groups, i), PyList_GET_ITEM(most, i), as_beta);
    if (status == 0 && !resumed &&
        (groups_set(optimizer, optim_names.max_momentum, most) < 0 ||
         groups_set(optimizer, optim_names.base_momentum, base) < 0))
        status = -1;
    Py_XDECREF(most);
    Py_XDECREF(base);
    return status;
}

static int set_momentum(PyObject *self, PyObject *optimizer, PyObject *const *v, bool resumed)
{
    PyObject *defaults = ((OptimizerObject *)optimizer)->defaults;
    int cycles = PyObject_IsTrue(v[CYCLE_MOMENTUM]), as_beta;

    if (cycles < 0 || PyObject_SetAttr(self, optim_names.cycle_momentum, v[CYCLE_MOMENTUM]) < 0)
        return -1;
    if (!cycles)
        return 0;
    as_beta = PyDict_Contains(defaults, optim_names.betas);
    if (as_beta < 0)
        return -1;
    if (!as_beta && PyDict_Contains(defaults, optim_names.momentum) != 1)
        return PyErr_Occurred() ? -1 : momentum_missing();
    if (PyObject_SetAttr(self, optim_names.use_beta1, as_beta ? Py_True : Py_False) < 0)
        return -1;
    return start_momentum(optimizer, v, as_beta, resumed);
}

static int start(PyObject *self, PyObject *const *v)
{
    PyObject *optimizer = v[OPTIMIZER];
    double last_epoch;

    if (scheduler_check_optimizer(optimizer) < 0 ||
        number_from_python(v[LAST_EPOCH], "last_epoch", &last_epoch) < 0 ||
        PyObject_SetAttr(self, optim_names.optimizer, optimizer) < 0 || set_phases(self, v) < 0 ||
        set_strategy(self, v[ANNEAL_STRATEGY]) < 0 ||
        (last_epoch == -1 && set_rates(optimizer, v) < 0) ||
        set_momentum(self, optimizer, v, last_epoch != -1) < 0)
        return -1;
    return scheduler_setup(self, optimizer, v[LAST_EPOCH], v[VERBOSE]);
}

static int one_cycle_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {
        "optimizer",  "max_lr",           "total_steps",    "epochs",        "steps_per_epoch",
        "pct_start",  "anneal_strategy",  "cycle_momentum", "base_momentum", "max_momentum",
        "div_factor", "final_div_factor", "three_phase",    "last_epoch",    "verbose"};
    static const struct binding binding = {"OneCycleLR.__init__", names, OPTIONS, OPTIONS, 2, 1};

    return scheduler_construct(self, &binding,
                               Py_BuildValue("(OOOdsOddddOiO)", Py_None, Py_None, Py_None, 0.3,
                                             "cos", Py_True, 0.85, 0.95, 25., 1e4, Py_False, -1,
                                             Py_False),
                               args, kwargs, start);
}

/* ---- rates ---- */

/* The way from `from` to `to`, by the share of it that is done. */
static double anneal(double from, double to, double share, bool by_cosine)
{
    if (!by_cosine)
        return (to - from) * share + from;
    return to + (from - to) / 2.0 * (cos(M_PI * share) + 1);
}

/* Where the cycle stands. */
struct moment {
    PyObject *phase; /* the dict, borrowed */
    double share;    /* of the phase that is done */
    bool by_cosine, momentum, as_beta;
};

static int find_phase(PyObject *phases, double epoch, struct moment *m)
{
    Py_ssize_t count = PyList_GET_SIZE(phases);
    double begin = 0, end;

    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *object;

        m->phase = PyList_GET_ITEM(phases, i);
        object = PyDict_Check(m->phase) ? dict_item(m->phase, optim_names.end_step) : NULL;
        if (!object || number_from_python(object, "end_step", &end) < 0)
            return -1;
        if (epoch <= end || i == count - 1)
            break;
        begin = end;
    }
    if (end == begin) {
        PyErr_SetString(PyExc_ZeroDivisionError, "float division by zero");
        return -1;
    }
    m->share = (epoch - begin) / (end - begin);
    return 0;
}

static int find_moment(PyObject *self, PyObject *phases, struct moment *m)
{
    PyObject *strategy;
    double epoch, total;
    int cycles, as_beta = 0;

    if (attribute_number(self, optim_names.last_epoch, &epoch) < 0 ||
        attribute_number(self, optim_names.total_steps, &total) < 0)
        return -1;
    if (epoch > total) {
        PyErr_Format(PyExc_ValueError,
                     "Tried to step %lld times. The specified number of total steps is %lld",
                     (long long)epoch + 1, (long long)total);
        return -1;
    }
    cycles = attribute_is_true(self, optim_names.cycle_momentum);
    if (cycles > 0)
        as_beta = attribute_is_true(self, optim_names.use_beta1);
    strategy = PyObject_GetAttr(self, optim_names._anneal_func_type);
    if (cycles < 0 || as_beta < 0 || !strategy) {
        Py_XDECREF(strategy);
        return -1;
    }
    m->by_cosine =
        PyUnicode_Check(strategy) && PyUnicode_CompareWithASCIIString(strategy, "cos") == 0;
    Py_DECREF(strategy);
    m->momentum = cycles;
    m->as_beta = as_beta;
    return find_phase(phases, epoch, m);
}

/* Between the two entries of the group that the phase names. */
static PyObject *entry_between(PyObject *group, const struct moment *m, PyObject *from,
                               PyObject *to)
{
    PyObject *first = dict_item(m->phase, from), *second = first ? dict_item(m->phase, to) : NULL;
    double a, b;

    first = second ? dict_item(group, first) : NULL;
    second = first ? dict_item(group, second) : NULL;
    if (!second || number_from_python(first, "the start of a phase", &a) < 0 ||
        number_from_python(second, "the end of a phase", &b) < 0)
        return NULL;
    return PyFloat_FromDouble(anneal(a, b, m->share, m->by_cosine));
}

static PyObject *group_rate(PyObject *group, const struct moment *m)
{
    PyObject *momentum;
    int status;

    if (m->momentum) {
        momentum = entry_between(group, m, optim_names.start_momentum, optim_names.end_momentum);
        status = momentum ? put_momentum(group, momentum, m->as_beta) : -1;
        Py_XDECREF(momentum);
        if (status < 0)
            return NULL;
    }
    return entry_between(group, m, optim_names.start_lr, optim_names.end_lr);
}

static PyObject *one_cycle_get_lr(PyObject *self, PyObject *unused)
{
    PyObject *phases, *groups = NULL, *rates = NULL;
    struct moment moment;

    (void)unused;
    if (scheduler_warn_outside_step(self) < 0)
        return NULL;
    phases = PyObject_GetAttr(self, optim_names._schedule_phases);
    if (phases && (!PyList_Check(phases) || PyList_GET_SIZE(phases) == 0))
        PyErr_SetString(PyExc_TypeError, "_schedule_phases must be a list of phases");
    else if (phases && find_moment(self, phases, &moment) == 0)
        groups = scheduler_groups(self);
    if (groups)
        rates = PyList_New(0);
    for (Py_ssize_t i = 0; rates && i < PyList_GET_SIZE(groups); i++) {
        PyObject *rate = group_rate(PyList_GET_ITEM(groups, i), &moment);
        if (!rate || PyList_Append(rates, rate) < 0)
            Py_CLEAR(rates);
        Py_XDECREF(rate);
    }
    Py_XDECREF(phases);
    Py_XDECREF(groups);
    return rates;
}

/* ---- the type ---- */

static PyMethodDef one_cycle_methods[] = {{"get_lr", one_cycle_get_lr, METH_NOARGS, NULL},
                                          {NULL, NULL, 0, NULL}};

static PyType_Spec one_cycle_spec = {
    .name = "torch.optim.lr_scheduler.OneCycleLR",
    .basicsize = sizeof(SchedulerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_init, one_cycle_construct},
        {Py_tp_methods, one_cycle_methods},
        {Py_tp_doc, "OneCycleLR(optimizer, max_lr, total_steps=None, epochs=None, "
                    "steps_per_epoch=None, pct_start=0.3, anneal_strategy='cos', "
                    "cycle_momentum=True, base_momentum=0.85, max_momentum=0.95, div_factor=25.0, "
                    "final_div_factor=10000.0, three_phase=False, last_epoch=-1, verbose=False)"
                    "\n--\n\nUp to max_lr, then down to next to nothing."},
        {0, NULL}}};

int one_cycle_init(PyObject *torch)
{
    PyTypeObject *type;

    return scheduler_add_type(torch, &one_cycle_spec, scheduler_type, &type);
}
