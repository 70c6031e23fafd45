/* LambdaLR and MultiplicativeLR: a function of the user gives the factor for each epoch. */
#include "python/optim_scheduler.h"

enum { OPTIMIZER, LR_LAMBDA, LAST_EPOCH, VERBOSE, OPTIONS };

static int start(PyObject *self, PyObject *const *v)
{
    PyObject *given = v[LR_LAMBDA], *groups;

    if (scheduler_check_optimizer(v[OPTIMIZER]) < 0)
        return -1;
    groups = optimizer_groups((OptimizerObject *)v[OPTIMIZER]);
    if (!groups)
        return -1;
    if ((PyList_Check(given) || PyTuple_Check(given)) &&
        PySequence_Fast_GET_SIZE(given) != PyList_GET_SIZE(groups)) {
        PyErr_Format(PyExc_ValueError, "Expected %zd lr_lambdas, but got %zd",
                     PyList_GET_SIZE(groups), PySequence_Fast_GET_SIZE(given));
        return -1;
    }
    if (attribute_take(self, optim_names.lr_lambdas,
                       scheduler_per_group(v[OPTIMIZER], "lr_lambda", given)) < 0)
        return -1;
    return scheduler_setup(self, v[OPTIMIZER], v[LAST_EPOCH], v[VERBOSE]);
}

static int construct(PyObject *self, const char *function, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"optimizer", "lr_lambda", "last_epoch", "verbose"};
    const struct binding binding = {function, names, OPTIONS, OPTIONS, 2, 1};

    return scheduler_construct(self, &binding, Py_BuildValue("(iO)", -1, Py_False), args, kwargs,
                               start);
}

static int lambda_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return construct(self, "LambdaLR.__init__", args, kwargs);
}

static int multiplicative_construct(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return construct(self, "MultiplicativeLR.__init__", args, kwargs);
}

/* [rate * function(epoch) for each group] */
static PyObject *scaled_rates(PyObject *self, PyObject *rates)
{
    PyObject *functions = PyObject_GetAttr(self, optim_names.lr_lambdas), *epoch = NULL;
    PyObject *list = NULL;

    if (functions && PyList_Check(functions) && rates)
        epoch = PyObject_GetAttr(self, optim_names.last_epoch);
    else if (functions && rates)
        PyErr_SetString(PyExc_TypeError, "lr_lambdas must be a list");
    if (epoch)
        list = PyList_New(0);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(rates) && i < PyList_GET_SIZE(functions);
         i++) {
        PyObject *factor = PyObject_CallOneArg(PyList_GET_ITEM(functions, i), epoch);
        PyObject *rate = factor ? PyNumber_Multiply(PyList_GET_ITEM(rates, i), factor) : NULL;

        if (!rate || PyList_Append(list, rate) < 0)
            Py_CLEAR(list);
        Py_XDECREF(factor);
        Py_XDECREF(rate);
    }
    Py_XDECREF(functions);
    Py_XDECREF(epoch);
    return list;
}

static PyObject *lambda_get_lr(PyObject *self, PyObject *unused)
{
    PyObject *bases, *rates = NULL;

    (void)unused;
    if (scheduler_warn_outside_step(self) < 0)
        return NULL;
    bases = PyObject_GetAttr(self, optim_names.base_lrs);
    if (bases && !PyList_Check(bases))
        PyErr_SetString(PyExc_TypeError, "base_lrs must be a list");
    else if (bases)
        rates = scaled_rates(self, bases);
    Py_XDECREF(bases);
    return rates;
}

static PyObject *multiplicative_get_lr(PyObject *self, PyObject *unused)
{
    PyObject *rates, *next;
    double epoch;

    (void)unused;
    if (scheduler_warn_outside_step(self) < 0 ||
        attribute_number(self, optim_names.last_epoch, &epoch) < 0)
        return NULL;
    rates = scheduler_collect(self, optim_names.lr);
    if (!rates || epoch <= 0)
        return rates;
    next = scaled_rates(self, rates);
    Py_DECREF(rates);
    return next;
}

/* Functions cannot be saved; of other callables the attributes are. */
static PyObject *function_state(PyObject *function)
{
    PyObject *dict, *copy;

    if (PyFunction_Check(function))
        Py_RETURN_NONE;
    dict = PyObject_GetAttr(function, optim_names.__dict__);
    copy = dict ? PyDict_Copy(dict) : NULL;
    Py_XDECREF(dict);
    return copy;
}

