/* torch's settings and questions: seeds, printing, default dtype, threads. */
#include "base/error.h"
#include "python/args.h"
#include "python/errors.h"
#include "python/method.h"
#include "python/module.h"
#include "python/tensor_type.h"
#include "python/types.h"
#include "tensor/print.h"
#include "tensor/random.h"
#include "tensor/threads.h"

#include <float.h>
#include <limits.h>
#include <string.h>

/* ---- seeds ---- */

static PyObject *manual_seed(PyObject *self, PyObject *seed)
{
    PyObject *number = PyNumber_Long(seed); /* as PyTorch: int(seed) */
    uint64_t value = number ? PyLong_AsUnsignedLongLongMask(number) : 0;

    (void)self;
    Py_XDECREF(number);
    if (PyErr_Occurred())
        return NULL;
    generator_seed(generator_default(), value);
    return Py_NewRef(default_generator_object());
}

static PyObject *initial_seed(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyLong_FromUnsignedLongLong(generator_default()->seed);
}

static PyObject *seed(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyLong_FromUnsignedLongLong(generator_seed_random(generator_default()));
}

static PyObject *get_rng_state(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return generator_state(generator_default());
}

static PyObject *set_rng_state(PyObject *self, PyObject *state)
{
    (void)self;
    if (generator_set_state(generator_default(), state) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- dtypes ---- */

static PyObject *set_default_dtype(PyObject *self, PyObject *object)
{
    enum dtype dtype;

    (void)self;
    if (!dtype_from_python(object, &dtype))
        return PyErr_Format(PyExc_TypeError, "invalid dtype object: %S", object);
    if (!dtype_is_float(dtype))
        return PyErr_Format(PyExc_TypeError, "only floating-point types are supported as the "
                                             "default type");
    dtype_set_default(dtype);
    Py_RETURN_NONE;
}

static PyObject *get_default_dtype(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return dtype_object(dtype_default());
}

static PyObject *is_tensor(PyObject *self, PyObject *object)
{
    (void)self;
    return PyBool_FromLong(tensor_check(object));
}

/* typename(): where what the object is called comes from, "torch.nn.modules.linear.". */
static PyObject *home_of(PyObject *object)
{
    PyObject *module = PyObject_GetAttrString(object, "__module__"), *home;

    if (!module)
        PyErr_Clear();
    if (module && PyUnicode_Check(module) &&
        PyUnicode_CompareWithASCIIString(module, "builtins") != 0)
        home = PyUnicode_FromFormat("%U.", module);
    else
        home = PyUnicode_FromString("");
    Py_XDECREF(module);
    return home;
}

static PyObject *typename(PyObject *self, PyObject *object)
{
    static const char *const names[] = {"__qualname__", "__name__"};
    PyObject *home, *name = NULL, *result = NULL;

    (void)self;
    if (tensor_check(object))
        return PyObject_CallMethod(object, "type", NULL);
    for (int i = 0; i < 2 && !name; i++) {
        name = PyObject_GetAttrString(object, names[i]);
        if (!name)
            PyErr_Clear();
    }
    if (!name)
        name = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__name__");
    home = name ? home_of(object) : NULL;
    if (home)
        result = PyUnicode_FromFormat("%U%S", home, name);
    Py_XDECREF(home);
    Py_XDECREF(name);
    return result;
}

static PyObject *promote_types(PyObject *self, PyObject *args)
{
    PyObject *a, *b;
    enum dtype x, y;

    (void)self;
    if (!PyArg_ParseTuple(args, "OO:promote_types", &a, &b))
        return NULL;
    if (!dtype_from_python(a, &x) || !dtype_from_python(b, &y))
        return PyErr_Format(PyExc_TypeError, "promote_types() takes two torch.dtypes");
    return dtype_object(dtype_promote(x, y));
}

/* A category may become a higher one; within one, every type becomes every other. */
static PyObject *can_cast(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"from_", "to", NULL};
    PyObject *a, *b;
    enum dtype from, to;

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:can_cast", names, &a, &b))
        return NULL;
    if (!dtype_from_python(a, &from) || !dtype_from_python(b, &to))
        return PyErr_Format(PyExc_TypeError, "can_cast() takes two torch.dtypes");
    return PyBool_FromLong(dtype_infos[from].category <= dtype_infos[to].category);
}

static PyObject *result_type(PyObject *self, PyObject *args)
{
    struct tensor *list[2] = {NULL}, *owned[2] = {NULL};
    struct scalar s;
    PyObject *result = NULL;

    (void)self;
    if (PyTuple_GET_SIZE(args) != 2)
        return PyErr_Format(PyExc_TypeError, "result_type() takes two tensors or numbers");
    for (int i = 0; i < 2; i++) {
        PyObject *item = PyTuple_GET_ITEM(args, i);

        if (tensor_check(item))
            list[i] = tensor_of(item);
        else if (scalar_from_python(item, &s))
            list[i] = owned[i] = tensor_wrap_number(s);
    }
    if (list[0] && list[1])
        result = dtype_object(op_result_type(2, list));
    tensor_unref(owned[0]);
    tensor_unref(owned[1]);
    return result;
}

/* ---- printing ---- */

/* A profile sets all at once; each further keyword its own. */
static bool set_profile(const char *profile)
{
    static const struct print_options standard = {4, 3, 80, 1000, -1};

    print_options = standard;
    if (strcmp(profile, "short") == 0) {
        print_options.precision = 2;
        print_options.edgeitems = 2;
    } else if (strcmp(profile, "full") == 0) {
        print_options.threshold = INT64_MAX;
    } else if (strcmp(profile, "default") != 0) {
        PyErr_Format(PyExc_ValueError, "unknown profile: %s", profile);
        return false;
    }
    return true;
}

static PyObject *set_printoptions(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"precision", "threshold", "edgeitems", "linewidth",
                            "profile",   "sci_mode",  NULL};
    PyObject *values[4] = {Py_None, Py_None, Py_None, Py_None}, *sci = NULL;
    const char *profile = NULL;
    int *targets[4] = {&print_options.precision, NULL, &print_options.edgeitems,
                       &print_options.linewidth};

    (void)self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOOzO:set_printoptions", names, &values[0],
                                     &values[1], &values[2], &values[3], &profile, &sci) ||
        (profile && !set_profile(profile)))
        return NULL;
    for (int i = 0; i < 4; i++) {
        double value;

        if (values[i] == Py_None)
            continue;
        value = PyFloat_AsDouble(values[i]);
        if (PyErr_Occurred())
            return NULL;
        if (targets[i])
            *targets[i] = (int)value;
        else
            print_options.threshold = value > 9e18 ? INT64_MAX : (int64_t)value;
    }
    if (sci)
        print_options.sci_mode = sci == Py_None ? -1 : PyObject_IsTrue(sci);
    Py_RETURN_NONE;
}

