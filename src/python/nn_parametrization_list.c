/* ParametrizationList: the originals of a tensor, and the modules that it is computed by. */
#include "python/nn_parametrize.h"

#include "python/bind.h"
#include "python/module.h"
#include "python/nn_containers.h"

#include <stdarg.h>

static PyTypeObject *list_type;

static int refuse(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    PyErr_FormatV(PyExc_ValueError, format, args);
    va_end(args);
    return -1;
}

int parametrization_register(PyObject *module, PyObject *name, PyObject *tensor)
{
    return PyObject_TypeCheck(tensor, parameter_type)
               ? module_register_parameter(module, name, tensor)
               : module_register_buffer(module, name, tensor, true);
}

/* The two values of an attribute in a message, after its first line. */
static int unequal(PyObject *value, PyObject *like, const char *attribute,
                   const struct parametrization_words *w, const char *line, PyObject *name)
{
    PyObject *is = PyObject_GetAttrString(value, attribute);
    PyObject *was = is ? PyObject_GetAttrString(like, attribute) : NULL;
    PyObject *label = PyUnicode_FromFormat(w->label, name), *given, *first;
    int same = was ? PyObject_RichCompareBool(is, was, Py_EQ) : -1;

    given = PyUnicode_FromFormat(w->given, name);
    first = PyUnicode_FromFormat(line, name);
    if (same == 0 && label && given && first)
        refuse("%U%U%s: %S\n%U%s: %S", first, label, attribute, was, given, attribute, is);
    Py_XDECREF(is);
    Py_XDECREF(was);
    Py_XDECREF(label);
    Py_XDECREF(given);
    Py_XDECREF(first);
    return same > 0 ? 0 : -1;
}

int parametrization_check(PyObject *value, PyObject *like, const struct parametrization_words *w,
                          PyObject *name)
{
    if (!tensor_check(value))
        return refuse(w->none, _PyType_Name(Py_TYPE(value)));
    if (unequal(value, like, "dtype", w, w->dtype, name) < 0)
        return -1;
    return w->shape ? unequal(value, like, "shape", w, w->shape, name) : 0;
}

/* ---- right_inverse() ---- */

/* value = module.right_inverse(value), the last module first. Where a module has none the value
 * stays, or, if all must have it, the error says so. */
static PyObject *inverted(PyObject *self, PyObject *value, bool all)
{
    value = Py_NewRef(value);
    for (Py_ssize_t i = container_length(self); value && i-- > 0;) {
        PyObject *index = PyLong_FromSsize_t(i);
        PyObject *module = index ? PyObject_GetItem(self, index) : NULL;
        PyObject *inverse = module ? PyObject_GetAttrString(module, "right_inverse") : NULL;
        PyObject *result = inverse ? PyObject_CallOneArg(inverse, value) : NULL;

        if (module && !inverse && all)
            PyErr_Format(PyExc_RuntimeError, "parametrization %s does not implement right_inverse.",
                         _PyType_Name(Py_TYPE(module)));
        else if (!result && !all && module &&
                 PyErr_ExceptionMatches(inverse ? PyExc_NotImplementedError
                                                : PyExc_AttributeError)) {
            PyErr_Clear();
            result = Py_NewRef(value);
        }
        Py_XDECREF(index);
        Py_XDECREF(module);
        Py_XDECREF(inverse);
        Py_SETREF(value, result);
    }
    return value;
}

static int set_data(PyObject *tensor, PyObject *value)
{
    PyObject *data = PyObject_GetAttr(value, nn_names.data);
    int status = data ? PyObject_SetAttr(tensor, nn_names.data, data) : -1;

    Py_XDECREF(data);
    return status;
}

static PyObject *original_name(long index)
{
    return index < 0 ? PyUnicode_FromString("original")
                     : PyUnicode_FromFormat("original%ld", index);
}

static PyObject *original_at(PyObject *self, long index)
{
    PyObject *name = original_name(index);
    PyObject *tensor = name ? PyObject_GetAttr(self, name) : NULL;

    Py_XDECREF(name);
    return tensor;
}

/* -1: one tensor under the name `original`; else how many there are. */
static long tensor_count(PyObject *self)
{
    PyObject *single = PyObject_GetAttrString(self, "is_tensor");
    PyObject *count = single ? PyObject_GetAttrString(self, "ntensors") : NULL;
    long number = count ? single == Py_True ? -1 : PyLong_AsLong(count) : -2;

    Py_XDECREF(single);
    Py_XDECREF(count);
    return number;
}

