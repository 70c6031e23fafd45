/* Tensors from data: torch.tensor, as_tensor, asarray, from_numpy, frombuffer. */
#include "python/create.h"

#include "base/error.h"
#include "base/mem.h"
#include "python/errors.h"

#include "python/types.h"

#include <string.h>

int create_warn_copy(const char *function)
{
    return PyErr_WarnFormat(PyExc_UserWarning, 1,
                            "To copy construct from a tensor, it is recommended to use "
                            "sourceTensor.clone().detach() or "
                            "sourceTensor.clone().detach().requires_grad_(True), rather than "
                            "%s(sourceTensor).",
                            function);
}

FASTCALL(tensor)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *data = NULL;
    struct create_keyword keywords[] = {{"data", &data}};

    if (!create_read("tensor", call, &o, keywords, 1))
        return NULL;
    if (!data)
        return create_refuse("tensor", call);
    if (tensor_check(data) && create_warn_copy("torch.tensor") < 0)
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

/* A NumPy scalar offers its bytes as well, but is a number. */
static bool is_number_scalar(PyObject *object)
{
    PyNumberMethods *methods = Py_TYPE(object)->tp_as_number;

    return methods && methods->nb_float;
}

FASTCALL(as_tensor)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *data = NULL;
    struct create_keyword keywords[] = {{"data", &data}};

    if (!create_read("as_tensor", call, &o, keywords, 1))
        return NULL;
    return data ? share_or_copy(data, &o) : create_refuse("as_tensor", call);
}

/* ---- memory of other objects ---- */

struct buffer_call {
    PyObject *object;
    long long count, offset;
    enum dtype dtype;
};

static void release_bytes(void *owner)
{
    PyBuffer_Release(owner);
    mem_free(owner);
}

/* How many elements of the buffer are meant; -1 with PyTorch's ValueError. */
static int64_t elements_of(const struct buffer_call *c, long long bytes)
{
    long long size = (long long)dtype_size(c->dtype), left = bytes - c->offset;

    if (bytes == 0 || c->count == 0)
        PyErr_Format(PyExc_ValueError, "both buffer length (%lld) and count (%lld) must not be 0",
                     bytes, c->count);
    else if (c->offset < 0 || c->offset >= bytes)
        PyErr_Format(PyExc_ValueError,
                     "offset (%lld bytes) must be non-negative and no greater than buffer length "
                     "(%lld bytes) minus 1",
                     c->offset, bytes);
    else if (c->count > 0 && c->count > left / size)
        PyErr_Format(PyExc_ValueError,
                     "requested buffer length (%lld * %lld bytes) after offset (%lld bytes) must "
                     "not be greater than actual buffer length (%lld bytes)",
                     c->count, size, c->offset, bytes);
    else if (c->count < 0 && left % size)
        PyErr_Format(PyExc_ValueError,
                     "buffer length (%lld bytes) after offset (%lld bytes) must be a multiple of "
                     "element size (%lld)",
                     left, c->offset, size);
    return PyErr_Occurred() ? -1 : c->count > 0 ? c->count : left / size;
}

/* One dimension on the bytes of an object with the buffer protocol; NULL with an exception. */
static struct tensor *from_buffer(const struct buffer_call *c)
{
    Py_buffer *buffer = mem_zero(1, sizeof(*buffer));
    struct tensor *t = NULL;
    int64_t n;

    if (!buffer)
        return NULL;
    if (PyObject_GetBuffer(c->object, buffer, PyBUF_SIMPLE) < 0) {
        PyErr_Clear();
        PyErr_SetString(PyExc_ValueError, "object does not implement Python buffer protocol.");
        mem_free(buffer);
        return python_error_pending(), NULL;
    }
    n = elements_of(c, buffer->len);
    if (n >= 0 && buffer->readonly &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "The given buffer is not writable, and PyTorch does not support non-writable "
                     "tensors. This means you can write to the underlying (supposedly "
                     "non-writable) buffer using the tensor. You may want to copy the buffer to "
                     "protect its data or make it writable before converting it to a tensor. This "
                     "type of warning will be suppressed for the rest of this program.",
                     1) < 0)
        n = -1;
    if (n >= 0)
        t = tensor_on_memory(c->dtype, 1, &n, (int64_t[]){1}, (char *)buffer->buf + c->offset,
                             release_bytes, buffer);
    else
        python_error_pending();
    if (!t)
        release_bytes(buffer);
    return t;
}

