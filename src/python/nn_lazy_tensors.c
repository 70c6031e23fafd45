/* torch.nn.UninitializedParameter and UninitializedBuffer: tensors without a shape. */
#include "python/nn_lazy.h"

#include "python/bind.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/tensor_parts.h"
#include "python/types.h"

#include <string.h>

static PyTypeObject *uninitialized_parameter_type, *uninitialized_buffer_type;
static PyTypeObject *mixin_type;

bool is_lazy(PyObject *object)
{
    return Py_IS_TYPE(object, uninitialized_parameter_type) ||
           Py_IS_TYPE(object, uninitialized_buffer_type);
}

int lazy_materialize(PyObject *object, enum dtype dtype, int ndim, const int64_t *shape)
{
    PyTypeObject *old = Py_TYPE(object);
    PyTypeObject *type = old == uninitialized_parameter_type ? parameter_type : tensor_type;
    PyObject *data = tensor_wrap(tensor_new(dtype, ndim, shape));
    int status = data ? PyObject_SetAttr(object, nn_names.data, data) : -1;

    Py_XDECREF(data);
    if (status < 0)
        return -1;
    Py_SET_TYPE(object, (PyTypeObject *)Py_NewRef((PyObject *)type));
    Py_DECREF(old);
    return 0;
}

static PyObject *materialize(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"shape", "device", "dtype"};
    static const struct binding binding = {
        "UninitializedTensorMixin.materialize", names, 3, 3, 1, 1};
    PyObject *v[] = {NULL, Py_None, Py_None}, *sizes;
    enum dtype dtype = tensor_dtype(tensor_of(self));
    int64_t shape[TENSOR_MAX_DIMS];
    Py_ssize_t ndim = 0;
    int status = 0;

    if (binding_read(&binding, args, kwargs, v) < 0 || device_check(v[1]) < 0 ||
        (v[2] != Py_None && !dtype_from_python(v[2], &dtype)))
        return NULL;
    sizes = PySequence_Fast(v[0], "materialize(): shape must be a sequence of ints");
    if (!sizes)
        return NULL;
    ndim = PySequence_Fast_GET_SIZE(sizes);
    for (Py_ssize_t i = 0; i < ndim && i < TENSOR_MAX_DIMS; i++)
        shape[i] = PyLong_AsLongLong(PySequence_Fast_GET_ITEM(sizes, i));
    if (PyErr_Occurred())
        status = -1;
    if (status == 0 && is_lazy(self))
        status = lazy_materialize(self, dtype, (int)ndim, shape);
    Py_DECREF(sizes);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- what can be asked of them ---- */

static PyObject *get_shape(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    PyErr_SetString(PyExc_RuntimeError,
                    "Can't access the shape of an uninitialized parameter or buffer. This error "
                    "usually happens in `load_state_dict` when trying to load an uninitialized "
                    "parameter into an initialized one. Call `forward` to initialize the "
                    "parameters before accessing their attributes.");
    return NULL;
}

static PyObject *share_memory(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    PyErr_SetString(PyExc_RuntimeError,
                    "Can't share memory on an uninitialized parameter or buffer. Call `forward` "
                    "to initialize the parameters before calling `module.share_memory()`.");
    return NULL;
}

static void refuse(PyObject *self, PyObject *what)
{
    PyErr_Format(PyExc_ValueError,
                 "Attempted to use an uninitialized parameter in %U. This error happens when you "
                 "are using a `LazyModule` or explicitly manipulating `torch.nn.parameter.%s` "
                 "objects. When using LazyModules Call `forward` with a dummy batch to initialize "
                 "the parameters before calling torch functions",
                 what, _PyType_Name(Py_TYPE(self)));
}

bool lazy_refused(PyObject *object)
{
    PyObject *what = is_lazy(object) ? PyUnicode_FromString("a function of torch") : NULL;

    if (what)
        refuse(object, what);
    Py_XDECREF(what);
    return what != NULL;
}

