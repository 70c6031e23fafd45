/*
 * Modules around another one: torch.nn.DataParallel, which without a GPU is the module itself, and
 * the running average of torch.optim.swa_utils.
 */
#include "python/nn_module.h"

#include "python/bind.h"
#include "python/law_formula.h"
#include "python/module.h"
#include "python/types.h"

static PyTypeObject *parallel_type, *averaged_type;

/* self.module(*args, **kwargs) */
static PyObject *forward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *module = PyObject_GetAttrString(self, "module");
    PyObject *result = module ? PyObject_Call(module, args, kwargs) : NULL;

    Py_XDECREF(module);
    return result;
}

static int set_attribute(PyObject *self, const char *name, PyObject *value)
{
    int status = value ? PyObject_SetAttrString(self, name, value) : -1;

    Py_XDECREF(value);
    return status;
}

/* ---- DataParallel ---- */

static int parallel_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"module", "device_ids", "output_device", "dim"};
    static const struct binding binding = {"DataParallel.__init__", names, 4, 4, 1, 1};
    PyObject *v[4] = {NULL};

    if (binding_read(&binding, args, kwargs, v) < 0 || module_setup(self) < 0 ||
        PyObject_SetAttrString(self, "module", v[0]) < 0)
        return -1;
    return set_attribute(self, "device_ids", PyList_New(0));
}

/* ---- AveragedModel ---- */

/* The mean of all that have been seen: a + (b - a) / (n + 1). */
static PyObject *running_mean(PyObject *Py_UNUSED(none), PyObject *args)
{
    PyObject *averaged, *model, *count, *locals, *result;

    if (!PyArg_ParseTuple(args, "OOO:avg_fn", &averaged, &model, &count))
        return NULL;
    locals = Py_BuildValue("{sOsOsO}", "a", averaged, "b", model, "n", count);
    result = locals ? formula_value("a + (b - a) / (n + 1)", NULL, locals) : NULL;
    Py_XDECREF(locals);
    return result;
}

static PyObject *deep_copy(PyObject *object)
{
    PyObject *copy = PyImport_ImportModule("copy");
    PyObject *result = copy ? PyObject_CallMethod(copy, "deepcopy", "O", object) : NULL;

    Py_XDECREF(copy);
    return result;
}

static int averaged_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static PyMethodDef mean = {"avg_fn", running_mean, METH_VARARGS, NULL};
    static const char *const names[] = {"model", "device", "avg_fn", "use_buffers"};
    static const struct binding binding = {"AveragedModel.__init__", names, 4, 4, 1, 1};
    PyObject *v[4] = {NULL, Py_None, Py_None, Py_False}, *count, *name;
    int status = -1;

    if (binding_read(&binding, args, kwargs, v) < 0 || module_setup(self) < 0 ||
        device_check(v[1]) < 0 || set_attribute(self, "module", deep_copy(v[0])) < 0)
        return -1;
    count = formula_value("tensor(0)", NULL, NULL);
    name = PyUnicode_FromString("n_averaged");
    if (count && name && module_register_buffer(self, name, count, true) == 0 &&
        set_attribute(self, "avg_fn",
                      v[2] == Py_None ? PyCFunction_New(&mean, NULL) : Py_NewRef(v[2])) == 0)
        status = PyObject_SetAttrString(self, "use_buffers", v[3]);
    Py_XDECREF(count);
    Py_XDECREF(name);
    return status;
}

/* Parameters, and if wanted buffers, as a list. */
static PyObject *tensors_of(PyObject *module, bool buffers)
{
    PyObject *prefix = PyUnicode_FromString(""), *list = NULL, *more = NULL;

    if (prefix)
        list = module_members(module, nn_names._parameters, prefix, true, false);
    if (list && buffers) {
        more = module_members(module, nn_names._buffers, prefix, true, false);
        Py_SETREF(list, more ? PySequence_Concat(list, more) : NULL);
    }
    Py_XDECREF(prefix);
    Py_XDECREF(more);
    return list;
}

