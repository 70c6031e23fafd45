/* What the base of the schedulers, _LRScheduler, does: the start, step() and its warnings. */
#include "python/optim_scheduler.h"

#include "base/strbuf.h"

/* ---- small things ---- */

int print_text(const char *format, ...)
{
    PyObject *out = PySys_GetObject("stdout");
    struct strbuf text = STRBUF_INIT;
    va_list args;
    int status = 0;

    va_start(args, format);
    strbuf_addv(&text, format, args);
    va_end(args);
    if (out && out != Py_None)
        status = PyFile_WriteString(text.text, out);
    strbuf_release(&text);
    return status;
}

int attribute_number(PyObject *self, PyObject *name, double *out)
{
    PyObject *object = PyObject_GetAttr(self, name);
    int status = object ? number_from_python(object, PyUnicode_AsUTF8(name), out) : -1;

    Py_XDECREF(object);
    return status;
}

int attribute_take(PyObject *self, PyObject *name, PyObject *value)
{
    int status = value ? PyObject_SetAttr(self, name, value) : -1;

    Py_XDECREF(value);
    return status;
}

int attribute_is_true(PyObject *self, PyObject *name)
{
    PyObject *object = PyObject_GetAttr(self, name);
    int truth = object ? PyObject_IsTrue(object) : -1;

    Py_XDECREF(object);
    return truth;
}

enum { MOST_VALUES = 16 };

int scheduler_construct(PyObject *self, const struct binding *binding, PyObject *defaults,
                        PyObject *args, PyObject *kwargs,
                        int (*start)(PyObject *self, PyObject *const *values))
{
    PyObject *values[MOST_VALUES];
    int status = -1;

    assert(binding->count <= MOST_VALUES);
    if (!defaults)
        return -1;
    assert(PyTuple_GET_SIZE(defaults) == binding->count - binding->required);
    for (int i = binding->required; i < binding->count; i++)
        values[i] = PyTuple_GET_ITEM(defaults, i - binding->required);
    if (binding_read(binding, args, kwargs, values) == 0)
        status = start(self, values);
    Py_DECREF(defaults);
    return status;
}

int scheduler_check_optimizer(PyObject *object)
{
    if (optimizer_check_type(object))
        return 0;
    PyErr_Format(PyExc_TypeError, "%s is not an Optimizer", _PyType_Name(Py_TYPE(object)));
    return -1;
}

PyObject *scheduler_groups(PyObject *self)
{
    PyObject *optimizer = PyObject_GetAttr(self, optim_names.optimizer), *groups = NULL;

    if (optimizer && scheduler_check_optimizer(optimizer) == 0)
        groups = Py_XNewRef(optimizer_groups((OptimizerObject *)optimizer));
    Py_XDECREF(optimizer);
    return groups;
}

PyObject *scheduler_collect(PyObject *self, PyObject *key)
{
    PyObject *groups = scheduler_groups(self), *list = groups ? PyList_New(0) : NULL;

    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(groups); i++) {
        PyObject *item = dict_item(PyList_GET_ITEM(groups, i), key);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
    }
    Py_XDECREF(groups);
    return list;
}

int scheduler_note_rates(PyObject *self)
{
    return attribute_take(self, optim_names._last_lr, scheduler_collect(self, optim_names.lr));
}

PyObject *scheduler_per_group(PyObject *optimizer, const char *name, PyObject *value)
{
    PyObject *groups = optimizer_groups((OptimizerObject *)optimizer), *list;
    Py_ssize_t count = groups ? PyList_GET_SIZE(groups) : 0;

    if (!groups)
        return NULL;
    if (PyList_Check(value) || PyTuple_Check(value)) {
        if (PySequence_Fast_GET_SIZE(value) == count)
            return PySequence_List(value);
        PyErr_Format(PyExc_ValueError, "expected %zd values for %s, got %zd", count, name,
                     PySequence_Fast_GET_SIZE(value));
        return NULL;
    }
    list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++)
        PyList_SET_ITEM(list, i, Py_NewRef(value));
    return list;
}

int scheduler_warn_epoch(void)
{
    return PyErr_WarnEx(
        PyExc_UserWarning,
        "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
        "possible. Please use `scheduler.step()` to step the scheduler. During the deprecation, if "
        "epoch is different from None, the closed form is used instead of the new chainable form, "
        "where available. Please open an issue if you are unable to replicate your use case: "
        "https://github.com/pytorch/pytorch/issues/new/choose.",
        1);
}

int scheduler_warn_outside_step(PyObject *self)
{
    int within = attribute_is_true(self, optim_names._get_lr_called_within_step);

    if (within)
        return within < 0 ? -1 : 0;
    return PyErr_WarnEx(PyExc_UserWarning,
                        "To get the last learning rate computed by the scheduler, please use "
                        "`get_last_lr()`.",
                        1);
}

