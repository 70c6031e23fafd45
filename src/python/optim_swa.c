/* torch.optim.swa_utils: the rate for averaging weights, and batch statistics for the average. */
#include "python/optim_scheduler.h"

#include "python/law_formula.h"
#include "python/module.h"
#include "python/nn_module.h"
#include "python/optim.h"

#include <math.h>
#include <string.h>

enum { OPTIMIZER, SWA_LR, ANNEAL_EPOCHS, ANNEAL_STRATEGY, LAST_EPOCH, OPTIONS };

/* ---- SWALR ---- */

/* group['swa_lr'] = the rate to end at */
static int set_rates(PyObject *optimizer, PyObject *value)
{
    PyObject *groups = optimizer_groups((OptimizerObject *)optimizer);
    bool listed = PyList_Check(value) || PyTuple_Check(value);

    if (!groups)
        return -1;
    if (listed && PySequence_Size(value) != PyList_GET_SIZE(groups)) {
        PyErr_Format(PyExc_ValueError,
                     "swa_lr must have the same length as optimizer.param_groups: swa_lr has %zd, "
                     "optimizer.param_groups has %zd",
                     PySequence_Size(value), PyList_GET_SIZE(groups));
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(groups); i++) {
        PyObject *rate = listed ? PySequence_GetItem(value, i) : Py_NewRef(value);
        int status = rate ? PyDict_SetItemString(PyList_GET_ITEM(groups, i), "swa_lr", rate) : -1;

        Py_XDECREF(rate);
        if (status < 0)
            return -1;
    }
    return 0;
}

static int start(PyObject *self, PyObject *const *v)
{
    const char *strategy =
        PyUnicode_Check(v[ANNEAL_STRATEGY]) ? PyUnicode_AsUTF8(v[ANNEAL_STRATEGY]) : "";

    if (!strategy || scheduler_check_optimizer(v[OPTIMIZER]) < 0 ||
        set_rates(v[OPTIMIZER], v[SWA_LR]) < 0)
        return -1;
    if (strcmp(strategy, "cos") != 0 && strcmp(strategy, "linear") != 0) {
        PyErr_Format(PyExc_ValueError,
                     "anneal_strategy must by one of 'cos' or 'linear', instead got %S",
                     v[ANNEAL_STRATEGY]);
        return -1;
    }
    if (!PyLong_Check(v[ANNEAL_EPOCHS]) || PyLong_AsLong(v[ANNEAL_EPOCHS]) < 0) {
        PyErr_Format(PyExc_ValueError, "anneal_epochs must be equal or greater than 0, got %S",
                     v[ANNEAL_EPOCHS]);
        return -1;
    }
    if (PyObject_SetAttrString(self, "anneal_strategy", v[ANNEAL_STRATEGY]) < 0 ||
        PyObject_SetAttrString(self, "anneal_epochs", v[ANNEAL_EPOCHS]) < 0)
        return -1;
    return scheduler_setup(self, v[OPTIMIZER], v[LAST_EPOCH], Py_False);
}

static int swalr_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"optimizer", "swa_lr", "anneal_epochs", "anneal_strategy",
                                        "last_epoch"};
    static const struct binding binding = {"SWALR.__init__", names, OPTIONS, OPTIONS, 2, 1};

    return scheduler_construct(self, &binding, Py_BuildValue("isi", 10, "cos", -1), args, kwargs,
                               start);
}

static double share(double t, bool by_cosine)
{
    t = fmax(0, fmin(1, t));
    return by_cosine ? (1 - cos(M_PI * t)) / 2 : t;
}

/* The rate before, freed of its share of the last one, moves on by the share of now. */
static PyObject *next_rate(PyObject *group, double before, double now)
{
    PyObject *lr = PyDict_GetItemString(group, "lr"), *last = PyDict_GetItemString(group, "swa_lr");
    double rate = lr ? PyFloat_AsDouble(lr) : 0, end = last ? PyFloat_AsDouble(last) : 0, first;

    if (!lr || !last)
        PyErr_SetString(PyExc_KeyError, lr ? "swa_lr" : "lr");
    if (PyErr_Occurred())
        return NULL;
    first = before == 1 ? end : (rate - before * end) / (1 - before);
    return PyFloat_FromDouble(end * now + first * (1 - now));
}

static PyObject *swalr_get_lr(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *strategy = PyObject_GetAttrString(self, "anneal_strategy");
    PyObject *count = strategy ? PyObject_GetAttrString(self, "_step_count") : NULL;
    PyObject *epochs = count ? PyObject_GetAttrString(self, "anneal_epochs") : NULL;
    PyObject *groups = epochs ? scheduler_groups(self) : NULL, *rates = NULL;

    if (groups && scheduler_warn_outside_step(self) == 0) {
        bool by_cosine = PyUnicode_CompareWithASCIIString(strategy, "cos") == 0;
        double whole = PyFloat_AsDouble(epochs), step = PyFloat_AsDouble(count) - 1;
        double length = fmax(1, whole);

        step = whole == 0 ? fmax(1, step) : step;
        rates = PyList_New(PyErr_Occurred() ? 0 : PyList_GET_SIZE(groups));
        for (Py_ssize_t i = 0; rates && i < PyList_GET_SIZE(rates); i++) {
            PyObject *rate =
                next_rate(PyList_GET_ITEM(groups, i), share((step - 1) / length, by_cosine),
                          share(step / length, by_cosine));

            if (rate)
                PyList_SET_ITEM(rates, i, rate);
            else
                Py_CLEAR(rates);
        }
    }
    Py_XDECREF(strategy);
    Py_XDECREF(count);
    Py_XDECREF(epochs);
    Py_XDECREF(groups);
    return rates;
}

