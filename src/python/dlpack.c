/*
 * DLPack: tensors handed to and taken from other libraries without a copy
 * (https://dmlc.github.io/dlpack/latest/ has the structs and who frees what).
 */
#include "base/error.h"
#include "base/mem.h"
#include "python/create.h"
#include "python/errors.h"
#include "python/module.h"

enum {
    DL_CPU = 1,
    DL_INT = 0,
    DL_UINT = 1,
    DL_FLOAT = 2,
    DL_BFLOAT = 4,
    DL_COMPLEX = 5,
    DL_BOOL = 6
};

struct dl_tensor {
    void *data;
    int32_t device_type, device_id;
    int32_t ndim;
    uint8_t code, bits;
    uint16_t lanes;
    int64_t *shape, *strides; /* strides NULL: contiguous */
    uint64_t byte_offset;
};

/* Whoever has consumed it calls `deleter` once. */
struct dl_managed {
    struct dl_tensor tensor;
    void *owner;
    void (*deleter)(struct dl_managed *self);
};

static const struct {
    uint8_t code, bits;
} dl_types[DTYPE_COUNT] = {
    [DTYPE_u8] = {DL_UINT, 8},      [DTYPE_i8] = {DL_INT, 8},        [DTYPE_i16] = {DL_INT, 16},
    [DTYPE_i32] = {DL_INT, 32},     [DTYPE_i64] = {DL_INT, 64},      [DTYPE_f16] = {DL_FLOAT, 16},
    [DTYPE_f32] = {DL_FLOAT, 32},   [DTYPE_f64] = {DL_FLOAT, 64},    [DTYPE_bf16] = {DL_BFLOAT, 16},
    [DTYPE_c64] = {DL_COMPLEX, 64}, [DTYPE_c128] = {DL_COMPLEX, 128}};

static void release_tensor(struct dl_managed *managed)
{
    PyGILState_STATE state = PyGILState_Ensure(); /* a consumer may end on a thread of its own */

    tensor_unref(managed->owner);
    mem_free(managed);
    PyGILState_Release(state);
}

static void end_capsule(PyObject *capsule)
{
    struct dl_managed *managed;

    if (!PyCapsule_IsValid(capsule, "dltensor")) /* consumed */
        return;
    managed = PyCapsule_GetPointer(capsule, "dltensor");
    if (managed->deleter)
        managed->deleter(managed);
}

static PyObject *to_capsule(struct tensor *t)
{
    struct dl_managed *managed;
    PyObject *capsule;

    if (!dl_types[t->dtype].bits)
        return PyErr_Format(PyExc_RuntimeError, "%s type is not supported by dlpack",
                            dtype_short_name(tensor_dtype(t)));
    managed = mem_zero(1, sizeof(*managed));
    if (!managed)
        return python_error();
    managed->owner = tensor_alias(t); /* its geometry stays, whatever happens to t's */
    if (!managed->owner) {
        mem_free(managed);
        return python_error();
    }
    t = managed->owner;
    for (int d = 0; d < t->ndim; d++) /* a stride that leads nowhere: as PyTorch gives it */
        if (t->shape[d] < 2)
            t->stride[d] = 1;
    managed->deleter = release_tensor;
    managed->tensor = (struct dl_tensor){.data = tensor_data(t),
                                         .device_type = DL_CPU,
                                         .ndim = t->ndim,
                                         .code = dl_types[t->dtype].code,
                                         .bits = dl_types[t->dtype].bits,
                                         .lanes = 1,
                                         .shape = t->shape,
                                         .strides = t->stride};
    capsule = PyCapsule_New(managed, "dltensor", end_capsule);
    if (!capsule)
        release_tensor(managed);
    return capsule;
}

static PyObject *to_dlpack(PyObject *self, PyObject *object)
{
    (void)self;
    if (!tensor_check(object))
        return PyErr_Format(PyExc_TypeError, "to_dlpack() takes a Tensor, not %s",
                            Py_TYPE(object)->tp_name);
    return to_capsule(tensor_of(object));
}

/* ---- back ---- */

