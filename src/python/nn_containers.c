/*
 * Sequential and ModuleList: modules that hold others.
 */
#include "python/nn_containers.h"

#include "python/module.h"
#include "python/nn_layers.h"

#include <string.h>

static PyTypeObject *sequential_type, *module_list_type;

/* ---- what Sequential and ModuleList share: children named "0", "1" ... ---- */

static PyObject *modules_of(PyObject *self)
{
    return module_part(self, nn_names._modules);
}

Py_ssize_t container_length(PyObject *self)
{
    PyObject *modules = modules_of(self);

    return modules ? PyDict_GET_SIZE(modules) : -1;
}

static int add_numbered(PyObject *self, Py_ssize_t number, PyObject *module)
{
    PyObject *name = PyUnicode_FromFormat("%zd", number);
    int status = name ? module_add(self, name, module) : -1;

    Py_XDECREF(name);
    return status;
}

static int append_module(PyObject *self, PyObject *module)
{
    Py_ssize_t length = container_length(self);

    return length < 0 ? -1 : add_numbered(self, length, module);
}

static PyObject *append(PyObject *self, PyObject *module)
{
    return append_module(self, module) < 0 ? NULL : Py_NewRef(self);
}

/* Appends all modules of an iterable. */
static int extend_with(PyObject *self, PyObject *modules)
{
    PyObject *list = PySequence_List(modules);
    int status = list ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++)
        status = append_module(self, PyList_GET_ITEM(list, i));
    Py_XDECREF(list);
    return status;
}

static PyObject *extend(PyObject *self, PyObject *modules)
{
    return extend_with(self, modules) < 0 ? NULL : Py_NewRef(self);
}

/* ModuleList's, which says what was wrong with the argument. */
static PyObject *list_extend(PyObject *self, PyObject *modules)
{
    PyObject *iterator = PyObject_GetIter(modules);

    if (!iterator && PyErr_ExceptionMatches(PyExc_TypeError))
        PyErr_Format(PyExc_TypeError,
                     "ModuleList.extend should be called with an iterable, but got "
                     "%s",
                     _PyType_Name(Py_TYPE(modules)));
    if (!iterator)
        return NULL;
    Py_DECREF(iterator);
    return extend(self, modules);
}

int container_index(PyObject *index, Py_ssize_t length, Py_ssize_t *out)
{
    Py_ssize_t i = PyNumber_AsSsize_t(index, PyExc_IndexError);

    if (i == -1 && PyErr_Occurred())
        return -1;
    if (i < -length || i >= length) {
        PyErr_Format(PyExc_IndexError, "index %zd is out of range", i);
        return -1;
    }
    *out = i < 0 ? i + length : i;
    return 0;
}

/* The name of the index-th child, a new reference. */
static PyObject *name_at(PyObject *self, PyObject *index)
{
    PyObject *modules = modules_of(self);
    PyObject *names = modules ? PyDict_Keys(modules) : NULL, *name = NULL;
    Py_ssize_t i;

    if (names && container_index(index, PyList_GET_SIZE(names), &i) == 0)
        name = Py_NewRef(PyList_GET_ITEM(names, i));
    Py_XDECREF(names);
    return name;
}

/* An object of the same class that holds the slice. */
static PyObject *slice_of(PyObject *self, PyObject *slice)
{
    PyObject *modules = modules_of(self), *items, *part, *argument, *made;
    bool named = PyObject_TypeCheck(self, sequential_type);

    items = !modules ? NULL : named ? PyDict_Items(modules) : PyDict_Values(modules);
    part = items ? PyObject_GetItem(items, slice) : NULL;
    argument = !part   ? NULL
               : named ? PyObject_CallOneArg((PyObject *)&PyODict_Type, part)
                       : Py_NewRef(part);
    made = argument ? PyObject_CallOneArg((PyObject *)Py_TYPE(self), argument) : NULL;
    Py_XDECREF(items);
    Py_XDECREF(part);
    Py_XDECREF(argument);
    return made;
}

static PyObject *get_item(PyObject *self, PyObject *index)
{
    PyObject *name, *found;

    if (PySlice_Check(index))
        return slice_of(self, index);
    name = name_at(self, index);
    found = name ? Py_XNewRef(PyDict_GetItemWithError(modules_of(self), name)) : NULL;
    Py_XDECREF(name);
    return found;
}

/* Names the children "0", "1" ... again. */
static int renumber(PyObject *self)
{
    PyObject *modules = modules_of(self), *fresh = PyODict_New();
    PyObject *values = modules ? PyDict_Values(modules) : NULL;
    int status = values && fresh ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(values); i++) {
        PyObject *name = PyUnicode_FromFormat("%zd", i);

        status = name ? PyObject_SetItem(fresh, name, PyList_GET_ITEM(values, i)) : -1;
        Py_XDECREF(name);
    }
    if (status == 0)
        status = PyObject_SetAttr(self, nn_names._modules, fresh);
    Py_XDECREF(values);
    Py_XDECREF(fresh);
    return status;
}

