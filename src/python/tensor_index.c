/* x[...] and x[...] = value. */
#include "base/error.h"
#include "base/warn.h"
#include "python/errors.h"
#include "python/tensor_parts.h"

#include "autograd/formula.h"

#include <string.h>

/* What an index expression has made of the tensor so far. */
struct indexing {
    struct tensor *view;                     /* from the pool */
    int dim;                                 /* the next dimension to be indexed */
    int taken;                               /* dimensions that numbers have taken away */
    struct tensor *indices[TENSOR_MAX_DIMS]; /* advanced ones, by dimension of view; pooled */
    int index_count;                         /* 0: no advanced index */
};

static struct value int_value(int64_t i)
{
    return (struct value){.given = true, .i = i};
}

static struct value tensor_value(struct tensor *t)
{
    return (struct value){.given = true, .tensor = t};
}

/* ---- one part of an index ---- */

static bool index_int(struct indexing *x, int64_t i)
{
    struct tensor *t = x->view;

    if (x->dim < t->ndim && (i < -t->shape[x->dim] || i >= t->shape[x->dim])) {
        PyErr_Format(PyExc_IndexError,
                     "index %lld is out of bounds for dimension %d with size %lld", (long long)i,
                     x->dim + x->taken, (long long)t->shape[x->dim]);
        return false;
    }
    x->taken++;
    x->view = d_select(t, x->dim, i);
    return x->view != NULL;
}

static bool index_slice(struct indexing *x, PyObject *slice)
{
    Py_ssize_t start, stop, step;
    struct value args[5] = {tensor_value(x->view), int_value(x->dim)};

    if (PySlice_Unpack(slice, &start, &stop, &step) < 0)
        return false;
    if (step <= 0) {
        PyErr_SetString(PyExc_ValueError, "step must be greater than zero");
        return false;
    }
    if (start != 0 || stop < x->view->shape[x->dim] || step != 1 || x->view->requires_grad) {
        PySlice_AdjustIndices(x->view->shape[x->dim], &start, &stop, step);
        args[2] = int_value(start);
        args[3] = int_value(stop);
        args[4] = int_value(step);
        x->view = d_call(OP_slice, args);
    }
    x->dim++;
    return x->view != NULL;
}

static bool index_long(struct indexing *x, PyObject *number)
{
    int64_t i = PyLong_AsLongLong(number);

    return !(i == -1 && PyErr_Occurred()) && index_int(x, i);
}

static bool index_none(struct indexing *x)
{
    x->view = d_unsqueeze(x->view, x->dim++);
    return x->view != NULL;
}

static void put_index(struct indexing *x, struct tensor *index)
{
    x->indices[x->dim] = index;
    x->dim++;
    x->index_count = x->dim;
}

static bool index_tensor(struct indexing *x, struct tensor *index)
{
    enum dtype d = tensor_dtype(index);
    int covers = d == DTYPE_b8 || d == DTYPE_u8 ? index->ndim : 1;

    if (dtype_is_differentiable(d)) {
        PyErr_SetString(PyExc_IndexError,
                        "tensors used as indices must be long, byte or bool tensors");
        return false;
    }
    if (covers == 0) { /* a zero-dim mask: a new dimension of size 0 or 1 */
        struct scalar s;

        tensor_item(index, &s);
        if (!index_none(x))
            return false;
        x->dim--;
        index = pool_keep(tensor_zeros(DTYPE_i64, 1, (int64_t[]){s.i != 0}));
        covers = 1;
    }
    if (x->dim + covers > x->view->ndim) {
        PyErr_Format(PyExc_IndexError, "too many indices for tensor of dimension %d",
                     x->view->ndim);
        return false;
    }
    if (d == DTYPE_u8 && warn_user("indexing with dtype torch.uint8 is now deprecated, please use "
                                   "a dtype torch.bool instead.") < 0)
        return false;
    put_index(x, index);
    x->dim += covers - 1;
    return index != NULL;
}