static PyObject *lambda_state_dict(PyObject *self, PyObject *unused)
{
    PyObject *functions = PyObject_GetAttr(self, optim_names.lr_lambdas), *states = NULL;
    PyObject *state = NULL;

    (void)unused;
    if (functions)
        state = scheduler_dict_without(
            self, (PyObject *[]){optim_names.optimizer, optim_names.lr_lambdas, NULL});
    if (state)
        states = PyList_New(0);
    for (Py_ssize_t i = 0; states && PyList_Check(functions) && i < PyList_GET_SIZE(functions);
         i++) {
        PyObject *one = function_state(PyList_GET_ITEM(functions, i));
        if (!one || PyList_Append(states, one) < 0)
            Py_CLEAR(states);
        Py_XDECREF(one);
    }
    if (!states || PyDict_SetItem(state, optim_names.lr_lambdas, states) < 0)
        Py_CLEAR(state);
    Py_XDECREF(functions);
    Py_XDECREF(states);
    return state;
}

/* Saved attributes go back into the callables that this scheduler has. */
static int load_functions(PyObject *self, PyObject *states)
{
    PyObject *functions = PyObject_GetAttr(self, optim_names.lr_lambdas);
    int status = functions && PyList_Check(functions) && PyList_Check(states) ? 0 : -1;

    if (functions && status < 0)
        PyErr_SetString(PyExc_TypeError, "lr_lambdas must be a list");
    else if (functions && PyList_GET_SIZE(states) > PyList_GET_SIZE(functions)) {
        PyErr_Format(PyExc_IndexError, "loaded %zd lr_lambdas, but there are %zd",
                     PyList_GET_SIZE(states), PyList_GET_SIZE(functions));
        status = -1;
    }
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(states); i++) {
        PyObject *state = PyList_GET_ITEM(states, i), *dict;

        if (state == Py_None)
            continue;
        dict = PyObject_GetAttr(PyList_GET_ITEM(functions, i), optim_names.__dict__);
        status = dict ? PyDict_Update(dict, state) : -1;
        Py_XDECREF(dict);
    }
    Py_XDECREF(functions);
    return status;
}

static PyObject *lambda_load_state_dict(PyObject *self, PyObject *state)
{
    PyObject *states = PyDict_Check(state) ? dict_item(state, optim_names.lr_lambdas) : NULL;
    PyObject *rest = states ? PyDict_Copy(state) : NULL;
    int status = -1;

    if (!states && !PyErr_Occurred())
        PyErr_Format(PyExc_TypeError, "state_dict must be a dict, not %s", Py_TYPE(state)->tp_name);
    if (rest && PyDict_DelItem(rest, optim_names.lr_lambdas) == 0 &&
        scheduler_dict_update(self, rest) == 0)
        status = load_functions(self, states);
    Py_XDECREF(rest);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

#define LAMBDA_METHODS(get_lr_function)                                                            \
    {"get_lr", get_lr_function, METH_NOARGS, NULL},                                                \
        {"state_dict", lambda_state_dict, METH_NOARGS, "Everything but the optimizer."},           \
        {"load_state_dict", lambda_load_state_dict, METH_O, "Takes over what state_dict() gave."}, \
    {                                                                                              \
        NULL, NULL, 0, NULL                                                                        \
    }
static PyMethodDef lambda_methods[] = {LAMBDA_METHODS(lambda_get_lr)};
static PyMethodDef multiplicative_methods[] = {LAMBDA_METHODS(multiplicative_get_lr)};

static PyType_Spec lambda_spec = {
    .name = "torch.optim.lr_scheduler.LambdaLR",
    .basicsize = sizeof(SchedulerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_init, lambda_construct},
        {Py_tp_methods, lambda_methods},
        {Py_tp_doc, "LambdaLR(optimizer, lr_lambda, last_epoch=-1, verbose=False)\n--\n\nThe "
                    "initial rate times lr_lambda(epoch)."},
        {0, NULL}}};

static PyType_Spec multiplicative_spec = {
    .name = "torch.optim.lr_scheduler.MultiplicativeLR",
    .basicsize = sizeof(SchedulerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_init, multiplicative_construct},
        {Py_tp_methods, multiplicative_methods},
        {Py_tp_doc, "MultiplicativeLR(optimizer, lr_lambda, last_epoch=-1, verbose=False)\n--\n\n"
                    "The rate times lr_lambda(epoch), each epoch."},
        {0, NULL}}};

int lambda_schedulers_init(PyObject *torch)
{
    PyTypeObject *type;

    if (scheduler_add_type(torch, &lambda_spec, scheduler_type, &type) < 0)
        return -1;
    return scheduler_add_type(torch, &multiplicative_spec, scheduler_type, &type);
}
