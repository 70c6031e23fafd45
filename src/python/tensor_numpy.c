/*
 * NumPy, through the buffer protocol: memory is shared in both directions, and NumPy is looked for
 * only when it is asked for.
 */
#include "base/error.h"
#include "base/mem.h"
#include "python/errors.h"
#include "python/tensor_parts.h"

#include <string.h>

/* ---- from an array ---- */

bool is_numpy_array(PyObject *object)
{
    return strcmp(Py_TYPE(object)->tp_name, "numpy.ndarray") == 0;
}

/* Format characters of struct, in native size. */
static enum dtype dtype_from_format(const char *format, Py_ssize_t size)
{
    if (*format == '<' || *format == '=' || *format == '@')
        format++;
    if (strcmp(format, "Zf") == 0)
        return DTYPE_c64;
    if (strcmp(format, "Zd") == 0)
        return DTYPE_c128;
    if (format[0] == '\0' || format[1] != '\0')
        return DTYPE_NONE;
    switch (*format) {
    case 'e':
        return DTYPE_f16;
    case '?':
        return DTYPE_b8;
    case 'B':
        return DTYPE_u8;
    case 'f':
        return DTYPE_f32;
    case 'd':
        return DTYPE_f64;
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
        return size == 1 ? DTYPE_i8 : size == 2 ? DTYPE_i16 : size == 4 ? DTYPE_i32 : DTYPE_i64;
    default:
        return DTYPE_NONE;
    }
}

/* The storage may end long after the call, in a moment when the GIL is held (engine calls hold it).
 */
static void release_buffer(void *owner)
{
    PyBuffer_Release(owner);
    mem_free(owner);
}

static struct tensor *refuse_dtype(PyObject *array)
{
    PyObject *dtype = PyObject_GetAttrString(array, "dtype");
    PyObject *type = dtype ? PyObject_GetAttrString(dtype, "type") : NULL;
    PyObject *name = type ? PyObject_GetAttrString(type, "__name__") : NULL;

    if (name)
        PyErr_Format(PyExc_TypeError,
                     "can't convert np.ndarray of type numpy.%U. The only supported types are: "
                     "float64, float32, float16, complex64, complex128, int64, int32, int16, int8, "
                     "uint8, and bool.",
                     name);
    Py_XDECREF(dtype);
    Py_XDECREF(type);
    Py_XDECREF(name);
    python_error_pending();
    return NULL;
}

struct tensor *tensor_on_memory(enum dtype dtype, int ndim, const int64_t *shape,
                                const int64_t *stride, void *data, void (*release)(void *),
                                void *owner)
{
    struct tensor *flat = tensor_new(dtype, 0, NULL), *view = NULL;
    struct storage *storage;
    int64_t reach = 1;

    for (int d = 0; d < ndim; d++)
        reach += (shape[d] - 1) * stride[d];
    storage =
        flat ? storage_wrap(data, (size_t)(reach > 0 ? reach : 0) * dtype_size(dtype), NULL, NULL)
             : NULL;
    if (storage) {
        storage_unref(flat->storage);
        flat->storage = storage;
        view = tensor_view(flat, ndim, shape, stride, 0);
        storage->data = view ? data : storage->inline_data; /* nothing to free without a release */
        storage->release = view ? release : NULL;
        storage->owner = owner;
    }
    tensor_unref(flat);
    return view;
}

static struct tensor *view_of_buffer(Py_buffer *buffer, enum dtype dtype)
{
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];

    if (buffer->ndim > TENSOR_MAX_DIMS)
        return error_null(ERROR_VALUE, "arrays have at most %d dimensions here", TENSOR_MAX_DIMS);
    for (int d = 0; d < buffer->ndim; d++) {
        if (buffer->strides[d] < 0)
            return error_null(ERROR_VALUE,
                              "At least one stride in the given numpy array is negative, and "
                              "tensors with negative strides are not currently supported. (You "
                              "can probably work around this by making a copy of your array  with "
                              "array.copy().) ");
        if (buffer->strides[d] % buffer->itemsize != 0)
            return error_null(ERROR_VALUE,
                              "given numpy array strides not a multiple of the element "
                              "byte size. Copy the numpy array to reallocate the "
                              "memory.");
        shape[d] = buffer->shape[d];
        stride[d] = buffer->strides[d] / buffer->itemsize;
    }
    return tensor_on_memory(dtype, buffer->ndim, shape, stride, buffer->buf, release_buffer,
                            buffer);
}

