/* Parameter groups: Optimizer.__init__() and add_param_group(). */
#include "python/nn_module.h"
#include "python/optim_parts.h"

/* ---- adding a group ---- */

/* group['params'] becomes a list of its own. */
static int listed_params(PyObject *group)
{
    PyObject *params = dict_item(group, optim_names.params), *list;
    int status;

    if (!params)
        return -1;
    if (PySet_Check(params)) {
        PyErr_SetString(PyExc_TypeError,
                        "optimizer parameters need to be organized in ordered collections, but the "
                        "ordering of tensors in sets will change between runs. Please use a list "
                        "instead.");
        return -1;
    }
    list = PyList_New(0);
    if (list && tensor_check(params))
        status = PyList_Append(list, params);
    else
        status = list ? PyList_SetSlice(list, 0, 0, params) : -1;
    if (status < 0 && PyErr_ExceptionMatches(PyExc_TypeError) && !PyIter_Check(params) &&
        !PySequence_Check(params)) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "'%s' object is not iterable", Py_TYPE(params)->tp_name);
    }
    if (status == 0)
        status = PyDict_SetItem(group, optim_names.params, list);
    Py_XDECREF(list);
    return status;
}

static int check_params(PyObject *params, bool differentiable)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(params); i++) {
        PyObject *param = PyList_GET_ITEM(params, i);
        struct tensor *t;

        if (!tensor_check(param)) {
            PyObject *name = type_name_of(param);
            if (name)
                PyErr_Format(PyExc_TypeError,
                             "optimizer can only optimize Tensors, but one of the params is %U",
                             name);
            Py_XDECREF(name);
            return -1;
        }
        t = tensor_of(param);
        if (!differentiable && tensor_grad_fn(t) && !(t->meta && t->meta->retains_grad)) {
            PyErr_SetString(PyExc_ValueError, "can't optimize a non-leaf Tensor");
            return -1;
        }
    }
    return 0;
}

static int fill_defaults(PyObject *defaults, PyObject *group)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;

    while (PyDict_Next(defaults, &at, &name, &value)) {
        int has = PyDict_Contains(group, name);
        if (has < 0)
            return -1;
        if (!has && value == optim_required) {
            PyErr_Format(PyExc_ValueError,
                         "parameter group didn't specify a value of required optimization "
                         "parameter %S",
                         name);
            return -1;
        }
        if (!has && PyDict_SetItem(group, name, value) < 0)
            return -1;
    }
    return 0;
}

/* A parameter twice in a group is worth a warning, in two groups an error. */
static int check_repeats(PyObject *groups, PyObject *params)
{
    PyObject *own = PySet_New(params);
    int found = own ? 0 : -1;

    if (own && PySet_GET_SIZE(own) != PyList_GET_SIZE(params))
        found = PyErr_WarnEx(PyExc_UserWarning,
                             "optimizer contains a parameter group with duplicate parameters; in "
                             "future, this will cause an error; see "
                             "github.com/pytorch/pytorch/issues/40967 for more information",
                             1);
    for (Py_ssize_t i = 0; found == 0 && i < PyList_GET_SIZE(groups); i++) {
        PyObject *others = group_params(PyList_GET_ITEM(groups, i));
        if (!others)
            found = -1;
        for (Py_ssize_t j = 0; found == 0 && j < PyList_GET_SIZE(others); j++)
            found = PySet_Contains(own, PyList_GET_ITEM(others, j));
    }
    if (found > 0)
        PyErr_SetString(PyExc_ValueError,
                        "some parameters appear in more than one parameter group");
    Py_XDECREF(own);
    return found ? -1 : 0;
}

static int is_differentiable(PyObject *defaults)
{
    PyObject *value = PyDict_GetItemWithError(defaults, optim_names.differentiable);

    return value ? PyObject_IsTrue(value) : PyErr_Occurred() ? -1 : 0;
}

PyObject *optimizer_add_group(PyObject *object, PyObject *group)
{
    OptimizerObject *self = (OptimizerObject *)object;
    PyObject *groups = optimizer_groups(self), *params;
    int differentiable;

    if (!groups)
        return NULL;
    if (!PyDict_Check(group)) {
        PyErr_SetString(PyExc_AssertionError, "param group must be a dict");
        return NULL;
    }
    differentiable = is_differentiable(self->defaults);
    if (differentiable < 0 || listed_params(group) < 0)
        return NULL;
    params = PyDict_GetItem(group, optim_names.params);
    if (check_params(params, differentiable) < 0 || fill_defaults(self->defaults, group) < 0 ||
        check_repeats(groups, params) < 0 || PyList_Append(groups, group) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- construction ---- */

static PyObject *listed_groups(PyObject *params)
{
    PyObject *list, *group, *first;

    if (tensor_check(params)) {
        PyObject *name = type_name_of(params);
        if (name)
            PyErr_Format(PyExc_TypeError,
                         "params argument given to the optimizer should be an iterable of Tensors "
                         "or dicts, but got %U",
                         name);
        Py_XDECREF(name);
        return NULL;
    }
    list = PySequence_List(params);
    if (!list)
        return NULL;
    if (PyList_GET_SIZE(list) == 0) {
        PyErr_SetString(PyExc_ValueError, "optimizer got an empty parameter list");
        Py_DECREF(list);
        return NULL;
    }
    first = PyList_GET_ITEM(list, 0);
    if (PyDict_Check(first))
        return list;
    group = Py_BuildValue("[{O:N}]", optim_names.params, list);
    return group;
}

int optimizer_setup(OptimizerObject *self, PyObject *params, PyObject *defaults)
{
    PyObject *groups;
    int status = 0;

    if (!PyDict_Check(defaults)) {
        PyErr_Format(PyExc_TypeError, "defaults must be a dict, not %s",
                     Py_TYPE(defaults)->tp_name);
        return -1;
    }
    groups = listed_groups(params);
    if (!groups)
        return -1;
    Py_XSETREF(self->defaults, Py_NewRef(defaults));
    Py_XSETREF(self->state, optimizer_empty_state());
    Py_XSETREF(self->param_groups, PyList_New(0));
    if (!self->state || !self->param_groups)
        status = -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(groups); i++) {
        PyObject *none = PyObject_CallMethodOneArg((PyObject *)self, optim_names.add_param_group,
                                                   PyList_GET_ITEM(groups, i));
        status = none ? 0 : -1;
        Py_XDECREF(none);
    }
    Py_DECREF(groups);
    return status;
}
