/* The classes of torch.distributions, made from the rows. */
#include "python/law.h"

#include "python/bind.h"
#include "python/law_formula.h"
#include "python/module.h"
#include "python/tensor_type.h"

#include <string.h>

enum { MAX_LAWS = 40 };

static struct law_class {
    const struct law *law;
    PyTypeObject *type;
    int event_dims[LAW_MAX_PARAMS]; /* of the parameters */
    char path[96];
} classes[MAX_LAWS];
static int class_count;

PyObject *law_module;
static PyObject *constraints_module; /* borrowed: it lives as long as the process */

static struct law_class *class_of(PyTypeObject *type)
{
    for (; type; type = type->tp_base)
        for (int i = 0; i < class_count; i++)
            if (classes[i].type == type)
                return &classes[i];
    return NULL;
}

const struct law *law_of(PyObject *self)
{
    const struct law_class *c = class_of(Py_TYPE(self));

    return c ? c->law : NULL;
}

/* ---- construction ---- */

static int parameter_count(const struct law *law)
{
    int count = 0;

    while (count < LAW_MAX_PARAMS && law->params[count].name)
        count++;
    return count;
}

/* Every parameter broadcast against the others. */
static int setup_broadcast(PyObject *self, const struct law *law, PyObject *const *args)
{
    int count = parameter_count(law), status = 0;
    PyObject *tensors = law_broadcast(args, count);

    for (int i = 0; tensors && status == 0 && i < count; i++) {
        PyObject *tensor = PySequence_GetItem(tensors, i);

        status = tensor ? PyObject_SetAttrString(self, law->params[i].name, tensor) : -1;
        Py_XDECREF(tensor);
    }
    Py_XDECREF(tensors);
    return tensors ? status : -1;
}

/* Runs the row's `prepare`: its names become attributes. */
static int prepare(PyObject *self, const struct law *law, PyObject *const *args, PyObject **batch,
                   PyObject **event)
{
    PyObject *locals = PyDict_New(), *given, *name, *value;
    Py_ssize_t at = 0;
    int status = locals ? 0 : -1;

    for (int i = 0; law->flags & LAW_NOT_STORED && status == 0 && i < parameter_count(law); i++)
        status = PyDict_SetItemString(locals, law->params[i].name, args[i]);
    given = status == 0 ? PyDict_Copy(locals) : NULL;
    *batch = given ? formula_value(law->prepare, self, locals) : NULL;
    status = *batch ? 0 : -1;
    while (status == 0 && PyDict_Next(locals, &at, &name, &value)) {
        if (PyUnicode_CompareWithASCIIString(name, "event_shape") == 0)
            *event = Py_NewRef(value);
        else if (!PyDict_Contains(given, name))
            status = PyObject_SetAttr(self, name, value);
    }
    Py_XDECREF(locals);
    Py_XDECREF(given);
    return status;
}

/* batch_shape, and event_shape of its last dimensions, from the first parameter that is there. */
static int shapes_of_parameter(PyObject *self, const struct law_class *c, PyObject **batch,
                               PyObject **event)
{
    PyObject *dict = PyObject_GenericGetDict(self, NULL), *value = NULL, *size;
    int i = 0;

    for (; dict && !value && i < parameter_count(c->law); i++)
        value = PyDict_GetItemString(dict, c->law->params[i].name);
    size = value ? PyObject_CallMethod(value, "size", NULL) : NULL;
    if (size)
        *batch = law_size_without(size, c->event_dims[i - 1]);
    if (*batch)
        *event = c->law->flags & LAW_ONE_EVENT ? law_size_last(size, c->event_dims[i - 1])
                                               : law_size_none();
    Py_XDECREF(dict);
    Py_XDECREF(size);
    return *event ? 0 : -1;
}

static int setup(PyObject *self, const struct law *law, PyObject *const *args, PyObject **batch,
                 PyObject **event)
{
    if (law->setup)
        return law->setup(self, args, batch, event);
    if (!(law->flags & LAW_NOT_STORED) && setup_broadcast(self, law, args) < 0)
        return -1;
    return law->prepare ? prepare(self, law, args, batch, event) : 0;
}

static int fill_defaults(const struct law *law, PyObject **values, PyObject **made)
{
    for (int i = 0; i < parameter_count(law); i++) {
        made[i] = NULL;
        if (values[i] || !law->params[i].fallback)
            continue;
        values[i] = made[i] = formula_value(law->params[i].fallback, NULL, NULL);
        if (!made[i])
            return -1;
    }
    return 0;
}

