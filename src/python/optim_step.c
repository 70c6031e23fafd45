/* step() of the optimizers of the table: reads a group's options once, then each parameter. */
#include "python/optim_classes.h"

#include "python/errors.h"
#include "python/teach.h"

/* ---- options ---- */

static int read_pair(PyObject *object, const char *name, double *values)
{
    PyObject *pair = PySequence_Fast(object, "");
    int status = -1;

    if (!pair || PySequence_Fast_GET_SIZE(pair) != 2) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "%s must be a pair of numbers, not %R", name, object);
    } else {
        status = number_from_python(PySequence_Fast_GET_ITEM(pair, 0), name, &values[0]);
        if (status == 0)
            status = number_from_python(PySequence_Fast_GET_ITEM(pair, 1), name, &values[1]);
    }
    Py_XDECREF(pair);
    return status;
}

/* What the group says now: users and schedulers write into it. */
static int read_group(const struct optimizer_class *c, PyObject *group, double *values)
{
    for (int i = 0; i < c->row->option_count; i++) {
        const struct option *option = &c->row->options[i];
        double *value = values + option->at;
        PyObject *object;
        int status;

        *value = 0;
        if (option->kind == OPTION_UNUSED)
            continue;
        object = dict_item(group, c->names[i]);
        if (!object)
            return -1;
        if (option->kind == OPTION_PAIR)
            status = read_pair(object, option->name, value);
        else if (option->kind == OPTION_FLAG)
            *value = status = PyObject_IsTrue(object);
        else
            status = number_from_python(object, option->name, value);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* ---- the state of one parameter, between its dict and the engine ---- */

static bool is_single(const struct optim_slot *slot)
{
    return slot->kind == SLOT_STEP || slot->kind == SLOT_SCALAR;
}

/* Older files hold plain numbers where tensors are kept now. */
static struct tensor *slot_tensor(const struct optim_slot *slot, PyObject *object)
{
    struct scalar number;
    struct tensor *t;

    if (tensor_check(object))
        return tensor_ref(tensor_of(object));
    if (!is_single(slot) || !scalar_from_python(object, &number)) {
        PyErr_Format(PyExc_TypeError, "the state '%s' must be a Tensor, not %s", slot->name,
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    t = tensor_from_scalar(scalar_float(number.d), DTYPE_f32);
    return t ? t : python_error();
}

static int read_slot(const struct optim_slot *slot, PyObject *object, struct optim_state *state,
                     int index)
{
    double count;

    if (slot->kind == SLOT_COUNT) {
        if (number_from_python(object, slot->name, &count) < 0)
            return -1;
        state->count = (int64_t)count;
        return 0;
    }
    state->slot[index] = slot_tensor(slot, object);
    return state->slot[index] ? 0 : -1;
}

static int read_state(const struct optimizer_class *c, PyObject *entry, struct optim_state *state)
{
    for (int i = 0; i < c->row->slot_count; i++) {
        PyObject *object = PyDict_GetItemWithError(entry, c->slot_names[i]);

        if (!object && PyErr_Occurred())
            return -1;
        if (object && object != Py_None && read_slot(&c->row->slots[i], object, state, i) < 0)
            return -1;
        state->started |= object != NULL;
    }
    return 0;
}

/* New tensors and the count go into the dict; tensors that were there have changed in place. */
static int write_state(const struct optimizer_class *c, PyObject *entry,
                       const struct optim_state *state)
{
    for (int i = 0; i < c->row->slot_count; i++) {
        const struct optim_slot *slot = &c->row->slots[i];
        struct tensor *t = state->slot[i];
        PyObject *object;
        int status;

        if (slot->kind == SLOT_COUNT)
            object = PyLong_FromLongLong(state->count);
        else if (t && !t->python)
            object = tensor_object(t);
        else if (!t && slot->kind == SLOT_TENSOR_OR_NONE)
            object = Py_NewRef(Py_None);
        else
            continue;
        status = object ? PyDict_SetItem(entry, c->slot_names[i], object) : -1;
        Py_XDECREF(object);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* Does `work` on a parameter with its state from the dict, and writes the state back. `grad` NULL
 * only makes the state. */
static int with_state(OptimizerObject *self, const double *options, PyObject *param,
                      struct tensor *grad)
{
    const struct optimizer_class *c = self->row;
    PyObject *entry = optimizer_state_of(self, param);
    struct optim_state state = {0};
    int status = -1;

    if (!entry)
        return -1;
    Py_INCREF(entry);
    if (read_state(c, entry, &state) == 0) {
        status = grad ? optim_update(c->row, options, tensor_of(param), grad, &state)
                      : optim_state_start(c->row, options, tensor_of(param), &state);
        if (status < 0)
            python_error();
        else
            status = write_state(c, entry, &state);
    }
    optim_state_release(&state);
    Py_DECREF(entry);
    return status;
}

/* ---- all parameters ---- */

/* starts: make the state, instead of a step. */
static int visit_group(OptimizerObject *self, PyObject *group, bool starts)
{
    double options[OPTIM_OPTIONS];
    PyObject *params = group_params(group);
    int status = 0;

    if (!params || read_group(self->row, group, options) < 0)
        return -1;
    Py_INCREF(params);
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(params); i++) {
        PyObject *param = Py_NewRef(PyList_GET_ITEM(params, i));
        struct tensor *grad = starts ? NULL : tensor_grad(tensor_of(param));

        if (grad)
            tensor_ref(grad);
        if (grad && tensor_use_grad(tensor_of(param)))
            status = teach_zero_grad();
        if (status == 0 && (grad || starts))
            status = with_state(self, options, param, grad);
        tensor_unref(grad);
        Py_DECREF(param);
    }
    Py_DECREF(params);
    return status;
}

static int visit_groups(OptimizerObject *self, bool starts)
{
    PyObject *groups = optimizer_groups(self);
    int status = groups ? 0 : -1;

    Py_XINCREF(groups);
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(groups); i++)
        status = visit_group(self, PyList_GET_ITEM(groups, i), starts);
    Py_XDECREF(groups);
    return status;
}

int optimizer_start(OptimizerObject *self)
{
    return visit_groups(self, true);
}

static PyObject *class_step(PyObject *object, PyObject *const *args, Py_ssize_t count,
                            PyObject *names)
{
    OptimizerObject *self = (OptimizerObject *)object;
    PyObject *closure = step_closure(args, count, names), *loss;

    if (!closure)
        return NULL;
    self->step_count++;
    loss = closure == Py_None ? Py_NewRef(Py_None) : closure_call(closure);
    if (loss && visit_groups(self, false) < 0)
        Py_CLEAR(loss);
    if (loss && observer)
        optimizer_observed(self, self->row->row->name);
    return loss;
}

PyMethodDef optimizer_step_methods[] = {
    {"step", WITH_FASTCALL(class_step),
     "step(closure=None)\n\nChanges the parameters by their gradients. A closure is called first, "
     "and its loss returned."},
    {NULL, NULL, 0, NULL}};
