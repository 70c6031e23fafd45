/*
 * What a pickle may name. By default plain data and what tensors are made with: each name is a row
 * of a table, and calling it is safe whatever the arguments. With weights_only=False also classes
 * of torch.nn, of torch.optim and of the program itself.
 */
#include "python/serial.h"
#include "python/unpickle.h"

#include "python/args.h"
#include "python/module.h"
#include "python/nn_module.h"

#include <string.h>

/* ---- keys ---- */

enum { KEY_PARTS = 1000 };

static bool count_parts(PyObject *key, int *left)
{
    if (--*left < 0)
        return false;
    if (!PyTuple_Check(key))
        return true;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); i++)
        if (!count_parts(PyTuple_GET_ITEM(key, i), left))
            return false;
    return true;
}

bool pickle_key(PyObject *key)
{
    int left = KEY_PARTS;

    return count_parts(key, &left) || unpickling_failed("a key in the pickle has too many parts");
}

/* ---- calls that the table names ---- */

static PyObject *call_itself(PyObject *callable, PyObject *args)
{
    return PyObject_Call(callable, args, NULL);
}

/* The only argument, which must be a list; NULL without an exception when there is none. */
static PyObject *only_list(PyObject *args)
{
    if (PyTuple_GET_SIZE(args) == 0)
        return NULL;
    if (PyTuple_GET_SIZE(args) == 1 && PyList_CheckExact(PyTuple_GET_ITEM(args, 0)))
        return PyTuple_GET_ITEM(args, 0);
    return unpickling_error("a container in the pickle is not made from a list");
}

/* OrderedDict([[key, value], ...]) */
static PyObject *call_ordered_dict(PyObject *Py_UNUSED(callable), PyObject *args)
{
    PyObject *pairs = only_list(args), *made = PyErr_Occurred() ? NULL : PyODict_New();

    for (Py_ssize_t i = 0; made && pairs && i < PyList_GET_SIZE(pairs); i++) {
        PyObject *pair = PySequence_Fast(PyList_GET_ITEM(pairs, i), "a pair was expected");
        bool done = pair && PySequence_Fast_GET_SIZE(pair) == 2 &&
                    pickle_key(PySequence_Fast_GET_ITEM(pair, 0)) &&
                    PyObject_SetItem(made, PySequence_Fast_GET_ITEM(pair, 0),
                                     PySequence_Fast_GET_ITEM(pair, 1)) == 0;

        if (!done && !PyErr_Occurred())
            unpickling_error("an item of an OrderedDict in the pickle is no pair");
        if (!done)
            Py_CLEAR(made);
        Py_XDECREF(pair);
    }
    return made;
}

/* set([...]) and frozenset([...]) */
static PyObject *call_set(PyObject *callable, PyObject *args)
{
    PyObject *items = only_list(args);

    for (Py_ssize_t i = 0; items && i < PyList_GET_SIZE(items); i++)
        if (!pickle_key(PyList_GET_ITEM(items, i)))
            return NULL;
    return PyErr_Occurred() ? NULL : PyObject_Call(callable, args, NULL);
}

/* bytes() and bytearray(): of a number they would be that long. */
static PyObject *call_bytes(PyObject *callable, PyObject *args)
{
    PyObject *first = PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : NULL;

    if (first && !PyBytes_Check(first) && !PyUnicode_Check(first))
        return unpickling_error("bytes in the pickle are not made from bytes or a string");
    return PyObject_Call(callable, args, NULL);
}

/* _codecs.encode(text, 'latin1'): how protocol 2 writes bytes. */
static PyObject *call_encode(PyObject *Py_UNUSED(callable), PyObject *args)
{
    PyObject *text = PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : Py_None;

    if (!PyUnicode_Check(text))
        return unpickling_error("bytes in the pickle are not made from a string");
    return PyUnicode_AsLatin1String(text);
}

/* ---- the tables ---- */

struct name {
    const char *module, *name;
    PyObject *(*call)(PyObject *callable, PyObject *args); /* NULL: it is only named */
    PyObject *object;                                      /* looked up on first use */
};