/* A whole number without dimensions selects, as an int does. */
static bool index_tensor_part(struct indexing *x, struct tensor *t)
{
    struct scalar s;

    if (t->ndim == 0 && !dtype_is_differentiable(tensor_dtype(t)) && t->dtype != DTYPE_b8 &&
        t->dtype != DTYPE_u8 && tensor_item(t, &s) == 0)
        return index_int(x, s.i);
    return index_tensor(x, t);
}

/* A list, a NumPy array or a bool inside an index is an index tensor. */
static bool index_object(struct indexing *x, PyObject *object)
{
    struct tensor *index;

    if (PyBool_Check(object)) {
        index = tensor_from_scalar(scalar_bool(object == Py_True), DTYPE_b8);
    } else if (PySequence_Check(object) || is_numpy_array(object)) {
        index = tensor_from_python(object, DTYPE_NONE);
        if (index && index->numel == 0 && dtype_is_differentiable(tensor_dtype(index))) {
            struct tensor *whole = tensor_to(index, DTYPE_i64); /* x[[]] */

            tensor_unref(index);
            index = whole;
        }
    } else {
        PyErr_Format(PyExc_IndexError,
                     "only integers, slices (`:`), ellipsis (`...`), None and long or byte "
                     "Variables are valid indices (got %s)",
                     Py_TYPE(object)->tp_name);
        return false;
    }
    return index && index_tensor_part(x, pool_keep(index));
}

/* ---- the whole index ---- */

static int dims_taken(PyObject *part)
{
    struct tensor *t;

    if (PySlice_Check(part) || PyLong_CheckExact(part))
        return 1;
    if (part == Py_None || part == Py_Ellipsis || PyBool_Check(part))
        return 0;
    if (!tensor_check(part))
        return 1;
    t = tensor_of(part);
    return t->dtype == DTYPE_b8 || t->dtype == DTYPE_u8 ? t->ndim : 1;
}

/* Whether there is a dimension left for this part; an exception otherwise. */
static bool has_dimension(const struct indexing *x, PyObject *part)
{
    if (x->dim < x->view->ndim)
        return true;
    if (PySlice_Check(part) && x->view->ndim == 0)
        PyErr_SetString(PyExc_IndexError, "slice() cannot be applied to a 0-dim tensor.");
    else if (x->view->ndim == 0 && x->dim == 0)
        PyErr_SetString(PyExc_IndexError,
                        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                        "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number");
    else
        PyErr_Format(PyExc_IndexError, "too many indices for tensor of dimension %d",
                     x->view->ndim);
    return false;
}

static bool index_part(struct indexing *x, PyObject *part, int taken)
{
    if (part == Py_None)
        return index_none(x);
    if (part == Py_Ellipsis) {
        x->dim += x->view->ndim - x->dim - taken;
        return true;
    }
    if (PySlice_Check(part))
        return has_dimension(x, part) && index_slice(x, part);
    if (PyLong_Check(part) && !PyBool_Check(part))
        return has_dimension(x, part) && index_long(x, part);
    if (tensor_check(part))
        return (dims_taken(part) == 0 || has_dimension(x, part)) &&
               index_tensor_part(x, tensor_of(part));
    if (PyBool_Check(part))
        return index_object(x, part);
    if (PySequence_Check(part))
        return has_dimension(x, part) && index_object(x, part);
    if (PyIndex_Check(part)) {
        Py_ssize_t i;

        if (!has_dimension(x, part))
            return false;
        i = PyNumber_AsSsize_t(part, PyExc_IndexError);
        return !(i == -1 && PyErr_Occurred()) && index_int(x, i);
    }
    return index_object(x, part);
}

/* A list that holds slices, lists or tensors is meant as a tuple, as NumPy once took it. */
static bool is_tuple_like(PyObject *index)
{
    if (PyTuple_Check(index))
        return true;
    if (!PyList_Check(index) || PyList_GET_SIZE(index) >= 32)
        return false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(index); i++) {
        PyObject *item = PyList_GET_ITEM(index, i);

        if (PySlice_Check(item) || item == Py_Ellipsis || item == Py_None || tensor_check(item) ||
            PySequence_Check(item))
            return true;
    }
    return false;
}

