/* torch.distributions.constraints: which values a parameter or a sample may have. */
#include "python/law.h"

#include "python/law_formula.h"
#include "python/module.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD PyObject *dict;
} ConstraintObject;

static const struct constraint {
    const char *name;
    const char *params[2];
    const char *check; /* a formula of value and the parameters */
    bool discrete;
    int event_dim;
    bool unnamed; /* repr() shows the parameters without their names, or none */
} kinds[] = {
    {.name = "Constraint"},
    {.name = "_Dependent"},
    {.name = "_IndependentConstraint",
     .params = {"base_constraint", "reinterpreted_batch_ndims"},
     .check = "_sum_rightmost(~base_constraint.check(value), reinterpreted_batch_ndims) == 0",
     .unnamed = true},
    {.name = "_Boolean", .check = "(value == 0) | (value == 1)", .discrete = true},
    {.name = "_OneHot",
     .check = "((value == 0) | (value == 1)).all(-1) & value.sum(-1).eq(1)",
     .discrete = true,
     .event_dim = 1},
    {.name = "_IntegerInterval",
     .params = {"lower_bound", "upper_bound"},
     .check = "(value % 1 == 0) & (lower_bound <= value) & (value <= upper_bound)",
     .discrete = true},
    {.name = "_IntegerLessThan",
     .params = {"upper_bound"},
     .check = "(value % 1 == 0) & (value <= upper_bound)",
     .discrete = true},
    {.name = "_IntegerGreaterThan",
     .params = {"lower_bound"},
     .check = "(value % 1 == 0) & (value >= lower_bound)",
     .discrete = true},
    {.name = "_Real", .check = "value == value"},
    {.name = "_GreaterThan", .params = {"lower_bound"}, .check = "lower_bound < value"},
    {.name = "_GreaterThanEq", .params = {"lower_bound"}, .check = "lower_bound <= value"},
    {.name = "_LessThan", .params = {"upper_bound"}, .check = "value < upper_bound"},
    {.name = "_Interval",
     .params = {"lower_bound", "upper_bound"},
     .check = "(lower_bound <= value) & (value <= upper_bound)"},
    {.name = "_HalfOpenInterval",
     .params = {"lower_bound", "upper_bound"},
     .check = "(lower_bound <= value) & (value < upper_bound)"},
    {.name = "_Simplex",
     .check = "all(value >= 0, dim=-1) & ((value.sum(-1) - 1).abs() < 1e-6)",
     .event_dim = 1},
    {.name = "_Multinomial",
     .params = {"upper_bound"},
     .check = "(value >= 0).all(dim=-1) & (value.sum(dim=-1) <= upper_bound)",
     .discrete = true,
     .event_dim = 1,
     .unnamed = true},
    {.name = "_LowerTriangular",
     .check = "(value.tril() == value).flatten(-2).all(-1)",
     .event_dim = 2},
    {.name = "_LowerCholesky",
     .check = "(value.tril() == value).flatten(-2).all(-1) & "
              "(value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)",
     .event_dim = 2},
    {.name = "_Symmetric",
     .check = "isclose(value, value.mT, atol=1e-6).all(-2).all(-1)",
     .event_dim = 2},
    {.name = "_PositiveSemidefinite",
     .check = "isclose(value, value.mT, atol=1e-6).all(-2).all(-1) & "
              "torch.linalg.eigvalsh(value).ge(0).all(-1)",
     .event_dim = 2},
    {.name = "_PositiveDefinite",
     .check = "isclose(value, value.mT, atol=1e-6).all(-2).all(-1) & "
              "torch.linalg.cholesky_ex(value).info.eq(0)",
     .event_dim = 2},
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds), DEPENDENT = 1, INDEPENDENT = 2 };

static PyTypeObject *types[KINDS];

static const struct constraint *kind_of(PyTypeObject *type)
{
    for (; type; type = type->tp_base)
        for (int i = 0; i < KINDS; i++)
            if (types[i] == type)
                return &kinds[i];
    return kinds;
}

static int parameter_count(const struct constraint *kind)
{
    return kind->params[0] ? kind->params[1] ? 2 : 1 : 0;
}

