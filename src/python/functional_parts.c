#include "python/functional_parts.h"

#include "autograd/autograd.h"
#include "base/error.h"
#include "python/autograd.h"
#include "python/errors.h"

/* ---- tuples of tensors ---- */

PyObject *functional_tuple(PyObject *object, const char *what, const char *name, bool *single)
{
    *single = !PyTuple_Check(object);
    if (tensor_check(object))
        return PyTuple_Pack(1, object);
    if (*single)
        return PyErr_Format(PyExc_TypeError,
                            "The %s given to %s must be either a Tensor or a tuple of Tensors but "
                            "the given %s has type %R.",
                            what, name, what, Py_TYPE(object));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); i++)
        if (!tensor_check(PyTuple_GET_ITEM(object, i)))
            return PyErr_Format(PyExc_TypeError,
                                "The %s given to %s must be either a Tensor or a tuple of Tensors "
                                "but the value at index %zd has type %R.",
                                what, name, i, Py_TYPE(PyTuple_GET_ITEM(object, i)));
    return Py_NewRef(object);
}

static struct tensor *fresh(struct tensor *t, bool connected, bool wanted)
{
    struct value args = {.given = true, .tensor = t};
    struct tensor *copy = NULL;

    if (connected && t->requires_grad) {
        op_call(&ops[OP_alias], &args, &copy);
        return copy;
    }
    if (wanted && !dtype_is_differentiable(tensor_dtype(t)))
        return error_null(ERROR_RUNTIME,
                          "only Tensors of floating point dtype can require gradients");
    copy = tensor_detach(t);
    if (copy && wanted && tensor_set_requires_grad(copy, true) < 0) {
        tensor_unref(copy);
        copy = NULL;
    }
    return copy;
}