/* The methods of a tensor that do not look at its elements. */
static bool is_allowed(const char *name)
{
    static const char *const names[] = {"size",        "copy_",          "is_floating_point",
                                        "half",        "float",          "double",
                                        "char",        "short",          "int",
                                        "long",        "cuda",           "cpu",
                                        "to",          "get_device",     "bool",
                                        "byte",        "requires_grad_", "bfloat16",
                                        "materialize", "share_memory_",  "type"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return strncmp(name, "__", 2) == 0;
}

static PyObject *get_attribute(PyObject *self, PyObject *name)
{
    PyObject *found = PyObject_GenericGetAttr(self, name);
    const char *text = PyUnicode_AsUTF8(name);

    if (!found || !text || !PyCallable_Check(found) || is_allowed(text) || PyType_Check(found) ||
        !_PyType_Lookup(tensor_type, name))
        return found;
    Py_DECREF(found);
    found = PyUnicode_FromFormat("<method '%s' of 'torch._C._TensorBase' objects>", text);
    if (found)
        refuse(self, found);
    Py_XDECREF(found);
    return NULL;
}

/* Raises the error for a method of a tensor that an operator stands for. */
static PyObject *refuse_operator(PyObject *self, const char *name, const char *kind)
{
    PyObject *what =
        PyUnicode_FromFormat("<%s '%s' of 'torch._C._TensorBase' objects>", kind, name);

    if (what)
        refuse(self, what);
    Py_XDECREF(what);
    return NULL;
}

#define BINARY(name)                                                                               \
    static PyObject *operator_##name(PyObject *a, PyObject *b)                                     \
    {                                                                                              \
        return refuse_operator(is_lazy(a) ? a : b, #name, "method");                               \
    }
BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(remainder)
BINARY(matmul)
#undef BINARY

static PyObject *operator_pow(PyObject *a, PyObject *b, PyObject *Py_UNUSED(modulus))
{
    return refuse_operator(is_lazy(a) ? a : b, "pow", "method");
}

static PyObject *operator_neg(PyObject *self)
{
    return refuse_operator(self, "neg", "method");
}

static PyObject *operator_abs(PyObject *self)
{
    return refuse_operator(self, "abs", "method");
}

static PyObject *get_item(PyObject *self, PyObject *Py_UNUSED(index))
{
    return refuse_operator(self, "__getitem__", "slot wrapper");
}

static PyObject *show(PyObject *self)
{
    return PyUnicode_FromFormat("<%s>", _PyType_Name(Py_TYPE(self)));
}

/* In a pickle they are their class and whether they want a gradient, as in PyTorch. */
static PyObject *reduce(PyObject *self, PyObject *Py_UNUSED(protocol))
{
    return Py_BuildValue("O(O)", Py_TYPE(self),
                         tensor_of(self)->requires_grad ? Py_True : Py_False);
}

/* ---- construction ---- */

static PyObject *new_object(PyTypeObject *type, PyObject *requires_grad, enum dtype dtype)
{
    struct tensor *t = tensor_new(dtype, 1, (int64_t[]){0});
    int wants = PyObject_IsTrue(requires_grad);

    if (t && wants >= 0 && tensor_set_requires_grad(t, wants) == 0)
        return tensor_wrap_as(type, t);
    tensor_unref(t);
    return python_error();
}

PyObject *lazy_tensor(bool buffer, enum dtype dtype)
{
    return buffer ? new_object(uninitialized_buffer_type, Py_False, dtype)
                  : new_object(uninitialized_parameter_type, Py_True, dtype);
}

static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"requires_grad", "device", "dtype"};
    static const struct binding binding = {"UninitializedParameter.__new__", names, 3, 3, 0, 1};
    PyObject *v[] = {type == uninitialized_buffer_type ? Py_False : Py_True, Py_None, Py_None};
    enum dtype dtype = dtype_default();

    if (binding_read(&binding, args, kwargs, v) < 0 || device_check(v[1]) < 0 ||
        (v[2] != Py_None && !dtype_from_python(v[2], &dtype)))
        return NULL;
    return new_object(type, v[0], dtype);
}