/* One number or slice: of a tensor without dimensions it is told apart. */
static bool is_simple(PyObject *index)
{
    return PySlice_Check(index) || PyLong_Check(index) ||
           (PyIndex_Check(index) && !PySequence_Check(index) && !tensor_check(index));
}

static bool apply_index(struct indexing *x, struct tensor *t, PyObject *index)
{
    PyObject *const *parts = &index;
    Py_ssize_t count = 1;
    int left = 0;

    x->view = t;
    if (is_tuple_like(index)) {
        parts = PySequence_Fast_ITEMS(index);
        count = PySequence_Fast_GET_SIZE(index);
    }
    for (Py_ssize_t i = 0; i < count; i++)
        left += dims_taken(parts[i]);
    if (left > t->ndim && (t->ndim > 0 || !is_simple(index))) {
        PyErr_Format(PyExc_IndexError, "too many indices for tensor of dimension %d", t->ndim);
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (parts[i] != Py_Ellipsis)
            left -= dims_taken(parts[i]);
        if (!index_part(x, parts[i], left))
            return false;
    }
    return true;
}

static struct value indices_value(struct indexing *x)
{
    return (struct value){.given = true, .tensors = {x->indices, x->index_count}};
}

static void *index_error(void)
{
    return PyErr_Occurred() ? (error_clear(), NULL) : python_error();
}

/* x[i], 0 <= i < the first dimension's size. */
static PyObject *item_at(struct tensor *t, int64_t i)
{
    struct value args[] = {tensor_value(t), int_value(0), int_value(i)};
    struct tensor *out = NULL;

    return op_call(&ops[OP_select], args, &out) < 0 ? python_error() : tensor_wrap(out);
}

/* The number where index is one that fits the first dimension, else -1. */
static int64_t plain_index(const struct tensor *t, PyObject *index)
{
    int overflow = 0;
    int64_t i = PyLong_CheckExact(index) ? PyLong_AsLongLongAndOverflow(index, &overflow) : -1;

    if (!PyLong_CheckExact(index) || overflow || t->ndim == 0)
        return -1;
    i += i < 0 ? t->shape[0] : 0;
    return i < t->shape[0] ? i : -1;
}

static PyObject *tensor_getitem(PyObject *self, PyObject *index)
{
    struct indexing x = {0};
    PyObject *result = NULL;
    struct tensor *found;
    int64_t i = plain_index(tensor_of(self), index);
    size_t mark;

    if (i >= 0)
        return item_at(tensor_of(self), i);
    mark = pool_open();
    if (apply_index(&x, tensor_of(self), index)) {
        found = x.view;
        if (x.index_count)
            found = d_call(OP_index, (struct value[]){tensor_value(x.view), indices_value(&x)});
        else if (found == tensor_of(self)) /* x[:] and x[...] are views, not x */
            found = PySlice_Check(index) ? d_narrow(found, 0, 0, found->shape[0])
                                         : d_call1(OP_alias, found);
        if (found)
            result = tensor_wrap(tensor_ref(found));
    }
    if (!result)
        index_error();
    pool_close(mark);
    return result;
}

/* ---- assignment ---- */

/* Python's numbers and NumPy's whole ones (its float64 is a Python float). */
static bool is_assignable(PyObject *value)
{
    struct scalar s;

    return PyFloat_Check(value) || PyLong_Check(value) || PyComplex_Check(value) ||
           (is_python_number(value) && scalar_from_python(value, &s) && s.kind == SCALAR_INT);
}

/* The value as a tensor: a number takes the dtype of what it is written into. */
static struct tensor *value_tensor(const struct tensor *into, PyObject *value)
{
    struct scalar s;

    if (tensor_check(value))
        return tensor_of(value);
    if (!is_assignable(value)) {
        PyErr_Format(PyExc_TypeError, "can't assign a %s to a torch.%s", Py_TYPE(value)->tp_name,
                     dtype_infos[into->dtype].class_name);
        return NULL;
    }
    if (!scalar_from_python(value, &s) || scalar_check(s, tensor_dtype(into)) < 0)
        return NULL;
    return pool_keep(tensor_from_scalar(s, tensor_dtype(into)));
}