static int constraint_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const struct constraint *kind = kind_of(Py_TYPE(self));
    static char *names[] = {"is_discrete", "event_dim", NULL};
    PyObject *values[2] = {NULL, NULL};
    int count = parameter_count(kind);

    if (kind == &kinds[DEPENDENT]) {
        if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OO:_Dependent", names, &values[0],
                                         &values[1]))
            return -1;
    } else if (PyTuple_GET_SIZE(args) != count || (kwargs && PyDict_GET_SIZE(kwargs))) {
        PyErr_Format(PyExc_TypeError,
                     "%s.__init__() takes %d positional arguments but %zd were given", kind->name,
                     count + 1, PyTuple_GET_SIZE(args) + 1);
        return -1;
    }
    for (int i = 0; i < count; i++)
        if (PyObject_SetAttrString(self, kind->params[i], PyTuple_GET_ITEM(args, i)) < 0)
            return -1;
    return 0;
}

static PyObject *constraint_check(PyObject *self, PyObject *value)
{
    const struct constraint *kind = kind_of(Py_TYPE(self));
    PyObject *locals, *result;

    if (!kind->check) {
        if (kind == &kinds[DEPENDENT])
            PyErr_SetString(PyExc_ValueError, "Cannot determine validity of dependent constraint");
        else
            PyErr_SetNone(PyExc_NotImplementedError);
        return NULL;
    }
    locals = Py_BuildValue("{sO}", "value", value);
    result = locals ? formula_value(kind->check, self, locals) : NULL;
    Py_XDECREF(locals);
    return result;
}

/* GreaterThan(lower_bound=0.0): the class without its underscore. */
static PyObject *constraint_repr(PyObject *self)
{
    const struct constraint *kind = kind_of(Py_TYPE(self));
    PyObject *text = PyUnicode_FromFormat("%s(", _PyType_Name(Py_TYPE(self)) + 1);
    int count = kind->unnamed && kind != &kinds[INDEPENDENT] ? 0 : parameter_count(kind);

    for (int i = 0; text && i < count; i++) {
        PyObject *value = PyObject_GetAttrString(self, kind->params[i]);
        PyObject *shown = value ? PyObject_Format(value, NULL) : NULL;

        PyUnicode_AppendAndDel(&text,
                               shown ? PyUnicode_FromFormat("%s%s%s%U", i ? ", " : "",
                                                            kind->unnamed ? "" : kind->params[i],
                                                            kind->unnamed ? "" : "=", shown)
                                     : NULL);
        Py_XDECREF(value);
        Py_XDECREF(shown);
    }
    PyUnicode_AppendAndDel(&text, PyUnicode_FromString(")"));
    return text;
}

static PyObject *get_discrete(PyObject *self, void *unused)
{
    (void)unused;
    if (kind_of(Py_TYPE(self)) == &kinds[INDEPENDENT])
        return formula_value("base_constraint.is_discrete", self, NULL);
    return PyBool_FromLong(kind_of(Py_TYPE(self))->discrete);
}

static PyObject *get_event_dim(PyObject *self, void *unused)
{
    (void)unused;
    if (kind_of(Py_TYPE(self)) == &kinds[INDEPENDENT])
        return formula_value("base_constraint.event_dim + reinterpreted_batch_ndims", self, NULL);
    return PyLong_FromLong(kind_of(Py_TYPE(self))->event_dim);
}

static int constraint_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((ConstraintObject *)self)->dict);
    return 0;
}

static int constraint_clear(PyObject *self)
{
    Py_CLEAR(((ConstraintObject *)self)->dict);
    return 0;
}

