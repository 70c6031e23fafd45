/* torch.nn.utils.parametrize: the functions, and the classes of parametrized modules. */
#include "python/nn_parametrize.h"

#include "python/bind.h"
#include "python/module.h"

static PyTypeObject *module_dict_type;
static PyObject *cache; /* {(id, name): tensor} while cached() is entered, else empty */
static int cached_depth;

/* module.parametrizations, a new reference; NULL without an exception when there is none. */
static PyObject *parametrizations_of(PyObject *module)
{
    PyObject *dict = PyObject_GetAttrString(module, "parametrizations");

    if (!dict && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Clear();
    if (dict && !PyObject_TypeCheck(dict, module_dict_type))
        Py_CLEAR(dict);
    return dict;
}

/* 1, 0 or -1; a name of NULL asks for any. */
static int has_parametrization(PyObject *module, PyObject *name)
{
    PyObject *dict = parametrizations_of(module);
    int has = !dict ? 0 : name ? PySequence_Contains(dict, name) : PyObject_Size(dict) > 0;

    Py_XDECREF(dict);
    return PyErr_Occurred() ? -1 : has;
}

static PyObject *list_of(PyObject *module, PyObject *name)
{
    PyObject *dict = PyObject_GetAttrString(module, "parametrizations");
    PyObject *list = dict ? PyObject_GetItem(dict, name) : NULL;

    Py_XDECREF(dict);
    return list;
}

/* ---- the property ---- */

static PyObject *compute_cached(PyObject *module, PyObject *name, PyObject *list)
{
    PyObject *key = Py_BuildValue("nO", (Py_ssize_t)module, name);
    PyObject *value = key ? PyDict_GetItemWithError(cache, key) : NULL;

    Py_XINCREF(value);
    if (key && !value && !PyErr_Occurred()) {
        value = PyObject_CallNoArgs(list);
        if (value && PyDict_SetItem(cache, key, value) < 0)
            Py_CLEAR(value);
    }
    Py_XDECREF(key);
    return value;
}

/* Getter and setter; `name` is the parameter's. */
static PyObject *get_parametrized(PyObject *name, PyObject *module)
{
    PyObject *list = list_of(module, name), *value = NULL;

    if (list)
        value = cached_depth ? compute_cached(module, name, list) : PyObject_CallNoArgs(list);
    Py_XDECREF(list);
    return value;
}

static PyObject *set_parametrized(PyObject *name, PyObject *args)
{
    PyObject *module, *value, *list, *done = NULL;

    if (!PyArg_ParseTuple(args, "OO", &module, &value))
        return NULL;
    list = list_of(module, name);
    if (list)
        done = PyObject_CallMethod(list, "right_inverse", "O", value);
    Py_XDECREF(list);
    return done;
}

static int inject_property(PyObject *module, PyObject *name)
{
    static PyMethodDef get_method = {"get_parametrized", get_parametrized, METH_O, NULL};
    static PyMethodDef set_method = {"set_original", set_parametrized, METH_VARARGS, NULL};
    PyObject *get = PyCFunction_New(&get_method, name), *set = PyCFunction_New(&set_method, name);
    PyObject *property = NULL;
    int status = -1;

    if (get && set)
        property = PyObject_CallFunctionObjArgs((PyObject *)&PyProperty_Type, get, set, NULL);
    if (property)
        status = PyObject_SetAttr((PyObject *)Py_TYPE(module), name, property);
    Py_XDECREF(get);
    Py_XDECREF(set);
    Py_XDECREF(property);
    return status;
}

/* ---- the class ---- */

static PyObject *refuse_state(PyObject *Py_UNUSED(none), PyObject *Py_UNUSED(self))
{
    PyErr_SetString(PyExc_RuntimeError,
                    "Serialization of parametrized modules is only supported through state_dict(). "
                    "See:\nhttps://pytorch.org/tutorials/beginner/saving_loading_models.html"
                    "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training");
    return NULL;
}

/* A copy of the same class, whose __dict__ is copied deeply. */
static PyObject *deep_copy(PyObject *Py_UNUSED(none), PyObject *args)
{
    PyObject *self, *memo, *module, *key, *copy = NULL, *dict = NULL, *empty;

    if (!PyArg_ParseTuple(args, "O!O!", nn_module_type, &self, &PyDict_Type, &memo))
        return NULL;
    module = PyImport_ImportModule("copy");
    key = module ? PyLong_FromVoidPtr(self) : NULL;
    empty = key ? PyTuple_New(0) : NULL;
    copy = empty ? Py_TYPE(self)->tp_new(Py_TYPE(self), empty, NULL) : NULL;
    if (copy && PyDict_SetItem(memo, key, copy) == 0)
        dict = PyObject_CallMethod(module, "deepcopy", "OO", ((ModuleObject *)self)->dict, memo);
    if (!dict || PyObject_SetAttrString(copy, "__dict__", dict) < 0)
        Py_CLEAR(copy);
    Py_XDECREF(module);
    Py_XDECREF(key);
    Py_XDECREF(empty);
    Py_XDECREF(dict);
    return copy;
}

static int add_method(PyObject *dict, PyMethodDef *def)
{
    PyObject *function = PyCFunction_New(def, Py_None);
    PyObject *method = function ? PyInstanceMethod_New(function) : NULL;
    int status = method ? PyDict_SetItemString(dict, def->ml_name, method) : -1;

    Py_XDECREF(function);
    Py_XDECREF(method);
    return status;
}

/* module.__class__ = ParametrizedLinear, a subclass for this module alone. */
static int inject_class(PyObject *module)
{
    static PyMethodDef getstate = {"__getstate__", refuse_state, METH_O, NULL};
    static PyMethodDef deepcopy = {"__deepcopy__", deep_copy, METH_VARARGS, NULL};
    PyObject *type = (PyObject *)Py_TYPE(module), *dict = PyDict_New(), *name, *made = NULL;
    int status = dict ? add_method(dict, &getstate) : -1;

    if (status == 0 && !PyObject_HasAttrString(type, "__deepcopy__"))
        status = add_method(dict, &deepcopy);
    name = PyUnicode_FromFormat("Parametrized%s", _PyType_Name(Py_TYPE(module)));
    if (status == 0 && name)
        made = PyObject_CallFunction((PyObject *)Py_TYPE(type), "O(O)O", name, type, dict);
    status = made ? PyObject_SetAttrString(module, "__class__", made) : -1;
    Py_XDECREF(dict);
    Py_XDECREF(name);
    Py_XDECREF(made);
    return status;
}

static int restore_class(PyObject *module)
{
    PyObject *base = (PyObject *)Py_TYPE(module)->tp_base;

    if (PyObject_SetAttrString(module, "parametrizations", NULL) < 0)
        return -1;
    return PyObject_SetAttrString(module, "__class__", base);
}

/* ---- register_parametrization() ---- */

#define MAY_NOT "Registering a parametrization may not change the "
#define UNLESS  " of the tensor, unless the `unsafe` flag is enabled.\n"
#define MUST    "The tensor returned by parametrization.right_inverse must have the same "

/* One more parametrization must take and give tensors like the parameter. */
static int check_further(PyObject *module, PyObject *name, PyObject *parametrization)
{
    static const struct parametrization_words forwards = {
        .none = "A parametrization must return a tensor. Got %s.",
        .dtype = MAY_NOT "dtype" UNLESS,
        .shape = MAY_NOT "shape" UNLESS,
        .label = "module.%U.",
        .given = "parametrization(module.%U)."};
    static const struct parametrization_words backwards = {
        .none = "parametrization.right_inverse must return a tensor. Got: %s",
        .dtype = MUST "dtype as module.%U, unless the `unsafe` flag is enabled.\n",
        .shape = MUST "shape as module.%U, unless the `unsafe` flag is enabled.\n",
        .label = "module.%U.",
        .given = "returned "};
    PyObject *before = PyObject_GetAttr(module, name), *back = NULL, *inverse = NULL;
    PyObject *after = before ? PyObject_CallOneArg(parametrization, before) : NULL;
    int status = after ? parametrization_check(after, before, &forwards, name) : -1;

    if (status == 0) {
        inverse = PyObject_GetAttrString(parametrization, "right_inverse");
        back = inverse ? PyObject_CallOneArg(inverse, after) : NULL;
        if (back)
            status = parametrization_check(back, before, &backwards, name);
        else if (PyErr_ExceptionMatches(inverse ? PyExc_NotImplementedError : PyExc_AttributeError))
            PyErr_Clear();
        else
            status = -1;
    }
    Py_XDECREF(before);
    Py_XDECREF(after);
    Py_XDECREF(inverse);
    Py_XDECREF(back);
    return status;
}

static int add_further(PyObject *module, PyObject *name, PyObject *parametrization, bool unsafe)
{
    PyObject *list, *done = NULL;
    int status = -1;

    if (!unsafe && check_further(module, name, parametrization) < 0)
        return -1;
    list = list_of(module, name);
    if (list)
        done = PyObject_CallMethod(list, "append", "O", parametrization);
    if (done)
        status = unsafe ? PyObject_SetAttrString(list, "unsafe", Py_True) : 0;
    Py_XDECREF(list);
    Py_XDECREF(done);
    return status;
}

static int add_first(PyObject *module, PyObject *name, PyObject *parametrization, bool unsafe)
{
    PyObject *original = PyObject_GetAttr(module, name), *list = NULL, *dict = NULL;
    int status = -1, any;

    list = original ? parametrization_list_new(parametrization, original, unsafe) : NULL;
    any = list ? has_parametrization(module, NULL) : -1;
    if (any < 0 || PyObject_SetAttr(module, name, NULL) < 0)
        goto done;
    if (any)
        dict = parametrizations_of(module);
    else if (inject_class(module) == 0)
        dict = PyObject_CallNoArgs((PyObject *)module_dict_type);
    if (dict && (any || PyObject_SetAttrString(module, "parametrizations", dict) == 0) &&
        inject_property(module, name) == 0)
        status = PyObject_SetItem(dict, name, list);
done:
    Py_XDECREF(original);
    Py_XDECREF(list);
    Py_XDECREF(dict);
    return status;
}

static bool registered(PyObject *module, PyObject *name)
{
    PyObject *parameters = module_part(module, nn_names._parameters);
    PyObject *buffers = parameters ? module_part(module, nn_names._buffers) : NULL;

    return buffers && (PyDict_Contains(parameters, name) > 0 || PyDict_Contains(buffers, name) > 0);
}

static PyObject *register_parametrization(PyObject *Py_UNUSED(self), PyObject *args,
                                          PyObject *kwargs)
{
    static const char *const names[] = {"module", "tensor_name", "parametrization", "unsafe"};
    static const struct binding binding = {"register_parametrization", names, 4, 3, 3, 0};
    PyObject *v[4] = {NULL, NULL, NULL, Py_False}, *training, *done;
    int unsafe, has, status = -1;

    if (binding_read(&binding, args, kwargs, v) < 0 || (unsafe = PyObject_IsTrue(v[3])) < 0)
        return NULL;
    if (!module_check(v[0]) || !module_check(v[2]) || !PyUnicode_Check(v[1])) {
        PyErr_SetString(PyExc_TypeError, "register_parametrization() takes a module, the name of "
                                         "its parameter, and a module");
        return NULL;
    }
    training = PyObject_GetAttr(v[0], nn_names.training);
    done = training ? PyObject_CallMethodOneArg(v[2], nn_names.train, training) : NULL;
    has = done ? has_parametrization(v[0], v[1]) : -1;
    if (has > 0)
        status = add_further(v[0], v[1], v[2], unsafe);
    else if (has == 0 && registered(v[0], v[1]))
        status = add_first(v[0], v[1], v[2], unsafe);
    else if (has == 0)
        PyErr_Format(PyExc_ValueError,
                     "Module '%S' does not have a parameter, a buffer, or a parametrized element "
                     "with name '%U'",
                     v[0], v[1]);
    Py_XDECREF(training);
    Py_XDECREF(done);
    return status < 0 ? NULL : Py_NewRef(v[0]);
}

/* ---- remove_parametrizations() ---- */

/* The tensor that stays: the original, with the present value if `leave`, or a new parameter where
 * there are several originals. */
static PyObject *last_tensor(PyObject *module, PyObject *name, PyObject *list, bool leave)
{
    PyObject *single = PyObject_GetAttrString(list, "is_tensor"), *original = NULL, *value = NULL;
    bool one = single == Py_True, recording = grad_enabled();

    Py_XDECREF(single);
    if (!single)
        return NULL;
    if (!one && !leave) {
        PyErr_SetString(PyExc_ValueError,
                        "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
                        "parametrized in terms of a sequence of tensors.");
        return NULL;
    }
    grad_set_enabled(recording && !one);
    if (leave)
        value = PyObject_GetAttr(module, name);
    grad_set_enabled(recording);
    if (leave && !value)
        return NULL;
    if (!one)
        original = tensor_of(value)->requires_grad
                       ? PyObject_CallOneArg((PyObject *)parameter_type, value)
                       : Py_NewRef(value);
    else
        original = PyObject_GetAttrString(list, "original");
    if (original && one && leave && PyObject_SetAttr(original, nn_names.data, value) < 0)
        Py_CLEAR(original);
    Py_XDECREF(value);
    return original;
}

static int remove_one(PyObject *module, PyObject *name, bool leave)
{
    PyObject *list = list_of(module, name), *dict = parametrizations_of(module);
    PyObject *tensor = list && dict ? last_tensor(module, name, list, leave) : NULL;
    int status = -1, any;

    if (tensor && PyObject_SetAttr((PyObject *)Py_TYPE(module), name, NULL) == 0 &&
        PyObject_DelItem(dict, name) == 0)
        status = parametrization_register(module, name, tensor);
    Py_XDECREF(list);
    Py_XDECREF(dict);
    Py_XDECREF(tensor);
    if (status < 0)
        return -1;
    any = has_parametrization(module, NULL);
    return any ? (any < 0 ? -1 : 0) : restore_class(module);
}

static PyObject *remove_parametrizations(PyObject *Py_UNUSED(self), PyObject *args,
                                         PyObject *kwargs)
{
    static const char *const names[] = {"module", "tensor_name", "leave_parametrized"};
    static const struct binding binding = {"remove_parametrizations", names, 3, 3, 2, 0};
    PyObject *v[3] = {NULL, NULL, Py_True};
    int has, leave;

    if (binding_read(&binding, args, kwargs, v) < 0 || (leave = PyObject_IsTrue(v[2])) < 0)
        return NULL;
    has = has_parametrization(v[0], v[1]);
    if (has == 0)
        PyErr_Format(PyExc_ValueError, "Module %S does not have a parametrization on %S", v[0],
                     v[1]);
    return has <= 0 || remove_one(v[0], v[1], leave) < 0 ? NULL : Py_NewRef(v[0]);
}

static PyObject *is_parametrized(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"module", "tensor_name"};
    static const struct binding binding = {"is_parametrized", names, 2, 2, 1, 0};
    PyObject *v[2] = {NULL, Py_None};
    int has;

    if (binding_read(&binding, args, kwargs, v) < 0)
        return NULL;
    has = has_parametrization(v[0], v[1] == Py_None ? NULL : v[1]);
    return has < 0 ? NULL : PyBool_FromLong(has);
}

