/*
 * torch.nn.utils: clipping gradients; parameters as one vector.
 */
#include "python/nn_module.h"

#include "autograd/formula.h"
#include "base/error.h"
#include "base/vec.h"
#include "nn/clip.h"
#include "python/errors.h"
#include "python/module.h"

#include <math.h>

static PyObject *torch_module; /* borrowed: it lives as long as the process */

/* A tensor, or an iterable of them, as a list. */
static PyObject *list_of(PyObject *parameters)
{
    PyObject *list = tensor_check(parameters) ? PyList_New(0) : PySequence_List(parameters);

    if (list && tensor_check(parameters) && PyList_Append(list, parameters) < 0)
        Py_CLEAR(list);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++)
        if (!tensor_check(PyList_GET_ITEM(list, i))) {
            PyErr_Format(PyExc_TypeError, "expected an iterable of Tensors, but got %s in it",
                         _PyType_Name(Py_TYPE(PyList_GET_ITEM(list, i))));
            Py_CLEAR(list);
        }
    return list;
}

struct gradients {
    struct tensor **at;
    size_t count, capacity;
};

/* The gradients of the parameters, borrowed. */
static int gradients_of(PyObject *list, struct gradients *grads)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        struct tensor *grad = tensor_grad(tensor_of(PyList_GET_ITEM(list, i)));

        if (grad && !vec_push(grads, grad))
            return -1;
    }
    return 0;
}

/* A number, or a text such as 'inf'. */
static int read_number(PyObject *object, double *number)
{
    PyObject *real = PyNumber_Float(object);

    if (!real)
        return -1;
    *number = PyFloat_AS_DOUBLE(real);
    Py_DECREF(real);
    return 0;
}

static PyObject *clip_grad_norm(PyObject *Py_UNUSED(module), PyObject *args, PyObject *keywords)
{
    static char *names[] = {"parameters", "max_norm", "norm_type", "error_if_nonfinite", NULL};
    struct gradients grads = {0};
    PyObject *parameters, *max_object, *type_object = NULL, *list, *result = NULL;
    double max_norm, norm_type = 2, norm = 0;
    enum dtype dtype = dtype_default();
    int strict = 0, status;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|Op:clip_grad_norm_", names, &parameters,
                                     &max_object, &type_object, &strict))
        return NULL;
    if (read_number(max_object, &max_norm) < 0 ||
        (type_object && read_number(type_object, &norm_type) < 0))
        return NULL;
    list = list_of(parameters);
    if (!list)
        return NULL;
    status = gradients_of(list, &grads);
    if (status == 0 && grads.count)
        dtype = tensor_dtype(grads.at[0]);
    if (status == 0)
        status = nn_total_norm(grads.at, (int)grads.count, norm_type, &norm);
    if (status == 0 && strict && !isfinite(norm))
        status = error_set(ERROR_RUNTIME,
                           "The total norm of order %.1f for gradients from `parameters` is "
                           "non-finite, so it cannot be clipped. To disable this error and scale "
                           "the gradients by the non-finite norm anyway, set "
                           "`error_if_nonfinite=False`",
                           norm_type);
    if (status == 0)
        status = nn_clip_to_norm(grads.at, (int)grads.count, norm, max_norm);
    result =
        status < 0 ? python_error() : tensor_wrap(tensor_from_scalar(scalar_float(norm), dtype));
    vec_release(&grads);
    Py_DECREF(list);
    return result;
}

/* The old name. */
static PyObject *old_clip_grad_norm(PyObject *module, PyObject *args, PyObject *keywords)
{
    if (PyErr_WarnEx(PyExc_UserWarning,
                     "torch.nn.utils.clip_grad_norm is now deprecated in favor of "
                     "torch.nn.utils.clip_grad_norm_.",
                     1) < 0)
        return NULL;
    return clip_grad_norm(module, args, keywords);
}