/* ---- update_bn() ---- */

/* The batch normalisations of a model that count. */
static PyObject *normalizers(PyObject *model)
{
    PyObject *batchnorm = PyImport_ImportModule("torch.nn.modules.batchnorm");
    PyObject *type = batchnorm ? PyObject_GetAttrString(batchnorm, "_BatchNorm") : NULL;
    PyObject *modules = type ? PyObject_CallMethod(model, "modules", NULL) : NULL;
    PyObject *all = modules ? PySequence_List(modules) : NULL, *found = all ? PyList_New(0) : NULL;

    for (Py_ssize_t i = 0; found && i < PyList_GET_SIZE(all); i++) {
        int is = PyObject_IsInstance(PyList_GET_ITEM(all, i), type);

        if (is < 0 || (is && PyList_Append(found, PyList_GET_ITEM(all, i)) < 0))
            Py_CLEAR(found);
    }
    Py_XDECREF(batchnorm);
    Py_XDECREF(type);
    Py_XDECREF(modules);
    Py_XDECREF(all);
    return found;
}

static int set_formula(PyObject *module, const char *name, const char *formula)
{
    PyObject *value = formula_value(formula, module, NULL);
    int status = value ? PyObject_SetAttrString(module, name, value) : -1;

    Py_XDECREF(value);
    return status;
}

/* Statistics start anew, as means over all batches; the list of momenta as they were. */
static PyObject *reset_all(PyObject *modules)
{
    PyObject *momenta = PyList_New(0);

    for (Py_ssize_t i = 0; momenta && i < PyList_GET_SIZE(modules); i++) {
        PyObject *module = PyList_GET_ITEM(modules, i);
        PyObject *momentum = PyObject_GetAttrString(module, "momentum");

        if (!momentum || PyList_Append(momenta, momentum) < 0 ||
            set_formula(module, "running_mean", "zeros_like(running_mean)") < 0 ||
            set_formula(module, "running_var", "ones_like(running_var)") < 0 ||
            set_formula(module, "num_batches_tracked", "num_batches_tracked.mul_(0)") < 0 ||
            PyObject_SetAttrString(module, "momentum", Py_None) < 0)
            Py_CLEAR(momenta);
        Py_XDECREF(momentum);
    }
    return momenta;
}

static int run_all(PyObject *loader, PyObject *model)
{
    PyObject *iterator = PyObject_GetIter(loader), *input;

    while (iterator && (input = PyIter_Next(iterator))) {
        PyObject *result;

        if (PyList_Check(input) || PyTuple_Check(input))
            Py_SETREF(input, PySequence_GetItem(input, 0));
        result = input ? PyObject_CallOneArg(model, input) : NULL;
        Py_XDECREF(input);
        Py_XDECREF(result);
        if (!result)
            break;
    }
    Py_XDECREF(iterator);
    return PyErr_Occurred() ? -1 : 0;
}

static int update_all(PyObject *loader, PyObject *model, PyObject *modules)
{
    PyObject *training = PyObject_GetAttrString(model, "training");
    PyObject *momenta = training ? reset_all(modules) : NULL, *done;
    int status = -1;

    done = momenta ? PyObject_CallMethod(model, "train", NULL) : NULL;
    if (done)
        status = run_all(loader, model);
    Py_XDECREF(done);
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(momenta); i++)
        status = PyObject_SetAttrString(PyList_GET_ITEM(modules, i), "momentum",
                                        PyList_GET_ITEM(momenta, i));
    done = status == 0 ? PyObject_CallMethod(model, "train", "O", training) : NULL;
    Py_XDECREF(training);
    Py_XDECREF(momenta);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyObject *update_bn(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"loader", "model", "device"};
    static const struct binding binding = {"update_bn", names, 3, 3, 2, 0};
    PyObject *v[3] = {NULL}, *modules;
    bool recording;
    int status;

    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    modules = normalizers(v[1]);
    if (!modules)
        return NULL;
    recording = grad_set_enabled(false);
    status = PyList_GET_SIZE(modules) ? update_all(v[0], v[1], modules) : 0;
    grad_set_enabled(recording);
    Py_DECREF(modules);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- the module ---- */

static PyType_Spec swalr_spec = {
    .name = "torch.optim.swa_utils.SWALR",
    .basicsize = sizeof(SchedulerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_init, swalr_construct},
        {Py_tp_methods,
         (PyMethodDef[]){{"get_lr", swalr_get_lr, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}}},
        {Py_tp_doc, "SWALR(optimizer, swa_lr, anneal_epochs=10, anneal_strategy='cos', "
                    "last_epoch=-1)\n--\n\nMoves to swa_lr and stays there."},
        {0, NULL}}};

int swa_init(PyObject *torch)
{
    static PyMethodDef functions[] = {
        {"update_bn", WITH_KEYWORDS(update_bn),
         "update_bn(loader, model, device=None): statistics of batch normalisation over all "
         "batches."},
        {NULL, NULL, 0, NULL}};
    PyObject *home = submodule(torch, "optim.swa_utils");
    PyTypeObject *type;

    if (!home || PyModule_AddFunctions(home, functions) < 0)
        return -1;
    return module_add_type(home, &swalr_spec, (PyObject *)scheduler_type, &type);
}