PyObject *functional_fresh(PyObject *tensors, bool connected, bool wanted)
{
    Py_ssize_t count = PyTuple_GET_SIZE(tensors);
    PyObject *tuple = PyTuple_New(count);

    for (Py_ssize_t i = 0; tuple && i < count; i++) {
        struct tensor *t = tensor_of(PyTuple_GET_ITEM(tensors, i));
        PyObject *item = tensor_wrap(fresh(t, connected, wanted));

        if (item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

PyObject *functional_finish(PyObject *tuple, bool keep)
{
    PyObject *plain;

    if (!tuple || keep)
        return tuple;
    plain = functional_fresh(tuple, false, false);
    Py_DECREF(tuple);
    return plain;
}

PyObject *functional_unpack(PyObject *tuple, bool single)
{
    PyObject *only;

    if (!tuple || !single)
        return tuple;
    only = Py_NewRef(PyTuple_GET_ITEM(tuple, 0));
    Py_DECREF(tuple);
    return only;
}

/* ---- calling the function ---- */

bool evaluation_open(struct evaluation *e, PyObject *inputs)
{
    PyObject *given = functional_tuple(inputs, "inputs", e->name, &e->single_input);

    e->outputs = NULL;
    e->inputs = given ? functional_fresh(given, e->create, true) : NULL;
    Py_XDECREF(given);
    return e->inputs != NULL;
}

bool evaluation_run(struct evaluation *e, PyObject *function)
{
    PyObject *result = PyObject_CallObject(function, e->inputs);

    if (result)
        e->outputs = functional_tuple(result, "outputs of the user-provided function", e->name,
                                      &e->single_output);
    Py_XDECREF(result);
    return e->outputs && functional_demand(e->outputs, DEMAND_OUTPUTS, e->strict);
}

bool evaluation_is_scalar(const struct evaluation *e)
{
    if (!e->single_output)
        PyErr_Format(PyExc_RuntimeError, "The function given to %s should return a single Tensor",
                     e->name);
    else if (tensor_of(PyTuple_GET_ITEM(e->outputs, 0))->numel != 1)
        PyErr_Format(PyExc_RuntimeError,
                     "The Tensor returned by the function given to %s should contain a single "
                     "element",
                     e->name);
    return !PyErr_Occurred();
}

void evaluation_close(struct evaluation *e)
{
    Py_CLEAR(e->inputs);
    Py_CLEAR(e->outputs);
}

/* ---- gradients ---- */

static bool wants_gradient(PyObject *item)
{
    return item != Py_None && tensor_of(item)->requires_grad;
}

/* The items of `tuple` at the places where `outputs` wants a gradient, as a list. */
static PyObject *pick(PyObject *tuple, PyObject *outputs)
{
    PyObject *list = PyList_New(0);

    for (Py_ssize_t i = 0; list && i < PyTuple_GET_SIZE(outputs); i++)
        if (wants_gradient(PyTuple_GET_ITEM(outputs, i)) &&
            PyList_Append(list, PyTuple_GET_ITEM(tuple, i)) < 0)
            Py_CLEAR(list);
    return list;
}

static PyObject *tuple_of_none(Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);

    for (Py_ssize_t i = 0; tuple && i < count; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(Py_None));
    return tuple;
}

PyObject *functional_gradients(PyObject *outputs, PyObject *inputs, PyObject *weights, bool create)
{
    PyObject *roots = pick(outputs, outputs), *grads = NULL, *result = NULL;

    if (roots && PyList_GET_SIZE(roots) == 0) {
        result = tuple_of_none(PyTuple_GET_SIZE(inputs));
    } else if (roots && (!weights || (grads = pick(weights, outputs)))) {
        struct autograd_call call = {.roots = roots,
                                     .grads = grads,
                                     .inputs = inputs,
                                     .create = create ? Py_True : Py_False,
                                     .give = true,
                                     .allow_unused = true};

        result = autograd_run(&call);
    }
    Py_XDECREF(roots);
    Py_XDECREF(grads);
    return result;
}

/* ---- strict mode ---- */

bool functional_demand(PyObject *tensors, enum demand demand, bool strict)
{
    static const char *const texts[] = {
        [DEMAND_OUTPUTS] = "Output %zd of the user-provided function does not require gradients. "
                           "The outputs must be computed in a differentiable manner from the input "
                           "when running in strict mode.",
        [DEMAND_GRADIENTS] = "The gradient with respect to input %zd is independent of the inputs "
                             "of the user-provided function. This is not allowed in strict mode.",
        [DEMAND_JACOBIAN] = "While computing the hessian, found that the jacobian of the "
                            "user-provided function with respect to input %zd is independent of "
                            "the input. This is not allowed in strict mode. You should ensure that "
                            "your function is twice differentiable and that the jacobian depends "
                            "on the inputs (this would be violated by a linear function for "
                            "example).",
        [DEMAND_HESSIAN] = "The hessian of the user-provided function with respect to input %zd is "
                           "independent of the input. This is not allowed in strict mode. You "
                           "should ensure that your function is thrice differentiable and that the "
                           "hessian depends on the inputs.",
    };

    for (Py_ssize_t i = 0; strict && i < PyTuple_GET_SIZE(tensors); i++) {
        PyObject *item = PyTuple_GET_ITEM(tensors, i);

        if (wants_gradient(item))
            continue;
        PyErr_Format(PyExc_RuntimeError,
                     item == Py_None ? "The output of the user-provided function is independent of "
                                       "input %zd. This is not allowed in strict mode."
                                     : texts[demand],
                     i);
        return false;
    }
    return true;
}

/* What strict mode says of gradient `i`, which is None or, where a graph is asked for, has no
 * graph. */
static void refuse_gradient(enum stage stage, Py_ssize_t i, bool none)
{
    static const char *const texts[] = {
        [STAGE_BACK] = "The output of the user-provided function is independent of input %zd. This "
                       "is not allowed in strict mode.",
        [STAGE_BACK_TRICK] = "The gradient with respect to the input is independent of entry %zd "
                             "in the grad_outputs when using the double backward trick to compute "
                             "forward mode gradients. This is not allowed in strict mode.",
        [STAGE_DOUBLE_BACK] = "The jacobian of the user-provided function is independent of input "
                              "%zd. This is not allowed in strict mode.",
        [STAGE_DOUBLE_BACK_TRICK] = "The hessian of the user-provided function is independent of "
                                    "entry %zd in the grad_jacobian. This is not allowed in strict "
                                    "mode as it prevents from using the double backward trick to "
                                    "replace forward mode AD.",
    };

    if (none)
        PyErr_Format(PyExc_RuntimeError, texts[stage], i);
    else
        PyErr_Format(PyExc_RuntimeError,
                     "The %s of the user-provided function is independent of input %zd. This is "
                     "not allowed in strict mode when create_graph=True.",
                     stage < STAGE_DOUBLE_BACK ? "jacobian" : "hessian", i);
}

PyObject *functional_fill(const struct evaluation *e, PyObject *gradients, PyObject *like,
                          enum stage stage)
{
    for (Py_ssize_t i = 0; gradients && i < PyTuple_GET_SIZE(gradients); i++) {
        PyObject *item = PyTuple_GET_ITEM(gradients, i);
        struct tensor *t = tensor_of(PyTuple_GET_ITEM(like, i));

        if (e->strict && (item == Py_None || (e->create && !wants_gradient(item)))) {
            refuse_gradient(stage, i, item == Py_None);
            Py_CLEAR(gradients);
        } else if (item == Py_None) {
            PyObject *zeros = tensor_wrap(tensor_zeros(tensor_dtype(t), t->ndim, t->shape));

            if (!zeros || PyTuple_SetItem(gradients, i, zeros) < 0)
                Py_CLEAR(gradients);
        }
    }
    return gradients;
}