static int assign_one(PyObject *original, PyObject *value)
{
    if (!tensor_check(value))
        return refuse("`right_inverse` should return a tensor. Got %s",
                      _PyType_Name(Py_TYPE(value)));
    if (tensor_dtype(tensor_of(value)) != tensor_dtype(tensor_of(original)))
        return refuse("The tensor returned by `right_inverse` has dtype torch.%s while `original` "
                      "has dtype torch.%s",
                      dtype_name(tensor_dtype(tensor_of(value))),
                      dtype_name(tensor_dtype(tensor_of(original))));
    return set_data(original, value);
}

static int assign_several(PyObject *self, PyObject *values, long count)
{
    PyObject *list =
        PySequence_Check(values) && !tensor_check(values) ? PySequence_List(values) : NULL;
    int status = list ? 0 : -1;

    if (!list && !PyErr_Occurred())
        refuse("'right_inverse' must return a sequence of tensors. Got %s.",
               _PyType_Name(Py_TYPE(values)));
    if (list && PyList_GET_SIZE(list) != count)
        status = refuse("'right_inverse' must return a sequence of tensors of length %ld. Got a "
                        "sequence of lenght %zd.",
                        count, PyList_GET_SIZE(list));
    for (long i = 0; status == 0 && i < count; i++) {
        PyObject *original = original_at(self, i);

        status = original ? assign_one(original, PyList_GET_ITEM(list, i)) : -1;
        Py_XDECREF(original);
    }
    Py_XDECREF(list);
    return status;
}

/* What an assignment to the parameter does. */
static PyObject *right_inverse(PyObject *self, PyObject *value)
{
    bool recording = grad_set_enabled(false);
    long count = tensor_count(self);
    PyObject *values = count < -1 ? NULL : inverted(self, value, true);
    PyObject *original = values && count == -1 ? original_at(self, -1) : NULL;
    int status = -1;

    if (original)
        status = assign_one(original, values);
    else if (values && count >= 0)
        status = assign_several(self, values, count);
    grad_set_enabled(recording);
    Py_XDECREF(values);
    Py_XDECREF(original);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- construction ---- */

static int keep_one(PyObject *self, PyObject *original, PyObject *fresh)
{
    static const struct parametrization_words words = {
        .dtype = "When `right_inverse` outputs one tensor, it may not change the dtype.\n",
        .label = "original.",
        .given = "right_inverse(original)."};
    PyObject *name = original_name(-1);
    int status = name ? parametrization_check(fresh, original, &words, name) : -1;

    if (status == 0)
        status = set_data(original, fresh);
    if (status == 0)
        status = parametrization_register(self, name, original);
    Py_XDECREF(name);
    return status;
}

static int keep_several(PyObject *self, PyObject *original, PyObject *list)
{
    bool parameter = PyObject_TypeCheck(original, parameter_type);
    int status = 0;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *tensor = PyList_GET_ITEM(list, i), *name, *kept, *done = NULL;

        if (!tensor_check(tensor))
            return refuse("'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                          "tuple...). Got element %zd of the sequence with type %s.",
                          i, _PyType_Name(Py_TYPE(tensor)));
        name = original_name((long)i);
        kept =
            parameter ? PyObject_CallOneArg((PyObject *)parameter_type, tensor) : Py_NewRef(tensor);
        if (kept)
            done = PyObject_CallMethod(kept, "requires_grad_", "i",
                                       (int)tensor_of(original)->requires_grad);
        status = done && name ? parametrization_register(self, name, kept) : -1;
        Py_XDECREF(name);
        Py_XDECREF(kept);
        Py_XDECREF(done);
    }
    return status;
}

static int set_number(PyObject *self, const char *name, PyObject *value)
{
    int status = value ? PyObject_SetAttrString(self, name, value) : -1;

    Py_XDECREF(value);
    return status;
}

static int keep_originals(PyObject *self, PyObject *original)
{
    bool recording = grad_set_enabled(false);
    PyObject *fresh = inverted(self, original, false), *list = NULL;
    int status = fresh ? 0 : -1;

    if (fresh && !tensor_check(fresh)) {
        list = PySequence_Check(fresh) ? PySequence_List(fresh) : NULL;
        if (!list && !PyErr_Occurred())
            refuse("'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                   "tuple...). Got %s",
                   _PyType_Name(Py_TYPE(fresh)));
        status = list ? 0 : -1;
    }
    if (status == 0 && set_number(self, "is_tensor", PyBool_FromLong(!list)) == 0)
        status = set_number(self, "ntensors", PyLong_FromSsize_t(list ? PyList_GET_SIZE(list) : 1));
    if (status == 0)
        status = list ? keep_several(self, original, list) : keep_one(self, original, fresh);
    grad_set_enabled(recording);
    Py_XDECREF(fresh);
    Py_XDECREF(list);
    return status;
}