FASTCALL(frombuffer)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *count_object = NULL, *offset = NULL;
    struct buffer_call buffer = {.count = -1};
    struct create_keyword keywords[] = {
        {"buffer", &buffer.object}, {"count", &count_object}, {"offset", &offset}};

    if (!create_read("frombuffer", call, &o, keywords, 3))
        return NULL;
    if (call->count > 1 || !buffer.object || o.dtype == DTYPE_NONE ||
        (count_object && !PyLong_Check(count_object)) || (offset && !PyLong_Check(offset)))
        return create_refuse("frombuffer", call);
    buffer.dtype = o.dtype;
    buffer.count = count_object ? PyLong_AsLongLong(count_object) : -1;
    buffer.offset = offset ? PyLong_AsLongLong(offset) : 0;
    return PyErr_Occurred() ? NULL : create_finish(from_buffer(&buffer), &o);
}

/* What asarray() shares memory with: a tensor, an array, a buffer. NULL: none of them (*known
 * false), or an error. */
static struct tensor *shared(PyObject *object, enum dtype dtype, bool *known)
{
    *known = true;
    if (tensor_check(object))
        return tensor_ref(tensor_of(object));
    if (is_numpy_array(object))
        return tensor_from_buffer(object);
    *known = PyObject_CheckBuffer(object) && !is_number_scalar(object);
    if (!*known)
        return NULL;
    return from_buffer(
        &(struct buffer_call){object, -1, 0, dtype == DTYPE_NONE ? dtype_default() : dtype});
}

/* The shared tensor (taken over) in the dtype and with the history that are asked for. */
static struct tensor *as_asked(struct tensor *t, const struct create_options *o, PyObject *copy)
{
    bool converts = o->dtype != DTYPE_NONE && o->dtype != tensor_dtype(t);
    struct tensor *made;

    if (converts && copy == Py_False) {
        error_set(ERROR_VALUE, "can't alias tensor with dtype '%s' into dtype '%s'.",
                  dtype_short_name(tensor_dtype(t)), dtype_short_name(o->dtype));
        made = NULL;
    } else if (converts) {
        made = tensor_to(t, o->dtype);
    } else if (copy == Py_True) {
        made = tensor_clone(t);
    } else if (t->requires_grad && !o->requires_grad) {
        made = tensor_detach(t);
    } else {
        return t;
    }
    tensor_unref(t);
    return made;
}

FASTCALL(asarray)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *object = NULL, *copy = NULL;
    struct create_keyword keywords[] = {{"obj", &object}, {"copy", &copy}};
    struct tensor *t;
    bool known;

    if (!create_read("asarray", call, &o, keywords, 2))
        return NULL;
    if (!object || call->count > 1 || (copy && copy != Py_None && !PyBool_Check(copy)))
        return create_refuse("asarray", call);
    t = shared(object, o.dtype, &known);
    if (known)
        t = t ? as_asked(t, &o, copy) : NULL;
    else if (copy == Py_False)
        return PyErr_Format(PyExc_ValueError, "can't alias arbitrary sequence into a tensor.");
    else
        t = tensor_from_python(object, o.dtype);
    if (t && t->requires_grad && o.requires_grad)
        o.requires_grad = false; /* it does already */
    return create_finish(t, &o);
}

FASTCALL(scalar_tensor)
{
    CALL;
    struct create_options o = {.dtype = DTYPE_NONE};
    PyObject *number = NULL;
    struct create_keyword keywords[] = {{"s", &number}};
    struct scalar s;
    bool whole;
    int status;

    if (!create_read("scalar_tensor", call, &o, keywords, 1))
        return NULL;
    status = number ? create_read_numbers(&number, &s, 1, &whole) : 0;
    if (status <= 0)
        return status < 0 ? NULL : create_refuse("scalar_tensor", call);
    return create_full(dtype_default(), 0, NULL, s, &o);
}

static PyObject *make_from_numpy(PyObject *self, PyObject *array)
{
    (void)self;
    if (!is_numpy_array(array))
        return PyErr_Format(PyExc_TypeError, "expected np.ndarray (got %s)",
                            Py_TYPE(array)->tp_name);
    return tensor_wrap(tensor_from_buffer(array));
}

PyMethodDef create_data_methods[] = {
    MAKER(tensor),        MAKER(as_tensor),  MAKER(scalar_tensor),
    MAKER(asarray),       MAKER(frombuffer), {"from_numpy", make_from_numpy, METH_O, NULL},
    {NULL, NULL, 0, NULL}};