static PyObject *type_before(PyObject *Py_UNUSED(self), PyObject *module)
{
    int has = has_parametrization(module, NULL);

    return has < 0 ? NULL
                   : Py_NewRef((PyObject *)(has ? Py_TYPE(module)->tp_base : Py_TYPE(module)));
}

/* ---- cached() ---- */

static PyObject *cache_enter(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    cached_depth++;
    Py_RETURN_NONE;
}

static PyObject *cache_exit(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(args))
{
    if (--cached_depth == 0)
        PyDict_Clear(cache);
    Py_RETURN_FALSE;
}

static PyType_Spec cached_spec = {
    .name = "torch.nn.utils.parametrize.cached",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = (PyType_Slot[]){
        {Py_tp_methods, (PyMethodDef[]){{"__enter__", cache_enter, METH_NOARGS, NULL},
                                        {"__exit__", cache_exit, METH_VARARGS, NULL},
                                        {NULL, NULL, 0, NULL}}},
        {0, NULL}}};

int parametrize_init(PyObject *torch)
{
    static PyMethodDef functions[] = {
        {"register_parametrization", WITH_KEYWORDS(register_parametrization),
         "register_parametrization(module, tensor_name, parametrization, *, unsafe=False): from "
         "now on the parameter is what the parametrization makes of it."},
        {"remove_parametrizations", WITH_KEYWORDS(remove_parametrizations),
         "remove_parametrizations(module, tensor_name, leave_parametrized=True): a plain "
         "parameter again, with its value or that of the original."},
        {"is_parametrized", WITH_KEYWORDS(is_parametrized),
         "is_parametrized(module, tensor_name=None)"},
        {"type_before_parametrizations", type_before, METH_O, "The class as it was written."},
        {NULL, NULL, 0, NULL}};
    PyObject *home = submodule(torch, "nn.utils.parametrize"), *nn = submodule(torch, "nn");
    PyTypeObject *cached_type;

    cache = PyDict_New();
    module_dict_type =
        cache && nn ? (PyTypeObject *)PyObject_GetAttrString(nn, "ModuleDict") : NULL;
    if (!home || !module_dict_type || parametrization_list_init(home) < 0 ||
        module_add_type(home, &cached_spec, NULL, &cached_type) < 0)
        return -1;
    return PyModule_AddFunctions(home, functions);
}