struct tensor *tensor_from_buffer(PyObject *array)
{
    Py_buffer *buffer = mem_zero(1, sizeof(*buffer));
    struct tensor *t = NULL;
    enum dtype dtype;

    if (!buffer)
        return NULL;
    if (PyObject_GetBuffer(array, buffer, PyBUF_RECORDS_RO) < 0) {
        mem_free(buffer);
        PyErr_Clear();
        return refuse_dtype(array);
    }
    dtype = dtype_from_format(buffer->format ? buffer->format : "B", buffer->itemsize);
    if (dtype == DTYPE_NONE)
        refuse_dtype(array);
    else
        t = view_of_buffer(buffer, dtype);
    if (!t)
        release_buffer(buffer);
    return t;
}

/* ---- to an array ---- */

/* What NumPy takes the memory from: it keeps the tensor alive as long as the array lives. */
typedef struct {
    PyObject_HEAD struct tensor *tensor;
    Py_ssize_t shape[TENSOR_MAX_DIMS], strides[TENSOR_MAX_DIMS];
} BufferObject;

static int buffer_get(PyObject *object, Py_buffer *view, int flags)
{
    static char *const formats[DTYPE_COUNT] = {
        [DTYPE_b8] = "?",  [DTYPE_u8] = "B",   [DTYPE_i8] = "b",   [DTYPE_i16] = "h",
        [DTYPE_i32] = "i", [DTYPE_i64] = "l",  [DTYPE_f16] = "e",  [DTYPE_f32] = "f",
        [DTYPE_f64] = "d", [DTYPE_c64] = "Zf", [DTYPE_c128] = "Zd"};
    BufferObject *self = (BufferObject *)object;
    struct tensor *t = self->tensor;

    (void)flags;
    view->obj = Py_NewRef(object);
    view->buf = tensor_data(t);
    view->itemsize = (Py_ssize_t)dtype_size(tensor_dtype(t));
    view->len = t->numel * view->itemsize;
    view->readonly = 0;
    view->format = formats[t->dtype];
    view->ndim = t->ndim;
    view->shape = self->shape;
    view->strides = self->strides;
    view->suboffsets = NULL;
    view->internal = NULL;
    for (int d = 0; d < t->ndim; d++) {
        self->shape[d] = (Py_ssize_t)t->shape[d];
        self->strides[d] = (Py_ssize_t)t->stride[d] * view->itemsize;
    }
    return 0;
}

static void buffer_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    tensor_unref(((BufferObject *)object)->tensor);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Spec buffer_spec = {
    .name = "torch._TensorMemory",
    .basicsize = sizeof(BufferObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots =
        (PyType_Slot[]){{Py_bf_getbuffer, buffer_get}, {Py_tp_dealloc, buffer_dealloc}, {0, NULL}}};

PyObject *tensor_to_numpy(struct tensor *t)
{
    static PyTypeObject *type;
    PyObject *numpy, *array;
    BufferObject *memory;

    if (t->dtype == DTYPE_bf16 || t->dtype == DTYPE_c32)
        return PyErr_Format(PyExc_TypeError, "Got unsupported ScalarType %s",
                            dtype_short_name(tensor_dtype(t)));
    numpy = PyImport_ImportModule("numpy");
    if (!numpy) {
        if (PyErr_ExceptionMatches(PyExc_ModuleNotFoundError)) {
            PyErr_Clear();
            PyErr_SetString(PyExc_RuntimeError,
                            "Numpy is not available: install the package python3-numpy");
        }
        return NULL;
    }
    if (!type)
        type = (PyTypeObject *)PyType_FromSpec(&buffer_spec);
    memory = type ? PyObject_New(BufferObject, type) : NULL;
    if (!memory) {
        Py_DECREF(numpy);
        return NULL;
    }
    memory->tensor = tensor_alias(t);
    array = memory->tensor ? PyObject_CallMethod(numpy, "asarray", "O", memory) : python_error();
    Py_DECREF(memory);
    Py_DECREF(numpy);
    return array;
}