static void release_managed(void *owner)
{
    struct dl_managed *managed = owner;

    if (managed->deleter)
        managed->deleter(managed);
}

static enum dtype dtype_of(const struct dl_tensor *d)
{
    if (d->code == DL_BOOL && d->bits == 8)
        return DTYPE_b8;
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (dl_types[i].bits && dl_types[i].bits == d->bits && dl_types[i].code == d->code)
            return (enum dtype)i;
    return DTYPE_NONE;
}

/* The tensor takes `managed` over; on an error it stays the caller's. */
static struct tensor *from_managed(struct dl_managed *managed)
{
    const struct dl_tensor *d = &managed->tensor;
    enum dtype dtype = dtype_of(d);
    int64_t stride[TENSOR_MAX_DIMS];

    if (d->device_type != DL_CPU)
        return error_null(ERROR_RUNTIME, "Unsupported device_type: %d", (int)d->device_type);
    if (dtype == DTYPE_NONE || d->lanes != 1)
        return error_null(ERROR_RUNTIME, "Unsupported kind of elements: code %d of %d bits",
                          d->code, d->bits);
    if (d->ndim < 0 || d->ndim > TENSOR_MAX_DIMS)
        return error_null(ERROR_VALUE, "arrays have at most %d dimensions here", TENSOR_MAX_DIMS);
    if (!d->strides)
        shape_strides(d->ndim, d->shape, stride);
    for (int i = 0; i < d->ndim; i++) {
        if (d->strides)
            stride[i] = d->strides[i];
        if (stride[i] < 0)
            return error_null(ERROR_VALUE, "tensors with negative strides are not supported");
    }
    return tensor_on_memory(dtype, d->ndim, d->shape, stride, (char *)d->data + d->byte_offset,
                            release_managed, managed);
}

static PyObject *from_capsule(PyObject *capsule)
{
    struct dl_managed *managed;
    struct tensor *t;

    if (!PyCapsule_IsValid(capsule, "dltensor"))
        return PyErr_Format(PyExc_RuntimeError,
                            "from_dlpack received an invalid capsule. Note that DLTensor capsules "
                            "can be consumed only once, so you might have already constructed a "
                            "tensor from it once.");
    managed = PyCapsule_GetPointer(capsule, "dltensor");
    t = from_managed(managed);
    if (t)
        PyCapsule_SetName(capsule, "used_dltensor"); /* cannot fail: the capsule is valid */
    return tensor_wrap(t);
}

static PyObject *from_dlpack(PyObject *self, PyObject *object)
{
    PyObject *capsule, *result;

    (void)self;
    if (!PyObject_HasAttrString(object, "__dlpack__"))
        return from_capsule(object);
    capsule = PyObject_CallMethod(object, "__dlpack__", NULL);
    result = capsule ? from_capsule(capsule) : NULL;
    Py_XDECREF(capsule);
    return result;
}

static PyObject *method_dlpack(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"stream", NULL};
    PyObject *stream = Py_None;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:__dlpack__", names, &stream))
        return NULL;
    if (tensor_of(self)->requires_grad)
        return PyErr_Format(PyExc_RuntimeError,
                            "Can't export tensors that require gradient, use tensor.detach()");
    if (stream != Py_None && !PyLong_CheckExact(stream))
        return PyErr_Format(PyExc_TypeError, "stream must be ``int`` or ``none``");
    return to_capsule(tensor_of(self));
}

static PyObject *method_dlpack_device(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return Py_BuildValue("(ii)", DL_CPU, 0);
}

PyMethodDef tensor_dlpack_methods[] = {
    {"__dlpack__", WITH_KEYWORDS(method_dlpack), NULL},
    {"__dlpack_device__", method_dlpack_device, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyMethodDef functions[] = {{"to_dlpack", to_dlpack, METH_O, NULL},
                                  {"from_dlpack", from_dlpack, METH_O, NULL},
                                  {NULL, NULL, 0, NULL}};

int dlpack_init(PyObject *torch)
{
    PyObject *module = submodule(torch, "utils.dlpack");

    return module && PyModule_AddFunctions(module, functions) == 0
               ? PyModule_AddFunctions(torch, functions)
               : -1;
}
