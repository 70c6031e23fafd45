/*
 * ParameterList and ParameterDict. Tensors that are put in become parameters; other objects are
 * kept as plain attributes, as PyTorch does.
 */
#include "python/nn_containers.h"

#include "base/strbuf.h"
#include "python/args.h"
#include "python/errors.h"

/* A plain tensor as a Parameter, anything else as it is; a new reference. */
static PyObject *as_parameter(PyObject *value)
{
    if (tensor_check(value) && !PyObject_TypeCheck(value, parameter_type))
        return PyObject_CallOneArg((PyObject *)parameter_type, value);
    return Py_NewRef(value);
}

static int set_named(PyObject *self, PyObject *name, PyObject *value)
{
    PyObject *kept = as_parameter(value);
    int status = kept ? PyObject_SetAttr(self, name, kept) : -1;

    Py_XDECREF(kept);
    return status;
}

static PyTypeObject *dict_type; /* ParameterDict */

/* ---- ParameterList ---- */

static Py_ssize_t list_length(PyObject *self)
{
    PyObject *size = module_part(self, nn_names._size);

    return size ? PyLong_AsSsize_t(size) : -1;
}

static PyObject *list_at(PyObject *self, Py_ssize_t i)
{
    PyObject *name = PyUnicode_FromFormat("%zd", i);
    PyObject *found = name ? PyObject_GetAttr(self, name) : NULL;

    Py_XDECREF(name);
    return found;
}

static int list_put(PyObject *self, Py_ssize_t i, PyObject *value)
{
    PyObject *name = PyUnicode_FromFormat("%zd", i);
    int status = name ? set_named(self, name, value) : -1;

    Py_XDECREF(name);
    return status;
}

static int list_add(PyObject *self, PyObject *value)
{
    Py_ssize_t length = list_length(self);
    PyObject *size = length < 0 ? NULL : PyLong_FromSsize_t(length + 1);
    int status = size ? list_put(self, length, value) : -1;

    if (status == 0)
        status = PyObject_SetAttr(self, nn_names._size, size);
    Py_XDECREF(size);
    return status;
}

static int list_add_all(PyObject *self, PyObject *values)
{
    PyObject *list = tensor_check(values) ? NULL : PySequence_List(values);
    int status = list ? 0 : -1;

    if (tensor_check(values) || (!list && PyErr_ExceptionMatches(PyExc_TypeError)))
        PyErr_Format(PyExc_TypeError,
                     "ParameterList.extend should be called with an iterable, but got %s",
                     _PyType_Name(Py_TYPE(values)));
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++)
        status = list_add(self, PyList_GET_ITEM(list, i));
    Py_XDECREF(list);
    return status;
}

static int list_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"values", NULL};
    PyObject *values = Py_None, *zero;
    int status;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:ParameterList", names, &values) ||
        module_setup(self) < 0)
        return -1;
    zero = PyLong_FromLong(0);
    status = zero ? PyObject_SetAttr(self, nn_names._size, zero) : -1;
    Py_XDECREF(zero);
    return status < 0 || values == Py_None ? status : list_add_all(self, values);
}

static PyObject *list_slice(PyObject *self, PyObject *slice)
{
    PyObject *made = PyObject_CallNoArgs((PyObject *)Py_TYPE(self));
    Py_ssize_t start, stop, step, count;
    int status = made ? PySlice_Unpack(slice, &start, &stop, &step) : -1;

    count = status < 0 ? 0 : PySlice_AdjustIndices(list_length(self), &start, &stop, step);
    for (Py_ssize_t i = 0; status == 0 && i < count; i++) {
        PyObject *value = list_at(self, start + i * step);

        status = value ? list_add(made, value) : -1;
        Py_XDECREF(value);
    }
    if (status < 0)
        Py_CLEAR(made);
    return made;
}

static PyObject *list_get(PyObject *self, PyObject *index)
{
    Py_ssize_t i;

    if (PySlice_Check(index))
        return list_slice(self, index);
    return container_index(index, list_length(self), &i) < 0 ? NULL : list_at(self, i);
}

static int list_set(PyObject *self, PyObject *index, PyObject *value)
{
    Py_ssize_t i;

    if (!value) {
        PyErr_SetString(PyExc_TypeError, "'ParameterList' object doesn't support item deletion");
        return -1;
    }
    return container_index(index, list_length(self), &i) < 0 ? -1 : list_put(self, i, value);
}

