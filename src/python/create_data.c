/* Tensors from data: torch.tensor, as_tensor, from_numpy, torch.Tensor. */
#include "python/create.h"

#include "python/types.h"

#include <string.h>

FASTCALL(tensor)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *data = NULL;
    struct create_keyword keywords[] = {{"data", &data}};

    if (!create_read("tensor", call, &o, keywords, 1))
        return NULL;
    if (!data)
        return PyErr_Format(PyExc_TypeError,
                            "tensor() missing 1 required positional arguments: \"data\"");
    if (tensor_check(data) &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "To copy construct from a tensor, it is recommended to use "
                     "sourceTensor.clone().detach() or "
                     "sourceTensor.clone().detach().requires_grad_(True), rather than "
                     "torch.tensor(sourceTensor).",
                     1) < 0)
        return NULL;
    return create_finish(tensor_from_python(data, o.dtype), &o);
}

static PyObject *share_or_copy(PyObject *data, struct create_options *o)
{
    struct tensor *t;

    if (tensor_check(data)) {
        if (o->dtype == DTYPE_NONE || o->dtype == tensor_dtype(tensor_of(data)))
            return Py_NewRef(data);
        return PyObject_CallMethod(data, "to", "N", dtype_object(o->dtype));
    }
    if (!is_numpy_array(data))
        return create_finish(tensor_from_python(data, o->dtype), o);
    t = tensor_from_buffer(data);
    if (t && o->dtype != DTYPE_NONE && tensor_dtype(t) != o->dtype) {
        struct tensor *converted = tensor_to(t, o->dtype);

        tensor_unref(t);
        t = converted;
    }
    return create_finish(t, o);
}

FASTCALL(as_tensor)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *data = NULL;
    struct create_keyword keywords[] = {{"data", &data}};

    if (!create_read("as_tensor", call, &o, keywords, 1))
        return NULL;
    return data ? share_or_copy(data, &o) : PyErr_Format(PyExc_TypeError, "as_tensor() needs data");
}

static PyObject *make_from_numpy(PyObject *self, PyObject *array)
{
    (void)self;
    if (!is_numpy_array(array))
        return PyErr_Format(PyExc_TypeError, "expected np.ndarray (got %s)",
                            Py_TYPE(array)->tp_name);
    return tensor_wrap(tensor_from_buffer(array));
}

PyObject *tensor_legacy_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    int64_t shape[TENSOR_MAX_DIMS] = {0};
    PyObject *const *items = PySequence_Fast_ITEMS(args);
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    struct tensor *t;
    int ndim;

    (void)kwargs;
    if (count == 1 && tensor_check(items[0])) {
        t = tensor_alias(tensor_of(items[0]));
    } else if (count == 1 && !PyLong_Check(items[0]) && !Py_IS_TYPE(items[0], size_type)) {
        t = tensor_from_python(items[0], dtype_default());
    } else {
        ndim = count == 0 ? 1 : shape_from_python(items, count, shape);
        if (ndim < 0)
            return NULL;
        t = tensor_new(dtype_default(), ndim, shape);
    }
    return tensor_wrap_as(type, t);
}

PyMethodDef create_data_methods[] = {
    MAKER(tensor),
    MAKER(as_tensor),
    {"asarray", (PyCFunction)(void (*)(void))make_as_tensor, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"from_numpy", make_from_numpy, METH_O, NULL},
    {NULL, NULL, 0, NULL}};
