/* Optimizer.state_dict(), load_state_dict(), and what pickle and copy take of an optimizer. */
#include "python/errors.h"
#include "python/optim_parts.h"

/* ---- state_dict ---- */

/* Numbers the parameters that have no number yet; start is that of the group's first one. */
static int number_params(PyObject *numbers, PyObject *params, Py_ssize_t start)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(params); i++) {
        PyObject *number = PyLong_FromSsize_t(start + i);
        PyObject *kept =
            number ? PyDict_SetDefault(numbers, PyList_GET_ITEM(params, i), number) : NULL;
        Py_XDECREF(number);
        if (!kept)
            return -1;
    }
    return 0;
}

static PyObject *pack_group(PyObject *group, PyObject *numbers)
{
    PyObject *params = group_params(group), *packed = params ? PyDict_Copy(group) : NULL;
    PyObject *list = packed ? PyList_New(PyList_GET_SIZE(params)) : NULL;
    /* 'params' is the last key of a packed group. */
    int status = list ? PyDict_DelItem(packed, optim_names.params) : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(params); i++) {
        PyObject *number = PyDict_GetItem(numbers, PyList_GET_ITEM(params, i));
        PyList_SET_ITEM(list, i, Py_NewRef(number));
    }
    if (status == 0)
        status = PyDict_SetItem(packed, optim_names.params, list);
    Py_XDECREF(list);
    if (status < 0)
        Py_CLEAR(packed);
    return packed;
}

static PyObject *pack_groups(PyObject *groups, PyObject *numbers)
{
    PyObject *packed = PyList_New(0);
    Py_ssize_t start = 0;

    for (Py_ssize_t i = 0; packed && i < PyList_GET_SIZE(groups); i++) {
        PyObject *group = PyList_GET_ITEM(groups, i), *params = group_params(group), *item = NULL;

        if (params && number_params(numbers, params, start) == 0)
            item = pack_group(group, numbers);
        if (!item || PyList_Append(packed, item) < 0)
            Py_CLEAR(packed);
        else
            start += PyList_GET_SIZE(params);
        Py_XDECREF(item);
    }
    return packed;
}

/* State by parameter becomes state by number; other keys stay. */
static PyObject *pack_state(PyObject *state, PyObject *numbers)
{
    PyObject *packed = PyDict_New(), *key, *value;
    Py_ssize_t at = 0;

    while (packed && PyDict_Next(state, &at, &key, &value)) {
        if (tensor_check(key))
            key = dict_item(numbers, key);
        if (!key || PyDict_SetItem(packed, key, value) < 0)
            Py_CLEAR(packed);
    }
    return packed;
}

PyObject *optimizer_state_dict(PyObject *object, PyObject *unused)
{
    OptimizerObject *self = (OptimizerObject *)object;
    PyObject *groups = optimizer_groups(self), *numbers = groups ? PyDict_New() : NULL;
    PyObject *packed = numbers ? pack_groups(groups, numbers) : NULL, *state = NULL, *result = NULL;

    (void)unused;
    if (packed && (!self->state || !PyDict_Check(self->state)))
        PyErr_SetString(PyExc_TypeError, "the optimizer's state must be a dict");
    else if (packed)
        state = pack_state(self->state, numbers);
    if (state)
        result = Py_BuildValue("{s:O,s:O}", "state", state, "param_groups", packed);
    Py_XDECREF(numbers);
    Py_XDECREF(packed);
    Py_XDECREF(state);
    return result;
}

/* ---- load_state_dict ---- */

static PyObject *copied(PyObject *value, PyObject *key, struct tensor *like);

/* A tensor takes the dtype of its parameter, except the count of steps. */
static PyObject *copied_tensor(struct tensor *t, PyObject *key, struct tensor *like)
{
    bool is_step = key && PyUnicode_Check(key) && PyUnicode_Compare(key, optim_names.step) == 0;
    enum dtype dtype = tensor_dtype(like ? like : t);
    struct tensor *converted;

    if (is_step || !like || !dtype_is_float(dtype) || dtype == tensor_dtype(t))
        return tensor_wrap(tensor_clone(t));
    converted = tensor_to(t, dtype);
    return tensor_wrap(converted);
}