static PyObject *list_values(PyObject *self)
{
    Py_ssize_t length = list_length(self);
    PyObject *list = length < 0 ? NULL : PyList_New(length);

    for (Py_ssize_t i = 0; list && i < length; i++) {
        PyObject *value = list_at(self, i);

        if (value)
            PyList_SET_ITEM(list, i, value);
        else
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *list_iterate(PyObject *self)
{
    PyObject *values = list_values(self);
    PyObject *iterator = values ? PyObject_GetIter(values) : NULL;

    Py_XDECREF(values);
    return iterator;
}

static PyObject *list_append(PyObject *self, PyObject *value)
{
    return list_add(self, value) < 0 ? NULL : Py_NewRef(self);
}

static PyObject *list_extend(PyObject *self, PyObject *values)
{
    return list_add_all(self, values) < 0 ? NULL : Py_NewRef(self);
}

/* "  (0): Parameter containing: [torch.float32 of size 2x3]"; `type` is how the class of container
 * calls what is in a tensor. */
static int add_line(struct strbuf *out, PyObject *key, PyObject *value, const char *type)
{
    const char *name = PyUnicode_AsUTF8(key);

    if (!name)
        return -1;
    strbuf_addf(out, "%s  (%s): ", out->length ? "\n" : "", name);
    if (!tensor_check(value)) {
        strbuf_addf(out, "Object of type: %s", _PyType_Name(Py_TYPE(value)));
        return 0;
    }
    strbuf_addf(out, "%s containing: [torch.%s of size ",
                PyObject_TypeCheck(value, parameter_type) ? "Parameter" : "Tensor", type);
    for (int d = 0; d < tensor_of(value)->ndim; d++)
        strbuf_addf(out, "%s%lld", d ? "x" : "", (long long)tensor_of(value)->shape[d]);
    strbuf_addch(out, ']');
    return 0;
}

static const struct dtype_info *info_of(PyObject *value)
{
    return &dtype_infos[tensor_check(value) ? tensor_dtype(tensor_of(value)) : dtype_default()];
}

static PyObject *finished(struct strbuf *out, int status)
{
    PyObject *text = NULL;

    if (status == 0)
        text = out->failed ? python_error() : PyUnicode_FromString(out->text);
    strbuf_release(out);
    return text;
}

static PyObject *list_extra_repr(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *values = list_values(self);
    struct strbuf out = STRBUF_INIT;
    int status = values ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(values); i++) {
        PyObject *key = PyUnicode_FromFormat("%zd", i), *value = PyList_GET_ITEM(values, i);

        status = key ? add_line(&out, key, value, info_of(value)->name) : -1;
        Py_XDECREF(key);
    }
    Py_XDECREF(values);
    return finished(&out, status);
}

static PyObject *refuse_call(PyObject *self, PyObject *Py_UNUSED(args))
{
    return PyErr_Format(PyExc_RuntimeError, "%s should not be called.",
                        PyObject_TypeCheck(self, dict_type) ? "ParameterDict" : "ParameterList");
}

static PyMethodDef list_methods[] = {
    {"forward", refuse_call, METH_VARARGS, NULL},
    {"append", list_append, METH_O, "append(value): a tensor becomes a Parameter."},
    {"extend", list_extend, METH_O, "extend(values): appends several."},
    {"extra_repr", list_extra_repr, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* ---- ParameterDict ---- */

/* {key: None}: the keys in order. */
static PyObject *keys_of(PyObject *self)
{
    return module_part(self, nn_names._keys);
}

static Py_ssize_t dict_length(PyObject *self)
{
    PyObject *keys = keys_of(self);

    return keys ? PyDict_Size(keys) : -1;
}

static int check_key(PyObject *key)
{
    if (PyUnicode_Check(key))
        return 0;
    PyErr_Format(PyExc_TypeError,
                 "Index given to ParameterDict cannot be used as a key as it is not a string (type "
                 "is '%s'). Open an issue on github if you need non-string keys.",
                 _PyType_Name(Py_TYPE(key)));
    return -1;
}

static PyObject *dict_get(PyObject *self, PyObject *key)
{
    PyObject *keys = keys_of(self);

    if (!keys || check_key(key) < 0)
        return NULL;
    return PyObject_GetAttr(self, key);
}

static int dict_set(PyObject *self, PyObject *key, PyObject *value)
{
    PyObject *keys = keys_of(self);

    if (!keys || check_key(key) < 0)
        return -1;
    if (!value)
        return PyObject_DelItem(keys, key) < 0 ? -1 : PyObject_SetAttr(self, key, NULL);
    return PyObject_SetItem(keys, key, Py_None) < 0 ? -1 : set_named(self, key, value);
}

static int dict_contains(PyObject *self, PyObject *key)
{
    PyObject *keys = keys_of(self);

    return keys ? PyDict_Contains(keys, key) : -1;
}

static PyObject *dict_iterate(PyObject *self)
{
    PyObject *keys = keys_of(self);

    return keys ? PyObject_GetIter(keys) : NULL;
}

static int dict_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"parameters", NULL};
    PyObject *parameters = Py_None, *keys;
    int status;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:ParameterDict", names, &parameters) ||
        module_setup(self) < 0)
        return -1;
    keys = PyDict_New();
    status = keys ? PyObject_SetAttr(self, nn_names._keys, keys) : -1;
    Py_XDECREF(keys);
    return status < 0 || parameters == Py_None
               ? status
               : container_update(self, parameters, "ParametersDict");
}

