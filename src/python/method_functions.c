/* Functions of torch that are methods of Tensor under the same name: torch.detach(x). */
#include "python/args.h"
#include "python/method.h"
#include "python/module.h"
#include "python/tensor_type.h"

#include <string.h>

/* `method`, the function's self, is the descriptor in Tensor. Its first argument may be called
 * input. */
static PyObject *call_method(PyObject *method, PyObject *const *args, Py_ssize_t count,
                             PyObject *names)
{
    static const char *const first = "input";
    PyObject *name, *tensor, *result;

    if (count == 0 && names && PyTuple_GET_SIZE(names) == 1 &&
        PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), first) == 0) {
        count = 1;
        names = NULL;
    }
    tensor = count ? args[0] : NULL;
    if (tensor && tensor_check(tensor))
        return PyObject_Vectorcall(method, args, (size_t)count, names);
    name = PyObject_GetAttrString(method, "__name__");
    result = name && !tensor
                 ? PyErr_Format(PyExc_TypeError,
                                "%U() missing 1 required positional arguments: \"%s\"", name, first)
             : name ? PyErr_Format(PyExc_TypeError,
                                   "%U(): argument '%s' (position 1) must be Tensor, not %s", name,
                                   first, Py_TYPE(tensor)->tp_name)
                    : NULL;
    Py_XDECREF(name);
    return result;
}

#define FUNCTION(name)                                                                             \
    {                                                                                              \
#name, WITH_FASTCALL(call_method), NULL                                                    \
    }
static PyMethodDef functions[] = {FUNCTION(as_strided_),    FUNCTION(detach),
                                  FUNCTION(detach_),        FUNCTION(get_device),
                                  FUNCTION(is_complex),     FUNCTION(is_conj),
                                  FUNCTION(is_distributed), FUNCTION(is_floating_point),
                                  FUNCTION(is_neg),         FUNCTION(is_nonzero),
                                  FUNCTION(is_same_size),   FUNCTION(is_signed),
                                  FUNCTION(numel),          FUNCTION(resize_as_),
                                  {NULL, NULL, 0, NULL}};

int method_functions_init(PyObject *torch)
{
    for (PyMethodDef *f = functions; f->ml_name; f++) {
        PyObject *method = PyDict_GetItemString(tensor_type->tp_dict, f->ml_name);
        PyObject *function = method ? PyCFunction_New(f, method) : NULL;

        if (!function || PyModule_AddObjectRef(torch, f->ml_name, function) < 0)
            return -1;
        Py_DECREF(function);
    }
    return 0;
}
