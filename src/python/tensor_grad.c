/* Tensor methods that concern gradients: backward(), detach(), hooks. */
#include "base/error.h"
#include "python/autograd.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/tensor_parts.h"

/* loss.backward() alone is what a training loop calls: it takes no detour through keywords. */
static PyObject *method_backward(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                 PyObject *keywords)
{
    static const char *const names[] = {"gradient", "retain_graph", "create_graph", "inputs"};
    PyObject *given[4] = {NULL};
    Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;

    if (count > 4)
        return PyErr_Format(
            PyExc_TypeError,
            "Tensor.backward() takes from 1 to 5 positional arguments but %zd were given",
            count + 1);
    for (Py_ssize_t i = 0; i < count; i++)
        given[i] = args[i];
    for (Py_ssize_t k = 0; k < named; k++) {
        PyObject *name = PyTuple_GET_ITEM(keywords, k);
        int at = 0;

        while (at < 4 && PyUnicode_CompareWithASCIIString(name, names[at]) != 0)
            at++;
        if (at == 4 || given[at])
            return PyErr_Format(PyExc_TypeError,
                                at == 4
                                    ? "Tensor.backward() got an unexpected keyword argument '%U'"
                                    : "Tensor.backward() got multiple values for argument '%U'",
                                name);
        given[at] = args[count + k];
    }
    if (count + named == 0)
        return autograd_backward(tensor_of(self));
    return autograd_run(&(struct autograd_call){.roots = self,
                                                .grads = given[0],
                                                .inputs = given[3],
                                                .retain = given[1],
                                                .create = given[2]});
}

static PyObject *method_detach(PyObject *self, PyObject *unused)
{
    (void)unused;
    return tensor_wrap(tensor_detach(tensor_of(self)));
}

static PyObject *method_detach_(PyObject *self, PyObject *unused)
{
    struct tensor *t = tensor_of(self);

    (void)unused;
    if (t->base)
        return PyErr_Format(
            PyExc_RuntimeError,
            "Can't detach views in-place. Use detach() instead. If you are using "
            "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view "
            "is set as True, gradients are views of DDP buckets, and hence detach_() "
            "cannot be called on these gradients. To fix this error, please refer "
            "to the Optimizer.zero_grad() function in torch/optim/optimizer.py as a "
            "solution.");
    tensor_forget_history(t);
    return Py_NewRef(self);
}

int tensor_born_requires_grad(struct tensor *t, bool on)
{
    if (on && !dtype_is_differentiable(tensor_dtype(t)))
        return error_set(ERROR_RUNTIME, "Only Tensors of floating point and complex dtype can "
                                        "require gradients");
    return tensor_set_requires_grad(t, on);
}

static PyObject *method_requires_grad_(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"requires_grad", NULL};
    int on = 1;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p:requires_grad_", names, &on))
        return NULL;
    if (on && !dtype_is_differentiable(tensor_dtype(tensor_of(self))))
        return PyErr_Format(PyExc_RuntimeError,
                            "only Tensors of floating point dtype can require gradients");
    return tensor_set_requires_grad(tensor_of(self), on) < 0 ? python_error() : Py_NewRef(self);
}

static PyObject *method_retain_grad(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (tensor_retain_grad(tensor_of(self)) < 0)
        return python_error();
    Py_RETURN_NONE;
}

static PyObject *method_register_hook(PyObject *self, PyObject *callable)
{
    struct hook hook;
    int id;

    if (!PyCallable_Check(callable))
        return PyErr_Format(PyExc_TypeError, "hook must be callable, not %s",
                            Py_TYPE(callable)->tp_name);
    hook = hook_from_callable(callable);
    id = tensor_add_hook(tensor_of(self), hook);
    if (id < 0) {
        hook.release(hook.data);
        return python_error();
    }
    return hook_handle(tensor_of(self), id);
}

static PyObject *method_is_inference(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(tensor_is_inference(tensor_of(self)));
}

PyMethodDef tensor_grad_methods[] = {
    {"is_inference", method_is_inference, METH_NOARGS,
     "whether it was made in inference mode and cannot take part in a graph"},
    {"backward", WITH_FASTCALL(method_backward),
     "gathers the gradient of this tensor in the leaves that it was computed from"},
    {"detach", method_detach, METH_NOARGS, "the same values without history"},
    {"detach_", method_detach_, METH_NOARGS, NULL},
    {"requires_grad_", WITH_KEYWORDS(method_requires_grad_), NULL},
    {"retain_grad", method_retain_grad, METH_NOARGS, NULL},
    {"register_hook", method_register_hook, METH_O,
     "calls a function with the gradient; what it returns replaces the gradient"},
    {NULL, NULL, 0, NULL}};
