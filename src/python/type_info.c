/* torch.finfo and torch.iinfo: the limits of the number types. */
#include "python/args.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/types.h"

#include <float.h>
#include <string.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD enum dtype dtype;
    int bits;
    double eps, max, min, tiny, resolution; /* finfo */
    long long largest, smallest;            /* iinfo */
} InfoObject;

static const struct {
    enum dtype dtype;
    double eps, max, tiny, resolution;
} float_limits[] = {
    {DTYPE_f16, 0x1p-10, 65504, 0x1p-14, 1e-3},
    {DTYPE_bf16, 0x1p-7, 0x1.fep127, 0x1p-126, 1e-2},
    {DTYPE_f32, FLT_EPSILON, FLT_MAX, FLT_MIN, 1e-6},
    {DTYPE_f64, DBL_EPSILON, DBL_MAX, DBL_MIN, 1e-15},
};

static PyTypeObject *finfo_type, *iinfo_type;

/* The one argument of both, a dtype, which finfo may lack; -1 with PyTorch's error. */
static int read_type(const char *name, PyObject *args, PyObject *kwargs, enum dtype *dtype)
{
    static char *names[] = {"type", NULL};
    PyObject *type = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", names, &type))
        return -1;
    if (!type && strcmp(name, "iinfo") == 0) {
        PyErr_SetString(PyExc_TypeError, "iinfo() missing 1 required positional arguments: "
                                         "\"type\"");
        return -1;
    }
    *dtype = dtype_default();
    if (type && (!Py_IS_TYPE(type, dtype_type) || !dtype_from_python(type, dtype))) {
        PyErr_Format(PyExc_TypeError,
                     "%s(): argument 'type' (position 1) must be torch.dtype, not %s", name,
                     Py_TYPE(type)->tp_name);
        return -1;
    }
    return 0;
}

static InfoObject *info_new(PyTypeObject *type, enum dtype dtype)
{
    InfoObject *self = (InfoObject *)type->tp_alloc(type, 0);

    if (self) {
        self->dtype = dtype;
        self->bits = (int)dtype_size(dtype) * 8;
    }
    return self;
}

static PyObject *finfo_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    enum dtype dtype;
    InfoObject *self;

    if (read_type("finfo", args, kwargs, &dtype) < 0)
        return NULL;
    dtype = dtype_infos[dtype].part;
    if (!dtype_is_float(dtype))
        return PyErr_Format(PyExc_TypeError, "torch.finfo() requires a floating point input type. "
                                             "Use torch.iinfo to handle 'torch.finfo'");
    self = info_new(type, dtype);
    for (size_t i = 0; self && i < sizeof(float_limits) / sizeof(*float_limits); i++) {
        if (float_limits[i].dtype != dtype)
            continue;
        self->eps = float_limits[i].eps;
        self->max = float_limits[i].max;
        self->min = -self->max;
        self->tiny = float_limits[i].tiny;
        self->resolution = float_limits[i].resolution;
    }
    return (PyObject *)self;
}

static PyObject *iinfo_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    enum dtype dtype;
    InfoObject *self;

    if (read_type("iinfo", args, kwargs, &dtype) < 0)
        return NULL;
    if (dtype_is_differentiable(dtype))
        return PyErr_Format(PyExc_TypeError, "torch.iinfo() requires an integer input type. Use "
                                             "torch.finfo to handle 'torch.iinfo'");
    if (dtype == DTYPE_b8)
        return PyErr_Format(PyExc_TypeError, "torch.bool is not supported by torch.iinfo");
    self = info_new(type, dtype);
    if (self && dtype == DTYPE_u8) {
        self->largest = UINT8_MAX;
    } else if (self) {
        self->largest = (long long)(UINT64_MAX >> 1 >> (64 - self->bits));
        self->smallest = -self->largest - 1;
    }
    return (PyObject *)self;
}