#define MAY_NOT "Registering a parametrization may not change the "
#define UNLESS  " of the tensor, unless `unsafe` flag is enabled.\n"

/* What is computed from the originals must be like the tensor that was there. */
static int check_result(PyObject *self, PyObject *before)
{
    static const struct parametrization_words words = {
        .none = "A parametrization must return a tensor. Got %s.",
        .dtype = MAY_NOT "dtype" UNLESS,
        .shape = MAY_NOT "shape" UNLESS,
        .label = "unparametrized ",
        .given = "parametrized "};
    PyObject *result = PyObject_CallNoArgs(self);
    int status = result ? parametrization_check(result, before, &words, Py_None) : -1;

    Py_XDECREF(result);
    return status;
}

static int list_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"modules", "original", "unsafe"};
    static const struct binding binding = {"ParametrizationList.__init__", names, 3, 3, 2, 1};
    PyObject *v[3] = {NULL, NULL, Py_False}, *before = NULL, *inner = NULL;
    int status = -1, unsafe;

    if (binding_read(&binding, args, kwargs, v) < 0 || (unsafe = PyObject_IsTrue(v[2])) < 0)
        return -1;
    if (PyObject_Size(v[0]) <= 0)
        return PyErr_Occurred() ? -1 : refuse("ParametrizationList requires one or more modules.");
    before = PyObject_CallMethod(v[1], "detach", NULL);
    inner = before ? PyTuple_Pack(1, v[0]) : NULL;
    if (inner && Py_TYPE(self)->tp_base && list_type->tp_base->tp_init(self, inner, NULL) == 0 &&
        PyObject_SetAttrString(self, "unsafe", v[2]) == 0)
        status = keep_originals(self, v[1]);
    if (status == 0 && !unsafe)
        status = check_result(self, before);
    Py_XDECREF(before);
    Py_XDECREF(inner);
    return status;
}

PyObject *parametrization_list_new(PyObject *module, PyObject *original, bool unsafe)
{
    PyObject *modules = PyTuple_Pack(1, module), *list = NULL;

    if (modules)
        list = PyObject_CallFunction((PyObject *)list_type, "OOO", modules, original,
                                     unsafe ? Py_True : Py_False);
    Py_XDECREF(modules);
    return list;
}

/* ---- forward() ---- */

/* The originals as arguments of the first module. */
static PyObject *originals(PyObject *self)
{
    long count = tensor_count(self), first = count == -1 ? -1 : 0,
         last = count == -1 ? -1 : count - 1;
    PyObject *args = count < -1 ? NULL : PyTuple_New(last - first + 1);

    for (long i = first; args && i <= last; i++) {
        PyObject *tensor = original_at(self, i);

        if (tensor)
            PyTuple_SET_ITEM(args, i - first, tensor);
        else
            Py_CLEAR(args);
    }
    return args;
}

static PyObject *forward(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *args = originals(self), *value = NULL;

    for (Py_ssize_t i = 0; args && i < container_length(self); i++) {
        PyObject *index = PyLong_FromSsize_t(i);
        PyObject *module = index ? PyObject_GetItem(self, index) : NULL;

        Py_XSETREF(value, module ? PyObject_CallObject(module, args) : NULL);
        Py_SETREF(args, value ? PyTuple_Pack(1, value) : NULL);
        Py_XDECREF(index);
        Py_XDECREF(module);
    }
    Py_XDECREF(args);
    return value;
}

int parametrization_list_init(PyObject *home)
{
    static PyMethodDef methods[] = {
        {"forward", forward, METH_NOARGS, "The tensor, computed from the originals."},
        {"right_inverse", right_inverse, METH_O, "Sets the originals so that this comes out."},
        {NULL, NULL, 0, NULL}};
    static PyType_Slot slots[] = {{Py_tp_init, list_init}, {Py_tp_methods, methods}, {0, NULL}};
    PyType_Spec spec = {"torch.nn.utils.parametrize.ParametrizationList", 0, 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    PyObject *nn = PyImport_ImportModule("torch.nn");
    PyObject *base = nn ? PyObject_GetAttrString(nn, "ModuleList") : NULL;
    int status = base ? module_add_type(home, &spec, base, &list_type) : -1;

    Py_XDECREF(nn);
    Py_XDECREF(base);
    return status;
}
