/* Methods of Tensor that are not operations of the table: sizes, history, filling. */
#include "base/error.h"
#include "python/args.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/tensor_parts.h"
#include "python/types.h"
#include "tensor/random.h"

#include <string.h>

/* ---- sizes ---- */

static PyObject *method_size(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"dim", NULL};
    struct tensor *t = tensor_of(self);
    PyObject *dim = Py_None;
    Py_ssize_t index;
    int d;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:size", names, &dim))
        return NULL;
    if (dim == Py_None)
        return size_object(t->ndim, t->shape);
    index = PyNumber_AsSsize_t(dim, PyExc_OverflowError);
    if (index == -1 && PyErr_Occurred())
        return NULL;
    if (t->ndim == 0)
        return PyErr_Format(PyExc_IndexError,
                            "dimension specified as %zd but tensor has no dimensions", index);
    d = tensor_dim(t, index);
    return d < 0 ? python_error() : PyLong_FromLongLong(t->shape[d]);
}

static PyObject *method_stride(PyObject *self, PyObject *args, PyObject *names)
{
    struct tensor *t = tensor_of(self);
    PyObject *dim = Py_None, *strides;
    Py_ssize_t index;
    int d;

    if (!PyArg_ParseTupleAndKeywords(args, names, "|O:stride", (char *[]){"dim", NULL}, &dim))
        return NULL;
    if (dim != Py_None) {
        index = PyNumber_AsSsize_t(dim, PyExc_OverflowError);
        if (index == -1 && PyErr_Occurred())
            return NULL;
        d = tensor_dim(t, index);
        return d < 0 ? python_error() : PyLong_FromLongLong(t->stride[d]);
    }
    strides = PyTuple_New(t->ndim);
    for (d = 0; strides && d < t->ndim; d++)
        PyTuple_SET_ITEM(strides, d, PyLong_FromLongLong(t->stride[d]));
    return strides;
}

static PyObject *method_dim(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLong(tensor_of(self)->ndim);
}

static PyObject *method_numel(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLongLong(tensor_of(self)->numel);
}

static PyObject *method_element_size(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromSize_t(dtype_size(tensor_dtype(tensor_of(self))));
}

static PyObject *method_storage_offset(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLongLong(tensor_of(self)->offset);
}

static PyObject *method_data_ptr(PyObject *self, PyObject *unused)
{
    struct tensor *t = tensor_of(self);

    (void)unused;
    return PyLong_FromUnsignedLongLong(t->numel ? (unsigned long long)(uintptr_t)tensor_data(t)
                                                : 0);
}

static PyObject *method_is_contiguous(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(tensor_is_contiguous(tensor_of(self)));
}

static PyObject *method_is_floating_point(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(dtype_is_float(tensor_dtype(tensor_of(self))));
}

static PyObject *method_is_complex(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(dtype_is_complex(tensor_dtype(tensor_of(self))));
}

static PyObject *method_is_signed(PyObject *self, PyObject *unused)
{
    enum dtype d = tensor_dtype(tensor_of(self));

    (void)unused;
    return PyBool_FromLong(d != DTYPE_b8 && d != DTYPE_u8);
}

/* Conjugates and negatives are computed at once, never lazily. */
static PyObject *method_false(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_FALSE;
}

/* ---- geometry in place ---- */

void tensor_take_geometry(struct tensor *t, const struct tensor *from)
{
    t->ndim = from->ndim;
    t->numel = from->numel;
    t->offset = from->offset;
    memcpy(t->shape, from->shape, sizeof(t->shape));
    memcpy(t->stride, from->stride, sizeof(t->stride));
}

/* Borrowed, or NULL without an error when it is not there. */
static PyObject *named_argument(PyObject *names, const struct param *p)
{
    PyObject *name = PyUnicode_FromStringAndSize(p->name, p->name_length);
    PyObject *item = name ? PyDict_GetItemWithError(names, name) : NULL;

    Py_XDECREF(name);
    return item;
}

/* Becomes the view that an operation of the table makes of it: x.t_(), x.unsqueeze_(0). */
static PyObject *become_view(PyObject *self, const char *name, enum op_id id, PyObject *args,
                             PyObject *names)
{
    struct value values[OP_MAX_ARGS] = {{.given = true, .tensor = tensor_of(self)}};
    Py_ssize_t places = PyTuple_GET_SIZE(args), count = places + (names ? PyDict_Size(names) : 0);
    const struct schema *schema = op_schema(&ops[id]);
    struct tensor *t = tensor_of(self), *view = NULL;

    if (count + 1 != schema->count)
        return PyErr_Format(PyExc_TypeError, "%s() takes %d arguments (%zd given)", name,
                            schema->count - 1, count);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item =
            i < places ? PyTuple_GET_ITEM(args, i) : named_argument(names, &schema->params[i + 1]);

        if (!item)
            return PyErr_Occurred() ? NULL
                                    : PyErr_Format(PyExc_TypeError,
                                                   "%s() got an unexpected keyword argument", name);
        values[i + 1].given = true;
        values[i + 1].i = PyLong_AsLongLong(item);
    }
    if (PyErr_Occurred())
        return NULL;
    if (grad_enabled() && t->requires_grad && !t->grad_fn)
        return PyErr_Format(PyExc_RuntimeError, "a leaf Variable that requires grad is being used "
                                                "in an in-place operation.");
    if (op_call(&ops[id], values, &view) < 0)
        return python_error();
    if (view != t) {
        tensor_take_geometry(t, view);
        if (view->grad_fn)
            tensor_set_history(t, view->grad_fn, view->output_nr);
    }
    tensor_unref(view);
    return Py_NewRef(self);
}

