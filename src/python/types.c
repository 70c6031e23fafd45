/* torch.dtype, torch.device, torch.Size, torch.Generator: the small types beside Tensor. */
#include "python/types.h"

#include "python/args.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_type.h"

#include <string.h>
#include <structmember.h>

PyTypeObject *dtype_type, *device_type, *size_type, *generator_type;

/* ---- dtype ---- */

typedef struct {
    PyObject_HEAD enum dtype dtype;
} DtypeObject;

static PyObject *dtype_objects[DTYPE_COUNT];

static PyObject *dtype_repr(PyObject *self)
{
    return PyUnicode_FromFormat("torch.%s", dtype_name(((DtypeObject *)self)->dtype));
}

static PyObject *dtype_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyUnicode_FromString(dtype_name(((DtypeObject *)self)->dtype));
}

static PyObject *dtype_is_floating(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(dtype_is_float(((DtypeObject *)self)->dtype));
}

static PyObject *dtype_get_complex(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(dtype_is_complex(((DtypeObject *)self)->dtype));
}

static PyObject *dtype_is_signed(PyObject *self, void *unused)
{
    enum dtype d = ((DtypeObject *)self)->dtype;

    (void)unused;
    return PyBool_FromLong(d != DTYPE_b8 && d != DTYPE_u8);
}

static PyObject *dtype_itemsize(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromSize_t(dtype_size(((DtypeObject *)self)->dtype));
}

static PyType_Spec dtype_spec = {
    .name = "torch.dtype",
    .basicsize = sizeof(DtypeObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = (PyType_Slot[]){
        {Py_tp_repr, dtype_repr},
        {Py_tp_methods,
         (PyMethodDef[]){{"__reduce__", dtype_reduce, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}}},
        {Py_tp_getset, (PyGetSetDef[]){{"is_floating_point", dtype_is_floating, NULL, NULL, NULL},
                                       {"is_complex", dtype_get_complex, NULL, NULL, NULL},
                                       {"is_signed", dtype_is_signed, NULL, NULL, NULL},
                                       {"itemsize", dtype_itemsize, NULL, NULL, NULL},
                                       {NULL, NULL, NULL, NULL, NULL}}},
        {0, NULL}}};

PyObject *dtype_object(enum dtype dtype)
{
    return Py_NewRef(dtype_objects[dtype]);
}

bool dtype_from_python(PyObject *object, enum dtype *out)
{
    if (Py_IS_TYPE(object, dtype_type))
        *out = ((DtypeObject *)object)->dtype;
    else if (object == (PyObject *)&PyFloat_Type)
        *out = DTYPE_f64;
    else if (object == (PyObject *)&PyComplex_Type)
        *out = DTYPE_c128;
    else if (object == (PyObject *)&PyLong_Type)
        *out = DTYPE_i64;
    else if (object == (PyObject *)&PyBool_Type)
        *out = DTYPE_b8;
    else
        return false;
    return true;
}

/* torch.float for torch.float32 and so on. */
static const struct {
    const char *alias;
    enum dtype dtype;
} dtype_aliases[] = {
    {"float", DTYPE_f32}, {"double", DTYPE_f64}, {"short", DTYPE_i16},
    {"int", DTYPE_i32},   {"long", DTYPE_i64},   {"half", DTYPE_f16},
    {"chalf", DTYPE_c32}, {"cfloat", DTYPE_c64}, {"cdouble", DTYPE_c128},
};

static int add_dtypes(PyObject *torch)
{
    for (int d = 0; d < DTYPE_COUNT; d++) {
        DtypeObject *self = PyObject_New(DtypeObject, dtype_type);

        if (!self)
            return -1;
        self->dtype = (enum dtype)d;
        dtype_objects[d] = (PyObject *)self;
        if (PyModule_AddObjectRef(torch, dtype_name((enum dtype)d), (PyObject *)self) < 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof(dtype_aliases) / sizeof(*dtype_aliases); i++) {
        if (PyModule_AddObjectRef(torch, dtype_aliases[i].alias,
                                  dtype_objects[dtype_aliases[i].dtype]) < 0)
            return -1;
    }
    return 0;
}

/* ---- device ---- */

typedef struct {
    PyObject_HEAD char type[8];
    int index; /* -1: none given */
} DeviceObject;

/* "cpu", "cuda", "cuda:1": PyTorch's error for anything else. */
static int device_read(const char *text, DeviceObject *out)
{
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    char *end;

    if (!((length == 3 && strncmp(text, "cpu", 3) == 0) ||
          (length == 4 && strncmp(text, "cuda", 4) == 0))) {
        PyErr_Format(PyExc_RuntimeError,
                     "Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, "
                     "fpga, ort, xla, lazy, vulkan, mps, meta, hpu, privateuseone device type at "
                     "start of device string: %s",
                     text);
        return -1;
    }
    memset(out->type, 0, sizeof(out->type));
    memcpy(out->type, text, length);
    out->index = -1;
    if (!colon)
        return 0;
    out->index = (int)strtol(colon + 1, &end, 10);
    if (end == colon + 1 || *end) {
        PyErr_Format(PyExc_RuntimeError, "Invalid device string: '%s'", text);
        return -1;
    }
    return 0;
}

/* A name, a device, or the number of a CUDA device, which may be one of NumPy's. */
static bool tells_device(PyObject *what)
{
    const bool number = PyIndex_Check(what) && !PyBool_Check(what) && !tensor_check(what);

    return PyUnicode_Check(what) || Py_IS_TYPE(what, device_type) || number;
}

static PyObject *device_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"type", "index", NULL};
    PyObject *what;
    int index = -1;
    DeviceObject *self;
    const char *text;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|i:device", names, &what, &index) ||
        !tells_device(what)) {
        PyErr_Clear();
        return args_mismatch(
            "Device", NULL, 0,
            &(struct python_call){PySequence_Fast_ITEMS(args), PyTuple_GET_SIZE(args), NULL}, 0);
    }
    if (Py_IS_TYPE(what, device_type))
        return Py_NewRef(what);
    if (!PyUnicode_Check(what)) /* a number alone is that of a CUDA device */
        index = (int)PyNumber_AsSsize_t(what, NULL);
    if (PyErr_Occurred())
        return NULL;
    text = PyUnicode_Check(what) ? PyUnicode_AsUTF8(what) : "cuda";
    self = text ? (DeviceObject *)type->tp_alloc(type, 0) : NULL;
    if (!self)
        return NULL;
    if (device_read(text, self) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    if (index >= 0)
        self->index = index;
    return (PyObject *)self;
}