static PyObject *copied_dict(PyObject *dict, struct tensor *like)
{
    PyObject *copy = PyDict_New(), *key, *value;
    Py_ssize_t at = 0;

    while (copy && PyDict_Next(dict, &at, &key, &value)) {
        PyObject *item = copied(value, key, like);
        if (!item || PyDict_SetItem(copy, key, item) < 0)
            Py_CLEAR(copy);
        Py_XDECREF(item);
    }
    return copy;
}

static PyObject *copied_sequence(PyObject *sequence, struct tensor *like)
{
    PyObject *copy = PyList_New(0), *tuple;

    for (Py_ssize_t i = 0; copy && i < PySequence_Fast_GET_SIZE(sequence); i++) {
        PyObject *item = copied(PySequence_Fast_GET_ITEM(sequence, i), NULL, like);
        if (!item || PyList_Append(copy, item) < 0)
            Py_CLEAR(copy);
        Py_XDECREF(item);
    }
    if (!copy || PyList_Check(sequence))
        return copy;
    tuple = PyList_AsTuple(copy);
    Py_DECREF(copy);
    return tuple;
}

/* A copy that shares no tensor, dict or list with the original. `key`: where the value lay. */
static PyObject *copied(PyObject *value, PyObject *key, struct tensor *like)
{
    PyObject *copy;

    if (tensor_check(value))
        return copied_tensor(tensor_of(value), key, like);
    if (!PyDict_Check(value) && !PyList_CheckExact(value) && !PyTuple_CheckExact(value))
        return Py_NewRef(value);
    if (Py_EnterRecursiveCall(" while copying the state of an optimizer"))
        return NULL;
    copy = PyDict_Check(value) ? copied_dict(value, like) : copied_sequence(value, like);
    Py_LeaveRecursiveCall();
    return copy;
}

/* The parameters that a saved group lists: any sequence of keys. */
static PyObject *saved_params(PyObject *group)
{
    PyObject *params;

    if (!PyDict_Check(group)) {
        PyErr_Format(PyExc_TypeError, "a loaded parameter group must be a dict, not %s",
                     Py_TYPE(group)->tp_name);
        return NULL;
    }
    params = dict_item(group, optim_names.params);
    if (params && !PyList_Check(params)) {
        PyErr_Format(PyExc_TypeError, "'params' of a loaded group must be a list, not %s",
                     Py_TYPE(params)->tp_name);
        return NULL;
    }
    return params;
}

/* Checks that the groups fit, and collects {saved key: parameter}. */
static PyObject *match_groups(PyObject *groups, PyObject *saved)
{
    PyObject *matches;

    if (PyList_GET_SIZE(groups) != PyList_GET_SIZE(saved)) {
        PyErr_SetString(PyExc_ValueError,
                        "loaded state dict has a different number of parameter groups");
        return NULL;
    }
    matches = PyDict_New();
    for (Py_ssize_t i = 0; matches && i < PyList_GET_SIZE(groups); i++) {
        PyObject *params = group_params(PyList_GET_ITEM(groups, i));
        PyObject *keys = params ? saved_params(PyList_GET_ITEM(saved, i)) : NULL;
        bool alike = keys && PyList_GET_SIZE(keys) == PyList_GET_SIZE(params);

        if (keys && !alike)
            PyErr_SetString(PyExc_ValueError,
                            "loaded state dict contains a parameter group that doesn't match the "
                            "size of optimizer's group");
        for (Py_ssize_t j = 0; alike && j < PyList_GET_SIZE(keys); j++)
            alike =
                PyDict_SetItem(matches, PyList_GET_ITEM(keys, j), PyList_GET_ITEM(params, j)) == 0;
        if (!alike)
            Py_CLEAR(matches);
    }
    return matches;
}

