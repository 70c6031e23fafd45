/*
 * ModuleDict: modules by name.
 */
#include "python/nn_containers.h"

static int dict_set(PyObject *self, PyObject *name, PyObject *module)
{
    PyObject *modules = module_part(self, nn_names._modules);

    if (!modules)
        return -1;
    return module ? module_add(self, name, module) : PyObject_DelItem(modules, name);
}

static PyObject *dict_get(PyObject *self, PyObject *name)
{
    PyObject *modules = module_part(self, nn_names._modules);

    return modules ? PyObject_GetItem(modules, name) : NULL;
}

static int dict_contains(PyObject *self, PyObject *name)
{
    PyObject *modules = module_part(self, nn_names._modules);

    return modules ? PyDict_Contains(modules, name) : -1;
}

static PyObject *dict_iterate(PyObject *self)
{
    PyObject *modules = module_part(self, nn_names._modules);

    return modules ? PyObject_GetIter(modules) : NULL;
}

/* (key, value) of an element of a sequence. */
static int dict_set_pair(PyObject *self, Py_ssize_t i, PyObject *pair)
{
    PyObject *fast = PySequence_Fast(pair, "");
    int status = -1;

    if (!fast) {
        PyErr_Format(PyExc_TypeError, "%s update sequence element #%zd should be Iterable; is%s",
                     _PyType_Name(Py_TYPE(self)), i, _PyType_Name(Py_TYPE(pair)));
        return -1;
    }
    if (PySequence_Fast_GET_SIZE(fast) == 2)
        status = PyObject_SetItem(self, PySequence_Fast_GET_ITEM(fast, 0),
                                  PySequence_Fast_GET_ITEM(fast, 1));
    else
        PyErr_Format(PyExc_ValueError,
                     "%s update sequence element #%zd has length %zd; 2 is required",
                     _PyType_Name(Py_TYPE(self)), i, PySequence_Fast_GET_SIZE(fast));
    Py_DECREF(fast);
    return status;
}

int container_update(PyObject *self, PyObject *source, const char *name)
{
    PyObject *items, *list;
    int status;

    if (PyObject_HasAttrString(source, "items"))
        items = PyObject_CallMethod(source, "items", NULL);
    else
        items = Py_NewRef(source);
    list = items ? PySequence_List(items) : NULL;
    status = list ? 0 : -1;
    if (items && !list && PyErr_ExceptionMatches(PyExc_TypeError))
        PyErr_Format(PyExc_TypeError,
                     "%s.update should be called with an iterable of key/value pairs, but got %s",
                     name, _PyType_Name(Py_TYPE(source)));
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++)
        status = dict_set_pair(self, i, PyList_GET_ITEM(list, i));
    Py_XDECREF(items);
    Py_XDECREF(list);
    return status;
}

static PyObject *dict_pop(PyObject *self, PyObject *name)
{
    PyObject *found = dict_get(self, name);

    if (found && dict_set(self, name, NULL) < 0)
        Py_CLEAR(found);
    return found;
}

static PyObject *dict_update(PyObject *self, PyObject *source)
{
    return container_update(self, source, "ModuleDict") < 0 ? NULL : Py_NewRef(Py_None);
}

static int dict_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"modules", NULL};
    PyObject *modules = Py_None;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:ModuleDict", names, &modules) ||
        module_setup(self) < 0)
        return -1;
    return modules == Py_None ? 0 : container_update(self, modules, "ModuleDict");
}

/* keys(), values() and items() are those of the dict of children, live views. */
static PyObject *call_on_modules(PyObject *self, const char *method)
{
    PyObject *modules = module_part(self, nn_names._modules);

    return modules ? PyObject_CallMethod(modules, method, NULL) : NULL;
}

static PyObject *dict_keys(PyObject *self, PyObject *Py_UNUSED(none))
{
    return call_on_modules(self, "keys");
}

static PyObject *dict_values(PyObject *self, PyObject *Py_UNUSED(none))
{
    return call_on_modules(self, "values");
}

static PyObject *dict_items(PyObject *self, PyObject *Py_UNUSED(none))
{
    return call_on_modules(self, "items");
}

static PyObject *dict_clear(PyObject *self, PyObject *Py_UNUSED(none))
{
    return call_on_modules(self, "clear");
}

static PyMethodDef module_dict_methods[] = {
    {"keys", dict_keys, METH_NOARGS, NULL},
    {"values", dict_values, METH_NOARGS, NULL},
    {"items", dict_items, METH_NOARGS, NULL},
    {"clear", dict_clear, METH_NOARGS, NULL},
    {"pop", dict_pop, METH_O, NULL},
    {"update", dict_update, METH_O, "update(modules): adds those of a dict or of pairs."},
    {NULL, NULL, 0, NULL},
};

int module_dict_init(PyObject *torch)
{
    static PyTypeObject *type;
    PyType_Slot slots[] = {
        {Py_tp_doc, "ModuleDict(modules=None)\n--\n\nA dict of modules whose parameters count as "
                    "those of the module that holds it."},
        {Py_tp_init, dict_init},
        {Py_tp_methods, module_dict_methods},
        {Py_mp_length, container_length},
        {Py_mp_subscript, dict_get},
        {Py_mp_ass_subscript, dict_set},
        {Py_sq_contains, dict_contains},
        {Py_tp_iter, dict_iterate},
        {0, NULL},
    };

    return container_add_type(torch, "ModuleDict", slots, &type);
}
