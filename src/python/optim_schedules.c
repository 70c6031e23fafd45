/* The schedules of optim/schedules.def as Python classes. */
#include "python/optim_scheduler.h"

#include "base/error.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "python/errors.h"

enum { CLASSES_MAX = 16 };

struct schedule_class {
    const struct schedule *row;
    PyTypeObject *type;
    char path[64];                       /* the type may point at it */
    PyObject *names[SCHEDULE_OPTIONS];   /* of the options, interned */
    PyObject *initial[SCHEDULE_OPTIONS]; /* their defaults */
    int required;
};

static struct schedule_class classes[CLASSES_MAX];
static int class_count;

const struct schedule_class *schedule_class_of(PyTypeObject *type)
{
    for (int i = 0; i < class_count; i++)
        if (PyType_IsSubtype(type, classes[i].type))
            return &classes[i];
    return NULL;
}

/* ---- construction ---- */

/* A list of numbers is kept as PyTorch keeps it: {number: how often}, a Counter. */
static PyObject *counter_of(PyObject *numbers)
{
    PyObject *collections = PyImport_ImportModule("collections"), *counter;

    if (!collections)
        return NULL;
    counter = PyObject_CallMethod(collections, "Counter", "O", numbers);
    Py_DECREF(collections);
    return counter;
}

static int check_values(const struct schedule *row, PyObject *const *values)
{
    struct scalar scalars[SCHEDULE_OPTIONS] = {0};

    for (int i = 0; i < row->option_count; i++)
        if (option_read(&row->options[i], values[i], scalars + row->options[i].at) < 0)
            return -1;
    if (options_check(row->options, row->option_count, scalars) < 0)
        return python_error(), -1;
    return 0;
}

/* Every option but last_epoch and verbose, which the base sets, becomes an attribute. */
static int set_attributes(PyObject *self, const struct schedule_class *c, PyObject *const *values)
{
    for (int i = 0; i < c->row->option_count; i++) {
        PyObject *value;

        if (c->names[i] == optim_names.last_epoch || c->names[i] == optim_names.verbose)
            continue;
        value =
            c->row->options[i].kind == OPTION_LIST ? counter_of(values[i]) : Py_NewRef(values[i]);
        if (attribute_take(self, c->names[i], value) < 0)
            return -1;
    }
    return 0;
}

static PyObject *value_named(const struct schedule_class *c, PyObject *const *values,
                             PyObject *name)
{
    return values[name_index(c->names, c->row->option_count, name)];
}

static int class_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const struct schedule_class *c = ((SchedulerObject *)self)->row;
    struct signature signature = {.class = c->row->name,
                                  .first = optim_names.optimizer,
                                  .names = c->names,
                                  .count = c->row->option_count,
                                  .positional = c->row->option_count,
                                  .required = c->required};
    PyObject *values[SCHEDULE_OPTIONS], *optimizer;

    memcpy(values, c->initial, sizeof(values));
    if (signature_bind(&signature, args, kwargs, &optimizer, values) < 0 ||
        scheduler_check_optimizer(optimizer) < 0 || check_values(c->row, values) < 0 ||
        set_attributes(self, c, values) < 0)
        return -1;
    return scheduler_setup(self, optimizer, value_named(c, values, optim_names.last_epoch),
                           value_named(c, values, optim_names.verbose));
}

/* ---- rates ---- */

typedef VEC(double) number_list;

/* The elements of a Counter. */
static int read_counter(PyObject *counter, number_list *list)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    double number, count;

    if (!PyDict_Check(counter)) {
        PyErr_Format(PyExc_TypeError, "milestones must be a Counter, not %s",
                     Py_TYPE(counter)->tp_name);
        return -1;
    }
    while (PyDict_Next(counter, &at, &key, &value)) {
        if (number_from_python(key, "a milestone", &number) < 0 ||
            number_from_python(value, "a milestone's count", &count) < 0)
            return -1;
        for (int i = 0; i < count; i++)
            if (!vec_push(list, number))
                return python_error(), -1;
    }
    return 0;
}