static PyObject *device_str(PyObject *object)
{
    DeviceObject *self = (DeviceObject *)object;

    return self->index < 0 ? PyUnicode_FromString(self->type)
                           : PyUnicode_FromFormat("%s:%d", self->type, self->index);
}

static PyObject *device_repr(PyObject *object)
{
    DeviceObject *self = (DeviceObject *)object;

    return self->index < 0
               ? PyUnicode_FromFormat("device(type='%s')", self->type)
               : PyUnicode_FromFormat("device(type='%s', index=%d)", self->type, self->index);
}

static PyObject *device_compare(PyObject *a, PyObject *b, int how)
{
    DeviceObject *x = (DeviceObject *)a, *y = (DeviceObject *)b;
    bool same;

    if (!Py_IS_TYPE(b, device_type) || (how != Py_EQ && how != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    same = strcmp(x->type, y->type) == 0 && x->index == y->index;
    return PyBool_FromLong(same == (how == Py_EQ));
}

static Py_hash_t device_hash(PyObject *self)
{
    return ((DeviceObject *)self)->index + 7 * ((DeviceObject *)self)->type[1];
}

static PyObject *device_get_type(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((DeviceObject *)self)->type);
}

static PyObject *device_get_index(PyObject *self, void *unused)
{
    (void)unused;
    if (((DeviceObject *)self)->index < 0)
        Py_RETURN_NONE;
    return PyLong_FromLong(((DeviceObject *)self)->index);
}

/* For pickle: torch.device('cuda', 1). */
static PyObject *device_reduce(PyObject *self, PyObject *unused)
{
    DeviceObject *d = (DeviceObject *)self;

    (void)unused;
    return d->index < 0 ? Py_BuildValue("O(s)", device_type, d->type)
                        : Py_BuildValue("O(si)", device_type, d->type, d->index);
}

static PyType_Spec device_spec = {
    .name = "torch.device",
    .basicsize = sizeof(DeviceObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = (PyType_Slot[]){
        {Py_tp_new, device_new},
        {Py_tp_repr, device_repr},
        {Py_tp_str, device_str},
        {Py_tp_richcompare, device_compare},
        {Py_tp_hash, device_hash},
        {Py_tp_methods,
         (PyMethodDef[]){{"__reduce__", device_reduce, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}}},
        {Py_tp_getset, (PyGetSetDef[]){{"type", device_get_type, NULL, NULL, NULL},
                                       {"index", device_get_index, NULL, NULL, NULL},
                                       {NULL, NULL, NULL, NULL, NULL}}},
        {0, NULL}}};

PyObject *device_cpu(void)
{
    static PyObject *cpu;

    if (!cpu)
        cpu = PyObject_CallFunction((PyObject *)device_type, "s", "cpu");
    return Py_XNewRef(cpu);
}

PyObject *device_refuse_cuda(void)
{
    PyErr_SetString(PyExc_AssertionError, "Torch not compiled with CUDA enabled");
    return NULL;
}

int device_check(PyObject *object)
{
    PyObject *device;
    bool cpu;

    if (object == Py_None)
        return 0;
    if (!tells_device(object)) { /* else its error would look here again */
        PyErr_Format(PyExc_TypeError, "expected a torch.device, not %s", Py_TYPE(object)->tp_name);
        return -1;
    }
    device = PyObject_CallOneArg((PyObject *)device_type, object);
    if (!device)
        return -1;
    cpu = strcmp(((DeviceObject *)device)->type, "cpu") == 0;
    Py_DECREF(device);
    if (cpu)
        return 0;
    device_refuse_cuda();
    return -1;
}

/* ---- Size ---- */

static PyObject *size_repr(PyObject *self)
{
    PyObject *list = PySequence_List(self);
    PyObject *text = list ? PyUnicode_FromFormat("torch.Size(%R)", list) : NULL;

    Py_XDECREF(list);
    return text;
}

static PyObject *size_numel(PyObject *self, PyObject *unused)
{
    long long n = 1;

    (void)unused;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); i++)
        n *= PyLong_AsLongLong(PyTuple_GET_ITEM(self, i));
    return PyLong_FromLongLong(n);
}

