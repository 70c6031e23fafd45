/* CosineAnnealingWarmRestarts (Loshchilov and Hutter 2017, SGDR). */
#include "python/optim_scheduler.h"

#include <math.h>

/* A whole number of at least `least`. */
static int check_whole(PyObject *value, long least, const char *expected)
{
    if (PyLong_Check(value) && PyLong_AsDouble(value) >= (double)least)
        return 0;
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "Expected %s, but got %S", expected, value);
    return -1;
}

enum { OPTIMIZER, T_0, T_MULT, ETA_MIN, LAST_EPOCH, VERBOSE, OPTIONS };

static int start(PyObject *self, PyObject *const *v)
{
    if (check_whole(v[T_0], 1, "positive integer T_0") < 0 ||
        check_whole(v[T_MULT], 1, "integer T_mult >= 1") < 0 ||
        PyObject_SetAttr(self, optim_names.T_0, v[T_0]) < 0 ||
        PyObject_SetAttr(self, optim_names.T_i, v[T_0]) < 0 ||
        PyObject_SetAttr(self, optim_names.T_mult, v[T_MULT]) < 0 ||
        PyObject_SetAttr(self, optim_names.eta_min, v[ETA_MIN]) < 0 ||
        PyObject_SetAttr(self, optim_names.T_cur, v[LAST_EPOCH]) < 0)
        return -1;
    return scheduler_setup(self, v[OPTIMIZER], v[LAST_EPOCH], v[VERBOSE]);
}

static int restarts_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"optimizer", "T_0",        "T_mult",
                                        "eta_min",   "last_epoch", "verbose"};
    static const struct binding binding = {
        "CosineAnnealingWarmRestarts.__init__", names, OPTIONS, OPTIONS, 2, 1};

    return scheduler_construct(self, &binding, Py_BuildValue("(iiiO)", 1, 0, -1, Py_False), args,
                               kwargs, start);
}

static PyObject *restarts_get_lr(PyObject *self, PyObject *unused)
{
    PyObject *base_lrs, *bases, *rates;
    double eta_min, current, period, base;

    (void)unused;
    if (scheduler_warn_outside_step(self) < 0 ||
        attribute_number(self, optim_names.eta_min, &eta_min) < 0 ||
        attribute_number(self, optim_names.T_cur, &current) < 0 ||
        attribute_number(self, optim_names.T_i, &period) < 0)
        return NULL;
    base_lrs = PyObject_GetAttr(self, optim_names.base_lrs);
    bases = base_lrs ? PySequence_Fast(base_lrs, "base_lrs must be a list") : NULL;
    rates = bases ? PyList_New(0) : NULL;
    for (Py_ssize_t i = 0; rates && i < PySequence_Fast_GET_SIZE(bases); i++) {
        PyObject *rate = NULL;

        if (number_from_python(PySequence_Fast_GET_ITEM(bases, i), "base_lrs", &base) == 0)
            rate = PyFloat_FromDouble(eta_min +
                                      (base - eta_min) * (1 + cos(M_PI * current / period)) / 2);
        if (!rate || PyList_Append(rates, rate) < 0)
            Py_CLEAR(rates);
        Py_XDECREF(rate);
    }
    Py_XDECREF(base_lrs);
    Py_XDECREF(bases);
    return rates;
}

/* Where an epoch lies: how far into which period. */
struct phase {
    double first, factor; /* T_0, T_mult */
    double current, period;
    bool whole; /* current is an int in Python */
};

static void phase_next(struct phase *p)
{
    p->current += 1;
    if (p->current >= p->period) {
        p->current -= p->period;
        p->period *= p->factor;
    }
}

static void phase_at(struct phase *p, double epoch)
{
    double n;

    if (epoch < p->first) {
        p->period = p->first;
        p->current = epoch;
    } else if (p->factor == 1) {
        p->current = fmod(epoch, p->first);
    } else {
        n = trunc(log(epoch / p->first * (p->factor - 1) + 1) / log(p->factor));
        p->current = epoch - p->first * (pow(p->factor, n) - 1) / (p->factor - 1);
        p->period = p->first * pow(p->factor, n);
        p->whole = false;
    }
}

static int phase_read(PyObject *self, struct phase *p)
{
    PyObject *current = PyObject_GetAttr(self, optim_names.T_cur);
    int status = current ? number_from_python(current, "T_cur", &p->current) : -1;

    p->whole = current && PyLong_Check(current);
    Py_XDECREF(current);
    if (status < 0 || attribute_number(self, optim_names.T_0, &p->first) < 0 ||
        attribute_number(self, optim_names.T_mult, &p->factor) < 0)
        return -1;
    return attribute_number(self, optim_names.T_i, &p->period);
}

static int phase_write(PyObject *self, const struct phase *p)
{
    if (attribute_take(self, optim_names.T_cur,
                       p->whole ? PyLong_FromDouble(p->current) : PyFloat_FromDouble(p->current)) <
        0)
        return -1;
    return attribute_take(self, optim_names.T_i, PyLong_FromDouble(p->period));
}

/* Moves to an epoch that is given, or to the next; *epoch is where it is then, a new reference. */
static int go(PyObject *self, PyObject *given, PyObject **epoch)
{
    struct phase phase;
    double last, at = 0;

    if (phase_read(self, &phase) < 0 || attribute_number(self, optim_names.last_epoch, &last) < 0)
        return -1;
    if (given != Py_None && number_from_python(given, "epoch", &at) < 0)
        return -1;
    if (at < 0) {
        PyErr_Format(PyExc_ValueError, "Expected non-negative epoch, but got %S", given);
        return -1;
    }
    if (given == Py_None && last >= 0) {
        at = last + 1;
        phase_next(&phase);
    } else {
        phase.whole = given == Py_None || PyLong_Check(given);
        phase_at(&phase, at);
    }
    *epoch = given == Py_None ? PyLong_FromDouble(at) : Py_NewRef(given);
    if (!*epoch || phase_write(self, &phase) < 0)
        return -1;
    return attribute_take(self, optim_names.last_epoch, PyLong_FromDouble(floor(at)));
}

static PyObject *restarts_step(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"epoch", NULL};
    PyObject *given = Py_None, *epoch = NULL, *rates = NULL;
    int status = -1;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:step", names, &given))
        return NULL;
    if (go(self, given, &epoch) == 0)
        rates = scheduler_rates(self, optim_names.get_lr);
    if (rates)
        status = scheduler_apply(self, rates, epoch);
    Py_XDECREF(epoch);
    Py_XDECREF(rates);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef restarts_methods[] = {
    {"get_lr", restarts_get_lr, METH_NOARGS, NULL},
    {"step", WITH_KEYWORDS(restarts_step),
     "step(epoch=None)\n\nepoch may have a fraction: the part of an epoch that is done."},
    {NULL, NULL, 0, NULL}};

static PyType_Spec restarts_spec = {
    .name = "torch.optim.lr_scheduler.CosineAnnealingWarmRestarts",
    .basicsize = sizeof(SchedulerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_init, restarts_construct},
        {Py_tp_methods, restarts_methods},
        {Py_tp_doc, "CosineAnnealingWarmRestarts(optimizer, T_0, T_mult=1, eta_min=0, "
                    "last_epoch=-1, verbose=False)\n--\n\nHalf a cosine from the initial rate to "
                    "eta_min, again and again, each T_mult times as long."},
        {0, NULL}}};

int restarts_init(PyObject *torch)
{
    PyTypeObject *type;

    return scheduler_add_type(torch, &restarts_spec, scheduler_type, &type);
}
