/* Distribution: what all distributions share, and what programs derive theirs from. */
#include "python/law.h"

#include "autograd/autograd.h"
#include "python/bind.h"
#include "python/law_formula.h"
#include "python/module.h"
#include "python/tensor_type.h"

#include <stddef.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD PyObject *dict;
    PyObject *weakrefs;
} LawObject;

PyTypeObject *distribution_type;

/* ---- checks ---- */

/* The attribute, NULL without an exception where it says NotImplementedError. -1 on others. */
static int implemented(PyObject *self, const char *name, PyObject **value)
{
    *value = PyObject_GetAttrString(self, name);
    if (*value)
        return 1;
    if (!PyErr_ExceptionMatches(PyExc_NotImplementedError))
        return -1;
    PyErr_Clear();
    return 0;
}

/* 1 when constraint.check(value) is true everywhere. */
static int satisfies(PyObject *constraint, PyObject *value)
{
    PyObject *valid = PyObject_CallMethod(constraint, "check", "O", value);
    PyObject *all = valid ? PyObject_CallMethod(valid, "all", NULL) : NULL;
    int is = all ? PyObject_IsTrue(all) : -1;

    Py_XDECREF(valid);
    Py_XDECREF(all);
    return is;
}

/* Raises a ValueError that ends with the value as format() shows it; the rest is taken over. */
static void refuse_value(PyObject *text, PyObject *value)
{
    PyObject *shown = text ? PyObject_Format(value, NULL) : NULL;

    if (shown)
        PyErr_Format(PyExc_ValueError, "%U, but found invalid values:\n%U", text, shown);
    Py_XDECREF(text);
    Py_XDECREF(shown);
}

/* "Tensor of shape (2,)" */
static PyObject *described(PyObject *value)
{
    PyObject *shape = PyObject_GetAttrString(value, "shape");
    PyObject *plain = shape ? PySequence_Tuple(shape) : NULL, *text = NULL;

    if (plain)
        text = PyUnicode_FromFormat("%s of shape %R", _PyType_Name(Py_TYPE(value)), plain);
    Py_XDECREF(shape);
    Py_XDECREF(plain);
    return text;
}

static int check_parameter(PyObject *self, PyObject *name, PyObject *constraint)
{
    PyObject *dict = ((LawObject *)self)->dict, *value, *text;
    int valid = law_constraint_is_dependent(constraint);

    if (valid)
        return 0;
    if (!(dict && PyDict_Contains(dict, name)) && law_member_is_lazy(Py_TYPE(self), name))
        return 0;
    value = PyObject_GetAttr(self, name);
    valid = value ? satisfies(constraint, value) : -1;
    if (valid == 0 && (text = described(value))) {
        refuse_value(PyUnicode_FromFormat("Expected parameter %U (%U) of distribution %R to "
                                          "satisfy the constraint %R",
                                          name, text, self, constraint),
                     value);
        Py_DECREF(text);
    }
    Py_XDECREF(value);
    return valid > 0 ? 0 : -1;
}

static int check_parameters(PyObject *self)
{
    PyObject *constraints, *name, *constraint;
    int there = implemented(self, "arg_constraints", &constraints), status = 0;
    Py_ssize_t at = 0;

    if (there == 0)
        return PyErr_WarnFormat(
            PyExc_UserWarning, 1,
            "%R does not define `arg_constraints`. Please set `arg_constraints = {}` or "
            "initialize the distribution with `validate_args=False` to turn off validation.",
            Py_TYPE(self));
    if (there < 0)
        return -1;
    while (status == 0 && PyDict_Check(constraints) &&
           PyDict_Next(constraints, &at, &name, &constraint))
        status = check_parameter(self, name, constraint);
    Py_DECREF(constraints);
    return status;
}

static int validates(PyObject *self)
{
    PyObject *flag = PyObject_GetAttrString(self, "_validate_args");
    int is = flag ? PyObject_IsTrue(flag) : -1;

    Py_XDECREF(flag);
    return is;
}