static PyObject *deep_copy(PyObject *self, PyObject *memo)
{
    PyObject *key = PyLong_FromVoidPtr(self), *copy = NULL;

    if (key && PyDict_Check(memo))
        copy = Py_XNewRef(PyDict_GetItemWithError(memo, key));
    if (!copy && key && !PyErr_Occurred()) {
        copy = new_object(Py_TYPE(self), tensor_of(self)->requires_grad ? Py_True : Py_False,
                          tensor_dtype(tensor_of(self)));
        if (copy && PyDict_Check(memo) && PyDict_SetItem(memo, key, copy) < 0)
            Py_CLEAR(copy);
    }
    Py_XDECREF(key);
    return copy;
}

static PyObject *py_is_lazy(PyObject *Py_UNUSED(module), PyObject *object)
{
    return PyBool_FromLong(PyObject_TypeCheck(object, mixin_type));
}

/* ---- the types ---- */

static int add_type(PyObject *home, const char *name, PyTypeObject *base, PyTypeObject **type)
{
    static PyMethodDef methods[] = {
        {"materialize", WITH_KEYWORDS(materialize),
         "materialize(shape, device=None, dtype=None): gives it a shape."},
        {"share_memory_", share_memory, METH_NOARGS, NULL},
        {"__reduce_ex__", reduce, METH_O, NULL},
        {"__deepcopy__", deep_copy, METH_O, NULL},
        {NULL, NULL, 0, NULL},
    };
    static PyGetSetDef attributes[] = {{"shape", get_shape, NULL, NULL, NULL},
                                       {NULL, NULL, NULL, NULL, NULL}};
    PyType_Slot slots[] = {
        {Py_tp_new, make},
        {Py_tp_repr, show},
        {Py_tp_str, show},
        {Py_tp_getattro, get_attribute},
        {Py_tp_methods, methods},
        {Py_tp_getset, attributes},
        {Py_nb_add, operator_add},
        {Py_nb_subtract, operator_sub},
        {Py_nb_multiply, operator_mul},
        {Py_nb_true_divide, operator_div},
        {Py_nb_remainder, operator_remainder},
        {Py_nb_matrix_multiply, operator_matmul},
        {Py_nb_power, operator_pow},
        {Py_nb_negative, operator_neg},
        {Py_nb_absolute, operator_abs},
        {Py_mp_subscript, get_item},
        {Py_tp_doc, "A tensor whose shape is not known yet; the first call of its module finds it "
                    "out."},
        {0, NULL},
    };
    char path[80];
    PyType_Spec spec = {path, sizeof(TensorObject), 0, Py_TPFLAGS_DEFAULT, slots};
    PyObject *bases = PyTuple_Pack(2, mixin_type, base);
    int status = -1;

    snprintf(path, sizeof(path), "torch.nn.parameter.%s", name);
    if (bases && module_add_type(home, &spec, bases, type) == 0)
        status = PyObject_SetAttrString((PyObject *)*type, "cls_to_become", (PyObject *)base);
    Py_XDECREF(bases);
    return status;
}

int lazy_tensors_init(PyObject *torch)
{
    static PyMethodDef functions[] = {
        {"is_lazy", py_is_lazy, METH_O, "Whether a tensor has no shape yet."},
        {NULL, NULL, 0, NULL},
    };
    PyType_Slot slots[] = {{Py_tp_doc, "What tensors without a shape have in common."}, {0, NULL}};
    PyType_Spec spec = {"torch.nn.parameter.UninitializedTensorMixin", sizeof(PyObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    PyObject *home = submodule(torch, "nn.parameter"), *nn = submodule(torch, "nn");

    if (!home || !nn || PyModule_AddFunctions(home, functions) < 0 ||
        module_add_type(home, &spec, NULL, &mixin_type) < 0 ||
        add_type(home, "UninitializedParameter", parameter_type, &uninitialized_parameter_type) <
            0 ||
        add_type(home, "UninitializedBuffer", tensor_type, &uninitialized_buffer_type) < 0 ||
        PyModule_AddObjectRef(nn, "UninitializedParameter",
                              (PyObject *)uninitialized_parameter_type) < 0)
        return -1;
    return PyModule_AddObjectRef(nn, "UninitializedBuffer", (PyObject *)uninitialized_buffer_type);
}