/* ---- construction ---- */

/* group['initial_lr'], the start when there is none. A schedule that is resumed must find it. */
static int note_initial_rates(PyObject *self, bool resumed)
{
    PyObject *groups = scheduler_groups(self);
    int status = groups ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(groups); i++) {
        PyObject *group = PyList_GET_ITEM(groups, i), *rate = dict_item(group, optim_names.lr);
        int there = PyDict_Contains(group, optim_names.initial_lr);

        if (!rate || there < 0) {
            status = -1;
        } else if (!there && resumed) {
            PyErr_Format(PyExc_KeyError,
                         "param 'initial_lr' is not specified in param_groups[%zd] when resuming "
                         "an optimizer",
                         i);
            status = -1;
        } else if (!there) {
            status = PyDict_SetItem(group, optim_names.initial_lr, rate);
        }
    }
    Py_XDECREF(groups);
    return status;
}

int scheduler_setup(PyObject *self, PyObject *optimizer, PyObject *last_epoch, PyObject *verbose)
{
    PyObject *none;
    double epoch;

    if (scheduler_check_optimizer(optimizer) < 0 ||
        number_from_python(last_epoch, "last_epoch", &epoch) < 0 ||
        PyObject_SetAttr(self, optim_names.optimizer, optimizer) < 0 ||
        note_initial_rates(self, epoch != -1) < 0 ||
        attribute_take(self, optim_names.base_lrs,
                       scheduler_collect(self, optim_names.initial_lr)) < 0 ||
        PyObject_SetAttr(self, optim_names.last_epoch, last_epoch) < 0 ||
        optimizer_watch(optimizer) < 0 || PyObject_SetAttr(self, optim_names.verbose, verbose) < 0)
        return -1;
    none = PyObject_CallMethodNoArgs(self, optim_names._initial_step);
    Py_XDECREF(none);
    return none ? 0 : -1;
}

static PyObject *initial_step(PyObject *self, PyObject *unused)
{
    PyObject *optimizer = PyObject_GetAttr(self, optim_names.optimizer);
    int status = optimizer ? scheduler_check_optimizer(optimizer) : -1;

    (void)unused;
    if (status == 0) {
        ((OptimizerObject *)optimizer)->step_count = 0;
        status = attribute_take(self, optim_names._step_count, PyLong_FromLong(0));
    }
    Py_XDECREF(optimizer);
    return status < 0 ? NULL : PyObject_CallMethodNoArgs(self, optim_names.step);
}

/* ---- step ---- */

/* The order optimizer.step(), scheduler.step() is easily mistaken. */
static int warn_order(PyObject *self)
{
    PyObject *optimizer = PyObject_GetAttr(self, optim_names.optimizer);
    int watched, status = 0;

    if (!optimizer)
        return -1;
    watched = scheduler_check_optimizer(optimizer) < 0 ? -1 : optimizer_is_watched(optimizer);
    if (watched == 0)
        status = PyErr_WarnEx(
            PyExc_UserWarning,
            "Seems like `optimizer.step()` has been overridden after learning rate scheduler "
            "initialization. Please, make sure to call `optimizer.step()` before "
            "`lr_scheduler.step()`. See more details at "
            "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate",
            1);
    else if (watched > 0 && ((OptimizerObject *)optimizer)->step_count < 1)
        status = PyErr_WarnEx(
            PyExc_UserWarning,
            "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 "
            "and later, you should call them in the opposite order: `optimizer.step()` before "
            "`lr_scheduler.step()`.  Failure to do this will result in PyTorch skipping the first "
            "value of the learning rate schedule. See more details at "
            "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate",
            1);
    Py_DECREF(optimizer);
    return watched < 0 ? -1 : status;
}

PyObject *scheduler_rates(PyObject *self, PyObject *method)
{
    PyObject *rates = NULL, *type, *value, *traceback;

    if (PyObject_SetAttr(self, optim_names._get_lr_called_within_step, Py_True) == 0)
        rates = PyObject_CallMethodNoArgs(self, method);
    PyErr_Fetch(&type, &value, &traceback);
    if (PyObject_SetAttr(self, optim_names._get_lr_called_within_step, Py_False) < 0)
        Py_CLEAR(rates);
    if (type)
        PyErr_Restore(type, value, traceback);
    return rates;
}