static int delete_slice(PyObject *self, PyObject *slice)
{
    PyObject *names = PyDict_Keys(modules_of(self));
    PyObject *part = names ? PyObject_GetItem(names, slice) : NULL;
    int status = part ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(part); i++)
        status = PyObject_DelItem(modules_of(self), PyList_GET_ITEM(part, i));
    Py_XDECREF(names);
    Py_XDECREF(part);
    return status;
}

static int set_item(PyObject *self, PyObject *index, PyObject *module)
{
    PyObject *name;
    int status;

    if (!modules_of(self))
        return -1;
    if (!module && PySlice_Check(index))
        return delete_slice(self, index) < 0 ? -1 : renumber(self);
    name = name_at(self, index);
    if (!name)
        return -1;
    status =
        module ? PyObject_SetAttr(self, name, module) : PyObject_DelItem(modules_of(self), name);
    Py_DECREF(name);
    return status < 0 || module ? status : renumber(self);
}

static PyObject *pop(PyObject *self, PyObject *index)
{
    PyObject *found = PyObject_GetItem(self, index);

    if (found && PyObject_DelItem(self, index) < 0)
        Py_CLEAR(found);
    return found;
}

static PyObject *insert(PyObject *self, PyObject *args)
{
    PyObject *module, *list, *values, *fresh;
    Py_ssize_t at, length;
    int status = -1;

    if (!PyArg_ParseTuple(args, "nO:insert", &at, &module))
        return NULL;
    length = container_length(self);
    if (length < 0)
        return NULL;
    if (!module_check(module))
        return PyErr_Format(PyExc_AssertionError, "module should be of type: %R", nn_module_type);
    if (at < -length || at > length)
        return PyErr_Format(PyExc_IndexError, "Index out of range: %zd", at);
    values = PyDict_Values(modules_of(self));
    list = values;
    fresh =
        list && PyList_Insert(list, at < 0 ? at + length : at, module) == 0 ? PyODict_New() : NULL;
    if (fresh && PyObject_SetAttr(self, nn_names._modules, fresh) == 0)
        status = extend_with(self, list);
    Py_XDECREF(values);
    Py_XDECREF(fresh);
    return status < 0 ? NULL : Py_NewRef(self);
}

static PyObject *iterate(PyObject *self)
{
    PyObject *modules = modules_of(self);
    PyObject *values = modules ? PyDict_Values(modules) : NULL;
    PyObject *iterator = values ? PyObject_GetIter(values) : NULL;

    Py_XDECREF(values);
    return iterator;
}

/* ValueError: add operator supports only objects of Sequential class. */
static PyObject *refuse_to_add(PyObject *other)
{
    return PyErr_Format(PyExc_ValueError,
                        "add operator supports only objects of Sequential class, but %S is given.",
                        Py_TYPE(other));
}

static PyObject *add_in_place(PyObject *self, PyObject *other)
{
    if (!PyObject_TypeCheck(self, sequential_type))
        return list_extend(self, other);
    return PyObject_TypeCheck(other, sequential_type) ? extend(self, other) : refuse_to_add(other);
}

/* A new container of the modules of both. */
static PyObject *add(PyObject *self, PyObject *other)
{
    PyTypeObject *type = module_check(self) && PyObject_TypeCheck(self, sequential_type)
                             ? sequential_type
                             : module_list_type;
    PyObject *made;

    if (!PyObject_TypeCheck(self, type))
        Py_RETURN_NOTIMPLEMENTED;
    if (type == sequential_type && !PyObject_TypeCheck(other, type))
        return refuse_to_add(other);
    made = PyObject_CallNoArgs((PyObject *)type);
    if (made && (extend_with(made, self) < 0 || extend_with(made, other) < 0))
        Py_CLEAR(made);
    return made;
}

/* ---- Sequential ---- */

/* Appends `modules` (a list) to the Sequential so many times. 0 or -1. */
static int append_times(PyObject *self, PyObject *modules, long long times)
{
    int status = 0;

    for (long long k = 0; status == 0 && k < times; k++)
        status = extend_with(self, modules);
    return status;
}

/* The factor of a product with a Sequential, which is the first or the second operand; -1 with an
 * exception. */
static long long read_factor(PyObject *sequential, PyObject *factor)
{
    long long times;

    if (!PyLong_Check(factor)) {
        PyErr_Format(PyExc_TypeError, "unsupported operand type(s) for *: %S and %S",
                     Py_TYPE(sequential), Py_TYPE(factor));
        return -1;
    }
    times = PyLong_AsLongLong(factor);
    if (times <= 0 && !PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "Non-positive multiplication factor %S for %S", factor,
                     Py_TYPE(sequential));
    return times <= 0 ? -1 : times;
}

static PyObject *multiply(PyObject *a, PyObject *b)
{
    bool left = PyObject_TypeCheck(a, sequential_type);
    PyObject *self = left ? a : b, *made = NULL;
    long long times = read_factor(self, left ? b : a);
    PyObject *modules = times > 0 ? PySequence_List(self) : NULL;

    if (modules)
        made = PyObject_CallNoArgs((PyObject *)sequential_type);
    if (made && append_times(made, modules, times) < 0)
        Py_CLEAR(made);
    Py_XDECREF(modules);
    return made;
}