int law_setup(PyObject *self, PyObject *batch, PyObject *event, PyObject *validate)
{
    PyObject *none = batch && event ? NULL : law_size_none();
    int status = -1;

    if ((batch && event) || none)
        status = PyObject_SetAttrString(self, "_batch_shape", batch ? batch : none) < 0 ||
                         PyObject_SetAttrString(self, "_event_shape", event ? event : none) < 0
                     ? -1
                     : 0;
    Py_XDECREF(none);
    if (status == 0 && validate && validate != Py_None)
        status = PyObject_SetAttrString(self, "_validate_args", validate);
    if (status == 0) {
        int wanted = validates(self);

        status = wanted > 0 ? check_parameters(self) : wanted;
    }
    return status;
}

PyObject *law_extended_shape(PyObject *self, PyObject *sample_shape)
{
    PyObject *locals = Py_BuildValue("{sO}", "s", sample_shape), *shape;

    shape = locals ? formula_value("Size(s) + _batch_shape + _event_shape", self, locals) : NULL;
    Py_XDECREF(locals);
    if (shape)
        Py_SETREF(shape, law_size(shape));
    return shape;
}

/* ---- samples ---- */

static int check_shape(PyObject *self, PyObject *value)
{
    PyObject *batch = PyObject_GetAttrString(self, "_batch_shape");
    PyObject *event = batch ? PyObject_GetAttrString(self, "_event_shape") : NULL;
    PyObject *size = event ? PyObject_CallMethod(value, "size", NULL) : NULL;
    PyObject *whole = size ? PySequence_Concat(batch, event) : NULL;
    PyObject *last = whole ? law_size_last(size, PyTuple_GET_SIZE(event)) : NULL;
    int same = last ? PyObject_RichCompareBool(last, event, Py_EQ) : -1;

    if (same == 0)
        PyErr_Format(PyExc_ValueError,
                     "The right-most size of value must match event_shape: %S vs %S.", size, event);
    for (Py_ssize_t i = 1; same > 0 && i <= PyTuple_GET_SIZE(whole) && i <= PyTuple_GET_SIZE(size);
         i++) {
        long a = PyLong_AsLong(PyTuple_GET_ITEM(size, PyTuple_GET_SIZE(size) - i));
        long b = PyLong_AsLong(PyTuple_GET_ITEM(whole, PyTuple_GET_SIZE(whole) - i));

        if (a != 1 && b != 1 && a != b) {
            PyErr_Format(PyExc_ValueError,
                         "Value is not broadcastable with batch_shape+event_shape: %S vs %S.", size,
                         whole);
            same = -1;
        }
    }
    Py_XDECREF(batch);
    Py_XDECREF(event);
    Py_XDECREF(size);
    Py_XDECREF(whole);
    Py_XDECREF(last);
    return same > 0 ? 0 : -1;
}

static int validate_sample(PyObject *self, PyObject *value)
{
    PyObject *support, *text;
    int there, valid;

    if (!tensor_check(value)) {
        PyErr_SetString(PyExc_ValueError, "The value argument to log_prob must be a Tensor");
        return -1;
    }
    if (check_shape(self, value) < 0)
        return -1;
    there = implemented(self, "support", &support);
    if (there == 0)
        return PyErr_WarnFormat(
            PyExc_UserWarning, 1,
            "%R does not define `support` to enable sample validation. Please initialize the "
            "distribution with `validate_args=False` to turn off validation.",
            Py_TYPE(self));
    valid = there > 0 ? satisfies(support, value) : -1;
    if (valid == 0 && (text = described(value))) {
        refuse_value(PyUnicode_FromFormat("Expected value argument (%U) to be within the support "
                                          "(%R) of the distribution %R",
                                          text, support, self),
                     value);
        Py_DECREF(text);
    }
    if (there > 0)
        Py_DECREF(support);
    return valid > 0 ? 0 : -1;
}

int law_validate(PyObject *self, PyObject *value)
{
    int wanted = validates(self);

    return wanted > 0 ? validate_sample(self, value) : wanted;
}

/* ---- methods ---- */

static int base_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"batch_shape", "event_shape", "validate_args"};
    static const struct binding binding = {"Distribution.__init__", names, 3, 3, 0, 1};
    PyObject *values[3] = {NULL, NULL, NULL};

    return binding_read(&binding, args, kwargs, values) < 0
               ? -1
               : law_setup(self, values[0], values[1], values[2]);
}