static struct name plain_names[] = {
    {"collections", "OrderedDict", call_ordered_dict, NULL},
    {"builtins", "set", call_set, NULL},
    {"builtins", "frozenset", call_set, NULL},
    {"builtins", "bytes", call_bytes, NULL},
    {"builtins", "bytearray", call_bytes, NULL},
    {"builtins", "complex", call_itself, NULL},
    {"_codecs", "encode", call_encode, NULL},
    {"torch", "Size", call_itself, NULL},
    {"torch", "device", call_itself, NULL},
    {"torch", "Tensor", NULL, NULL},
    {"torch.nn.parameter", "Parameter", NULL, NULL},
    {"torch._utils", "_rebuild_tensor", call_itself, NULL},
    {"torch._utils", "_rebuild_tensor_v2", call_itself, NULL},
    {"torch._utils", "_rebuild_parameter", call_itself, NULL},
    {"torch._utils", "_rebuild_parameter_with_state", call_itself, NULL},
    {"torch.storage", "_load_from_bytes", call_itself, NULL},
    {NULL, NULL, NULL, NULL},
};

/* With weights_only=False, beside the classes of torch.nn and of the program. */
static struct name trusted_names[] = {
    {"builtins", "object", call_itself, NULL},
    {"builtins", "int", call_itself, NULL},
    {"builtins", "float", call_itself, NULL},
    {"builtins", "bool", call_itself, NULL},
    {"builtins", "str", call_itself, NULL},
    {"builtins", "list", call_itself, NULL},
    {"builtins", "tuple", call_itself, NULL},
    {"builtins", "dict", call_itself, NULL},
    {"collections", "defaultdict", call_itself, NULL},
    {"collections", "Counter", call_itself, NULL},
    {"functools", "partial", call_itself, NULL},
    {"argparse", "Namespace", call_itself, NULL},
    {"torch._tensor", "_rebuild_from_type_v2", call_itself, NULL},
    {"numpy", "ndarray", call_itself, NULL},
    {"numpy", "dtype", call_itself, NULL},
    {"numpy.core.multiarray", "_reconstruct", call_itself, NULL},
    {"numpy.core.multiarray", "scalar", call_itself, NULL},
    {NULL, NULL, NULL, NULL},
};

/* Modules that have another name since. */
static const char *const renamed[][2] = {
    {"__builtin__", "builtins"},
    {"copy_reg", "copyreg"},
    {"torch.tensor", "torch._tensor"},
    {"numpy._core.multiarray", "numpy.core.multiarray"},
};

static const char *current_name(const char *module)
{
    for (size_t i = 0; i < sizeof(renamed) / sizeof(*renamed); i++)
        if (strcmp(renamed[i][0], module) == 0)
            return renamed[i][1];
    return module;
}

/* A new reference; NULL, with an exception only if a row's object is not to be had. */
static PyObject *find_name(struct name *rows, const char *module, const char *name)
{
    PyObject *home;

    while (rows->module && (strcmp(rows->module, module) != 0 || strcmp(rows->name, name) != 0))
        rows++;
    if (rows->module && !rows->object) {
        home = PyImport_ImportModule(module);
        rows->object = home ? PyObject_GetAttrString(home, name) : NULL;
        Py_XDECREF(home);
    }
    return Py_XNewRef(rows->object);
}

static const struct name *find_object(const struct name *rows, PyObject *object)
{
    while (rows->module && rows->object != object)
        rows++;
    return rows->module ? rows : NULL;
}

/* torch.FloatStorage and torch.float32, which have tables of their own; NULL without exception. */
static PyObject *find_torch_value(const char *name)
{
    if (strcmp(name, "UntypedStorage") == 0)
        return Py_NewRef((PyObject *)untyped_storage_type);
    for (int d = 0; d < DTYPE_COUNT; d++) {
        PyObject *class = storage_class((enum dtype)d);

        if (!class)
            PyErr_Clear();
        else if (strcmp(((PyTypeObject *)class)->tp_name, name) == 0)
            return Py_NewRef(class);
        if (strcmp(dtype_name((enum dtype)d), name) == 0)
            return dtype_object((enum dtype)d);
    }
    return NULL;
}

