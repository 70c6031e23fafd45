/* torch.autograd.Variable, the name of tensors with gradients before PyTorch 0.4: calling it gives
 * a tensor that shares the memory of another, and every tensor is an instance. */
#include "python/autograd.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_type.h"

static PyObject *variable_call(PyObject *Py_UNUSED(type), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"data", "requires_grad", "volatile", NULL};
    PyObject *data = NULL;
    int requires_grad = 0, unused = 0;
    struct tensor *t;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Opp", names, &data, &requires_grad, &unused))
        return NULL;
    if (data && !tensor_check(data))
        return PyErr_Format(PyExc_TypeError, "Variable data has to be a tensor, but got %s",
                            Py_TYPE(data)->tp_name);
    if (unused &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "volatile was removed and now has no effect. Use `with torch.no_grad():` "
                     "instead.",
                     1) < 0)
        return NULL;
    t = data ? tensor_detach(tensor_of(data)) : tensor_new(dtype_default(), 1, (int64_t[]){0});
    if (t && tensor_set_requires_grad(t, requires_grad) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return tensor_wrap(t);
}

static PyObject *variable_instancecheck(PyObject *Py_UNUSED(type), PyObject *object)
{
    return PyBool_FromLong(tensor_check(object));
}

static PyType_Spec meta_spec = {
    .name = "torch.autograd.variable.VariableMeta",
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_call, variable_call},
        {Py_tp_methods, (PyMethodDef[]){{"__instancecheck__", variable_instancecheck, METH_O, NULL},
                                        {NULL, NULL, 0, NULL}}},
        {0, NULL}}};

int autograd_variable_init(PyObject *torch)
{
    PyObject *autograd = submodule(torch, "autograd");
    PyObject *module = submodule(torch, "autograd.variable");
    PyObject *meta = NULL, *variable = NULL;
    int status = -1;

    if (!module)
        return -1;
    meta = PyType_FromSpecWithBases(&meta_spec, (PyObject *)&PyType_Type);
    /* type's own call: the metatype's makes tensors */
    variable = meta ? PyObject_CallMethod((PyObject *)&PyType_Type, "__call__", "Os(){ss}", meta,
                                          "Variable", "__module__", "torch.autograd.variable")
                    : NULL;
    if (variable && PyModule_AddObjectRef(autograd, "Variable", variable) == 0)
        status = PyModule_AddObjectRef(module, "Variable", variable);
    Py_XDECREF(meta);
    Py_XDECREF(variable);
    return status;
}
