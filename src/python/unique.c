/* unique() and unique_consecutive(): how many results they give depends on what is asked for. */
#include "python/errors.h"
#include "python/method.h"
#include "python/module.h"
#include "python/tensor_parts.h"

struct unique_call {
    int sorted, inverse, counts;
    PyObject *dim;
};

static bool read_dim(PyObject *dim, struct value *v)
{
    *v = (struct value){.given = dim && dim != Py_None};
    if (v->given)
        v->i = PyLong_AsLongLong(dim);
    return !(v->given && v->i == -1 && PyErr_Occurred());
}

/* One tensor, or a tuple with what else is asked for. */
static PyObject *run(struct tensor *self, enum op_id id, const struct unique_call *call)
{
    struct tensor *out[OP_MAX_OUTPUTS] = {NULL};
    struct value args[3] = {{.given = true, .tensor = self}};
    const bool wanted[3] = {true, call->inverse, call->counts};
    PyObject *tuple;
    int count = 1 + !!call->inverse + !!call->counts, at = 0;

    if (id == OP__unique)
        args[1] = (struct value){.given = true, .i = call->sorted};
    if (!read_dim(call->dim, &args[id == OP__unique ? 2 : 1]))
        return NULL;
    if (op_call(&ops[id], args, out) < 0)
        return python_error();
    tuple = PyTuple_New(count);
    for (int i = 0; i < 3; i++) {
        if (tuple && wanted[i])
            PyTuple_SET_ITEM(tuple, at++, tensor_wrap(out[i]));
        else
            tensor_unref(out[i]);
    }
    if (tuple && count == 1) {
        PyObject *only = Py_NewRef(PyTuple_GET_ITEM(tuple, 0));

        Py_DECREF(tuple);
        return only;
    }
    return tuple;
}

static PyObject *unique(struct tensor *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"sorted", "return_inverse", "return_counts", "dim", NULL};
    struct unique_call call = {.sorted = 1};

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|pppO:unique", names, &call.sorted,
                                     &call.inverse, &call.counts, &call.dim))
        return NULL;
    return run(self, OP__unique, &call);
}

static PyObject *unique_consecutive(struct tensor *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"return_inverse", "return_counts", "dim", NULL};
    struct unique_call call = {0};

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|ppO:unique_consecutive", names, &call.inverse,
                                     &call.counts, &call.dim))
        return NULL;
    return run(self, OP__unique_consecutive, &call);
}

typedef PyObject *unique_fn(struct tensor *self, PyObject *args, PyObject *kwargs);

/* torch.unique(input, ...): the first argument is the tensor. */
static PyObject *as_function(const char *name, unique_fn *function, PyObject *args,
                             PyObject *kwargs)
{
    PyObject *input = PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : NULL, *rest, *result;

    if (!input || !tensor_check(input))
        return PyErr_Format(PyExc_TypeError,
                            "%s(): argument 'input' (position 1) must be Tensor, not %s", name,
                            input ? Py_TYPE(input)->tp_name : "nothing");
    rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    result = rest ? function(tensor_of(input), rest, kwargs) : NULL;
    Py_XDECREF(rest);
    return result;
}

#define UNIQUE(name)                                                                               \
    static PyObject *function_##name(PyObject *self, PyObject *args, PyObject *kwargs)             \
    {                                                                                              \
        (void)self;                                                                                \
        return as_function(#name, name, args, kwargs);                                             \
    }                                                                                              \
    static PyObject *method_##name(PyObject *self, PyObject *args, PyObject *kwargs)               \
    {                                                                                              \
        return name(tensor_of(self), args, kwargs);                                                \
    }
UNIQUE(unique)
UNIQUE(unique_consecutive)

PyMethodDef tensor_unique_methods[] = {
    {"unique", WITH_KEYWORDS(method_unique), "the different elements, in order"},
    {"unique_consecutive", WITH_KEYWORDS(method_unique_consecutive),
     "runs of equal elements as one"},
    {NULL, NULL, 0, NULL}};
static PyMethodDef functions[] = {
    {"unique", WITH_KEYWORDS(function_unique), "the different elements, in order"},
    {"unique_consecutive", WITH_KEYWORDS(function_unique_consecutive),
     "runs of equal elements as one"},
    {NULL, NULL, 0, NULL}};

int unique_init(PyObject *torch)
{
    return PyModule_AddFunctions(torch, functions);
}