/* Slices and sums of sizes are sizes. */
static PyObject *as_size(PyObject *tuple)
{
    PyObject *size = tuple ? PyObject_CallOneArg((PyObject *)size_type, tuple) : NULL;

    Py_XDECREF(tuple);
    return size;
}

static PyObject *size_subscript(PyObject *self, PyObject *key)
{
    PyObject *item = PyTuple_Type.tp_as_mapping->mp_subscript(self, key);

    return item && PySlice_Check(key) ? as_size(item) : item;
}

static PyObject *size_concat(PyObject *self, PyObject *other)
{
    PyObject *sum = PyTuple_Type.tp_as_sequence->sq_concat(self, other);

    return sum && sum != Py_NotImplemented ? as_size(sum) : sum;
}

/* For pickle: torch.Size((2, 3)). */
static PyObject *size_reduce(PyObject *self, PyObject *unused)
{
    PyObject *tuple = PyTuple_GetSlice(self, 0, PyTuple_GET_SIZE(self));
    PyObject *reduced;

    (void)unused;
    reduced = tuple ? Py_BuildValue("O(O)", size_type, tuple) : NULL;
    Py_XDECREF(tuple);
    return reduced;
}

static PyType_Spec size_spec = {
    .name = "torch.Size",
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = (PyType_Slot[]){
        {Py_tp_repr, size_repr},
        {Py_mp_subscript, size_subscript},
        {Py_sq_concat, size_concat},
        {Py_tp_methods, (PyMethodDef[]){{"numel", size_numel, METH_NOARGS, NULL},
                                        {"__reduce__", size_reduce, METH_NOARGS, NULL},
                                        {NULL, NULL, 0, NULL}}},
        {0, NULL}}};