static PyObject *multiply_in_place(PyObject *self, PyObject *factor)
{
    long long times = read_factor(self, factor);
    PyObject *modules = times > 0 ? PySequence_List(self) : NULL;
    int status = modules ? append_times(self, modules, times - 1) : -1;

    Py_XDECREF(modules);
    return status < 0 ? NULL : Py_NewRef(self);
}

static int sequential_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    PyObject *only = PyTuple_GET_SIZE(args) == 1 ? PyTuple_GET_ITEM(args, 0) : NULL;
    PyObject *name, *module;
    Py_ssize_t at = 0;
    int status = 0;

    if (keywords && PyDict_GET_SIZE(keywords)) {
        PyErr_SetString(PyExc_TypeError,
                        "Sequential.__init__() takes modules, or one OrderedDict of them");
        return -1;
    }
    if (module_setup(self) < 0)
        return -1;
    if (only && PyODict_Check(only)) {
        while (status == 0 && PyDict_Next(only, &at, &name, &module))
            status = module_add(self, name, module);
        return status;
    }
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(args); i++)
        status = add_numbered(self, i, PyTuple_GET_ITEM(args, i));
    return status;
}

/* input through all modules, in turn. */
static PyObject *run_modules(PyObject *self, PyObject *input)
{
    PyObject *modules = modules_of(self), *name, *module;
    PyObject *x = modules ? Py_NewRef(input) : NULL;
    Py_ssize_t at = 0, size = modules ? PyDict_GET_SIZE(modules) : 0;

    Py_XINCREF(modules);
    while (x && PyDict_Next(modules, &at, &name, &module)) {
        Py_INCREF(module);
        Py_SETREF(x, PyObject_CallOneArg(module, x));
        Py_DECREF(module);
        if (x && PyDict_GET_SIZE(modules) != size) {
            PyErr_SetString(PyExc_RuntimeError, "Sequential changed while it ran");
            Py_CLEAR(x);
        }
    }
    Py_XDECREF(modules);
    return x;
}

static PyObject *sequential_forward(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                    PyObject *names)
{
    static struct schema schema;
    PyObject *input;

    if (count == 1 && !names)
        return run_modules(self, args[0]);
    if (schema.count == 0)
        schema_parse(&schema, "(Tensor input)");
    if (bind_arguments("Sequential.forward", &schema, &(struct python_call){args, count, names},
                       &input) < 0)
        return NULL;
    return run_modules(self, input);
}

#define LIST_SLOTS                                                                                 \
    {Py_mp_length, container_length}, {Py_mp_subscript, get_item},                                 \
        {Py_mp_ass_subscript, set_item}, {Py_tp_iter, iterate}, {Py_nb_add, add},                  \
    {                                                                                              \
        Py_nb_inplace_add, add_in_place                                                            \
    }
#define LIST_METHODS(extend)                                                                       \
    {"append", append, METH_O, "append(module): adds a module at the end."},                       \
        {"extend", extend, METH_O, "extend(modules): adds several."},                              \
        {"insert", insert, METH_VARARGS, "insert(index, module)"},                                 \
    {                                                                                              \
        "pop", pop, METH_O, "pop(index): takes a module out."                                      \
    }

static PyMethodDef sequential_methods[] = {
    {"forward", WITH_FASTCALL(sequential_forward), "The input through all modules in turn."},
    LIST_METHODS(extend),
    {NULL, NULL, 0, NULL},
};

/* ---- ModuleList ---- */

static int module_list_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"modules", NULL};
    PyObject *modules = Py_None, *done = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:ModuleList", names, &modules) ||
        module_setup(self) < 0)
        return -1;
    if (modules == Py_None)
        return 0;
    done = list_extend(self, modules);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyMethodDef module_list_methods[] = {LIST_METHODS(list_extend), {NULL, NULL, 0, NULL}};

/* ---- the types ---- */

int container_add_type(PyObject *torch, const char *name, PyType_Slot *slots, PyTypeObject **type)
{
    return module_add_class(torch, "container", name, slots, nn_module_type, type);
}

int containers_init(PyObject *torch)
{
    PyType_Slot sequential[] = {
        {Py_tp_doc, "Sequential(*modules)\n--\n\nModules one after the other; also of an "
                    "OrderedDict, which names them."},
        {Py_tp_init, sequential_init},
        {Py_tp_methods, sequential_methods},
        {Py_nb_multiply, multiply},
        {Py_nb_inplace_multiply, multiply_in_place},
        LIST_SLOTS,
        {0, NULL},
    };
    PyType_Slot list[] = {
        {Py_tp_doc, "ModuleList(modules=None)\n--\n\nA list of modules whose parameters count as "
                    "those of the module that holds it."},
        {Py_tp_init, module_list_init},
        {Py_tp_methods, module_list_methods},
        LIST_SLOTS,
        {0, NULL},
    };
    if (container_add_type(torch, "Sequential", sequential, &sequential_type) < 0 ||
        container_add_type(torch, "ModuleList", list, &module_list_type) < 0 ||
        module_dict_init(torch) < 0)
        return -1;
    return parameter_containers_init(torch);
}