/* averaged = the model's at first, later avg_fn(averaged, the model's, count) */
static int average_one(PyObject *self, PyObject *averaged, PyObject *model, PyObject *count,
                       bool first)
{
    PyObject *locals = Py_BuildValue("{sOsOsO}", "to", averaged, "of", model, "n", count), *done;

    done = !locals ? NULL
           : first ? formula_value("to.detach().copy_(of.detach())", self, locals)
                   : formula_value("to.detach().copy_(self.avg_fn(to.detach(), of.detach(), n))",
                                   self, locals);
    Py_XDECREF(locals);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyObject *update_parameters(PyObject *self, PyObject *model)
{
    PyObject *count = PyObject_GetAttrString(self, "n_averaged"), *done = NULL;
    PyObject *flag = count ? PyObject_GetAttrString(self, "use_buffers") : NULL;
    PyObject *inner = flag ? PyObject_GetAttrString(self, "module") : NULL;
    int buffers = flag ? PyObject_IsTrue(flag) : -1, seen = count ? PyObject_IsTrue(count) : -1;
    PyObject *mine = NULL, *theirs = NULL;
    int status = -1;

    if (!inner || buffers < 0 || seen < 0)
        goto done;
    if (!module_check(inner) || !module_check(model)) {
        PyErr_SetString(PyExc_TypeError, "update_parameters(): the model must be a Module");
        goto done;
    }
    mine = tensors_of(inner, buffers);
    theirs = mine ? tensors_of(model, buffers) : NULL;
    status = theirs ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(mine) && i < PyList_GET_SIZE(theirs);
         i++)
        status =
            average_one(self, PyList_GET_ITEM(mine, i), PyList_GET_ITEM(theirs, i), count, !seen);
    if (status == 0)
        done = PyObject_CallMethod(count, "add_", "i", 1);
done:
    Py_XDECREF(count);
    Py_XDECREF(flag);
    Py_XDECREF(inner);
    Py_XDECREF(mine);
    Py_XDECREF(theirs);
    Py_XDECREF(done);
    return done ? Py_NewRef(Py_None) : NULL;
}

/* ---- classes ---- */

static int add_wrapper(PyObject *home, const char *path, initproc init, PyMethodDef *methods,
                       PyTypeObject **type)
{
    PyType_Slot slots[] = {{Py_tp_init, init}, {Py_tp_methods, methods}, {0, NULL}};
    PyType_Spec spec = {path, 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

    return home ? module_add_type(home, &spec, (PyObject *)nn_module_type, type) : -1;
}

int wrappers_init(PyObject *torch)
{
    static PyMethodDef parallel_methods[] = {
        {"forward", WITH_KEYWORDS(forward), "What the module gives."}, {NULL, NULL, 0, NULL}};
    static PyMethodDef averaged_methods[] = {
        {"forward", WITH_KEYWORDS(forward), "What the averaged module gives."},
        {"update_parameters", update_parameters, METH_O,
         "update_parameters(model): takes the model's parameters into the average."},
        {NULL, NULL, 0, NULL}};
    static const char *const homes[] = {"nn", "nn.parallel"};

    if (add_wrapper(submodule(torch, "nn.parallel.data_parallel"),
                    "torch.nn.parallel.data_parallel.DataParallel", parallel_init, parallel_methods,
                    &parallel_type) < 0 ||
        add_wrapper(submodule(torch, "optim.swa_utils"), "torch.optim.swa_utils.AveragedModel",
                    averaged_init, averaged_methods, &averaged_type) < 0)
        return -1;
    for (int i = 0; i < 2; i++)
        if (PyModule_AddObjectRef(submodule(torch, homes[i]), "DataParallel",
                                  (PyObject *)parallel_type) < 0)
            return -1;
    return 0;
}