PyObject *size_object(int ndim, const int64_t *shape)
{
    PyObject *size = size_type->tp_alloc(size_type, ndim);

    for (int d = 0; size && d < ndim; d++) {
        PyObject *n = PyLong_FromLongLong(shape[d]);

        if (!n)
            Py_CLEAR(size);
        else
            PyTuple_SET_ITEM(size, d, n);
    }
    return size;
}

/* ---- Generator ---- */

static PyObject *generator_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"device", NULL};
    PyObject *device = Py_None;
    GeneratorObject *self;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:Generator", names, &device) ||
        device_check(device) < 0)
        return NULL;
    self = (GeneratorObject *)type->tp_alloc(type, 0);
    if (self) {
        self->generator = &self->own;
        generator_seed(self->generator, GENERATOR_DEFAULT_SEED);
    }
    return (PyObject *)self;
}

PyObject *default_generator_object(void)
{
    static PyObject *object;

    if (!object)
        object = PyObject_CallNoArgs((PyObject *)generator_type);
    if (object)
        ((GeneratorObject *)object)->generator = generator_default();
    return object;
}

bool generator_from_python(PyObject *object, struct generator **out)
{
    *out = NULL;
    if (!object || object == Py_None)
        return true;
    if (!PyObject_TypeCheck(object, generator_type)) {
        PyErr_Format(PyExc_TypeError, "generator must be a torch.Generator or None, not %s",
                     Py_TYPE(object)->tp_name);
        return false;
    }
    *out = ((GeneratorObject *)object)->generator;
    return true;
}

static PyObject *generator_get_state_method(PyObject *self, PyObject *unused)
{
    (void)unused;
    return generator_state(((GeneratorObject *)self)->generator);
}

static PyObject *generator_set_state_method(PyObject *self, PyObject *state)
{
    if (generator_set_state(((GeneratorObject *)self)->generator, state) < 0)
        return NULL;
    return Py_NewRef(self);
}

static PyObject *generator_get_device(PyObject *self, void *unused)
{
    (void)self;
    (void)unused;
    return device_cpu();
}

static PyObject *generator_manual_seed(PyObject *self, PyObject *seed)
{
    uint64_t value = PyLong_AsUnsignedLongLongMask(seed);

    if (PyErr_Occurred())
        return NULL;
    generator_seed(((GeneratorObject *)self)->generator, value);
    return Py_NewRef(self);
}

static PyObject *generator_initial_seed(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((GeneratorObject *)self)->generator->seed);
}

static PyObject *generator_seed_method(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(generator_seed_random(((GeneratorObject *)self)->generator));
}

static PyType_Spec generator_spec = {
    .name = "torch._C.Generator",
    .basicsize = sizeof(GeneratorObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = (PyType_Slot[]){
        {Py_tp_new, generator_new},
        {Py_tp_getset, (PyGetSetDef[]){{"device", generator_get_device, NULL, NULL, NULL},
                                       {NULL, NULL, NULL, NULL, NULL}}},
        {Py_tp_methods,
         (PyMethodDef[]){{"manual_seed", generator_manual_seed, METH_O, NULL},
                         {"initial_seed", generator_initial_seed, METH_NOARGS, NULL},
                         {"seed", generator_seed_method, METH_NOARGS, NULL},
                         {"get_state", generator_get_state_method, METH_NOARGS, NULL},
                         {"set_state", generator_set_state_method, METH_O, NULL},
                         {NULL, NULL, 0, NULL}}},
        {0, NULL}}};

int types_init(PyObject *torch)
{
    PyObject *tuple = PyTuple_Pack(1, &PyTuple_Type);
    int status = -1;

    if (tuple && module_add_type(torch, &dtype_spec, NULL, &dtype_type) == 0 &&
        module_add_type(torch, &device_spec, NULL, &device_type) == 0 &&
        module_add_type(torch, &size_spec, tuple, &size_type) == 0 &&
        module_add_type(torch, &generator_spec, NULL, &generator_type) == 0)
        status = add_dtypes(torch);
    Py_XDECREF(tuple);
    return status;
}