static PyObject *not_implemented(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args),
                                 PyObject *Py_UNUSED(kwargs))
{
    PyErr_SetNone(PyExc_NotImplementedError);
    return NULL;
}

static PyObject *get_not_implemented(PyObject *self, void *Py_UNUSED(unused))
{
    return not_implemented(self, NULL, NULL);
}

static PyObject *get_mode(PyObject *self, void *Py_UNUSED(unused))
{
    return PyErr_Format(PyExc_NotImplementedError, "%R does not implement mode", Py_TYPE(self));
}

static PyObject *get_formula(PyObject *self, void *formula)
{
    return formula_value(formula, self, NULL);
}

/* sample() and sample_n(): what rsample() gives, without history. */
static PyObject *sample(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"sample_shape"};
    static const struct binding binding = {"Distribution.sample", names, 1, 1, 0, 1};
    PyObject *shape = NULL, *none, *result = NULL;
    bool recording;

    if (binding_read(&binding, args, kwargs, &shape) < 0)
        return NULL;
    none = law_size_none();
    recording = grad_set_enabled(false);
    if (none)
        result = PyObject_CallMethod(self, "rsample", "(O)", shape ? shape : none);
    grad_set_enabled(recording);
    Py_XDECREF(none);
    return result;
}

static PyObject *sample_n(PyObject *self, PyObject *count)
{
    PyObject *shape, *result;

    if (PyErr_WarnEx(PyExc_UserWarning, "sample_n will be deprecated. Use .sample((n,)) instead",
                     1) < 0)
        return NULL;
    shape = PyTuple_Pack(1, count);
    result = shape ? PyObject_CallMethod(self, "sample", "(O)", shape) : NULL;
    Py_XDECREF(shape);
    return result;
}

static PyObject *perplexity(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *entropy = PyObject_CallMethod(self, "entropy", NULL);
    PyObject *result = entropy ? PyObject_CallMethod(entropy, "exp", NULL) : NULL;

    Py_XDECREF(entropy);
    return result;
}

static PyObject *extended_shape(PyObject *self, PyObject *args)
{
    PyObject *shape = NULL, *none = law_size_none(), *result = NULL;

    if (none && PyArg_ParseTuple(args, "|O:_extended_shape", &shape))
        result = law_extended_shape(self, shape ? shape : none);
    Py_XDECREF(none);
    return result;
}

static PyObject *validate_sample_method(PyObject *self, PyObject *value)
{
    return validate_sample(self, value) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *set_default_validate_args(PyObject *Py_UNUSED(type), PyObject *value)
{
    if (value != Py_True && value != Py_False) {
        PyErr_SetNone(PyExc_ValueError);
        return NULL;
    }
    return PyObject_SetAttrString((PyObject *)distribution_type, "_validate_args", value) < 0
               ? NULL
               : Py_NewRef(Py_None);
}

/* "loc: 0.0" or, of many numbers, "loc: torch.Size([3])". */
static PyObject *shown(PyObject *name, PyObject *value)
{
    PyObject *text = NULL, *part = NULL;

    if (tensor_check(value))
        part = tensor_of(value)->numel == 1 ? PyObject_Format(value, NULL)
                                            : PyObject_CallMethod(value, "size", NULL);
    else
        part = Py_NewRef(value);
    if (part)
        text = PyUnicode_FromFormat("%U: %S", name, part);
    Py_XDECREF(part);
    return text;
}

/* The parameters that have been given or computed. */
static PyObject *base_repr(PyObject *self)
{
    PyObject *constraints = PyObject_GetAttrString(self, "arg_constraints"), *dict, *name;
    PyObject *text = PyUnicode_FromFormat("%s(", _PyType_Name(Py_TYPE(self))), *constraint;
    Py_ssize_t at = 0;
    int count = 0;

    dict = ((LawObject *)self)->dict;
    if (!constraints)
        Py_CLEAR(text);
    while (text && dict && PyDict_Check(constraints) &&
           PyDict_Next(constraints, &at, &name, &constraint)) {
        PyObject *value = PyDict_GetItem(dict, name);

        if (value && count++)
            PyUnicode_AppendAndDel(&text, PyUnicode_FromString(", "));
        if (value)
            PyUnicode_AppendAndDel(&text, shown(name, value));
    }
    PyUnicode_AppendAndDel(&text, PyUnicode_FromString(")"));
    Py_XDECREF(constraints);
    return text;
}

static int base_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((LawObject *)self)->dict);
    return 0;
}