static int law_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const struct law_class *c = class_of(Py_TYPE(self));
    const struct law *law = c->law;
    int count = parameter_count(law), required = 0, status = -1;
    const char *names[LAW_MAX_PARAMS + 1];
    PyObject *values[LAW_MAX_PARAMS + 1] = {NULL}, *made[LAW_MAX_PARAMS] = {NULL};
    PyObject *batch = NULL, *event = NULL;
    char function[64];
    struct binding binding = {function, names, count + 1, count + 1, 0, 1};

    snprintf(function, sizeof(function), "%s.__init__", law->name);
    for (int i = 0; i < count; i++)
        names[i] = law->params[i].name;
    names[count] = "validate_args";
    while (required < count && !law->params[required].fallback)
        required++;
    binding.required = required;
    if (binding_read(&binding, args, kwargs, values) < 0 || fill_defaults(law, values, made) < 0)
        goto done;
    status = setup(self, law, values, &batch, &event);
    if (status == 0 && !batch)
        status = shapes_of_parameter(self, c, &batch, &event);
    if (status == 0)
        status = law_setup(self, batch, event, values[count]);
    if (status == 0 && law->finish)
        status = law->finish(self, values);
done:
    for (int i = 0; i < count; i++)
        Py_XDECREF(made[i]);
    Py_XDECREF(batch);
    Py_XDECREF(event);
    return status;
}

/* ---- expand() ---- */

static PyObject *expand_parameter(PyObject *value, int event_dims, PyObject *batch)
{
    PyObject *size = PyObject_CallMethod(value, "size", NULL);
    PyObject *last = size ? law_size_last(size, event_dims) : NULL;
    PyObject *shape = last ? PySequence_Concat(batch, last) : NULL;
    PyObject *result = shape ? PyObject_CallMethod(value, "expand", "(O)", shape) : NULL;

    Py_XDECREF(size);
    Py_XDECREF(last);
    Py_XDECREF(shape);
    return result;
}

/* A distribution that this one is made of. */
static PyObject *expand_inner(PyObject *self, const struct law *law, PyObject *value,
                              PyObject *batch)
{
    PyObject *locals = Py_BuildValue("{sOsO}", "value", value, "batch", batch), *result = NULL;

    if (locals)
        result = formula_value(law->inner ? law->inner : "value.expand(batch)", self, locals);
    Py_XDECREF(locals);
    return result;
}

/* A part of __dict__ as the expanded object has it: distributions and parameters expand, all else
 * stays. */
static PyObject *expanded_part(PyObject *self, const struct law_class *c, PyObject *name,
                               PyObject *value, PyObject *batch)
{
    if (PyObject_TypeCheck(value, distribution_type))
        return expand_inner(self, c->law, value, batch);
    for (int i = 0; tensor_check(value) && i < parameter_count(c->law); i++)
        if (PyUnicode_CompareWithASCIIString(name, c->law->params[i].name) == 0)
            return expand_parameter(value, c->event_dims[i], batch);
    return Py_NewRef(value);
}

/* _param is one of the parameters, in the new object too. */
static int share_param(const struct law *law, PyObject *old, PyObject *fresh)
{
    PyObject *param = PyDict_GetItemString(old, "_param");

    for (int i = 0; param && i < parameter_count(law); i++)
        if (PyDict_GetItemString(old, law->params[i].name) == param)
            return PyDict_SetItemString(fresh, "_param",
                                        PyDict_GetItemString(fresh, law->params[i].name));
    return 0;
}

static int expand_into(PyObject *self, PyObject *fresh, PyObject *batch)
{
    const struct law_class *c = class_of(Py_TYPE(self));
    PyObject *old = PyObject_GenericGetDict(self, NULL), *dict, *name, *value;
    Py_ssize_t at = 0;
    int status = 0;

    dict = old ? PyObject_GenericGetDict(fresh, NULL) : NULL;
    while (dict && status == 0 && PyDict_Next(old, &at, &name, &value)) {
        PyObject *part = expanded_part(self, c, name, value, batch);

        status = part ? PyDict_SetItem(dict, name, part) : -1;
        Py_XDECREF(part);
    }
    if (dict && status == 0)
        status = PyDict_SetItemString(dict, "_batch_shape", batch);
    if (dict && status == 0)
        status = share_param(c->law, old, dict);
    Py_XDECREF(old);
    Py_XDECREF(dict);
    return dict ? status : -1;
}

/* A subclass with a constructor of its own must say itself how it is expanded. */
static int check_expands(PyObject *self, const struct law_class *c)
{
    PyObject *own = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "__init__");
    PyObject *ours = PyObject_GetAttrString((PyObject *)c->type, "__init__");
    int same = own && ours ? PyObject_RichCompareBool(own, ours, Py_EQ) : -1;

    Py_XDECREF(own);
    Py_XDECREF(ours);
    if (same == 0)
        PyErr_Format(PyExc_NotImplementedError,
                     "Subclass %s of %s that defines a custom __init__ method must also define a "
                     "custom .expand() method.",
                     _PyType_Name(Py_TYPE(self)), c->law->name);
    return same > 0 ? 0 : -1;
}

static PyObject *law_expand(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"batch_shape", "_instance"};
    static const struct binding binding = {"expand", names, 2, 2, 1, 1};
    PyObject *values[2] = {NULL, Py_None}, *fresh = NULL, *batch = NULL, *none = NULL;

    if (binding_read(&binding, args, kwargs, values) < 0)
        return NULL;
    if (values[1] != Py_None)
        fresh = Py_NewRef(values[1]);
    else if (check_expands(self, class_of(Py_TYPE(self))) == 0 && (none = PyTuple_New(0)))
        fresh = Py_TYPE(self)->tp_new(Py_TYPE(self), none, NULL);
    batch = fresh ? law_size(values[0]) : NULL;
    if (!batch || expand_into(self, fresh, batch) < 0)
        Py_CLEAR(fresh);
    Py_XDECREF(batch);
    Py_XDECREF(none);
    return fresh;
}

