/* torch.nn.utils.weight_norm: a weight as its length times its direction. */
#include "python/nn_reparametrize.h"

#include "python/module.h"

static PyTypeObject *weight_hook_type;
static PyObject *torch_module; /* borrowed: it lives as long as the process */

static PyObject *weight_compute(PyObject *hook, PyObject *module, PyObject *name)
{
    long dim = weight_hook_number(hook, "dim");
    PyObject *g = PyErr_Occurred() ? NULL : weight_part(module, name, "_g");
    PyObject *v = g ? weight_part(module, name, "_v") : NULL;
    PyObject *weight =
        v ? PyObject_CallMethod(torch_module, "_weight_norm", "OOl", v, g, dim) : NULL;

    Py_XDECREF(g);
    Py_XDECREF(v);
    return weight;
}

static PyObject *weight_hook_call(PyObject *hook, PyObject *args, PyObject *Py_UNUSED(keywords))
{
    return weight_hook_run(hook, args, weight_compute);
}

static int weight_norm_apply(PyObject *module, PyObject *name, PyObject *dim)
{
    PyObject *hook = NULL, *weight = NULL, *norm = NULL, *computed = NULL;
    int status = -1;

    if (weight_hook_check(module, weight_hook_type, "weight_norm", name) < 0)
        return -1;
    hook = weight_hook_new(weight_hook_type, Py_BuildValue("{sOsO}", "name", name, "dim", dim));
    weight = hook ? weight_part(module, name, "") : NULL;
    norm =
        weight ? PyObject_CallMethod(torch_module, "norm_except_dim", "OiO", weight, 2, dim) : NULL;
    if (!norm || PyObject_DelItem(module_part(module, nn_names._parameters), name) < 0 ||
        weight_part_register(module, name, "_g", norm) < 0 ||
        weight_part_register(module, name, "_v", weight) < 0)
        goto done;
    computed = weight_compute(hook, module, name);
    if (computed && PyObject_SetAttr(module, name, computed) == 0)
        status = weight_hook_add(module, nn_names._forward_pre_hooks, hook);
done:
    Py_XDECREF(hook);
    Py_XDECREF(weight);
    Py_XDECREF(norm);
    Py_XDECREF(computed);
    return status;
}

static PyObject *weight_norm(PyObject *Py_UNUSED(self), PyObject *args, PyObject *keywords)
{
    static char *names[] = {"module", "name", "dim", NULL};
    PyObject *module, *name = NULL, *dim = NULL;
    int status;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!|UO:weight_norm", names, nn_module_type,
                                     &module, &name, &dim))
        return NULL;
    name = name ? Py_NewRef(name) : PyUnicode_FromString("weight");
    dim = !dim ? PyLong_FromLong(0) : dim == Py_None ? PyLong_FromLong(-1) : Py_NewRef(dim);
    status = name && dim ? weight_norm_apply(module, name, dim) : -1;
    Py_XDECREF(name);
    Py_XDECREF(dim);
    return status < 0 ? NULL : Py_NewRef(module);
}

static PyObject *remove_weight_norm(PyObject *Py_UNUSED(self), PyObject *args, PyObject *keywords)
{
    static const char *const parts[] = {"", "_g", "_v", NULL};
    PyObject *module, *name, *hook, *weight;
    int status;

    if (weight_hook_arguments(args, keywords, "O!|U:remove_weight_norm", &module, &name) < 0)
        return NULL;
    hook = weight_hook_of(module, weight_hook_type, "weight_norm", name);
    weight = hook ? weight_compute(hook, module, name) : NULL;
    status = weight_hook_take_back(module, name, weight, parts, weight_hook_type);
    Py_XDECREF(hook);
    Py_XDECREF(weight);
    Py_DECREF(name);
    return status < 0 ? NULL : Py_NewRef(module);
}

int weight_norm_init(PyObject *torch)
{
    static PyMethodDef functions[] = {
        {"weight_norm", WITH_KEYWORDS(weight_norm),
         "weight_norm(module, name='weight', dim=0): the weight becomes its length <name>_g times "
         "its direction <name>_v, slice by slice along dim."},
        {"remove_weight_norm", WITH_KEYWORDS(remove_weight_norm),
         "remove_weight_norm(module, name='weight'): one parameter again."},
        {NULL, NULL, 0, NULL},
    };
    PyObject *home;

    torch_module = torch;
    if (weight_hook_add_type(torch, "nn.utils.weight_norm", "torch.nn.utils.weight_norm.WeightNorm",
                             weight_hook_call, &weight_hook_type) < 0)
        return -1;
    home = submodule(torch, "nn.utils");
    return home ? PyModule_AddFunctions(home, functions) : -1;
}