/* NumPy lets leading dimensions of size 1 fall away: x[0] = values of shape (1, 3). */
static struct tensor *without_lead(struct tensor *value, int ndim)
{
    while (value && value->ndim > ndim && value->shape[0] == 1)
        value = d_reshape(value, value->ndim - 1, value->shape + 1);
    return value;
}

static int assign(struct indexing *x, struct tensor *value)
{
    struct value args[4] = {tensor_value(x->view)};

    if (x->index_count) {
        args[1] = indices_value(x);
        args[2] = tensor_value(value);
        args[3] = int_value(false);
        return op_call_inplace(&ops[OP_index_put_], args);
    }
    if (value->ndim > 0 && !tensor_same_shape(x->view, value)) {
        value = without_lead(value, x->view->ndim);
        value = value ? d_expand(value, x->view->ndim, x->view->shape) : NULL;
        if (!value)
            return -1;
    }
    args[1] = tensor_value(value);
    if (value->ndim == 0 && x->view->ndim > 0)
        return op_call_inplace(&ops[OP_fill_], args);
    op_defaults(&ops[OP_copy_], args, 2);
    return op_call_inplace(&ops[OP_copy_], args);
}

static int tensor_setitem(PyObject *self, PyObject *index, PyObject *value)
{
    struct indexing x = {0};
    size_t mark = pool_open();
    struct tensor *from;
    int status = -1;

    if (!value) {
        PyErr_SetString(PyExc_TypeError, "Tensor does not support deleting items");
        return -1;
    }
    from = value_tensor(tensor_of(self), value);
    if (from && apply_index(&x, tensor_of(self), index))
        status = assign(&x, from);
    if (status < 0)
        index_error();
    pool_close(mark);
    return status;
}

/* ---- as a sequence ---- */

static Py_ssize_t tensor_length(PyObject *self)
{
    struct tensor *t = tensor_of(self);

    if (t->ndim == 0) {
        PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
        return -1;
    }
    return t->shape[0];
}

static PyObject *tensor_item_at(PyObject *self, Py_ssize_t i)
{
    struct tensor *t = tensor_of(self);

    if (t->ndim == 0 || i >= t->shape[0]) {
        PyErr_SetString(PyExc_IndexError, "index out of range");
        return NULL;
    }
    return item_at(t, i);
}

static PyObject *tensor_iterate(PyObject *self)
{
    PyObject *rows, *iterator;

    if (tensor_of(self)->ndim == 0)
        return PyErr_Format(PyExc_TypeError, "iteration over a 0-d tensor");
    if (!tensor_of(self)->requires_grad)
        return PySeqIter_New(self);
    rows = PyObject_CallMethod(self, "unbind", NULL); /* they record that they are many */
    iterator = rows ? PyObject_GetIter(rows) : NULL;
    Py_XDECREF(rows);
    return iterator;
}

static int tensor_contains(PyObject *self, PyObject *element)
{
    PyObject *equal, *any;
    int found;

    if (!tensor_check(element) && !is_python_number(element)) {
        PyErr_Format(PyExc_RuntimeError,
                     "Tensor.__contains__ only supports Tensor or scalar, but you passed in a %R.",
                     Py_TYPE(element));
        return -1;
    }
    equal = PyObject_RichCompare(self, element, Py_EQ);
    any = equal ? PyObject_CallMethod(equal, "any", NULL) : NULL;
    found = any ? PyObject_IsTrue(any) : -1;
    Py_XDECREF(equal);
    Py_XDECREF(any);
    return found;
}

int tensor_index_slots(PyType_Slot *slots)
{
    static const PyType_Slot own[] = {
        {Py_mp_subscript, tensor_getitem}, {Py_mp_ass_subscript, tensor_setitem},
        {Py_mp_length, tensor_length},     {Py_sq_item, tensor_item_at},
        {Py_sq_length, tensor_length},     {Py_tp_iter, tensor_iterate},
        {Py_sq_contains, tensor_contains},
    };
    int count = (int)(sizeof(own) / sizeof(*own));

    for (int i = 0; i < count; i++)
        slots[i] = own[i];
    return count;
}