static void constraint_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    constraint_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static int add_kind(PyObject *module, int index)
{
    static PyMethodDef methods[] = {
        {"check", constraint_check, METH_O, "check(value): a tensor of bools, one for each event."},
        {NULL, NULL, 0, NULL}};
    static PyMemberDef members[] = {
        {"__dictoffset__", T_PYSSIZET, offsetof(ConstraintObject, dict), READONLY, NULL},
        {NULL, 0, 0, 0, NULL}};
    static PyGetSetDef getset[] = {
        {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
        {"is_discrete", get_discrete, NULL, "Whether it holds whole numbers alone.", NULL},
        {"event_dim", get_event_dim, NULL, "How many dimensions one event has.", NULL},
        {NULL, NULL, NULL, NULL, NULL}};
    static PyType_Slot slots[] = {{Py_tp_init, constraint_init},
                                  {Py_tp_repr, constraint_repr},
                                  {Py_tp_methods, methods},
                                  {Py_tp_members, members},
                                  {Py_tp_getset, getset},
                                  {Py_tp_traverse, constraint_traverse},
                                  {Py_tp_clear, constraint_clear},
                                  {Py_tp_dealloc, constraint_dealloc},
                                  {0, NULL}};
    static char paths[KINDS][80]; /* types keep their names */
    PyType_Spec spec = {paths[index], sizeof(ConstraintObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};

    snprintf(paths[index], sizeof(paths[index]), "torch.distributions.constraints.%s",
             kinds[index].name);
    if (index == 0)
        return module_add_type(module, &spec, NULL, &types[0]);
    spec.slots = (PyType_Slot[]){{0, NULL}}; /* all inherited */
    spec.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
    return module_add_type(module, &spec, (PyObject *)types[0], &types[index]);
}

bool law_constraint_is_dependent(PyObject *constraint)
{
    return PyObject_TypeCheck(constraint, types[DEPENDENT]) ||
           PyObject_TypeCheck(constraint, &PyProperty_Type);
}

static PyObject *is_dependent(PyObject *Py_UNUSED(module), PyObject *constraint)
{
    return PyBool_FromLong(law_constraint_is_dependent(constraint));
}

/* A decorator, with or without the facts about the constraint. */
static PyObject *dependent_property(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"fn", "is_discrete", "event_dim", NULL};
    PyObject *function = NULL, *discrete, *event_dim;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$OO:dependent_property", names, &function,
                                     &discrete, &event_dim))
        return NULL;
    return function ? PyObject_CallOneArg((PyObject *)&PyProperty_Type, function)
                    : Py_NewRef((PyObject *)&PyProperty_Type);
}

/* The names that programs use: classes under plain names, and constraints ready made. */
static int add_names(PyObject *module)
{
    static const struct {
        const char *name, *formula;
        bool is_class;
    } rows[] = {
        {"independent", "_IndependentConstraint", true},
        {"integer_interval", "_IntegerInterval", true},
        {"greater_than", "_GreaterThan", true},
        {"greater_than_eq", "_GreaterThanEq", true},
        {"less_than", "_LessThan", true},
        {"multinomial", "_Multinomial", true},
        {"interval", "_Interval", true},
        {"half_open_interval", "_HalfOpenInterval", true},
        {"dependent", "_Dependent()", false},
        {"boolean", "_Boolean()", false},
        {"one_hot", "_OneHot()", false},
        {"nonnegative_integer", "_IntegerGreaterThan(0)", false},
        {"positive_integer", "_IntegerGreaterThan(1)", false},
        {"real", "_Real()", false},
        {"real_vector", "independent(_Real(), 1)", false},
        {"_positive_vector", "independent(_GreaterThan(0.0), 1)", false},
        {"positive", "_GreaterThan(0.0)", false},
        {"nonnegative", "_GreaterThanEq(0.0)", false},
        {"unit_interval", "_Interval(0.0, 1.0)", false},
        {"simplex", "_Simplex()", false},
        {"lower_triangular", "_LowerTriangular()", false},
        {"lower_cholesky", "_LowerCholesky()", false},
        {"symmetric", "_Symmetric()", false},
        {"positive_semidefinite", "_PositiveSemidefinite()", false},
        {"positive_definite", "_PositiveDefinite()", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        PyObject *value = rows[i].is_class ? PyObject_GetAttrString(module, rows[i].formula)
                                           : formula_value(rows[i].formula, NULL, NULL);
        int status = value ? PyModule_AddObjectRef(module, rows[i].name, value) : -1;

        Py_XDECREF(value);
        if (status < 0)
            return -1;
    }
    return 0;
}

int law_constraints_init(PyObject *torch)
{
    static PyMethodDef functions[] = {
        {"is_dependent", is_dependent, METH_O, "Whether it can be checked for an object alone."},
        {"dependent_property", (PyCFunction)(void (*)(void))dependent_property,
         METH_VARARGS | METH_KEYWORDS, "A property that is a constraint of its object."},
        {NULL, NULL, 0, NULL}};
    PyObject *module = submodule(torch, "distributions.constraints");

    if (!module || PyModule_AddFunctions(module, functions) < 0)
        return -1;
    for (int i = 0; i < KINDS; i++)
        if (add_kind(module, i) < 0)
            return -1;
    return add_names(module);
}