/* ---- names of modules and of the program ---- */

static bool is_below(const char *module, const char *package)
{
    size_t length = strlen(package);

    return strncmp(module, package, length) == 0 &&
           (module[length] == '\0' || module[length] == '.');
}

/* module.a.b, found without importing anything: what is not there yet is not the program's. NULL
 * without exception when it is not there. */
static PyObject *find_imported(PyObject *module, PyObject *name)
{
    PyObject *at = Py_XNewRef(PyDict_GetItemWithError(PyImport_GetModuleDict(), module));
    PyObject *dot = PyUnicode_FromString("."), *parts = dot ? PyUnicode_Split(name, dot, -1) : NULL;

    for (Py_ssize_t i = 0; at && parts && i < PyList_GET_SIZE(parts); i++)
        Py_SETREF(at, PyObject_GetAttr(at, PyList_GET_ITEM(parts, i)));
    if (!parts)
        Py_CLEAR(at);
    Py_XDECREF(dot);
    Py_XDECREF(parts);
    if (PyErr_Occurred())
        PyErr_Clear();
    return at;
}

static bool says(PyObject *object, const char *attribute, PyObject *wanted)
{
    PyObject *value = PyObject_GetAttrString(object, attribute);
    bool same = value && PyUnicode_Check(value) && PyUnicode_Compare(value, wanted) == 0;

    Py_XDECREF(value);
    PyErr_Clear();
    return same;
}

/* A class or function that is at home there: `from os import system` in the program does not make
 * system() one of its own. */
static bool is_own(PyObject *object, PyObject *module, PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(module);

    if (!text || !PyCallable_Check(object))
        return false;
    if (is_below(text, "torch.nn") || is_below(text, "torch.optim"))
        return PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1) == -1;
    if (!says(object, "__module__", module) || !says(object, "__qualname__", name))
        return false;
    return strcmp(text, "__main__") == 0 ||
           (PyType_Check(object) && PyType_IsSubtype((PyTypeObject *)object, nn_module_type));
}

static PyObject *trusted_name(PyObject *module, PyObject *name)
{
    PyObject *object = find_imported(module, name);

    if (object && is_own(object, module, name))
        return object;
    Py_XDECREF(object);
    if (!object && PyUnicode_CompareWithASCIIString(module, "__main__") == 0)
        return PyErr_Format(PyExc_AttributeError,
                            "Can't get attribute '%U' on __main__: the program that loads the file "
                            "must define it first",
                            name);
    return unpickling_error(
        "Load failed: the file names %U.%U, which torch.load() does not look up. With "
        "weights_only=False a file may name classes of torch.nn, of torch.optim and of __main__, "
        "and modules (nn.Module) of files that the program has imported.",
        module, name);
}

/* ---- the gate ---- */

static PyObject *admit(struct unpickler *u, PyObject *object)
{
    if (object && PySet_Add(u->admitted, object) < 0)
        Py_CLEAR(object);
    return object;
}

PyObject *pickle_name(struct unpickler *u, PyObject *module, PyObject *name)
{
    const char *module_text = PyUnicode_AsUTF8(module), *name_text = PyUnicode_AsUTF8(name);
    PyObject *object;

    if (!module_text || !name_text)
        return NULL;
    module_text = current_name(module_text);
    object = find_name(plain_names, module_text, name_text);
    if (!object && !PyErr_Occurred() && is_below(module_text, "torch"))
        object = find_torch_value(name_text);
    if (object || PyErr_Occurred())
        return object;
    if (!u->trusted)
        return unpickling_error(
            "Weights only load failed: the file names %U.%U, and torch.load() reads plain data "
            "only: tensors, numbers, strings, and lists, tuples, dicts and sets of them, such as a "
            "state_dict(). To load a whole module that torch.save(model) wrote, say "
            "torch.load(f, weights_only=False); the file may then use classes of torch.nn and of "
            "your program, so do it only for a file that you trust. Saving model.state_dict() "
            "needs none of this.",
            module, name);
    object = find_name(trusted_names, module_text, name_text);
    if (object || PyErr_Occurred())
        return admit(u, object);
    return admit(u, trusted_name(module, name));
}