/* `fresh` is an empty dict of the kind that the optimizer has. */
static int fill_state(PyObject *fresh, PyObject *saved, PyObject *matches)
{
    PyObject *key, *value, *param, *item;
    Py_ssize_t at = 0;

    while (PyDict_Next(saved, &at, &key, &value)) {
        int status;

        param = PyDict_GetItemWithError(matches, key);
        if (!param && PyErr_Occurred())
            return -1;
        item = copied(value, NULL, param ? tensor_of(param) : NULL);
        status = item ? PyDict_SetItem(fresh, param ? param : key, item) : -1;
        Py_XDECREF(item);
        if (status < 0)
            return -1;
    }
    return 0;
}

static PyObject *loaded_groups(PyObject *groups, PyObject *saved)
{
    PyObject *loaded = copied_sequence(saved, NULL);

    for (Py_ssize_t i = 0; loaded && i < PyList_GET_SIZE(loaded); i++) {
        PyObject *params = PyDict_GetItem(PyList_GET_ITEM(groups, i), optim_names.params);
        if (PyDict_SetItem(PyList_GET_ITEM(loaded, i), optim_names.params, params) < 0)
            Py_CLEAR(loaded);
    }
    return loaded;
}

/* state_dict[key], which must be of a type; borrowed. */
static PyObject *part_of(PyObject *state_dict, PyObject *key, PyTypeObject *type)
{
    PyObject *part = dict_item(state_dict, key);

    if (part && !PyObject_TypeCheck(part, type)) {
        PyErr_Format(PyExc_TypeError, "'%U' of a state dict must be a %s, not %s", key,
                     type->tp_name, Py_TYPE(part)->tp_name);
        return NULL;
    }
    return part;
}

PyObject *optimizer_load_state_dict(PyObject *object, PyObject *state_dict)
{
    OptimizerObject *self = (OptimizerObject *)object;
    PyObject *groups = optimizer_groups(self), *saved_groups, *saved_state;
    PyObject *matches = NULL, *state = NULL, *loaded = NULL, *both = NULL, *result = NULL;

    if (!groups)
        return NULL;
    if (!PyDict_Check(state_dict)) {
        PyErr_Format(PyExc_TypeError, "state_dict must be a dict, not %s",
                     Py_TYPE(state_dict)->tp_name);
        return NULL;
    }
    saved_groups = part_of(state_dict, optim_names.param_groups, &PyList_Type);
    matches = saved_groups ? match_groups(groups, saved_groups) : NULL;
    saved_state = matches ? part_of(state_dict, optim_names.state, &PyDict_Type) : NULL;
    state = saved_state ? optimizer_empty_state() : NULL;
    if (!state || fill_state(state, saved_state, matches) < 0)
        goto done;
    loaded = loaded_groups(groups, saved_groups);
    both = loaded ? Py_BuildValue("{s:O,s:O}", "state", state, "param_groups", loaded) : NULL;
    if (both)
        result = PyObject_CallMethodOneArg(object, optim_names.__setstate__, both);
done:
    Py_XDECREF(matches);
    Py_XDECREF(state);
    Py_XDECREF(loaded);
    Py_XDECREF(both);
    return result;
}

/* ---- pickle and copy ---- */

PyObject *optimizer_getstate(PyObject *object, PyObject *unused)
{
    OptimizerObject *self = (OptimizerObject *)object;

    (void)unused;
    if (!optimizer_groups(self) || !self->defaults || !self->state)
        return NULL;
    return Py_BuildValue("{s:O,s:O,s:O}", "defaults", self->defaults, "state", self->state,
                         "param_groups", self->param_groups);
}

PyObject *optimizer_setstate(PyObject *object, PyObject *state)
{
    OptimizerObject *self = (OptimizerObject *)object;
    PyObject *key, *value;
    Py_ssize_t at = 0;

    if (!PyDict_Check(state)) {
        PyErr_Format(PyExc_TypeError, "the state of an optimizer must be a dict, not %s",
                     Py_TYPE(state)->tp_name);
        return NULL;
    }
    while (PyDict_Next(state, &at, &key, &value))
        if (PyObject_SetAttr(object, key, value) < 0)
            return NULL;
    if (self->defaults && PyDict_Check(self->defaults) &&
        !PyDict_SetDefault(self->defaults, optim_names.differentiable, Py_False))
        return NULL;
    if (self->row && optimizer_complete_groups(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}