static int base_clear(PyObject *self)
{
    Py_CLEAR(((LawObject *)self)->dict);
    return 0;
}

static void base_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (((LawObject *)self)->weakrefs)
        PyObject_ClearWeakRefs(self);
    base_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- the class ---- */

#define KEYWORDS(f) (PyCFunction)(void (*)(void))(f), METH_VARARGS | METH_KEYWORDS

static PyMethodDef methods[] = {
    {"sample", KEYWORDS(sample), "sample(sample_shape=()): numbers drawn from the distribution."},
    {"sample_n", sample_n, METH_O, "The old form of sample((n,))."},
    {"rsample", KEYWORDS(not_implemented),
     "rsample(sample_shape=()): a sample through which gradients flow to the parameters."},
    {"log_prob", KEYWORDS(not_implemented), "log_prob(value): the logarithm of its density."},
    {"cdf", KEYWORDS(not_implemented), "cdf(value): the probability of at most that."},
    {"icdf", KEYWORDS(not_implemented), "icdf(value): the inverse of cdf()."},
    {"entropy", KEYWORDS(not_implemented), "The entropy of each batch."},
    {"enumerate_support", KEYWORDS(not_implemented),
     "enumerate_support(expand=True): all values that there are, along dimension 0."},
    {"expand", KEYWORDS(not_implemented),
     "expand(batch_shape): the distribution with its parameters expanded."},
    {"perplexity", perplexity, METH_NOARGS, "exp(entropy())."},
    {"_extended_shape", extended_shape, METH_VARARGS, "sample_shape + batch_shape + event_shape."},
    {"_validate_sample", validate_sample_method, METH_O, "Raises where a value cannot be."},
    {"set_default_validate_args", set_default_validate_args, METH_O | METH_STATIC,
     "Whether arguments are checked unless validate_args= says otherwise."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {"batch_shape", get_formula, NULL, "The shape of the parameters.", "_batch_shape"},
    {"event_shape", get_formula, NULL, "The shape of one draw.", "_event_shape"},
    {"arg_constraints", get_not_implemented, NULL, "Parameter names and constraints.", NULL},
    {"support", get_not_implemented, NULL, "The constraint that samples satisfy.", NULL},
    {"mean", get_not_implemented, NULL, "The mean.", NULL},
    {"mode", get_mode, NULL, "The likeliest value.", NULL},
    {"variance", get_not_implemented, NULL, "The variance.", NULL},
    {"stddev", get_formula, NULL, "The root of the variance.", "variance.sqrt()"},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_init, base_init},
    {Py_tp_repr, base_repr},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_tp_members,
     (PyMemberDef[]){
         {"__dictoffset__", T_PYSSIZET, offsetof(LawObject, dict), READONLY, NULL},
         {"__weaklistoffset__", T_PYSSIZET, offsetof(LawObject, weakrefs), READONLY, NULL},
         {NULL, 0, 0, 0, NULL}}},
    {Py_tp_traverse, base_traverse},
    {Py_tp_clear, base_clear},
    {Py_tp_dealloc, base_dealloc},
    {0, NULL}};

int law_base_init(PyObject *torch)
{
    PyType_Spec spec = {"torch.distributions.distribution.Distribution", sizeof(LawObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
    PyObject *home = submodule(torch, "distributions.distribution"), *type;

    law_module = submodule(torch, "distributions");
    if (!home || !law_module || module_add_type(home, &spec, NULL, &distribution_type) < 0)
        return -1;
    type = (PyObject *)distribution_type;
    if (PyObject_SetAttrString(type, "has_rsample", Py_False) < 0 ||
        PyObject_SetAttrString(type, "has_enumerate_support", Py_False) < 0 ||
        PyObject_SetAttrString(type, "_validate_args", Py_True) < 0)
        return -1;
    return PyModule_AddObjectRef(law_module, "Distribution", type);
}
