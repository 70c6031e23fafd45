/*
 * Members of distributions: functions, properties and values computed once whose bodies are
 * formulas.
 */
#include "python/law.h"

#include "autograd/autograd.h"
#include "python/bind.h"
#include "python/law_formula.h"
#include "python/module.h"

typedef struct {
    PyObject_HEAD const struct law_member *member;
} MemberObject;

static PyTypeObject *function_type, *lazy_type;

/* ---- calls ---- */

/* The dict of names that a formula sees: the argument, and what is made of it. */
static PyObject *locals_of(const struct law_member *member, PyObject *self, PyObject *argument)
{
    PyObject *locals = PyDict_New(), *shape = NULL, *size = NULL;

    if (!locals || !argument)
        return locals;
    if (member->kind == LAW_SAMPLE || member->kind == LAW_RSAMPLE) {
        size = law_size(argument);
        shape = size ? law_extended_shape(self, size) : NULL;
        if (!shape || PyDict_SetItemString(locals, "shape", shape) < 0 ||
            PyDict_SetItemString(locals, "sample_shape", size) < 0)
            Py_CLEAR(locals);
        Py_XDECREF(shape);
        Py_XDECREF(size);
        return locals;
    }
    if ((member->kind == LAW_VALUE && law_validate(self, argument) < 0) ||
        PyDict_SetItemString(locals, "value", argument) < 0)
        Py_CLEAR(locals);
    return locals;
}

#define ALIGNED "values.view(Size([-1]) + Size([1]) * _batch_shape.__len__() + _event_shape)"

/* The values of events, one each along dimension 0: beside each batch, or repeated for all. */
static PyObject *expanded(PyObject *self, PyObject *values, PyObject *expand)
{
    int wanted = PyObject_IsTrue(expand);
    PyObject *locals = values && wanted >= 0 ? Py_BuildValue("{sO}", "values", values) : NULL;
    PyObject *result = NULL;

    if (locals)
        result = formula_value(wanted ? ALIGNED ".expand(Size([-1]) + _batch_shape + _event_shape)"
                                      : ALIGNED,
                               self, locals);
    Py_XDECREF(locals);
    Py_XDECREF(values);
    return result;
}

static PyObject *member_value(const struct law_member *member, PyObject *self, PyObject *argument)
{
    bool recording = member->kind == LAW_SAMPLE ? grad_set_enabled(false)
                     : member->kind == LAW_LAZY ? grad_set_enabled(true)
                                                : grad_enabled();
    PyObject *locals = locals_of(member, self, argument);
    PyObject *result = locals ? formula_value(member->formula, self, locals) : NULL;

    if (member->kind == LAW_EXPANDED)
        result = expanded(self, result, argument);
    grad_set_enabled(recording);
    Py_XDECREF(locals);
    return result;
}

static PyObject *function_call(PyObject *callee, PyObject *args, PyObject *kwargs)
{
    static const char *const names[][2] = {[LAW_PROPERTY] = {"self", NULL},
                                           [LAW_LAZY] = {"self", NULL},
                                           [LAW_SAMPLE] = {"self", "sample_shape"},
                                           [LAW_RSAMPLE] = {"self", "sample_shape"},
                                           [LAW_VALUE] = {"self", "value"},
                                           [LAW_UNCHECKED] = {"self", "value"},
                                           [LAW_PLAIN] = {"self", NULL},
                                           [LAW_EXPANDED] = {"self", "expand"}};
    const struct law_member *member = ((MemberObject *)callee)->member;
    enum law_kind kind = member->kind;
    int count = names[kind][1] ? 2 : 1;
    bool optional = kind == LAW_SAMPLE || kind == LAW_RSAMPLE || kind == LAW_EXPANDED;
    struct binding binding = {.function = member->name,
                              .names = names[kind],
                              .count = count,
                              .positional = count,
                              .required = optional ? 1 : count};
    PyObject *values[2] = {NULL, NULL}, *empty = NULL, *result;

    if (binding_read(&binding, args, kwargs, values) < 0)
        return NULL;
    if (optional && !values[1])
        values[1] = empty = kind == LAW_EXPANDED ? Py_NewRef(Py_True) : PyTuple_New(0);
    result = optional && !values[1] ? NULL : member_value(member, values[0], values[1]);
    Py_XDECREF(empty);
    return result;
}

/* ---- the objects in the class ---- */

static PyObject *function_get(PyObject *self, PyObject *object, PyObject *Py_UNUSED(type))
{
    return object && object != Py_None ? PyMethod_New(self, object) : Py_NewRef(self);
}

static PyObject *lazy_get(PyObject *self, PyObject *object, PyObject *Py_UNUSED(type))
{
    const struct law_member *member = ((MemberObject *)self)->member;
    PyObject *value;

    if (!object || object == Py_None)
        return Py_NewRef(self);
    value = member_value(member, object, NULL);
    if (value && PyObject_SetAttrString(object, member->name, value) < 0)
        Py_CLEAR(value);
    return value;
}

static PyObject *get_name(PyObject *self, void *Py_UNUSED(unused))
{
    return PyUnicode_FromString(((MemberObject *)self)->member->name);
}

static void member_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_Free(self);
    Py_DECREF(type);
}

int law_member_add(PyTypeObject *type, const struct law_member *member)
{
    PyTypeObject *of = member->kind == LAW_LAZY ? lazy_type : function_type;
    MemberObject *made = PyObject_New(MemberObject, of);
    PyObject *object = (PyObject *)made;
    int status;

    if (!made)
        return -1;
    made->member = member;
    if (member->kind == LAW_PROPERTY)
        Py_SETREF(object, PyObject_CallOneArg((PyObject *)&PyProperty_Type, object));
    status = object ? PyObject_SetAttrString((PyObject *)type, member->name, object) : -1;
    Py_XDECREF(object);
    return status;
}

bool law_member_is_lazy(PyTypeObject *type, PyObject *name)
{
    PyObject *found = _PyType_Lookup(type, name);

    return found && Py_IS_TYPE(found, lazy_type);
}

int law_members_init(void)
{
    static PyGetSetDef getset[] = {{"__name__", get_name, NULL, NULL, NULL},
                                   {NULL, NULL, NULL, NULL, NULL}};
    static PyType_Slot function_slots[] = {{Py_tp_call, function_call},
                                           {Py_tp_descr_get, function_get},
                                           {Py_tp_getset, getset},
                                           {Py_tp_dealloc, member_dealloc},
                                           {0, NULL}};
    static PyType_Slot lazy_slots[] = {{Py_tp_descr_get, lazy_get},
                                       {Py_tp_getset, getset},
                                       {Py_tp_dealloc, member_dealloc},
                                       {0, NULL}};
    unsigned flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION;
    PyType_Spec function_spec = {"torch.distributions.utils.member", sizeof(MemberObject), 0, flags,
                                 function_slots};
    PyType_Spec lazy_spec = {"torch.distributions.utils.lazy_member", sizeof(MemberObject), 0,
                             flags, lazy_slots};

    function_type = (PyTypeObject *)PyType_FromSpec(&function_spec);
    lazy_type = (PyTypeObject *)PyType_FromSpec(&lazy_spec);
    return function_type && lazy_type ? 0 : -1;
}