static PyObject *dict_keys(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *keys = keys_of(self);

    return keys ? PyObject_CallMethod(keys, "keys", NULL) : NULL;
}

/* The values, or (key, value), as a list. */
static PyObject *dict_list(PyObject *self, bool pairs)
{
    PyObject *keys = keys_of(self);
    PyObject *list = keys ? PyDict_Keys(keys) : NULL;

    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        PyObject *value = PyObject_GetAttr(self, PyList_GET_ITEM(list, i));

        if (value && pairs)
            Py_SETREF(value, PyTuple_Pack(2, PyList_GET_ITEM(list, i), value));
        if (!value)
            Py_CLEAR(list);
        else
            PyList_SetItem(list, i, value);
    }
    return list;
}

static PyObject *dict_values(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *list = dict_list(self, false);
    PyObject *iterator = list ? PyObject_GetIter(list) : NULL;

    Py_XDECREF(list);
    return iterator;
}

static PyObject *dict_items(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *list = dict_list(self, true);
    PyObject *iterator = list ? PyObject_GetIter(list) : NULL;

    Py_XDECREF(list);
    return iterator;
}

static PyObject *dict_update(PyObject *self, PyObject *source)
{
    return container_update(self, source, "ParametersDict") < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *dict_pop(PyObject *self, PyObject *key)
{
    PyObject *found = dict_get(self, key);

    if (found && dict_set(self, key, NULL) < 0)
        Py_CLEAR(found);
    return found;
}

static PyObject *dict_get_or(PyObject *self, PyObject *args)
{
    PyObject *key, *otherwise = Py_None;
    int there;

    if (!PyArg_ParseTuple(args, "O|O:get", &key, &otherwise))
        return NULL;
    there = dict_contains(self, key);
    return there < 0 ? NULL : there ? dict_get(self, key) : Py_NewRef(otherwise);
}

static PyObject *dict_clear(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *keys = keys_of(self), *list = keys ? PyDict_Keys(keys) : NULL;
    int status = list ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++)
        status = dict_set(self, PyList_GET_ITEM(list, i), NULL);
    Py_XDECREF(list);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* ParameterDict(values). */
static PyObject *dict_of(PyObject *values)
{
    return PyObject_CallOneArg((PyObject *)dict_type, values);
}

static PyObject *dict_copy(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *items = dict_list(self, true), *made = items ? dict_of(items) : NULL;

    Py_XDECREF(items);
    return made;
}

static PyObject *dict_set_default(PyObject *self, PyObject *args)
{
    PyObject *key, *otherwise = Py_None;
    int there;

    if (!PyArg_ParseTuple(args, "O|O:setdefault", &key, &otherwise))
        return NULL;
    there = dict_contains(self, key);
    if (there == 0)
        there = dict_set(self, key, otherwise);
    return there < 0 ? NULL : dict_get(self, key);
}

static PyObject *dict_pop_item(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *keys = keys_of(self), *list = keys ? PyDict_Keys(keys) : NULL;
    PyObject *key, *value, *pair = NULL;

    if (list && PyList_GET_SIZE(list) == 0) {
        PyErr_SetString(PyExc_KeyError, "popitem(): dictionary is empty");
    } else if (list) {
        key = PyList_GET_ITEM(list, PyList_GET_SIZE(list) - 1);
        value = dict_pop(self, key);
        pair = value ? PyTuple_Pack(2, key, value) : NULL;
        Py_XDECREF(value);
    }
    Py_XDECREF(list);
    return pair;
}

static PyObject *dict_from_keys(PyObject *Py_UNUSED(self), PyObject *args, PyObject *keywords)
{
    static char *names[] = {"keys", "default", NULL};
    PyObject *keys, *value = Py_None, *items, *made;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:fromkeys", names, &keys, &value))
        return NULL;
    items = PyObject_CallMethod((PyObject *)&PyDict_Type, "fromkeys", "OO", keys, value);
    made = items ? dict_of(items) : NULL;
    Py_XDECREF(items);
    return made;
}

static PyObject *dict_reversed(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *keys = keys_of(self);

    return keys ? PyObject_CallMethod(keys, "__reversed__", NULL) : NULL;
}

/* self | other: a copy of the first with the parameters of the second. */
static PyObject *dict_or(PyObject *self, PyObject *other)
{
    PyObject *made, *parameters;

    if (!PyObject_TypeCheck(self, dict_type) || !PyObject_TypeCheck(other, dict_type))
        Py_RETURN_NOTIMPLEMENTED;
    made = dict_copy(self, NULL);
    parameters = made ? module_part(other, nn_names._parameters) : NULL;
    if (!parameters || container_update(made, parameters, "ParametersDict") < 0)
        Py_CLEAR(made);
    return made;
}

static PyObject *dict_or_in_place(PyObject *self, PyObject *other)
{
    PyObject *parameters;

    if (!PyObject_TypeCheck(other, dict_type))
        Py_RETURN_NOTIMPLEMENTED;
    parameters = module_part(other, nn_names._parameters);
    return !parameters || container_update(self, parameters, "ParametersDict") < 0
               ? NULL
               : Py_NewRef(self);
}

static PyObject *dict_extra_repr(PyObject *self, PyObject *Py_UNUSED(none))
{
    PyObject *items = dict_list(self, true);
    struct strbuf out = STRBUF_INIT;
    int status = items ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *pair = PyList_GET_ITEM(items, i), *value = PyTuple_GET_ITEM(pair, 1);

        status = add_line(&out, PyTuple_GET_ITEM(pair, 0), value, info_of(value)->class_name);
    }
    Py_XDECREF(items);
    return finished(&out, status);
}

