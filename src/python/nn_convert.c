/*
 * Changing all tensors of a module: _apply(), to(), float() and their like. A parameter stays the
 * object that it is, so that optimizers which hold it see the change.
 */
#include "python/nn_module.h"

#include "python/args.h"
#include "python/bind.h"
#include "python/errors.h"
#include "python/types.h"

#include <string.h>

/* Makes the tensor that a parameter, gradient or buffer becomes. */
struct conversion {
    PyObject *(*apply)(const struct conversion *how, PyObject *tensor);
    PyObject *function; /* of _apply(); the argument of type() */
    enum dtype dtype;   /* DTYPE_NONE: as it is */
    bool floats_only;
};

static PyObject *apply_function(const struct conversion *how, PyObject *tensor)
{
    PyObject *made = PyObject_CallOneArg(how->function, tensor);

    if (made && !tensor_check(made)) {
        PyErr_Format(PyExc_TypeError, "_apply(): the function must return a Tensor, not %s",
                     _PyType_Name(Py_TYPE(made)));
        Py_CLEAR(made);
    }
    return made;
}

static PyObject *apply_dtype(const struct conversion *how, PyObject *tensor)
{
    struct tensor *t = tensor_of(tensor);

    if (how->dtype == DTYPE_NONE || (how->floats_only && !dtype_is_float(tensor_dtype(t))))
        return Py_NewRef(tensor);
    return tensor_wrap(tensor_to(t, how->dtype));
}

/* tensor.type(wanted), which reads strings such as "torch.FloatTensor" too. */
static PyObject *apply_type(const struct conversion *how, PyObject *tensor)
{
    return PyObject_CallMethod(tensor, "type", "O", how->function);
}

static int convert_data(const struct conversion *how, PyObject *tensor)
{
    PyObject *made = how->apply(how, tensor);
    int status = made ? 0 : -1;

    if (made && made != tensor)
        status = PyObject_SetAttr(tensor, nn_names.data, made);
    Py_XDECREF(made);
    return status;
}

static int convert_parameters(const struct conversion *how, PyObject *self)
{
    PyObject *parameters = module_part(self, nn_names._parameters);
    PyObject *list = parameters ? PyDict_Values(parameters) : NULL;
    int status = list ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *param = PyList_GET_ITEM(list, i), *grad;

        if (param == Py_None)
            continue;
        status = convert_data(how, param);
        grad = status == 0 ? tensor_object(tensor_grad(tensor_of(param))) : NULL;
        if (grad && grad != Py_None)
            status = convert_data(how, grad);
        Py_XDECREF(grad);
    }
    Py_XDECREF(list);
    return status;
}

static int convert_buffers(const struct conversion *how, PyObject *self)
{
    PyObject *buffers = module_part(self, nn_names._buffers);
    PyObject *list = buffers ? PyDict_Items(buffers) : NULL;
    int status = list ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *name = PyTuple_GET_ITEM(PyList_GET_ITEM(list, i), 0);
        PyObject *buffer = PyTuple_GET_ITEM(PyList_GET_ITEM(list, i), 1), *made;

        if (buffer == Py_None)
            continue;
        made = how->apply(how, buffer);
        status = made ? PyObject_SetItem(buffers, name, made) : -1;
        Py_XDECREF(made);
    }
    Py_XDECREF(list);
    return status;
}

static int convert(const struct conversion *how, PyObject *self)
{
    PyObject *children = module_children(self, false);
    int status = children ? 0 : -1;

    if (status == 0 && Py_EnterRecursiveCall(" in a module tree"))
        status = -1;
    else if (status == 0) {
        for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(children); i++)
            status = convert(how, PyList_GET_ITEM(children, i));
        if (status == 0)
            status = convert_parameters(how, self);
        if (status == 0)
            status = convert_buffers(how, self);
        Py_LeaveRecursiveCall();
    }
    Py_XDECREF(children);
    return status;
}

static PyObject *converted(PyObject *self, struct conversion how)
{
    bool was = grad_set_enabled(false);
    int status = convert(&how, self);

    grad_set_enabled(was);
    return status < 0 ? NULL : Py_NewRef(self);
}

static PyObject *py_apply(PyObject *self, PyObject *function)
{
    return converted(self, (struct conversion){.apply = apply_function, .function = function});
}

