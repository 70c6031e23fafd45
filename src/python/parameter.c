/* torch.nn.Parameter: a tensor that belongs to a module. */
#include "python/module.h"
#include "python/tensor_parts.h"

PyTypeObject *parameter_type;

static PyObject *parameter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"data", "requires_grad", NULL};
    PyObject *data = Py_None;
    int requires_grad = 1;
    struct tensor *t;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Op:Parameter", names, &data, &requires_grad))
        return NULL;
    if (data == Py_None) {
        t = tensor_new(dtype_default(), 1, (int64_t[]){0});
    } else if (tensor_check(data)) {
        t = tensor_detach(tensor_of(data));
    } else {
        PyErr_Format(PyExc_TypeError, "Parameter data must be a Tensor, not %s",
                     Py_TYPE(data)->tp_name);
        return NULL;
    }
    if (t && tensor_born_requires_grad(t, requires_grad) < 0) {
        tensor_unref(t);
        t = NULL;
    }
    return tensor_wrap_as(type, t);
}

static PyType_Spec parameter_spec = {
    .name = "torch.nn.parameter.Parameter",
    .basicsize = sizeof(TensorObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, /* the collector's part is Tensor's */
    .slots = (PyType_Slot[]){{Py_tp_new, parameter_new}, {0, NULL}}};

int parameter_init(PyObject *torch)
{
    PyObject *bases = PyTuple_Pack(1, tensor_type), *home = submodule(torch, "nn.parameter");
    int status = -1;

    if (bases && home)
        status = module_add_type(home, &parameter_spec, bases, &parameter_type);
    Py_XDECREF(bases);
    if (status < 0)
        return -1;
    return PyModule_AddObjectRef(submodule(torch, "nn"), "Parameter", (PyObject *)parameter_type);
}