static PyMethodDef dict_methods[] = {
    {"keys", dict_keys, METH_NOARGS, NULL},
    {"values", dict_values, METH_NOARGS, NULL},
    {"items", dict_items, METH_NOARGS, NULL},
    {"get", dict_get_or, METH_VARARGS, "get(key, default=None)"},
    {"pop", dict_pop, METH_O, NULL},
    {"clear", dict_clear, METH_NOARGS, NULL},
    {"update", dict_update, METH_O, "update(parameters): adds those of a dict or of pairs."},
    {"forward", refuse_call, METH_VARARGS, NULL},
    {"copy", dict_copy, METH_NOARGS, "A ParameterDict with the same parameters."},
    {"setdefault", dict_set_default, METH_VARARGS,
     "setdefault(key, default=None): the value of the key, which becomes default if missing."},
    {"popitem", dict_pop_item, METH_NOARGS, "Takes the last (key, value) out."},
    {"fromkeys", WITH_KEYWORDS(dict_from_keys),
     "fromkeys(keys, default=None): a ParameterDict with these keys."},
    {"__reversed__", dict_reversed, METH_NOARGS, NULL},
    {"extra_repr", dict_extra_repr, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int parameter_containers_init(PyObject *torch)
{
    static PyTypeObject *list_type;
    PyType_Slot list[] = {
        {Py_tp_doc, "ParameterList(values=None)\n--\n\nA list of parameters that a module holds."},
        {Py_tp_init, list_init},
        {Py_tp_methods, list_methods},
        {Py_mp_length, list_length},
        {Py_mp_subscript, list_get},
        {Py_mp_ass_subscript, list_set},
        {Py_tp_iter, list_iterate},
        {Py_nb_inplace_add, list_extend},
        {0, NULL},
    };
    PyType_Slot dict[] = {
        {Py_tp_doc, "ParameterDict(parameters=None)\n--\n\nA dict of parameters that a module "
                    "holds."},
        {Py_tp_init, dict_init},
        {Py_tp_methods, dict_methods},
        {Py_mp_length, dict_length},
        {Py_mp_subscript, dict_get},
        {Py_mp_ass_subscript, dict_set},
        {Py_sq_contains, dict_contains},
        {Py_nb_or, dict_or},
        {Py_nb_inplace_or, dict_or_in_place},
        {Py_tp_iter, dict_iterate},
        {0, NULL},
    };

    if (container_add_type(torch, "ParameterList", list, &list_type) < 0)
        return -1;
    return container_add_type(torch, "ParameterDict", dict, &dict_type);
}