/* float(), half(): to the dtype of that name, whole numbers stay. */
static PyObject *to_named(PyObject *self, const char *name)
{
    for (int d = 0; d < DTYPE_COUNT; d++)
        if (strcmp(dtype_infos[d].name, name) == 0)
            return converted(self, (struct conversion){.apply = apply_dtype,
                                                       .dtype = (enum dtype)d,
                                                       .floats_only = true});
    return PyErr_Format(PyExc_NotImplementedError, "torch.%s is not supported", name);
}

static PyObject *to_float(PyObject *self, PyObject *Py_UNUSED(none))
{
    return to_named(self, "float32");
}

static PyObject *to_double(PyObject *self, PyObject *Py_UNUSED(none))
{
    return to_named(self, "float64");
}

static PyObject *to_half(PyObject *self, PyObject *Py_UNUSED(none))
{
    return to_named(self, "float16");
}

static PyObject *to_bfloat16(PyObject *self, PyObject *Py_UNUSED(none))
{
    return to_named(self, "bfloat16");
}

static PyObject *to_type(PyObject *self, PyObject *wanted)
{
    return converted(self, (struct conversion){.apply = apply_type, .function = wanted});
}

static PyObject *to_cpu(PyObject *self, PyObject *Py_UNUSED(none))
{
    return Py_NewRef(self);
}

static PyObject *apply_empty(const struct conversion *Py_UNUSED(how), PyObject *tensor)
{
    const struct tensor *t = tensor_of(tensor);

    return tensor_wrap(tensor_new(tensor_dtype(t), t->ndim, t->shape));
}

static PyObject *to_empty(PyObject *self, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"device"};
    static const struct binding binding = {"Module.to_empty", names, 1, 0, 1, 1};
    PyObject *device = NULL;

    if (binding_read(&binding, args, keywords, &device) < 0 || device_check(device) < 0)
        return NULL;
    return converted(self, (struct conversion){.apply = apply_empty});
}

/* Programs that share memory between processes are other programs. */
static PyObject *share_memory(PyObject *self, PyObject *Py_UNUSED(none))
{
    return Py_NewRef(self);
}

static PyObject *to_cuda(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args))
{
    return device_refuse_cuda();
}

/* One argument of to(): a dtype, a tensor to be like, or a device. */
static int read_target(PyObject *object, struct conversion *how)
{
    if (PyObject_TypeCheck(object, dtype_type))
        return dtype_from_python(object, &how->dtype) ? 0 : -1;
    if (tensor_check(object)) {
        how->dtype = tensor_dtype(tensor_of(object));
        return 0;
    }
    return device_check(object);
}

static PyObject *to(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"", "", "non_blocking", "device", "dtype", NULL};
    struct conversion how = {.apply = apply_dtype, .dtype = DTYPE_NONE, .floats_only = true};
    PyObject *targets[4] = {NULL};
    int unused = 0;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OOp$OO:to", names, &targets[0], &targets[1],
                                     &unused, &targets[2], &targets[3]))
        return NULL;
    for (int i = 0; i < 4; i++)
        if (targets[i] && targets[i] != Py_None && !PyBool_Check(targets[i]) &&
            read_target(targets[i], &how) < 0)
            return NULL;
    if (how.dtype != DTYPE_NONE && !dtype_is_float(how.dtype))
        return PyErr_Format(PyExc_TypeError,
                            "nn.Module.to only accepts floating point or complex dtypes, but got "
                            "desired dtype=torch.%s",
                            dtype_name(how.dtype));
    return converted(self, how);
}

PyMethodDef module_convert_methods[] = {
    {"_apply", py_apply, METH_O, "Replaces the data of each tensor t by function(t)."},
    {"to", WITH_KEYWORDS(to),
     "to(device), to(dtype), to(tensor): converts all floating point parameters and buffers."},
    {"float", to_float, METH_NOARGS, "Converts to float32."},
    {"double", to_double, METH_NOARGS, "Converts to float64."},
    {"half", to_half, METH_NOARGS, "Converts to float16."},
    {"bfloat16", to_bfloat16, METH_NOARGS, "Converts to bfloat16."},
    {"type", to_type, METH_O, "Converts all tensors to a dtype."},
    {"cpu", to_cpu, METH_NOARGS, "Moves to the CPU, where everything is."},
    {"to_empty", WITH_KEYWORDS(to_empty),
     "to_empty(*, device): new memory for all tensors, with whatever it holds."},
    {"share_memory", share_memory, METH_NOARGS, "Does nothing: there is one process."},
    {"cuda", to_cuda, METH_VARARGS, "Moves to a GPU."},
    {NULL, NULL, 0, NULL},
};