/* The options as the attributes have them now. */
static int read_options(PyObject *self, const struct schedule_class *c, double *options,
                        number_list *list)
{
    for (int i = 0; i < c->row->option_count; i++) {
        const struct option *option = &c->row->options[i];
        PyObject *value = PyObject_GetAttr(self, c->names[i]);
        int status = value ? 0 : -1;

        if (value && option->kind == OPTION_LIST)
            status = read_counter(value, list);
        else if (value && option->kind == OPTION_NUMBER)
            status = number_from_python(value, option->name, &options[option->at]);
        Py_XDECREF(value);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* The rate of one group; `closed`: by the closed form, else from the rate that it has. */
static PyObject *rate_of(const struct schedule_class *c, struct schedule_step *step, PyObject *lr,
                         PyObject *base_lr, bool closed)
{
    double rate;

    if (number_from_python(lr, "lr", &step->lr) < 0 ||
        number_from_python(base_lr, "initial_lr", &step->base_lr) < 0)
        return NULL;
    if ((closed ? schedule_closed : schedule_next)(c->row, step, &rate) < 0) {
        PyErr_SetString(PyExc_ZeroDivisionError, error_message());
        error_clear();
        return NULL;
    }
    return !closed && rate == step->lr ? Py_NewRef(lr) : PyFloat_FromDouble(rate);
}

static PyObject *rates_of(PyObject *self, const struct schedule_class *c,
                          struct schedule_step *step, bool closed)
{
    PyObject *groups = scheduler_groups(self), *rates = groups ? PyList_New(0) : NULL;
    PyObject *base_lrs = rates ? PyObject_GetAttr(self, optim_names.base_lrs) : NULL;
    PyObject *bases = base_lrs ? PySequence_Fast(base_lrs, "base_lrs must be a list") : NULL;

    if (!bases)
        Py_CLEAR(rates);
    for (Py_ssize_t i = 0;
         rates && i < PyList_GET_SIZE(groups) && i < PySequence_Fast_GET_SIZE(bases); i++) {
        PyObject *lr = dict_item(PyList_GET_ITEM(groups, i), optim_names.lr);
        PyObject *rate =
            lr ? rate_of(c, step, lr, PySequence_Fast_GET_ITEM(bases, i), closed) : NULL;
        if (!rate || PyList_Append(rates, rate) < 0)
            Py_CLEAR(rates);
        Py_XDECREF(rate);
    }
    Py_XDECREF(groups);
    Py_XDECREF(base_lrs);
    Py_XDECREF(bases);
    return rates;
}

static PyObject *compute(PyObject *self, bool closed)
{
    const struct schedule_class *c = ((SchedulerObject *)self)->row;
    double options[SCHEDULE_OPTIONS] = {0}, steps;
    struct schedule_step step = {.options = options};
    number_list list = {0};
    PyObject *rates = NULL;

    if (read_options(self, c, options, &list) == 0 &&
        attribute_number(self, optim_names.last_epoch, &step.epoch) == 0 &&
        attribute_number(self, optim_names._step_count, &steps) == 0) {
        step.initial = steps == 1;
        step.list = list.at;
        step.list_count = (int)list.count;
        rates = rates_of(self, c, &step, closed);
    }
    vec_release(&list);
    return rates;
}

static PyObject *class_get_lr(PyObject *self, PyObject *unused)
{
    (void)unused;
    return scheduler_warn_outside_step(self) < 0 ? NULL : compute(self, false);
}

static PyObject *class_closed_form(PyObject *self, PyObject *unused)
{
    (void)unused;
    return compute(self, true);
}

static PyMethodDef class_methods[] = {{"get_lr", class_get_lr, METH_NOARGS, NULL},
                                      {"_get_closed_form_lr", class_closed_form, METH_NOARGS, NULL},
                                      {NULL, NULL, 0, NULL}};

/* ---- the types ---- */

static int fill_class(struct schedule_class *c, const struct schedule *row)
{
    c->row = row;
    for (int i = 0; i < row->option_count; i++) {
        c->names[i] = PyUnicode_InternFromString(row->options[i].name);
        c->initial[i] = option_initial(&row->options[i]);
        if (!c->names[i] || !c->initial[i])
            return -1;
        c->required += c->initial[i] == optim_required;
    }
    return 0;
}

static int add_class(PyObject *torch, struct schedule_class *c)
{
    struct strbuf doc = STRBUF_INIT;
    PyType_Slot slots[] = {
        {Py_tp_init, class_init}, {Py_tp_methods, class_methods}, {Py_tp_doc, NULL}, {0, NULL}};
    PyType_Spec spec = {.name = c->path,
                        .basicsize = sizeof(SchedulerObject),
                        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                        .slots = slots};
    int status;

    snprintf(c->path, sizeof(c->path), "torch.optim.lr_scheduler.%s", c->row->name);
    strbuf_addf(&doc, "%s(optimizer", c->row->name);
    for (int i = 0; i < c->row->option_count; i++) {
        const struct option *option = &c->row->options[i];
        strbuf_addf(&doc, option->initial ? ", %s=%s" : ", %s", option->name, option->initial);
    }
    strbuf_adds(&doc, ")\n--\n\nThe learning rate by epoch.");
    slots[2].pfunc = doc.text;
    status = scheduler_add_type(torch, &spec, scheduler_type, &c->type);
    strbuf_release(&doc);
    return status;
}

int schedule_classes_init(PyObject *torch)
{
    const struct schedule *row;

    for (int i = 0; (row = schedule_at(i)); i++) {
        assert(i < CLASSES_MAX);
        if (fill_class(&classes[i], row) < 0 || add_class(torch, &classes[i]) < 0)
            return -1;
        class_count = i + 1;
    }
    return 0;
}