static PyObject *method_t_(PyObject *self, PyObject *args, PyObject *names)
{
    return become_view(self, "t_", OP_t_in_place, args, names);
}

static PyObject *method_transpose_(PyObject *self, PyObject *args, PyObject *names)
{
    return become_view(self, "transpose_", OP_transpose_in_place, args, names);
}

static PyObject *method_unsqueeze_(PyObject *self, PyObject *args, PyObject *names)
{
    return become_view(self, "unsqueeze_", OP_unsqueeze_in_place, args, names);
}

static PyObject *method_squeeze_(PyObject *self, PyObject *args, PyObject *names)
{
    return become_view(self, "squeeze_",
                       PyTuple_GET_SIZE(args) || names ? OP_squeeze__dim_in_place
                                                       : OP_squeeze_in_place,
                       args, names);
}

/* as_strided_(size, stride): the view becomes the tensor itself. */
static PyObject *method_as_strided_(PyObject *self, PyObject *args)
{
    PyObject *size, *stride, *offset = Py_None, *view;
    struct tensor *t = tensor_of(self);

    if (!PyArg_ParseTuple(args, "OO|O:as_strided_", &size, &stride, &offset))
        return NULL;
    view = PyObject_CallMethod(self, "as_strided", "OOO", size, stride, offset);
    if (!view)
        return NULL;
    tensor_take_geometry(t, tensor_of(view));
    if (tensor_of(view)->grad_fn)
        tensor_set_history(t, tensor_of(view)->grad_fn, tensor_of(view)->output_nr);
    Py_DECREF(view);
    return Py_NewRef(self);
}

static PyObject *method_is_nonzero(PyObject *self, PyObject *unused)
{
    int truth = PyObject_IsTrue(self);

    (void)unused;
    return truth < 0 ? NULL : PyBool_FromLong(truth);
}

static PyObject *method_resize_(PyObject *self, PyObject *args)
{
    int64_t shape[TENSOR_MAX_DIMS];
    int ndim = shape_from_python(PySequence_Fast_ITEMS(args), PyTuple_GET_SIZE(args), shape);

    if (ndim < 0)
        return NULL;
    if (tensor_of(self)->requires_grad)
        return PyErr_Format(PyExc_RuntimeError, "cannot resize variables that require grad");
    return tensor_resize(tensor_of(self), ndim, shape) < 0 ? python_error() : Py_NewRef(self);
}

/* reversed(x): x.flip(0). */
static PyObject *method_reversed(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (tensor_of(self)->ndim == 0)
        return Py_NewRef(self);
    return PyObject_CallMethod(self, "flip", "i", 0);
}

PyMethodDef *tensor_methods(void)
{
    static PyMethodDef all[200];
    static PyMethodDef own[] = {{"size", WITH_KEYWORDS(method_size), NULL},
                                {"stride", WITH_KEYWORDS(method_stride), NULL},
                                {"dim", method_dim, METH_NOARGS, NULL},
                                {"ndimension", method_dim, METH_NOARGS, NULL},
                                {"numel", method_numel, METH_NOARGS, NULL},
                                {"nelement", method_numel, METH_NOARGS, NULL},
                                {"element_size", method_element_size, METH_NOARGS, NULL},
                                {"storage_offset", method_storage_offset, METH_NOARGS, NULL},
                                {"data_ptr", method_data_ptr, METH_NOARGS, NULL},
                                {"is_contiguous", method_is_contiguous, METH_NOARGS, NULL},
                                {"is_floating_point", method_is_floating_point, METH_NOARGS, NULL},
                                {"is_complex", method_is_complex, METH_NOARGS, NULL},
                                {"is_conj", method_false, METH_NOARGS, NULL},
                                {"is_signed", method_is_signed, METH_NOARGS, NULL},
                                {"is_neg", method_false, METH_NOARGS, NULL},
                                {"t_", WITH_KEYWORDS(method_t_), NULL},
                                {"transpose_", WITH_KEYWORDS(method_transpose_), NULL},
                                {"unsqueeze_", WITH_KEYWORDS(method_unsqueeze_), NULL},
                                {"squeeze_", WITH_KEYWORDS(method_squeeze_), NULL},
                                {"resize_", method_resize_, METH_VARARGS, NULL},
                                {"as_strided_", method_as_strided_, METH_VARARGS, NULL},
                                {"is_nonzero", method_is_nonzero, METH_NOARGS, NULL},
                                {"__reversed__", method_reversed, METH_NOARGS, NULL},
                                {NULL, NULL, 0, NULL}};
    static PyMethodDef *const parts[] = {own,
                                         tensor_convert_methods,
                                         tensor_grad_methods,
                                         tensor_new_methods,
                                         tensor_unique_methods,
                                         tensor_dlpack_methods,
                                         tensor_memory_methods,
                                         tensor_map_methods,
                                         tensor_random_methods,
                                         tensor_serial_methods};
    int used = 0;

    for (size_t p = 0; p < sizeof(parts) / sizeof(*parts); p++) {
        for (const PyMethodDef *m = parts[p]; m->ml_name; m++)
            all[used++] = *m;
    }
    return all;
}