/* ---- threads ---- */

static PyObject *set_num_threads(PyObject *self, PyObject *count)
{
    long n = PyLong_AsLong(count);

    (void)self;
    if (n == -1 && PyErr_Occurred())
        return NULL;
    if (n <= 0)
        return PyErr_Format(PyExc_RuntimeError, "set_num_threads expects a positive integer");
    tensor_set_threads(n > INT_MAX ? INT_MAX : (int)n);
    Py_RETURN_NONE;
}

static PyObject *get_num_threads(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyLong_FromLong(tensor_threads());
}

/* Operations run one after another here: the number is kept for those who ask. */
static long interop_threads = 1;

static PyObject *set_num_interop_threads(PyObject *self, PyObject *count)
{
    long n;

    (void)self;
    if (!PyLong_Check(count) || PyBool_Check(count))
        return PyErr_Format(PyExc_RuntimeError,
                            "set_num_interop_threads expects an int, but got %s",
                            Py_TYPE(count)->tp_name);
    n = PyLong_AsLong(count);
    if (n == -1 && PyErr_Occurred())
        return NULL;
    if (n <= 0)
        return PyErr_Format(PyExc_RuntimeError,
                            "set_num_interop_threads expects a positive integer");
    interop_threads = n;
    Py_RETURN_NONE;
}

static PyObject *get_num_interop_threads(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyLong_FromLong(interop_threads);
}

/* Numbers below the normal ones become 0, on this thread; True where the processor can do so. */
static PyObject *set_flush_denormal(PyObject *self, PyObject *on)
{
    (void)self;
    if (!PyBool_Check(on))
        return PyErr_Format(PyExc_RuntimeError, "flush_denormal expects a bool, but got %s",
                            Py_TYPE(on)->tp_name);
#ifdef __SSE2__
    enum { FLUSH_RESULTS = 1 << 15, FLUSH_OPERANDS = 1 << 6 };
    unsigned rest = __builtin_ia32_stmxcsr() & ~(unsigned)(FLUSH_RESULTS | FLUSH_OPERANDS);

    __builtin_ia32_ldmxcsr(on == Py_True ? rest | FLUSH_RESULTS | FLUSH_OPERANDS : rest);
    Py_RETURN_TRUE;
#else
    Py_RETURN_FALSE;
#endif
}

static PyMethodDef settings_methods[] = {
    {"manual_seed", manual_seed, METH_O, NULL},
    {"initial_seed", initial_seed, METH_NOARGS, NULL},
    {"seed", seed, METH_NOARGS, NULL},
    {"get_rng_state", get_rng_state, METH_NOARGS, NULL},
    {"set_rng_state", set_rng_state, METH_O, NULL},
    {"set_default_dtype", set_default_dtype, METH_O, NULL},
    {"get_default_dtype", get_default_dtype, METH_NOARGS, NULL},
    {"is_tensor", is_tensor, METH_O, NULL},
    {"typename", typename, METH_O, NULL},
    {"promote_types", promote_types, METH_VARARGS, NULL},
    {"can_cast", WITH_KEYWORDS(can_cast), NULL},
    {"result_type", result_type, METH_VARARGS, NULL},
    {"set_printoptions", WITH_KEYWORDS(set_printoptions), NULL},
    {"set_num_threads", set_num_threads, METH_O, NULL},
    {"get_num_threads", get_num_threads, METH_NOARGS, NULL},
    {"set_num_interop_threads", set_num_interop_threads, METH_O, NULL},
    {"get_num_interop_threads", get_num_interop_threads, METH_NOARGS, NULL},
    {"set_flush_denormal", set_flush_denormal, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

static const struct {
    const char *name;
    double value;
} numbers[] = {{"inf", __builtin_inf()},
               {"nan", __builtin_nan("")},
               {"pi", 3.141592653589793},
               {"e", 2.718281828459045}};

int settings_init(PyObject *torch)
{
    if (PyModule_AddFunctions(torch, settings_methods) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        if (PyModule_AddObject(torch, numbers[i].name, PyFloat_FromDouble(numbers[i].value)) < 0)
            return -1;
    }
    if (PyModule_AddObjectRef(torch, "newaxis", Py_None) < 0)
        return -1;
    return PyModule_AddObjectRef(torch, "default_generator", default_generator_object());
}