static bool is_admitted(struct unpickler *u, PyObject *object)
{
    return PySet_Contains(u->admitted, object) == 1;
}

PyObject *pickle_call(struct unpickler *u, PyObject *callable, PyObject *args)
{
    const struct name *row = find_object(plain_names, callable);
    PyObject *result;

    if (!(row && row->call) && !is_admitted(u, callable)) {
        PyErr_Clear(); /* what cannot be hashed is not in the set */
        return unpickling_error("the pickle calls %.100R, which is not made to be called",
                                callable);
    }
    if (Py_EnterRecursiveCall(" while loading a pickle"))
        return NULL;
    result = row ? row->call(callable, args) : PyObject_Call(callable, args, NULL);
    Py_LeaveRecursiveCall();
    return result;
}

PyObject *pickle_new(struct unpickler *u, PyObject *class, PyObject *args, PyObject *keywords)
{
    PyObject *maker, *all, *result;

    if (!PyType_Check(class) || !is_admitted(u, class))
        return unpickling_error("the pickle makes an object of %.100R, which is not made for that",
                                class);
    maker = PyObject_GetAttrString(class, "__new__");
    all = maker ? Py_BuildValue("(O)", class) : NULL;
    if (all)
        Py_SETREF(all, PySequence_Concat(all, args));
    result = all ? PyObject_Call(maker, all, keywords) : NULL;
    Py_XDECREF(maker);
    Py_XDECREF(all);
    return result;
}

/* Attributes go into the __dict__; only the slots of classes that have some need setattr(). */
static bool set_attributes(PyObject *object, PyObject *attributes, PyObject *slots)
{
    PyObject *dict, *key, *value;
    Py_ssize_t at = 0;
    int status = 0;

    if (attributes != Py_None) {
        dict = PyObject_GenericGetDict(object, NULL);
        status = dict ? PyDict_Update(dict, attributes) : -1;
        Py_XDECREF(dict);
    }
    while (status == 0 && slots != Py_None && PyDict_Next(slots, &at, &key, &value))
        status = PyObject_SetAttr(object, key, value);
    return status == 0;
}

static bool is_state(PyObject *part)
{
    return part == Py_None || PyDict_CheckExact(part);
}

static bool build_admitted(PyObject *object, PyObject *state)
{
    PyObject *restore = PyObject_GetAttrString(object, "__setstate__"), *done;

    if (restore) {
        done = PyObject_CallOneArg(restore, state);
        Py_DECREF(restore);
        Py_XDECREF(done);
        return done != NULL;
    }
    PyErr_Clear();
    if (PyTuple_CheckExact(state) && PyTuple_GET_SIZE(state) == 2 &&
        is_state(PyTuple_GET_ITEM(state, 0)) && is_state(PyTuple_GET_ITEM(state, 1)))
        return set_attributes(object, PyTuple_GET_ITEM(state, 0), PyTuple_GET_ITEM(state, 1));
    if (is_state(state))
        return set_attributes(object, state, Py_None);
    return unpickling_failed("the state of a %s in the pickle is no dict",
                             Py_TYPE(object)->tp_name);
}

bool pickle_build(struct unpickler *u, PyObject *object, PyObject *state)
{
    PyObject *classes = Py_TYPE(object)->tp_mro;

    if (PyODict_CheckExact(object) && PyDict_CheckExact(state))
        return set_attributes(object, state, Py_None); /* the _metadata of a state_dict */
    for (Py_ssize_t i = 0; !PyType_Check(object) && i < PyTuple_GET_SIZE(classes); i++)
        if (is_admitted(u, PyTuple_GET_ITEM(classes, i)))
            return build_admitted(object, state);
    return unpickling_failed("the pickle gives a state to an object of %s, which takes none",
                             Py_TYPE(object)->tp_name);
}