int scheduler_apply(PyObject *self, PyObject *rates, PyObject *epoch)
{
    PyObject *groups = scheduler_groups(self);
    PyObject *list = groups ? PySequence_Fast(rates, "get_lr() must return a list") : NULL;
    int verbose = list ? attribute_is_true(self, optim_names.verbose) : -1;
    int status = verbose < 0 ? -1 : 0;

    for (Py_ssize_t i = 0;
         status == 0 && i < PyList_GET_SIZE(groups) && i < PySequence_Fast_GET_SIZE(list); i++) {
        PyObject *rate = PySequence_Fast_GET_ITEM(list, i), *none, *index;

        status = PyDict_SetItem(PyList_GET_ITEM(groups, i), optim_names.lr, rate);
        if (status < 0 || !verbose)
            continue;
        index = PyLong_FromSsize_t(i);
        none = index ? PyObject_CallMethodObjArgs(self, optim_names.print_lr, Py_True, index, rate,
                                                  epoch, NULL)
                     : NULL;
        status = none ? 0 : -1;
        Py_XDECREF(index);
        Py_XDECREF(none);
    }
    Py_XDECREF(groups);
    Py_XDECREF(list);
    return status < 0 ? -1 : scheduler_note_rates(self);
}

/* The rates for step(epoch): the closed form where there is one. */
static PyObject *rates_at(PyObject *self, PyObject *epoch)
{
    PyObject *closed;

    if (scheduler_warn_epoch() < 0 || PyObject_SetAttr(self, optim_names.last_epoch, epoch) < 0)
        return NULL;
    if (_PyObject_LookupAttr(self, optim_names._get_closed_form_lr, &closed) < 0)
        return NULL;
    Py_XDECREF(closed);
    return scheduler_rates(self, closed ? optim_names._get_closed_form_lr : optim_names.get_lr);
}

static int count_up(PyObject *self, PyObject *name)
{
    PyObject *object = PyObject_GetAttr(self, name), *one = object ? PyLong_FromLong(1) : NULL;
    PyObject *sum = one ? PyNumber_Add(object, one) : NULL;

    Py_XDECREF(object);
    Py_XDECREF(one);
    return attribute_take(self, name, sum);
}

static PyObject *scheduler_step(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"epoch", NULL};
    PyObject *epoch = Py_None, *rates;
    double steps;
    int status;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:step", names, &epoch) ||
        attribute_number(self, optim_names._step_count, &steps) < 0 ||
        (steps == 1 && warn_order(self) < 0) || count_up(self, optim_names._step_count) < 0)
        return NULL;
    if (epoch != Py_None)
        rates = rates_at(self, epoch);
    else if (count_up(self, optim_names.last_epoch) < 0)
        rates = NULL;
    else
        rates = scheduler_rates(self, optim_names.get_lr);
    status = rates ? scheduler_apply(self, rates, epoch) : -1;
    Py_XDECREF(rates);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *scheduler_get_lr(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    PyErr_SetNone(PyExc_NotImplementedError);
    return NULL;
}

static PyObject *get_last_lr(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyObject_GetAttr(self, optim_names._last_lr);
}

/* "00003" or "3.00" */
int epoch_text(PyObject *epoch, char *text, size_t size)
{
    double value;

    if (number_from_python(epoch, "epoch", &value) < 0)
        return -1;
    if (PyFloat_Check(epoch))
        snprintf(text, size, "%.2f", value);
    else
        snprintf(text, size, "%.5lld", (long long)value);
    return 0;
}

static PyObject *print_lr(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"is_verbose", "group", "lr", "epoch", NULL};
    PyObject *lr, *epoch = Py_None;
    char text[32] = "";
    int verbose, status;
    long group;
    double rate;

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "plO|O:print_lr", names, &verbose, &group, &lr,
                                     &epoch))
        return NULL;
    if (!verbose)
        Py_RETURN_NONE;
    if (number_from_python(lr, "lr", &rate) < 0 ||
        (epoch != Py_None && epoch_text(epoch, text, sizeof(text)) < 0))
        return NULL;
    if (epoch == Py_None)
        status = print_text("Adjusting learning rate of group %ld to %.4e.\n", group, rate);
    else
        status = print_text("Epoch %s: adjusting learning rate of group %ld to %.4e.\n", text,
                            group, rate);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

PyMethodDef scheduler_methods[] = {
    {"step", WITH_KEYWORDS(scheduler_step),
     "step(epoch=None)\n\nSets the learning rates for the next epoch."},
    {"get_lr", scheduler_get_lr, METH_NOARGS, "The rates for the next epoch, one for each group."},
    {"get_last_lr", get_last_lr, METH_NOARGS, "The rates that the last step() has set."},
    {"print_lr", WITH_KEYWORDS(print_lr), "print_lr(is_verbose, group, lr, epoch=None)"},
    {"_initial_step", initial_step, METH_NOARGS, NULL},
    {"state_dict", scheduler_state_dict, METH_NOARGS, "Everything but the optimizer."},
    {"load_state_dict", scheduler_load_state_dict, METH_O, "Takes over what state_dict() gave."},
    {NULL, NULL, 0, NULL}};
