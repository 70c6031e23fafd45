/* x.apply_(f), x.map_(y, f), x.map2_(y, z, f): a Python function of each element. */
#include "base/error.h"
#include "python/errors.h"
#include "python/tensor_parts.h"

#include <string.h>

enum { MAP_MOST = 3 };

/* The elements of `count` tensors of one shape, in the order of their indices. */
struct walk {
    int count;
    struct tensor *of[MAP_MOST];
    int64_t index[TENSOR_MAX_DIMS];
    char *at[MAP_MOST];
};

static void walk_step(struct walk *w)
{
    for (int d = w->of[0]->ndim - 1; d >= 0; d--) {
        bool carry = ++w->index[d] == w->of[0]->shape[d];
        int64_t moved = carry ? 1 - w->index[d] : 1;

        for (int i = 0; i < w->count; i++)
            w->at[i] += moved * w->of[i]->stride[d] * (int64_t)dtype_size(tensor_dtype(w->of[i]));
        if (!carry)
            return;
        w->index[d] = 0;
    }
}

/* The element of the first becomes what f makes of those of all. */
static bool walk_call(const struct walk *w, PyObject *f)
{
    enum dtype dtype = tensor_dtype(w->of[0]);
    PyObject *values[MAP_MOST] = {NULL}, *result;
    struct scalar s;
    bool done = true;

    for (int i = 0; i < w->count; i++) {
        values[i] = scalar_to_python(dtype_load(dtype, w->at[i]));
        done &= values[i] != NULL;
    }
    result = done ? PyObject_Vectorcall(f, values, (size_t)w->count, NULL) : NULL;
    done = result && scalar_from_python(result, &s);
    if (done)
        dtype_store(dtype, w->at[0], s);
    Py_XDECREF(result);
    for (int i = 0; i < w->count; i++)
        Py_XDECREF(values[i]);
    return done;
}

static PyObject *map_elements(PyObject *self, struct walk *w, PyObject *f)
{
    bool done = true;

    for (int i = 0; i < w->count; i++)
        w->at[i] = tensor_data(w->of[i]);
    memset(w->index, 0, sizeof(w->index));
    for (int64_t k = 0; k < w->of[0]->numel && done; k++) {
        done = walk_call(w, f);
        walk_step(w);
    }
    tensor_bump(w->of[0]);
    return done ? Py_NewRef(self) : NULL;
}

/* The second and third tensor, expanded to the first one's shape. */
static bool add_operand(struct walk *w, const char *name, PyObject *object)
{
    static const char *const words[] = {"other", "x", "y"};
    struct tensor *self = w->of[0], *t;

    if (!tensor_check(object) || tensor_of(object)->dtype != self->dtype) {
        PyErr_Format(PyExc_TypeError, "%s: expected torch.%s for '%s' (got %s%s)", name,
                     dtype_infos[self->dtype].class_name,
                     words[strcmp(name, "map_") ? w->count : 0],
                     tensor_check(object) ? "torch." : "",
                     tensor_check(object) ? dtype_infos[tensor_of(object)->dtype].class_name
                                          : Py_TYPE(object)->tp_name);
        return false;
    }
    t = tensor_of(object);
    if (!tensor_same_shape(t, self)) {
        struct value args[3] = {{.given = true, .tensor = t},
                                {.given = true, .ints = {self->shape, self->ndim}}};
        struct tensor *expanded = NULL;

        op_defaults(&ops[OP_expand], args, 2);
        if (op_call(&ops[OP_expand], args, &expanded) < 0)
            return python_error(), false;
        w->of[w->count++] = expanded;
        return true;
    }
    w->of[w->count++] = tensor_ref(t);
    return true;
}

/* name(other..., f) with `operands` tensors before f. */
static PyObject *map_with(PyObject *self, PyObject *args, const char *name, int operands)
{
    struct walk w = {.count = 1, .of = {tensor_of(self)}};
    PyObject *result = NULL, *f;
    bool fit = true;

    if (PyTuple_GET_SIZE(args) != operands + 1)
        return PyErr_Format(PyExc_TypeError, "%s() takes %d arguments (%zd given)", name,
                            operands + 1, PyTuple_GET_SIZE(args));
    f = PyTuple_GET_ITEM(args, operands);
    if (!PyCallable_Check(f))
        return PyErr_Format(PyExc_TypeError, "'%s' object is not callable", Py_TYPE(f)->tp_name);
    if (tensor_of(self)->requires_grad)
        return PyErr_Format(PyExc_RuntimeError,
                            "Can't call %s() on Variable that requires grad. Use var.detach().%s() "
                            "instead.",
                            name, name);
    for (int i = 0; i < operands && fit; i++)
        fit = add_operand(&w, name, PyTuple_GET_ITEM(args, i));
    if (fit)
        result = map_elements(self, &w, f);
    for (int i = 1; i < w.count; i++)
        tensor_unref(w.of[i]);
    return result;
}

static PyObject *method_apply_(PyObject *self, PyObject *args)
{
    return map_with(self, args, "apply_", 0);
}

static PyObject *method_map_(PyObject *self, PyObject *args)
{
    return map_with(self, args, "map_", 1);
}

static PyObject *method_map2_(PyObject *self, PyObject *args)
{
    return map_with(self, args, "map2_", 2);
}

PyMethodDef tensor_map_methods[] = {
    {"apply_", method_apply_, METH_VARARGS, "each element becomes f(element)"},
    {"map_", method_map_, METH_VARARGS, "each element becomes f(element, other's)"},
    {"map2_", method_map2_, METH_VARARGS, "each element becomes f(element, x's, y's)"},
    {NULL, NULL, 0, NULL}};