static PyObject *info_dtype(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(dtype_name(((InfoObject *)self)->dtype));
}

static PyObject *finfo_repr(PyObject *object)
{
    const InfoObject *self = (InfoObject *)object;
    char text[256];

    snprintf(text, sizeof(text),
             "finfo(resolution=%g, min=%g, max=%g, eps=%g, smallest_normal=%g, tiny=%g, dtype=%s)",
             self->resolution, self->min, self->max, self->eps, self->tiny, self->tiny,
             dtype_name(self->dtype));
    return PyUnicode_FromString(text);
}

static PyObject *iinfo_repr(PyObject *object)
{
    const InfoObject *self = (InfoObject *)object;

    char text[128]; /* PyTorch prints them as floats */

    snprintf(text, sizeof(text), "iinfo(min=%g, max=%g, dtype=%s)", (double)self->smallest,
             (double)self->largest, dtype_name(self->dtype));
    return PyUnicode_FromString(text);
}

static PyObject *info_compare(PyObject *a, PyObject *b, int how)
{
    bool same = Py_TYPE(a) == Py_TYPE(b) && ((InfoObject *)a)->dtype == ((InfoObject *)b)->dtype;

    if (how != Py_EQ && how != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong(same == (how == Py_EQ));
}

#define MEMBER(name, type, field)                                                                  \
    {                                                                                              \
        name, type, offsetof(InfoObject, field), READONLY, NULL                                    \
    }
static PyMemberDef finfo_members[] = {MEMBER("bits", T_INT, bits),
                                      MEMBER("eps", T_DOUBLE, eps),
                                      MEMBER("max", T_DOUBLE, max),
                                      MEMBER("min", T_DOUBLE, min),
                                      MEMBER("tiny", T_DOUBLE, tiny),
                                      MEMBER("smallest_normal", T_DOUBLE, tiny),
                                      MEMBER("resolution", T_DOUBLE, resolution),
                                      {NULL, 0, 0, 0, NULL}};
static PyMemberDef iinfo_members[] = {MEMBER("bits", T_INT, bits),
                                      MEMBER("max", T_LONGLONG, largest),
                                      MEMBER("min", T_LONGLONG, smallest),
                                      {NULL, 0, 0, 0, NULL}};
static PyGetSetDef info_getset[] = {{"dtype", info_dtype, NULL, NULL, NULL},
                                    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Spec finfo_spec = {.name = "torch.finfo",
                                 .basicsize = sizeof(InfoObject),
                                 .flags = Py_TPFLAGS_DEFAULT,
                                 .slots = (PyType_Slot[]){{Py_tp_new, finfo_new},
                                                          {Py_tp_repr, finfo_repr},
                                                          {Py_tp_richcompare, info_compare},
                                                          {Py_tp_members, finfo_members},
                                                          {Py_tp_getset, info_getset},
                                                          {0, NULL}}};
static PyType_Spec iinfo_spec = {.name = "torch.iinfo",
                                 .basicsize = sizeof(InfoObject),
                                 .flags = Py_TPFLAGS_DEFAULT,
                                 .slots = (PyType_Slot[]){{Py_tp_new, iinfo_new},
                                                          {Py_tp_repr, iinfo_repr},
                                                          {Py_tp_richcompare, info_compare},
                                                          {Py_tp_members, iinfo_members},
                                                          {Py_tp_getset, info_getset},
                                                          {0, NULL}}};

int type_info_init(PyObject *torch)
{
    finfo_type = (PyTypeObject *)PyType_FromSpec(&finfo_spec);
    iinfo_type = finfo_type ? (PyTypeObject *)PyType_FromSpec(&iinfo_spec) : NULL;
    if (!iinfo_type || PyModule_AddObjectRef(torch, "finfo", (PyObject *)finfo_type) < 0)
        return -1;
    return PyModule_AddObjectRef(torch, "iinfo", (PyObject *)iinfo_type);
}