/* ---- classes ---- */

static int set_class_value(PyTypeObject *type, const char *name, PyObject *value)
{
    int status = value ? PyObject_SetAttrString((PyObject *)type, name, value) : -1;

    Py_XDECREF(value);
    return status;
}

static int event_dims_of(PyObject *constraint)
{
    PyObject *number = PyObject_GetAttrString(constraint, "event_dim");
    int dims = number ? (int)PyLong_AsLong(number) : -1;

    Py_XDECREF(number);
    return dims;
}

static int add_constraints(struct law_class *c)
{
    PyObject *dict = PyDict_New();

    for (int i = 0; dict && i < parameter_count(c->law); i++) {
        const struct law_param *param = &c->law->params[i];
        PyObject *constraint;

        if (!param->constraint)
            continue;
        constraint = PyObject_GetAttrString(constraints_module, param->constraint);
        c->event_dims[i] = constraint ? event_dims_of(constraint) : -1;
        if (c->event_dims[i] < 0 || PyDict_SetItemString(dict, param->name, constraint) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(constraint);
    }
    return set_class_value(c->type, "arg_constraints", dict);
}

static int add_members(struct law_class *c, struct law_member *support)
{
    const struct law *law = c->law;
    const struct law_member *member = law->members;

    for (; member && member->name; member++)
        if (law_member_add(c->type, member) < 0)
            return -1;
    if (law->flags & LAW_HAS_RSAMPLE &&
        PyObject_SetAttrString((PyObject *)c->type, "has_rsample", Py_True) < 0)
        return -1;
    if (law->flags & LAW_HAS_SUPPORT_LIST &&
        PyObject_SetAttrString((PyObject *)c->type, "has_enumerate_support", Py_True) < 0)
        return -1;
    if (!law->support)
        return 0;
    *support = (struct law_member){LAW_PROPERTY, "support", law->support};
    return law->flags & LAW_SUPPORT_VARIES
               ? law_member_add(c->type, support)
               : set_class_value(c->type, "support",
                                 PyObject_GetAttrString(constraints_module, law->support));
}

/* torch.distributions.normal.Normal, which torch.distributions has as well. */
static int add_law(PyObject *torch, const struct law *law)
{
    static PyMethodDef methods[] = {
        {"expand", (PyCFunction)(void (*)(void))law_expand, METH_VARARGS | METH_KEYWORDS,
         "expand(batch_shape): the distribution with its parameters expanded."},
        {NULL, NULL, 0, NULL}};
    static PyType_Slot slots[] = {{Py_tp_init, law_init}, {Py_tp_methods, methods}, {0, NULL}};
    static struct law_member supports[MAX_LAWS];
    struct law_class *c = &classes[class_count];
    PyType_Spec spec = {c->path, 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    char home_name[64];
    PyObject *home, *base;
    int status;

    assert(class_count < MAX_LAWS);
    c->law = law;
    snprintf(home_name, sizeof(home_name), "distributions.%s", law->file);
    snprintf(c->path, sizeof(c->path), "torch.%s.%s", home_name, law->name);
    home = submodule(torch, home_name);
    base = home ? PyObject_GetAttrString(law_module, law->base) : NULL;
    status = base ? module_add_type(home, &spec, base, &c->type) : -1;
    Py_XDECREF(base);
    if (status < 0)
        return -1;
    class_count++;
    if (add_constraints(c) < 0 || add_members(c, &supports[class_count - 1]) < 0)
        return -1;
    return PyModule_AddObjectRef(law_module, law->name, (PyObject *)c->type);
}

/* A class without members between Distribution and those of the exponential family. */
static int add_family(PyObject *torch)
{
    static PyTypeObject *family;
    PyType_Slot slots[] = {{0, NULL}};
    PyType_Spec spec = {"torch.distributions.exp_family.ExponentialFamily", 0, 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    PyObject *home = submodule(torch, "distributions.exp_family");

    if (!home || module_add_type(home, &spec, (PyObject *)distribution_type, &family) < 0)
        return -1;
    return PyModule_AddObjectRef(law_module, "ExponentialFamily", (PyObject *)family);
}

int distributions_init(PyObject *torch)
{
    static const struct law *const tables[] = {laws_simple, laws_counts, laws_joint};

    constraints_module = submodule(torch, "distributions.constraints");
    if (!constraints_module || law_utils_init(torch) < 0 || formula_init(torch) < 0 ||
        law_constraints_init(torch) < 0 || law_members_init() < 0 || law_base_init(torch) < 0 ||
        add_family(torch) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
        for (const struct law *law = tables[i]; law->name; law++)
            if (add_law(torch, law) < 0)
                return -1;
    return law_kl_init(torch);
}