static PyObject *clip_grad_value(PyObject *Py_UNUSED(module), PyObject *args, PyObject *keywords)
{
    static char *names[] = {"parameters", "clip_value", NULL};
    struct gradients grads = {0};
    PyObject *parameters, *list;
    double bound;
    int status;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "Od:clip_grad_value_", names, &parameters,
                                     &bound))
        return NULL;
    list = list_of(parameters);
    if (!list)
        return NULL;
    status = gradients_of(list, &grads);
    for (size_t i = 0; status == 0 && i < grads.count; i++) {
        struct tensor *plain = tensor_alias(grads.at[i]);
        struct value values[] = {{.given = true, .tensor = plain},
                                 {.given = true, .scalar = scalar_float(-bound)},
                                 {.given = true, .scalar = scalar_float(bound)}};

        status = plain ? op_call_inplace(&ops_inplace[OP_clamp], values) : -1;
        tensor_unref(plain);
    }
    vec_release(&grads);
    Py_DECREF(list);
    return status < 0 ? python_error() : Py_NewRef(Py_None);
}

static PyObject *parameters_to_vector(PyObject *Py_UNUSED(module), PyObject *parameters)
{
    PyObject *list = list_of(parameters), *vector = NULL;

    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
        PyObject *flat = PyObject_CallMethod(PyList_GET_ITEM(list, i), "view", "i", -1);

        if (flat)
            PyList_SetItem(list, i, flat);
        else
            Py_CLEAR(list);
    }
    if (list)
        vector = PyObject_CallMethod(torch_module, "cat", "O", list);
    Py_XDECREF(list);
    return vector;
}

/* The part of the vector that begins at `start`, in the shape of a parameter; without history. */
static struct tensor *part_of(struct tensor *vector, int64_t start, const struct tensor *like)
{
    size_t mark = pool_open();
    struct tensor *part = d_narrow(vector, 0, start, like->numel), *result;

    part = part ? d_reshape(part, like->ndim, like->shape) : NULL;
    result = part ? tensor_detach(part) : NULL;
    pool_close(mark);
    return result;
}

static PyObject *vector_to_parameters(PyObject *Py_UNUSED(module), PyObject *args,
                                      PyObject *keywords)
{
    static char *names[] = {"vec", "parameters", NULL};
    PyObject *vector, *parameters, *list;
    int64_t start = 0;
    int status = 0;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:vector_to_parameters", names, &vector,
                                     &parameters))
        return NULL;
    if (!tensor_check(vector)) {
        PyObject *type = type_name_of(vector);

        if (type)
            PyErr_Format(PyExc_TypeError, "expected torch.Tensor, but got: %U", type);
        Py_XDECREF(type);
        return NULL;
    }
    list = list_of(parameters);
    for (Py_ssize_t i = 0; list && status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *parameter = PyList_GET_ITEM(list, i);
        PyObject *data = tensor_wrap(part_of(tensor_of(vector), start, tensor_of(parameter)));

        status = data ? PyObject_SetAttr(parameter, nn_names.data, data) : -1;
        start += tensor_of(parameter)->numel;
        Py_XDECREF(data);
    }
    Py_XDECREF(list);
    return list && status == 0 ? Py_NewRef(Py_None) : NULL;
}

int nn_utils_init(PyObject *torch)
{
    static PyMethodDef clip_functions[] = {
        {"clip_grad_norm_", WITH_KEYWORDS(clip_grad_norm),
         "clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False): scales "
         "all gradients so that their norm is at most max_norm; gives what it was."},
        {"clip_grad_norm", WITH_KEYWORDS(old_clip_grad_norm), "The old name of clip_grad_norm_()."},
        {"clip_grad_value_", WITH_KEYWORDS(clip_grad_value),
         "clip_grad_value_(parameters, clip_value): cuts gradients to [-clip_value, clip_value]."},
        {NULL, NULL, 0, NULL},
    };
    static PyMethodDef vector_functions[] = {
        {"parameters_to_vector", parameters_to_vector, METH_O, "All parameters as one vector."},
        {"vector_to_parameters", WITH_KEYWORDS(vector_to_parameters),
         "vector_to_parameters(vec, parameters): the parameters become parts of the vector."},
        {NULL, NULL, 0, NULL},
    };
    static const struct {
        const char *home;
        PyMethodDef *functions;
    } rows[] = {
        {"nn.utils", clip_functions},
        {"nn.utils", vector_functions},
        {"nn.utils.clip_grad", clip_functions},
        {"nn.utils.convert_parameters", vector_functions},
    };

    torch_module = torch;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        PyObject *home = submodule(torch, rows[i].home);

        if (!home || PyModule_AddFunctions(home, rows[i].functions) < 0)
            return -1;
    }
    return 0;
}
